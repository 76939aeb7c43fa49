//! The Gaussian with a full covariance: constructors and their errors here, the rest by file.

mod factors;
mod gradients;
mod images;
mod kl;
mod law;
mod matrices;

use estimand::distribution::FullParts;
use estimand::ndarray::{Array1, Array2, ArrayRef2, array};
use estimand::{DiagGaussian, Distribution, Error, FullGaussian, Parts, Shape};
use proptest::prelude::*;

use crate::support::strategy::array as reals;

/// A mean and a lower triangular factor with a diagonal between 1/2 and 2, and off it at most `off`.
pub fn law_of(d: usize, off: f64) -> impl Strategy<Value = (Array1<f64>, Array2<f64>)> {
    (reals((1, d), -2.0, 2.0), reals((d, d), -off, off), reals((1, d), 0.5, 2.0)).prop_map(
        move |(mean, below, scale)| {
            let lower = Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => scale[[0, i]],
                std::cmp::Ordering::Greater => below[[i, j]],
            });
            (mean.row(0).to_owned(), lower)
        },
    )
}

/// The largest difference of two arrays.
pub fn apart(a: &ArrayRef2<f64>, b: &ArrayRef2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn hard_the_layout_of_a_head() {
    let head = array![[1.0, 2.0, 3.0, 0.0, 0.1, 0.2, 10.0, 20.0, 21.0]];
    let q = FullGaussian::from_head(&head).unwrap();
    assert_eq!(q.shape(), Shape { rows: 1, repeat: 1, dim: 3 });
    let e = f64::exp;
    let factor = array![[1.0, 0.0, 0.0], [10.0, e(0.1), 0.0], [20.0, 21.0, e(0.2)]];
    assert!(apart(&q.factor(0), &factor) <= 4.0 * f64::EPSILON, "row by row below the diagonal");
    assert_eq!(q.loc(), array![[1.0, 2.0, 3.0]]);
    assert_eq!((q.parts().width(), FullParts::NAMES), (9, &["loc", "log_scale", "below"][..]));
    for columns in [1, 3, 4, 6, 7, 8, 10] {
        let error = FullGaussian::from_head(Array2::<f64>::zeros((2, columns))).unwrap_err();
        let expected = "dim (dim + 3) / 2 (loc | log_scale | below)".to_owned();
        assert_eq!(error, Error::Count { name: "head", axis: "columns", got: columns, expected });
    }
    let column_major = Array2::from_shape_fn((9, 2), |(j, i)| head[[0, j]] + i as f64).reversed_axes();
    let two = FullGaussian::from_head(&column_major).unwrap();
    assert_eq!((two.factor(0), two.loc().row(1)), (q.factor(0), array![2.0, 3.0, 4.0].view()), "whatever the layout");
}

#[test]
fn hard_what_is_no_factor() {
    let loc = array![0.0, 0.0];
    let of = |factor: Array2<f64>| FullGaussian::from_factor(&loc, &factor, 1).unwrap_err();
    let entry = |i, j, value, expected| Error::Entry { name: "factor", index: vec![i, j], value, expected };
    assert_eq!(of(array![[1.0]]), Error::Shape { name: "factor", got: vec![1, 1], expected: vec![2, 2] });
    assert_eq!(of(array![[1.0, 0.0], [f64::NAN, 1.0]]), Error::NaN { name: "factor", row: 1 });
    assert_eq!(of(array![[1.0, 0.0], [f64::INFINITY, 1.0]]), entry(1, 0, f64::INFINITY, "a finite number"));
    assert_eq!(of(array![[1.0, 0.5], [0.0, 1.0]]), entry(0, 1, 0.5, "0 (a lower triangular matrix)"));
    assert_eq!(of(array![[1.0, 0.0], [0.0, -2.0]]), entry(1, 1, -2.0, "a number above 0 (on the diagonal)"));
    let none = FullGaussian::from_factor(&loc, &Array2::eye(2), 0).unwrap_err();
    assert_eq!(none, Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" });
    assert_eq!(FullGaussian::<f64>::standard(0, 2).unwrap_err(), none);
}

#[test]
fn hard_a_factor_that_is_not_there() {
    let q = FullGaussian::<f64>::standard(3, 2).unwrap();
    assert_eq!(q.factor(1).dim(), (0, 0));
    assert_eq!(q.covariance(1).dim(), (0, 0));
    let diag = DiagGaussian::<f64>::standard(3, 2).unwrap();
    assert_eq!(FullGaussian::from_diag(&diag).shape(), diag.shape());
}
