use ndarray::{Array1, ArrayRef1};

use super::weights::examples;
use crate::arithmetic::{Arithmetic, Plain};
use crate::shape::too_few;
use crate::{Error, Real, Result};

/// What stands for a log-weight in the bound that leaves it out: [`vimco_weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// The geometric mean of the other weights: that of Mnih and Rezende, less at the mercy of one large weight.
    Geometric,
    /// Their arithmetic mean: the bound of the k - 1 others.
    Arithmetic,
}

/// Weights of the score for the importance-weighted bound (VIMCO): each sample's own share of the bound.
///
/// The estimand is the gradient of E ln (1/k) sum w in the parameters of q, the bound's own, for latents of any kind:
///
/// ```text
/// weight_is = L_i - L_i(without s) - w_is / sum of w_i
/// ```
///
/// L(without s) is the bound with a mean of the other weights in the place of w_s ([`LeftOut`]): it does not
/// know z_s, so it is a baseline of its own for each sample. The last term is the score in log w itself.
/// Shapes: `log_w: (n k,) -> (n k,)`, the weights of `q.score(&z)`. Bias: unbiased. Variance: no longer of the size of the
/// bound, as with L_i alone for all its samples; it grows with the dimension as any score's.
/// Where no sample has mass all weights are 0; where only one has, its own is +inf, the limit.
/// Errors: `Count` where k = 1; `Entry` where a log-weight is +inf; else as [`normalised_weights`](super::normalised_weights).
/// Source: Mnih and Rezende 2016; chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::importance::{LeftOut, vimco_weights};
/// use estimand::ndarray::array;
/// // Weights 1 and 3: L = ln 2, without the first ln 3, without the second ln 1.
/// let w = vimco_weights(&array![0.0, 3.0_f64.ln()], 2, LeftOut::Geometric)?;
/// assert!((w[0] - ((2.0_f64 / 3.0).ln() - 0.25)).abs() < 1e-15);
/// assert!((w[1] - (2.0_f64.ln() - 0.75)).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn vimco_weights<F: Real>(log_w: &ArrayRef1<F>, k: usize, left_out: LeftOut) -> Result<Array1<F>> {
    let rows = examples(log_w, k)?;
    if k < 2 {
        return Err(too_few("log_w", k, 2));
    }
    if let Some(row) = log_w.iter().position(|&l| l == F::infinity()) {
        let expected = "a log-weight below +inf";
        return Err(Error::Entry { name: "log_w", index: vec![row], value: f64::INFINITY, expected });
    }
    let mut weights = vec![F::zero(); log_w.len()];
    for (row, out) in rows.rows().into_iter().zip(weights.chunks_exact_mut(k)) {
        // Rows of a standard layout are slices.
        signals(row.to_slice().unwrap_or_default(), left_out, out);
    }
    Ok(weights.into())
}

/// The weights of one example, from the largest of its log-weights; without mass they stay 0.
fn signals<F: Real>(log_w: &[F], left_out: LeftOut, out: &mut [F]) {
    let larger = |most: usize, s: usize| if log_w[s] > log_w[most] { s } else { most };
    let peak = (0..log_w.len()).fold(0, larger);
    let most = log_w[peak];
    if most == F::neg_infinity() {
        return;
    }
    let others = F::count(log_w.len() - 1);
    let second = (0..log_w.len()).filter(|&s| s != peak).fold(F::neg_infinity(), |m, s| m.max(log_w[s]));
    // Sums beside the peak: of weights, of logarithms of those that have mass, and the number of those that have none.
    let (mut rest, mut logs, mut empty) = (F::zero(), F::zero(), 0_usize);
    for (s, (&l, w)) in log_w.iter().zip(out.iter_mut()).enumerate() {
        *w = Plain.exp(l - most);
        if s != peak {
            rest += *w;
            if l == F::neg_infinity() { empty += 1 } else { logs += l - most }
        }
    }
    let total = F::one() + rest;
    for (s, (&l, w)) in log_w.iter().zip(out.iter_mut()).enumerate() {
        if s == peak {
            continue;
        }
        // The peak is among the others, so their sum is at least 1.
        let (sum, without_mass) = (total - *w, empty - usize::from(l == F::neg_infinity()));
        let own = if l == F::neg_infinity() { F::zero() } else { l - most };
        let mean = match left_out {
            LeftOut::Geometric if without_mass > 0 => F::zero(),
            // Of a sum that is beyond the numbers the mean is as far below the peak.
            LeftOut::Geometric if logs == F::neg_infinity() => F::zero(),
            LeftOut::Geometric => Plain.exp((logs - own) / others),
            LeftOut::Arithmetic => sum / others,
        };
        *w = Plain.ln_1p((*w - mean) / (sum + mean)) - *w / total;
    }
    // The others may be too small beside the peak to be written: from the largest of them.
    let near = |l: F| Plain.exp(l - second);
    let sum =
        (0..log_w.len()).filter(|&s| s != peak && log_w[s] > F::neg_infinity()).map(|s| near(log_w[s])).sum::<F>();
    let mean = match left_out {
        LeftOut::Geometric if empty > 0 => F::zero(),
        LeftOut::Geometric if logs == F::neg_infinity() => {
            let mean = (0..log_w.len()).filter(|&s| s != peak).map(|s| log_w[s] / others).sum::<F>();
            Plain.exp(mean - second)
        }
        LeftOut::Geometric => Plain.exp(logs / others + (most - second)),
        LeftOut::Arithmetic => sum / others,
    };
    out[peak] = Plain.ln_1p(rest) - Plain.ln(sum + mean) + (most - second) - F::one() / total;
}
