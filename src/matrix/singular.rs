use ndarray::{Array1, ArrayRef2};

use super::dense::{finite_door, largest, mat};
use super::wide::unit;
use crate::{Error, Result};

/// The singular values of any matrix, falling: the lengths of the half-axes of the ellipsoid that it makes of the unit ball.
///
/// Shapes: `a: (n, m)` to `(min(n, m),)`, none negative. Errors: `NaN` with the row; `Entry` where it is infinite. Each is wrong
/// by at most some max(n, m) epsilon of the largest. `f64` alone; feature `linalg`. Source: chapter `matrix/decompositions`.
///
/// ```
/// use estimand::{matrix::singular_values, ndarray::array};
///
/// let s = singular_values(&array![[0.0, -3.0], [2.0, 0.0], [0.0, 4.0]])?;
/// assert!((s[0] - 5.0).abs() < 1e-14 && (s[1] - 2.0).abs() < 1e-14);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn singular_values(a: &ArrayRef2<f64>) -> Result<Array1<f64>> {
    let (scaled, unit) = scaled(a)?;
    Ok(scaled.into_iter().map(|s| s * unit).collect())
}

/// The condition number in the norm of lengths, the largest singular value over the least: by how much the relative error of b
/// may grow in a solution of A x = b.
///
/// Infinite where the least is 0; where a matrix is singular but for rounding, it is above 1 / epsilon over some max(n, m), and
/// its digits say nothing. 1 for a matrix without rows or columns.
///
/// Shapes: `a: (n, m)` to a number. Errors: as [`singular_values`]. `f64` alone; feature `linalg`.
/// [`SymmetricSpectrum::condition`](super::SymmetricSpectrum::condition) is the same of a symmetric matrix,
/// [`Cholesky::condition`](super::Cholesky::condition) an estimate at hardly any cost.
///
/// ```
/// use estimand::{matrix::condition, ndarray::array};
///
/// assert!((condition(&array![[0.0, 8.0], [-2.0, 0.0]])? - 4.0).abs() < 1e-15);
/// assert_eq!(condition(&array![[1.0, 0.0], [0.0, 0.0]])?, f64::INFINITY);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn condition(a: &ArrayRef2<f64>) -> Result<f64> {
    let (values, _) = scaled(a)?;
    let (Some(most), Some(least)) = (values.first(), values.last()) else { return Ok(1.0) };
    Ok(if *least == 0.0 { f64::INFINITY } else { most / least })
}

/// The singular values in a unit, a power of two near the largest entry, by which no square overflows or underflows.
fn scaled(a: &ArrayRef2<f64>) -> Result<(Vec<f64>, f64)> {
    finite_door("a", a)?;
    if a.is_empty() {
        return Ok((Vec::new(), 1.0));
    }
    let unit = unit(largest(a));
    let values = mat(&a.mapv(|x| x / unit)).singular_values().map_err(|_| Error::NoConvergence { name: "a" })?;
    Ok((values, unit))
}
