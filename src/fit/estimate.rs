use super::gaussian::{Gaussian, mean_of, not_all_equal};
use crate::moments::Moments;
use crate::{Real, Result};

/// The maximum-likelihood mean: the mean of the observations, whatever the variance.
///
/// Estimand: the mean of the law. Bias: unbiased, with variance sigma^2 / N, the least that an
/// unbiased estimator can have ([`Information`](super::Information)).
/// Errors: `TooFew` of no observations; `NaN` with the row; `Parameter` where one is infinite, without its row,
/// which moments do not keep, and where no weight is above 0.
///
/// ```
/// use estimand::fit::{Moments, mle_mean};
/// assert_eq!(mle_mean(&[1.0, 2.0, 6.0].into_iter().collect::<Moments<f64>>())?, 3.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mle_mean<F: Real>(moments: &Moments<F>) -> Result<F> {
    mean_of(moments)
}

/// The maximum-likelihood mean and variance, both unknown: the mean of the observations, and their
/// mean squared distance from it.
///
/// Bias: the mean is unbiased; the variance is biased, its expectation is sigma^2 (N - 1) / N, since
/// the mean lies nearer to the observations than the truth does ([`bessel`] mends that).
/// Errors: those of [`mle_mean`]; `TooFew` of one observation, `Count` where one has all the weight, and
/// `Parameter` where all are equal: the likelihood grows without bound as the variance goes to 0.
/// Source: chapter `fit/mle`.
///
/// ```
/// use estimand::fit::{Moments, bessel, mle};
/// let moments: Moments<f64> = [1.0, 2.0, 6.0].into_iter().collect();
/// assert_eq!(mle(&moments)?.variance(), 14.0 / 3.0);
/// assert_eq!(bessel(&moments)?.variance(), 7.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mle<F: Real>(moments: &Moments<F>) -> Result<Gaussian<F>> {
    // The door of two observations, in a weighted sense too.
    moments.unbiased_variance()?;
    law(mean_of(moments)?, moments.variance()?)
}

/// The mean, and the variance with Bessel's correction: divided by N - 1
/// ([`unbiased_variance`](Moments::unbiased_variance)).
///
/// Bias: unbiased, both; the root of the variance is not an unbiased standard deviation. An interval made of
/// it, of the mean or of the next observation, is too narrow while N is small, since the variance is an
/// estimate too: [`mean_interval`](super::mean_interval), [`next_interval`](super::next_interval).
/// Errors: those of [`mle`].
pub fn bessel<F: Real>(moments: &Moments<F>) -> Result<Gaussian<F>> {
    law(mean_of(moments)?, moments.unbiased_variance()?)
}

fn law<F: Real>(mean: F, variance: F) -> Result<Gaussian<F>> {
    Gaussian::new(mean, not_all_equal(variance)?)
}
