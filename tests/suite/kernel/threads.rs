//! Any number of threads: the same bits.

use std::fmt::Debug;

use estimand::kernel::{Level, fill_at};
use estimand::ndarray::Array1;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Bernoulli, DiagGaussian, Distribution, Real, Rows, Sample, Transform};

use super::{TwoParts, numbers};
use crate::support::threads::with_threads;

/// The same result on 1, 2 and 7 threads.
fn same_on_any<T: PartialEq + Debug + Send>(what: &str, make: impl Fn() -> T + Sync) {
    let one = with_threads(1, &make);
    for threads in [2, 7] {
        assert!(with_threads(threads, &make) == one, "{what} differs on {threads} threads");
    }
}

/// Rows that fill tasks, and a rest; parameter rows longer and shorter than a task.
fn reductions<F: Real>(rows: usize, repeat: usize, d: usize) {
    let (loc, log_scale) = (numbers::<F>(rows, d, 0), numbers::<F>(rows, d, 1));
    let x = numbers::<F>(rows * repeat, d, 2);
    let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(repeat);
    let weights = Array1::from_shape_fn(rows * repeat, |i| F::of((i as f64).sin()));
    let what = format!("{rows} rows, {repeat} samples each");
    same_on_any(&what, || q.log_prob_grad(&x).unwrap());
    same_on_any(&what, || q.score(&x).unwrap().collect());
    same_on_any(&what, || q.score(&x).unwrap().total().unwrap());
    same_on_any(&what, || q.score(&x).unwrap().weighted(&weights).unwrap());
}

#[test]
fn law_passes_and_reductions_do_not_depend_on_the_number_of_threads() {
    for (rows, repeat, d) in [(1, 20_000, 3), (3, 5000, 2), (5000, 3, 2), (20_000, 1, 2), (2, 4096, 4), (4097, 2, 1)] {
        reductions::<f32>(rows, repeat, d);
        reductions::<f64>(rows, repeat, d);
    }
    let (x, y) = (numbers::<f64>(30_000, 7, 3), numbers::<f64>(30_000, 7, 4));
    for level in [Level::Plain, Level::best()] {
        same_on_any("a pass", || fill_at(level, 30_000, [x.view(), y.view()], [7, 7], &TwoParts).unwrap());
    }
}

/// Samples are made in place, in tasks: each row by its own parameters, as a draw of the same noise.
#[test]
fn law_samples_in_place_are_the_transform_of_their_noise() {
    let (n, d) = (20_000, 7);
    let (loc, log_scale) = (numbers::<f64>(n, d, 5), numbers::<f64>(n, d, 6));
    let (q, bits) = (DiagGaussian::new(&loc, &log_scale).unwrap(), Bernoulli::new(&loc).unwrap());
    let rng = || StdRng::seed_from_u64(7);
    let expected = q.transform(q.noise(&mut rng())).unwrap().into_x();
    let expected_bits = bits.transform(bits.noise(&mut rng())).unwrap().into_x();
    for threads in [1, 2, 7] {
        let made = with_threads(threads, || (q.sample(&mut rng()), bits.sample(&mut rng())));
        assert!(made == (expected.clone(), expected_bits.clone()), "{threads} threads");
        let into = with_threads(threads, || {
            let mut into = numbers::<f64>(n, d, 8);
            q.sample_into(&mut rng(), &mut into).map(|()| into)
        });
        assert!(into.unwrap() == expected, "into, {threads} threads");
    }
}

/// A NaN is named with its row, wherever the task is that meets it.
#[test]
fn hard_the_row_of_a_nan_among_tasks() {
    let zeros = Array1::<f64>::zeros(2);
    let mut x = numbers::<f64>(10_000, 2, 0);
    for row in [9_999, 5000, 4096] {
        x[[row, 1]] = f64::NAN;
        let q = DiagGaussian::shared(&zeros, &zeros, 10_000).unwrap();
        let error = with_threads(2, || q.score(&x).unwrap().total().unwrap_err());
        assert_eq!(error, estimand::Error::NaN { name: "score", row });
    }
}
