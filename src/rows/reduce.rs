//! Rows that are not yet made, and the sums over those of each parameter row, which threads may share.
//!
//! Rows are made a block at a time, and the block is added up by itself: the code that makes the rows of a law
//! is compiled once for all that is summed of them, and the code that sums, once for all laws.

use std::ops::Range;

use ndarray::{Array2, ArrayRef1};

use super::grad::Grad;
use super::sum::{BLOCK, PairwiseRows, weigh};
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, map, run, several};
use crate::shape::{any, no_nan, same_shape};
use crate::{Error, Parts, Real, Result, Shape};

/// A full task of one parameter row is 2^`TASK_LEVEL` blocks: one partial sum of a pairwise sum.
const TASK_LEVEL: u32 = 5;
/// Rows of a task, at the most.
const TASK: usize = BLOCK << TASK_LEVEL;

/// Numbers that are made before they are added up: they stay in the nearest cache.
const TOGETHER: usize = 4096;

/// Gradient rows that are not yet made, read in one of four ways.
///
/// [`visit`](Self::visit) (or [`visit_rows`](Self::visit_rows) of a range) makes each row once; [`collect`](Self::collect) keeps them all,
/// `(n, width)`; [`total`](Self::total) and [`weighted`](Self::weighted) sum them to the shape of
/// the parameters, `(rows, width)`: row `i` goes to parameter row `i / repeat`. Nothing divides by
/// `n`. Sums over many rows are pairwise: the rounding error grows with the logarithm of `n`.
///
/// ```
/// use estimand::{DiagGaussian, Distribution, Rows, ndarray::array};
///
/// let (loc, log_scale) = (array![0.0], array![0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 2)?;     // one theta, two samples
/// let x = array![[1.0], [-3.0]];
/// let score = q.score(&x)?;
/// assert_eq!(score.collect().flat(), array![[1.0, 0.0], [-3.0, 8.0]]); // d log q / d (loc, log_scale)
/// assert_eq!(score.weighted(&array![0.5, 0.5])?.flat(), array![[-1.0, 4.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Rows<F: Real>: Sync {
    /// How a row is divided.
    type Parts: Parts;

    /// What the rows are called in an error.
    const NAME: &'static str;

    /// The parts of a row.
    fn parts(&self) -> Self::Parts;

    /// How the rows are shared.
    fn shape(&self) -> Shape;

    /// Makes the rows of a range once each, in order, at a level: `each(i, row)`. A range that ends
    /// beyond the last row ends there.
    fn visit_rows(&self, level: Level, range: Range<usize>, each: impl FnMut(usize, &[F]));

    /// Makes every row once, in order: `each(i, row)`.
    fn visit(&self, each: impl FnMut(usize, &[F])) {
        self.visit_rows(Level::best(), 0..self.shape().samples(), each);
    }

    /// Every row kept, NaN too: `(n, width)`.
    fn collect(&self) -> Grad<F, Self::Parts> {
        let parts = self.parts();
        let shape = (self.shape().samples(), parts.width());
        let mut flat = Vec::with_capacity(shape.0.saturating_mul(shape.1));
        self.visit(|_, row| flat.extend_from_slice(row));
        Grad::held(Array2::from_shape_vec(shape, flat).unwrap_or_default(), parts)
    }

    /// The sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// Infinities of both signs have no sum, and give NaN.
    /// Errors: `NaN` with the first row that holds one.
    fn total(&self) -> Result<Grad<F, Self::Parts>> {
        Ok(Grad::held(reduce(self, &Weights(None))?, self.parts()))
    }

    /// The weighted sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// A weight of 0 leaves a row out, also one that is infinite.
    /// Errors: `Shape` where `weights` is not `(n,)`; `NaN` with the first weight or row that is.
    fn weighted(&self, weights: &ArrayRef1<F>) -> Result<Grad<F, Self::Parts>> {
        same_shape("weights", weights.shape(), &[self.shape().samples()])?;
        no_nan("weights", weights)?;
        let weights = weights.as_standard_layout();
        Ok(Grad::held(reduce(self, &Weights(weights.as_slice()))?, self.parts()))
    }
}

/// What is summed of each row: itself with a weight, its powers, its products with a cost.
pub(crate) trait Terms<F: Real>: Sync {
    /// How many numbers, of rows of a width.
    fn count(&self, width: usize) -> usize;

    /// Adds those of row `i` to the sums.
    fn add(&self, i: usize, row: &[F], sums: &mut [F]);
}

/// The rows themselves, each with a weight, or as they are.
struct Weights<'a, F>(Option<&'a [F]>);

impl<F: Real> Terms<F> for Weights<'_, F> {
    fn count(&self, width: usize) -> usize {
        width
    }

    #[inline(always)]
    fn add(&self, i: usize, row: &[F], sums: &mut [F]) {
        match self.0 {
            None => sums.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g),
            Some(weights) => sums.iter_mut().zip(row).for_each(|(sum, &g)| *sum += weigh(weights[i], g)),
        }
    }
}

/// The sums of the terms of the rows of each parameter row, `(rows, count)`: the order of additions,
/// and so the last bit, is that of one pass over all rows.
///
/// Errors: `NaN` with the first row that holds one.
pub(crate) fn reduce<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(rows: &R, terms: &T) -> Result<Array2<F>> {
    let shape = rows.shape();
    let (count, samples) = (terms.count(rows.parts().width()), shape.samples());
    let mut flat =
        if several() && samples > TASK { by_tasks(rows, terms, count) } else { sums(rows, terms, count, 0..samples) };
    // Parameter rows without a sample have the sum of nothing.
    flat.resize(shape.rows * count, F::zero());
    let flat = Array2::from_shape_vec((shape.rows, count), flat).unwrap_or_default();
    if any(&flat, F::is_nan) {
        nan_row(rows)?;
    }
    Ok(flat)
}

/// The sums of the parameter rows that a range of rows belongs to, or of its part of one.
fn sums<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(rows: &R, terms: &T, count: usize, range: Range<usize>) -> Vec<F> {
    let (repeat, width) = (rows.shape().repeat.max(1), rows.parts().width());
    let together = (TOGETHER / width.max(1)).clamp(1, BLOCK);
    let mut out = Vec::with_capacity(range.len().div_ceil(repeat) * count);
    let mut sum = PairwiseRows::new(count);
    let mut made = Vec::with_capacity(together * width);
    for start in range.clone().step_by(together) {
        let end = range.end.min(start + together);
        make(rows, start..end, &mut made);
        let (sum, out) = (&mut sum, &mut out);
        run(Level::best(), AddUp { terms, range: start..end, last: range.end, made: &made, width, repeat, sum, out });
    }
    out
}

/// The rows of a range, one behind the other.
fn make<F: Real, R: Rows<F> + ?Sized>(rows: &R, range: Range<usize>, made: &mut Vec<F>) {
    made.clear();
    rows.visit_rows(Level::best(), range, |_, row| made.extend_from_slice(row));
}

/// Rows that were made, added up; at the end of each parameter row its sum is appended.
struct AddUp<'a, F, T> {
    terms: &'a T,
    range: Range<usize>,
    last: usize,
    made: &'a [F],
    width: usize,
    repeat: usize,
    sum: &'a mut PairwiseRows<F>,
    out: &'a mut Vec<F>,
}

impl<F: Real, T: Terms<F>> Work<F> for AddUp<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) {
        for (k, i) in self.range.enumerate() {
            let row = self.made.get(k * self.width..(k + 1) * self.width).unwrap_or_default();
            self.terms.add(i, row, self.sum.open());
            self.sum.close();
            if (i + 1) % self.repeat == 0 || i + 1 == self.last {
                self.sum.drain_onto(self.out);
            }
        }
    }
}

/// All sums, flat: a task has the rows of whole parameter rows, or [`TASK`] of one, whose sums are joined as
/// one pass joins them.
fn by_tasks<F: Real, R: Rows<F> + ?Sized, T: Terms<F>>(rows: &R, terms: &T, count: usize) -> Vec<F> {
    let shape = rows.shape();
    let (repeat, samples) = (shape.repeat, shape.samples());
    if repeat <= TASK {
        let each = TASK / repeat * repeat;
        let ranges = (0..samples).step_by(each).map(|start| start..samples.min(start + each)).collect();
        return map(ranges, |range| sums(rows, terms, count, range)).concat();
    }
    let of_one = |t: usize| {
        let end = (t + 1) * repeat;
        (t * repeat..end).step_by(TASK).map(move |start| start..end.min(start + TASK))
    };
    let ranges = (0..shape.rows).flat_map(of_one).collect::<Vec<_>>();
    let partial = map(ranges.clone(), |range| sums(rows, terms, count, range));
    let mut flat = Vec::with_capacity(shape.rows * count);
    let mut sum = PairwiseRows::new(count);
    for (range, part) in ranges.into_iter().zip(partial) {
        let last = range.end % repeat == 0;
        if range.len() == TASK {
            sum.join(TASK_LEVEL, part);
        } else {
            sum.add(&part);
        }
        if last {
            sum.drain_onto(&mut flat);
        }
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
