//! Weighted sums of outer products a b' of pairs of rows, by matrix products.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::sum::{pairwise, sum_long, weigh};
use crate::Real;
use crate::kernel::map;

/// Rows whose outer products are summed by one matrix product; sums of blocks are joined in pairs.
const BLOCK: usize = 128;

/// Blocks that a thread sums by itself.
const TASK: usize = 16;

/// Sums over some rows, with a weight a row.
#[derive(Debug, Clone)]
pub(crate) struct OuterSums<F> {
    /// w.
    pub(crate) weight: F,
    /// w a: `(width,)`.
    pub(crate) left: Array1<F>,
    /// w a b': `(width, width)`.
    pub(crate) outer: Array2<F>,
}

/// Rows of two kinds as columns, `(width, n)` each: row `i` is column `i`.
pub(crate) type Pair<F> = [Array2<F>; 2];

/// The sums over a range of rows. `make` makes the rows a and b of a part of the range, as columns. A weight of 0 leaves a
/// row out, if it is not NaN.
pub(crate) fn outer_sums<F: Real>(
    range: Range<usize>,
    weights: Option<&[F]>,
    make: &(impl Fn(Range<usize>) -> Pair<F> + Sync),
) -> OuterSums<F> {
    if range.len() <= BLOCK {
        return block(range, weights, make);
    }
    let half = range.start + range.len().div_ceil(2 * BLOCK) * BLOCK;
    let halves = vec![range.start..half, half..range.end];
    let sums_of = |part: Range<usize>| outer_sums(part, weights, make);
    let parts =
        if range.len() > TASK * BLOCK { map(halves, sums_of) } else { halves.into_iter().map(sums_of).collect() };
    parts.into_iter().reduce(joined).unwrap_or_else(|| block(0..0, weights, make))
}

fn joined<F: Real>(mut earlier: OuterSums<F>, later: OuterSums<F>) -> OuterSums<F> {
    earlier.weight += later.weight;
    earlier.left += &later.left;
    earlier.outer += &later.outer;
    earlier
}

fn block<F: Real>(range: Range<usize>, weights: Option<&[F]>, make: &impl Fn(Range<usize>) -> Pair<F>) -> OuterSums<F> {
    let n = range.len();
    let [mut left, mut right] = make(range.clone());
    let weights = weights.and_then(|weights| weights.get(range));
    if let Some(weights) = weights {
        weigh_columns(&mut left, weights);
        if weights.contains(&F::zero()) {
            // What is infinite there would be 0 times infinity in the product.
            let kept: Vec<F> = weights.iter().map(|&w| if w == F::zero() { w } else { F::one() }).collect();
            weigh_columns(&mut right, &kept);
        }
    }
    let weight = pairwise(n, |i| weights.and_then(|weights| weights.get(i)).copied().unwrap_or_else(F::one));
    let sum = |row: ndarray::ArrayView1<'_, F>| row.to_slice().map_or_else(F::nan, |row| sum_long(row, |x| x));
    OuterSums { weight, left: left.rows().into_iter().map(sum).collect(), outer: left.dot(&right.t()) }
}

fn weigh_columns<F: Real>(columns: &mut Array2<F>, weights: &[F]) {
    for mut row in columns.rows_mut() {
        row.iter_mut().zip(weights).for_each(|(x, &w)| *x = weigh(w, *x));
    }
}

/// A range of rows as columns, less `centre`.
pub(crate) fn as_columns<F: Real>(rows: ArrayView2<'_, F>, range: Range<usize>, centre: Option<&[F]>) -> Array2<F> {
    let (n, width) = (range.len(), rows.ncols());
    let mut columns = Array2::zeros((width, n));
    let flat = columns.as_slice_mut().unwrap_or_default();
    for (i, row) in rows.slice_axis(Axis(0), range.into()).rows().into_iter().enumerate() {
        for (j, &x) in row.iter().enumerate() {
            if let Some(to) = flat.get_mut(j * n + i) {
                *to = x - centre.and_then(|centre| centre.get(j)).copied().unwrap_or_else(F::zero);
            }
        }
    }
    columns
}
