use std::ops::Range;

use ndarray::{ArrayRef1, ArrayView1};

use super::bulk::{BLOCK, Pivot};
use super::centre::Centre;
use super::mass::Mass;
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, map, run};
use crate::shape::{at_least_one, finite, not_negative, weights_door};
use crate::{Error, Real, Result};

/// Numbers that are worth a task of their own: whole blocks, tens of microseconds.
const TASK: usize = 64 * BLOCK;

/// Count, weight, mean and variance of numbers that arrive in any order and any company: one at a time, in
/// bulk, or as moments of a part.
///
/// ```text
/// W = sum of w_i,   mean = sum of w_i x_i / W,   variance = sum of w_i (x_i - mean)^2 / W
/// ```
///
/// Two parts join by Chan's formula, and numbers are taken relative to the mean, so that 10^12 + u keeps
/// the variance of u. Mean and variance are compensated: their rounding errors do not grow with the number
/// of steps. They are of the precision `F`; nothing is widened.
///
/// A NaN is remembered with its row, and every reading but [`count`](Self::count) and
/// [`weight`](Self::weight) is then the error `NaN { name: "x", row }`; the row is counted from the start
/// of the whole stream, also after a merge. Where a number is infinite, so is the variance (its limit as
/// that one grows), and the mean is what it is: of both infinities NaN. A weight of 0 leaves a number out,
/// also an infinite one, but counts its row.
///
/// Readings of no rows are `TooFew`, those of weights whose sum is 0 (or overflows) `Parameter`. Source:
/// Chan, Golub and LeVeque 1983; chapter `moments/moments`.
///
/// ```
/// use estimand::{moments::Moments, ndarray::array};
///
/// let mut moments: Moments<f64> = [1e12 + 1.0, 1e12 + 2.0].into_iter().collect();
/// let rest = Moments::of(&array![1e12 + 3.0, 1e12 + 6.0]);
/// moments.merge(&rest);
/// assert_eq!((moments.count(), moments.mean()?), (4, 1e12 + 3.0));
/// assert_eq!(moments.variance()?, 3.5);                       // divided by 4
/// assert_eq!(moments.unbiased_variance()?, 14.0 / 3.0);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "super::stored::Stored<F>", into = "super::stored::Stored<F>"))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "F: Real + serde::Serialize", deserialize = "F: Real + serde::Deserialize<'de>"))
)]
pub struct Moments<F> {
    mass: Mass<F>,
    centre: Centre<F>,
    nan: Option<usize>,
}

impl<F: Real> Moments<F> {
    /// Of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of an array, at the speed of one read of it.
    ///
    /// Threads share an array of many blocks; the bits do not depend on how many there are, nor on
    /// the layout.
    pub fn of(x: &ArrayRef1<F>) -> Self {
        Self::of_at(Level::best(), x)
    }

    /// [`of`](Self::of) at a level.
    pub fn of_at(level: Level, x: &ArrayRef1<F>) -> Self {
        joined(map(tasks(x.len()), |range| {
            let mut part = Self::new();
            match x.as_slice() {
                Some(all) => run(level, Numbers { to: &mut part, x: &all[range] }),
                None => run(level, Numbers { to: &mut part, x: &range.map(|i| x[i]).collect::<Vec<_>>() }),
            }
            part
        }))
    }

    /// Of an array with a weight a number, as if each were there `w` times.
    ///
    /// Shapes: `x: (n,)`, `weights: (n,)`. Weights may be of any size and need not sum to 1. Errors:
    /// `Shape`; `NaN` with the first weight that is; `Entry` with the first that is negative or infinite.
    ///
    /// ```
    /// use estimand::{moments::Moments, ndarray::array};
    /// let moments = Moments::of_weighted(&array![1.0, 5.0, 7.0], &array![3.0, 1.0, 0.0])?;
    /// assert_eq!((moments.weight(), moments.mean()?, moments.variance()?), (4.0, 2.0, 3.0));
    /// assert_eq!(moments.effective_count()?, 16.0 / 10.0);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of_weighted(x: &ArrayRef1<F>, weights: &ArrayRef1<F>) -> Result<Self> {
        weights_door("weights", x.len(), weights)?;
        Ok(joined(map(tasks(x.len()), |range| {
            let mut part = Self::new();
            range.for_each(|i| part.join_weighing(x[i], weights[i]));
            part
        })))
    }

    /// Of `n` numbers that are known by their statistics alone, as a publication or a colleague gives them.
    ///
    /// `unbiased_variance` is the one that is divided by n - 1, which is what is nearly always given; one that
    /// was divided by n is to be multiplied by n / (n - 1) first. The result is as that of the numbers
    /// themselves, and merges with others.
    /// Errors: `Parameter` where `n` is 0, `mean` not finite, or `unbiased_variance` not finite, negative, or
    /// not 0 where `n` is 1.
    ///
    /// ```
    /// use estimand::moments::Moments;
    /// let mut both = Moments::from_mean_variance(3, 2.0, 1.0)?;          // as of 1, 2, 3
    /// both.extend([4.0, 5.0]);
    /// assert_eq!((both.count(), both.mean()?, both.unbiased_variance()?), (5, 3.0, 2.5));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_mean_variance(n: usize, mean: F, unbiased_variance: F) -> Result<Self> {
        at_least_one("n", n)?;
        finite("mean", mean)?;
        not_negative("unbiased_variance", unbiased_variance)?;
        if n == 1 && unbiased_variance > F::zero() {
            let (name, value) = ("unbiased_variance", unbiased_variance.as_f64());
            return Err(Error::Parameter { name, value, expected: "0 where `n` is 1" });
        }
        let mass = Mass::rows(n);
        Ok(Self { mass, centre: Centre::new(mean, F::zero(), unbiased_variance * mass.other()), nan: None })
    }

    /// [`from_mean_variance`](Self::from_mean_variance), from a standard deviation: the root of the unbiased
    /// variance, not that of the mean.
    ///
    /// From a standard error of the mean, as tables often print, it is that times the root of n.
    /// Errors: likewise, with `sd` for the variance; `Parameter` where the square of `sd` is no number above 0
    /// and `sd` is.
    ///
    /// ```
    /// use estimand::{fit::Groups, moments::Moments};
    /// // Two laboratories, by their papers.
    /// let (a, b) = (Moments::from_mean_sd(10, 5.1, 0.3)?, Moments::from_mean_sd(20, 5.4, 0.6)?);
    /// assert!(Groups::estimated(&[a, b])?.homogeneity()?.p_value > 0.05);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_mean_sd(n: usize, mean: F, sd: F) -> Result<Self> {
        not_negative("sd", sd)?;
        let refused = |expected| Err(Error::Parameter { name: "sd", value: sd.as_f64(), expected });
        let variance = sd * sd;
        if !variance.is_finite() || (variance == F::zero() && sd > F::zero()) {
            return refused("a number whose square is finite and above 0");
        }
        if n == 1 && sd > F::zero() {
            return refused("0 where `n` is 1");
        }
        Self::from_mean_variance(n, mean, variance)
    }

    /// The parts of columns.
    pub(super) fn of_parts(mass: Mass<F>, centre: Centre<F>, nan: Option<usize>) -> Self {
        Self { mass, centre, nan }
    }

    /// Adds a number.
    #[inline(always)]
    pub fn push(&mut self, x: F) {
        self.join(&Mass::one(), Centre::point(x), x.is_nan().then_some(0));
    }

    /// Adds a number of a weight, as if it were there `weight` times.
    ///
    /// Errors: `Parameter` where `weight` is negative, infinite or NaN; nothing is added then.
    pub fn push_weighted(&mut self, x: F, weight: F) -> Result<()> {
        not_negative("weight", weight)?;
        self.join_weighing(x, weight);
        Ok(())
    }

    /// Adds what another has seen, after what this one has: both as if of one stream, up to rounding.
    pub fn merge(&mut self, other: &Self) {
        self.join(&other.mass, other.centre, other.nan);
    }

    /// Rows that were added, whatever they weigh.
    pub fn count(&self) -> usize {
        self.mass.count
    }

    /// The sum of the weights; the count, where none was given.
    pub fn weight(&self) -> F {
        self.mass.total()
    }

    /// (sum of w)^2 / sum of w^2: as many rows of equal weight have a mean of the same variance.
    ///
    /// Errors: those of every reading.
    pub fn effective_count(&self) -> Result<F> {
        self.readable()?;
        Ok(self.mass.effective())
    }

    /// The mean. Errors: those of every reading.
    pub fn mean(&self) -> Result<F> {
        self.readable()?;
        Ok(self.centre.mean.head)
    }

    /// The mean squared distance from the mean, divided by W: the maximum-likelihood variance of a
    /// Gaussian. It is 0 for one row.
    ///
    /// Bias: its expectation is (1 - sum of w^2 / W^2) times the variance of one number; (n - 1)/n without
    /// weights. Errors: those of every reading.
    pub fn variance(&self) -> Result<F> {
        self.readable()?;
        Ok(self.centre.variance.head)
    }

    /// The unbiased variance: [`variance`](Self::variance) / (1 - sum of w^2 / W^2).
    ///
    /// Without weights it divides by n - 1. With them it divides by W - sum of w^2 / W, which is right
    /// where weights say how far a number is trusted (reliability weights) and not how many times it was
    /// seen: then push it so many times. Errors: those of every reading; `TooFew` of one row; `Count` where all
    /// the weight is that of one row.
    pub fn unbiased_variance(&self) -> Result<F> {
        self.readable()?;
        self.mass.two()?;
        Ok(self.mass.unbiased(self.centre.variance.head))
    }

    /// The estimated standard deviation of the mean: sqrt(unbiased variance / effective count).
    ///
    /// Errors: those of [`unbiased_variance`](Self::unbiased_variance).
    pub fn std_error(&self) -> Result<F> {
        Ok((self.unbiased_variance()? * self.mass.same()).sqrt())
    }

    /// The sum of w (x - mean)^2: what the field calls M2. Errors: those of every reading.
    pub fn scatter(&self) -> Result<F> {
        self.readable()?;
        Ok(self.centre.variance.head * self.mass.total())
    }

    fn readable(&self) -> Result<()> {
        self.mass.readable(self.nan)
    }

    fn join_weighing(&mut self, x: F, weight: F) {
        self.join(&Mass::weighing(weight), Centre::point(x), x.is_nan().then_some(0));
    }

    /// `nan` is the row of the other's first NaN, counted from its own start.
    #[inline(always)]
    fn join(&mut self, mass: &Mass<F>, centre: Centre<F>, nan: Option<usize>) {
        let before = self.mass.count;
        let (own, its) = self.mass.join(mass);
        if let (None, Some(row)) = (self.nan, nan) {
            self.nan = Some(before.saturating_add(row));
        }
        // After a NaN there is nothing left to read.
        if self.nan.is_none() {
            self.centre = self.centre.join(centre, own, its);
        }
    }
}

/// More numbers for some moments, in order.
struct Numbers<'a, F> {
    to: &'a mut Moments<F>,
    x: &'a [F],
}

impl<F: Real> Work<F> for Numbers<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let mut pivot = Pivot::new();
        for block in self.x.chunks(BLOCK) {
            let centre = pivot.centre(a, block);
            if centre.is_finite() {
                self.to.join(&Mass::rows(block.len()), centre, None);
            } else {
                one_by_one(self.to, block);
                pivot = Pivot::new();
            }
        }
    }
}

/// A block with a NaN, an infinity or a sum that overflows.
#[cold]
#[inline(never)]
fn one_by_one<F: Real>(to: &mut Moments<F>, block: &[F]) {
    block.iter().for_each(|&x| to.push(x));
}

/// The rows of each task: as many whatever the number of threads.
fn tasks(n: usize) -> Vec<Range<usize>> {
    (0..n).step_by(TASK).map(|from| from..n.min(from + TASK)).collect()
}

fn joined<F: Real>(parts: Vec<Moments<F>>) -> Moments<F> {
    let mut all = Moments::new();
    parts.iter().for_each(|part| all.merge(part));
    all
}

/// In bulk: the numbers of an iterator are gathered into blocks.
impl<F: Real> Extend<F> for Moments<F> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, numbers: I) {
        let mut block = [F::zero(); BLOCK];
        let mut numbers = numbers.into_iter();
        loop {
            let mut n = 0;
            // In this order: a number is only taken where there is room for it.
            for (place, x) in block.iter_mut().zip(&mut numbers) {
                *place = x;
                n += 1;
            }
            run(Level::best(), Numbers { to: self, x: &block[..n] });
            if n < BLOCK {
                return;
            }
        }
    }
}

impl<'a, F: Real> Extend<&'a F> for Moments<F> {
    fn extend<I: IntoIterator<Item = &'a F>>(&mut self, numbers: I) {
        self.extend(numbers.into_iter().copied());
    }
}

impl<F: Real> FromIterator<F> for Moments<F> {
    fn from_iter<I: IntoIterator<Item = F>>(numbers: I) -> Self {
        let mut moments = Self::new();
        moments.extend(numbers);
        moments
    }
}

impl<'a, F: Real> FromIterator<&'a F> for Moments<F> {
    fn from_iter<I: IntoIterator<Item = &'a F>>(numbers: I) -> Self {
        numbers.into_iter().copied().collect()
    }
}

/// As [`Moments::of`].
///
/// ```
/// use estimand::moments::Moments;
/// let numbers = vec![1.0, 2.0, 6.0];
/// assert_eq!(Moments::from(&numbers[..]).mean()?, 3.0);
/// # Ok::<(), estimand::Error>(())
/// ```
impl<F: Real> From<&[F]> for Moments<F> {
    fn from(numbers: &[F]) -> Self {
        Self::of(&ArrayView1::from(numbers))
    }
}

#[cfg(feature = "serde")]
impl<F: Real> From<Moments<F>> for super::stored::Stored<F> {
    fn from(moments: Moments<F>) -> Self {
        Self::of(moments.mass, moments.centre, moments.nan)
    }
}

#[cfg(feature = "serde")]
impl<F: Real> TryFrom<super::stored::Stored<F>> for Moments<F> {
    type Error = Error;

    fn try_from(stored: super::stored::Stored<F>) -> Result<Self> {
        let nan = stored.nan;
        let (mass, centre) = stored.read()?;
        Ok(Self { mass, centre, nan })
    }
}
