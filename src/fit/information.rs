use crate::shape::{at_least_one, positive};
use crate::{Real, Result};

/// The Fisher information in N observations of N(mu, sigma^2), and the Cramer-Rao bounds: the least
/// variance of any unbiased estimator.
///
/// | of | information | bound |
/// |---|---|---|
/// | mu | N / sigma^2 | sigma^2 / N |
/// | log sigma | 2 N | 1 / (2 N) |
/// | sigma^2 | N / (2 sigma^4) | 2 sigma^4 / N |
///
/// Mean and scale have no information in common: the matrix of (mu, log sigma) is diagonal, so that the
/// bound of the mean is the same whether sigma is known or not. The mean of the observations reaches its
/// bound at every N; the unbiased variance, 2 sigma^4 / (N - 1), as N grows. Source: chapter `fit/mle`.
///
/// ```
/// use estimand::fit::Information;
/// let design = Information::new(10, 5.0)?;
/// assert_eq!((design.of_mean(), design.bound_of_mean()), (2.0, 0.5));
/// assert_eq!((design.of_log_sd(), design.bound_of_variance()), (20.0, 5.0));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Information<F> {
    n: usize,
    variance: F,
}

impl<F: Real> Information<F> {
    /// Of `n` observations of a law of that variance.
    ///
    /// Errors: `Parameter` where `n` is 0, or `variance` not finite and above 0.
    pub fn new(n: usize, variance: F) -> Result<Self> {
        at_least_one("n", n)?;
        positive("variance", variance)?;
        Ok(Self { n, variance })
    }

    /// Of mu.
    pub fn of_mean(&self) -> F {
        F::count(self.n) / self.variance
    }

    /// Of log sigma, the crate's own parameter of scale.
    pub fn of_log_sd(&self) -> F {
        F::of(2.0) * F::count(self.n)
    }

    /// Of sigma^2.
    pub fn of_variance(&self) -> F {
        F::of(0.5) * F::count(self.n) / self.variance / self.variance
    }

    /// The least variance of an unbiased estimator of mu.
    pub fn bound_of_mean(&self) -> F {
        self.variance / F::count(self.n)
    }

    /// The least variance of an unbiased estimator of log sigma.
    pub fn bound_of_log_sd(&self) -> F {
        self.of_log_sd().recip()
    }

    /// The least variance of an unbiased estimator of sigma^2.
    pub fn bound_of_variance(&self) -> F {
        F::of(2.0) * self.variance / F::count(self.n) * self.variance
    }
}
