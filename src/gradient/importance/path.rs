use ndarray::{Array1, ArrayRef1};

use super::weights::normalised_weights;
use crate::{Real, Result};

/// Weights of the path of d log w / dz for the importance-weighted bound, doubly reparameterised (DReG): the squares of the
/// normalised weights.
///
/// The estimand is the gradient of E ln (1/k) sum w in the parameters of q, the bound's own:
///
/// ```text
/// g_i = sum over s of w_is^2 (d z_is / d theta)' d log w_is / dz
/// ```
///
/// The score that the bound has in q by itself, -sum of w_is score(z_is), is written as a path a second time and so
/// vanishes from the sum: nobody adds it. In log w the parameters of q are held fast.
/// Shapes: `log_w: (n k,) -> (n k,)`, one weight a row of slopes.
/// Bias: unbiased. Variance: 0 for *each* sample where q is the posterior; the signal over the noise grows with the
/// root of k, where that of the path minus the score falls. Far from the posterior its variance may be the larger of the two.
/// Errors: as [`normalised_weights`](super::normalised_weights).
/// Source: Tucker, Lawson, Gu and Maddison 2019; chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::{importance::dreg_weights, through_sample};
/// use estimand::{DiagGaussian, Reparameterize, Rows, Transform, ndarray::array};
///
/// // One example, two samples of q = N(0, 1), log w = -z^2 / 2 + c: any slopes of log w will do.
/// let q = DiagGaussian::standard(1, 1)?.repeat_rows(2);
/// let z = q.transform(array![[1.0], [-1.0]])?;
/// let (log_w, slopes) = (z.x().column(0).mapv(|z: f64| -0.5 * z * z), -&z.x());
/// let d_z = through_sample(&dreg_weights(&log_w, 2)?, &slopes)?.d_x;
/// assert_eq!(q.pathwise(&z, &d_z)?.total()?.log_scale(), array![[-0.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn dreg_weights<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    Ok(normalised_weights(log_w, k)?.mapv_into(|w| w * w))
}

/// Weights of the path of d log w / dz for the wake phase of q, doubly reparameterised: w - w^2 of the normalised weights.
///
/// The estimand is that of the normalised weights on the score, E sum of w_is score(z_is): the way up of
/// E log q under the posterior, as `k` grows.
///
/// ```text
/// g_i = sum over s of (w_is - w_is^2) (d z_is / d theta)' d log w_is / dz
/// ```
///
/// Shapes: `log_w: (n k,) -> (n k,)`. Bias: consistent, off by a term of order 1/k as the score's is, and with the same mean;
/// at k = 1 both are 0. Variance: 0 for each sample where q is the posterior.
/// Errors: as [`normalised_weights`](super::normalised_weights).
/// Source: Tucker, Lawson, Gu and Maddison 2019, section 5.1; chapter `gradient/importance`.
///
/// ```
/// use estimand::{gradient::importance::wake_phi_path_weights, ndarray::array};
/// let w = wake_phi_path_weights(&array![0.0, 3.0_f64.ln()], 2)?;
/// assert!(w.iter().all(|w| (w - 3.0 / 16.0).abs() < 1e-15));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn wake_phi_path_weights<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    Ok(normalised_weights(log_w, k)?.mapv_into(|w| w - w * w))
}
