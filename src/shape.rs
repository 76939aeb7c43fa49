//! How rows are shared, and the checks at the door.

use ndarray::{ArrayRef, ArrayRef1, ArrayRef2, Dimension};

use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, run};
use crate::{Error, Real, Result};

/// Entries that are looked at before the answer is.
const CHUNK: usize = 1024;

/// The domain of a weight.
pub(crate) const NOT_NEGATIVE: &str = "a finite number that is not negative";

/// How many parameter rows a law has, how many sample rows share each, and how wide a sample is.
///
/// Sample row `i` uses parameter row `i / repeat`; so `rows = n, repeat = 1` is a parameter row an
/// example, `rows = 1, repeat = s` is one law sampled `s` times, and anything between is `k`
/// samples an example, example-major. This is all there is to say about shapes: no batch shape, no
/// event shape.
///
/// ```
/// use estimand::Shape;
///
/// let shape = Shape { rows: 3, repeat: 4, dim: 2 };
/// assert_eq!(shape.samples(), 12);
/// assert_eq!(shape.parameter_row(11), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Parameter rows.
    pub rows: usize,
    /// Consecutive sample rows that share a parameter row; 0 is refused with any array of samples.
    pub repeat: usize,
    /// Coordinates of a sample.
    pub dim: usize,
}

impl Shape {
    /// Sample rows: `rows * repeat`.
    pub fn samples(&self) -> usize {
        self.rows.saturating_mul(self.repeat)
    }

    /// The parameter row of sample row `i`.
    #[inline(always)]
    pub fn parameter_row(&self, i: usize) -> usize {
        // A division takes as long as a few coordinates; the first parameter row, often the only one, needs none.
        if self.repeat == 1 {
            i
        } else if i < self.repeat {
            0
        } else {
            i / self.repeat.max(1)
        }
    }

    /// The door of every array of samples: shape `(rows * repeat, dim)`, and `repeat` not 0.
    pub(crate) fn samples_door<F>(&self, name: &'static str, array: &ArrayRef2<F>) -> Result<()> {
        at_least_one("repeat", self.repeat)?;
        same_shape(name, array.shape(), &[self.samples(), self.dim])
    }
}

/// `got` is `expected`, to the letter: `(n,)` against `(n, 1)` is an error.
pub(crate) fn same_shape(name: &'static str, got: &[usize], expected: &[usize]) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
}

/// Fewer samples of a parameter row than an estimator needs.
pub(crate) fn too_few(name: &'static str, got: usize, needs: usize) -> Error {
    Error::Count { name, axis: "rows a parameter row", got, expected: format!("at least {needs}") }
}

/// A count that divides or multiplies: 0 has no meaning.
pub(crate) fn at_least_one(name: &'static str, count: usize) -> Result<()> {
    if count >= 1 {
        return Ok(());
    }
    Err(Error::Parameter { name, value: 0.0, expected: "at least 1" })
}

/// A number of rows, of all or of a parameter row, that falls into groups of `k`.
pub(crate) fn groups(name: &'static str, axis: &'static str, rows: usize, k: usize) -> Result<usize> {
    at_least_one("k", k)?;
    if rows.is_multiple_of(k) {
        return Ok(rows / k);
    }
    Err(Error::Count { name, axis, got: rows, expected: format!("a multiple of {k}") })
}

/// A weight of an objective.
pub(crate) fn not_negative<F: Real>(name: &'static str, value: F) -> Result<()> {
    if value >= F::zero() && value.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { name, value: value.as_f64(), expected: NOT_NEGATIVE })
}

/// A scale, or a temperature.
pub(crate) fn positive<F: Real>(name: &'static str, value: F) -> Result<()> {
    if value > F::zero() && value.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { name, value: value.as_f64(), expected: "a finite number above 0" })
}

/// A location.
pub(crate) fn finite<F: Real>(name: &'static str, value: F) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { name, value: value.as_f64(), expected: "a finite number" })
}

/// A number that is not NaN.
pub(crate) fn a_number<F: Real>(name: &'static str, value: F) -> Result<()> {
    if !value.is_nan() {
        return Ok(());
    }
    Err(Error::Parameter { name, value: value.as_f64(), expected: "a number" })
}

/// No row of a cost or a weight is NaN.
pub(crate) fn no_nan<F: Real>(name: &'static str, rows: &ArrayRef1<F>) -> Result<()> {
    if !any(rows, F::is_nan) {
        return Ok(());
    }
    rows.iter().position(|x| x.is_nan()).map_or(Ok(()), |row| Err(Error::NaN { name, row }))
}

/// The first row that holds a NaN.
pub(crate) fn nan_row<F: Real>(rows: &ArrayRef2<F>) -> Option<usize> {
    if !any(rows, F::is_nan) {
        return None;
    }
    rows.rows().into_iter().position(|row| row.iter().any(|x| x.is_nan()))
}

/// The door of rows that are summed or compared: no row holds a NaN.
pub(crate) fn no_nan_rows<F: Real>(name: &'static str, rows: &ArrayRef2<F>) -> Result<()> {
    nan_row(rows).map_or(Ok(()), |row| Err(Error::NaN { name, row }))
}

/// The door of weights, one for each of `n` rows: finite, and not negative.
pub(crate) fn weights_door<F: Real>(name: &'static str, n: usize, weights: &ArrayRef1<F>) -> Result<()> {
    same_shape(name, weights.shape(), &[n])?;
    let strays = |w: F| !((w >= F::zero()) & w.is_finite());
    if !any(weights, strays) {
        return Ok(());
    }
    let found = weights.iter().enumerate().find(|&(_, &w)| strays(w));
    found.map_or(Ok(()), |(row, w)| {
        if w.is_nan() {
            return Err(Error::NaN { name, row });
        }
        Err(Error::Entry { name, index: vec![row], value: w.as_f64(), expected: NOT_NEGATIVE })
    })
}

/// Every entry is in the domain, or is NaN (NaN in data stays in its row).
pub(crate) fn entries<F: Real>(
    name: &'static str,
    array: &ArrayRef2<F>,
    expected: &'static str,
    holds: impl Fn(F) -> bool,
) -> Result<()> {
    let strays = |x: F| !(holds(x) | x.is_nan());
    if !any(array, strays) {
        return Ok(());
    }
    let found = array.indexed_iter().find(|&(_, &x)| strays(x));
    found.map_or(Ok(()), |((i, j), x)| Err(Error::Entry { name, index: vec![i, j], value: x.as_f64(), expected }))
}

/// Whether `strays` is true of any entry.
///
/// It is asked of all entries of a chunk before any answer is looked at: a condition written without
/// `&&` and `||` then takes no branch that depends on the data.
pub(crate) fn any<F: Real, D: Dimension>(array: &ArrayRef<F, D>, strays: impl Fn(F) -> bool) -> bool {
    match array.as_slice_memory_order() {
        Some(all) => run(Level::best(), Any { all, strays }),
        None => array.iter().any(|&x| strays(x)),
    }
}

struct Any<'a, F, S> {
    all: &'a [F],
    strays: S,
}

impl<F: Real, S: Fn(F) -> bool> Work<F> for Any<'_, F, S> {
    type Output = bool;

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) -> bool {
        self.all.chunks(CHUNK).any(|some| some.iter().fold(false, |any, &x| any | (self.strays)(x)))
    }
}
