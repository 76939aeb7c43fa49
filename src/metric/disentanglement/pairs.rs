use ndarray::{Array2, ArrayRef1, ArrayRef2, Axis, Zip};

use super::labels::finite_rows;
use super::logistic::LinearClassifier;
use crate::shape::{at_least_one, groups, same_shape};
use crate::{Real, Result};

/// The mean absolute difference of the codes of pairs that share a factor: the point of the beta-VAE score.
///
/// ```text
/// z_diff of point i = mean over its pairs l of |first_il - second_il|
/// ```
///
/// Shapes: `first, second: (m L, d)`, pair l of point i at row i L + l, to `(m, d)`; L is `pairs`.
/// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row, `Entry` where one is infinite; `Shape` of
/// `second`; `Parameter` of `pairs = 0`; `Count` where it does not divide the rows.
/// Source: Higgins et al. 2017, section 3; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::mean_abs_differences, ndarray::array};
/// let (first, second) = (array![[1.0, 0.0], [3.0, 0.0]], array![[1.0, 1.0], [2.0, -2.0]]);
/// assert_eq!(mean_abs_differences(&first, &second, 2)?, array![[0.5, 1.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mean_abs_differences<F: Real>(first: &ArrayRef2<F>, second: &ArrayRef2<F>, pairs: usize) -> Result<Array2<F>> {
    finite_rows("first", first)?;
    same_shape("second", second.shape(), first.shape())?;
    finite_rows("second", second)?;
    at_least_one("pairs", pairs)?;
    let points = groups("first", "rows", first.nrows(), pairs)?;
    let mut means = Array2::zeros((points, first.ncols()));
    for (i, mut mean) in means.rows_mut().into_iter().enumerate() {
        for l in i * pairs..(i + 1) * pairs {
            Zip::from(&mut mean)
                .and(first.index_axis(Axis(0), l))
                .and(second.index_axis(Axis(0), l))
                .for_each(|mean, &a, &b| *mean += (a - b).abs());
        }
    }
    Ok(means / F::count(pairs))
}

/// The beta-VAE score: how often a linear classifier tells which factor the pairs of a point share.
///
/// Both halves hold the points of [`mean_abs_differences`] and the factor that was fixed: the first is fitted to
/// ([`LinearClassifier`]), the second is counted. Pairs share one factor and differ in the others; a code of the shared
/// factor differs by little.
///
/// Estimand: the chance of a right answer. Bias: none for the classifier that was fitted; and that is not the best one,
/// of which the ridge and the number of points decide. 1 / K is chance. The score does not ask for one code a factor: any
/// rotation of codes that a plane still reads has 1, and K - 1 good codes of K factors too, since the last is told by
/// none being still (Kim and Mnih 2018).
///
/// Shapes: `train, test: (m, d)`, `train_fixed, test_fixed: (m,)`; m differs.
/// Errors: those of [`LinearClassifier::fit`] and [`LinearClassifier::accuracy`].
/// Source: Higgins et al. 2017, section 3, whose classifier has no ridge and stops early; chapter
/// `metric/disentanglement`.
///
/// ```
/// use estimand::{metric::disentanglement::beta_vae, ndarray::array};
/// let train = array![[0.0, 1.0], [0.1, 1.2], [1.1, 0.0], [0.9, 0.1]];
/// assert_eq!(beta_vae(&train, &array![0, 0, 1, 1], &array![[0.0, 0.8], [1.0, 0.2]], &array![0, 1], 1e-3)?, 1.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn beta_vae<F: Real>(
    train: &ArrayRef2<F>,
    train_fixed: &ArrayRef1<usize>,
    test: &ArrayRef2<F>,
    test_fixed: &ArrayRef1<usize>,
    ridge: F,
) -> Result<F> {
    LinearClassifier::fit(train, train_fixed, ridge)?.accuracy(test, test_fixed)
}
