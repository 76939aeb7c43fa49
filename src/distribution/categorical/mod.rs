//! Classes by their logits: constructors and labels here, the mathematics of a row in `law`, draws in `gumbel_max`,
//! perturbed logits given a class in `perturbed`.

mod gumbel_max;
mod law;
mod perturbed;

use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, CowArray, Ix1, Ix2};

use super::bernoulli::LogitParts;
use super::law::{Distribution, ValueRows};
use super::parameters::Parameters;
use super::shares::blocks;
use crate::kernel::fill;
use crate::rows::Grad;
use crate::shape::{NOT_NEGATIVE, any, at_least_one, entries, no_nan_rows, same_shape};
use crate::{Error, Real, Result, ValueGrad};

/// Independent choices among K classes, by their logits: P(class k) = softmax(l)_k.
///
/// ```text
/// log q(x) = sum over blocks of l_k - ln sum of e^l_j,   d log q / dl = x - softmax(l)
/// ```
///
/// A sample is a row of blocks of K columns, each with a single 1, at the class: one block a variable. Where classes are
/// held as numbers, `labels`, nothing of K columns need be made of them ([`log_prob_of`](Self::log_prob_of)).
///
/// Logits of a block may be shifted by any number. One of -inf is a class of probability 0: its own probability, gradient and
/// share in an entropy are 0, and of a sample with it the log-probability is -inf. Those of +inf share all probability.
/// Source: chapter `distribution/categorical`.
///
/// ```
/// use estimand::{Categorical, Distribution, ndarray::array};
///
/// // Two variables of three classes.
/// let logits = array![[0.0_f64, 2.0_f64.ln(), f64::NEG_INFINITY, 0.0, 0.0, 0.0]];
/// let q = Categorical::new(&logits, 3)?;
/// let x = q.one_hot(&array![[1, 0]])?;
/// assert_eq!(x, array![[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]);
/// let at = q.log_prob_grad(&x)?;
/// assert!((at.value[0] - (2.0 / 9.0_f64).ln()).abs() < 1e-15);
/// assert!((at.grad.logits()[[0, 0]] + 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Categorical<'a, F> {
    /// Without +inf, and no block is -inf throughout.
    logits: Parameters<'a, F>,
    classes: usize,
    repeat: usize,
}

impl<'a, F: Real> Categorical<'a, F> {
    /// From logits in blocks of `classes` columns: `(n, blocks classes)`.
    ///
    /// Errors: `Parameter` where `classes = 0`; `Count` where it does not divide the columns; `Entry` where all logits of a
    /// block are -inf, with its first column.
    pub fn new(logits: impl Into<CowArray<'a, F, Ix2>>, classes: usize) -> Result<Self> {
        Self::build("logits", logits.into(), classes, 1)
    }

    /// One law, `samples` of it: `logits: (blocks classes,)`. Errors: as [`new`](Self::new); `Parameter` where `samples = 0`.
    pub fn shared(logits: impl Into<CowArray<'a, F, Ix1>>, classes: usize, samples: usize) -> Result<Self> {
        at_least_one("samples", samples)?;
        Self::build("logits", logits.into().insert_axis(Axis(0)), classes, samples)
    }

    /// One law as `rows` parameter rows, each with samples of its own, as [`LocScale::identical`](super::LocScale::identical):
    /// `logits: (blocks classes,)`. Errors: as [`new`](Self::new); `Parameter` where `rows = 0`.
    pub fn identical(logits: &ArrayRef1<F>, classes: usize, rows: usize) -> Result<Self> {
        at_least_one("rows", rows)?;
        let rows = Array2::from_shape_fn((rows, logits.len()), |(_, j)| logits[j]);
        Self::build("logits", rows.into(), classes, 1)
    }

    /// From probabilities, or weights that are proportional to them within each block: `(n, blocks classes)`.
    ///
    /// Gradients stay in the logits, l = ln p: in a weight they are that over the weight. Errors: `Entry` where a weight is
    /// negative or infinite, or all of a block are 0; as [`new`](Self::new).
    ///
    /// ```
    /// use estimand::{Categorical, MeanVariance, ndarray::array};
    /// let q = Categorical::from_probs(&array![[1.0, 3.0, 0.0]], 3)?;
    /// assert_eq!(q.mean(), array![[0.25, 0.75, 0.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn from_probs(probs: &ArrayRef2<F>, classes: usize) -> Result<Categorical<'static, F>> {
        entries("probs", probs, NOT_NEGATIVE, |p| (p >= F::zero()) & p.is_finite())?;
        let law = Categorical::build("probs", probs.mapv(F::ln).into(), classes, 1);
        // In the user's numbers.
        law.map_err(|error| match error {
            Error::Entry { name, index, .. } => {
                Error::Entry { name, index, value: 0.0, expected: "a weight above 0 (all of the block are 0)" }
            }
            other => other,
        })
    }

    /// Each parameter row for `k` times as many consecutive samples: `k` samples an example.
    ///
    /// A law with `k = 0` has no sample row, and refuses every array of samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { repeat: self.repeat.saturating_mul(k), ..self }
    }

    fn build(name: &'static str, logits: CowArray<'a, F, Ix2>, classes: usize, repeat: usize) -> Result<Self> {
        at_least_one("classes", classes)?;
        let columns = logits.ncols();
        if !columns.is_multiple_of(classes) {
            return Err(Error::Count {
                name,
                axis: "columns",
                got: columns,
                expected: format!("a multiple of {classes}"),
            });
        }
        let logits = if any(&*logits, F::is_infinite) { support(name, logits, classes)? } else { logits };
        Ok(Self { logits: Parameters::new(logits), classes, repeat })
    }

    /// The logits: `(rows, blocks classes)`; where some of a block were +inf, 0 of those and -inf of the others.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.logits.view()
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Variables of a sample.
    pub fn blocks(&self) -> usize {
        self.logits.ncols() / self.classes
    }

    /// Samples from labels, `(n, blocks)`: blocks of K columns with a 1 at the class, `(n, blocks classes)`.
    ///
    /// Errors: `Shape`; `Entry` where a label is not below K.
    pub fn one_hot(&self, labels: &ArrayRef2<usize>) -> Result<Array2<F>> {
        self.labels_door(labels)?;
        let k = self.classes;
        Ok(Array2::from_shape_fn((labels.nrows(), labels.ncols() * k), |(i, j)| {
            if labels[[i, j / k]] == j % k { F::one() } else { F::zero() }
        }))
    }

    /// Labels of samples: `(n, blocks classes)` to `(n, blocks)`.
    ///
    /// Errors: `Shape`; `NaN` with the row; what [`admits`](Distribution::admits) refuses.
    ///
    /// ```
    /// use estimand::{Categorical, ndarray::array};
    /// let q = Categorical::new(array![[0.0, 0.0, 0.0, 0.0]], 2)?;
    /// assert_eq!(q.labels(&array![[0.0, 1.0, 1.0, 0.0]])?, array![[1, 0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn labels(&self, x: &ArrayRef2<F>) -> Result<Array2<usize>> {
        self.shape().samples_door("x", x)?;
        no_nan_rows("x", x)?;
        self.admits(x)?;
        let k = self.classes;
        let class = |i: usize, b: usize| (0..k).find(|&c| x[[i, b * k + c]] == F::one()).unwrap_or_default();
        Ok(Array2::from_shape_fn((x.nrows(), self.blocks()), |(i, b)| class(i, b)))
    }

    /// [`log_prob`](Distribution::log_prob) of labels: `(n, blocks)` to `(n,)`.
    ///
    /// Errors: `Shape`; `Entry` where a label is not below K.
    ///
    /// ```
    /// use estimand::{Categorical, ndarray::array};
    /// let q = Categorical::new(array![[0.0_f64, 3.0_f64.ln()]], 2)?;
    /// assert!((q.log_prob_of(&array![[1]])?[0] - 0.75_f64.ln()).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn log_prob_of(&self, labels: &ArrayRef2<usize>) -> Result<Array1<F>> {
        self.labels_door(labels)?;
        let (value, []) = fill(labels.nrows(), [], [], &law::LabelRow::<F, false>::new(self, labels));
        Ok(value)
    }

    /// [`log_prob_grad`](Distribution::log_prob_grad) of labels: `(n, blocks)` to `(n,)` with gradient rows
    /// `(n, blocks classes)`. Errors: as [`log_prob_of`](Self::log_prob_of).
    pub fn log_prob_grad_of(&self, labels: &ArrayRef2<usize>) -> Result<ValueRows<F, LogitParts>> {
        self.labels_door(labels)?;
        let parts = self.parts();
        let (value, [grad]) = fill(labels.nrows(), [], [parts.dim], &law::LabelRow::<F, true>::new(self, labels));
        Ok(ValueGrad { value, grad: Grad::held(grad, parts) })
    }

    fn labels_door(&self, labels: &ArrayRef2<usize>) -> Result<()> {
        at_least_one("repeat", self.repeat)?;
        same_shape("labels", labels.shape(), &[self.shape().samples(), self.blocks()])?;
        let stray = labels.indexed_iter().find(|&(_, &class)| class >= self.classes);
        stray.map_or(Ok(()), |((i, b), &class)| {
            let expected = "a class, counted from 0 and below their number";
            Err(Error::Entry { name: "labels", index: vec![i, b], value: class as f64, expected })
        })
    }

    /// The logits of parameter row `t`.
    #[inline(always)]
    pub(super) fn row(&self, t: usize) -> &[F] {
        self.logits.row(t)
    }

    /// The blocks of a row.
    #[inline(always)]
    fn blocks_of<'r>(&self, row: &'r [F]) -> impl Iterator<Item = &'r [F]> + use<'r, F> {
        blocks(row, self.classes)
    }
}

/// Logits whose +inf are classes that share all probability; a block without a class is refused.
fn support<'a, F: Real>(
    name: &'static str,
    logits: CowArray<'a, F, Ix2>,
    classes: usize,
) -> Result<CowArray<'a, F, Ix2>> {
    let (none, sure) = (F::neg_infinity(), F::infinity());
    let blocks = |row: usize| logits.row(row).to_vec();
    for t in 0..logits.nrows() {
        if let Some(b) = blocks(t).chunks_exact(classes).position(|block| block.iter().all(|&l| l == none)) {
            let expected = "the logit of a class that can be (all of the block are -inf)";
            let (index, value) = (vec![t, b * classes], none.as_f64());
            return Err(Error::Entry { name, index, value, expected });
        }
    }
    if !any(&*logits, |l| l == sure) {
        return Ok(logits);
    }
    let mut logits = logits.as_standard_layout().into_owned();
    for block in logits.as_slice_mut().unwrap_or_default().chunks_exact_mut(classes) {
        if block.contains(&sure) {
            let of = |l: F| if l == sure { F::zero() } else { none };
            block.iter_mut().for_each(|l| *l = if l.is_nan() { *l } else { of(*l) });
        }
    }
    Ok(logits.into())
}
