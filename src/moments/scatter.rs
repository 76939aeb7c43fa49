use std::ops::Range;

use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

use super::centre::limit;
use super::columns::{ColumnMoments, tasks};
use super::compensated::Compensated;
use super::cross::{Cross, Step, pairs};
use super::mass::Mass;
use super::product::{ROWS, covariances};
use crate::kernel::{Level, map, several};
use crate::shape::{not_negative, same_shape, weights_door};
use crate::{Real, Result};

/// Numbers of covariances that are held at a time before they are joined.
const HELD: usize = 1 << 22;

/// Count, weight, mean vector and covariance matrix of rows that arrive one at a time, in blocks, or as the statistics
/// of other rows: [`ColumnMoments`] with what stands between its columns.
///
/// ```text
/// W = sum of w_i,   mean = sum of w_i x_i / W,   covariance = sum of w_i (x_i - mean)(x_i - mean)' / W
/// ```
///
/// Two parts join by Chan's formula with the products of their means' differences, and rows are taken relative to the
/// mean, so that 10^12 + u keeps the covariances of u. The diagonal is that of [`ColumnMoments`], to the last bit, and
/// so is what is said there of NaN, weights and precision. A covariance is off by some epsilons of the product of
/// both standard deviations, however many rows there are. A column with an infinity has an infinite variance, and
/// covariances that are NaN: their sign hangs on means that a stream does not know yet. Where products of finite numbers
/// leave the numbers, a covariance is infinite, or NaN where it did so on both sides.
///
/// Memory: d (d - 1) numbers, beside those of `ColumnMoments`. A row takes some d^2 steps; arrays go by
/// matrix products, which is many times faster. Source: chapter `moments/moments`.
///
/// ```
/// use estimand::{moments::Scatter, ndarray::array};
///
/// let mut scatter = Scatter::of(&array![[1.0, 1e12], [3.0, 1e12 + 2.0]]);
/// scatter.push(&array![5.0, 1e12 + 1.0])?;
/// assert_eq!(scatter.mean()?, array![3.0, 1e12 + 1.0]);
/// assert_eq!(scatter.unbiased_covariance()?, array![[4.0, 1.0], [1.0, 1.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::stored::StoredScatter<F>", into = "super::stored::StoredScatter<F>")
)]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "F: Real + serde::Serialize", deserialize = "F: Real + serde::Deserialize<'de>"))
)]
pub struct Scatter<F> {
    columns: ColumnMoments<F>,
    cross: Cross<F>,
}

impl<F: Real> Scatter<F> {
    /// Of no rows of `width` columns.
    pub fn new(width: usize) -> Self {
        Self { columns: ColumnMoments::new(width), cross: Cross::new(width) }
    }

    /// Of the rows of an array, `(n, width)`.
    ///
    /// Threads share many rows; the bits do not depend on how many there are, nor on the layout.
    pub fn of(x: &ArrayRef2<F>) -> Self {
        let mut all = Self::new(x.ncols());
        all.add_rows(x, None);
        all
    }

    /// Of the rows of an array with a weight a row: `(n, width)` and `(n,)`.
    ///
    /// Errors: those of [`ColumnMoments::of_weighted`].
    ///
    /// ```
    /// use estimand::{moments::Scatter, ndarray::array};
    /// let x = array![[0.0, 0.0], [4.0, -4.0], [9.0, 7.0]];
    /// let scatter = Scatter::of_weighted(&x, &array![3.0, 1.0, 0.0])?;
    /// assert_eq!(scatter.mean()?, array![1.0, -1.0]);
    /// assert_eq!(scatter.covariance()?, array![[3.0, -3.0], [-3.0, 3.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of_weighted(x: &ArrayRef2<F>, weights: &ArrayRef1<F>) -> Result<Self> {
        weights_door("weights", x.nrows(), weights)?;
        let mut all = Self::new(x.ncols());
        all.add_rows(x, Some(weights));
        Ok(all)
    }

    /// Adds a row, `(width,)`. Errors: `Shape`.
    pub fn push(&mut self, x: &ArrayRef1<F>) -> Result<()> {
        same_shape("x", x.shape(), &[self.width()])?;
        match x.as_slice() {
            Some(row) => self.join_row(row, Mass::one()),
            None => self.join_row(&x.to_vec(), Mass::one()),
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
        self.add_rows(x, None);
        Ok(())
    }

    /// Adds what another has seen, after what this one has. Errors: `Shape` where it is not as wide.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        same_shape("other", &[other.width()], &[self.width()])?;
        self.add(std::slice::from_ref(&other.columns), other);
        Ok(())
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.columns.width()
    }

    /// Rows that were added, whatever they weigh.
    pub fn count(&self) -> usize {
        self.columns.count()
    }

    /// The sum of the weights; the count, where none was given.
    pub fn weight(&self) -> F {
        self.columns.weight()
    }

    /// As [`Moments::effective_count`](super::Moments::effective_count).
    pub fn effective_count(&self) -> Result<F> {
        self.columns.effective_count()
    }

    /// The moments of the columns: variances and standard errors of the means without their covariances.
    pub fn columns(&self) -> &ColumnMoments<F> {
        &self.columns
    }

    /// The mean, `(width,)`.
    ///
    /// Errors: `TooFew` of no rows; `NaN` with the row; `Parameter` where no weight is above 0.
    pub fn mean(&self) -> Result<Array1<F>> {
        self.columns.mean()
    }

    /// The covariance matrix, `(width, width)`, divided by W: of Gaussian rows the maximum-likelihood estimate, which is
    /// biased by (n - 1) / n. Symmetric to the last bit.
    ///
    /// Errors: those of [`mean`](Self::mean).
    pub fn covariance(&self) -> Result<Array2<F>> {
        Ok(self.matrix(&self.columns.variance()?, |c| c))
    }

    /// The unbiased covariance matrix, `(width, width)`: divided by n - 1, or by W - sum of w^2 / W, which is the form for
    /// weights of reliability. Symmetric to the last bit.
    ///
    /// Errors: those of [`mean`](Self::mean); `TooFew` of one row, and `Count` where one has all the weight.
    pub fn unbiased_covariance(&self) -> Result<Array2<F>> {
        Ok(self.matrix(&self.columns.unbiased_variance()?, |c| self.columns.mass.unbiased(c)))
    }

    /// The mean in twice the digits: the numbers that [`mean`](Self::mean) gives, and what their last places cannot hold.
    pub(crate) fn mean_in_two(&self) -> [&[F]; 2] {
        [&self.columns.centres.mean, &self.columns.centres.mean_rest]
    }

    fn matrix(&self, diagonal: &Array1<F>, of: impl Fn(F) -> F) -> Array2<F> {
        let mut matrix = Array2::from_diag(diagonal);
        for i in 0..self.width() {
            for (j, &c) in self.cross.row(i).iter().enumerate() {
                let c = of(c);
                (matrix[[i, j]], matrix[[j, i]]) = (c, c);
            }
        }
        matrix
    }

    fn join_row(&mut self, row: &[F], mass: Mass<F>) {
        // A NaN is not below any limit.
        let tame = self.columns.centres.tame & row.iter().all(|x| x.abs() < limit());
        let means = row.iter().enumerate().map(|(j, &x)| (self.columns.centres.get(j).mean, Compensated::of(x)));
        let step = Step::new((self.columns.mass, &mass), tame, means);
        self.columns.join_row(row, mass);
        if self.columns.nan.is_none() {
            self.cross.join(&step, |_| Compensated::default());
        }
    }

    /// Adds columns one after the other that are together those of `other`.
    fn add(&mut self, columns: &[ColumnMoments<F>], other: &Self) {
        let (own, its) = (&self.columns, &other.columns);
        let means = (0..self.width()).map(|j| (own.centres.get(j).mean, its.centres.get(j).mean));
        let step = Step::new((own.mass, &its.mass), own.centres.tame & its.centres.tame, means);
        columns.iter().for_each(|some| self.columns.add(some));
        if self.columns.nan.is_none() {
            self.cross.join(&step, |k| other.cross.get(k));
        }
    }

    fn add_rows(&mut self, x: &ArrayRef2<F>, weights: Option<&ArrayRef1<F>>) {
        if self.width() == 0 && weights.is_none() {
            // There are no numbers whose rows could be counted.
            return self.columns.add(&ColumnMoments::of(x));
        }
        // Columns come in tasks of their own, and their bits with them; a product takes several where they are wide.
        let tasks = tasks(x.nrows(), self.width());
        let together = ROWS.div_ceil(tasks.first().map_or(1, |task| task.len().max(1)));
        let held = if several() { (HELD / pairs(self.width()).max(1)).clamp(4, 256) } else { 1 };
        for some in tasks.chunks(together * held) {
            let parts = map(some.chunks(together).collect(), |tasks| Part::of(tasks, x, weights));
            parts.iter().for_each(|part| self.add(&part.columns, &part.whole));
        }
    }
}

/// Some rows of an array: their columns task by task, and all together.
struct Part<F> {
    columns: Vec<ColumnMoments<F>>,
    whole: Scatter<F>,
}

impl<F: Real> Part<F> {
    fn of(tasks: &[Range<usize>], x: &ArrayRef2<F>, weights: Option<&ArrayRef1<F>>) -> Self {
        let of_task = |task: &Range<usize>| match weights {
            Some(weights) => ColumnMoments::weighted_part(task.clone(), x, weights),
            None => ColumnMoments::part(Level::best(), task.clone(), x),
        };
        let columns: Vec<_> = tasks.iter().map(of_task).collect();
        let mut whole = Scatter::new(x.ncols());
        columns.iter().for_each(|some| whole.columns.add(some));
        if whole.columns.nan.is_some() {
            return Self { columns, whole };
        }
        let rows = tasks.first().map_or(0, |task| task.start)..tasks.last().map_or(0, |task| task.end);
        let half = covariances(rows.clone(), x, weights, &whole.columns.centres);
        if half.iter().all(|c| c.is_finite()) {
            whole.cross = Cross::of(x.ncols(), half);
            return Self { columns, whole };
        }
        // Sums that leave the numbers, where a mean need not: a row at a time.
        whole = Scatter::new(x.ncols());
        for i in rows {
            let mass = weights.map_or_else(Mass::one, |weights| Mass::weighing(weights[i]));
            whole.join_row(&x.row(i).to_vec(), mass);
        }
        Self { columns, whole }
    }
}

#[cfg(feature = "serde")]
impl<F: Real> From<Scatter<F>> for super::stored::StoredScatter<F> {
    fn from(scatter: Scatter<F>) -> Self {
        let all: Vec<_> = (0..pairs(scatter.width())).map(|k| scatter.cross.get(k)).collect();
        Self::of(scatter.columns.into(), &all)
    }
}

#[cfg(feature = "serde")]
impl<F: Real> TryFrom<super::stored::StoredScatter<F>> for Scatter<F> {
    type Error = crate::Error;

    fn try_from(stored: super::stored::StoredScatter<F>) -> Result<Self> {
        let columns = ColumnMoments::try_from(stored.columns)?;
        let all = super::stored::StoredScatter::read(stored.covariance, &columns.centres.variance)?;
        Ok(Self { cross: Cross::of_all(columns.width(), &all), columns })
    }
}
