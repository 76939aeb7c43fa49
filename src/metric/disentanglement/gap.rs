use ndarray::{Array1, ArrayRef1, ArrayRef2, ArrayView1};

use super::labels::finite_rows;
use crate::rows::pairwise;
use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// By how much the best code of each factor is better than the next: what [`mig`] and [`sap`] give.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaps<F> {
    /// The score: the mean over factors.
    pub mean: F,
    /// The gap of each factor, `(K,)`.
    pub by_factor: Array1<F>,
    /// The best code of each factor, `(K,)`; of codes that are equally good, the first.
    pub code: Array1<usize>,
}

/// The mutual information gap.
///
/// ```text
/// MIG = mean over factors k of (I_jk - the largest I_ik of the other codes i) / H_k,   j the code with the largest I_jk
/// ```
///
/// 1 where each factor is known from one code and no other code says anything of it. It does not ask whether a code is
/// about one factor alone: two factors may have the same code. Of equally good codes the gap is 0, and so where a factor
/// is in two codes half by half; where there is one code only the next best says 0. A code of information 0 takes part.
///
/// Bias: of noise all information has about the mean f / (2 n) and the standard deviation sqrt(f / 2) / n,
/// f = (B - 1)(C - 1), by histograms of B bins for C classes: the gap of the two largest is about 0. Of codes that are the factors MIG
/// is 1 less the largest information of another code, over H_k: low by a little more than f / (2 n H_k).
///
/// Shapes: `information: (d, K)`, a row a code; `entropies: (K,)`. Nats, or any unit that both share. An estimate of
/// information may be below 0, and is taken as it is.
/// Errors: `TooFew` of no code, `Count` of no factor; `NaN` with the row, `Entry` where one is infinite; `Shape`; `Entry`
/// of an entropy that is not above 0: of a factor of one class there is nothing to know.
/// Source: Chen, Li, Grosse and Duvenaud 2018, equation 6; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::metric::disentanglement::{entropies, histogram, mig, mutual_information};
/// use estimand::ndarray::array;
///
/// // Two factors of two classes; the first code is the first factor, with a little noise, the second nothing.
/// let factors = array![[0, 0], [0, 1], [1, 0], [1, 1]];
/// let codes = array![[-1.0, 0.3], [-1.1, 0.3], [1.0, 0.3], [0.9, 0.3]];
/// let information = mutual_information(&histogram(&codes, 2)?, &factors)?;
/// let gaps = mig(&information, &entropies::<f64>(&factors)?)?;
/// assert_eq!(gaps.by_factor, array![1.0, 0.0]);
/// assert_eq!((gaps.mean, gaps.code[0]), (0.5, 0));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mig<F: Real>(information: &ArrayRef2<F>, entropies: &ArrayRef1<F>) -> Result<Gaps<F>> {
    finite_rows("information", information)?;
    same_shape("entropies", entropies.shape(), &[information.ncols()])?;
    if let Some((k, h)) = entropies.iter().enumerate().find(|(_, h)| !(h.is_finite() && **h > F::zero())) {
        let value = h.as_f64();
        return Err(Error::Entry { name: "entropies", index: vec![k], value, expected: "a finite number above 0" });
    }
    Ok(gaps(information, |k, gap| gap / entropies[k]))
}

/// The separated attribute predictability.
///
/// ```text
/// SAP = mean over factors k of S_jk - the largest S_ik of the other codes i,   j the code with the largest S_jk
/// ```
///
/// `scores` says how well each factor is read off each code alone: [`squared_correlations`](super::squared_correlations)
/// for factors with an order, [`threshold_accuracies`](super::threshold_accuracies) for classes. Ties and a single code
/// are as in [`mig`]; the accuracy of chance, which both terms have, cancels where there are two codes that change.
/// Shapes: `scores: (d, K)`, a row a code.
/// Errors: `TooFew` of no code, `Count` of no factor; `NaN` with the row, `Entry` where one is infinite.
/// Source: Kumar, Sattigeri and Balakrishnan 2018, section 3; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::sap, ndarray::array};
/// let gaps = sap(&array![[0.75, 0.5], [0.25, 0.5], [0.0, 0.0]])?;
/// assert_eq!(gaps.by_factor, array![0.5, 0.0]);
/// assert_eq!(gaps.mean, 0.25);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn sap<F: Real>(scores: &ArrayRef2<F>) -> Result<Gaps<F>> {
    finite_rows("scores", scores)?;
    Ok(gaps(scores, |_, gap| gap))
}

fn gaps<F: Real>(table: &ArrayRef2<F>, scaled: impl Fn(usize, F) -> F) -> Gaps<F> {
    let two: Vec<(usize, F)> = table.columns().into_iter().map(|column| best_and_gap(column)).collect();
    let by_factor: Array1<F> = two.iter().enumerate().map(|(k, &(_, gap))| scaled(k, gap)).collect();
    let mean = pairwise(by_factor.len(), |k| by_factor[k]) / F::count(by_factor.len());
    Gaps { mean, by_factor, code: two.iter().map(|&(best, _)| best).collect() }
}

/// The place of the largest number, and how far the next is below; 0 is the next of a single one.
fn best_and_gap<F: Real>(column: ArrayView1<'_, F>) -> (usize, F) {
    let largest = |best: Option<usize>, j: usize| match best {
        Some(best) if column[best] >= column[j] => Some(best),
        _ => Some(j),
    };
    let best = (0..column.len()).fold(None, largest).unwrap_or_default();
    let next = (0..column.len()).filter(|&j| j != best).fold(None, largest);
    (best, column[best] - next.map_or(F::zero(), |next| column[next]))
}
