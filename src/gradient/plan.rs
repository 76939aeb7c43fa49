use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView2};

use super::estimate::Estimate;
use crate::rows::Grad;
use crate::shape::{groups, same_shape};
use crate::{Error, Parts, Real, Result};

/// What the mean of an estimator over its noise has to do with the gradient; its docs say how far off it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Bias {
    /// The mean is the gradient.
    Unbiased,
    /// The mean tends to the gradient as the samples of a draw grow.
    Consistent,
    /// The mean is another, however many samples: of a step, a temperature, a smoothed cost.
    Biased,
}

/// An estimator of a gradient that asks for costs: it proposes points, the user evaluates, it combines.
///
/// A plan is made from a law and noise, and holds them; all its points come in one array, so that they are
/// evaluated in one batch, with whatever network there is. Nothing of the user's is stored, and no
/// generator: the same noise makes the same points.
///
/// ```
/// use estimand::gradient::{Baseline, Plan, ScoreFunction};
/// use estimand::{DiagGaussian, Transform, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let (loc, log_scale) = (array![0.5_f64, -1.0], array![0.0, 0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 4000)?;
/// let plan = ScoreFunction::propose(&q, q.noise(&mut StdRng::seed_from_u64(1)), Baseline::LeaveOneOut)?;
/// let cost = plan.points().map_axis(ndarray::Axis(1), |x| x.dot(&x));          // the user's: |x|^2
/// let g = plan.estimate(&cost)?;
/// let error = g.std_error().unwrap();
/// for (g, (error, truth)) in g.gradient.loc().iter().zip(error.loc().iter().zip([1.0, -2.0])) {
///     assert!((g - truth).abs() < 5.0 * error);                                 // 2 loc
/// }
/// # use estimand::ndarray;
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// For an estimator of one's own four methods are enough; the mean of its draws and their standard error, groups
/// and comparisons come with them:
///
/// ```
/// use estimand::distribution::LocScaleParts;
/// use estimand::gradient::{Bias, Plan};
/// use estimand::{Grad, Result, ndarray::{Array1, Array2, ArrayView1, ArrayView2, array}};
///
/// /// A smoothed slope in a location: (f(x + h) - f(x - h)) / (2 h) at each sample (Spall 1992), the scale's left at 0.
/// struct Smoothed {
///     points: Array2<f64>,
///     step: f64,
/// }
///
/// impl Plan<f64> for Smoothed {
///     type Parts = LocScaleParts;
///     type Cost = Array1<f64>;
///
///     fn points(&self) -> ArrayView2<'_, f64> {
///         self.points.view()                                             // x + h, then x - h, of each sample
///     }
///     fn rows(&self, cost: &Array1<f64>) -> Result<Grad<f64, LocScaleParts>> {
///         let slope = |pair: ArrayView1<f64>| [(pair[0] - pair[1]) / (2.0 * self.step), 0.0];
///         let rows: Vec<_> = cost.exact_chunks(2).into_iter().map(slope).collect();
///         Grad::new(rows.into(), LocScaleParts { dim: 1 })
///     }
///     fn draws(&self) -> usize {
///         self.points.nrows() / 2
///     }
///     fn bias(&self) -> Bias {
///         Bias::Biased
///     }
/// }
/// let plan = Smoothed { points: array![[1.1], [0.9], [3.1], [2.9]], step: 0.1 };
/// let g = plan.estimate(&plan.points().column(0).mapv(|x| x * x))?;
/// assert!((g.gradient.loc()[[0, 0]] - 4.0).abs() < 1e-12);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Plan<F: Real> {
    /// How a parameter row is divided.
    type Parts: Parts;

    /// What the user evaluates at the points: a cost each, `Array1`, the slopes of the cost, `Array2`, both, or what the plan says.
    type Cost;

    /// Where the cost is asked for: `(m, dim)`, those of the first sample first.
    fn points(&self) -> ArrayView2<'_, F>;

    /// Independent draws of the gradient from the costs at the points, a row each:
    /// [`draws`](Self::draws) of each parameter row, one after the other.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of `cost`.
    fn rows(&self, cost: &Self::Cost) -> Result<Grad<F, Self::Parts>>;

    /// How many independent draws each parameter row has: a divisor of the number of [`rows`](Self::rows).
    fn draws(&self) -> usize;

    /// What the mean of a draw is.
    fn bias(&self) -> Bias;

    /// The mean of the draws of each parameter row, with an unbiased variance where there is one.
    ///
    /// Errors: as [`rows`](Self::rows).
    fn estimate(&self, cost: &Self::Cost) -> Result<Estimate<F, Self::Parts>> {
        Estimate::of_draws(&self.rows(cost)?, self.draws())
    }

    /// [`rows`](Self::rows) of a cost that is a function of the points, as a bare array, `(draws, width)`: what
    /// [`check::oracle`](crate::check::oracle) and [`check::unbiased`](crate::check::unbiased) take.
    ///
    /// Errors: as [`rows`](Self::rows).
    ///
    /// ```
    /// use estimand::check::{Nodes, oracle};
    /// use estimand::gradient::{Pathwise, Plan};
    /// use estimand::{DiagGaussian, ndarray::{Array2, array}};
    ///
    /// // The path of x^2 under N(1, 1), exactly: d/dm = 2 and d/d ln s = 2, of variances 4 and 12.
    /// let exact = oracle(&[&Nodes::normal(0.5)?], 1, |noise: Array2<f64>| {
    ///     let q = DiagGaussian::identical(&array![1.0], &array![0.0], noise.nrows())?;
    ///     Pathwise::propose(&q, noise)?.rows_with(|x| x.mapv(|x| 2.0 * x))
    /// })?;
    /// assert!((&exact.mean - &array![2.0, 2.0]).iter().all(|off| off.abs() < 1e-12));
    /// assert!((&exact.variance - &array![4.0, 12.0]).iter().all(|off| off.abs() < 1e-12));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    fn rows_with(&self, cost: impl FnOnce(ArrayView2<'_, F>) -> Self::Cost) -> Result<Array2<F>>
    where
        Self: Sized,
    {
        Ok(self.rows(&cost(self.points()))?.into_flat())
    }

    /// The plan whose draw is the mean of `k` consecutive draws of this one: for noise that is independent
    /// only by groups, as mirrored pairs are, or the points of one quasi-random sequence.
    ///
    /// Errors: `Parameter` where `k = 0`; `Count` where it does not divide the draws: where a baseline makes one
    /// draw of all samples, it is for the baseline to know the groups ([`Baseline::LeaveGroupOut`](super::Baseline)).
    ///
    /// ```
    /// use estimand::gradient::{Pathwise, Plan};
    /// use estimand::{DiagGaussian, Quasi, ndarray::array};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// // f = cos x under N(1, 1): 16 independent sequences of 64 Sobol' points each, a draw a sequence.
    /// let (loc, log_scale, (sequences, points)) = (array![1.0_f64], array![0.0], (16, 64));
    /// let q = DiagGaussian::shared(&loc, &log_scale, sequences * points)?;
    /// let noise = q.quasi_noise(&mut StdRng::seed_from_u64(3), points)?;
    /// let plan = Pathwise::propose(&q, noise)?.grouped(points)?;
    /// let g = plan.estimate(&plan.points().mapv(|x| -x.sin()))?;
    /// let (found, error) = (g.gradient.loc()[[0, 0]], g.std_error().unwrap().loc()[[0, 0]]);
    /// assert!((found + 1.0_f64.sin() * (-0.5_f64).exp()).abs() < 5.0 * error);
    /// // As many independent samples have an error of 0.015.
    /// assert!(error < 0.004);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    fn grouped(self, k: usize) -> Result<Grouped<Self>>
    where
        Self: Sized,
    {
        groups("draws", "rows", self.draws(), k)?;
        Ok(Grouped { plan: self, k })
    }
}

/// A plan whose draws are means of groups of another's: [`Plan::grouped`].
#[derive(Debug, Clone)]
pub struct Grouped<P> {
    plan: P,
    k: usize,
}

impl<F: Real, P: Plan<F>> Plan<F> for Grouped<P> {
    type Parts = P::Parts;
    type Cost = P::Cost;

    fn points(&self) -> ArrayView2<'_, F> {
        self.plan.points()
    }

    fn rows(&self, cost: &P::Cost) -> Result<Grad<F, P::Parts>> {
        let sums = self.plan.rows(cost)?.sum_groups(self.k)?;
        Ok(sums.scaled(F::one() / F::count(self.k)))
    }

    fn draws(&self) -> usize {
        self.plan.draws() / self.k
    }

    fn bias(&self) -> Bias {
        self.plan.bias()
    }
}

/// The door of costs that are subtracted from each other: finite numbers, one a point.
pub(super) fn costs_door<F: Real>(cost: &ArrayRef1<F>, points: usize) -> Result<()> {
    costs_read("cost", cost, points, |_| true)
}

/// The same of those costs that are read.
pub(super) fn costs_read<F: Real>(
    name: &'static str,
    cost: &ArrayRef1<F>,
    points: usize,
    read: impl Fn(usize) -> bool,
) -> Result<()> {
    same_shape(name, cost.shape(), &[points])?;
    let stray = cost.iter().enumerate().find(|&(row, cost)| !cost.is_finite() && read(row));
    stray.map_or(Ok(()), |(row, &cost)| Err(not_finite(name, vec![row], cost, "a finite cost")))
}

/// The door of slopes of which sums are made: those of each row that is read are finite.
pub(super) fn slopes_door<F: Real>(
    name: &'static str,
    slopes: &ArrayRef2<F>,
    (rows, dim): (usize, usize),
    read: impl Fn(usize) -> bool,
) -> Result<()> {
    same_shape(name, slopes.shape(), &[rows, dim])?;
    let stray = slopes.indexed_iter().find(|&((row, _), slope)| !slope.is_finite() && read(row));
    stray.map_or(Ok(()), |((i, j), &slope)| Err(not_finite(name, vec![i, j], slope, "a finite slope")))
}

fn not_finite<F: Real>(name: &'static str, index: Vec<usize>, value: F, expected: &'static str) -> Error {
    match index.first() {
        Some(&row) if value.is_nan() => Error::NaN { name, row },
        _ => Error::Entry { name, index, value: value.as_f64(), expected },
    }
}
