//! Sums over many rows, pairwise.

use super::sum_coordinates;
use crate::Real;

/// Rows, or terms, of a block, at the most: sums of blocks are joined in pairs.
pub(crate) const BLOCK: usize = 128;

/// Sums side by side of a block of many rows.
const LANES: usize = 8;

/// Terms of one row summed in lanes before sums are joined in pairs.
pub(crate) const LONG: usize = 4096;

/// The sum of `term(0), ..., term(n - 1)`: blocks in lanes, blocks joined in pairs.
///
/// The worst rounding error is (24 + log2(n / 128)) / 2 epsilon of the sum of magnitudes, not n epsilon.
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

/// In lanes, since an addition waits for the one before it; then what is over.
#[inline(always)]
fn block<F: Real>(from: usize, to: usize, term: &impl Fn(usize) -> F) -> F {
    let mut sums = [F::zero(); LANES];
    let whole = to - (to - from) % LANES;
    for i in (from..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(i + lane);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = (whole..to).fold(((a + e) + (c + g)) + ((b + f) + (d + h)), |sum, i| sum + term(i));
    // A lane overflows where terms in order need not: numbers of both signs, one sign a lane.
    if sum.is_finite() { sum } else { (from..to).fold(F::zero(), |sum, i| sum + term(i)) }
}

/// The sum of a term of each number of a row: in lanes, and joined in pairs where the row is long.
#[inline(always)]
pub(crate) fn sum_long<F: Real>(row: &[F], term: impl Fn(F) -> F) -> F {
    let mut sums = Vec::new();
    // One place where terms are made: of two, or in a closure for pairs, they would be calls without the instructions of the level.
    for part in row.chunks(LONG) {
        let sum = in_lanes(part, &term);
        if part.len() == row.len() {
            return sum;
        }
        sums.push(sum);
    }
    pairwise(sums.len(), |b| sums[b])
}

/// A function, since a closure of two calls is not inlined, and loses the instructions of its level.
#[inline(always)]
fn in_lanes<F: Real>(row: &[F], term: &impl Fn(F) -> F) -> F {
    sum_coordinates::<false, _, 1, 0>([row], [], |[x]| (term(x), []))
}

/// `weight * x`, where a weight of 0 silences an infinity but not a NaN.
#[inline(always)]
pub(crate) fn weigh<F: Real>(weight: F, x: F) -> F {
    if weight == F::zero() && !x.is_nan() { F::zero() } else { weight * x }
}
