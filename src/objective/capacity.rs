use ndarray::Array1;

use crate::distribution::ValueRows;
use crate::rows::{GradRows, Parts, mean_of};
use crate::shape::not_negative;
use crate::{Real, Result, ValueGrad};

/// The distance of the batch's mean KL from a capacity, |K - C| with K = mean over i of KL_i.
///
/// ```text
/// D_i = sign(K - C) (KL_i - C),   mean over i of D_i = |K - C|
/// ```
///
/// With a weight gamma, `beta_elbo(rec, capacity(kl, c)?, gamma)`, it is a constraint by penalty. On the batch's own mean it is
/// exact: below C a nat more is *rewarded* by gamma, above it costs gamma, so that at the optimum K is C where the price of a nat
/// there is between -gamma and gamma, and the optimum of weight gamma otherwise: K = max(C, K(gamma)), not C. At K = C the
/// gradient is 0, one of those that a kink has; plain steps chatter about it, which [`Constrained`](super::Constrained) does not.
///
/// Shapes: `(n,)` with gradient rows, to the same. Units: nats. Per example, |KL_i - C|: see [`capacity_by_example`], which asks for
/// more.
/// Errors: `Parameter` where `capacity` is negative or not finite; `TooFew` where there is no row; `NaN` with the row.
/// Source: Burgess and others 2018; chapter `objective/beta`.
///
/// ```
/// use estimand::{DiagGaussian, objective::capacity, ndarray::array};
///
/// let head = array![[2.0, 0.0], [0.0, 0.0]];                             // KL of 2 and of 0
/// let away = capacity(DiagGaussian::from_head(&head)?.kl_standard(), 1.5)?.mean()?;
/// assert_eq!((away.value, away.grad.loc()[[0, 0]]), (0.5, -1.0));       // 1 in the mean: to be raised
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn capacity<F: Real, G: GradRows<F>>(kl: ValueGrad<Array1<F>, G>, capacity: F) -> Result<ValueGrad<Array1<F>, G>> {
    not_negative("capacity", capacity)?;
    let side = sign(mean_of("kl", &kl.value)? - capacity);
    let mut grad = kl.grad;
    grad.scale(side);
    Ok(ValueGrad { value: kl.value.mapv_into(|kl| side * (kl - capacity)), grad })
}

/// |KL_i - C| of each example: every example is to cost C, where [`capacity`] asks it of their mean.
///
/// The mean of it is at least that of `capacity`. Shapes: `(n,)` with `n` gradient rows, to the same; a NaN stays in its row.
/// Errors: `Parameter` where `capacity` is negative or not finite.
///
/// ```
/// use estimand::{DiagGaussian, objective::capacity_by_example, ndarray::array};
/// let head = array![[2.0, 0.0], [0.0, 0.0]];
/// let away = capacity_by_example(DiagGaussian::from_head(&head)?.kl_standard(), 1.5)?;
/// assert_eq!((away.value, away.grad.loc()), (array![0.5, 1.5], array![[2.0], [0.0]].view()));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn capacity_by_example<F: Real, P: Parts>(kl: ValueRows<F, P>, capacity: F) -> Result<ValueRows<F, P>> {
    not_negative("capacity", capacity)?;
    let side = kl.value.mapv(|kl| if kl.is_nan() { F::one() } else { sign(kl - capacity) });
    let grad = kl.grad.weighted_rows(&side)?;
    Ok(ValueGrad { value: kl.value.mapv_into(|kl| (kl - capacity).abs()), grad })
}

/// -1, 0 or 1.
fn sign<F: Real>(x: F) -> F {
    if x == F::zero() { x } else { x.signum() }
}
