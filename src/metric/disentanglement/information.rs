use ndarray::{Array1, Array2, ArrayRef2};

use super::labels::{Labels, not_empty, same_rows};
use crate::rows::pairwise;
use crate::{Real, Result};

/// The entropy of each column of classes, by the shares in the rows, in nats.
///
/// ```text
/// H_k = sum over classes of (n_c / n) ln (n / n_c)
/// ```
///
/// Estimand: the entropy of the law that the rows are drawn from. Bias: too low by (classes - 1) / (2 n) and terms of
/// order 1 / n^2; consistent. Where the rows are all there is, as in a full grid of factors, it is exact.
/// Shapes: `labels: (n, K)` to `(K,)`. Errors: `TooFew` of no rows, `Count` of no columns.
/// Source: Miller 1955; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::entropies, ndarray::array};
/// let h = entropies::<f64>(&array![[0, 5], [1, 5], [0, 5], [1, 5]])?;
/// assert!((h[0] - std::f64::consts::LN_2).abs() < 1e-15 && h[1] == 0.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn entropies<F: Real>(labels: &ArrayRef2<usize>) -> Result<Array1<F>> {
    not_empty("labels", labels.dim())?;
    let n = labels.nrows();
    let entropy = |column: &Labels| {
        let counts = column.counts();
        pairwise(counts.len(), |c| of_cell(counts[c], n, [counts[c]; 2]))
    };
    Ok(Labels::columns(labels).iter().map(entropy).collect())
}

/// The mutual information of each code with each factor, both classes, by the shares in the rows, in nats.
///
/// ```text
/// I_jk = sum over cells of (n_bc / n) ln (n n_bc / (n_b n_c))
/// ```
///
/// Estimand: the information of the law that the rows are drawn from. Bias: too high, by (B - 1)(C - 1) / (2 n) and terms
/// of order 1 / n^2 for an independent code of B bins and a factor of C classes, all of which occur (Miller and Madow);
/// where they depend on each other, by (cells that can occur - B - C + 1) / (2 n), which is below 0 for a code that is
/// the factor. Consistent. It lies between 0 and the lesser entropy, and is that entropy if one is a function of the
/// other. Classes of codes that are joined never say more.
///
/// Shapes: `codes: (n, d)`, `factors: (n, K)` to `(d, K)`. Time is that of d K sorts of n numbers.
/// Errors: `TooFew` of no rows, `Count` of no columns; `Shape` of `factors`.
/// Source: Chen, Li, Grosse and Duvenaud 2018; Locatello et al. 2019; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::mutual_information, ndarray::array};
/// // The first code is the factor, the second has nothing to do with it.
/// let i = mutual_information::<f64>(&array![[7, 0], [7, 1], [3, 0], [3, 1]], &array![[0], [0], [1], [1]])?;
/// assert!((i[[0, 0]] - std::f64::consts::LN_2).abs() < 1e-15 && i[[1, 0]] == 0.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mutual_information<F: Real>(codes: &ArrayRef2<usize>, factors: &ArrayRef2<usize>) -> Result<Array2<F>> {
    not_empty("codes", codes.dim())?;
    same_rows("factors", codes.nrows(), factors)?;
    let (codes, factors) = (Labels::columns(codes), Labels::columns(factors));
    Ok(Array2::from_shape_fn((codes.len(), factors.len()), |(j, k)| of_pair(&codes[j], &factors[k])))
}

fn of_pair<F: Real>(code: &Labels, factor: &Labels) -> F {
    let n = code.ranks.len();
    let (in_code, in_factor) = (code.counts(), factor.counts());
    // Sorted, not a table: there may be as many classes as rows, on both sides.
    let mut cells: Vec<(usize, usize)> = code.ranks.iter().copied().zip(factor.ranks.iter().copied()).collect();
    cells.sort_unstable();
    let cells: Vec<(usize, [usize; 2])> =
        cells.chunk_by(|a, b| a == b).map(|cell| (cell.len(), [in_code[cell[0].0], in_factor[cell[0].1]])).collect();
    let information: F = pairwise(cells.len(), |c| of_cell(cells[c].0, n, cells[c].1));
    // What is below is rounding.
    information.max(F::zero())
}

/// (m / n) ln (n m / (a b)). Products of counts are exact in f64 up to 2^53, so that a grid of independent classes gives
/// 0 to the last bit.
fn of_cell<F: Real>(m: usize, n: usize, [a, b]: [usize; 2]) -> F {
    let ratio = (n as f64 * m as f64) / (a as f64 * b as f64);
    F::count(m) / F::count(n) * F::of(ratio).ln()
}
