//! Weighted sums of outer products a b' of pairs of rows, by matrix products.

use std::ops::Range;

use ndarray::{Array1, Array2};

use super::sum::{pairwise, weigh};
use crate::Real;
use crate::kernel::{Level, map};

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

/// The sums over a range of rows. `make` writes the rows a and b of a part of the range, `width` numbers each, one behind
/// the other. A weight of 0 leaves a row out, if it is not NaN.
pub(crate) fn outer_sums<F: Real>(
    range: Range<usize>,
    width: usize,
    weights: Option<&[F]>,
    make: &(impl Fn(Level, Range<usize>, &mut [F], &mut [F]) + Sync),
) -> OuterSums<F> {
    if range.len() > BLOCK {
        let half = range.start + (range.len().div_ceil(2 * BLOCK)) * BLOCK;
        let halves = vec![range.start..half, half..range.end];
        let sums_of = |part| outer_sums(part, width, weights, make);
        let halves =
            if range.len() > TASK * BLOCK { map(halves, sums_of) } else { halves.into_iter().map(sums_of).collect() };
        return halves.into_iter().reduce(joined).unwrap_or_else(|| block(0..0, width, weights, make));
    }
    block(range, width, weights, make)
}

fn joined<F: Real>(mut earlier: OuterSums<F>, later: OuterSums<F>) -> OuterSums<F> {
    earlier.weight += later.weight;
    earlier.left += &later.left;
    earlier.outer += &later.outer;
    earlier
}

fn block<F: Real>(
    range: Range<usize>,
    width: usize,
    weights: Option<&[F]>,
    make: &impl Fn(Level, Range<usize>, &mut [F], &mut [F]),
) -> OuterSums<F> {
    let n = range.len();
    let mut left = Array2::zeros((n, width));
    let mut right = Array2::zeros((n, width));
    {
        let (left, right) = (left.as_slice_mut().unwrap_or_default(), right.as_slice_mut().unwrap_or_default());
        make(Level::best(), range.clone(), left, right);
        if let Some(weights) = weights.and_then(|weights| weights.get(range.clone())).filter(|_| width > 0) {
            for ((left, right), &w) in left.chunks_exact_mut(width).zip(right.chunks_exact_mut(width)).zip(weights) {
                left.iter_mut().for_each(|a| *a = weigh(w, *a));
                if w == F::zero() {
                    right.iter_mut().for_each(|b| *b = weigh(w, *b));
                }
            }
        }
    }
    let weight = |i: usize| weights.and_then(|weights| weights.get(range.start + i)).copied();
    let weight = pairwise(n, |i| weight(i).unwrap_or_else(F::one));
    OuterSums { weight, left: left.sum_axis(ndarray::Axis(0)), outer: left.t().dot(&right) }
}
