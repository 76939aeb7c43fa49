//! A layer `y = x W + b` and the rectifier, each with its derivative.

use estimand::ndarray::{Array1, Array2, ArrayRef2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, Zip};
use estimand::noise::Standard;
use estimand::rand::Rng;
use estimand::{Real, Result};

use crate::door::same_shape;
use crate::matmul::{Accum, multiply, product_into, product_transposed};
use crate::{Scalar, Threads};

/// A dense layer, `y = x W + b`; the gradient of a loss in its parameters has the same type.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<F> {
    /// `W`, of shape `(inputs, outputs)`, in any layout.
    pub weight: Array2<F>,
    /// `b`, of shape `(outputs,)`.
    pub bias: Array1<F>,
}

impl<F: Scalar> Dense<F> {
    /// A layer with normal weights of variance `1 / inputs`, and biases 0.
    ///
    /// Weights with more inputs than outputs lie by columns, others by rows: the longer side is in one
    /// piece, and their gradient takes the least time so. In another layout they give the same, more slowly.
    ///
    /// Source: LeCun and others 1998, "Efficient BackProp", section 4.6.
    pub fn new<R: Rng + ?Sized>(rng: &mut R, inputs: usize, outputs: usize) -> Self {
        let sd = F::one() / F::count(inputs.max(1)).sqrt();
        let weight: Array2<F> = Standard::Normal.draw(rng, (inputs, outputs));
        let mut weight = weight * sd;
        if inputs > outputs {
            weight = weight.t().as_standard_layout().into_owned().reversed_axes();
        }
        Self { weight, bias: Array1::zeros(outputs) }
    }

    /// Its number of inputs.
    pub fn inputs(&self) -> usize {
        self.weight.nrows()
    }

    /// Its number of outputs.
    pub fn outputs(&self) -> usize {
        self.weight.ncols()
    }

    /// `y = x W + b`.
    ///
    /// Shapes: `x: (n, inputs) -> (n, outputs)`, in standard layout.
    /// Errors: `Shape`.
    pub fn forward(&self, x: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
        self.takes(x.shape())?;
        let mut y = self.biases_by_rows(x.nrows());
        let (x_upper, x_lower) = x.view().split_at(Axis(0), middle(x.nrows()));
        let (upper, lower) = y.view_mut().split_at(Axis(0), middle(x.nrows()));
        threads.join(|| self.add_product(&x_upper, upper), || self.add_product(&x_lower, lower));
        Ok(y)
    }

    /// Whether inputs of this shape fit the layer, and the layer itself.
    pub(crate) fn takes(&self, x: &[usize]) -> Result<()> {
        same_shape("x", x, &[x[0], self.inputs()])?;
        same_shape("bias", self.bias.shape(), &[self.outputs()])
    }

    /// What [`forward`](Self::forward) begins with: `b` in each of `n` rows.
    pub(crate) fn biases_by_rows(&self, n: usize) -> Array2<F> {
        let rows = self.bias.to_vec().repeat(n);
        // As many numbers as the shape has, by construction.
        Array2::from_shape_vec((n, self.outputs()), rows).unwrap_or_default()
    }

    /// [`biases_by_rows`](Self::biases_by_rows), laid out by columns.
    pub(crate) fn biases_by_columns(&self, n: usize) -> Array2<F> {
        let mut y = Array2::zeros((n, self.outputs()).f());
        y.columns_mut().into_iter().zip(&self.bias).for_each(|(mut column, &b)| column.fill(b));
        y
    }

    /// [`forward`](Self::forward) of some rows, by one thread: adds `x W` to the biases; the shapes fit.
    pub(crate) fn add_product(&self, x: &ArrayRef2<F>, y: ArrayViewMut2<'_, F>) {
        multiply(y, Accum::Add, F::one(), x, &self.weight);
    }

    /// The `d_x` of [`backward`](Self::backward) of some rows, by one thread; the shapes fit.
    pub(crate) fn fill_backward(&self, d_y: &ArrayRef2<F>, d_x: ArrayViewMut2<'_, F>) {
        multiply(d_x, Accum::Replace, F::one(), d_y, &self.weight.t());
    }

    /// The gradient in the parameters and `d_x`, from the input of [`forward`](Self::forward) and
    /// the gradient in its result.
    ///
    /// ```text
    /// d_W = x^T d_y,   d_b = sum of the rows of d_y,   d_x = d_y W^T
    /// ```
    ///
    /// Shapes: `x: (n, inputs), d_y: (n, outputs) -> the layer's, (n, inputs)`.
    /// Errors: `Shape`.
    pub fn backward(&self, x: &ArrayRef2<F>, d_y: &ArrayRef2<F>, threads: Threads) -> Result<(Self, Array2<F>)> {
        let gradient = self.backward_parameters(x, d_y, threads)?;
        Ok((gradient, product_transposed(d_y, &self.weight, threads)?))
    }

    /// [`backward`](Self::backward) without `d_x`, a third of the work less: for a first layer.
    pub fn backward_parameters(&self, x: &ArrayRef2<F>, d_y: &ArrayRef2<F>, threads: Threads) -> Result<Self> {
        let mut gradient = self.clone();
        self.gradient_into(&mut gradient, &[(F::one(), x.view(), d_y.view())], threads)?;
        Ok(gradient)
    }

    /// The weighted sum of [`backward_parameters`](Self::backward_parameters) of the parts of a batch, each
    /// a weight, an `x` and its `d_y`, into a layer of the same shapes, whatever it held.
    ///
    /// It comes out in the layout of this layer, so that the numbers of both lie in one order.
    pub(crate) fn gradient_into(
        &self,
        gradient: &mut Self,
        parts: &[(F, ArrayView2<'_, F>, ArrayView2<'_, F>)],
        threads: Threads,
    ) -> Result<()> {
        same_shape("gradient", gradient.weight.shape(), self.weight.shape())?;
        same_shape("gradient", gradient.bias.shape(), self.bias.shape())?;
        for (_, x, d_y) in parts {
            same_shape("x", x.shape(), &[x.nrows(), self.inputs()])?;
            same_shape("d_y", d_y.shape(), &[x.nrows(), self.outputs()])?;
        }
        if gradient.weight.strides() != self.weight.strides() {
            gradient.weight.clone_from(&self.weight);
        }
        if gradient.bias.strides() != self.bias.strides() {
            gradient.bias.clone_from(&self.bias);
        }
        gradient.bias.fill(F::zero());
        if parts.is_empty() {
            gradient.weight.fill(F::zero());
        }
        let accums = [Accum::Replace].into_iter().chain(std::iter::repeat(Accum::Add));
        for (accum, (by, x, d_y)) in accums.zip(parts) {
            product_into(gradient.weight.view_mut(), accum, *by, &x.t(), d_y, threads)?;
            gradient.bias.scaled_add(*by, &d_y.sum_axis(Axis(0)));
        }
        Ok(())
    }
}

/// Below this many rows, a second half costs more than it brings.
const WORTH_A_CUT: usize = 128;

/// Where `n` rows are cut in two, for one thread as for many; where they are too few, all are in the
/// first half.
pub(crate) fn middle(n: usize) -> usize {
    if n < WORTH_A_CUT { n } else { n.div_ceil(2) }
}

/// The rectifier, `max(x, 0)` of every entry; NaN stays NaN.
pub fn relu<F: Real>(mut x: Array2<F>) -> Array2<F> {
    rectify(&mut x);
    x
}

/// [`relu`] in place, in any layout: by `Zip`, since `mapv_inplace` goes by rows where there are gaps.
pub(crate) fn rectify<F: Real>(x: &mut ArrayRef2<F>) {
    Zip::from(x).for_each(|x| *x = if *x < F::zero() { F::zero() } else { *x });
}

/// The gradient in the input of [`relu`], from its *result* `y`; the derivative at 0 is 0.
///
/// Shapes: `y: (n, m), d_y: (n, m) -> (n, m)`.
/// Errors: `Shape`.
pub fn relu_backward<F: Real>(y: &ArrayRef2<F>, mut d_y: Array2<F>) -> Result<Array2<F>> {
    same_shape("d_y", d_y.shape(), y.shape())?;
    mask(y, &mut d_y);
    Ok(d_y)
}

/// [`relu_backward`] in place; the shapes are the same.
pub(crate) fn mask<F: Real>(y: &ArrayRef2<F>, d_y: &mut ArrayRef2<F>) {
    Zip::from(d_y).and(y).for_each(|d, &y| *d = if y <= F::zero() { F::zero() } else { *d });
}
