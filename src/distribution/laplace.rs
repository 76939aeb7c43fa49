use ndarray::Array2;
use rand::Rng;

use super::base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
use super::kl::Kl;
use super::loc_scale::LocScale;
use super::scale::{root_of_scale, scaled};
use crate::arithmetic::{Arithmetic, Plain};
use crate::noise::Standard;
use crate::rows::{Term, sum_term, weigh};
use crate::special::Special;
use crate::{Real, ValueGrad};

/// The standard Laplace law, as a base: f(z) = e^-|z| / 2, with mean 0 and variance 2.
///
/// Its logarithm has a corner at z = 0, where the slope is taken as 0: a subgradient, and the mean of
/// the slopes of both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Laplace;

/// The Laplace law with independent coordinates, of scale e^log_scale.
///
/// ```text
/// log q(x) = sum over j of -|z_j| - ln 2 - s_j,   z = (x - m) e^-s
/// ```
///
/// Mean m, variance 2 e^(2 s), entropy 1 + ln 2 + s a coordinate. Source: chapter `distribution/laplace`.
///
/// ```
/// use estimand::{DiagLaplace, Distribution, ndarray::array};
///
/// let (loc, log_scale) = (array![[0.0, 1.0]], array![[0.0, 0.0]]);
/// let q = DiagLaplace::new(&loc, &log_scale)?;
/// let at = q.log_prob_grad(&array![[3.0, 1.0]])?;
/// assert_eq!(at.value[0], -3.0 - 2.0 * std::f64::consts::LN_2);
/// assert_eq!(at.grad.loc(), array![[1.0, 0.0]]);          // the side of x, over the scale
/// assert_eq!(at.grad.log_scale(), array![[2.0, -1.0]]);   // |z| - 1
/// # Ok::<(), estimand::Error>(())
/// ```
pub type DiagLaplace<'a, F> = LocScale<'a, F, Laplace>;

impl<F: Real> Base<F> for Laplace {
    #[inline(always)]
    fn log_density<A: Arithmetic<F>>(&self, _: A, z: F) -> ValueGrad<F, F> {
        ValueGrad { value: -z.abs() - F::LN_2(), grad: -side(z) }
    }

    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        Standard::Laplace.draw(rng, shape)
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Laplace.fill(rng, out);
    }
}

/// 1, 0 or -1 by the sign of `z`; NaN of NaN.
#[inline(always)]
fn side<F: Real>(z: F) -> F {
    if z.abs() > F::zero() { F::one().copysign(z) } else { z }
}

impl<F: Real> BaseMoments<F> for Laplace {
    fn mean(&self) -> F {
        F::zero()
    }

    fn variance(&self) -> F {
        F::of(2.0)
    }
}

impl<F: Real> BaseEntropy<F> for Laplace {
    #[inline(always)]
    fn entropy(&self) -> F {
        F::one() + F::LN_2()
    }
}

/// Each half by the exponential of its own tail, so that the lower one is right down to the least of
/// numbers.
impl<F: Real> BaseCdf<F> for Laplace {
    #[inline(always)]
    fn cdf(&self, z: F) -> F {
        let tail = F::of(0.5) * Plain.exp(-z.abs());
        if z > F::zero() { F::one() - tail } else { tail }
    }

    #[inline(always)]
    fn quantile(&self, p: F) -> F {
        let upper = p > F::of(0.5);
        // 1 - p is exact in the upper half.
        let tail = if upper { F::one() - p } else { p };
        let z = Plain.ln(tail + tail);
        if upper { -z } else { z }
    }
}

impl<F: Real> BaseStandard<F> for Laplace {
    const STANDARD: Standard = Standard::Laplace;
}

impl<F: Real> BaseMirror<F> for Laplace {
    #[inline(always)]
    fn mirror(&self, z: F) -> F {
        -z
    }
}

/// ```text
/// KL = sum over j of (e^d - 1 - d) + e^d (e^-v - 1 + v),   d = s_q - s_p,   v = |m_q - m_p| e^-s_q
/// ```
///
/// Both terms are of second order and never negative: laws near each other keep their digits. The
/// slope in a location is 0 where the locations are equal.
impl<F: Real> Kl<F> for DiagLaplace<'_, F> {
    #[inline(always)]
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        let (d_m_q, d_s_q) = d_q.split_at_mut(d_q.len() / 2);
        let (d_m_p, d_s_p) = d_p.split_at_mut(d_p.len() / 2);
        let inputs = [self.loc.row(t), self.log_scale.row(t), p.loc.row(u), p.log_scale.row(u)];
        sum_term::<true, _, 4, 4>(inputs, [d_m_q, d_s_q, d_m_p, d_s_p], &KlTerm(a))
    }
}

/// The KL of one coordinate, with its derivatives in all four.
struct KlTerm<A>(A);

impl<F: Real, A: Arithmetic<F>> Term<F, 4, 4> for KlTerm<A> {
    #[inline(always)]
    fn of(&self, [m_q, s_q, m_p, s_p]: [F; 4]) -> (F, [F; 4]) {
        let (root_q, root_p) = (root_of_scale(self.0, F::of(-0.5) * s_q), root_of_scale(self.0, F::of(-0.5) * s_p));
        let (shift, wider) = (m_q - m_p, s_q - s_p);
        let v = scaled(shift.abs(), root_q);
        // Within the numbers: of an infinite one, differences would be NaN.
        let v = if v > F::max_value() { F::max_value() } else { v };
        let spread = self.0.exp_m1_mx(wider);
        let step = self.0.exp_m1_mx(-v);
        // e^d times `step`, as |m_q - m_p| e^-s_p times step / v: e^d may leave the numbers alone.
        let least = F::min_positive_value();
        let share = step.value / if v < least { least } else { v };
        let bend = weigh(share, scaled(shift.abs(), root_p));
        let d_m = scaled(-step.grad * side(shift), root_p);
        let d_s = self.0.exp_m1(wider + self.0.ln_1p_mx(v).value);
        (spread.value + bend, [d_m, d_s, -d_m, -(spread.grad + bend)])
    }
}
