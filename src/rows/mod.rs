//! Rows until the user reduces them: one gradient row an example, with named parts.
//!
//! [`Rows`] are rows not yet made: a law's score, a path's pull-back. They are made in cache under
//! whatever reduces them, and nearly every estimator is then *one weight per row*,
//! `rows.weighted(&w)`. [`Grad`] holds rows that were made.

mod coordinates;
mod grad;
mod sum;
mod value_grad;

use std::ops::Range;

use ndarray::{Array2, ArrayRef1};

pub use coordinates::sum_coordinates;
pub(crate) use grad::slots;
pub use grad::{Grad, GradRows, Parts};
pub(crate) use sum::{LONG, pairwise, sum_long, weigh};
pub use value_grad::ValueGrad;
pub(crate) use value_grad::{mean_of, mean_rows};

use crate::kernel::{Level, map, several};
use crate::shape::{any, no_nan, same_shape};
use crate::{Error, Real, Result, Shape};
use sum::{BLOCK, PairwiseRows, Sink};

/// A full task of one parameter row is 2^`TASK_LEVEL` blocks: one partial sum of a pairwise sum.
const TASK_LEVEL: u32 = 5;
/// Rows of a task, at the most.
const TASK: usize = BLOCK << TASK_LEVEL;

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
        reduce(self, |_| F::one())
    }

    /// The weighted sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// A weight of 0 leaves a row out, also one that is infinite.
    /// Errors: `Shape` where `weights` is not `(n,)`; `NaN` with the first weight or row that is.
    fn weighted(&self, weights: &ArrayRef1<F>) -> Result<Grad<F, Self::Parts>> {
        same_shape("weights", weights.shape(), &[self.shape().samples()])?;
        no_nan("weights", weights)?;
        reduce(self, |i| weights[i])
    }
}

/// Sums rows, which threads may share: the order of additions, and so the last bit, is that of one
/// pass over all rows.
fn reduce<F: Real, R: Rows<F> + ?Sized>(rows: &R, weight: impl Fn(usize) -> F + Sync) -> Result<Grad<F, R::Parts>> {
    let (shape, parts) = (rows.shape(), rows.parts());
    let (width, samples) = (parts.width(), shape.samples());
    let mut flat = if several() && samples > TASK {
        by_tasks(rows, &weight)
    } else {
        // One thread appends, and does not pay for zeros that are written over.
        let mut flat = Vec::with_capacity(shape.rows * width);
        sums(rows, &weight, 0..samples, &mut flat);
        flat
    };
    // Parameter rows without a sample have the sum of nothing.
    flat.resize(shape.rows * width, F::zero());
    let flat = Array2::from_shape_vec((shape.rows, width), flat).unwrap_or_default();
    if any(&flat, F::is_nan) {
        nan_row(rows)?;
    }
    Ok(Grad::held(flat, parts))
}

/// The sums of the parameter rows that a range of rows belongs to, or of its part of one.
fn sums<F: Real, R: Rows<F> + ?Sized>(
    rows: &R,
    weight: &impl Fn(usize) -> F,
    range: Range<usize>,
    out: &mut impl Sink<F>,
) {
    let repeat = rows.shape().repeat.max(1);
    let mut sum = PairwiseRows::new(rows.parts().width());
    rows.visit_rows(Level::best(), range.clone(), |i, row| {
        if repeat == 1 {
            let weight = weight(i);
            out.put(row.iter().map(|&g| weigh(weight, g)));
            return;
        }
        sum.add(weight(i), row);
        if (i + 1) % repeat == 0 || i + 1 == range.end {
            sum.drain_onto(out);
        }
    });
}

/// All sums, flat: the rows of a task are those of whole parameter rows, each task with its place
/// in the result; or [`TASK`] of one, whose sums are joined as one pass joins them.
fn by_tasks<F: Real, R: Rows<F> + ?Sized>(rows: &R, weight: &(impl Fn(usize) -> F + Sync)) -> Vec<F> {
    let (shape, width) = (rows.shape(), rows.parts().width());
    let (repeat, samples) = (shape.repeat, shape.samples());
    let run = |(range, mut place): (Range<usize>, &mut [F])| sums(rows, weight, range, &mut place);
    if repeat <= TASK {
        let mut flat = vec![F::zero(); shape.rows * width];
        let each = TASK / repeat;
        let places = flat.chunks_mut((each * width).max(1)).enumerate();
        let range = |k: usize| k * each * repeat..samples.min((k + 1) * each * repeat);
        map(places.map(|(k, place)| (range(k), place)).collect(), run);
        return flat;
    }
    let tasks = repeat.div_ceil(TASK);
    let mut partial = vec![F::zero(); shape.rows * tasks * width];
    let places = partial.chunks_mut(width.max(1)).enumerate();
    let range = |k: usize| {
        let (start, end) = (k / tasks * repeat + k % tasks * TASK, (k / tasks + 1) * repeat);
        start..end.min(start + TASK)
    };
    map(places.map(|(k, place)| (range(k), place)).collect(), run);
    let mut flat = Vec::with_capacity(shape.rows * width);
    let mut sum = PairwiseRows::new(width);
    for of_one_row in partial.chunks((tasks * width).max(1)) {
        for (k, part) in of_one_row.chunks(width).enumerate() {
            if (k + 1) * TASK <= repeat {
                sum.join(TASK_LEVEL, part.to_vec());
            } else {
                sum.add(F::one(), part);
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
