//! Reproducible noise: its generator, its laws, its blocks.

mod fill;
mod generator;
mod laws;

use estimand::Real;
use estimand::noise::{Key, Standard, uniform};
use estimand::rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::erfc;

use crate::support::stats::chance_of_mean;

/// The rate of false alarms of a test of randomness.
const ALARM: f64 = 1e-9;

/// Numbers `start`, `start + 1`, ... as f64.
fn numbers<F: Real>(key: Key, law: Standard, start: u64, n: usize) -> Vec<f64> {
    let mut out = vec![F::zero(); n];
    key.fill(law, start, &mut out);
    out.into_iter().map(F::as_f64).collect()
}

/// The distribution function of a law; the 1e-10 of this erfc is far below every limit.
fn cdf(law: Standard, z: f64) -> f64 {
    match law {
        Standard::Uniform => z,
        Standard::Normal => 0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2),
        Standard::Exponential => -(-z).exp_m1(),
        Standard::Logistic => 1.0 / (1.0 + (-z).exp()),
        Standard::Gumbel => (-(-z).exp()).exp(),
        Standard::Laplace if z < 0.0 => 0.5 * z.exp(),
        Standard::Laplace => 1.0 - 0.5 * (-z).exp(),
    }
}

/// Faces of a uniform number, each uniform on (-1/2, 1/2): itself, its distance from the middle,
/// and its last 11 bits in f32 or 26 in f64.
fn faces<F: Real>(u: f64) -> [f64; 3] {
    let last = u * if size_of::<F>() == 4 { 2.0_f64.powi(12) } else { 2.0_f64.powi(26) };
    [u - 0.5, 2.0 * (u - 0.5).abs() - 0.5, last.fract() - 0.5]
}

/// The chance, at the most, of a dependence as large as that of these pairs of uniform numbers: of
/// the products of their faces, which have mean 0 whatever came before, and a variance of 1/144 (2 %
/// more are allowed to it, since it is that of the second face times the square of the first).
///
/// The smallest correlation that is seen in n pairs is 14 / sqrt(n): missed as rarely as falsely seen.
fn chance_of_pairs<F: Real>(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sums, mut n) = ([[0.0; 3]; 3], 0);
    for (u, v) in pairs {
        let (u, v) = (faces::<F>(u), faces::<F>(v));
        for (i, row) in sums.iter_mut().enumerate() {
            for (j, sum) in row.iter_mut().enumerate() {
                *sum += u[i] * v[j];
            }
        }
        n += 1;
    }
    let largest = sums.as_flattened().iter().fold(0.0_f64, |most, sum| most.max(sum.abs()));
    9.0 * chance_of_mean(largest / n as f64, n, 1.02 / 144.0, 0.25)
}

/// No dependence in the pairs; and there is one in their twin, where one pair in `dull` repeats its
/// first number.
fn assert_strangers<F: Real>(what: &str, dull: usize, pairs: &[(f64, f64)]) {
    let chance = chance_of_pairs::<F>(pairs.iter().copied());
    assert!(chance >= ALARM, "{what}: a chance of {chance:e} at the most");
    let twin = pairs.iter().enumerate().map(|(i, &(u, v))| (u, if i % dull == 0 { u } else { v }));
    let chance = chance_of_pairs::<F>(twin);
    assert!(chance < ALARM, "{what}: the twin passes with {chance:e}");
}

/// A generator that says one word for ever.
struct Word(u64);

impl RngCore for Word {
    fn next_u32(&mut self) -> u32 {
        self.0 as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0 as u8);
    }
}

/// A generator behind a reference to a trait object will do.
#[test]
fn hard_a_generator_of_unknown_type() {
    let mut rng: Box<dyn RngCore> = Box::new(ChaCha8Rng::seed_from_u64(3));
    let mut same = ChaCha8Rng::seed_from_u64(3);
    let u: f64 = uniform(&mut *rng);
    assert_eq!(u, uniform::<f64, _>(&mut same));
    let mut z = [0.0_f32; 3];
    Standard::Normal.fill(&mut *rng, &mut z);
    assert_eq!(z.to_vec(), Standard::Normal.draw::<f32, _, _>(&mut same, 3).to_vec());
}

/// The upper bits of one word, as the bulk draw makes them of its own.
#[test]
fn law_one_uniform_number_is_of_one_word() {
    for word in [0, 1 << 63, u64::MAX, 0x0123_4567_89ab_cdef] {
        let (u, v): (f64, f32) = (uniform(&mut Word(word)), uniform(&mut Word(word)));
        assert_eq!(u, Standard::Uniform.of_words::<f64>([word, 0])[0]);
        assert_eq!(v, Standard::Uniform.of_words::<f32>([0, word])[1]);
    }
}
