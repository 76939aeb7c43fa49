//! Sums over many rows, pairwise.

use super::sum_coordinates;
use crate::Real;

/// Rows added one after the other before sums are joined in pairs.
pub(crate) const BLOCK: usize = 128;

/// Terms of one row summed in lanes before sums are joined in pairs.
pub(crate) const LONG: usize = 4096;

/// The sum of `term(0), ..., term(n - 1)`: blocks in order, blocks joined in pairs.
///
/// The worst rounding error is (128 + log2 n) epsilon of the sum of magnitudes, not n epsilon.
#[inline(always)]
pub(crate) fn pairwise<F: Real>(n: usize, term: impl Fn(usize) -> F) -> F {
    fn span<F: Real>(from: usize, to: usize, term: &impl Fn(usize) -> F) -> F {
        if to - from <= BLOCK {
            return block(from, to, term);
        }
        let half = from + (to - from).div_ceil(2 * BLOCK) * BLOCK;
        span(from, half, term) + span(half, to, term)
    }
    // One block runs at the caller's level; a function that calls itself cannot be inlined.
    if n <= BLOCK { block(0, n, &term) } else { span(0, n, &term) }
}

#[inline(always)]
fn block<F: Real>(from: usize, to: usize, term: &impl Fn(usize) -> F) -> F {
    (from..to).fold(F::zero(), |sum, i| sum + term(i))
}

/// The sum of a term of each number of a row: in lanes, and joined in pairs where the row is long.
#[inline(always)]
pub(crate) fn sum_long<F: Real>(row: &[F], term: impl Fn(F) -> F) -> F {
    let in_lanes = |block: &[F]| sum_coordinates::<false, _, 1, 0>([block], [], |[x]| (term(x), []));
    let d = row.len();
    if d <= LONG {
        return in_lanes(row);
    }
    pairwise(d.div_ceil(LONG), |b| in_lanes(&row[b * LONG..d.min((b + 1) * LONG)]))
}

/// `weight * x`, where a weight of 0 silences an infinity but not a NaN.
#[inline(always)]
pub(crate) fn weigh<F: Real>(weight: F, x: F) -> F {
    if weight == F::zero() && !x.is_nan() { F::zero() } else { weight * x }
}

/// The sum of rows that arrive one at a time: blocks in order, blocks joined in pairs as the bits
/// of a binary counter carry.
pub(crate) struct PairwiseRows<F> {
    block: Vec<F>,
    in_block: usize,
    /// Sums of 2^level blocks, levels falling.
    partial: Vec<(u32, Vec<F>)>,
}

impl<F: Real> PairwiseRows<F> {
    pub(crate) fn new(width: usize) -> Self {
        Self { block: vec![F::zero(); width], in_block: 0, partial: Vec::new() }
    }

    /// Where the terms of the next row are to be added; [`close`](Self::close) ends it.
    #[inline(always)]
    pub(crate) fn open(&mut self) -> &mut [F] {
        &mut self.block
    }

    /// The terms of a row were added.
    #[inline(always)]
    pub(crate) fn close(&mut self) {
        self.in_block += 1;
        if self.in_block == BLOCK {
            self.carry();
        }
    }

    /// Adds a row.
    #[inline(always)]
    pub(crate) fn add(&mut self, row: &[F]) {
        add_to(&mut self.block, row);
        self.close();
    }

    /// Adds the sum of the next 2^level blocks, made elsewhere: to the last bit, as if its rows had
    /// arrived here. No block may be open, and what was added must be whole times as many.
    pub(crate) fn join(&mut self, mut level: u32, mut sum: Vec<F>) {
        while let Some((_, part)) = self.partial.pop_if(|(l, _)| *l == level) {
            add_to(&mut sum, &part);
            level += 1;
        }
        self.partial.push((level, sum));
    }

    /// Moves the sum to the end of `out`, leaving none.
    #[inline(always)]
    pub(crate) fn drain_onto(&mut self, out: &mut Vec<F>) {
        for (_, part) in self.partial.drain(..).rev() {
            add_to(&mut self.block, &part);
        }
        out.extend_from_slice(&self.block);
        self.block.fill(F::zero());
        self.in_block = 0;
    }

    fn carry(&mut self) {
        let width = self.block.len();
        let sum = std::mem::replace(&mut self.block, vec![F::zero(); width]);
        self.in_block = 0;
        self.join(0, sum);
    }
}

fn add_to<F: Real>(sum: &mut [F], part: &[F]) {
    sum.iter_mut().zip(part).for_each(|(s, &p)| *s += p);
}
