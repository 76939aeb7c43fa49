//! Singular values against planted ones and a table in 110 digits, and condition numbers by other routes.

use estimand::Error;
use estimand::matrix::{Lu, SymmetricSpectrum, condition, singular_values};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;

use crate::support::matrices::{largest, orthogonal, with_spectrum};
use crate::support::reference::table;
use crate::support::strategy::{array as reals, config};

/// U S V' of any shape, and S.
fn planted(most: f64) -> impl Strategy<Value = (Array2<f64>, Vec<f64>)> {
    (1_usize..8, 1_usize..8).prop_flat_map(move |(n, m)| {
        let logs = prop::collection::vec(-most.ln() / 2.0..=most.ln() / 2.0, n.min(m));
        (logs, reals((n, n), -1.0, 1.0), reals((m, m), -1.0, 1.0)).prop_map(move |(logs, left, right)| {
            let (u, v) = (orthogonal(&left), orthogonal(&right));
            let mut values: Vec<f64> = logs.iter().map(|l| l.exp()).collect();
            values.sort_by(|p, q| q.total_cmp(p));
            let a = Array2::from_shape_fn((n, m), |(i, j)| {
                values.iter().enumerate().map(|(k, s)| u[[i, k]] * s * v[[j, k]]).sum()
            });
            (a, values)
        })
    })
}

/// What rounding does to a singular value: as to an eigenvalue, some of the largest.
fn rounding(a: &Array2<f64>, most: f64) -> f64 {
    16.0 * a.nrows().max(a.ncols()) as f64 * f64::EPSILON * most
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_planted_singular_values_are_found((a, values) in planted(1e6)) {
        let got = singular_values(&a).unwrap();
        let allowed = rounding(&a, values[0]);
        prop_assert_eq!(got.len(), values.len());
        prop_assert!(got.iter().zip(&values).all(|(g, v)| (g - v).abs() <= allowed), "{got} {values:?}");
        let turned = singular_values(&a.t()).unwrap();
        prop_assert!(got.iter().zip(&turned).all(|(g, t)| (g - t).abs() <= allowed));
        let least = values[values.len() - 1];
        let (ratio, expected) = (condition(&a).unwrap(), values[0] / least);
        prop_assert!((ratio / expected - 1.0).abs() <= 2.0 * allowed / least, "{ratio} {expected}");
        // The sum of squares is that of the entries.
        let square = a.iter().map(|x| x * x).sum::<f64>();
        prop_assert!((got.iter().map(|s| s * s).sum::<f64>() - square).abs() <= rounding(&a, square));
    }

    /// That of the inverse, which is made by elimination; and of a symmetric matrix, by its eigenvalues.
    #[test]
    fn law_the_condition_number_is_that_of_the_inverse_and_of_the_spectrum(
        (logs, seed) in (1_usize..8).prop_flat_map(|d| (prop::collection::vec(-5.0..5.0_f64, d), reals((d, d), -1.0, 1.0))),
    ) {
        let d = logs.len();
        let values: Vec<f64> = logs.iter().enumerate().map(|(k, l)| if k % 2 == 0 { l.exp() } else { -l.exp() }).collect();
        let a = with_spectrum(&values, &seed);
        let got = condition(&a).unwrap();
        let unit = 32.0 * (d * d) as f64 * f64::EPSILON * got;
        let other = SymmetricSpectrum::of(&a).unwrap().condition();
        prop_assert!((got / other - 1.0).abs() <= unit);
        let inverse = Lu::of(&a).unwrap().inverse().unwrap();
        prop_assert!((got / condition(&inverse).unwrap() - 1.0).abs() <= 4.0 * unit);
    }

    #[test]
    fn law_an_orthogonal_matrix_has_condition_1(seed in (1_usize..9).prop_flat_map(|d| reals((d, d), -1.0, 1.0))) {
        let q = orthogonal(&seed);
        prop_assert!((condition(&q).unwrap() - 1.0).abs() <= rounding(&q, 1.0));
    }
}

#[test]
fn ref_conditions_of_hilbert_matrices() {
    for row in table("hilbert.csv") {
        let [n, scale, most, least, expected, _] = row.numbers::<6>(0);
        let a = Array2::from_shape_fn((n as usize, n as usize), |(i, j)| scale / (i + j + 1) as f64);
        let got = singular_values(&a).unwrap();
        let allowed = rounding(&a, most);
        assert!((got[0] - most).abs() <= allowed && (got[got.len() - 1] - least).abs() <= allowed, "{n}");
        let relative = 2.0 * allowed / least;
        assert!((condition(&a).unwrap() / expected - 1.0).abs() <= relative, "{n}");
        if n <= 8.0 {
            assert!(relative < 0.01, "the table says something");
        }
    }
}

#[test]
fn hard_singular_values_at_the_edges() {
    for empty in [(0, 0), (0, 3), (3, 0)] {
        let a = Array2::<f64>::zeros(empty);
        assert_eq!((singular_values(&a).unwrap().len(), condition(&a).unwrap()), (0, 1.0));
    }
    assert_eq!(singular_values(&Array2::zeros((2, 3))).unwrap(), array![0.0, 0.0]);
    assert_eq!(condition(&Array2::zeros((2, 3))).unwrap(), f64::INFINITY);
    assert_eq!(condition(&array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).unwrap(), f64::INFINITY);
    assert_eq!(condition(&array![[-3.0]]).unwrap(), 1.0);
    // Singular by rounding alone: what is left is below the rounding of the largest.
    assert!(condition(&array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]).unwrap() > 1e15);
    assert_eq!(singular_values(&array![[1.0], [f64::NAN]]).err(), Some(Error::NaN { name: "a", row: 1 }));
    assert_eq!(condition(&array![[f64::NAN]]).err(), Some(Error::NaN { name: "a", row: 0 }));
    let infinite = Error::Entry { name: "a", index: vec![0, 1], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(condition(&array![[1.0, f64::INFINITY]]).err(), Some(infinite));
}

/// Squares of these are no numbers; nor is the reciprocal of the least.
#[test]
fn hard_singular_values_of_any_size() {
    let a = array![[3.0, 1.0, 0.5], [-1.0, 2.0, 0.0]];
    let expected = singular_values(&a).unwrap();
    for size in [1e-310, 1e-300, 1e-200, 1e200, 1e300, 5e307] {
        let scaled = &a * size;
        let got = singular_values(&scaled).unwrap();
        // A subnormal matrix has fewer digits itself.
        let digits = f64::EPSILON.max(4e-324 / size);
        for (g, e) in got.iter().zip(&expected) {
            assert!((g / size - e).abs() <= 32.0 * digits * largest(&a), "{size:e}: {got} {expected}");
        }
        let ratio = condition(&scaled).unwrap() / (expected[0] / expected[1]);
        assert!((ratio - 1.0).abs() <= 64.0 * digits, "{size:e}: {ratio}");
    }
}
