use ndarray::{Array2, ArrayRef1, ArrayRef2};

use super::weights::normalised_weights;
use crate::rows::{pairwise, weigh};
use crate::shape::{no_nan_rows, same_shape};
use crate::{Real, Result};

/// Expectations under the target, with their standard errors: [`expectation`].
#[derive(Debug, Clone, PartialEq)]
pub struct SelfNormalised<F> {
    /// The estimates: an example a row, `(n, d)`.
    pub value: Array2<F>,
    /// Their standard errors by the delta method, `(n, d)`.
    pub std_error: Array2<F>,
}

/// The self-normalised estimate of E f under the target, from samples of the proposal, with its standard error.
///
/// ```text
/// v_i = sum over s of w_is f(x_is),   error_i^2 = sum over s of w_is^2 (f(x_is) - v_i)^2
/// ```
///
/// with the [`normalised_weights`](super::normalised_weights) w of `log_w` = ln r, which may miss a constant.
/// Shapes: `log_w: (n k,)`, `f: (n k, d)` to `(n, d)` twice; the units are those of f.
/// Bias: consistent, off by -E[r^2 (f - I)] / (k Z^2) to leading order. The error is that of the leading variance, which
/// is finite only where E r^2 (f - I)^2 is: [`pareto_k`](super::pareto_k) says whether to believe it. It is infinite where
/// fewer than two samples have mass, since one has no spread, and where a value is infinite (+inf of infinities of both signs); without mass the value is 0.
/// A weight of 0 silences an infinite f.
/// Errors: `Parameter`, `Count`, `NaN` of `log_w` as [`normalised_weights`](super::normalised_weights); `Shape`, or `NaN`
/// with the row, of `f`. Source: Owen 2013, chapter 9; chapter `gradient/importance`.
///
/// ```
/// use estimand::{gradient::importance::expectation, ndarray::array};
/// // Ratios 1 and 3, values 0 and 4: 3/4 of 4, and the root of (1/16) 9 + (9/16) 1.
/// let e = expectation(&array![0.0, 3.0_f64.ln()], &array![[0.0], [4.0]], 2)?;
/// assert!((e.value[[0, 0]] - 3.0).abs() < 1e-15);
/// assert!((e.std_error[[0, 0]] - (18.0_f64 / 16.0).sqrt()).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn expectation<F: Real>(log_w: &ArrayRef1<F>, f: &ArrayRef2<F>, k: usize) -> Result<SelfNormalised<F>> {
    let w = normalised_weights(log_w, k)?;
    same_shape("f", f.shape(), &[w.len(), f.ncols()])?;
    no_nan_rows("f", f)?;
    let shape = (w.len() / k, f.ncols());
    let (mut value, mut std_error) = (Array2::zeros(shape), Array2::zeros(shape));
    for i in 0..shape.0 {
        let first = i * k;
        let some = (0..k).filter(|s| w[first + s] > F::zero()).take(2).count() == 2;
        for j in 0..shape.1 {
            let v = pairwise(k, |s| weigh(w[first + s], f[[first + s, j]]));
            let off = |s: usize| weigh(w[first + s], f[[first + s, j]] - v).abs();
            // In units of the largest, whose square need not be a number.
            let unit = (0..k).map(off).fold(F::zero(), F::max);
            let error = if !(some && v.is_finite()) {
                F::infinity()
            } else if unit > F::zero() {
                unit * pairwise(k, |s| (off(s) / unit).powi(2)).sqrt()
            } else {
                F::zero()
            };
            // Infinities of both signs have no mean: what is left of it is without a sign, and without an end.
            value[[i, j]] = if v.is_nan() { F::infinity() } else { v };
            std_error[[i, j]] = error;
        }
    }
    Ok(SelfNormalised { value, std_error })
}
