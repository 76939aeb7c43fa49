use ndarray::{Array1, ArrayRef2};

use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// The trace, the sum of the diagonal.
///
/// Shapes: `a: (d, d)`. Errors: `Shape`.
///
/// ```
/// use estimand::{matrix::trace, ndarray::array};
/// assert_eq!(trace(&array![[1.0, 5.0], [7.0, 2.0]])?, 3.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn trace<F: Real>(a: &ArrayRef2<F>) -> Result<F> {
    same_shape("a", a.shape(), &[a.nrows(), a.nrows()])?;
    Ok(a.diag().iter().fold(F::zero(), |sum, &x| sum + x))
}

/// The eigenvalues of a triangular matrix, upper or lower: its diagonal, in its order, a value as often as it stands there.
///
/// Their product is the determinant. Shapes: `a: (d, d)` to `(d,)`. Errors: `Shape`; `Entry` where a number below the
/// diagonal and one above it are not 0.
/// Source: chapter `matrix/spectrum`.
///
/// ```
/// use estimand::{Error, matrix::triangular_eigenvalues, ndarray::array};
///
/// assert_eq!(triangular_eigenvalues(&array![[3.0, 7.0], [0.0, -2.0]])?, array![3.0, -2.0]);
/// let full = triangular_eigenvalues(&array![[3.0, 7.0], [1.0, -2.0]]).unwrap_err();
/// assert_eq!(full.to_string(), "`a` is 1 at [1, 0], expected 0 (a triangular matrix)");
/// # Ok::<(), Error>(())
/// ```
pub fn triangular_eigenvalues<F: Real>(a: &ArrayRef2<F>) -> Result<Array1<F>> {
    same_shape("a", a.shape(), &[a.nrows(), a.nrows()])?;
    let stray = |below: bool| {
        let mut found = a.indexed_iter().filter(|&((i, j), _)| if below { i > j } else { i < j });
        found.find(|(_, x)| **x != F::zero())
    };
    if let (Some(((i, j), x)), Some(_)) = (stray(true), stray(false)) {
        let expected = "0 (a triangular matrix)";
        return Err(Error::Entry { name: "a", index: vec![i, j], value: x.as_f64(), expected });
    }
    Ok(a.diag().to_owned())
}
