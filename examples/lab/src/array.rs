//! The numbers of an array as one slice.

use std::borrow::Cow;

use estimand::Real;
use estimand::ndarray::{Array, Dimension};

/// The numbers of an array in row-major order, copied only where they lie otherwise.
pub(crate) fn numbers<F: Real, D: Dimension>(array: &Array<F, D>) -> Cow<'_, [F]> {
    match array.as_slice() {
        Some(numbers) => Cow::Borrowed(numbers),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// The numbers of an array in row-major order, the array put in standard layout if it is not.
pub(crate) fn contiguous<F: Real, D: Dimension>(array: &mut Array<F, D>) -> &mut [F] {
    if !array.is_standard_layout() {
        *array = array.as_standard_layout().into_owned();
    }
    match array.as_slice_mut() {
        Some(numbers) => numbers,
        None => unreachable!("an array in standard layout has no gaps"),
    }
}
