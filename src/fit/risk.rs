use super::gaussian::{Gaussian, precision_shares};
use crate::shape::{at_least_one, finite, positive};
use crate::{Real, Result};

/// What an estimator of a mean errs by, exactly, over repetitions of the N observations.
///
/// ```text
/// mse = bias^2 + variance
/// ```
///
/// Source: chapter `fit/experiment`, where each line is derived.
///
/// ```
/// use estimand::fit::{Gaussian, Risk};
///
/// // x ~ N(2, 5), ten of them, and a prior N(1, 2).
/// let (mle, map) = (Risk::<f64>::of_mle(10, 5.0)?, Risk::<f64>::of_map(10, 5.0, &Gaussian::new(1.0, 2.0)?, 2.0)?);
/// assert_eq!((mle.bias, mle.mse), (0.0, 0.5));
/// assert_eq!(map.bias, -0.2);
/// assert!((map.variance - 0.32).abs() < 1e-15 && (map.mse - 0.36).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk<F> {
    /// The expectation of the estimate, less the truth.
    pub bias: F,
    /// Its variance.
    pub variance: F,
    /// The expectation of its squared distance from the truth.
    pub mse: F,
}

impl<F: Real> Risk<F> {
    /// Of the maximum-likelihood mean of `n` observations of a known variance: no bias, sigma^2 / n.
    ///
    /// Errors: `Parameter` where `n` is 0, or `variance` not finite and above 0.
    pub fn of_mle(n: usize, variance: F) -> Result<Self> {
        let error = error_of_mean(n, variance)?;
        Ok(Self { bias: F::zero(), variance: error, mse: error })
    }

    /// Of the MAP under a prior N(nu, beta^2), where the mean is `mean`.
    ///
    /// ```text
    /// bias = (1 - w) (nu - mean),   variance = w^2 sigma^2 / n,   w = n beta^2 / (n beta^2 + sigma^2)
    /// ```
    ///
    /// Errors: those of [`of_mle`](Self::of_mle); `Parameter` where `mean` is not finite.
    pub fn of_map(n: usize, variance: F, prior: &Gaussian<F>, mean: F) -> Result<Self> {
        let error = error_of_mean(n, variance)?;
        finite("mean", mean)?;
        let (data, of_prior) = precision_shares(error, prior.variance());
        let bias = of_prior * (prior.mean() - mean);
        let variance = data * data * error;
        Ok(Self { bias, variance, mse: bias * bias + variance })
    }
}

/// How far the truth may be from the prior's mean for the MAP to have a smaller mean squared error
/// than the MLE: it has if and only if
///
/// ```text
/// (mean - nu)^2 < 2 beta^2 + sigma^2 / n
/// ```
///
/// The root of the right side. Errors: those of [`Risk::of_mle`].
///
/// ```
/// use estimand::fit::{Gaussian, break_even};
/// assert_eq!(break_even(10, 5.0, &Gaussian::new(1.0, 2.0)?)?, 4.5_f64.sqrt());
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn break_even<F: Real>(n: usize, variance: F, prior: &Gaussian<F>) -> Result<F> {
    Ok((F::of(2.0) * prior.variance() + error_of_mean(n, variance)?).sqrt())
}

fn error_of_mean<F: Real>(n: usize, variance: F) -> Result<F> {
    at_least_one("n", n)?;
    positive("variance", variance)?;
    Ok(variance / F::count(n))
}
