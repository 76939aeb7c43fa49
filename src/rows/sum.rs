//! Sums over many rows, pairwise.

use crate::Real;

/// Rows added one after the other before sums are joined in pairs.
const BLOCK: usize = 128;

/// The sum of `term(0), ..., term(n - 1)`: blocks in order, blocks joined in pairs.
///
/// The worst rounding error is (128 + log2 n) epsilon of the sum of magnitudes, not n epsilon.
pub(crate) fn pairwise<F: Real>(n: usize, term: impl Fn(usize) -> F) -> F {
    fn span<F: Real>(from: usize, to: usize, term: &impl Fn(usize) -> F) -> F {
        if to - from <= BLOCK {
            return (from..to).fold(F::zero(), |sum, i| sum + term(i));
        }
        let half = from + (to - from).div_ceil(2 * BLOCK) * BLOCK;
        span(from, half, term) + span(half, to, term)
    }
    span(0, n, &term)
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

    /// Adds `weight * row`.
    #[inline(always)]
    pub(crate) fn add(&mut self, weight: F, row: &[F]) {
        if weight == F::one() {
            self.block.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g);
        } else {
            self.block.iter_mut().zip(row).for_each(|(sum, &g)| *sum += weigh(weight, g));
        }
        self.in_block += 1;
        if self.in_block == BLOCK {
            self.carry();
        }
    }

    /// Moves the sum to the end of `out`, leaving none.
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
        let mut sum = std::mem::replace(&mut self.block, vec![F::zero(); width]);
        let mut level = 0;
        while let Some((_, part)) = self.partial.pop_if(|(l, _)| *l == level) {
            add_to(&mut sum, &part);
            level += 1;
        }
        self.partial.push((level, sum));
        self.in_block = 0;
    }
}

fn add_to<F: Real>(sum: &mut [F], part: &[F]) {
    sum.iter_mut().zip(part).for_each(|(s, &p)| *s += p);
}
