//! A Gaussian q(z given x) for each pattern, and the ELBO that it is chosen by.

use estimand::ndarray::{Array1, Array2, Axis, concatenate};
use estimand::{DiagGaussian, Reparameterize, Result, Rows, Transform, ValueGrad};
use lab::{Failure, Lbfgs};

use crate::model::{Model, Rule};
use crate::patterns::Patterns;

/// Where the ascent of a pattern ends: its ELBO is then some 1e-20 below its best.
const FLAT: f64 = 1e-10;

/// The ELBO of each pattern, and the gradients of their sum over all examinees.
#[derive(Debug, Clone, PartialEq)]
pub struct Elbo {
    pub value: Array1<f64>,
    /// In `loc | log_scale` of each pattern: `(n, 2)`.
    pub d_head: Array2<f64>,
    /// In `a | b`.
    pub d_model: Array1<f64>,
}

/// E log p(x given z) - KL(q || prior), the expectation over z = loc + scale * point along the path.
pub fn elbo(model: &Model, patterns: &Patterns, head: &Array2<f64>, rule: &Rule) -> Result<Elbo> {
    let (n, s) = (patterns.len(), rule.len());
    let q = DiagGaussian::from_head(head)?.repeat_rows(s);
    let draw = q.transform(Array2::from_shape_fn((n * s, 1), |(i, _)| rule.points[i % s]))?;
    let z = draw.x();
    let rec = model.likelihood(&patterns.repeated(s), z.column(0))?;
    let kl = DiagGaussian::from_head(head)?.kl_standard();

    let weights = Array1::from_shape_fn(n * s, |i| patterns.counts[i / s] * rule.log_weights[i % s].exp());
    let by_pattern = |i: usize| (0..s).map(|t| rec.value[i * s + t] * rule.log_weights[t].exp()).sum::<f64>();
    let value = Array1::from_shape_fn(n, by_pattern) - &kl.value;
    let d_z = rec.d_z(model) * weights.view().insert_axis(Axis(1));
    let d_kl = kl.grad.weighted_rows(&-&patterns.counts)?;
    let d_head = (q.pathwise(&draw, &d_z)?.total()? + d_kl)?.into_flat();
    Ok(Elbo { value, d_head, d_model: rec.d_model(&weights, z.column(0))? })
}

/// The head of the prior, as so many rows.
pub fn prior(rows: usize) -> Array2<f64> {
    Array2::zeros((rows, 2))
}

/// The best Gaussian of one pattern, as `loc | log_scale`, with its ELBO.
pub fn best(model: &Model, pattern: &Patterns, rule: &Rule) -> Result<Array1<f64>, Failure> {
    let top = Lbfgs::new(FLAT).maximise(Array1::zeros(2), |head| {
        let at = elbo(model, pattern, &head.view().insert_axis(Axis(0)).to_owned(), rule)?;
        Ok::<_, estimand::Error>(ValueGrad { value: at.value.sum(), grad: at.d_head.row(0).to_owned() })
    })?;
    if !top.reached {
        let left = top.grad.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        return Err(
            format!("the best Gaussian of a pattern was not found: its ELBO still has the slope {left:e}").into()
        );
    }
    Ok(top.x)
}

/// Model and Gaussians as one array, and back.
pub fn joined(model: &Model, head: &Array2<f64>) -> Result<Array1<f64>> {
    Ok(concatenate![Axis(0), model.flat()?, head.flatten()])
}

pub fn parted(flat: &Array1<f64>, patterns: usize) -> (Model, Array2<f64>) {
    let (model, head) = flat.view().split_at(Axis(0), flat.len() - 2 * patterns);
    (Model::of(model), Array2::from_shape_fn((patterns, 2), |(i, c)| head[2 * i + c]))
}
