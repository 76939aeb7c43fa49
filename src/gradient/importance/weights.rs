use ndarray::{Array1, Array2, ArrayRef1, ArrayView2, Axis, CowArray, Ix2};

use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::rows::{sum_coordinates, sum_long};
use crate::shape::{any, groups, no_nan};
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

/// Effective sample size of each example, (sum of r)^2 / sum of r^2: between 1 and `k` up to
/// rounding, or 0 where no sample has mass.
///
/// The number of equally weighted samples that would be as good, by the delta method (Kong 1992).
/// Shapes: `log_w: (n k,) -> (n,)`. Errors: as [`normalised_weights`].
///
/// ```
/// use estimand::{gradient::importance::effective_sample_size, ndarray::array};
/// let ess = effective_sample_size(&array![0.0, 0.0, 5.0, f64::NEG_INFINITY], 2)?;
/// assert_eq!(ess, array![2.0, 1.0]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn effective_sample_size<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    let weights = normalised_weights(log_w, k)?;
    let n = weights.len() / k;
    let (squares, []) = fill(n, [by_example(&weights, n, k).view()], [], &SquaresRow);
    Ok(squares.mapv_into(|squares| if squares == F::zero() { F::zero() } else { F::one() / squares }))
}

/// ln sum over s of r_is, with its gradient in `log_w`, the normalised weights.
pub(crate) fn log_total_with_weights<F: Real>(
    log_w: &ArrayRef1<F>,
    k: usize,
) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    let n = groups("log_w", "rows", log_w.len(), k)?;
    let (most, [grad, rest]) = fill(n, [by_example(log_w, n, k).view()], [k, 1], &LogSumExpRow);
    // A NaN makes the value of its example one, and nothing else does.
    if any(&most, F::is_nan) {
        no_nan("log_w", log_w)?;
    }
    let (_, [value]) = fill(1, [most.view().insert_axis(Axis(0)), rest.t()], [n], &FromPeakRow);
    Ok(ValueGrad { value: flat(value), grad: flat(grad) })
}

/// The door of log-weights: the `k` of each example as a row.
pub(crate) fn examples<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<CowArray<'_, F, Ix2>> {
    let n = groups("log_w", "rows", log_w.len(), k)?;
    no_nan("log_w", log_w)?;
    Ok(by_example(log_w, n, k))
}

/// The numbers of an array that was just made, without its shape.
fn flat<F: Real>(rows: Array2<F>) -> Array1<F> {
    rows.into_raw_vec_and_offset().0.into()
}

/// `n k` numbers as the `k` of each of `n` examples; copied only where they are not contiguous.
fn by_example<F: Real>(flat: &ArrayRef1<F>, n: usize, k: usize) -> CowArray<'_, F, Ix2> {
    let view = flat.as_slice().and_then(|flat| ArrayView2::from_shape((n, k), flat).ok());
    view.map_or_else(|| Array2::from_shape_fn((n, k), |(i, s)| flat[i * k + s]).into(), CowArray::from)
}

struct LogSumExpRow;

impl<F: Real> RowFn<F, 1> for LogSumExpRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [log_w]: [&[F]; 1], out: &mut [F]) -> F {
        let (weights, rest) = out.split_at_mut(log_w.len());
        let (most, of_others) = log_sum_exp_row(a, log_w, weights);
        rest.fill(of_others);
        most
    }
}

/// most + ln(1 + rest), an example a coordinate.
struct FromPeakRow;

impl<F: Real> RowFn<F, 2> for FromPeakRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, inputs: [&[F]; 2], value: &mut [F]) -> F {
        sum_coordinates::<true, _, 2, 1>(inputs, [value], |[most, rest]| (F::zero(), [most + a.ln_1p(rest)]))
    }
}

struct SquaresRow;

impl<F: Real> RowFn<F, 1> for SquaresRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, _: usize, [w]: [&[F]; 1], _: &mut [F]) -> F {
        sum_long(w, |w| w * w)
    }
}
