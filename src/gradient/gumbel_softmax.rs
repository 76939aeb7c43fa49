use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::distribution::LogitParts;
use crate::rows::Grad;
use crate::shape::{no_nan_rows, same_shape};
use crate::{Categorical, Concrete, Distribution, Draw, Real, Reparameterize, Result, Rows, Transform};

/// Where a relaxed estimator asks for the slope of the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relaxation {
    /// At the shares themselves: the cost has to take them.
    Soft,
    /// At the class of the largest share, as a one-hot row: straight through, as if that moved as the shares do.
    Hard,
}

/// The Gumbel-softmax estimator of d/d logits E f(x), x ~ categorical: the path of a relaxed sample.
///
/// ```text
/// y = softmax((l + g) / T),   row = (dy / dl)' f'(y),   or f' at the one-hot row of the largest share
/// ```
///
/// Asks for slopes of the cost, `(n, dim)`, at the points. Bias: biased, by as much as E f(y) moves otherwise than E f(x), at
/// *every* temperature, and not to be told from the sample: the sign may be wrong, also where f is a square
/// (chapter `distribution/concrete`). As T falls to 0 the soft form tends to the truth, and the hard one to the mean of
/// [`StraightThrough::rein_max`](super::StraightThrough::rein_max), which is the truth for quadratic forms; the variance of both grows as
/// 1 / T. Unbiased rivals need no slope: [`ScoreFunction`](super::ScoreFunction) with
/// [`LeaveOneOut`](super::Baseline::LeaveOneOut), and those of bits.
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
pub struct GumbelSoftmax<'a, F> {
    law: Concrete<'a, F>,
    draw: Draw<F>,
    hard: Option<Array2<F>>,
}

impl<'a, F: Real> GumbelSoftmax<'a, F> {
    /// Samples of relaxed classes, made from Gumbel noise, `(n, dim)`.
    ///
    /// Errors: `Shape` of `noise`; `Parameter` where the temperature is not a finite number above 0.
    pub fn propose(law: &Categorical<'a, F>, noise: Array2<F>, temperature: F, at: Relaxation) -> Result<Self> {
        let relaxed = Concrete::of(law.clone(), temperature)?;
        let hard = match at {
            Relaxation::Soft => None,
            Relaxation::Hard => Some(law.sample_from(noise.clone())?),
        };
        Ok(Self { draw: relaxed.transform(noise)?, law: relaxed, hard })
    }

    /// The derivative in the temperature, a number a sample: `(n,)`.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of the slopes.
    pub fn d_temperature(&self, cost: &ArrayRef2<F>) -> Result<Array1<F>> {
        self.slopes_door(cost)?;
        self.law.d_temperature(&self.draw, cost)
    }

    fn slopes_door(&self, cost: &ArrayRef2<F>) -> Result<()> {
        same_shape("cost", cost.shape(), self.draw.x().shape())?;
        no_nan_rows("cost", cost)
    }
}

impl<F: Real> Plan<F> for GumbelSoftmax<'_, F> {
    type Parts = LogitParts;
    type Cost = Array2<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.hard.as_ref().map_or_else(|| self.draw.x(), |hard| hard.view())
    }

    fn rows(&self, cost: &Array2<F>) -> Result<Grad<F, LogitParts>> {
        self.slopes_door(cost)?;
        Ok(self.law.pathwise(&self.draw, cost)?.collect())
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }
}
