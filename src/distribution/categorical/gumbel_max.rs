use ndarray::{Array2, ArrayRef2};
use rand::Rng;

use super::Categorical;
use crate::arithmetic::Arithmetic;
use crate::distribution::base::BaseMirror;
use crate::distribution::gumbel::Gumbel;
use crate::distribution::law::Distribution;
use crate::distribution::sample::{Draw, Mirror, Quasi, Sample, Transform, drawn, sampled, sampled_into};
use crate::distribution::shares::blocks_mut;
use crate::kernel::RowFn;
use crate::noise::Standard;
use crate::shape::no_nan_rows;
use crate::special::largest;
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
        for ((logits, noise), x) in blocks.zip(blocks_mut(x, self.0.classes)) {
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
