//! f64: numbers at random, against arithmetic of twice the digits.

use estimand::elementary::*;
use estimand::rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::bound;
use super::sweep::{BOUNDS, all};
use crate::support::double_double::{self, DoubleDouble};
use crate::support::last_place::last_places;

/// How many numbers of each kind.
const N: usize = 4000;

fn exact(function: &str, x: f64) -> DoubleDouble {
    let wide = DoubleDouble::from(x);
    match function {
        "exp" => double_double::exp(wide),
        "exp_m1" => double_double::exp_m1(wide),
        "ln" => double_double::ln_1p(wide - DoubleDouble::from(1.0)),
        "ln_1p" => double_double::ln_1p(wide),
        "tanh" => double_double::tanh(wide),
        "sin_turns" => double_double::sin_cos_turns(x)[0],
        "cos_turns" => double_double::sin_cos_turns(x)[1],
        other => unreachable!("no function {other}"),
    }
}

/// Of every size with either sign, and dense where results are of the size of 1: inside the range
/// where double-double has all its digits.
fn arguments(function: &str) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let mut sized = |low: f64, high: f64| {
        let size = rng.random_range(low..high).exp2() * rng.random_range(1.0..2.0);
        if rng.random() { size } else { -size }
    };
    let mut x = Vec::new();
    for _ in 0..N {
        let (by_size, near) = match function {
            "exp" | "exp_m1" => (sized(-60.0, 8.4), sized(-3.0, 1.0)),
            "ln" => (sized(-900.0, 900.0).abs(), 1.0 + 0.5 * sized(-52.0, -1.0)),
            "ln_1p" => (sized(-60.0, 900.0).abs(), 0.49 * sized(-60.0, 0.0)),
            "tanh" => (sized(-60.0, 5.0), sized(-3.0, 1.0)),
            _ => (sized(-60.0, 52.0), sized(-3.0, 1.0)),
        };
        x.extend([by_size, near]);
    }
    x
}

#[test]
fn ref_doubles_at_random_in_both_forms() {
    for (function, places) in BOUNDS {
        let x = arguments(function);
        let exact: Vec<[f64; 2]> = x.iter().map(|&x| exact(function, x).parts()).collect();
        for fused in [false, true] {
            let mut worst = 0.0_f64;
            for ((&x, &exact), y) in x.iter().zip(&exact).zip(all(function, fused, &x)) {
                let off = last_places(y, exact);
                assert!(off <= places, "{function}({x:e}) = {y:e} is {off:.3} places off, fused: {fused}");
                worst = worst.max(off);
            }
            assert!(worst > 0.5 && 3.0 * worst > bound(function), "{function} looks better than it can be: {worst}");
        }
    }
}

fn identities<const FUSED: bool>() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for _ in 0..N {
        let e = f64::EPSILON;
        // The error of the logarithm is one of the exponent: |y| places, and one of each function.
        let x = rng.random_range(-700.0..700.0_f64).exp();
        let y = ln::<FUSED, f64>(x);
        assert!((exp::<FUSED, f64>(y) / x - 1.0).abs() <= e * (y.abs() + 2.0), "exp ln {x:e}");
        // The inverse pair: dx = (1 + u) du, of errors of the size of each.
        let x = rng.random_range(-30.0..3.0_f64).exp();
        let u = ln_1p::<FUSED, f64>(x);
        assert!((exp_m1::<FUSED, f64>(u) - x).abs() <= e * (2.0 * x + u * (1.0 + x)), "exp_m1 ln_1p {x:e}");
        let t = rng.random_range(-2.0..2.0);
        let (sin, cos) = sin_cos_turns::<FUSED, f64>(t);
        // Two places of each, doubled by its square, and three roundings.
        assert!((sin * sin + cos * cos - 1.0).abs() <= e * (4.0 + 2.0), "{t}");
        // An eighth of a turn ahead both mix: the same angle by another route.
        let (more, _) = sin_cos_turns::<FUSED, f64>(t + 0.125);
        let mixed = (sin + cos) * std::f64::consts::FRAC_1_SQRT_2;
        // The sum t + 1/8 is rounded to 2 pi e, and the parts to two places each.
        assert!((more - mixed).abs() <= e * (std::f64::consts::TAU + 6.0), "{t}");
        let (h, x) = (tanh::<FUSED, f64>(t), exp_m1::<FUSED, f64>(2.0 * t));
        assert!((h - x / (x + 2.0)).abs() <= e * h.abs() * 8.0, "tanh {t}");
    }
}

#[test]
fn hard_identities_of_inverse_and_sum() {
    identities::<false>();
    identities::<true>();
}
