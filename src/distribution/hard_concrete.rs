use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, CowArray, Ix1, Ix2};
use rand::Rng;

use super::bernoulli::LogitParts;
use super::binary_concrete::BinaryConcrete;
use super::law::{Distribution, ValueRows};
use super::sample::{Draw, Mirror, Quasi, Reparameterize, Sample, Transform, drawn, sampled, sampled_into};
use super::summary::Cdf;
use crate::arithmetic::{Arithmetic, Plain};
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::{Grad, Term, map_coordinates, sum_coordinates, sum_term, weigh};
use crate::shape::entries;
use crate::special::Special;
use crate::{Error, Real, Result, Shape, ValueGrad};

/// The hard Concrete law: gates that are 0 and 1 with positive probability, and move with their logits between.
///
/// ```text
/// x = min(1, max(0, gamma + (zeta - gamma) sigmoid((l + z) / T))),   z standard logistic, gamma < 0 < 1 < zeta
/// w(x) = T ln((x - gamma) / (zeta - x)),   s = w(x) - l
/// log q(x) = sum over j of   log sigmoid(s_j)                                                             where x_j = 0
///                            log sigmoid(-s_j)                                                            where x_j = 1
///                            ln T + ln(zeta - gamma) - ln(x_j - gamma) - ln(zeta - x_j) + log f(s_j)      between
/// d log q / dl = -sigmoid(-s),   sigmoid(s),   tanh(s / 2);   f is the logistic density
/// ```
///
/// It is a relaxed bit ([`BinaryConcrete`]), stretched to (gamma, zeta) and clipped. The measure that its density is taken by is
/// Lebesgue's on (0, 1) *and a unit mass at 0 and at 1*: at an end log q is the logarithm of a probability, and between that of a
/// density, and the two are not compared. The density is finite everywhere.
///
/// There is no slope in x ([`Smooth`](super::Smooth)): log q jumps at the ends, where samples are, and what is made of slopes along
/// a path (sticking the landing) would be wrong. Neither mean nor variance is closed; the [L0 penalty](Self::expected_l0) is.
/// Source: Louizos, Welling and Kingma 2018; chapter `distribution/concrete`.
///
/// ```
/// use estimand::{Distribution, HardConcrete, Transform, ndarray::array};
///
/// let q = HardConcrete::new(array![[0.0_f64, 0.0, 0.0]], 2.0 / 3.0)?;
/// assert_eq!(q.transform(array![[-3.0, 0.0, 3.0]])?.x(), array![[0.0, 0.5, 1.0]]);
/// let open = q.expected_l0();
/// assert!((open.value[0] - 3.0 * 0.831_8).abs() < 1e-4);
/// let shut = q.log_prob(&array![[0.0, 0.0, 0.0]])?[0].exp();
/// assert!((shut - (1.0 - open.value[0] / 3.0).powi(3)).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HardConcrete<'a, F> {
    relaxed: BinaryConcrete<'a, F>,
    gamma: F,
    zeta: F,
    /// ln T + ln(zeta - gamma).
    log_width: F,
}

impl<'a, F: Real> HardConcrete<'a, F> {
    /// From logits, `(n, dim)`, with the stretch of the paper: gamma = -0.1, zeta = 1.1. Its temperature is 2/3.
    ///
    /// Errors: `Parameter` where the temperature is not a finite number above 0.
    pub fn new(logits: impl Into<CowArray<'a, F, Ix2>>, temperature: F) -> Result<Self> {
        Self::as_published(BinaryConcrete::new(logits, temperature)?)
    }

    /// One law, `samples` of it: `logits: (dim,)`. Errors: as [`new`](Self::new); `Parameter` where `samples = 0`.
    pub fn shared(logits: impl Into<CowArray<'a, F, Ix1>>, temperature: F, samples: usize) -> Result<Self> {
        Self::as_published(BinaryConcrete::shared(logits, temperature, samples)?)
    }

    /// One law as `rows` parameter rows, as [`BinaryConcrete::identical`]. Errors: as there.
    pub fn identical(logits: &ArrayRef1<F>, temperature: F, rows: usize) -> Result<Self> {
        Self::as_published(BinaryConcrete::identical(logits, temperature, rows)?)
    }

    /// Relaxed bits, stretched to (gamma, zeta) and clipped.
    ///
    /// Errors: `Parameter` where gamma is not a finite number below 0, or zeta not one above 1.
    ///
    /// ```
    /// use estimand::{BinaryConcrete, HardConcrete, ndarray::array};
    ///
    /// let bits = BinaryConcrete::new(array![[0.0_f64]], 0.5)?;
    /// let q = HardConcrete::of(bits.clone(), -0.5, 1.5)?;
    /// assert!(q.nonzero()[[0, 0]] < HardConcrete::of(bits.clone(), -0.1, 1.1)?.nonzero()[[0, 0]]);
    /// assert_eq!(HardConcrete::of(bits, 0.0, 1.0).unwrap_err().to_string(), "`gamma` is 0, expected a finite number below 0");
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of(relaxed: BinaryConcrete<'a, F>, gamma: F, zeta: F) -> Result<Self> {
        let refused = |name, value: F, expected| Err(Error::Parameter { name, value: value.as_f64(), expected });
        if !(gamma < F::zero() && gamma.is_finite()) {
            return refused("gamma", gamma, "a finite number below 0");
        }
        if !(zeta > F::one() && zeta.is_finite()) {
            return refused("zeta", zeta, "a finite number above 1");
        }
        // zeta - gamma by its factors, which do not overflow.
        let log_width = Plain.ln(relaxed.temperature()) + (Plain.ln(zeta) + Plain.ln_1p(-gamma / zeta));
        Ok(Self { relaxed, gamma, zeta, log_width })
    }

    /// Each parameter row for `k` times as many consecutive samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { relaxed: self.relaxed.repeat_rows(k), ..self }
    }

    /// The logits: `(rows, dim)`.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.relaxed.logits()
    }

    /// The law of relaxed bits that is stretched and clipped.
    pub fn relaxed(&self) -> &BinaryConcrete<'a, F> {
        &self.relaxed
    }

    /// T.
    pub fn temperature(&self) -> F {
        self.relaxed.temperature()
    }

    /// gamma and zeta, the ends of the stretched interval.
    pub fn stretch(&self) -> (F, F) {
        (self.gamma, self.zeta)
    }

    /// P(x_j != 0) = sigmoid(l_j - T ln(-gamma / zeta)), the chance that a gate is open: `(rows, dim)`.
    pub fn nonzero(&self) -> Array2<F> {
        let shut = self.noise_of(Plain, F::zero());
        self.logits().mapv(|l| Plain.sigmoid(l - shut).value)
    }

    /// The L0 penalty: the expected number of gates that are not 0, E ||x||_0, of each parameter row with its gradient.
    ///
    /// ```text
    /// sum over j of p_j,   d / dl = p (1 - p),   p = sigmoid(l - T ln(-gamma / zeta))
    /// ```
    ///
    /// Shapes: `(rows,)`, with gradient rows `(rows, dim)`. Exact: no sample is taken.
    /// Source: Louizos, Welling and Kingma 2018, equation 12.
    ///
    /// ```
    /// use estimand::{HardConcrete, ndarray::array};
    ///
    /// let q = HardConcrete::new(array![[f64::INFINITY, f64::NEG_INFINITY, 2.0]], 2.0 / 3.0)?;
    /// let (penalty, p) = (q.expected_l0(), q.nonzero());
    /// assert_eq!((p[[0, 0]], p[[0, 1]], penalty.value[0]), (1.0, 0.0, p.sum()));
    /// assert_eq!((penalty.grad.logits()[[0, 0]], penalty.grad.logits()[[0, 1]]), (0.0, 0.0));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn expected_l0(&self) -> ValueRows<F, LogitParts> {
        let parts = self.parts();
        let (value, [grad]) = fill(self.shape().rows, [], [parts.dim], &PenaltyRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }

    /// The gates without noise, for a model that is no longer trained: min(1, max(0, gamma + (zeta - gamma) sigmoid(l))),
    /// `(rows, dim)`.
    ///
    /// No temperature is in it: it is the median of the law at T = 1, and at no T the mean.
    /// Source: Louizos, Welling and Kingma 2018, equation 13.
    ///
    /// ```
    /// use estimand::{HardConcrete, ndarray::array};
    ///
    /// let q = HardConcrete::new(array![[-3.0_f64, 0.0, 3.0]], 2.0 / 3.0)?;
    /// assert_eq!(q.gate(), array![[0.0, 0.5, 1.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn gate(&self) -> Array2<F> {
        self.logits().mapv(|l| self.stretched(Plain, l))
    }

    /// The derivative in the temperature of each sample row, from a slope `d_x` at a draw, with its noise held: minus the sum of
    /// d_x (zeta - gamma) sigmoid'(y) y / T over gates that are not clipped, y = (l + z) / T.
    ///
    /// Shapes: as [`pathwise`](Reparameterize::pathwise), to `(n,)`. Errors: as there.
    pub fn d_temperature(&self, draw: &Draw<F>, d_x: &ArrayRef2<F>) -> Result<Array1<F>> {
        let _checked = self.pathwise(draw, d_x)?;
        let (value, []) = fill(d_x.nrows(), [draw.x(), draw.noise(), d_x.view()], [], &TemperatureRow(self));
        Ok(value)
    }

    fn as_published(relaxed: BinaryConcrete<'a, F>) -> Result<Self> {
        Self::of(relaxed, F::of(-0.1), F::of(1.1))
    }

    /// The logits of parameter row `t`.
    #[inline(always)]
    fn row(&self, t: usize) -> &[F] {
        self.relaxed.bits().row(t)
    }

    /// The gate of y = (l + z) / T. Each end is weighed by its own share, so that neither loses digits to the other.
    #[inline(always)]
    fn stretched<A: Arithmetic<F>>(&self, a: A, y: F) -> F {
        let x = self.gamma * a.sigmoid(-y).value + self.zeta * a.sigmoid(y).value;
        let x = if x <= F::zero() { F::zero() } else { x };
        if x >= F::one() { F::one() } else { x }
    }

    /// w(x), the l + z that makes x; at 0 the largest that does, and at 1 the least.
    #[inline(always)]
    fn noise_of<A: Arithmetic<F>>(&self, a: A, x: F) -> F {
        self.temperature() * (a.ln(x - self.gamma) - a.ln(self.zeta - x))
    }

    /// sigmoid'(y) d_x with y = (l + z) / T, and 0 where the gate is clipped; and y.
    #[inline(always)]
    fn along<A: Arithmetic<F>>(&self, a: A, [x, z, d_x, l]: [F; 4]) -> (F, F) {
        let y = (l + z) / self.temperature();
        let clipped = (x <= F::zero()) | (x >= F::one());
        (weigh(if clipped { F::zero() } else { a.sigmoid(y).grad }, d_x), y)
    }

    /// (zeta - gamma) / T times `slope`, of two terms with one sign that do not overflow before it does.
    #[inline(always)]
    fn widened(&self, slope: F) -> F {
        let slope = slope / self.temperature();
        slope * self.zeta - slope * self.gamma
    }
}

struct Density<'a, 'b, F, A>(A, &'a HardConcrete<'b, F>);

impl<F: Real, A: Arithmetic<F>> Term<F, 2, 1> for Density<'_, '_, F, A> {
    /// The term of log q, and its derivative in the logit.
    #[inline(always)]
    fn of(&self, [x, l]: [F; 2]) -> (F, [F; 1]) {
        let Self(a, law) = *self;
        let (shut, open) = (x == F::zero(), x == F::one());
        let (to_gamma, to_zeta) = (a.ln(x - law.gamma), a.ln(law.zeta - x));
        let s = law.temperature() * (to_gamma - to_zeta) - l;
        let tail = -s.abs();
        let inside = ((law.log_width - to_gamma) - to_zeta) + (tail - F::of(2.0) * a.softplus(tail).value);
        // Of the mass at 1 what it is of that at 0 with the sign of s turned; NaN is neither, and inside.
        let mass = a.softplus(if shut { -s } else { s });
        let d_mass = if shut { -mass.grad } else { mass.grad };
        if shut | open { (-mass.value, [d_mass]) } else { (inside, [a.tanh(F::of(0.5) * s)]) }
    }
}

impl<F: Real> Distribution<F> for HardConcrete<'_, F> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        self.relaxed.parts()
    }

    fn shape(&self) -> Shape {
        self.relaxed.shape()
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        sum_term::<GRAD, _, 2, 1>([x, self.row(t)], [grad], &Density(a, self))
    }

    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        entries("x", x, "a gate in [0, 1]", |x| (x >= F::zero()) & (x <= F::one()))
    }
}

impl<F: Real> Sample<F> for HardConcrete<'_, F> {
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
impl<F: Real> Transform<F> for HardConcrete<'_, F> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        self.relaxed.noise(rng)
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

impl<F: Real> Quasi<F> for HardConcrete<'_, F> {
    const STANDARD: Standard = Standard::Logistic;
}

/// -z.
impl<F: Real> Mirror<F> for HardConcrete<'_, F> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.relaxed.mirror(noise)
    }
}

/// dx/dl = (zeta - gamma) sigmoid'((l + z) / T) / T, and 0 where x is clipped.
///
/// For a smooth cost the estimate is unbiased all the same: x is continuous in l, has a derivative but at two points of z, and
/// moves by (zeta - gamma) / (4 T) times as much as l at the most, so that the derivative of the mean is the mean of derivatives.
/// A cost that jumps at 0, as the L0 norm does, has a path of 0 and a gradient that is not: see
/// [`expected_l0`](HardConcrete::expected_l0).
impl<F: Real> Reparameterize<F> for HardConcrete<'_, F> {
    #[inline(always)]
    fn pathwise_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], noise: &[F], d_x: &[F], grad: &mut [F]) {
        map_coordinates([x, noise, d_x, self.row(t)], [grad], |inputs| [self.widened(self.along(a, inputs).0)]);
    }
}

/// P(X_j <= x) = sigmoid(w(x) - l) from 0 to 1, with a jump at either end; the quantile of 0 is 0.
impl<F: Real> Cdf<F> for HardConcrete<'_, F> {
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

struct TransformRow<'a, 'b, F>(&'a HardConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for TransformRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([noise, logits], [x], |[z, l]| [self.0.stretched(a, (l + z) / self.0.temperature())]);
        F::zero()
    }
}

struct PenaltyRow<'a, 'b, F>(&'a HardConcrete<'b, F>);

impl<F: Real> RowFn<F, 0> for PenaltyRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let shut = self.0.noise_of(a, F::zero());
        let both = |open: ValueGrad<F, F>| (open.value, [open.grad]);
        sum_coordinates::<true, _, 1, 1>([self.0.row(t)], [grad], |[l]| both(a.sigmoid(l - shut)))
    }
}

struct TemperatureRow<'a, 'b, F>(&'a HardConcrete<'b, F>);

impl<F: Real> RowFn<F, 3> for TemperatureRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, noise, d_x]: [&[F]; 3], _: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        let term = |(slope, y)| (weigh(slope, y), []);
        let sum =
            sum_coordinates::<false, _, 4, 0>([x, noise, d_x, logits], [], |inputs| term(self.0.along(a, inputs)));
        -self.0.widened(sum)
    }
}

struct CdfRow<'a, 'b, F>(&'a HardConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for CdfRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], cdf: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([x, logits], [cdf], |[x, l]| {
            let inside = a.sigmoid(self.0.noise_of(a, x) - l).value;
            let below = if x < F::zero() { F::zero() } else { inside };
            [if x >= F::one() { F::one() } else { below }]
        });
        F::zero()
    }
}

struct QuantileRow<'a, 'b, F>(&'a HardConcrete<'b, F>);

impl<F: Real> RowFn<F, 1> for QuantileRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [p]: [&[F]; 1], x: &mut [F]) -> F {
        let logits = self.0.row(self.0.shape().parameter_row(i));
        map_coordinates([p, logits], [x], |[p, l]| {
            // A sure gate, whatever the level; but of the level 0 the least number is 0.
            let y =
                if l.is_infinite() { l + weigh(F::zero(), p) } else { (l + a.logit(p).value) / self.0.temperature() };
            let x = self.0.stretched(a, y);
            [if p == F::zero() { weigh(F::zero(), l) } else { x }]
        });
        F::zero()
    }
}
