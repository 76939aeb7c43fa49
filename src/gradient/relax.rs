use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use super::plan::{Bias, Plan, costs_door, costs_read, slopes_door};
use crate::arithmetic::Arithmetic;
use crate::distribution::{LogitParts, Perturb};
use crate::kernel::{Filled, RowFn, fill};
use crate::rows::{Grad, map_coordinates, pairwise, weigh};
use crate::shape::{finite, no_nan_rows};
use crate::{Real, Result, ValueGrad};

/// From which noise the perturbed logits given the sample are drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Conditional<F> {
    /// From other noise than the sample's, of its shape: independent of it. (With the sample's own noise handed in as the
    /// other, the estimator is biased: what made x is not distributed as noise given x.)
    Independent(Array2<F>),
    /// From that which gives the sample's own perturbed logits again: both relaxations have one value, and differ by their
    /// derivatives.
    Common,
}

/// What [`Relax`] asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct CostAndControl<F> {
    /// The cost at the points: `(n,)`.
    pub cost: Array1<F>,
    /// The control with its slopes at the [`controls`](Relax::controls): `(2 n,)` and `(2 n, dim)`.
    pub control: ValueGrad<Array1<F>, Array2<F>>,
}

/// The RELAX estimator of d/d logits E f(x), x of bits or classes: the score function with any differentiable function of the
/// *perturbed logits* as control variate.
///
/// ```text
/// row = (f(x) - eta c(z~)) score(x) + eta (dz/dl)' c'(z) - eta (dz~/dl)' c'(z~)
/// ```
///
/// z made x, and z~ is drawn given x ([`Perturb`]): both move with the logits, z~ also through the probability of x. All that
/// is multiplied by eta has the mean 0. [`Rebar`](super::Rebar) is the case c(z) = f(softmax(z / T)).
///
/// Asks for a cost a sample, and for values and slopes of c at two z. Bias: unbiased, for any c that is continuous, has a slope
/// but at corners, and whose path can be integrated, and any eta, as long as they are not fitted to the same samples. z of a
/// sure bit or an impossible class is infinite, and c has to take that: its values and slopes are asked to be finite. (A logit
/// that is infinite has no gradient, whatever c is.) Variance: of a c that knows f it is less than that of the score function;
/// of another it may be *more*, and is then mended by eta ([`best_eta`](Self::best_eta)). A c with parameters learns by the
/// derivative of the rows' mean square, which needs no backward pass through this: [`cotangents`](Self::cotangents).
///
/// Shapes: points `(n, dim)`, controls `(2 n, dim)`, z and z~ of a sample one after the other.
/// Errors: `Shape`, `NaN` with the row, or `Entry`, of `cost`, `control.value` or `control.grad`; of the value at z nothing is
/// read.
/// Source: Grathwohl, Choi, Wu, Roeder and Duvenaud 2018; chapter `gradient/relax`.
///
/// ```
/// use estimand::gradient::{Conditional, CostAndControl, Plan, Relax};
/// use estimand::{Bernoulli, Transform, ValueGrad, ndarray::{Axis, array}};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// // E (b - 0.45)^2 with c(z) = sigmoid(z), by hand.
/// let (q, mut rng) = (Bernoulli::shared(array![0.0_f64], 10_000)?, StdRng::seed_from_u64(0));
/// let (noise, other) = (q.noise(&mut rng), q.noise(&mut rng));
/// let plan = Relax::propose(&q, noise, Conditional::Independent(other))?.with_eta(0.1)?;
/// let cost = plan.points().column(0).mapv(|b| (b - 0.45).powi(2));
/// let share = plan.controls().mapv(|z| 1.0 / (1.0 + (-z).exp()));
/// let control = ValueGrad { value: share.column(0).to_owned(), grad: &share * (1.0 - &share) };
/// let g = plan.estimate(&CostAndControl { cost, control })?;
/// assert!((g.gradient.logits()[[0, 0]] - 0.025).abs() < 5.0 * g.std_error().unwrap().logits()[[0, 0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug)]
pub struct Relax<'a, F, D> {
    law: &'a D,
    x: Array2<F>,
    /// z and z~ of each sample: `(2 n, dim)`.
    z: Array2<F>,
    eta: F,
}

/// Of any law: it is borrowed.
impl<F: Clone, D> Clone for Relax<'_, F, D> {
    fn clone(&self) -> Self {
        Self { law: self.law, x: self.x.clone(), z: self.z.clone(), eta: self.eta.clone() }
    }
}

impl<'a, F: Real, D: Perturb<F>> Relax<'a, F, D> {
    /// Samples and their perturbed logits, from noise of the law; eta is 1.
    ///
    /// Errors: `Shape` of `noise`, or of that in `conditional`.
    pub fn propose(law: &'a D, noise: Array2<F>, conditional: Conditional<F>) -> Result<Self> {
        let z = law.perturbed(&noise)?;
        let x = law.sample_from(noise)?;
        let given = match conditional {
            Conditional::Independent(other) => {
                law.shape().samples_door("conditional", &other)?;
                law.perturbed_given(&x, &other)?
            }
            Conditional::Common => z.clone(),
        };
        let both = Array2::from_shape_fn((2 * z.nrows(), z.ncols()), |(i, j)| {
            if i % 2 == 0 { z[[i / 2, j]] } else { given[[i / 2, j]] }
        });
        Ok(Self { law, x, z: both, eta: F::one() })
    }

    /// The same samples with another weight of the control. Errors: `Parameter` where `eta` is not finite.
    pub fn with_eta(self, eta: F) -> Result<Self> {
        finite("eta", eta)?;
        Ok(Self { eta, ..self })
    }

    /// The weight of the control.
    pub fn eta(&self) -> F {
        self.eta
    }

    /// Where the control is asked for: z and z~ of each sample, `(2 n, dim)`.
    pub fn controls(&self) -> ArrayView2<'_, F> {
        self.z.view()
    }

    /// The law of the samples.
    pub(super) fn law(&self) -> &'a D {
        self.law
    }

    /// The eta of the least mean square of the rows:
    ///
    /// ```text
    /// eta = - sum of r . h / sum of |h|^2,   row = r + eta h
    /// ```
    ///
    /// over all samples; whatever eta the plan has. Used for *these* samples it moves their mean by order 1/n, since it depends on
    /// them; for the next ones it does not. 0 where the control is 0 throughout.
    ///
    /// Errors: as [`rows`](Plan::rows); `NaN` with the first row that is, of logits that are.
    pub fn best_eta(&self, cost: &CostAndControl<F>) -> Result<F> {
        self.doors(cost)?;
        self.best_eta_of(cost)
    }

    /// [`rows`](Plan::rows) of a cost and a control that are functions of their points, as a bare array, `(n, dim)`: the
    /// [`rows_with`](Plan::rows_with) of a plan that asks at two places, for [`check::unbiased`](crate::check::unbiased) or
    /// [`Named::new`](super::Named::new) (three evaluations a draw).
    ///
    /// Errors: as [`rows`](Plan::rows).
    ///
    /// ```
    /// use estimand::gradient::{Bias, Conditional, Named, Relax, compare};
    /// use estimand::{Bernoulli, Transform, ValueGrad, ndarray::{Axis, array}};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// // (b - 0.45)^2 of a fair coin, of which the gradient is 0.025; the control is a hyperbolic tangent of z / 2, times 0.05.
    /// let q = Bernoulli::identical(&array![0.0_f64], 20_000)?;
    /// let relax = |rng: &mut StdRng| {
    ///     let other = q.noise(rng);
    ///     let plan = Relax::propose(&q, q.noise(rng), Conditional::Independent(other))?;
    ///     plan.rows_with_control(
    ///         |b| b.map_axis(Axis(1), |b| (b[0] - 0.45_f64).powi(2)),
    ///         |z| ValueGrad {
    ///             value: z.map_axis(Axis(1), |z| 0.05 * (0.5 * z[0]).tanh()),
    ///             grad: z.mapv(|z| 0.025 / (0.5 * z).cosh().powi(2)),
    ///         },
    ///     )
    /// };
    /// let named = [Named::new("RELAX", Bias::Unbiased, 3.0, relax)];
    /// let table = compare(&StdRng::seed_from_u64(1), Some(&array![0.025]), &named)?;
    /// assert!(!table.contradicts(&table.measured[0]) && !table.undecided(&table.measured[0]));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn rows_with_control(
        &self,
        cost: impl FnOnce(ArrayView2<'_, F>) -> Array1<F>,
        control: impl FnOnce(ArrayView2<'_, F>) -> ValueGrad<Array1<F>, Array2<F>>,
    ) -> Result<Array2<F>> {
        let asked = CostAndControl { cost: cost(self.x.view()), control: control(self.z.view()) };
        Ok(self.rows(&asked)?.into_flat())
    }

    pub(super) fn best_eta_of(&self, CostAndControl { cost, control }: &CostAndControl<F>) -> Result<F> {
        let (mut rows, mut control) = self.score_and_control(control);
        rows.rows_mut().into_iter().zip(cost).for_each(|(mut row, &cost)| row.mapv_inplace(|s| weigh(s, cost)));
        no_nan_rows("rows", &rows)?;
        no_nan_rows("rows", &control)?;
        // In units of their largest entries, of which no square is beyond the numbers.
        let [of_rows, of_control] = [&mut rows, &mut control].map(|all| {
            let largest = all.iter().fold(F::zero(), |most, x| most.max(x.abs()));
            all.mapv_inplace(|x| if largest > F::zero() { x / largest } else { x });
            largest
        });
        let [rows, control] = [&rows, &control].map(|all| all.as_slice().unwrap_or_default());
        let square = pairwise(control.len(), |i| control[i] * control[i]);
        let product = pairwise(control.len(), |i| rows[i] * control[i]);
        Ok(if square == F::zero() { square } else { -(product / square) * (of_rows / of_control) })
    }

    /// The mean over the samples of the square of a row's length: the variance of a row, but for what the gradient adds, which does
    /// not change with eta or the control.
    ///
    /// Errors: as [`best_eta`](Self::best_eta).
    pub fn mean_square(&self, cost: &CostAndControl<F>) -> Result<F> {
        self.doors(cost)?;
        self.mean_square_of(cost)
    }

    pub(super) fn mean_square_of(&self, cost: &CostAndControl<F>) -> Result<F> {
        let rows = self.rows_of(cost);
        no_nan_rows("rows", &rows)?;
        let all = rows.as_slice().unwrap_or_default();
        Ok(pairwise(all.len(), |i| all[i] * all[i]) / F::count(rows.nrows().max(1)))
    }

    /// The derivatives of [`mean_square`](Self::mean_square) in the values and in the slopes of the control, at each of the
    /// [`controls`](Self::controls): what a control with parameters is trained by, in a backward pass of the user's that starts
    /// from both.
    ///
    /// ```text
    /// in c(z~)    -2 eta g . score(x) / n
    /// in c'(z)     2 eta (dz/dl) g / n,      in c'(z~)   -2 eta (dz~/dl) g / n,      g the row
    /// ```
    ///
    /// Shapes: values `(2 n,)`, 0 at z; slopes `(2 n, dim)`. Errors: as [`rows`](Plan::rows).
    pub fn cotangents(&self, cost: &CostAndControl<F>) -> Result<ValueGrad<Array1<F>, Array2<F>>> {
        self.doors(cost)?;
        let (_, [score, paths]) = self.score_and_paths(&cost.control);
        let rows = self.combined(&score, paths, cost);
        let n = rows.nrows();
        let by = F::of(2.0) * self.eta / F::count(n.max(1));
        let of_value = |i: usize| pairwise(rows.ncols(), |j| rows[[i, j]] * score[[i, j]]);
        let value = Array1::from_shape_fn(2 * n, |i| if i % 2 == 0 { F::zero() } else { -by * of_value(i / 2) });
        let (_, [grad]) = fill(2 * n, [], [rows.ncols()], &CotangentRow { plan: self, rows: &rows, by });
        Ok(ValueGrad { value, grad })
    }

    fn doors(&self, CostAndControl { cost, control }: &CostAndControl<F>) -> Result<()> {
        let n = self.x.nrows();
        costs_door(cost, n)?;
        costs_read("control.value", &control.value, 2 * n, |row| row % 2 == 1)?;
        slopes_door("control.grad", &control.grad, self.z.dim(), |_| true)
    }

    /// (f - eta c(z~)) score + eta times the difference of the paths: the costs are subtracted before anything is made of them.
    pub(super) fn rows_of(&self, cost: &CostAndControl<F>) -> Array2<F> {
        let (_, [score, paths]) = self.score_and_paths(&cost.control);
        self.combined(&score, paths, cost)
    }

    fn combined(&self, score: &Array2<F>, mut rows: Array2<F>, of: &CostAndControl<F>) -> Array2<F> {
        for (i, (mut row, score)) in rows.rows_mut().into_iter().zip(score.rows()).enumerate() {
            let off = of.cost[i] - weigh(self.eta, of.control.value[2 * i + 1]);
            row.zip_mut_with(&score, |path, &score| *path = weigh(score, off) + weigh(self.eta, *path));
        }
        rows
    }

    /// The score, and what eta multiplies: rows of mean 0.
    fn score_and_control(&self, control: &ValueGrad<Array1<F>, Array2<F>>) -> (Array2<F>, Array2<F>) {
        let (_, [score, mut paths]) = self.score_and_paths(control);
        for (i, (mut paths, score)) in paths.rows_mut().into_iter().zip(score.rows()).enumerate() {
            paths.zip_mut_with(&score, |path, &score| *path -= weigh(score, control.value[2 * i + 1]));
        }
        (score, paths)
    }

    fn score_and_paths(&self, control: &ValueGrad<Array1<F>, Array2<F>>) -> Filled<F, 2> {
        let dim = self.x.ncols();
        // Those of z and of z~, without a copy.
        let [free, given] = [0, 1].map(|from| every_second(control.grad.view(), from));
        let inputs = [self.x.view(), every_second(self.z.view(), 1), free, given];
        fill(self.x.nrows(), inputs, [dim, dim], &PathsRow(self.law))
    }
}

impl<F: Real, D: Perturb<F>> Plan<F> for Relax<'_, F, D> {
    type Parts = LogitParts;
    type Cost = CostAndControl<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.x.view()
    }

    fn rows(&self, cost: &CostAndControl<F>) -> Result<Grad<F, LogitParts>> {
        self.doors(cost)?;
        Ok(Grad::held(self.rows_of(cost), self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}

/// The rows of z, or from 1 on those of z~.
fn every_second<F>(rows: ArrayView2<'_, F>, from: isize) -> ArrayView2<'_, F> {
    let from = if rows.is_empty() { 0 } else { from };
    rows.slice_axis_move(Axis(0), Slice::new(from, None, 2))
}

/// The score, and c'(z) - (dz~/dl)' c'(z~).
struct PathsRow<'a, D>(&'a D);

impl<F: Real, D: Perturb<F>> RowFn<F, 4> for PathsRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, z, free, given]: [&[F]; 4], out: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        let (score, paths) = out.split_at_mut(x.len());
        self.0.score_row(a, t, x, score);
        self.0.given_pull_back_row(a, t, x, z, given, paths);
        for ((path, &free), &l) in paths.iter_mut().zip(free).zip(self.0.logits_row(t)) {
            // An infinite logit does not move.
            *path = if l.is_infinite() { F::zero() } else { free - *path };
        }
        F::zero()
    }
}

struct CotangentRow<'a, 'b, F, D> {
    plan: &'a Relax<'b, F, D>,
    rows: &'a Array2<F>,
    by: F,
}

impl<F: Real, D: Perturb<F>> RowFn<F, 0> for CotangentRow<'_, '_, F, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, []: [&[F]; 0], out: &mut [F]) -> F {
        let (plan, s) = (self.plan, i / 2);
        let (x, z, row) = (plan.x.row(s), plan.z.row(i), self.rows.row(s));
        let [x, z, row] = [&x, &z, &row].map(|row| row.to_slice().unwrap_or_default());
        if i.is_multiple_of(2) {
            map_coordinates([row], [out], |[g]| [g * self.by]);
        } else {
            plan.law.given_push_forward_row(a, plan.law.shape().parameter_row(s), x, z, row, out);
            out.iter_mut().for_each(|g| *g *= -self.by);
        }
        F::zero()
    }
}
