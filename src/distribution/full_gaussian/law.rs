use std::ops::Range;

use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};
use rand::Rng;

use super::factors::packed;
use super::{FullGaussian, FullParts};
use crate::arithmetic::{Arithmetic, Plain};
use crate::distribution::gaussian::half_ln_tau;
use crate::distribution::law::{Distribution, Smooth, ValueRows};
use crate::distribution::sample::{Draw, Mirror, Quasi, Reparameterize, Sample, Transform};
use crate::distribution::summary::{Entropy, MeanVariance};
use crate::kernel::{Level, RowFn, fill, map};
use crate::matrix::substitution::{Columns, solve_lower, solve_transposed};
use crate::noise::Standard;
use crate::rows::{Grad, OuterSums, Parts, as_columns, outer_sums, sum_coordinates, weigh};
use crate::{Real, Result, Shape, ValueGrad};

/// Coordinates that are standardised on the stack.
const FEW: usize = 64;

/// Samples of a parameter row from which on their gradients are summed by products.
const MANY: usize = 32;

/// The same of scores, which take a solution more a row, or a sum.
const MANY_SCORES: usize = 16;

/// The same of scores of more than [`WIDE`] coordinates, for which a parameter row takes the solution of a wide system.
const MANY_IF_WIDE: usize = 24;

/// Coordinates that are wide in this.
const WIDE: usize = 32;

impl<F: Real> FullGaussian<'_, F> {
    /// log q(x) of x = m + L z under parameter row `t`. An infinite x has density 0, also where z is not a number.
    #[inline(always)]
    fn value(&self, t: usize, x: &[F], z: &[F]) -> F {
        let s = self.factors.row(t).log_scale;
        let value =
            sum_coordinates::<false, _, 2, 0>([z, s], [], |[z, s]| (-F::of(0.5) * z * z - half_ln_tau::<F>() - s, []));
        let lost = value.is_nan() && x.iter().any(|x| x.is_infinite()) && !x.iter().any(|x| x.is_nan());
        if lost { F::neg_infinity() } else { value }
    }
}

impl<F: Real> Distribution<F> for FullGaussian<'_, F> {
    type Parts = FullParts;

    fn parts(&self) -> FullParts {
        FullParts { dim: self.factors.dim() }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.loc.nrows(), repeat: self.repeat, dim: self.factors.dim() }
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        let (factor, m) = (self.factors.row(t), self.loc.row(t));
        if self.misfits(x, GRAD.then_some(&*grad)) {
            grad.fill(F::nan());
            return F::nan();
        }
        if !GRAD {
            let (mut few, mut many) = ([F::zero(); FEW], Vec::new());
            let z = few.get_mut(..x.len()).unwrap_or_else(|| {
                many.resize(x.len(), F::zero());
                &mut many
            });
            factor.standardise(a, x, m, z);
            return self.value(t, x, z);
        }
        let (u, rest) = grad.split_at_mut(x.len());
        let (z, below) = rest.split_at_mut(x.len());
        factor.standardise(a, x, m, z);
        let value = self.value(t, x, z);
        u.copy_from_slice(z);
        factor.pull_back(a, u, |i, scaled, u| {
            let (before, z) = z.split_at_mut(i);
            let row = &mut below[packed(i)..packed(i) + i];
            row.iter_mut().zip(before).for_each(|(d, z)| *d = u * *z);
            z[0] = a.fma(scaled, z[0], -F::one());
        });
        value
    }

    fn score_sums(&self, x: ArrayView2<'_, F>, weights: Option<&[F]>) -> Option<Array2<F>> {
        // What is held within the numbers serves a product less well than a row.
        let many = if self.factors.dim() > WIDE { MANY_IF_WIDE } else { MANY_SCORES };
        if !self.factors.exact() || self.repeat < many || !self.fit(&[x], weights) {
            return None;
        }
        let sums = self.by_products(|t, range| {
            let (lower, mean) = (self.factors.matrix(t), self.loc.row(t));
            outer_sums(range, weights, &|range| {
                let mut z = as_columns(x, range, Some(mean));
                solve_lower(Level::best(), lower, &mut z, Columns::All);
                [z.clone(), z]
            })
        });
        Some(self.score_of(sums))
    }
}

impl<F: Real> FullGaussian<'_, F> {
    /// A row, or the place of a gradient row, of another width than the law's: a fault of the caller, which NaN says.
    #[inline(always)]
    fn misfits(&self, x: &[F], grad: Option<&[F]>) -> bool {
        let parts = self.parts();
        x.len() != parts.dim || grad.is_some_and(|grad| grad.len() != parts.width())
    }

    /// Arrays of samples, and weights, of the law's shape.
    fn fit(&self, arrays: &[ArrayView2<'_, F>], weights: Option<&[F]>) -> bool {
        let shape = self.shape();
        let samples = shape.samples();
        arrays.iter().all(|array| array.dim() == (samples, shape.dim)) && weights.is_none_or(|w| w.len() == samples)
    }

    /// The sums of the samples of each parameter row.
    fn by_products(&self, sums: impl Fn(usize, Range<usize>) -> OuterSums<F> + Sync) -> Vec<OuterSums<F>> {
        map((0..self.loc.nrows()).collect(), |t: usize| sums(t, t * self.repeat..(t + 1) * self.repeat))
    }

    /// Rows of parameters, from a function that writes one.
    fn rows_of(&self, sums: Vec<OuterSums<F>>, write: impl Fn(usize, OuterSums<F>, [&mut [F]; 3])) -> Array2<F> {
        let mut rows = Array2::zeros((sums.len(), self.parts().width()));
        let d = self.factors.dim();
        for ((t, sums), mut row) in sums.into_iter().enumerate().zip(rows.rows_mut()) {
            let row = row.as_slice_mut().unwrap_or_default();
            let (loc, rest) = row.split_at_mut(d);
            let (log_scale, below) = rest.split_at_mut(d);
            write(t, sums, [loc, log_scale, below]);
        }
        rows
    }

    /// The sums of scores from those of w z and w z z', which are pulled back once: u z' = L'^-1 z z'.
    fn score_of(&self, sums: Vec<OuterSums<F>>) -> Array2<F> {
        self.rows_of(sums, |t, sums, [loc, log_scale, below]| {
            let OuterSums { weight, left, mut outer } = sums;
            let factor = self.factors.row(t);
            loc.copy_from_slice(&left.to_vec());
            factor.pull_back(Plain, loc, |_, _, _| {});
            solve_transposed(Level::best(), self.factors.matrix(t), &mut outer, Columns::Lower);
            for (i, d) in log_scale.iter_mut().enumerate() {
                *d = factor.scaled(i, outer[[i, i]]) - weight;
                copy_row(&outer, i, below);
            }
        })
    }
}

/// What is below the diagonal in row `i`, to where it is packed.
fn copy_row<F: Real>(matrix: &Array2<F>, i: usize, below: &mut [F]) {
    below[packed(i)..packed(i) + i].iter_mut().zip(matrix.row(i)).for_each(|(to, &from)| *to = from);
}

impl<F: Real> Smooth<F> for FullGaussian<'_, F> {
    #[inline(always)]
    fn slope_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], slope: &mut [F]) -> F {
        if self.misfits(x, None) || self.misfits(slope, None) {
            slope.fill(F::nan());
            return F::nan();
        }
        let factor = self.factors.row(t);
        factor.standardise(a, x, self.loc.row(t), slope);
        let value = self.value(t, x, slope);
        factor.pull_back(a, slope, |_, _, _| {});
        slope.iter_mut().for_each(|u| *u = -*u);
        value
    }
}

impl<F: Real> Sample<F> for FullGaussian<'_, F> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        let noise = self.noise(rng);
        Draw::held(self.transformed(&noise), noise)
    }
}

impl<F: Real> FullGaussian<'_, F> {
    fn transformed(&self, noise: &ArrayRef2<F>) -> Array2<F> {
        let (_, [x]) = fill(noise.nrows(), [noise.view()], [self.factors.dim()], &TransformRow(self));
        x
    }
}

impl<F: Real> Transform<F> for FullGaussian<'_, F> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        Standard::Normal.draw(rng, (self.shape().samples(), self.factors.dim()))
    }

    fn transform(&self, noise: Array2<F>) -> Result<Draw<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(Draw::held(self.transformed(&noise), noise))
    }
}

impl<F: Real> Mirror<F> for FullGaussian<'_, F> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        Ok(noise.mapv(|z| -z))
    }
}

impl<F: Real> Quasi<F> for FullGaussian<'_, F> {
    const STANDARD: Standard = Standard::Normal;
}

impl<F: Real> Reparameterize<F> for FullGaussian<'_, F> {
    #[inline(always)]
    fn pathwise_row<A: Arithmetic<F>>(&self, _: A, t: usize, _x: &[F], noise: &[F], d_x: &[F], grad: &mut [F]) {
        if self.misfits(d_x, Some(grad)) || self.misfits(noise, None) {
            grad.fill(F::nan());
            return;
        }
        let (loc, rest) = grad.split_at_mut(d_x.len());
        let (log_scale, below) = rest.split_at_mut(d_x.len());
        let factor = self.factors.row(t);
        loc.copy_from_slice(d_x);
        for (i, &d) in d_x.iter().enumerate() {
            log_scale[i] = weigh(d, factor.scaled(i, noise[i]));
            let row = &mut below[packed(i)..packed(i) + i];
            row.iter_mut().zip(noise).for_each(|(g, &e)| *g = weigh(d, e));
        }
    }

    fn pathwise_sums(&self, draw: &Draw<F>, d_x: ArrayView2<'_, F>, weights: Option<&[F]>) -> Option<Array2<F>> {
        if self.repeat < MANY || !self.fit(&[d_x, draw.x(), draw.noise()], weights) {
            return None;
        }
        let (noise, none) = (draw.noise(), None);
        let sums = self.by_products(|_, range| {
            outer_sums(range, weights, &|range| [as_columns(d_x, range.clone(), none), as_columns(noise, range, none)])
        });
        Some(self.rows_of(sums, |t, sums, [loc, log_scale, below]| {
            let factor = self.factors.row(t);
            loc.copy_from_slice(&sums.left.to_vec());
            for (i, d) in log_scale.iter_mut().enumerate() {
                *d = factor.scaled(i, sums.outer[[i, i]]);
                copy_row(&sums.outer, i, below);
            }
        }))
    }
}

impl<F: Real> MeanVariance<F> for FullGaussian<'_, F> {
    fn mean(&self) -> Array2<F> {
        self.loc().to_owned()
    }

    fn variance(&self) -> Array2<F> {
        Array2::from_shape_fn(self.loc.dim(), |(t, i)| self.factor(t).row(i).iter().map(|l| *l * *l).sum())
    }
}

impl<F: Real> Entropy<F> for FullGaussian<'_, F> {
    /// dim (1 + ln 2 pi) / 2 + sum of log_scale.
    fn entropy(&self) -> ValueRows<F, FullParts> {
        let (rows, dim) = self.loc.dim();
        let each = F::of(0.5) + half_ln_tau();
        let value = Array1::from_shape_fn(rows, |t| {
            sum_coordinates::<false, _, 1, 0>([self.factors.row(t).log_scale], [], |[s]| (s + each, []))
        });
        let parts = self.parts();
        let of = |j: usize| if (dim..2 * dim).contains(&j) { F::one() } else { F::zero() };
        let grad = Array2::from_shape_fn((rows, parts.width()), |(_, j)| of(j));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }
}

struct TransformRow<'a, 'b, F>(&'a FullGaussian<'b, F>);

impl<F: Real> RowFn<F, 1> for TransformRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        self.0.factors.row(t).transform(a, noise, self.0.loc.row(t), x);
        F::zero()
    }
}
