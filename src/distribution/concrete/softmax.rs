use std::ops::Range;

use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};
use rand::Rng;

use super::{Relaxed, Space};
use crate::arithmetic::Arithmetic;
use crate::distribution::law::Distribution;
use crate::distribution::sample::{Draw, Mirror, Quasi, Reparameterize, Sample, Transform, row_by_row};
use crate::distribution::shares::{PullBackOfBlocks, blocks, blocks_mut, pull_back_of_shares};
use crate::kernel::{Level, RowFn, RowsFn, fill, rewrite, rewritten, run};
use crate::noise::Standard;
use crate::rows::{Rows, map_coordinates, sum_coordinates, sum_long, weigh};
use crate::special::{exp_not_above_0, largest};
use crate::{Real, Result};

impl<F: Real, S: Space> Relaxed<'_, F, S> {
    /// In row order, whatever the order of the noise.
    fn softened(&self, noise: &ArrayRef2<F>) -> Array2<F> {
        let noise = noise.as_standard_layout();
        // In standard layout by construction: always a slice.
        let rows = rewritten(noise.as_slice().unwrap_or_default(), self.shape().dim, &SoftenRows(self));
        Array2::from_shape_vec(noise.raw_dim(), rows).unwrap_or_default()
    }

    fn soften(&self, rows: &mut [F]) {
        rewrite(rows, self.shape().dim, &SoftenRows(self));
    }

    /// The derivative in the temperature of each sample row, from a slope `d_x` at a draw, with its noise held:
    ///
    /// ```text
    /// d/dT = -sum over j of d_y_j (y_j - sum over i of x_i y_i) / T,   y = ln x,   d_y = x d_x
    /// ```
    ///
    /// made of the gradient row G in the logits, as minus the sum of G_j (w_j - max w) / T with w = l + g.
    ///
    /// Shapes: as [`pathwise`](Reparameterize::pathwise), to `(n,)`. Errors: as there.
    ///
    /// ```
    /// use estimand::{ExpConcrete, Transform, ndarray::array};
    ///
    /// let at = |temperature: f64| {
    ///     let q = ExpConcrete::new(array![[0.5, -0.5]], 2, temperature)?;
    ///     let draw = q.transform(array![[0.2, 1.0]])?;
    ///     Ok::<_, estimand::Error>((draw.x()[[0, 0]], q.d_temperature(&draw, &array![[1.0, 0.0]])?[0]))
    /// };
    /// let difference = (at(0.7 + 1e-6)?.0 - at(0.7 - 1e-6)?.0) / 2e-6;
    /// assert!((at(0.7)?.1 - difference).abs() < 1e-8);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn d_temperature(&self, draw: &Draw<F>, d_x: &ArrayRef2<F>) -> Result<Array1<F>> {
        let grad = self.pathwise(draw, d_x)?.collect();
        let (value, []) = fill(d_x.nrows(), [grad.flat(), draw.noise()], [], &TemperatureRow(self));
        Ok(value)
    }
}

impl<F: Real, S: Space> Sample<F> for Relaxed<'_, F, S> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        let noise = self.noise(rng);
        Draw::held(self.softened(&noise), noise)
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        let mut x = self.noise(rng);
        // In standard layout by construction: always a slice.
        self.soften(x.as_slice_mut().unwrap_or_default());
        x
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        match out.as_slice_mut() {
            Some(rows) => {
                Standard::Gumbel.fill(rng, rows);
                self.soften(rows);
            }
            None => out.assign(&self.sample(rng)),
        }
        Ok(())
    }
}

/// Standard Gumbel noise, that of [`Categorical`](super::Categorical): the argmax of a relaxed sample is the class that the
/// same noise draws.
impl<F: Real, S: Space> Transform<F> for Relaxed<'_, F, S> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        self.classes.noise(rng)
    }

    fn transform(&self, noise: Array2<F>) -> Result<Draw<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(Draw::held(self.softened(&noise), noise))
    }

    fn sample_from(&self, mut noise: Array2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", &noise)?;
        let Some(rows) = noise.as_slice_mut() else { return Ok(self.softened(&noise)) };
        self.soften(rows);
        Ok(noise)
    }
}

impl<F: Real, S: Space> Quasi<F> for Relaxed<'_, F, S> {
    const STANDARD: Standard = Standard::Gumbel;
}

impl<F: Real, S: Space> Mirror<F> for Relaxed<'_, F, S> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.classes.mirror(noise)
    }
}

/// ```text
/// shares       dl_j = x_j (d_j - sum of x_i d_i) / T
/// logarithms   dl_j = (d_j - x_j sum of d_i) / T
/// ```
impl<F: Real, S: Space> Reparameterize<F> for Relaxed<'_, F, S> {
    #[inline(always)]
    fn pathwise_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], _: &[F], d_x: &[F], grad: &mut [F]) {
        let k = self.classes.classes();
        let met = blocks(x, k).zip(blocks(d_x, k)).zip(blocks_mut(grad, k));
        if S::LOG {
            for (((x, d_x), grad), logits) in met.zip(blocks(self.classes.row(t), k)) {
                pull_back_of_logarithms(a, (x, d_x, logits), self.cooled, grad);
            }
            return;
        }
        for (block, grad) in met {
            pull_back_of_shares(block, grad, self.cooled);
        }
    }

    fn write_pathwise(&self, level: Level, range: Range<usize>, draw: &Draw<F>, d_x: ArrayView2<'_, F>, out: &mut [F]) {
        let (Some(x), Some(d_x), false) = (draw.x().to_slice(), d_x.to_slice(), S::LOG) else {
            return row_by_row(self, level, range, draw, d_x, out);
        };
        let dim = self.shape().dim;
        let numbers = range.start * dim..range.end.min(draw.x().nrows()) * dim;
        let [shares, slopes] = [x, d_x].map(|all| all.get(numbers.clone()).unwrap_or_default());
        run(level, PullBackOfBlocks { shares, slopes, size: self.classes.classes(), by: self.cooled, out });
    }
}

#[inline(always)]
fn pull_back_of_logarithms<F: Real, A: Arithmetic<F>>(
    a: A,
    (y, d_y, logits): (&[F], &[F], &[F]),
    cooled: F,
    grad: &mut [F],
) {
    // The share of a class that cannot be stays -inf.
    let moves = |d: F, l: F| if l == F::neg_infinity() && !d.is_nan() { F::zero() } else { d };
    let total = sum_coordinates::<false, _, 2, 0>([d_y, logits], [], |[d, l]| (moves(d, l), []));
    map_coordinates([y, d_y, logits], [grad], |[y, d, l]| {
        // 1 - x and x: neither has the digits of the other.
        let (d, others, share) = (moves(d, l), -a.exp_m1(y), a.exp(y));
        [(others * d - share * (total - d)) * cooled]
    });
}

/// Noise becomes samples. Each step is made for several rows before the next: within a row it waits for the one before.
struct SoftenRows<'a, 'b, F, S>(&'a Relaxed<'b, F, S>);

impl<F: Real, S: Space> RowsFn<F> for SoftenRows<'_, '_, F, S> {
    #[inline(always)]
    fn rows<A: Arithmetic<F>>(&self, a: A, start: usize, rows: &mut [F]) {
        let (k, width) = (self.0.classes.classes(), self.0.shape().dim);
        for (i, row) in blocks_mut(rows, width).enumerate() {
            let logits = self.0.classes.row(self.0.shape().parameter_row(start + i));
            for (logits, z) in blocks(logits, k).zip(blocks_mut(row, k)) {
                let level = largest(logits);
                z.iter_mut().zip(logits).for_each(|(z, &l)| *z += l - level);
            }
        }
        if S::LOG {
            blocks_mut(rows, k).for_each(|z| log_soften(a, self.0.temperature, z));
            return;
        }
        for z in blocks_mut(rows, k) {
            let most = largest(z);
            z.iter_mut().for_each(|z| *z -= most);
        }
        rows.iter_mut().for_each(|z| *z = exp_not_above_0(a, *z * self.0.cooled));
        for e in blocks_mut(rows, k) {
            let share = sum_long(e, |e| e).recip();
            e.iter_mut().for_each(|x| *x *= share);
        }
    }
}

/// The logarithm of the softmax of z / T, in place of z. The distance from the largest first, and then the temperature: at any,
/// the largest is at 0.
#[inline(always)]
fn log_soften<F: Real, A: Arithmetic<F>>(a: A, temperature: F, z: &mut [F]) {
    let most = largest(z);
    z.iter_mut().for_each(|z| *z = (*z - most) / temperature);
    let others = sum_coordinates::<false, _, 1, 0>([&*z], [], |[y]| {
        (if y == F::zero() { F::zero() } else { exp_not_above_0(a, y) }, [])
    });
    // Those that are as large as the largest, one as a rule.
    let peaks = F::count(z.iter().filter(|&&y| y == F::zero()).count());
    let whole = a.ln_1p(others + (peaks - F::one()));
    z.iter_mut().for_each(|y| *y -= whole);
}

struct TemperatureRow<'a, 'b, F, S>(&'a Relaxed<'b, F, S>);

impl<F: Real, S: Space> RowFn<F, 2> for TemperatureRow<'_, '_, F, S> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, [grad, noise]: [&[F]; 2], _: &mut [F]) -> F {
        let k = self.0.classes.classes();
        let logits = self.0.classes.row(self.0.shape().parameter_row(i));
        let met = blocks(grad, k).zip(blocks(logits, k)).zip(blocks(noise, k));
        let sum = met.fold(F::zero(), |sum, ((grad, logits), noise)| {
            let level = largest(logits);
            let w = |l: F, g: F| (l - level) + g;
            let most = logits.iter().zip(noise).fold(F::neg_infinity(), |most, (&l, &g)| most.max(w(l, g)));
            sum + sum_coordinates::<false, _, 3, 0>([grad, logits, noise], [], |[grad, l, g]| {
                (weigh(grad, w(l, g) - most), [])
            })
        });
        -sum / self.0.temperature
    }
}
