use std::fmt;

use ndarray::{Array2, ArrayRef1, ArrayView1, ArrayView2};
use rand::Rng;

use super::plan::{Bias, Plan};
use crate::check::deviations;
use crate::moments::ColumnMoments;
use crate::shape::{no_nan_rows, positive, same_shape};
use crate::{Error, Real, Result};

/// From a generator to what an estimator did with its noise.
type Runs<'a, F, R> = Box<dyn Fn(&mut R) -> Result<Run<F>> + 'a>;

/// What an estimator did with noise of a generator.
struct Run<F> {
    rows: Array2<F>,
    bias: Bias,
    /// Evaluations a row.
    evaluations: f64,
}

/// An estimator with a name, for [`compare`]: from noise of a generator to independent draws of the gradient.
pub struct Named<'a, F, R> {
    name: String,
    run: Runs<'a, F, R>,
}

impl<F, R> fmt::Debug for Named<'_, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a, F: Real, R: Rng> Named<'a, F, R> {
    /// A plan and its cost: `propose` makes the plan from noise of the generator, `cost` is asked for at its points,
    /// all at once. What its bias is said to be, and how many evaluations a draw takes (points over draws), the plan tells.
    ///
    /// The spread of *draws* is measured, of which a baseline such as leave-one-out makes one of all samples of a
    /// parameter row: give it a law with many parameter rows that are the same, as in the example of [`compare`].
    pub fn of_plan<P: Plan<F>>(
        name: impl Into<String>,
        propose: impl Fn(&mut R) -> Result<P> + 'a,
        cost: impl Fn(ArrayView2<'_, F>) -> P::Cost + 'a,
    ) -> Self {
        let run = move |rng: &mut R| {
            let plan = propose(rng)?;
            let rows = plan.rows_with(&cost)?;
            let evaluations = plan.points().nrows() as f64 / rows.nrows().max(1) as f64;
            Ok(Run { rows, bias: plan.bias(), evaluations })
        };
        Self { name: name.into(), run: Box::new(run) }
    }

    /// `rows` draws noise and gives independent draws of the gradient, `(draws, width)`, each of which has
    /// asked for the cost (or its slope) `evaluations` times: for what is no plan.
    pub fn new(
        name: impl Into<String>,
        bias: Bias,
        evaluations: f64,
        rows: impl Fn(&mut R) -> Result<Array2<F>> + 'a,
    ) -> Self {
        let run = move |rng: &mut R| Ok(Run { rows: rows(rng)?, bias, evaluations });
        Self { name: name.into(), run: Box::new(run) }
    }

    /// The same, charged with so many evaluations a draw: where one answer serves several of a plan's points, or where a slope
    /// costs more than a value. What is no finite number above 0, [`compare`] refuses.
    ///
    /// ```
    /// use estimand::gradient::{Conditional, Named, Rebar, compare};
    /// use estimand::{Bernoulli, Transform, ValueGrad, ndarray::{Axis, array}};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// // With common noise the two relaxed points of REBAR are one: two evaluations, not three.
    /// let q = Bernoulli::identical(&array![0.4_f64], 100)?;
    /// let rebar = Named::of_plan(
    ///     "REBAR, common",
    ///     |rng: &mut StdRng| Rebar::propose(&q, q.noise(rng), Conditional::Common, 0.5),
    ///     |b| ValueGrad { value: b.map_axis(Axis(1), |b| b[0] * b[0]), grad: b.mapv(|b| 2.0 * b) },
    /// );
    /// let table = compare(&StdRng::seed_from_u64(1), None, &[rebar.charged(2.0)])?;
    /// assert_eq!(table.measured[0].evaluations, 2.0);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn charged(self, evaluations: f64) -> Self
    where
        F: 'a,
        R: 'a,
    {
        let Self { name, run } = self;
        Self { name, run: Box::new(move |rng: &mut R| Ok(Run { evaluations, ..run(rng)? })) }
    }
}

/// What an estimator was found to be: a row of a [`Comparison`]. All of one draw.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What its bias is said to be.
    pub bias: Bias,
    /// Evaluations of the cost a draw.
    pub evaluations: f64,
    /// Draws that were made.
    pub draws: usize,
    /// The mean of the draws, by coordinate.
    pub mean: Vec<f64>,
    /// The variance of a draw, by coordinate, from the draws (divided by their number less 1).
    pub variance: Vec<f64>,
    /// Kurtosis over the number of draws, by coordinate; 1, which it is at the most, where draws never vary. Above 1/20 a few
    /// draws make the sum, and the standard error says little.
    #[cfg_attr(feature = "serde", serde(default))]
    pub tail: Vec<f64>,
    /// Seconds a draw; not where the target has no clock (wasm).
    pub seconds: Option<f64>,
}

impl Measured {
    /// The variance of a draw, summed over coordinates.
    pub fn total_variance(&self) -> f64 {
        self.variance.iter().sum()
    }

    /// Variance times evaluations: what an estimator costs for a given precision. The fair figure.
    pub fn variance_times_evaluations(&self) -> f64 {
        self.total_variance() * self.evaluations
    }

    /// Signal to noise: the length of the mean over the root of the total variance.
    pub fn signal_to_noise(&self) -> f64 {
        self.mean.iter().map(|m| m * m).sum::<f64>().sqrt() / self.total_variance().sqrt()
    }

    /// How far the mean of the draws is from the truth, by coordinate, with the standard error of each.
    ///
    /// Errors: `Shape`.
    pub fn bias_found(&self, truth: &ArrayRef1<f64>) -> Result<Vec<(f64, f64)>> {
        same_shape("truth", truth.shape(), &[self.mean.len()])?;
        let errors = self.variance.iter().map(|v| (v / self.draws as f64).sqrt());
        Ok(self.mean.iter().zip(truth).map(|(m, t)| m - t).zip(errors).collect())
    }
}

/// Estimators of one gradient, measured side by side: [`compare`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Comparison {
    /// The gradient, where it is known.
    pub truth: Option<Vec<f64>>,
    /// A row an estimator, in the order in which they were given.
    pub measured: Vec<Measured>,
}

/// Measures estimators of one gradient, each from the same state of the generator.
///
/// For each: its bias where the `truth` is known, its variance by coordinate and in total, the evaluations it
/// asks for and the product of both, its signal to noise, its time. The table is the [`Display`](fmt::Display)
/// of what comes back. Statistics are in f64.
/// Errors: `Shape` of `truth`, `Entry` where it is not finite; `Estimator` with the name and its error, or `TooFew` where
/// it gives fewer than 2 rows, `Shape` where its width is not that of the others, `NaN` with the row, `Parameter` where its
/// evaluations are not a finite number above 0.
///
/// ```
/// use estimand::gradient::{Baseline, Named, Pathwise, ScoreFunction, compare};
/// use estimand::{DiagGaussian, Transform, ndarray::{Array1, ArrayView2, array}};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// // f = x^2 under N(1, 1): d/dm is 2, d/d ln s is 2. A thousand parameter rows, all the same.
/// let q = DiagGaussian::identical(&array![1.0_f64], &array![0.0], 1000)?;
/// let four = q.clone().repeat_rows(4);
/// let square = |x: ArrayView2<f64>| -> Array1<f64> { x.column(0).mapv(|x| x * x) };
/// let estimators = [
///     Named::of_plan("score function", |rng: &mut StdRng| ScoreFunction::propose(&q, q.noise(rng), Baseline::None), square),
///     Named::of_plan(
///         "leave-one-out",
///         |rng: &mut StdRng| ScoreFunction::propose(&four, four.noise(rng), Baseline::LeaveOneOut),
///         square,
///     ),
///     Named::of_plan("pathwise", |rng: &mut StdRng| Pathwise::propose(&q, q.noise(rng)), |x| x.mapv(|x| 2.0 * x)),
/// ];
/// let table = compare(&StdRng::seed_from_u64(1), Some(&array![2.0, 2.0]), &estimators)?;
/// assert_eq!(table.best().map(|m| m.name.as_str()), Some("pathwise"));
/// assert_eq!(table.measured.iter().map(|m| m.evaluations).collect::<Vec<_>>(), [1.0, 4.0, 1.0]);
/// println!("{table}");
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn compare<F: Real, R: Rng + Clone>(
    rng: &R,
    truth: Option<&ArrayRef1<f64>>,
    estimators: &[Named<'_, F, R>],
) -> Result<Comparison> {
    let mut measured: Vec<Measured> = Vec::with_capacity(estimators.len());
    if let Some((j, t)) = truth.and_then(|truth| truth.iter().enumerate().find(|(_, t)| !t.is_finite())) {
        return Err(Error::Entry { name: "truth", index: vec![j], value: *t, expected: "a finite number" });
    }
    for Named { name, run } in estimators {
        let (found, seconds) = timed(|| run(&mut rng.clone()));
        let width = measured.first().map(|first| first.mean.len());
        let found = found.and_then(|found| measure(name, &found, width));
        let found = found.map_err(|why| Error::Estimator { name: name.clone(), source: Box::new(why) })?;
        if let Some(truth) = truth {
            same_shape("truth", truth.shape(), &[found.mean.len()])?;
        }
        measured.push(Measured { seconds: seconds.map(|s| s / found.draws as f64), ..found });
    }
    Ok(Comparison { truth: truth.map(|t| t.to_vec()), measured })
}

fn measure<F: Real>(name: &str, run: &Run<F>, width: Option<usize>) -> Result<Measured> {
    let Run { rows, bias, evaluations } = run;
    let draws = rows.nrows();
    same_shape("rows", rows.shape(), &[draws, width.unwrap_or(rows.ncols())])?;
    if draws < 2 {
        return Err(Error::TooFew { name: "rows", got: draws, needs: 2 });
    }
    no_nan_rows("rows", rows)?;
    positive("evaluations", *evaluations)?;
    let wide = rows.mapv(Real::as_f64);
    let moments = ColumnMoments::of(&wide);
    let [mean, variance] = [moments.mean()?, moments.unbiased_variance()?].map(|column| column.to_vec());
    let tail = wide.columns().into_iter().zip(&mean).map(|(draws, &mean)| {
        let tail = deviations(draws.iter().copied(), mean).tail;
        if tail.is_nan() { 1.0 } else { tail }
    });
    let (name, bias, evaluations, tail) = (name.to_owned(), *bias, *evaluations, tail.collect());
    Ok(Measured { name, bias, evaluations, draws, mean, variance, tail, seconds: None })
}

/// The result and the time it took; a target without a clock has none.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    if cfg!(target_family = "wasm") {
        return (work(), None);
    }
    let began = std::time::Instant::now();
    let result = work();
    (result, Some(began.elapsed().as_secs_f64()))
}

/// Standard errors that a mean without bias is off by with a chance of 2e-9.
const FAR: f64 = 6.0;

/// What the kurtosis over the number of draws may be where a standard error is believed: about twenty draws of a rare kind.
const FEW: f64 = 0.05;

impl Comparison {
    /// The estimator with the least variance times evaluations of those that are not biased: neither said to be, nor found to
    /// be ([`contradicts`](Self::contradicts)), nor [`undecided`](Self::undecided). Where there is none of these, of the
    /// undecided that are not said to be biased; where there is none of those either, of all.
    pub fn best(&self) -> Option<&Measured> {
        let rank = |m: &Measured| match (m.bias == Bias::Biased || self.contradicts(m), self.undecided(m)) {
            (true, _) => 2,
            (false, undecided) => usize::from(undecided),
        };
        let price = Measured::variance_times_evaluations;
        self.measured.iter().min_by(|a, b| rank(a).cmp(&rank(b)).then(price(a).total_cmp(&price(b))))
    }

    /// Whether the mean of an estimator is more than 6 standard errors from the truth in a coordinate whose standard error can
    /// be believed ([`Measured::tail`]: of fewer than 20 draws none is, of Gaussian ones that of 60), and by more than the
    /// rounding of rows in single precision, of the largest coordinate. Estimators that are consistent or biased may well be.
    pub fn contradicts(&self, measured: &Measured) -> bool {
        self.off(measured).any(|found| found.believed)
    }

    /// Whether an estimator that nothing contradicts is as far from the truth in a coordinate that cannot be judged: its draws
    /// never vary, or a few of them make the sum. A class that is rarer than one in as many draws is in none of them, and what
    /// is made of it is missing: no fault of the estimator. More draws tell, or [`check::unbiased`](crate::check::unbiased).
    pub fn undecided(&self, measured: &Measured) -> bool {
        !self.contradicts(measured) && self.off(measured).next().is_some()
    }

    /// What was found of the coordinates that are more than 6 standard errors from the truth.
    fn off(&self, measured: &Measured) -> impl Iterator<Item = Found> + use<> {
        let found = self.found(measured);
        let size = found.iter().fold(0.0_f64, |most, found| most.max(found.size));
        let rounding = 64.0 * f64::from(f32::EPSILON) * size;
        found.into_iter().filter(move |found| found.off.abs() > FAR * found.error + rounding)
    }

    /// What was found of each coordinate, where the truth is known.
    fn found(&self, measured: &Measured) -> Vec<Found> {
        let Some(truth) = self.truth.as_deref() else { return Vec::new() };
        let bias = measured.bias_found(&ArrayView1::from(truth)).unwrap_or_default();
        let of = |(j, ((off, error), &truth)): (usize, ((f64, f64), &f64))| Found {
            off,
            error,
            size: truth.abs().max((truth + off).abs()),
            believed: measured.tail.get(j).is_some_and(|&tail| tail <= FEW),
        };
        bias.into_iter().zip(truth).enumerate().map(of).collect()
    }

    /// The coordinate whose mean is the most standard errors from the truth: of those that contradict, if any does, or else of
    /// those that are undecided, or else of all.
    fn worst(&self, measured: &Measured) -> Option<Found> {
        let off: Vec<_> = self.off(measured).collect();
        let accused: Vec<_> = off.iter().filter(|found| found.believed).cloned().collect();
        let of = [accused, off, self.found(measured)].into_iter().find(|some| !some.is_empty())?;
        of.into_iter().max_by(|a, b| a.weight().total_cmp(&b.weight()))
    }
}

/// The mean of a coordinate beside the truth.
#[derive(Clone)]
struct Found {
    off: f64,
    error: f64,
    /// Of the mean or the truth, the larger.
    size: f64,
    /// Whether the standard error can be.
    believed: bool,
}

impl Found {
    fn weight(&self) -> f64 {
        if self.off == 0.0 { 0.0 } else { self.off.abs() / self.error }
    }
}

/// A number without zeros at its end: 3, and 1.3333.
fn short(number: f64) -> String {
    let digits = format!("{number:.4}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.measured.iter().map(|m| m.name.chars().count()).max().unwrap_or(0).max("estimator".len());
        write!(f, "{:width$}  {:10}  {:>11}", "estimator", "said to be", "evaluations")?;
        if self.truth.is_some() {
            write!(f, "  {:>11}  {:>9}", "worst bias", "std error")?;
        }
        writeln!(f, "  {:>11}  {:>11}  {:>8}  {:>9}", "variance", "x evals", "signal", "us a draw")?;
        for m in &self.measured {
            let bias = format!("{:?}", m.bias).to_lowercase();
            write!(f, "{:width$}  {bias:10}  {:>11}", m.name, short(m.evaluations))?;
            if let Some(Found { off, error, .. }) = self.worst(m) {
                let mark = match (self.contradicts(m), self.undecided(m)) {
                    (true, _) => '*',
                    (false, true) => '?',
                    (false, false) => ' ',
                };
                write!(f, "  {off:>10.3e}{mark}  {error:>9.1e}")?;
            }
            let signal = m.signal_to_noise();
            write!(f, "  {:>11.4e}  {:>11.4e}  {signal:>8.3}", m.total_variance(), m.variance_times_evaluations())?;
            let seconds = m.seconds.map_or("-".to_owned(), |s| format!("{:.3}", s * 1e6));
            writeln!(f, "  {seconds:>9}")?;
        }
        if self.measured.iter().any(|m| self.contradicts(m)) {
            writeln!(f, "* more than {FAR} standard errors from the truth")?;
        }
        if self.measured.iter().any(|m| self.undecided(m)) {
            writeln!(f, "? as far, but of draws that never vary, or of which a few make the sum")?;
        }
        match self.best() {
            Some(best) => write!(f, "least variance x evaluations: {}", best.name),
            None => write!(f, "no estimator"),
        }
    }
}
