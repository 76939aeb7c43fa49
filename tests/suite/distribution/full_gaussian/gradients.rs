//! Gradients in matrices against differences of what the matrices make.

use estimand::check;
use estimand::ndarray::{Array1, Array2, array};
use estimand::{Distribution, Error, FullGaussian};
use proptest::prelude::*;

use super::law_of;
use crate::support::matrices::{halves, of_halves, whole};
use crate::support::strategy::{array as reals, config};

proptest! {
    #![proptest_config(config())]

    /// Of a log-density, in the factor, in the covariance and in the precision, along steps that keep their form.
    #[test]
    fn law_gradients_in_matrices_are_those_of_differences(
        ((mean, lower), x) in (1_usize..5).prop_flat_map(|d| (law_of(d, 0.6), reals((1, d), -3.0, 3.0)))
    ) {
        let d = mean.len();
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        let at = q.log_prob_grad(&x).unwrap();
        let row = at.grad.flat().row(0).to_owned();

        let lower_part = |a: &Array2<f64>| halves(a);
        let from_lower = |l: &estimand::ndarray::ArrayRef1<f64>| {
            let l = whole(l, d);
            Array2::from_shape_fn((d, d), |(i, j)| if i < j { 0.0 } else { l[[i, j]] })
        };
        let of_factor = |l: &estimand::ndarray::ArrayRef1<f64>| FullGaussian::from_factor(&mean, &from_lower(l), 1).unwrap().log_prob(&x).unwrap()[0];
        let grad = q.in_factor(0, &row).unwrap();
        let found = check::gradient(of_factor, &lower_part(&lower), &lower_part(&grad)).unwrap();
        prop_assert!(found.error <= 1e-6 * found.scale.max(1.0), "factor: {found}");

        let covariance = lower.dot(&lower.t());
        let of_covariance = |s: &estimand::ndarray::ArrayRef1<f64>| {
            FullGaussian::from_covariance(&mean, &whole(s, d), 1).unwrap().log_prob(&x).unwrap()[0]
        };
        let grad = of_halves(&q.in_covariance(0, &row).unwrap());
        let found = check::gradient_with_step(of_covariance, &halves(&covariance), &grad, 1e-3).unwrap();
        prop_assert!(found.error <= 1e-6 * found.scale.max(1.0), "covariance: {found}");

        let precision = estimand::matrix::Lu::of(&covariance).unwrap().inverse().unwrap();
        let of_precision = |s: &estimand::ndarray::ArrayRef1<f64>| {
            FullGaussian::from_precision(&mean, &whole(s, d), 1).unwrap().log_prob(&x).unwrap()[0]
        };
        let grad = of_halves(&q.in_precision(0, &row).unwrap());
        let found = check::gradient_with_step(of_precision, &halves(&precision), &grad, 1e-4).unwrap();
        prop_assert!(found.error <= 1e-6 * found.scale.max(1.0), "precision: {found}");
    }
}

#[test]
fn hard_gradients_of_a_row_that_is_not_there() {
    let q = FullGaussian::<f64>::standard(1, 2).unwrap();
    let row = Array1::zeros(5);
    let no_row = Error::Parameter { name: "t", value: 1.0, expected: "the number of a parameter row" };
    assert_eq!(q.in_factor(1, &row), Err(no_row.clone()));
    assert_eq!(q.in_covariance(1, &row), Err(no_row.clone()));
    assert_eq!(q.in_precision(1, &row), Err(no_row));
    let short = Error::Shape { name: "grad", got: vec![4], expected: vec![5] };
    assert_eq!(q.in_covariance(0, &array![0.0, 0.0, 0.0, 0.0]), Err(short));
}
