use ndarray::Array2;
use rand::Rng;

use super::base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
use super::loc_scale::LocScale;
use crate::arithmetic::{Arithmetic, Plain};
use crate::noise::Standard;
use crate::special::{Special, ln_1p_unit};
use crate::{Real, ValueGrad};

/// The standard logistic law, as a base: f(z) = e^-z / (1 + e^-z)^2, with mean 0 and variance pi^2 / 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Logistic;

/// The logistic law with independent coordinates, of scale e^log_scale.
///
/// ```text
/// log q(x) = sum over j of -|z_j| - 2 ln(1 + e^-|z_j|) - s_j,   z = (x - m) e^-s
/// ```
///
/// Its distribution function is the sigmoid of z, its quantile the logit. Mean m, variance
/// pi^2 e^(2 s) / 3, entropy 2 + s a coordinate. The divergence of two of them has no closed form.
/// Source: chapter `distribution/logistic`.
///
/// ```
/// use estimand::{Cdf, DiagLogistic, Distribution, ndarray::array};
///
/// let (loc, log_scale) = (array![[0.0, 1.0]], array![[0.0, 0.0]]);
/// let q = DiagLogistic::new(&loc, &log_scale)?;
/// let x = array![[0.0, 1.0]];
/// let at = q.log_prob_grad(&x)?;
/// assert_eq!(at.value[0], -4.0 * std::f64::consts::LN_2);   // a density of 1/4, twice
/// assert_eq!(at.grad.loc(), array![[0.0, 0.0]]);
/// assert_eq!(at.grad.log_scale(), array![[-1.0, -1.0]]);    // z tanh(z / 2) - 1
/// assert_eq!(q.cdf(&x)?, array![[0.5, 0.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub type DiagLogistic<'a, F> = LocScale<'a, F, Logistic>;

impl<F: Real> Base<F> for Logistic {
    /// One exponential, as w = e^-|z| - 1: w / (2 + w) is -tanh(|z| / 2) also where z is small.
    #[inline(always)]
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        let w = a.exp_m1(-z.abs());
        let value = -z.abs() - F::of(2.0) * ln_1p_unit(a, F::one() + w);
        ValueGrad { value, grad: w / (F::of(2.0) + w) * F::one().copysign(z) }
    }

    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        Standard::Logistic.draw(rng, shape)
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Logistic.fill(rng, out);
    }
}

impl<F: Real> BaseMoments<F> for Logistic {
    fn mean(&self) -> F {
        F::zero()
    }

    fn variance(&self) -> F {
        F::of(std::f64::consts::PI * std::f64::consts::PI / 3.0)
    }
}

impl<F: Real> BaseEntropy<F> for Logistic {
    #[inline(always)]
    fn entropy(&self) -> F {
        F::of(2.0)
    }
}

/// [`sigmoid`](crate::special::sigmoid) and [`logit`](crate::special::logit).
impl<F: Real> BaseCdf<F> for Logistic {
    #[inline(always)]
    fn cdf(&self, z: F) -> F {
        Plain.sigmoid(z).value
    }

    #[inline(always)]
    fn quantile(&self, p: F) -> F {
        Plain.logit(p).value
    }
}

impl<F: Real> BaseStandard<F> for Logistic {
    const STANDARD: Standard = Standard::Logistic;
}

impl<F: Real> BaseMirror<F> for Logistic {
    #[inline(always)]
    fn mirror(&self, z: F) -> F {
        -z
    }
}
