//! The estimators, and what each of them is found to be: one noise for all, in blocks, so that memory does not
//! grow with the number of draws.

use std::fmt;

use estimand::check::{Tested, unbiased};
use estimand::gradient::{Baseline, Enumeration, GumbelSoftmax, Plan, Relaxation, ScoreFunction, StraightThrough};
use estimand::moments::{ColumnMoments, Moments};
use estimand::ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{Categorical, Result, Transform};

use crate::BLOCK;
use crate::cost::Cost;

/// Samples of a draw of leave-one-out, which needs two at least.
pub const SAMPLES: usize = 4;

/// Relaxed samples a class that the Rao-Blackwellised estimator takes the mean of.
const OTHERS: usize = 8;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// Of a temperature.
    Soft(f64),
    Hard(f64),
    RaoBlackwell(f64),
    /// Of none.
    StraightThrough,
    ReinMax,
    LeaveOneOut,
}

/// In the order of the tables, from hot to cold.
pub fn all(temperatures: &[f64]) -> Vec<Estimator> {
    let relaxed = [Estimator::Soft, Estimator::Hard, Estimator::RaoBlackwell];
    let relaxed = relaxed.iter().flat_map(|of| temperatures.iter().rev().map(|&t| of(t)));
    relaxed.chain([Estimator::StraightThrough, Estimator::ReinMax, Estimator::LeaveOneOut]).collect()
}

/// A gradient to estimate: that of E f(x) in the logits, `variables` choices by the same logits.
#[derive(Debug, Clone)]
pub struct Problem {
    pub classes: usize,
    pub variables: usize,
    /// Block by block.
    pub logits: Array1<f64>,
    pub cost: Cost,
    /// By enumeration.
    pub exact: Array1<f64>,
}

/// What draws have shown of an estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub estimator: Estimator,
    pub draws: usize,
    pub mean: Array1<f64>,
    /// The length of the mean less the exact gradient.
    pub bias: f64,
    /// How far a mean of as many draws is from its expectation: the root of the mean square.
    pub error: f64,
    /// Of one draw, all coordinates together.
    pub variance: f64,
    /// Of the variance: at least one standard error.
    pub variance_error: f64,
    /// E |g - exact|^4 over the square of E |g - exact|^2, over the number of draws.
    pub tail: f64,
}

impl Problem {
    pub fn new(logits: &[f64], variables: usize, cost: Cost) -> Result<Self> {
        let classes = logits.len();
        let logits = Array1::from_shape_fn(variables * classes, |j| logits[j % classes]);
        let law = Categorical::shared(logits.view(), classes, 1)?;
        let plan = Enumeration::propose(&law)?;
        let exact = plan.rows_with(|x| cost.at(x))?.row(0).to_owned();
        drop(plan);
        Ok(Self { classes, variables, logits, cost, exact })
    }

    /// The length of the exact gradient.
    pub fn norm(&self) -> f64 {
        norm(&self.exact)
    }

    /// `draws` of an estimator, all noise of it from one seed; of the Rao-Blackwellised one, whose draws take as long as
    /// `OTHERS` of another, as many fewer.
    pub fn measure(&self, estimator: Estimator, draws: usize, seed: u64) -> Result<Found> {
        let draws = if matches!(estimator, Estimator::RaoBlackwell(_)) { draws.div_ceil(OTHERS) } else { draws };
        let mut generators = Generators::new(seed);
        let (mut columns, mut squares) = (ColumnMoments::new(self.exact.len()), Moments::new());
        for start in (0..draws).step_by(BLOCK) {
            let rows = self.rows(estimator, BLOCK.min(draws - start), &mut generators)?;
            columns.push_rows(&rows)?;
            let square = |row: ArrayView1<'_, f64>| {
                row.iter().zip(&self.exact).map(|(g, exact)| (g - exact).powi(2)).sum::<f64>()
            };
            squares.merge(&rows.rows().into_iter().map(square).collect::<Moments<f64>>());
        }
        let (n, mean, variance) = (draws as f64, columns.mean()?, columns.unbiased_variance()?.sum());
        let (bias, error) = (norm(&(&mean - &self.exact)), (variance / n).sqrt());
        let (square, spread) = (squares.mean()?, squares.unbiased_variance()?);
        // |g - m|^2 is |g - exact|^2 - 2 (g - m)'(m - exact) - |m - exact|^2, whose spread is at most that of both terms.
        let variance_error = (spread / n).sqrt() + 2.0 * bias * error;
        let tail = if square > 0.0 { (1.0 + spread / (square * square)) / n } else { 0.0 };
        Ok(Found { estimator, draws, mean, bias, error, variance, variance_error, tail })
    }

    /// Whether the mean of leave-one-out is the exact gradient, by a test of so many draws, which are held.
    pub fn test(&self, draws: usize, seed: u64, alpha: f64) -> Result<Tested> {
        let mut generators = Generators::new(seed);
        let mut all = Array2::zeros((draws, self.exact.len()));
        for mut block in all.axis_chunks_iter_mut(Axis(0), BLOCK) {
            let rows = self.rows(Estimator::LeaveOneOut, block.nrows(), &mut generators)?;
            block.assign(&rows);
        }
        unbiased(&all, &self.exact, alpha)
    }

    /// Independent draws of the gradient, `(n, dim)`.
    fn rows(&self, estimator: Estimator, n: usize, generators: &mut Generators) -> Result<Array2<f64>> {
        let Generators { first, second } = generators;
        let slope = |x: ArrayView2<'_, f64>| self.cost.slope(x);
        let law = Categorical::shared(self.logits.view(), self.classes, n)?;
        match estimator {
            Estimator::Soft(t) => GumbelSoftmax::propose(&law, law.noise(first), t, Relaxation::Soft)?.rows_with(slope),
            Estimator::Hard(t) => GumbelSoftmax::propose(&law, law.noise(first), t, Relaxation::Hard)?.rows_with(slope),
            Estimator::RaoBlackwell(t) => {
                let others = law.clone().repeat_rows(OTHERS).noise(second);
                StraightThrough::rao_blackwell(&law, law.noise(first), &others, t)?.rows_with(slope)
            }
            Estimator::StraightThrough => StraightThrough::propose(&law, law.noise(first))?.rows_with(slope),
            Estimator::ReinMax => StraightThrough::rein_max(&law, law.noise(first))?.rows_with(slope),
            Estimator::LeaveOneOut => {
                let law = Categorical::identical(&self.logits, self.classes, n)?.repeat_rows(SAMPLES);
                let plan = ScoreFunction::propose(&law, law.noise(first), Baseline::LeaveOneOut)?;
                plan.rows_with(|x| self.cost.at(x))
            }
        }
    }
}

/// The noise of samples, and that beside it which one estimator alone asks for.
struct Generators {
    first: StdRng,
    second: StdRng,
}

impl Generators {
    fn new(seed: u64) -> Self {
        let mut first = StdRng::seed_from_u64(seed);
        let second = StdRng::seed_from_u64(first.random());
        Self { first, second }
    }
}

impl Found {
    /// The mean squared error of the mean of draws that ask for so many evaluations together, without bias of its own.
    pub fn mse(&self, evaluations: usize) -> f64 {
        let draws = evaluations as f64 / self.estimator.evaluations() as f64;
        self.bias.powi(2) - self.error.powi(2) + self.variance / draws
    }
}

impl Estimator {
    /// Costs, or slopes, that a draw asks for.
    pub fn evaluations(self) -> usize {
        if self == Self::LeaveOneOut { SAMPLES } else { 1 }
    }

    pub fn temperature(self) -> Option<f64> {
        match self {
            Self::Soft(t) | Self::Hard(t) | Self::RaoBlackwell(t) => Some(t),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Soft(_) => "soft",
            Self::Hard(_) => "hard",
            Self::RaoBlackwell(_) => "hard, Rao-Blackwell",
            Self::StraightThrough => "straight-through",
            Self::ReinMax => "ReinMax",
            Self::LeaveOneOut => "leave-one-out of 4",
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.temperature() {
            Some(t) => write!(f, "{} at T = {t}", self.name()),
            None => write!(f, "{}", self.name()),
        }
    }
}

pub fn norm(v: &Array1<f64>) -> f64 {
    v.dot(v).sqrt()
}
