//! f32: a stride of all numbers there are. `tests/exhaustive.rs` takes every one.

use super::bound;
use super::sweep::{BOUNDS, all, evaluate, sweep};

/// A prime, so that the stride meets every exponent with other mantissas.
const STRIDE: u32 = 2999;

#[test]
fn ref_every_f32_of_a_stride() {
    for (function, places) in BOUNDS {
        for worst in sweep(function, 17, STRIDE, 2) {
            assert!(worst.places <= places, "{function}({:e}) is {:.3} places off", worst.at, worst.places);
            // A sweep that meets nothing but the nearest numbers has not looked.
            assert!(worst.places > 0.5 && 3.0 * worst.places > bound(function), "{function}: {worst:?}");
        }
    }
}

/// A loop in vectors gives the bits of the same function by itself, for as many numbers as there are.
#[test]
fn law_vectors_have_the_bits_of_single_calls() {
    let x: Vec<f32> = (0..=u32::MAX).step_by(9_999_991).map(f32::from_bits).collect();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x) * f64::from(x)).collect();
    for (function, _) in BOUNDS {
        for (fused, single, double) in [
            (false, evaluate::<false, f32> as fn(&str, f32) -> f32, evaluate::<false, f64> as fn(&str, f64) -> f64),
            (true, evaluate::<true, f32>, evaluate::<true, f64>),
        ] {
            for (&x, y) in x.iter().zip(all(function, fused, &x)) {
                let one = single(function, x);
                assert!(
                    y.to_bits() == one.to_bits() || (y.is_nan() && one.is_nan()),
                    "{function}({x:e}): {y:e} {one:e}"
                );
            }
            for (&x, y) in wide.iter().zip(all(function, fused, &wide)) {
                let one = double(function, x);
                assert!(
                    y.to_bits() == one.to_bits() || (y.is_nan() && one.is_nan()),
                    "{function}({x:e}): {y:e} {one:e}"
                );
            }
        }
    }
}
