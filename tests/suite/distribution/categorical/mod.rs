//! Classes: constructors, labels and their errors here, the rest by file.

mod gumbel_max;
mod law;
mod perturbed;

use estimand::ndarray::{Array2, array};
use estimand::{Categorical, Distribution, Error, MeanVariance, Rows, Sample, Shape};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::strategy::{array as numbers, config};

/// Logits of some rows and blocks, with up to `most` classes.
fn logits_of(most: usize, size: f64) -> impl Strategy<Value = (Array2<f64>, usize)> {
    (1_usize..4, 1_usize..4, 1..=most)
        .prop_flat_map(move |(n, blocks, classes)| (numbers((n, blocks * classes), -size, size), Just(classes)))
}

fn logits(size: f64) -> impl Strategy<Value = (Array2<f64>, usize)> {
    logits_of(40, size)
}

/// For differences in each of them.
pub fn few_logits(size: f64) -> impl Strategy<Value = (Array2<f64>, usize)> {
    logits_of(4, size)
}

proptest! {
    #![proptest_config(config())]

    /// Labels are the fast path of the same law.
    #[test]
    fn law_labels_are_one_hot_rows((logits, classes) in logits(20.0), seed in 0_u64..1000) {
        let q = Categorical::new(&logits, classes).unwrap().repeat_rows(2);
        let labels = q.sample_labels(&mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
        let x = q.one_hot(&labels).unwrap();
        prop_assert_eq!(&x, &q.sample(&mut ChaCha8Rng::seed_from_u64(seed)));
        prop_assert_eq!(&q.labels(&x).unwrap(), &labels);
        prop_assert_eq!(q.log_prob_of(&labels).unwrap(), q.log_prob(&x).unwrap());
        prop_assert_eq!(q.log_prob_grad_of(&labels).unwrap(), q.log_prob_grad(&x).unwrap());
    }

    #[test]
    fn law_weights_are_normalised_by_block(weights in numbers((2, 6), 0.0, 5.0), by in 0.1..10.0_f64) {
        let q = Categorical::from_probs(&weights, 3).unwrap();
        let mean = q.mean();
        for (mean, weights) in mean.exact_chunks((1, 3)).into_iter().zip(weights.exact_chunks((1, 3))) {
            let sum = weights.sum();
            for (p, w) in mean.iter().zip(weights) {
                // A logarithm, its exponential and a sum, an epsilon or so each.
                prop_assert!((p - w / sum).abs() < 8.0 * f64::EPSILON);
            }
        }
        let scaled = Categorical::from_probs(&(by * &weights), 3).unwrap().mean();
        prop_assert!((scaled - mean).iter().all(|off| off.abs() < 8.0 * f64::EPSILON));
    }
}

#[test]
fn hard_what_are_no_classes() {
    let logits = Array2::<f64>::zeros((2, 6));
    let count = |got, classes| {
        let expected = format!("a multiple of {classes}");
        Error::Count { name: "logits", axis: "columns", got, expected }
    };
    assert_eq!(Categorical::new(&logits, 4).unwrap_err(), count(6, 4));
    let zero = |name| Error::Parameter { name, value: 0.0, expected: "at least 1" };
    assert_eq!(Categorical::new(&logits, 0).unwrap_err(), zero("classes"));
    let row = array![0.0, 1.0];
    assert_eq!(Categorical::shared(&row, 2, 0).unwrap_err(), zero("samples"));
    assert_eq!(Categorical::identical(&row, 2, 0).unwrap_err(), zero("rows"));
    assert_eq!(Categorical::shared(&row, 3, 1).unwrap_err(), count(2, 3));
    let none = f64::NEG_INFINITY;
    let empty = Error::Entry {
        name: "logits",
        index: vec![1, 2],
        value: none,
        expected: "the logit of a class that can be (all of the block are -inf)",
    };
    let of = array![[0.0, none, 0.0, 0.0], [0.0, none, none, none]];
    assert_eq!(Categorical::new(&of, 2).unwrap_err(), empty);
    let expected = "a weight above 0 (all of the block are 0)";
    let weightless = Error::Entry { name: "probs", index: vec![1, 2], value: 0.0, expected };
    assert_eq!(Categorical::from_probs(&of.mapv(f64::exp), 2).unwrap_err(), weightless);
    for wrong in [-0.5, f64::INFINITY] {
        let error = Categorical::from_probs(&array![[1.0, wrong]], 2).unwrap_err();
        let expected = "a finite number that is not negative";
        assert_eq!(error, Error::Entry { name: "probs", index: vec![0, 1], value: wrong, expected });
    }
}

#[test]
fn hard_what_are_no_samples() {
    let q = Categorical::new(Array2::<f64>::zeros((2, 4)), 2).unwrap();
    let of = |row: [f64; 4]| q.log_prob(&array![[1.0, 0.0, 1.0, 0.0], row]).unwrap_err();
    let entry = |j, value, expected| Error::Entry { name: "x", index: vec![1, j], value, expected };
    assert_eq!(of([1.0, 0.0, 0.5, 0.5]), entry(2, 0.5, "a bit, 0 or 1"));
    assert_eq!(of([1.0, 0.0, 0.0, 0.0]), entry(2, 0.0, "a block, from here on, with a single 1"));
    assert_eq!(of([1.0, 1.0, 1.0, 0.0]), entry(0, 1.0, "a block, from here on, with a single 1"));
    let turned = array![[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]];
    let turned = Array2::from_shape_fn((4, 2), |(j, i)| turned[[i, j]]).reversed_axes();
    assert_eq!(q.log_prob(&turned).unwrap_err(), entry(0, 1.0, "a block, from here on, with a single 1"));
    let labels = |labels: Array2<usize>| q.log_prob_of(&labels).unwrap_err();
    assert_eq!(labels(array![[0, 1]]), Error::Shape { name: "labels", got: vec![1, 2], expected: vec![2, 2] });
    let expected = "a class, counted from 0 and below their number";
    let stray = Error::Entry { name: "labels", index: vec![1, 0], value: 2.0, expected };
    assert_eq!(labels(array![[0, 1], [2, 0]]), stray);
    assert_eq!(q.one_hot(&array![[0, 1], [2, 0]]).unwrap_err(), stray);
    let nan = array![[1.0, 0.0, 1.0, 0.0], [f64::NAN, 0.0, 1.0, 0.0]];
    assert_eq!(q.labels(&nan).unwrap_err(), Error::NaN { name: "x", row: 1 });
    assert_eq!(q.labels(&nan.mapv(|_| 0.0)).unwrap_err(), {
        let expected = "a block, from here on, with a single 1";
        Error::Entry { name: "x", index: vec![0, 0], value: 0.0, expected }
    });
    let never = Categorical::new(Array2::<f64>::zeros((2, 4)), 2).unwrap().repeat_rows(0);
    let none = Error::Parameter { name: "repeat", value: 0.0, expected: "at least 1" };
    assert_eq!(never.log_prob_of(&Array2::zeros((0, 2))).unwrap_err(), none);
}

/// One class, one certain class, classes that cannot be, and infinite logits.
#[test]
fn hard_sure_and_impossible_classes() {
    let (none, sure) = (f64::NEG_INFINITY, f64::INFINITY);
    let one = Categorical::new(array![[3.0, -1e4]], 1).unwrap();
    let at = one.log_prob_grad(&array![[1.0, 1.0]]).unwrap();
    assert_eq!((at.value[0], at.grad.flat()), (0.0, array![[0.0, 0.0]].view()), "one class is certain");
    assert_eq!((one.mean(), one.variance()), (array![[1.0, 1.0]], array![[0.0, 0.0]]));

    let q = Categorical::new(array![[sure, 0.0, sure, none]], 4).unwrap();
    assert_eq!(q.mean(), array![[0.5, 0.0, 0.5, 0.0]], "infinite logits share");
    assert_eq!(q.logits(), array![[0.0, none, 0.0, none]]);
    let at = q.log_prob_grad_of(&array![[2]]).unwrap();
    assert_eq!((at.value[0], at.grad.logits()), (-std::f64::consts::LN_2, array![[-0.5, 0.0, 0.5, 0.0]].view()));
    let never = q.log_prob_grad_of(&array![[1]]).unwrap();
    assert_eq!((never.value[0], never.grad.logits()), (none, Array2::zeros((1, 4)).view()));
    let hot = q.log_prob_grad(&array![[0.0, 1.0, 0.0, 0.0]]).unwrap();
    assert_eq!(hot, never);

    let far = Categorical::new(array![[1e4_f32, 0.0, -1e4]], 3).unwrap();
    let at = far.log_prob_grad_of(&array![[2]]).unwrap();
    assert_eq!((at.value[0], at.grad.logits()), (-2e4, array![[-1.0, 0.0, 1.0]].view()));

    let nan = Categorical::new(array![[f64::NAN, 0.0], [0.0, 0.0]], 2).unwrap();
    let at = nan.log_prob_grad_of(&array![[1], [1]]).unwrap();
    assert!(at.value[0].is_nan() && at.grad.flat().row(0).iter().all(|g| g.is_nan()), "in its row");
    assert_eq!(at.value[1], -std::f64::consts::LN_2);
    let x = nan.sample(&mut ChaCha8Rng::seed_from_u64(1));
    assert!(x.row(0).iter().all(|x| x.is_nan()) && x.row(1).sum() == 1.0);
    let labels = nan.sample_labels(&mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(labels.unwrap_err(), Error::NaN { name: "logits", row: 0 });
    let wide = Categorical::new(array![[1e308, -1e308]], 2).unwrap().log_prob_grad_of(&array![[1]]).unwrap();
    assert_eq!(
        (wide.value[0], wide.grad.flat()),
        (none, array![[-1.0, 1.0]].view()),
        "beyond the numbers, and not impossible"
    );
    let score = Categorical::new(array![[f64::NAN, sure]], 2).unwrap().score(&array![[0.0, 1.0]]).unwrap().total();
    assert_eq!(score.unwrap_err(), Error::NaN { name: "score", row: 0 });
    assert_eq!(q.shape(), Shape { rows: 1, repeat: 1, dim: 4 });
}
