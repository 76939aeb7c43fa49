use ndarray::{Array1, Array2, ArrayView2};

use super::plan::{Bias, Plan, costs_read, slopes_door};
use crate::distribution::{LogitParts, Perturb};
use crate::rows::{Grad, pairwise, weigh};
use crate::{Real, Result, Rows, ValueGrad};

/// The MuProp estimator of d/d logits E f(x), x of bits or classes: the score function, with the first-order expansion of the cost
/// at the mean as control variate.
///
/// ```text
/// row = (f(x) - f(m) - f'(m) . (x - m)) score(x) + (dm/dl)' f'(m),   m = E x
/// ```
///
/// The last term is what the expansion's own gradient is, exactly. Asks for costs at the samples, and for cost and slope at the
/// mean, once a parameter row. Bias: unbiased, whatever f'(m) is. Variance: none for a linear cost; it is the score function's of
/// what is beyond first order at the mean, which may be more than that of f itself.
///
/// Shapes: S samples a parameter row, points `(rows (S + 1), dim)`: of a parameter row the mean, then its samples. Errors:
/// `Shape`, `NaN` with the row, or `Entry`, of `cost.value` or `cost.grad`; of the slopes at the samples nothing is read.
/// Source: Gu, Levine, Sutskever and Mnih 2016; chapter `gradient/relax`.
///
/// ```
/// use estimand::gradient::{MuProp, Plan};
/// use estimand::{Bernoulli, ValueGrad, ndarray::array};
///
/// // A linear cost, 3 b: each sample has the gradient, 3 p (1 - p).
/// let q = Bernoulli::shared(array![0.0_f64], 2)?;
/// let plan = MuProp::propose(&q, array![[0.2], [0.7]])?;
/// assert_eq!(plan.points(), array![[0.5], [1.0], [0.0]]);
/// let rows = plan.rows(&ValueGrad { value: 3.0 * &plan.points().column(0), grad: array![[3.0], [3.0], [3.0]] })?;
/// assert_eq!(rows.logits(), array![[0.75], [0.75]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MuProp<'a, F, D> {
    law: &'a D,
    points: Array2<F>,
}

impl<'a, F: Real, D: Perturb<F>> MuProp<'a, F, D> {
    /// The mean of each parameter row, and samples made of noise of the law. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a D, noise: Array2<F>) -> Result<Self> {
        let x = law.sample_from(noise)?;
        let shape = law.shape();
        let mean = law.shares(&logits(law), F::one())?;
        let each = shape.repeat.saturating_add(1);
        let points = Array2::from_shape_fn((shape.rows * each, shape.dim), |(i, j)| match (i / each, i % each) {
            (t, 0) => mean[[t, j]],
            (t, s) => x[[t * shape.repeat + s - 1, j]],
        });
        Ok(Self { law, points })
    }

    /// Where in the points the mean of parameter row `t` is.
    fn mean_at(&self, t: usize) -> usize {
        t * self.law.shape().repeat.saturating_add(1)
    }
}

/// The logits of all parameter rows.
fn logits<F: Real>(law: &impl Perturb<F>) -> Array2<F> {
    let shape = law.shape();
    Array2::from_shape_fn((shape.rows, shape.dim), |(t, j)| law.logits_row(t)[j])
}

impl<F: Real, D: Perturb<F>> Plan<F> for MuProp<'_, F, D> {
    type Parts = LogitParts;
    type Cost = ValueGrad<Array1<F>, Array2<F>>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Self::Cost) -> Result<Grad<F, LogitParts>> {
        let shape = self.law.shape();
        let is_mean = |row: usize| row.is_multiple_of(shape.repeat.saturating_add(1));
        costs_read("cost.value", &cost.value, self.points.nrows(), |_| true)?;
        slopes_door("cost.grad", &cost.grad, self.points.dim(), is_mean)?;
        let slopes = Array2::from_shape_fn((shape.rows, shape.dim), |(t, j)| cost.grad[[self.mean_at(t), j]]);
        let known = self.law.shares_pull_back(&logits(self.law), F::one(), &slopes)?;
        // The parameter row of a sample, and where in the points its mean and itself are.
        let at = |i: usize| {
            let t = shape.parameter_row(i);
            (t, self.mean_at(t), i + t + 1)
        };
        let x = Array2::from_shape_fn((shape.samples(), shape.dim), |(i, j)| self.points[[at(i).2, j]]);
        let mut rows = self.law.score(&x)?.collect().into_flat();
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            let (t, mean, own) = at(i);
            let expansion = pairwise(shape.dim, |j| weigh(x[[i, j]] - self.points[[mean, j]], slopes[[t, j]]));
            let rest = (cost.value[own] - cost.value[mean]) - expansion;
            row.zip_mut_with(&known.row(t), |score, &known| *score = weigh(*score, rest) + known);
        }
        Ok(Grad::held(rows, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}
