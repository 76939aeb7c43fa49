use estimand::moments::Moments;
use estimand::ndarray::array;
use proptest::prelude::*;

use super::{assert_readings, numbers};
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// Chan's formula, from the smaller share or the larger: heavy parts and light ones, in any order.
    #[test]
    fn law_parts_of_any_shares_join(
        x in numbers(2..12), weights in prop::collection::vec(-40..40_i32, 12), cut in 0.0..1.0_f64,
    ) {
        let weights: Vec<f64> = weights[..x.len()].iter().map(|&w| 2.0_f64.powi(w)).collect();
        let at = 1 + (cut * (x.len() - 1) as f64) as usize;
        let part = |from: usize, to: usize| {
            let mut part = Moments::new();
            (from..to).for_each(|i| part.push_weighted(x[i], weights[i]).unwrap());
            part
        };
        let (mut ab, mut ba) = (part(0, at), part(at, x.len()));
        let a = ab;
        ab.merge(&ba);
        ba.merge(&a);
        for moments in [ab, ba] {
            assert_readings("joined", (moments.mean().unwrap(), moments.variance().unwrap()), &x, &weights, 8);
        }
    }
}

/// A nearly massless part moves nothing and breaks nothing.
#[test]
fn hard_shares_that_vanish() {
    let mut moments = Moments::<f64>::new();
    moments.push_weighted(1e200, 1e-300).unwrap();
    moments.push_weighted(3.0, 1e300).unwrap();
    // The share underflows to 0, and a share of 0 counts nothing.
    assert_eq!((moments.mean(), moments.variance()), (Ok(3.0), Ok(0.0)));
    let mut other = Moments::of(&array![1.0, 2.0]);
    other.merge(&Moments::of_weighted(&array![f64::INFINITY], &array![0.0]).unwrap());
    assert_eq!((other.mean(), other.variance(), other.count()), (Ok(1.5), Ok(0.25), 3));
}

/// The mean of numbers far from each other lies between them, whatever their differences do.
#[test]
fn hard_differences_that_overflow() {
    for (a, b) in [(f64::MAX, -f64::MAX), (f64::MAX, f64::MAX / 2.0), (-1e308, 1.7e308)] {
        for n in [1, 5, 1000] {
            let mut moments = Moments::<f64>::new();
            moments.push(a);
            (0..n).for_each(|_| moments.push(b));
            let (mean, expected) = (moments.mean().unwrap(), a / (n + 1) as f64 + b / (n + 1) as f64 * n as f64);
            assert!(mean >= a.min(b) && mean <= a.max(b));
            // Each step rounds, and the first of them are as large as the numbers.
            let limit = 4.0 * f64::EPSILON * (1.0 + (n as f64).ln()) * a.abs().max(b.abs());
            assert!((mean - expected).abs() <= limit, "{a:e} {b:e} {n}: {mean:e} {expected:e}");
            assert_eq!(moments.variance(), Ok(f64::INFINITY));
        }
    }
}
