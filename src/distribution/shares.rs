use crate::Real;
use crate::rows::{sum_coordinates, weigh};

/// The blocks of a row, of a size above 0. (To count them, as `chunks_exact` does, is a division for each array that is met,
/// and takes as long as a block of several vectors.)
#[inline(always)]
pub(crate) fn blocks<F>(mut row: &[F], size: usize) -> impl Iterator<Item = &[F]> {
    std::iter::from_fn(move || row.split_off(..size))
}

/// [`blocks`], to be written.
#[inline(always)]
pub(crate) fn blocks_mut<F>(mut row: &mut [F], size: usize) -> impl Iterator<Item = &mut [F]> {
    std::iter::from_fn(move || row.split_off_mut(..size))
}

/// 1 / T, or the largest number.
pub(crate) fn cooled<F: Real>(temperature: F) -> F {
    temperature.recip().min(F::max_value())
}

/// (diag(x) - x x') d times `by`, of the shares x of a block.
#[inline(always)]
pub(crate) fn pull_back_of_shares<F: Real>((x, d): (&[F], &[F]), grad: &mut [F], by: F) {
    let (mean, left) = mean_in_parts::<F, false>((x, d));
    if left.is_nan() {
        // A share of 0 has met an infinity, or there is a NaN. (Differences of slopes near the largest number are not asked for.)
        let moved = moved_by((x, d));
        grad.iter_mut().zip(x).zip(d).for_each(|((grad, &x), &d)| *grad = moved(x, d) * by);
    } else {
        grad.iter_mut().zip(x).zip(d).for_each(|((grad, &x), &d)| *grad = x * ((d - mean) - left) * by);
    }
}

/// The entry of (diag(x) - x x') d at a share and its slope.
#[inline(always)]
pub(crate) fn moved_by<F: Real>((x, d): (&[F], &[F])) -> impl Fn(F, F) -> F + use<F> {
    let (mean, left) = mean_in_parts::<F, true>((x, d));
    move |x, d| weigh(x, (d - mean) - left)
}

/// The mean slope under the shares, and what its rounding left: of a share near 1 the slope is the mean but for a small number,
/// which the first mean may have rounded away, and the mean of what is left has it.
///
/// With `WEIGH` a share of 0 silences an infinite slope; without, it makes the second part NaN.
#[inline(always)]
fn mean_in_parts<F: Real, const WEIGH: bool>((x, d): (&[F], &[F])) -> (F, F) {
    let share_of = |x: F, d: F| if WEIGH { weigh(x, d) } else { x * d };
    let mean = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (share_of(x, d), []));
    let left = sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| (share_of(x, d - mean), []));
    (mean, left)
}
