use std::fmt;

use ndarray::Array1;

use crate::moments::ColumnMoments;
use crate::shape::not_negative;
use crate::{DiagGaussian, Distribution, Error, Real, Result};

/// What the latents of a VAE do, from the posteriors of a data set or of a large batch: [`Latents::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Latents<F> {
    /// The examples.
    pub examples: usize,
    /// The mean KL to N(0, 1) of each coordinate, in nats: the rate, coordinate by coordinate.
    pub kl: Array1<F>,
    /// Var over examples of the posterior mean, Burda's activity: 0 where the mean does not depend on the example.
    pub activity: Array1<F>,
    /// The mean of the aggregate posterior; of the prior, 0.
    pub mean: Array1<F>,
    /// The variance of the aggregate posterior, activity and mean variance; of the prior, 1.
    pub variance: Array1<F>,
}

impl<F: Real> Latents<F> {
    /// From the posteriors of examples, one a row.
    ///
    /// Moments of the examples that are given, divided by their number; of a batch they are the batch's. Shapes: of `q` `(n, dim)`,
    /// to `(dim,)` each. Source: Burda, Grosse and Salakhutdinov 2016 (activity); Hoffman and Johnson 2016; Alemi and others 2018.
    /// Errors: `TooFew` where there is no row; `NaN` with the row.
    ///
    /// ```
    /// use estimand::{DiagGaussian, objective::Latents, ndarray::array};
    ///
    /// // One latent tells the examples apart, one is the prior, one is a constant that is not.
    /// let (loc, log_scale) = (array![[1.0, 0.0, 2.0], [-1.0, 0.0, 2.0]], array![[-3.0, 0.0, 0.0], [-3.0, 0.0, 0.0]]);
    /// let latents = Latents::of(&DiagGaussian::new(&loc, &log_scale)?)?;
    /// assert_eq!(latents.active(0.01)?, [0]);
    /// let warning = latents.collapse(0.01)?.unwrap();
    /// assert_eq!((warning.to_prior, warning.to_constant), (vec![1], vec![2]));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of(q: &DiagGaussian<'_, F>) -> Result<Self> {
        if q.shape().rows == 0 {
            return Err(Error::TooFew { name: "q", got: 0, needs: 1 });
        }
        crate::shape::no_nan_rows("loc", &q.loc())?;
        crate::shape::no_nan_rows("log_scale", &q.log_scale())?;
        let means = ColumnMoments::of(&q.loc());
        let spread = ColumnMoments::of(&q.log_scale().mapv(|s| (s + s).exp())).mean()?;
        let kl = ColumnMoments::of(&q.kl_standard_by_coordinate().value).mean()?;
        let (mean, activity) = (means.mean()?, means.variance()?);
        let variance = &activity + &spread;
        Ok(Self { examples: q.shape().rows, kl, activity, mean, variance })
    }

    /// The rate: the mean KL, in nats an example. It is at least the mutual information of code and example, and what the aggregate
    /// posterior's distance from the prior costs is in it.
    pub fn rate(&self) -> F {
        self.kl.sum()
    }

    /// What the code can tell of the example at the most, in nats: the rate, or ln of the number of examples if that is less.
    pub fn information_at_most(&self) -> F {
        self.rate().min(F::count(self.examples).ln())
    }

    /// The coordinates whose activity is above a threshold, 0.01 by custom.
    ///
    /// Errors: `Parameter` where it is negative or not finite. Source: Burda, Grosse and Salakhutdinov 2016.
    pub fn active(&self, threshold: F) -> Result<Vec<usize>> {
        not_negative("threshold", threshold)?;
        Ok(self.which(|j| self.activity[j] > threshold))
    }

    /// The divergence of each coordinate of the aggregate posterior from the prior, by their first two moments: the KL of the
    /// Gaussian with its mean and variance to N(0, 1), which is at most the dimension-wise KL.
    pub fn mismatch(&self) -> Array1<F> {
        let half = F::of(0.5);
        Array1::from_shape_fn(self.mean.len(), |j| {
            let v = self.variance[j];
            // Of an infinite variance, infinite.
            if v.is_finite() { half * (self.mean[j] * self.mean[j] + (v - F::one()) - v.ln()) } else { v }
        })
    }

    /// The latents that tell next to nothing of the example, if there are any: which, and how.
    ///
    /// A latent's information is at most its KL less its [`mismatch`](Self::mismatch): the average KL is information and the
    /// divergence of the aggregate from the prior, which is at least that. Those are named for which this is `threshold` nats or
    /// less, .01 say: a posterior whose mean or whose scale moves with the example by any of its own widths is not among them.
    /// Errors: as [`active`](Self::active).
    pub fn collapse(&self, threshold: F) -> Result<Option<Collapse>> {
        not_negative("threshold", threshold)?;
        let mismatch = self.mismatch();
        let silent = |j: usize| self.kl[j] - mismatch[j] <= threshold;
        let to_prior = self.which(|j| silent(j) && self.kl[j] <= threshold);
        let to_constant = self.which(|j| silent(j) && self.kl[j] > threshold);
        let found = !(to_prior.is_empty() && to_constant.is_empty());
        Ok(found.then(|| Collapse { to_prior, to_constant, latents: self.kl.len() }))
    }

    fn which(&self, holds: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.kl.len()).filter(|&j| holds(j)).collect()
    }
}

/// Latents that tell nothing of the example: [`Latents::collapse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collapse {
    /// Whose posterior is the prior, for every example: they cost nothing. What a price of nats does to the weakest.
    pub to_prior: Vec<usize>,
    /// Whose posterior is the same for every example, and not the prior: they cost nats and tell nothing. A fault of the
    /// optimisation, or of a decoder that reads them as a constant.
    pub to_constant: Vec<usize>,
    /// How many latents there are.
    pub latents: usize,
}

impl fmt::Display for Collapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gone = self.to_prior.len() + self.to_constant.len();
        let all = if gone == self.latents { ": posterior collapse" } else { "" };
        write!(f, "{gone} of {} latents tell nothing of the example{all}", self.latents)?;
        for (which, how) in [(&self.to_prior, "the prior"), (&self.to_constant, "a constant that costs nats")] {
            if !which.is_empty() {
                let list = which.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "; {how}: {list}")?;
            }
        }
        Ok(())
    }
}
