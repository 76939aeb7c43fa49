//! KL(q || p) from samples of q: the estimators k1, k2 and k3 of log r = log p(x) - log q(x), and how each is differentiated.
//!
//! | | value | bias | gradient through the sample | through the density |
//! |---|---|---|---|---|
//! | [`k1`] | -log r | unbiased | right | right |
//! | [`k2`] | (log r)^2 / 2 | biased, of third order in log r | of E k2: biased | of E k2: biased |
//! | [`k3`] | r - 1 - log r | unbiased | right | right |
//!
//! A value is a number a sample, with its derivative in log r. Of it [`through_sample`](super::through_sample) makes what goes
//! to `q.pathwise` and `q.score`, and [`through_density`](super::through_density) the cost of
//! [`score_function`](super::score_function): the whole gradient of E k, which for k1 and k3 is that of the KL.
//!
//! To differentiate a value with the samples held fast, log q alone, is another matter, and wrong but for one: that gives
//! 0 for k1, the gradient of KL(p || q) for k3, and for k2, of all, the gradient of KL(q || p). The chapter `gradient/sampled_kl` has the proofs.

use ndarray::{Array1, ArrayRef1};

use crate::arithmetic::Plain;
use crate::shape::no_nan;
use crate::special::Special;
use crate::{Real, Result, ValueGrad};

/// k1 = -log r: unbiased for KL(q || p), and of either sign.
///
/// Shapes: `log_r: (n,)`, log p - log q at samples of q, to n values in nats with their derivatives in log r, -1.
/// Variance: Var log r, of the order of the KL itself, which is the *square* of the distance of near laws.
/// Gradient: right by both doors. By the density its value is the whole cost: the derivative is a constant, that a
/// baseline takes away. By the sample its score has mean 0, and is better left out (sticking the landing).
/// Infinite where a law has no mass. Errors: `NaN` with the row. Source: chapter `gradient/sampled_kl`.
///
/// ```
/// use estimand::gradient::{Baseline, sampled_kl, score_function};
/// use estimand::{Bernoulli, Distribution, ndarray::array};
///
/// let (logits, x) = (array![0.0_f64], array![[1.0], [0.0], [0.0], [1.0]]);
/// let (q, p) = (Bernoulli::shared(&logits, 4)?, Bernoulli::identical(&array![1.0], 4)?);
/// let kl = sampled_kl::k1(&(p.log_prob(&x)? - q.log_prob(&x)?))?;
/// let d_logits = score_function(&kl.value, q.score(&x)?, Baseline::LeaveOneOut)?;
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn k1<F: Real>(log_r: &ArrayRef1<F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    each(log_r, |l| ValueGrad { value: -l, grad: -F::one() })
}

/// k2 = (log r)^2 / 2: never negative, biased for KL(q || p).
///
/// Shapes and errors: as [`k1`]; the derivative is log r. Bias: with l = log r and E e^l = 1 it is E(l^2/2 + l) = -E(l^3/6 + ...),
/// of third order: for near laws small beside the KL (of unit Gaussians a quarter of it at a distance of 1, a four hundredth
/// at 0.1). Gradient: that of E k2, as biased, by both doors. With the samples held fast, its derivative
/// in log q, -log r score, has the mean of the *right* gradient: it is k1 as a cost.
///
/// ```
/// use estimand::{gradient::sampled_kl::k2, ndarray::array};
/// let kl = k2(&array![-2.0, 1.0])?;
/// assert_eq!((kl.value, kl.grad), (array![2.0, 0.5], array![-2.0, 1.0]));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn k2<F: Real>(log_r: &ArrayRef1<F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    each(log_r, |l| ValueGrad { value: F::of(0.5) * l * l, grad: l })
}

/// k3 = (r - 1) - log r: unbiased for KL(q || p), and never negative.
///
/// k1 and a control variate r - 1 of mean 0 (where q has mass wherever p has). Shapes and errors: as [`k1`]; the derivative is
/// r - 1, and both keep their digits near r = 1. Variance: for near laws that of k2, small beside the KL; where
/// r has no variance (tails of p heavier than q's) it is infinite, as k1's is not.
/// Gradient: right by both doors *as a whole*. Its score may not be left out, as k1's may; with the samples held fast
/// what is left is the gradient of KL(p || q).
///
/// ```
/// use estimand::{gradient::{sampled_kl::k3, through_density}, ndarray::array};
/// let log_r = array![0.0, 2.0_f64.ln(), -1e-9];
/// let kl = k3(&log_r)?;
/// assert!(kl.value[0] == 0.0 && (kl.value[1] - (1.0 - 2.0_f64.ln())).abs() < 1e-15);
/// assert!((kl.value[2] - 5e-19).abs() < 1e-27);
/// // Through the density it is k1 again: what r adds to the value, its derivative takes away.
/// assert!((through_density(&kl)? + &log_r).iter().all(|off| off.abs() < 1e-15));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn k3<F: Real>(log_r: &ArrayRef1<F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    each(log_r, |l| Plain.exp_m1_mx(l))
}

fn each<F: Real>(log_r: &ArrayRef1<F>, of: impl Fn(F) -> ValueGrad<F, F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    no_nan("log_r", log_r)?;
    let (value, grad): (Vec<F>, Vec<F>) = log_r.iter().map(|&l| of(l)).map(|k| (k.value, k.grad)).unzip();
    Ok(ValueGrad { value: value.into(), grad: grad.into() })
}
