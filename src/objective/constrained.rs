use ndarray::Array1;

use super::elbo::{Elbo, beta_elbo};
use crate::rows::GradRows;
use crate::shape::{a_number, finite, not_negative, positive};
use crate::{Real, Result, ValueGrad};

/// What is bounded from above while the other term is made as good as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ceiling<F> {
    /// K <= C nats: the best reconstruction at a rate. Its multiplier is beta.
    Kl(F),
    /// -R <= kappa nats, with R the mean of log p(x | z): the least rate at a reconstruction. Its multiplier is 1 / beta.
    Error(F),
}

/// The constrained form of the beta-weighted ELBO: beta is not set, but found, as the multiplier of a ceiling.
///
/// ```text
/// Ceiling::Kl(C)         maximise R  where K <= C         L = R - beta (K - C)       ln beta += rate (K - C)
/// Ceiling::Error(kappa)  minimise K  where -R <= kappa    L = nu (R + kappa) - K     ln nu   += rate (-R - kappa),  nu = 1 / beta
/// ```
///
/// Both have the same stationary points (chapter `objective/beta`: Karush, Kuhn and Tucker): at the optimum beta is the price of a
/// nat, dR*/dC. The step is made in the logarithm, so that the multiplier stays positive; it rises while the constraint is
/// violated, and falls while there is slack. Near the optimum with the inner maximum exact, ln beta contracts by
/// 1 - rate |dK/d ln beta| a step, ln nu by 1 - rate |dR/d ln nu|.
///
/// A ceiling that costs nothing (slack at any multiplier) sends the multiplier towards 0, one that cannot be met towards infinity:
/// it stops at e^-40 and e^40 (and K <= 0 has no one multiplier: any that is large enough will do).
/// Where the networks make one step for one of the multiplier, take a rate so small that they follow: 0.01 a nat of K and less for
/// the error, which begins hundreds of nats off; at 0.1 and more it runs to its end before they have moved. A beta of e^40 or
/// e^-40 says that the ceiling cannot be met, or costs nothing. A moving average of R and K over steps, given to [`update`](Self::update), makes its steps less noisy, and later.
///
/// Source: Higgins and others 2017 (a ceiling on K, beta fixed); Rezende and Viola 2018 (GECO, on the reconstruction).
///
/// ```
/// use estimand::objective::{Ceiling, Constrained};
///
/// // One direction of variance 2 under noise of variance 1: K = ln(2 / beta) / 2. Asked for ln(2) / 4 nats, beta is the root of 2.
/// let ceiling = Ceiling::Kl(2.0_f64.ln() / 4.0);
/// let mut constrained = Constrained::new(ceiling, 1.0, 0.5)?;
/// for _ in 0..60 {
///     let kl = 0.5 * (2.0 / constrained.beta()).ln();
///     constrained.update(0.0, kl)?;                                     // R is not read
/// }
/// assert!((constrained.beta() - 2.0_f64.sqrt()).abs() < 1e-7);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Constrained<F> {
    ceiling: Ceiling<F>,
    log_multiplier: F,
    rate: F,
}

/// How far ln of a multiplier may go: e^40 times a sum of nats is a number of f32 still.
const FARTHEST: f64 = 40.0;

impl<F: Real> Constrained<F> {
    /// From a first beta, in either convention, and the rate of the multiplier's steps.
    ///
    /// Errors: `Parameter` where a ceiling of the KL is negative or not finite, one of the error not finite, or `beta` or `rate`
    /// not a finite number above 0.
    pub fn new(ceiling: Ceiling<F>, beta: F, rate: F) -> Result<Self> {
        positive("beta", beta)?;
        positive("rate", rate)?;
        let log_multiplier = match ceiling {
            Ceiling::Kl(most) => not_negative("ceiling", most).map(|()| beta.ln())?,
            Ceiling::Error(most) => finite("ceiling", most).map(|()| -beta.ln())?,
        };
        Ok(Self { ceiling, log_multiplier: within(log_multiplier), rate })
    }

    /// The multiplier of the ceiling: beta, or nu = 1 / beta.
    pub fn multiplier(&self) -> F {
        self.log_multiplier.exp()
    }

    /// The weight of the KL against the reconstruction: the price of a nat.
    pub fn beta(&self) -> F {
        match self.ceiling {
            Ceiling::Kl(_) => self.log_multiplier.exp(),
            Ceiling::Error(_) => (-self.log_multiplier).exp(),
        }
    }

    /// What is maximised over the networks at the present multiplier, of each example: R - beta K, or nu R - K.
    ///
    /// The two differ by the factor nu, and so do their gradients. The constant of the Lagrangian, beta C or nu kappa, is not added.
    /// Shapes and errors: as [`beta_elbo`].
    pub fn elbo<R: GradRows<F>, K: GradRows<F>>(
        &self,
        reconstruction: ValueGrad<Array1<F>, R>,
        kl: ValueGrad<Array1<F>, K>,
    ) -> Result<Elbo<Array1<F>, R, K>> {
        let elbo = beta_elbo(reconstruction, kl, self.beta())?;
        Ok(match self.ceiling {
            Ceiling::Kl(_) => elbo,
            Ceiling::Error(_) => elbo.times(self.multiplier()),
        })
    }

    /// How far the ceiling is passed by these means; negative where there is slack.
    pub fn excess(&self, reconstruction: F, kl: F) -> F {
        match self.ceiling {
            Ceiling::Kl(most) => kl - most,
            Ceiling::Error(most) => -reconstruction - most,
        }
    }

    /// A step of the multiplier by the means of both terms; the [`excess`](Self::excess) that it was made for.
    ///
    /// Errors: `Parameter` where the term that is bounded is NaN; it is as it was then.
    pub fn update(&mut self, reconstruction: F, kl: F) -> Result<F> {
        let (name, term) = match self.ceiling {
            Ceiling::Kl(_) => ("kl", kl),
            Ceiling::Error(_) => ("reconstruction", reconstruction),
        };
        a_number(name, term)?;
        let excess = self.excess(reconstruction, kl);
        self.log_multiplier = within(self.log_multiplier + self.rate * excess);
        Ok(excess)
    }
}

fn within<F: Real>(log_multiplier: F) -> F {
    let most = F::of(FARTHEST);
    log_multiplier.max(-most).min(most)
}
