use std::ops::Range;

use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, RowFn, fill, fill_into, write_rows};
use crate::rows::{Grad, Parts, Rows, slots};
use crate::shape::same_shape;
use crate::{Real, Result, Shape, ValueGrad};

/// A value a row, with gradient rows in the parameters of a law.
pub type ValueRows<F, P> = ValueGrad<Array1<F>, Grad<F, P>>;

/// A law of rows: three required methods, of which one is its mathematics.
///
/// A law of one's own is that method; score, estimators and reductions follow. What makes a row fast is said at
/// [`RowFn`]. A location-scale family is less than that: [`Base`](super::Base).
///
/// ```
/// use estimand::arithmetic::Arithmetic;
/// use estimand::distribution::LogitParts;
/// use estimand::ndarray::{Array2, array};
/// use estimand::{Distribution, Shape, rows::sum_coordinates};
///
/// /// Waiting times x > 0 of rates e^l: log q(x) = sum of l - x e^l, one sample a row of l.
/// struct Exponential(Array2<f64>);
/// impl Distribution<f64> for Exponential {
///     type Parts = LogitParts;                                // one part; its name is that of a column
///     fn parts(&self) -> LogitParts {
///         LogitParts { dim: self.0.ncols() }
///     }
///     fn shape(&self) -> Shape {
///         Shape { rows: self.0.nrows(), repeat: 1, dim: self.0.ncols() }
///     }
///     #[inline(always)]
///     fn log_prob_row<A: Arithmetic<f64>, const GRAD: bool>(&self, a: A, t: usize, x: &[f64], grad: &mut [f64]) -> f64 {
///         let logs = self.0.row(t);
///         let logs = logs.as_slice().unwrap_or_default();
///         sum_coordinates::<GRAD, _, 2, 1>([x, logs], [grad], |[x, l]| {
///             let inside = if x > 0.0 { 1.0 } else { 0.0 };
///             let mean = x * a.exp(l);
///             (if x > 0.0 { l - mean } else { f64::NEG_INFINITY }, [inside * (1.0 - mean)])
///         })
///     }
/// }
/// let at = Exponential(array![[0.0, 0.0]]).log_prob_grad(&array![[1.0, 3.0]])?;
/// assert_eq!((at.value, at.grad.logits()), (array![-4.0], array![[0.0, -2.0]].view()));
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Distribution<F: Real>: Sized + Sync {
    /// How a parameter row is divided.
    type Parts: Parts;

    /// The parts of a parameter row.
    fn parts(&self) -> Self::Parts;

    /// Parameter rows, samples a row, coordinates.
    fn shape(&self) -> Shape;

    /// log q(x) in nats of one sample under parameter row `t`, summed over coordinates; with
    /// `GRAD`, its gradient in the parameters is written to `grad`.
    ///
    /// `grad` is as wide as the parts, or empty without `GRAD`; it holds another row before, or nothing, and has to be
    /// written in full. Outside the support the value is -inf and the gradient 0; where the parameters themselves leave
    /// x no mass (a sure bit, the other way), -inf with the limit of the gradient.
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F;

    /// The gradient that [`log_prob_row`](Self::log_prob_row) writes, alone: a law whose value takes time that its score
    /// does not says here how. It has to write the same numbers, all of them.
    #[inline(always)]
    fn score_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) {
        self.log_prob_row::<A, true>(a, t, x, grad);
    }

    /// The sums of the score rows of each parameter row, `(rows, width)`, under weights if there are any: where a law has a
    /// shorter way than to make each row. [`Rows::sums`] tells what it owes.
    fn score_sums(&self, _x: ArrayView2<'_, F>, _weights: Option<&[F]>) -> Option<Array2<F>> {
        None
    }

    /// Refuses data that the law does not speak of. Most laws give such data the value -inf.
    fn admits(&self, _x: &ArrayRef2<F>) -> Result<()> {
        Ok(())
    }

    /// log q(x_i) of each row, in nats.
    ///
    /// Shapes: `x: (n, dim) -> (n,)`. Errors: `Shape`; what [`admits`](Self::admits) refuses.
    fn log_prob(&self, x: &ArrayRef2<F>) -> Result<Array1<F>> {
        let n = admitted(self, x)?;
        let (value, []) = fill(n, [x.view()], [], &LogProbRow::<Self, false>(self));
        Ok(value)
    }

    /// log q(x_i) of each row with its gradient in the parameters, in one pass.
    ///
    /// Shapes: `x: (n, dim)` to `(n,)` with gradient rows `(n, width)`. Errors: as `log_prob`.
    fn log_prob_grad(&self, x: &ArrayRef2<F>) -> Result<ValueRows<F, Self::Parts>> {
        let n = admitted(self, x)?;
        let parts = self.parts();
        let (value, [grad]) = fill(n, [x.view()], [parts.width()], &LogProbRow::<Self, true>(self));
        Ok(ValueGrad { value, grad: Grad::held(grad, parts) })
    }

    /// [`log_prob_grad`](Self::log_prob_grad) into an earlier result: a large one need not be
    /// allocated again at every step.
    ///
    /// Errors: as `log_prob_grad`, and `Shape` where `into` has other numbers of rows or columns; `into`
    /// is as it was then.
    ///
    /// ```
    /// use estimand::{DiagGaussian, Distribution, ndarray::array};
    ///
    /// let q = DiagGaussian::standard(2, 1)?;
    /// let mut at = q.log_prob_grad(&array![[0.0], [1.0]])?;
    /// q.log_prob_grad_into(&array![[2.0], [3.0]], &mut at)?;
    /// assert_eq!(at.grad.loc(), array![[2.0], [3.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    fn log_prob_grad_into(&self, x: &ArrayRef2<F>, into: &mut ValueRows<F, Self::Parts>) -> Result<()> {
        let n = admitted(self, x)?;
        let parts = self.parts();
        let (values, flat) = places(into, n, &parts)?;
        let f = LogProbRow::<Self, true>(self);
        fill_into([x.view()], [parts.width()], values, [flat], &f);
        Ok(())
    }

    /// The score rows d log q(x_i) / d parameters, made when they are reduced.
    ///
    /// Under the law itself their expectation is 0. Shapes and errors: as `log_prob_grad`.
    fn score<'s>(&'s self, x: &'s ArrayRef2<F>) -> Result<ScoreRows<'s, F, Self>> {
        admitted(self, x)?;
        Ok(ScoreRows { law: self, x: x.view() })
    }
}

/// A law whose density has a slope in x.
pub trait Smooth<F: Real>: Distribution<F> {
    /// log q(x) of one sample under parameter row `t`; d log q(x) / dx is written to `slope`.
    fn slope_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], slope: &mut [F]) -> F;

    /// log q(x_i) of each row with its slope in x.
    ///
    /// Shapes: `x: (n, dim)` to `(n,)` with slopes `(n, dim)`. Errors: as `log_prob`.
    fn log_prob_slope(&self, x: &ArrayRef2<F>) -> Result<ValueGrad<Array1<F>, Array2<F>>> {
        let n = admitted(self, x)?;
        let (value, [grad]) = fill(n, [x.view()], [self.shape().dim], &SlopeRow(self));
        Ok(ValueGrad { value, grad })
    }
}

/// The rows d log q(x_i) / d parameters: the gradient's door through the density.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ScoreRows<'a, F, D> {
    law: &'a D,
    x: ArrayView2<'a, F>,
}

impl<F: Real, D: Distribution<F>> Rows<F> for ScoreRows<'_, F, D> {
    type Parts = D::Parts;
    const NAME: &'static str = "score";

    fn parts(&self) -> D::Parts {
        self.law.parts()
    }

    fn shape(&self) -> Shape {
        self.law.shape()
    }

    fn write_rows(&self, level: Level, range: Range<usize>, out: &mut [F]) {
        write_rows(level, range, [self.x], self.parts().width(), &ScoreRow(self.law), out);
    }

    fn sums(&self, weights: Option<&[F]>) -> Option<Array2<F>> {
        self.law.score_sums(self.x, weights)
    }
}

/// The places of values and gradient rows in an earlier result.
pub(super) fn places<'r, F: Real, P: Parts>(
    into: &'r mut ValueRows<F, P>,
    n: usize,
    parts: &P,
) -> Result<(&'r mut [F], &'r mut [F])> {
    same_shape("into", into.value.shape(), &[n])?;
    same_shape("into", into.grad.flat().shape(), &[n, parts.width()])?;
    Ok((slots(&mut into.value), into.grad.slots(parts)))
}

/// The door of data: its shape, and what the law admits.
fn admitted<F: Real, D: Distribution<F>>(law: &D, x: &ArrayRef2<F>) -> Result<usize> {
    let shape = law.shape();
    shape.samples_door("x", x)?;
    law.admits(x)?;
    Ok(shape.samples())
}

struct LogProbRow<'a, D, const GRAD: bool>(&'a D);

impl<F: Real, D: Distribution<F>, const GRAD: bool> RowFn<F, 1> for LogProbRow<'_, D, GRAD> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], grad: &mut [F]) -> F {
        self.0.log_prob_row::<A, GRAD>(a, self.0.shape().parameter_row(i), x, grad)
    }
}

struct ScoreRow<'a, D>(&'a D);

impl<F: Real, D: Distribution<F>> RowFn<F, 1> for ScoreRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], grad: &mut [F]) -> F {
        self.0.score_row(a, self.0.shape().parameter_row(i), x, grad);
        F::zero()
    }
}

struct SlopeRow<'a, D>(&'a D);

impl<F: Real, D: Smooth<F>> RowFn<F, 1> for SlopeRow<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], slope: &mut [F]) -> F {
        self.0.slope_row(a, self.0.shape().parameter_row(i), x, slope)
    }
}
