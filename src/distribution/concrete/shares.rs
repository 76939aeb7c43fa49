use crate::Real;
use crate::rows::{sum_coordinates, weigh};

/// What `of` makes of the old entry of `grad` and of (diag(x) - x x') d, shares x of a block.
///
/// The mean slope is taken twice: of a share near 1 the slope is the mean but for a small number, which the first mean may have
/// rounded away, and the mean of what is left has it.
#[inline(always)]
pub(crate) fn pull_back_of_shares<F: Real>((x, d): (&[F], &[F]), grad: &mut [F], of: impl Fn(F, F) -> F) {
    let mean = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (weigh(x, d), []));
    let left = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (weigh(x, d - mean), []));
    grad.iter_mut().zip(x).zip(d).for_each(|((grad, &x), &d)| *grad = of(*grad, weigh(x, (d - mean) - left)));
}
