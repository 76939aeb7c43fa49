use ndarray::ArrayRef2;

use super::{Relaxed, Space};
use crate::arithmetic::Arithmetic;
use crate::distribution::bernoulli::LogitParts;
use crate::distribution::law::{Distribution, Smooth};
use crate::distribution::shares::{blocks, blocks_mut};
use crate::rows::sum_coordinates;
use crate::shape::entries;
use crate::{Error, Real, Result, Shape};

impl<F: Real, S: Space> Distribution<F> for Relaxed<'_, F, S> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        self.classes.parts()
    }

    fn shape(&self) -> Shape {
        self.classes.shape()
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        // 1 - K softmax(u).
        self.blocks::<GRAD, A>(a, t, x, grad, |share, _| F::one() - share)
    }

    /// Shares between 0 and 1 that sum to 1 in each block, but for rounding; or logarithms that are not above 0, whose sum of
    /// shares is not looked at.
    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        if S::LOG {
            return entries("x", x, "the logarithm of a share, not above 0", |y| y <= F::zero());
        }
        entries("x", x, "a share in [0, 1]", |x| (x >= F::zero()) & (x <= F::one()))?;
        let k = self.classes.classes();
        // A sum of k, its reciprocal and the products with it, on the user's side and here.
        let rounding = F::of(16.0 + k as f64) * F::epsilon();
        let all = x.as_standard_layout();
        for (b, block) in all.as_slice().unwrap_or_default().chunks_exact(k).enumerate() {
            let sum = block.iter().fold(F::zero(), |sum, &x| sum + x);
            if (sum - F::one()).abs() > rounding {
                let (expected, at) = ("a block, from here on, of shares that sum to 1", b * k);
                let index = vec![at / x.ncols(), at % x.ncols()];
                return Err(Error::Entry { name: "x", index, value: block[0].as_f64(), expected });
            }
        }
        Ok(())
    }
}

impl<F: Real, S: Space> Smooth<F> for Relaxed<'_, F, S> {
    /// Of coordinates as if they were free: a slope along the simplex is the difference of two.
    #[inline(always)]
    fn slope_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], slope: &mut [F]) -> F {
        let temperature = self.temperature;
        self.blocks::<true, A>(a, t, x, slope, |share, x| {
            let in_log = temperature * (share - F::one());
            if S::LOG { in_log } else { (in_log - F::one()) / x }
        })
    }
}

impl<F: Real, S: Space> Relaxed<'_, F, S> {
    /// The log-density of a row; of each coordinate `out` has what `of` makes of K softmax(u) and x.
    #[inline(always)]
    fn blocks<const WRITE: bool, A: Arithmetic<F>>(
        &self,
        a: A,
        t: usize,
        x: &[F],
        out: &mut [F],
        of: impl Fn(F, F) -> F + Copy,
    ) -> F {
        let k = self.classes.classes();
        let logits = self.classes.row(t);
        let mut out = blocks_mut(out, k);
        let mut sum = F::zero();
        for (logits, x) in blocks(logits, k).zip(blocks(x, k)) {
            sum += self.block::<WRITE, A>(a, logits, x, out.next().unwrap_or_default(), of);
        }
        sum
    }

    #[inline(always)]
    fn block<const WRITE: bool, A: Arithmetic<F>>(
        &self,
        a: A,
        logits: &[F],
        x: &[F],
        out: &mut [F],
        of: impl Fn(F, F) -> F,
    ) -> F {
        let none = F::neg_infinity();
        let log = |x: F| if S::LOG { x } else { a.ln(x) };
        let u = |x: F, l: F| l - self.temperature * log(x);
        // The class of the largest u, by its logit and logarithm; a class that cannot be has no u.
        let (mut most, mut level, mut present, mut stray, mut nan) = (none, (none, none), 0, false, false);
        for (&x, &l) in x.iter().zip(logits) {
            nan |= x.is_nan() | l.is_nan();
            if l == none {
                stray |= log(x) > none;
                continue;
            }
            let u = u(x, l);
            // Where products overflow, the smallest share.
            if u > most || (u == most && log(x) < level.1) {
                (most, level) = (u, (l, log(x)));
            }
            present += 1;
        }
        let classes = F::count(present);
        if nan || stray {
            let (value, fill) = if nan { (F::nan(), F::nan()) } else { (none, F::zero()) };
            out.fill(fill);
            return value;
        }
        let constant = self.ln_gamma[present] + (classes - F::one()) * a.ln(self.temperature);
        if level.1 == none {
            return constant + self.on_the_edge(a, logits, x, (out, of));
        }
        let off = |x: F, l: F| (l - level.0) - self.temperature * (log(x) - level.1);
        let weight = |x: F, l: F| if l == none { F::zero() } else { a.exp(off(x, l)) };
        let total = sum_coordinates::<false, _, 2, 0>([x, logits], [], |[x, l]| (weight(x, l), []));
        let terms = sum_coordinates::<false, _, 2, 0>([x, logits], [], |[x, l]| {
            let term = off(x, l) - if S::LOG { F::zero() } else { log(x) };
            (if l == none { F::zero() } else { term }, [])
        });
        if WRITE {
            let each = classes / total;
            for ((out, &x), &l) in out.iter_mut().zip(x).zip(logits) {
                *out = if l == none { F::zero() } else { of(weight(x, l) * each, x) };
            }
        }
        constant + (terms - classes * a.ln(total))
    }

    /// The limit where a share is 0 of a class that can be: of z such shares of one size e the density goes as e^(T (K - z) - z),
    /// and K softmax(u) is that of their logits alone.
    #[inline(always)]
    fn on_the_edge<A: Arithmetic<F>>(
        &self,
        a: A,
        logits: &[F],
        x: &[F],
        (out, of): (&mut [F], impl Fn(F, F) -> F),
    ) -> F {
        let (none, nothing) = (F::neg_infinity(), if S::LOG { F::neg_infinity() } else { F::zero() });
        let there = |&(_, &l): &(&F, &F)| l != none;
        let gone = |&(&x, _): &(&F, &F)| x == nothing;
        let (mut classes, mut zeros, mut most, mut rest) = (F::zero(), F::zero(), none, F::zero());
        for (&x, &l) in x.iter().zip(logits).filter(there) {
            classes += F::one();
            if gone(&(&x, &l)) {
                zeros += F::one();
                most = most.max(l);
            } else {
                let y = if S::LOG { x } else { a.ln(x) };
                rest += l - self.temperature * y - if S::LOG { F::zero() } else { y };
            }
        }
        let lost = x.iter().zip(logits).filter(there).filter(gone);
        let total = lost.fold(F::zero(), |sum, (_, &l)| sum + a.exp(l - most));
        for ((out, x), l) in out.iter_mut().zip(x).zip(logits) {
            let share = if gone(&(x, l)) { classes * a.exp(*l - most) / total } else { F::zero() };
            *out = if *l == none { F::zero() } else { of(share, *x) };
        }
        let jacobian = if S::LOG { F::zero() } else { zeros };
        let power = self.temperature * (classes - zeros) - jacobian;
        match power.partial_cmp(&F::zero()) {
            Some(std::cmp::Ordering::Greater) => none,
            Some(std::cmp::Ordering::Less) => F::infinity(),
            // One share has a limit, and several have one for each way to the edge.
            _ if zeros == F::one() => rest - (classes - F::one()) * most,
            _ => F::nan(),
        }
    }
}
