use std::ops::Range;

use ndarray::{Array1, ArrayRef1, ArrayRef2};

use super::block::{Block, rows_of_a_block};
use super::centre::{Centre, limit};
use super::centres::Centres;
use super::mass::Mass;
use super::scalar::Moments;
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, RowFn, Work, map, run, write_rows};
use crate::shape::{not_negative, same_shape, weights_door};
use crate::{Error, Real, Result};

/// Numbers that are worth a task of their own: tens of microseconds.
const TASK: usize = 1 << 16;

/// Count, weight, and the mean and variance of each column of rows that arrive one at a time, in blocks, or
/// as moments of other rows: [`Moments`] side by side.
///
/// All columns have the same rows and weights. What [`Moments`] says of precision, NaN,
/// infinities and weights holds here by column, except that a NaN in any column makes every reading the
/// error `NaN { name: "x", row }`.
///
/// ```
/// use estimand::{moments::ColumnMoments, ndarray::array};
///
/// let mut columns = ColumnMoments::of(&array![[1.0, 1e12], [3.0, 1e12 + 1.0]]);
/// columns.push(&array![5.0, 1e12 + 2.0])?;
/// assert_eq!(columns.mean()?, array![3.0, 1e12 + 1.0]);
/// assert_eq!(columns.unbiased_variance()?, array![4.0, 1.0]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::stored::StoredColumns<F>", into = "super::stored::StoredColumns<F>")
)]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "F: Real + serde::Serialize", deserialize = "F: Real + serde::Deserialize<'de>"))
)]
pub struct ColumnMoments<F> {
    pub(super) mass: Mass<F>,
    pub(super) nan: Option<usize>,
    pub(super) centres: Centres<F>,
}

impl<F: Real> ColumnMoments<F> {
    /// Of no rows of `width` columns.
    pub fn new(width: usize) -> Self {
        Self { mass: Mass::default(), nan: None, centres: Centres::new(width) }
    }

    /// Of the rows of an array, `(n, width)`.
    ///
    /// Threads share many rows; the bits do not depend on how many there are, nor on the layout.
    pub fn of(x: &ArrayRef2<F>) -> Self {
        Self::of_at(Level::best(), x)
    }

    /// [`of`](Self::of) at a level.
    pub fn of_at(level: Level, x: &ArrayRef2<F>) -> Self {
        let mut all = Self::new(x.ncols());
        all.add_rows(level, x);
        all
    }

    /// Of the rows of an array with a weight a row: `(n, width)` and `(n,)`.
    ///
    /// Errors: `Shape`; `NaN` with the first weight that is; `Entry` with the first that is negative or
    /// infinite.
    pub fn of_weighted(x: &ArrayRef2<F>, weights: &ArrayRef1<F>) -> Result<Self> {
        weights_door("weights", x.nrows(), weights)?;
        let width = x.ncols();
        let parts = map(tasks(x.nrows(), width), |range| Self::weighted_part(range, x, weights));
        let mut all = Self::new(width);
        parts.iter().for_each(|part| all.add(part));
        Ok(all)
    }

    /// Adds a row, `(width,)`. Errors: `Shape`.
    pub fn push(&mut self, x: &ArrayRef1<F>) -> Result<()> {
        same_shape("x", x.shape(), &[self.width()])?;
        match x.as_slice() {
            Some(row) => self.push_row(row),
            None => self.push_row(&x.to_vec()),
        }
        Ok(())
    }

    /// Adds a row with a weight.
    ///
    /// Errors: `Shape`; `Parameter` where `weight` is negative, infinite or NaN.
    pub fn push_weighted(&mut self, x: &ArrayRef1<F>, weight: F) -> Result<()> {
        same_shape("x", x.shape(), &[self.width()])?;
        not_negative("weight", weight)?;
        self.join_row(&x.to_vec(), Mass::weighing(weight));
        Ok(())
    }

    /// Adds the rows of an array, `(n, width)`, after those that were added before.
    ///
    /// Errors: `Shape` where it is not as wide.
    pub fn push_rows(&mut self, x: &ArrayRef2<F>) -> Result<()> {
        same_shape("x", x.shape(), &[x.nrows(), self.width()])?;
        self.add_rows(Level::best(), x);
        Ok(())
    }

    /// Adds what another has seen, after what this one has. Errors: `Shape` where it is not as wide.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        same_shape("other", &[other.width()], &[self.width()])?;
        self.add(other);
        Ok(())
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.centres.width()
    }

    /// Rows that were added, whatever they weigh.
    pub fn count(&self) -> usize {
        self.mass.count
    }

    /// The sum of the weights; the count, where none was given.
    pub fn weight(&self) -> F {
        self.mass.total()
    }

    /// As [`Moments::effective_count`](Moments::effective_count).
    pub fn effective_count(&self) -> Result<F> {
        self.readable()?;
        Ok(self.mass.effective())
    }

    /// The mean of each column, `(width,)`; as [`Moments::mean`](Moments::mean).
    pub fn mean(&self) -> Result<Array1<F>> {
        self.readable()?;
        Ok(Array1::from(self.centres.mean.clone()))
    }

    /// The variance of each column, `(width,)`, divided by W; as
    /// [`Moments::variance`](Moments::variance).
    pub fn variance(&self) -> Result<Array1<F>> {
        self.readable()?;
        Ok(Array1::from(self.centres.variance.clone()))
    }

    /// The unbiased variance of each column, `(width,)`; as
    /// [`Moments::unbiased_variance`](Moments::unbiased_variance).
    pub fn unbiased_variance(&self) -> Result<Array1<F>> {
        let variance = self.variance()?;
        self.mass.two()?;
        Ok(variance.mapv_into(|v| self.mass.unbiased(v)))
    }

    /// The estimated standard deviation of the mean of each column, `(width,)`; as
    /// [`Moments::std_error`](Moments::std_error).
    pub fn std_error(&self) -> Result<Array1<F>> {
        let same = self.mass.same();
        Ok(self.unbiased_variance()?.mapv_into(|v| (v * same).sqrt()))
    }

    /// Column `j` alone. A NaN in any column is one here too.
    ///
    /// Errors: `Parameter` where there is no such column.
    ///
    /// ```
    /// use estimand::{fit::mle, moments::ColumnMoments, ndarray::array};
    /// let columns = ColumnMoments::of(&array![[1.0, 10.0], [3.0, 30.0]]);
    /// assert_eq!(mle(&columns.column(1)?)?.sd(), 10.0);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn column(&self, j: usize) -> Result<Moments<F>> {
        if j >= self.width() {
            return Err(Error::Parameter { name: "j", value: j as f64, expected: "the index of a column" });
        }
        Ok(Moments::of_parts(self.mass, self.centres.get(j), self.nan))
    }

    fn readable(&self) -> Result<()> {
        self.mass.readable(self.nan)
    }

    /// A row as wide as these, at the level of the caller.
    #[inline(always)]
    pub(crate) fn push_row(&mut self, row: &[F]) {
        self.join_row(row, Mass::one());
    }

    /// Whole rows, one behind the other, at the level of the caller: faster than a row at a time.
    #[inline(always)]
    pub(crate) fn push_block<A: Arithmetic<F>>(&mut self, a: A, rows: &[F]) {
        let width = self.width();
        if width == 0 {
            return;
        }
        let mut block = Block::new(width);
        for rows in rows.chunks(rows_of_a_block(width) * width) {
            if block.fill(a, rows) {
                let shares = self.mass.join(&Mass::rows(rows.len() / width));
                if self.nan.is_none() {
                    self.centres.join(shares, true, |j| block.get(j));
                }
            } else {
                rows.chunks_exact(width).for_each(|row| self.push_row(row));
            }
        }
    }

    #[inline(always)]
    pub(super) fn join_row(&mut self, row: &[F], mass: Mass<F>) {
        let row = &row[..self.width()];
        let tame = row.iter().fold(true, |tame, x| tame & (x.abs() < limit()));
        if !tame && row.iter().any(|x| x.is_nan()) {
            self.nan = self.nan.or(Some(self.mass.count));
        }
        let shares = self.mass.join(&mass);
        if self.nan.is_none() {
            self.centres.join(shares, tame, |j| Centre::point(row[j]));
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let before = self.mass.count;
        let shares = self.mass.join(&other.mass);
        self.nan = self.nan.or(other.nan.map(|row| before.saturating_add(row)));
        if self.nan.is_none() {
            self.centres.join(shares, other.centres.tame, |j| other.centres.get(j));
        }
    }

    fn add_rows(&mut self, level: Level, x: &ArrayRef2<F>) {
        let width = self.width();
        if width == 0 {
            // There are no numbers whose rows could be counted.
            self.mass.join(&Mass::rows(x.nrows()));
            return;
        }
        let parts = map(tasks(x.nrows(), width), |range| Self::part(level, range, x));
        parts.iter().for_each(|part| self.add(part));
    }

    /// Of the rows of a task.
    pub(super) fn part(level: Level, range: Range<usize>, x: &ArrayRef2<F>) -> Self {
        let width = x.ncols();
        let mut part = Self::new(width);
        if let Some(all) = x.as_slice() {
            run(level, Rows { to: &mut part, rows: &all[range.start * width..range.end * width] });
        } else {
            run(level, Rows { to: &mut part, rows: &copy(level, range, x) });
        }
        part
    }

    /// Of the rows of a task, with a weight a row.
    pub(super) fn weighted_part(range: Range<usize>, x: &ArrayRef2<F>, weights: &ArrayRef1<F>) -> Self {
        let width = x.ncols();
        let mut part = Self::new(width);
        let rows = copy(Level::best(), range.clone(), x);
        for (k, i) in range.enumerate() {
            part.join_row(&rows[k * width..(k + 1) * width], Mass::weighing(weights[i]));
        }
        part
    }
}

/// The rows of each task: as many whatever the number of threads.
pub(super) fn tasks(rows: usize, width: usize) -> Vec<Range<usize>> {
    let each = (TASK / width.max(1)).max(1);
    (0..rows).step_by(each).map(|from| from..rows.min(from + each)).collect()
}

/// A range of rows one behind the other, whatever the layout.
pub(super) fn copy<F: Real>(level: Level, range: Range<usize>, x: &ArrayRef2<F>) -> Vec<F> {
    let mut rows = vec![F::zero(); range.len() * x.ncols()];
    write_rows(level, range, [x.view()], x.ncols(), &CopyRow, &mut rows);
    rows
}

/// More rows for some moments, in order.
struct Rows<'a, F> {
    to: &'a mut ColumnMoments<F>,
    rows: &'a [F],
}

impl<F: Real> Work<F> for Rows<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        self.to.push_block(a, self.rows);
    }
}

/// Rows of any layout as slices.
struct CopyRow;

impl<F: Real> RowFn<F, 1> for CopyRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, _: usize, [x]: [&[F]; 1], out: &mut [F]) -> F {
        out.copy_from_slice(x);
        F::zero()
    }
}

#[cfg(feature = "serde")]
impl<F: Real> From<ColumnMoments<F>> for super::stored::StoredColumns<F> {
    fn from(moments: ColumnMoments<F>) -> Self {
        let columns: Vec<_> = (0..moments.width()).map(|j| moments.centres.get(j)).collect();
        Self::of(moments.mass, &columns, moments.nan)
    }
}

#[cfg(feature = "serde")]
impl<F: Real> TryFrom<super::stored::StoredColumns<F>> for ColumnMoments<F> {
    type Error = Error;

    fn try_from(stored: super::stored::StoredColumns<F>) -> Result<Self> {
        let nan = stored.nan;
        let (mass, centres) = stored.read()?;
        Ok(Self { mass, nan, centres: Centres::of(&centres) })
    }
}
