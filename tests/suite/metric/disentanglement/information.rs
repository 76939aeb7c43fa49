use std::collections::BTreeMap;

use estimand::metric::disentanglement::{entropies, mutual_information};
use estimand::moments::Moments;
use estimand::ndarray::{Array1, Array2, ArrayView1, array};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{grid, random_classes, reordered, two_tables};
use crate::support::layouts::every_layout;
use crate::support::strategy::config;

fn entropy_by_definition(labels: impl Iterator<Item = (usize, usize)>) -> f64 {
    let (mut counts, mut n) = (BTreeMap::new(), 0.0);
    for label in labels {
        *counts.entry(label).or_insert(0.0) += 1.0;
        n += 1.0;
    }
    counts.values().map(|c| -(c / n) * f64::ln(c / n)).sum()
}

fn of_one(column: ArrayView1<'_, usize>) -> f64 {
    entropy_by_definition(column.iter().map(|&x| (x, 0)))
}

/// H(z) + H(v) - H(z, v).
fn by_entropies(codes: &Array2<usize>, factors: &Array2<usize>) -> Array2<f64> {
    Array2::from_shape_fn((codes.ncols(), factors.ncols()), |(j, k)| {
        let (z, v) = (codes.column(j), factors.column(k));
        of_one(z) + of_one(v) - entropy_by_definition(z.iter().copied().zip(v.iter().copied()))
    })
}

/// Terms add up to 3 ln n at the most in size, and sums of cells, fewer than 64, round by 12 epsilon; a logarithm and a
/// share by 3 more. The definition adds one by one.
fn limit<F: Real>(n: usize) -> f64 {
    (15.0 * F::epsilon().as_f64() + 64.0 * f64::EPSILON) * (1.0 + 3.0 * (n as f64).ln())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_information_is_the_entropies_less_the_joint((codes, factors) in two_tables()) {
        let expected = by_entropies(&codes, &factors);
        let n = codes.nrows();
        let off = |got: Array2<f64>| (&got - &expected).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        prop_assert!(off(mutual_information(&codes, &factors).unwrap()) <= limit::<f64>(n));
        prop_assert!(off(mutual_information::<f32>(&codes, &factors).unwrap().mapv(f64::from)) <= limit::<f32>(n));
        let h = entropies::<f64>(&codes).unwrap();
        for (h, column) in h.iter().zip(codes.columns()) {
            prop_assert!((h - of_one(column)).abs() <= limit::<f64>(n));
        }
    }

    /// Between 0 and both entropies, the entropy itself of a code with itself, and the same the other way round.
    #[test]
    fn law_information_lies_between_0_and_the_entropies((codes, factors) in two_tables()) {
        let (i, n) = (mutual_information::<f64>(&codes, &factors).unwrap(), codes.nrows());
        let (h, of_factors) = (entropies::<f64>(&codes).unwrap(), entropies::<f64>(&factors).unwrap());
        for ((j, k), &i) in i.indexed_iter() {
            prop_assert!(i >= 0.0 && i <= h[j].min(of_factors[k]) + limit::<f64>(n));
        }
        let own = mutual_information::<f64>(&codes, &codes).unwrap();
        prop_assert!((&own.diag() - &h).iter().all(|off| off.abs() <= limit::<f64>(n)));
        let other = mutual_information::<f64>(&factors, &codes).unwrap();
        prop_assert!((&other.t() - &i).iter().all(|off| off.abs() <= limit::<f64>(n)));
    }

    /// Data processing: classes that are joined, on either side, say no more.
    #[test]
    fn law_joined_classes_say_no_more((codes, factors) in two_tables(), into in 1..4_usize) {
        let whole = mutual_information::<f64>(&codes, &factors).unwrap();
        for joined in [
            mutual_information::<f64>(&codes.mapv(|c| c % into), &factors).unwrap(),
            mutual_information::<f64>(&codes, &factors.mapv(|c| c % into)).unwrap(),
        ] {
            prop_assert!((&whole - &joined).iter().all(|&lost| lost >= -limit::<f64>(codes.nrows())));
        }
    }

    #[test]
    fn law_rows_in_any_order_and_layout((codes, factors) in two_tables(), by in 1..7_usize) {
        let plain = mutual_information::<f64>(&codes, &factors).unwrap();
        let turned = mutual_information::<f64>(&reordered(&codes, 0, by), &reordered(&factors, 0, by)).unwrap();
        prop_assert_eq!(&turned, &plain);
        let columns_first = codes.t().as_standard_layout().into_owned();
        prop_assert_eq!(&mutual_information::<f64>(&columns_first.t(), &factors).unwrap(), &plain);
        every_layout(&codes.mapv(|c| c as f64), |layout, view| {
            assert_eq!(mutual_information::<f64>(&view.mapv(|c| c as usize), &factors).unwrap(), plain, "{layout}");
        });
    }
}

/// To the last bit, whatever the counts.
#[test]
fn law_a_grid_of_factors_has_no_information_between_them() {
    let factors = grid(&[3, 7, 5, 2]);
    let i = mutual_information::<f32>(&factors, &factors).unwrap();
    for ((j, k), &i) in i.indexed_iter() {
        assert!(j == k || i == 0.0, "{j} {k}: {i}");
    }
}

/// 1000 tables of 5000 rows of 20 independent bins and 5 classes, all equally likely: the bias is (B - 1)(C - 1) / (2n),
/// and (B^2 - 1)(C^2 - 1) / (12 n^2); what follows is below (B C)^3 / (12 n^3) < 1e-6. A code that is the factor has
/// -(C - 1) / (2n), as the entropy. Each to 6 standard errors (2e-9 for a normal mean), a sixth of the bias at the most.
#[test]
fn stat_the_bias_is_that_of_miller_and_madow() {
    let (n, bins, classes) = (5000, 20, 5);
    let mut rng = StdRng::seed_from_u64(5);
    let mut found = [Moments::<f64>::new(); 3];
    for _ in 0..1000 {
        let (code, factor) = (random_classes(&mut rng, (n, 1), bins), random_classes(&mut rng, (n, 1), classes));
        found[0].push(mutual_information::<f64>(&code, &factor).unwrap()[[0, 0]]);
        found[1].push(mutual_information::<f64>(&factor, &factor).unwrap()[[0, 0]] - (classes as f64).ln());
        found[2].push(entropies::<f64>(&factor).unwrap()[0] - (classes as f64).ln());
    }
    let (n, b, c) = (n as f64, bins as f64, classes as f64);
    let independent = (b - 1.0) * (c - 1.0) / (2.0 * n) + (b * b - 1.0) * (c * c - 1.0) / (12.0 * n * n);
    let own = -(c - 1.0) / (2.0 * n) - (c * c - 1.0) / (12.0 * n * n);
    for (found, expected) in found.iter().zip([independent, own, own]) {
        let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
        assert!((mean - expected).abs() < 6.0 * error + 1e-6, "{mean} +- {error}, {expected}");
        // The smallest bias that would be seen.
        assert!(6.0 * error < expected.abs() / 6.0, "{error} {expected}");
    }
}

#[test]
fn hard_one_row_one_class_and_what_is_refused() {
    let one = array![[3_usize, 9]];
    assert_eq!(mutual_information::<f64>(&one, &one).unwrap(), Array2::<f64>::zeros((2, 2)));
    assert_eq!(entropies::<f64>(&one).unwrap(), Array1::<f64>::zeros(2));
    let constant = Array2::from_elem((6, 1), 4_usize);
    assert_eq!(mutual_information::<f64>(&constant, &grid(&[2, 3])).unwrap(), Array2::<f64>::zeros((1, 2)));

    let none = Array2::<usize>::zeros((0, 2));
    assert_eq!(entropies::<f64>(&none), Err(Error::TooFew { name: "labels", got: 0, needs: 1 }));
    assert_eq!(mutual_information::<f64>(&none, &none), Err(Error::TooFew { name: "codes", got: 0, needs: 1 }));
    let empty = Array2::<usize>::zeros((2, 0));
    let no_columns = |name| Error::Count { name, axis: "columns", got: 0, expected: "at least 1".to_owned() };
    assert_eq!(entropies::<f64>(&empty), Err(no_columns("labels")));
    assert_eq!(mutual_information::<f64>(&empty, &empty), Err(no_columns("codes")));
    let two = Array2::<usize>::zeros((2, 1));
    assert_eq!(mutual_information::<f64>(&two, &empty), Err(no_columns("factors")));
    let shape = Error::Shape { name: "factors", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(mutual_information::<f64>(&two, &one), Err(shape));
}
