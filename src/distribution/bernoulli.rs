use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, CowArray, Ix1, Ix2};
use rand::Rng;

use super::kl::Kl;
use super::law::{Distribution, ValueRows};
use super::parameters::Parameters;
use super::sample::{Draw, Mirror, Quasi, Sample, Transform, drawn, sampled, sampled_into};
use super::summary::{Cdf, Entropy, MeanVariance};
use crate::arithmetic::{Arithmetic, Plain};
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::{Grad, Parts, Term, map_coordinates, sum_coordinates, sum_term, weigh};
use crate::shape::{at_least_one, entries};
use crate::special::{Special, exp_not_above_0, ln_1p_unit};
use crate::{Real, Result, Shape, ValueGrad};

/// `logits`, `dim` columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogitParts {
    /// Coordinates.
    pub dim: usize,
}

impl Parts for LogitParts {
    const NAMES: &'static [&'static str] = &["logits"];

    fn part_width(&self, _: usize) -> usize {
        self.dim
    }
}

impl<F: Real> Grad<F, LogitParts> {
    /// The gradient in the logits: `(n, dim)`.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.part(0)
    }
}

/// Independent bits, by their logits: P(x_j = 1) = sigmoid(l_j).
///
/// ```text
/// log q(x) = sum over j of x_j l_j - softplus(l_j),   d log q / dl = x - sigmoid(l)
/// ```
///
/// Its negative is binary cross-entropy on logits. Bits are 0 and 1; anything else but NaN is an
/// error (soft targets are no data of this law: see
/// [`bce_with_logits`](crate::objective::bce_with_logits)). Infinite logits are legal: a sure bit.
///
/// ```
/// use estimand::{Bernoulli, Distribution, ndarray::array};
///
/// let logits = array![[0.0, f64::INFINITY]];
/// let p = Bernoulli::new(&logits)?;
/// let at = p.log_prob_grad(&array![[1.0, 1.0]])?;
/// assert_eq!(at.value, array![-std::f64::consts::LN_2]);
/// assert_eq!(at.grad.logits(), array![[0.5, 0.0]]);
/// assert_eq!(p.log_prob(&array![[1.0, 0.5]]).unwrap_err().to_string(), "`x` is 0.5 at [0, 1], expected a bit, 0 or 1");
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bernoulli<'a, F> {
    logits: Parameters<'a, F>,
    repeat: usize,
}

impl<'a, F: Real> Bernoulli<'a, F> {
    /// From logits: `(n, dim)`.
    ///
    /// Errors: none; every law is made through a `Result`.
    pub fn new(logits: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self> {
        Ok(Self::build(logits.into(), 1))
    }

    /// One law, `samples` of it: `logits: (dim,)`. Errors: `Parameter` where `samples = 0`.
    pub fn shared(logits: impl Into<CowArray<'a, F, Ix1>>, samples: usize) -> Result<Self> {
        at_least_one("samples", samples)?;
        Ok(Self::build(logits.into().insert_axis(Axis(0)), samples))
    }

    /// One law as `rows` parameter rows, each with samples of its own, as [`LocScale::identical`](super::LocScale::identical):
    /// `logits: (dim,)`. Errors: `Parameter` where `rows = 0`.
    pub fn identical(logits: &ArrayRef1<F>, rows: usize) -> Result<Self> {
        at_least_one("rows", rows)?;
        Ok(Self::build(Array2::from_shape_fn((rows, logits.len()), |(_, j)| logits[j]).into(), 1))
    }

    /// From probabilities, `(n, dim)`: l = logit(p).
    ///
    /// Gradients stay in the logits; in a probability they are that over p (1 - p).
    /// Errors: `Entry` where p is outside `[0, 1]` (a NaN stays in its row).
    pub fn from_probs(probs: &ArrayRef2<F>) -> Result<Self> {
        entries("probs", probs, "a probability in [0, 1]", |p| (p >= F::zero()) & (p <= F::one()))?;
        Ok(Self::build(probs.mapv(|p| Plain.logit(p).value).into(), 1))
    }

    /// Each parameter row for `k` times as many consecutive samples: `k` samples an example.
    ///
    /// A law with `k = 0` has no sample row, and refuses every array of samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { repeat: self.repeat.saturating_mul(k), ..self }
    }

    /// The logits: `(rows, dim)`.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.logits.view()
    }

    /// The logits of parameter row `t`.
    #[inline(always)]
    pub(super) fn row(&self, t: usize) -> &[F] {
        self.logits.row(t)
    }

    fn build(logits: CowArray<'a, F, Ix2>, repeat: usize) -> Self {
        Self { logits: Parameters::new(logits), repeat }
    }
}

/// The loss of a logit against a target in [0, 1], and its slope sigmoid(l) - t.
///
/// Both are written in the distance `wrong` of the target from the side of the logit, so that the
/// value has two positive terms, and the slope of a sure and right logit is not 1 - 1.
#[inline(always)]
pub(crate) fn cross_entropy<F: Real, A: Arithmetic<F>>(a: A, logit: F, target: F) -> ValueGrad<F, F> {
    let tail = exp_not_above_0(a, -logit.abs());
    // One comparison, and a product for the sign: a second choice by the same condition costs more.
    let side = F::one().copysign(logit);
    let wrong = if side > F::zero() { F::one() - target } else { target };
    let miss = wrong - tail / (F::one() + tail);
    // 0 times an infinite logit is 0: a sure bit that is right. Cheaper than `weigh`, which keeps a NaN
    // logit: here `tail` does.
    let cost = if wrong == F::zero() { F::zero() } else { wrong * logit.abs() };
    ValueGrad { value: cost + ln_1p_unit(a, tail), grad: side * miss }
}

impl<F: Real> Distribution<F> for Bernoulli<'_, F> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        LogitParts { dim: self.logits.ncols() }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.logits.nrows(), repeat: self.repeat, dim: self.logits.ncols() }
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        sum_coordinates::<GRAD, _, 2, 1>([x, self.logits.row(t)], [grad], |[x, l]| {
            let loss = cross_entropy(a, l, x);
            (-loss.value, [-loss.grad])
        })
    }

    #[inline(always)]
    fn score_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) {
        map_coordinates([x, self.logits.row(t)], [grad], |[x, l]| [-cross_entropy(a, l, x).grad]);
    }

    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        entries("x", x, "a bit, 0 or 1", |x| (x == F::zero()) | (x == F::one()))
    }
}

impl<F: Real> Sample<F> for Bernoulli<'_, F> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        drawn(self.noise(rng), &TransformRow(self))
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        sampled(self.noise(rng), &TransformRow(self))
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        sampled_into(out, |rows| Standard::Uniform.fill(rng, rows), &TransformRow(self))
    }
}

/// Uniform noise u of the open interval; x = 1 where u < sigmoid(l).
///
/// u is one of 2^23 numbers in f32 (2^52 in f64), so the chance of a bit is a multiple of 2^-23
/// (2^-52), and one rarer than 2^-24 (2^-53) is never drawn. A u between two roundings of sigmoid(l)
/// is the one case where machines of different levels draw different bits.
impl<F: Real> Transform<F> for Bernoulli<'_, F> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        Standard::Uniform.draw(rng, (self.shape().samples(), self.logits.ncols()))
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

impl<F: Real> Quasi<F> for Bernoulli<'_, F> {
    const STANDARD: Standard = Standard::Uniform;
}

/// 1 - u, which is exact for the uniform numbers that [`Transform::noise`] draws.
impl<F: Real> Mirror<F> for Bernoulli<'_, F> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        Ok(noise.mapv(|u| F::one() - u))
    }
}

impl<F: Real> MeanVariance<F> for Bernoulli<'_, F> {
    fn mean(&self) -> Array2<F> {
        self.logits.mapv(|l| Plain.sigmoid(l).value)
    }

    fn variance(&self) -> Array2<F> {
        self.logits.mapv(|l| Plain.sigmoid(l).grad)
    }
}

impl<F: Real> Entropy<F> for Bernoulli<'_, F> {
    /// softplus(-|l|) + |l| sigmoid(-|l|) a coordinate, with derivative -l sigmoid'(l).
    fn entropy(&self) -> ValueRows<F, LogitParts> {
        let parts = self.parts();
        let (value, [grad]) = fill(self.logits.nrows(), [], [parts.dim], &EntropyRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }
}

impl<F: Real> Cdf<F> for Bernoulli<'_, F> {
    fn cdf(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("x", x)?;
        let (_, [cdf]) = fill(x.nrows(), [x.view()], [self.logits.ncols()], &CdfRow(self));
        Ok(cdf)
    }

    fn quantile(&self, p: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("p", p)?;
        entries("p", p, "a probability in [0, 1]", |p| (p >= F::zero()) & (p <= F::one()))?;
        let (_, [bits]) = fill(p.nrows(), [p.view()], [self.logits.ncols()], &QuantileRow(self));
        Ok(bits)
    }
}

/// ```text
/// KL = sum over j of sigmoid(l_q) (l_q - l_p) + softplus(l_p) - softplus(l_q)
/// ```
///
/// Laws near each other keep their digits: there the difference is not formed by subtraction. A
/// sure bit against the opposite one is infinitely far.
impl<F: Real> Kl<F> for Bernoulli<'_, F> {
    #[inline(always)]
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        sum_term::<true, _, 2, 2>([self.logits.row(t), p.logits.row(u)], [d_q, d_p], &KlTerm(a))
    }
}

/// The KL of one bit, with its derivatives in both logits.
struct KlTerm<A>(A);

impl<F: Real, A: Arithmetic<F>> Term<F, 2, 2> for KlTerm<A> {
    #[inline(always)]
    fn of(&self, [q, p]: [F; 2]) -> (F, [F; 2]) {
        // The side of the rarer bit under q: nothing is near 1, so nothing cancels.
        let flip = if q > F::zero() { -F::one() } else { F::one() };
        let (kl, d_q, d_p) = kl_of_rare_bit(self.0, flip * q, flip * p);
        (kl, [flip * d_q, flip * d_p])
    }
}

/// KL between bits of logits `q <= 0` and `p`, with its two derivatives.
#[inline(always)]
fn kl_of_rare_bit<F: Real, A: Arithmetic<F>>(a: A, q: F, p: F) -> (F, F, F) {
    let (rare, other) = (a.sigmoid(q), a.sigmoid(p));
    // Equal infinities differ by NaN; what is equal differs by 0.
    let gap = if q == p { F::zero() } else { q - p };
    let near = gap.abs() < F::one();
    // With u = rare (e^-gap - 1), A(p) - A(q) = ln(1 + u): both remainders are of second order.
    let step = a.exp_m1_mx(-gap);
    let u = rare.value * step.grad;
    let kl_near = a.fma(rare.value, step.value, a.ln_1p_mx(u).value);
    let d_p_near = rare.value * (F::one() - other.value) * step.grad;
    let kl_far = weigh(rare.value, gap) + (a.softplus(p).value - a.softplus(q).value);
    let kl = if near { kl_near } else { kl_far };
    let d_p = if near { d_p_near } else { other.value - rare.value };
    (kl, weigh(rare.grad, gap), d_p)
}

struct TransformRow<'a, 'b, F>(&'a Bernoulli<'b, F>);

impl<F: Real> RowFn<F, 1> for TransformRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        map_coordinates([noise, self.0.logits.row(t)], [x], |[u, l]| {
            let p = a.sigmoid(l).value;
            [if u < p { F::one() } else { bit_or_nan(u - p) }]
        });
        F::zero()
    }
}

struct EntropyRow<'a, 'b, F>(&'a Bernoulli<'b, F>);

impl<F: Real> RowFn<F, 0> for EntropyRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        sum_coordinates::<true, _, 1, 1>([self.0.logits.row(t)], [grad], |[l]| {
            let rarer = a.sigmoid(-l.abs());
            let value = a.softplus(-l.abs()).value + weigh(rarer.value, l.abs());
            (value, [weigh(rarer.grad, -l)])
        })
    }
}

struct CdfRow<'a, 'b, F>(&'a Bernoulli<'b, F>);

impl<F: Real> RowFn<F, 1> for CdfRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], out: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        map_coordinates([x, self.0.logits.row(t)], [out], |[x, l]| {
            let below_one = if x < F::zero() { F::zero() } else { a.sigmoid(-l).value };
            let cdf = if x >= F::one() { F::one() } else { below_one };
            [if x.is_nan() { x } else { cdf }]
        });
        F::zero()
    }
}

struct QuantileRow<'a, 'b, F>(&'a Bernoulli<'b, F>);

impl<F: Real> RowFn<F, 1> for QuantileRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [p]: [&[F]; 1], out: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        map_coordinates([p, self.0.logits.row(t)], [out], |[p, l]| {
            let zero = a.sigmoid(-l).value;
            [if p > zero { F::one() } else { bit_or_nan(p - zero) }]
        });
        F::zero()
    }
}

/// 0, or NaN where a comparison was with NaN.
#[inline(always)]
fn bit_or_nan<F: Real>(difference: F) -> F {
    if difference.is_nan() { difference } else { F::zero() }
}
