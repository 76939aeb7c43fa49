use ndarray::{Array1, ArrayRef2, ArrayView1};

use super::labels::finite_rows;
use crate::rows::pairwise;
use crate::shape::{NOT_NEGATIVE, entries};
use crate::{Real, Result};

/// What a table of importance says of codes and factors: what [`dci`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Dci<F> {
    /// The mean of `by_code`, weighted by `weights`.
    pub disentanglement: F,
    /// The mean of `by_factor`.
    pub completeness: F,
    /// D_j: 1 where a code is about one factor, 0 where it is about all equally, `(d,)`.
    pub by_code: Array1<F>,
    /// C_k: 1 where a factor is in one code, 0 where it is in all equally, `(K,)`.
    pub by_factor: Array1<F>,
    /// rho_j: the share of a code in all importance, `(d,)`; they add up to 1, or are all 0.
    pub weights: Array1<F>,
}

/// Disentanglement and completeness, from how important each code is for predicting each factor.
///
/// ```text
/// D_j = 1 - H(row j over its sum) / ln K,      disentanglement = sum of rho_j D_j,   rho_j = sum of row j over the sum of all
/// C_k = 1 - H(column k over its sum) / ln d,   completeness    = mean of C_k
/// ```
///
/// A row of zeros (a dead code) has D_j = 0 and no weight. A column of zeros (a factor that no code knows) has C_k = 0,
/// and counts in the mean. With a single factor no code can be about two, with a single code no factor in two: D_j or C_k
/// is then 1, and 0 of zeros. A table of zeros has 0 in both. A common factor of the table changes nothing; that of a row
/// or a column does.
///
/// The third number, informativeness, is the error of whatever predicted the factors: it is yours. A table of a good
/// score and a bad prediction says nothing. Some code weighs C_k by the share of column k: `by_factor` has what it takes.
///
/// Shapes: `importance: (d, K)`, a row a code.
/// Errors: `TooFew` of no code, `Count` of no factor; `NaN` with the row; `Entry` where one is negative or infinite.
/// Source: Eastwood and Williams 2018, section 2; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::dci, ndarray::array};
/// // Two codes about one factor each, one dead; the first factor has two codes, the last none.
/// let scores = dci(&array![[1.0_f64, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])?;
/// assert_eq!(scores.by_code, array![1.0, 1.0, 0.0]);
/// assert_eq!((scores.disentanglement, scores.weights[0]), (1.0, 0.5));
/// let half = 1.0 - 2.0_f64.ln() / 3.0_f64.ln();
/// assert!((scores.completeness - half / 3.0).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn dci<F: Real>(importance: &ArrayRef2<F>) -> Result<Dci<F>> {
    finite_rows("importance", importance)?;
    entries("importance", importance, NOT_NEGATIVE, |r| r >= F::zero())?;
    let by_code: Array1<F> = importance.rows().into_iter().map(|row| concentration(row)).collect();
    let by_factor: Array1<F> = importance.columns().into_iter().map(|column| concentration(column)).collect();
    let weights = shares(importance);
    let disentanglement = pairwise(by_code.len(), |j| weights[j] * by_code[j]);
    let completeness = pairwise(by_factor.len(), |k| by_factor[k]) / F::count(by_factor.len());
    Ok(Dci { disentanglement, completeness, by_code, by_factor, weights })
}

/// 1 - H(p) / ln of how many there are, p the numbers over their sum.
fn concentration<F: Real>(numbers: ArrayView1<'_, F>) -> F {
    // In units of the largest, so that no sum is beyond the numbers.
    let largest = numbers.iter().copied().fold(F::zero(), F::max);
    if largest == F::zero() || numbers.len() == 1 {
        return if largest == F::zero() { F::zero() } else { F::one() };
    }
    let total = pairwise(numbers.len(), |i| numbers[i] / largest);
    let entropy = pairwise(numbers.len(), |i| {
        let p = numbers[i] / largest / total;
        if p == F::zero() { F::zero() } else { -p * p.ln() }
    });
    (F::one() - entropy / F::count(numbers.len()).ln()).max(F::zero())
}

/// The share of each row in the sum of all.
fn shares<F: Real>(table: &ArrayRef2<F>) -> Array1<F> {
    let largest = table.iter().copied().fold(F::zero(), F::max);
    if largest == F::zero() {
        return Array1::zeros(table.nrows());
    }
    let rows: Array1<F> = table.rows().into_iter().map(|row| pairwise(row.len(), |k| row[k] / largest)).collect();
    let total = pairwise(rows.len(), |j| rows[j]);
    rows / total
}
