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
