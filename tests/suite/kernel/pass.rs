//! The pass itself: what it makes, and where it puts it.

use estimand::Error;
use estimand::arithmetic::Arithmetic;
use estimand::kernel::{Level, RowFn, fill_at};
use estimand::ndarray::{Array1, Array2, Axis, concatenate};

use super::{TwoParts, numbers};

/// Small passes, one task; wide ones, many.
const SIZES: [(usize, usize); 7] = [(0, 4), (4, 0), (1, 1), (17, 5), (3, 40_000), (4000, 33), (70_000, 1)];

#[test]
fn law_rows_are_cut_into_arrays() {
    for (n, d) in SIZES {
        let (x, y) = (numbers::<f64>(n, d, 0), numbers::<f64>(n, d, 1));
        let inputs = [x.view(), y.view()];
        let (value, [left, nothing, right]) = fill_at(Level::Plain, n, inputs, [d, 0, d], &TwoParts).unwrap();
        let product = &x * &y + Array1::from_shape_fn(n, |i| i as f64).insert_axis(Axis(1));
        assert_eq!(right, product, "{n} x {d}");
        assert_eq!(nothing.dim(), (n, 0));
        assert!(left.iter().zip(&x).all(|(l, x)| (l / x.exp() - 1.0).abs() < 4.0 * f64::EPSILON), "{n} x {d}");
        for (v, row) in value.iter().zip(right.rows()) {
            assert_eq!(*v, row.fold(0.0, |sum, x| sum + x));
        }
        let (same, [whole]) = fill_at(Level::Plain, n, inputs, [2 * d], &TwoParts).unwrap();
        assert_eq!((same, whole), (value, concatenate![Axis(1), left, right]), "{n} x {d}");
    }
}

/// The number of the row, and nothing read.
struct Number;

impl RowFn<f32, 0> for Number {
    fn row<A: Arithmetic<f32>>(&self, _: A, i: usize, []: [&[f32]; 0], out: &mut [f32]) -> f32 {
        out.fill(i as f32 + 0.5);
        i as f32
    }
}

#[test]
fn law_every_row_is_made_once_and_in_its_place() {
    for n in [0, 1, 40_000, 100_001] {
        let (value, [out]) = fill_at(Level::best(), n, [], [2], &Number).unwrap();
        assert_eq!(value, Array1::from_shape_fn(n, |i| i as f32));
        assert_eq!(out, Array2::from_shape_fn((n, 2), |(i, _)| i as f32 + 0.5));
    }
}

#[test]
fn hard_inputs_of_other_lengths() {
    let (x, y) = (numbers::<f64>(3, 2, 0), numbers::<f64>(4, 2, 1));
    let got = fill_at(Level::Plain, 3, [x.view(), y.view()], [4], &TwoParts).unwrap_err();
    let expected = Error::Count { name: "inputs", axis: "rows", got: 4, expected: "3".to_owned() };
    assert_eq!(got, expected);
}

#[test]
fn hard_more_numbers_than_a_machine_has() {
    let refused = |n: usize, widths: [usize; 2]| {
        let expected = format!("few enough for widths {widths:?} to fit the memory of a machine");
        let error = Error::Count { name: "n", axis: "rows", got: n, expected };
        assert_eq!(fill_at(Level::Plain, n, [], widths, &Number).unwrap_err(), error);
    };
    refused(3, [usize::MAX, 1]);
    refused(2, [usize::MAX / 4, 0]);
    refused(usize::MAX, [0, 0]);
    refused(usize::MAX / 8, [1, 0]);
}
