//! Classes of rows, and the doors of what is compared with them.

use ndarray::{ArrayRef1, ArrayRef2};

use crate::shape::{entries, no_nan_rows, same_shape};
use crate::{Error, Real, Result};

/// What values a column of classes takes, and which of them each row has.
///
/// A label is a name, however large: no memory is taken by its size.
pub(super) struct Labels {
    /// The values, each once, in their order.
    pub(super) classes: Vec<usize>,
    /// The place of each row's value among them.
    pub(super) ranks: Vec<usize>,
}

impl Labels {
    pub(super) fn of<'a>(labels: impl IntoIterator<Item = &'a usize>) -> Self {
        let all: Vec<usize> = labels.into_iter().copied().collect();
        let mut classes = all.clone();
        classes.sort_unstable();
        classes.dedup();
        let ranks = all.iter().map(|label| classes.partition_point(|class| class < label)).collect();
        Self { classes, ranks }
    }

    pub(super) fn columns(labels: &ArrayRef2<usize>) -> Vec<Self> {
        labels.columns().into_iter().map(Self::of).collect()
    }

    /// How many rows have each value.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &rank in &self.ranks {
            counts[rank] += 1;
        }
        counts
    }
}

/// At least one row, and one column.
pub(super) fn not_empty(name: &'static str, (n, d): (usize, usize)) -> Result<()> {
    if n == 0 {
        return Err(Error::TooFew { name, got: 0, needs: 1 });
    }
    if d == 0 {
        return Err(Error::Count { name, axis: "columns", got: 0, expected: "at least 1".to_owned() });
    }
    Ok(())
}

/// The door of codes, and of whatever else is numbers by row: there are some, and all are finite.
pub(super) fn finite_rows<F: Real>(name: &'static str, rows: &ArrayRef2<F>) -> Result<()> {
    not_empty(name, rows.dim())?;
    no_nan_rows(name, rows)?;
    entries(name, rows, "a finite number", F::is_finite)
}

/// The door of what has a row for each of `n` codes.
pub(super) fn same_rows<T>(name: &'static str, n: usize, rows: &ArrayRef2<T>) -> Result<()> {
    let columns = rows.ncols();
    same_shape(name, rows.shape(), &[n, columns])?;
    not_empty(name, (n, columns))
}

/// The door of one class a row.
pub(super) fn one_a_row(name: &'static str, n: usize, labels: &ArrayRef1<usize>) -> Result<()> {
    same_shape(name, labels.shape(), &[n])
}
