use ndarray::Array2;

use super::factors::packed;
use super::{FullGaussian, FullParts};
use crate::arithmetic::Arithmetic;
use crate::distribution::kl::Kl;
use crate::distribution::law::{Distribution, ValueRows};
use crate::kernel::{Level, RowFn, fill};
use crate::matrix::substitution::{Columns, lower_half_of_product, solve_lower, solve_transposed};
use crate::rows::{Grad, Parts, sum_coordinates};
use crate::special::Special;
use crate::{Real, ValueGrad};

/// ```text
/// q = N(m, L L'), p = N(n, M M'):   A = M^-1 L = I + C,   delta = M^-1 (m - n),   u = M'^-1 delta
/// KL = (sum over i of A_ii^2 - 1 - 2 ln A_ii + sum over i > j of A_ij^2 + delta'delta) / 2
/// ```
///
/// C is made of L - M, and its diagonal of ln L_ii - ln M_ii, so that all of it is 0 where both laws are one. M is taken
/// in units of its diagonal D, N = D^-1 M, and what a gradient takes is S = D M'^-1 C = N'^-1 C: no scale is met but in a
/// quotient. In dim^3 operations a row, matrix products most.
impl<F: Real> Kl<F> for FullGaussian<'_, F> {
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        let level = if A::FUSED { Level::Fused } else { Level::Plain };
        let half = F::of(0.5);
        let its = p.factors.row(u);
        let (lower, prior) = (self.factors.matrix(t), p.factors.matrix(u));
        let d = lower.nrows();
        let wider = |i: usize| self.factors.wider(a, (t, &p.factors, u), i);

        let (mut unit, mut c) = (Array2::eye(d), Array2::zeros((d, d)));
        for i in 0..d {
            for j in 0..i {
                unit[[i, j]] = its.over_scale(i, prior[[i, j]]);
                c[[i, j]] = its.over_scale(i, lower[[i, j]] - prior[[i, j]]);
            }
            c[[i, i]] = a.exp_m1(wider(i));
        }
        solve_lower(level, unit.view(), &mut c, Columns::Lower);
        let mut s = c.clone();
        solve_transposed(level, unit.view(), &mut s, Columns::Lower);
        let product = lower_half_of_product(s.view(), c.view());

        let (d_loc_q, rest) = d_q.split_at_mut(d);
        let (d_scale_q, below_q) = rest.split_at_mut(d);
        let (d_loc_p, rest) = d_p.split_at_mut(d);
        let (d_scale_p, below_p) = rest.split_at_mut(d);

        // delta in the place of a gradient, u in that of another, until the last row has met them.
        its.standardise(a, self.loc.row(t), p.loc.row(u), d_loc_p);
        let delta = &*d_loc_p;
        d_loc_q.copy_from_slice(delta);
        its.pull_back(a, d_loc_q, |i, scaled, _| d_scale_p[i] = scaled);
        let mut value = sum_coordinates::<false, _, 1, 0>([delta], [], |[z]| (half * z * z, []));
        for i in 0..d {
            let wider = wider(i);
            let (spread, narrow, turns) = (a.exp_m1_mx(wider + wider), a.exp_m1(wider), s[[i, i]]);
            value += half * spread.value;
            d_scale_q[i] = narrow + a.fma(narrow, turns, turns);
            d_scale_p[i] = -(turns + product[[i, i]] + narrow + d_scale_p[i] * delta[i]);
            let row = packed(i)..packed(i) + i;
            let entries = s.row(i).into_iter().zip(product.row(i)).zip(delta);
            let gradients = below_q[row.clone()].iter_mut().zip(&mut below_p[row]);
            for ((d_q, d_p), ((&turns, &product), &delta)) in gradients.zip(entries) {
                *d_q = its.over_scale(i, turns);
                *d_p = -a.fma(d_loc_q[i], delta, its.over_scale(i, turns + product));
            }
            let row = c.row(i);
            let below = row.as_slice().and_then(|row| row.get(..i)).unwrap_or_default();
            value += half * sum_coordinates::<false, _, 1, 0>([below], [], |[c]| (c * c, []));
        }
        d_loc_p.iter_mut().zip(d_loc_q).for_each(|(p, q)| *p = -*q);
        value
    }
}

impl<F: Real> FullGaussian<'_, F> {
    /// KL(q || N(0, I)) in nats of each parameter row, with its gradient.
    ///
    /// ```text
    /// KL = (sum over i of e^(2 s_i) - 1 - 2 s_i + m_i^2 + sum over i > j of L_ij^2) / 2
    /// ```
    ///
    /// Shapes: `(rows,)` with gradient rows `(rows, dim (dim + 3) / 2)`. Never negative, and 0 only at the standard law.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    /// let head = array![[3.0, 0.0, 0.0, 0.0, 2.0]];
    /// let kl = FullGaussian::from_head(&head)?.kl_standard();
    /// assert_eq!(kl.value, array![6.5]);
    /// assert_eq!(kl.grad.below(), array![[2.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn kl_standard(&self) -> ValueRows<F, FullParts> {
        let parts = self.parts();
        let (value, [grad]) = fill(self.loc.nrows(), [], [parts.width()], &KlStandardRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }
}

struct KlStandardRow<'a, 'b, F>(&'a FullGaussian<'b, F>);

impl<F: Real> RowFn<F, 0> for KlStandardRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let half = F::of(0.5);
        let inputs = [self.0.loc.row(t), self.0.factors.row(t).log_scale];
        let lower = self.0.factors.matrix(t);
        let (d_loc, rest) = grad.split_at_mut(inputs[0].len());
        let (d_log_scale, below) = rest.split_at_mut(inputs[0].len());
        for i in 0..d_loc.len() {
            let row = &mut below[packed(i)..packed(i) + i];
            row.iter_mut().zip(lower.row(i)).for_each(|(d, &l)| *d = l);
        }
        let beside = sum_coordinates::<false, _, 1, 0>([below], [], |[l]| (half * l * l, []));
        let along = sum_coordinates::<true, _, 2, 2>(inputs, [d_loc, d_log_scale], |[m, s]| {
            let spread = a.exp_m1_mx(s + s);
            (half * a.fma(m, m, spread.value), [m, spread.grad])
        });
        along + beside
    }
}
