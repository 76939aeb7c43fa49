use ndarray::Array2;

use crate::distribution::LocScaleParts;
use crate::moments::ColumnMoments;
use crate::rows::{Grad, weigh};
use crate::shape::{no_nan_rows, not_negative};
use crate::{DiagGaussian, Distribution, Error, Real, Result, ValueGrad};

/// Which covariance is asked to be the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DipForm {
    /// That of the posterior means, DIP-VAE-I.
    Means,
    /// That of the aggregate posterior: the means' and the mean variance, DIP-VAE-II.
    Aggregate,
}

/// The penalty of a covariance of latents that is not the identity, of the posteriors of a batch.
///
/// ```text
/// P = off_diagonal sum over i != j of C_ij^2 + diagonal sum over i of (C_ii - 1)^2
/// C = Cov(loc),   or   Cov(loc) + mean of diag(e^(2 log_scale))
/// ```
///
/// with Cov over the batch, divided by n: of the data set it is the penalty itself; of a batch, as an estimate of that, it is biased,
/// upward by the noise of its moments and downward by the (n - 1) / n of a covariance. To be added to a loss, or taken from an
/// ELBO. A weight of 0 leaves its part out. The gradient is dP/dC, twice each weighted distance, chained with
/// dC/d loc_k = 2 (loc_k - mean) / n by rows and, of the aggregate, dC_jj/d log_scale_kj = 2 e^(2 log_scale_kj) / n.
///
/// Shapes: a number, with gradient rows `(rows, 2 dim)`. Units: none.
/// Errors: `Parameter` where a weight is negative or not finite; `TooFew` where there are fewer than two posteriors; `NaN` with the row.
/// Source: Kumar, Sattigeri and Balakrishnan 2018.
///
/// ```
/// use estimand::{DiagGaussian, objective::{DipForm, dip}, ndarray::array};
///
/// // Means of variances 1 and covariance 1.
/// let q = DiagGaussian::new(array![[1.0, 1.0], [-1.0, -1.0]], array![[0.0, 0.0], [0.0, 0.0]])?;
/// assert_eq!(dip(&q, DipForm::Means, 5.0, 10.0)?.value, 10.0);               // 5 (1 + 1)
/// assert_eq!(dip(&q, DipForm::Aggregate, 5.0, 10.0)?.value, 30.0);           // and 10 (1 + 1)
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn dip<F: Real>(
    q: &DiagGaussian<'_, F>,
    form: DipForm,
    off_diagonal: F,
    diagonal: F,
) -> Result<ValueGrad<F, Grad<F, LocScaleParts>>> {
    not_negative("off_diagonal", off_diagonal)?;
    not_negative("diagonal", diagonal)?;
    let (loc, log_scale) = (q.loc(), q.log_scale());
    let (rows, dim) = loc.dim();
    if rows < 2 {
        return Err(Error::TooFew { name: "q", got: rows, needs: 2 });
    }
    no_nan_rows("loc", &loc)?;
    no_nan_rows("log_scale", &log_scale)?;
    let each = F::one() / F::count(rows);
    let away = &loc - &ColumnMoments::of(&loc).mean()?;
    let mut covariance = away.t().dot(&away) * each;
    // Of the means alone scales are not read.
    let variances =
        if form == DipForm::Aggregate { log_scale.mapv(|s| (s + s).exp()) } else { Array2::zeros((rows, dim)) };
    covariance.diag_mut().zip_mut_with(&ColumnMoments::of(&variances).mean()?, |c, &v| *c += v);
    // The distance of each entry from the identity's, weighted: P is the sum of it times the distance, dP / dC twice it.
    let distance = |(i, j): (usize, usize)| covariance[[i, j]] - if i == j { F::one() } else { F::zero() };
    let weight = |(i, j): (usize, usize)| if i == j { diagonal } else { off_diagonal };
    let pull = Array2::from_shape_fn((dim, dim), |at| weigh(weight(at), distance(at)));
    let value = pull.indexed_iter().map(|(at, &pull)| weigh(pull, distance(at))).sum();
    let four = F::of(4.0) * each;
    let d_loc = away.dot(&pull) * four;
    let d_scale = |i: usize, j: usize| four * weigh(pull[[j, j]], variances[[i, j]]);
    let flat =
        Array2::from_shape_fn((rows, 2 * dim), |(i, c)| if c < dim { d_loc[[i, c]] } else { d_scale(i, c - dim) });
    Ok(ValueGrad { value, grad: Grad::held(flat, q.parts()) })
}
