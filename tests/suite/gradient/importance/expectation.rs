use estimand::gradient::importance::expectation;
use estimand::ndarray::{Array1, Array2, array};
use estimand::{DiagGaussian, Distribution, Error, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_eps;
use crate::support::stats::chance_of_count;
use crate::support::strategy::config;

type Case = (usize, Vec<f64>, Vec<f64>);

fn cases() -> impl Strategy<Value = Case> {
    (1..4_usize, 2..20_usize).prop_flat_map(|(n, k)| {
        let numbers = |size: f64, count: usize| prop::collection::vec(-size..size, count);
        (Just(k), numbers(20.0, n * k), numbers(3.0, 2 * n * k))
    })
}

proptest! {
    #![proptest_config(config())]

    /// Value and error by their definitions, of ratios that are formed; in both precisions.
    #[test]
    fn law_expectations_are_their_definitions((k, log_w, f) in cases()) {
        // Numbers that both precisions hold.
        let log_w = Array1::from(log_w).mapv(|l| f64::from(l as f32));
        let f = Array2::from_shape_vec((log_w.len(), 2), f).unwrap().mapv(|f| f64::from(f as f32));
        let found = expectation(&log_w, &f, k).unwrap();
        let single = expectation(&log_w.mapv(|l| l as f32), &f.mapv(|f| f as f32), k).unwrap();
        for i in 0..log_w.len() / k {
            let r: Vec<f64> = (0..k).map(|s| log_w[i * k + s].exp()).collect();
            let total: f64 = r.iter().sum();
            for j in 0..2 {
                let value = r.iter().enumerate().map(|(s, r)| r * f[[i * k + s, j]]).sum::<f64>() / total;
                let square = r.iter().enumerate().map(|(s, r)| (r / total * (f[[i * k + s, j]] - value)).powi(2)).sum::<f64>();
                // A weight is off by 64 epsilon (law_weights_sum_to_one), a difference of f by as many of 6, and 20 additions.
                assert_eps(found.value[[i, j]], value, 3.0, 100.0, "value");
                assert_eps(single.value[[i, j]], value, 3.0, 100.0, "value in f32");
                assert_eps(found.std_error[[i, j]], square.sqrt(), 6.0, 200.0, "error");
                assert_eps(single.std_error[[i, j]], square.sqrt(), 6.0, 200.0, "error in f32");
            }
        }
    }
}

/// N(1/2, 1) by samples of N(0, 1.5^2): the mean of 2000 estimates of 200 samples is off by the bias of the chapter,
/// -E[r^2 (f - I)] / k, and two standard errors cover the truth as often as they should.
#[test]
fn stat_errors_cover_the_truth() {
    let (n, k) = (2000, 200);
    let q = DiagGaussian::identical(&array![0.0], &array![1.5_f64.ln()], n * k).unwrap();
    let p = DiagGaussian::identical(&array![0.5], &array![0.0], n * k).unwrap();
    let z = q.sample(&mut ChaCha8Rng::seed_from_u64(9));
    let log_w = p.log_prob(&z).unwrap() - q.log_prob(&z).unwrap() + 300.0;
    let found = expectation(&log_w, &z, k).unwrap();
    let covered = found.value.iter().zip(&found.std_error).filter(|(v, e)| (*v - 0.5).abs() < 2.0 * *e).count();
    // Student's law says 95.3 % of two errors; the estimate is a little skewed: 1.5 % either way, and a count within that has a chance
    // above 1e-9. Errors that are half as large cover 68 %.
    let chance = [0.938, 0.968].map(|p| chance_of_count(covered, n, p));
    let between = (0.938..0.968).contains(&(covered as f64 / n as f64));
    assert!(between || chance.iter().any(|c| *c > 1e-9), "{covered} of {n}");
    let halves = found.value.iter().zip(&found.std_error).filter(|(v, e)| (*v - 0.5).abs() < **e).count();
    assert!(chance_of_count(halves, n, 0.938) < 1e-9, "half as large is seen");
}

#[test]
fn hard_expectations_of_nothing_and_of_everything() {
    let none = f64::NEG_INFINITY;
    let log_w = array![none, none, 0.0, none, 0.0, 0.0, f64::INFINITY, 1.0];
    let f = array![[1.0], [2.0], [3.0], [f64::INFINITY], [f64::INFINITY], [1.0], [5.0], [7.0]];
    let found = expectation(&log_w, &f, 2).unwrap();
    let end = f64::INFINITY;
    assert_eq!(found.value, array![[0.0], [3.0], [end], [5.0]]);
    assert_eq!(found.std_error, array![[end], [end], [end], [end]]);
    let far = expectation(&array![-1e5, -1e5], &array![[1.0], [3.0]], 2).unwrap();
    assert_eq!((far.value[[0, 0]], far.std_error[[0, 0]]), (2.0, 0.5_f64.sqrt()));
    let both = expectation(&array![0.0, 0.0], &array![[end], [-end]], 2).unwrap();
    assert_eq!(both.value, array![[end]]);
    let error = |log_w: &Array1<f64>, f: &Array2<f64>, k| expectation(log_w, f, k).err();
    let two = array![0.0, 0.0];
    let shape = Error::Shape { name: "f", got: vec![3, 1], expected: vec![2, 1] };
    assert_eq!(error(&two, &Array2::zeros((3, 1)), 2), Some(shape));
    assert_eq!(error(&two, &array![[0.0], [f64::NAN]], 2), Some(Error::NaN { name: "f", row: 1 }));
    assert_eq!(error(&array![f64::NAN, 0.0], &Array2::zeros((2, 1)), 2), Some(Error::NaN { name: "log_w", row: 0 }));
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    assert_eq!(error(&two, &Array2::zeros((2, 1)), 0), Some(zero));
    let count = Error::Count { name: "log_w", axis: "rows", got: 2, expected: "a multiple of 3".to_owned() };
    assert_eq!(error(&two, &Array2::zeros((2, 1)), 3), Some(count));
    assert_eq!(expectation(&Array1::<f32>::zeros(0), &Array2::zeros((0, 2)), 3).unwrap().value.dim(), (0, 2));
    assert_eq!(expectation(&two, &Array2::zeros((2, 0)), 2).unwrap().value.dim(), (1, 0));
}

/// An error is in the units of what is averaged, however small or large those are.
#[test]
fn hard_errors_of_values_at_the_ends_of_the_numbers() {
    let log_w = array![0.0_f32, 0.5, -0.3, 1.0];
    let f = array![[1.0_f32], [-2.0], [0.5], [3.0]];
    let one = expectation(&log_w, &f, 4).unwrap().std_error[[0, 0]];
    for unit in [1e-30_f32, 1e30] {
        let found = expectation(&log_w, &(&f * unit), 4).unwrap().std_error[[0, 0]];
        assert!((found / unit / one - 1.0).abs() < 32.0 * f32::EPSILON, "{unit}: {found}");
    }
}
