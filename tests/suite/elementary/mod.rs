//! The elementary functions against the tables, and at their corners, in both precisions and forms.

mod double;
mod single;
pub mod sweep;

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::fs;
use std::path::Path;

use estimand::Real;
use estimand::elementary::*;
use sweep::{BOUNDS, evaluate};

use crate::support::last_place::{self, last_places};
use crate::support::reference::table;

fn is_the_table<F: Real, const FUSED: bool>() {
    for row in table("elementary.csv") {
        let function = row.text(0);
        let [x, near, rest] = row.numbers(1);
        let at = F::of(x);
        // Numbers that f32 does not hold are for f64 alone.
        if at.as_f64() != x {
            continue;
        }
        let got = evaluate::<FUSED, F>(function, at);
        let places = last_places(got, [near, rest]);
        let most = bound(function);
        assert!(places <= most, "line {}: {function}({x:e}) = {got:e} is {places:.2} places off", row.line);
    }
}

/// What is promised of a function.
pub fn bound(function: &str) -> f64 {
    let found = BOUNDS.iter().find(|(name, _)| *name == function);
    found.map_or_else(|| panic!("no bound for {function}"), |&(_, places)| places)
}

#[test]
fn ref_elementary_functions() {
    is_the_table::<f32, false>();
    is_the_table::<f32, true>();
    is_the_table::<f64, false>();
    is_the_table::<f64, true>();
}

/// The chapter has a row for each function, and the doc of a function its number of places.
#[test]
fn law_the_bounds_in_the_docs_are_the_bounds_of_the_tests() {
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (chapter, source) = (read("docs/numbers.md"), read("src/elementary/mod.rs"));
    for (function, places) in BOUNDS {
        let row = format!("| `{function}` | {places} |");
        assert_eq!(chapter.matches(&row).count(), 1, "the chapter has no row {row}");
        let name = if function.ends_with("_turns") { "sin_cos_turns" } else { function };
        let (before, _) = source.split_once(&format!("pub fn {name}<")).unwrap();
        let doc: Vec<&str> = before
            .lines()
            .rev()
            .skip(1)
            .skip_while(|l| l.starts_with('#'))
            .take_while(|l| l.starts_with("///"))
            .collect();
        let says = format!("to {places} last place");
        assert!(doc.last().is_some_and(|first| first.contains(&says)), "the doc of {name} does not say {says}");
    }
    assert_eq!(chapter.lines().filter(|l| l.starts_with("| `")).count(), BOUNDS.len());
}

/// Signs of zero are told apart.
#[track_caller]
fn same<F: Real>(got: F, expected: F) {
    assert!(got == expected && got.is_sign_negative() == expected.is_sign_negative(), "{got:e}, expected {expected:e}");
}

fn ends<F: Real, const FUSED: bool>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let (least, most) = (F::min_positive_value(), F::max_value());
    let tiny = least * F::epsilon();
    for z in [zero, -zero] {
        same(exp::<FUSED, F>(z), one);
        same(exp_m1::<FUSED, F>(z), z);
        same(ln::<FUSED, F>(z), -inf);
        same(ln_1p::<FUSED, F>(z), z);
        same(tanh::<FUSED, F>(z), z);
        same(sin_cos_turns::<FUSED, F>(z).0, z);
        same(sin_cos_turns::<FUSED, F>(z).1, one);
    }
    same(ln::<FUSED, F>(one), zero);
    for x in [inf, most, F::of(1e4)] {
        same(exp::<FUSED, F>(x), inf);
        same(exp::<FUSED, F>(-x), zero);
        same(exp_m1::<FUSED, F>(x), inf);
        same(exp_m1::<FUSED, F>(-x), -one);
        same(tanh::<FUSED, F>(x), one);
        same(tanh::<FUSED, F>(-x), -one);
    }
    same(ln::<FUSED, F>(inf), inf);
    same(ln_1p::<FUSED, F>(inf), inf);
    same(ln_1p::<FUSED, F>(-one), -inf);
    for x in [-tiny, -least, -one, -most, -inf] {
        assert!(ln::<FUSED, F>(x).is_nan(), "ln {x:e}");
    }
    for x in [-one - F::epsilon(), -F::of(2.0), -most, -inf] {
        assert!(ln_1p::<FUSED, F>(x).is_nan(), "ln_1p {x:e}");
    }
    // Small numbers are their own images, the least of all too.
    for x in [tiny, -tiny, least, -least, tiny * F::of(3.0), -tiny * F::of(3.0)] {
        for f in [exp_m1::<FUSED, F>, ln_1p::<FUSED, F>, tanh::<FUSED, F>] {
            same(f(x), x);
        }
        same(exp::<FUSED, F>(x), one);
    }
    for (function, _) in BOUNDS {
        assert!(evaluate::<FUSED, F>(function, F::nan()).is_nan(), "{function}(NaN)");
        assert!(evaluate::<FUSED, F>(function, -F::nan()).is_nan(), "{function}(NaN)");
    }
    for x in [inf, -inf] {
        let (sin, cos) = sin_cos_turns::<FUSED, F>(x);
        assert!(sin.is_nan() && cos.is_nan());
    }
}

#[test]
fn hard_ends_zeros_and_nan() {
    ends::<f32, false>();
    ends::<f32, true>();
    ends::<f64, false>();
    ends::<f64, true>();
}

/// Whole turns, halves and quarters are exact, and their zeros positive for t > 0 (IEEE 754).
fn quarters<F: Real, const FUSED: bool>() {
    let (zero, one) = (F::zero(), F::one());
    // Up to where quarters, and then wholes, are all there is.
    let whole = F::epsilon().recip() + F::epsilon().recip();
    for base in [zero, one, F::of(7.0), F::of(1024.0), whole / F::of(16.0), whole, whole * F::of(4.0)] {
        for (quarter, expected) in [(0.0, (zero, one)), (0.25, (one, zero)), (0.5, (zero, -one)), (0.75, (-one, zero))]
        {
            let t = base + F::of(quarter);
            if t - base != F::of(quarter) {
                continue;
            }
            let (sin, cos) = sin_cos_turns::<FUSED, F>(t);
            same(sin, expected.0);
            same(cos, expected.1);
            let (sin, cos) = sin_cos_turns::<FUSED, F>(-t);
            same(sin, -expected.0);
            same(cos, expected.1);
        }
    }
    let (sin, cos) = sin_cos_turns::<FUSED, F>(F::of(0.125));
    assert!((sin - cos).abs() <= F::epsilon(), "an eighth: {sin:e} {cos:e}");
}

#[test]
fn hard_quarters_of_a_turn() {
    quarters::<f32, false>();
    quarters::<f32, true>();
    quarters::<f64, false>();
    quarters::<f64, true>();
}

/// The next number above.
fn above<F: Real>(x: F) -> F {
    x.map(f32::next_up, f64::next_up)
}

/// Steps of a last place over each border: where the function is flat, rounding may go down by what
/// is promised, and not more.
fn rises<F: Real, const FUSED: bool>() {
    let ln2 = F::LN_2();
    for function in ["exp", "exp_m1", "ln", "ln_1p", "tanh"] {
        let mut borders: Vec<F> =
            (-20..20).map(|n| (F::count(2 * (n + 20) as usize) - F::of(39.0)) * F::of(0.5) * ln2).collect();
        let powers = [SQRT_2 - 1.0, FRAC_1_SQRT_2 - 1.0, SQRT_2, FRAC_1_SQRT_2, 2.0 * SQRT_2, 1.0, 0.125, 16.0];
        borders.extend(powers.map(F::of));
        for border in borders {
            let mut x = border * (F::one() - F::of(64.0) * F::epsilon());
            x = x.min(border * (F::one() + F::of(64.0) * F::epsilon()));
            let mut before = evaluate::<FUSED, F>(function, x);
            for _ in 0..300 {
                x = above(x);
                let y = evaluate::<FUSED, F>(function, x);
                if before.is_finite() {
                    let slack = 2.0 * bound(function) * last_place::unit::<F>(y.as_f64());
                    assert!((y - before).as_f64() >= -slack, "{function} falls at {x:e}: {before:e} to {y:e}");
                }
                before = y;
            }
        }
    }
}

#[test]
fn hard_functions_rise_over_the_borders_of_their_reductions() {
    rises::<f32, false>();
    rises::<f32, true>();
    rises::<f64, false>();
    rises::<f64, true>();
}

/// The bits of many results, folded into one number (FNV-1a).
fn fold(bits: impl Iterator<Item = u64>) -> u64 {
    bits.fold(0xcbf2_9ce4_8422_2325, |hash, bits| (hash ^ bits).wrapping_mul(0x0100_0000_01b3))
}

/// Without fusing, the same bits on every machine: of each function, in both precisions.
#[test]
fn stream_plain_functions_are_pinned() {
    let x: Vec<f32> = (1..4000_u32).map(|k| (k as f32 - 2000.0) / 128.0 + 0.001).collect();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x) * 1.000_000_1).collect();
    let pinned = BOUNDS.map(|(function, _)| {
        let single = x.iter().map(|&x| evaluate::<false, f32>(function, x)).filter(|y| !y.is_nan());
        let double = wide.iter().map(|&x| evaluate::<false, f64>(function, x)).filter(|y| !y.is_nan());
        (function, fold(single.map(|y| u64::from(y.to_bits()))), fold(double.map(f64::to_bits)))
    });
    let expected = [
        ("exp", 0x25ba_47d9_aaef_46c3, 0x6556_8703_aa23_cc4a),
        ("exp_m1", 0x9865_a96f_2ce2_6d16, 0x906d_258c_e610_1210),
        ("ln", 0x42b8_8565_8401_9c57, 0x001f_64b9_2363_1edb),
        ("ln_1p", 0x25ec_7743_089d_816f, 0x841b_77db_5280_5fcf),
        ("tanh", 0xadf1_e08f_5084_18f7, 0x56fa_e20a_8443_aa49),
        ("sin_turns", 0x4d45_4967_40f6_5260, 0xfd91_7032_b363_194f),
        ("cos_turns", 0x8759_7df4_8d68_81a5, 0x8f4e_bfc2_6d7d_38df),
    ];
    assert_eq!(pinned, expected, "{pinned:#x?}");
}
