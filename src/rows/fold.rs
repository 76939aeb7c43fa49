//! What is summed of rows: the state of each batch of them, and states joined in pairs.

use super::sum::{BLOCK, weigh};
use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::kernel::Work;

/// Numbers of a batch: they stay in the nearest cache between being made and being summed.
const NUMBERS: usize = 4096;

/// Rows of a batch at the least, however wide: to join two states takes as long as to add two rows.
const LEAST: usize = 16;

/// Columns whose sums stay in registers, at the most.
const LANES: usize = 16;

/// Rows of a full batch.
pub(super) fn batch_rows(width: usize) -> usize {
    (NUMBERS / width.max(1)).clamp(LEAST, BLOCK)
}

/// Consecutive rows of one parameter row, made, one behind the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a, F> {
    first: usize,
    /// How many.
    pub(crate) rows: usize,
    width: usize,
    numbers: &'a [F],
}

impl<F: Real> Batch<'_, F> {
    /// Columns `at` to `at + L - 1` of the k-th row of the batch.
    #[inline(always)]
    pub(crate) fn part<const L: usize>(&self, k: usize, at: usize) -> [F; L] {
        let from = k * self.width + at;
        self.numbers.get(from..from + L).and_then(|part| part.first_chunk()).copied().unwrap_or([F::zero(); L])
    }

    /// The sums over the rows of `K` terms of each number of columns `at` to `at + L - 1`: from a number of the
    /// row and one of its numbers.
    #[inline(always)]
    pub(crate) fn sums<const L: usize, const K: usize>(
        &self,
        at: usize,
        of_row: impl Fn(usize) -> F,
        terms: impl Fn(F, [F; L], &mut [[F; L]; K]),
    ) -> [[F; L]; K] {
        let mut sums = [[F::zero(); L]; K];
        for k in 0..self.rows {
            terms(of_row(self.first + k), self.part(k, at), &mut sums);
        }
        sums
    }

    /// Writes sums of columns to a state that holds one kind of them after the other.
    #[inline(always)]
    pub(crate) fn put<const L: usize, const K: usize>(&self, at: usize, sums: [[F; L]; K], state: &mut [F]) {
        for (k, sums) in sums.iter().enumerate() {
            let from = k * self.width + at;
            if let Some(to) = state.get_mut(from..from + L) {
                to.copy_from_slice(sums);
            }
        }
    }
}

/// A state of rows that can be joined with that of the rows after them: sums, or means with squares about them.
pub(crate) trait Fold<F: Real>: Sync {
    /// The numbers of a state, of rows of a width.
    fn count(&self, width: usize) -> usize;

    /// Writes what columns `at` to `at + L - 1` of a batch have in its state.
    fn columns<A: Arithmetic<F>, const L: usize>(&self, a: A, batch: Batch<'_, F>, at: usize, state: &mut [F]);

    /// Joins the state of later rows, so many of them, onto that of earlier ones: of sums, their sum.
    fn join(&self, earlier: (usize, &mut [F]), later: (usize, &[F])) {
        earlier.1.iter_mut().zip(later.1).for_each(|(sum, &part)| *sum += part);
    }
}

/// The sums of rows, each with a weight, or as they are.
pub(crate) struct Sum<'a, F>(pub(crate) Option<&'a [F]>);

impl<F: Real> Fold<F> for Sum<'_, F> {
    fn count(&self, width: usize) -> usize {
        width
    }

    #[inline(always)]
    fn columns<A: Arithmetic<F>, const L: usize>(&self, _: A, batch: Batch<'_, F>, at: usize, state: &mut [F]) {
        let sums = match self.0 {
            None => batch.sums::<L, 1>(
                at,
                |_| F::one(),
                |_, x, [sums]| {
                    for lane in 0..L {
                        sums[lane] += x[lane];
                    }
                },
            ),
            Some(weights) => batch.sums::<L, 1>(
                at,
                |i| weights[i],
                |weight, x, [sums]| {
                    for lane in 0..L {
                        sums[lane] += weigh(weight, x[lane]);
                    }
                },
            ),
        };
        batch.put(at, sums, state);
    }
}

/// The states of consecutive groups of rows, made, each of one parameter row or a batch of one.
pub(super) struct Batches<'a, F, T> {
    pub(super) fold: &'a T,
    /// The first row.
    pub(super) first: usize,
    /// Rows of a group.
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) numbers: &'a [F],
    /// A state a group, one behind the other.
    pub(super) states: &'a mut [F],
}

impl<F: Real, T: Fold<F>> Work<F> for Batches<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { fold, first, rows, width, numbers, states } = self;
        let count = fold.count(width);
        let groups = numbers.chunks_exact(rows * width).zip(states.chunks_exact_mut(count));
        for (k, (numbers, state)) in groups.enumerate() {
            let batch = Batch { first: first + k * rows, rows, width, numbers };
            let mut at = 0;
            while at + LANES <= width {
                fold.columns::<A, LANES>(a, batch, at, state);
                at += LANES;
            }
            while at + 4 <= width {
                fold.columns::<A, 4>(a, batch, at, state);
                at += 4;
            }
            while at < width {
                fold.columns::<A, 1>(a, batch, at, state);
                at += 1;
            }
        }
    }
}

/// The state of batches that arrive in order, joined in pairs as the bits of a binary counter carry.
pub(super) struct Joined<'a, F, T> {
    fold: &'a T,
    /// Each of 2^level batches, levels falling: the level, the rows, the state.
    parts: Vec<(u32, usize, Vec<F>)>,
}

impl<'a, F: Real, T: Fold<F>> Joined<'a, F, T> {
    pub(super) fn new(fold: &'a T) -> Self {
        Self { fold, parts: Vec::new() }
    }

    /// The state of the next batch, of so many rows.
    pub(super) fn push(&mut self, mut rows: usize, mut state: Vec<F>) {
        let mut level = 0;
        while let Some((_, earlier, mut joined)) = self.parts.pop_if(|(l, ..)| *l == level) {
            self.fold.join((earlier, &mut joined), (rows, &state));
            (level, rows, state) = (level + 1, earlier + rows, joined);
        }
        self.parts.push((level, rows, state));
    }

    /// The state of all, leaving none.
    pub(super) fn take(&mut self) -> Vec<F> {
        let Some((_, mut rows, mut state)) = self.parts.pop() else { return Vec::new() };
        while let Some((_, earlier, mut joined)) = self.parts.pop() {
            self.fold.join((earlier, &mut joined), (rows, &state));
            (rows, state) = (earlier + rows, joined);
        }
        state
    }
}
