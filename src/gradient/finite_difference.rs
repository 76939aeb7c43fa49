use ndarray::{Array1, Array2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::distribution::{Base, LocScaleParts};
use crate::rows::Grad;
use crate::shape::{no_nan, same_shape};
use crate::{Distribution, Error, LocScale, Real, Result, Transform};

/// Central differences of E f(x) with common random numbers: both sides of a difference are made from the
/// same noise.
///
/// ```text
/// row_k = (f(x(noise, theta + h e_k)) - f(x(noise, theta - h e_k))) / (2 h)
/// ```
///
/// Estimand: d/d theta E f(x). Bias: biased, by h^2/6 times the third derivative of E f in theta; unbiased for
/// a cost and a parameter of which E f is quadratic. Variance: as the pathwise estimator's where f is smooth on
/// the scale of h (it tends to that row as h falls), of order 1/h where f jumps; with independent noise
/// on the two sides it would be of order 1/h^2. It asks for 4 costs a sample and coordinate: a yardstick for
/// other estimators, and a last resort for a cost without slopes.
/// Shapes: with n samples, points `(4 n dim, dim)`; of a sample, the two points of each location first, above before below,
/// then those of each log-scale.
/// Source: Glasserman and Yao 1992; chapter `gradient/pathwise`.
///
/// ```
/// use estimand::gradient::{FiniteDifference, Plan};
/// use estimand::{DiagGaussian, ndarray::array};
///
/// let q = DiagGaussian::standard(1, 1)?;
/// let plan = FiniteDifference::propose(&q, array![[2.0]], 0.5)?;
/// assert_eq!(plan.points().column(0).as_slice().map(|x| x[..2].to_vec()), Some(vec![2.5, 1.5]));
/// let rows = plan.rows(&plan.points().column(0).mapv(|x: f64| x * x))?;
/// assert_eq!(rows.loc(), array![[4.0]]);                                 // 2 x
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FiniteDifference<'a, F, B> {
    law: &'a LocScale<'a, F, B>,
    points: Array2<F>,
    step: F,
}

impl<'a, F: Real, B: Base<F>> FiniteDifference<'a, F, B> {
    /// The points on both sides of each parameter, `step` away.
    ///
    /// Errors: `Shape` of `noise`; `Parameter` where `step` is not positive and finite, or so small that a parameter
    /// does not move by it.
    pub fn propose(law: &'a LocScale<'a, F, B>, noise: Array2<F>, step: F) -> Result<Self> {
        if !(step > F::zero() && step.is_finite()) {
            return Err(Error::Parameter { name: "step", value: step.as_f64(), expected: "a positive, finite number" });
        }
        let moves = |theta: &F| theta.is_nan() || moved(*theta, step) > F::zero();
        if !law.loc().iter().chain(&law.log_scale()).all(moves) {
            let expected = "a step that every parameter is moved by";
            return Err(Error::Parameter { name: "step", value: step.as_f64(), expected });
        }
        let shape = law.shape();
        shape.samples_door("noise", &noise)?;
        let (n, d) = (shape.samples(), shape.dim);
        let mut points = Array2::zeros((4 * n * d, d));
        for k in 0..2 * d {
            for (side, h) in [step, -step].into_iter().enumerate() {
                let (mut loc, mut log_scale) = (law.loc().to_owned(), law.log_scale().to_owned());
                let moved = if k < d { &mut loc } else { &mut log_scale };
                moved.column_mut(k % d).mapv_inplace(|theta| theta + h);
                let x = law.with_parameters(&loc, &log_scale).transform(noise.clone())?;
                for (i, x) in x.x().rows().into_iter().enumerate() {
                    points.row_mut(4 * d * i + 2 * k + side).assign(&x);
                }
            }
        }
        Ok(Self { law, points, step })
    }
}

impl<F: Real, B: Base<F>> Plan<F> for FiniteDifference<'_, F, B> {
    type Parts = LocScaleParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LocScaleParts>> {
        let shape = self.law.shape();
        same_shape("cost", cost.shape(), &[self.points.nrows()])?;
        no_nan("cost", cost)?;
        let flat = Array2::from_shape_fn((shape.samples(), 2 * shape.dim), |(i, k)| {
            let pair = 4 * shape.dim * i + 2 * k;
            let part = if k < shape.dim { self.law.loc() } else { self.law.log_scale() };
            let theta = part[[shape.parameter_row(i), k % shape.dim]];
            (cost[pair] - cost[pair + 1]) / moved(theta, self.step)
        });
        Ok(Grad::held(flat, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }
}

/// What a parameter is moved by from one side to the other, after rounding.
fn moved<F: Real>(theta: F, step: F) -> F {
    (theta + step) - (theta - step)
}
