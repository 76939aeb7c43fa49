use estimand::distribution::Parameters;
use estimand::ndarray::{Array2, array};

use crate::support::layouts::every_layout;

#[test]
fn law_rows_are_the_same_in_every_layout() {
    let numbers = Array2::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
    every_layout(&numbers, |layout, view| {
        let rows = Parameters::new(view);
        for t in 0..4 {
            assert_eq!(rows.row(t), numbers.row(t).to_vec(), "row {t} of {layout}");
        }
        assert_eq!(rows.view(), numbers, "{layout}");
    });
}

#[test]
fn hard_what_is_contiguous_by_row_is_borrowed() {
    let numbers = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f64);
    let inner = numbers.slice(estimand::ndarray::s![.., 2..4]);
    assert_eq!(Parameters::new(inner).view().as_ptr(), inner.as_ptr(), "part of a wider array");
    let backwards = numbers.slice(estimand::ndarray::s![..;-1, ..]);
    let rows = Parameters::new(backwards);
    assert_eq!((rows.row(0)[0], rows.view().as_ptr()), (30.0, backwards.as_ptr()), "rows in any order");
    let one = array![[1.0, 2.0]];
    let many = one.broadcast((1000, 2)).unwrap();
    let rows = Parameters::new(many);
    assert_eq!((rows.row(999), rows.view().as_ptr()), (&[1.0, 2.0][..], one.as_ptr()), "one row seen many times");
    let column = numbers.slice(estimand::ndarray::s![.., 1..2]);
    assert_eq!(Parameters::new(column).view().as_ptr(), column.as_ptr(), "a single column");
    assert_ne!(Parameters::new(numbers.t()).view().as_ptr(), numbers.as_ptr(), "columns are copied");
}

#[test]
fn hard_empty_rows() {
    for size in [(0, 3), (3, 0), (0, 0)] {
        let none = Array2::<f32>::zeros(size);
        let rows = Parameters::new(none.t());
        assert_eq!(rows.view().dim(), (size.1, size.0));
        for t in 0..size.1 {
            assert!(rows.row(t).is_empty());
        }
    }
}
