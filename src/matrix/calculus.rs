use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};

use crate::shape::same_shape;
use crate::{Real, Result, ValueGrad};

/// A scalar of two arguments: its value, and its derivative in each, in their order.
pub(super) type OfTwo<F, G, H> = Result<ValueGrad<F, (G, H)>>;

/// A scalar of three arguments.
pub(super) type OfThree<F, G, H, I> = Result<ValueGrad<F, (G, H, I)>>;

/// The linear form a'x.
///
/// ```text
/// d(a'x)/da = x',   d(a'x)/dx = a'
/// ```
///
/// Shapes: `a, x: (d,)` to a number, gradients `(d,)` in `a` and in `x`. Errors: `Shape`.
/// Source: chapter `matrix/derivatives`.
///
/// ```
/// use estimand::{matrix::linear, ndarray::array};
///
/// let at = linear(&array![1.0, 2.0], &array![3.0, -1.0])?;
/// assert_eq!(at.value, 1.0);
/// assert_eq!(at.grad.1, array![1.0, 2.0]);                  // in x: a
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn linear<F: Real>(a: &ArrayRef1<F>, x: &ArrayRef1<F>) -> OfTwo<F, Array1<F>, Array1<F>> {
    same_shape("x", x.shape(), a.shape())?;
    Ok(ValueGrad { value: a.dot(x), grad: (x.to_owned(), a.to_owned()) })
}

/// The bilinear form x'Ay.
///
/// ```text
/// d/dx = (A y)',   d/dA = x y',   d/dy = x'A
/// ```
///
/// Shapes: `x: (n,)`, `a: (n, m)`, `y: (m,)` to a number, gradients in the shapes of the three. Errors: `Shape`.
///
/// ```
/// use estimand::{matrix::bilinear, ndarray::array};
///
/// let at = bilinear(&array![1.0, 2.0], &array![[0.0, 1.0, 0.0], [3.0, 0.0, 0.0]], &array![1.0, 5.0, 7.0])?;
/// assert_eq!(at.value, 11.0);
/// assert_eq!(at.grad.0, array![5.0, 3.0]);                  // in x: A y
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn bilinear<F: Real>(
    x: &ArrayRef1<F>,
    a: &ArrayRef2<F>,
    y: &ArrayRef1<F>,
) -> OfThree<F, Array1<F>, Array2<F>, Array1<F>> {
    same_shape("a", a.shape(), &[x.len(), y.len()])?;
    let d_x = a.dot(y);
    Ok(ValueGrad { value: x.dot(&d_x), grad: (d_x, outer(x, y), x.dot(a)) })
}

/// The quadratic form x'Ax, of any square matrix: of its symmetric half alone, as a function of x.
///
/// ```text
/// d(x'Ax)/dx = x'(A + A'),   d(x'Ax)/dA = x x',   Hessian in x: A + A'
/// ```
///
/// Shapes: `x: (d,)`, `a: (d, d)` to a number, gradients `(d,)` and `(d, d)`. Errors: `Shape`.
/// Source: chapter `matrix/derivatives`.
///
/// ```
/// use estimand::{matrix::quadratic, ndarray::array};
///
/// let at = quadratic(&array![1.0, 2.0], &array![[1.0, 4.0], [0.0, 1.0]])?;
/// assert_eq!(at.value, 13.0);
/// assert_eq!(at.grad.0, array![10.0, 8.0]);                 // 2 A x would be [18, 4]
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn quadratic<F: Real>(x: &ArrayRef1<F>, a: &ArrayRef2<F>) -> OfTwo<F, Array1<F>, Array2<F>> {
    same_shape("a", a.shape(), &[x.len(), x.len()])?;
    let along = a.dot(x);
    Ok(ValueGrad { value: x.dot(&along), grad: (along + x.dot(a), outer(x, x)) })
}

/// The Hessian of [`quadratic`] in x: A + A'.
///
/// Errors: `Shape` where `a` is not square.
///
/// ```
/// use estimand::{matrix::quadratic_hessian, ndarray::array};
/// assert_eq!(quadratic_hessian(&array![[1.0, 4.0], [0.0, 1.0]])?, array![[2.0, 4.0], [4.0, 2.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn quadratic_hessian<F: Real>(a: &ArrayRef2<F>) -> Result<Array2<F>> {
    same_shape("a", a.shape(), &[a.nrows(), a.nrows()])?;
    Ok(a.to_owned() + a.t())
}

/// The squared projection (x'a)^2.
///
/// ```text
/// d/dx = 2 (x'a) a',   d/da = 2 (x'a) x',   Hessian in x: 2 a a'
/// ```
///
/// Shapes: `x, a: (d,)` to a number, gradients `(d,)` in `x` and in `a`. Errors: `Shape`.
/// Source: chapter `matrix/derivatives`.
///
/// ```
/// use estimand::{matrix::squared_projection, ndarray::array};
///
/// let at = squared_projection(&array![1.0, 2.0], &array![3.0, -1.0])?;
/// assert_eq!(at.value, 1.0);
/// assert_eq!(at.grad.0, array![6.0, -2.0]);                 // 2 (x'a) a
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn squared_projection<F: Real>(x: &ArrayRef1<F>, a: &ArrayRef1<F>) -> OfTwo<F, Array1<F>, Array1<F>> {
    same_shape("a", a.shape(), x.shape())?;
    let projection = x.dot(a);
    let slope = projection + projection;
    Ok(ValueGrad { value: projection * projection, grad: (a.mapv(|a| slope * a), x.mapv(|x| slope * x)) })
}

/// The Hessian of [`squared_projection`] in x: 2 a a'.
///
/// ```
/// use estimand::{matrix::squared_projection_hessian, ndarray::array};
/// assert_eq!(squared_projection_hessian(&array![3.0, -1.0]), array![[18.0, -6.0], [-6.0, 2.0]]);
/// ```
pub fn squared_projection_hessian<F: Real>(a: &ArrayRef1<F>) -> Array2<F> {
    outer(&(a + a), a)
}

/// The squared distance |A x - b|^2 of a linear map from its target.
///
/// ```text
/// r = A x - b:   d/dA = 2 r x',   d/dx = 2 r'A,   d/db = -2 r',   Hessian in x: 2 A'A
/// ```
///
/// Shapes: `a: (n, d)`, `x: (d,)`, `b: (n,)` to a number, gradients in the shapes of the three. Errors: `Shape`.
///
/// ```
/// use estimand::{matrix::least_squares, ndarray::array};
///
/// let at = least_squares(&array![[1.0], [2.0]], &array![3.0], &array![2.0, 5.0])?;
/// assert_eq!(at.value, 2.0);                                // residuals 1 and 1
/// assert_eq!(at.grad.1, array![6.0]);                       // 2 (1 + 2)
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn least_squares<F: Real>(
    a: &ArrayRef2<F>,
    x: &ArrayRef1<F>,
    b: &ArrayRef1<F>,
) -> OfThree<F, Array2<F>, Array1<F>, Array1<F>> {
    same_shape("x", x.shape(), &[a.ncols()])?;
    same_shape("b", b.shape(), &[a.nrows()])?;
    let residual = a.dot(x) - b;
    let slope = &residual + &residual;
    let grad = (outer(&slope, x), slope.dot(a), slope.mapv(|s| -s));
    Ok(ValueGrad { value: residual.dot(&residual), grad })
}

/// The Hessian of [`least_squares`] in x: 2 A'A.
///
/// ```
/// use estimand::{matrix::least_squares_hessian, ndarray::array};
/// assert_eq!(least_squares_hessian(&array![[1.0], [2.0]]), array![[10.0]]);
/// ```
pub fn least_squares_hessian<F: Real>(a: &ArrayRef2<F>) -> Array2<F> {
    a.t().dot(a).mapv_into(|x| x + x)
}

/// The trace of a product, tr(AB): the sum of all a_ij b_ji, without the product.
///
/// ```text
/// d/dA = B',   d/dB = A'
/// ```
///
/// Shapes: `a: (n, m)`, `b: (m, n)` to a number, gradients in their shapes. Errors: `Shape`.
///
/// ```
/// use estimand::{matrix::trace_of_product, ndarray::array};
///
/// let at = trace_of_product(&array![[1.0, 2.0]], &array![[3.0], [4.0]])?;
/// assert_eq!(at.value, 11.0);
/// assert_eq!(at.grad.0, array![[3.0, 4.0]]);                // in A: B'
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn trace_of_product<F: Real>(a: &ArrayRef2<F>, b: &ArrayRef2<F>) -> OfTwo<F, Array2<F>, Array2<F>> {
    same_shape("b", b.shape(), &[a.ncols(), a.nrows()])?;
    let diagonal = a.rows().into_iter().zip(b.columns()).map(|(row, column)| row.dot(&column));
    let value = diagonal.fold(F::zero(), |sum, term| sum + term);
    Ok(ValueGrad { value, grad: (b.t().to_owned(), a.t().to_owned()) })
}

/// x y'.
fn outer<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> Array2<F> {
    let mut product = Array2::zeros((x.len(), y.len()));
    for (mut row, &x) in product.axis_iter_mut(Axis(0)).zip(x) {
        row.zip_mut_with(y, |p, &y| *p = x * y);
    }
    product
}
