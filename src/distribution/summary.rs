use ndarray::{Array2, ArrayRef2};

use super::law::{Distribution, ValueRows};
use crate::{Real, Result};

/// The first two moments, by coordinate.
pub trait MeanVariance<F: Real>: Distribution<F> {
    /// E x: `(rows, dim)`.
    fn mean(&self) -> Array2<F>;

    /// Var x: `(rows, dim)`.
    fn variance(&self) -> Array2<F>;
}

/// A closed entropy.
pub trait Entropy<F: Real>: Distribution<F> {
    /// -E log q(x) in nats of each parameter row, with its gradient: `(rows,)`, `(rows, width)`.
    fn entropy(&self) -> ValueRows<F, Self::Parts>;
}

/// A closed distribution function of each coordinate, and its inverse.
///
/// ```
/// use estimand::{Cdf, DiagGaussian, ndarray::array};
///
/// let q = DiagGaussian::standard(1, 2)?;
/// assert_eq!(q.cdf(&array![[0.0, f64::INFINITY]])?, array![[0.5, 1.0]]);
/// assert!((q.quantile(&array![[0.5, 0.975]])?[[0, 1]] - 1.959_964).abs() < 1e-6);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Cdf<F: Real>: Distribution<F> {
    /// P(X_j <= x_ij): `(n, dim)`. Errors: `Shape`.
    fn cdf(&self, x: &ArrayRef2<F>) -> Result<Array2<F>>;

    /// The least x with P(X_j <= x) >= p_ij: `(n, dim)`.
    ///
    /// Errors: `Shape`; `Entry` where p is outside `[0, 1]`.
    fn quantile(&self, p: &ArrayRef2<F>) -> Result<Array2<F>>;
}
