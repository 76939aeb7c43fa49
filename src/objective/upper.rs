use ndarray::{Array1, ArrayRef1};

use super::renyi::log_power_mean;
use crate::gradient::importance::{examples, normalised_weights};
use crate::rows::{pairwise, weigh};
use crate::{Error, Real, Result, ValueGrad};

/// The chi upper bound (CUBO) of each example, with its gradient in the log-weights.
///
/// ```text
/// C_i = (1/order) ln (1/k) sum over s of w_is^order,   w = p(x, z) / q(z | x)
/// d C_i / d log w_is = w_is^order / sum of w_i^order
/// ```
///
/// The estimand is (1/order) ln E w^order >= log p(x), in nats: it rises with `order`, and is log p(x) at order 1.
/// **The sampled value is no bound**: its bias is downward, of order 1/k, and at k = 1 its expectation is the ELBO; where E w^(2 order) is
/// infinite no k helps much. What is unbiased is its exponential, (1/k) sum of w^order. It is [`renyi`](super::renyi) at `alpha = 1 - order`.
/// Shapes: `log_w: (n k,)`, sample `s` of example `i` at `i k + s`, to `(n,)` with `(n k,)`. Where all weights are 0 the
/// value is -inf and the gradient 0; where some are infinite it is +inf, and they share the gradient.
/// Errors: `Parameter` where `order` is not a finite number of at least 1, or `k = 0`; `Count` where `k` does not divide the
/// rows; `NaN` with the row. Source: Dieng, Tran, Ranganath, Paisley and Blei 2017; chapter `objective/bound`.
///
/// ```
/// use estimand::{objective::cubo, ndarray::array};
/// let bound = cubo(&array![0.0, 7.0_f64.ln()], 2, 2.0)?;                  // the root of (1 + 49) / 2
/// assert!((bound.value[0] - 5.0_f64.ln()).abs() < 1e-15);
/// assert!((bound.grad[1] - 0.98).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn cubo<F: Real>(log_w: &ArrayRef1<F>, k: usize, order: F) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    if !(order >= F::one() && order.is_finite()) {
        let expected = "a finite number of at least 1";
        return Err(Error::Parameter { name: "order", value: order.as_f64(), expected });
    }
    log_power_mean(log_w, k, order)
}

/// The evidence upper bound (EUBO) of each example by self-normalised weights, with its gradient in the log-weights.
///
/// ```text
/// U_i = sum over s of v_is log w_is,   v_is = w_is / sum of w_i,   d U_i / d log w_is = v_is (1 + log w_is - U_i)
/// ```
///
/// The estimand is E log w under the posterior, log p(x) + KL(p(z | x) || q) in nats: an upper bound where the ELBO is the
/// lower one, and their distance is the sum of both KL. **The sampled value is no bound**: it is consistent with a bias of
/// order 1/k, and at k = 1 its expectation is the ELBO; of the same samples it is never below
/// [`importance_weighted`](super::importance_weighted). With exact samples of the posterior (simulated data) the mean of log w is unbiased.
/// The gradient of the estimand in the parameters of q, by the score, has the weights -v; the way down is wake-phi.
/// Shapes: `log_w: (n k,)`, sample `s` of example `i` at `i k + s`, to `(n,)` with `(n k,)`. Where all weights are 0 the
/// value is -inf and the gradient 0; where some are infinite it is +inf, and the gradient is their share.
/// Errors: `Parameter` where `k = 0`; `Count` where `k` does not divide the rows; `NaN` with the row.
/// Source: Ji and Shen 2019; chapter `objective/bound`.
///
/// ```
/// use estimand::{objective::eubo, ndarray::array};
/// let bound = eubo(&array![0.0, 3.0_f64.ln()], 2)?;
/// assert!((bound.value[0] - 0.75 * 3.0_f64.ln()).abs() < 1e-15);
/// assert!((bound.grad[0] - 0.25 * (1.0 - 0.75 * 3.0_f64.ln())).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn eubo<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    let rows = examples(log_w, k)?;
    let mut grad = normalised_weights(log_w, k)?;
    let value = Array1::from_shape_fn(rows.nrows(), |i| {
        let row = rows.row(i);
        let most = row.iter().copied().fold(F::neg_infinity(), F::max);
        if !most.is_finite() {
            return most;
        }
        // From the largest, so that what is far from 0 cancels nowhere.
        let off = pairwise(k, |s| weigh(grad[i * k + s], row[s] - most));
        for (s, &l) in row.iter().enumerate() {
            let v = &mut grad[i * k + s];
            *v = weigh(*v, F::one() + (l - most) - off);
        }
        most + off
    });
    Ok(ValueGrad { value, grad })
}
