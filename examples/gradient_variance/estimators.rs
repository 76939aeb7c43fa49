//! The estimators: one piece of code from noise to draws, for the quadrature and for the generator.

use estimand::check::{Nodes, oracle};
use estimand::gradient::{
    Baseline, Bias, Comparison, Coupling, MeasureValued, Named, Pathwise, Plan, ScoreFunction, compare,
};
use estimand::ndarray::{Array2, ArrayView2, Axis, array};
use estimand::rand::rngs::StdRng;
use estimand::{DiagGaussian, Result, Transform};

use crate::cost::{Cost, MEAN, Parameter};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimator {
    Score,
    /// With the baseline E f.
    ScoreMean,
    /// With the constant of least variance, E[f s^2] / E[s^2].
    ScoreOptimal,
    Pathwise,
    MeasureValued(Coupling),
}

/// The five of the figures, in the order of the last line.
pub const ALL: [Estimator; 5] = [
    Estimator::Score,
    Estimator::ScoreMean,
    Estimator::ScoreOptimal,
    Estimator::Pathwise,
    Estimator::MeasureValued(Coupling::Coupled),
];

/// Their words in the last line.
pub const KEYS: [&str; 5] = ["score", "score_mean", "score_optimal", "pathwise", "measure_valued"];

/// A derivative to estimate, with what the baselines know of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub cost: Cost,
    pub parameter: Parameter,
    mean: f64,
    optimal: f64,
}

/// One draw of an estimator, without sampling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact {
    pub mean: f64,
    pub variance: f64,
    /// The variance of the square of a draw's deviation: the fourth central moment less the squared variance.
    pub spread: f64,
}

/// N(1, 1), so many samples of it.
fn law(samples: usize) -> Result<DiagGaussian<'static, f64>> {
    DiagGaussian::shared(array![MEAN], array![0.0], samples)
}

impl Point {
    pub fn new(cost: Cost, parameter: Parameter) -> Result<Self> {
        // E f and E f s^2 / E s^2: the score of N(m, 1) is z in the mean, and z^2 - 1 in the scale.
        let z = Nodes::normal(cost.step())?;
        let means = oracle(&[&z], 1, |noise| {
            let f = |z: f64| cost.at(MEAN + z);
            let square = |z: f64| if parameter == Parameter::Mu { z * z } else { 0.5 * (z * z - 1.0).powi(2) };
            Ok(Array2::from_shape_fn((noise.nrows(), 2), |(i, j)| {
                let z = noise[[i, 0]];
                f(z) * if j == 0 { 1.0 } else { square(z) }
            }))
        })?;
        Ok(Self { cost, parameter, mean: means.mean[0], optimal: means.mean[1] })
    }

    pub fn truth(&self) -> f64 {
        self.cost.truth(self.parameter)
    }

    /// Measures the five with so many draws each, all from one state of the generator.
    pub fn compare(&self, draws: usize, rng: &StdRng) -> Result<Comparison> {
        let named = ALL.map(|estimator| {
            Named::new(estimator.name(), Bias::Unbiased, estimator.evaluations() as f64, move |rng: &mut StdRng| {
                estimator.rows(self, estimator.noise(draws, rng)?)
            })
        });
        compare(rng, Some(&array![self.truth()]), &named)
    }
}

impl Estimator {
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score function",
            Self::ScoreMean => "score, mean baseline",
            Self::ScoreOptimal => "score, optimal baseline",
            Self::Pathwise => "pathwise",
            Self::MeasureValued(Coupling::Coupled) => "measure-valued, coupled",
            Self::MeasureValued(Coupling::Independent) => "measure-valued, independent",
        }
    }

    /// Costs, or slopes, that a draw of one derivative asks for.
    pub fn evaluations(self) -> usize {
        if matches!(self, Self::MeasureValued(_)) { 2 } else { 1 }
    }

    fn noise(self, draws: usize, rng: &mut StdRng) -> Result<Array2<f64>> {
        let q = law(draws)?;
        Ok(match self {
            Self::MeasureValued(coupling) => MeasureValued::noise(&q, coupling, rng),
            _ => q.noise(rng),
        })
    }

    /// Draws of the derivative, `(n, 1)`, from noise of n rows.
    fn rows(self, point: &Point, noise: Array2<f64>) -> Result<Array2<f64>> {
        let (q, cost) = (law(noise.nrows())?, point.cost);
        let costs = |x: ArrayView2<'_, f64>| x.column(0).mapv(|x| cost.at(x));
        let score = |noise, baseline| {
            let plan = ScoreFunction::propose(&q, noise, baseline)?;
            plan.rows(&costs(plan.points()))
        };
        let rows = match self {
            Self::Score => score(noise, Baseline::None),
            Self::ScoreMean => score(noise, Baseline::Constant(point.mean)),
            Self::ScoreOptimal => score(noise, Baseline::Constant(point.optimal)),
            Self::Pathwise => {
                let plan = Pathwise::propose(&q, noise)?;
                plan.rows(&plan.points().mapv(|x| cost.slope(x)))
            }
            Self::MeasureValued(coupling) => {
                let plan = MeasureValued::propose(&q, noise, coupling)?;
                plan.rows(&costs(plan.points()))
            }
        };
        let column = rows?.into_flat().column(point.parameter as usize).to_owned();
        Ok(column.insert_axis(Axis(1)))
    }

    /// Mean and variance by quadrature over the noise.
    pub fn exact(self, point: &Point) -> Result<Exact> {
        let truth = point.truth();
        let nodes = self.nodes(point)?;
        let nodes: Vec<&Nodes> = nodes.iter().collect();
        let found = oracle(&nodes, nodes.len(), |noise| {
            let g = self.rows(point, noise)?;
            Ok(Array2::from_shape_fn(
                (g.nrows(), 2),
                |(i, j)| {
                    if j == 0 { g[[i, 0]] } else { (g[[i, 0]] - truth).powi(2) }
                },
            ))
        })?;
        // Where the two parts of a draw cancel, rounding is all that is left.
        let clean = |variance: f64, least: f64| if variance > least { variance } else { 0.0 };
        let least = point.cost.rounding().powi(2);
        Ok(Exact {
            mean: found.mean[0],
            variance: clean(found.variance[0], least),
            spread: clean(found.variance[1], least * least),
        })
    }

    /// The laws of the noise numbers of a draw. A number that the derivative does not see stands still.
    fn nodes(self, point: &Point) -> Result<Vec<Nodes>> {
        let Self::MeasureValued(coupling) = self else {
            return Ok(vec![Nodes::normal(point.cost.step())?]);
        };
        let still = Nodes::finite(&[0.0], &[1.0])?;
        let cells = point.cost.cells();
        let breaks = |from: f64, to: f64, cells: f64| -> Vec<f64> {
            let count = ((to - from) * cells) as usize;
            (0..=count).map(|k| from + k as f64 / cells).collect()
        };
        let rayleigh = || Nodes::density(|r| r.ln() - 0.5 * r * r, &breaks(0.0, 10.0, cells), 12);
        let maxwell = || Nodes::density(|m| 2.0 * m.abs().ln() - 0.5 * m * m, &breaks(-10.0, 10.0, cells), 12);
        // The cost sees it times M, which is a few units.
        let uniform = || Nodes::uniform(&breaks(0.0, 1.0, 2.0 * cells), 10);
        Ok(match (coupling, point.parameter) {
            (Coupling::Coupled, Parameter::Mu) => vec![still.clone(), rayleigh()?, still.clone(), still],
            (Coupling::Coupled, Parameter::Sigma) => vec![still.clone(), still, maxwell()?, uniform()?],
            (Coupling::Independent, Parameter::Mu) => {
                vec![still.clone(), rayleigh()?, still.clone(), rayleigh()?, still]
            }
            (Coupling::Independent, Parameter::Sigma) => {
                vec![still.clone(), still.clone(), maxwell()?, still, Nodes::normal(point.cost.step())?]
            }
        })
    }
}

/// The five at one point: as they are, and as they were measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    pub point: Point,
    pub exact: [Exact; 5],
    pub measured: Comparison,
}

/// Standard errors by which the mean and the variance of a measurement are off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Off {
    pub mean: f64,
    pub variance: f64,
}

pub fn exact(point: &Point) -> Result<[Exact; 5]> {
    let mut all = [Exact { mean: 0.0, variance: 0.0, spread: 0.0 }; 5];
    for (exact, estimator) in all.iter_mut().zip(ALL) {
        *exact = estimator.exact(point)?;
    }
    Ok(all)
}

impl Look {
    pub fn new(point: Point, draws: usize, rng: &StdRng) -> Result<Self> {
        Ok(Self { point, exact: exact(&point)?, measured: point.compare(draws, rng)? })
    }

    /// By estimator.
    ///
    /// The variance of a sample variance of n draws is (mu4 - v^2 (n - 3) / (n - 1)) / n, with the fourth
    /// central moment mu4. Both are exact: a sample with heavy tails knows too little of its own.
    pub fn off(&self) -> Vec<Off> {
        let rounding = self.point.cost.rounding();
        let in_errors = |off: f64, rounding: f64, square: f64| match (off.abs() - rounding).max(0.0) {
            0.0 => 0.0,
            over => over.copysign(off) / square.sqrt(),
        };
        let pairs = self.exact.iter().zip(&self.measured.measured);
        pairs
            .map(|(exact, measured)| {
                let (n, v) = (measured.draws as f64, exact.variance);
                let of_variance = (exact.spread + 2.0 * v * v / (n - 1.0)) / n;
                Off {
                    mean: in_errors(measured.mean[0] - self.point.truth(), rounding, v / n),
                    variance: in_errors(measured.variance[0] - v, rounding * rounding, of_variance),
                }
            })
            .collect()
    }
}
