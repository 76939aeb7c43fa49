use ndarray::{Array1, ArrayRef1};

use super::grad::GradRows;
use super::sum::{pairwise, weigh};
use crate::shape::groups;
use crate::{Error, Real, Result};

/// A value and its gradient, born in one pass.
///
/// Until the user reduces it, the value has a number a row, `(n,)`, and the gradient `n` rows, or
/// `n * k` where `k` rows belong to each value. [`mean`](Self::mean) is the only reduction that
/// divides by `n`, and divides both.
///
/// ```
/// use estimand::{ValueGrad, ndarray::{array, Array2}};
///
/// let per_example = ValueGrad { value: array![1.0, 3.0], grad: Array2::ones((2, 5)) };
/// let mean = per_example.mean()?;
/// assert_eq!(mean.value, 2.0);
/// assert_eq!(mean.grad[[0, 0]], 0.5);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct ValueGrad<V, G> {
    /// The value.
    pub value: V,
    /// Its gradient, in the layout of what it was taken for.
    pub grad: G,
}

impl<F: Real, G: GradRows<F>> ValueGrad<Array1<F>, G> {
    /// The value and every gradient, times `by`; 0 silences an infinity but not a NaN.
    pub fn scaled(mut self, by: F) -> Self {
        self.value.mapv_inplace(|v| weigh(by, v));
        self.grad.scale(by);
        self
    }

    /// The mean over rows, with its gradient: every gradient row is divided by `n` as well.
    ///
    /// Shapes: `(n,)` with `n * k` gradient rows to a number with the same rows, scaled.
    /// Infinities of both signs have no mean, and give NaN.
    /// Errors: `TooFew` where `n = 0`; `NaN` with the row where a value or a gradient row is NaN;
    /// `Count` where the gradient rows do not fall into `n` groups.
    pub fn mean(mut self) -> Result<ValueGrad<F, G>> {
        let n = self.value.len();
        let value = mean_of("value", &self.value)?;
        mean_rows(&mut self.grad, n)?;
        Ok(ValueGrad { value, grad: self.grad })
    }

    /// What the sum over a data set of `data` rows is, by these of a batch: N / M times their sum, value and gradient rows.
    ///
    /// Unbiased where each row is as likely in the batch. Shapes: as [`mean`](Self::mean), of which it is `data` times.
    /// Errors: as there; `Parameter` where the batch has more than `data` rows.
    pub fn data_total(self, data: usize) -> Result<ValueGrad<F, G>> {
        let scale = data_scale(self.value.len(), data)?;
        let mut mean = self.mean()?;
        mean.grad.scale(scale);
        Ok(ValueGrad { value: scale * mean.value, grad: mean.grad })
    }

    /// The mean over each `k` consecutive rows, as `k` samples of one example: `n * k` values
    /// become `n`, and the `n * k` gradient rows stay, divided by `k`.
    ///
    /// Errors: `Parameter` where `k = 0`; `Count` where `k` does not divide the rows, or the gradient
    /// rows do not belong to the values.
    pub fn mean_groups(mut self, k: usize) -> Result<Self> {
        let n = groups("value", "rows", self.value.len(), k)?;
        rows_fit(&self.grad, self.value.len())?;
        let each = F::one() / F::count(k);
        let value = Array1::from_shape_fn(n, |i| pairwise(k, |j| self.value[i * k + j]) * each);
        self.grad.scale(each);
        Ok(Self { value, grad: self.grad })
    }
}

/// What makes the mean of a batch of `n` the sum over `data`.
pub(crate) fn data_scale<F: Real>(n: usize, data: usize) -> Result<F> {
    if n <= data {
        return Ok(F::count(data));
    }
    Err(Error::Parameter { name: "data", value: data as f64, expected: "at least the rows of the batch" })
}

/// Divides gradient rows by the `n` values that they belong to.
pub(crate) fn mean_rows<F: Real>(grad: &mut impl GradRows<F>, n: usize) -> Result<()> {
    rows_fit(grad, n)?;
    grad.scale(F::one() / F::count(n));
    grad.nan_row().map_or(Ok(()), |row| Err(Error::NaN { name: "grad", row }))
}

/// The gradient rows fall into groups, one for each of `n` values.
fn rows_fit<F: Real>(grad: &impl GradRows<F>, n: usize) -> Result<()> {
    let misfit = |got| Error::Count { name: "grad", axis: "rows", got, expected: format!("a multiple of {n}") };
    grad.misfit(n).map_or(Ok(()), |got| Err(misfit(got)))
}

/// The mean of one number a row.
pub(crate) fn mean_of<F: Real>(name: &'static str, rows: &ArrayRef1<F>) -> Result<F> {
    let n = rows.len();
    if n == 0 {
        return Err(Error::TooFew { name, got: 0, needs: 1 });
    }
    crate::shape::no_nan(name, rows)?;
    Ok(pairwise(n, |i| rows[i]) / F::count(n))
}
