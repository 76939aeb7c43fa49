//! The model: an ability z ~ N(0, 1), and item j right with the logit a_j z + b_j.

use estimand::check::Nodes;
use estimand::distribution::LogitParts;
use estimand::ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use estimand::objective::importance_weighted;
use estimand::special::logit;
use estimand::{Bernoulli, Distribution, Grad, Result, ValueGrad};

use crate::patterns::Patterns;

/// Slopes a and intercepts b, one an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub slopes: Array1<f64>,
    pub intercepts: Array1<f64>,
}

/// Numbers that stand for a law, and the logarithm of what each weighs: an expectation is a weighted sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub points: Array1<f64>,
    pub log_weights: Array1<f64>,
    pub step: f64,
}

impl Rule {
    /// N(0, 1) at multiples of a step.
    pub fn normal(step: f64) -> Result<Self> {
        let nodes = Nodes::normal(step)?;
        let log_weights = nodes.weights().iter().map(|w| w.ln()).collect();
        Ok(Self { points: nodes.points().to_vec().into(), log_weights, step })
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }
}

/// ln p(x given z) of rows, with what its derivatives are made of.
#[derive(Debug)]
pub struct Likelihood {
    /// A row each.
    pub value: Array1<f64>,
    d_logits: Grad<f64, LogitParts>,
}

impl Model {
    /// Where a fit begins: a = 1, and b as if there were no ability.
    pub fn plain(patterns: &Patterns) -> Self {
        let intercepts = patterns.means().mapv(logit);
        Self { slopes: Array1::ones(intercepts.len()), intercepts }
    }

    /// From one array, `a | b`.
    pub fn of(flat: ArrayView1<'_, f64>) -> Self {
        let (slopes, intercepts) = flat.split_at(Axis(0), flat.len() / 2);
        Self { slopes: slopes.to_owned(), intercepts: intercepts.to_owned() }
    }

    pub fn flat(&self) -> Result<Array1<f64>> {
        Ok(concatenate![Axis(0), self.slopes, self.intercepts])
    }

    /// The largest slope, and of which item.
    pub fn steepest(&self) -> (usize, f64) {
        let largest = |best: (usize, f64), (j, a): (usize, &f64)| if a.abs() > best.1.abs() { (j, *a) } else { best };
        self.slopes.iter().enumerate().fold((0, 0.0), largest)
    }

    /// Answers beside abilities: `x: (n, J)`, `z: (n,)`.
    pub fn likelihood(&self, x: &Array2<f64>, z: ArrayView1<'_, f64>) -> Result<Likelihood> {
        let logits = z.insert_axis(Axis(1)).dot(&self.slopes.view().insert_axis(Axis(0))) + &self.intercepts;
        let rows = Bernoulli::new(&logits)?.log_prob_grad(x)?;
        Ok(Likelihood { value: rows.value, d_logits: rows.grad })
    }

    /// ln p(x) of each pattern, and the gradient in `a | b` of their sum over all examinees: a sum over points of z is what
    /// the importance-weighted bound is of samples, and its weights are those of the posterior.
    pub fn evidence(&self, patterns: &Patterns, prior: &Rule) -> Result<ValueGrad<Array1<f64>, Array1<f64>>> {
        let (n, s) = (patterns.len(), prior.len());
        let z = Array1::from_shape_fn(n * s, |i| prior.points[i % s]);
        let at = self.likelihood(&patterns.repeated(s), z.view())?;
        let log_mean = (s as f64).ln();
        let log_w = Array1::from_shape_fn(n * s, |i| at.value[i] + prior.log_weights[i % s] + log_mean);
        let evidence = importance_weighted(&log_w, s)?;
        let weights = Array1::from_shape_fn(n * s, |i| evidence.grad[i] * patterns.counts[i / s]);
        Ok(ValueGrad { value: evidence.value, grad: at.d_model(&weights, z.view())? })
    }
}

impl Likelihood {
    /// The gradient in `a | b` of a weighted sum of the rows.
    pub fn d_model(self, weights: &Array1<f64>, z: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        let d_logits = self.d_logits.weighted_rows(weights)?;
        let d_logits = d_logits.flat();
        Ok(concatenate![Axis(0), z.dot(&d_logits), d_logits.sum_axis(Axis(0))])
    }

    /// The derivative of each row in its z: `(n, 1)`.
    pub fn d_z(&self, model: &Model) -> Array2<f64> {
        self.d_logits.flat().dot(&model.slopes).insert_axis(Axis(1))
    }
}
