use ndarray::ArrayView2;

use super::estimate::Estimate;
use crate::rows::Grad;
use crate::shape::{at_least_one, groups};
use crate::{Parts, Real, Result};

/// What the mean of an estimator over its noise has to do with the gradient; its docs say how far off it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Bias {
    /// The mean is the gradient.
    Unbiased,
    /// The mean tends to the gradient as the samples of a draw grow.
    Consistent,
    /// The mean is another, however many samples: of a step, a temperature, a smoothed cost.
    Biased,
}

/// An estimator of a gradient that asks for costs: it proposes points, the user evaluates, it combines.
///
/// A plan is made from a law and noise, and holds them; all its points come in one array, so that they are
/// evaluated in one batch, with whatever network there is. Nothing of the user's is stored, and no
/// generator: the same noise makes the same points.
///
/// ```
/// use estimand::gradient::{Baseline, Plan, ScoreFunction};
/// use estimand::{DiagGaussian, Transform, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let (loc, log_scale) = (array![0.5_f64, -1.0], array![0.0, 0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 4000)?;
/// let plan = ScoreFunction::propose(&q, q.noise(&mut StdRng::seed_from_u64(1)), Baseline::LeaveOneOut)?;
/// let cost = plan.points().map_axis(ndarray::Axis(1), |x| x.dot(&x));          // the user's: |x|^2
/// let g = plan.estimate(&cost)?;
/// let error = g.std_error().unwrap();
/// for (g, (error, truth)) in g.gradient.loc().iter().zip(error.loc().iter().zip([1.0, -2.0])) {
///     assert!((g - truth).abs() < 5.0 * error);                                 // 2 loc
/// }
/// # use estimand::ndarray;
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// For an estimator of one's own four methods are enough; the mean of its draws and their standard error
/// come with them.
pub trait Plan<F: Real> {
    /// How a parameter row is divided.
    type Parts: Parts;

    /// What the user evaluates at the points: a cost each, `Array1`, or the slopes of the cost, `Array2`.
    type Cost;

    /// Where the cost is asked for: `(m, dim)`, those of the first sample first.
    fn points(&self) -> ArrayView2<'_, F>;

    /// Independent draws of the gradient from the costs at the points, a row each:
    /// [`draws`](Self::draws) of each parameter row, one after the other.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of `cost`; `TooFew` where an estimator needs more samples.
    fn rows(&self, cost: &Self::Cost) -> Result<Grad<F, Self::Parts>>;

    /// How many independent draws each parameter row has.
    fn draws(&self) -> usize;

    /// What the mean of a draw is.
    fn bias(&self) -> Bias;

    /// The mean of the draws of each parameter row, with an unbiased variance where there is one.
    ///
    /// Errors: as [`rows`](Self::rows).
    fn estimate(&self, cost: &Self::Cost) -> Result<Estimate<F, Self::Parts>> {
        Estimate::of_draws(&self.rows(cost)?, self.draws())
    }

    /// The plan whose draw is the mean of `k` consecutive draws of this one: for noise that is independent
    /// only by groups, as mirrored pairs are, or the points of one quasi-random sequence.
    fn grouped(self, k: usize) -> Grouped<Self>
    where
        Self: Sized,
    {
        Grouped { plan: self, k }
    }
}

/// A plan whose draws are means of groups of another's: [`Plan::grouped`].
#[derive(Debug, Clone)]
pub struct Grouped<P> {
    plan: P,
    k: usize,
}

impl<F: Real, P: Plan<F>> Plan<F> for Grouped<P> {
    type Parts = P::Parts;
    type Cost = P::Cost;

    fn points(&self) -> ArrayView2<'_, F> {
        self.plan.points()
    }

    /// Errors: those of the plan; `Parameter` where `k = 0`; `Count` where it does not divide the draws.
    fn rows(&self, cost: &P::Cost) -> Result<Grad<F, P::Parts>> {
        at_least_one("k", self.k)?;
        groups("draws", self.plan.draws(), self.k)?;
        let sums = self.plan.rows(cost)?.sum_groups(self.k)?;
        Ok(sums.scaled(F::one() / F::count(self.k)))
    }

    fn draws(&self) -> usize {
        self.plan.draws() / self.k.max(1)
    }

    fn bias(&self) -> Bias {
        self.plan.bias()
    }
}
