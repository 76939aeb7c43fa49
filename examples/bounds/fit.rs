//! The best model: by the exact likelihood, and by bounds in its place.

use estimand::check::{self, Agreement};
use estimand::ndarray::{Array1, Array2, Axis, concatenate};
use estimand::noise::Standard;
use estimand::objective::importance_weighted;
use estimand::rand::rngs::StdRng;
use estimand::{DiagGaussian, Distribution, Result, Transform, ValueGrad};
use lab::lbfgs::Top;
use lab::{Failure, Lbfgs};

use crate::gaussians::{elbo, joined, parted};
use crate::model::{Model, Rule};
use crate::patterns::Patterns;

/// Where an ascent ends, of the number of examinees: some times what a gradient is rounded by.
const FLAT: f64 = 1e-12;

/// The steepest slope at which the sums over points of z are integrals, to eight digits.
const STEEPEST: f64 = 10.0;

/// Samples of the bound that a model is fitted by.
pub const SAMPLES: usize = 50;

/// A model, where it was found, and by how much the gradient there misses 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub model: Model,
    pub value: f64,
    /// The largest number of the gradient, an examinee.
    pub slope: f64,
    pub steps: usize,
    pub evaluations: usize,
    /// Whether that is 0, up to rounding.
    pub reached: bool,
}

impl Fit {
    fn of(top: &Top, model: Model, patterns: &Patterns) -> Self {
        let slope = top.grad.iter().fold(0.0_f64, |most, g| most.max(g.abs())) / patterns.examinees();
        let Top { value, steps, evaluations, reached, .. } = *top;
        Self { model, value, slope, steps, evaluations, reached }
    }
}

fn lbfgs(patterns: &Patterns) -> Lbfgs {
    Lbfgs::new(FLAT * patterns.examinees())
}

/// The exact log-likelihood of all examinees, with its gradient in `a | b`.
fn likelihood(flat: &Array1<f64>, patterns: &Patterns, prior: &Rule) -> Result<ValueGrad<f64, Array1<f64>>> {
    let at = Model::of(flat.view()).evidence(patterns, prior)?;
    Ok(ValueGrad { value: at.value.dot(&patterns.counts), grad: at.grad })
}

/// The maximum of the exact likelihood, from a = 1 and b as if there were no ability.
pub fn exact(patterns: &Patterns, prior: &Rule) -> Result<Fit, Failure> {
    let start = Model::plain(patterns).flat()?;
    let top = lbfgs(patterns).maximise(start, |flat| likelihood(flat, patterns, prior))?;
    let fit = Fit::of(&top, Model::of(top.x.view()), patterns);
    let (item, slope) = fit.model.steepest();
    if !fit.reached || slope.abs() > STEEPEST {
        let (steps, name) = (fit.steps, &patterns.items[item]);
        let words = "the likelihood may rise with it without end";
        return Err(format!(
            "no maximum was found: after {steps} steps the item `{name}` has the slope {slope:.1}, and {words}"
        )
        .into());
    }
    Ok(fit)
}

/// The gradient of the exact likelihood where the fit began, beside differences of it.
pub fn differences(patterns: &Patterns, prior: &Rule) -> Result<Agreement<f64>> {
    let start = Model::plain(patterns).flat()?;
    let value = |flat: &estimand::ndarray::ArrayRef1<f64>| {
        likelihood(&flat.to_owned(), patterns, prior).map_or(f64::NAN, |at| at.value)
    };
    check::gradient(value, &start, &likelihood(&start, patterns, prior)?.grad)
}

/// The maximum of the ELBO, in the model and the Gaussians of all patterns together. It may be too flat to be reached, as where
/// items are too few to tell slopes.
pub fn by_elbo(
    patterns: &Patterns,
    from: &Model,
    head: &Array2<f64>,
    rule: &Rule,
) -> Result<(Fit, Array2<f64>), Failure> {
    let top = lbfgs(patterns).maximise(joined(from, head)?, |flat| {
        let (model, head) = parted(flat, patterns.len());
        let at = elbo(&model, patterns, &head, rule)?;
        let grad = concatenate![Axis(0), at.d_model, at.d_head.flatten()];
        Ok::<_, estimand::Error>(ValueGrad { value: at.value.dot(&patterns.counts), grad })
    })?;
    let (model, head) = parted(&top.x, patterns.len());
    Ok((Fit::of(&top, model, patterns), head))
}

/// The maximum of a sampled importance-weighted bound in the model: each examinee has samples of its own, which stay as they
/// are, and so do the Gaussians. (Of samples that stay, a Gaussian would learn to put the farthest on the peak, and widen
/// without end.) Of a pattern at most so many examinees differ.
pub fn by_samples(
    patterns: &Patterns,
    from: &Model,
    head: &Array2<f64>,
    most: usize,
    rng: &mut StdRng,
) -> Result<Fit, Failure> {
    let (examinees, places) = patterns.unrolled(most);
    let (n, k) = (examinees.len(), SAMPLES);
    let head = head.select(Axis(0), &places);
    let q = DiagGaussian::from_head(&head)?.repeat_rows(k);
    let z = q.sample_from(Standard::Normal.draw(rng, (n * k, 1)))?;
    let rest = DiagGaussian::standard(n * k, 1)?.log_prob(&z)? - q.log_prob(&z)?;
    let x = examinees.repeated(k);
    let top = lbfgs(patterns).maximise(from.flat()?, |flat| {
        let rec = Model::of(flat.view()).likelihood(&x, z.column(0))?;
        let bound = importance_weighted(&(&rec.value + &rest), k)?;
        let weights = Array1::from_shape_fn(n * k, |i| bound.grad[i] * examinees.counts[i / k]);
        let grad = rec.d_model(&weights, z.column(0))?;
        Ok::<_, estimand::Error>(ValueGrad { value: bound.value.dot(&examinees.counts), grad })
    })?;
    Ok(Fit::of(&top, Model::of(top.x.view()), patterns))
}
