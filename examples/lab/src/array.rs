//! The numbers of an array as one slice.

use std::borrow::Cow;

use estimand::Real;
use estimand::ndarray::{Array, Dimension};

/// The numbers of an array in the order in which they lie: by rows, by columns, either of them backwards;
/// copied by rows where there are gaps between them.
pub(crate) fn numbers<F: Real, D: Dimension>(array: &Array<F, D>) -> Cow<'_, [F]> {
    match array.as_slice_memory_order() {
        Some(numbers) => Cow::Borrowed(numbers),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// [`numbers`] to write into; where there are gaps, the array is put in standard layout first.
pub(crate) fn contiguous<F: Real, D: Dimension>(array: &mut Array<F, D>) -> &mut [F] {
    if array.as_slice_memory_order().is_none() {
        *array = array.as_standard_layout().into_owned();
    }
    match array.as_slice_memory_order_mut() {
        Some(numbers) => numbers,
        None => unreachable!("an array in standard layout has no gaps"),
    }
}
