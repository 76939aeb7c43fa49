//! Products of matrices by faer, with the same bits for any number of threads.
//!
//! The result is always cut into the same two halves; threads only decide whether the halves run at
//! the same time.

use std::borrow::Cow;
use std::hint::black_box;

use estimand::ndarray::{Array2, ArrayRef2, ArrayViewMut2};
use estimand::{Real, Result};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};

use crate::Threads;
use crate::array::contiguous;
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
    let mut c = Array2::zeros((a.rows, b.columns));
    in_halves(&mut c, a.matrix(), b.matrix(), threads);
    Ok(c)
}

/// The product `a b^T`: what pulls a gradient back through [`product`] to its first factor.
///
/// Shapes: `a: (n, k), b: (m, k) -> (n, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the inner sizes differ.
pub fn product_transposed<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    same_shape("b", b.shape(), &[b.nrows(), a.ncols()])?;
    let (a, b) = (Operand::new(a), Operand::new(b));
    let mut c = Array2::zeros((a.rows, b.rows));
    in_halves(&mut c, a.matrix(), b.matrix().transpose(), threads);
    Ok(c)
}

/// The product `a^T b`: a sum over the rows of a batch.
///
/// Shapes: `a: (n, k), b: (n, m) -> (k, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the numbers of rows differ.
pub fn transposed_product<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    let mut c = Array2::zeros((a.ncols(), b.ncols()));
    transposed_product_into(&mut c, a, b, threads)?;
    Ok(c)
}

/// [`transposed_product`] into `c`, whatever it held.
///
/// Errors: `Shape`, also of `c`.
pub(crate) fn transposed_product_into<F: Scalar>(
    c: &mut Array2<F>,
    a: &ArrayRef2<F>,
    b: &ArrayRef2<F>,
    threads: Threads,
) -> Result<()> {
    same_shape("b", b.shape(), &[a.nrows(), b.ncols()])?;
    same_shape("c", c.shape(), &[a.ncols(), b.ncols()])?;
    let (a, b) = (Operand::new(a), Operand::new(b));
    in_halves(c, a.matrix().transpose(), b.matrix(), threads);
    Ok(())
}

/// Adds the product `a b` to `c`, by one thread; `c` has the right shape and no gaps.
pub(crate) fn add_product<F: Scalar>(mut c: ArrayViewMut2<'_, F>, a: &ArrayRef2<F>, b: &ArrayRef2<F>) {
    let (a, b) = (Operand::new(a), Operand::new(b));
    multiply(rows_of(&mut c), Accum::Add, a.matrix(), b.matrix());
}

/// The product `a b^T` by one thread, into the numbers of `c`, which has the right shape and no gaps.
pub(crate) fn product_transposed_into<F: Scalar>(mut c: ArrayViewMut2<'_, F>, a: &ArrayRef2<F>, b: &ArrayRef2<F>) {
    let (a, b) = (Operand::new(a), Operand::new(b));
    multiply(rows_of(&mut c), Accum::Replace, a.matrix(), b.matrix().transpose());
}

fn rows_of<'a, F: Scalar>(c: &'a mut ArrayViewMut2<'_, F>) -> MatMut<'a, F> {
    let (n, m) = c.dim();
    match c.as_slice_mut() {
        Some(numbers) => MatMut::from_row_major_slice_mut(numbers, n, m),
        None => unreachable!("rows of an array in standard layout have no gaps"),
    }
}

/// `c = a b`, the two halves of its longer side apart: what they share, and both prepare, is the smaller
/// factor.
fn in_halves<F: Scalar>(c: &mut Array2<F>, a: MatRef<'_, F>, b: MatRef<'_, F>, threads: Threads) {
    let (n, m) = c.dim();
    let whole = MatMut::from_row_major_slice_mut(contiguous(c), n, m);
    let threads = if n.saturating_mul(a.ncols()).saturating_mul(m) < WORTH_A_THREAD { Threads::ONE } else { threads };
    if n > m {
        let middle = n.div_ceil(2);
        let ((upper, lower), (a_upper, a_lower)) = (whole.split_at_row_mut(middle), a.split_at_row(middle));
        threads.join(|| multiply(upper, Accum::Replace, a_upper, b), || multiply(lower, Accum::Replace, a_lower, b));
    } else {
        let middle = m.div_ceil(2);
        let ((left, right), (b_left, b_right)) = (whole.split_at_col_mut(middle), b.split_at_col(middle));
        threads.join(|| multiply(left, Accum::Replace, a, b_left), || multiply(right, Accum::Replace, a, b_right));
    }
}

/// `c = a b` or `c += a b`, by one thread.
fn multiply<F: Scalar>(c: MatMut<'_, F>, accum: Accum, a: MatRef<'_, F>, b: MatRef<'_, F>) {
    matmul(c, accum, a, b, F::of(1.0), Par::Seq);
    clean_registers();
}

/// Ends what the product began: its kernels, written in assembly, leave the upper halves of the vector
/// registers in use, and until some function that was compiled for such registers returns, all
/// code for older machines is several times slower. (Adam's step was.)
fn clean_registers() {
    struct Touch;
    impl WithSimd for Touch {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            simd.reduce_sum_f32s(black_box(simd.splat_f32s(0.0)))
        }
    }
    black_box(Arch::new().dispatch(Touch));
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
