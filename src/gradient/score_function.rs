use std::ops::Range;

use ndarray::{Array1, Array2, ArrayRef1, ArrayView2};

use super::baseline::Baseline;
use super::estimate::Estimate;
use super::fitted_baseline;
use super::plan::{Bias, Plan, costs_door};
use crate::arithmetic::Arithmetic;
use crate::kernel::Level;
use crate::rows::{Batch, Fold, Grad, pairwise, reduce, weigh};
use crate::shape::{at_least_one, finite, groups, no_nan, no_nan_rows, same_shape, too_few};
use crate::{Distribution, Error, Parts, Real, Result, Rows, Shape, Transform};

/// The score-function estimate (REINFORCE) from costs and score rows: of d/d theta E f(x).
///
/// ```text
/// g = sum over samples s of (f(x_s) - b_s) score(x_s) / S
/// ```
///
/// by parameter row, `S` samples each; the score is made as it is summed, and the variance in the same
/// pass. Where f itself depends on theta, this is the gradient through the law alone: the mean of
/// d f / d theta at the samples is yours to add.
///
/// Shapes: `cost: (n,)`, `score` of n rows, to `(rows, width)`.
/// Bias and variance: by the [`Baseline`]; all need E |f score| to be finite, and a support that does not
/// move with theta.
/// Errors: `Shape`, or `NaN` with the row, of `cost` or of a given baseline; `NaN` of the score;
/// `Parameter` where there are no samples, or a constant is not finite; `Entry` where a cost is infinite; `Count` where
/// S = 1 (or one group) and the baseline is of the other costs, or where its groups do not divide S.
/// Source: Williams 1992; leave-one-out: Kool, van Hoof and Welling 2019; chapter `gradient/score_function`.
///
/// ```
/// use estimand::gradient::{Baseline, score_function};
/// use estimand::{Bernoulli, Distribution, ndarray::array};
///
/// // E (b - 0.45)^2 of a fair coin: the derivative in its logit is 0.025.
/// let logits = array![0.0_f64];
/// let q = Bernoulli::shared(&logits, 4)?;
/// let x = array![[1.0], [0.0], [0.0], [1.0]];
/// let cost = x.column(0).mapv(|b: f64| (b - 0.45).powi(2));
/// let g = score_function(&cost, q.score(&x)?, Baseline::LeaveOneOut)?;
/// assert!((g.gradient.logits()[[0, 0]] - 0.1 / 3.0).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn score_function<F: Real, R: Rows<F>>(
    cost: &ArrayRef1<F>,
    score: R,
    baseline: Baseline<'_, F>,
) -> Result<Estimate<F, R::Parts>> {
    score_function_at(Level::best(), cost, score, baseline)
}

/// [`score_function`] with the instructions of a level: sums differ by a few roundings.
///
/// Errors: as there.
pub fn score_function_at<F: Real, R: Rows<F>>(
    level: Level,
    cost: &ArrayRef1<F>,
    score: R,
    baseline: Baseline<'_, F>,
) -> Result<Estimate<F, R::Parts>> {
    let shape = score.shape();
    admit(cost, shape, &baseline)?;
    match baseline {
        Baseline::None | Baseline::Constant(_) | Baseline::Given(_) => {
            Estimate::of_rows_at(level, &Weighted { rows: &score, weights: advantages(cost, baseline, shape.repeat) })
        }
        Baseline::LeaveOneOut | Baseline::LeaveGroupOut(1) => covariance(level, cost, &score, F::one()),
        Baseline::LeaveGroupOut(k) => {
            let gradient = weighed(cost, &score, baseline)?;
            Ok(Estimate { gradient, variance: None, samples: shape.repeat / k })
        }
        Baseline::Mean => covariance(level, cost, &score, F::one() - F::one() / F::count(shape.repeat)),
        Baseline::Optimal(fitted) => fitted_baseline::in_total(&centred(cost, shape.repeat), &score, fitted),
        Baseline::OptimalByCoordinate(fitted) => {
            fitted_baseline::by_coordinate(level, &centred(cost, shape.repeat), &score, fitted)
        }
    }
}

/// The door of costs, and of a baseline.
fn admit<F: Real>(cost: &ArrayRef1<F>, shape: Shape, baseline: &Baseline<'_, F>) -> Result<()> {
    admit_baseline("cost", shape, baseline)?;
    costs_door(cost, shape.samples())
}

/// The door of a baseline, which needs no costs; `name` is what has too few rows a parameter row for it.
fn admit_baseline<F: Real>(name: &'static str, shape: Shape, baseline: &Baseline<'_, F>) -> Result<()> {
    let Shape { rows, repeat: samples, .. } = shape;
    at_least_one("repeat", samples)?;
    let groups = match baseline {
        Baseline::None => return Ok(()),
        Baseline::Constant(b) => return finite("baseline", *b),
        Baseline::Given(b) => {
            same_shape("baseline", b.shape(), &[shape.samples()])?;
            return no_nan("baseline", b);
        }
        Baseline::LeaveGroupOut(k) => groups(name, "rows a parameter row", samples, *k)?,
        _ => samples,
    };
    if groups < 2 && rows > 0 {
        return Err(too_few(name, samples, (samples / groups).saturating_mul(2)));
    }
    Ok(())
}

/// Costs less their baseline, where that is a mean or was known before the draw.
fn advantages<F: Real>(cost: &ArrayRef1<F>, baseline: Baseline<'_, F>, samples: usize) -> Array1<F> {
    let mut off = cost.to_owned();
    match baseline {
        Baseline::Constant(b) => off.mapv_inplace(|c| c - b),
        Baseline::Given(b) => off.zip_mut_with(b, |c, &b| *c -= b),
        Baseline::Mean => return centred(cost, samples),
        Baseline::LeaveOneOut => return leaving_group_out(cost, samples, 1),
        Baseline::LeaveGroupOut(k) => return leaving_group_out(cost, samples, k),
        Baseline::None | Baseline::Optimal(_) | Baseline::OptimalByCoordinate(_) => (),
    }
    off
}

/// Costs less the mean of those of the other groups: centred, they sum to minus those of the own.
fn leaving_group_out<F: Real>(cost: &ArrayRef1<F>, samples: usize, k: usize) -> Array1<F> {
    let mut off = centred(cost, samples);
    for g in 0..off.len() / k {
        // Shares are summed: a sum of costs may overflow.
        let each = F::count(samples - k).recip();
        let own = pairwise(k, |s| off[g * k + s] * each);
        (0..k).for_each(|s| off[g * k + s] += own);
    }
    off
}

/// Costs less the mean of their parameter row. The mean is taken twice, so that what is left sums to 0
/// but for its own rounding, however large the mean was.
fn centred<F: Real>(cost: &ArrayRef1<F>, samples: usize) -> Array1<F> {
    let mut off = cost.to_vec();
    let each = F::one() / F::count(samples);
    for costs in off.chunks_exact_mut(samples) {
        for _ in 0..2 {
            // Shares are summed: a sum of costs may overflow.
            let mean = pairwise(samples, |s| costs[s] * each);
            costs.iter_mut().for_each(|c| *c -= mean);
        }
    }
    off.into()
}

/// The mean of score rows times advantages, by parameter row.
fn weighed<F: Real, R: Rows<F>>(
    cost: &ArrayRef1<F>,
    score: &R,
    baseline: Baseline<'_, F>,
) -> Result<Grad<F, R::Parts>> {
    let samples = score.shape().repeat;
    let sum = score.weighted(&advantages(cost, baseline, samples))?;
    Ok(sum.scaled(F::one() / F::count(samples)))
}

/// The sample covariance of cost and score, which is the leave-one-out estimate, times `by`; with its
/// variance.
///
/// The variance of a sample covariance k11, unbiased for S >= 4, from central sums S_ab of
/// (cost - mean)^a (score - mean)^b: k11^2 less the unbiased estimate of its expectation's square,
///
/// ```text
/// v = S22 / ((S-2)(S-3)) - S20 S02 / (S (S-1)(S-2)(S-3)) - (S+1) S11^2 / (S (S-1)^2 (S-3))
/// ```
fn covariance<F: Real, R: Rows<F>>(
    level: Level,
    cost: &ArrayRef1<F>,
    score: &R,
    by: F,
) -> Result<Estimate<F, R::Parts>> {
    let Shape { rows, repeat: samples, .. } = score.shape();
    let mut off = centred(cost, samples);
    // In units of the largest, so that squares of costs do not overflow.
    let unit = off.iter().fold(F::zero(), |most, c| most.max(c.abs()));
    let unit = if unit > F::zero() { unit } else { F::one() };
    off.mapv_inplace(|c| c / unit);
    let sums = reduce(level, score, &CoMoments { off: &off })?;
    let parts = score.parts();
    let width = parts.width();
    let s = F::count(samples);
    let [one, two, three] = [1.0, 2.0, 3.0].map(F::of);
    let mut gradient = Array2::zeros((rows, width));
    let mut variance = Array2::zeros((rows, width));
    for (t, off) in off.exact_chunks(samples).into_iter().enumerate() {
        let s20 = pairwise(samples, |k| off[k] * off[k]);
        for j in 0..width {
            let [first, second, s11, of_squares, s22] = std::array::from_fn(|k| sums[[t, k * width + j]]);
            let mean: F = first / s;
            let s02 = second - mean * first;
            let s22 = s22 - two * mean * of_squares + mean * mean * s20;
            gradient[[t, j]] = by * unit * (s11 / (s - one));
            let of_products = s22 / ((s - two) * (s - three));
            let of_spreads = s20 * s02 / (s * (s - one) * (s - two) * (s - three));
            let of_mean = (s + one) * s11 * s11 / (s * (s - one) * (s - one) * (s - three));
            let v = of_products - of_spreads - of_mean;
            // Where squares of scores overflow, so do differences of them.
            let v = if !v.is_finite() & s11.is_finite() { F::infinity() } else { v };
            variance[[t, j]] = by * unit * (by * unit * v);
        }
    }
    let variance = (samples >= 4).then(|| Grad::held(variance, parts.clone()));
    Ok(Estimate { gradient: Grad::held(gradient, parts), variance, samples })
}

/// Sums of s, s^2, c s, c^2 s, c^2 s^2 for a score s and a centred cost c.
struct CoMoments<'a, F> {
    off: &'a Array1<F>,
}

impl<F: Real> Fold<F> for CoMoments<'_, F> {
    fn count(&self, width: usize) -> usize {
        5 * width
    }

    #[inline(always)]
    fn columns<A: Arithmetic<F>, const L: usize>(&self, a: A, batch: Batch<'_, F>, at: usize, state: &mut [F]) {
        let sums = batch.sums::<L, 5>(
            at,
            |i| self.off[i],
            |c, row, [first, second, with_cost, with_square, of_squares]| {
                for lane in 0..L {
                    let s = row[lane];
                    let product = c * s;
                    first[lane] += s;
                    second[lane] = a.fma(s, s, second[lane]);
                    with_cost[lane] += product;
                    with_square[lane] = a.fma(c, product, with_square[lane]);
                    of_squares[lane] = a.fma(product, product, of_squares[lane]);
                }
            },
        );
        batch.put(at, sums, state);
    }
}

/// Rows times a weight each.
struct Weighted<'a, F, R> {
    rows: &'a R,
    weights: Array1<F>,
}

impl<F: Real, R: Rows<F>> Rows<F> for Weighted<'_, F, R> {
    type Parts = R::Parts;
    const NAME: &'static str = R::NAME;

    fn parts(&self) -> R::Parts {
        self.rows.parts()
    }

    fn shape(&self) -> Shape {
        self.rows.shape()
    }

    fn write_rows(&self, level: Level, range: Range<usize>, out: &mut [F]) {
        self.rows.write_rows(level, range.clone(), out);
        for (i, row) in range.zip(out.chunks_exact_mut(self.parts().width().max(1))) {
            row.iter_mut().for_each(|g| *g = weigh(self.weights[i], *g));
        }
    }
}

/// The score-function estimator as a plan: costs at samples of the law, one evaluation each.
///
/// Estimand, bias and variance are those of [`score_function`], which its estimate is. A draw is a sample
/// where the baseline leaves samples independent, and all samples of a parameter row where it does not.
///
/// ```
/// use estimand::gradient::{Baseline, Bias, Plan, ScoreFunction};
/// use estimand::{Bernoulli, ndarray::array};
///
/// let q = Bernoulli::new(array![[0.0], [0.0]])?.repeat_rows(2);          // two laws, two samples each
/// let noise = array![[0.3], [0.6], [0.1], [0.2]];                         // a bit is 1 below 1/2
/// let plan = ScoreFunction::propose(&q, noise, Baseline::LeaveOneOut)?;
/// assert_eq!(plan.points(), array![[1.0], [0.0], [1.0], [1.0]]);
/// assert_eq!((plan.draws(), plan.bias()), (1, Bias::Unbiased));
/// let rows = plan.rows(&array![5.0, 3.0, 5.0, 5.0])?;
/// assert_eq!(rows.logits(), array![[1.0], [0.0]]);                        // covariances of cost and x - 1/2
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScoreFunction<'a, F, D> {
    law: &'a D,
    x: Array2<F>,
    baseline: Baseline<'a, F>,
}

impl<'a, F: Real, D: Distribution<F>> ScoreFunction<'a, F, D> {
    /// Samples of the law made from noise.
    ///
    /// Errors: `Shape` of `noise`, or of a given baseline, whose NaN is one too; `Count` where the samples of a
    /// parameter row are too few for the baseline, or its groups do not divide them; `Parameter` of a constant.
    pub fn propose(law: &'a D, noise: Array2<F>, baseline: Baseline<'a, F>) -> Result<Self>
    where
        D: Transform<F>,
    {
        admit_baseline("noise", law.shape(), &baseline)?;
        Ok(Self { law, x: law.sample_from(noise)?, baseline })
    }

    /// Samples that were drawn, `(n, dim)`: for a law without noise of a fixed size.
    ///
    /// Errors: as [`propose`](Self::propose); what the law does not admit.
    pub fn at(law: &'a D, x: Array2<F>, baseline: Baseline<'a, F>) -> Result<Self> {
        admit_baseline("x", law.shape(), &baseline)?;
        let _checked = law.score(&x)?;
        Ok(Self { law, x, baseline })
    }
}

impl<F: Real, D: Distribution<F>> Plan<F> for ScoreFunction<'_, F, D> {
    type Parts = D::Parts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.x.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, D::Parts>> {
        let (shape, score) = (self.law.shape(), self.law.score(&self.x)?);
        admit(cost, shape, &self.baseline)?;
        match self.baseline {
            Baseline::None | Baseline::Constant(_) | Baseline::Given(_) => {
                Ok(Weighted { rows: &score, weights: advantages(cost, self.baseline, shape.repeat) }.collect())
            }
            Baseline::Mean | Baseline::LeaveOneOut | Baseline::LeaveGroupOut(_) => weighed(cost, &score, self.baseline),
            Baseline::Optimal(_) | Baseline::OptimalByCoordinate(_) => Ok(self.estimate(cost)?.gradient),
        }
    }

    fn draws(&self) -> usize {
        if self.baseline.leaves_samples_independent() { self.law.shape().repeat } else { 1 }
    }

    fn bias(&self) -> Bias {
        self.baseline.bias()
    }

    fn estimate(&self, cost: &Array1<F>) -> Result<Estimate<F, D::Parts>> {
        let score = self.law.score(&self.x)?;
        // Points are looked through only where the estimate met a NaN.
        score_function(cost, score, self.baseline).map_err(|error| match error {
            Error::NaN { name: "score", .. } => no_nan_rows("points", &self.x).err().unwrap_or(error),
            _ => error,
        })
    }
}
