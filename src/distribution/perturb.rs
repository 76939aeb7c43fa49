use ndarray::{Array2, ArrayRef2};

use super::bernoulli::{Bernoulli, LogitParts};
use super::law::Distribution;
use super::sample::Transform;
use super::shares::cooled;
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, weigh};
use crate::shape::{positive, same_shape};
use crate::special::Special;
use crate::{Real, Result};

/// A law of bits or classes as a function of *perturbed logits* z = l + noise: what relaxed samples are made of, and the control
/// variates that are made of those.
///
/// ```text
/// bits      z = l - logit(u)              x_j = 1 where z_j > 0                shares sigmoid(z / T)
/// classes   z = (l - max l) + g           x_k = 1 at the largest z of a block  shares softmax(z / T) of each block
/// ```
///
/// The largest logit of a block of classes is taken off as a constant: neither law nor shares change with it, and the noise keeps
/// its digits. z can be drawn given x, too: of the sample alone nothing is known but H(z) = x. A sure bit has an infinite z, and a
/// class that cannot be has z = -inf. Where u is within a rounding of
/// sigmoid(l), the sample and the sign of z may differ.
///
/// A law says how one row is made; whole arrays come with it. Source: Maddison, Tarlow and Minka 2014; Tucker and others 2017;
/// chapter `distribution/categorical`.
///
/// ```
/// use estimand::{Bernoulli, Perturb, Transform, ndarray::array};
///
/// // A bit that is 1, which it seldom is: z is above 0, whatever the noise.
/// let q = Bernoulli::new(array![[-3.0_f64]])?;
/// let (x, v) = (array![[1.0]], array![[0.4]]);
/// let z = q.perturbed_given(&x, &v)?;
/// assert!(z[[0, 0]] > 0.0);
/// assert_eq!(q.shares(&z, 1e-3)?, x);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Perturb<F: Real>: Transform<F> + Distribution<F, Parts = LogitParts> {
    /// The logits of parameter row `t`, of the width of a sample.
    fn logits_row(&self, t: usize) -> &[F];

    /// Columns of a variable: 1 of bits, K of classes.
    fn block(&self) -> usize;

    /// z from the noise of [`Transform::noise`], whose derivative in the logits is the identity. Here and below all rows have the
    /// width of a sample, and `t` is the parameter row.
    fn perturb_row<A: Arithmetic<F>>(&self, a: A, t: usize, noise: &[F], z: &mut [F]);

    /// z given the sample x, from noise that has not been used to draw it.
    fn given_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], noise: &[F], z: &mut [F]);

    /// grad = (dz / dl)' d_z of a z that was drawn given x, with its noise held: it is known from x and z.
    fn given_pull_back_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], d_z: &[F], grad: &mut [F]);

    /// (dz / dl) tangent, the other way.
    fn given_push_forward_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], tangent: &[F], out: &mut [F]);

    /// The shares of z at the temperature T = 1 / `cooled`.
    fn shares_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, shares: &mut [F]);

    /// d_z = (d shares / dz)' d_shares.
    fn shares_pull_back_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, d_shares: &[F], d_z: &mut [F]);

    /// z of noise: `(n, noise width)` to `(n, dim)`. Its derivative in the logits is the identity. Errors: `Shape`.
    fn perturbed(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        let (_, [z]) = fill(noise.nrows(), [noise.view()], [self.shape().dim], &PerturbRow(self));
        Ok(z)
    }

    /// z given which sample it makes, `x`, from noise that has not been used to draw it: one draw of all that would have made x.
    ///
    /// Shapes: `x, noise: (n, dim)`, the same comes back. Errors: `Shape`; what [`admits`](Distribution::admits) refuses.
    fn perturbed_given(&self, x: &ArrayRef2<F>, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("x", x)?;
        self.admits(x)?;
        self.shape().samples_door("noise", noise)?;
        let (_, [z]) = fill(x.nrows(), [x.view(), noise.view()], [x.ncols()], &GivenRow(self));
        Ok(z)
    }

    /// The pull-back of [`perturbed_given`](Self::perturbed_given), with x and the noise held: from the derivative of a scalar
    /// in the `z` that it gave to that in the logits.
    ///
    /// Shapes: `x, z, d_z: (n, dim)` to gradient rows `(n, dim)`. Errors: as there.
    fn perturbed_given_pull_back(
        &self,
        x: &ArrayRef2<F>,
        z: &ArrayRef2<F>,
        d_z: &ArrayRef2<F>,
    ) -> Result<Grad<F, LogitParts>> {
        self.shape().samples_door("x", x)?;
        self.admits(x)?;
        self.shape().samples_door("z", z)?;
        same_shape("d_z", d_z.shape(), x.shape())?;
        let inputs = [x.view(), z.view(), d_z.view()];
        let (_, [grad]) = fill(x.nrows(), inputs, [x.ncols()], &GivenPullBackRow(self));
        Ok(Grad::held(grad, self.parts()))
    }

    /// The shares of any rows of z, `(m, dim)`, at a temperature: relaxed samples. Errors: `Shape`; `Parameter` of the temperature.
    fn shares(&self, z: &ArrayRef2<F>, temperature: F) -> Result<Array2<F>> {
        positive("temperature", temperature)?;
        same_shape("z", z.shape(), &[z.nrows(), self.shape().dim])?;
        let (_, [shares]) =
            fill(z.nrows(), [z.view()], [z.ncols()], &SharesRow { law: self, cooled: cooled(temperature) });
        Ok(shares)
    }

    /// From the derivative of a scalar in the shares of `z` to that in z, both `(m, dim)`. Errors: as [`shares`](Self::shares).
    fn shares_pull_back(&self, z: &ArrayRef2<F>, temperature: F, d_shares: &ArrayRef2<F>) -> Result<Array2<F>> {
        positive("temperature", temperature)?;
        same_shape("z", z.shape(), &[z.nrows(), self.shape().dim])?;
        same_shape("d_shares", d_shares.shape(), z.shape())?;
        let row = SharesRow { law: self, cooled: cooled(temperature) };
        let (_, [d_z]) = fill(z.nrows(), [z.view(), d_shares.view()], [z.ncols()], &row);
        Ok(d_z)
    }
}

struct PerturbRow<'a, D>(&'a D);

impl<F: Real, D: Perturb<F>> RowFn<F, 1> for PerturbRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], z: &mut [F]) -> F {
        self.0.perturb_row(a, self.0.shape().parameter_row(i), noise, z);
        F::zero()
    }
}

struct GivenRow<'a, D>(&'a D);

impl<F: Real, D: Perturb<F>> RowFn<F, 2> for GivenRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, noise]: [&[F]; 2], z: &mut [F]) -> F {
        self.0.given_row(a, self.0.shape().parameter_row(i), x, noise, z);
        F::zero()
    }
}

struct GivenPullBackRow<'a, D>(&'a D);

impl<F: Real, D: Perturb<F>> RowFn<F, 3> for GivenPullBackRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, z, d_z]: [&[F]; 3], grad: &mut [F]) -> F {
        self.0.given_pull_back_row(a, self.0.shape().parameter_row(i), x, z, d_z, grad);
        F::zero()
    }
}

struct SharesRow<'a, D, F> {
    law: &'a D,
    cooled: F,
}

impl<F: Real, D: Perturb<F>> RowFn<F, 1> for SharesRow<'_, D, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [z]: [&[F]; 1], shares: &mut [F]) -> F {
        self.law.shares_row(a, z, self.cooled, shares);
        F::zero()
    }
}

impl<F: Real, D: Perturb<F>> RowFn<F, 2> for SharesRow<'_, D, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [z, d_shares]: [&[F]; 2], d_z: &mut [F]) -> F {
        self.law.shares_pull_back_row(a, z, self.cooled, d_shares, d_z);
        F::zero()
    }
}

/// ```text
/// given 1   z =  softplus(softplus(l) + w)       w = logit(1 - v)
/// given 0   z = -softplus(softplus(-l) - w)
/// dz / dl = (1 - e^-|z|) sigmoid(l), of a 0 sigmoid(-l)
/// ```
///
/// from uniform noise v: l - logit(u) with u uniform on what makes the bit.
///
/// Loops, not closures of [`map_coordinates`](crate::rows::map_coordinates): what is as long as this is not inlined there, and
/// loses the instructions of its level.
impl<F: Real> Perturb<F> for Bernoulli<'_, F> {
    fn logits_row(&self, t: usize) -> &[F] {
        self.row(t)
    }

    fn block(&self) -> usize {
        1
    }

    #[inline(always)]
    fn perturb_row<A: Arithmetic<F>>(&self, a: A, t: usize, noise: &[F], z: &mut [F]) {
        for ((z, &u), &l) in z.iter_mut().zip(noise).zip(self.row(t)) {
            *z = l - a.logit(u).value;
        }
    }

    #[inline(always)]
    fn given_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], noise: &[F], z: &mut [F]) {
        for (((z, &x), &v), &l) in z.iter_mut().zip(x).zip(noise).zip(self.row(t)) {
            let side = sign(x);
            let inner = a.softplus(side * l).value - side * a.logit(v).value;
            *z = side * a.softplus(inner).value;
        }
    }

    #[inline(always)]
    fn given_pull_back_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], d_z: &[F], grad: &mut [F]) {
        for ((((grad, &x), &z), &d), &l) in grad.iter_mut().zip(x).zip(z).zip(d_z).zip(self.row(t)) {
            *grad = weigh(-a.exp_m1(-z.abs()) * a.sigmoid(sign(x) * l).value, d);
        }
    }

    #[inline(always)]
    fn given_push_forward_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], z: &[F], tangent: &[F], out: &mut [F]) {
        // Its own transpose.
        self.given_pull_back_row(a, t, x, z, tangent, out);
    }

    #[inline(always)]
    fn shares_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, shares: &mut [F]) {
        for (share, &z) in shares.iter_mut().zip(z) {
            *share = a.sigmoid(z * cooled).value;
        }
    }

    #[inline(always)]
    fn shares_pull_back_row<A: Arithmetic<F>>(&self, a: A, z: &[F], cooled: F, d_shares: &[F], d_z: &mut [F]) {
        for ((d_z, &z), &d) in d_z.iter_mut().zip(z).zip(d_shares) {
            *d_z = weigh(a.sigmoid(z * cooled).grad * cooled, d);
        }
    }
}

/// 1 of a bit that is 1, -1 of a 0; NaN of a NaN.
#[inline(always)]
fn sign<F: Real>(bit: F) -> F {
    bit + bit - F::one()
}
