use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::kernel::Work;
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
pub(crate) fn pull_back_of_shares<F: Real>(block: (&[F], &[F]), grad: &mut [F], by: F) {
    let mean = mean_beyond::<F, false>(block, F::zero());
    write_pull_back(block, grad, (mean, mean_beyond::<F, false>(block, mean)), by);
}

/// Blocks of a group, at the most.
const GROUP: usize = 64;

/// Numbers of a group: they stay in the nearest cache.
const NUMBERS: usize = 512;

/// [`pull_back_of_shares`] of block after block. Each step is made for a group of blocks before the next: within a block it waits
/// for the one before.
pub(crate) struct PullBackOfBlocks<'a, F> {
    pub(crate) shares: &'a [F],
    pub(crate) slopes: &'a [F],
    /// Numbers of a block, above 0.
    pub(crate) size: usize,
    pub(crate) by: F,
    /// As many blocks as are made.
    pub(crate) out: &'a mut [F],
}

impl<F: Real> Work<F> for PullBackOfBlocks<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, _: A) {
        let Self { shares, slopes, size, by, out } = self;
        let group = (NUMBERS / size).clamp(1, GROUP) * size;
        let mut means = [(F::zero(), F::zero()); GROUP];
        for ((x, d), out) in shares.chunks(group).zip(slopes.chunks(group)).zip(out.chunks_mut(group)) {
            for (block, (mean, _)) in blocks(x, size).zip(blocks(d, size)).zip(&mut means) {
                *mean = mean_beyond::<F, false>(block, F::zero());
            }
            for (block, (mean, left)) in blocks(x, size).zip(blocks(d, size)).zip(&mut means) {
                *left = mean_beyond::<F, false>(block, *mean);
            }
            for ((block, grad), &mean) in blocks(x, size).zip(blocks(d, size)).zip(blocks_mut(out, size)).zip(&means) {
                write_pull_back(block, grad, mean, by);
            }
        }
    }
}

#[inline(always)]
fn write_pull_back<F: Real>((x, d): (&[F], &[F]), grad: &mut [F], (mean, left): (F, F), by: F) {
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
pub(crate) fn moved_by<F: Real>(block: (&[F], &[F])) -> impl Fn(F, F) -> F + use<F> {
    let mean = mean_beyond::<F, true>(block, F::zero());
    let left = mean_beyond::<F, true>(block, mean);
    move |x, d| weigh(x, (d - mean) - left)
}

/// The mean under the shares of what slopes have beyond `base`. Beyond the mean slope itself, that is what its rounding left: of a
/// share near 1 the slope is the mean but for a small number, which the first mean may have rounded away, and this one has it.
///
/// With `WEIGH` a share of 0 silences an infinite slope; without, it makes this NaN.
#[inline(always)]
fn mean_beyond<F: Real, const WEIGH: bool>((x, d): (&[F], &[F]), base: F) -> F {
    sum_coordinates::<false, _, 2, 0>([x, d], [], |[x, d]| {
        let beyond = d - base;
        (if WEIGH { weigh(x, beyond) } else { x * beyond }, [])
    })
}
