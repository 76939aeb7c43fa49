use ndarray::{ArrayBase, ArrayRef2, ArrayView2, CowArray, CowRepr, Ix2};

use crate::Real;

/// Parameter rows of a law, borrowed wherever a row is a slice already.
///
/// Rows of stride 0 (one row seen many times) and rows of a wider array are borrowed; an array
/// whose *coordinates* are not contiguous is copied once, here.
///
/// ```
/// use estimand::{distribution::Parameters, ndarray::array};
///
/// let logits = array![[1.0, 2.0], [3.0, 4.0]];
/// assert_eq!(Parameters::new(logits.view()).row(1), [3.0, 4.0]);
/// assert_eq!(Parameters::new(logits.t()).row(1), [2.0, 4.0]);
/// ```
// Spelt out, since the alias `CowArray` would tie two laws to one lifetime.
#[derive(Debug, Clone)]
pub struct Parameters<'a, F>(ArrayBase<CowRepr<'a, F>, Ix2, F>);

impl<'a, F: Real> Parameters<'a, F> {
    /// Borrows `rows`, or copies them if their inner stride is not 1.
    pub fn new(rows: impl Into<CowArray<'a, F, Ix2>>) -> Self {
        let rows = rows.into();
        if rows.ncols() <= 1 || rows.strides()[1] == 1 {
            return Self(rows);
        }
        Self(rows.as_standard_layout().into_owned().into())
    }

    /// Parameter row `t`.
    #[inline(always)]
    pub fn row(&self, t: usize) -> &[F] {
        // The inner stride is 1 by construction: always a slice.
        self.0.row(t).to_slice().unwrap_or_default()
    }

    /// All rows.
    pub fn view(&self) -> ArrayView2<'_, F> {
        self.0.view()
    }
}

impl<F> std::ops::Deref for Parameters<'_, F> {
    type Target = ArrayRef2<F>;

    fn deref(&self) -> &ArrayRef2<F> {
        &self.0
    }
}
