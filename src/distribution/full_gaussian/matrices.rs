use ndarray::{Array2, ArrayRef1, ArrayRef2, Axis};

use super::FullGaussian;
use crate::kernel::Level;
use crate::matrix::Cholesky;
use crate::matrix::dense::symmetric_door;
use crate::matrix::substitution::{Columns, solve_lower};
use crate::shape::{at_least_one, same_shape};
use crate::{Error, Result};

/// From matrices whose factor is to be found; feature `linalg`.
impl FullGaussian<'static, f64> {
    /// One law by its mean, `(dim,)`, and its covariance, `(dim, dim)`; `samples` of it.
    ///
    /// Gradients stay in the factor: [`in_covariance`](FullGaussian::in_covariance). Errors: `Shape`; `NaN` with the row;
    /// `Entry` where the covariance is infinite or not symmetric to 8 epsilon of its largest entry; `Pivot` where it is not
    /// positive definite; `Condition` where it is so only by rounding, with an estimate; `Parameter` where `samples = 0`.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_covariance(&array![0.0, 0.0], &array![[4.0, 2.0], [2.0, 5.0]], 1)?;
    /// assert_eq!(q.factor(0), array![[2.0, 0.0], [1.0, 2.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_covariance(loc: &ArrayRef1<f64>, covariance: &ArrayRef2<f64>, samples: usize) -> Result<Self> {
        same_shape("covariance", covariance.shape(), &[loc.len(), loc.len()])?;
        at_least_one("samples", samples)?;
        let cholesky = well_conditioned("covariance", covariance)?;
        Ok(Self::of_factor(loc, cholesky.into_factor(), samples))
    }

    /// One law by its mean, `(dim,)`, and its precision, the inverse of the covariance, `(dim, dim)`; `samples` of it.
    ///
    /// Gradients stay in the factor of the covariance: [`in_precision`](FullGaussian::in_precision). Errors: as
    /// [`from_covariance`](Self::from_covariance).
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_precision(&array![0.0, 0.0], &array![[0.25, 0.0], [0.0, 4.0]], 1)?;
    /// assert_eq!(q.factor(0), array![[2.0, 0.0], [0.0, 0.5]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_precision(loc: &ArrayRef1<f64>, precision: &ArrayRef2<f64>, samples: usize) -> Result<Self> {
        same_shape("precision", precision.shape(), &[loc.len(), loc.len()])?;
        at_least_one("samples", samples)?;
        Ok(Self::of_factor(loc, inverse_factor("precision", precision)?, samples))
    }
}

/// The factor of the inverse of a positive definite matrix: of A = R R' with R upper triangular, that is R'^-1.
fn inverse_factor(name: &'static str, a: &ArrayRef2<f64>) -> Result<Array2<f64>> {
    symmetric_door(name, a)?;
    let backwards = well_conditioned(name, &reversed(a)).map_err(|error| match error {
        Error::Pivot { name, pivot, value, expected } => {
            Error::Pivot { name, pivot: a.nrows() - 1 - pivot, value, expected }
        }
        other => other,
    })?;
    let lower = reversed(&backwards.factor().reversed_axes());
    let mut inverse = Array2::eye(a.nrows());
    solve_lower(Level::best(), lower.view(), &mut inverse, Columns::Lower);
    Ok(inverse)
}

/// Rows and columns from the last to the first.
fn reversed(a: &ArrayRef2<f64>) -> Array2<f64> {
    let mut view = a.view();
    view.invert_axis(Axis(0));
    view.invert_axis(Axis(1));
    view.to_owned()
}

/// The factor of a matrix that is positive definite, and not by rounding alone.
fn well_conditioned(name: &'static str, a: &ArrayRef2<f64>) -> Result<Cholesky> {
    let cholesky = Cholesky::named(name, a)?;
    let condition = cholesky.condition();
    if condition < f64::EPSILON.recip() {
        return Ok(cholesky);
    }
    Err(Error::Condition { name, value: condition })
}
