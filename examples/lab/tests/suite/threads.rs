use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use lab::Threads;

#[test]
fn hard_zero_threads_are_one() {
    assert_eq!(Threads::new(0), Threads::ONE);
    assert_eq!(Threads::new(3).count(), 3);
    assert!(Threads::available().count() >= 1);
}

#[test]
fn law_join_keeps_the_order_of_results() {
    for count in [1, 2, 5] {
        assert_eq!(Threads::new(count).join(|| "first", || 2), ("first", 2));
    }
}

/// Whatever the pool has: joins within joins, from outside and from inside, end, with the results in order.
#[test]
fn law_joins_within_joins_end() {
    fn sum(from: u64, to: u64) -> u64 {
        if to - from == 1 {
            return from;
        }
        let middle = (from + to) / 2;
        let (lower, upper) = Threads::new(2).join(|| sum(from, middle), || sum(middle, to));
        lower + upper
    }
    for count in [1, 2, 7] {
        assert_eq!(Threads::new(count).install(|| sum(0, 200)).unwrap(), 199 * 100);
    }
    assert_eq!(sum(0, 50), 49 * 25);
}

#[test]
fn hard_a_panic_of_either_half_reaches_the_caller() {
    for guilty in ["first", "second"] {
        let work = |name: &'static str| move || assert_ne!(name, guilty);
        let caught = std::panic::catch_unwind(|| Threads::new(2).join(work("first"), work("second")));
        assert!(caught.is_err(), "{guilty}");
    }
}

#[test]
fn law_one_thread_stays_on_the_callers() {
    let here = std::thread::current().id();
    let id = || std::thread::current().id();
    assert_eq!(Threads::ONE.join(id, id), (here, here));
}

#[test]
fn law_installed_work_sees_its_number_of_threads() {
    for count in [1, 3] {
        let seen = Threads::new(count).install(rayon::current_num_threads).unwrap();
        assert_eq!(seen, count);
    }
}

/// Each job within one thread, whatever there are, and the results in the order of the jobs; of errors the first job's.
#[test]
fn law_jobs_side_by_side_keep_their_order() {
    let jobs: Vec<u64> = (0..23).collect();
    for count in [1, 2, 5, 40] {
        let results = Threads::new(count).side_by_side(&jobs, |&job| {
            std::thread::sleep(std::time::Duration::from_micros(200 * (job % 3)));
            Ok((job, rayon::current_num_threads()))
        });
        assert_eq!(results.unwrap(), jobs.iter().map(|&job| (job, 1)).collect::<Vec<_>>());
        let failing = |&job: &u64| if job % 7 == 5 { Err(format!("job {job}").into()) } else { Ok(job) };
        assert_eq!(Threads::new(count).side_by_side(&jobs, failing).unwrap_err().to_string(), "job 5");
        // What had not begun is left.
        let begun = AtomicUsize::new(0);
        let counting = |&job: &u64| {
            begun.fetch_add(1, Relaxed);
            if job == 0 {
                return Err("the first".into());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            Ok(job)
        };
        assert!(Threads::new(count).side_by_side(&jobs, counting).is_err());
        assert!(begun.load(Relaxed) <= count.max(2), "{} of {} begun", begun.load(Relaxed), jobs.len());
        let none: Vec<u64> = Threads::new(count).side_by_side(&[], |&job: &u64| Ok(job)).unwrap();
        assert!(none.is_empty());
    }
}

#[test]
fn hard_a_panic_of_a_job_reaches_the_caller() {
    let jobs = [1, 2, 3];
    let caught = std::panic::catch_unwind(|| {
        Threads::new(2).side_by_side(&jobs, |&job| {
            assert_ne!(job, 2);
            Ok(job)
        })
    });
    assert!(caught.is_err());
}
