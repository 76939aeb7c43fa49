use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, CowArray, Ix1, Ix2};
use rand::Rng;

use super::bernoulli::{Bernoulli, LogitParts};
use super::law::{Distribution, Smooth};
use super::logistic::DiagLogistic;
use super::sample::{Draw, Mirror, Quasi, Reparameterize, Sample, Transform, drawn, sampled, sampled_into};
use super::summary::Cdf;
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::{Term, map_coordinates, sum_coordinates, sum_term, weigh};
use crate::shape::{entries, positive};
use crate::special::Special;
use crate::{Real, Result, Shape};

/// The binary Concrete law: independent bits relaxed to shares of (0, 1), so that a sample moves with the logits.
///
/// ```text
/// x = sigmoid((l + z) / T),   z standard logistic
/// log q(x) = sum over j of ln T - ln x_j - ln(1 - x_j) + log f(s_j),   s = T logit(x) - l,   f the logistic density
/// d log q / dl = tanh(s / 2)
/// ```
///
/// x is above 1/2 with probability sigmoid(l), at *every* temperature T; as T falls to 0 samples tend to bits, and as it grows to
/// 1/2. It is the first share of a [`Concrete`](super::Concrete) pair with the logits (l, 0), and its gradients are biased as those are.
///
/// Where T is small a share may be 0 or 1 in floating point, and the density there is what it tends to: infinite for T < 1, 0
/// for T > 1. The law of its logit loses nothing, and is [`logistic`](Self::logistic).
/// Source: Maddison, Mnih and Teh 2017; chapter `distribution/concrete`.
///
/// ```
/// use estimand::{BinaryConcrete, Distribution, Transform, ndarray::array};
///
/// let q = BinaryConcrete::new(array![[0.0_f64]], 1.0)?;
/// assert_eq!(q.transform(array![[0.0]])?.x(), array![[0.5]]);
/// assert!(q.log_prob(&array![[0.3]])?[0].abs() < 1e-15, "at the temperature 1 a fair bit is uniform");
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BinaryConcrete<'a, F> {
    bits: Bernoulli<'a, F>,
    temperature: F,
}

impl<'a, F: Real> BinaryConcrete<'a, F> {
    /// From logits, `(n, dim)`. Errors: `Parameter` where the temperature is not a finite number above 0.
    pub fn new(logits: impl Into<CowArray<'a, F, Ix2>>, temperature: F) -> Result<Self> {
        Self::of(Bernoulli::new(logits)?, temperature)
    }

    /// One law, `samples` of it: `logits: (dim,)`. Errors: as [`new`](Self::new); `Parameter` where `samples = 0`.
    pub fn shared(logits: impl Into<CowArray<'a, F, Ix1>>, temperature: F, samples: usize) -> Result<Self> {
        Self::of(Bernoulli::shared(logits, samples)?, temperature)
    }

    /// One law as `rows` parameter rows, as [`Bernoulli::identical`]. Errors: as there, and of the temperature.
    pub fn identical(logits: &ArrayRef1<F>, temperature: F, rows: usize) -> Result<Self> {
        Self::of(Bernoulli::identical(logits, rows)?, temperature)
    }

    /// A law of bits, relaxed. Errors: `Parameter` where the temperature is not a finite number above 0.
    pub fn of(bits: Bernoulli<'a, F>, temperature: F) -> Result<Self> {
        positive("temperature", temperature)?;
        Ok(Self { bits, temperature })
    }

    /// Each parameter row for `k` times as many consecutive samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { bits: self.bits.repeat_rows(k), ..self }
    }

    /// The logits: `(rows, dim)`.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.bits.logits()
    }

    /// The law of bits that this one relaxes.
    pub fn bits(&self) -> &Bernoulli<'a, F> {
        &self.bits
    }

    /// T.
    pub fn temperature(&self) -> F {
        self.temperature
    }

    /// The law of logit(x): logistic at l / T, of the scale 1 / T. Its density is that of x times x (1 - x), and its gradient in a
    /// location is T times that in the logit.
    ///
    /// ```
    /// use estimand::{BinaryConcrete, Distribution, ndarray::array};
    ///
    /// let q = BinaryConcrete::new(array![[1.0_f64]], 1e-3)?;
    /// assert_eq!(q.log_prob(&array![[1.0]])?[0], f64::INFINITY);           // sigmoid(800), in floating point
    /// assert!(q.logistic()?.log_prob(&array![[800.0]])?[0].is_finite());
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn logistic(&self) -> Result<DiagLogistic<'static, F>> {
        let loc = self.logits().mapv(|l| l / self.temperature);
        let log_scale = Array2::from_elem(loc.dim(), -self.temperature.ln());
        Ok(DiagLogistic::new(loc, log_scale)?.repeat_rows(self.shape().repeat))
    }

    /// The derivative in the temperature of each sample row, from a slope `d_x` at a draw, with its noise held: minus the sum of
    /// d_x x (1 - x) (l + z) / T^2.
    ///
    /// Shapes: as [`pathwise`](Reparameterize::pathwise), to `(n,)`. Errors: as there.
    pub fn d_temperature(&self, draw: &Draw<F>, d_x: &ArrayRef2<F>) -> Result<Array1<F>> {
        let _checked = self.pathwise(draw, d_x)?;
        let (value, []) = fill(d_x.nrows(), [draw.noise(), d_x.view()], [], &TemperatureRow(self));
        Ok(value)
    }

    /// The logits of parameter row `t`.
    #[inline(always)]
    fn row(&self, t: usize) -> &[F] {
        self.bits.row(t)
    }

    /// ln T + log f(s) - ln x - ln(1 - x), and s.
    #[inline(always)]
    fn density<A: Arithmetic<F>>(&self, a: A, x: F, l: F) -> (F, F) {
        let s = self.temperature * a.logit(x).value - l;
        let tail = -s.abs();
        let inside = (tail - F::of(2.0) * a.softplus(tail).value) - a.ln(x) - a.ln_1p(-x);
        // Towards an end the density goes as the distance to the power T - 1.
        let side = if x == F::zero() { -l } else { l };
        let limit = if self.temperature < F::one() { F::infinity() } else { F::neg_infinity() };
        let limit = if self.temperature == F::one() { side } else { limit };
        let value = if x == F::zero() || x == F::one() { limit } else { inside };
        (a.ln(self.temperature) + value, s)
    }
}

impl<F: Real> Distribution<F> for BinaryConcrete<'_, F> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        self.bits.parts()
    }

    fn shape(&self) -> Shape {
        self.bits.shape()
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        sum_term::<GRAD, _, 2, 1>([x, self.row(t)], [grad], &Density(a, self))
    }

    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        entries("x", x, "a share in [0, 1]", |x| (x >= F::zero()) & (x <= F::one()))
    }
}

impl<F: Real> Smooth<F> for BinaryConcrete<'_, F> {
    #[inline(always)]
    fn slope_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], slope: &mut [F]) -> F {
        sum_term::<true, _, 2, 1>([x, self.row(t)], [slope], &Slope(Density(a, self)))
    }
}

/// The log-density of a share under its logit, and its derivative in that.
struct Density<'a, 'b, F, A>(A, &'a BinaryConcrete<'b, F>);

impl<F: Real, A: Arithmetic<F>> Term<F, 2, 1> for Density<'_, '_, F, A> {
    #[inline(always)]
    fn of(&self, [x, l]: [F; 2]) -> (F, [F; 1]) {
        let (value, s) = self.1.density(self.0, x, l);
        (value, [self.0.tanh(F::of(0.5) * s)])
    }
}

/// The same with its derivative in the share.
struct Slope<'a, 'b, F, A>(Density<'a, 'b, F, A>);

impl<F: Real, A: Arithmetic<F>> Term<F, 2, 1> for Slope<'_, '_, F, A> {
    #[inline(always)]
    fn of(&self, [x, l]: [F; 2]) -> (F, [F; 1]) {
        let (value, [d_logit]) = self.0.of([x, l]);
        let of_temperature = (x + x - F::one()) - self.0.1.temperature * d_logit;
        (value, [of_temperature / (x * (F::one() - x))])
    }
}

impl<F: Real> Sample<F> for BinaryConcrete<'_, F> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        drawn(self.noise(rng), &TransformRow(self))
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        sampled(self.noise(rng), &TransformRow(self))
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        sampled_into(out, |rows| Standard::Logistic.fill(rng, rows), &TransformRow(self))
    }
}

/// Standard logistic noise z.
impl<F: Real> Transform<F> for BinaryConcrete<'_, F> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        Standard::Logistic.draw(rng, (self.shape().samples(), self.shape().dim))
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

impl<F: Real> Quasi<F> for BinaryConcrete<'_, F> {
    const STANDARD: Standard = Standard::Logistic;
}

/// -z.
impl<F: Real> Mirror<F> for BinaryConcrete<'_, F> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        Ok(noise.mapv(|z| -z))
    }
}

/// dx/dl = x (1 - x) / T, from the noise: of a share near 1 it keeps the digits.
impl<F: Real> Reparameterize<F> for BinaryConcrete<'_, F> {
    #[inline(always)]
    fn pathwise_row<A: Arithmetic<F>>(&self, a: A, t: usize, _: &[F], noise: &[F], d_x: &[F], grad: &mut [F]) {
        let temperature = self.temperature;
        map_coordinates([noise, d_x, self.row(t)], [grad], |[z, d, l]| {
            [weigh(a.sigmoid((l + z) / temperature).grad, d) / temperature]
        });
    }
}

impl<F: Real> Cdf<F> for BinaryConcrete<'_, F> {
    fn cdf(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("x", x)?;
        let (_, [cdf]) = fill(x.nrows(), [x.view()], [x.ncols()], &CdfRow(self));
        Ok(cdf)
    }

    fn quantile(&self, p: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("p", p)?;
        entries("p", p, "a probability in [0, 1]", |p| (p >= F::zero()) & (p <= F::one()))?;
        let (_, [x]) = fill(p.nrows(), [p.view()], [p.ncols()], &QuantileRow(self));
        Ok(x)
    }
}

struct TransformRow<'a, 'b, F>(&'a BinaryConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for TransformRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([noise, logits], [x], |[z, l]| [a.sigmoid((l + z) / self.0.temperature).value]);
        F::zero()
    }
}

struct TemperatureRow<'a, 'b, F>(&'a BinaryConcrete<'b, F>);

impl<F: Real> RowFn<F, 2> for TemperatureRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise, d_x]: [&[F]; 2], _: &mut [F]) -> F {
        let (logits, temperature) = (self.0.row(self.0.shape().parameter_row(i)), self.0.temperature);
        let sum = sum_coordinates::<false, _, 3, 0>([noise, d_x, logits], [], |[z, d, l]| {
            let y = (l + z) / temperature;
            (weigh(weigh(a.sigmoid(y).grad, y), d), [])
        });
        -sum / temperature
    }
}

struct CdfRow<'a, 'b, F>(&'a BinaryConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for CdfRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], cdf: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([x, logits], [cdf], |[x, l]| {
            let inside = a.sigmoid(self.0.temperature * a.logit(x).value - l).value;
            let below = if x <= F::zero() { F::zero() } else { inside };
            [if x >= F::one() { F::one() } else { below }]
        });
        F::zero()
    }
}

struct QuantileRow<'a, 'b, F>(&'a BinaryConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for QuantileRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [p]: [&[F]; 1], x: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([p, logits], [x], |[p, l]| [a.sigmoid((l + a.logit(p).value) / self.0.temperature).value]);
        F::zero()
    }
}
