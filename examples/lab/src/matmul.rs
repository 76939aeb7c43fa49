//! Products of matrices by faer and gemm, with the same bits for any number of threads.
//!
//! Where threads may share a product it is cut into the same two halves for one as for many; they only
//! decide whether the halves run at the same time.

use estimand::ndarray::{Array2, ArrayRef2, ArrayViewMut2, Axis};
use estimand::{Real, Result};
pub use faer::Accum;
use faer::Par;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer_ext::IntoFaer;

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
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    product_into(c.view_mut(), Accum::Replace, F::one(), a, b, threads)?;
    Ok(c)
}

/// The product `a b^T`: what pulls a gradient back through [`product`] to its first factor.
///
/// Shapes: `a: (n, k), b: (m, k) -> (n, m)`, in standard layout; any layout comes in.
/// Errors: `Shape` when the inner sizes differ.
pub fn product_transposed<F: Scalar>(a: &ArrayRef2<F>, b: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
    same_shape("b", b.shape(), &[b.nrows(), a.ncols()])?;
    let mut c = Array2::zeros((a.nrows(), b.nrows()));
    product_into(c.view_mut(), Accum::Replace, F::one(), a, &b.t(), threads)?;
    Ok(c)
}

/// `c = by a b`, or `c += by a b` with [`Accum::Add`], the two halves of the longer side of `c` apart: what
/// they share, and both prepare, is the smaller factor.
///
/// Shapes: `a: (n, k), b: (k, m), c: (n, m)`, each in any layout.
/// Errors: `Shape`.
pub fn product_into<F: Scalar>(
    c: ArrayViewMut2<'_, F>,
    accum: Accum,
    by: F,
    a: &ArrayRef2<F>,
    b: &ArrayRef2<F>,
    threads: Threads,
) -> Result<()> {
    same_shape("b", b.shape(), &[a.ncols(), b.ncols()])?;
    same_shape("c", c.shape(), &[a.nrows(), b.ncols()])?;
    let (n, m) = c.dim();
    let threads = if n.saturating_mul(a.ncols()).saturating_mul(m) < WORTH_A_THREAD { Threads::ONE } else { threads };
    if n > m {
        let middle = n.div_ceil(2);
        let ((upper, lower), (a_upper, a_lower)) = (c.split_at(Axis(0), middle), a.view().split_at(Axis(0), middle));
        threads.join(|| multiply(upper, accum, by, &a_upper, b), || multiply(lower, accum, by, &a_lower, b));
    } else {
        let middle = m.div_ceil(2);
        let ((left, right), (b_left, b_right)) = (c.split_at(Axis(1), middle), b.view().split_at(Axis(1), middle));
        threads.join(|| multiply(left, accum, by, a, &b_left), || multiply(right, accum, by, a, &b_right));
    }
    Ok(())
}

/// The whole of [`product_into`] by one thread; the shapes fit.
///
/// Where the rows are a batch, it takes the least time if each column of `c` and of `a` lies in one piece:
/// gemm then reads `a` where it is, if its rows fill the vectors.
pub(crate) fn multiply<F: Scalar>(c: ArrayViewMut2<'_, F>, accum: Accum, by: F, a: &ArrayRef2<F>, b: &ArrayRef2<F>) {
    matmul(c.into_faer(), accum, a.view().into_faer(), b.view().into_faer(), by, Par::Seq);
}
