use ndarray::ArrayRef2;

use super::{Relaxed, Space};
use crate::arithmetic::Arithmetic;
use crate::distribution::bernoulli::LogitParts;
use crate::distribution::law::{Distribution, Smooth};
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
        // Exponentials of two last places each, and a sum of k.
        let rounding = F::of(16.0 + k as f64) * F::epsilon();
        let all = x.as_standard_layout();
        for (b, block) in all.as_slice().unwrap_or_default().chunks_exact(k).enumerate() {
            let sum = block.iter().fold(F::zero(), |sum, &x| sum + x);
            if (sum - F::one()).abs() > rounding {
                let (expected, at) = ("the first of a block of shares that sum to 1", b * k);
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
        let mut out = out.chunks_exact_mut(k);
        let mut sum = F::zero();
        for (logits, x) in logits.chunks_exact(k).zip(x.chunks_exact(k)) {
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
        // A class that cannot be has no u.
        let u = |x: F, l: F| if l == none { none } else { l - self.temperature * log(x) };
        let (mut most, mut present, mut stray, mut nan) = (none, 0, false, false);
        for (&x, &l) in x.iter().zip(logits) {
            let u = u(x, l);
            most = if u > most { u } else { most };
            present += usize::from(l != none);
            stray |= l == none && log(x) > none;
            nan |= u.is_nan() | x.is_nan();
        }
        let classes = F::count(present);
        if nan || stray {
            let (value, fill) = if nan { (F::nan(), F::nan()) } else { (none, F::zero()) };
            out.fill(fill);
            return value;
        }
        let constant = self.ln_gamma[present] + (classes - F::one()) * a.ln(self.temperature);
        if most == F::infinity() {
            return constant + self.on_the_edge(logits, x, (out, of), classes);
        }
        let total = sum_coordinates::<false, _, 2, 0>([x, logits], [], |[x, l]| (a.exp(u(x, l) - most), []));
        let terms = sum_coordinates::<false, _, 2, 0>([x, logits], [], |[x, l]| {
            let term = (u(x, l) - most) - if S::LOG { F::zero() } else { log(x) };
            (if l == none { F::zero() } else { term }, [])
        });
        if WRITE {
            let each = classes / total;
            for ((out, &x), &l) in out.iter_mut().zip(x).zip(logits) {
                *out = if l == none { F::zero() } else { of(a.exp(u(x, l) - most) * each, x) };
            }
        }
        constant + (terms - classes * a.ln(total))
    }

    /// Where a share is 0 of a class that can be: of z such shares of one size e the density goes as e^(T (K - z) - z).
    #[inline(always)]
    fn on_the_edge(&self, logits: &[F], x: &[F], (out, of): (&mut [F], impl Fn(F, F) -> F), classes: F) -> F {
        let nothing = if S::LOG { F::neg_infinity() } else { F::zero() };
        let gone = |x: F, l: F| l != F::neg_infinity() && x == nothing;
        let zeros = F::count(x.iter().zip(logits).filter(|&(&x, &l)| gone(x, l)).count());
        for ((out, &x), &l) in out.iter_mut().zip(x).zip(logits) {
            let share = if gone(x, l) { classes / zeros } else { F::zero() };
            *out = if l == F::neg_infinity() { F::zero() } else { of(share, x) };
        }
        let jacobian = if S::LOG { F::zero() } else { zeros };
        let power = self.temperature * (classes - zeros) - jacobian;
        // Where the powers are equal there is no limit: it is between, by the way to the edge.
        if power > F::zero() {
            F::neg_infinity()
        } else if power < F::zero() {
            F::infinity()
        } else {
            F::nan()
        }
    }
}
