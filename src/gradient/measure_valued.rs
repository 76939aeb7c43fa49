use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rand::Rng;

use super::plan::{Bias, Plan};
use crate::distribution::LocScaleParts;
use crate::noise::Standard;
use crate::rows::Grad;
use crate::shape::{at_least_one, no_nan, same_shape};
use crate::{DiagGaussian, Distribution, Real, Result};

/// Whether the positive and the negative part of a measure-valued gradient are drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coupling {
    /// From common noise: less variance, as a rule.
    Coupled,
    /// Independently.
    Independent,
}

/// The measure-valued gradient of a Gaussian: of d/d theta E f(x), from differences of costs.
///
/// The derivative of a density is a difference of two densities times a constant. In the location of
/// N(m, s^2), with W of the Rayleigh law; in the log-scale, with M of the double-sided Maxwell law
/// (density z^2 phi(z)) and e standard normal:
///
/// ```text
/// d/dm      E f = E [f(m + s W) - f(m - s W)] / (s sqrt(2 pi))
/// d/d ln s  E f = E [f(m + s M) - f(m + s e)]
/// ```
///
/// Coupled, W is the same on both sides, and e = U M with U uniform: normal, and near M. Of several
/// coordinates, one at a time is replaced in a sample of the law.
///
/// No slope of f is asked for, and f may jump. Bias: unbiased. Variance: small where f is smooth on the scale
/// of the law, and it does not grow with the dimension as the score function's does; but 4 costs a sample and coordinate are
/// asked for, so variance times evaluations is the fair figure.
/// Shapes: with n samples and `dim` coordinates, points `(4 n dim, dim)`. Of a sample, the two points of each
/// location come first, positive part before negative, then those of each log-scale.
/// Source: Mohamed, Rosca, Figurnov and Mnih 2020, section 6; Heidergott, Vazquez-Abad and Volk-Makarewicz
/// 2008 (the coupling); chapter `gradient/measure_valued`.
///
/// ```
/// use estimand::gradient::{Coupling, MeasureValued, Plan};
/// use estimand::{DiagGaussian, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let (loc, log_scale) = (array![1.0_f64], array![0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 1000)?;
/// let noise = MeasureValued::noise(&q, Coupling::Coupled, &mut StdRng::seed_from_u64(1));
/// let plan = MeasureValued::propose(&q, noise, Coupling::Coupled)?;
/// let cost = plan.points().column(0).mapv(f64::cos);
/// let g = plan.estimate(&cost)?;
/// let truth = -1.0_f64.sin() * (-0.5_f64).exp();
/// let error = g.std_error().unwrap().loc()[[0, 0]];
/// assert!((g.gradient.loc()[[0, 0]] - truth).abs() < 5.0 * error);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MeasureValued<'a, F> {
    law: &'a DiagGaussian<'a, F>,
    points: Array2<F>,
}

impl<'a, F: Real> MeasureValued<'a, F> {
    /// Noise for [`propose`](Self::propose), `(n, 4 dim)` coupled and `(n, 5 dim)` not, side by side:
    ///
    /// | columns | coupled | independent |
    /// |---|---|---|
    /// | `dim` | normal, of the other coordinates | the same |
    /// | `dim` | Rayleigh W | Rayleigh, of the positive part |
    /// | `dim` | double-sided Maxwell M | the same |
    /// | `dim` | uniform U | Rayleigh, of the negative part |
    /// | `dim` | | normal e |
    pub fn noise<R: Rng + ?Sized>(law: &DiagGaussian<'_, F>, coupling: Coupling, rng: &mut R) -> Array2<F> {
        let shape = (law.shape().samples(), law.shape().dim);
        let mut draw = |standard: Standard| -> Array2<F> { standard.draw(rng, shape) };
        let rayleigh = |e: F| (e + e).sqrt();
        let other = draw(Standard::Normal);
        let positive = draw(Standard::Exponential).mapv_into(rayleigh);
        // The radius of three normal numbers, in a direction that is a sign.
        let mut maxwell = draw(Standard::Exponential);
        maxwell.zip_mut_with(&draw(Standard::Normal), |e, &z| *e = (*e + *e + z * z).sqrt());
        maxwell.zip_mut_with(&draw(Standard::Uniform), |m, &u| {
            if u < F::of(0.5) {
                *m = -*m;
            }
        });
        let rest = match coupling {
            Coupling::Coupled => vec![draw(Standard::Uniform)],
            Coupling::Independent => {
                vec![draw(Standard::Exponential).mapv_into(rayleigh), draw(Standard::Normal)]
            }
        };
        let all: Vec<_> = [&other, &positive, &maxwell].into_iter().chain(&rest).map(|part| part.view()).collect();
        // All have one shape.
        concatenate(Axis(1), &all).unwrap_or_default()
    }

    /// The points of the positive and negative parts. Errors: `Shape` of `noise`; `Parameter` where the law
    /// has no samples.
    pub fn propose(law: &'a DiagGaussian<'a, F>, noise: Array2<F>, coupling: Coupling) -> Result<Self> {
        let shape = law.shape();
        at_least_one("repeat", shape.repeat)?;
        let (n, d) = (shape.samples(), shape.dim);
        let parts = if coupling == Coupling::Coupled { 4 } else { 5 };
        same_shape("noise", noise.shape(), &[n, parts * d])?;
        let mut points = Array2::zeros((4 * n * d, d));
        for i in 0..n {
            let (loc, log_scale) = (law.loc(), law.log_scale());
            let (loc, log_scale) = (loc.row(shape.parameter_row(i)), log_scale.row(shape.parameter_row(i)));
            let noise = noise.row(i);
            let part = |k: usize, j: usize| noise[k * d + j];
            let scale = log_scale.mapv(F::exp);
            let at = |j: usize, z: F| loc[j] + scale[j] * z;
            for j in 0..d {
                let [positive, negative] = match coupling {
                    Coupling::Coupled => [part(1, j), -part(1, j)],
                    Coupling::Independent => [part(1, j), -part(3, j)],
                };
                let normal = match coupling {
                    Coupling::Coupled => part(3, j) * part(2, j),
                    Coupling::Independent => part(4, j),
                };
                let places = [(2 * j, positive), (2 * j + 1, negative)];
                let of_scale = [(2 * (d + j), part(2, j)), (2 * (d + j) + 1, normal)];
                for (k, z) in places.into_iter().chain(of_scale) {
                    let mut point = points.row_mut(4 * d * i + k);
                    point.iter_mut().enumerate().for_each(|(l, x)| *x = at(l, part(0, l)));
                    point[j] = at(j, z);
                }
            }
        }
        Ok(Self { law, points })
    }
}

impl<F: Real> Plan<F> for MeasureValued<'_, F> {
    type Parts = LocScaleParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LocScaleParts>> {
        let shape = self.law.shape();
        let d = shape.dim;
        same_shape("cost", cost.shape(), &[self.points.nrows()])?;
        no_nan("cost", cost)?;
        let flat = Array2::from_shape_fn((shape.samples(), 2 * d), |(i, k)| {
            let pair = 4 * d * i + 2 * k;
            let difference = cost[pair] - cost[pair + 1];
            if k >= d {
                return difference;
            }
            let log_scale = self.law.log_scale()[[shape.parameter_row(i), k]];
            difference * (-log_scale).exp() / F::TAU().sqrt()
        });
        Ok(Grad::held(flat, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}
