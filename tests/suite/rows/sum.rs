//! Sums over many rows are pairwise: their error grows with the logarithm of the number.

use estimand::ndarray::{Array1, Array2};
use estimand::{Real, Rows, ValueGrad};
use proptest::prelude::*;

use super::Table;
use crate::support::near::{assert_eps, careful_sum};
use crate::support::strategy::config;

/// The worst error of a sum of n terms, in epsilons of the sum of their magnitudes: the additions in a block and one a
/// doubling of the blocks, each half an epsilon; `products` if each term is one.
fn bound(n: usize, in_block: f64, products: f64) -> f64 {
    let joins = (n.div_ceil(128) as f64).log2().ceil();
    0.5 * (in_block + joins + products)
}

/// Rows are added to a block one after the other.
const ROWS: f64 = 127.0;

/// Numbers are, in eight lanes: 14 additions in a lane, 3 of the lanes, and 7 of what is over, in a block of 127.
const NUMBERS: f64 = 24.0;

fn many<F: Real>(n: usize, term: impl Fn(usize) -> f64) {
    let terms = Array1::from_shape_fn(n, |i| F::of(term(i)));
    let (sum, size) = (careful_sum(terms.iter().copied()), careful_sum(terms.iter().map(|x| x.abs())));
    let table = Table::new(terms.clone().into_shape_with_order((n, 1)).unwrap(), n);
    assert_eps(table.total().unwrap().flat()[[0, 0]], sum, size, bound(n, ROWS, 0.0), "total");
    let weights = Array1::from_elem(n, F::of(0.3));
    let (third, thirds) = (F::of(0.3).as_f64() * sum, F::of(0.3).as_f64() * size);
    assert_eps(table.weighted(&weights).unwrap().flat()[[0, 0]], third, thirds, bound(n, ROWS, 1.0), "weighted");
    let mean = ValueGrad { value: terms, grad: Array1::<F>::zeros(n) }.mean().unwrap();
    assert_eps(mean.value, sum / n as f64, size / n as f64, bound(n, NUMBERS, 1.0), "mean");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_sum_is_within_its_bound(n in 1_usize..5000, turn in 0.0..1.0_f64, shift in -1.0..2.0_f64) {
        let term = |i: usize| shift + (turn * i as f64).sin();
        many::<f32>(n, term);
        many::<f64>(n, term);
    }

    /// Whole numbers: every order of additions gives the same.
    #[test]
    fn law_a_mean_of_whole_numbers_is_exact(n in 1_usize..3000, step in 1_usize..50) {
        let terms = Array1::from_shape_fn(n, |i| ((step * i) % 101) as f64 - 50.0);
        let sum = terms.iter().fold(0.0, |sum, x| sum + x);
        let mean = ValueGrad { value: terms, grad: Array1::<f64>::zeros(n) }.mean().unwrap();
        prop_assert_eq!(mean.value, sum / n as f64);
    }
}

/// A plain loop over a million terms of .1 in f32 is off by one percent.
#[test]
fn hard_a_million_rows() {
    let n = 1_000_000;
    let terms = Array1::from_elem(n, 0.1_f32);
    let exact = n as f64 * f64::from(0.1_f32);
    let plain = terms.iter().fold(0.0_f32, |sum, x| sum + x);
    let allowed = bound(n, ROWS, 0.0) * f64::from(f32::EPSILON) * exact;
    assert!((f64::from(plain) - exact).abs() > 100.0 * allowed, "a plain loop would do: {plain}");

    many::<f32>(n, |_| 0.1);
    // Several columns, several parameter rows: sums do not run into each other.
    let table = Table::new(Array2::from_elem((n, 3), 0.1_f32), n / 4);
    for &got in table.total().unwrap().flat() {
        assert_eps(got, exact / 4.0, exact / 4.0, bound(n / 4, ROWS, 0.0), "a quarter");
    }
    let held = table.collect().sum_groups(n).unwrap();
    assert_eps(held.flat()[[0, 2]], exact, exact, bound(n, ROWS, 0.0), "sum_groups");
}

/// The order of the additions of a block: eight lanes, joined in halves, and what is over.
#[test]
fn stream_the_order_of_a_mean() {
    for n in [7, 8, 100, 127, 128] {
        let terms = Array1::from_shape_fn(n, |i| 1.0 / (i + 1) as f64);
        let mut lanes = [0.0; 8];
        for i in 0..n / 8 * 8 {
            lanes[i % 8] += terms[i];
        }
        for half in [4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        let sum = (n / 8 * 8..n).fold(lanes[0], |sum, i| sum + terms[i]);
        let mean = ValueGrad { value: terms, grad: Array1::<f64>::zeros(n) }.mean().unwrap().value;
        assert_eq!(mean, sum / n as f64, "{n}");
    }
}

/// Numbers near the largest, of both signs in turn: lanes overflow, and the sum does not.
#[test]
fn hard_numbers_that_cancel_have_a_mean() {
    for n in [2, 7, 8, 16, 128] {
        let value = Array1::from_shape_fn(n, |i| if i % 2 == 0 { 2e38_f32 } else { -2e38 });
        let mean = ValueGrad { value, grad: Array1::<f32>::zeros(n) }.mean().unwrap().value;
        let expected = if n % 2 == 0 { 0.0 } else { 2e38 / n as f32 };
        assert!((mean - expected).abs() <= f32::EPSILON * expected, "{n}: {mean:e}");
    }
}
