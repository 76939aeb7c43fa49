//! The tokens, against arithmetic of twice the digits.

use estimand::Real;
use estimand::arithmetic::{Arithmetic, Fused, Plain};
use estimand::special::Special;
use proptest::prelude::*;

use crate::elementary::bound;
use crate::elementary::sweep::evaluate;
use crate::support::double_double::{DoubleDouble, exp, ln};
use crate::support::strategy::config;

/// |got - exact| in epsilons of `size`.
fn off<F: Real>(got: F, exact: DoubleDouble, size: f64) -> f64 {
    ((DoubleDouble::from(got.as_f64()) - exact).to_f64() / (F::epsilon().as_f64() * size)).abs()
}

/// A last place is an epsilon at the most.
fn is_accurate<F: Real>(name: &str, x: F, got: F, exact: DoubleDouble) {
    let off = off(got, exact, exact.to_f64().abs());
    assert!(off <= bound(name), "{name}({x:e}) = {got:e} is {off} epsilon off");
}

fn exponentials<F: Real>(a: impl Arithmetic<F>, x: F) {
    let exact = exp(DoubleDouble::from(x.as_f64()));
    is_accurate("exp", x, a.exp(x), exact);
    let one = DoubleDouble::from(1.0);
    is_accurate("exp_m1", x, a.exp_m1(x), exact - one);
    let square = exact * exact;
    if square.to_f64() < 1e30 {
        is_accurate("tanh", x, a.tanh(x), (square - one) * (square + one).recip());
    }
}

fn logarithms<F: Real>(a: impl Arithmetic<F>, x: F) {
    let wide = DoubleDouble::from(x.as_f64());
    is_accurate("ln", x, a.ln(x), ln(wide));
    is_accurate("ln_1p", x, a.ln_1p(x), ln(DoubleDouble::from(1.0) + wide));
}

/// One rounding or two: half an epsilon of the product, and of the sum.
fn multiplies_and_adds<F: Real>(x: F, y: F, z: F) {
    let [a, b, c] = [x, y, z].map(|x| DoubleDouble::from(x.as_f64()));
    let exact = a * b + c;
    let (product, sum) = ((a * b).to_f64().abs(), exact.to_f64().abs());
    for got in [Arithmetic::<F>::fma(Plain, x, y, z), Fused.fma(x, y, z)] {
        let off = off(got, exact, product + sum);
        assert!(off <= 0.5 + F::epsilon().as_f64(), "{x:e} {y:e} {z:e}: {off} epsilon off");
    }
}

proptest! {
    #![proptest_config(config())]

    /// From 1e-8, below which a difference from 1 leaves double-double too few digits, to where f32
    /// overflows, and on to where f64 does.
    #[test]
    fn law_functions_of_both_tokens_are_good_to_last_places(size in -8.0..1.9_f64, wide in 2.0..690.0_f64, e in -37.0..37.0_f64) {
        let x = 10.0_f64.powf(size);
        for x in [x, -x, wide, -wide] {
            exponentials(Plain, x);
            exponentials(Fused, x);
        }
        for x in [x as f32, -x as f32] {
            exponentials(Plain, x);
            exponentials(Fused, x);
        }
        for x in [10.0_f64.powf(e.abs() / 4.6 - 8.0), 10.0_f64.powf(e.abs())] {
            logarithms(Plain, x);
            logarithms(Fused, x);
            logarithms(Plain, x as f32);
            logarithms(Fused, x as f32);
        }
        let small = DoubleDouble::from(10.0_f64.powf(8.0 * e));
        is_accurate("ln", small.to_f64(), Plain.ln(small.to_f64()), ln(small));
        is_accurate("ln", small.to_f64(), Fused.ln(small.to_f64()), ln(small));
    }

    #[test]
    fn law_a_product_and_a_sum_are_within_two_roundings(x in -1e6..1e6_f64, y in -1e6..1e6_f64, near in -2.0..2.0_f64) {
        multiplies_and_adds(x, y, -x * y * near);
        multiplies_and_adds(x, y, -x * y);
        multiplies_and_adds(x as f32, y as f32, (-x * y * near) as f32);
        multiplies_and_adds(x as f32, y as f32, -(x as f32) * y as f32);
    }
}

fn functions<F: Real>(a: impl Arithmetic<F>, x: F) -> [F; 5] {
    [a.exp(x), a.exp_m1(x), a.ln(x), a.ln_1p(x), a.tanh(x)]
}

fn by_name<const FUSED: bool, F: Real>(x: F) -> [F; 5] {
    ["exp", "exp_m1", "ln", "ln_1p", "tanh"].map(|function| evaluate::<FUSED, F>(function, x))
}

/// The tokens are the elementary functions of their form, bit for bit, where the forms differ too.
fn is_elementary<F: Real>() {
    let mut differ = 0;
    for k in 1..300 {
        let x = F::count(k) * F::of(0.01);
        assert_eq!(functions(Plain, x), by_name::<false, F>(x));
        assert_eq!(functions(Fused, x), by_name::<true, F>(x));
        differ += usize::from(functions(Plain, x) != functions(Fused, x));
    }
    assert!(differ > 0);
}

/// A token of a user's own is one constant, and the functions that it wants otherwise.
#[derive(Debug, Clone, Copy)]
struct Mine;

impl<F: Real> Arithmetic<F> for Mine {
    const FUSED: bool = true;
    fn exp(self, x: F) -> F {
        x.exp().max(F::of(0.5))
    }
}

#[test]
fn law_tokens_are_the_elementary_functions() {
    is_elementary::<f32>();
    is_elementary::<f64>();
}

#[test]
fn law_a_token_may_have_an_exponential_of_its_own() {
    assert_eq!((Mine.exp(-7.0), Mine.exp(0.0)), (0.5, 1.0));
    assert_eq!(Mine.ln(3.0), Fused.ln(3.0));
    let e = f64::EPSILON;
    assert_eq!(Mine.fma(1.0 + e, 1.0 - e, -1.0), -e * e);
    // e^x / (e^x - 1), by the exponential of the token.
    assert_eq!(Mine.log1m_exp(-7.0).grad, 0.5 / Fused.exp_m1(-7.0));
}

fn corners<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    assert_eq!(Plain.exp(zero), one);
    assert_eq!(Plain.exp(-inf), zero);
    assert_eq!(Plain.exp(inf), inf);
    assert_eq!(Plain.exp_m1(-inf), -one);
    assert_eq!(Plain.ln(zero), -inf);
    assert_eq!(Plain.ln_1p(-one), -inf);
    assert!(Plain.ln(-one).is_nan() && Plain.ln_1p(-F::of(2.0)).is_nan());
    let tiny = F::min_positive_value();
    assert_eq!(Plain.exp_m1(tiny), tiny);
    assert_eq!(Plain.ln_1p(tiny), tiny);
    for x in [-zero, -tiny] {
        assert!(Plain.exp_m1(x) == x && Plain.ln_1p(x) == x && Plain.exp_m1(x).is_sign_negative());
    }
    let nan = F::nan();
    assert!([Plain.exp(nan), Plain.exp_m1(nan), Plain.ln(nan), Plain.ln_1p(nan)].iter().all(|x| x.is_nan()));
    assert_eq!((Plain.exp_m1(inf), Plain.ln(inf), Plain.ln_1p(inf)), (inf, inf, inf));
    // (1 + e)(1 - e) = 1 - e^2: one rounding keeps the e^2, two lose it.
    let e = F::epsilon();
    assert_eq!(Plain.fma(one + e, one - e, -one), zero);
    assert_eq!(Fused.fma(one + e, one - e, -one), -e * e);
}

#[test]
fn hard_plain_at_the_corners_and_one_rounding_or_two() {
    corners::<f32>();
    corners::<f64>();
}
