//! The loop over the coordinates of a row.

use estimand::Real;
use estimand::rows::{Term, map_coordinates, sum_coordinates, sum_term};
use proptest::prelude::*;

use crate::support::near::{assert_eps, careful_sum};
use crate::support::strategy::config;

/// The same as a type.
struct Pair;

impl<F: Real> Term<F, 2, 2> for Pair {
    fn of(&self, [x, y]: [F; 2]) -> (F, [F; 2]) {
        (x * y, [x + y, x - y])
    }
}

/// Two inputs, two outputs: the value is x y, the outputs x + y and x - y.
fn pairs<F: Real>(x: &[F], y: &[F]) {
    let d = x.len();
    let (mut sums, mut differences) = (vec![F::nan(); d], vec![F::nan(); d]);
    let term = |[x, y]: [F; 2]| (x * y, [x + y, x - y]);
    let value = sum_coordinates::<true, _, 2, 2>([x, y], [&mut sums, &mut differences], term);

    let products: Vec<F> = x.iter().zip(y).map(|(&x, &y)| x * y).collect();
    let size = careful_sum(products.iter().map(|p| p.abs()));
    // Additions in one of 32 lanes, then five that join the lanes, half an epsilon each.
    let bound = 0.5 * (d.div_ceil(32) as f64 + 5.0);
    assert_eps(value, careful_sum(products), size, bound, format!("{d} coordinates"));
    for j in 0..d {
        assert_eq!((sums[j], differences[j]), (x[j] + y[j], x[j] - y[j]), "coordinate {j} of {d}");
    }

    // The value does not depend on whether outputs are written; what is not asked for is not written.
    let mut untouched = vec![F::of(7.0); d];
    let alone = sum_coordinates::<false, _, 2, 2>([x, y], [&mut untouched, &mut []], term);
    assert_eq!(alone, value);
    assert!(untouched.iter().all(|&u| u == F::of(7.0)));

    // A type says what a closure says.
    let (mut again, mut apart) = (vec![F::nan(); d], vec![F::nan(); d]);
    assert_eq!(sum_term::<true, _, 2, 2>([x, y], [&mut again, &mut apart], &Pair), value);
    assert_eq!((again, apart), (sums, differences));
    assert_eq!(sum_coordinates::<false, _, 2, 0>([x, y], [], |[x, y]| (x * y, [])), value);
}

fn every_length<F: Real>() {
    for d in (0..=100).chain([127, 128, 129, 784, 1000]) {
        let x: Vec<F> = (0..d).map(|j| F::of((1.0 + j as f64).sin())).collect();
        let y: Vec<F> = (0..d).map(|j| F::of(0.1 + (j as f64).cos())).collect();
        pairs(&x, &y);
        // Whole numbers: exact, and every coordinate counts once.
        let whole: Vec<F> = (0..d).map(|j| F::count(j + 1)).collect();
        let sum = sum_coordinates::<false, _, 1, 0>([&whole], [], |[x]| (x, []));
        assert_eq!(sum, F::count(d * (d + 1) / 2), "{d} coordinates");
    }
}

#[test]
fn law_every_length_is_a_plain_sum() {
    every_length::<f32>();
    every_length::<f64>();
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_sum_is_within_its_bound(terms in prop::collection::vec((-1e3..1e3_f64, -1.0..1.0_f64), 0..400)) {
        let (x, y): (Vec<f64>, Vec<f64>) = terms.into_iter().unzip();
        pairs(&x, &y);
        let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
        pairs(&narrow(&x), &narrow(&y));
    }

    /// A coordinate moved to another place is still that coordinate, in the sum and in the output.
    #[test]
    fn law_inputs_and_outputs_stay_side_by_side(d in 1_usize..200, at in 0_usize..200) {
        let at = at % d;
        let mut mark = vec![0.0; d];
        mark[at] = 1.0;
        let place: Vec<f64> = (0..d).map(|j| j as f64).collect();
        let mut out = vec![f64::NAN; d];
        let inputs = [&mark[..], &place, &place];
        let value = sum_coordinates::<true, _, 3, 1>(inputs, [&mut out], |[m, p, q]| (m * p, [m * (q + 1.0)]));
        prop_assert_eq!(value, at as f64);
        prop_assert_eq!(out.iter().position(|&x| x != 0.0), Some(at));
        prop_assert_eq!(out[at], at as f64 + 1.0);
    }
}

#[test]
fn hard_nothing_to_sum() {
    let value = sum_coordinates::<true, f64, 1, 1>([&[]], [&mut []], |[x]| (x, [x]));
    assert_eq!(value, 0.0);
    let value = sum_coordinates::<false, f32, 2, 3>([&[], &[]], [&mut [], &mut [], &mut []], |[x, _]| (x, [x; 3]));
    assert_eq!(value, 0.0);
}

/// A law whose rows have different lengths is at fault: its sum says so, and no output is touched.
#[test]
fn hard_unequal_lengths_are_no_sum() {
    for (d, other) in [(0, 1), (1, 0), (3, 2), (32, 33), (64, 32), (40, 100)] {
        let (x, y) = (vec![1.0_f64; d], vec![1.0; other]);
        let mut out = vec![7.0; d];
        let value = sum_coordinates::<true, _, 2, 1>([&x, &y], [&mut out], |[x, y]| (x * y, [x + y]));
        assert!(value.is_nan() && out.iter().all(|o| o.is_nan()), "inputs of {d} and {other}");
        let mut out = vec![7.0; other];
        let value = sum_coordinates::<true, _, 1, 1>([&x], [&mut out], |[x]| (x, [x]));
        assert!(value.is_nan() && out.iter().all(|o| o.is_nan()), "{d} numbers into {other}");
        let value = sum_coordinates::<false, _, 2, 0>([&x, &y], [], |[x, y]| (x * y, []));
        assert!(value.is_nan(), "inputs of {d} and {other}, nothing to write");
        let mut mapped = vec![7.0; d];
        map_coordinates([&x, &y], [&mut mapped], |[x, y]| [x + y]);
        assert!(mapped.iter().all(|o| o.is_nan()), "mapped inputs of {d} and {other}");
        // What is not written may be of any length.
        let value = sum_coordinates::<false, _, 1, 1>([&x], [&mut out], |[x]| (x, [x]));
        assert_eq!(value, d as f64);
    }
}

#[test]
fn hard_nan_and_infinities_reach_the_sum() {
    for d in [1, 31, 32, 33, 64, 100] {
        for at in [0, d / 2, d - 1] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut x = vec![1.0; d];
                x[at] = bad;
                let mut out = vec![0.0; d];
                let value = sum_coordinates::<true, _, 1, 1>([&x], [&mut out], |[x]| (x, [x]));
                assert!(value == bad || value.is_nan() && bad.is_nan(), "{bad} at {at} of {d}");
                assert!(out[at] == bad || bad.is_nan() && out[at].is_nan());
                assert!(out.iter().enumerate().all(|(j, &x)| j == at || x == 1.0));
            }
        }
    }
}

/// Thirty-two lanes, joined in halves: the last bit is the same on every machine, and is not that of
/// a plain loop.
#[test]
fn stream_the_order_of_additions() {
    let x: Vec<f32> = (1..=1000_u16).map(|j| 1.0 / f32::from(j)).collect();
    let value = sum_coordinates::<false, _, 1, 0>([&x], [], |[x]| (x, []));
    assert_eq!((value, x.iter().sum()), (7.485_471, 7.485_478_4));
    let x: Vec<f64> = (1..=1000_u16).map(|j| 1.0 / f64::from(j)).collect();
    let value = sum_coordinates::<false, _, 1, 0>([&x], [], |[x]| (x, []));
    assert_eq!((value, x.iter().sum()), (7.485_470_860_550_345, 7.485_470_860_550_343));
}

/// Outputs without a sum are those of a plain loop, on either side of each size that is copied.
#[test]
fn law_a_map_is_a_plain_loop() {
    for d in (0..=70).chain([96, 127, 128, 129]) {
        let (x, y): (Vec<f64>, Vec<f64>) = (0..d).map(|j| ((j as f64).sin(), j as f64)).unzip();
        let (mut sum, mut product) = (vec![7.0; d], vec![7.0; d]);
        map_coordinates([&x, &y], [&mut sum, &mut product], |[x, y]| [x + y, x * y]);
        for j in 0..d {
            assert_eq!((sum[j], product[j]), (x[j] + y[j], x[j] * y[j]), "{j} of {d}");
        }
    }
}
