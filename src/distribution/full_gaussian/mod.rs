mod factors;
mod gradients;
mod images;
mod kl;
mod law;
#[cfg(feature = "linalg")]
mod matrices;

use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, CowArray, Ix2};

use self::factors::{Factors, packed};
use super::gaussian::DiagGaussian;
use super::law::Distribution;
use super::parameters::Parameters;
use crate::rows::{Grad, Parts};
use crate::shape::{at_least_one, entries, no_nan_rows, same_shape};
use crate::{Error, Real, Result};

/// `loc | log_scale | below`: `dim`, `dim` and `dim (dim - 1) / 2` columns. The first two are those of [`DiagGaussian`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullParts {
    /// Coordinates.
    pub dim: usize,
}

impl Parts for FullParts {
    const NAMES: &'static [&'static str] = &["loc", "log_scale", "below"];

    fn part_width(&self, k: usize) -> usize {
        if k < 2 { self.dim } else { packed(self.dim) }
    }
}

impl<F: Real> Grad<F, FullParts> {
    /// The gradient in the locations: `(n, dim)`.
    pub fn loc(&self) -> ArrayView2<'_, F> {
        self.part(0)
    }

    /// The gradient in the logarithms of the factor's diagonal: `(n, dim)`.
    pub fn log_scale(&self) -> ArrayView2<'_, F> {
        self.part(1)
    }

    /// The gradient in what is below the factor's diagonal, row by row: `(n, dim (dim - 1) / 2)`.
    pub fn below(&self) -> ArrayView2<'_, F> {
        self.part(2)
    }
}

/// The Gaussian with a full covariance, N(m, L L'), by its mean and its Cholesky factor.
///
/// ```text
/// x = m + L e,   e ~ N(0, I);   z = L^-1 (x - m),   u = L'^-1 z
/// log q(x) = -(z'z + dim ln 2 pi) / 2 - sum of s_i,   L_ii = e^s_i
/// d log q / dm = u',   d log q / ds_i = L_ii u_i z_i - 1,   d log q / dL_ij = u_i z_j   (i > j)
/// ```
///
/// Its parameters are unconstrained, `loc | log_scale | below`: mean, logarithms of the factor's diagonal, and what is
/// below it row by row, L_10, L_20, L_21, L_30, ... With zeros there it is a [`DiagGaussian`]. Gradients have this layout;
/// [`in_factor`](Self::in_factor), [`in_covariance`](Self::in_covariance) and [`in_precision`](Self::in_precision) turn them
/// into those of matrices.
///
/// A value takes O(dim^2) a sample. A gradient row is as wide as the parameters, so that many samples of one law are best
/// reduced at once: [`total`](crate::Rows::total) and [`weighted`](crate::Rows::weighted) of a score or a path are then
/// matrix products, and make no rows. Values are good to the condition number of L, the root of that of the covariance,
/// times epsilon; slopes and scores, which solve with the covariance itself, to that of the covariance. Source: chapter `distribution/full_gaussian`.
///
/// ```
/// use estimand::{Distribution, distribution::FullGaussian, ndarray::array};
///
/// let factor = array![[2.0, 0.0], [1.0, 1.0]];              // covariance [[4, 2], [2, 2]]
/// let q = FullGaussian::from_factor(&array![1.0, 0.0], &factor, 1)?;
/// let at = q.log_prob_grad(&array![[3.0, 3.0]])?;           // z = (1, 2), u = (-1/2, 2)
/// assert!((at.value[0] + 2.5 + 2.0_f64.ln() + (2.0 * std::f64::consts::PI).ln()).abs() < 1e-15);
/// assert_eq!(at.grad.loc(), array![[-0.5, 2.0]]);
/// assert_eq!(at.grad.log_scale(), array![[-2.0, 3.0]]);
/// assert_eq!(at.grad.below(), array![[2.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FullGaussian<'a, F> {
    loc: Parameters<'a, F>,
    factors: Factors<F>,
    repeat: usize,
}

impl<'a, F: Real> FullGaussian<'a, F> {
    /// From an encoder's head, `loc | log_scale | below` side by side: `(n, dim (dim + 3) / 2)`.
    ///
    /// Errors: `Count` where the number of columns is none of these: 2, 5, 9, 14, 20, ...
    ///
    /// ```
    /// use estimand::{Distribution, distribution::FullGaussian, ndarray::Array2};
    /// let head = Array2::<f32>::zeros((128, 14));
    /// assert_eq!(FullGaussian::from_head(&head)?.shape().dim, 4);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_head(head: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self> {
        let head = head.into();
        let columns = head.ncols();
        let Some(dim) = (0..=columns).find(|dim| dim * (dim + 3) / 2 >= columns).filter(|d| d * (d + 3) / 2 == columns)
        else {
            let expected = "dim (dim + 3) / 2 (loc | log_scale | below)".to_owned();
            return Err(Error::Count { name: "head", axis: "columns", got: columns, expected });
        };
        let factors = {
            let (_, rest) = head.view().split_at(Axis(1), dim);
            let (log_scale, below) = rest.split_at(Axis(1), dim);
            Factors::of_log(log_scale, below)
        };
        let mut loc = head;
        loc.slice_axis_inplace(Axis(1), (..dim).into());
        Ok(Self { loc: Parameters::new(loc), factors, repeat: 1 })
    }

    /// The same law as one of independent coordinates: to be compared with others.
    ///
    /// ```
    /// use estimand::{DiagGaussian, Kl, distribution::FullGaussian, ndarray::array};
    ///
    /// let prior = DiagGaussian::standard(1, 2)?;
    /// let q = FullGaussian::from_factor(&array![1.0, 0.0], &array![[1.0, 0.0], [3.0, 1.0]], 1)?;
    /// assert_eq!(q.kl(&FullGaussian::from_diag(&prior))?.value, array![5.0]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_diag(law: &'a DiagGaussian<'_, F>) -> Self {
        let shape = law.shape();
        let below = Array2::zeros((shape.rows, packed(shape.dim)));
        let factors = Factors::of_log(law.log_scale(), below.view());
        Self { loc: Parameters::new(law.loc()), factors, repeat: shape.repeat }
    }
}

impl<F: Real> FullGaussian<'static, F> {
    /// One law by its mean, `(dim,)`, and a lower triangular factor of its covariance, `(dim, dim)`; `samples` of it.
    ///
    /// Errors: `Shape`; `NaN` with the row of the factor; `Entry` where it is infinite, not 0 above the diagonal, or not
    /// positive on it; `Parameter` where `samples = 0`.
    pub fn from_factor(loc: &ArrayRef1<F>, factor: &ArrayRef2<F>, samples: usize) -> Result<Self> {
        same_shape("factor", factor.shape(), &[loc.len(), loc.len()])?;
        at_least_one("samples", samples)?;
        no_nan_rows("factor", factor)?;
        entries("factor", factor, "a finite number", F::is_finite)?;
        let stray = factor.indexed_iter().find(|&((i, j), x)| i < j && *x != F::zero() || i == j && *x <= F::zero());
        if let Some(((i, j), x)) = stray {
            let expected = if i == j { "a number above 0 (on the diagonal)" } else { "0 (a lower triangular matrix)" };
            return Err(Error::Entry { name: "factor", index: vec![i, j], value: x.as_f64(), expected });
        }
        Ok(Self::of_factor(loc, factor.to_owned(), samples))
    }

    /// One standard law N(0, I) with `dim` coordinates, `samples` of it.
    ///
    /// Errors: `Parameter` where `samples = 0`.
    pub fn standard(samples: usize, dim: usize) -> Result<Self> {
        at_least_one("samples", samples)?;
        Ok(Self::of_factor(&ndarray::Array1::zeros(dim), Array2::eye(dim), samples))
    }

    /// Where the factor is one by construction.
    pub(super) fn of_factor(loc: &ArrayRef1<F>, factor: Array2<F>, samples: usize) -> Self {
        let loc = Parameters::new(loc.to_owned().insert_axis(Axis(0)));
        Self { loc, factors: Factors::of_one(factor, 1), repeat: samples }
    }
}

impl<F: Real> FullGaussian<'_, F> {
    /// Each parameter row for `k` times as many consecutive samples.
    ///
    /// A law with `k = 0` has no sample row, and refuses every array of samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { repeat: self.repeat.saturating_mul(k), ..self }
    }

    /// The means: `(rows, dim)`.
    pub fn loc(&self) -> ArrayView2<'_, F> {
        self.loc.view()
    }

    /// The lower triangular factor of the covariance of parameter row `t`: `(dim, dim)`, and empty where there is no such row.
    pub fn factor(&self, t: usize) -> ArrayView2<'_, F> {
        self.factors.matrix(t)
    }

    /// The covariance L L' of parameter row `t`, symmetric to the last bit.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    /// let q = FullGaussian::from_factor(&array![0.0, 0.0], &array![[2.0, 0.0], [1.0, 1.0]], 1)?;
    /// assert_eq!(q.covariance(0), array![[4.0, 2.0], [2.0, 2.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn covariance(&self, t: usize) -> Array2<F> {
        let lower = self.factor(t);
        let product = lower.dot(&lower.t());
        Array2::from_shape_fn(product.raw_dim(), |(i, j)| product[[i.max(j), i.min(j)]])
    }
}
