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
