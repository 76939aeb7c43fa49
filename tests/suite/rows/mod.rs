//! Rows as a user defines them, and the four ways to read them.

mod coordinates;
mod fold;
mod grad;
mod outer;
mod reduce;
mod sum;
mod value_grad;

use std::ops::Range;

use estimand::kernel::Level;
use estimand::ndarray::{Array1, Array2, array, s};
use estimand::{Error, Parts, Real, Rows, Shape};
use proptest::prelude::*;

use crate::support::strategy::config;
use crate::support::threads::with_threads;

/// Two parts of any width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoParts {
    pub left: usize,
    pub right: usize,
}

impl Parts for TwoParts {
    const NAMES: &'static [&'static str] = &["left", "right"];

    fn part_width(&self, k: usize) -> usize {
        [self.left, self.right][k]
    }
}

/// Rows that exist already: the least that a user must write.
pub struct Table<F> {
    pub rows: Array2<F>,
    pub shape: Shape,
}

impl<F: Real> Table<F> {
    pub fn new(rows: Array2<F>, repeat: usize) -> Self {
        let shape = Shape { rows: rows.nrows() / repeat.max(1), repeat, dim: rows.ncols() };
        Self { rows, shape }
    }
}

impl<F: Real> Rows<F> for Table<F> {
    type Parts = TwoParts;
    const NAME: &'static str = "table";

    fn parts(&self) -> TwoParts {
        let left = self.rows.ncols() / 2;
        TwoParts { left, right: self.rows.ncols() - left }
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn write_rows(&self, _: Level, range: Range<usize>, out: &mut [F]) {
        for (i, out) in range.zip(out.chunks_exact_mut(self.rows.ncols().max(1))) {
            out.copy_from_slice(&self.rows.row(i).to_vec());
        }
    }
}

/// Whole numbers, whose sums are exact in any order.
pub fn whole<F: Real>(i: usize, j: usize) -> F {
    F::of(((7 * i + 3 * j) % 19) as f64 - 9.0)
}

/// Every reading of the rows is what plain loops say.
fn reads_as_loops<F: Real>(rows: usize, repeat: usize, width: usize) {
    let held = Array2::from_shape_fn((rows * repeat, width), |(i, j)| whole::<F>(i, j));
    let weights = Array1::from_shape_fn(rows * repeat, |i| F::of((i % 5) as f64 - 2.0));
    let (mut total, mut weighted) = (Array2::zeros((rows, width)), Array2::zeros((rows, width)));
    for i in 0..rows * repeat {
        for j in 0..width {
            total[[i / repeat, j]] += held[[i, j]];
            weighted[[i / repeat, j]] += weights[i] * held[[i, j]];
        }
    }
    let table = Table { rows: held.clone(), shape: Shape { rows, repeat, dim: 1 } };
    assert_eq!(table.total().unwrap().flat(), total);
    assert_eq!(table.weighted(&weights).unwrap().flat(), weighted);
    assert_eq!(table.weighted(&Array1::ones(rows * repeat)), table.total());
    let collected = table.collect();
    assert_eq!(collected.flat(), held);
    assert_eq!(
        (collected.part(0), collected.part(1)),
        (held.slice(s![.., ..width / 2]), held.slice(s![.., width / 2..]))
    );
    let mut seen = Vec::new();
    table.visit(|i, row| {
        assert_eq!(row, held.row(i).to_vec());
        seen.push(i);
    });
    assert_eq!(seen, (0..rows * repeat).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_every_reading_is_a_plain_loop(rows in 0_usize..6, repeat in 1_usize..700, width in 0_usize..6) {
        reads_as_loops::<f64>(rows, repeat, width);
        reads_as_loops::<f32>(rows, repeat, width);
        reads_as_loops::<f64>(repeat, rows.max(1), width);
    }
}

#[test]
fn hard_no_rows_and_no_columns() {
    let none = Table::<f32>::new(Array2::zeros((0, 3)), 1);
    assert_eq!(none.total().unwrap().flat().dim(), (0, 3));
    assert_eq!(none.weighted(&Array1::zeros(0)).unwrap().flat().dim(), (0, 3));
    assert_eq!(none.collect().flat().dim(), (0, 3));
    let flat = Table::<f32>::new(Array2::zeros((4, 0)), 2);
    assert_eq!(flat.total().unwrap().flat().dim(), (2, 0));
    assert_eq!(flat.collect().flat().dim(), (4, 0));
    // More rows than a task has, without a column.
    for repeat in [1, 10, 5000] {
        let many = Table::<f64>::new(Array2::zeros((10_000, 0)), repeat);
        let total = with_threads(3, || many.total().unwrap());
        assert_eq!(total.flat().dim(), (10_000 / repeat, 0));
    }
    // Two parameter rows without a sample: sums of nothing.
    let unsampled = Table::<f32> { rows: Array2::zeros((0, 1)), shape: Shape { rows: 2, repeat: 0, dim: 1 } };
    assert_eq!(unsampled.total().unwrap().flat(), array![[0.0], [0.0]]);
    assert_eq!(unsampled.weighted(&Array1::zeros(0)).unwrap().flat(), array![[0.0], [0.0]]);
}

fn silences<F: Real>() {
    let (zero, one, inf, nan) = (F::zero(), F::one(), F::infinity(), F::nan());
    let table = Table::new(array![[one, one], [inf, -inf], [one, one]], 3);
    assert_eq!(table.weighted(&array![one, zero, one]).unwrap().flat(), array![[F::of(2.0), F::of(2.0)]]);
    assert_eq!(table.weighted(&array![one, -zero, one]).unwrap().flat(), array![[F::of(2.0), F::of(2.0)]]);
    assert_eq!(table.weighted(&array![one, -one, one]).unwrap().flat(), array![[-inf, inf]]);
    assert_eq!(table.total().unwrap().flat(), array![[inf, -inf]]);
    let poisoned = Table::new(array![[one, one], [one, nan], [one, one]], 3);
    let refused = Error::NaN { name: "table", row: 1 };
    assert_eq!(poisoned.weighted(&array![one, zero, one]), Err(refused.clone()));
    assert_eq!(poisoned.weighted(&array![zero, zero, zero]), Err(refused.clone()));
    assert_eq!(poisoned.total(), Err(refused));
}

#[test]
fn hard_a_weight_of_zero_silences_an_infinity_but_not_a_nan() {
    silences::<f32>();
    silences::<f64>();
}

#[test]
fn hard_the_first_row_that_is_nan_is_named_and_collect_keeps_it() {
    for bad in [0, 1, 127, 128, 129, 300, 399] {
        let mut rows = Array2::<f64>::ones((400, 3));
        rows.slice_mut(s![bad.., 2]).fill(f64::NAN);
        for repeat in [1, 4, 400] {
            let table = Table::new(rows.clone(), repeat);
            let refused = Error::NaN { name: "table", row: bad };
            assert_eq!(table.total(), Err(refused.clone()));
            assert_eq!(table.weighted(&Array1::zeros(400)), Err(refused));
            let kept = table.collect();
            assert!(kept.flat()[[bad, 2]].is_nan() && kept.flat()[[bad, 1]] == 1.0);
            assert_eq!(kept.flat().iter().filter(|g| g.is_nan()).count(), 400 - bad);
        }
    }
}

#[test]
fn hard_weights_of_a_wrong_length_or_nan() {
    let table = Table::new(Array2::<f32>::ones((6, 2)), 3);
    for n in [0, 1, 2, 5, 7] {
        let refused = Error::Shape { name: "weights", got: vec![n], expected: vec![6] };
        assert_eq!(table.weighted(&Array1::zeros(n)), Err(refused));
    }
    let mut weights = Array1::zeros(6);
    weights[5] = f32::NAN;
    assert_eq!(table.weighted(&weights), Err(Error::NaN { name: "weights", row: 5 }));
    weights[2] = f32::NAN;
    assert_eq!(table.weighted(&weights), Err(Error::NaN { name: "weights", row: 2 }));
    // Weights in any stride.
    let (long, short) = (array![1.0, 9.0, 2.0, 9.0, 3.0, 9.0, 4.0, 9.0, 5.0, 9.0, 6.0, 9.0], array![6.0, 15.0]);
    let every_other = table.weighted(&long.slice(s![..;2])).unwrap();
    assert_eq!(every_other.flat().column(0), short);
}
