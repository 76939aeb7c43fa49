use ndarray::{Array1, Array2, ArrayRef2};

use super::gaussian::not_all_equal;
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::moments::{Moments, Scatter};
use crate::rows::{pairwise, sum_coordinates};
use crate::shape::entries;
use crate::{Error, Real, Result};

/// A mean, and a covariance matrix shrunk towards a multiple of the identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk<F> {
    /// The mean of the rows, `(d,)`.
    pub mean: Array1<F>,
    /// (1 - intensity) S + intensity target I, `(d, d)`, symmetric to the last bit.
    pub covariance: Array2<F>,
    /// How far S was moved, from 0 to 1.
    pub intensity: F,
    /// mu: the mean of the diagonal of S, and so of its eigenvalues.
    pub target: F,
}

/// The covariance matrix of the rows `x: (n, d)` shrunk towards mu I, by the intensity that Ledoit and Wolf estimate to be
/// the best: for when n is not many times d.
///
/// ```text
/// S = mean of z_k z_k',  z_k = x_k - mean,   mu = tr S / d
/// Sigma = (1 - r) S + r mu I,   r = min(1, b^2 / d^2)
/// d^2 = |S - mu I|^2,   b^2 = mean of |z_k z_k' - S|^2 / n = (mean of |z_k|^4 - |S|^2) / n      (norms of Frobenius)
/// ```
///
/// Estimand: the covariance of the rows' law. Bias: biased towards mu I, and as S is by (n - 1) / n; consistent: at a given
/// d the intensity goes to 0 as 1 / n. Its mean squared error tends to the least that any mixture of S and I can
/// have, also where d grows with n, for laws with eight moments whose parts do not all hang together. The trace is that of S. Where the
/// intensity is above 0 all eigenvalues are at least intensity times mu, also where n <= d and S is singular.
///
/// Of two rows both z z' are S, so that the intensity is 0 and Sigma singular where d > 1. Where S is mu I already,
/// as always at d = 1, the intensity is 1. No row is weighted, and no Gaussian law is assumed. Time
/// is that of one matrix product. It takes the rows and not a [`Scatter`], since b needs their fourth moments.
///
/// The target mu I takes all columns to have one unit: columns of different units are divided by their standard deviations
/// first, and the covariance is multiplied by them afterwards.
///
/// Errors: `Count` of no columns; `TooFew` of fewer than two rows; `NaN` with the row; `Entry` where one is infinite;
/// `Parameter` of `variance` where all rows are equal (or so near that squares of their differences vanish), or where
/// squares leave the numbers.
/// Source: Ledoit and Wolf 2004; chapter `fit/covariance`.
///
/// ```
/// use estimand::{fit::ledoit_wolf, ndarray::array};
///
/// // On one line: S is [[2.5, 2.5], [2.5, 2.5]], and singular; |z|^2 is 8, 8, 2 and 2.
/// let shrunk = ledoit_wolf(&array![[2.0, 2.0], [-2.0, -2.0], [1.0, 1.0], [-1.0, -1.0]])?;
/// assert_eq!(shrunk.target, 2.5);
/// assert!((shrunk.intensity - 0.18_f64).abs() < 1e-15);   // b^2 = (34 - 25) / 4 over d^2 = 12.5
/// assert!((shrunk.covariance[[0, 1]] - 2.05).abs() < 1e-15 && (shrunk.covariance[[1, 1]] - 2.5).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn ledoit_wolf<F: Real>(x: &ArrayRef2<F>) -> Result<Shrunk<F>> {
    let (n, d) = x.dim();
    if d == 0 {
        return Err(Error::Count { name: "x", axis: "columns", got: 0, expected: "at least 1".to_owned() });
    }
    if n < 2 {
        return Err(Error::TooFew { name: "x", got: n, needs: 2 });
    }
    entries("x", x, "a finite number", F::is_finite)?;
    let scatter = Scatter::of(x);
    let (mean, s) = (scatter.mean()?, scatter.covariance()?);
    let target = not_all_equal(pairwise(d, |i| s[[i, i]] / F::count(d)))?;
    let intensity = intensity(x, &scatter, target, &s);
    let mut covariance = s * (F::one() - intensity);
    covariance.diag_mut().mapv_inplace(|v| v + intensity * target);
    Ok(Shrunk { mean, covariance, intensity, target })
}

/// min(1, b^2 / d^2), of rows in units of the root of mu: fourth powers of the data need not be numbers.
fn intensity<F: Real>(x: &ArrayRef2<F>, scatter: &Scatter<F>, target: F, s: &Array2<F>) -> F {
    let (n, d) = x.dim();
    let [mean, rest] = scatter.mean_in_two();
    let lengths = SquareLength { mean, rest, scale: target.sqrt().recip() };
    let (lengths, []) = fill(n, [x.view()], [], &lengths);
    let spread = Moments::of(&lengths).variance().unwrap_or_default();
    let s = s / target;
    // mean of |z|^4 - |S|^2, of which the first is spread + (tr S)^2: a sum of which no term is negative.
    let minors = below(&s, |v, w, c| (v * w - c * c).max(F::zero()));
    let two = F::of(2.0);
    // Two rows are as far from their mean on both sides, and what is left here is rounding.
    let b = if n == 2 { F::zero() } else { (spread + two * minors) / F::count(n) };
    let d = pairwise(d, |i| (s[[i, i]] - F::one()).powi(2)) + two * below(&s, |_, _, c| c * c);
    if b >= d { F::one() } else { b / d }
}

/// The sum over all places below the diagonal of a term of both variances and the covariance.
fn below<F: Real>(s: &Array2<F>, term: impl Fn(F, F, F) -> F) -> F {
    let variances = s.diag().to_vec();
    pairwise(s.nrows(), |i| {
        let row = s.row(i);
        pairwise(i, |j| term(variances[i], variances[j], row[j]))
    })
}

/// scale^2 |x - mean|^2 of a row.
struct SquareLength<'a, F> {
    mean: &'a [F],
    rest: &'a [F],
    scale: F,
}

impl<F: Real> RowFn<F, 1> for SquareLength<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, _: usize, [x]: [&[F]; 1], _: &mut [F]) -> F {
        sum_coordinates::<false, _, 3, 0>([x, self.mean, self.rest], [], |[x, mean, rest]| {
            let z = ((x - mean) - rest) * self.scale;
            (z * z, [])
        })
    }
}
