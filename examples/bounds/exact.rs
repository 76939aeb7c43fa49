//! Bounds without samples: every expectation is a sum over points of z, each with its chance.

use estimand::gradient::importance::normalised_weights;
use estimand::ndarray::{Array1, Axis};
use estimand::objective::renyi;
use estimand::{DiagGaussian, Distribution, Result};

use crate::model::{Model, Rule};
use crate::patterns::Patterns;

/// Points of the thermodynamic sums.
pub const PARTITION: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Steps of ln t, whose sums converge as those over z do.
const STEP: f64 = 0.125;

/// What is left out of an integral over t at either end: e^-44 of it.
const END: f64 = 44.0;

/// The weights w = p(x, z) / q(z) of a pattern, in units of p(x), at points that stand for q.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    log_w: Array1<f64>,
    log_chance: Array1<f64>,
}

/// By how much each bound is above log p(x), all examinees together.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    pub elbo: f64,
    /// Of alpha = 1/2.
    pub renyi: f64,
    /// Of order 2.
    pub cubo: f64,
    pub eubo: f64,
    pub lower: f64,
    pub upper: f64,
    /// The importance-weighted ones, in the order of the numbers of samples.
    pub many: Vec<f64>,
    /// Half the variance of w / p(x): infinite where a Gaussian is too narrow.
    pub half_variance: f64,
    /// Patterns of which it is infinite.
    pub narrow: usize,
}

impl Weights {
    /// At `loc + width * point`, all that a law of a scale of at most 1 and the posterior, which is narrower than the prior, have.
    pub fn new(
        model: &Model,
        pattern: &Patterns,
        head: &Array1<f64>,
        width: f64,
        rule: &Rule,
        evidence: f64,
    ) -> Result<Self> {
        let s = rule.len();
        let points = rule.points.view().insert_axis(Axis(1));
        let z = points.mapv(|u| head[0] + width * u);
        let rec = model.likelihood(&pattern.repeated(s), z.column(0))?;
        let standard = DiagGaussian::standard(s, 1)?;
        let (loc, log_scale) = head.view().split_at(Axis(0), 1);
        let q = DiagGaussian::shared(loc, log_scale, s)?.log_prob(&z)?;
        let log_w = rec.value + standard.log_prob(&z)? - &q - evidence;
        // A point stands for the length that it is given by the rule: its weight over the density there.
        let length = &rule.log_weights - standard.log_prob(&points.to_owned())? + width.ln();
        Ok(Self { log_w, log_chance: q + length })
    }

    /// E log w, where the mean is of the law in proportion to q w^beta.
    fn tilted(&self, beta: f64) -> Result<f64> {
        let chances = normalised_weights(&(&self.log_w * beta + &self.log_chance), self.log_w.len())?;
        Ok(chances.dot(&self.log_w))
    }

    /// (1/t) ln E w^t: the Renyi bound of samples that are the points, each as often as its chance says.
    fn power(&self, t: f64) -> Result<f64> {
        let s = self.log_w.len();
        let log_n = (s as f64).ln();
        Ok(renyi(&(&self.log_w + &((&self.log_chance + log_n) / t)), s, 1.0 - t)?.value[0])
    }

    /// E ln of the mean of k independent w, for each k:
    ///
    /// ```text
    /// the integral over t > 0 of (e^-t - (E e^(-t w))^k) / t, less ln k
    /// ```
    ///
    /// by steps of ln t, from where all is t times something to where no weight is left of which t has not made nothing.
    pub fn many(&self, samples: &[usize]) -> Vec<f64> {
        let most = samples.iter().copied().max().unwrap_or(1) as f64;
        let points: Vec<(f64, f64)> =
            self.log_w.iter().zip(&self.log_chance).map(|(l, c)| (l.exp(), c.exp())).collect();
        let mut sums: Vec<f64> = samples.iter().map(|&k| -(k as f64).ln()).collect();
        // Weights below e^-600 have no chance to speak of, and t would be no number.
        let least = self.log_w.iter().copied().fold(f64::INFINITY, f64::min).max(-600.0);
        let (first, last) = (-END - most.ln(), END.ln() - least);
        for step in 0..=((last - first) / STEP).ceil() as usize {
            let t = (first + STEP * step as f64).exp();
            // Near 1 where t is small: the rest has the digits.
            let rest: f64 = points.iter().map(|(w, chance)| chance * (-t * w).exp_m1()).sum();
            // Chances sum to 1 up to rounding.
            let log_phi = rest.max(-1.0).ln_1p();
            for (sum, &k) in sums.iter_mut().zip(samples) {
                *sum += STEP * ((-t).exp() - (k as f64 * log_phi).exp());
            }
        }
        sums
    }
}

impl Bounds {
    /// Of one pattern.
    pub fn of(
        model: &Model,
        pattern: &Patterns,
        head: &Array1<f64>,
        rule: &Rule,
        evidence: f64,
        samples: &[usize],
    ) -> Result<Self> {
        let weights = Weights::new(model, pattern, head, 1.0, rule, evidence)?;
        let ends = PARTITION.iter().map(|&beta| weights.tilted(beta)).collect::<Result<Vec<_>>>()?;
        let sum = |from: usize| -> f64 {
            let interval = |k: usize| (PARTITION[k + 1] - PARTITION[k]) * ends[k + from];
            (0..PARTITION.len() - 1).map(interval).sum()
        };
        let cubo = Self::cubo(model, pattern, head, rule, evidence)?;
        Ok(Self {
            elbo: weights.tilted(0.0)?,
            renyi: weights.power(0.5)?,
            cubo,
            eubo: weights.tilted(1.0)?,
            lower: sum(0),
            upper: sum(1),
            many: weights.many(samples),
            half_variance: 0.5 * (2.0 * cubo).exp_m1(),
            narrow: usize::from(cubo == f64::INFINITY),
        })
    }

    /// Half of ln E w^2. In its tails w^2 q is a Gaussian of the precision 2 - 1 / scale^2: wider than q, and without end where
    /// q has less than half of the prior's variance.
    fn cubo(model: &Model, pattern: &Patterns, head: &Array1<f64>, rule: &Rule, evidence: f64) -> Result<f64> {
        let precision = 2.0 - (-2.0 * head[1]).exp();
        if precision <= 0.0 {
            return Ok(f64::INFINITY);
        }
        let width = precision.sqrt().recip().max(1.0);
        // As many points a length of z, up to a hundred times as wide.
        let rule = if width > 1.0 { &Rule::normal((rule.step / width).max(1e-3))? } else { rule };
        Weights::new(model, pattern, head, width, rule, evidence)?.power(2.0)
    }

    /// All patterns, each as often as it occurs.
    pub fn total(all: &[Self], counts: &Array1<f64>) -> Self {
        let sum = |of: &dyn Fn(&Self) -> f64| all.iter().zip(counts).map(|(bounds, n)| n * of(bounds)).sum::<f64>();
        let samples = all.first().map_or(0, |first| first.many.len());
        Self {
            elbo: sum(&|b| b.elbo),
            renyi: sum(&|b| b.renyi),
            cubo: sum(&|b| b.cubo),
            eubo: sum(&|b| b.eubo),
            lower: sum(&|b| b.lower),
            upper: sum(&|b| b.upper),
            many: (0..samples).map(|k| sum(&|b| b.many[k])).collect(),
            half_variance: sum(&|b| b.half_variance),
            narrow: all.iter().map(|b| b.narrow).sum(),
        }
    }
}
