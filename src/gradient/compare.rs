use std::fmt;

use ndarray::{Array2, ArrayRef1, ArrayView1, ArrayView2};
use rand::Rng;

use super::plan::{Bias, Plan};
use crate::moments::ColumnMoments;
use crate::shape::{no_nan_rows, same_shape};
use crate::{Error, Real, Result};

/// From a generator to what an estimator did with its noise.
type Runs<'a, F, R> = Box<dyn Fn(&mut R) -> Result<Run<F>> + 'a>;

/// What an estimator did with noise of a generator.
struct Run<F> {
    rows: Array2<F>,
    bias: Bias,
    /// Evaluations a row.
    evaluations: usize,
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
    /// all at once. What its bias is said to be, and how many evaluations a draw takes, the plan tells.
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
            let evaluations = plan.points().nrows() / rows.nrows().max(1);
            Ok(Run { rows, bias: plan.bias(), evaluations })
        };
        Self { name: name.into(), run: Box::new(run) }
    }

    /// `rows` draws noise and gives independent draws of the gradient, `(draws, width)`, each of which has
    /// asked for the cost (or its slope) `evaluations` times: for what is no plan.
    pub fn new(
        name: impl Into<String>,
        bias: Bias,
        evaluations: usize,
        rows: impl Fn(&mut R) -> Result<Array2<F>> + 'a,
    ) -> Self {
        let run = move |rng: &mut R| Ok(Run { rows: rows(rng)?, bias, evaluations });
        Self { name: name.into(), run: Box::new(run) }
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
    pub evaluations: usize,
    /// Draws that were made.
    pub draws: usize,
    /// The mean of the draws, by coordinate.
    pub mean: Vec<f64>,
    /// The variance of a draw, by coordinate, from the draws (divided by their number less 1).
    pub variance: Vec<f64>,
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
        self.total_variance() * self.evaluations as f64
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
/// it gives fewer than 2 rows, `Shape` where its width is not that of the others, `NaN` with the row.
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
/// assert_eq!(table.measured.iter().map(|m| m.evaluations).collect::<Vec<_>>(), [1, 4, 1]);
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
    let moments = ColumnMoments::of(&rows.mapv(Real::as_f64));
    let [mean, variance] = [moments.mean()?, moments.unbiased_variance()?].map(|column| column.to_vec());
    let (name, bias, evaluations) = (name.to_owned(), *bias, *evaluations);
    Ok(Measured { name, bias, evaluations, draws, mean, variance, seconds: None })
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

impl Comparison {
    /// The estimator with the least variance times evaluations of those that are not biased: neither said to be,
    /// nor found to be, by more than 6 standard errors from the truth where that is known. Of all, where all are.
    pub fn best(&self) -> Option<&Measured> {
        let least = |biased: bool| {
            let rows = self.measured.iter().filter(move |m| (m.bias == Bias::Biased || self.contradicts(m)) == biased);
            rows.min_by(|a, b| a.variance_times_evaluations().total_cmp(&b.variance_times_evaluations()))
        };
        least(false).or_else(|| least(true))
    }

    /// Whether the mean of an estimator is more than 6 standard errors from the truth in a coordinate, and by more than
    /// the rounding of rows in single precision. Estimators that are consistent or biased may well be.
    pub fn contradicts(&self, measured: &Measured) -> bool {
        let rounding = 64.0 * f64::from(f32::EPSILON);
        let Some((j, off, error)) = self.worst(measured) else { return false };
        off.abs() > FAR * error + rounding * measured.mean[j].abs()
    }

    /// The coordinate whose mean is the most standard errors from the truth, with how far it is off and the error.
    fn worst(&self, measured: &Measured) -> Option<(usize, f64, f64)> {
        let found = measured.bias_found(&ArrayView1::from(self.truth.as_ref()?)).ok()?;
        let weight = |off: f64, error: f64| if off == 0.0 { 0.0 } else { off.abs() / error };
        let all = found.into_iter().enumerate().map(|(j, (off, error))| (j, off, error));
        all.max_by(|a, b| weight(a.1, a.2).total_cmp(&weight(b.1, b.2)))
    }
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
            write!(f, "{:width$}  {bias:10}  {:>11}", m.name, m.evaluations)?;
            if let Some((_, off, error)) = self.worst(m) {
                let mark = if self.contradicts(m) { '*' } else { ' ' };
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
        match self.best() {
            Some(best) => write!(f, "least variance x evaluations: {}", best.name),
            None => write!(f, "no estimator"),
        }
    }
}
