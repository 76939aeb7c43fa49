use ndarray::{Array1, Array2, ArrayView2};

use super::estimate::Estimate;
use super::plan::{Bias, Plan, costs_read};
use crate::arithmetic::{Arithmetic, Plain};
use crate::distribution::Finite;
use crate::rows::{Grad, weigh};
use crate::shape::{no_nan, no_nan_rows, same_shape};
use crate::{Parts, Real, Result};

/// The gradient of E f(x) by enumeration of a finite support: exact, where the support is small.
///
/// ```text
/// g = sum over all x of q(x) (f(x) - E f) score(x)
/// ```
///
/// by parameter row; E f is taken from the cost, since the score's own mean is 0, so that a large constant in f costs no digits.
/// Asks for a cost at each point of the support, for each parameter row: 2^d for d bits, K^b for b variables of K classes.
/// Bias and variance: none. What is made of one block while the others are sampled, a *local* expectation, is this estimator
/// with the others held.
///
/// Shapes: points `(rows m, dim)`, the m of the first parameter row first. Errors: `Shape`, `NaN` with the row, or `Entry` of
/// `cost` where it is infinite at a point that can be (where ln q is -inf an infinite cost is left out); of an estimate `NaN`
/// of `rows` where a logit is; `Count` of a support that has more than 2^20 points.
/// Source: chapter `gradient/binary`.
///
/// ```
/// use estimand::gradient::{Enumeration, Plan};
/// use estimand::{Categorical, ndarray::array};
///
/// let q = Categorical::new(array![[0.0_f64, 0.0, 0.0]], 3)?;
/// let plan = Enumeration::propose(&q)?;
/// assert_eq!(plan.points(), array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
/// let g = plan.estimate(&array![3.0, 0.0, 0.0])?;
/// assert!((g.gradient.logits()[[0, 0]] - 2.0 / 3.0).abs() < 1e-15);              // p (1 - p) 3
/// assert_eq!(g.variance.unwrap().logits(), array![[0.0, 0.0, 0.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Enumeration<'a, F, D> {
    law: &'a D,
    points: Array2<F>,
    /// Of one parameter row.
    of: usize,
}

impl<'a, F: Real, D: Finite<F>> Enumeration<'a, F, D> {
    /// All points of the support, for each parameter row. Errors: `Count` where there are more than 2^20 of a row.
    pub fn propose(law: &'a D) -> Result<Self> {
        let support = law.support()?;
        let of = support.nrows();
        let points = Array2::from_shape_fn((law.shape().rows * of, support.ncols()), |(i, j)| support[[i % of, j]]);
        Ok(Self { law, points, of })
    }

    /// Adds the gradient of parameter row `t`. NaN logits make it NaN.
    fn add_row(&self, t: usize, cost: &[F], grad: &mut [F]) {
        let mut score = vec![F::zero(); grad.len()];
        let at = |s: usize| self.points.row(t * self.of + s).to_slice().unwrap_or_default();
        let chance = |s: usize| Plain.exp(self.law.log_prob_row::<_, false>(Plain, t, at(s), &mut []));
        let mean = (0..self.of).fold(F::zero(), |sum, s| sum + weigh(chance(s), cost[s]));
        for (s, &cost) in cost.iter().enumerate() {
            let chance = Plain.exp(self.law.log_prob_row::<_, true>(Plain, t, at(s), &mut score));
            // Not of what cannot be; but of a NaN.
            if chance != F::zero() {
                let weight = chance * (cost - mean);
                grad.iter_mut().zip(&score).for_each(|(g, &score)| *g += weight * score);
            }
        }
    }
}

impl<F: Real, D: Finite<F>> Plan<F> for Enumeration<'_, F, D> {
    type Parts = D::Parts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, D::Parts>> {
        same_shape("cost", cost.shape(), &[self.points.nrows()])?;
        no_nan("cost", cost)?;
        let possible = |i: usize| {
            let x = self.points.row(i);
            let x = x.to_slice().unwrap_or_default();
            self.law.log_prob_row::<_, false>(Plain, i / self.of.max(1), x, &mut []) > F::neg_infinity()
        };
        costs_read("cost", cost, self.points.nrows(), possible)?;
        let (parts, cost) = (self.law.parts(), cost.to_vec());
        let mut flat = Array2::zeros((self.law.shape().rows, parts.width()));
        for (t, mut row) in flat.rows_mut().into_iter().enumerate() {
            let row = row.as_slice_mut().unwrap_or_default();
            self.add_row(t, &cost[t * self.of..(t + 1) * self.of], row);
        }
        Ok(Grad::held(flat, parts))
    }

    fn draws(&self) -> usize {
        1
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn estimate(&self, cost: &Array1<F>) -> Result<Estimate<F, D::Parts>> {
        let gradient = self.rows(cost)?;
        no_nan_rows("rows", &gradient.flat())?;
        let variance = Grad::held(Array2::zeros(gradient.flat().dim()), self.law.parts());
        Ok(Estimate { gradient, variance: Some(variance), samples: 1 })
    }
}
