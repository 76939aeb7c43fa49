use estimand::metric::disentanglement::dci;
use estimand::ndarray::{Array1, Array2, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{mean, refuses_codes, reordered};
use crate::support::layouts::every_layout;
use crate::support::strategy::{array as arrays, config};

/// The formula as it is printed, in any base: here 2.
fn by_definition(r: &Array2<f64>) -> (f64, Array1<f64>) {
    let row = |row: estimand::ndarray::ArrayView1<'_, f64>| {
        let total = row.sum();
        let bits: f64 = row.iter().map(|&r| r / total).filter(|&p| p > 0.0).map(|p| -p * p.log2()).sum();
        (total, 1.0 - bits / (row.len() as f64).log2())
    };
    let rows: Vec<(f64, f64)> = r.rows().into_iter().map(row).collect();
    let score = rows.iter().map(|(total, d)| total * d).sum::<f64>() / r.sum();
    (score, rows.into_iter().map(|(_, d)| d).collect())
}

/// Five codes and ten factors, each code holding two equally: 1 - ln 2 / ln 10, and each factor in one code.
fn five_and_ten<F: Real>() {
    let table = Array2::from_shape_fn((5, 10), |(j, k)| if k / 2 == j { F::of(0.3) } else { F::zero() });
    let scores = dci(&table).unwrap();
    let expected = 0.698_970_004_336_018_8;
    let few = 8.0 * F::epsilon().as_f64();
    assert!((scores.disentanglement.as_f64() - expected).abs() <= few, "{}", scores.disentanglement);
    assert!(scores.by_code.iter().all(|d| (d.as_f64() - expected).abs() <= few));
    assert_eq!(scores.completeness, F::one());
    assert!(scores.weights.iter().all(|w| (w.as_f64() - 0.2).abs() <= few));
    // Turned: codes about one factor each, and factors in two codes.
    let turned = dci(&table.t()).unwrap();
    assert!((turned.disentanglement.as_f64() - 1.0).abs() <= few);
    assert!((turned.completeness.as_f64() - expected).abs() <= few);
}

#[test]
fn ref_five_codes_of_two_factors_each() {
    five_and_ten::<f64>();
    five_and_ten::<f32>();
}

proptest! {
    #![proptest_config(config())]

    /// Entropies below ln 8 over ln 2 at the least, to 16 epsilon each, of at most 8 terms.
    #[test]
    fn law_scores_are_the_definition(r in (2..8_usize, 2..8_usize).prop_flat_map(|size| arrays(size, 0.01, 4.0)), by in 1..7_usize) {
        let few = 64.0 * f64::EPSILON;
        let got = dci(&r).unwrap();
        let (disentanglement, by_code) = by_definition(&r);
        prop_assert!((got.disentanglement - disentanglement).abs() <= few);
        prop_assert!((&got.by_code - &by_code).iter().all(|off| off.abs() <= few));
        let (_, by_factor) = by_definition(&r.t().to_owned());
        prop_assert!((&got.by_factor - &by_factor).iter().all(|off| off.abs() <= few));
        prop_assert!((got.completeness - mean(&by_factor)).abs() <= few);
        prop_assert!((got.weights.sum() - 1.0).abs() <= few);
        prop_assert!(got.by_code.iter().chain(&got.by_factor).all(|&d| (0.0..=1.0).contains(&d)));
        // Single precision of the same numbers.
        let single = r.mapv(|r| r as f32);
        let (f32_expected, _) = by_definition(&single.mapv(f64::from));
        prop_assert!((f64::from(dci(&single).unwrap().disentanglement) - f32_expected).abs() <= 64.0 * f64::from(f32::EPSILON));
        // Units, and the order of codes and factors.
        prop_assert_eq!(&dci(&r.mapv(|r| r * 2.0_f64.powi(-900))).unwrap(), &got);
        for axis in [0, 1] {
            let turned = dci(&reordered(&r, axis, by)).unwrap();
            prop_assert!((turned.disentanglement - got.disentanglement).abs() <= few);
            prop_assert!((turned.completeness - got.completeness).abs() <= few);
        }
        every_layout(&r, |layout, view| assert_eq!(dci(&view).unwrap(), got, "{layout}"));
    }
}

fn corners<F: Real>() {
    let [zero, one, two] = [0.0, 1.0, 2.0].map(F::of);
    // A dead code and a factor that none knows: no weight, and 0 in the mean.
    let scores = dci(&array![[one, zero, zero], [zero, zero, zero], [zero, one, zero]]).unwrap();
    assert_eq!(scores.by_code, array![one, zero, one]);
    assert_eq!(scores.by_factor, array![one, one, zero]);
    assert_eq!(scores.weights, array![F::of(0.5), zero, F::of(0.5)]);
    assert_eq!(scores.disentanglement, one);
    assert!((scores.completeness - two / F::of(3.0)).abs() <= F::epsilon());
    // Nothing at all.
    let none = dci(&Array2::<F>::zeros((3, 2))).unwrap();
    assert_eq!((none.disentanglement, none.completeness), (zero, zero));
    assert_eq!(none.weights, Array1::<F>::zeros(3));
    // A single factor, a single code, one of each.
    let factor = dci(&array![[one], [one], [zero]]).unwrap();
    assert_eq!((factor.by_code, factor.disentanglement), (array![one, one, zero], one));
    assert!((factor.completeness - (one - two.ln() / F::of(3.0).ln())).abs() <= F::of(4.0) * F::epsilon());
    let code = dci(&array![[one, one, zero]]).unwrap();
    assert_eq!((code.by_factor, code.completeness), (array![one, one, zero], two / F::of(3.0)));
    assert_eq!(dci(&array![[two]]).unwrap().disentanglement, one);
    assert_eq!(dci(&array![[zero]]).unwrap().completeness, zero);
    // All equal is 0, not below.
    let equal = dci(&Array2::from_elem((7, 7), F::of(0.1))).unwrap();
    assert!(equal.disentanglement >= zero && equal.disentanglement <= F::of(8.0) * F::epsilon());
    // The largest and the least of numbers.
    for size in [F::max_value(), F::min_positive_value() * F::epsilon()] {
        assert_eq!(dci(&array![[size, zero], [zero, size]]).unwrap().disentanglement, one);
        let even = dci(&array![[size, size], [size, size]]).unwrap();
        assert!(even.disentanglement <= F::of(8.0) * F::epsilon());
    }
    // Sizes far apart: a row far below the others has its own score and next to no weight.
    let apart = dci(&array![[F::max_value(), zero], [zero, F::min_positive_value()]]).unwrap();
    assert_eq!(apart.by_code, array![one, one]);
}

#[test]
fn hard_zeros_single_codes_and_sizes() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    refuses_codes("importance", |table| dci(&table.mapv(|r| if r < 0.0 && r.is_finite() { -r } else { r })).err());
    let expected = "a finite number that is not negative";
    let negative = Error::Entry { name: "importance", index: vec![1, 0], value: -0.5, expected };
    assert_eq!(dci(&array![[1.0, 0.0], [-0.5, 1.0]]), Err(negative));
}
