use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

use crate::rows::{GradRows, weigh};
use crate::shape::{no_nan, no_nan_rows, same_shape};
use crate::{Error, Real, Result, ValueGrad};

/// What goes through the sample and what through the density: [`through_sample`].
#[derive(Debug, Clone, PartialEq)]
pub struct ThroughSample<F> {
    /// Slopes for `q.pathwise(&draw, &d_x)`: `(n, d)`.
    pub d_x: Array2<F>,
    /// Weights for `q.score(&x)`, of what log q changes by itself: `(n,)`.
    pub score: Array1<F>,
}

/// The gradient of a function of log-weights in the parameters of q, along the path: path minus score.
///
/// The estimand is d/d theta E f(log w), where log w = log p(z) - log q(z), and z ~ q moves with theta as log q does:
///
/// ```text
/// g = sum over s of f_s' ( (d z_s / d theta)' d log w_s / dz - score(z_s) ),   f_s' = d f / d log w_s
/// ```
///
/// For any f that comes with its gradient in log w: every bound of [`objective`](crate::objective), and the KL of
/// [`sampled_kl`](super::sampled_kl), whose log-ratios log p - log q are log-weights. Shapes: `d_log_w: (n,)`, `slopes: (n, d)` of
/// log w in z with the parameters of q held fast. Bias: unbiased for the gradient of the f that was asked for, which may itself
/// be biased for something else. For DReG's squared weights and sticking the landing, where there is no score
/// to add, `d_x` is all.
/// A derivative of 0 silences an infinite slope. Errors: `Shape`; `NaN` with the row. Source: chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::through_sample;
/// use estimand::objective::importance_weighted;
/// use estimand::{DiagGaussian, Distribution, Reparameterize, Rows, Smooth, Transform, ndarray::array};
///
/// // q = N(0, 1), p = N(1, 1) as a joint law whose evidence is 1: two samples of one example.
/// let (q, p) = (DiagGaussian::standard(1, 1)?.repeat_rows(2), DiagGaussian::identical(&array![1.0], &array![0.0], 2)?);
/// let z = q.transform(array![[0.5], [-1.0]])?;
/// let (p, log_q) = (p.log_prob_slope(&z.x())?, q.log_prob_slope(&z.x())?);
/// let bound = importance_weighted(&(p.value - log_q.value), 2)?;
/// let by = through_sample(&bound.grad, &(p.grad - log_q.grad))?;
/// let d_theta = q.pathwise(&z, &by.d_x)?.total()? + q.score(&z.x())?.weighted(&by.score);
/// assert_eq!(d_theta?.flat().dim(), (1, 2));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn through_sample<F: Real>(d_log_w: &ArrayRef1<F>, slopes: &ArrayRef2<F>) -> Result<ThroughSample<F>> {
    same_shape("slopes", slopes.shape(), &[d_log_w.len(), slopes.ncols()])?;
    no_nan("d_log_w", d_log_w)?;
    no_nan_rows("slopes", slopes)?;
    let mut d_x = slopes.to_owned();
    for (mut row, &w) in d_x.rows_mut().into_iter().zip(d_log_w) {
        row.mapv_inplace(|slope| weigh(w, slope));
    }
    Ok(ThroughSample { d_x, score: d_log_w.mapv(|w| -w) })
}

/// The gradient of a function of log-weights in the parameters of q, through the density alone: one weight a score row.
///
/// The estimand is that of [`through_sample`], d/d theta E f(log w), for laws of any kind:
///
/// ```text
/// weight_is = f_i - d f_i / d log w_is
/// ```
///
/// The first term is the cost, the second what log q changes by itself. Shapes: `f` of n values with n k derivatives,
/// sample `s` of value `i` at `i k + s`, to `(n k,)`: the weights of `q.score(&z)`. For independent rows (k = 1) they are a
/// cost, and [`score_function`](super::score_function) takes a baseline from it; for groups
/// [`vimco_weights`](super::importance::vimco_weights) has one for each sample.
/// Bias: unbiased for the gradient of the f that was asked for. Errors: `Count` where the derivatives do not belong to the values; `NaN` with the row;
/// infinities of value and derivative have no difference, and are one too; `Entry` where either is infinite, as the value of a bound
/// all of whose weights are 0: no score makes a gradient of that. Source: chapter `gradient/sampled_kl`.
///
/// ```
/// use estimand::{gradient::through_density, objective::importance_weighted, ndarray::array};
/// let bound = importance_weighted(&array![0.0, 3.0_f64.ln()], 2)?;
/// let w = through_density(&bound)?;
/// assert!((w[1] - (2.0_f64.ln() - 0.75)).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn through_density<F: Real>(f: &ValueGrad<Array1<F>, Array1<F>>) -> Result<Array1<F>> {
    let ValueGrad { value, grad } = f;
    if let Some(got) = grad.misfit(value.len()) {
        return Err(Error::Count {
            name: "f.grad",
            axis: "rows",
            got,
            expected: format!("a multiple of {}", value.len()),
        });
    }
    let k = grad.len().checked_div(value.len()).unwrap_or(1);
    no_nan("f.value", value)?;
    no_nan("f.grad", grad)?;
    let weights = Array1::from_shape_fn(grad.len(), |i| value[i / k] - grad[i]);
    no_nan("f", &weights)?;
    if let Some(i) = weights.iter().position(|weight| weight.is_infinite()) {
        let value = weights[i].as_f64();
        return Err(Error::Entry { name: "f", index: vec![i], value, expected: "a finite value less its derivative" });
    }
    Ok(weights)
}
