use ndarray::Array1;

use super::law::Distribution;
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, Parts};
use crate::shape::same_shape;
use crate::{Real, Result, Shape, ValueGrad};

/// A value a row, with gradient rows for two laws of one family.
pub type PairGrad<F, P> = ValueGrad<Array1<F>, (Grad<F, P>, Grad<F, P>)>;

/// A closed Kullback-Leibler divergence between two laws of the family.
///
/// ```
/// use estimand::{DiagGaussian, Kl, ndarray::array};
///
/// let head = array![[0.0, 0.0], [1.0, 0.0]];
/// let q = DiagGaussian::from_head(&head)?;
/// let (loc, log_scale) = (array![1.0], array![0.0]);
/// let p = DiagGaussian::shared(&loc, &log_scale, 2)?;     // one prior, two rows
/// let kl = q.kl(&p)?;
/// assert_eq!(kl.value, array![0.5, 0.0]);
/// let (for_q, for_p) = kl.grad;
/// assert_eq!(for_q.loc(), array![[-1.0], [0.0]]);
/// assert_eq!(for_p.sum_groups(2)?.loc(), array![[1.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Kl<F: Real>: Distribution<F> {
    /// KL of parameter row `t` against row `u` of `p`; gradients go to `d_q` and `d_p`.
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F;

    /// What p must have beside the shape.
    fn kl_door(&self, _p: &Self) -> Result<()> {
        Ok(())
    }

    /// KL(q || p) in nats of each parameter row of q, with its gradients for q and for p.
    ///
    /// Row `t` of q meets row `t` of p; or p is one law whose samples are as many as the rows of
    /// q (a learned prior), and [`Grad::sum_groups`] sums its gradient rows. How often samples
    /// repeat a row of q does not matter: a divergence is of parameters. Never negative;
    /// exactly 0, with all gradients, where finite parameters are equal.
    /// Shapes: `(rows,)` with gradient rows `(rows, width)` each. Errors: `Shape`; those of
    /// [`kl_door`](Self::kl_door).
    fn kl(&self, p: &Self) -> Result<PairGrad<F, Self::Parts>> {
        let rows_each = rows_each(self.shape(), p.shape())?;
        self.kl_door(p)?;
        Ok(pair_grad(self.shape().rows, self.parts(), &KlRow { q: self, p, rows_each }))
    }
}

/// How many rows of q meet one row of `p`; not 0 where there is a row.
pub(super) fn rows_each(q: Shape, p: Shape) -> Result<usize> {
    let pairs = p.rows == q.rows;
    same_shape("p", &[if pairs { p.rows } else { p.samples() }, p.dim], &[q.rows, q.dim])?;
    Ok(if pairs { 1 } else { p.repeat })
}

/// Values and both gradients of `rows` rows, from a row function that writes the gradients side by side.
pub(super) fn pair_grad<F: Real, P: Parts>(rows: usize, parts: P, f: &impl RowFn<F, 0>) -> PairGrad<F, P> {
    let (value, [d_q, d_p]) = fill(rows, [], [parts.width(); 2], f);
    ValueGrad { value, grad: (Grad::held(d_q, parts.clone()), Grad::held(d_p, parts)) }
}

struct KlRow<'a, D> {
    q: &'a D,
    p: &'a D,
    rows_each: usize,
}

impl<F: Real, D: Kl<F>> RowFn<F, 0> for KlRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let (d_q, d_p) = grad.split_at_mut(grad.len() / 2);
        self.q.kl_row(a, t, self.p, t / self.rows_each, d_q, d_p)
    }
}
