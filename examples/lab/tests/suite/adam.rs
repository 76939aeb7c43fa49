use estimand::Real;
use lab::adam::StepError;
use lab::{Adam, Threads};

/// From 1, the gradients 0.5, -1, 0.25, at a rate of 0.1; by decimal arithmetic of 40 digits from
/// algorithm 1 of the paper.
const BY_HAND: [f64; 3] = [0.900_000_002, 0.936_610_354_240_565_6, 0.950_279_420_338_976_4];

/// The same with `beta1 = 0.5`.
const BY_HAND_HALF: [f64; 3] = [0.900_000_002, 0.963_236_064_960_977, 0.974_035_822_723_861_3];

fn steps_by_hand<F: Real>(beta1: f64, expected: [f64; 3]) {
    let mut adam = Adam::<F>::new(0.1);
    adam.beta1 = beta1;
    let mut theta = [F::of(1.0)];
    for (g, expected) in [0.5, -1.0, 0.25].into_iter().zip(expected) {
        adam.step([("theta", &mut theta[..])], [("theta", [F::of(g)])]).unwrap();
        // A dozen roundings a step, of numbers below 1, in steps below 0.1.
        let error = (theta[0].as_f64() - expected).abs();
        assert!(error < 8.0 * F::epsilon().as_f64(), "{} {expected}", theta[0]);
    }
    assert_eq!(adam.steps(), 3);
}

#[test]
fn ref_steps_by_hand() {
    steps_by_hand::<f32>(0.9, BY_HAND);
    steps_by_hand::<f64>(0.9, BY_HAND);
    steps_by_hand::<f32>(0.5, BY_HAND_HALF);
    steps_by_hand::<f64>(0.5, BY_HAND_HALF);
}

#[test]
fn law_it_minimises_a_quadratic() {
    // 1/2 sum of s (x - 3)^2, with curvatures that differ by 10^4.
    let scales = [100.0, 1.0, 0.01];
    let mut x = [vec![0.0, 10.0], vec![-5.0]];
    let mut adam = Adam::new(0.1);
    for step in 0..4000 {
        adam.rate = if step < 2000 { 0.1 } else { 0.001 };
        let g = |x: f64, scale: f64| scale * (x - 3.0);
        let gradients = [("a", vec![g(x[0][0], scales[0]), g(x[0][1], scales[1])]), ("b", vec![g(x[1][0], scales[2])])];
        let [a, b] = &mut x;
        adam.step([("a", &mut a[..]), ("b", &mut b[..])], gradients).unwrap();
    }
    for x in x.iter().flatten() {
        assert!((x - 3.0).abs() < 1e-3, "{x}");
    }
}

#[test]
fn law_each_number_has_its_own_state() {
    // The first step is the rate, whatever the size of the gradient.
    let mut theta = [0.0_f64; 3];
    let mut adam = Adam::new(0.5);
    adam.step([("theta", &mut theta[..])], [("theta", [1e-3, -1e3, 0.0])]).unwrap();
    assert!((theta[0] + 0.5).abs() < 1e-5);
    assert!((theta[1] - 0.5).abs() < 1e-5);
    assert_eq!(theta[2], 0.0);
}

#[test]
fn hard_what_does_not_fit_changes_nothing() {
    let mut theta = [1.0_f64, 2.0];
    let mut other = [3.0_f64];
    let mut adam = Adam::new(0.1);
    let length = |what, got, expected| StepError::Length { what, name: "a".to_owned(), got, expected };
    let wrong = adam.step([("a", &mut theta[..])], [("a", [1.0])]).unwrap_err();
    assert_eq!(wrong, length("gradient", 1, 2));
    assert_eq!(wrong.to_string(), "the gradient of `a` has 1 entries, expected 2");
    let wrong = adam.step([("a", &mut theta[..])], [("b", [1.0, 1.0])]).unwrap_err();
    assert_eq!(wrong.to_string(), "parameter `a` is paired with the gradient of `b`");
    let none: [(&str, [f64; 2]); 0] = [];
    let wrong = adam.step([("a", &mut theta[..])], none).unwrap_err();
    assert_eq!(wrong.to_string(), "0 gradients for 1 parameters");
    assert_eq!((theta, adam.steps()), ([1.0, 2.0], 0));

    adam.step([("a", &mut theta[..])], [("a", [1.0, 1.0])]).unwrap();
    let before = theta;
    let wrong = adam.step([("a", &mut other[..])], [("a", [1.0])]).unwrap_err();
    assert_eq!(wrong, length("state", 2, 1));
    let two = [("a", &mut theta[..]), ("b", &mut other[..])];
    let wrong = adam.step(two, [("a", vec![1.0, 1.0]), ("b", vec![1.0])]).unwrap_err();
    let (what, got, expected) = ("arrays at the first step", 1, 2);
    assert_eq!(wrong, StepError::Count { what, got, expected });
    assert_eq!((theta, adam.steps()), (before, 1));
}

#[test]
fn hard_settings_outside_their_domain() {
    let mut theta = [1.0_f64];
    let mut step = |adam: &mut Adam<f64>| {
        let made = adam.step([("a", &mut theta[..])], [("a", [1.0])]);
        match made.unwrap_err() {
            StepError::Setting { name, .. } => name,
            other => panic!("{other}"),
        }
    };
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(step(&mut Adam::new(rate)), "rate");
    }
    let mut adam = Adam::new(0.1);
    adam.beta1 = 1.0;
    assert_eq!(step(&mut adam), "beta1");
    (adam.beta1, adam.beta2) = (0.9, f64::NAN);
    assert_eq!(step(&mut adam), "beta2");
    (adam.beta2, adam.epsilon) = (0.999, 0.0);
    assert_eq!(step(&mut adam), "epsilon");
    assert_eq!(theta, [1.0]);
}

/// A mean that is too small to move anything is 0 at last, and not subnormal for the next steps.
#[test]
fn hard_a_vanished_mean_is_forgotten() {
    // A rate and an epsilon at which its trace would be seen.
    let (mut adam, mut theta) = (Adam::<f32>::new(1.0), [0.0_f32]);
    adam.epsilon = 1e-20;
    adam.step([("theta", &mut theta[..])], [("theta", [1e-32])]).unwrap();
    let after = theta;
    assert!(after[0] < 0.0, "the step itself is made");
    adam.step([("theta", &mut theta[..])], [("theta", [0.0])]).unwrap();
    assert_eq!(theta, after);
}

/// Every number is moved, whatever the lengths are cut into, for one thread and for two.
#[test]
fn law_the_cut_for_two_threads_loses_nothing() {
    for lengths in [[1, 0, 3], [40_001, 7, 30_000], [0, 0, 1], [5, 70_000, 0]] {
        let run = |threads: usize| {
            let mut arrays = lengths.map(|n| vec![0.0_f64; n]);
            let gradients = lengths.map(|n| (0..n).map(|i| i as f64 - 0.5).collect::<Vec<_>>());
            let mut adam = Adam::new(0.5);
            Threads::new(threads)
                .install(|| {
                    let parameters = arrays.iter_mut().enumerate().map(|(k, p)| (k.to_string(), &mut p[..]));
                    adam.step(parameters, gradients.iter().enumerate().map(|(k, g)| (k.to_string(), g))).unwrap();
                })
                .unwrap();
            arrays
        };
        let one = run(1);
        assert_eq!(one, run(2));
        // The first step is the rate, against the sign of the gradient.
        for array in &one {
            assert!(array.iter().enumerate().all(|(i, x)| (x - if i == 0 { 0.5 } else { -0.5 }).abs() < 1e-6));
        }
    }
}
