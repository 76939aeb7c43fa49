use faer::linalg::solvers::{PartialPivLu, Solve};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

use super::calculus::OfThree;
use super::dense::{array, largest, mat, square_door};
use crate::shape::same_shape;
use crate::{Error, Result, ValueGrad};

/// The elimination of a square matrix: P A = L U, with the rows exchanged so that no multiplier is above 1.
///
/// Determinant, logarithm of its magnitude, solutions, inverse, and the form x'A^-1 y, each with its derivative in
/// A, a matrix G with df = tr(G' dA). `f64` alone; feature `linalg`.
///
/// A *singular* matrix has a determinant and no inverse. What counts as singular is a pivot that is 0, or that is no
/// more than the rounding of elimination: d epsilon times the largest entry of its row, and of its column. Rows, or
/// columns, in units of their own are so no reason (of both at once a pivot may be small by its units alone); but a matrix
/// that is singular by rounding alone is found, and then `log_det` is the logarithm of that rounding.
/// Source: chapter `matrix/decompositions`.
///
/// ```
/// use estimand::{matrix::Lu, ndarray::array};
///
/// let a = Lu::of(&array![[0.0, 2.0], [-4.0, 1.0]])?;
/// assert_eq!(a.determinant(), 8.0);
/// assert_eq!(a.inverse()?, array![[0.125, -0.25], [0.5, 0.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lu {
    factors: PartialPivLu<f64>,
    sign: f64,
    singular: Option<(usize, f64)>,
}

/// The sign of a determinant and the logarithm of its magnitude: what does not overflow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogDet {
    /// 1, -1, or 0 where the determinant is.
    pub sign: f64,
    /// ln |det A|; -inf where the determinant is 0.
    pub log_abs: f64,
}

impl Lu {
    /// The elimination of `a`, `(d, d)`. Singular matrices are admitted: their determinant is asked for.
    ///
    /// Errors: `Shape` where `a` is not square; `NaN` with the row; `Entry` where it is infinite.
    pub fn of(a: &ArrayRef2<f64>) -> Result<Self> {
        square_door("a", a)?;
        let d = a.nrows();
        let factors = mat(a).partial_piv_lu();
        let rows = factors.P().arrays().0;
        let singular = (0..d).map(|k| (k, factors.U()[(k, k)])).find(|&(k, pivot)| {
            let unit = largest(a.row(rows[k])).min(largest(a.column(k)));
            pivot.abs() <= d as f64 * f64::EPSILON * unit
        });
        let sign = parity(rows);
        Ok(Self { factors, sign, singular })
    }

    /// det A, the product of the pivots: 0, or not finite, where that is too small or too large for a number.
    pub fn determinant(&self) -> f64 {
        if self.meets_zero() {
            return 0.0;
        }
        self.pivots().fold(self.sign, |product, pivot| product * pivot)
    }

    /// The determinant by its logarithm.
    ///
    /// ```
    /// use estimand::{matrix::Lu, ndarray::Array2};
    ///
    /// let tiny = Lu::of(&(Array2::<f64>::eye(200) * -1e-3))?.log_det();
    /// assert_eq!(tiny.sign, 1.0);
    /// assert!((tiny.log_abs - 200.0 * 1e-3_f64.ln()).abs() < 1e-9);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn log_det(&self) -> LogDet {
        if self.meets_zero() {
            return LogDet { sign: 0.0, log_abs: f64::NEG_INFINITY };
        }
        let sign = self.pivots().fold(self.sign, |sign, pivot| sign * pivot.signum());
        LogDet { sign, log_abs: self.pivots().map(|pivot| pivot.abs().ln()).sum() }
    }

    /// The derivative of ln |det A| in A: (A^-1)', `(d, d)`. That of det A is det A times this.
    ///
    /// Errors: `Pivot` where A is singular.
    pub fn log_det_grad(&self) -> Result<Array2<f64>> {
        Ok(self.inverse()?.reversed_axes().as_standard_layout().into_owned())
    }

    /// A^-1: `(d, d)`. Errors: `Pivot` where A is singular.
    pub fn inverse(&self) -> Result<Array2<f64>> {
        self.invertible()?;
        let d = self.factors.U().nrows();
        let mut inverse = faer::Mat::<f64>::identity(d, d);
        self.factors.solve_in_place(&mut inverse);
        Ok(array(inverse.as_ref()))
    }

    /// A^-1 b. Shapes: `b: (d,)`. Errors: `Shape`; `Pivot` where A is singular.
    pub fn solve(&self, b: &ArrayRef1<f64>) -> Result<Array1<f64>> {
        self.vector_door("b", b)?;
        let mut x = faer::Col::from_fn(b.len(), |i| b[i]);
        self.factors.solve_in_place(&mut x);
        Ok(x.iter().copied().collect())
    }

    /// The pull-back of the inverse: from the derivative of a scalar in A^-1 to that in A.
    ///
    /// ```text
    /// d(A^-1) = -A^-1 dA A^-1:   d/dA = -A^-T d_inverse A^-T
    /// ```
    ///
    /// Shapes: `d_inverse: (d, d)`, to the same. Errors: `Shape`; `Pivot` where A is singular.
    ///
    /// ```
    /// use estimand::{matrix::Lu, ndarray::array};
    ///
    /// let a = Lu::of(&array![[4.0]])?;
    /// assert_eq!(a.inverse_pull_back(&array![[1.0]])?, array![[-0.0625]]);      // d(1/a) = -1/a^2
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn inverse_pull_back(&self, d_inverse: &ArrayRef2<f64>) -> Result<Array2<f64>> {
        let d = self.factors.U().nrows();
        same_shape("d_inverse", d_inverse.shape(), &[d, d])?;
        self.invertible()?;
        let mut left = mat(d_inverse);
        self.factors.solve_transpose_in_place(&mut left);
        // X A^-T is the transpose of A^-1 X'.
        let mut turned = left.transpose().to_owned();
        self.factors.solve_in_place(&mut turned);
        Ok(array(turned.transpose()).mapv_into(|g| -g))
    }

    /// The bilinear form x'A^-1 y, with its derivatives in x, A and y.
    ///
    /// ```text
    /// u = A^-T x,  v = A^-1 y:   d/dx = v',   d/dA = -u v',   d/dy = u'
    /// ```
    ///
    /// The quadratic form has x = y, and u + v as its derivative in x.
    /// Shapes: `x, y: (d,)` to a number, gradients in the shapes of the three. Errors: `Shape`; `Pivot` where A is singular.
    ///
    /// ```
    /// use estimand::{matrix::Lu, ndarray::array};
    ///
    /// let a = Lu::of(&array![[2.0, 0.0], [0.0, 4.0]])?;
    /// let at = a.inverse_bilinear(&array![1.0, 0.0], &array![6.0, 8.0])?;
    /// assert_eq!(at.value, 3.0);
    /// assert_eq!(at.grad.1, array![[-1.5, -1.0], [0.0, 0.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn inverse_bilinear(
        &self,
        x: &ArrayRef1<f64>,
        y: &ArrayRef1<f64>,
    ) -> OfThree<f64, Array1<f64>, Array2<f64>, Array1<f64>> {
        self.vector_door("x", x)?;
        self.vector_door("y", y)?;
        let (mut u, mut v) = (faer::Col::from_fn(x.len(), |i| x[i]), faer::Col::from_fn(y.len(), |i| y[i]));
        self.factors.solve_transpose_in_place(&mut u);
        self.factors.solve_in_place(&mut v);
        let value = x.iter().zip(v.iter()).map(|(x, v)| x * v).sum();
        let d_a = Array2::from_shape_fn((x.len(), x.len()), |(i, j)| -u[i] * v[j]);
        Ok(ValueGrad { value, grad: (v.iter().copied().collect(), d_a, u.iter().copied().collect()) })
    }

    /// Whether a pivot is 0, behind which elimination has no numbers.
    fn meets_zero(&self) -> bool {
        self.singular.is_some_and(|(_, pivot)| pivot == 0.0)
    }

    fn pivots(&self) -> impl Iterator<Item = f64> {
        let upper = self.factors.U();
        (0..upper.nrows()).map(move |k| upper[(k, k)])
    }

    fn vector_door(&self, name: &'static str, b: &ArrayRef1<f64>) -> Result<()> {
        same_shape(name, b.shape(), &[self.factors.U().nrows()])?;
        self.invertible()
    }

    fn invertible(&self) -> Result<()> {
        let expected = "more than rounding (an invertible matrix)";
        self.singular.map_or(Ok(()), |(pivot, value)| Err(Error::Pivot { name: "a", pivot, value, expected }))
    }
}

/// The sign of a permutation: -1 to the number of its exchanges, one fewer than the length of each cycle.
fn parity(order: &[usize]) -> f64 {
    let mut seen = vec![false; order.len()];
    let mut sign = 1.0;
    for start in 0..order.len() {
        let mut at = start;
        while !seen[at] {
            seen[at] = true;
            at = order[at];
            if at != start {
                sign = -sign;
            }
        }
    }
    sign
}
