//! Triangular systems by substitution: a row at the level of its caller, and whole matrices by panels of rows, whose
//! products with what is solved already are matrix products.
//!
//! Matrices are in row-major order, factors lower triangular, of which nothing above the diagonal is read.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, run};

/// Rows of a panel: what is solved without products.
const PANEL: usize = 48;

/// Sums side by side of a product of two rows.
const WIDE: usize = 16;

/// The same of what is left of them.
const NARROW: usize = 4;

/// The sum of x_j y_j, in lanes.
#[inline(always)]
pub(crate) fn dot<F: Real, A: Arithmetic<F>>(a: A, x: &[F], y: &[F]) -> F {
    let (xs, x) = x.as_chunks::<WIDE>();
    let (ys, y) = y.as_chunks::<WIDE>();
    let mut sums = [F::zero(); WIDE];
    for (x, y) in xs.iter().zip(ys) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum = a.fma(x[lane], y[lane], *sum);
        }
    }
    let mut few: [F; NARROW] = std::array::from_fn(|k| (sums[k] + sums[k + 8]) + (sums[k + 4] + sums[k + 12]));
    let (xs, x) = x.as_chunks::<NARROW>();
    let (ys, y) = y.as_chunks::<NARROW>();
    for (x, y) in xs.iter().zip(ys) {
        for (lane, sum) in few.iter_mut().enumerate() {
            *sum = a.fma(x[lane], y[lane], *sum);
        }
    }
    let sum = (few[0] + few[2]) + (few[1] + few[3]);
    x.iter().zip(y).fold(sum, |sum, (&x, &y)| a.fma(x, y, sum))
}

/// y + s x, in place of y.
#[inline(always)]
pub(crate) fn add_scaled<F: Real, A: Arithmetic<F>>(a: A, s: F, x: &[F], y: &mut [F]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = a.fma(s, x, *y));
}

/// Which columns of the rows up to the last of a panel are asked for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Columns {
    /// All that there are.
    All,
    /// Those up to the diagonal, of a lower triangular matrix; zeros are left above it.
    Lower,
}

impl Columns {
    fn up_to(self, row: usize, width: usize) -> usize {
        if self == Self::All { width } else { row }
    }
}

/// L^-1 B in place of B.
pub(crate) fn solve_lower<F: Real>(level: Level, lower: ArrayView2<'_, F>, b: &mut Array2<F>, columns: Columns) {
    let (d, stride) = b.dim();
    for from in (0..d).step_by(PANEL) {
        let to = d.min(from + PANEL);
        let width = columns.up_to(to, stride);
        let (solved, rest) = b.view_mut().split_at(Axis(0), from);
        let (mut panel, _) = rest.split_at(Axis(0), to - from);
        if from > 0 {
            let factor = part(lower, (from, to), (0, from));
            let (solved, _) = solved.split_at(Axis(1), width);
            let (mut panel, _) = panel.view_mut().split_at(Axis(1), width);
            general_mat_mul(-F::one(), &factor, &solved, F::one(), &mut panel);
        }
        let rows = panel.as_slice_mut().unwrap_or_default();
        run(level, Substitute::<_, false> { lower, at: from, rows, stride, columns: width });
    }
}

/// L'^-1 B in place of B.
pub(crate) fn solve_transposed<F: Real>(level: Level, lower: ArrayView2<'_, F>, b: &mut Array2<F>, columns: Columns) {
    let (d, stride) = b.dim();
    for from in (0..d).step_by(PANEL).rev() {
        let to = d.min(from + PANEL);
        let width = columns.up_to(to, stride);
        let (rest, solved) = b.view_mut().split_at(Axis(0), to);
        let (_, mut panel) = rest.split_at(Axis(0), from);
        if to < d {
            let factor = part(lower, (to, d), (from, to)).reversed_axes();
            let (solved, _) = solved.split_at(Axis(1), width);
            let (mut panel, _) = panel.view_mut().split_at(Axis(1), width);
            general_mat_mul(-F::one(), &factor, &solved, F::one(), &mut panel);
        }
        let rows = panel.as_slice_mut().unwrap_or_default();
        run(level, Substitute::<_, true> { lower, at: from, rows, stride, columns: width });
        if columns == Columns::Lower {
            for (i, row) in rows.chunks_exact_mut(stride).enumerate() {
                row[from + i + 1..].fill(F::zero());
            }
        }
    }
}

/// L'^-1 H L^-1 of a symmetric H, symmetric to the last bit.
///
/// With H = (P + P') / 2 of P = L' G, its lower half with half of its diagonal, that is the derivative in A = L L' of what has
/// the derivative G in L (Murray 2016).
pub(crate) fn from_both_sides<F: Real>(level: Level, lower: ArrayView2<'_, F>, mut h: Array2<F>) -> Array2<F> {
    solve_transposed(level, lower, &mut h, Columns::All);
    let mut turned = h.t().as_standard_layout().into_owned();
    solve_transposed(level, lower, &mut turned, Columns::All);
    symmetric(&turned)
}

/// The mean of a matrix and its transpose.
pub(crate) fn symmetric<F: Real>(a: &Array2<F>) -> Array2<F> {
    Array2::from_shape_fn(a.raw_dim(), |(i, j)| F::of(0.5) * (a[[i, j]] + a[[j, i]]))
}

/// A B' of two lower triangular matrices, its lower half.
pub(crate) fn lower_half_of_product<F: Real>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>) -> Array2<F> {
    let d = a.nrows();
    let mut product = Array2::zeros((d, d));
    for from in (0..d).step_by(PANEL) {
        let to = d.min(from + PANEL);
        let (a, b) = (part(a, (from, to), (0, to)), part(b, (0, to), (0, to)));
        let (_, panel) = product.view_mut().split_at(Axis(0), from);
        let (panel, _) = panel.split_at(Axis(0), to - from);
        let (mut panel, _) = panel.split_at(Axis(1), to);
        general_mat_mul(F::one(), &a, &b.reversed_axes(), F::zero(), &mut panel);
    }
    product
}

/// Rows and columns of a matrix, from and to.
fn part<F>(a: ArrayView2<'_, F>, rows: (usize, usize), columns: (usize, usize)) -> ArrayView2<'_, F> {
    let (a, _) = a.split_at(Axis(0), rows.1);
    let (_, a) = a.split_at(Axis(0), rows.0);
    let (a, _) = a.split_at(Axis(1), columns.1);
    a.split_at(Axis(1), columns.0).1
}

/// Rows from `at` on, one behind the other, of a matrix that is solved with the square of the factor about its diagonal, or
/// with that square turned, from the last row on.
struct Substitute<'a, 'b, F, const TRANSPOSED: bool> {
    lower: ArrayView2<'a, F>,
    at: usize,
    rows: &'b mut [F],
    stride: usize,
    columns: usize,
}

impl<F: Real, const TRANSPOSED: bool> Work<F> for Substitute<'_, '_, F, TRANSPOSED> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { lower, at, rows, stride, columns } = self;
        if columns == 0 {
            return;
        }
        let count = rows.len() / stride;
        for step in 0..count {
            let i = if TRANSPOSED { count - 1 - step } else { step };
            let (before, rest) = rows.split_at_mut(i * stride);
            let (row, after) = rest.split_at_mut(stride);
            let (row, solved) = (&mut row[..columns], if TRANSPOSED { &*after } else { &*before });
            for (k, solved) in solved.chunks_exact(stride).enumerate() {
                let by = if TRANSPOSED { lower[[at + i + 1 + k, at + i]] } else { lower[[at + i, at + k]] };
                add_scaled(a, -by, &solved[..columns], row);
            }
            let pivot = lower[[at + i, at + i]];
            row.iter_mut().for_each(|x| *x /= pivot);
        }
    }
}
