use ndarray::{Array1, Array2, ArrayRef2};

use crate::arithmetic::Arithmetic;
use crate::distribution::{LogitParts, ValueRows, cross_entropy};
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, sum_coordinates};
use crate::shape::{a_number, at_least_one, entries, same_shape};
use crate::{Real, Result, ValueGrad};

/// Binary cross-entropy of each row, from logits, for targets in `[0, 1]`: a loss, it goes down.
///
/// ```text
/// BCE = -sum over j of t_j ln sigmoid(l_j) + (1 - t_j) ln(1 - sigmoid(l_j)),   d BCE / dl = sigmoid(l) - t
/// ```
///
/// Where every target is 0 or 1 it is the negative log-likelihood of
/// [`Bernoulli`](crate::Bernoulli). With soft targets (grey levels) it is *no* likelihood: it does
/// not integrate to 1 over `[0, 1]`, and values of different data cannot be compared as such.
/// Shapes: `logits, targets: (n, d)` to `(n,)` with gradient rows `(n, d)`; sums over coordinates.
/// Errors: `Shape`; `Entry` where a target is outside `[0, 1]`.
///
/// ```
/// use estimand::{objective::bce_with_logits, ndarray::array};
/// let bce = bce_with_logits(&array![[0.0, 1e4]], &array![[0.25, 1.0]])?;
/// assert_eq!(bce.value, array![std::f64::consts::LN_2]);
/// assert_eq!(bce.grad.logits(), array![[0.25, 0.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn bce_with_logits<F: Real>(logits: &ArrayRef2<F>, targets: &ArrayRef2<F>) -> Result<ValueRows<F, LogitParts>> {
    same_shape("targets", targets.shape(), logits.shape())?;
    entries("targets", targets, "a number in [0, 1]", |t| (t >= F::zero()) & (t <= F::one()))?;
    let (n, dim) = logits.dim();
    let (value, [grad]) = fill(n, [logits.view(), targets.view()], [dim], &CrossEntropyRow);
    Ok(ValueGrad { value, grad: Grad::held(grad, LogitParts { dim }) })
}

/// The squared error of each row, with its gradient in the prediction `y`: a loss, summed over
/// coordinates and never averaged.
///
/// ```text
/// SE = sum over j of (x_j - y_j)^2,   d SE / dy = 2 (y - x)
/// ```
///
/// With a fixed scale s, log N(x; y, s^2 I) = -SE / (2 s^2) - d ln(s sqrt(2 pi)): the same
/// minimiser and the same gradient up to the factor 2 s^2. See
/// [`GaussianDecoder`](crate::objective::GaussianDecoder) for when this ends.
/// Shapes: `x, y: (n, d)` to `(n,)` with gradient rows `(n, d)`. Errors: `Shape`.
///
/// ```
/// use estimand::{objective::squared_error, ndarray::array};
/// let se = squared_error(&array![[1.0, 2.0]], &array![[0.0, 4.0]])?;
/// assert_eq!((se.value, se.grad), (array![5.0], array![[-2.0, 4.0]]));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn squared_error<F: Real>(x: &ArrayRef2<F>, y: &ArrayRef2<F>) -> Result<ValueGrad<Array1<F>, Array2<F>>> {
    same_shape("y", y.shape(), x.shape())?;
    let (n, dim) = x.dim();
    let (value, [grad]) = fill(n, [x.view(), y.view()], [dim], &SquaredErrorRow);
    Ok(ValueGrad { value, grad })
}

/// Bits per dimension of a negative log-likelihood in nats: (nll / dims + constant) / ln 2.
///
/// `constant` is the dequantisation constant, nats a coordinate: ln 256 where bytes with uniform
/// noise were scaled to `[0, 1]` before the density was taken, 0 where the likelihood is that of
/// the data as they are. Its derivative in `nll` is 1 / (dims ln 2).
/// Errors: `Parameter` where `dims = 0` or `constant` is NaN.
///
/// ```
/// use estimand::objective::bits_per_dimension;
/// // A uniform density on the unit cube: all 8 bits of a byte are left to be said.
/// assert_eq!(bits_per_dimension(0.0, 784, 256.0_f64.ln())?, 8.0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn bits_per_dimension<F: Real>(nll: F, dims: usize, constant: F) -> Result<F> {
    at_least_one("dims", dims)?;
    a_number("constant", constant)?;
    Ok((nll / F::count(dims) + constant) / F::LN_2())
}

struct CrossEntropyRow;

impl<F: Real> RowFn<F, 2> for CrossEntropyRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, inputs: [&[F]; 2], grad: &mut [F]) -> F {
        sum_coordinates::<true, _, 2, 1>(inputs, [grad], |[logit, target]| {
            let loss = cross_entropy(a, logit, target);
            (loss.value, [loss.grad])
        })
    }
}

struct SquaredErrorRow;

impl<F: Real> RowFn<F, 2> for SquaredErrorRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, _: usize, inputs: [&[F]; 2], grad: &mut [F]) -> F {
        sum_coordinates::<true, _, 2, 1>(inputs, [grad], |[x, y]| {
            let error = y - x;
            (error * error, [error + error])
        })
    }
}
