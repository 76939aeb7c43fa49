use ndarray::{Array2, ArrayRef2};

use crate::distribution::Mirror;
use crate::{Real, Result};

/// Antithetic noise: each row, followed by its mirror.
///
/// Both rows have the law's noise; for a cost that rises in each noise number the two costs are negatively
/// correlated, and their mean has less than half of the variance of one. An odd part of an estimate cancels
/// exactly; an *even* one is evaluated twice for nothing: then pairs are worse than independent samples.
///
/// Rows of a pair depend on each other: group them, `plan.grouped(2)`, so that a draw is a pair, and the
/// standard error is right. Of the baselines that are fitted to the samples take [`Baseline::LeaveGroupOut`](super::Baseline)
/// of pairs: leave-one-out is biased with such noise, for a sample's mirror tells of it.
/// Shapes: `noise: (n, width)` of a law of n samples, to `(2 n, width)` for the law with twice as many, pairs
/// one after the other. Errors: those of [`Mirror::mirror`]. Source: Hammersley and Morton 1956; chapter `gradient/pathwise`.
///
/// ```
/// use estimand::gradient::{Pathwise, Plan, antithetic};
/// use estimand::{DiagGaussian, Transform, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let (loc, log_scale) = (array![[1.0_f64]], array![[0.0]]);
/// let half = DiagGaussian::new(&loc, &log_scale)?.repeat_rows(50);
/// let noise = antithetic(&half, &half.noise(&mut StdRng::seed_from_u64(2)))?;
/// let q = half.repeat_rows(2);
/// let plan = Pathwise::propose(&q, noise)?.grouped(2)?;
/// let g = plan.estimate(&plan.points().mapv(|x| 2.0 * x))?;               // f = x^2
/// assert!((g.gradient.loc()[[0, 0]] - 2.0).abs() < 1e-14, "a linear slope: pairs are exact");
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn antithetic<F: Real, D: Mirror<F>>(law: &D, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
    let mirrored = law.mirror(noise)?;
    Ok(Array2::from_shape_fn((2 * noise.nrows(), noise.ncols()), |(i, j)| {
        if i % 2 == 0 { noise[[i / 2, j]] } else { mirrored[[i / 2, j]] }
    }))
}
