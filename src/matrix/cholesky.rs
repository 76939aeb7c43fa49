use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::{MatMut, get_global_parallelism};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2};

use super::calculus::OfTwo;
use super::dense::{array, lower_by_columns, lower_by_rows, mat, mirrored, symmetric_door};
use super::norm_estimate::{inverse_norm, row_norm, solve_lower, solve_turned};
use super::substitution::from_both_sides;
use crate::kernel::Level;
use crate::shape::same_shape;
use crate::{Error, Result, ValueGrad};

/// What a pivot of a positive definite matrix is.
const POSITIVE: &str = "a positive number (a positive definite matrix)";

/// The Cholesky factor of a positive definite matrix: A = L L', L lower triangular with a positive diagonal.
///
/// What is asked of the inverse of a covariance is asked of this: logarithm of the determinant, solutions,
/// quadratic forms, each with its derivative. Derivatives in A are symmetric matrices G, with df = tr(G dA) for
/// every symmetric step dA. `f64` alone; feature `linalg`.
///
/// Errors are relative to the condition number of A: solutions and gradients carry about d eps cond(A), the
/// logarithm of the determinant d eps times the sum of the magnitudes of its terms.
/// Source: chapter `matrix/decompositions`; Murray 2016 (the pull-back of the factor).
///
/// ```
/// use estimand::{matrix::Cholesky, ndarray::array};
///
/// let a = Cholesky::of(&array![[4.0, 2.0], [2.0, 5.0]])?;
/// assert_eq!(a.factor(), array![[2.0, 0.0], [1.0, 2.0]]);
/// assert!((a.log_det() - 16.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    /// Its rows lie one behind the other.
    lower: Array2<f64>,
    /// The largest sum of magnitudes of a row, or column, of A.
    norm: f64,
}

impl Cholesky {
    /// The factor of a symmetric, positive definite matrix, `(d, d)`; of its lower half, from which the upper may
    /// differ by rounding.
    ///
    /// Errors: `Shape` where `a` is not square; `NaN` with the row; `Entry` where it is infinite, or not symmetric by
    /// more than 8 epsilon of its largest entry; `Pivot` where it is not positive definite.
    ///
    /// ```
    /// use estimand::{Error, matrix::Cholesky, ndarray::array};
    ///
    /// let error = Cholesky::of(&array![[1.0, 2.0], [2.0, 1.0]]).unwrap_err();
    /// assert_eq!(error.to_string(), "pivot 1 of `a` is -3, expected a positive number (a positive definite matrix)");
    /// ```
    pub fn of(a: &ArrayRef2<f64>) -> Result<Self> {
        Self::named("a", a)
    }

    /// [`of`](Self::of) an argument of another name.
    pub(crate) fn named(name: &'static str, a: &ArrayRef2<f64>) -> Result<Self> {
        symmetric_door(name, a)?;
        let d = a.nrows();
        // Columns that begin at multiples of 512 numbers share a few places of the cache: elimination takes a third longer.
        let stride = if d.is_multiple_of(64) { d + 8 } else { d };
        let mut columns = lower_by_columns(a, stride);
        let parallelism = get_global_parallelism();
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(d, parallelism, Default::default()));
        let whole = MatMut::from_column_major_slice_with_stride_mut(&mut columns, d, d, stride);
        let stack = MemStack::new(&mut memory);
        match cholesky_in_place(whole, Default::default(), parallelism, stack, Default::default()) {
            Ok(_) => Ok(Self { lower: lower_by_rows(&columns, stride, d), norm: row_norm(a) }),
            Err(LltError::NonPositivePivot { index }) => {
                Err(Error::Pivot { name, pivot: index, value: pivot(a, index), expected: POSITIVE })
            }
        }
    }

    /// L: `(d, d)`, zeros above the diagonal.
    pub fn factor(&self) -> ArrayView2<'_, f64> {
        self.lower.view()
    }

    /// ln det A, twice the sum of the logarithms of L's diagonal. Its derivative in A is [`inverse`](Self::inverse).
    pub fn log_det(&self) -> f64 {
        2.0 * self.lower.diag().iter().map(|l| l.ln()).sum::<f64>()
    }

    /// An estimate of the condition number of A, |A| |A^-1| in the norm of the largest row of magnitudes, from d^2 operations
    /// per step of a few; 1 where d = 0.
    ///
    /// The norm of A^-1 is climbed to from a few columns of it, and may be missed: the estimate is never above the truth but
    /// for rounding, and rarely below a third of it. How many digits of a solution are left, it tells.
    /// [`condition`](super::condition) has the condition number in the norm of lengths, by d^3 operations.
    /// Source: Hager 1984; Higham 1988; chapter `matrix/decompositions`.
    ///
    /// ```
    /// use estimand::{matrix::Cholesky, ndarray::array};
    /// let a = Cholesky::of(&array![[1.0, 0.0], [0.0, 1e-6]])?;
    /// assert!((a.condition() / 1e6 - 1.0).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn condition(&self) -> f64 {
        if self.lower.is_empty() {
            return 1.0;
        }
        let solve = |x: &mut Array1<f64>| {
            solve_lower(&self.lower, x);
            solve_turned(&self.lower, x);
        };
        self.norm * inverse_norm(self.lower.nrows(), solve)
    }

    /// A^-1, symmetric to the last bit: `(d, d)`.
    ///
    /// ```
    /// use estimand::{matrix::Cholesky, ndarray::array};
    /// let a = Cholesky::of(&array![[4.0, 2.0], [2.0, 5.0]])?;
    /// assert_eq!(a.inverse(), array![[0.3125, -0.125], [-0.125, 0.25]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn inverse(&self) -> Array2<f64> {
        let lower = mat(&self.lower);
        let mut root = faer::Mat::<f64>::identity(lower.nrows(), lower.ncols());
        lower.solve_lower_triangular_in_place(&mut root);
        mirrored(array((root.transpose() * &root).as_ref()))
    }

    /// A^-1 b. Shapes: `b: (d,)`. Errors: `Shape`.
    pub fn solve(&self, b: &ArrayRef1<f64>) -> Result<Array1<f64>> {
        same_shape("b", b.shape(), &[self.lower.nrows()])?;
        let mut x = b.to_owned();
        solve_lower(&self.lower, &mut x);
        solve_turned(&self.lower, &mut x);
        Ok(x)
    }

    /// The quadratic form x'A^-1 x, with its derivatives in x and in A.
    ///
    /// ```text
    /// y = A^-1 x:   d/dx = 2 y',   d/dA = -y y'
    /// ```
    ///
    /// Shapes: `x: (d,)` to a number, gradients `(d,)` and `(d, d)`. Errors: `Shape`.
    ///
    /// ```
    /// use estimand::{matrix::Cholesky, ndarray::array};
    /// let a = Cholesky::of(&array![[4.0, 2.0], [2.0, 5.0]])?;
    /// let at = a.inverse_quadratic(&array![2.0, 5.0])?;
    /// assert_eq!((at.value, at.grad.0), (5.0, array![0.0, 2.0]));
    /// assert_eq!(at.grad.1, array![[0.0, 0.0], [0.0, -1.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn inverse_quadratic(&self, x: &ArrayRef1<f64>) -> OfTwo<f64, Array1<f64>, Array2<f64>> {
        same_shape("x", x.shape(), &[self.lower.nrows()])?;
        let mut half = x.to_owned();
        solve_lower(&self.lower, &mut half);
        let value = half.iter().map(|z| z * z).sum();
        solve_turned(&self.lower, &mut half);
        let d_a = Array2::from_shape_fn(self.lower.raw_dim(), |(i, j)| -half[i] * half[j]);
        Ok(ValueGrad { value, grad: (half.iter().map(|y| y + y).collect(), d_a) })
    }

    /// The pull-back of the factor: from the derivative of a scalar in L to that in A.
    ///
    /// ```text
    /// d/dA = L^-T (P + P') L^-1 / 2,   P = L' d_lower, its lower half, with half of its diagonal
    /// ```
    ///
    /// Shapes: `d_lower: (d, d)`, of which entries above the diagonal say nothing; to `(d, d)`, symmetric. Errors: `Shape`.
    ///
    /// ```
    /// use estimand::{matrix::Cholesky, ndarray::array};
    ///
    /// // L = sqrt(A) where d = 1: dL/dA = 1 / (2 L).
    /// let a = Cholesky::of(&array![[9.0]])?;
    /// assert_eq!(a.pull_back(&array![[1.0]])?, array![[1.0 / 6.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn pull_back(&self, d_lower: &ArrayRef2<f64>) -> Result<Array2<f64>> {
        same_shape("d_lower", d_lower.shape(), self.lower.shape())?;
        let below = Array2::from_shape_fn(d_lower.dim(), |(i, j)| if i < j { 0.0 } else { d_lower[[i, j]] });
        let product = self.lower.t().dot(&below);
        let half = Array2::from_shape_fn(product.raw_dim(), |(i, j)| 0.5 * product[[i.max(j), i.min(j)]]);
        Ok(from_both_sides(Level::best(), self.lower.view(), half))
    }
}

/// What is left of the diagonal entry in row `k`, of which elimination made no root.
fn pivot(a: &ArrayRef2<f64>, k: usize) -> f64 {
    let mut lower = Array2::<f64>::zeros((k + 1, k + 1));
    for i in 0..=k {
        for j in 0..=i {
            let left = (0..j).fold(a[[i, j]], |left, m| left - lower[[i, m]] * lower[[j, m]]);
            if i == k && j == k {
                return left;
            }
            lower[[i, j]] = if i == j { left.sqrt() } else { left / lower[[j, j]] };
        }
    }
    f64::NAN
}
