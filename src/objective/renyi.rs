use ndarray::{Array1, ArrayRef1};

use super::bound::importance_weighted;
use crate::arithmetic::{Arithmetic, Plain};
use crate::gradient::importance::{examples, log_total_with_weights};
use crate::rows::pairwise;
use crate::shape::finite;
use crate::{Real, Result, ValueGrad};

/// The variational Renyi bound of each example, with its gradient in the log-weights; `alpha = 1` is the ELBO, `alpha = 0` the
/// importance-weighted bound.
///
/// ```text
/// L_i = 1 / (1 - alpha) ln (1/k) sum over s of w_is^(1 - alpha),   w = p(x, z) / q(z | x)
/// d L_i / d log w_is = w_is^(1 - alpha) / sum of w_i^(1 - alpha)
/// ```
///
/// The estimand is log p(x) - D_alpha(q || p(z | x)), in nats: it falls as `alpha` rises, is log p(x) at 0, below for `alpha > 0` and
/// above for `alpha < 0`. Bias of the estimate, of order 1/k: towards the ELBO, which it is on average at k = 1 for every
/// `alpha`. So for `alpha >= 0` its expectation is below log p(x), and a bound; for `alpha < 0` it is *no bound*:
/// somewhere between the ELBO and a number above log p(x).
/// Shapes: `log_w: (n k,)`, sample `s` of example `i` at `i k + s`, to `(n,)` with `(n k,)`; the gradient is one weight a
/// sample row, as that of [`importance_weighted`]. Where all weights are 0 the value is -inf, and so it is where one is and
/// `alpha >= 1`; where one is infinite it is +inf for `alpha < 1`, for `alpha = 1` if none is 0, and for `alpha > 1` if all are. The
/// gradient is then the limit: shares of the samples that make it so, 1/k each at `alpha = 1`, or 0 where there is none.
/// Errors: `Parameter` where `alpha` is not finite, or `k = 0`; `Count` where `k` does not divide the rows; `NaN` with the row.
/// Source: Li and Turner 2016; chapter `objective/bound`.
///
/// ```
/// use estimand::{objective::renyi, ndarray::array};
/// let log_w = array![0.0, 9.0_f64.ln()];
/// let bound = renyi(&log_w, 2, 0.5)?;                                   // 2 ln of the mean of 1 and 3
/// assert!((bound.value[0] - 4.0_f64.ln()).abs() < 1e-15);
/// assert!((bound.grad[1] - 0.75).abs() < 1e-15);
/// assert!((renyi(&log_w, 2, 1.0)?.value[0] - 3.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn renyi<F: Real>(log_w: &ArrayRef1<F>, k: usize, alpha: F) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    finite("alpha", alpha)?;
    log_power_mean(log_w, k, F::one() - alpha)
}

/// (1/t) ln (1/k) sum of w^t of each example, the mean of log w at t = 0, with its gradient in log w.
pub(super) fn log_power_mean<F: Real>(log_w: &ArrayRef1<F>, k: usize, t: F) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    if t == F::one() {
        return importance_weighted(log_w, k);
    }
    let rows = examples(log_w, k)?;
    let each = F::one() / F::count(k);
    let (mut origins, mut exponents) = (Vec::with_capacity(rows.nrows()), Vec::with_capacity(log_w.len()));
    for row in rows.rows() {
        let (least, most) = row.iter().fold((F::infinity(), F::neg_infinity()), |(a, b), &l| (a.min(l), b.max(l)));
        // The log-weight whose power is the largest: others are taken from there. A mean is without end as they are.
        let origin = if t > F::zero() || (t == F::zero() && least.is_finite()) { most } else { least };
        let exponent = |l: F| match l - origin {
            off if origin.is_finite() => t * off,
            // Infinite: a power without end, of all that are so, or no mass.
            _ if l == origin && (l > F::zero()) == (t > F::zero()) => F::zero(),
            _ => F::neg_infinity(),
        };
        exponents.extend(row.iter().map(|&l| if t == F::zero() { F::zero() } else { exponent(l) }));
        origins.push(origin);
    }
    let total = log_total_with_weights(&Array1::from(exponents), k)?;
    let log_k = F::count(k).ln();
    let value = Array1::from_shape_fn(rows.nrows(), |i| {
        let (row, origin) = (rows.row(i), origins[i]);
        if !origin.is_finite() {
            return origin;
        }
        let spread = row.iter().fold(F::zero(), |most, &l| most.max((l - origin).abs()));
        // Near powers of 0 the logarithm of the sum is that of k, and what is beside it would be lost.
        if t.abs() * spread < F::epsilon() {
            origin + pairwise(k, |s| (row[s] - origin) * each)
        } else if t.abs() * spread < F::one() {
            origin + Plain.ln_1p(pairwise(k, |s| Plain.exp_m1(t * (row[s] - origin))) * each) / t
        } else {
            origin + (total.value[i] - log_k) / t
        }
    });
    Ok(ValueGrad { value, grad: total.grad })
}
