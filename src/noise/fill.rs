use ndarray::{Array, Dimension, IntoDimension};
use rand::Rng;

use super::generator::{Generator, Key, LANES};
use super::laws::{Exponential, Gumbel, Laplace, Law, Logistic, Normal, Stages, Standard, Uniform};
use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::elementary::STAGED;
use crate::kernel::{Level, Work, map, run, several};
use crate::real::Aligned;

/// Numbers of a block: each block has a generator of its own.
const BLOCK: usize = 4096;

/// Blocks of a key, which has 2^64 numbers.
pub(super) const BLOCKS: u64 = u64::MAX / BLOCK as u64 + 1;

/// Units that are made before they become numbers: they stay in the nearest cache.
const CHUNK: usize = STAGED;

/// Numbers that are handed on together.
const PIECE: usize = 2 * CHUNK;

/// Numbers that are worth a task of their own: tens of microseconds, and whole blocks.
pub(super) const TASK: usize = 8 * BLOCK;

/// A group of units is made of the words of one step of the generator in f32, and of two in f64.
const GROUP: usize = 2 * LANES;

impl Standard {
    /// Noise of a shape: independent numbers of this law.
    ///
    /// One word is taken from the generator, whatever the shape. The same word makes the same
    /// numbers, bit for bit, on any machine and for any number of threads; a larger array begins
    /// with the numbers of a smaller one.
    ///
    /// ```
    /// use estimand::{ndarray::{Array1, Array2}, noise::Standard};
    /// use estimand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let table: Array2<f64> = Standard::Normal.draw(&mut StdRng::seed_from_u64(1), (2, 3));
    /// let line: Array1<f64> = Standard::Normal.draw(&mut StdRng::seed_from_u64(1), 4);
    /// assert!(table.iter().zip(&line).all(|(a, b)| a == b));
    /// ```
    pub fn draw<F: Real, R: Rng + ?Sized, S: IntoDimension>(self, rng: &mut R, shape: S) -> Array<F, S::Dim> {
        let key = Key::draw_from(rng);
        let dim = shape.into_dimension();
        // More numbers than a machine can count end as any allocation that is too large.
        let n = dim.size_checked().unwrap_or(usize::MAX);
        Array::from_shape_vec(dim, key.vec(self, n)).unwrap_or_default()
    }

    /// [`draw`](Self::draw), into a place that is there.
    pub fn fill<F: Real, R: Rng + ?Sized>(self, rng: &mut R, out: &mut [F]) {
        Key::draw_from(rng).fill(self, 0, out);
    }
}

impl Key {
    /// Numbers `start`, `start + 1`, ... of a law: any piece of a draw, by itself.
    pub fn fill<F: Real>(self, law: Standard, start: u64, out: &mut [F]) {
        self.fill_at(Level::best(), law, start, out);
    }

    /// [`fill`](Self::fill) with the instructions of a level: the numbers are the same, bit for bit.
    pub fn fill_at<F: Real>(self, level: Level, law: Standard, start: u64, out: &mut [F]) {
        // Pieces end where blocks do, so that no block is begun twice.
        let first = TASK - (start % BLOCK as u64) as usize;
        let (head, tail) = out.split_at_mut(first.min(out.len()));
        let mut pieces = vec![(start, head)];
        let begin = |k: usize| start.wrapping_add((first + k * TASK) as u64);
        pieces.extend(tail.chunks_mut(TASK).enumerate().map(|(k, piece)| (begin(k), piece)));
        map(pieces, |(start, mut out)| {
            let n = out.len();
            let emit = &mut |numbers: &[F]| {
                if let Some(to) = out.split_off_mut(..numbers.len()) {
                    to.copy_from_slice(numbers);
                }
            };
            run(level, Pour { key: self, law, start, n, emit });
        });
    }

    /// The first `n` numbers. One thread appends, and does not pay for zeros that are written over.
    fn vec<F: Real>(self, law: Standard, n: usize) -> Vec<F> {
        if n > TASK && several() {
            let mut out = vec![F::zero(); n];
            self.fill(law, 0, &mut out);
            return out;
        }
        let mut out = Vec::with_capacity(n);
        let emit = &mut |numbers: &[F]| out.extend_from_slice(numbers);
        run(Level::best(), Pour { key: self, law, start: 0, n, emit });
        out
    }
}

/// Numbers of a law, a piece of a draw, poured out chunk by chunk.
struct Pour<'e, F> {
    key: Key,
    law: Standard,
    start: u64,
    n: usize,
    emit: &'e mut dyn FnMut(&[F]),
}

impl<F: Real> Work<F> for Pour<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) {
        let Self { key, law, start, n, emit } = self;
        match law {
            Standard::Uniform => numbers::<F, Uniform>(key, start, n, emit),
            Standard::Normal => numbers::<F, Normal>(key, start, n, emit),
            Standard::Exponential => numbers::<F, Exponential>(key, start, n, emit),
            Standard::Logistic => numbers::<F, Logistic>(key, start, n, emit),
            Standard::Gumbel => numbers::<F, Gumbel>(key, start, n, emit),
            Standard::Laplace => numbers::<F, Laplace>(key, start, n, emit),
        }
    }
}

/// The numbers of a law from number `start` of a key on, piece by piece, until `emit` has had `n`.
#[inline(always)]
fn numbers<F: Real, L: Law>(key: Key, start: u64, n: usize, emit: &mut dyn FnMut(&[F])) {
    let mut block = start / BLOCK as u64;
    let mut skip = (start % BLOCK as u64) as usize;
    let mut left = n;
    let mut units = Aligned([F::Bits::default(); CHUNK]);
    let mut numbers = Aligned([F::zero(); PIECE]);
    let mut stages = Stages::new();
    while left > 0 {
        let mut generator = Generator::new(key, block);
        for _ in 0..BLOCK / PIECE {
            let to = PIECE.min(skip + left);
            for (c, numbers) in numbers.0.chunks_exact_mut(CHUNK).take(to.div_ceil(CHUNK)).enumerate() {
                make_units::<F>(&mut generator, &mut units.0);
                if skip < (c + 1) * CHUNK {
                    L::numbers(&mut stages, &units.0, numbers);
                }
            }
            let from = skip.min(to);
            emit(&numbers.0[from..to]);
            left -= to - from;
            skip -= from;
            if left == 0 {
                return;
            }
        }
        // After the last number of a key comes its first, wherever a piece began.
        block = block.wrapping_add(1) % BLOCKS;
    }
}

#[inline(always)]
fn make_units<F: Real>(generator: &mut Generator, units: &mut [F::Bits; CHUNK]) {
    for group in units.chunks_exact_mut(GROUP) {
        let first = generator.words();
        let second = if size_of::<F>() == size_of::<f32>() { first.map(|word| word << 32) } else { generator.words() };
        for l in 0..LANES {
            group[l] = F::upper_bits(first[l]);
            group[l + LANES] = F::upper_bits(second[l]);
        }
    }
}
