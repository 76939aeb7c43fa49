//! Elimination against the definition of a determinant in whole numbers, and derivatives against differences.

use estimand::Error;
use estimand::check::{gradient, gradient_with_step};
use estimand::matrix::{LogDet, Lu};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, array};
use proptest::prelude::*;

use crate::support::matrices::{largest, off_identity, orthogonal};
use crate::support::strategy::{array as reals, config};

/// det A by its definition: a sum over permutations, along the first row.
fn by_definition(a: &[Vec<i128>]) -> i128 {
    let Some(first) = a.first() else { return 1 };
    let minor = |j: usize| -> Vec<Vec<i128>> {
        a[1..].iter().map(|row| row.iter().enumerate().filter(|(k, _)| *k != j).map(|(_, x)| *x).collect()).collect()
    };
    first.iter().enumerate().map(|(j, x)| (if j % 2 == 0 { 1 } else { -1 }) * x * by_definition(&minor(j))).sum()
}

fn whole(range: i128) -> impl Strategy<Value = Vec<Vec<i128>>> {
    (0_usize..7).prop_flat_map(move |d| prop::collection::vec(prop::collection::vec(-range..=range, d), d))
}

fn matrix(a: &[Vec<i128>]) -> Array2<f64> {
    Array2::from_shape_fn((a.len(), a.len()), |(i, j)| a[i][j] as f64)
}

/// U S V' with singular values of a known ratio, and numbers to go with it.
fn invertible(condition: f64) -> impl Strategy<Value = (Array2<f64>, f64, Array2<f64>)> {
    let spread = condition.ln();
    (1_usize..7).prop_flat_map(move |d| {
        let logs = prop::collection::vec(-spread / 2.0..=spread / 2.0, d);
        (logs, reals((d, d), -1.0, 1.0), reals((d, d), -1.0, 1.0), reals((d, d), -2.0, 2.0)).prop_map(
            |(logs, left, right, other)| {
                let (u, v) = (orthogonal(&left), orthogonal(&right));
                let d = logs.len();
                let a =
                    Array2::from_shape_fn((d, d), |(i, j)| (0..d).map(|k| u[[i, k]] * logs[k].exp() * v[[j, k]]).sum());
                let ends =
                    logs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &l| (low.min(l), high.max(l)));
                (a, (ends.1 - ends.0).exp(), other)
            },
        )
    })
}

fn flat(a: &ArrayRef2<f64>) -> Array1<f64> {
    a.iter().copied().collect()
}

fn folded(p: &ArrayRef1<f64>, d: usize) -> Array2<f64> {
    Array2::from_shape_vec((d, d), p.to_vec()).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// Whole numbers: singular ones too, and negative determinants. Elimination is exact for a matrix d^2 epsilon away
    /// in each entry, and a determinant moves by no more than that times d times the product of its rows' lengths
    /// (Hadamard).
    #[test]
    fn law_the_determinant_is_its_definition(a in whole(4)) {
        let exact = by_definition(&a) as f64;
        let lu = Lu::of(&matrix(&a)).unwrap();
        let d = a.len() as f64;
        let rows: f64 = a.iter().map(|row| row.iter().map(|x| (x * x) as f64).sum::<f64>().sqrt().max(1.0)).product();
        let allowed = d * d * d * f64::EPSILON * rows;
        prop_assert!((lu.determinant() - exact).abs() <= allowed, "{} {exact}", lu.determinant());
        // One half is far beyond what rounding does to such small numbers, and a whole number is not.
        prop_assert!(allowed < 0.5);
        prop_assert_eq!(lu.inverse().is_ok(), exact != 0.0);
        if exact != 0.0 {
            let LogDet { sign, log_abs } = lu.log_det();
            prop_assert_eq!(sign, exact.signum());
            prop_assert!((log_abs - exact.abs().ln()).abs() <= 2.0 * allowed / exact.abs());
        }
    }

    /// A matrix that exchanges rows has the determinant of its permutation: -1 to the number of its inversions.
    #[test]
    fn law_exchanged_rows_have_the_sign_of_their_permutation(order in Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let d = order.len();
        let a = Array2::from_shape_fn((d, d), |(i, j)| if order[i] == j { 1.0 } else { 0.0 });
        let inversions = (0..d).flat_map(|i| (0..i).map(move |j| (j, i))).filter(|&(j, i)| order[j] > order[i]).count();
        let expected = if inversions % 2 == 0 { 1.0 } else { -1.0 };
        let lu = Lu::of(&a).unwrap();
        prop_assert_eq!(lu.determinant(), expected);
        prop_assert_eq!(lu.log_det(), LogDet { sign: expected, log_abs: 0.0 });
        prop_assert_eq!(lu.inverse().unwrap(), a.t());
    }

    #[test]
    fn law_the_inverse_of_any_matrix_and_its_solutions((a, condition, other) in invertible(1e8)) {
        let d = a.nrows();
        let lu = Lu::of(&a).unwrap();
        let inverse = lu.inverse().unwrap();
        let allowed = 8.0 * (d * d) as f64 * f64::EPSILON * condition;
        prop_assert!(off_identity(&a, &inverse) <= allowed);
        prop_assert!(off_identity(&inverse, &a) <= allowed);
        let b = other.column(0).to_owned();
        let x = lu.solve(&b).unwrap();
        let left: Array1<f64> = (0..d).map(|i| (0..d).map(|j| a[[i, j]] * x[j]).sum::<f64>() - b[i]).collect();
        let size = largest(&a) * d as f64 * x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        prop_assert!(left.iter().all(|l| l.abs() <= 8.0 * (d * d) as f64 * f64::EPSILON * size));
    }

    #[test]
    fn law_derivatives_in_any_invertible_matrix_are_those_of_differences((a, _, other) in invertible(20.0)) {
        let d = a.nrows();
        let near = |f: &dyn Fn(&Lu) -> f64, g: &Array2<f64>| {
            let along = |p: &ArrayRef1<f64>| Lu::of(&folded(p, d)).map_or(f64::NAN, |a| f(&a));
            // Steps that stay short of the next singular matrix.
            let agreement = gradient_with_step(along, &flat(&a), &flat(g), 0.02).unwrap();
            assert!(agreement.within(1e-6), "{agreement}");
        };
        let lu = Lu::of(&a).unwrap();
        near(&|a| a.log_det().log_abs, &lu.log_det_grad().unwrap());
        let weighed = |a: &Lu| a.inverse().map_or(f64::NAN, |inverse| (&inverse * &other).sum());
        near(&weighed, &lu.inverse_pull_back(&other).unwrap());
        let (x, y) = (other.column(0).to_owned(), other.row(0).to_owned());
        let at = lu.inverse_bilinear(&x, &y).unwrap();
        near(&|a| a.inverse_bilinear(&x, &y).map_or(f64::NAN, |at| at.value), &at.grad.1);
        let in_x = gradient(|x| lu.inverse_bilinear(x, &y).unwrap().value, &x, &at.grad.0).unwrap();
        let in_y = gradient(|y| lu.inverse_bilinear(&x, y).unwrap().value, &y, &at.grad.2).unwrap();
        prop_assert!(in_x.within(1e-9) && in_y.within(1e-9), "{in_x} {in_y}");
    }
}

/// Singular to rounding, though no pivot is 0; and matrices that are far from it, however their rows and columns are
/// scaled.
#[test]
fn hard_what_is_singular() {
    let expected = "more than rounding (an invertible matrix)";
    let by_rounding = Lu::of(&array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]).unwrap();
    assert!(by_rounding.determinant().abs() < 1e-14);
    let Some(Error::Pivot { name: "a", pivot: 2, value, .. }) = by_rounding.inverse().err() else { panic!("singular") };
    assert!(value.abs() < 1e-15);
    let refused = Some(Error::Pivot { name: "a", pivot: 2, value, expected });
    assert_eq!(by_rounding.solve(&Array1::zeros(3)).err(), refused);
    assert_eq!(by_rounding.log_det_grad().err(), refused);
    assert_eq!(by_rounding.inverse_pull_back(&Array2::zeros((3, 3))).err(), refused);
    assert_eq!(by_rounding.inverse_bilinear(&Array1::zeros(3), &Array1::zeros(3)).err(), refused);

    let zero = Lu::of(&array![[0.0, 1.0], [0.0, 2.0]]).unwrap();
    assert_eq!((zero.determinant(), zero.log_det()), (0.0, LogDet { sign: 0.0, log_abs: f64::NEG_INFINITY }));
    assert_eq!(zero.inverse().err(), Some(Error::Pivot { name: "a", pivot: 0, value: 0.0, expected }));

    for (a, det) in [
        (array![[1.0, 0.0], [0.0, 1e-30]], 1e-30),
        (array![[1.0, 1.0], [1e-30, -1e-30]], -2e-30),
        (array![[1.0, 1e-30], [1.0, -1e-30]], -2e-30),
        (array![[1e-30, -1e-30], [1.0, 1.0]], 2e-30),
        (array![[1e-300, 0.0], [0.0, 1e300]], 1.0),
    ] {
        let lu = Lu::of(&a).unwrap();
        assert!((lu.determinant() / det - 1.0).abs() <= 2.0 * f64::EPSILON, "{a}");
        assert!(off_identity(&a, &lu.inverse().unwrap()) <= 4.0 * f64::EPSILON, "{a}");
    }
}

#[test]
fn hard_determinants_beyond_the_numbers() {
    let large = Lu::of(&(Array2::<f64>::eye(3) * -1e200)).unwrap();
    assert_eq!(large.determinant(), f64::NEG_INFINITY);
    assert_eq!(large.log_det().sign, -1.0);
    assert!((large.log_det().log_abs - 600.0 * 10.0_f64.ln()).abs() < 1e-12);
    let none = Lu::of(&Array2::zeros((0, 0))).unwrap();
    assert_eq!((none.determinant(), none.log_det()), (1.0, LogDet { sign: 1.0, log_abs: 0.0 }));
    assert_eq!(none.inverse().unwrap(), Array2::<f64>::zeros((0, 0)));
}

#[test]
fn hard_what_is_no_square_matrix() {
    let wrong = |name, got: &[usize], expected: &[usize]| {
        Some(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(Lu::of(&Array2::zeros((3, 2))).err(), wrong("a", &[3, 2], &[3, 3]));
    assert_eq!(Lu::of(&array![[f64::NAN]]).err(), Some(Error::NaN { name: "a", row: 0 }));
    let infinite = Error::Entry { name: "a", index: vec![1, 0], value: f64::NEG_INFINITY, expected: "a finite number" };
    assert_eq!(Lu::of(&array![[1.0, 0.0], [f64::NEG_INFINITY, 1.0]]).err(), Some(infinite));
    let lu = Lu::of(&Array2::eye(2)).unwrap();
    assert_eq!(lu.solve(&Array1::zeros(1)).err(), wrong("b", &[1], &[2]));
    assert_eq!(lu.inverse_pull_back(&Array2::zeros((1, 1))).err(), wrong("d_inverse", &[1, 1], &[2, 2]));
    assert_eq!(lu.inverse_bilinear(&Array1::zeros(1), &Array1::zeros(2)).err(), wrong("x", &[1], &[2]));
    assert_eq!(lu.inverse_bilinear(&Array1::zeros(2), &Array1::zeros(3)).err(), wrong("y", &[3], &[2]));
}
