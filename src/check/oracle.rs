use ndarray::{Array1, Array2};

use super::nodes::Nodes;
use crate::moments::ColumnMoments;
use crate::shape::{at_least_one, nan_row, same_shape};
use crate::{Error, Real, Result};

/// Draws whose noise is handed over at a time.
const BATCH: usize = 2048;

/// Mean and variance of an estimator, without sampling: [`oracle`].
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    /// E g, by coordinate.
    pub mean: Array1<f64>,
    /// E (g - E g)^2 of one draw, by coordinate.
    pub variance: Array1<f64>,
    /// The draws that this took: the product of the numbers of nodes.
    pub draws: usize,
}

/// The mean *and the variance* of an estimator over its noise, by enumeration and quadrature: exact where each
/// noise number has finitely many values, and to the error of the [`Nodes`] where it is continuous.
///
/// ```text
/// E g = sum over all choices of nodes of (product of their weights) g(noise)
/// ```
///
/// The estimator is the closure that runs in earnest: from noise to independent draws of the gradient, a row each.
/// One draw of it takes `nodes.len()` noise numbers, independent of each other, laid out as `rows x width` with
/// `width` columns of noise: `nodes[i]` is the law of number i in reading order. The closure is handed many
/// draws at a time, `(draws rows, width)`, and answers with `(draws, P)`: a law that it makes has as many
/// parameter rows (a broadcast view of one costs nothing).
///
/// Rows are in the precision of `F`; their [`ColumnMoments`], weighted by the chance of each, are in f64.
/// Errors: those of the estimator; `Count` where `width` does not divide the nodes, or there are more than
/// 2^32 draws; `Parameter` where there are no nodes, or `width` is 0; `Shape` where the rows are not a row a draw; `NaN` with the row.
///
/// ```
/// use estimand::check::{Nodes, oracle};
/// use estimand::gradient::{Baseline, Plan, ScoreFunction};
/// use estimand::{Bernoulli, ndarray::{Array1, array}};
///
/// // E (b - 0.45)^2 of a fair coin, leave-one-out with two samples. A bit is 1 where its noise is below 1/2.
/// let bit = Nodes::finite(&[0.25, 0.75], &[0.5, 0.5])?;
/// let exact = oracle(&[&bit, &bit], 1, |noise| {
///     let logits = array![[0.0_f64]];
///     let q = Bernoulli::new(logits.broadcast((noise.nrows() / 2, 1)).unwrap())?.repeat_rows(2);
///     let plan = ScoreFunction::propose(&q, noise, Baseline::LeaveOneOut)?;
///     let cost: Array1<f64> = plan.points().column(0).mapv(|b| (b - 0.45).powi(2));
///     Ok(plan.rows(&cost)?.into_flat())
/// })?;
/// assert!((exact.mean[0] - 0.025).abs() < 1e-16);
/// assert!((exact.variance[0] - 6.25e-4).abs() < 1e-16);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn oracle<F: Real>(
    nodes: &[&Nodes],
    width: usize,
    mut estimator: impl FnMut(Array2<F>) -> Result<Array2<F>>,
) -> Result<Exact> {
    let numbers = nodes.len();
    at_least_one("nodes", numbers)?;
    at_least_one("width", width)?;
    let misfit = |expected: String| Error::Count { name: "nodes", axis: "rows", got: numbers, expected };
    if !numbers.is_multiple_of(width) {
        return Err(misfit(format!("a multiple of {width}")));
    }
    let total = nodes.iter().try_fold(1_usize, |all, n| all.checked_mul(n.points().len()));
    let total = total.filter(|&total| total as u64 <= 1 << 32);
    let total = total.ok_or_else(|| misfit("nodes whose numbers have a product of at most 2^32".to_owned()))?;
    let mut moments: Option<ColumnMoments<f64>> = None;
    let mut choice = vec![0; numbers];
    for start in (0..total).step_by(BATCH) {
        let draws = BATCH.min(total - start);
        let (mut noise, mut weights) = (Vec::with_capacity(draws * numbers), Vec::with_capacity(draws));
        for _ in 0..draws {
            weights.push(choice.iter().zip(nodes).map(|(&k, n)| n.weights()[k]).product::<f64>());
            noise.extend(choice.iter().zip(nodes).map(|(&k, n)| F::of(n.points()[k])));
            next(&mut choice, nodes);
        }
        // As many numbers as the shape has.
        let noise = Array2::from_shape_vec((draws * (numbers / width), width), noise).unwrap_or_default();
        let rows = estimator(noise)?;
        let before = moments.get_or_insert_with(|| ColumnMoments::new(rows.ncols()));
        same_shape("rows", rows.shape(), &[draws, before.width()])?;
        if let Some(row) = nan_row(&rows) {
            return Err(Error::NaN { name: "rows", row: start + row });
        }
        before.merge(&ColumnMoments::of_weighted(&rows.mapv(F::as_f64), &Array1::from(weights))?)?;
    }
    let moments = moments.unwrap_or_else(|| ColumnMoments::new(0));
    Ok(Exact { mean: moments.mean()?, variance: moments.variance()?, draws: total })
}

/// The next choice of nodes; the last number turns fastest.
fn next(choice: &mut [usize], nodes: &[&Nodes]) {
    for (k, n) in choice.iter_mut().zip(nodes).rev() {
        *k += 1;
        if *k < n.points().len() {
            return;
        }
        *k = 0;
    }
}
