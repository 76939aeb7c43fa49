use ndarray::{Array2, ArrayRef2};

use super::columns::Units;
use super::labels::{Labels, finite_rows, same_rows};
use super::lasso::correlations;
use crate::{Real, Result};

/// The squared correlation of each code with each factor: the share of a factor's variance that a line through the code
/// explains.
///
/// ```text
/// S_jk = Cov(z_j, v_k)^2 / (Var z_j Var v_k)
/// ```
///
/// For factors with an order, whose classes are then numbers (`factors.mapv(|v| v as f64)`). What never changes has 0. A
/// code with a little noise and no meaning has about 1 / n, whatever its size: the paper sets codes of next to no
/// variance to 0, which here is yours to do: the least variance that counts depends on the units of the codes.
/// Bias: of independent columns 1 / (n - 1) in expectation if one is Gaussian, not 0. Consistent.
/// Shapes: `codes: (n, d)`, `values: (n, K)` to `(d, K)`.
/// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row, `Entry` where one is infinite; `Shape` of
/// `values`.
/// Source: Kumar, Sattigeri and Balakrishnan 2018, section 3; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::squared_correlations, ndarray::array};
/// let s = squared_correlations(&array![[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]], &array![[-2.0_f64], [-4.0], [-6.0]])?;
/// assert!((s[[0, 0]] - 1.0).abs() < 1e-15 && s[[1, 0]] == 0.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn squared_correlations<F: Real>(codes: &ArrayRef2<F>, values: &ArrayRef2<F>) -> Result<Array2<F>> {
    finite_rows("codes", codes)?;
    same_rows("values", codes.nrows(), values)?;
    finite_rows("values", values)?;
    let [z, t] = [codes, values].map(|rows| Units::of(rows).standardised(rows));
    Ok(correlations(&z, &t).mapv(|r| (r * r).min(F::one())))
}

/// The best balanced accuracy of each factor's classes by thresholds on each code alone.
///
/// ```text
/// S_jk = the largest, over at most C - 1 thresholds on z_j and a class for each interval between them, of
///        (1 / C) sum over classes c of the share of the rows of class c that lie in intervals of c
/// ```
///
/// For factors of classes without order, C of them. The maximum is exact, by dynamic programming over the sorted rows,
/// and for two classes of either direction. A code that never changes has 0, as the paper sets an inactive one; any other
/// at least 1 / C. A factor of one class has 1.
/// Bias: it is fitted to the rows that it is measured on, and of noise above 1 / C by an order of sqrt(C / n).
/// Counts and not codes are added, in f64 for either precision. Time is n C^2 and a sort, for each code and factor.
/// Shapes: `codes: (n, d)`, `factors: (n, K)` to `(d, K)`.
/// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row, `Entry` where one is infinite; `Shape` of
/// `factors`.
/// Source: Kumar, Sattigeri and Balakrishnan 2018, section 3; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::threshold_accuracies, ndarray::array};
/// // One threshold, below which is class 1: all 3 rows of class 1, and 1 of the 2 of class 0.
/// let s = threshold_accuracies(&array![[0.1], [0.2], [0.3], [0.4], [0.5]], &array![[1], [0], [1], [1], [0]])?;
/// assert_eq!(s[[0, 0]], 0.75);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn threshold_accuracies<F: Real>(codes: &ArrayRef2<F>, factors: &ArrayRef2<usize>) -> Result<Array2<F>> {
    finite_rows("codes", codes)?;
    same_rows("factors", codes.nrows(), factors)?;
    let factors = Labels::columns(factors);
    let mut scores = Array2::zeros((codes.ncols(), factors.len()));
    for (code, mut scores) in codes.columns().into_iter().zip(scores.rows_mut()) {
        let mut order: Vec<usize> = (0..code.len()).collect();
        order.sort_by(|&a, &b| code[a].partial_cmp(&code[b]).unwrap_or(std::cmp::Ordering::Equal));
        // Rows of one number: no threshold is between them.
        let ties: Vec<&[usize]> = order.chunk_by(|&a, &b| code[a] == code[b]).collect();
        if ties.len() > 1 {
            scores.iter_mut().zip(&factors).for_each(|(score, factor)| *score = F::of(best_intervals(&ties, factor)));
        }
    }
    Ok(scores)
}

/// The best accuracy, by how many intervals have begun and which class the last one has.
fn best_intervals(ties: &[&[usize]], factor: &Labels) -> f64 {
    let classes = factor.classes.len();
    let gains: Vec<f64> = factor.counts().iter().map(|&count| 1.0 / (classes as f64 * count as f64)).collect();
    let mut best = vec![vec![f64::NEG_INFINITY; classes]; classes];
    best[0].fill(0.0);
    for (place, rows) in ties.iter().enumerate() {
        // From many intervals to few: what a new one begins from is the row's that went before.
        for t in (1..classes).rev().filter(|_| place > 0) {
            let from = best[t - 1].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            best[t].iter_mut().for_each(|b| *b = b.max(from));
        }
        for &row in *rows {
            let class = factor.ranks[row];
            best.iter_mut().for_each(|of_count| of_count[class] += gains[class]);
        }
    }
    // A share of all rows is 1 but for rounding.
    best.iter().flatten().copied().fold(0.0, f64::max).min(1.0)
}
