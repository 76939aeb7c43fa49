//! Covariances of rows about means that are known, by matrix products.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, Slice};

use super::centres::Centres;
use super::columns::copy;
use super::compensated::Compensated;
use super::cross::pairs;
use crate::Real;
use crate::kernel::Level;

/// Rows of a product: sums of so many are added up one after the other.
pub(super) const ROWS: usize = 256;
/// Columns of a product; what is above the diagonal of a panel is not computed.
const PANEL: usize = 64;

/// The lower half of `sum of s_i d_i d_i'`, row by row, without its diagonal: d the deviations of the rows of a range from
/// their means, and s the share of each in the weight. Not finite where an infinity or an overflow was met.
pub(super) fn covariances<F: Real>(
    range: Range<usize>,
    x: &ArrayRef2<F>,
    weights: Option<&ArrayRef1<F>>,
    means: &Centres<F>,
) -> Vec<F> {
    let rows = deviations(range.clone(), x, means);
    let (n, width) = rows.dim();
    let weighted = weights.map(|weights| {
        let mut weighted = rows.clone();
        weighted.rows_mut().into_iter().zip(shares(range, weights)).for_each(|(mut row, share)| row *= share);
        weighted
    });
    let (left, divisor) = weighted.as_ref().map_or((&rows, F::count(n)), |weighted| (weighted, F::one()));
    let mut half = Vec::with_capacity(pairs(width));
    for from in (0..width).step_by(PANEL) {
        let to = width.min(from + PANEL);
        let mut panel = Array2::zeros((to - from, to));
        for start in (0..n).step_by(ROWS) {
            let chunk = start..n.min(start + ROWS);
            let (left, right) = (part(left, chunk.clone(), from..to), part(&rows, chunk, 0..to));
            general_mat_mul(F::one(), &left.t(), &right, F::one(), &mut panel);
        }
        for (row, i) in panel.rows().into_iter().zip(from..to) {
            half.extend(row.iter().take(i).map(|&sum| sum / divisor));
        }
    }
    half
}

/// Rows of a range less their means, both parts of them.
fn deviations<F: Real>(range: Range<usize>, x: &ArrayRef2<F>, means: &Centres<F>) -> Array2<F> {
    let shape = (range.len(), x.ncols());
    let mut rows = copy(Level::best(), range, x);
    for row in rows.chunks_exact_mut(x.ncols().max(1)) {
        for ((x, &mean), &rest) in row.iter_mut().zip(&means.mean).zip(&means.mean_rest) {
            *x = (*x - mean) - rest;
        }
    }
    Array2::from_shape_vec(shape, rows).unwrap_or_default()
}

/// Some columns of some rows.
fn part<F>(all: &ArrayRef2<F>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, F> {
    all.slice_axis(Axis(0), Slice::from(rows)).slice_axis_move(Axis(1), Slice::from(columns))
}

/// Weights over their sum, also where that is none: 0 of nothing.
fn shares<F: Real>(range: Range<usize>, weights: &ArrayRef1<F>) -> Vec<F> {
    let most = range.clone().fold(F::zero(), |most, i| weights[i].max(most));
    if most == F::zero() {
        return vec![F::zero(); range.len()];
    }
    let total = range.clone().fold(Compensated::default(), |sum: Compensated<F>, i| sum.plus(weights[i] / most));
    range.map(|i| weights[i] / most / total.head).collect()
}
