use estimand::distribution::Finite;
use estimand::ndarray::{Array1, Array2};
use estimand::{Bernoulli, Categorical, Distribution, Error};
use proptest::prelude::*;

use crate::support::strategy::{array as numbers, config};

proptest! {
    #![proptest_config(config())]

    /// Each point once: their probabilities sum to 1.
    #[test]
    fn law_a_support_has_all_probability(l in numbers((1, 6), -3.0, 3.0), classes in prop::sample::select(vec![1, 2, 3, 6])) {
        let sum = |log_prob: Array1<f64>| log_prob.mapv(f64::exp).sum();
        let q = Categorical::new(&l, classes).unwrap();
        let points = q.support().unwrap();
        prop_assert_eq!(points.nrows(), classes.pow(6 / classes as u32));
        let total = sum(q.clone().repeat_rows(points.nrows()).log_prob(&points).unwrap());
        // 729 sums of six numbers at the most.
        prop_assert!((total - 1.0).abs() < 64.0 * f64::EPSILON);
        let bits = Bernoulli::new(&l).unwrap();
        let points = bits.support().unwrap();
        let total = sum(bits.clone().repeat_rows(64).log_prob(&points).unwrap());
        prop_assert!((total - 1.0).abs() < 64.0 * f64::EPSILON);
    }
}

#[test]
fn hard_supports_that_are_none_or_too_large() {
    let none = Bernoulli::new(Array2::<f64>::zeros((1, 0))).unwrap();
    assert_eq!(none.support().unwrap().dim(), (1, 0), "an empty sample is one point");
    let expected = "few enough for at most 1048576 points".to_owned();
    let count = |got| Error::Count { name: "support", axis: "variables", got, expected: expected.clone() };
    assert!(Bernoulli::new(Array2::<f64>::zeros((1, 20))).unwrap().support().is_ok());
    assert_eq!(Bernoulli::new(Array2::<f64>::zeros((1, 21))).unwrap().support().unwrap_err(), count(21));
    assert_eq!(Bernoulli::new(Array2::<f64>::zeros((1, 400))).unwrap().support().unwrap_err(), count(400));
    let wide = Categorical::new(Array2::<f64>::zeros((1, 3000)), 1000).unwrap();
    assert_eq!(wide.support().unwrap_err(), count(3));
}
