//! The one row loop: every pass over samples, whatever is made of them, goes through here.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2};

use super::value_grad::ValueGrad;
use crate::Real;
use crate::arithmetic::{Arithmetic, Plain};

/// The mathematics of one row of a pass: from row `i` of each input to a value, and to a row of
/// numbers written to `out`.
pub(crate) trait RowFn<F: Real, const K: usize>: Sync {
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, inputs: [&[F]; K], out: &mut [F]) -> F;
}

/// Where a pass puts what it makes.
trait Sink<F> {
    /// Where row `i` is to be written.
    fn slot(&mut self, i: usize) -> &mut [F];
    /// Row `i` was written, and this is its value.
    fn done(&mut self, i: usize, value: F);
}

/// Runs `f` on a range of rows of the inputs, in any layout.
fn each_row<F: Real, const K: usize>(
    range: Range<usize>,
    inputs: [ArrayView2<'_, F>; K],
    f: &impl RowFn<F, K>,
    sink: &mut impl Sink<F>,
) {
    let mut copies: [Vec<F>; K] = std::array::from_fn(|_| Vec::new());
    for i in range {
        for (copy, input) in copies.iter_mut().zip(&inputs) {
            let row = input.row(i);
            if row.to_slice().is_none() {
                copy.clear();
                copy.extend(row);
            }
        }
        let rows = std::array::from_fn(|k| inputs[k].row(i).to_slice().unwrap_or(&copies[k]));
        let value = f.row(Plain, i, rows, sink.slot(i));
        sink.done(i, value);
    }
}

/// Every value and every row, held: `(n,)` and `(n, width)`.
pub(crate) fn hold<F: Real, const K: usize>(
    n: usize,
    inputs: [ArrayView2<'_, F>; K],
    width: usize,
    f: &impl RowFn<F, K>,
) -> ValueGrad<Array1<F>, Array2<F>> {
    struct Held<'a, F>(&'a mut Array1<F>, &'a mut Array2<F>);
    impl<F: Real> Sink<F> for Held<'_, F> {
        fn slot(&mut self, i: usize) -> &mut [F] {
            // In standard layout by construction: always a slice.
            self.1.row_mut(i).into_slice().unwrap_or_default()
        }
        fn done(&mut self, i: usize, value: F) {
            self.0[i] = value;
        }
    }
    let mut value = Array1::zeros(n);
    let mut grad = Array2::zeros((n, width));
    each_row(0..n, inputs, f, &mut Held(&mut value, &mut grad));
    ValueGrad { value, grad }
}

/// Every value, and no row: `(n,)`.
pub(crate) fn values<F: Real, const K: usize>(
    n: usize,
    inputs: [ArrayView2<'_, F>; K],
    f: &impl RowFn<F, K>,
) -> Array1<F> {
    hold(n, inputs, 0, f).value
}

/// The rows of a range, each read once and dropped.
pub(crate) fn visit<F: Real, const K: usize>(
    range: Range<usize>,
    inputs: [ArrayView2<'_, F>; K],
    width: usize,
    f: &impl RowFn<F, K>,
    each: impl FnMut(usize, &[F]),
) {
    struct Visit<F, E>(Vec<F>, E);
    impl<F: Real, E: FnMut(usize, &[F])> Sink<F> for Visit<F, E> {
        fn slot(&mut self, _: usize) -> &mut [F] {
            &mut self.0
        }
        fn done(&mut self, i: usize, _: F) {
            (self.1)(i, &self.0);
        }
    }
    each_row(range, inputs, f, &mut Visit(vec![F::zero(); width], each));
}
