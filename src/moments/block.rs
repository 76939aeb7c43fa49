use super::centre::Centre;
use crate::Real;
use crate::arithmetic::Arithmetic;

/// Numbers that stay in the nearest cache for all that is asked of them.
const NUMBERS: usize = 2048;
/// Rows of a block, at the least and at the most.
const ROWS: (usize, usize) = (8, 1024);
/// Narrow rows are taken several at a time, so many columns wide at the least.
const WIDE: usize = 32;

/// Rows of `width` columns that make a block.
#[inline(always)]
pub(super) fn rows_of_a_block(width: usize) -> usize {
    (NUMBERS / width.max(1)).clamp(ROWS.0, ROWS.1)
}

/// The centre of each column of a block of rows, in two passes: the means,
/// then deviations from them, which tell by how much the means are off by rounding.
pub(super) struct Block<F> {
    width: usize,
    mean: Vec<F>,
    shift: Vec<F>,
    square: Vec<F>,
}

impl<F: Real> Block<F> {
    pub(super) fn new(width: usize) -> Self {
        let together = if width < WIDE { WIDE / width.max(1) } else { 1 };
        let zeros = || vec![F::zero(); width * together];
        Self { width, mean: zeros(), shift: zeros(), square: zeros() }
    }

    /// Reads whole rows; whether means and root mean squares are all so small that squares of differences
    /// are sure to be numbers.
    #[inline(always)]
    pub(super) fn fill<A: Arithmetic<F>>(&mut self, a: A, rows: &[F]) -> bool {
        let n = F::count(rows.len() / self.width.max(1));
        let wide = self.mean.len();
        self.mean.fill(F::zero());
        for row in rows.chunks(wide) {
            self.mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
        fold(&mut self.mean, self.width);
        self.mean[..self.width].iter_mut().for_each(|sum| *sum /= n);
        self.deviations(a, rows);
        let sixteen = F::of(16.0) / n;
        let columns = self.shift.iter().zip(&self.square).take(self.width);
        if columns.fold(false, |any, (&shift, &square)| any | (sixteen * shift * shift > square)) {
            self.mean.iter_mut().zip(&self.shift).take(self.width).for_each(|(mean, &shift)| *mean += shift / n);
            self.deviations(a, rows);
        }
        let mut tame = true;
        for j in 0..self.width {
            let off = self.shift[j] / n;
            let variance = (self.square[j] - off * self.shift[j]) / n;
            self.shift[j] = off;
            self.square[j] = if variance < F::zero() { F::zero() } else { variance };
            tame &= self.get(j).is_tame();
        }
        tame
    }

    /// The sums of x - mean and of its square.
    #[inline(always)]
    fn deviations<A: Arithmetic<F>>(&mut self, a: A, rows: &[F]) {
        let wide = self.mean.len();
        for j in self.width..wide {
            self.mean[j] = self.mean[j - self.width];
        }
        self.shift.fill(F::zero());
        self.square.fill(F::zero());
        for row in rows.chunks(wide) {
            let sums = self.shift.iter_mut().zip(self.square.iter_mut());
            for ((shift, square), (&x, &mean)) in sums.zip(row.iter().zip(&self.mean)) {
                let d = x - mean;
                *shift += d;
                *square = a.fma(d, d, *square);
            }
        }
        fold(&mut self.shift, self.width);
        fold(&mut self.square, self.width);
    }

    #[inline(always)]
    pub(super) fn get(&self, j: usize) -> Centre<F> {
        Centre::new(self.mean[j], self.shift[j], self.square[j])
    }
}

/// Adds sums of the same column, which narrow rows have several of.
#[inline(always)]
fn fold<F: Real>(sums: &mut [F], width: usize) {
    let (first, rest) = sums.split_at_mut(width);
    for more in rest.chunks_exact(width.max(1)) {
        first.iter_mut().zip(more).for_each(|(sum, &x)| *sum += x);
    }
}
