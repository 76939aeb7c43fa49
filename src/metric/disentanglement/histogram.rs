use ndarray::{Array2, ArrayRef2};

use super::columns::Range;
use super::labels::finite_rows;
use crate::shape::at_least_one;
use crate::{Real, Result};

/// The bin of each code, of as many bins of equal width from its least number to its largest.
///
/// ```text
/// bin of x = min(bins - 1, floor of bins (x - low) / (high - low))
/// ```
///
/// A number on an inner edge is in the upper bin, the largest in the last; a code that never changes is in bin 0. A code
/// in different units has the same bins, one that is bent has not: the score of what follows depends on it, as on the
/// number of bins, 20 in Locatello et al. One far number makes all others share a bin.
/// Shapes: `codes: (n, d)` to `(n, d)`.
/// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row; `Entry` where one is infinite; `Parameter` of
/// no bins.
/// Source: Locatello et al. 2019, appendix on metrics; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::histogram, ndarray::array};
/// let codes = array![[0.0, 7.0], [0.3, 7.0], [0.5, 7.0], [1.0, 7.0]];
/// assert_eq!(histogram(&codes, 2)?, array![[0, 0], [0, 0], [1, 0], [1, 0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn histogram<F: Real>(codes: &ArrayRef2<F>, bins: usize) -> Result<Array2<usize>> {
    finite_rows("codes", codes)?;
    at_least_one("bins", bins)?;
    let ranges: Vec<Range<F>> = codes.columns().into_iter().map(|code| Range::of(code)).collect();
    Ok(Array2::from_shape_fn(codes.dim(), |(i, j)| {
        let bin = (ranges[j].fraction(codes[[i, j]]) * F::count(bins)).floor();
        // Not negative: what is no count is too large for one.
        bin.to_usize().map_or(bins - 1, |bin| bin.min(bins - 1))
    }))
}
