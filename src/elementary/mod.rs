//! Elementary functions as branch-free code: a loop over them becomes vector instructions.
//!
//! Each function comes in two forms, chosen where it is called: `FUSED` multiplies and adds in one
//! rounding, which is quicker where the hardware does it and much slower where it does not; the
//! other form uses two, and gives the same bits on every machine. Rows of a law do not choose: they
//! ask their [`Arithmetic`](crate::arithmetic::Arithmetic).
//!
//! Errors are in units of the last place of the exact result (of the least of all numbers where that
//! is subnormal); a bound holds in `f32` and in `f64`, for both forms, over the whole domain. Every
//! one of the 2^32 `f32` has been tried. The chapter says how they are made.

mod double;
mod single;

use crate::Real;
use crate::real::Aligned;

/// e^x, to 1 last place.
///
/// `exp(-inf) = 0`, `exp(inf) = inf`; results below the normal numbers are as right as others.
///
/// ```
/// use estimand::elementary::exp;
/// assert_eq!((exp::<false, _>(0.0_f64), exp::<true, _>(-1e4_f32)), (1.0, 0.0));
/// ```
#[inline(always)]
pub fn exp<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::exp::<FUSED>, double::exp::<FUSED>)
}

/// e^x - 1, to 2 last places, also where x is small.
///
/// Of -0 it is -0; `exp_m1(-inf) = -1`, `exp_m1(inf) = inf`.
///
/// ```
/// use estimand::elementary::exp_m1;
/// assert_eq!(exp_m1::<false, _>(1e-20_f64), 1e-20);
/// ```
#[inline(always)]
pub fn exp_m1<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::exp_m1::<FUSED>, double::exp_m1::<FUSED>)
}

/// ln x, to 1 last place.
///
/// `ln(0) = -inf` for either zero, `ln(inf) = inf`; NaN below 0.
///
/// ```
/// use estimand::elementary::ln;
/// assert_eq!((ln::<false, _>(1.0_f64), ln::<false, _>(0.0_f32)), (0.0, f32::NEG_INFINITY));
/// ```
#[inline(always)]
pub fn ln<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::ln::<FUSED>, double::ln::<FUSED>)
}

/// ln(1 + x), to 1 last place, also where x is small.
///
/// Of -0 it is -0; `ln_1p(-1) = -inf`, `ln_1p(inf) = inf`; NaN below -1.
///
/// ```
/// use estimand::elementary::ln_1p;
/// assert_eq!(ln_1p::<false, _>(1e-20_f64), 1e-20);
/// ```
#[inline(always)]
pub fn ln_1p<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::ln_1p::<FUSED>, double::ln_1p::<FUSED>)
}

/// The hyperbolic tangent (e^2x - 1) / (e^2x + 1), to 3 last places.
///
/// Of -0 it is -0; 1 and -1 at the infinities.
///
/// ```
/// use estimand::elementary::tanh;
/// assert_eq!((tanh::<false, _>(1e-20_f64), tanh::<false, _>(-50.0_f32)), (1e-20, -1.0));
/// ```
#[inline(always)]
pub fn tanh<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::tanh::<FUSED>, double::tanh::<FUSED>)
}

/// Sine and cosine of t turns, sin(2 pi t) and cos(2 pi t), to 2 last places each.
///
/// Turns are taken off exactly, so the bound holds for any t and close to zeros too; quarters of a
/// turn are exact. A zero has the sign of t as sine, and is +0 as cosine. NaN at the infinities.
///
/// ```
/// use estimand::elementary::sin_cos_turns;
/// assert_eq!(sin_cos_turns::<false, _>(1000.75_f64), (-1.0, 0.0));
/// ```
#[inline(always)]
pub fn sin_cos_turns<const FUSED: bool, F: Real>(t: F) -> (F, F) {
    (
        t.map(|t| single::sin_cos_turns::<FUSED>(t).0, |t| double::sin_cos_turns::<FUSED>(t).0),
        t.map(|t| single::sin_cos_turns::<FUSED>(t).1, |t| double::sin_cos_turns::<FUSED>(t).1),
    )
}

/// [`exp`] of a number that is not above 0.
#[inline(always)]
pub(crate) fn exp_not_above_0<const FUSED: bool, F: Real>(x: F) -> F {
    x.map(single::exp_not_above_0::<FUSED>, double::exp_not_above_0::<FUSED>)
}

/// e^x - 1 and e^x - 1 - x.
#[inline(always)]
pub(crate) fn exp_m1_and_mx<const FUSED: bool, F: Real>(x: F) -> (F, F) {
    (exp_m1::<FUSED, F>(x), x.map(|x| single::exp_m1_and_mx::<FUSED>(x).1, |x| double::exp_m1_and_mx::<FUSED>(x).1))
}

/// ln(1 + x) and ln(1 + x) - x.
#[inline(always)]
pub(crate) fn ln_1p_and_mx<const FUSED: bool, F: Real>(x: F) -> (F, F) {
    (ln_1p::<FUSED, F>(x), x.map(|x| single::ln_1p_and_mx::<FUSED>(x).1, |x| double::ln_1p_and_mx::<FUSED>(x).1))
}

/// [`ln_1p`] for t in [0, 1].
#[inline(always)]
pub(crate) fn ln_1p_unit<const FUSED: bool, F: Real>(t: F) -> F {
    t.map(single::ln_1p_unit::<FUSED>, double::ln_1p_unit::<FUSED>)
}

/// Numbers that [`LnStages::of_normals`] takes: what it keeps between its loops stays in the nearest cache.
pub(crate) const STAGED: usize = 128;

/// Logarithms in loops of few steps: of a long chain, whose steps wait for each other, a machine has fewer under way at once.
/// Here is what the loops leave for each other.
pub(crate) struct LnStages<F> {
    exponents: Aligned<[F; STAGED]>,
    rests: Aligned<[F; STAGED]>,
}

impl<F: Real> LnStages<F> {
    pub(crate) fn new() -> Self {
        Self { exponents: Aligned([F::zero(); STAGED]), rests: Aligned([F::zero(); STAGED]) }
    }

    /// What `of` makes of the logarithm of each of at most [`STAGED`] positive normal numbers, to 2.5 last places, and of its
    /// place, written over it. Products and sums are rounded apart.
    #[inline(always)]
    pub(crate) fn of_normals(&mut self, numbers: &mut [F], of: impl Fn(usize, F) -> F) {
        let Self { exponents, rests } = self;
        for (x, n) in numbers.iter_mut().zip(&mut exponents.0) {
            *n = x.map(single::exponent, double::exponent);
            *x = x.map(single::beyond_power, double::beyond_power);
        }
        for (w, rest) in numbers.iter().zip(&mut rests.0) {
            *rest = w.map(single::ln_1p_rest, double::ln_1p_rest);
        }
        for (i, ((x, &n), &rest)) in numbers.iter_mut().zip(&exponents.0).zip(&rests.0).enumerate() {
            *x = of(i, n * F::LN_2() + (*x + rest));
        }
    }
}

/// [`sin_cos_turns`] of an eighth of a turn at most, to either side of 0: a quarter in all.
#[inline(always)]
pub(crate) fn sin_cos_quarter<const FUSED: bool, F: Real>(t: F) -> (F, F) {
    (
        t.map(|t| single::sin_cos_quarter::<FUSED>(t).0, |t| double::sin_cos_quarter::<FUSED>(t).0),
        t.map(|t| single::sin_cos_quarter::<FUSED>(t).1, |t| double::sin_cos_quarter::<FUSED>(t).1),
    )
}

/// `a * b + c`, in one rounding or in two.
///
/// `mul_add` without the instruction is a call of libm, so the form is chosen where a kernel is
/// compiled, not here.
#[inline(always)]
fn fma<const FUSED: bool, F: Real>(a: F, b: F, c: F) -> F {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `c[0] + c[1] x + c[2] x^2 + ...` by Horner's scheme.
#[inline(always)]
fn horner<const FUSED: bool, F: Real, const N: usize>(x: F, c: [F; N]) -> F {
    let mut sum = c[N - 1];
    for k in 1..N {
        sum = fma::<FUSED, F>(sum, x, c[N - 1 - k]);
    }
    sum
}

/// The same, given x^2: even and odd terms apart, two chains that do not wait for each other. For
/// polynomials so long that the wait is what they cost.
#[inline(always)]
fn even_odd<const FUSED: bool, F: Real, const N: usize>(x: F, square: F, c: [F; N]) -> F {
    let (mut one, mut other) = (c[N - 1], c[N - 2]);
    for k in 2..N {
        if k.is_multiple_of(2) {
            one = fma::<FUSED, F>(one, square, c[N - 1 - k]);
        } else {
            other = fma::<FUSED, F>(other, square, c[N - 1 - k]);
        }
    }
    if N.is_multiple_of(2) { fma::<FUSED, F>(one, x, other) } else { fma::<FUSED, F>(other, x, one) }
}
