//! Products of matrices by faer, with the same bits for any number of threads.
//!
//! The work is always cut into the same two halves; threads only decide whether the halves run at
//! the same time.

use std::borrow::Cow;

use estimand::ndarray::{Array, Array2, ArrayRef2, Dimension};
use estimand::{Real, Result};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

use crate::Threads;
use crate::door::same_shape;

/// A real number that faer can multiply by the matrix: `f32` or `f64`.
pub trait Scalar: Real + ComplexField {}

impl<F: Real + ComplexField> Scalar for F {}

/// Below this many multiplications a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 1 << 16;

/// The product `a b`.
///
/// Shapes: `a: (n, k), b: (k, m) -> (n, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the inner sizes differ.
pub fn product<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    same_shape("b", b.shape(), &[a.ncols(), b.ncols()])?;
    let (a, b) = (Operand::new(a), Operand::new(b));
    Ok(by_rows(a.matrix(), b.matrix(), threads))
}

/// The product `a b^T`: what pulls a gradient back through [`product`] to its first factor.
///
/// Shapes: `a: (n, k), b: (m, k) -> (n, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the inner sizes differ.
pub fn product_transposed<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    same_shape("b", b.shape(), &[b.nrows(), a.ncols()])?;
    let (a, b) = (Operand::new(a), Operand::new(b));
    Ok(by_rows(a.matrix(), b.matrix().transpose(), threads))
}

/// The product `a^T b`: a sum over the rows of a batch, its two halves added in order.
///
/// Shapes: `a: (n, k), b: (n, m) -> (k, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the numbers of rows differ.
pub fn transposed_product<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    same_shape("b", b.shape(), &[a.nrows(), b.ncols()])?;
    let (a, b) = (Operand::new(a), Operand::new(b));
    let (a, b) = (a.matrix(), b.matrix());
    let middle = half(a.nrows());
    let (a_first, a_second) = a.split_at_row(middle);
    let (b_first, b_second) = b.split_at_row(middle);
    let sum_over = |a: MatRef<'_, F>, b: MatRef<'_, F>| {
        let mut sum = Array2::zeros((a.ncols(), b.ncols()));
        multiply(contiguous(&mut sum), a.transpose(), b);
        sum
    };
    let (mut first, second) = worthwhile(threads, a.ncols(), a.nrows(), b.ncols())
        .join(|| sum_over(a_first, b_first), || sum_over(a_second, b_second));
    first += &second;
    Ok(first)
}

/// `a b`, the two halves of `a`'s rows apart.
fn by_rows<F: Scalar>(a: MatRef<'_, F>, b: MatRef<'_, F>, threads: Threads) -> Array2<F> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    let middle = half(a.nrows());
    let (a_upper, a_lower) = a.split_at_row(middle);
    let (upper, lower) = contiguous(&mut c).split_at_mut(middle * b.ncols());
    worthwhile(threads, a.nrows(), a.ncols(), b.ncols())
        .join(|| multiply(upper, a_upper, b), || multiply(lower, a_lower, b));
    c
}

/// `c = a b` by one thread, `c` in row-major order.
fn multiply<F: Scalar>(c: &mut [F], a: MatRef<'_, F>, b: MatRef<'_, F>) {
    let c = MatMut::from_row_major_slice_mut(c, a.nrows(), b.ncols());
    matmul(c, Accum::Replace, a, b, F::of(1.0), Par::Seq);
}

fn half(rows: usize) -> usize {
    rows.div_ceil(2)
}

fn worthwhile(threads: Threads, n: usize, k: usize, m: usize) -> Threads {
    if n.saturating_mul(k).saturating_mul(m) < WORTH_A_THREAD { Threads::ONE } else { threads }
}

/// The numbers of a matrix without gaps, by rows or by columns; copied only where neither is true.
struct Operand<'a, F: Clone> {
    numbers: Cow<'a, [F]>,
    rows: usize,
    columns: usize,
    by_rows: bool,
}

impl<'a, F: Scalar> Operand<'a, F> {
    fn new(a: &'a ArrayRef2<F>) -> Self {
        let (rows, columns) = a.dim();
        let (numbers, by_rows) = match (a.as_slice(), a.t().to_slice()) {
            (Some(numbers), _) => (Cow::Borrowed(numbers), true),
            (None, Some(numbers)) => (Cow::Borrowed(numbers), false),
            (None, None) => (Cow::Owned(a.iter().copied().collect()), true),
        };
        Self { numbers, rows, columns, by_rows }
    }

    fn matrix(&self) -> MatRef<'_, F> {
        if self.by_rows {
            MatRef::from_row_major_slice(&self.numbers, self.rows, self.columns)
        } else {
            MatRef::from_column_major_slice(&self.numbers, self.rows, self.columns)
        }
    }
}

/// The numbers of an array in row-major order, the array put in standard layout if it is not.
pub(crate) fn contiguous<F: Real, D: Dimension>(array: &mut Array<F, D>) -> &mut [F] {
    if !array.is_standard_layout() {
        *array = array.as_standard_layout().into_owned();
    }
    match array.as_slice_mut() {
        Some(numbers) => numbers,
        None => unreachable!("an array in standard layout has no gaps"),
    }
}
