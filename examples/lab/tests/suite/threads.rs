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
