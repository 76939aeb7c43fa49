use ndarray::{Array1, ArrayRef1};

use crate::gradient::importance::log_total_with_weights;
use crate::{Real, Result, ValueGrad};

/// The importance-weighted bound of each example, with its gradient in the log-weights.
///
/// ```text
/// L_i = ln (1/k) sum over s of w_is,   w = p(x, z) / q(z | x),   d L_i / d log w_is = w_is / sum of w_i
/// ```
///
/// An estimate of log p(x), biased downward: its expectation rises with `k` from the ELBO (`k = 1`)
/// to log p(x), with a bias of order 1/k. The gradient is one weight a sample row, to be chained
/// with d log w: in the decoder by its pull-back, in the parameters of q by the path of the samples
/// *and* by -log q itself, path minus score ([`through_sample`](crate::gradient::through_sample)); the chapter writes the whole
/// step, and [`ManySamplePath`](crate::gradient::ManySamplePath) has one whose signal does not fall with `k`.
/// Shapes: `log_w: (n k,)`, sample `s` of example `i` at `i k + s`, to `(n,)` with `(n k,)`.
/// Where all weights of an example are 0 the bound is -inf and its gradient 0.
/// Errors: `Parameter` where `k = 0`; `Count` where `k` does not divide the rows; `NaN` with the row.
/// Source: Burda, Grosse and Salakhutdinov 2016; chapter `objective/bound`.
///
/// ```
/// use estimand::{objective::importance_weighted, ndarray::array};
/// let bound = importance_weighted(&array![0.0, 3.0_f64.ln()], 2)?;
/// assert!((bound.value[0] - 2.0_f64.ln()).abs() < 1e-15);
/// assert!((bound.grad[1] - 0.75).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn importance_weighted<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    let total = log_total_with_weights(log_w, k)?;
    let log_k = F::count(k).ln();
    Ok(ValueGrad { value: total.value.mapv_into(|v| v - log_k), grad: total.grad })
}
