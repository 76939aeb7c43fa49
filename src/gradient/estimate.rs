use ndarray::Axis;

use crate::arithmetic::Arithmetic;
use crate::kernel::Level;
use crate::rows::{Batch, Fold, Grad, Held, reduce};
use crate::shape::at_least_one;
use crate::{Parts, Real, Result, Rows, Shape};

/// A Monte-Carlo estimate of a gradient, and how far it can be trusted.
///
/// ```
/// use estimand::gradient::Estimate;
/// use estimand::{DiagGaussian, Distribution, ndarray::array};
///
/// let q = DiagGaussian::standard(4, 1)?;
/// let x = array![[1.0], [-1.0], [2.0], [-2.0]];
/// let score = Estimate::of_rows(&q.score(&x)?)?;                  // whose expectation is 0
/// assert_eq!(score.gradient.loc(), array![[0.0]]);
/// let error: f64 = score.std_error().unwrap().loc()[[0, 0]];
/// assert!((error - (10.0_f64 / 12.0).sqrt()).abs() < 1e-15);        // sum of squares / (4 * 3)
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Estimate<F, P> {
    /// The estimate: `(rows, width)`, in the shape of the parameters.
    pub gradient: Grad<F, P>,
    /// An unbiased estimate of its variance, entry by entry; none where there is no honest one, as of a
    /// single draw.
    ///
    /// Where rows depend on each other (leave-one-out) it may come out negative, and is kept so: to clip
    /// it would make it too large on average. NaN where rows are infinite.
    pub variance: Option<Grad<F, P>>,
    /// The samples behind each row of it, or the groups of samples that are draws: what [`merge`](Self::merge)
    /// weighs by.
    pub samples: usize,
}

impl<F: Real, P: Parts> Estimate<F, P> {
    /// The mean of independent rows, by parameter row, with the variance of that mean:
    ///
    /// ```text
    /// g = sum of r_s / S,   v = sum of (r_s - g)^2 / (S (S - 1))
    /// ```
    ///
    /// Bias: unbiased, both, where each row is. No variance where S = 1.
    /// Errors: `Parameter` where there are no samples; `NaN` with the row.
    pub fn of_rows<R: Rows<F, Parts = P>>(rows: &R) -> Result<Self> {
        Self::of_rows_at(Level::best(), rows)
    }

    /// [`of_rows`](Self::of_rows) with the instructions of a level: sums differ by a few roundings.
    ///
    /// Errors: as there.
    pub fn of_rows_at<R: Rows<F, Parts = P>>(level: Level, rows: &R) -> Result<Self> {
        let Shape { repeat: samples, .. } = rows.shape();
        at_least_one("repeat", samples)?;
        let parts = rows.parts();
        let width = parts.width();
        let states = reduce(level, rows, &Spread)?;
        let (gradient, squares) = states.view().split_at(Axis(1), width);
        let each = F::one() / (F::count(samples) * F::count(samples - 1));
        let variance = (samples > 1).then(|| Grad::held(squares.mapv(|s| s * each), parts.clone()));
        Ok(Self { gradient: Grad::held(gradient.to_owned(), parts), variance, samples })
    }

    /// The mean of independent draws that were made, `draws` of each parameter row: [`of_rows`](Self::of_rows).
    ///
    /// Shapes: `rows: (n draws, width)` to `(n, width)`. Errors: as there, and `Count` where `draws` does
    /// not divide the rows.
    ///
    /// ```
    /// use estimand::gradient::Estimate;
    /// use estimand::{DiagGaussian, Distribution, ndarray::array};
    ///
    /// let q = DiagGaussian::standard(2, 1)?;
    /// let draws = q.score(&array![[1.0], [3.0]])?.collect().scaled(0.5);
    /// let mean = Estimate::of_draws(&draws, 2)?;
    /// assert_eq!(mean.gradient.loc(), array![[1.0]]);
    /// assert_eq!(mean.variance.unwrap().loc(), array![[0.25]]);
    /// # use estimand::Rows;
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of_draws(rows: &Grad<F, P>, draws: usize) -> Result<Self> {
        at_least_one("draws", draws)?;
        Self::of_rows(&Held::of("rows", rows, draws)?)
    }

    /// The standard error of each entry, the root of the variance: NaN where an unbiased variance came
    /// out negative, or rows are infinite.
    pub fn std_error(&self) -> Option<Grad<F, P>> {
        let variance = self.variance.as_ref()?;
        Some(Grad::held(variance.flat().mapv(F::sqrt), variance.parts().clone()))
    }

    /// The estimate of both samples: two independent estimates of one gradient, pooled by their samples.
    ///
    /// ```text
    /// g = (S_1 g_1 + S_2 g_2) / S,   v = (S_1^2 v_1 + S_2^2 v_2) / S^2,   S = S_1 + S_2
    /// ```
    ///
    /// So a large sample is worked through in parts, on several machines too; one generator runs on through all of
    /// them. Unbiased where both are; a bias is that of the parts, however many there are. No variance where one has none:
    /// a last part that is too small for its baseline's takes it from the whole, so parts are best of one size.
    /// Errors: `Shape`.
    ///
    /// ```
    /// use estimand::gradient::{Pathwise, Plan};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    /// use estimand::{DiagGaussian, Transform, ndarray::array};
    ///
    /// let (loc, log_scale) = (array![1.0, 0.0], array![0.0, 0.0]);
    /// let q = DiagGaussian::shared(&loc, &log_scale, 1000)?;
    /// let mut rng = StdRng::seed_from_u64(0);
    /// let mut part = || {
    ///     let plan = Pathwise::propose(&q, q.noise(&mut rng))?;
    ///     plan.estimate(&plan.points().mapv(|x| 2.0 * x))                  // the cost |x|^2
    /// };
    /// let mut all = part()?;
    /// for _ in 1..10 {
    ///     all = all.merge(part()?)?;
    /// }
    /// assert_eq!(all.samples, 10_000);
    /// let error: f64 = all.std_error().unwrap().loc()[[0, 0]];               // 2 / sqrt(10000)
    /// assert!((error - 0.02).abs() < 1e-3 && (all.gradient.loc()[[0, 0]] - 2.0).abs() < 5.0 * error);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn merge(self, other: Self) -> Result<Self> {
        let samples = self.samples.saturating_add(other.samples);
        let share = |of: usize| F::count(of) / F::count(samples.max(1));
        let (mine, others) = (share(self.samples), share(other.samples));
        let variance = match (self.variance, other.variance) {
            (Some(v), Some(w)) => Some((v.scaled(mine * mine) + w.scaled(others * others))?),
            _ => None,
        };
        let gradient = (self.gradient.scaled(mine) + other.gradient.scaled(others))?;
        Ok(Self { gradient, variance, samples })
    }
}

/// Means, and sums of squares about them.
///
/// In a batch numbers are taken from its first row; where squares from there lose more than four bits to those about the
/// mean, as where that row is far from the others, they are taken a second time, from the mean. Joined by the formula of
/// Chan, Golub and LeVeque 1983.
struct Spread;

/// Sums and sums of squares of the numbers of a batch, from `near` on.
#[inline(always)]
fn off_sums<F: Real, A: Arithmetic<F>, const L: usize>(
    a: A,
    batch: Batch<'_, F>,
    at: usize,
    near: [F; L],
) -> [[F; L]; 2] {
    batch.sums::<L, 2>(
        at,
        |_| F::one(),
        |_, row, [sums, squares]| {
            for lane in 0..L {
                let off = row[lane] - near[lane];
                sums[lane] += off;
                squares[lane] = a.fma(off, off, squares[lane]);
            }
        },
    )
}

impl<F: Real> Fold<F> for Spread {
    fn count(&self, width: usize) -> usize {
        2 * width
    }

    #[inline(always)]
    fn columns<A: Arithmetic<F>, const L: usize>(&self, a: A, batch: Batch<'_, F>, at: usize, state: &mut [F]) {
        let near = batch.part::<L>(0, at);
        let count = F::count(batch.rows);
        let [mut sums, mut squares] = off_sums(a, batch, at, near);
        let (mut means, mut spreads) = ([F::zero(); L], [F::zero(); L]);
        let mut again = false;
        for lane in 0..L {
            means[lane] = near[lane] + sums[lane] / count;
            spreads[lane] = squares[lane] - sums[lane] / count * sums[lane];
            again |= F::of(16.0) * spreads[lane] < squares[lane];
        }
        if again {
            [sums, squares] = off_sums(a, batch, at, means);
            for lane in 0..L {
                means[lane] += sums[lane] / count;
                spreads[lane] = squares[lane] - sums[lane] / count * sums[lane];
            }
        }
        if !means.iter().all(|mean| mean.is_finite()) {
            let [shares] = batch.sums::<L, 1>(
                at,
                |_| count.recip(),
                |each, row, [sums]| {
                    for lane in 0..L {
                        sums[lane] += each * row[lane];
                    }
                },
            );
            for lane in 0..L {
                // Rows that are finite, and whose differences overflow: squares overflow all the more.
                let overflows = shares[lane].is_finite() & !means[lane].is_finite();
                means[lane] = if means[lane].is_finite() { means[lane] } else { shares[lane] };
                spreads[lane] = if overflows { F::infinity() } else { spreads[lane] };
            }
        }
        for lane in 0..L {
            // A sum of squares, but for rounding; infinite where it overflows. NaN stays, and infinite rows have none.
            let spread = if spreads[lane] < F::zero() { F::zero() } else { spreads[lane] };
            let overflows = squares[lane].is_infinite() & sums[lane].is_finite();
            spreads[lane] = if overflows { squares[lane] } else { spread };
        }
        batch.put(at, [means, spreads], state);
    }

    fn join(&self, (earlier, state): (usize, &mut [F]), (later, other): (usize, &[F])) {
        let (mean, squares) = state.split_at_mut(state.len() / 2);
        let (other_mean, other_squares) = other.split_at(other.len() / 2);
        let (earlier, later) = (F::count(earlier), F::count(later));
        let share = later / (earlier + later);
        for j in 0..mean.len() {
            let apart = other_mean[j] - mean[j];
            // What is apart by more than the largest number, or infinite, is weighed by itself.
            let weighed = (F::one() - share) * mean[j] + share * other_mean[j];
            mean[j] = if apart.is_finite() { mean[j] + share * apart } else { weighed };
            squares[j] = squares[j] + other_squares[j] + earlier * share * apart * apart;
        }
    }
}
