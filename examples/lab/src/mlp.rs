//! Dense layers with rectifiers between them.

use std::borrow::Cow;

use estimand::ndarray::{Array2, ArrayRef2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, ShapeBuilder};
use estimand::rand::Rng;
use estimand::{Error, Real, Result};

use crate::array::{contiguous, numbers};
use crate::dense::{mask, middle, rectify};
use crate::door::same_shape;
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
    /// What went in.
    pub(crate) input: CowArray<'a, F, Ix2>,
    /// The rectified output of each layer but the last, by columns: so the products on both of its sides
    /// take the least time.
    hidden: Vec<Array2<F>>,
    /// The output of the last layer, of shape `(n, outputs)`.
    pub output: Array2<F>,
}

/// Gradients in the outputs of a network's layers.
pub(crate) struct Outputs<'a, F> {
    hidden: Vec<Array2<F>>,
    last: CowArray<'a, F, Ix2>,
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
    pub fn forward<'a>(&self, x: impl Into<CowArray<'a, F, Ix2>>, threads: Threads) -> Result<Trace<'a, F>> {
        let input = x.into();
        let (last, earlier) = self.layers.split_last().ok_or_else(|| count("layers", "entries", 0, "at least 1"))?;
        let n = input.nrows();
        self.layers
            .iter()
            .try_fold(input.ncols(), |width, layer| layer.takes(&[n, width]).map(|()| layer.outputs()))?;
        let mut hidden: Vec<_> = earlier.iter().map(|layer| layer.biases_by_columns(n)).collect();
        let mut output = last.biases_by_rows(n);
        let (x_upper, x_lower) = input.view().split_at(Axis(0), middle(n));
        let (upper, lower) = halves(hidden.iter_mut().chain([&mut output]));
        threads.join(|| self.add_products(x_upper, upper), || self.add_products(x_lower, lower));
        Ok(Trace { input, hidden, output })
    }

    /// [`forward`](Self::forward) of some rows, by one thread: `ys`, which hold the biases, become the
    /// results of the layers.
    fn add_products(&self, x: ArrayView2<'_, F>, ys: Vec<ArrayViewMut2<'_, F>>) {
        let last = ys.len() - 1;
        let mut earlier: Option<ArrayViewMut2<'_, F>> = None;
        for (i, (layer, mut y)) in self.layers.iter().zip(ys).enumerate() {
            layer.add_product(earlier.as_ref().map_or(&*x, |x| x), y.view_mut());
            if i < last {
                rectify(&mut y);
            }
            earlier = Some(y);
        }
    }

    /// The gradient in all parameters, from that in the output: the chain rule, last layer first.
    ///
    /// Shapes: `d_output: (n, outputs) -> the network's`.
    /// Errors: `Shape`, also when the trace is of another network; `Count` where there is no layer.
    pub fn backward(&self, trace: &Trace<'_, F>, d_output: &ArrayRef2<F>, threads: Threads) -> Result<Self> {
        let d_outputs = self.down(trace, d_output.view(), threads)?;
        let mut gradient = self.clone();
        self.gradient_into(&mut gradient, &[(F::one(), trace, &d_outputs)], threads)?;
        Ok(gradient)
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
        let (d_input, d_outputs) = self.down_to_input(trace, d_output.view(), threads)?;
        let mut gradient = self.clone();
        self.gradient_into(&mut gradient, &[(F::one(), trace, &d_outputs)], threads)?;
        Ok((gradient, d_input))
    }

    /// [`backward_to_input`](Self::backward_to_input) for the input alone, a third of the work less: the slope of
    /// what a network says of points that it does not learn from.
    ///
    /// Shapes: `d_output: (n, outputs) -> (n, inputs)`.
    /// Errors: those of `backward`.
    pub fn input_gradient(&self, trace: &Trace<'_, F>, d_output: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
        Ok(self.down_to_input(trace, d_output.view(), threads)?.0)
    }

    /// The gradients in the outputs of all layers, from that in the last: half of
    /// [`backward`](Self::backward), and [`gradient_into`](Self::gradient_into) is the other.
    pub(crate) fn down<'a>(
        &self,
        trace: &Trace<'_, F>,
        d_output: impl Into<CowArray<'a, F, Ix2>>,
        threads: Threads,
    ) -> Result<Outputs<'a, F>> {
        let last = d_output.into();
        let hidden = self.down_to(1, trace, &last, threads)?;
        Ok(Outputs { hidden, last })
    }

    /// The gradient in the input, and [`down`](Self::down).
    pub(crate) fn down_to_input<'a>(
        &self,
        trace: &Trace<'_, F>,
        d_output: impl Into<CowArray<'a, F, Ix2>>,
        threads: Threads,
    ) -> Result<(Array2<F>, Outputs<'a, F>)> {
        let last = d_output.into();
        let mut hidden = self.down_to(0, trace, &last, threads)?;
        let d_input = hidden.remove(0);
        Ok((d_input, Outputs { hidden, last }))
    }

    /// The gradients in the inputs of all layers from the `first` on.
    ///
    /// Each half of the batch goes through all layers on a thread of its own.
    fn down_to(
        &self,
        first: usize,
        trace: &Trace<'_, F>,
        d_output: &ArrayRef2<F>,
        threads: Threads,
    ) -> Result<Vec<Array2<F>>> {
        self.made(trace)?;
        same_shape("d_output", d_output.shape(), trace.output.shape())?;
        let n = d_output.nrows();
        // By columns too, but for what a caller gets.
        let layers = self.layers.iter().enumerate().skip(first);
        let mut d_inputs: Vec<_> = layers.map(|(i, layer)| Array2::zeros((n, layer.inputs()).set_f(i > 0))).collect();
        let (upper, lower) = halves(&mut d_inputs);
        let (d_upper, d_lower) = d_output.view().split_at(Axis(0), middle(n));
        let (y_upper, y_lower) = trace.hidden.iter().map(|y| y.view().split_at(Axis(0), middle(n))).unzip();
        threads.join(|| self.fill_down(y_upper, d_upper, upper), || self.fill_down(y_lower, d_lower, lower));
        Ok(d_inputs)
    }

    /// [`down_to`](Self::down_to) for some rows, by one thread: `d_xs` are those of the last layers.
    fn fill_down(&self, ys: Vec<ArrayView2<'_, F>>, d_y: ArrayView2<'_, F>, mut d_xs: Vec<ArrayViewMut2<'_, F>>) {
        let rectified = ys.iter().map(Some).rev().chain([None]);
        let mut later: Option<ArrayViewMut2<'_, F>> = None;
        for (layer, y) in self.layers.iter().rev().zip(rectified) {
            let Some(mut d_x) = d_xs.pop() else { return };
            layer.fill_backward(later.as_ref().map_or(&*d_y, |d| d), d_x.view_mut());
            if let Some(y) = y {
                mask(y, &mut d_x);
            }
            later = Some(d_x);
        }
    }

    /// The gradient in all parameters, into a network of the same shapes, whatever it held: the weighted
    /// sum over the parts of a batch, each a weight, a trace, and the gradients in the outputs of all
    /// layers.
    pub(crate) fn gradient_into(
        &self,
        gradient: &mut Self,
        parts: &[(F, &Trace<'_, F>, &Outputs<'_, F>)],
        threads: Threads,
    ) -> Result<()> {
        let (got, expected) = (gradient.layers.len(), self.layers.len());
        if got != expected {
            return Err(count("gradient", "layers", got, &format!("{expected}, as many as the network")));
        }
        for (i, (layer, gradient)) in self.layers.iter().zip(&mut gradient.layers).enumerate() {
            let parts: Vec<_> = parts.iter().map(|&(by, trace, d)| (by, trace.input_of(i), d.output(i))).collect();
            layer.gradient_into(gradient, &parts, threads)?;
        }
        Ok(())
    }

    /// Whether this network may have made the trace.
    fn made(&self, trace: &Trace<'_, F>) -> Result<()> {
        let got = trace.hidden.len() + 1;
        match self.layers.len() {
            0 => return Err(count("layers", "entries", 0, "at least 1")),
            layers if layers != got => {
                return Err(count("trace", "layers", got, &format!("{layers}, as many as the network")));
            }
            _ => {}
        }
        let n = trace.input.nrows();
        same_shape("x", trace.input.shape(), &[n, self.layers[0].inputs()])?;
        for (layer, y) in self.layers.iter().zip(trace.hidden.iter().chain([&trace.output])) {
            same_shape("y", y.shape(), &[n, layer.outputs()])?;
        }
        Ok(())
    }

    /// Names and numbers of all parameters: `0.weight`, `0.bias`, `1.weight`, ..., first layer to last.
    ///
    /// The numbers of a weight come in the order of memory: by columns where [`Dense::new`] made more inputs
    /// than outputs, by rows otherwise; where there are gaps, by rows. Gradients lie as their weights do. To
    /// save or compare weights, read `layers[i].weight` by its indices and not this list.
    pub fn parameters(&self) -> Vec<(String, Cow<'_, [F]>)> {
        self.layers
            .iter()
            .enumerate()
            .flat_map(|(i, layer)| {
                [(format!("{i}.weight"), numbers(&layer.weight)), (format!("{i}.bias"), numbers(&layer.bias))]
            })
            .collect()
    }

    /// The same list for an optimiser to write into; an array with gaps is put in standard layout first.
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

impl<F: Real> Trace<'_, F> {
    /// What went into layer `i`.
    fn input_of(&self, i: usize) -> ArrayView2<'_, F> {
        match i.checked_sub(1) {
            None => self.input.view(),
            Some(earlier) => self.hidden[earlier].view(),
        }
    }
}

impl<F: Real> Outputs<'_, F> {
    /// The gradient in the output of layer `i`.
    fn output(&self, i: usize) -> ArrayView2<'_, F> {
        self.hidden.get(i).map_or(self.last.view(), |d| d.view())
    }
}

/// The two halves of the rows of each array.
fn halves<'a, F>(
    arrays: impl IntoIterator<Item = &'a mut Array2<F>>,
) -> (Vec<ArrayViewMut2<'a, F>>, Vec<ArrayViewMut2<'a, F>>) {
    let cut = |array: &'a mut Array2<F>| {
        let middle = middle(array.nrows());
        array.view_mut().split_at(Axis(0), middle)
    };
    arrays.into_iter().map(cut).unzip()
}

fn count(name: &'static str, axis: &'static str, got: usize, expected: &str) -> Error {
    Error::Count { name, axis, got, expected: expected.to_owned() }
}
