use crate::Real;

/// `f` of each piece, in order; the pieces are shared among threads where the feature `rayon` is on.
///
/// What a piece is may not depend on the number of threads, and so neither does the result.
pub(crate) fn map<T: Send, U: Send>(pieces: Vec<T>, f: impl Fn(T) -> U + Sync) -> Vec<U> {
    #[cfg(feature = "rayon")]
    if pieces.len() > 1 && several() {
        use rayon::prelude::*;
        return pieces.into_par_iter().map(&f).collect();
    }
    pieces.into_iter().map(f).collect()
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
pub(super) fn within<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "rayon")]
    return rayon::scope(|_| work());
    #[cfg(not(feature = "rayon"))]
    work()
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
