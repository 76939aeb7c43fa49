//! Importance weights from log-ratios, `k` samples an example, example-major.

use ndarray::{Array1, ArrayRef1};

use crate::arithmetic::Plain;
use crate::rows::sum_coordinates;
use crate::shape::{groups, no_nan};
use crate::special::log_sum_exp_row;
use crate::{Real, Result, ValueGrad};

/// Self-normalised importance weights: w_is = r_is / sum over s of r_is, from `log_w` = ln r.
///
/// They estimate expectations under the target by samples of the proposal, `sum of w_is f(x_is)`:
/// consistent, with a bias of order 1/k. Ratios need not be normalised.
/// Shapes: `log_w: (n k,) -> (n k,)`, sample `s` of example `i` at `i k + s`; each example's sum
/// to 1, or are all 0 where no sample has mass (all ratios 0).
/// Errors: `Parameter` where `k = 0`; `Count` where `k` does not divide the rows; `NaN` with the row.
///
/// ```
/// use estimand::{gradient::importance, ndarray::array};
/// let log_w = array![0.0, 3.0_f64.ln(), -1e4, -1e4];          // two samples each of two examples
/// let w = importance::normalised_weights(&log_w, 2)?;
/// assert!((w[1] - 0.75).abs() < 1e-15);
/// assert_eq!(w[2], 0.5);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn normalised_weights<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    Ok(log_total_with_weights(log_w, k)?.grad)
}

/// Effective sample size of each example, (sum of r)^2 / sum of r^2: between 1 and `k`, or 0
/// where no sample has mass.
///
/// The number of equally weighted samples that would be as good, by the delta method (Kong 1992).
/// Shapes: `log_w: (n k,) -> (n,)`. Errors: as [`normalised_weights`].
pub fn effective_sample_size<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    let weights = normalised_weights(log_w, k)?.to_vec();
    Ok(weights
        .chunks(k)
        .map(|w| {
            let squares = sum_coordinates::<false, _, 1, 0>([w], [], |[w]| (w * w, []));
            if squares == F::zero() { F::zero() } else { F::one() / squares }
        })
        .collect())
}

/// ln sum over s of r_is, with its gradient in `log_w`, the normalised weights.
pub(crate) fn log_total_with_weights<F: Real>(
    log_w: &ArrayRef1<F>,
    k: usize,
) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    groups("log_w", log_w.len(), k)?;
    no_nan("log_w", log_w)?;
    let mut weights: Vec<F> = log_w.iter().copied().collect();
    let value = weights.chunks_mut(k).map(|row| log_sum_exp_row(Plain, row)).collect();
    Ok(ValueGrad { value, grad: weights.into() })
}
