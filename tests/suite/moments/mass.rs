use estimand::moments::Moments;
use estimand::ndarray::{Array1, array};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use proptest::prelude::*;

use crate::support::near::{assert_eps, ulps};
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// Between 1 and n, n for equal weights, and as Kong's number for importance weights.
    #[test]
    fn law_the_effective_count(w in prop::collection::vec(-30.0..30.0_f64, 1..80)) {
        let log_w = Array1::from_vec(w);
        let n = log_w.len();
        let moments = Moments::of_weighted(&Array1::zeros(n), &log_w.mapv(f64::exp)).unwrap();
        let expected = estimand::gradient::importance::effective_sample_size(&log_w, n).unwrap()[0];
        let few = 8.0 * (1.0 + (n as f64).ln()) + 64.0;
        assert_eps(moments.effective_count().unwrap(), expected, expected, few, "importance");
        let equal = Moments::of_weighted(&Array1::zeros(n), &Array1::from_elem(n, log_w[0].exp())).unwrap();
        assert_eps(equal.effective_count().unwrap(), n as f64, n as f64, few, "equal");
    }
}

/// Without weights all is exact: W = n, n effective, divided by n - 1.
#[test]
fn law_rows_weigh_one() {
    for n in [2_usize, 3, 1000, 100_000] {
        let x = Array1::from_shape_fn(n, |i| if i % 2 == 0 { -1.0 } else { 1.0 });
        let moments = Moments::of(&x);
        assert_eq!((moments.weight(), moments.effective_count()), (n as f64, Ok(n as f64)), "{n}");
        let unbiased = moments.scatter().unwrap() / (n - 1) as f64;
        assert!(ulps(moments.unbiased_variance().unwrap(), unbiased) <= 2.0, "{n}");
    }
}

/// One weight is nearly all: 1 - sum of w^2 has no digit left, and the reliability form has all: of two
/// numbers it is d^2 / 2 whatever they weigh.
#[test]
fn hard_one_weight_is_nearly_all() {
    for small in [1e-3_f64, 1e-17, 1e-200, 1e-307] {
        for weights in [array![1.0, small], array![small, 1.0]] {
            let moments = Moments::of_weighted(&array![1.0, 4.0], &weights).unwrap();
            assert!(ulps(moments.unbiased_variance().unwrap(), 4.5) <= 8.0, "{small:e}: {moments:?}");
            assert!((moments.effective_count().unwrap() - 1.0).abs() < 3.0 * small + f64::EPSILON);
        }
    }
}

/// The reliability form is unbiased, and the plain one is not by what its doc says: over 20 000 samples
/// of 5 weighted normal numbers, within 6 standard errors (2e-9 for a normal mean, which this nearly is). A
/// bias of 2 % would be seen.
#[test]
fn stat_the_reliability_form_is_unbiased() {
    let mut rng = StdRng::seed_from_u64(3);
    let weights = array![5.0_f64, 1.0, 1.0, 0.5, 2.0];
    let same = weights.mapv(|w| w * w).sum() / weights.sum().powi(2);
    let mut over = [Moments::<f64>::new(), Moments::new()];
    for _ in 0..20_000 {
        // Uniform, of variance 3.
        let x = Array1::from_shape_simple_fn(5, || rng.random_range(-3.0..3.0));
        let moments = Moments::of_weighted(&x, &weights).unwrap();
        over[0].push(moments.unbiased_variance().unwrap());
        over[1].push(moments.variance().unwrap());
    }
    for (found, expected) in over.iter().zip([3.0, 3.0 * (1.0 - same)]) {
        let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
        assert!((mean - expected).abs() < 6.0 * error, "{mean} +- {error}, expected {expected}");
        assert!(6.0 * error < 0.02 * 3.0 * 2.0);
    }
}

/// The standard error of a weighted mean is its standard deviation: sigma^2 sum of w^2 / W^2.
#[test]
fn stat_the_std_error_is_honest() {
    let mut rng = StdRng::seed_from_u64(4);
    let weights = Array1::from_shape_fn(40, |i| 1.0 + (i % 7) as f64);
    let (mut means, mut squares) = (Moments::<f64>::new(), Moments::<f64>::new());
    for _ in 0..20_000 {
        let x = Array1::from_shape_simple_fn(40, || rng.random_range(-1.0..1.0));
        let moments = Moments::of_weighted(&x, &weights).unwrap();
        means.push(moments.mean().unwrap());
        squares.push(moments.std_error().unwrap().powi(2));
    }
    // The variance of a variance of nearly normal numbers is 2 v^2 / n.
    let (truth, reported) = (means.unbiased_variance().unwrap(), squares.mean().unwrap());
    let error = truth * (2.0 / 20_000.0_f64).sqrt() + squares.std_error().unwrap();
    assert!((truth - reported).abs() < 6.0 * error, "{truth} {reported} +- {error}");
    assert!(6.0 * error < 0.1 * truth, "a tenth would be seen");
}
