//! Moments against definitions in twice the digits, whatever the way the numbers arrived.

mod block;
mod bulk;
mod centre;
mod centres;
mod columns;
mod compensated;
mod cross;
mod mass;
mod product;
mod scalar;
mod scatter;
mod stored;

use estimand::Real;
use proptest::prelude::*;

use crate::support::double_double::DoubleDouble;

/// Count, weight, mean and variance (divided by the weight) by their definitions.
#[derive(Debug, Clone, Copy)]
pub struct Exact {
    pub weight: f64,
    pub mean: DoubleDouble,
    pub variance: f64,
    /// The sum of w^2.
    pub squares: f64,
}

pub fn exact<F: Real>(x: &[F], weights: &[F]) -> Exact {
    let wide = |x: &F| DoubleDouble::from(x.as_f64());
    let sum = |terms: &mut dyn Iterator<Item = DoubleDouble>| terms.fold(DoubleDouble::from(0.0), |sum, x| sum + x);
    let weight = sum(&mut weights.iter().map(wide));
    let over = weight.recip();
    let mean = over * sum(&mut x.iter().zip(weights).map(|(x, w)| wide(x) * wide(w)));
    let square = |x: &F| (wide(x) - mean) * (wide(x) - mean);
    let variance = over * sum(&mut x.iter().zip(weights).map(|(x, w)| square(x) * wide(w)));
    let squares = sum(&mut weights.iter().map(|w| wide(w) * wide(w)));
    Exact { weight: weight.to_f64(), mean, variance: variance.to_f64(), squares: squares.to_f64() }
}

/// Numbers about `centre` with a spread: what both precisions hold.
pub fn numbers(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    let size = prop::sample::select(vec![0.0, 1.0, -300.0, 1e4]);
    (size, 0.01..3.0_f64, prop::collection::vec(-1.0..1.0_f64, n))
        .prop_map(|(centre, spread, u)| u.into_iter().map(|u| f64::from((centre + spread * u) as f32)).collect())
}

/// How far mean and variance may be off, in epsilons, for sums of `chain` terms in a lane.
///
/// The deviations of a block are taken from a pivot p that is within a quarter of a standard deviation of
/// its mean: none is above 5/4 of the largest from the mean, their sum is known to half an epsilon for each
/// addition of them, and the sum of squares, at most 17/16 of the scatter, likewise, with 2 for a square
/// and 2 for the division. The square of the mean deviation that is taken from it is off by twice 1/4 times
/// the error of the deviations' mean. A step that joins has 4 roundings of its own size; shares of all
/// steps add up to 1 for the variance, and to 1 + ln n spreads for the mean. What is read is rounded once
/// more.
pub struct Limits {
    pub mean: f64,
    pub variance: f64,
}

pub fn limits<F: Real>(chain: usize, x: &[F], exact: &Exact) -> Limits {
    let eps = F::epsilon().as_f64();
    let mean = exact.mean.to_f64();
    let spread = x.iter().map(|x| (x.as_f64() - mean).abs()).fold(0.0, f64::max);
    let steps = 4.0 * (1.0 + (x.len() as f64).ln());
    let chain = 0.5 * chain as f64;
    Limits {
        mean: eps * (0.5 * mean.abs() + spread * (1.25 * chain + 4.0 + steps)),
        variance: eps * exact.variance * (1.0625 * chain + 0.5 * 1.03 * chain + 16.0),
    }
}

/// Both readings of some moments of `x` against the definitions.
#[track_caller]
pub fn assert_readings<F: Real>(what: &str, got: (F, F), x: &[F], weights: &[F], chain: usize) {
    let exact = exact(x, weights);
    let limit = limits(chain, x, &exact);
    let mean = (DoubleDouble::from(got.0.as_f64()) - exact.mean).to_f64();
    assert!(mean.abs() <= limit.mean, "{what}: mean {} is {mean:e} off, limit {:e}", got.0, limit.mean);
    let variance = got.1.as_f64() - exact.variance;
    assert!(
        variance.abs() <= limit.variance,
        "{what}: variance {} is {variance:e} off, limit {:e}",
        got.1,
        limit.variance
    );
}

/// Additions in a lane of a block of numbers: 1024 in 16 lanes, which are then joined in pairs.
pub const CHAIN: usize = 64 + 4;
