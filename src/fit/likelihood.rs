use super::gaussian::{Gaussian, mean_of};
use crate::distribution::half_ln_tau;
use crate::moments::Moments;
use crate::shape::positive;
use crate::{Error, Real, Result, ValueGrad};

/// The likelihood of a mean mu, given Gaussian observations of known variance.
///
/// ```text
/// log L(mu) = peak - (mle - mu)^2 / (2 e),   e = sigma^2 / N
/// ```
///
/// In mu it has the form of a Gaussian about the maximum-likelihood mean, whose variance e is that of the
/// mean itself. Of no observations it is 1. Log-likelihoods are in nats, summed over the observations; N is
/// their weight, where they have one: weights count observations here, and their size matters. Weights of
/// reliability are scaled first, so that they sum to [`Moments::effective_count`].
///
/// The variance is taken for known. One that was estimated from the same observations makes errors and
/// intervals too small while N is small ([`mean_interval`](super::mean_interval)).
/// Source: chapters `fit/mle` and `fit/map`.
///
/// ```
/// use estimand::fit::{Gaussian, MeanLikelihood, Moments};
///
/// let moments: Moments<f64> = [1.0, 3.0, 5.0, 3.0].into_iter().collect();
/// let likelihood = MeanLikelihood::of(&moments, 4.0)?;
/// assert_eq!((likelihood.mle()?, likelihood.std_error()?), (3.0, 1.0));
/// assert_eq!(likelihood.log_likelihood(3.0).grad, 0.0);
///
/// let prior = Gaussian::new(0.0, 1.0)?;                     // as sure as the four observations are
/// let posterior = likelihood.posterior(&prior);
/// assert_eq!((posterior.mean(), posterior.variance()), (1.5, 0.5));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanLikelihood<F> {
    /// The log-likelihood at the maximum.
    peak: F,
    /// Its form; none where nothing was observed.
    form: Option<Gaussian<F>>,
}

impl<F: Real> MeanLikelihood<F> {
    /// Of observations that all have the variance `variance`.
    ///
    /// Errors: `Parameter` where `variance` is not finite and above 0, also divided by the weight; `NaN` with the
    /// row of the first observation that is; `Parameter` where one is infinite, without its row, which moments do
    /// not keep, and where weights sum to 0.
    pub fn of(moments: &Moments<F>, variance: F) -> Result<Self> {
        positive("variance", variance)?;
        if moments.count() == 0 {
            return Ok(Self { peak: F::zero(), form: None });
        }
        let (mean, n) = (mean_of(moments)?, moments.weight());
        let error = variance / n;
        if !(error > F::zero() && error.is_finite()) {
            let expected = "one whose quotient by the weight is a finite number above 0";
            return Err(Error::Parameter { name: "variance", value: variance.as_f64(), expected });
        }
        Ok(Self { peak: log_peak(moments, variance)?, form: Some(Gaussian::new(mean, error)?) })
    }

    pub(super) fn with(peak: F, form: Option<Gaussian<F>>) -> Self {
        Self { peak, form }
    }

    /// The maximum-likelihood mean. Errors: `TooFew` of no observations.
    pub fn mle(&self) -> Result<F> {
        Ok(self.observed()?.mean())
    }

    /// The standard deviation of the maximum-likelihood mean, sigma / sqrt(N).
    ///
    /// Errors: `TooFew` of no observations.
    pub fn std_error(&self) -> Result<F> {
        Ok(self.observed()?.sd())
    }

    /// The Fisher information of mu, N / sigma^2: minus the curvature of the log-likelihood, here
    /// the same everywhere. 0 of no observations.
    pub fn information(&self) -> F {
        self.form.map_or_else(F::zero, |form| form.variance().recip())
    }

    /// The log-likelihood of a mean, with its slope N (mle - mu) / sigma^2.
    pub fn log_likelihood(&self, mu: F) -> ValueGrad<F, F> {
        let parabola = self.form.map_or_else(zero, |form| form.parabola(mu));
        ValueGrad { value: self.peak + parabola.value, grad: parabola.grad }
    }

    /// The log-likelihood plus the log-density of the prior, with its slope: what the MAP
    /// maximises. Less [`log_marginal`](Self::log_marginal) it is the log-density of the posterior.
    pub fn log_joint(&self, mu: F, prior: &Gaussian<F>) -> ValueGrad<F, F> {
        let (likelihood, prior) = (self.log_likelihood(mu), prior.log_density(mu));
        ValueGrad { value: likelihood.value + prior.value, grad: likelihood.grad + prior.grad }
    }

    /// The posterior of the mean; its own mean is the MAP, and the posterior mean.
    ///
    /// ```text
    /// 1 / variance = N / sigma^2 + 1 / beta^2,   mean = (sigma^2 nu + beta^2 sum of x) / (N beta^2 + sigma^2)
    /// ```
    ///
    /// for a prior N(nu, beta^2). Of no observations it is the prior; it goes to the MLE as beta grows, and
    /// to nu as beta goes to 0. As an estimator of mu the MAP is biased towards nu ([`Risk`](super::Risk)).
    pub fn posterior(&self, prior: &Gaussian<F>) -> Gaussian<F> {
        self.form.map_or(*prior, |form| prior.times(&form))
    }

    /// The log marginal likelihood: ln of the likelihood's mean over the prior, the evidence.
    ///
    /// ```text
    /// log p(x) = peak - ln(1 + N beta^2 / sigma^2) / 2 - (mle - nu)^2 / (2 (beta^2 + sigma^2 / N))
    /// ```
    pub fn log_marginal(&self, prior: &Gaussian<F>) -> F {
        let Some(form) = self.form else { return F::zero() };
        let (e, b) = (form.variance(), prior.variance());
        let half = F::of(0.5);
        let ratio = b / e;
        let log_ratio = if ratio.is_finite() { ratio.ln_1p() } else { b.ln() - e.ln() };
        // (mle - nu)^2 / (b + e), where neither square nor sum need be numbers.
        let z = (form.mean() - prior.mean()) / b.max(e).sqrt();
        let misfit = z * z / (F::one() + b.min(e) / b.max(e));
        self.peak - half * log_ratio - half * misfit
    }

    fn observed(&self) -> Result<&Gaussian<F>> {
        self.form.as_ref().ok_or(Error::TooFew { name: "x", got: 0, needs: 1 })
    }
}

fn zero<F: Real>() -> ValueGrad<F, F> {
    ValueGrad { value: F::zero(), grad: F::zero() }
}

/// The log-likelihood of observations of a known variance at their own mean:
/// -N ln(2 pi sigma^2) / 2 - M2 / (2 sigma^2).
pub(super) fn log_peak<F: Real>(moments: &Moments<F>, variance: F) -> Result<F> {
    let half = F::of(0.5);
    let each = half_ln_tau::<F>() + half * (variance.ln() + moments.variance()? / variance);
    Ok(-moments.weight() * each)
}
