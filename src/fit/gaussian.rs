use ndarray::arr1;
use statrs::function::erf::erf_inv;

use crate::distribution::{BaseCdf, DiagGaussian, Normal, half_ln_tau};
use crate::moments::Moments;
use crate::shape::{finite, positive};
use crate::{Error, Real, Result, ValueGrad};

/// The Gaussian law of one number, N(mean, variance): a prior of a mean, its posterior, the
/// predictive law of an observation.
///
/// ```
/// use estimand::fit::Gaussian;
///
/// let prior = Gaussian::<f64>::new(1.0, 4.0)?;
/// assert_eq!((prior.mean(), prior.sd()), (1.0, 2.0));
/// let (low, high) = prior.interval(0.95)?;
/// assert!((low + 2.919_928).abs() < 1e-6 && (high - 4.919_928).abs() < 1e-6);
/// assert_eq!(prior.log_density(1.0).grad, 0.0);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian<F> {
    mean: F,
    variance: F,
}

impl<F: Real> Gaussian<F> {
    /// By mean and variance.
    ///
    /// Errors: `Parameter` where `mean` is not finite, or `variance` not finite and above 0.
    pub fn new(mean: F, variance: F) -> Result<Self> {
        finite("mean", mean)?;
        positive("variance", variance)?;
        Ok(Self { mean, variance })
    }

    /// The mean, which is also the mode: of a posterior, the MAP.
    pub fn mean(&self) -> F {
        self.mean
    }

    /// The variance.
    pub fn variance(&self) -> F {
        self.variance
    }

    /// The standard deviation.
    pub fn sd(&self) -> F {
        self.variance.sqrt()
    }

    /// The log-density at `x` in nats, with its slope:
    ///
    /// ```text
    /// -(x - mean)^2 / (2 variance) - ln(2 pi variance) / 2,   slope (mean - x) / variance
    /// ```
    pub fn log_density(&self, x: F) -> ValueGrad<F, F> {
        let parabola = self.parabola(x);
        let log_scale = half_ln_tau::<F>() + F::of(0.5) * self.variance.ln();
        ValueGrad { value: parabola.value - log_scale, grad: parabola.grad }
    }

    /// The log-density less that at the mean.
    pub(super) fn parabola(&self, x: F) -> ValueGrad<F, F> {
        let sd = self.sd();
        let z = (self.mean - x) / sd;
        // Twice by the root: the variance alone may be too small to divide by.
        ValueGrad { value: -F::of(0.5) * z * z, grad: z / sd }
    }

    /// The chance of a number of at most `x`.
    pub fn cdf(&self, x: F) -> F {
        Normal.cdf((x - self.mean) / self.sd())
    }

    /// The number that is not exceeded with chance `p`: infinite at 0 and 1.
    ///
    /// Errors: `Parameter` where `p` is outside `[0, 1]`.
    ///
    /// ```
    /// use estimand::fit::Gaussian;
    /// let law = Gaussian::<f64>::new(1.0, 4.0)?;
    /// assert_eq!((law.cdf(1.0), law.quantile(0.5)?), (0.5, 1.0));
    /// assert!((law.quantile(0.975)? - law.interval(0.95)?.1).abs() < 1e-12);
    /// assert!((1.0 - law.cdf(3.0) - 0.158_655).abs() < 1e-6);           // the chance of more than 3
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn quantile(&self, p: F) -> Result<F> {
        if !(p >= F::zero() && p <= F::one()) {
            return Err(Error::Parameter { name: "p", value: p.as_f64(), expected: "a probability in [0, 1]" });
        }
        Ok(self.mean + self.sd() * Normal.quantile(p))
    }

    /// The same law for arrays: one row of parameters, of one coordinate, for `samples` rows.
    ///
    /// Errors: `Parameter` where `samples` is 0.
    ///
    /// ```
    /// use estimand::{Sample, fit::Gaussian, rand::{SeedableRng, rngs::StdRng}};
    /// let posterior = Gaussian::<f64>::new(2.0, 0.25)?;
    /// let draws = posterior.to_diag(1000)?.sample(&mut StdRng::seed_from_u64(1));
    /// assert!(draws.dim() == (1000, 1) && (draws.mean().unwrap_or_default() - 2.0).abs() < 0.1);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn to_diag(&self, samples: usize) -> Result<DiagGaussian<'static, F>> {
        let log_scale = F::of(0.5) * self.variance.ln();
        DiagGaussian::shared(arr1(&[self.mean]), arr1(&[log_scale]), samples)
    }

    /// The interval about the mean that holds a share `level` of the mass: a credible interval where
    /// this is a posterior, a predictive one where it is a predictive law.
    ///
    /// The variance is taken for known. An interval from one that was estimated with the mean is too narrow, at
    /// N = 5 by 29 % at a level of 95 %: see [`mean_interval`](super::mean_interval) and
    /// [`next_interval`](super::next_interval).
    ///
    /// Errors: `Parameter` where `level` is not between 0 and 1, both excluded.
    pub fn interval(&self, level: F) -> Result<(F, F)> {
        share("level", level)?;
        // Of a level near 1 what is left is exact, and of one near 0 the level itself.
        let quantile = if level < F::of(0.5) {
            F::of(std::f64::consts::SQRT_2 * erf_inv(level.as_f64()))
        } else {
            -Normal.quantile(F::of(0.5) * (F::one() - level))
        };
        let half = quantile * self.sd();
        Ok((self.mean - half, self.mean + half))
    }

    /// The law of an observation whose mean has this law and whose own variance is `variance`: the
    /// variances add up. For the mean of m observations, give a variance of `variance / m`.
    ///
    /// Errors: `Parameter` where `variance`, or the sum, is not finite and above 0.
    ///
    /// ```
    /// use estimand::fit::Gaussian;
    /// assert_eq!(Gaussian::new(2.0, 1.0)?.predictive(5.0)?, Gaussian::new(2.0, 6.0)?);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn predictive(&self, variance: F) -> Result<Self> {
        positive("variance", variance)?;
        Self::new(self.mean, self.variance + variance)
    }

    /// The law whose density is proportional to the product of both: precisions add up, and the
    /// mean is weighted by them.
    pub(super) fn times(&self, other: &Self) -> Self {
        let (own, its) = precision_shares(self.variance, other.variance);
        let variance = if own >= its { self.variance * own } else { other.variance * its };
        Self { mean: between(self.mean, own, other.mean, its), variance }
    }
}

/// The shares of two precisions 1/v and 1/w in their sum, w / (v + w) and v / (v + w), where v + w may
/// overflow and 1/v too.
pub(super) fn precision_shares<F: Real>(v: F, w: F) -> (F, F) {
    let ratio = v.min(w) / v.max(w);
    let large = (F::one() + ratio).recip();
    let small = ratio * large;
    if v <= w { (large, small) } else { (small, large) }
}

/// `share_a a + share_b b`, from the one of the larger share: exactly a where both are a.
fn between<F: Real>(a: F, share_a: F, b: F, share_b: F) -> F {
    let d = b - a;
    if !d.is_finite() {
        return share_a * a + share_b * b;
    }
    if share_b <= share_a { a + share_b * d } else { b - share_a * d }
}

/// The mean of observations, all of which are finite.
pub(super) fn mean_of<F: Real>(moments: &Moments<F>) -> Result<F> {
    let mean = moments.mean()?;
    // Of infinities of both signs it is NaN, and the data are not. Which row one was in, moments do not keep.
    finite("x", if mean.is_nan() { F::infinity() } else { mean })?;
    Ok(mean)
}

/// A share of some mass, neither none nor all of it.
pub(super) fn share<F: Real>(name: &'static str, value: F) -> Result<()> {
    if value > F::zero() && value < F::one() {
        return Ok(());
    }
    Err(Error::Parameter { name, value: value.as_f64(), expected: "a number between 0 and 1, both excluded" })
}

/// A variance of observations: where it is 0 they are all equal.
pub(super) fn not_all_equal<F: Real>(value: F) -> Result<F> {
    if value == F::zero() {
        return Err(Error::Parameter { name: "variance", value: 0.0, expected: "observations that are not all equal" });
    }
    positive("variance", value)?;
    Ok(value)
}
