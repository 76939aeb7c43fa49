//! The baselines of least variance, fitted to the samples: b = sum c s^2 / sum s^2.
//!
//! Costs come centred: a baseline moves with a constant that is added to all costs, so that the estimate
//! does not change, and sums stay small. No estimate here has an honest variance: its rows depend on each
//! other through b.

use ndarray::{Array1, Array2};

use super::baseline::Fitted;
use super::estimate::Estimate;
use crate::arithmetic::Arithmetic;
use crate::kernel::Level;
use crate::rows::{Batch, Fold, Grad, reduce, sum_long};
use crate::shape::no_nan_rows;
use crate::{Error, Parts, Real, Result, Rows, Shape};

/// One constant for all entries: of least total variance.
pub(super) fn in_total<F: Real, R: Rows<F>>(
    off: &Array1<F>,
    score: &R,
    fitted: Fitted,
) -> Result<Estimate<F, R::Parts>> {
    let samples = score.shape().repeat;
    let mut squares = lengths(score, F::one());
    if !squares.iter().all(|square| square.is_finite()) {
        // In units of the largest score, which change no constant: squares of scores may overflow.
        let mut most = F::zero();
        score.visit(|_, row| most = row.iter().fold(most, |most, s| most.max(s.abs())));
        squares = lengths(score, most.recip());
    }
    if let Some(row) = squares.iter().position(|square| square.is_nan()) {
        return Err(Error::NaN { name: R::NAME, row });
    }
    let mut weights = off.clone();
    for t in 0..off.len() / samples {
        let group = t * samples..(t + 1) * samples;
        let terms = group.clone().map(|i| [off[i] * squares[i], squares[i]]).collect::<Vec<_>>();
        for (i, sums) in group.zip(sums_of(&terms, fitted)) {
            weights[i] = off[i] - ratio(sums, off[i], samples, fitted);
        }
    }
    let sum = score.weighted(&weights)?;
    Ok(Estimate { gradient: sum.scaled(F::one() / F::count(samples)), variance: None, samples })
}

/// The squared length of each row, times `by`.
fn lengths<F: Real, R: Rows<F>>(score: &R, by: F) -> Array1<F> {
    let mut squares = Array1::zeros(score.shape().samples());
    score.visit(|i, row| squares[i] = sum_long(row, |s| (s * by) * (s * by)));
    squares
}

/// A constant an entry: each of least variance there.
pub(super) fn by_coordinate<F: Real, R: Rows<F>>(
    level: Level,
    off: &Array1<F>,
    score: &R,
    fitted: Fitted,
) -> Result<Estimate<F, R::Parts>> {
    let gradient = match fitted {
        Fitted::OnAll => on_all(level, off, score)?,
        Fitted::LeavingOneOut => kept(off, score, fitted)?,
    };
    Ok(Estimate { gradient: Grad::held(gradient, score.parts()), variance: None, samples: score.shape().repeat })
}

/// (sum c s - b sum s) / S in one pass.
fn on_all<F: Real, R: Rows<F>>(level: Level, off: &Array1<F>, score: &R) -> Result<Array2<F>> {
    let Shape { rows, repeat, .. } = score.shape();
    let width = score.parts().width();
    let sums = reduce(level, score, &Powers { off })?;
    if !sums.iter().all(|sum| sum.is_finite()) {
        // Squares of scores overflow: rows are kept, and scaled.
        return kept(off, score, Fitted::OnAll);
    }
    Ok(Array2::from_shape_fn((rows, width), |(t, j)| {
        let [first, second, with_cost, cost_with_square] = std::array::from_fn(|k| sums[[t, k * width + j]]);
        let b = if second == F::zero() { F::zero() } else { cost_with_square / second };
        (with_cost - b * first) / F::count(repeat)
    }))
}

/// Every sample's constant from sums that cancel nothing (before it and after it, where it is left out), of rows that are
/// kept, each column in units of its largest number.
fn kept<F: Real, R: Rows<F>>(off: &Array1<F>, score: &R, fitted: Fitted) -> Result<Array2<F>> {
    let Shape { rows, repeat, .. } = score.shape();
    let mut all = score.collect().into_flat();
    no_nan_rows(R::NAME, &all)?;
    let mut units = Vec::with_capacity(all.ncols());
    for mut column in all.columns_mut() {
        let most = column.iter().fold(F::zero(), |most, s| most.max(s.abs()));
        let unit = if most > F::zero() { most } else { F::one() };
        column.mapv_inplace(|s| s / unit);
        units.push(unit);
    }
    Ok(Array2::from_shape_fn((rows, all.ncols()), |(t, j)| {
        let group = t * repeat..(t + 1) * repeat;
        let squares = |i: usize| all[[i, j]] * all[[i, j]];
        let terms = group.clone().map(|i| [off[i] * squares(i), squares(i)]).collect::<Vec<_>>();
        let sums = sums_of(&terms, fitted);
        let weighed = group.zip(sums).map(|(i, sums)| (off[i] - ratio(sums, off[i], repeat, fitted)) * all[[i, j]]);
        units[j] * (weighed.fold(F::zero(), |sum, term| sum + term) / F::count(repeat))
    }))
}

/// For each sample the sums of its group: over all, or over the others.
fn sums_of<F: Real>(terms: &[[F; 2]], fitted: Fitted) -> Vec<[F; 2]> {
    let add = |a: [F; 2], b: [F; 2]| [a[0] + b[0], a[1] + b[1]];
    let zero = [F::zero(); 2];
    if fitted == Fitted::OnAll {
        return vec![terms.iter().fold(zero, |sum, &term| add(sum, term)); terms.len()];
    }
    // What comes after each, from the end; then what came before it is added from the start.
    let mut others = vec![zero; terms.len()];
    for i in (1..terms.len()).rev() {
        others[i - 1] = add(others[i], terms[i]);
    }
    let mut before = zero;
    for (others, &term) in others.iter_mut().zip(terms) {
        *others = add(before, *others);
        before = add(before, term);
    }
    others
}

/// The fitted constant; where no score says anything, the mean of the costs that it is fitted on.
fn ratio<F: Real>([cost_with_square, square]: [F; 2], off: F, samples: usize, fitted: Fitted) -> F {
    if square > F::zero() {
        return cost_with_square / square;
    }
    match fitted {
        Fitted::OnAll => F::zero(),
        // Centred costs sum to 0: the others to minus this one.
        Fitted::LeavingOneOut => -off / F::count(samples - 1),
    }
}

/// Sums of s, s^2, c s, c s^2.
struct Powers<'a, F> {
    off: &'a Array1<F>,
}

impl<F: Real> Fold<F> for Powers<'_, F> {
    fn count(&self, width: usize) -> usize {
        4 * width
    }

    #[inline(always)]
    fn columns<A: Arithmetic<F>, const L: usize>(&self, a: A, batch: Batch<'_, F>, at: usize, state: &mut [F]) {
        let sums = batch.sums::<L, 4>(
            at,
            |i| self.off[i],
            |c, row, [first, second, with_cost, with_square]| {
                for lane in 0..L {
                    let s = row[lane];
                    let s2 = s * s;
                    first[lane] += s;
                    second[lane] += s2;
                    with_cost[lane] = a.fma(c, s, with_cost[lane]);
                    with_square[lane] = a.fma(c, s2, with_square[lane]);
                }
            },
        );
        batch.put(at, sums, state);
    }
}
