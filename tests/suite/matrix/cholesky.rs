//! The factor against matrices with a planted spectrum, its derivatives against differences along symmetric steps, and
//! against elimination.

use estimand::Error;
use estimand::check::{gradient, gradient_with_step};
use estimand::matrix::{Cholesky, Lu};
use estimand::ndarray::{Array1, Array2, ArrayRef1, array};
use proptest::prelude::*;

use crate::support::matrices::{halves, largest, of_halves, off_identity, product, whole, with_spectrum};
use crate::support::strategy::{array as reals, config};

/// A positive definite matrix, its eigenvalues, and numbers to go with it.
fn definite(condition: f64) -> impl Strategy<Value = (Array2<f64>, Vec<f64>, Array2<f64>)> {
    let spread = condition.ln();
    (1_usize..7).prop_flat_map(move |d| {
        let values = prop::collection::vec(-spread / 2.0..=spread / 2.0, d);
        (values, reals((d, d), -1.0, 1.0), reals((d, d), -2.0, 2.0)).prop_map(|(logs, seed, other)| {
            let values: Vec<f64> = logs.iter().map(|l| l.exp()).collect();
            (with_spectrum(&values, &seed), values, other)
        })
    })
}

/// The ratio of the largest eigenvalue to the smallest.
fn condition(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most: f64, v| most.max(*v))
        / values.iter().fold(f64::INFINITY, |least: f64, v| least.min(*v))
}

proptest! {
    #![proptest_config(config())]

    /// L L' = A to the backward error of elimination (d + 1 epsilon of the largest diagonal entry), whatever the condition.
    #[test]
    fn law_the_factor_makes_its_matrix((a, _, _) in definite(1e10)) {
        let d = a.nrows();
        let cholesky = Cholesky::of(&a).unwrap();
        let lower = cholesky.factor();
        let back = product(&lower, &lower.t());
        prop_assert!(largest(&(&back - &a)) <= (d + 1) as f64 * f64::EPSILON * largest(&a));
        for ((i, j), &l) in lower.indexed_iter() {
            prop_assert!((i < j && l == 0.0) || i > j || (i == j && l > 0.0));
        }
    }

    /// The determinant is the product of the eigenvalues. The matrix itself is rounded, so that an eigenvalue moves by
    /// some epsilons of the largest.
    #[test]
    fn law_log_det_is_that_of_the_planted_spectrum((a, values, _) in definite(1e8)) {
        let d = values.len() as f64;
        let got = Cholesky::of(&a).unwrap().log_det();
        let expected: f64 = values.iter().map(|v| v.ln()).sum();
        let allowed = 8.0 * d * d * f64::EPSILON * condition(&values);
        prop_assert!((got - expected).abs() <= allowed, "{got} {expected} {allowed:e}");
    }

    /// The inverse is one, and symmetric; solutions and forms are those of the inverse.
    #[test]
    fn law_the_inverse_and_its_solutions((a, values, other) in definite(1e8)) {
        let d = values.len();
        let cholesky = Cholesky::of(&a).unwrap();
        let inverse = cholesky.inverse();
        let allowed = 8.0 * (d * d) as f64 * f64::EPSILON * condition(&values);
        prop_assert!(off_identity(&a, &inverse) <= allowed);
        prop_assert_eq!(&inverse, &inverse.t());
        let x = other.column(0).to_owned();
        let solved = cholesky.solve(&x).unwrap();
        let length = x.iter().map(|x| x.abs()).sum::<f64>();
        let size = largest(&inverse) * length;
        let by_inverse: Array1<f64> = (0..d).map(|i| (0..d).map(|j| inverse[[i, j]] * x[j]).sum()).collect();
        prop_assert!(solved.iter().zip(&by_inverse).all(|(s, b)| (s - b).abs() <= allowed * size));
        let form = cholesky.inverse_quadratic(&x).unwrap();
        let expected: f64 = solved.iter().zip(&x).map(|(s, x)| s * x).sum();
        prop_assert!((form.value - expected).abs() <= allowed * size * length);
        prop_assert!(form.value >= 0.0);
    }

    /// Every derivative in A, along the lower half of symmetric steps.
    #[test]
    fn law_derivatives_in_a_definite_matrix_are_those_of_differences((a, values, other) in definite(50.0)) {
        let d = a.nrows();
        // Steps of a sixteenth of the least eigenvalue, on the way to the next singular matrix.
        let step = values.iter().fold(1.0, |least: f64, v| least.min(*v)) / largest(&a).max(1.0) / 16.0;
        let near = |f: &dyn Fn(&Cholesky) -> f64, g: &Array2<f64>| {
            let along = |half: &ArrayRef1<f64>| Cholesky::of(&whole(half, d)).map_or(f64::NAN, |a| f(&a));
            let agreement = gradient_with_step(along, &halves(&a), &of_halves(g), step).unwrap();
            assert!(agreement.within(1e-6), "{agreement}");
            assert_eq!(g, &g.t(), "a derivative in a symmetric matrix is symmetric");
        };
        let cholesky = Cholesky::of(&a).unwrap();
        near(&|a| a.log_det(), &cholesky.inverse());
        let x = other.column(0).to_owned();
        near(&|a| a.inverse_quadratic(&x).unwrap().value, &cholesky.inverse_quadratic(&x).unwrap().grad.1);
        let weighed = |a: &Cholesky| a.factor().indexed_iter().map(|((i, j), l)| if i < j { 0.0 } else { other[[i, j]] * l }).sum();
        near(&weighed, &cholesky.pull_back(&other).unwrap());
        // In x.
        let in_x = cholesky.inverse_quadratic(&x).unwrap().grad.0;
        let form = |x: &ArrayRef1<f64>| cholesky.inverse_quadratic(x).unwrap().value;
        prop_assert!(gradient(form, &x, &in_x).unwrap().within(1e-9));
    }

    /// The logarithm of the determinant by way of the factor: its derivative in L is 2 / l_ii, and pulled back it is the
    /// inverse. And elimination, which shares nothing with it, agrees.
    #[test]
    fn law_two_routes_to_a_definite_matrix_agree((a, values, other) in definite(1e6)) {
        let d = values.len();
        let (cholesky, lu) = (Cholesky::of(&a).unwrap(), Lu::of(&a).unwrap());
        let lower = cholesky.factor();
        let d_lower = Array2::from_shape_fn((d, d), |(i, j)| if i == j { 2.0 / lower[[i, i]] } else { 0.0 });
        let inverse = cholesky.inverse();
        let allowed = 16.0 * (d * d) as f64 * f64::EPSILON * condition(&values);
        prop_assert!(largest(&(cholesky.pull_back(&d_lower).unwrap() - &inverse)) <= allowed * largest(&inverse));
        prop_assert!(largest(&(lu.inverse().unwrap() - &inverse)) <= allowed * largest(&inverse));
        prop_assert!((lu.log_det().log_abs - cholesky.log_det()).abs() <= allowed);
        let x = other.column(0).to_owned();
        let (by_factor, by_lu) = (cholesky.inverse_quadratic(&x).unwrap(), lu.inverse_bilinear(&x, &x).unwrap());
        let size = by_factor.value.abs().max(largest(&inverse));
        prop_assert!((by_factor.value - by_lu.value).abs() <= allowed * size);
        prop_assert!(largest(&(by_factor.grad.1 - by_lu.grad.1)) <= allowed * largest(&inverse) * size);
    }
}

/// Of sizes about those at which elimination changes its way, and rows are laid further apart.
#[test]
fn law_the_factor_of_a_large_matrix_makes_it() {
    for d in [16, 63, 64, 65, 128, 129] {
        let mixed = Array2::from_shape_fn((d, d), |(i, j)| ((i * 7 + j * 13) as f64).sin());
        let a = Array2::from_shape_fn((d, d), |(i, j)| {
            let (i, j) = (i.max(j), i.min(j));
            (0..d).map(|k| mixed[[i, k]] * mixed[[j, k]]).sum::<f64>() + if i == j { 1.0 } else { 0.0 }
        });
        let cholesky = Cholesky::of(&a).unwrap();
        let lower = cholesky.factor();
        let back = product(&lower, &lower.t());
        assert!(largest(&(&back - &a)) <= (d + 1) as f64 * f64::EPSILON * largest(&a), "{d}");
        assert!(lower.indexed_iter().all(|((i, j), &l)| i >= j || l == 0.0), "{d}");
        let by_columns = a.t().as_standard_layout().into_owned().reversed_axes();
        assert_eq!(Cholesky::of(&by_columns).unwrap(), cholesky, "{d}");
    }
}

#[test]
fn hard_matrices_without_a_factor() {
    let expected = "a positive number (a positive definite matrix)";
    let pivot = |pivot, value| Some(Error::Pivot { name: "a", pivot, value, expected });
    assert_eq!(Cholesky::of(&array![[1.0, 2.0], [2.0, 1.0]]).err(), pivot(1, -3.0));
    assert_eq!(Cholesky::of(&array![[1.0, 1.0], [1.0, 1.0]]).err(), pivot(1, 0.0));
    assert_eq!(Cholesky::of(&array![[0.0]]).err(), pivot(0, 0.0));
    assert_eq!(Cholesky::of(&array![[4.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 1.0]]).err(), pivot(1, -2.0));
    // Far inside of a large one, where elimination goes by parts.
    let mut large = Array2::<f64>::eye(300);
    large[[250, 250]] = -5.0;
    assert_eq!(Cholesky::of(&large).err(), pivot(250, -5.0));
}

#[test]
fn hard_what_is_no_symmetric_matrix() {
    let shape = Error::Shape { name: "a", got: vec![2, 3], expected: vec![2, 2] };
    assert_eq!(Cholesky::of(&Array2::zeros((2, 3))).err(), Some(shape));
    assert_eq!(Cholesky::of(&array![[1.0, 0.0], [f64::NAN, 1.0]]).err(), Some(Error::NaN { name: "a", row: 1 }));
    let infinite = Error::Entry { name: "a", index: vec![0, 1], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(Cholesky::of(&array![[1.0, f64::INFINITY], [0.0, 1.0]]).err(), Some(infinite));
    let a = |off: f64| array![[2.0, 1.0], [1.0 + off, 2.0]];
    let expected = "the entry across the diagonal, to 8 epsilon of the largest";
    let apart = 17.0 * f64::EPSILON;
    let asymmetric = Error::Entry { name: "a", index: vec![1, 0], value: 1.0 + apart, expected };
    assert_eq!(Cholesky::of(&a(apart)).err(), Some(asymmetric));
    assert!(Cholesky::of(&a(15.0 * f64::EPSILON)).is_ok());
}

#[test]
fn hard_small_and_extreme_definite_matrices() {
    let none = Cholesky::of(&Array2::zeros((0, 0))).unwrap();
    assert_eq!((none.log_det(), none.inverse()), (0.0, Array2::zeros((0, 0))));
    assert_eq!(none.inverse_quadratic(&Array1::zeros(0)).unwrap().value, 0.0);
    assert_eq!(none.pull_back(&Array2::zeros((0, 0))).unwrap(), Array2::<f64>::zeros((0, 0)));
    for size in [1e-300, 1e-150, 1e150, 1e300] {
        let a = Cholesky::of(&(Array2::<f64>::eye(3) * size)).unwrap();
        assert!((a.log_det() - 3.0 * size.ln()).abs() <= 1e-12);
        let x = a.solve(&array![size, 0.0, 0.0]).unwrap();
        assert!((x[0] - 1.0).abs() <= 2.0 * f64::EPSILON && x[1] == 0.0 && x[2] == 0.0, "{x}");
    }
    let a = Cholesky::of(&Array2::eye(2)).unwrap();
    let wrong = |name, got: &[usize], expected: &[usize]| {
        Some(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(a.solve(&Array1::zeros(3)).err(), wrong("b", &[3], &[2]));
    assert_eq!(a.inverse_quadratic(&Array1::zeros(1)).err(), wrong("x", &[1], &[2]));
    assert_eq!(a.pull_back(&Array2::zeros((2, 1))).err(), wrong("d_lower", &[2, 1], &[2, 2]));
}

/// What stands above the diagonal of the derivative in L says nothing.
#[test]
fn hard_the_upper_half_of_a_derivative_in_the_factor() {
    let a = Cholesky::of(&array![[4.0, 2.0], [2.0, 5.0]]).unwrap();
    let expected = a.pull_back(&array![[1.0, 0.0], [2.0, 3.0]]).unwrap();
    assert_eq!(a.pull_back(&array![[1.0, f64::NAN], [2.0, 3.0]]).unwrap(), expected);
}
