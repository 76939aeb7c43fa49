use ndarray::{Array1, ArrayRef1};

use crate::gradient::importance::{examples, log_total_with_weights};
use crate::rows::{pairwise, weigh};
use crate::{Error, Real, Result, ValueGrad};

/// Which end of each interval stands for it: [`thermodynamic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Riemann {
    /// The left ends, from 0 on: a lower sum, since the integrand rises. Of one interval, the ELBO.
    Lower,
    /// The right ends, up to 1: an upper sum. Of one interval, the EUBO.
    Upper,
}

/// The thermodynamic objective with the gradients of both doors: [`thermodynamic`].
#[derive(Debug, Clone, PartialEq)]
pub struct Thermodynamic<F> {
    /// The sum of each example, `(n,)`, with its gradient in log w, `(n k,)`: for the parameters of p, and the path of q.
    pub bound: ValueGrad<Array1<F>, Array1<F>>,
    /// The weights of `q.score(&z)`, `(n k,)`: the covariance gradient in the parameters of q, for latents of any kind.
    pub score: Array1<F>,
}

/// The thermodynamic variational objective (TVO) of each example: a Riemann sum of log p(x) = the integral of E log w.
///
/// ```text
/// T_i = sum over t of (b_(t+1) - b_t) sum over s of v_is log w_is,   v = w^b / sum of w^b at b = b_t (Lower) or b_(t+1) (Upper)
/// ```
///
/// The estimand is the sum with exact expectations under pi_b, of density in proportion to q w^b: below log p(x) for [`Riemann::Lower`],
/// above for [`Riemann::Upper`], and nearer with every point of the partition. Each expectation is self-normalised.
/// Bias: consistent, of order 1/k, towards the ELBO, where log w has moments: the lower sum stays below on average; **the upper sum of few samples is no bound**.
/// In nats; shapes: `log_w: (n k,)`, sample `s` of example `i` at `i k + s`; `partition` rises from 0 to 1.
///
/// Gradients, with m the inner sum at b: d T / d log w has the terms v (1 + b (log w - m)); the score weights, of what the
/// *law* of the samples changes as well as log q in log w, have v (log w - m) less that: the covariance gradient
/// E d log w + Cov(d log(q w^b), log w), with no sample of the path. It is consistent.
/// Where no sample has mass the value is -inf and all gradients are 0. Where one has none, the lower sum is -inf too, since E log w
/// at b = 0 is; where one is infinite, the sum is +inf unless it is -inf at b = 0. A covariance whose mean is infinite counts as 0.
/// Errors: `TooFew` where the partition has fewer than 2 points; `Entry` where it does not rise from 0 to 1; `Parameter` where
/// `k = 0`; `Count` where `k` does not divide the rows; `NaN` with the row.
/// Source: Masrani, Le and Wood 2019; chapter `objective/bound`.
///
/// ```
/// use estimand::objective::{Riemann, eubo, importance_weighted, thermodynamic};
/// use estimand::ndarray::array;
/// let log_w = array![0.0, 3.0_f64.ln()];
/// let lower = thermodynamic(&log_w, 2, &array![0.0, 1.0], Riemann::Lower)?.bound;
/// let upper = thermodynamic(&log_w, 2, &array![0.0, 1.0], Riemann::Upper)?.bound;
/// assert!((lower.value[0] - 0.5 * 3.0_f64.ln()).abs() < 1e-15);
/// assert!((upper.value[0] - eubo(&log_w, 2)?.value[0]).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn thermodynamic<F: Real>(
    log_w: &ArrayRef1<F>,
    k: usize,
    partition: &ArrayRef1<F>,
    riemann: Riemann,
) -> Result<Thermodynamic<F>> {
    let rows = examples(log_w, k)?;
    rises_from_0_to_1(partition)?;
    let mut value = Array1::zeros(rows.nrows());
    let (mut grad, mut score) = (Array1::zeros(log_w.len()), Array1::zeros(log_w.len()));
    for t in 1..partition.len() {
        let (from, to) = (partition[t - 1], partition[t]);
        let (width, b) = (to - from, if riemann == Riemann::Lower { from } else { to });
        let v = log_total_with_weights(&log_w.mapv(|l| weigh(b, l)), k)?.grad;
        for (i, row) in rows.rows().into_iter().enumerate() {
            let most = row.iter().copied().fold(F::neg_infinity(), F::max);
            let least = row.iter().copied().fold(F::infinity(), F::min);
            if most == F::neg_infinity() {
                value[i] = most;
                continue;
            }
            // What has no mass counts where it has a weight: at 0, before all else.
            let mean = if b == F::zero() && least == F::neg_infinity() {
                least
            } else if most == F::infinity() {
                most
            } else {
                most + pairwise(k, |s| weigh(v[i * k + s], row[s] - most))
            };
            value[i] = if value[i] == F::neg_infinity() { value[i] } else { value[i] + width * mean };
            for (s, &l) in row.iter().enumerate() {
                let (j, v) = (i * k + s, width * v[i * k + s]);
                let covariance = if mean.is_finite() { weigh(v, l - mean) } else { F::zero() };
                grad[j] += v + b * covariance;
                score[j] += (F::one() - b) * covariance - v;
            }
        }
    }
    Ok(Thermodynamic { bound: ValueGrad { value, grad }, score })
}

/// The door of a partition.
fn rises_from_0_to_1<F: Real>(partition: &ArrayRef1<F>) -> Result<()> {
    let last = partition.len().wrapping_sub(1);
    if partition.len() < 2 {
        return Err(Error::TooFew { name: "partition", got: partition.len(), needs: 2 });
    }
    let stray = |i: usize| {
        let b = partition[i];
        let (first, end) = (i == 0, i == last);
        let inside = if first { b == F::zero() } else { b > partition[i - 1] };
        !inside || (end && b != F::one())
    };
    (0..=last).find(|&i| stray(i)).map_or(Ok(()), |i| {
        let expected = "numbers that rise from 0 to 1";
        Err(Error::Entry { name: "partition", index: vec![i], value: partition[i].as_f64(), expected })
    })
}
