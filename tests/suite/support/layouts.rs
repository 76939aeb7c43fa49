//! One array of numbers in every memory layout.

use estimand::Real;
use estimand::ndarray::{Array2, ArrayView2, Axis, s};

/// Calls `check` with the same numbers in row-major, column-major, strided, reversed and offset
/// storage. `check` gets the name of the layout.
pub fn every_layout<F: Real>(array: &Array2<F>, mut check: impl FnMut(&str, ArrayView2<'_, F>)) {
    let (n, d) = array.dim();
    check("row-major", array.view());
    let column_major = array.t().as_standard_layout().into_owned();
    check("column-major", column_major.t());
    let mut wide = Array2::from_elem((2 * n, 3 * d), F::nan());
    wide.slice_mut(s![..;2, ..;3]).assign(array);
    check("strided", wide.slice(s![..;2, ..;3]).slice(s![..n, ..d]));
    let mut reversed = array.clone();
    reversed.invert_axis(Axis(0));
    reversed.invert_axis(Axis(1));
    let stored = reversed.as_standard_layout().into_owned();
    check("reversed", stored.slice(s![..;-1, ..;-1]));
    let mut framed = Array2::from_elem((n + 2, d + 2), F::nan());
    framed.slice_mut(s![1..=n, 1..=d]).assign(array);
    check("framed", framed.slice(s![1..=n, 1..=d]));
}
