//! A pool of any number of threads.

/// `make` run where the pool has `threads` threads, however many the machine has.
pub fn with_threads<T: Send>(threads: usize, make: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(make)
}
