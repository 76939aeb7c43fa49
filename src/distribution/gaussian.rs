use ndarray::{Array2, ArrayRef2, CowArray, Ix2};
use rand::Rng;
use statrs::function::erf::erfc_inv;

use super::base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
use super::kl::Kl;
use super::law::{Distribution, ValueRows, places};
use super::loc_scale::{LocScale, LocScaleParts};
use super::scale::{root_of_scale, scaled};
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill, fill_into};
use crate::noise::Standard;
use crate::rows::{Grad, Parts, sum_coordinates};
use crate::shape::entries;
use crate::special::Special;
use crate::{Real, Result, ValueGrad};

/// The standard normal law, as a base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Normal;

/// The Gaussian with independent coordinates, N(loc, e^(2 log_scale)).
///
/// ```
/// use estimand::{DiagGaussian, Distribution, ndarray::array};
///
/// let (loc, log_scale) = (array![[0.0, 1.0]], array![[0.0, 0.0]]);
/// let q = DiagGaussian::new(&loc, &log_scale)?;
/// let at = q.log_prob_grad(&array![[1.0, 1.0]])?;
/// assert!((at.value[0] + 0.5 + (2.0 * std::f64::consts::PI).ln()).abs() < 1e-15);
/// assert_eq!(at.grad.loc(), array![[1.0, 0.0]]);          // (x - loc) / variance
/// assert_eq!(at.grad.log_scale(), array![[0.0, -1.0]]);   // z^2 - 1
/// # Ok::<(), estimand::Error>(())
/// ```
pub type DiagGaussian<'a, F> = LocScale<'a, F, Normal>;

impl<F: Real> Base<F> for Normal {
    #[inline(always)]
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        ValueGrad { value: a.fma(F::of(-0.5) * z, z, -half_ln_tau::<F>()), grad: -z }
    }

    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        Standard::Normal.draw(rng, shape)
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Normal.fill(rng, out);
    }
}

impl<F: Real> BaseMoments<F> for Normal {
    fn mean(&self) -> F {
        F::zero()
    }

    fn variance(&self) -> F {
        F::one()
    }
}

impl<F: Real> BaseEntropy<F> for Normal {
    fn entropy(&self) -> F {
        F::of(0.5) + half_ln_tau()
    }
}

/// The distribution function is libm's erfc, its inverse statrs' erfc_inv, both in f64 and rounded
/// to `F`: a cdf is no row of training. (statrs' own erfc is good to 1e-10 only.)
impl<F: Real> BaseCdf<F> for Normal {
    fn cdf(&self, z: F) -> F {
        F::of(0.5 * libm::erfc(-z.as_f64() * std::f64::consts::FRAC_1_SQRT_2))
    }

    fn quantile(&self, p: F) -> F {
        F::of(-std::f64::consts::SQRT_2 * erfc_inv(2.0 * p.as_f64()))
    }
}

impl<F: Real> BaseStandard<F> for Normal {
    const STANDARD: Standard = Standard::Normal;
}

impl<F: Real> BaseMirror<F> for Normal {
    #[inline(always)]
    fn mirror(&self, z: F) -> F {
        -z
    }
}

/// ln(2 pi) / 2.
#[inline(always)]
pub(crate) fn half_ln_tau<F: Real>() -> F {
    F::of(0.918_938_533_204_672_8)
}

impl<'a, F: Real> DiagGaussian<'a, F> {
    /// From means and log-variances, `(n, dim)` each: log_scale = log_var / 2.
    ///
    /// Gradients stay in `log_scale`; in a log-variance they are half of that. Errors: `Shape`.
    pub fn from_mean_log_var(mean: impl Into<CowArray<'a, F, Ix2>>, log_var: &ArrayRef2<F>) -> Result<Self> {
        let log_scale = log_var.mapv(|v| F::of(0.5) * v);
        Self::build("log_var", mean.into(), log_scale.into(), 1)
    }

    /// From means and variances, `(n, dim)` each: log_scale = ln(variance) / 2.
    ///
    /// Gradients stay in `log_scale`; in a variance v they are that over 2 v. Errors: `Shape`;
    /// `Entry` where a variance is not positive and finite (a NaN stays in its row).
    pub fn from_mean_variance(mean: impl Into<CowArray<'a, F, Ix2>>, variance: &ArrayRef2<F>) -> Result<Self> {
        entries("variance", variance, "a positive, finite variance", |v| (v > F::zero()) & v.is_finite())?;
        let log_scale = variance.mapv(|v| F::of(0.5) * v.ln());
        Self::build("variance", mean.into(), log_scale.into(), 1)
    }

    /// KL(q || N(0, I)) in nats of each parameter row, with its gradient.
    ///
    /// ```text
    /// KL = sum over j of (e^(2 s_j) - 1 - 2 s_j + m_j^2) / 2
    /// ```
    ///
    /// Shapes: `(rows,)` with gradient rows `(rows, 2 dim)`. Never negative, and 0 only at the
    /// standard law. Source: Kingma and Welling 2014, appendix B; chapter `distribution/gaussian`.
    ///
    /// ```
    /// use estimand::{DiagGaussian, ndarray::array};
    /// let head = array![[3.0, 0.0], [0.0, 0.0]];
    /// let q = DiagGaussian::from_head(&head)?;
    /// assert_eq!(q.kl_standard().value, array![4.5, 0.0]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn kl_standard(&self) -> ValueRows<F, LocScaleParts> {
        let parts = self.parts();
        let (value, [grad]) = fill(self.loc.nrows(), [], [parts.width()], &KlStandardRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }

    /// [`kl_standard`](Self::kl_standard) into an earlier result, of this divergence or of any other
    /// value of the same parameters.
    ///
    /// Shapes: `into` has `(rows,)` values and `(rows, 2 dim)` gradients.
    /// Errors: `Shape` where it has others; it is as it was then.
    ///
    /// ```
    /// use estimand::{DiagGaussian, ndarray::array};
    /// let (first, next) = (array![[3.0, 0.0]], array![[1.0, 0.0]]);
    /// let mut kl = DiagGaussian::from_head(&first)?.kl_standard();
    /// DiagGaussian::from_head(&next)?.kl_standard_into(&mut kl)?;
    /// assert_eq!(kl.value, array![0.5]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn kl_standard_into(&self, into: &mut ValueRows<F, LocScaleParts>) -> Result<()> {
        let parts = self.parts();
        let (values, flat) = places(into, self.loc.nrows(), &parts)?;
        fill_into([], [parts.width()], values, [flat], &KlStandardRow(self));
        Ok(())
    }

    /// The terms of [`kl_standard`](Self::kl_standard) by coordinate, each with its derivative in
    /// its own parameters: `(rows, dim)` with gradient rows `(rows, 2 dim)`.
    pub fn kl_standard_by_coordinate(&self) -> ValueGrad<Array2<F>, Grad<F, LocScaleParts>> {
        let parts = self.parts();
        let (_, [value, grad]) = fill(self.loc.nrows(), [], [parts.dim, parts.width()], &KlByCoordinateRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }
}

/// ```text
/// KL = sum over j of (e^(2 d) - 1 - 2 d + ((m_q - m_p) e^-s_p)^2) / 2,   d = s_q - s_p
/// ```
impl<F: Real> Kl<F> for DiagGaussian<'_, F> {
    #[inline(always)]
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        let (d_m_q, d_s_q) = d_q.split_at_mut(d_q.len() / 2);
        let (d_m_p, d_s_p) = d_p.split_at_mut(d_p.len() / 2);
        let inputs = [self.loc.row(t), self.log_scale.row(t), p.loc.row(u), p.log_scale.row(u)];
        sum_coordinates::<true, _, 4, 4>(inputs, [d_m_q, d_s_q, d_m_p, d_s_p], |[m_q, s_q, m_p, s_p]| {
            let root = root_of_scale(a, F::of(-0.5) * s_p);
            let z = scaled(m_q - m_p, root);
            let wider = s_q - s_p;
            let spread = a.exp_m1_mx(wider + wider);
            let d_m = scaled(z, root);
            (F::of(0.5) * a.fma(z, z, spread.value), [d_m, spread.grad, -d_m, -a.fma(z, z, spread.grad)])
        })
    }
}

/// One coordinate of KL(q || N(0, 1)): value, derivative in the location, in the log-scale.
#[inline(always)]
fn kl_standard_term<F: Real, A: Arithmetic<F>>(a: A, m: F, s: F) -> (F, [F; 2]) {
    let spread = a.exp_m1_mx(s + s);
    (F::of(0.5) * a.fma(m, m, spread.value), [m, spread.grad])
}

struct KlStandardRow<'a, 'b, F>(&'a DiagGaussian<'b, F>);

impl<F: Real> RowFn<F, 0> for KlStandardRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let inputs = [self.0.loc.row(t), self.0.log_scale.row(t)];
        let (d_m, d_s) = grad.split_at_mut(grad.len() / 2);
        sum_coordinates::<true, _, 2, 2>(inputs, [d_m, d_s], |[m, s]| kl_standard_term(a, m, s))
    }
}

struct KlByCoordinateRow<'a, 'b, F>(&'a DiagGaussian<'b, F>);

impl<F: Real> RowFn<F, 0> for KlByCoordinateRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], out: &mut [F]) -> F {
        let inputs = [self.0.loc.row(t), self.0.log_scale.row(t)];
        let (value, grad) = out.split_at_mut(out.len() / 3);
        let (d_m, d_s) = grad.split_at_mut(grad.len() / 2);
        sum_coordinates::<true, _, 2, 3>(inputs, [value, d_m, d_s], |[m, s]| {
            let (kl, [d_m, d_s]) = kl_standard_term(a, m, s);
            (kl, [kl, d_m, d_s])
        })
    }
}
