//! From covariances and precisions: against a table of high precision, and what is refused.

use std::collections::BTreeMap;

use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{Distribution, Entropy, Error, FullGaussian, Kl};

use super::apart;
use crate::support::conforms::normal;
use crate::support::reference::table;

/// Row, column and number of each entry of an array.
type Entries = Vec<(usize, usize, f64)>;

/// The condition number and the arrays of each case of the table.
fn cases() -> Vec<(f64, BTreeMap<String, Array2<f64>>)> {
    let mut cases: BTreeMap<usize, (f64, BTreeMap<String, Entries>)> = BTreeMap::new();
    for r in table("full_gaussian.csv") {
        let [case, condition] = r.numbers::<2>(0);
        let [i, j, value] = r.numbers::<3>(3);
        let case = cases.entry(case as usize).or_insert((condition, BTreeMap::new()));
        case.1.entry(r.text(2).to_owned()).or_default().push((i as usize, j as usize, value));
    }
    let whole = |entries: Entries| {
        let (rows, columns, _) = entries[entries.len() - 1];
        Array2::from_shape_vec((rows + 1, columns + 1), entries.iter().map(|e| e.2).collect()).unwrap()
    };
    let cases = cases
        .into_values()
        .map(|(condition, arrays)| (condition, arrays.into_iter().map(|(k, v)| (k, whole(v))).collect()));
    cases.collect()
}

/// Errors in units of epsilon times the condition number, of the largest entry, are at most c = 4 (d + 1): elimination
/// is off by (d + 1) epsilon of the covariance, which the inverse magnifies by the condition, and it enters a gradient
/// twice.
#[test]
fn ref_the_full_gaussian_agrees_with_mpmath() {
    let mut worst = 0.0_f64;
    let cases = cases();
    assert_eq!(cases.len(), 26);
    for (condition, case) in cases {
        let vector = |name: &str| case[name].column(0).to_owned();
        let (s, p) = (&case["covariance"], &case["other_covariance"]);
        let d = s.nrows();
        let x = vector("x").insert_axis(Axis(0));
        let q = FullGaussian::from_covariance(&vector("mean"), s, 1).unwrap();
        let other = FullGaussian::from_covariance(&vector("other_mean"), p, 1).unwrap();
        let mut near = |name: &str, got: Array2<f64>, size: f64| {
            let want = &case[name];
            let most = want.iter().fold(size, |m, w| m.max(w.abs()));
            let off = apart(&got, want) / (f64::EPSILON * condition * most);
            worst = worst.max(off / (d + 1) as f64);
            assert!(off <= 4.0 * (d + 1) as f64, "{name}, d = {d}, condition {condition:e}: {off}");
        };
        let column = |row: &Array2<f64>| row.t().to_owned();
        // The size of a term u u' of a gradient.
        let square = |name: &str| case[name].iter().fold(0.0_f64, |m, u| m.max(u * u));
        let at = q.log_prob_grad(&x).unwrap();
        // Logarithms of eigenvalues, and the constant, are terms of both signs.
        let terms = d as f64 * (1.0 + condition.ln());
        near("log_prob", array![[at.value[0]]], terms);
        near("log_prob_mean", column(&at.grad.loc().to_owned()), 0.0);
        near("log_prob_covariance", q.in_covariance(0, &at.grad.flat().row(0)).unwrap(), square("log_prob_mean"));
        let entropy = q.entropy();
        near("entropy", array![[entropy.value[0]]], terms);
        near("entropy_covariance", q.in_covariance(0, &entropy.grad.flat().row(0)).unwrap(), 0.0);
        let kl = q.kl(&other).unwrap();
        near("kl", array![[kl.value[0]]], terms);
        near("kl_mean", column(&kl.grad.0.loc().to_owned()), 0.0);
        near("kl_covariance", q.in_covariance(0, &kl.grad.0.flat().row(0)).unwrap(), 0.0);
        near("kl_other_covariance", other.in_covariance(0, &kl.grad.1.flat().row(0)).unwrap(), square("kl_mean"));
    }
    assert!(worst > 1e-3, "the limit is of the size of the errors: {worst}");
}

/// The factor of the inverse makes the precision again.
#[test]
fn law_a_precision_is_the_inverse_of_the_covariance() {
    for d in [1, 2, 5, 60] {
        let seed = normal(d, d, 3);
        let precision = seed.dot(&seed.t()) / d as f64 + Array2::<f64>::eye(d);
        let precision = Array2::from_shape_fn((d, d), |(i, j)| precision[[i.max(j), i.min(j)]]);
        let q = FullGaussian::from_precision(&Array1::zeros(d), &precision, 1).unwrap();
        assert!(q.factor(0).indexed_iter().all(|((i, j), &l)| i > j || (i == j && l > 0.0) || l == 0.0));
        let back = q.covariance(0).dot(&precision);
        // Eigenvalues are between 1 and about 5.
        assert!(apart(&back, &Array2::eye(d)) <= 64.0 * d as f64 * f64::EPSILON);
    }
}

#[test]
fn hard_matrices_that_are_no_covariance() {
    let loc = array![0.0, 0.0];
    let of = |a: Array2<f64>| FullGaussian::from_covariance(&loc, &a, 1).unwrap_err();
    let inverse_of = |a: Array2<f64>| FullGaussian::from_precision(&loc, &a, 1).unwrap_err();
    let across = "the entry across the diagonal, to 8 epsilon of the largest";
    for (name, of) in [("covariance", &of as &dyn Fn(_) -> _), ("precision", &inverse_of)] {
        let entry = |i, j, value, expected| Error::Entry { name, index: vec![i, j], value, expected };
        assert_eq!(of(array![[1.0]]), Error::Shape { name, got: vec![1, 1], expected: vec![2, 2] });
        assert_eq!(of(array![[1.0, 0.0], [f64::NAN, 1.0]]), Error::NaN { name, row: 1 });
        assert_eq!(of(array![[1.0, 0.0], [0.0, f64::INFINITY]]), entry(1, 1, f64::INFINITY, "a finite number"));
        assert_eq!(of(array![[1.0, 0.5], [0.25, 1.0]]), entry(1, 0, 0.25, across));
        let slight = 1.0 + 4.0 * f64::EPSILON;
        assert!(matches!(of(array![[1.0, slight], [1.0, 1.0]]), Error::Pivot { .. }), "8 epsilon are rounding");
        let near = 1.0 - f64::EPSILON / 2.0;
        let Error::Condition { name: found, value } = of(array![[1.0, near], [near, 1.0]]) else { panic!("{name}") };
        assert_eq!(found, name);
        assert!((value * f64::EPSILON / 4.0 - 1.0).abs() < 1e-6, "2 / (1 - r): {value:e}");
        assert!(of(array![[1.0, near], [near, 1.0]]).to_string().ends_with("expected less than 1 / epsilon"));
    }
    let positive = "a positive number (a positive definite matrix)";
    let pivot = Error::Pivot { name: "covariance", pivot: 1, value: -3.0, expected: positive };
    assert_eq!(of(array![[1.0, 2.0], [2.0, 1.0]]), pivot);
    // A precision is eliminated from its last row on, and told as it was given.
    let pivot = Error::Pivot { name: "precision", pivot: 1, value: -1.0, expected: positive };
    assert_eq!(inverse_of(array![[1.0, 0.0], [0.0, -1.0]]), pivot);
    let none = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(FullGaussian::from_covariance(&loc, &Array2::eye(2), 0).unwrap_err(), none);
    assert_eq!(FullGaussian::from_precision(&loc, &Array2::eye(2), 0).unwrap_err(), none);
}

/// Units of its own for each coordinate are no matter: the factor is that of the units 1, to the last bit.
#[test]
fn law_units_of_coordinates_are_no_matter() {
    let plain = array![[1.0, 0.5, 0.25], [0.5, 1.0, -0.125], [0.25, -0.125, 2.0]];
    let origin = Array1::zeros(3);
    let want = FullGaussian::from_covariance(&origin, &plain, 1).unwrap().factor(0).to_owned();
    for powers in [[0, -33, 30], [-300, 0, 200], [-500, -500, -500], [500, 500, 500], [27, -27, 0]] {
        let units = powers.map(|k| 2.0_f64.powi(k));
        let scaled = Array2::from_shape_fn((3, 3), |(i, j)| plain[[i, j]] * units[i] * units[j]);
        let q = FullGaussian::from_covariance(&origin, &scaled, 1).unwrap();
        let factor = Array2::from_shape_fn((3, 3), |(i, j)| want[[i, j]] * units[i]);
        assert_eq!(q.factor(0), factor, "{powers:?}");
        let inverse = FullGaussian::from_precision(&origin, &scaled, 1).unwrap();
        let one = FullGaussian::from_precision(&origin, &plain, 1).unwrap();
        let factor = Array2::from_shape_fn((3, 3), |(i, j)| one.factor(0)[[i, j]] / units[i]);
        assert_eq!(inverse.factor(0), factor, "{powers:?}");
    }
    for v in [1e-309, 1.5e308] {
        let q = FullGaussian::from_covariance(&array![0.0], &array![[v]], 1).unwrap();
        assert!((q.factor(0)[[0, 0]] / v.sqrt() - 1.0).abs() < 4.0 * f64::EPSILON);
    }
}

/// A coordinate that is a combination of others but for rounding: its pivot is what elimination rounds off, of any sign.
#[test]
fn hard_a_combination_of_coordinates_is_no_covariance() {
    for seed in 0..100 {
        let x = normal(50, 3, seed);
        let column = |j: usize| x.column(j).to_owned();
        let last = column(0) * 0.3 + column(1) * 0.7;
        let all = Array2::from_shape_fn((50, 4), |(i, j)| if j < 3 { x[[i, j]] } else { last[i] });
        let s = all.t().dot(&all);
        let s = Array2::from_shape_fn((4, 4), |(i, j)| s[[i.max(j), i.min(j)]]);
        let error = FullGaussian::from_covariance(&Array1::zeros(4), &s, 1).unwrap_err();
        assert!(matches!(error, Error::Pivot { pivot: 3, .. } | Error::Condition { .. }), "{error}");
    }
}
