#[cfg(feature = "rayon")]
use std::sync::Mutex;

use crate::Real;

/// `f` of each piece, in order; the pieces are shared among threads where the feature `rayon` is on.
///
/// What a piece is may not depend on the number of threads, and so neither does the result.
pub(crate) fn map<T: Send, U: Send>(pieces: Vec<T>, f: impl Fn(T) -> U + Sync) -> Vec<U> {
    #[cfg(feature = "rayon")]
    if pieces.len() > 1 && several() {
        let slots: Vec<_> = pieces.into_iter().map(|piece| Mutex::new((Some(piece), None))).collect();
        share(slots.len(), &|k| {
            // Nobody else asks for this lock: a task has a slot of its own.
            let Some(Ok(mut slot)) = slots.get(k).map(Mutex::lock) else { return };
            if let Some(piece) = slot.0.take() {
                slot.1 = Some(f(piece));
            }
        });
        return slots.into_iter().filter_map(|slot| slot.into_inner().ok()?.1).collect();
    }
    pieces.into_iter().map(f).collect()
}

/// Tasks `0..n`, shared among threads. They are met as a `dyn`: the machinery of the pool is compiled once, not for each pass.
#[cfg(feature = "rayon")]
fn share(n: usize, task: &(dyn Fn(usize) + Sync)) {
    use rayon::prelude::*;
    (0..n).into_par_iter().for_each(task);
}

/// Whether there is more than one thread to share work among.
pub(crate) fn several() -> bool {
    #[cfg(feature = "rayon")]
    let threads = rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    let threads = 1;
    threads > 1
}

/// `work` on a thread of the pool, which is entered once for all that is shared there.
pub(super) fn within(work: &mut (dyn FnMut() + Send)) {
    #[cfg(feature = "rayon")]
    rayon::scope(|_| work());
    #[cfg(not(feature = "rayon"))]
    work();
}

/// Zeros to be written over by several threads, which make those of a large array together: one by itself
/// took a tenth of the time of a pass over 2 MB.
///
/// Up to 1023 numbers of memory are held beyond `length`.
pub(super) fn zeros<F: Real>(length: usize) -> Vec<F> {
    #[cfg(feature = "rayon")]
    if length >= LARGE {
        use rayon::prelude::*;
        let blocks = rayon::iter::repeat_n([F::zero(); BLOCK], length.div_ceil(BLOCK)).with_min_len(LARGE / BLOCK / 2);
        let mut zeros = blocks.collect::<Vec<_>>().into_flattened();
        zeros.truncate(length);
        return zeros;
    }
    vec![F::zero(); length]
}

/// Numbers of an array whose zeros are worth sharing.
#[cfg(feature = "rayon")]
const LARGE: usize = 1 << 16;

/// Numbers that a thread writes at once.
#[cfg(feature = "rayon")]
const BLOCK: usize = 1 << 10;
