use std::ops::Range;

use ndarray::{Array2, ArrayRef2, ArrayView2};
use rand::Rng;

use super::law::Distribution;
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, RowFn, fill, overwrite, write_rows};
use crate::noise::Standard;
use crate::rows::{Parts, Rows};
use crate::shape::{at_least_one, groups, same_shape};
use crate::{Real, Result, Shape};

/// A law that can be drawn from.
pub trait Sample<F: Real>: Distribution<F> {
    /// One sample for each sample row, with the noise that made it.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F>;

    /// The samples alone: `(n, dim)`.
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        self.draw(rng).into_x()
    }

    /// The samples alone, written over an earlier array of them, or a part of a larger one:
    /// [`sample`](Self::sample) for the same generator.
    ///
    /// Shapes: `out: (n, dim)` in any layout; in row order nothing of its size is allocated.
    /// Errors: `Shape`; `out` is as it was then.
    ///
    /// ```
    /// use estimand::{DiagGaussian, Sample, ndarray::Array2};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let q = DiagGaussian::standard(100, 3)?;
    /// let mut rng = StdRng::seed_from_u64(0);
    /// let mut z = Array2::<f64>::zeros((100, 3));
    /// q.sample_into(&mut rng, &mut z)?;
    /// assert_eq!(z, q.sample(&mut StdRng::seed_from_u64(0)));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        assign(out, &self.sample(rng))
    }
}

/// The draw that a row function makes of noise, a row of which is as wide as a sample.
pub(super) fn drawn<F: Real>(noise: Array2<F>, f: &impl RowFn<F, 1>) -> Draw<F> {
    let (_, [x]) = fill(noise.nrows(), [noise.view()], [noise.ncols()], f);
    Draw::held(x, noise)
}

/// Its samples alone, in the place of the noise where that is in row order.
pub(super) fn sampled<F: Real>(mut noise: Array2<F>, f: &impl RowFn<F, 1>) -> Array2<F> {
    let width = noise.ncols();
    let Some(rows) = noise.as_slice_mut() else { return drawn(noise, f).into_x() };
    overwrite(rows, width, f);
    noise
}

/// The same in a place that is there, `into`, which `noise` fills.
pub(super) fn sampled_into<F: Real>(
    into: &mut ArrayRef2<F>,
    noise: impl FnOnce(&mut [F]),
    f: &impl RowFn<F, 1>,
) -> Result<()> {
    let (shape, width) = (into.dim(), into.ncols());
    if let Some(rows) = into.as_slice_mut() {
        noise(rows);
        overwrite(rows, width, f);
        return Ok(());
    }
    let mut rows = Array2::zeros(shape);
    noise(rows.as_slice_mut().unwrap_or_default());
    assign(into, &sampled(rows, f))
}

/// Samples to where they were asked for, of the same shape.
fn assign<F: Real>(out: &mut ArrayRef2<F>, x: &ArrayRef2<F>) -> Result<()> {
    same_shape("sample", x.shape(), out.shape())?;
    out.assign(x);
    Ok(())
}

/// A law whose draw is a function of noise of a fixed size, whatever the parameters: the noise can
/// be kept, mirrored, shared or replaced by a sequence.
///
/// ```
/// use estimand::{DiagGaussian, Transform, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let head = array![[1.0, 0.0]];
/// let q = DiagGaussian::from_head(&head)?;
/// let noise = q.noise(&mut StdRng::seed_from_u64(0));
/// let mirrored = q.transform(-&noise)?;                      // an antithetic pair: see `Mirror`
/// assert_eq!(q.transform(noise)?.x().to_owned() + mirrored.x(), array![[2.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Transform<F: Real>: Sample<F> {
    /// Noise for one draw: `(n, noise width)`, independent of the parameters.
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F>;

    /// The draw that `noise` makes; `sample` is this for the noise of the same generator.
    ///
    /// Errors: `Shape`.
    fn transform(&self, noise: Array2<F>) -> Result<Draw<F>>;

    /// The samples alone that `noise` makes: [`transform`](Self::transform), which need not keep the noise.
    ///
    /// Errors: `Shape`.
    fn sample_from(&self, noise: Array2<F>) -> Result<Array2<F>> {
        Ok(self.transform(noise)?.into_x())
    }
}

/// A law whose noise has a mirror: noise of the same law, as negatively dependent on it as can be. The
/// draws of both are an antithetic pair: where a cost rises with x in every coordinate, or falls, the
/// variance of the mean of its two values is at most half of that of one.
///
/// ```
/// use estimand::{DiagGumbel, Mirror, Transform, ndarray::Array2};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let q = DiagGumbel::<f64>::standard(1000, 1)?;
/// let noise = q.noise(&mut StdRng::seed_from_u64(0));
/// let other = q.mirror(&noise)?;
/// let (x, y) = (q.transform(noise)?, q.transform(other)?);
/// let covariance = (&x.x() - 0.577) * (&y.x() - 0.577);
/// assert!(covariance.sum() / 1000.0 < -1.0);                 // of variances of 1.64
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// Source: Hammersley and Morton 1956; Fréchet 1951 and Hoeffding 1940 for the bound.
pub trait Mirror<F: Real>: Transform<F> {
    /// The mirror of each number of `noise`, F^-1(1 - F(noise)) with F its distribution function; the
    /// mirror of that is the noise, but for rounding.
    ///
    /// Shapes: `noise: (n, noise width)`, the same comes back. Errors: `Shape`.
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>>;
}

/// A law whose noise is numbers of a standard law, so that it can be spread evenly.
pub trait Quasi<F: Real>: Transform<F> {
    /// The law of each number of the noise, of which a sample has as many as coordinates.
    const STANDARD: Standard;

    /// Noise of scrambled Sobol' points, `(n, dim)`: each `points` consecutive rows are one sequence, and
    /// sequences are independent of each other. [`Standard::quasi`] tells what that gives, and how its error is found.
    ///
    /// Errors: those of [`Standard::quasi`]; `Count` where `points` does not divide the samples of a parameter row.
    ///
    /// ```
    /// use estimand::gradient::{Pathwise, Plan};
    /// use estimand::{DiagGaussian, Quasi, ndarray::array};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let (loc, log_scale) = (array![1.0_f64], array![0.0]);
    /// let q = DiagGaussian::shared(&loc, &log_scale, 1024)?;
    /// let noise = q.quasi_noise(&mut StdRng::seed_from_u64(3), 64)?;             // 16 sequences
    /// let g = Pathwise::propose(&q, noise)?.grouped(64)?;
    /// assert_eq!(g.draws(), 16);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    fn quasi_noise<R: Rng + ?Sized>(&self, rng: &mut R, points: usize) -> Result<Array2<F>> {
        at_least_one("points", points)?;
        let Shape { rows, repeat, dim } = self.shape();
        // Points that make no net are refused as such.
        let sequences =
            if points.is_power_of_two() { rows * groups("samples", "rows", repeat, points)? } else { rows.max(1) };
        Self::STANDARD.quasi(rng, sequences, points, dim)
    }
}

/// A law whose draw moves with its parameters.
pub trait Reparameterize<F: Real>: Distribution<F> {
    /// Pulls a slope `d_x` at the sample `x`, made from `noise`, back to parameter row `t`:
    /// grad = (dx / d parameters)' d_x, with the noise held fixed.
    fn pathwise_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], noise: &[F], d_x: &[F], grad: &mut [F]);

    /// Numbers of noise a sample.
    fn noise_width(&self) -> usize {
        self.shape().dim
    }

    /// The sums of the pathwise rows of each parameter row, `(rows, width)`, under weights if there are any: where a law has
    /// a shorter way than to make each row. [`Rows::sums`] tells what it owes.
    fn pathwise_sums(&self, _draw: &Draw<F>, _d_x: ArrayView2<'_, F>, _weights: Option<&[F]>) -> Option<Array2<F>> {
        None
    }

    /// Makes the pathwise rows of a range, one behind the other: where a law has a quicker way than one row after the other.
    /// [`Rows::write_rows`] tells what it owes.
    fn write_pathwise(&self, level: Level, range: Range<usize>, draw: &Draw<F>, d_x: ArrayView2<'_, F>, out: &mut [F]) {
        row_by_row(self, level, range, draw, d_x, out);
    }

    /// The pathwise rows of a draw, made when they are reduced.
    ///
    /// Their expectation, where `d_x` is the slope of f at the draw, is the gradient of E f(x).
    /// Shapes: `draw` of this law, `d_x: (n, dim)`. Errors: `Shape`; a NaN is met by the reduction.
    fn pathwise<'s>(&'s self, draw: &'s Draw<F>, d_x: &'s ArrayRef2<F>) -> Result<PathwiseRows<'s, F, Self>> {
        self.shape().samples_door("draw", &draw.x)?;
        same_shape("noise", draw.noise.shape(), &[draw.x.nrows(), self.noise_width()])?;
        same_shape("d_x", d_x.shape(), draw.x.shape())?;
        Ok(PathwiseRows { law: self, draw, d_x: d_x.view() })
    }
}

/// Samples with the noise that made them: what a pathwise gradient needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw<F> {
    x: Array2<F>,
    noise: Array2<F>,
}

impl<F: Real> Draw<F> {
    /// Samples `(n, dim)` made from `noise`, a row each: for laws defined elsewhere.
    ///
    /// Errors: `Shape` where the numbers of rows differ.
    pub fn new(x: Array2<F>, noise: Array2<F>) -> Result<Self> {
        same_shape("noise", noise.shape(), &[x.nrows(), noise.ncols()])?;
        Ok(Self { x, noise })
    }

    pub(super) fn held(x: Array2<F>, noise: Array2<F>) -> Self {
        Self { x, noise }
    }

    /// The samples: `(n, dim)`.
    pub fn x(&self) -> ArrayView2<'_, F> {
        self.x.view()
    }

    /// The noise: `(n, noise width)`.
    pub fn noise(&self) -> ArrayView2<'_, F> {
        self.noise.view()
    }

    /// The samples, owned.
    pub fn into_x(self) -> Array2<F> {
        self.x
    }
}

/// The rows (dx_i / d parameters)' d_x_i: the gradient's door through the sample.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct PathwiseRows<'a, F, D> {
    law: &'a D,
    draw: &'a Draw<F>,
    d_x: ArrayView2<'a, F>,
}

impl<F: Real, D: Reparameterize<F>> Rows<F> for PathwiseRows<'_, F, D> {
    type Parts = D::Parts;
    const NAME: &'static str = "pathwise";

    fn parts(&self) -> D::Parts {
        self.law.parts()
    }

    fn shape(&self) -> Shape {
        self.law.shape()
    }

    fn write_rows(&self, level: Level, range: Range<usize>, out: &mut [F]) {
        self.law.write_pathwise(level, range, self.draw, self.d_x, out);
    }

    fn sums(&self, weights: Option<&[F]>) -> Option<Array2<F>> {
        self.law.pathwise_sums(self.draw, self.d_x, weights)
    }
}

/// [`Reparameterize::write_pathwise`] by [`Reparameterize::pathwise_row`].
pub(super) fn row_by_row<F: Real, D: Reparameterize<F>>(
    law: &D,
    level: Level,
    range: Range<usize>,
    draw: &Draw<F>,
    d_x: ArrayView2<'_, F>,
    out: &mut [F],
) {
    write_rows(level, range, [draw.x(), draw.noise(), d_x], law.parts().width(), &PathwiseRow(law), out);
}

struct PathwiseRow<'a, D>(&'a D);

impl<F: Real, D: Reparameterize<F>> RowFn<F, 3> for PathwiseRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, noise, d_x]: [&[F]; 3], grad: &mut [F]) -> F {
        self.0.pathwise_row(a, self.0.shape().parameter_row(i), x, noise, d_x, grad);
        F::zero()
    }
}
