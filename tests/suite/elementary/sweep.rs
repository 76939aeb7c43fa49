//! Every f32, or a stride of them, through a function of the crate and through one that shares no
//! code with it: the standard library's in f64, whose error is 2^-29 of a last place of f32.

use std::f64::consts::TAU;
use std::thread;

use estimand::{Real, elementary};
use pulp::{Arch, Simd, WithSimd};

use super::last_place::last_places;

/// The worst errors that are promised, in last places, in both precisions and both forms.
pub const BOUNDS: [(&str, f64); 7] =
    [("exp", 1.0), ("exp_m1", 2.0), ("ln", 1.0), ("ln_1p", 1.0), ("tanh", 3.0), ("sin_turns", 2.0), ("cos_turns", 2.0)];

/// The function of a name.
#[inline(always)]
pub fn evaluate<const FUSED: bool, F: Real>(function: &str, x: F) -> F {
    match function {
        "exp" => elementary::exp::<FUSED, F>(x),
        "exp_m1" => elementary::exp_m1::<FUSED, F>(x),
        "ln" => elementary::ln::<FUSED, F>(x),
        "ln_1p" => elementary::ln_1p::<FUSED, F>(x),
        "tanh" => elementary::tanh::<FUSED, F>(x),
        "sin_turns" => elementary::sin_cos_turns::<FUSED, F>(x).0,
        "cos_turns" => elementary::sin_cos_turns::<FUSED, F>(x).1,
        other => unreachable!("no function {other}"),
    }
}

/// The standard library's function of a name. Far beyond the ends of f32, where it is slow, it is not
/// asked.
pub fn standard(function: &str, x: f64) -> f64 {
    match function {
        "exp" if x > 200.0 => f64::INFINITY,
        "exp" if x < -200.0 => 0.0,
        "exp" => x.exp(),
        "exp_m1" => x.exp_m1(),
        "ln" | "ln_1p" if x < -1.0 => f64::NAN,
        "ln" => x.ln(),
        "ln_1p" => x.ln_1p(),
        "tanh" => x.tanh(),
        "sin_turns" => of_turns(x, 0),
        "cos_turns" => of_turns(x, 1),
        other => unreachable!("no function {other}"),
    }
}

/// The sine `quarters` of a turn ahead, of an argument whose quarters are taken off exactly.
fn of_turns(t: f64, quarters: i64) -> f64 {
    if !t.is_finite() {
        return f64::NAN;
    }
    // From 2^52 on every number is whole.
    let fraction = if t.abs() < 4_503_599_627_370_496.0 { t - (t as i64) as f64 } else { 0.0 };
    let quarter = (4.0 * fraction + 0.5_f64.copysign(fraction)) as i64;
    let angle = TAU * (fraction - 0.25 * quarter as f64);
    match (quarter + quarters).rem_euclid(4) {
        0 => angle.sin(),
        1 => angle.cos(),
        2 => -angle.sin(),
        _ => -angle.cos(),
    }
}

/// A block of arguments through a function, in vectors where the machine has them.
struct Block<'a, F, const FUSED: bool> {
    function: &'a str,
    x: &'a [F],
    y: &'a mut [F],
}

impl<F: Real, const FUSED: bool> WithSimd for Block<'_, F, FUSED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { function, x, y } = self;
        match function {
            "exp" => each(x, y, |x| elementary::exp::<FUSED, F>(x)),
            "exp_m1" => each(x, y, |x| elementary::exp_m1::<FUSED, F>(x)),
            "ln" => each(x, y, |x| elementary::ln::<FUSED, F>(x)),
            "ln_1p" => each(x, y, |x| elementary::ln_1p::<FUSED, F>(x)),
            "tanh" => each(x, y, |x| elementary::tanh::<FUSED, F>(x)),
            "sin_turns" => each(x, y, |x| elementary::sin_cos_turns::<FUSED, F>(x).0),
            "cos_turns" => each(x, y, |x| elementary::sin_cos_turns::<FUSED, F>(x).1),
            other => unreachable!("no function {other}"),
        }
    }
}

#[inline(always)]
fn each<F: Real>(x: &[F], y: &mut [F], f: impl Fn(F) -> F) {
    for (x, y) in x.iter().zip(y) {
        *y = f(*x);
    }
}

/// A function of many numbers.
pub fn all<F: Real>(function: &str, fused: bool, x: &[F]) -> Vec<F> {
    let mut y = vec![F::zero(); x.len()];
    if fused {
        Arch::new().dispatch(Block::<F, true> { function, x, y: &mut y });
    } else {
        Arch::new().dispatch(Block::<F, false> { function, x, y: &mut y });
    }
    y
}

/// The worst error of a sweep, and where.
#[derive(Debug, Clone, Copy)]
pub struct Worst {
    pub places: f64,
    pub at: f32,
}

/// What the nearest number may be off: errors below are not told apart.
const NEAREST: Worst = Worst { places: 0.5, at: 0.0 };

/// The worst errors of a function, fused and plain, over every `stride`-th pattern of bits from
/// `first` on; by `threads` threads.
pub fn sweep(function: &str, first: u32, stride: u32, threads: u32) -> [Worst; 2] {
    const BLOCK: usize = 4096;
    let patterns = (u64::from(u32::MAX) - u64::from(first)) / u64::from(stride) + 1;
    let part = |thread: u32| {
        let mut worst = [NEAREST; 2];
        let blocks = (0..patterns.div_ceil(BLOCK as u64)).skip(thread as usize).step_by(threads as usize);
        let mut x = Vec::with_capacity(BLOCK);
        for block in blocks {
            let from = block * BLOCK as u64;
            let until = patterns.min(from + BLOCK as u64);
            x.clear();
            x.extend((from..until).map(|k| f32::from_bits((u64::from(first) + k * u64::from(stride)) as u32)));
            let exact: Vec<f64> = x.iter().map(|&x| standard(function, f64::from(x))).collect();
            for (worst, fused) in worst.iter_mut().zip([true, false]) {
                for ((&at, &exact), got) in x.iter().zip(&exact).zip(all(function, fused, &x)) {
                    // Most are the nearest number, and no worse than any.
                    if got == exact as f32 {
                        continue;
                    }
                    let places = last_places(got, [exact, 0.0]);
                    if places > worst.places {
                        *worst = Worst { places, at };
                    }
                }
            }
        }
        worst
    };
    let parts: Vec<[Worst; 2]> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|t| scope.spawn(move || part(t))).collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    std::array::from_fn(|form| {
        let worst = parts.iter().map(|part| part[form]);
        worst.max_by(|a, b| a.places.total_cmp(&b.places)).unwrap_or(NEAREST)
    })
}
