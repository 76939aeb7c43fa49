use crate::Real;
use crate::rows::{sum_coordinates, weigh};

/// 1 / T, or the largest number.
pub(crate) fn cooled<F: Real>(temperature: F) -> F {
    temperature.recip().min(F::max_value())
}

/// (diag(x) - x x') d times `by`, of the shares x of a block.
#[inline(always)]
pub(crate) fn pull_back_of_shares<F: Real>((x, d): (&[F], &[F]), grad: &mut [F], by: F) {
    let moved = moved_by((x, d));
    grad.iter_mut().zip(x).zip(d).for_each(|((grad, &x), &d)| *grad = moved(x, d) * by);
}

/// The entry of (diag(x) - x x') d at a share and its slope.
///
/// The mean slope is taken twice: of a share near 1 the slope is the mean but for a small number, which the first mean may have
/// rounded away, and the mean of what is left has it.
#[inline(always)]
pub(crate) fn moved_by<F: Real>((x, d): (&[F], &[F])) -> impl Fn(F, F) -> F + use<F> {
    let mean = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (weigh(x, d), []));
    let left = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (weigh(x, d - mean), []));
    move |x, d| weigh(x, (d - mean) - left)
}
