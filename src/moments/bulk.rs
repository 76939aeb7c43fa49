use super::centre::Centre;
use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::rows::sum_coordinates;

/// Numbers of a block, which stays in the nearest cache for all that is asked of it.
pub(super) const BLOCK: usize = 1024;

/// Accumulators of each of two sums: a fixed number, so that the order of additions is the same
/// everywhere.
const LANES: usize = 16;

/// Mean and variance of a block, in two passes.
///
/// The first mean m is off by the roundings of its sum, and the second pass sees by how much: with
/// s the mean of x - m, the mean is m + s and the variance the mean of (x - m)^2, less s^2. It is not
/// finite where a NaN, an infinity or an overflow was met.
#[inline(always)]
pub(super) fn centre<F: Real, A: Arithmetic<F>>(a: A, x: &[F]) -> Centre<F> {
    let n = F::count(x.len());
    let mut mean = sum_coordinates::<false, _, 1, 0>([x], [], |[x]| (x, [])) / n;
    let (mut shift, mut square) = deviations(a, x, mean);
    // Numbers that differ in their last places only: m is off by as much as they are, and moves.
    for _ in 0..2 {
        let off = shift / n;
        if F::of(16.0) * off * shift > square {
            mean += off;
            (shift, square) = deviations(a, x, mean);
        }
    }
    let off = shift / n;
    let variance = (square - off * shift) / n;
    Centre::new(mean, off, if variance < F::zero() { F::zero() } else { variance })
}

/// The sums of x - m and of (x - m)^2.
#[inline(always)]
fn deviations<F: Real, A: Arithmetic<F>>(a: A, x: &[F], mean: F) -> (F, F) {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (mut sums, mut squares) = ([F::zero(); LANES], [F::zero(); LANES]);
    for block in blocks {
        for lane in 0..LANES {
            let d = block[lane] - mean;
            sums[lane] += d;
            squares[lane] = a.fma(d, d, squares[lane]);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        let d = x - mean;
        sums[lane] += d;
        squares[lane] = a.fma(d, d, squares[lane]);
    }
    (folded(sums), folded(squares))
}

/// The sum of the lanes, pairwise.
#[inline(always)]
fn folded<F: Real>(mut lanes: [F; LANES]) -> F {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
