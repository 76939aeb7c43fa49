//! Rows that are not yet made, and the sums over those of each parameter row, which threads may share.
//!
//! Rows are made a batch at a time, and the batch is added up by itself: the code that makes the rows of a law
//! is compiled once for all that is summed of them, and the code that sums, once for all laws.

use std::ops::Range;

use ndarray::{Array2, ArrayRef1, ArrayView2};

use super::fold::{Batches, Fold, Joined, Sum, batch_rows};
use super::grad::Grad;
use crate::kernel::{Level, map, run, several};
use crate::shape::{any, groups, no_nan, same_shape};
use crate::{Error, Parts, Real, Result, Shape};

/// Batches of a full task of one parameter row: a power of two, so that tasks are joined as their batches would be.
const TASK: usize = 32;

/// Gradient rows that are not yet made, read in one of four ways.
///
/// [`visit`](Self::visit) makes each row once; [`collect`](Self::collect) keeps them all,
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
///
/// Rows of one's own say what they are, and write themselves:
///
/// ```
/// use std::ops::Range;
/// use estimand::{Rows, Shape, distribution::LogitParts, kernel::Level, ndarray::array};
///
/// /// Row i is (i, i^2).
/// struct Powers;
/// impl Rows<f64> for Powers {
///     type Parts = LogitParts;
///     const NAME: &'static str = "powers";
///
///     fn parts(&self) -> LogitParts {
///         LogitParts { dim: 2 }
///     }
///     fn shape(&self) -> Shape {
///         Shape { rows: 2, repeat: 3, dim: 2 }                             // two parameter rows, three samples each
///     }
///     fn write_rows(&self, _: Level, range: Range<usize>, out: &mut [f64]) {
///         for (i, row) in range.zip(out.chunks_exact_mut(2)) {
///             row.copy_from_slice(&[i as f64, (i * i) as f64]);
///         }
///     }
/// }
/// assert_eq!(Powers.total()?.flat(), array![[3.0, 5.0], [12.0, 50.0]]);
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

    /// Makes the rows of a range, at a level, one behind the other. `out` holds other rows before, and has to be
    /// written in full; what there is no row for, or no room, is left out.
    fn write_rows(&self, level: Level, range: Range<usize>, out: &mut [F]);

    /// Makes the rows of a range once each, in order, at a level: `each(i, row)`. A range that ends
    /// beyond the last row ends there.
    fn visit_rows(&self, level: Level, range: Range<usize>, mut each: impl FnMut(usize, &[F])) {
        let width = self.parts().width();
        let end = range.end.min(self.shape().samples());
        let together = batch_rows(width);
        let mut made = Vec::new();
        for start in (range.start..end).step_by(together) {
            let next = end.min(start + together);
            made.resize((next - start) * width, F::zero());
            self.write_rows(level, start..next, &mut made);
            for (k, i) in (start..next).enumerate() {
                each(i, made.get(k * width..(k + 1) * width).unwrap_or_default());
            }
        }
    }

    /// Makes every row once, in order: `each(i, row)`.
    fn visit(&self, each: impl FnMut(usize, &[F])) {
        self.visit_rows(Level::best(), 0..self.shape().samples(), each);
    }

    /// What [`total`](Self::total) and [`weighted`](Self::weighted) return where there is a shorter way than to make the rows:
    /// `(rows, width)`. Most rows have none. Sums that are NaN are made again, of rows.
    ///
    /// A weight of 0 has to leave a row out, unless the row is NaN; without weights each is 1.
    fn sums(&self, _weights: Option<&[F]>) -> Option<Array2<F>> {
        None
    }

    /// Every row kept, NaN too: `(n, width)`.
    fn collect(&self) -> Grad<F, Self::Parts> {
        let parts = self.parts();
        let shape = (self.shape().samples(), parts.width());
        let mut flat = Vec::with_capacity(shape.0.saturating_mul(shape.1));
        let (level, each) = (Level::best(), batch_rows(shape.1));
        // Zeros that are in the nearest cache when they are written over.
        for start in (0..shape.0).step_by(each) {
            let (range, from) = (start..shape.0.min(start + each), flat.len());
            flat.resize(from + range.len() * shape.1, F::zero());
            self.write_rows(level, range, &mut flat[from..]);
        }
        Grad::held(Array2::from_shape_vec(shape, flat).unwrap_or_default(), parts)
    }

    /// The sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// Infinities of both signs have no sum, and give NaN.
    /// Errors: `NaN` with the first row that holds one.
    fn total(&self) -> Result<Grad<F, Self::Parts>> {
        summed(self, None)
    }

    /// The weighted sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// A weight of 0 leaves a row out, also one that is infinite.
    /// Errors: `Shape` where `weights` is not `(n,)`; `NaN` with the first weight or row that is.
    fn weighted(&self, weights: &ArrayRef1<F>) -> Result<Grad<F, Self::Parts>> {
        same_shape("weights", weights.shape(), &[self.shape().samples()])?;
        no_nan("weights", weights)?;
        let weights = weights.as_standard_layout();
        // In standard layout by construction: always a slice.
        summed(self, Some(weights.as_slice().unwrap_or_default()))
    }
}

/// The sums of the rows, the shorter way where there is one.
fn summed<F: Real, R: Rows<F> + ?Sized>(rows: &R, weights: Option<&[F]>) -> Result<Grad<F, R::Parts>> {
    // Infinite numbers in a product are NaN where no row need be: rows tell.
    let sums = match rows.sums(weights).filter(|sums| !any(sums, F::is_nan)) {
        Some(sums) => sums,
        None => reduce(Level::best(), rows, &Sum(weights))?,
    };
    Ok(Grad::held(sums, rows.parts()))
}

/// The states of the rows of each parameter row, `(rows, count)`: the order of additions, and so the last bit,
/// is that of one pass over all rows.
///
/// Errors: `NaN` with the first row that holds one.
pub(crate) fn reduce<F: Real, R: Rows<F> + ?Sized, T: Fold<F>>(level: Level, rows: &R, fold: &T) -> Result<Array2<F>> {
    let states = fold_rows(level, rows, fold);
    if any(&states, F::is_nan) {
        nan_row(rows)?;
    }
    Ok(states)
}

/// [`reduce`], where NaN stays in the state of its parameter row.
fn fold_rows<F: Real, R: Rows<F> + ?Sized, T: Fold<F>>(level: Level, rows: &R, fold: &T) -> Array2<F> {
    let (shape, width) = (rows.shape(), rows.parts().width());
    let (count, samples) = (fold.count(width), shape.samples());
    let task = batch_rows(width) * TASK;
    let mut flat = match width {
        0 => Vec::new(),
        _ if several() && samples > task => by_tasks(level, rows, fold, task),
        _ => states(level, rows, fold, 0..samples),
    };
    // Parameter rows without a sample have the sum of nothing.
    flat.resize(shape.rows.saturating_mul(count), F::zero());
    Array2::from_shape_vec((shape.rows, count), flat).unwrap_or_default()
}

/// The states of the parameter rows that a range of rows belongs to, or of its part of one.
fn states<F: Real, R: Rows<F> + ?Sized, T: Fold<F>>(level: Level, rows: &R, fold: &T, range: Range<usize>) -> Vec<F> {
    let (repeat, width) = (rows.shape().repeat.max(1), rows.parts().width());
    let (count, each) = (fold.count(width), batch_rows(width));
    let mut numbers = vec![F::zero(); each.min(range.len()) * width];
    // So many parameter rows, or a part of one, are made and added up together.
    let mut fold_some = |range: Range<usize>, group: usize, states: &mut [F]| {
        let numbers = &mut numbers[..range.len() * width];
        rows.write_rows(level, range.clone(), numbers);
        run(level, Batches { fold, first: range.start, rows: group, width, numbers, states });
    };
    let mut out = Vec::with_capacity(range.len().div_ceil(repeat) * count);
    if repeat <= each {
        let together = each / repeat * repeat;
        for start in range.clone().step_by(together) {
            let some = start..range.end.min(start + together);
            let from = out.len();
            out.resize(from + some.len() / repeat * count, F::zero());
            fold_some(some, repeat, &mut out[from..]);
        }
        return out;
    }
    let mut joined = Joined::new(fold);
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min((start / repeat + 1) * repeat);
        for start in (start..end).step_by(each) {
            let (batch, mut state) = (start..end.min(start + each), vec![F::zero(); count]);
            fold_some(batch.clone(), batch.len(), &mut state);
            joined.push(batch.len(), state);
        }
        out.append(&mut joined.take());
        start = end;
    }
    out
}

/// All states, flat: a task has the rows of whole parameter rows, or so many of one, whose states are joined as
/// one pass joins them.
fn by_tasks<F: Real, R: Rows<F> + ?Sized, T: Fold<F>>(level: Level, rows: &R, fold: &T, task: usize) -> Vec<F> {
    let shape = rows.shape();
    let (repeat, samples) = (shape.repeat, shape.samples());
    if repeat <= task {
        let each = task / repeat * repeat;
        let ranges = (0..samples).step_by(each).map(|start| start..samples.min(start + each)).collect();
        return map(ranges, |range| states(level, rows, fold, range)).concat();
    }
    let of_one = |t: usize| {
        let end = (t + 1) * repeat;
        (t * repeat..end).step_by(task).map(move |start| start..end.min(start + task))
    };
    let ranges = (0..shape.rows).flat_map(of_one).collect::<Vec<_>>();
    let parts = map(ranges.clone(), |range| states(level, rows, fold, range));
    let mut flat = Vec::new();
    let mut joined = Joined::new(fold);
    for (range, part) in ranges.into_iter().zip(parts) {
        joined.push(range.len(), part);
        if range.end % repeat == 0 {
            flat.append(&mut joined.take());
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

/// Rows that were made, as rows that might be.
pub(crate) struct Held<'a, F, P> {
    flat: ArrayView2<'a, F>,
    parts: &'a P,
    shape: Shape,
}

impl<'a, F: Real, P: Parts> Held<'a, F, P> {
    /// Rows of a gradient, so many of them a parameter row.
    pub(crate) fn of(name: &'static str, grad: &'a Grad<F, P>, repeat: usize) -> Result<Self> {
        let rows = groups(name, "rows", grad.flat().nrows(), repeat)?;
        Ok(Self { parts: grad.parts(), shape: Shape { rows, repeat, dim: grad.flat().ncols() }, flat: grad.flat() })
    }
}

impl<F: Real, P: Parts> Rows<F> for Held<'_, F, P> {
    type Parts = P;
    const NAME: &'static str = "rows";

    fn parts(&self) -> P {
        self.parts.clone()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn write_rows(&self, _: Level, range: Range<usize>, out: &mut [F]) {
        let width = self.flat.ncols();
        let held = range.start.min(self.flat.nrows())..range.end.min(self.flat.nrows());
        if let Some(numbers) = self.flat.to_slice() {
            let numbers = numbers.get(held.start * width..held.end * width).unwrap_or_default();
            out.iter_mut().zip(numbers).for_each(|(to, &from)| *to = from);
            return;
        }
        for (i, out) in held.zip(out.chunks_exact_mut(width.max(1))) {
            self.flat.row(i).iter().zip(out).for_each(|(&from, to)| *to = from);
        }
    }
}

impl<F: Real, P: Parts> Grad<F, P> {
    /// The sum of each `k` consecutive rows: the gradient of parameters that `k` rows share. NaN stays.
    ///
    /// Errors: `Parameter` where `k = 0`, `Count` where `k` does not divide the rows.
    pub fn sum_groups(&self, k: usize) -> Result<Self> {
        Ok(Self::held(fold_rows(Level::best(), &Held::of("grad", self, k)?, &Sum(None)), self.parts().clone()))
    }
}
