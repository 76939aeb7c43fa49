use estimand::Real;
use estimand::moments::ColumnMoments;
use estimand::ndarray::Array2;

use super::columns::assert_columns;

/// Columns that differ in their last place only: the first mean of a block is moved, in each column by its
/// own need.
fn last_places<F: Real>(rows: usize, width: usize) {
    let x = Array2::from_shape_fn((rows, width), |(i, j)| {
        let base = 1.0 + 0.9 * j as f64 / width as f64;
        let place = if (i + j) % (2 + j) == 0 { F::epsilon().as_f64() } else { 0.0 };
        F::of(F::of(base).as_f64() + place)
    });
    let ones = vec![F::one(); rows];
    assert_columns("last places", &ColumnMoments::of(&x), &x, &ones);
    let same = ColumnMoments::of(&Array2::from_elem((rows, width), F::of(1.9)));
    assert_eq!(same.variance().unwrap().sum(), F::zero());
}

#[test]
fn hard_last_places_of_columns() {
    for (rows, width) in [(2000, 1), (777, 3), (500, 16), (333, 40)] {
        last_places::<f32>(rows, width);
        last_places::<f64>(rows, width);
    }
}
