//! What proptest draws.

use estimand::ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A fixed seed and 64 cases; more by the environment variable PROPTEST_CASES.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Rows and columns, both from 1: `(1..=rows, 1..=columns)`.
pub fn sizes(rows: usize, columns: usize) -> impl Strategy<Value = (usize, usize)> {
    (1..=rows, 1..=columns)
}

/// An array of numbers in `[low, high]`.
pub fn array(size: (usize, usize), low: f64, high: f64) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(low..=high, size.0 * size.1).prop_map(move |v| Array2::from_shape_vec(size, v).unwrap())
}

/// An array of bits.
pub fn bits(size: (usize, usize)) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(any::<bool>(), size.0 * size.1)
        .prop_map(move |v| Array2::from_shape_fn(size, |(i, j)| f64::from(u8::from(v[i * size.1 + j]))))
}
