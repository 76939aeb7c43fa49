//! The plain token is the standard library.

use estimand::Real;
use estimand::arithmetic::{Arithmetic, Plain};
use proptest::prelude::*;

use crate::support::strategy::config;

/// The same number, or both NaN.
fn same<F: Real>(got: F, expected: F) -> bool {
    got == expected && got.is_sign_negative() == expected.is_sign_negative() || got.is_nan() && expected.is_nan()
}

fn is_std<F: Real>(x: F, y: F, z: F) {
    for x in [x, y, z] {
        assert!(same(Plain.exp(x), x.exp()), "exp {x:e}");
        assert!(same(Plain.exp_m1(x), x.exp_m1()), "exp_m1 {x:e}");
        assert!(same(Plain.ln(x), x.ln()), "ln {x:e}");
        assert!(same(Plain.ln_1p(x), x.ln_1p()), "ln_1p {x:e}");
    }
    assert!(same(Plain.fma(x, y, z), x * y + z), "{x:e} {y:e} {z:e}");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_plain_is_the_standard_library(a in any::<u64>(), b in any::<u64>(), x in -50.0..50.0_f64) {
        is_std(f64::from_bits(a), f64::from_bits(b), x);
        is_std(f32::from_bits(a as u32), f32::from_bits(b as u32), x as f32);
    }
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
    is_std(F::nan(), inf, -inf);
    is_std(-zero, tiny, -tiny);
    // (1 + e)(1 - e) = 1 - e^2: one rounding keeps the e^2, two lose it.
    let e = F::epsilon();
    assert_eq!(Plain.fma(one + e, one - e, -one), zero);
}

#[test]
fn hard_plain_at_the_corners_and_in_two_roundings() {
    corners::<f32>();
    corners::<f64>();
}
