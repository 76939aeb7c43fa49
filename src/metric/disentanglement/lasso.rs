use ndarray::{Array1, Array2, ArrayRef2};

use super::columns::Units;
use super::labels::{finite_rows, same_rows};
use crate::rows::pairwise;
use crate::shape::not_negative;
use crate::{Real, Result};

/// Rounds through all codes, at the most. One takes d^2 steps, whatever the number of rows.
const ROUNDS: usize = 10_000;

/// Linear predictions of factors from few codes: what [`lasso`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Lasso<F> {
    /// The weight of each code in each factor's prediction, both in units of their standard deviations, `(d, K)`.
    pub weights: Array2<F>,
    /// By how much the conditions of a minimum are missed, at the most, in any factor: what is left of rounding, or of
    /// [`lasso`]'s patience.
    pub slack: F,
}

impl<F: Real> Lasso<F> {
    /// |w|, `(d, K)`: the importance of which [`dci`](super::dci) is made.
    pub fn importance(&self) -> Array2<F> {
        self.weights.mapv(F::abs)
    }
}

/// The lasso of each factor on all codes, by coordinate descent.
///
/// ```text
/// minimise (1 / 2n) |t - Z w|^2 + penalty |w|_1,   Z, t: codes and factor less their means, over their standard deviations
/// g = Z'(t - Z w) / n:   g_j = penalty sign w_j where w_j is not 0,   |g_j| <= penalty where it is
/// ```
///
/// The penalty is a correlation: at 1 or more all weights are 0, at 0 this is least squares. There is one minimum where
/// no code is a line in others; of two codes that say the same, the first has the weight. A code that never changes has
/// weight 0, and a factor that never changes a column of zeros.
///
/// A factor here is a number, and its order counts: `factors.mapv(|v| v as f64)` makes one of classes that have one. Of
/// classes without order each is a factor of its own, 0 and 1.
///
/// Bias: weights are shrunk, by the penalty where codes are orthogonal; the squared error of the prediction on other rows
/// is what informativeness is made of. Which penalty, other rows say. Time is d (d + K) n for the correlations, then d^2
/// a round; nearly dependent codes take many (10 000 at the most; `slack` says how far it came).
/// Shapes: `codes: (n, d)`, `values: (n, K)`, one a factor.
/// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row, `Entry` where one is infinite; `Shape` of
/// `values`; `Parameter` of a penalty that is negative or not finite.
/// Source: Tibshirani 1996; Friedman, Hastie and Tibshirani 2010; Eastwood and Williams 2018; chapter
/// `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::{dci, lasso}, ndarray::array};
/// // Orthogonal codes, and a factor that is 3 times the first and once the second: correlations 3 and 1 over sqrt 10.
/// let codes = array![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
/// let fitted = lasso(&codes, &array![[4.0_f64], [2.0], [-2.0], [-4.0]], 0.25)?;
/// let root = 10.0_f64.sqrt();
/// assert!((fitted.weights[[0, 0]] - (3.0 / root - 0.25)).abs() < 1e-15);
/// assert!((fitted.weights[[1, 0]] - (1.0 / root - 0.25)).abs() < 1e-15);
/// assert!(dci(&fitted.importance())?.completeness > 0.5);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn lasso<F: Real>(codes: &ArrayRef2<F>, values: &ArrayRef2<F>, penalty: F) -> Result<Lasso<F>> {
    finite_rows("codes", codes)?;
    same_rows("values", codes.nrows(), values)?;
    finite_rows("values", values)?;
    not_negative("penalty", penalty)?;
    let units = Units::of(codes);
    let z = units.standardised(codes);
    let among = correlations(&z, &z);
    let with = correlations(&z, &Units::of(values).standardised(values));
    let (mut weights, mut slack) = (Array2::zeros(with.dim()), F::zero());
    for (k, mut to) in weights.columns_mut().into_iter().enumerate() {
        let (w, missed) = minimum(&among, with.column(k).to_owned(), penalty, &units);
        to.assign(&w);
        slack = slack.max(missed);
    }
    Ok(Lasso { weights, slack })
}

/// Z'T / n of standardised columns; 0 for what never changes.
pub(super) fn correlations<F: Real>(z: &Array2<F>, t: &Array2<F>) -> Array2<F> {
    let n = z.nrows();
    // Columns as slices: each is read many times.
    let [z, t] = [z, t].map(|rows| rows.columns().into_iter().map(|column| column.to_vec()).collect::<Vec<_>>());
    let mean = |a: &[F], b: &[F]| pairwise(n, |i| a[i] * b[i]) / F::count(n);
    Array2::from_shape_fn((z.len(), t.len()), |(j, k)| mean(&z[j], &t[k]))
}

/// The weights of one factor, and by how much they miss the conditions. `g` starts as the correlations with the factor.
fn minimum<F: Real>(among: &Array2<F>, mut g: Array1<F>, penalty: F, units: &Units<F>) -> (Array1<F>, F) {
    let mut w = Array1::<F>::zeros(g.len());
    let live: Vec<usize> = (0..g.len()).filter(|&j| units.live(j)).collect();
    for _ in 0..ROUNDS {
        let (mut moved, mut size) = (F::zero(), F::zero());
        for &j in &live {
            // Curvature 1 but for rounding.
            let to = shrink(g[j] + among[[j, j]] * w[j], penalty) / among[[j, j]];
            let step = to - w[j];
            if step != F::zero() {
                w[j] = to;
                g.scaled_add(-step, &among.column(j));
            }
            (moved, size) = (moved.max(step.abs()), size.max(to.abs()));
        }
        if moved <= F::epsilon() * size {
            break;
        }
    }
    let missed = live.iter().map(|&j| {
        let at_zero = (g[j].abs() - penalty).max(F::zero());
        if w[j] == F::zero() { at_zero } else { (g[j] - penalty * w[j].signum()).abs() }
    });
    let missed = missed.fold(F::zero(), F::max);
    (w, missed)
}

/// Towards 0 by the penalty, and no further.
fn shrink<F: Real>(x: F, penalty: F) -> F {
    let left = (x.abs() - penalty).max(F::zero());
    if x < F::zero() { -left } else { left }
}
