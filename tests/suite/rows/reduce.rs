//! Sums by parameter row, cut into blocks and tasks.

use estimand::Rows;
use estimand::ndarray::{Array1, Array2, array};

use super::{Table, whole};
use crate::support::threads::with_threads;

#[test]
fn hard_infinities_of_both_signs_are_no_row_of_nan() {
    let table = Table::new(array![[f64::INFINITY], [f64::NEG_INFINITY]], 2);
    assert!(table.total().unwrap().flat()[[0, 0]].is_nan());
    assert_eq!(Table::new(table.rows, 1).total().unwrap().flat(), array![[f64::INFINITY], [f64::NEG_INFINITY]]);
}

/// Tasks of 4096 rows, of one parameter row and of many: the sums of whole numbers are what they are, and any other sums
/// have the same bits for any number of threads.
#[test]
fn stream_tasks_change_no_bit() {
    for (n, repeat) in [(10_000, 10_000), (12_288, 12_288), (12_288, 4096), (10_000, 1), (9000, 9), (16_384, 8192)] {
        let exact = Table::new(Array2::from_shape_fn((n, 3), |(i, j)| whole::<f32>(i, j)), repeat);
        let total = with_threads(1, || exact.total().unwrap());
        let rows = Array2::from_shape_fn((n, 2), |(i, j)| 1.0 / (1.0 + (i + 7 * j) as f32));
        let (table, weights) = (Table::new(rows, repeat), Array1::from_shape_fn(n, |i| (i as f32).sin()));
        let one = with_threads(1, || (table.total().unwrap(), table.weighted(&weights).unwrap()));
        for threads in [2, 7] {
            assert_eq!(with_threads(threads, || exact.total().unwrap()), total, "{n} {repeat}");
            let many = with_threads(threads, || (table.total().unwrap(), table.weighted(&weights).unwrap()));
            assert_eq!(many, one, "{n} {repeat} {threads}");
        }
    }
}
