//! Standard draws from the caller's generator.

use rand::Rng;

use crate::Real;

/// A uniform number of the open interval (0, 1), on a symmetric grid: never 0 and never 1.
///
/// The grid is (2 k + 1) 2^-24 in f32, (2 k + 1) 2^-53 in f64.
///
/// ```
/// use estimand::{noise::uniform, rand::{SeedableRng, rngs::StdRng}};
/// let u: f32 = uniform(&mut StdRng::seed_from_u64(0));
/// assert!(0.0 < u && u < 1.0);
/// ```
pub fn uniform<F: Real, R: Rng + ?Sized>(rng: &mut R) -> F {
    // An odd multiple of half the step, which the precision holds exactly.
    let digits = if size_of::<F>() == size_of::<f32>() { 23 } else { 52 };
    let odd = ((rng.next_u64() >> (64 - digits)) << 1) | 1;
    F::of(odd as f64) * F::of(0.5) * F::epsilon()
}

/// Fills `out` with [`uniform`] numbers.
pub fn fill_uniform<F: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [F]) {
    out.fill_with(|| uniform(rng));
}

/// A standard normal number (rand_distr's ziggurat).
pub fn standard_normal<F: Real, R: Rng + ?Sized>(rng: &mut R) -> F {
    F::of(rng.sample(rand_distr::StandardNormal))
}

/// Fills `out` with [`standard_normal`] numbers.
pub fn fill_standard_normal<F: Real, R: Rng + ?Sized>(rng: &mut R, out: &mut [F]) {
    out.fill_with(|| standard_normal(rng));
}
