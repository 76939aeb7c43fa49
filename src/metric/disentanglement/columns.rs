//! Columns in units of their own: of their range, and of their standard deviation.

use ndarray::{Array2, ArrayRef2, Axis};

use crate::Real;
use crate::moments::Moments;

/// From where to where a column goes, in halves where the whole is beyond the largest number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range<F> {
    low: F,
    width: F,
    unit: F,
}

impl<F: Real> Range<F> {
    /// Of finite numbers.
    pub(super) fn of<'a>(column: impl IntoIterator<Item = &'a F>) -> Self {
        let start = (F::infinity(), F::neg_infinity());
        let (low, high) = column.into_iter().fold(start, |(low, high), &x| (low.min(x), high.max(x)));
        let unit = if (high - low).is_finite() { F::one() } else { F::of(0.5) };
        Self { low: low * unit, width: high * unit - low * unit, unit }
    }

    /// How far `x` is on the way: 0 at the least number, 1 at the largest, and 0 everywhere if they are the same.
    pub(super) fn fraction(&self, x: F) -> F {
        if self.width > F::zero() { (x * self.unit - self.low) / self.width } else { F::zero() }
    }
}

/// A column in units of its standard deviation (divided by n), from its mean.
///
/// The range comes first, so that no square is beyond the numbers, and numbers far from 0 keep the digits of their
/// differences.
#[derive(Debug, Clone, PartialEq)]
struct Column<F> {
    range: Range<F>,
    mean: F,
    /// 0 where the column never changes.
    sd: F,
}

/// The units of all columns, known from some rows and good for others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Units<F>(Vec<Column<F>>);

impl<F: Real> Units<F> {
    /// Of finite numbers.
    pub(super) fn of(rows: &ArrayRef2<F>) -> Self {
        let column = |j| {
            let range = Range::of(rows.column(j));
            let moments: Moments<F> = rows.column(j).iter().map(|&x| range.fraction(x)).collect();
            let (mean, variance) = (moments.mean().unwrap_or_default(), moments.variance().unwrap_or_default());
            Column { range, mean, sd: variance.sqrt() }
        };
        Self((0..rows.ncols()).map(column).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a column ever changes.
    pub(super) fn live(&self, j: usize) -> bool {
        self.0[j].sd > F::zero()
    }

    /// Rows in these units; a column that never changed is 0.
    pub(super) fn standardised(&self, rows: &ArrayRef2<F>) -> Array2<F> {
        let mut standard = rows.to_owned();
        for (mut column, unit) in standard.axis_iter_mut(Axis(1)).zip(&self.0) {
            let live = unit.sd > F::zero();
            column.mapv_inplace(|x| if live { (unit.range.fraction(x) - unit.mean) / unit.sd } else { F::zero() });
        }
        standard
    }
}
