use ndarray::Array2;
use rand::Rng;

use super::base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
use super::loc_scale::LocScale;
use crate::arithmetic::{Arithmetic, Plain};
use crate::noise::Standard;
use crate::special::Special;
use crate::{Real, ValueGrad};

/// Euler's constant, -digamma(1): the mean of the standard Gumbel law.
pub(super) const EULER: f64 = 0.577_215_664_901_532_9;

/// The standard Gumbel law of maxima, as a base: f(z) = e^(-z - e^-z), with mean 0.577 (Euler's
/// constant), variance pi^2 / 6 and mode 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gumbel;

/// The Gumbel law of maxima with independent coordinates, of scale e^log_scale.
///
/// ```text
/// log q(x) = sum over j of -z_j - e^-z_j - s_j,   z = (x - m) e^-s
/// ```
///
/// The location is the mode; the mean is m + 0.577 e^s, the variance pi^2 e^(2 s) / 6, the entropy
/// 1 + 0.577 + s a coordinate. Its lower tail is thinner than any exponential: where e^-z overflows,
/// the log-density is -inf, and its gradients are infinite as those of the mathematics are beyond
/// the numbers. Source: chapter `distribution/gumbel`.
///
/// ```
/// use estimand::{DiagGumbel, Distribution, MeanVariance, ndarray::array};
///
/// let (loc, log_scale) = (array![[0.0, 1.0]], array![[0.0, 0.0]]);
/// let q = DiagGumbel::new(&loc, &log_scale)?;
/// let at = q.log_prob_grad(&array![[0.0, 1.0]])?;
/// assert_eq!(at.value[0], -2.0);                            // a density of 1/e at the mode, twice
/// assert_eq!(at.grad.loc(), array![[0.0, 0.0]]);
/// assert_eq!(at.grad.log_scale(), array![[-1.0, -1.0]]);    // z (1 - e^-z) - 1
/// assert!((q.mean()[[0, 1]] - 1.577_215_664_901_533_f64).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub type DiagGumbel<'a, F> = LocScale<'a, F, Gumbel>;

impl<F: Real> Base<F> for Gumbel {
    /// -1 - (e^-z - 1 + z), whose derivative is the e^-z - 1 of the same exponential. Two terms of one
    /// sign: nothing cancels, and no infinity meets another.
    #[inline(always)]
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        let bend = a.exp_m1_mx(-z);
        ValueGrad { value: -F::one() - bend.value, grad: bend.grad }
    }

    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        Standard::Gumbel.draw(rng, shape)
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Gumbel.fill(rng, out);
    }
}

impl<F: Real> BaseMoments<F> for Gumbel {
    fn mean(&self) -> F {
        F::of(EULER)
    }

    fn variance(&self) -> F {
        F::of(std::f64::consts::PI * std::f64::consts::PI / 6.0)
    }
}

impl<F: Real> BaseEntropy<F> for Gumbel {
    #[inline(always)]
    fn entropy(&self) -> F {
        F::of(1.0 + EULER)
    }
}

/// e^(-e^-z), and -ln(-ln p), where ln p is the small number 1 - p next to 1.
impl<F: Real> BaseCdf<F> for Gumbel {
    #[inline(always)]
    fn cdf(&self, z: F) -> F {
        Plain.exp(-Plain.exp(-z))
    }

    #[inline(always)]
    fn quantile(&self, p: F) -> F {
        -Plain.ln(-Plain.ln(p))
    }
}

impl<F: Real> BaseStandard<F> for Gumbel {
    const STANDARD: Standard = Standard::Gumbel;
}

/// -ln(-ln(1 - e^-t)) with t = e^-z.
///
/// Where 1 - e^-t is t to the last digit that is -ln z, and where it is 1 it is t: neither needs a
/// number that may underflow, so no noise has an infinite mirror but where e^-z is infinite.
impl<F: Real> BaseMirror<F> for Gumbel {
    #[inline(always)]
    fn mirror(&self, z: F) -> F {
        // e^-40 is below half a last place of 1 in either precision.
        let far = F::of(40.0);
        let t = Plain.exp(-z);
        let between = -Plain.ln(-Plain.log1m_exp(-t).value);
        let mirror = if t > far { t } else { between };
        if z > far { -Plain.ln(z) } else { mirror }
    }
}
