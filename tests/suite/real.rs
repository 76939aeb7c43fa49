//! Conversions.

use estimand::Real;
use proptest::prelude::*;

use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_of_gives_the_nearest_number(bits in any::<u64>(), x in -1e39..1e39_f64) {
        prop_assert_eq!(f64::of(x), x);
        for x in [x, f64::from_bits(bits)] {
            let near = f32::of(x);
            if near.is_finite() {
                let off = |y: f32| (f64::from(y) - x).abs();
                prop_assert!(off(near) <= off(near.next_up()) && off(near) <= off(near.next_down()));
            } else {
                // Halfway between the largest number and the one that would follow.
                let overflow = 2.0_f64.powi(128) - 2.0_f64.powi(103);
                prop_assert_eq!(x.is_nan(), near.is_nan());
                prop_assert!(x.is_nan() || x.abs() >= overflow);
            }
        }
    }

    #[test]
    fn law_as_f64_is_exact(bits in any::<u32>()) {
        let x = f32::from_bits(bits);
        prop_assume!(!x.is_nan());
        prop_assert_eq!((x.as_f64() as f32).to_bits(), bits);
        prop_assert_eq!(f32::of(x.as_f64()).to_bits(), bits);
    }

    /// By integers: beyond the mantissa, where rounding begins, all numbers are whole.
    #[test]
    fn law_a_count_is_rounded_to_nearest(wide in any::<usize>(), bits in 0_u32..53) {
        let off = |x: f64, n: usize| (x as i128 - n as i128).abs();
        let near = f64::count(wide);
        prop_assert!(off(near, wide) <= off(near.next_up(), wide).min(off(near.next_down(), wide)));
        let n = wide & ((1 << bits) - 1);
        prop_assert_eq!(off(f64::count(n), n), 0);
        let near = f32::count(n);
        let [near, up, down] = [near, near.next_up(), near.next_down()].map(|x| off(f64::from(x), n));
        prop_assert!(near <= up.min(down));
        prop_assert!(n > 1 << 24 || near == 0);
    }
}

fn survives<F: Real>() {
    let exact = [0.0, 1.0, -2.5, 2.0_f64.powi(-149), 2.0_f64.powi(-126), f64::from(f32::MAX), f64::INFINITY];
    for x in exact {
        assert_eq!(F::of(x).as_f64(), x);
        assert_eq!(F::of(-x).as_f64(), -x);
    }
    assert!(F::of(-0.0).is_sign_negative());
    assert!(F::of(f64::NAN).is_nan() && F::of(f64::NAN).as_f64().is_nan());
    assert_eq!(F::count(0), F::zero());
    assert_eq!(F::count(1), F::one());
}

#[test]
fn hard_infinities_subnormals_and_nan_survive() {
    survives::<f32>();
    survives::<f64>();
}

#[test]
fn hard_counts_beyond_the_mantissa_round_to_even() {
    assert_eq!(f32::count((1 << 24) + 1), 16_777_216.0);
    assert_eq!(f32::count((1 << 24) + 3), 16_777_220.0);
    assert_eq!(f64::count((1 << 53) + 1), 9_007_199_254_740_992.0);
    assert_eq!(f64::count(usize::MAX), 2.0_f64.powi(usize::BITS as i32));
}
