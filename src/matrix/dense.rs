//! Between arrays and the decompositions, and the doors of both.

use faer::{Mat, MatRef};
use ndarray::{Array2, ArrayRef2};

use crate::shape::{entries, no_nan_rows, same_shape};
use crate::{Error, Result};

/// How far the two halves of a symmetric matrix may be apart, in epsilons of its largest entry.
const APART: f64 = 8.0;

/// A square matrix of finite numbers.
pub(super) fn square_door(name: &'static str, a: &ArrayRef2<f64>) -> Result<()> {
    same_shape(name, a.shape(), &[a.nrows(), a.nrows()])?;
    no_nan_rows(name, a)?;
    entries(name, a, "a finite number", f64::is_finite)
}

/// A square matrix that is equal to its transpose but for rounding.
pub(super) fn symmetric_door(name: &'static str, a: &ArrayRef2<f64>) -> Result<()> {
    square_door(name, a)?;
    let allowed = APART * f64::EPSILON * largest(a);
    let found = a.indexed_iter().find(|&((i, j), x)| i > j && (x - a[[j, i]]).abs() > allowed);
    let expected = "the entry across the diagonal, to 8 epsilon of the largest";
    found.map_or(Ok(()), |((i, j), &value)| Err(Error::Entry { name, index: vec![i, j], value, expected }))
}

/// The largest magnitude.
pub(super) fn largest<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> f64 {
    numbers.into_iter().fold(0.0, |most: f64, x| most.max(x.abs()))
}

/// The lower half, and its mirror.
pub(super) fn mirrored(mut a: Array2<f64>) -> Array2<f64> {
    for i in 0..a.nrows() {
        for j in 0..i {
            a[[j, i]] = a[[i, j]];
        }
    }
    a
}

/// A copy for the decompositions.
pub(super) fn mat(a: &ArrayRef2<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// A copy of what they made.
pub(super) fn array(a: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), a.ncols()), |(i, j)| a[(i, j)])
}
