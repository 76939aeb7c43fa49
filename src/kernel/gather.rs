use std::ops::Range;

use ndarray::{ArrayView2, Axis};

use crate::Real;

/// Rows that are gathered at a time where the column is the smaller step.
const TOGETHER: usize = 16;

/// The rows of an array as slices, whatever its layout.
///
/// A row whose coordinates are contiguous is borrowed, also one that is seen many times. Rows of
/// an array in column order are copied 16 at a time, column by column, so that each cache line
/// that is met is used for all of them; rows of any other array, one at a time.
pub(super) struct Gather<'a, F> {
    array: ArrayView2<'a, F>,
    /// All rows, where they lie one behind the other.
    flat: Option<&'a [F]>,
    copies: Vec<F>,
    copied: Range<usize>,
}

impl<'a, F: Real> Gather<'a, F> {
    pub(super) fn new(array: ArrayView2<'a, F>) -> Self {
        Self { array, flat: array.to_slice(), copies: Vec::new(), copied: 0..0 }
    }

    /// Makes row `i` a slice; rows are asked for in order.
    #[inline(always)]
    pub(super) fn prepare(&mut self, i: usize) {
        if !self.borrows() && !self.copied.contains(&i) {
            self.copy(i);
        }
    }

    /// Row `i`, which has been prepared.
    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &[F] {
        let width = self.array.ncols();
        if let Some(flat) = self.flat {
            return flat.get(i * width..(i + 1) * width).unwrap_or_default();
        }
        if self.borrows() {
            return self.array.row(i).to_slice().unwrap_or_default();
        }
        let from = (i - self.copied.start) * width;
        self.copies.get(from..from + width).unwrap_or_default()
    }

    #[inline(always)]
    fn borrows(&self) -> bool {
        self.array.ncols() <= 1 || self.array.strides()[1] == 1
    }

    fn copy(&mut self, i: usize) {
        let strides = self.array.strides();
        let by_column = strides[0].unsigned_abs() < strides[1].unsigned_abs();
        let rows = if by_column { TOGETHER.min(self.array.nrows() - i) } else { 1 };
        self.copied = i..i + rows;
        let width = self.array.ncols();
        let rest = self.array.split_at(Axis(0), i).1;
        let block = rest.split_at(Axis(0), rows).0;
        self.copies.clear();
        if rows == 1 {
            self.copies.extend(block.iter());
            return;
        }
        self.copies.resize(rows * width, F::zero());
        for (j, column) in block.columns().into_iter().enumerate() {
            let place = self.copies.iter_mut().skip(j).step_by(width);
            match column.to_slice() {
                Some(column) => place.zip(column).for_each(|(to, &from)| *to = from),
                None => place.zip(column).for_each(|(to, &from)| *to = from),
            }
        }
    }
}
