use estimand::moments::{ColumnMoments, Scatter};
use estimand::ndarray::{Array1, Array2, ArrayRef1, array, s};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::exact;
use crate::support::double_double::DoubleDouble;
use crate::support::layouts::every_layout;
use crate::support::strategy::{array as arrays, config, sizes};
use crate::support::threads::with_threads;

/// The covariance matrix by its definition, divided by the weight.
fn by_definition<F: Real>(x: &Array2<F>, weights: &[F]) -> Array2<f64> {
    let columns: Vec<_> = x.columns().into_iter().map(|c| c.to_vec()).collect();
    let wide = |x: &F| DoubleDouble::from(x.as_f64());
    let deviations: Vec<Vec<_>> = columns
        .iter()
        .map(|c| {
            let mean = exact(c, weights).mean;
            c.iter().map(|x| wide(x) - mean).collect()
        })
        .collect();
    let sum = |terms: &mut dyn Iterator<Item = DoubleDouble>| terms.fold(DoubleDouble::from(0.0), |sum, x| sum + x);
    let over = sum(&mut weights.iter().map(wide)).recip();
    let weighted: Vec<Vec<_>> =
        deviations.iter().map(|c| c.iter().zip(weights).map(|(&d, w)| d * wide(w)).collect()).collect();
    Array2::from_shape_fn((x.ncols(), x.ncols()), |(i, j)| {
        let (i, j) = (i.max(j), i.min(j));
        (over * sum(&mut weighted[i].iter().zip(&deviations[j]).map(|(&a, &b)| a * b))).to_f64()
    })
}

/// A covariance matrix against its definition: symmetric, and each entry as near as its sums allow, in epsilons of both
/// standard deviations, which no mean product of deviations exceeds.
///
/// A product adds up 256 rows, and then its parts, each addition with half an epsilon. A deviation is rounded twice, a
/// product, a share and its quotient once, which makes 8 with the reading. A step that joins has 6 roundings of its own
/// size, and the shares of all steps add up to 1 + ln n.
#[track_caller]
pub fn assert_covariance<F: Real>(what: &str, got: &Array2<F>, x: &Array2<F>, weights: &[F]) {
    let expected = by_definition(x, weights);
    assert_eq!(got.dim(), expected.dim(), "{what}");
    assert_eq!(got, got.t(), "{what}: symmetric");
    let n = x.nrows();
    let sums = 0.5 * (n.min(256) + n.div_ceil(256)) as f64;
    let limit = F::epsilon().as_f64() * (sums + 8.0 + 6.0 * (1.0 + (n as f64).ln()));
    for ((i, j), &want) in expected.indexed_iter() {
        let off = (got[[i, j]].as_f64() - want).abs();
        let allowed = limit * (expected[[i, i]] * expected[[j, j]]).sqrt();
        assert!(off <= allowed, "{what} at [{i}, {j}]: {} is {off:e} off, limit {allowed:e}", got[[i, j]]);
    }
}

pub fn pushed<F: Real>(x: &Array2<F>) -> Scatter<F> {
    let mut scatter = Scatter::new(x.ncols());
    x.rows().into_iter().for_each(|row| scatter.push(&row).unwrap());
    scatter
}

/// Every way, by the definition; and its columns are those of `ColumnMoments` by the same way, to the last bit.
pub fn every_way<F: Real>(x: &Array2<f64>, at: usize) {
    let x = x.mapv(F::of);
    let (first, then) = (x.slice(s![..at, ..]).to_owned(), x.slice(s![at.., ..]).to_owned());
    let ones = Array1::ones(x.nrows());
    let mut columns = ColumnMoments::new(x.ncols());
    x.rows().into_iter().for_each(|row| columns.push(&row).unwrap());
    let (mut merged, mut merged_columns) = (Scatter::of(&first), ColumnMoments::of(&first));
    merged.merge(&Scatter::of(&then)).unwrap();
    merged_columns.merge(&ColumnMoments::of(&then)).unwrap();
    let (mut more, mut more_columns) = (Scatter::of(&first), ColumnMoments::of(&first));
    more.push_rows(&then).unwrap();
    more_columns.push_rows(&then).unwrap();
    let mut mixed = pushed(&then);
    mixed.merge(&Scatter::of_weighted(&first, &Array1::ones(at)).unwrap()).unwrap();
    for (what, got, columns) in [
        ("pushed", pushed(&x), Some(columns)),
        ("of", Scatter::of(&x), Some(ColumnMoments::of(&x))),
        ("merged", merged, Some(merged_columns)),
        ("more rows", more, Some(more_columns)),
        ("weights 1", Scatter::of_weighted(&x, &ones).unwrap(), ColumnMoments::of_weighted(&x, &ones).ok()),
        ("the other way round", mixed, None),
    ] {
        if let Some(columns) = columns {
            assert_eq!(got.columns(), &columns, "{what}");
            assert_eq!(got.mean(), columns.mean(), "{what}");
            assert_eq!(got.covariance().unwrap().diag(), columns.variance().unwrap(), "{what}");
        }
        assert_eq!((got.count(), got.weight(), got.width()), (x.nrows(), F::count(x.nrows()), x.ncols()), "{what}");
        assert_eq!(got.effective_count(), got.columns().effective_count(), "{what}");
        assert_covariance(what, &got.covariance().unwrap(), &x, &ones.to_vec());
    }
}

/// Rows whose columns hang together.
fn rows() -> impl Strategy<Value = Array2<f64>> {
    let kept = |x: f64, shift: f64| f64::from((x + shift) as f32);
    (sizes(300, 20).prop_flat_map(|size| arrays(size, -2.0, 3.0)), -1e3..1e3_f64, -1.0..1.0_f64).prop_map(
        move |(x, shift, share)| {
            let first = x.column(0).to_owned();
            Array2::from_shape_fn(x.raw_dim(), |(i, j)| kept(x[[i, j]] + share * first[i], shift))
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_every_way_is_the_definition(x in rows(), cut in 0.0..1.0_f64) {
        let at = (cut * x.nrows() as f64) as usize;
        every_way::<f32>(&x, at);
        every_way::<f64>(&x, at);
    }

    /// Weights of any size, some of them 0, pushed, merged and in bulk; and what the reliability form divides by.
    #[test]
    fn law_weights_are_by_the_definition(
        x in rows(), w in prop::collection::vec(prop::sample::select(vec![0.0, 0.125, 0.5, 1.0, 3.0, 1e3]), 300),
    ) {
        let w = &w[..x.nrows()];
        prop_assume!(w.iter().filter(|&&w| w > 0.0).count() > 1);
        let (total, squares) = (w.iter().sum::<f64>(), w.iter().map(|w| w * w).sum::<f64>());
        let divisor = 1.0 - squares / total / total;
        for power in [-700, 0, 700] {
            let weights: Array1<f64> = w.iter().map(|w| w * 2.0_f64.powi(power)).collect();
            let mut pushed = Scatter::new(x.ncols());
            for (row, &w) in x.rows().into_iter().zip(&weights) {
                pushed.push_weighted(&row, w).unwrap();
            }
            let at = x.nrows() / 3;
            let part = |from: usize, to: usize| {
                Scatter::of_weighted(&x.slice(s![from..to, ..]), &weights.slice(s![from..to])).unwrap()
            };
            let mut merged = part(at, x.nrows());
            merged.merge(&part(0, at)).unwrap();
            for (what, got) in [("pushed", pushed), ("bulk", part(0, x.nrows())), ("merged", merged)] {
                let covariance = got.covariance().unwrap();
                assert_covariance(what, &covariance, &x, w);
                let unbiased = got.unbiased_covariance().unwrap();
                prop_assert_eq!(&unbiased, &unbiased.t());
                prop_assert_eq!(unbiased.diag(), got.columns().unbiased_variance().unwrap());
                // The divisor cancels where one weight is nearly all.
                let few = f64::EPSILON * (16.0 + (x.nrows() as f64).ln() * 8.0) / divisor;
                for (u, c) in unbiased.iter().zip(&covariance) {
                    prop_assert!((u - c / divisor).abs() <= few * (c / divisor).abs(), "{what}: {u} {c}");
                }
            }
        }
    }

    /// In parts of any kind, in any order.
    #[test]
    fn law_merge_is_associative_and_commutative(x in rows(), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        let cut = |share: f64| (share * x.nrows() as f64) as usize;
        let (a, b) = (cut(a).min(cut(b)), cut(a).max(cut(b)));
        let part = |from: usize, to: usize| x.slice(s![from..to, ..]).to_owned();
        let parts = [pushed(&part(0, a)), Scatter::of(&part(a, b)), Scatter::of(&part(b, x.nrows()))];
        let join = |x: &Scatter<f64>, y: &Scatter<f64>| {
            let mut joined = x.clone();
            joined.merge(y).unwrap();
            joined
        };
        let [a, b, c] = &parts;
        for got in [join(&join(a, b), c), join(a, &join(b, c)), join(c, &join(b, a)), join(&join(c, a), b)] {
            assert_covariance("order", &got.covariance().unwrap(), &x, &vec![1.0; x.nrows()]);
        }
    }
}

/// n - 1, of whole numbers.
#[test]
fn law_the_unbiased_form_divides_by_one_less() {
    let x = array![[1.0, 2.0], [3.0, -2.0], [5.0, 3.0], [-1.0, 5.0]];
    let scatter = Scatter::of(&x);
    assert_eq!(scatter.covariance(), Ok(array![[5.0, -2.5], [-2.5, 6.5]]));
    assert_eq!(scatter.unbiased_covariance(), Ok(array![[20.0 / 3.0, -10.0 / 3.0], [-10.0 / 3.0, 26.0 / 3.0]]));
}

/// Over 20 000 samples of 4 rows whose covariance is 1/2: the mean of the unbiased is that, to 6 standard errors (2e-9 for
/// a normal mean), and that of the other 3/8; a bias of 7 % would be seen.
#[test]
fn stat_the_bias_of_both_covariances() {
    let mut rng = StdRng::seed_from_u64(3);
    let z = Standard::Normal.draw::<f64, _, _>(&mut rng, (80_000, 2));
    let x =
        Array2::from_shape_fn(z.raw_dim(), |(i, j)| z[[i, 0]] * 0.5 + if j == 1 { z[[i, 1]] } else { z[[i, 0]] * 0.5 });
    let mut over = [estimand::moments::Moments::<f64>::new(); 2];
    for rows in x.axis_chunks_iter(estimand::ndarray::Axis(0), 4) {
        let scatter = Scatter::of(&rows);
        over[0].push(scatter.unbiased_covariance().unwrap()[[0, 1]]);
        over[1].push(scatter.covariance().unwrap()[[1, 0]]);
    }
    for (found, expected) in over.iter().zip([0.5, 0.375]) {
        let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
        assert!((mean - expected).abs() < 6.0 * error && 6.0 * error < 0.07 * expected, "{mean} +- {error}");
    }
}

/// 10^12 + u: the covariances of u, where those by raw moments have no digit.
#[test]
fn law_a_shift_changes_the_mean_alone() {
    let u = Standard::Uniform.draw::<f64, _, _>(&mut StdRng::seed_from_u64(5), (20_000, 3));
    let x = Array2::from_shape_fn(u.raw_dim(), |(i, j)| 1e12 + u[[i, j]] + if j > 0 { u[[i, 0]] } else { 0.0 });
    every_way::<f64>(&x, 7_777);
    // Cov(u_0 + u_1, u_0) = 1/12; three in a thousand is 6 standard errors of the mean product.
    let covariance = Scatter::of(&x).covariance().unwrap();
    assert!((12.0 * covariance[[1, 0]] - 1.0).abs() < 0.06 && (12.0 * covariance[[2, 1]] - 1.0).abs() < 0.06);
}

#[test]
fn law_bits_do_not_depend_on_threads_or_layout() {
    let narrow = Standard::Normal.draw::<f32, _, _>(&mut StdRng::seed_from_u64(6), (50_001, 7));
    let w = narrow.column(0).mapv(f32::abs);
    let wide = Standard::Normal.draw::<f64, _, _>(&mut StdRng::seed_from_u64(7), (3_001, 150));
    let make = || (Scatter::of(&narrow), Scatter::of_weighted(&narrow, &w).unwrap(), Scatter::of(&wide));
    let one = with_threads(1, make);
    for threads in [2, 7] {
        assert!(with_threads(threads, make) == one, "{threads} threads");
    }
    let few = wide.slice(s![..700, ..70]).to_owned();
    let weights = few.column(1).mapv(f64::abs);
    let expected = (Scatter::of(&few), Scatter::of_weighted(&few, &weights).unwrap());
    every_layout(&few, |layout, x| {
        assert!((Scatter::of(&x), Scatter::of_weighted(&x, &weights).unwrap()) == expected, "{layout}");
    });
    let turned = pushed(&few.t().as_standard_layout().t().to_owned());
    assert!(turned == pushed(&few));
}

/// Two million steps, each far below the last place of what it changes: without the rests the covariance would stop.
#[test]
fn hard_a_stream_does_not_stand_still() {
    let mut scatter = Scatter::<f32>::new(2);
    let n = 2_000_000;
    for i in 0..n {
        // Rows (1, 1), (-1, -1) in the first half, and (1, -1), (-1, 1) in the second: a covariance of 1, and then of 0.
        let a = if i % 2 == 0 { 1.0 } else { -1.0 };
        let b = if i < n / 2 { a } else { -a };
        scatter.push(&array![a, b]).unwrap();
    }
    let covariance = scatter.covariance().unwrap();
    let limit = f64::from(f32::EPSILON) * 6.0 * (1.0 + f64::from(n).ln());
    assert!(f64::from(covariance[[0, 1]].abs()) <= limit, "{covariance}");
}

#[test]
fn hard_no_rows_no_columns() {
    let few = |got, needs| Err(Error::TooFew { name: "x", got, needs });
    for nothing in [Scatter::<f64>::new(2), Scatter::of(&Array2::zeros((0, 2)))] {
        assert_eq!((nothing.mean().map(|_| ()), nothing.count(), nothing.weight()), (few(0, 1), 0, 0.0));
        assert_eq!(nothing.covariance().map(|_| ()), few(0, 1));
        assert_eq!(nothing.unbiased_covariance().map(|_| ()), few(0, 1));
        assert_eq!(nothing.effective_count().map(|_| ()), few(0, 1));
    }
    let mut one = Scatter::of(&array![[1.0, 2.0]]);
    assert_eq!((one.mean(), one.covariance()), (Ok(array![1.0, 2.0]), Ok(Array2::zeros((2, 2)))));
    assert_eq!(one.unbiased_covariance().map(|_| ()), few(1, 2));
    one.merge(&Scatter::new(2)).unwrap();
    assert_eq!(one, Scatter::of(&array![[1.0, 2.0]]));
    let mut nothing = Scatter::new(2);
    nothing.merge(&one).unwrap();
    assert_eq!(nothing, one);
    let mut narrow = Scatter::of(&Array2::<f64>::zeros((3, 0)));
    narrow.push(&Array1::zeros(0)).unwrap();
    narrow.push_rows(&Array2::zeros((100_000, 0))).unwrap();
    assert_eq!((narrow.count(), narrow.covariance()), (100_004, Ok(Array2::zeros((0, 0)))));
}

#[test]
fn hard_wrong_shapes_and_weights() {
    let mut scatter = Scatter::<f64>::new(2);
    let shape = |name, got: &[usize], expected: &[usize]| {
        Err(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(scatter.push(&array![1.0]), shape("x", &[1], &[2]));
    assert_eq!(scatter.push_weighted(&array![1.0, 2.0, 3.0], 1.0), shape("x", &[3], &[2]));
    assert_eq!(scatter.push_rows(&Array2::zeros((4, 3))), shape("x", &[4, 3], &[4, 2]));
    assert_eq!(scatter.merge(&Scatter::new(1)), shape("other", &[1], &[2]));
    let expected = "a finite number that is not negative";
    let weight = Error::Parameter { name: "weight", value: -1.0, expected };
    assert_eq!(scatter.push_weighted(&array![1.0, 2.0], -1.0), Err(weight));
    assert_eq!(scatter, Scatter::new(2));
    let x = array![[1.0, 1.0], [2.0, 4.0]];
    let of = |weights: &ArrayRef1<f64>| Scatter::of_weighted(&x, weights).map(|_| ());
    assert_eq!(of(&array![1.0]), shape("weights", &[1], &[2]));
    assert_eq!(of(&array![1.0, f64::NAN]), Err(Error::NaN { name: "weights", row: 1 }));
    assert_eq!(of(&array![-2.0, 1.0]), Err(Error::Entry { name: "weights", index: vec![0], value: -2.0, expected }));
    let zero = Scatter::of_weighted(&x, &array![0.0, 0.0]).unwrap();
    let expected = "weights whose sum is above 0 and finite";
    assert_eq!(zero.covariance(), Err(Error::Parameter { name: "weights", value: 0.0, expected }));
    let lone = Scatter::of_weighted(&x, &array![0.0, 2.0]).unwrap();
    assert_eq!(lone.covariance(), Ok(Array2::zeros((2, 2))));
    let two = Error::Count { name: "weights", axis: "rows above 0", got: 1, expected: "at least 2".to_owned() };
    assert_eq!(lone.unbiased_covariance(), Err(two));
}

#[test]
fn hard_the_row_of_a_nan() {
    for (rows, at) in [(4, 2), (3000, 2500), (40_000, 35_001)] {
        let mut x = Array2::<f64>::ones((rows, 3));
        x[[at, 1]] = f64::NAN;
        x[[rows - 1, 0]] = f64::NAN;
        let nan = |row| Err(Error::NaN { name: "x", row });
        let scatter = Scatter::of(&x);
        assert_eq!((scatter.covariance(), scatter.count()), (nan(at), rows));
        assert_eq!(pushed(&x).covariance(), nan(at));
        assert_eq!(Scatter::of_weighted(&x, &Array1::zeros(rows)).unwrap().covariance(), nan(at));
        let mut behind = Scatter::of(&array![[1.0, 2.0, 3.0]]);
        behind.merge(&scatter).unwrap();
        behind.push(&array![f64::NAN, 0.0, 0.0]).unwrap();
        assert_eq!(behind.unbiased_covariance(), nan(at + 1));
    }
}
