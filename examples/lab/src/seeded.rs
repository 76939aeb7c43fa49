use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use crate::{Failure, progress};

/// Work on each item with a generator of its own, in the order of the items: the threads of the pool share them, and no result
/// depends on their number. A bar says how many are done.
///
/// Errors: one of those of the items.
pub fn seeded<T: Sync, U: Send, E: Into<Failure> + Send>(
    items: &[T],
    what: &'static str,
    rng: &mut StdRng,
    work: impl Fn(&T, &mut StdRng) -> Result<U, E> + Sync,
) -> Result<Vec<U>, Failure> {
    let bar = progress(items.len(), what);
    let seeds: Vec<u64> = items.iter().map(|_| rng.random()).collect();
    let results = items.par_iter().zip(&seeds).with_max_len(1).map(|(item, &seed)| {
        let result = work(item, &mut StdRng::seed_from_u64(seed));
        bar.inc(1);
        result
    });
    let results = results.collect::<Result<_, E>>().map_err(Into::into);
    bar.finish_and_clear();
    results
}
