use estimand::Error;
use estimand::rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use lab::{Threads, seeded};

#[test]
fn law_seeded_work_does_not_depend_on_the_threads() {
    let items: Vec<u64> = (0..40).collect();
    let drawn = |threads: usize| {
        let mut rng = StdRng::seed_from_u64(3);
        let work = || seeded(&items, "drawing", &mut rng, |&item, rng| Ok::<_, Error>((item, rng.next_u64())));
        Threads::new(threads).install(work).unwrap().unwrap()
    };
    let one = drawn(1);
    assert_eq!(one.iter().map(|(item, _)| *item).collect::<Vec<_>>(), items);
    assert_eq!(drawn(3), one);
    // A generator of its own each, from those of the caller.
    let mut seeds = StdRng::seed_from_u64(3);
    let first: [u64; 2] = std::array::from_fn(|_| StdRng::seed_from_u64(seeds.random()).next_u64());
    assert_eq!([one[0].1, one[1].1], first);
}

#[test]
fn hard_an_error_of_an_item_is_told() {
    let failing = |&item: &u64, _: &mut StdRng| if item == 1 { Err("not this one") } else { Ok(item) };
    let error = seeded(&[0, 1, 2], "counting", &mut StdRng::seed_from_u64(0), failing).unwrap_err();
    assert_eq!(error.to_string(), "not this one");
}
