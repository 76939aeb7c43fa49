use super::centre::Centre;
use crate::Real;
use crate::arithmetic::Arithmetic;

/// Numbers of a block, which stays in the nearest cache should it be read again.
pub(super) const BLOCK: usize = 1024;

/// Accumulators of each sum: a fixed number, so that the order of additions is the same everywhere.
const LANES: usize = 16;

/// A number that deviations are taken from: near the mean of the next block, if blocks are alike.
pub(super) struct Pivot<F>(Option<F>);

impl<F: Real> Pivot<F> {
    pub(super) fn new() -> Self {
        Self(None)
    }

    /// Mean and variance of a block. Not finite where a NaN, an infinity or an overflow was met.
    ///
    /// With s the mean of x - p, the mean is p + s and the variance the mean of (x - p)^2, less s^2. That
    /// is one pass, and loses nothing while p is within a quarter of a standard deviation of the mean.
    /// Where it is not, the block is read again for a pivot of its own.
    #[inline(always)]
    pub(super) fn centre<A: Arithmetic<F>>(&mut self, a: A, x: &[F]) -> Centre<F> {
        let n = F::count(x.len());
        if let Some(pivot) = self.0 {
            let (shift, square) = deviations(a, x, pivot);
            if near(n, shift, square) {
                return of(n, pivot, shift, square);
            }
        }
        let mut pivot = sum(x) / n;
        let (mut shift, mut square) = deviations(a, x, pivot);
        // Numbers that differ in their last places only: the pivot is off by as much as they are, by
        // the roundings of the sum, and is moved.
        if !near(n, shift, square) {
            pivot += shift / n;
            (shift, square) = deviations(a, x, pivot);
        }
        self.0 = Some(pivot);
        of(n, pivot, shift, square)
    }
}

/// Whether s^2 is at most a sixteenth of the variance.
#[inline(always)]
fn near<F: Real>(n: F, shift: F, square: F) -> bool {
    F::of(17.0) * (shift / n) * shift <= square
}

#[inline(always)]
fn of<F: Real>(n: F, pivot: F, shift: F, square: F) -> Centre<F> {
    let off = shift / n;
    let variance = (square - off * shift) / n;
    Centre::new(pivot, off, if variance < F::zero() { F::zero() } else { variance })
}

#[inline(always)]
fn sum<F: Real>(x: &[F]) -> F {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut sums = [F::zero(); LANES];
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += block[lane];
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        sums[lane] += x;
    }
    folded(sums)
}

/// The sums of x - p and of (x - p)^2.
#[inline(always)]
fn deviations<F: Real, A: Arithmetic<F>>(a: A, x: &[F], pivot: F) -> (F, F) {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (mut sums, mut squares) = ([F::zero(); LANES], [F::zero(); LANES]);
    for block in blocks {
        for lane in 0..LANES {
            let d = block[lane] - pivot;
            sums[lane] += d;
            squares[lane] = a.fma(d, d, squares[lane]);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        let d = x - pivot;
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
