//! Passes over rows: the same numbers for every layout, level and number of threads.

mod gather;
mod level;
mod pass;
mod rewrite;
mod threads;

use estimand::Real;
use estimand::arithmetic::Arithmetic;
use estimand::kernel::RowFn;
use estimand::ndarray::Array2;

/// Numbers without a pattern in them, between -2 and 2.
pub fn numbers<F: Real>(n: usize, d: usize, seed: usize) -> Array2<F> {
    let at = |i: usize, j: usize| 1.0 + (i * 7919 + j * 104_729 + seed * 15_485_863) as f64;
    Array2::from_shape_fn((n, d), |(i, j)| F::of(2.0 * (at(i, j) * 12.9898).sin()))
}

/// Two inputs; writes `e^x`, then `x y + i`, and has the sum of the latter as its value.
pub struct TwoParts;

impl<F: Real> RowFn<F, 2> for TwoParts {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x, y]: [&[F]; 2], out: &mut [F]) -> F {
        let (left, right) = out.split_at_mut(x.len());
        let mut sum = F::zero();
        for j in 0..x.len() {
            left[j] = a.exp(x[j]);
            right[j] = a.fma(x[j], y[j], F::count(i));
            sum += right[j];
        }
        sum
    }
}
