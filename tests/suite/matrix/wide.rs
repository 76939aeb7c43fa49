//! T T' = A A', without A A'.

use estimand::Error;
use estimand::matrix::{Lu, lower_factor};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;

use crate::support::matrices::{largest, orthogonal, product};
use crate::support::strategy::{array as reals, config};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_factor_makes_the_product(a in (1_usize..7).prop_flat_map(|d| (1..=d).prop_flat_map(move |k| reals((k, d), -1.0, 1.0)))) {
        let t = lower_factor(&a).unwrap();
        let off = product(&t, &t.t()) - product(&a, &a.t());
        // A reflection is good to some epsilon a number of its row, and there are k of them.
        prop_assert!(largest(&off) <= 8.0 * (a.nrows() * a.ncols()) as f64 * f64::EPSILON * largest(&product(&a, &a.t())));
        prop_assert!(t.indexed_iter().all(|((i, j), &x)| i > j || (i == j && x > 0.0) || x == 0.0));
    }

    /// A row that is nearly a combination of the others: what it has of its own is known to an epsilon of its size, where
    /// the product A A' would have lost it at the root of that.
    #[test]
    fn law_what_is_left_of_a_row_keeps_its_digits(seed in reals((3, 3), -1.0, 1.0), small in 1e-10_f64..1e-3) {
        let q = orthogonal(&seed);
        let (first, second) = (q.row(0).to_owned(), q.row(1).to_owned());
        let near = &first + &(&second * small);
        let a = Array2::from_shape_fn((2, 3), |(i, j)| if i == 0 { first[j] } else { near[j] });
        let t = lower_factor(&a).unwrap();
        prop_assert!((t[[1, 1]] - small).abs() <= 32.0 * f64::EPSILON, "{} {small}", t[[1, 1]]);
    }
}

#[test]
fn law_a_lower_triangle_is_its_own_factor() {
    let lower = array![[2.0, 0.0, 0.0], [-1.0, 3.0, 0.0], [4.0, 5.0, 6.0]];
    assert_eq!(lower_factor(&lower).unwrap(), lower);
    let mut mirrored = lower.clone();
    mirrored.column_mut(1).mapv_inplace(|x| -x);
    assert_eq!(lower_factor(&mirrored).unwrap(), lower, "the sign of a column is no matter");
    let wide = Array2::from_shape_fn((40, 70), |(i, j)| {
        ((i * 31 + j * 17 + i * j) % 23) as f64 - 11.0 + if i == j { 60.0 } else { 0.0 }
    });
    let t = lower_factor(&wide).unwrap();
    let log_det: f64 = t.diag().iter().map(|t| 2.0 * t.ln()).sum();
    assert!((log_det - Lu::of(&wide.dot(&wide.t())).unwrap().log_det().log_abs).abs() < 1e-9);
}

#[test]
fn hard_rows_that_have_no_factor() {
    let expected = "at most as many as the 2 columns".to_owned();
    let tall = lower_factor(&Array2::<f64>::ones((3, 2))).unwrap_err();
    assert_eq!(tall, Error::Count { name: "a", axis: "rows", got: 3, expected });
    assert_eq!(lower_factor(&array![[1.0, f64::NAN]]).unwrap_err(), Error::NaN { name: "a", row: 0 });
    let entry = Error::Entry { name: "a", index: vec![0, 1], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(lower_factor(&array![[1.0, f64::INFINITY]]).unwrap_err(), entry);
    let Err(Error::Pivot { name: "a", pivot: 1, value, .. }) = lower_factor(&array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
    else {
        panic!("twice the first row")
    };
    assert!(value.abs() < 1e-14);
    assert!(matches!(lower_factor(&array![[0.0, 0.0]]), Err(Error::Pivot { pivot: 0, .. })));
    assert_eq!(lower_factor(&Array2::<f64>::zeros((0, 3))).unwrap().dim(), (0, 0));
    let apart = lower_factor(&array![[1.0, 1.0], [1e308, -1e308]]).unwrap();
    assert!((apart[[1, 1]] / 2.0_f64.sqrt() / 1e308 - 1.0).abs() < 1e-15 && apart[[1, 0]].abs() < 1e293, "{apart}");
    let huge = lower_factor(&array![[3e200, 4e200]]).unwrap();
    assert!((huge[[0, 0]] / 5e200 - 1.0_f64).abs() < 1e-15, "no square overflows");
}
