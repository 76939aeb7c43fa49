use estimand::metric::disentanglement::histogram;
use estimand::ndarray::{Array2, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::refuses_codes;
use crate::support::strategy::config;

/// How many edges are not above x, the last of all not counted: the definition. Numbers and edges are exact in both
/// precisions.
fn by_edges(numbers: &[i32], low: i32, high: i32, bins: i32) -> Array2<usize> {
    let bin = |x: i32| (1..bins).filter(|k| low * bins + k * (high - low) <= x * bins).count();
    Array2::from_shape_fn((numbers.len(), 1), |(i, _)| bin(numbers[i]))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_bin_is_the_number_of_edges_below(
        mut numbers in prop::collection::vec(0..=64_i32, 0..30), low in -100..100_i32, power in 0..7_u32
    ) {
        numbers.extend([0, 64]);
        let numbers: Vec<i32> = numbers.iter().map(|x| x + low).collect();
        let expected = by_edges(&numbers, low, low + 64, 1 << power);
        let table = Array2::from_shape_fn((numbers.len(), 1), |(i, _)| f64::from(numbers[i]));
        prop_assert_eq!(&histogram(&table, 1 << power).unwrap(), &expected);
        prop_assert_eq!(&histogram(&table.mapv(|x| x as f32 / 8.0), 1 << power).unwrap(), &expected);
    }
}

fn corners<F: Real>() {
    let same = Array2::from_elem((5, 1), F::of(0.3));
    assert_eq!(histogram(&same, 20).unwrap(), Array2::<usize>::zeros((5, 1)));
    let most = F::max_value();
    assert_eq!(histogram(&array![[-most], [F::zero()], [most]], 4).unwrap(), array![[0], [2], [3]]);
    let least = F::min_positive_value() * F::epsilon();
    assert_eq!(histogram(&array![[F::zero()], [least]], 20).unwrap(), array![[0], [19]]);
    assert_eq!(histogram(&array![[F::one()]], 20).unwrap(), array![[0]]);
    assert_eq!(histogram(&array![[F::zero()], [F::one()]], usize::MAX).unwrap(), array![[0], [usize::MAX - 1]]);
}

#[test]
fn hard_constants_infinite_widths_and_subnormals() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    refuses_codes("codes", |codes| histogram(codes, 20).err());
    let none = Error::Parameter { name: "bins", value: 0.0, expected: "at least 1" };
    assert_eq!(histogram(&array![[1.0], [2.0]], 0), Err(none));
}
