use ndarray::{Array2, ArrayRef1};

use super::factors::packed;
use super::{FullGaussian, FullParts};
use crate::kernel::Level;
use crate::matrix::substitution::{from_both_sides, symmetric};
use crate::rows::Parts;
use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// Gradients in the matrices that a user may hold, from those in the parameters.
impl<F: Real> FullGaussian<'_, F> {
    /// A gradient row of parameter row `t` as the derivative in the factor L: G with df = tr(G' dL).
    ///
    /// ```text
    /// G_ii = d/ds_i / L_ii,   G_ij = d/dL_ij  (i > j),   zeros above
    /// ```
    ///
    /// Shapes: `grad: (dim (dim + 3) / 2,)`, such as `at.grad.flat().row(i)`, to `(dim, dim)`. Errors: `Shape`; `Parameter`
    /// where there is no parameter row `t`.
    ///
    /// ```
    /// use estimand::{Entropy, distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_factor(&array![0.0, 0.0], &array![[2.0, 0.0], [1.0, 4.0]], 1)?;
    /// let g = q.entropy().grad;
    /// assert_eq!(q.in_factor(0, &g.flat().row(0))?, array![[0.5, 0.0], [0.0, 0.25]]);        // of ln det L
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn in_factor(&self, t: usize, grad: &ArrayRef1<F>) -> Result<Array2<F>> {
        self.by_row(t, grad, |i, scale| scale / self.factor(t)[[i, i]])
    }

    /// A gradient row of parameter row `t` as the derivative in the covariance S: G, symmetric, with df = tr(G dS) for every
    /// symmetric step dS.
    ///
    /// ```text
    /// G = L'^-1 H L^-1,   H = (P + P') / 2,   P = L' d/dL, its lower half, with half of its diagonal
    /// ```
    ///
    /// Shapes and errors: as [`in_factor`](Self::in_factor). O(dim^3). Source: Murray 2016.
    ///
    /// ```
    /// use estimand::{Entropy, distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_factor(&array![0.0, 0.0], &array![[2.0, 0.0], [0.0, 4.0]], 1)?;
    /// let g = q.entropy().grad;
    /// assert_eq!(q.in_covariance(0, &g.flat().row(0))?, array![[0.125, 0.0], [0.0, 0.03125]]);        // S^-1 / 2
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn in_covariance(&self, t: usize, grad: &ArrayRef1<F>) -> Result<Array2<F>> {
        let lower = self.factor(t);
        Ok(from_both_sides(Level::best(), lower, self.half(t, grad)?))
    }

    /// A gradient row of parameter row `t` as the derivative in the precision S^-1: -L H L', with the H of
    /// [`in_covariance`](Self::in_covariance).
    ///
    /// Shapes and errors: as [`in_factor`](Self::in_factor).
    ///
    /// ```
    /// use estimand::{Entropy, distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_factor(&array![0.0, 0.0], &array![[2.0, 0.0], [0.0, 4.0]], 1)?;
    /// let g = q.entropy().grad;
    /// assert_eq!(q.in_precision(0, &g.flat().row(0))?, array![[-2.0, 0.0], [0.0, -8.0]]);        // -S / 2
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn in_precision(&self, t: usize, grad: &ArrayRef1<F>) -> Result<Array2<F>> {
        let lower = self.factor(t);
        let turned = lower.dot(&self.half(t, grad)?).dot(&lower.t());
        Ok(symmetric(&turned.mapv_into(|x| -x)))
    }

    /// H.
    fn half(&self, t: usize, grad: &ArrayRef1<F>) -> Result<Array2<F>> {
        // L_ii d/dL_ii is d/ds_i: the diagonal of L'G needs no quotient.
        let strict = self.by_row(t, grad, |_, _| F::zero())?;
        let product = self.factor(t).t().dot(&strict);
        let half = F::of(0.5);
        let scale = |i: usize| grad[self.factors.dim() + i];
        Ok(Array2::from_shape_fn(strict.raw_dim(), |(i, j)| {
            half * (product[[i.max(j), i.min(j)]] + if i == j { scale(i) } else { F::zero() })
        }))
    }

    fn by_row(&self, t: usize, grad: &ArrayRef1<F>, diagonal: impl Fn(usize, F) -> F) -> Result<Array2<F>> {
        let dim = self.factors.dim();
        same_shape("grad", grad.shape(), &[FullParts { dim }.width()])?;
        if t >= self.loc.nrows() {
            return Err(Error::Parameter { name: "t", value: t as f64, expected: "the number of a parameter row" });
        }
        Ok(Array2::from_shape_fn((dim, dim), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Less => F::zero(),
            std::cmp::Ordering::Equal => diagonal(i, grad[dim + i]),
            std::cmp::Ordering::Greater => grad[2 * dim + packed(i) + j],
        }))
    }
}
