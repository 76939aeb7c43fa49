use super::gaussian::{Gaussian, mean_of};
use crate::moments::Moments;
use crate::shape::positive;
use crate::{Real, Result};

/// The square that makes the posterior Gaussian, completed.
///
/// ```text
/// beta^2 sum of (x_i - mu)^2 + sigma^2 (mu - nu)^2 = a (mu - b/a)^2 + rest
/// a = N beta^2 + sigma^2,   b = sigma^2 nu + beta^2 sum of x_i,   rest = beta^2 (M2 + sigma^2 N (mean - nu)^2 / a)
/// ```
///
/// The left side is -2 sigma^2 beta^2 times likelihood and prior in the logarithm, up to a constant; so b/a
/// is the MAP and sigma^2 beta^2 / a the posterior variance. The rest, beta^2 sum of x_i^2 + sigma^2 nu^2 -
/// b^2/a, is written so that nothing cancels. These are the numbers of the derivation, which may overflow
/// where the [posterior](super::MeanLikelihood::posterior) does not. Source: chapter `fit/map`, where each
/// step is.
///
/// ```
/// use estimand::fit::{CompletedSquare, Gaussian, Moments};
///
/// let moments: Moments<f64> = [1.0, 3.0].into_iter().collect();
/// let square = CompletedSquare::of(&moments, 4.0, &Gaussian::new(1.0, 2.0)?)?;
/// assert_eq!((square.a, square.b, square.rest), (8.0, 12.0, 6.0));
/// let mu = 5.0;
/// assert_eq!(square.at(mu), 2.0 * ((1.0 - mu) * (1.0 - mu) + (3.0 - mu) * (3.0 - mu)) + 4.0 * (mu - 1.0) * (mu - 1.0));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompletedSquare<F> {
    /// N beta^2 + sigma^2.
    pub a: F,
    /// sigma^2 nu + beta^2 sum of x.
    pub b: F,
    /// What does not depend on mu.
    pub rest: F,
}

impl<F: Real> CompletedSquare<F> {
    /// Of observations of a known variance, and a prior N(nu, beta^2) of their mean.
    ///
    /// Errors: those of [`MeanLikelihood::of`](super::MeanLikelihood::of).
    pub fn of(moments: &Moments<F>, variance: F, prior: &Gaussian<F>) -> Result<Self> {
        positive("variance", variance)?;
        let (nu, beta) = (prior.mean(), prior.variance());
        if moments.count() == 0 {
            return Ok(Self { a: variance, b: variance * nu, rest: F::zero() });
        }
        let (n, mean, scatter) = (moments.weight(), mean_of(moments)?, moments.scatter()?);
        let a = n * beta + variance;
        let b = variance * nu + beta * n * mean;
        let d = mean - nu;
        Ok(Self { a, b, rest: beta * (scatter + variance * n * d * d / a) })
    }

    /// b / a, where the sum of squares is least: the MAP.
    pub fn centre(&self) -> F {
        self.b / self.a
    }

    /// The sum of squares at a mean.
    pub fn at(&self, mu: F) -> F {
        let d = mu - self.centre();
        self.a * d * d + self.rest
    }
}
