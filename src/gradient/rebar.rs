use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan, costs_read, slopes_door};
use super::relax::{Conditional, CostAndControl, Relax};
use crate::distribution::{LogitParts, Perturb};
use crate::rows::Grad;
use crate::{Real, Result, ValueGrad};

/// The REBAR estimator of d/d logits E f(x), x of bits or classes: the score function, with the cost of *relaxed* samples as
/// control variate.
///
/// ```text
/// row = (f(x) - eta f(y~)) score(x) + eta d f(y)/dl - eta d f(y~)/dl,   y = shares of z / T,   y~ of a z~ given x
/// ```
///
/// [`Relax`] with c(z) = f(shares(z / T)). Asks for costs and slopes at three points a sample. Bias: unbiased, at every
/// temperature and eta. Variance: less than the score function's where f between the classes is like f at them; it need not be.
/// For E (b - t)^2 of one bit with eta = 1 it is *more* than that of the plain score function (chapter `gradient/relax`), so
/// fit eta ([`best_eta`](Self::best_eta)) and the temperature ([`with_temperature`](Self::with_temperature)) to earlier
/// samples, or compare.
///
/// With [`Conditional::Common`] y and y~ are one point, and the cost is asked for twice there: one answer serves both.
///
/// Shapes: points `(3 n, dim)`: of a sample x, y and y~, one after the other. Errors: `Shape`, `NaN` with the row, or `Entry`, of
/// `cost.value` or `cost.grad`; of the value at y and the slope at x nothing is read.
/// Source: Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017; chapter `gradient/relax`.
///
/// ```
/// use estimand::gradient::{Conditional, Plan, Rebar};
/// use estimand::{Bernoulli, Transform, ValueGrad, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// // E (b - 0.45)^2 of a fair coin: the gradient is 0.025.
/// let (q, mut rng) = (Bernoulli::shared(array![0.0_f64], 10_000)?, StdRng::seed_from_u64(0));
/// let (noise, other) = (q.noise(&mut rng), q.noise(&mut rng));
/// let plan = Rebar::propose(&q, noise, Conditional::Independent(other), 0.5)?;
/// let off = &plan.points() - 0.45;
/// let g = plan.estimate(&ValueGrad { value: off.column(0).mapv(|off| off * off), grad: 2.0 * &off })?;
/// assert!((g.gradient.logits()[[0, 0]] - 0.025).abs() < 5.0 * g.std_error().unwrap().logits()[[0, 0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rebar<'a, F, D> {
    relax: Relax<'a, F, D>,
    temperature: F,
    points: Array2<F>,
}

impl<'a, F: Real, D: Perturb<F>> Rebar<'a, F, D> {
    /// Samples, relaxed ones, and relaxed ones given the samples; eta is 1.
    ///
    /// Errors: `Shape` of `noise`, or of that in `conditional`; `Parameter` where the temperature is not a finite number above 0.
    pub fn propose(law: &'a D, noise: Array2<F>, conditional: Conditional<F>, temperature: F) -> Result<Self> {
        Self::of(Relax::propose(law, noise, conditional)?, temperature)
    }

    fn of(relax: Relax<'a, F, D>, temperature: F) -> Result<Self> {
        let shares = relax.law().shares(&relax.controls(), temperature)?;
        let x = relax.points();
        let points = Array2::from_shape_fn((3 * x.nrows(), x.ncols()), |(i, j)| match i % 3 {
            0 => x[[i / 3, j]],
            which => shares[[2 * (i / 3) + which - 1, j]],
        });
        Ok(Self { relax, temperature, points })
    }

    /// The same samples with another weight of the control. Errors: `Parameter` where `eta` is not finite.
    pub fn with_eta(self, eta: F) -> Result<Self> {
        Ok(Self { relax: self.relax.with_eta(eta)?, ..self })
    }

    /// The plan of the same noise and eta at another temperature: what is left of a difference of two is the temperature's doing.
    ///
    /// Errors: `Parameter` of the temperature.
    ///
    /// ```
    /// use estimand::gradient::{Conditional, Plan, Rebar};
    /// use estimand::{Bernoulli, Transform, ValueGrad, ndarray::array};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// // The slope of the variance in ln T, from the samples of one step of training.
    /// let (q, mut rng) = (Bernoulli::shared(array![0.0_f64], 1000)?, StdRng::seed_from_u64(0));
    /// let (noise, other) = (q.noise(&mut rng), q.noise(&mut rng));
    /// let plan = Rebar::propose(&q, noise, Conditional::Independent(other), 0.5)?;
    /// let square = |temperature: f64| {
    ///     let plan = plan.with_temperature(temperature)?;
    ///     let off = &plan.points() - 0.45;
    ///     plan.mean_square(&ValueGrad { value: off.column(0).mapv(|off| off * off), grad: 2.0 * &off })
    /// };
    /// let step: f64 = 0.01;
    /// let slope = (square(0.5 * step.exp())? - square(0.5 * (-step).exp())?) / (2.0 * step);
    /// assert!(slope < 0.0, "it pays to be warmer");
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn with_temperature(&self, temperature: F) -> Result<Self> {
        Self::of(self.relax.clone(), temperature)
    }

    /// T.
    pub fn temperature(&self) -> F {
        self.temperature
    }

    /// The weight of the control.
    pub fn eta(&self) -> F {
        self.relax.eta()
    }

    /// The eta of the least mean square of the rows: [`Relax::best_eta`], with its warning.
    ///
    /// Errors: as [`rows`](Plan::rows).
    pub fn best_eta(&self, cost: &ValueGrad<Array1<F>, Array2<F>>) -> Result<F> {
        self.relax.best_eta_of(&self.control(cost)?)
    }

    /// The mean over the samples of the square of a row's length: [`Relax::mean_square`].
    ///
    /// Errors: as [`rows`](Plan::rows).
    pub fn mean_square(&self, cost: &ValueGrad<Array1<F>, Array2<F>>) -> Result<F> {
        self.relax.mean_square_of(&self.control(cost)?)
    }

    /// The cost at the samples, and that of relaxed ones as a control of their perturbed logits.
    fn control(&self, cost: &ValueGrad<Array1<F>, Array2<F>>) -> Result<CostAndControl<F>> {
        costs_read("cost.value", &cost.value, self.points.nrows(), |row| row % 3 != 1)?;
        slopes_door("cost.grad", &cost.grad, self.points.dim(), |row| row % 3 != 0)?;
        let n = self.points.nrows() / 3;
        let of_relaxed = |i: usize| 3 * (i / 2) + 1 + i % 2;
        // Of the value at y nothing is read, also if it is not a number.
        let value = Array1::from_shape_fn(2 * n, |i| cost.value[of_relaxed(i)]);
        let slopes = Array2::from_shape_fn((2 * n, self.points.ncols()), |(i, j)| cost.grad[[of_relaxed(i), j]]);
        let grad = self.pulled_back(&slopes)?;
        let control = ValueGrad { value, grad };
        Ok(CostAndControl { cost: Array1::from_shape_fn(n, |i| cost.value[3 * i]), control })
    }

    fn pulled_back(&self, slopes: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.relax.law().shares_pull_back(&self.relax.controls(), self.temperature, slopes)
    }
}

impl<F: Real, D: Perturb<F>> Plan<F> for Rebar<'_, F, D> {
    type Parts = LogitParts;
    type Cost = ValueGrad<Array1<F>, Array2<F>>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Self::Cost) -> Result<Grad<F, LogitParts>> {
        Ok(Grad::held(self.relax.rows_of(&self.control(cost)?), self.relax.law().parts()))
    }

    fn draws(&self) -> usize {
        self.relax.draws()
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}
