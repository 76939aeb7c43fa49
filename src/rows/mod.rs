//! Rows until the user reduces them: one gradient row an example, with named parts.
//!
//! [`Rows`] are rows not yet made: a law's score, a path's pull-back. They are made in cache under
//! whatever reduces them, and nearly every estimator is then *one weight per row*,
//! `rows.weighted(&w)`. [`Grad`] holds rows that were made.

mod coordinates;
mod grad;
mod reduce;
mod sum;
mod value_grad;

use std::ops::Range;

use ndarray::{Array2, ArrayRef1};

pub use coordinates::sum_coordinates;
pub(crate) use grad::slots;
pub use grad::{Grad, GradRows, Parts};
pub(crate) use reduce::{Terms, reduce};
pub(crate) use sum::{LONG, pairwise, sum_long, weigh};
pub use value_grad::ValueGrad;
pub(crate) use value_grad::{mean_of, mean_rows};

use crate::kernel::Level;
use crate::shape::{no_nan, same_shape};
use crate::{Real, Result, Shape};
use reduce::Weights;

/// Gradient rows that are not yet made, read in one of four ways.
///
/// [`visit`](Self::visit) (or [`visit_rows`](Self::visit_rows) of a range) makes each row once; [`collect`](Self::collect) keeps them all,
/// `(n, width)`; [`total`](Self::total) and [`weighted`](Self::weighted) sum them to the shape of
/// the parameters, `(rows, width)`: row `i` goes to parameter row `i / repeat`. Nothing divides by
/// `n`. Sums over many rows are pairwise: the rounding error grows with the logarithm of `n`.
///
/// ```
/// use estimand::{DiagGaussian, Distribution, Rows, ndarray::array};
///
/// let (loc, log_scale) = (array![0.0], array![0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 2)?;     // one theta, two samples
/// let x = array![[1.0], [-3.0]];
/// let score = q.score(&x)?;
/// assert_eq!(score.collect().flat(), array![[1.0, 0.0], [-3.0, 8.0]]); // d log q / d (loc, log_scale)
/// assert_eq!(score.weighted(&array![0.5, 0.5])?.flat(), array![[-1.0, 4.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Rows<F: Real>: Sync {
    /// How a row is divided.
    type Parts: Parts;

    /// What the rows are called in an error.
    const NAME: &'static str;

    /// The parts of a row.
    fn parts(&self) -> Self::Parts;

    /// How the rows are shared.
    fn shape(&self) -> Shape;

    /// Makes the rows of a range once each, in order, at a level: `each(i, row)`. A range that ends
    /// beyond the last row ends there.
    fn visit_rows(&self, level: Level, range: Range<usize>, each: impl FnMut(usize, &[F]));

    /// Makes every row once, in order: `each(i, row)`.
    fn visit(&self, each: impl FnMut(usize, &[F])) {
        self.visit_rows(Level::best(), 0..self.shape().samples(), each);
    }

    /// Every row kept, NaN too: `(n, width)`.
    fn collect(&self) -> Grad<F, Self::Parts> {
        let parts = self.parts();
        let shape = (self.shape().samples(), parts.width());
        let mut flat = Vec::with_capacity(shape.0.saturating_mul(shape.1));
        self.visit(|_, row| flat.extend_from_slice(row));
        Grad::held(Array2::from_shape_vec(shape, flat).unwrap_or_default(), parts)
    }

    /// The sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// Infinities of both signs have no sum, and give NaN.
    /// Errors: `NaN` with the first row that holds one.
    fn total(&self) -> Result<Grad<F, Self::Parts>> {
        Ok(Grad::held(reduce(self, &Weights(None))?, self.parts()))
    }

    /// The weighted sum of the rows of each parameter row: `(rows, width)`.
    ///
    /// A weight of 0 leaves a row out, also one that is infinite.
    /// Errors: `Shape` where `weights` is not `(n,)`; `NaN` with the first weight or row that is.
    fn weighted(&self, weights: &ArrayRef1<F>) -> Result<Grad<F, Self::Parts>> {
        same_shape("weights", weights.shape(), &[self.shape().samples()])?;
        no_nan("weights", weights)?;
        let weights = weights.as_standard_layout();
        Ok(Grad::held(reduce(self, &Weights(weights.as_slice()))?, self.parts()))
    }
}
