use ndarray::{Array1, Array2};
use rand::Rng;

use super::directions::{DIGITS, WIDEST, directions};
use super::fill::{BLOCKS, TASK};
use super::generator::{Generator, Key, LANES};
use super::laws::{Exponential, Gumbel, Laplace, Law, Logistic, Normal, Stages, Standard, Uniform};
use crate::arithmetic::Arithmetic;
use crate::elementary::STAGED;
use crate::kernel::{Level, Work, map, run};
use crate::shape::at_least_one;
use crate::{Error, Real, Result};

/// Points of a randomisation at the most, as a power of two.
const MOST_DIGITS: u32 = 31;

/// Rows that become numbers together.
const CHUNK: usize = STAGED / 2;

/// Sobol' points: the first 2^m of them fill a cube of `dim` dimensions evenly, for every m.
///
/// ```text
/// x_i = i_0 v_1 + i_1 v_2 + ... + i_31 v_32       (digits of i; sums without carry)
/// ```
///
/// in each coordinate, with the direction numbers v of Joe and Kuo, 256 coordinates of them. This is
/// the natural order, not that of Gray's code. Any 2^m points from a multiple of 2^m on are a net as
/// the first 2^m are: the same, with one number added to all without carry.
///
/// The points are the same always, and the first is 0: an average over them is no unbiased estimate,
/// and has no standard error. Noise of them is [`Standard::quasi`], which scrambles them.
///
/// ```
/// use estimand::noise::Sobol;
///
/// let net = Sobol::new(2)?;
/// let share = |i: u32| net.point(i).mapv(|word| word as f64 / 2.0_f64.powi(64)).to_vec();
/// assert_eq!([0, 1, 2, 3].map(share), [[0.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.75, 0.25]]);
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// Source: Sobol' 1967; Joe and Kuo 2008; chapter `noise/quasi`.
#[derive(Debug, Clone)]
pub struct Sobol {
    directions: Vec<[u32; DIGITS]>,
}

impl Sobol {
    /// The points of a cube. Errors: `Parameter` where `dim` is above 256.
    pub fn new(dim: usize) -> Result<Self> {
        if dim > WIDEST {
            return Err(Error::Parameter { name: "dim", value: dim as f64, expected: "at most 256" });
        }
        Ok(Self { directions: (0..dim).map(directions).collect() })
    }

    /// Point `i`, of which each coordinate is word / 2^64: `(dim,)`.
    pub fn point(&self, i: u32) -> Array1<u64> {
        let digits = |v: &[u32; DIGITS]| (0..DIGITS).filter(|k| i >> k & 1 == 1).fold(0, |x, k| x ^ v[k]);
        self.directions.iter().map(|v| u64::from(digits(v)) << DIGITS).collect()
    }
}

impl Standard {
    /// Noise that fills space evenly: randomised quasi-Monte Carlo, `(replicates * points, dim)`.
    ///
    /// Rows `r * points` to `(r + 1) * points - 1` are replicate r: the first `points` Sobol' points,
    /// scrambled at random ([`Sobol`]; Owen's nested uniform scrambling), as numbers of this law.
    ///
    /// - Each row by itself is distributed as a row of [`draw`](Self::draw), so an average of any
    ///   function over rows is unbiased.
    /// - The rows of a replicate depend on each other: 2^m points have one coordinate each in every
    ///   interval between quantiles k 2^-m and (k + 1) 2^-m. This lowers the variance of an average
    ///   over them, for smooth functions nearly as points^-3. Where the function is rough or very many
    ///   coordinates matter together, less is gained, or nothing at counts that one can afford.
    /// - Replicates are independent. So **an average over a replicate is one draw of an estimate**, and
    ///   the spread of these draws gives its standard error. The spread of rows does not. Of a gradient that
    ///   is [`Plan::grouped`](crate::gradient::Plan::grouped) by `points`, and a baseline has to leave replicates
    ///   out ([`Baseline::LeaveGroupOut`](crate::gradient::Baseline)).
    ///
    /// Quantiles are taken coordinate by coordinate; two coordinates of normal numbers, 2j and 2j + 1,
    /// are Box and Muller's pair of the net's coordinates 2j and 2j + 1.
    ///
    /// One word is taken from the generator. The same word makes the same numbers, bit for bit, on any
    /// machine and for any number of threads (which share replicates). A draw with more replicates or
    /// columns begins with the numbers of one with fewer; one with more points is another draw.
    ///
    /// Errors: `Parameter`, and no word taken, where `points` is not a power of two or above 2^31,
    /// `replicates` is 0, `dim` is above 256, or memory does not hold the array.
    ///
    /// ```
    /// use estimand::ndarray::{Array2, Axis};
    /// use estimand::noise::Standard;
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// // E |z|^2 = 4 for four normal numbers: 8 independent averages over 256 points each.
    /// let (replicates, points) = (8, 256);
    /// let z: Array2<f64> = Standard::Normal.quasi(&mut StdRng::seed_from_u64(1), replicates, points, 4)?;
    /// let average = |rows: estimand::ndarray::ArrayView2<f64>| rows.mapv(|z| z * z).sum() / points as f64;
    /// let averages: Vec<f64> = z.axis_chunks_iter(Axis(0), points).map(average).collect();
    ///
    /// let mean = averages.iter().sum::<f64>() / replicates as f64;
    /// let spread = averages.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (replicates - 1) as f64;
    /// let std_error = (spread / replicates as f64).sqrt();
    /// assert!((mean - 4.0).abs() < 5.0 * std_error);
    /// // As many plain draws have a standard error of sqrt(8 / 2048) = 0.0625.
    /// assert!(std_error < 0.01);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    ///
    /// Source: Owen 1995, 1997; chapter `noise/quasi`.
    pub fn quasi<F: Real, R: Rng + ?Sized>(
        self,
        rng: &mut R,
        replicates: usize,
        points: usize,
        dim: usize,
    ) -> Result<Array2<F>> {
        let draw = Quasi::new(Level::best(), self, replicates, points, dim)?;
        Ok(draw.make(Key::draw_from(rng)))
    }
}

impl Key {
    /// [`Standard::quasi`] of this key. Its numbers have nothing to do with those of [`fill`](Self::fill).
    pub fn quasi<F: Real>(self, law: Standard, replicates: usize, points: usize, dim: usize) -> Result<Array2<F>> {
        self.quasi_at(Level::best(), law, replicates, points, dim)
    }

    /// [`quasi`](Self::quasi) with the instructions of a level: the numbers are the same, bit for bit.
    pub fn quasi_at<F: Real>(
        self,
        level: Level,
        law: Standard,
        replicates: usize,
        points: usize,
        dim: usize,
    ) -> Result<Array2<F>> {
        Ok(Quasi::new(level, law, replicates, points, dim)?.make(self))
    }
}

/// A draw behind its door: what it is made of, and where it goes.
struct Quasi<F> {
    level: Level,
    law: Standard,
    /// Of an even number of coordinates: numbers are made in pairs.
    net: Sobol,
    points: usize,
    dim: usize,
    rows: usize,
    out: Vec<F>,
}

impl<F: Real> Quasi<F> {
    fn new(level: Level, law: Standard, replicates: usize, points: usize, dim: usize) -> Result<Self> {
        at_least_one("replicates", replicates)?;
        if !points.is_power_of_two() || points.trailing_zeros() > MOST_DIGITS {
            let expected = "a power of two, 2^31 at the most";
            return Err(Error::Parameter { name: "points", value: points as f64, expected });
        }
        Sobol::new(dim)?;
        let net = Sobol::new(dim.next_multiple_of(2))?;
        let mut out = Vec::new();
        // An array has fewer rows than addresses, also where they are empty.
        let rows = replicates.checked_mul(points).filter(|&rows| isize::try_from(rows).is_ok());
        let room = |rows: usize| out.try_reserve_exact(rows.checked_mul(dim)?).ok().map(|()| rows);
        let expected = "as many as memory holds";
        let too_many = Error::Parameter { name: "replicates", value: replicates as f64, expected };
        let rows = rows.and_then(room).ok_or(too_many)?;
        Ok(Self { level, law, net, points, dim, rows, out })
    }

    fn make(self, key: Key) -> Array2<F> {
        let Self { level, law, net, points, dim, rows, mut out } = self;
        out.resize(rows * dim, F::zero());
        // Tasks are whole replicates, and as many as are worth a task.
        let size = points * dim.max(1);
        let some = (TASK / size).max(1);
        let tasks = out.chunks_mut(some * size).enumerate().map(|(t, out)| (t * some, out)).collect();
        map(tasks, |(first, out)| run(level, Scatter { key, law, net: &net, points, dim, first, out }));
        Array2::from_shape_vec((rows, dim), out).unwrap_or_default()
    }
}

/// Replicates `first`, `first + 1`, ..., as many as `out` holds.
struct Scatter<'a, F> {
    key: Key,
    law: Standard,
    net: &'a Sobol,
    points: usize,
    dim: usize,
    first: usize,
    out: &'a mut [F],
}

impl<F: Real> Work<F> for Scatter<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) {
        match self.law {
            Standard::Uniform => self.scatter::<Uniform>(),
            Standard::Normal => self.scatter::<Normal>(),
            Standard::Exponential => self.scatter::<Exponential>(),
            Standard::Logistic => self.scatter::<Logistic>(),
            Standard::Gumbel => self.scatter::<Gumbel>(),
            Standard::Laplace => self.scatter::<Laplace>(),
        }
    }
}

impl<F: Real> Scatter<'_, F> {
    #[inline(always)]
    fn scatter<L: Law>(self) {
        let Self { key, net, points, dim, first, out, .. } = self;
        let mut cells = [(); 2].map(|()| vec![0_u32; points]);
        let mut words = [(); 2].map(|()| vec![0_u64; points]);
        let mut stages = Stages::new();
        for (column, pair) in (0..dim).step_by(2).zip(net.directions.chunks_exact(2)) {
            for (cells, v) in cells.iter_mut().zip(pair) {
                number_cells(v, cells);
            }
            for (r, rows) in out.chunks_exact_mut(points * dim).enumerate() {
                for (k, words) in words.iter_mut().enumerate() {
                    // Blocks of a key that its plain noise has no number in.
                    let block = (first + r) as u64 * WIDEST as u64 + (column + k) as u64;
                    random_words(&mut Generator::new(key, BLOCKS + block), words);
                    scramble(words);
                }
                let rows = rows.chunks_mut(CHUNK * dim);
                for ((rows, left), right) in rows.zip(cells[0].chunks(CHUNK)).zip(cells[1].chunks(CHUNK)) {
                    let mut units = [F::Bits::default(); 2 * CHUNK];
                    let (to_left, to_right) = units.split_at_mut(CHUNK);
                    gather::<F>(left, &words[0], to_left);
                    gather::<F>(right, &words[1], to_right);
                    let mut numbers = [F::zero(); 2 * CHUNK];
                    L::numbers(&mut stages, &units, &mut numbers);
                    let (first, second) = numbers.split_at(CHUNK);
                    for (row, (&first, &second)) in rows.chunks_exact_mut(dim).zip(first.iter().zip(second)) {
                        for (to, number) in row[column..].iter_mut().zip([first, second]) {
                            *to = number;
                        }
                    }
                }
            }
        }
    }
}

/// The cell of each point among as many cells of equal width as there are points: its first digits,
/// the first of which is the lowest bit. Point i + 2^k is point i plus v_(k+1), for i < 2^k.
#[inline(always)]
fn number_cells(v: &[u32; DIGITS], cells: &mut [u32]) {
    for (k, v) in v.iter().take(cells.len().ilog2() as usize).enumerate() {
        let (done, next) = cells.split_at_mut(1 << k);
        for (next, cell) in next.iter_mut().zip(done) {
            *next = *cell ^ v.reverse_bits();
        }
    }
}

#[inline(always)]
fn random_words(generator: &mut Generator, words: &mut [u64]) {
    for words in words.chunks_mut(LANES) {
        let made = generator.words();
        words.copy_from_slice(&made[..words.len()]);
    }
}

/// From random words, one a cell, to the scrambled word of each cell.
///
/// A cell of k digits is a node of a binary tree, and digit k + 1 of all points in it is turned over or
/// is not, by one random bit of the node. There are 2^m - 1 nodes above the 2^m last cells: the node
/// of cell j on level k has the upper bit of word 2^k + j. In a last cell there is one point alone, and
/// its other digits are random: the lower bits of the word of its number.
#[inline(always)]
fn scramble(words: &mut [u64]) {
    let levels = words.len().ilog2();
    let rest = u64::MAX >> levels;
    words[0] &= rest;
    for k in 0..levels {
        let digit = (1 << 63) >> k;
        let (zeros, ones) = words.split_at_mut(1 << k);
        for (zero, one) in zeros.iter_mut().zip(ones) {
            *zero |= (*one >> 63 << 63) >> k;
            *one = (*one & rest) | ((*zero & !rest) ^ digit);
        }
    }
}

#[inline(always)]
fn gather<F: Real>(cells: &[u32], words: &[u64], units: &mut [F::Bits]) {
    for (unit, &cell) in units.iter_mut().zip(cells) {
        *unit = F::upper_bits(words[cell as usize]);
    }
}
