use ndarray::ArrayRef1;

use super::plan::Bias;
use crate::rows::mean_of;
use crate::{Error, Real, Result};

/// What is taken from the cost before it weighs the score.
///
/// The score has mean 0, so a number that does not depend on the sample may be taken from its cost: the
/// mean of the estimate stays, its variance changes. A number that depends on the sample does not leave
/// the mean alone; one fitted on *other* samples does.
///
/// | baseline | b of sample s | bias of the estimate | its variance |
/// |---|---|---|---|
/// | `None` | 0 | unbiased | reported |
/// | `Constant`, `Given` | known before the draw | unbiased | reported |
/// | `LeaveOneOut` | the mean of the other costs | unbiased | reported from S = 4 on |
/// | `LeaveGroupOut(k)` | the mean of the costs of the other groups | unbiased | none, for k > 1 |
/// | `Mean` | the mean of all costs | times (S - 1) / S | reported from S = 4 on |
/// | `Optimal(LeavingOneOut)` | sum c s^2 / sum s^2 over the others | unbiased | none |
/// | `Optimal(OnAll)` | the same over all | of order 1/S | none |
/// | `OptimalByCoordinate(..)` | the same, a number a parameter | as `Optimal` | none |
///
/// All that is fitted needs samples of a parameter row that are independent of each other, but for `LeaveGroupOut(k)`,
/// which needs independent groups of k consecutive samples. With mirrored (k = 2) or quasi-random noise a sample is
/// told of by the others of its group, and an estimate with `Mean`, `LeaveOneOut` or `Optimal` is *biased* by another
/// number than the table says, and its variance wrong.
///
/// Where the table has no variance, ask for several parameter rows that are the same (`DiagGaussian::identical`): each is
/// a draw, and [`Estimate::of_draws`](super::Estimate::of_draws) of the plan's rows has the error of their mean.
///
/// ```
/// use estimand::gradient::{Baseline, Estimate, Plan, ScoreFunction, antithetic};
/// use estimand::{DiagGaussian, Transform, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// // x^2 under N(1/2, 1), in 500 draws of 8 pairs; the gradient is (1, 2).
/// let half = DiagGaussian::identical(&array![0.5_f64], &array![0.0], 500)?.repeat_rows(8);
/// let noise = antithetic(&half, &half.noise(&mut StdRng::seed_from_u64(1)))?;
/// let q = half.repeat_rows(2);
/// let rows = ScoreFunction::propose(&q, noise, Baseline::LeaveGroupOut(2))?;
/// let g = Estimate::of_draws(&rows.rows(&rows.points().column(0).mapv(|x| x * x))?, 500)?;
/// let error = g.std_error().unwrap();
/// assert!((g.gradient.loc()[[0, 0]] - 1.0).abs() < 5.0 * error.loc()[[0, 0]]);
/// assert!((g.gradient.log_scale()[[0, 0]] - 2.0).abs() < 5.0 * error.log_scale()[[0, 0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// The optimal constant is E[c s^2] / E[s^2]: of all constants it leaves the least variance, by coordinate
/// or in total. Where it is known (or well fitted on earlier samples) it is a `Constant`. Other baselines
/// do not always help: the mean can be *worse* than none; the chapter shows where.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Baseline<'a, F> {
    /// The cost as it is.
    None,
    /// One number for all samples, known before they were drawn: see [`MovingAverage`].
    Constant(F),
    /// A number a sample row, `(n,)`, that depends on its example but not on its draw: a critic's.
    Given(&'a ArrayRef1<F>),
    /// The mean of the costs of the same parameter row, the sample's own among them.
    Mean,
    /// The mean of the other costs of the same parameter row.
    LeaveOneOut,
    /// The mean of the costs of the same parameter row but for the sample's own group, of so many consecutive
    /// samples: for noise that is independent only by groups. Of groups of 1 it is `LeaveOneOut`.
    LeaveGroupOut(usize),
    /// The constant that leaves the least variance in total, fitted to the samples.
    Optimal(Fitted),
    /// A constant a parameter, each the one that leaves that entry the least variance.
    OptimalByCoordinate(Fitted),
}

/// What a baseline or a coefficient is fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fitted {
    /// All samples, the one that it is used for too: biased, of order 1/S.
    OnAll,
    /// All samples but the one that it is used for: unbiased.
    LeavingOneOut,
}

impl Fitted {
    /// The bias of what is fitted so.
    pub fn bias(self) -> Bias {
        match self {
            Self::OnAll => Bias::Consistent,
            Self::LeavingOneOut => Bias::Unbiased,
        }
    }
}

impl<F> Baseline<'_, F> {
    /// The bias of an estimate with this baseline.
    pub fn bias(&self) -> Bias {
        match self {
            Self::None | Self::Constant(_) | Self::Given(_) | Self::LeaveOneOut | Self::LeaveGroupOut(_) => {
                Bias::Unbiased
            }
            Self::Mean => Bias::Consistent,
            Self::Optimal(fitted) | Self::OptimalByCoordinate(fitted) => fitted.bias(),
        }
    }

    /// Whether the samples of a parameter row stay independent of each other.
    pub(super) fn leaves_samples_independent(&self) -> bool {
        matches!(self, Self::None | Self::Constant(_) | Self::Given(_))
    }
}

/// A baseline that follows the mean cost of the past, and of the past alone.
///
/// ```text
/// b = sum over earlier steps of decay^age mean cost / sum of decay^age
/// ```
///
/// Ask for the [`baseline`](Self::baseline) before a draw, and [`observe`](Self::observe) its costs after:
/// an average that takes in the costs it is subtracted from shrinks the gradient, at one sample by the decay.
///
/// ```
/// use estimand::gradient::{Baseline, MovingAverage};
/// use estimand::ndarray::array;
///
/// let mut average = MovingAverage::new(0.5)?;
/// assert_eq!(average.baseline(), Baseline::Constant(0.0));             // nothing was seen
/// average.observe(&array![1.0, 3.0])?;
/// assert_eq!(average.baseline(), Baseline::Constant(2.0));
/// average.observe(&array![5.0])?;
/// assert_eq!(average.baseline(), Baseline::Constant(4.0));             // (2 / 2 + 5) / (1 / 2 + 1)
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MovingAverage<F> {
    decay: F,
    sum: F,
    weight: F,
}

impl<F: Real> MovingAverage<F> {
    /// An average that has seen nothing; a step weighs `decay` times as much as the next one.
    ///
    /// Errors: `Parameter` where `decay` is outside `[0, 1]`.
    pub fn new(decay: F) -> Result<Self> {
        if decay >= F::zero() && decay <= F::one() {
            return Ok(Self { decay, sum: F::zero(), weight: F::zero() });
        }
        Err(Error::Parameter { name: "decay", value: decay.as_f64(), expected: "a number in [0, 1]" })
    }

    /// The average of what was observed so far; 0 before anything was.
    pub fn baseline(&self) -> Baseline<'static, F> {
        Baseline::Constant(if self.weight > F::zero() { self.sum / self.weight } else { F::zero() })
    }

    /// Takes in the costs of a step.
    ///
    /// Errors: `TooFew` where there are none; `NaN` with the row; `Parameter` where their mean is not finite. The
    /// average is as it was then.
    pub fn observe(&mut self, cost: &ArrayRef1<F>) -> Result<()> {
        let mean = mean_of("cost", cost)?;
        if !mean.is_finite() {
            return Err(Error::Parameter { name: "cost", value: mean.as_f64(), expected: "a finite mean" });
        }
        self.sum = self.decay * self.sum + mean;
        self.weight = self.decay * self.weight + F::one();
        Ok(())
    }
}
