use super::Categorical;
use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::distribution::perturb::Perturb;
use crate::distribution::shares::{blocks_mut, moved_by};
use crate::rows::{sum_coordinates, weigh};
use crate::special::{Special, exp_not_above_0, largest, log_sum_exp_row, log_sum_exp_value};

/// ```text
/// z_k = ln(sum of e^l_j) - max l + g_k              of the class k
/// z_j = -ln(e^-z_k + e^-(l_j - max l + g_j))       of the others
/// dz_k = sum of p_i dl_i,   dz_j = a_j dz_k + (1 - a_j) dl_j,   a_j = e^(z_j - z_k)
/// ```
///
/// a block, from standard Gumbel noise. The largest is independent of which class it is; each of the others is a Gumbel number that
/// stays below it.
impl<F: Real> Perturb<F> for Categorical<'_, F> {
    fn logits_row(&self, t: usize) -> &[F] {
        self.row(t)
    }

    fn block(&self) -> usize {
        self.classes
    }

    #[inline(always)]
    fn perturb_row<A: Arithmetic<F>>(&self, _: A, t: usize, noise: &[F], z: &mut [F]) {
        let blocks = self.blocks_of(self.row(t)).zip(self.blocks_of(noise));
        for ((logits, noise), z) in blocks.zip(blocks_mut(z, self.classes)) {
            let level = largest(logits);
            z.iter_mut().zip(logits).zip(noise).for_each(|((z, &l), &g)| *z = (l - level) + g);
        }
    }

    #[inline(always)]
    fn given_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], noise: &[F], z: &mut [F]) {
        let blocks = self.blocks_of(self.row(t)).zip(self.blocks_of(x)).zip(self.blocks_of(noise));
        for (((logits, x), noise), z) in blocks.zip(blocks_mut(z, self.classes)) {
            let (most, rest) = log_sum_exp_value(a, logits);
            let peak = a.ln_1p(rest) + sum_coordinates::<false, _, 2, 0>([x, noise], [], |[x, g]| (weigh(x, g), []));
            for (((z, &l), &x), &g) in z.iter_mut().zip(logits).zip(x).zip(noise) {
                let below = -a.log_add_exp(-peak, -((l - most) + g)).value;
                *z = if x == F::one() { peak } else { below };
            }
        }
    }

    #[inline(always)]
    fn given_pull_back_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], d_z: &[F], grad: &mut [F]) {
        let of = |row| self.blocks_of(row);
        let blocks = of(self.row(t)).zip(of(x)).zip(of(z).zip(of(d_z)));
        for (((logits, x), (z, d_z)), grad) in blocks.zip(blocks_mut(grad, self.classes)) {
            log_sum_exp_row(a, logits, grad);
            let peak = peak(x, z);
            let through =
                sum_coordinates::<false, _, 2, 0>([z, d_z], [], |[z, d]| (weigh(exp_not_above_0(a, z - peak), d), []));
            for ((((grad, &x), &z), &l), &d) in grad.iter_mut().zip(x).zip(z).zip(logits).zip(d_z) {
                let own = if x == F::one() { F::zero() } else { -a.exp_m1(z - peak) };
                *grad = if l == F::neg_infinity() { F::zero() } else { *grad * through + weigh(own, d) };
            }
        }
    }

    #[inline(always)]
    fn given_push_forward_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], tangent: &[F], out: &mut [F]) {
        let of = |row| self.blocks_of(row);
        let blocks = of(self.row(t)).zip(of(x)).zip(of(z).zip(of(tangent)));
        for (((logits, x), (z, tangent)), out) in blocks.zip(blocks_mut(out, self.classes)) {
            log_sum_exp_row(a, logits, out);
            let peak = peak(x, z);
            let mean = sum_coordinates::<false, _, 2, 0>([&*out, tangent], [], |[p, t]| (weigh(p, t), []));
            for (((out, &x), &z), &t) in out.iter_mut().zip(x).zip(z).zip(tangent) {
                let own = if x == F::one() { F::zero() } else { -a.exp_m1(z - peak) };
                let moved = exp_not_above_0(a, z - peak) * mean + weigh(own, t);
                *out = if z == F::neg_infinity() { F::zero() } else { moved };
            }
        }
    }

    #[inline(always)]
    fn shares_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, shares: &mut [F]) {
        for (z, shares) in self.blocks_of(z).zip(blocks_mut(shares, self.classes)) {
            soften(a, z, cooled, shares);
        }
    }

    #[inline(always)]
    fn shares_pull_back_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, d_shares: &[F], d_z: &mut [F]) {
        let blocks = self.blocks_of(z).zip(self.blocks_of(d_shares));
        for ((z, d), d_z) in blocks.zip(blocks_mut(d_z, self.classes)) {
            soften(a, z, cooled, d_z);
            let moved = moved_by((&*d_z, d));
            d_z.iter_mut().zip(d).for_each(|(share, &d)| *share = moved(*share, d) * cooled);
        }
    }
}

/// The z of the class that won.
#[inline(always)]
fn peak<F: Real>(x: &[F], z: &[F]) -> F {
    sum_coordinates::<false, _, 2, 0>([x, z], [], |[x, z]| (weigh(x, z), []))
}

/// softmax(z / T), the distance from the largest first: at any temperature that is at 0.
#[inline(always)]
fn soften<F: Real, A: Arithmetic<F>>(a: A, z: &[F], cooled: F, shares: &mut [F]) {
    let most = largest(z);
    for (share, &z) in shares.iter_mut().zip(z) {
        *share = exp_not_above_0(a, (z - most) * cooled);
    }
    let whole = sum_coordinates::<false, _, 1, 0>([&*shares], [], |[share]| (share, []));
    shares.iter_mut().for_each(|share| *share /= whole);
}
