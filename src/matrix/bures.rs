use faer::Mat;
use ndarray::{Array2, ArrayRef2};

use super::calculus::OfTwo;
use super::dense::{array, largest, mirrored};
use super::square_root::{rounding, semidefinite};
use super::wide::unit;
use crate::shape::same_shape;
use crate::{Error, Result, ValueGrad};

/// How much is taken for rounding, in d epsilons: as in a spectrum.
const ROUNDING: f64 = 8.0;

/// The squared Bures distance of two positive semi-definite matrices, with its derivatives in both.
///
/// ```text
/// d^2 = tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2
/// d/dA = I - B^1/2 (B^1/2 A B^1/2)^+1/2 B^1/2,   d/dB = I - A^1/2 (A^1/2 B A^1/2)^+1/2 A^1/2
/// ```
///
/// It is the squared Wasserstein-2 distance of centred Gaussians; |m - n|^2 is added for N(m, A) and N(n, B), which makes the
/// Frechet distance. M^+1/2 is the root of the pseudo-inverse. Of definite matrices, I - d/dA is the map that transports
/// N(0, A) to N(0, B).
///
/// Never negative, and 0 where A = B but for the square of rounding. Derivatives are symmetric to the last bit, with df = tr(G dA)
/// for every symmetric step dA where both are definite.
///
/// *Singular matrices* are admitted. There the derivative is that of steps which keep the rank, of X where A = X X'; one that
/// raises the rank of A has an infinite slope where it goes to directions of B that A does not reach. Where each of A and B has a
/// direction at right angles to the other (with B = Y Y', X'Y is of a lower rank than both) the distance has a kink, and what
/// is given is the mean of the slopes of a step and of its opposite.
///
/// An eigenvalue up to 8 d epsilon of the largest counts as 0. With e the rounding 8 d epsilon (|A| / r + |B| / s), of r and s the
/// roots of the least other eigenvalues, the distance d is wrong by at most e, and derivatives by some d epsilon cond.
///
/// Shapes: `a, b: (d, d)` to a number, gradients of the same shape. Errors: `Shape`; `NaN` with the row; `Entry` where one is
/// infinite, or not symmetric by more than 8 epsilon of its largest entry; `Pivot` with an eigenvalue that is negative beyond
/// rounding. `f64` alone; feature `linalg`. Source: Dowson and Landau 1982; Bhatia, Jain and Lim 2019; chapter `matrix/bures`.
///
/// ```
/// use estimand::{matrix::bures_squared, ndarray::array};
///
/// // Of matrices that commute: the sum of (sqrt a - sqrt b)^2 of their eigenvalues; the slope in a is 1 - sqrt(b / a).
/// let at = bures_squared(&array![[4.0, 0.0], [0.0, 9.0]], &array![[1.0, 0.0], [0.0, 16.0]])?;
/// assert!((at.value - 2.0).abs() < 1e-14);
/// assert!((at.grad.0[[0, 0]] - 0.5).abs() < 1e-15 && (at.grad.1[[1, 1]] - 0.25).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn bures_squared(a: &ArrayRef2<f64>, b: &ArrayRef2<f64>) -> OfTwo<f64, Array2<f64>, Array2<f64>> {
    let d = a.nrows();
    same_shape("a", a.shape(), &[d, d])?;
    same_shape("b", b.shape(), &[d, d])?;
    let (x, y) = (Factor::of("a", a)?, Factor::of("b", b)?);
    let (x_turned, y_turned, shared) = turned(&x.columns, &y.columns)?;
    let value = apart(&x_turned, &y_turned);
    // x_k is known to the rounding of A over its length, y_k likewise.
    let known = |&(k, s): &(usize, f64)| {
        let (x_length, y_length) = (x_turned.col(k).norm_l2(), y_turned.col(k).norm_l2());
        s > ROUNDING * d as f64 * f64::EPSILON * (x.size * (y_length / x_length) + y.size * (x_length / y_length))
    };
    let shared: Vec<(usize, f64)> = shared.into_iter().enumerate().filter(known).collect();
    Ok(ValueGrad { value, grad: (less_transport(&y_turned, &shared), less_transport(&x_turned, &shared)) })
}

/// X with X X' = A: as many columns as A has eigenvalues beyond rounding.
struct Factor {
    columns: Mat<f64>,
    /// The largest eigenvalue.
    size: f64,
}

impl Factor {
    fn of(name: &'static str, a: &ArrayRef2<f64>) -> Result<Self> {
        let spectrum = semidefinite(name, a)?;
        let (values, vectors) = (spectrum.values(), spectrum.vectors());
        let least = rounding(&spectrum);
        let none = values.iter().filter(|&&value| value <= least).count();
        let rank = values.len() - none;
        let columns = Mat::from_fn(values.len(), rank, |i, k| values[none + k].sqrt() * vectors[[i, none + k]]);
        Ok(Self { columns, size: largest(values) })
    }
}

/// X U and Y V, and the singular values S: of X'Y = U S V'.
fn turned(x: &Mat<f64>, y: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>, Vec<f64>)> {
    // The decomposition does not know the empty matrix.
    if x.ncols() == 0 || y.ncols() == 0 {
        return Ok((x.clone(), y.clone(), Vec::new()));
    }
    let product = x.transpose() * y;
    // The decomposition takes squares of entries.
    let unit = unit(product.norm_max());
    let scaled = Mat::from_fn(product.nrows(), product.ncols(), |i, j| product[(i, j)] / unit);
    let svd = scaled.svd().map_err(|_| Error::NoConvergence { name: "b" })?;
    Ok((x * svd.U(), y * svd.V(), svd.S().column_vector().iter().map(|s| s * unit).collect()))
}

/// |X - Y|^2, where columns that one does not have are 0.
fn apart(x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    let at = |m: &Mat<f64>, i: usize, k: usize| if k < m.ncols() { m[(i, k)] } else { 0.0 };
    let columns = 0..x.ncols().max(y.ncols());
    let square = |(i, k): (usize, usize)| (at(x, i, k) - at(y, i, k)).powi(2);
    columns.flat_map(|k| (0..x.nrows()).map(move |i| (i, k))).map(square).sum()
}

/// I less the sum of z_k z_k' / s_k.
fn less_transport(z: &Mat<f64>, shared: &[(usize, f64)]) -> Array2<f64> {
    let d = z.nrows();
    let scaled = Mat::from_fn(d, shared.len(), |i, j| z[(i, shared[j].0)] / shared[j].1.sqrt());
    let transport = array((&scaled * scaled.transpose()).as_ref());
    mirrored(Array2::<f64>::eye(d) - transport)
}
