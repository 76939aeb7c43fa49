//! Dense layers with rectifiers between them.

use std::borrow::Cow;

use estimand::ndarray::{Array, Array2, ArrayRef2, ArrayView2, Dimension};
use estimand::rand::Rng;
use estimand::{Error, Real, Result};

use crate::dense::{relu, relu_backward};
use crate::door::same_shape;
use crate::matmul::contiguous;
use crate::{Dense, Scalar, Threads};

/// A multilayer perceptron: dense layers with a rectifier after each but the last.
///
/// The gradient of a loss in its parameters has the same type.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp<F> {
    /// The layers, first to last; at least one.
    pub layers: Vec<Dense<F>>,
}

/// What [`Mlp::forward`] leaves behind for [`Mlp::backward`], with its result.
#[derive(Debug, Clone)]
pub struct Trace<'a, F> {
    input: ArrayView2<'a, F>,
    /// The rectified output of each layer but the last.
    hidden: Vec<Array2<F>>,
    /// The output of the last layer, of shape `(n, outputs)`.
    pub output: Array2<F>,
}

impl<F: Scalar> Mlp<F> {
    /// A network of `sizes[0]` inputs, hidden layers, and as many outputs as the last size says,
    /// each layer drawn by [`Dense::new`].
    ///
    /// Errors: `Count` for fewer than two sizes.
    pub fn new<R: Rng + ?Sized>(rng: &mut R, sizes: &[usize]) -> Result<Self> {
        if sizes.len() < 2 {
            return Err(count("sizes", "entries", sizes.len(), "at least 2"));
        }
        let layers = sizes.windows(2).map(|pair| Dense::new(rng, pair[0], pair[1])).collect();
        Ok(Self { layers })
    }

    /// The outputs, with all that the derivative will need.
    ///
    /// Shapes: `x: (n, inputs) -> output (n, outputs)`.
    /// Errors: `Shape`; `Count` where there is no layer.
    pub fn forward<'a>(&self, x: impl Into<ArrayView2<'a, F>>, threads: Threads) -> Result<Trace<'a, F>> {
        let input = x.into();
        let (last, earlier) = self.layers.split_last().ok_or_else(|| count("layers", "entries", 0, "at least 1"))?;
        let mut hidden: Vec<Array2<F>> = Vec::with_capacity(earlier.len());
        for layer in earlier {
            let x: &ArrayRef2<F> = hidden.last().map_or(&*input, |h| h);
            hidden.push(relu(layer.forward(x, threads)?));
        }
        let x: &ArrayRef2<F> = hidden.last().map_or(&*input, |h| h);
        let output = last.forward(x, threads)?;
        Ok(Trace { input, hidden, output })
    }

    /// The gradient in all parameters, from that in the output: the chain rule, last layer first.
    ///
    /// Shapes: `d_output: (n, outputs) -> the network's`.
    /// Errors: `Shape`, also when the trace is of another network; `Count` where there is no layer.
    pub fn backward(&self, trace: &Trace<'_, F>, d_output: &ArrayRef2<F>, threads: Threads) -> Result<Self> {
        let (first, mut layers, d_y) = self.down_to_first(trace, d_output, threads)?;
        let d_y: &ArrayRef2<F> = d_y.as_ref().map_or(d_output, |d| d);
        layers.push(first.backward_parameters(&trace.input, d_y, threads)?);
        layers.reverse();
        Ok(Self { layers })
    }

    /// [`backward`](Self::backward), and the gradient in the input.
    ///
    /// Shapes: `d_output: (n, outputs) -> the network's, (n, inputs)`.
    /// Errors: those of `backward`.
    pub fn backward_to_input(
        &self,
        trace: &Trace<'_, F>,
        d_output: &ArrayRef2<F>,
        threads: Threads,
    ) -> Result<(Self, Array2<F>)> {
        let (first, mut layers, d_y) = self.down_to_first(trace, d_output, threads)?;
        let d_y: &ArrayRef2<F> = d_y.as_ref().map_or(d_output, |d| d);
        let (gradient, d_input) = first.backward(&trace.input, d_y, threads)?;
        layers.push(gradient);
        layers.reverse();
        Ok((Self { layers }, d_input))
    }

    /// The first layer, the gradients of all the others (last first), and the gradient in the
    /// first layer's output, unless it is `d_output` itself.
    #[allow(clippy::type_complexity, reason = "three results of one private function")]
    fn down_to_first(
        &self,
        trace: &Trace<'_, F>,
        d_output: &ArrayRef2<F>,
        threads: Threads,
    ) -> Result<(&Dense<F>, Vec<Dense<F>>, Option<Array2<F>>)> {
        let (first, later) = self.layers.split_first().ok_or_else(|| count("layers", "entries", 0, "at least 1"))?;
        if trace.hidden.len() != later.len() {
            let expected = format!("{}, as many as the network", self.layers.len());
            return Err(count("trace", "layers", trace.hidden.len() + 1, &expected));
        }
        same_shape("d_output", d_output.shape(), trace.output.shape())?;
        let mut gradients = Vec::with_capacity(self.layers.len());
        let mut d_y: Option<Array2<F>> = None;
        for (layer, x) in later.iter().zip(&trace.hidden).rev() {
            let (gradient, d_x) = {
                let d_y: &ArrayRef2<F> = d_y.as_ref().map_or(d_output, |d| d);
                layer.backward(x, d_y, threads)?
            };
            gradients.push(gradient);
            d_y = Some(relu_backward(x, d_x)?);
        }
        Ok((first, gradients, d_y))
    }

    /// Names and numbers of all parameters: `0.weight`, `0.bias`, `1.weight`, ..., in row-major order.
    pub fn parameters(&self) -> Vec<(String, Cow<'_, [F]>)> {
        self.layers
            .iter()
            .enumerate()
            .flat_map(|(i, layer)| {
                [(format!("{i}.weight"), numbers(&layer.weight)), (format!("{i}.bias"), numbers(&layer.bias))]
            })
            .collect()
    }

    /// The same list for an optimiser to write into.
    pub fn parameters_mut(&mut self) -> Vec<(String, &mut [F])> {
        self.layers
            .iter_mut()
            .enumerate()
            .flat_map(|(i, layer)| {
                [
                    (format!("{i}.weight"), contiguous(&mut layer.weight)),
                    (format!("{i}.bias"), contiguous(&mut layer.bias)),
                ]
            })
            .collect()
    }
}

/// The numbers of an array in row-major order, copied only where they lie otherwise.
fn numbers<F: Real, D: Dimension>(array: &Array<F, D>) -> Cow<'_, [F]> {
    match array.as_slice() {
        Some(numbers) => Cow::Borrowed(numbers),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

fn count(name: &'static str, axis: &'static str, got: usize, expected: &str) -> Error {
    Error::Count { name, axis, got, expected: expected.to_owned() }
}
