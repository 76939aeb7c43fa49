//! Sums over the rows of each parameter row, which threads may share.

use std::ops::Range;

use ndarray::Array2;

use super::Rows;
use super::sum::{BLOCK, PairwiseRows, Sink, weigh};
use crate::kernel::{Level, map, several};
use crate::shape::any;
use crate::{Error, Parts, Real, Result};

/// A full task of one parameter row is 2^`TASK_LEVEL` blocks: one partial sum of a pairwise sum.
const TASK_LEVEL: u32 = 5;
/// Rows of a task, at the most.
const TASK: usize = BLOCK << TASK_LEVEL;

/// What is summed of each row: itself with a weight, its powers, its products with a cost.
pub(crate) trait Terms<F: Real>: Sync {
    /// How many numbers, of rows of a width.
    fn count(&self, width: usize) -> usize;

    /// Adds those of row `i` to the sums.
    fn add(&self, i: usize, row: &[F], sums: &mut [F]);

    /// Those of row `i`, the only one of its parameter row.
    #[inline(always)]
    fn put(&self, i: usize, row: &[F], sum: &mut PairwiseRows<F>, out: &mut impl Sink<F>) {
        self.add(i, row, sum.open());
        sum.drain_onto(out);
    }
}

/// The rows themselves, each with a weight.
pub(super) struct Weights<W>(pub(super) W);

impl<F: Real, W: Fn(usize) -> F + Sync> Terms<F> for Weights<W> {
    fn count(&self, width: usize) -> usize {
        width
    }

    #[inline(always)]
    fn add(&self, i: usize, row: &[F], sums: &mut [F]) {
        let weight = (self.0)(i);
        if weight == F::one() {
            sums.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g);
        } else {
            sums.iter_mut().zip(row).for_each(|(sum, &g)| *sum += weigh(weight, g));
        }
    }

    #[inline(always)]
    fn put(&self, i: usize, row: &[F], _: &mut PairwiseRows<F>, out: &mut impl Sink<F>) {
        let weight = (self.0)(i);
        out.put(row.iter().map(|&g| weigh(weight, g)));
    }
}

/// The sums of the terms of the rows of each parameter row, `(rows, count)`: the order of additions,
/// and so the last bit, is that of one pass over all rows.
///
/// Errors: `NaN` with the first row that holds one.
pub(crate) fn reduce<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(rows: &R, terms: &T) -> Result<Array2<F>> {
    let shape = rows.shape();
    let (count, samples) = (terms.count(rows.parts().width()), shape.samples());
    let mut flat = if several() && samples > TASK {
        by_tasks(rows, terms, count)
    } else {
        // One thread appends, and does not pay for zeros that are written over.
        let mut flat = Vec::with_capacity(shape.rows * count);
        sums(rows, terms, count, 0..samples, &mut flat);
        flat
    };
    // Parameter rows without a sample have the sum of nothing.
    flat.resize(shape.rows * count, F::zero());
    let flat = Array2::from_shape_vec((shape.rows, count), flat).unwrap_or_default();
    if any(&flat, F::is_nan) {
        nan_row(rows)?;
    }
    Ok(flat)
}

/// The sums of the parameter rows that a range of rows belongs to, or of its part of one.
fn sums<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(
    rows: &R,
    terms: &T,
    count: usize,
    range: Range<usize>,
    out: &mut impl Sink<F>,
) {
    let repeat = rows.shape().repeat.max(1);
    let mut sum = PairwiseRows::new(count);
    rows.visit_rows(Level::best(), range.clone(), |i, row| {
        if repeat == 1 {
            terms.put(i, row, &mut sum, out);
            return;
        }
        terms.add(i, row, sum.open());
        sum.close();
        if (i + 1) % repeat == 0 || i + 1 == range.end {
            sum.drain_onto(out);
        }
    });
}

/// All sums, flat: the rows of a task are those of whole parameter rows, each task with its place
/// in the result; or [`TASK`] of one, whose sums are joined as one pass joins them.
fn by_tasks<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(rows: &R, terms: &T, count: usize) -> Vec<F> {
    let shape = rows.shape();
    let (repeat, samples) = (shape.repeat, shape.samples());
    let run = |(range, mut place): (Range<usize>, &mut [F])| sums(rows, terms, count, range, &mut place);
    if repeat <= TASK {
        let mut flat = vec![F::zero(); shape.rows * count];
        let each = TASK / repeat;
        let places = flat.chunks_mut((each * count).max(1)).enumerate();
        let range = |k: usize| k * each * repeat..samples.min((k + 1) * each * repeat);
        map(places.map(|(k, place)| (range(k), place)).collect(), run);
        return flat;
    }
    let tasks = repeat.div_ceil(TASK);
    let mut partial = vec![F::zero(); shape.rows * tasks * count];
    let places = partial.chunks_mut(count.max(1)).enumerate();
    let range = |k: usize| {
        let (start, end) = (k / tasks * repeat + k % tasks * TASK, (k / tasks + 1) * repeat);
        start..end.min(start + TASK)
    };
    map(places.map(|(k, place)| (range(k), place)).collect(), run);
    let mut flat = Vec::with_capacity(shape.rows * count);
    let mut sum = PairwiseRows::new(count);
    for of_one_row in partial.chunks((tasks * count).max(1)) {
        for (k, part) in of_one_row.chunks(count).enumerate() {
            if (k + 1) * TASK <= repeat {
                sum.join(TASK_LEVEL, part.to_vec());
            } else {
                sum.add(part);
            }
        }
        sum.drain_onto(&mut flat);
    }
    flat
}

/// The error of a sum that came out NaN, if a row of it is NaN (infinities of both signs are not).
fn nan_row<F: Real, R: Rows<F> + ?Sized>(rows: &R) -> Result<()> {
    let mut found = None;
    rows.visit(|i, row| {
        if found.is_none() && row.iter().any(|x| x.is_nan()) {
            found = Some(i);
        }
    });
    found.map_or(Ok(()), |row| Err(Error::NaN { name: R::NAME, row }))
}
