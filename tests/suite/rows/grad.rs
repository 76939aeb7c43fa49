//! Gradient rows that are held.

use estimand::ndarray::{Array1, Array2, array, s};
use estimand::rows::GradRows;
use estimand::{Error, Grad, Parts, Real};
use proptest::prelude::*;

use super::{TwoParts, whole};
use crate::support::layouts::every_layout;
use crate::support::strategy::config;

const PARTS: TwoParts = TwoParts { left: 1, right: 2 };

fn held<F: Real>(n: usize) -> Grad<F, TwoParts> {
    Grad::new(Array2::from_shape_fn((n, 3), |(i, j)| whole(i, j)), PARTS).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_parts_divide_a_row(n in 0_usize..5, left in 0_usize..5, right in 0_usize..5) {
        let flat = Array2::from_shape_fn((n, left + right), |(i, j)| (10 * i + j) as f64);
        let parts = TwoParts { left, right };
        prop_assert_eq!(parts.width(), left + right);
        let grad = Grad::new(flat.clone(), parts).unwrap();
        prop_assert_eq!(grad.part(0), flat.slice(s![.., ..left]));
        prop_assert_eq!(grad.part(1), flat.slice(s![.., left..]));
        // No such part: no columns, and no panic.
        for k in [2, 3, usize::MAX] {
            prop_assert_eq!(grad.part(k).dim(), (n, 0));
        }
        prop_assert_eq!(grad.flat(), flat.view());
        prop_assert_eq!(grad.parts(), &parts);
        prop_assert_eq!(grad.into_flat(), flat);
    }

    #[test]
    fn law_groups_and_weights_are_plain_loops(n in 0_usize..6, k in 1_usize..300) {
        let grad = held::<f32>(n * k);
        let (mut groups, mut rows) = (Array2::zeros((n, 3)), grad.flat().to_owned());
        let weights = Array1::from_shape_fn(n * k, |i| (i % 4) as f32 - 1.0);
        for i in 0..n * k {
            for j in 0..3 {
                groups[[i / k, j]] += rows[[i, j]];
                rows[[i, j]] *= weights[i];
            }
        }
        prop_assert_eq!(grad.sum_groups(k), Grad::new(groups, PARTS));
        prop_assert_eq!(grad.weighted_rows(&weights), Grad::new(rows, PARTS));
    }

    #[test]
    fn law_a_sum_is_entry_by_entry(n in 0_usize..6) {
        let twice = (held::<f64>(n) + held(n)).unwrap();
        prop_assert_eq!(twice.flat(), held::<f64>(n).flat().mapv(|g| 2.0 * g));
        prop_assert_eq!(held::<f64>(n) + Ok(held(n)), Ok(twice));
    }
}

#[test]
fn hard_rows_that_are_not_as_wide_as_their_parts() {
    for (n, width) in [(2, 2), (2, 4), (0, 0), (3, 0)] {
        let refused = Error::Shape { name: "flat", got: vec![n, width], expected: vec![n, 3] };
        assert_eq!(Grad::new(Array2::<f32>::zeros((n, width)), PARTS), Err(refused));
    }
}

#[test]
fn hard_groups_that_do_not_divide() {
    assert_eq!(held::<f64>(4).sum_groups(0), Err(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" }));
    let refused = |k| Error::Count { name: "grad", axis: "rows", got: 4, expected: format!("a multiple of {k}") };
    for k in [3, 5, 8] {
        assert_eq!(held::<f64>(4).sum_groups(k), Err(refused(k)));
    }
    assert_eq!(held::<f64>(0).sum_groups(7), Ok(held(0)));
}

#[test]
fn hard_weights_that_do_not_fit() {
    for n in [0, 1, 4] {
        let refused = Error::Shape { name: "weights", got: vec![n], expected: vec![3] };
        assert_eq!(held::<f32>(3).weighted_rows(&Array1::zeros(n)), Err(refused));
    }
    let weights = array![1.0, f32::NAN, f32::NAN];
    assert_eq!(held::<f32>(3).weighted_rows(&weights), Err(Error::NaN { name: "weights", row: 1 }));
}

fn silences<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let parts = TwoParts { left: 1, right: 1 };
    let grad = Grad::new(array![[inf, -inf], [F::nan(), inf], [inf, one]], parts).unwrap();
    let kept = grad.weighted_rows(&array![zero, zero, -one]).unwrap();
    assert_eq!(kept.flat().row(0), array![zero, zero]);
    assert!(kept.flat()[[1, 0]].is_nan() && kept.flat()[[1, 1]] == zero);
    assert_eq!(kept.flat().row(2), array![-inf, -one]);
}

#[test]
fn hard_a_weight_of_zero_silences_an_infinity_but_not_a_nan() {
    silences::<f32>();
    silences::<f64>();
}

#[test]
fn hard_gradients_of_other_parameters_do_not_add() {
    let refused = |n: usize, m: usize| Error::Shape { name: "grad", got: vec![m, 3], expected: vec![n, 3] };
    for (n, m) in [(2, 1), (1, 2), (2, 0)] {
        assert_eq!(held::<f32>(n) + held(m), Err(refused(n, m)));
        assert_eq!(held::<f32>(n) + Ok(held(m)), Err(refused(n, m)));
    }
    // As wide, and divided elsewhere.
    let other = Grad::new(Array2::<f32>::zeros((2, 3)), TwoParts { left: 2, right: 1 }).unwrap();
    let refused = Error::Shape { name: "parts", got: vec![2, 1], expected: vec![1, 2] };
    assert_eq!(held(2) + other, Err(refused));
}

#[test]
fn hard_a_sum_that_failed_goes_through() {
    let failed = Error::NaN { name: "score", row: 4 };
    let sum = held::<f64>(2) + Err(failed.clone());
    assert_eq!(sum, Err(failed));
}

#[test]
fn hard_every_layout() {
    let rows = Array2::from_shape_fn((6, 3), |(i, j)| whole::<f32>(i, j));
    let plain = Grad::new(rows.clone(), PARTS).unwrap();
    let weights = array![1.0, -1.0, 2.0, 0.0, 3.0, 0.5];
    every_layout(&rows, |layout, rows| {
        // Column-major stays column-major when it is owned.
        let grad = Grad::new(rows.to_owned(), PARTS).unwrap();
        assert_eq!(grad, plain, "{layout}");
        assert_eq!(grad.part(1), plain.part(1), "{layout}");
        assert_eq!(grad.sum_groups(3), plain.sum_groups(3), "{layout}");
        assert_eq!(grad.clone().weighted_rows(&weights), plain.clone().weighted_rows(&weights), "{layout}");
        assert_eq!(grad + plain.clone(), plain.clone() + plain.clone(), "{layout}");
    });
}

/// Everything that holds gradient rows scales by the same rule, and finds its first NaN.
fn scales<F: Real>() {
    let (zero, one, inf, nan) = (F::zero(), F::one(), F::infinity(), F::nan());
    let mut flat = array![[one, inf], [inf, nan], [nan, one]];
    let mut column = array![one, inf, -one, nan];
    let mut grad = Grad::new(flat.clone(), TwoParts { left: 1, right: 1 }).unwrap();
    let mut pair = (column.clone(), flat.clone());
    let mut clean = (array![one], (array![[one]], array![one]));
    assert_eq!((column.nan_row(), flat.nan_row(), grad.nan_row()), (Some(3), Some(1), Some(1)));
    assert_eq!(clean.nan_row(), None);
    assert_eq!((array![one], array![[one], [nan]]).nan_row(), Some(1));
    assert_eq!((array![[one], [one], [nan]], array![one]).nan_row(), Some(2));

    column.scale(zero);
    assert_eq!(column.slice(s![..3]), array![zero, zero, zero]);
    assert!(column[3].is_nan());
    flat.scale(zero);
    grad.scale(zero);
    pair.scale(zero);
    for scaled in [flat.view(), grad.flat(), pair.1.view()] {
        assert_eq!((scaled[[0, 0]], scaled[[0, 1]], scaled[[1, 0]], scaled[[2, 1]]), (zero, zero, zero, zero));
        assert!(scaled[[1, 1]].is_nan() && scaled[[2, 0]].is_nan());
    }
    assert_eq!(pair.0.slice(s![..3]), array![zero, zero, zero]);
    clean.scale(F::of(-0.5));
    let half = F::of(-0.5);
    assert_eq!(clean, (array![half], (array![[half]], array![half])));
}

#[test]
fn hard_scaling_by_zero_and_the_first_nan() {
    scales::<f32>();
    scales::<f64>();
}
