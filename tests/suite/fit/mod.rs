//! Gaussian estimation against its definitions: sums over observations, and integrals.

mod estimate;
mod gaussian;
mod groups;
mod information;
mod likelihood;
mod mean_vector;
mod risk;
mod shrinkage;
mod square;
mod student;

use estimand::fit::Moments;
use proptest::prelude::*;

/// A few observations, numbers that f32 holds.
pub fn observations() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-4.0..6.0_f64, 1..30).prop_map(|x| x.into_iter().map(|x| f64::from(x as f32)).collect())
}

pub fn moments(x: &[f64]) -> Moments<f64> {
    x.iter().copied().collect()
}

/// log N(x; mean, variance), by its definition.
pub fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -(x - mean).powi(2) / (2.0 * variance) - (2.0 * std::f64::consts::PI * variance).ln() / 2.0
}

/// The integral of a smooth function that falls as a Gaussian of that mean and sd does, by the trapezoidal
/// rule: at a step of sd/8 its own error is below e^-1000, and beyond 12 sd lies less than 1e-30.
pub fn integral(mean: f64, sd: f64, f: impl Fn(f64) -> f64) -> f64 {
    let step = sd / 8.0;
    (-96..=96).map(|k| f(mean + f64::from(k) * step)).sum::<f64>() * step
}
