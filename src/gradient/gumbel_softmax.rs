use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::distribution::{LogitParts, Perturb};
use crate::rows::{Grad, weigh};
use crate::shape::{no_nan_rows, positive, same_shape};
use crate::{Real, Result};

/// Where a relaxed estimator asks for the slope of the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relaxation {
    /// At the shares themselves: the cost has to take them.
    Soft,
    /// At the class of the largest share, as a one-hot row (at the nearer bit): straight through, as if that moved as the
    /// shares do.
    Hard,
}

/// The Gumbel-softmax estimator of d/d logits E f(x), x of bits or classes: the path of a relaxed sample.
///
/// ```text
/// y = shares of z / T,   row = (dy / dl)' f'(y),   or f' at the one-hot row of the largest share
/// ```
///
/// with z = l + g of classes, whose shares are softmax, and z = l + logistic noise of bits, with sigmoid ([`Perturb`]).
/// Asks for slopes of the cost, `(n, dim)`, at the points. Bias: biased, by as much as E f(y) moves otherwise than E f(x), at
/// *every* temperature, and not to be told from the sample: the sign may be wrong, also where f is a square (chapter
/// `distribution/concrete`). As T falls to 0 the soft form tends to the truth, and the hard one to the mean of
/// [`StraightThrough::rein_max`](super::StraightThrough::rein_max), which is the truth for quadratic forms: slowly, and
/// through noise, for the variance of both grows as 1 / T. [`Annealing`](super::Annealing) makes temperatures that fall. Unbiased rivals need no slope: [`ScoreFunction`](super::ScoreFunction) with
/// [`LeaveOneOut`](super::Baseline::LeaveOneOut), [`DisArm`](super::DisArm), [`DisArmTree`](super::DisArmTree); or take it as a
/// control variate: [`Rebar`](super::Rebar).
/// Errors: `Shape`, or `NaN` with the row, of the slopes. Source: Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017.
///
/// ```
/// use estimand::gradient::{GumbelSoftmax, Plan, Relaxation};
/// use estimand::{Categorical, ndarray::array};
///
/// let q = Categorical::shared(array![0.0_f64, 0.0], 2, 1)?;
/// let plan = GumbelSoftmax::propose(&q, array![[1.0, 0.0]], 0.5, Relaxation::Hard)?;
/// assert_eq!(plan.points(), array![[1.0, 0.0]]);
/// let g = plan.rows(&array![[3.0, 1.0]])?;
/// let share = 1.0 / (1.0 + (-2.0_f64).exp());
/// assert!((g.logits()[[0, 0]] - 2.0 * share * (1.0 - share) / 0.5).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GumbelSoftmax<'a, F, D> {
    law: &'a D,
    z: Array2<F>,
    temperature: F,
    points: Array2<F>,
}

impl<'a, F: Real, D: Perturb<F>> GumbelSoftmax<'a, F, D> {
    /// Relaxed samples, made from the noise of the law.
    ///
    /// Errors: `Shape` of `noise`; `Parameter` where the temperature is not a finite number above 0.
    pub fn propose(law: &'a D, noise: Array2<F>, temperature: F, at: Relaxation) -> Result<Self> {
        positive("temperature", temperature)?;
        let z = law.perturbed(&noise)?;
        let points = match at {
            Relaxation::Soft => law.shares(&z, temperature)?,
            Relaxation::Hard => law.sample_from(noise)?,
        };
        Ok(Self { law, z, temperature, points })
    }

    /// The derivative in the temperature, a number a sample: `(n,)`, minus the sum of z times the gradient row, over T.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of the slopes.
    pub fn d_temperature(&self, cost: &ArrayRef2<F>) -> Result<Array1<F>> {
        let rows = self.pulled_back(cost)?;
        let product =
            |i: usize| rows.row(i).iter().zip(self.z.row(i)).fold(F::zero(), |sum, (&g, &z)| sum + weigh(g, z));
        Ok(Array1::from_shape_fn(rows.nrows(), |i| -product(i) / self.temperature))
    }

    fn pulled_back(&self, cost: &ArrayRef2<F>) -> Result<Array2<F>> {
        same_shape("cost", cost.shape(), self.z.shape())?;
        no_nan_rows("cost", cost)?;
        self.law.shares_pull_back(&self.z, self.temperature, cost)
    }
}

impl<F: Real, D: Perturb<F>> Plan<F> for GumbelSoftmax<'_, F, D> {
    type Parts = LogitParts;
    type Cost = Array2<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array2<F>) -> Result<Grad<F, LogitParts>> {
        Ok(Grad::held(self.pulled_back(cost)?, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }
}
