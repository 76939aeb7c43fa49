use ndarray::{Array2, ArrayRef1, ArrayRef2};

use super::FullGaussian;
use crate::kernel::Level;
use crate::matrix::Cholesky;
use crate::matrix::dense::symmetric_door;
use crate::matrix::substitution::{Columns, solve_lower};
use crate::matrix::wide::unit;
use crate::shape::{at_least_one, same_shape};
use crate::{Error, Result};

/// From matrices whose factor is to be found; feature `linalg`.
impl FullGaussian<'static, f64> {
    /// One law by its mean, `(dim,)`, and its covariance, `(dim, dim)`; `samples` of it.
    ///
    /// Gradients stay in the factor: [`in_covariance`](FullGaussian::in_covariance). Each coordinate may have a unit of its
    /// own. Errors: `Shape`; `NaN` with the row; `Entry` where the covariance is infinite or not symmetric to 8 epsilon of its
    /// largest entry (of an inverse, take the mean of it and its transpose, or [`Cholesky::inverse`]); `Pivot` where it is not
    /// positive definite, or a coordinate is a combination of those before it but for rounding; `Condition` where the
    /// covariance in units of its diagonal has an estimated condition number past 1 / epsilon; `Parameter` where
    /// `samples = 0`.
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
        Ok(Self::of_factor(loc, well_conditioned("covariance", covariance)?, samples))
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
    let lower = reversed(&backwards.reversed_axes());
    let mut inverse = Array2::eye(a.nrows());
    solve_lower(Level::best(), lower.view(), &mut inverse, Columns::Lower);
    Ok(inverse)
}

/// Rows and columns from the last to the first.
fn reversed(a: &ArrayRef2<f64>) -> Array2<f64> {
    let d = a.nrows();
    Array2::from_shape_fn((d, d), |(i, j)| a[[d - 1 - i, d - 1 - j]])
}

/// The factor of a matrix that is positive definite, and not by rounding alone. Units of its own for each coordinate are no
/// matter to elimination, and so are none here: what is not well-conditioned as it stands is judged with a diagonal near 1.
fn well_conditioned(name: &'static str, a: &ArrayRef2<f64>) -> Result<Array2<f64>> {
    let limit = f64::EPSILON.recip();
    let failed = match Cholesky::named(name, a) {
        Ok(cholesky) if cholesky.condition() < limit => {
            return more_than_rounding(name, a, cholesky.factor().to_owned());
        }
        Ok(_) => None,
        // Units may be the matter.
        Err(error @ Error::Pivot { .. }) if a.diag().iter().all(|&v| v > 0.0) => Some(error),
        Err(error) => return Err(error),
    };
    let units = a.diag().mapv(|v| unit(v.sqrt()));
    let scaled = Array2::from_shape_fn(a.raw_dim(), |(i, j)| a[[i.max(j), i.min(j)]] / units[i] / units[j]);
    let cholesky = Cholesky::named(name, &scaled).map_err(|error| failed.unwrap_or(error))?;
    let condition = cholesky.condition();
    if condition >= limit {
        return Err(Error::Condition { name, value: condition });
    }
    let lower = cholesky.factor();
    more_than_rounding(name, a, Array2::from_shape_fn(lower.raw_dim(), |(i, j)| lower[[i, j]] * units[i]))
}

/// A factor none of whose pivots is what elimination rounds off: 8 d epsilon of the entry it began with.
fn more_than_rounding(name: &'static str, a: &ArrayRef2<f64>, lower: Array2<f64>) -> Result<Array2<f64>> {
    let rounding = 8.0 * a.nrows() as f64 * f64::EPSILON;
    let share = |k: usize| (lower[[k, k]] / a[[k, k]].sqrt()).powi(2);
    let found = (0..a.nrows()).find(|&k| share(k) <= rounding);
    let expected = "more than rounding (a positive definite matrix)";
    found.map_or(Ok(()), |pivot| Err(Error::Pivot { name, pivot, value: lower[[pivot, pivot]].powi(2), expected }))?;
    Ok(lower)
}
