//! From bits to numbers. Nothing here multiplies and adds in one rounding, or asks the machine for
//! more than + - * / and a root: the same bits make the same numbers everywhere.

use num_traits::WrappingNeg;
use rand::Rng;

use crate::Real;
use crate::elementary::{LnStages, STAGED, ln_1p, sin_cos_quarter};
use crate::real::Aligned;

/// A law without parameters, of which noise is made.
///
/// ```text
///              of words         density              from ... to in f32         in f64
/// Uniform      v                1 on (0, 1)          2^-24 ... 1 - 2^-24        2^-53 ... 1 - 2^-53
/// Normal       Box-Muller       ~ e^(-z^2 / 2)       -6.76 ... 6.76             -8.65 ... 8.65
/// Exponential  -ln(1 - v)       e^-z                 2^-33 ... 22.87            2^-54 ... 37.43
/// Logistic     ln(v / (1 - v))  1/4 cosh^-2(z / 2)   -22.87 ... 22.87           -37.43 ... 37.43
/// Gumbel       -ln(-ln v)       e^(-z - e^-z)        -3.13 ... 22.87            -3.62 ... 37.43
/// Laplace      +-Exponential    e^-|z| / 2           -22.18 ... 22.18           -37.43 ... 37.43
/// ```
///
/// v = (k + 1/2) 2^-n with an integer k of n bits: 23 for uniform numbers and 32 for the others in
/// f32, 52 and 53 in f64 (54 for Laplace). A logarithm is of v or of 1 - v, whichever is smaller, and
/// both are made of integers: so numbers are as accurate in either tail as anywhere, an exponential
/// one is never 0, and none is infinite.
///
/// ```
/// use estimand::{ndarray::Array2, noise::Standard};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(0);
/// let eps: Array2<f32> = Standard::Normal.draw(&mut rng, (64, 20));
/// let mut gumbels = vec![0.0_f64; 1000];
/// Standard::Gumbel.fill(&mut rng, &mut gumbels);
/// assert!(gumbels.iter().all(|g| (-3.7..37.5).contains(g)));
/// ```
///
/// Source: Box and Muller 1958 for the normal law, inverse distribution functions for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standard {
    /// On the open interval (0, 1): never 0 and never 1.
    Uniform,
    /// Mean 0, variance 1.
    Normal,
    /// Mean 1; never 0.
    Exponential,
    /// Mean 0, variance pi^2 / 3: the difference of two Gumbel numbers.
    Logistic,
    /// The largest of many: mean 0.577 (Euler's constant), variance pi^2 / 6.
    Gumbel,
    /// Mean 0, variance 2: the difference of two exponential numbers.
    Laplace,
}

impl Standard {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Uniform, Self::Normal, Self::Exponential, Self::Logistic, Self::Gumbel, Self::Laplace];

    /// The numbers of two words of one's own: of a sequence that fills space evenly, say.
    ///
    /// Normal numbers are made of both; any other is the quantile function of its law at
    /// (k + 1/2) 2^-n, with k the upper n bits of its word: in its order, and with 1 - v at the
    /// complement of the word.
    ///
    /// ```
    /// use estimand::noise::Standard;
    /// assert_eq!(Standard::Uniform.of_words::<f64>([0, 1 << 63]), [2.0_f64.powi(-53), 0.5 + 2.0_f64.powi(-53)]);
    /// let [least, largest] = Standard::Exponential.of_words::<f32>([0, u64::MAX]);
    /// assert_eq!((least, largest), (2.0_f32.powi(-33), 33.0 * 2.0_f32.ln()));
    /// ```
    pub fn of_words<F: Real>(self, words: [u64; 2]) -> [F; 2] {
        let units = words.map(F::upper_bits);
        match self {
            Self::Uniform => two::<F, Uniform>(units),
            Self::Normal => two::<F, Normal>(units),
            Self::Exponential => two::<F, Exponential>(units),
            Self::Logistic => two::<F, Logistic>(units),
            Self::Gumbel => two::<F, Gumbel>(units),
            Self::Laplace => two::<F, Laplace>(units),
        }
    }
}

/// One uniform number, of one word of the generator: for a sampler that rejects, say.
///
/// ```
/// use estimand::{noise::uniform, rand::{SeedableRng, rngs::StdRng}};
/// let u: f32 = uniform(&mut StdRng::seed_from_u64(0));
/// assert!(0.0 < u && u < 1.0);
/// ```
pub fn uniform<F: Real, R: Rng + ?Sized>(rng: &mut R) -> F {
    open(F::upper_bits(rng.next_u64()), 0)
}

/// The numbers of units of bits, as many: number i is made of unit i, or the numbers i and n / 2 + i of both units there.
///
/// In loops of few steps: of a long chain, whose steps wait for each other, a machine has fewer under way at once.
pub(super) trait Law {
    fn numbers<F: Real>(stages: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]);
}

fn two<F: Real, L: Law>(units: [F::Bits; 2]) -> [F; 2] {
    let mut numbers = [F::zero(); 2];
    L::numbers(&mut Stages::new(), &units, &mut numbers);
    numbers
}

pub(super) struct Uniform;
pub(super) struct Normal;
pub(super) struct Exponential;
pub(super) struct Logistic;
pub(super) struct Gumbel;
pub(super) struct Laplace;

impl Law for Uniform {
    #[inline(always)]
    fn numbers<F: Real>(_: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        for (number, &unit) in numbers.iter_mut().zip(units) {
            *number = open(unit, 0);
        }
    }
}

/// Box and Muller: half the square of the radius is an exponential number. The angle is within an
/// eighth of a turn of 0, then mirrored at the diagonal, or at the origin, or both.
impl Law for Normal {
    #[inline(always)]
    fn numbers<F: Real>(stages: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        let (left, right) = units.split_at(units.len() / 2);
        let (first, second) = numbers.split_at_mut(units.len() / 2);
        stages.exponentials(|i| left[i], 0, first, |_, half_square| (half_square + half_square).sqrt());
        for ((first, second), &b) in first.iter_mut().zip(second).zip(right) {
            let radius = *first;
            let (sin, cos) = sin_cos_quarter::<false, F>(eighth(b << 2));
            let (sin, cos) = (sin.bits(), cos.bits());
            let swap = (sin ^ cos) & mask::<F>(b);
            [*first, *second] = [sin ^ swap, cos ^ swap].map(|side| turned(radius * F::of_bits(side), b << 1));
        }
    }
}

impl Law for Exponential {
    #[inline(always)]
    fn numbers<F: Real>(stages: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        stages.exponentials(|i| units[i], 0, numbers, |_, e| e);
    }
}

impl Law for Logistic {
    #[inline(always)]
    fn numbers<F: Real>(_: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        for (number, &unit) in numbers.iter_mut().zip(units) {
            *number = logistic(unit);
        }
    }
}

/// -ln of an exponential number: -ln(-ln v).
impl Law for Gumbel {
    #[inline(always)]
    fn numbers<F: Real>(stages: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        stages.exponentials(|i| !units[i], 0, numbers, |_, e| e);
        stages.ln.of_normals(numbers, |_, ln| -ln);
    }
}

/// +- an exponential number, whose bits are those below the sign.
impl Law for Laplace {
    #[inline(always)]
    fn numbers<F: Real>(stages: &mut Stages<F>, units: &[F::Bits], numbers: &mut [F]) {
        let far = |unit: F::Bits| !(unit ^ mask::<F>(unit));
        stages.exponentials(|i| far(units[i]), 1, numbers, |i, e| turned(e, !units[i]));
    }
}

/// What the loops of a law leave for each other.
pub(super) struct Stages<F> {
    minus_rests: Aligned<[F; STAGED]>,
    ln: LnStages<F>,
}

impl<F: Real> Stages<F> {
    pub(super) fn new() -> Self {
        Self { minus_rests: Aligned([F::zero(); STAGED]), ln: LnStages::new() }
    }

    /// What `of` makes of -ln(1 - v), and of its place, with v = (k + 1/2) 2^-n and k the n bits of a unit below its upper `used`.
    ///
    /// With `away` v less the nearer end, the logarithm is of -away or of 1 - away, which is `s + rest` to the last bit:
    /// ln(1 - away) = ln(s) + rest / s, where `rest` is half a unit in the last place of s, so that its division by s, of
    /// [1/2, 1], is less than that again, and is left out. So v at either end keeps its digits: the result is v itself
    /// next to 0, and finite next to 1.
    #[inline(always)]
    fn exponentials(
        &mut self,
        unit: impl Fn(usize) -> F::Bits,
        used: usize,
        numbers: &mut [F],
        of: impl Fn(usize, F) -> F,
    ) {
        let Self { minus_rests, ln } = self;
        for (i, (number, minus_rest)) in numbers.iter_mut().zip(&mut minus_rests.0).enumerate() {
            let unit = unit(i) << used;
            let away = from_nearer_end::<F>(unit, used);
            let end = F::of_bits(!mask::<F>(unit) & F::one().bits());
            let s = end - away;
            (*number, *minus_rest) = (s, (s - end) + away);
        }
        ln.of_normals(numbers, |i, ln| of(i, minus_rests.0[i] - ln));
    }
}

/// ln(v / (1 - v)): with f twice the distance of v from the nearer end, +- ln(1 + 2 (1 - f) / f).
/// 1 - f is made of the opposite bits, and has as many digits as f.
#[inline(always)]
fn logistic<F: Real>(unit: F::Bits) -> F {
    let near = unit ^ mask::<F>(unit);
    let ratio = fraction::<F>(!near, 0) / fraction::<F>(near, 1);
    turned(ln_1p::<false, F>(ratio), !unit)
}

/// The upper 23 bits (52 in f64) as a number of (0, 2^-down), in the middle of its step: exact.
#[inline(always)]
fn open<F: Real>(unit: F::Bits, down: usize) -> F {
    let above = if size_of::<F>() == size_of::<f32>() { 9 } else { 12 };
    let size = F::of(half_to_the(down));
    F::of_bits(size.bits() | (unit >> above)) - (size - F::of(0.5) * F::epsilon() * size)
}

/// The bits below the upper one as a number of (0, 2^-down), in the middle of its step: all of them, rounded, in f32; the 52
/// next in f64, exactly.
#[inline(always)]
fn fraction<F: Real>(unit: F::Bits, down: usize) -> F {
    if size_of::<F>() != size_of::<f32>() {
        return open(unit << 1, down);
    }
    let step = F::of(half_to_the(31 + down));
    F::of_integer((unit << 1) >> 1) * step + F::of(0.5) * step
}

/// The bits, of which the last `unused` are 0, as a number of (0, 1) in the middle of its step, less 1 where that is nearer:
/// rounded in f32; exact in f64, of the upper 53.
#[inline(always)]
fn from_nearer_end<F: Real>(unit: F::Bits, unused: usize) -> F {
    if size_of::<F>() != size_of::<f32>() {
        let beyond = mask::<F>(unit);
        return turned(open((unit ^ beyond) << 1, 1), beyond);
    }
    F::of_integer(unit) * F::of(half_to_the(32)) + F::of(half_to_the(33 - unused))
}

/// The bits as a number with a sign, of (-1/8, 1/8), in the middle of its step: the upper 30,
/// rounded, in f32; the upper 52 in f64.
#[inline(always)]
fn eighth<F: Real>(unit: F::Bits) -> F {
    if size_of::<F>() != size_of::<f32>() {
        return open::<F>(unit ^ sign::<F>(), 2) - F::of(0.125);
    }
    let step = F::of(half_to_the(32));
    F::of_integer(unit) * (F::of(0.25) * step) + F::of(0.5) * step
}

/// The upper bit at every place.
#[inline(always)]
fn mask<F: Real>(unit: F::Bits) -> F::Bits {
    (unit >> (8 * size_of::<F>() - 1)).wrapping_neg()
}

/// `x`, or -x where the upper bit of `unit` is set.
#[inline(always)]
fn turned<F: Real>(x: F, unit: F::Bits) -> F {
    F::of_bits(x.bits() ^ (unit & sign::<F>()))
}

/// The upper bit.
#[inline(always)]
fn sign<F: Real>() -> F::Bits {
    (-F::zero()).bits()
}

/// 2^-n, by its bits: a power of the standard library is only near it by promise.
#[inline(always)]
fn half_to_the(n: usize) -> f64 {
    f64::from_bits(((1023 - n) as u64) << 52)
}
