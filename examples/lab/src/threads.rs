use std::hint::spin_loop;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

use crate::Failure;

/// How many threads may work at once; passed by hand to whatever divides its work.
///
/// No result depends on it: work is divided the same way for one thread as for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(NonZero<usize>);

impl Threads {
    /// One thread.
    pub const ONE: Self = Self(NonZero::<usize>::MIN);

    /// `count` threads; 0 is taken for 1.
    pub fn new(count: usize) -> Self {
        Self(NonZero::new(count).unwrap_or(NonZero::<usize>::MIN))
    }

    /// As many threads as the machine runs at once.
    pub fn available() -> Self {
        Self(std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))
    }

    /// Their number, at least 1.
    pub fn count(self) -> usize {
        self.0.get()
    }

    /// Both results: at the same time on two threads or more, one after the other on one.
    ///
    /// Who is done first waits for the other, up to 100 microseconds without sleeping or taking up other work,
    /// then as rayon does: the two should be as much work as each other, and have a core each.
    pub fn join<A: Send, B: Send>(self, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
        if self.count() < 2 {
            return (first(), second());
        }
        let (first_done, second_done) = (AtomicBool::default(), AtomicBool::default());
        let second_begun = AtomicBool::default();
        let first = || {
            let result = first();
            first_done.store(true, Release);
            // Where no other thread has taken the second, it is this one's next.
            if second_begun.load(Acquire) {
                wait_awake(&second_done);
            }
            result
        };
        let second = || {
            second_begun.store(true, Release);
            let result = second();
            second_done.store(true, Release);
            // Awake for the next join, which follows soon.
            wait_awake(&first_done);
            result
        };
        rayon::join(first, second)
    }

    /// As many threads as the pool of rayon has in which this is called.
    pub(crate) fn here() -> Self {
        Self::new(rayon::current_num_threads())
    }

    /// Does `work` on a thread of rayon's pool where there are two or more: a [`join`](Self::join)
    /// from another thread sends that thread to sleep and wakes it again, and this does so once for
    /// all joins of `work`.
    pub(crate) fn within<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        if self.count() >= 2 { rayon::scope(|_| work()) } else { work() }
    }

    /// Runs `work` where every use of rayon, the library's own too, has this many threads: a pool made for
    /// this call, which belongs around a whole training.
    ///
    /// Errors: the system refuses the threads.
    pub fn install<T: Send>(self, work: impl FnOnce() -> T + Send) -> Result<T, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new().num_threads(self.count()).build()?;
        Ok(pool.install(work))
    }

    /// The work of each job, in their order: as many at once as there are threads, each within one, so that no result depends
    /// on their number.
    ///
    /// Errors: of those of jobs, the first job's; what has not begun then is left.
    pub fn side_by_side<J: Sync, T: Send>(
        self,
        jobs: &[J],
        work: impl Fn(&J) -> Result<T, Failure> + Sync,
    ) -> Result<Vec<T>, Failure> {
        let (queue, failed) = (Mutex::new(jobs.iter().enumerate()), AtomicBool::default());
        // Not held while a job is done.
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.load(Acquire) { None } else { queue.next() }
        };
        let worker = || {
            let mut done = Vec::new();
            while let Some((i, job)) = next() {
                let result = Self::ONE.install(|| work(job)).unwrap_or_else(|error| Err(error.into()));
                // In the order of the jobs: what comes before the first failure has begun.
                failed.fetch_or(result.is_err(), Release);
                done.push((i, result));
            }
            done
        };
        let mut all = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.count().min(jobs.len())).map(|_| scope.spawn(worker)).collect();
            let done =
                workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            done.collect::<Vec<_>>()
        });
        all.sort_by_key(|&(i, _)| i);
        all.into_iter().map(|(_, result)| result).collect()
    }
}

/// How long a thread waits awake before it lets itself be sent to sleep.
const PATIENCE: Duration = Duration::from_micros(100);

/// Waits for `done`, but not for long: to be woken takes more than ten microseconds, at each join of a
/// training step.
fn wait_awake(done: &AtomicBool) {
    let begun = Instant::now();
    while !done.load(Acquire) && begun.elapsed() < PATIENCE {
        spin_loop();
    }
}
