//! From bits to numbers. Nothing here multiplies and adds in one rounding, or asks the machine for
//! more than + - * / and a root: the same bits make the same numbers everywhere.

use num_traits::WrappingNeg;
use rand::Rng;

use crate::Real;
use crate::elementary::{ln_1p, ln_normal, sin_cos_quarter};

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
        let [a, b] = words.map(F::upper_bits);
        match self {
            Self::Uniform => finished::<F, Uniform>(a, b),
            Self::Normal => finished::<F, Normal>(a, b),
            Self::Exponential => finished::<F, Exponential>(a, b),
            Self::Logistic => finished::<F, Logistic>(a, b),
            Self::Gumbel => finished::<F, Gumbel>(a, b),
            Self::Laplace => finished::<F, Laplace>(a, b),
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

/// The pair of numbers of two units of bits: a law.
pub(super) trait Law {
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2];

    /// What is left to do with each of them, in a loop of its own: of a long chain of steps, each of which waits for the one
    /// before, a machine has fewer under way at once than of two short ones.
    #[inline(always)]
    fn finish<F: Real>(number: F) -> F {
        number
    }
}

fn finished<F: Real, L: Law>(a: F::Bits, b: F::Bits) -> [F; 2] {
    L::pair(a, b).map(L::finish)
}

pub(super) struct Uniform;
pub(super) struct Normal;
pub(super) struct Exponential;
pub(super) struct Logistic;
pub(super) struct Gumbel;
pub(super) struct Laplace;

impl Law for Uniform {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        [open(a, 0), open(b, 0)]
    }
}

/// Box and Muller: half the square of the radius is an exponential number. The angle is within an
/// eighth of a turn of 0, then mirrored at the diagonal, or at the origin, or both.
impl Law for Normal {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        let half_square = exponential::<F>(a, 0);
        let radius = (half_square + half_square).sqrt();
        let (sin, cos) = sin_cos_quarter::<false, F>(eighth(b << 2));
        let (sin, cos) = (sin.bits(), cos.bits());
        let swap = (sin ^ cos) & mask::<F>(b);
        [sin ^ swap, cos ^ swap].map(|side| turned(radius * F::of_bits(side), b << 1))
    }
}

impl Law for Exponential {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        [exponential(a, 0), exponential(b, 0)]
    }
}

impl Law for Logistic {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        [logistic(a), logistic(b)]
    }
}

/// -ln of an exponential number: -ln(-ln v).
impl Law for Gumbel {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        [exponential(!a, 0), exponential(!b, 0)]
    }

    #[inline(always)]
    fn finish<F: Real>(number: F) -> F {
        -ln_normal::<false, F>(number)
    }
}

impl Law for Laplace {
    #[inline(always)]
    fn pair<F: Real>(a: F::Bits, b: F::Bits) -> [F; 2] {
        [laplace(a), laplace(b)]
    }
}

/// -ln(1 - v) for v = (k + 1/2) 2^-n, with k the n bits of `unit` below its upper `used`.
///
/// The logarithm is of v's distance `t` from the nearer end, or of 1 - t, which is `s + rest` to
/// the last bit: ln(1 - t) = ln(s) + rest / s, where `rest` is half a unit in the last place of s,
/// so that its division by s, of [1/2, 1], is less than that again, and is left out. So v at
/// either end keeps its digits: the result is v itself next to 0, and finite next to 1.
#[inline(always)]
fn exponential<F: Real>(unit: F::Bits, used: usize) -> F {
    let beyond = mask::<F>(unit << used);
    let t = fraction::<F>(unit ^ beyond, used + 1, 1);
    let one = F::of_bits(!beyond & F::one().bits());
    let step = turned(t, !beyond);
    let s = one + step;
    let minus_rest = (s - one) - step;
    minus_rest - ln_normal::<false, F>(s)
}

/// ln(v / (1 - v)): with f twice the distance of v from the nearer end, +- ln(1 + 2 (1 - f) / f).
/// 1 - f is made of the opposite bits, and has as many digits as f.
#[inline(always)]
fn logistic<F: Real>(unit: F::Bits) -> F {
    let near = unit ^ mask::<F>(unit);
    let ratio = fraction::<F>(!near, 1, 0) / fraction::<F>(near, 1, 1);
    turned(ln_1p::<false, F>(ratio), !unit)
}

/// +- an exponential number, whose bits are those below the sign.
#[inline(always)]
fn laplace<F: Real>(unit: F::Bits) -> F {
    let far = !(unit ^ mask::<F>(unit));
    turned(exponential(far, 1), !unit)
}

/// The upper 23 bits (52 in f64) as a number of (0, 2^-down), in the middle of its step: exact.
#[inline(always)]
fn open<F: Real>(unit: F::Bits, down: usize) -> F {
    let above = if size_of::<F>() == size_of::<f32>() { 9 } else { 12 };
    let size = F::of(half_to_the(down));
    F::of_bits(size.bits() | (unit >> above)) - (size - F::of(0.5) * F::epsilon() * size)
}

/// The bits below the upper `used` as a number of (0, 2^-down), in the middle of its step: all of
/// them, rounded, in f32; the 52 next in f64, exactly.
#[inline(always)]
fn fraction<F: Real>(unit: F::Bits, used: usize, down: usize) -> F {
    if size_of::<F>() != size_of::<f32>() {
        return open(unit << used, down);
    }
    let step = F::of(half_to_the(32 + down - used));
    F::of_integer((unit << used) >> used) * step + F::of(0.5) * step
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
