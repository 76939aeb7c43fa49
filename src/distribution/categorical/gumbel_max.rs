use ndarray::{Array2, ArrayRef2};
use rand::Rng;

use super::Categorical;
use crate::arithmetic::Arithmetic;
use crate::distribution::base::BaseMirror;
use crate::distribution::bernoulli::LogitParts;
use crate::distribution::gumbel::Gumbel;
use crate::distribution::law::Distribution;
use crate::distribution::sample::{Draw, Mirror, Quasi, Sample, Transform, drawn, sampled, sampled_into};
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::{Grad, sum_coordinates, weigh};
use crate::shape::{no_nan_rows, same_shape};
use crate::special::{Special, largest, log_sum_exp_row, log_sum_exp_value};
use crate::{Real, Result};

impl<F: Real> Categorical<'_, F> {
    /// Samples as labels, `(n, blocks)`: those of [`sample`](Sample::sample) for the same generator, and a K-th of their
    /// memory. Errors: `NaN` of the logits, with the row.
    ///
    /// ```
    /// use estimand::{Categorical, Sample, ndarray::array};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let logits = array![0.0, 1.0, 2.0];
    /// let q = Categorical::shared(&logits, 3, 5)?;
    /// let labels = q.sample_labels(&mut StdRng::seed_from_u64(1))?;
    /// assert_eq!(q.one_hot(&labels)?, q.sample(&mut StdRng::seed_from_u64(1)));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn sample_labels<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<Array2<usize>> {
        no_nan_rows("logits", &self.logits)?;
        let noise = self.noise(rng);
        let k = self.classes;
        Ok(Array2::from_shape_fn((noise.nrows(), self.blocks()), |(i, b)| {
            let logits = &self.logits.row(self.shape().parameter_row(i))[b * k..(b + 1) * k];
            let noise = noise.row(i);
            let noise = &noise.to_slice().unwrap_or_default()[b * k..(b + 1) * k];
            winner(logits, noise).unwrap_or_default()
        }))
    }

    /// The perturbed logits l + g *given* which class is the largest, from independent standard Gumbel numbers: a draw of
    /// the numbers whose argmax made x.
    ///
    /// ```text
    /// z_k = ln(sum of e^l_j) + g_k              of the class k
    /// z_j = -ln(e^-z_k + e^-(l_j + g_j))       of the others
    /// ```
    ///
    /// a block. The largest is independent of which class it is; each of the others is a Gumbel number that stays below it.
    /// Shapes: `x, noise: (n, dim)`, the same comes back. Errors: `Shape`; what [`admits`](Distribution::admits) refuses.
    /// Source: Maddison, Tarlow and Minka 2014; chapter `distribution/categorical`.
    ///
    /// ```
    /// use estimand::{Categorical, Transform, ndarray::array};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let q = Categorical::new(array![[3.0, 0.0]], 2)?;
    /// let x = array![[0.0, 1.0]];                                 // the rarer class
    /// let z = q.perturbed_given(&x, &q.noise(&mut StdRng::seed_from_u64(0)))?;
    /// assert!(z[[0, 1]] > z[[0, 0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn perturbed_given(&self, x: &ArrayRef2<F>, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.given_door(x, noise)?;
        Ok(self.given(x, noise, true))
    }

    /// The same less the largest logit of each block, by which its size costs no digits.
    pub(crate) fn perturbed_from_level(&self, x: &ArrayRef2<F>, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.given_door(x, noise)?;
        Ok(self.given(x, noise, false))
    }

    fn given(&self, x: &ArrayRef2<F>, noise: &ArrayRef2<F>, with_level: bool) -> Array2<F> {
        let row = GivenRow { law: self, with_level };
        let (_, [z]) = fill(x.nrows(), [x.view(), noise.view()], [self.logits.ncols()], &row);
        z
    }

    /// The pull-back of [`perturbed_given`](Self::perturbed_given): from the derivative of a scalar in z to that in the logits,
    /// with x and the noise held.
    ///
    /// ```text
    /// d/dl_i = p_i (d_k + sum over j of a_j d_j) + (1 - a_i) d_i,   a_j = sigmoid(l_j + g_j - z_k)
    /// ```
    ///
    /// with the second term, and the sum, over the classes that did not win.
    ///
    /// Shapes: `x, noise, d_z: (n, dim)` to gradient rows `(n, dim)`. Errors: as there.
    pub fn perturbed_given_pull_back(
        &self,
        x: &ArrayRef2<F>,
        noise: &ArrayRef2<F>,
        d_z: &ArrayRef2<F>,
    ) -> Result<Grad<F, LogitParts>> {
        self.given_door(x, noise)?;
        same_shape("d_z", d_z.shape(), x.shape())?;
        let inputs = [x.view(), noise.view(), d_z.view()];
        let (_, [grad]) = fill(x.nrows(), inputs, [self.logits.ncols()], &GivenPullBackRow(self));
        Ok(Grad::held(grad, self.parts()))
    }

    fn given_door(&self, x: &ArrayRef2<F>, noise: &ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("x", x)?;
        self.admits(x)?;
        self.shape().samples_door("noise", noise)
    }
}

impl<F: Real> Sample<F> for Categorical<'_, F> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        drawn(self.noise(rng), &TransformRow(self))
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        sampled(self.noise(rng), &TransformRow(self))
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        sampled_into(out, |rows| Standard::Gumbel.fill(rng, rows), &TransformRow(self))
    }
}

/// Standard Gumbel noise g; x has its 1 at the largest l + g of a block.
///
/// The largest number of the noise is G = 22.9 in f32 (37.4 in f64), and the least -3.1 (-3.6). So a class of e^-c times the
/// likeliest is drawn (1 + a) e^-a as often as it should be, a = e^(c - G): to 1 % down to c = 20 (35), and from 26 (41) on never.
impl<F: Real> Transform<F> for Categorical<'_, F> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        Standard::Gumbel.draw(rng, (self.shape().samples(), self.logits.ncols()))
    }

    fn transform(&self, noise: Array2<F>) -> Result<Draw<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(drawn(noise, &TransformRow(self)))
    }

    fn sample_from(&self, noise: Array2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(sampled(noise, &TransformRow(self)))
    }
}

impl<F: Real> Quasi<F> for Categorical<'_, F> {
    const STANDARD: Standard = Standard::Gumbel;
}

/// Each number at the other end of the Gumbel law: -ln(-ln(1 - e^-e^-g)).
impl<F: Real> Mirror<F> for Categorical<'_, F> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        Ok(noise.mapv(|g| Gumbel.mirror(g)))
    }
}

/// The class of the largest l + g; none where one is NaN. Logits are taken from their largest, so that their size costs the noise
/// no digits.
#[inline(always)]
fn winner<F: Real>(logits: &[F], noise: &[F]) -> Option<usize> {
    let level = largest(logits);
    let (mut best, mut nan) = ((F::neg_infinity(), 0), false);
    for (k, (&l, &g)) in logits.iter().zip(noise).enumerate() {
        let z = (l - level) + g;
        nan |= z.is_nan();
        if z > best.0 {
            best = (z, k);
        }
    }
    (!nan).then_some(best.1)
}

struct TransformRow<'a, 'b, F>(&'a Categorical<'b, F>);

impl<F: Real> RowFn<F, 1> for TransformRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let logits = self.0.logits.row(self.0.shape().parameter_row(i));
        let blocks = self.0.blocks_of(logits).zip(self.0.blocks_of(noise));
        for ((logits, noise), x) in blocks.zip(x.chunks_exact_mut(self.0.classes)) {
            match winner(logits, noise) {
                Some(class) => {
                    x.fill(F::zero());
                    x[class] = F::one();
                }
                None => x.fill(F::nan()),
            }
        }
        F::zero()
    }
}

/// z_k of the winner less the largest logit of the block: what its normaliser has beside that, plus the noise.
#[inline(always)]
fn peak<F: Real, A: Arithmetic<F>>(a: A, rest: F, x: &[F], noise: &[F]) -> F {
    a.ln_1p(rest) + sum_coordinates::<false, _, 2, 0>([x, noise], [], |[x, g]| (weigh(x, g), []))
}

struct GivenRow<'a, 'b, F> {
    law: &'a Categorical<'b, F>,
    with_level: bool,
}

impl<F: Real> RowFn<F, 2> for GivenRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, noise]: [&[F]; 2], z: &mut [F]) -> F {
        let logits = self.law.logits.row(self.law.shape().parameter_row(i));
        let of = |row| self.law.blocks_of(row);
        for (((logits, x), noise), z) in of(logits).zip(of(x)).zip(of(noise)).zip(z.chunks_exact_mut(self.law.classes))
        {
            let (most, rest) = log_sum_exp_value(a, logits);
            let (peak, level) = (peak(a, rest, x, noise), if self.with_level { most } else { F::zero() });
            for (((z, &l), &x), &g) in z.iter_mut().zip(logits).zip(x).zip(noise) {
                let below = -a.log_add_exp(-peak, -((l - most) + g)).value;
                let given = level + if x == F::one() { peak } else { below };
                *z = if x.is_nan() { x } else { given };
            }
        }
        F::zero()
    }
}

struct GivenPullBackRow<'a, 'b, F>(&'a Categorical<'b, F>);

impl<F: Real> RowFn<F, 3> for GivenPullBackRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, noise, d_z]: [&[F]; 3], grad: &mut [F]) -> F {
        let logits = self.0.logits.row(self.0.shape().parameter_row(i));
        let of = |row| self.0.blocks_of(row);
        let blocks = of(logits).zip(of(x)).zip(of(noise).zip(of(d_z)));
        for (((logits, x), (noise, d_z)), grad) in blocks.zip(grad.chunks_exact_mut(self.0.classes)) {
            let (most, rest) = log_sum_exp_row(a, logits, grad);
            let peak = peak(a, rest, x, noise);
            let off = |l: F, g: F| ((l - most) + g) - peak;
            // How far a class follows the peak.
            let follows = |x: F, l: F, g: F| if x == F::one() { x } else { a.sigmoid(off(l, g)).value };
            let through = sum_coordinates::<false, _, 4, 0>([x, logits, noise, d_z], [], |[x, l, g, d]| {
                (weigh(follows(x, l, g), d), [])
            });
            for ((((grad, &x), &l), &g), &d) in grad.iter_mut().zip(x).zip(logits).zip(noise).zip(d_z) {
                let own = if x == F::one() { F::zero() } else { a.sigmoid(-off(l, g)).value };
                *grad = if l == F::neg_infinity() { F::zero() } else { *grad * through + weigh(own, d) };
            }
        }
        F::zero()
    }
}
