use estimand::gradient::{Baseline, Estimate, Fitted, score_function_at};
use estimand::kernel::Level;
use estimand::ndarray::{Array1, Array2, array};
use estimand::{DiagGaussian, Distribution, Error, Grad, Real, Rows, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::rows::{Table, TwoParts};
use crate::support::near::{assert_eps, careful_sum};
use crate::support::strategy::{array as numbers, config};
use crate::support::threads::with_threads;

/// Mean and variance of that mean, two passes with compensated sums.
fn by_definition(rows: &Array2<f64>, samples: usize) -> (Array2<f64>, Array2<f64>) {
    let n = rows.nrows() / samples;
    let mean = Array2::from_shape_fn((n, rows.ncols()), |(t, j)| {
        careful_sum((0..samples).map(|s| rows[[t * samples + s, j]])) / samples as f64
    });
    let variance = Array2::from_shape_fn((n, rows.ncols()), |(t, j)| {
        let squares = (0..samples).map(|s| (rows[[t * samples + s, j]] - mean[[t, j]]).powi(2));
        careful_sum(squares) / (samples * (samples - 1)) as f64
    });
    (mean, variance)
}

/// Rounding of the sum of a block of 128 and of the joins, and of a square of a deviation, from up to 4 deviations away.
const FEW: f64 = 512.0;

fn agrees<F: Real>(rows: &Array2<f64>, samples: usize) {
    let (mean, variance) = by_definition(rows, samples);
    let table = Table::new(rows.mapv(F::of), samples);
    let found = Estimate::of_rows(&table).unwrap();
    assert_eq!(found.samples, samples);
    let found_variance = found.variance.clone().unwrap();
    for (at, &mean) in mean.indexed_iter() {
        let sd = (variance[at] * samples as f64).sqrt();
        assert_eps(found.gradient.flat()[at], mean, mean.abs() + 16.0 * sd, 8.0, "mean");
        assert_eps(found_variance.flat()[at], variance[at], variance[at], FEW, "variance");
    }
    let held = Grad::new(rows.mapv(F::of), table.parts()).unwrap();
    assert_eq!(Estimate::of_draws(&held, samples).unwrap(), found, "rows held are rows made");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_an_estimate_is_mean_and_standard_error((n, samples) in (1..4_usize, 2..40_usize), x in numbers((120, 2), -1.0, 1.0), common in prop_oneof![Just(0.0), Just(1000.0)]) {
        // Numbers that both precisions hold exactly.
        let rows = Array2::from_shape_fn((n * samples, 2), |(i, j)| common + f64::from((x[[i, j]] * 1024.0).round() as i32) / 1024.0);
        prop_assume!(by_definition(&rows, samples).1.iter().all(|v| *v > 1e-4 / samples as f64));
        agrees::<f64>(&rows, samples);
        agrees::<f32>(&rows, samples);
    }

    /// Pooling two is the mean of both, with the variance of a weighted mean.
    #[test]
    fn law_merging_pools(a in 2..20_usize, b in 2..20_usize, x in numbers((40, 2), -1.0, 1.0)) {
        let of = |from: usize, n: usize| {
            let rows = Array2::from_shape_fn((n, 2), |(i, j)| x[[from + i, j]]);
            Estimate::of_rows(&Table::new(rows, n)).unwrap()
        };
        let (first, second) = (of(0, a), of(20, b));
        let both = first.clone().merge(second.clone()).unwrap();
        prop_assert_eq!(both.samples, a + b);
        let share = a as f64 / (a + b) as f64;
        for j in 0..2 {
            let at = |e: &Estimate<f64, TwoParts>| (e.gradient.flat()[[0, j]], e.variance.as_ref().unwrap().flat()[[0, j]]);
            let ((g, v), (h, w), (found, variance)) = (at(&first), at(&second), at(&both));
            prop_assert!((found - (share * g + (1.0 - share) * h)).abs() <= 4.0 * f64::EPSILON);
            prop_assert!((variance - (share * share * v + (1.0 - share).powi(2) * w)).abs() <= 8.0 * f64::EPSILON * (v + w));
        }
    }
}

/// A mean a million deviations away, in f32: squares are taken near it.
#[test]
fn hard_a_large_common_part_costs_no_digits() {
    let rows = Array2::from_shape_fn((10_000, 1), |(i, _)| 1e6 + ((i * 7919) % 17) as f32 - 8.0);
    let found = Estimate::of_rows(&Table::new(rows.clone(), 10_000)).unwrap();
    let (mean, variance) = by_definition(&rows.mapv(f64::from), 10_000);
    assert_eps(found.gradient.flat()[[0, 0]], mean[[0, 0]], 1e6, 1.0, "mean");
    assert_eps(found.variance.unwrap().flat()[[0, 0]], variance[[0, 0]], variance[[0, 0]], FEW, "variance");
}

/// Many rows of one parameter row, with weights and powers: the same bits for any number of threads.
#[test]
fn stream_estimates_do_not_depend_on_threads() {
    use estimand::gradient::{Baseline, score_function};
    for n in [10_000, 20_001] {
        let q = DiagGaussian::<f32>::standard(n, 3).unwrap();
        let x = q.sample(&mut ChaCha8Rng::seed_from_u64(1));
        let cost: Array1<f32> = x.rows().into_iter().map(|x| x.dot(&x)).collect();
        let run = |threads| {
            with_threads(threads, || {
                let score = || q.score(&x).unwrap();
                let of = |b| score_function(&cost, score(), b).unwrap();
                (Estimate::of_rows(&score()).unwrap(), of(Baseline::None), of(Baseline::LeaveOneOut))
            })
        };
        let one = run(1);
        assert_eq!(run(2), one);
        assert_eq!(run(7), one);
    }
}

#[test]
fn hard_draws_that_do_not_fit() {
    let parts = TwoParts { left: 1, right: 1 };
    let rows = || Grad::new(Array2::<f64>::ones((4, 2)), parts).unwrap();
    let count = Error::Count { name: "rows", axis: "rows", got: 4, expected: "a multiple of 3".to_owned() };
    assert_eq!(Estimate::of_draws(&rows(), 3), Err(count));
    let zero = Error::Parameter { name: "draws", value: 0.0, expected: "at least 1" };
    assert_eq!(Estimate::of_draws(&rows(), 0), Err(zero));
    let mut holed = Array2::<f64>::ones((4, 2));
    holed[[3, 1]] = f64::NAN;
    let holed = Grad::new(holed, parts).unwrap();
    assert_eq!(Estimate::of_draws(&holed, 2), Err(Error::NaN { name: "rows", row: 3 }));
    let single = Estimate::of_draws(&rows(), 1).unwrap();
    assert_eq!((single.variance.clone(), single.std_error()), (None, None));
    let pair = Estimate::of_draws(&rows(), 2).unwrap();
    assert_eq!(pair.std_error().unwrap().flat(), Array2::<f64>::zeros((2, 2)), "what never varies has no error");
    let shape = Error::Shape { name: "grad", got: vec![2, 2], expected: vec![4, 2] };
    assert_eq!(single.clone().merge(pair).err(), Some(shape));
    assert_eq!(single.clone().merge(single).unwrap().variance, None);
}

/// A row that is infinite is no place to measure from.
#[test]
fn hard_infinite_rows_have_no_variance_that_is_a_number() {
    let rows = array![[f64::INFINITY, 1.0], [0.0, 2.0], [1.0, 3.0]];
    let g = Estimate::of_rows(&Table::new(rows, 3)).unwrap();
    assert_eq!(g.gradient.flat()[[0, 0]], f64::INFINITY);
    let variance = g.variance.unwrap();
    assert!(variance.flat()[[0, 0]].is_nan(), "and not 0");
    assert_eq!((g.gradient.flat()[[0, 1]], variance.flat()[[0, 1]]), (2.0, 1.0 / 3.0));
}

/// Squares that overflow are a variance without end, not none.
#[test]
fn hard_rows_whose_squares_overflow() {
    for n in [4, 1000] {
        let rows = Array2::from_shape_fn((n, 1), |(i, _)| if i % 2 == 0 { 1e200 } else { -1e200 });
        let g = Estimate::of_rows(&Table::new(rows, n)).unwrap();
        // Of sums of 128 numbers of 2e200.
        let mean: f64 = g.gradient.flat()[[0, 0]];
        assert!(mean.abs() < 128.0 * f64::EPSILON * 2e200);
        assert_eq!(g.variance.unwrap().flat()[[0, 0]], f64::INFINITY);
    }
}

/// Numbers whose differences overflow have a mean, in a block and between blocks, and a variance without end.
#[test]
fn hard_rows_whose_differences_overflow() {
    fn run<F: Real>() {
        let big = F::of(0.9) * F::max_value();
        for n in [2, 128, 256, 300] {
            for split in [1, n / 2, n - 1] {
                let rows = Array2::from_shape_fn((n, 1), |(i, _)| if i < split { big } else { -big });
                let g = Estimate::of_rows(&Table::new(rows, n)).unwrap();
                let (found, count) = (g.gradient.flat()[[0, 0]].as_f64(), n as f64);
                let share = (2.0 * split as f64 - count) / count;
                let off = (found / F::max_value().as_f64() - 0.9 * share).abs();
                assert!(off < 130.0 * F::epsilon().as_f64(), "{n} {split}: {found}");
                assert_eq!(g.variance.unwrap().flat()[[0, 0]], F::infinity(), "{n} {split}");
            }
        }
    }
    run::<f32>();
    run::<f64>();
}

/// The row that a block is measured from is far from almost all others: it is measured again.
#[test]
fn hard_two_rows_far_from_the_others() {
    let value = |i: usize| if i == 0 || i == 64 { 1e5 } else { (i % 7) as f64 - 3.0 };
    let rows = Array2::from_shape_fn((128, 1), |(i, _)| value(i) as f32);
    let mean = (0..128).map(value).sum::<f64>() / 128.0;
    let squares: f64 = (0..128).map(|i| (value(i) - mean).powi(2)).sum();
    let g = Estimate::of_rows(&Table::new(rows, 128)).unwrap();
    let variance = f64::from(g.variance.unwrap().flat()[[0, 0]]);
    let off = (variance / (squares / (128.0 * 127.0)) - 1.0).abs();
    assert!(off < 130.0 * f64::from(f32::EPSILON), "{}", off / f64::from(f32::EPSILON));
}

/// Wherever the one row is that is far from all others, the first one too, the variance keeps its digits: a block of 128
/// rows may lose 128 units in the last place, and joins a few.
#[test]
fn hard_one_row_far_from_the_others() {
    for n in [100_usize, 128, 129, 5000] {
        for place in [0, 1, n / 2, n - 1] {
            let value = |i: usize| if i == place { 1e6 } else { (i % 7) as f64 - 3.0 };
            let rows = Array2::from_shape_fn((n, 1), |(i, _)| value(i) as f32);
            let mean = (0..n).map(value).sum::<f64>() / n as f64;
            let squares: f64 = (0..n).map(|i| (value(i) - mean).powi(2)).sum();
            let g = Estimate::of_rows(&Table::new(rows, n)).unwrap();
            let count = n as f64;
            let limit = 130.0 * f64::from(f32::EPSILON);
            assert!((f64::from(g.gradient.flat()[[0, 0]]) / mean - 1.0).abs() < limit, "{n} {place}");
            let variance = f64::from(g.variance.unwrap().flat()[[0, 0]]);
            assert!((variance / (squares / (count * (count - 1.0))) - 1.0).abs() < limit, "{n} {place} {variance}");
        }
    }
}

/// Rows that are all the same vary by nothing at all, in blocks and between them.
#[test]
fn law_equal_rows_have_no_variance() {
    for n in [2, 3, 127, 128, 129, 1000, 10_000] {
        let g = Estimate::of_rows(&Table::new(Array2::from_elem((n, 17), 0.1_f32), n)).unwrap();
        assert!(g.gradient.flat().iter().all(|&g| g == 0.1), "{n}");
        assert!(g.variance.unwrap().flat().iter().all(|&v| v == 0.0), "{n}");
    }
}

/// Multiply and add in one rounding or in two: sums of n terms of a size differ by n epsilon of it at the most, and what
/// is made of them by a few times that.
fn agree_at_both_levels<F: Real>() {
    let (n, samples) = (3, 200);
    let (loc, log_scale) = (array![[0.3, -1.0], [0.0, 2.0], [1.0, 0.5]].mapv(F::of), Array2::zeros((n, 2)));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(samples);
    let x = q.sample(&mut ChaCha8Rng::seed_from_u64(5));
    let cost: Array1<F> = x.rows().into_iter().map(|row| row[0] * row[0] - row[1]).collect();
    let most = |numbers: &mut dyn Iterator<Item = F>| numbers.fold(0.0, |most: f64, x| most.max(x.abs().as_f64()));
    let rows = q.score(&x).unwrap().collect();
    let (row, cost_size) = (most(&mut rows.flat().iter().copied()), 2.0 * most(&mut cost.iter().copied()));
    let near = |what: &str, size: f64, [plain, best]: [&Estimate<F, _>; 2]| {
        let limit = 16.0 * samples as f64 * F::epsilon().as_f64();
        for (a, b) in plain.gradient.flat().iter().zip(best.gradient.flat()) {
            assert!((*a - *b).as_f64().abs() <= limit * size, "{what}: {a} {b}");
        }
        let [a, b] = [plain, best].map(|estimate| estimate.variance.as_ref().map(|v| v.flat().to_owned()));
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((*a - *b).as_f64().abs() <= limit * size * size / samples as f64, "{what}: variance {a} {b}");
        }
    };
    let levels = [Level::Plain, Level::best()];
    let [plain, best] = levels.map(|level| Estimate::of_rows_at(level, &q.score(&x).unwrap()).unwrap());
    near("rows", row, [&plain, &best]);
    for baseline in
        [Baseline::None, Baseline::LeaveOneOut, Baseline::Mean, Baseline::OptimalByCoordinate(Fitted::OnAll)]
    {
        let [plain, best] =
            levels.map(|level| score_function_at(level, &cost, q.score(&x).unwrap(), baseline).unwrap());
        near(&format!("{baseline:?}"), row * cost_size, [&plain, &best]);
    }
}

#[test]
fn law_estimates_agree_at_both_levels() {
    agree_at_both_levels::<f32>();
    agree_at_both_levels::<f64>();
}
