use std::fmt::Debug;
use std::ops::Add;

use ndarray::{Array, Array1, Array2, ArrayRef1, ArrayView2, Axis, Dimension};

use super::sum::weigh;
use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, run};
use crate::shape::{nan_row, no_nan, same_shape};
use crate::{Error, Real, Result};

/// How a gradient row is divided: the layout of a family's parameters.
///
/// One small tag a family, such as `loc | log_scale`.
pub trait Parts: Clone + PartialEq + Debug + Send + Sync {
    /// The names, in order.
    const NAMES: &'static [&'static str];

    /// The width of part `k` of [`NAMES`](Self::NAMES).
    fn part_width(&self, k: usize) -> usize;

    /// The width of a row.
    fn width(&self) -> usize {
        (0..Self::NAMES.len()).map(|k| self.part_width(k)).sum()
    }
}

/// Gradient rows, held: one flat array `(n, width)` with named parts.
///
/// The layout is that of the parameters, as an encoder's last layer gives them, so the flat array
/// is what that layer's backward pass takes. A sum of two gradients is checked, and so a `Result`;
/// of three, `((a + b)? + c)?`.
///
/// ```
/// use estimand::{DiagGaussian, Rows, Sample, Reparameterize, ndarray::{array, Array2}};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let head = array![[0.0, 1.0, 0.0, 0.0]];                   // loc | log_scale, two coordinates
/// let q = DiagGaussian::from_head(&head)?;
/// let kl = q.kl_standard();
/// assert_eq!(kl.grad.loc(), array![[0.0, 1.0]]);
/// assert_eq!(kl.grad.log_scale(), array![[0.0, 0.0]]);
///
/// let z = q.draw(&mut StdRng::seed_from_u64(1));
/// let d_z = Array2::ones((1, 2));
/// let d_head = kl.grad + q.pathwise(&z, &d_z)?.total();
/// assert_eq!(d_head?.loc(), array![[1.0, 2.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Grad<F, P> {
    flat: Array2<F>,
    parts: P,
}

impl<F: Real, P: Parts> Grad<F, P> {
    /// Rows in the layout of `parts`.
    ///
    /// Errors: `Shape` where `flat` is not `(n, parts.width())`.
    pub fn new(flat: Array2<F>, parts: P) -> Result<Self> {
        same_shape("flat", flat.shape(), &[flat.nrows(), parts.width()])?;
        Ok(Self { flat, parts })
    }

    /// The same, where the shape is right by construction.
    pub(crate) fn held(flat: Array2<F>, parts: P) -> Self {
        Self { flat, parts }
    }

    /// All parts side by side: `(n, width)`.
    pub fn flat(&self) -> ArrayView2<'_, F> {
        self.flat.view()
    }

    /// The numbers of all rows, to be written over, the rows from now on of these parts.
    pub(crate) fn slots(&mut self, parts: &P) -> &mut [F] {
        self.parts = parts.clone();
        slots(&mut self.flat)
    }

    /// The array itself.
    pub fn into_flat(self) -> Array2<F> {
        self.flat
    }

    /// How a row is divided.
    pub fn parts(&self) -> &P {
        &self.parts
    }

    /// Part `k` of `P::NAMES`, `(n, part_width(k))`; no columns where there is no such part.
    pub fn part(&self, k: usize) -> ArrayView2<'_, F> {
        let known = k.min(P::NAMES.len());
        let from = (0..known).map(|j| self.parts.part_width(j)).sum();
        let width = if k == known && k < P::NAMES.len() { self.parts.part_width(k) } else { 0 };
        self.flat.view().split_at(Axis(1), from).1.split_at(Axis(1), width).0
    }

    /// Every entry times `by`; 0 silences an infinity but not a NaN.
    #[must_use]
    pub fn scaled(mut self, by: F) -> Self {
        self.scale(by);
        self
    }

    /// Row `i` times `weights[i]`, rows kept.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of the weights.
    pub fn weighted_rows(mut self, weights: &ArrayRef1<F>) -> Result<Self> {
        same_shape("weights", weights.shape(), &[self.flat.nrows()])?;
        no_nan("weights", weights)?;
        for (mut row, &w) in self.flat.rows_mut().into_iter().zip(weights) {
            row.mapv_inplace(|g| weigh(w, g));
        }
        Ok(self)
    }
}

/// The numbers of an array in row-major order, to be written over: what they were is lost where the
/// array lies otherwise.
pub(crate) fn slots<F: Real, D: Dimension>(array: &mut Array<F, D>) -> &mut [F] {
    if !array.is_standard_layout() {
        *array = Array::zeros(array.raw_dim());
    }
    array.as_slice_mut().unwrap_or_default()
}

/// The sum of two gradients of the same parameters; `Shape` where they are not, of the part widths
/// where only the division differs.
impl<F: Real, P: Parts> Add for Grad<F, P> {
    type Output = Result<Self>;

    fn add(mut self, other: Self) -> Result<Self> {
        same_shape("grad", other.flat.shape(), self.flat.shape())?;
        if other.parts != self.parts {
            let widths = |parts: &P| (0..P::NAMES.len()).map(|k| parts.part_width(k)).collect();
            return Err(Error::Shape { name: "parts", got: widths(&other.parts), expected: widths(&self.parts) });
        }
        self.flat.zip_mut_with(&other.flat, |to, &from| *to += from);
        Ok(self)
    }
}

/// The same with a sum that may have failed: its error goes through.
impl<F: Real, P: Parts> Add<Result<Self>> for Grad<F, P> {
    type Output = Result<Self>;

    fn add(self, other: Result<Self>) -> Result<Self> {
        self + other?
    }
}

/// What holds gradient rows, or several kinds of them side by side: a [`Grad`], an array with a
/// row an example, a pair.
pub trait GradRows<F: Real> {
    /// Multiplies every entry by `by`; 0 silences an infinity but not a NaN.
    fn scale(&mut self, by: F);

    /// The first row that holds a NaN.
    fn nan_row(&self) -> Option<usize>;

    /// How many rows there are, where they do not fall into `n` groups of one size.
    fn misfit(&self, n: usize) -> Option<usize>;
}

fn misfit(rows: usize, n: usize) -> Option<usize> {
    let fits = rows.is_multiple_of(n) && (rows > 0 || n == 0);
    (!fits).then_some(rows)
}

impl<F: Real> GradRows<F> for Array1<F> {
    fn scale(&mut self, by: F) {
        self.mapv_inplace(|g| weigh(by, g));
    }

    fn nan_row(&self) -> Option<usize> {
        self.iter().position(|g| g.is_nan())
    }

    fn misfit(&self, n: usize) -> Option<usize> {
        misfit(self.len(), n)
    }
}

struct Scale<'a, F> {
    entries: &'a mut [F],
    by: F,
}

impl<F: Real> Work<F> for Scale<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) {
        for g in self.entries {
            *g *= self.by;
        }
    }
}

impl<F: Real> GradRows<F> for Array2<F> {
    fn scale(&mut self, by: F) {
        match self.as_slice_memory_order_mut() {
            Some(entries) if by != F::zero() => run(Level::best(), Scale { entries, by }),
            _ => self.mapv_inplace(|g| weigh(by, g)),
        }
    }

    fn nan_row(&self) -> Option<usize> {
        nan_row(self)
    }

    fn misfit(&self, n: usize) -> Option<usize> {
        misfit(self.nrows(), n)
    }
}

impl<F: Real, P: Parts> GradRows<F> for Grad<F, P> {
    fn scale(&mut self, by: F) {
        self.flat.scale(by);
    }

    fn nan_row(&self) -> Option<usize> {
        self.flat.nan_row()
    }

    fn misfit(&self, n: usize) -> Option<usize> {
        self.flat.misfit(n)
    }
}

impl<F: Real, A: GradRows<F>, B: GradRows<F>> GradRows<F> for (A, B) {
    fn scale(&mut self, by: F) {
        self.0.scale(by);
        self.1.scale(by);
    }

    fn nan_row(&self) -> Option<usize> {
        [self.0.nan_row(), self.1.nan_row()].into_iter().flatten().min()
    }

    fn misfit(&self, n: usize) -> Option<usize> {
        self.0.misfit(n).or(self.1.misfit(n))
    }
}
