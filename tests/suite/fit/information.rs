use estimand::Error;
use estimand::fit::{Information, Moments, bessel, mle};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use proptest::prelude::*;

use super::{integral, log_normal};
use crate::support::near::assert_eps;
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// The expectation of a squared score, an integral over x, n times: in mu, in log sigma, in
    /// sigma^2; and that of the product of the first two is 0.
    #[test]
    fn law_information_is_the_expected_squared_score(n in 1_usize..100, mu in -3.0..3.0_f64, variance in 0.05..9.0_f64) {
        let sd = variance.sqrt();
        let expect = |f: &dyn Fn(f64) -> f64| n as f64 * integral(mu, sd, |x| log_normal(x, mu, variance).exp() * f((x - mu) / sd));
        let design = Information::new(n, variance).unwrap();
        for (what, got, score) in [
            ("mu", design.of_mean(), &(|z: f64| z / sd) as &dyn Fn(f64) -> f64),
            ("log sigma", design.of_log_sd(), &|z| z * z - 1.0),
            ("sigma^2", design.of_variance(), &|z| (z * z - 1.0) / (2.0 * variance)),
        ] {
            let expected = expect(&|z| score(z).powi(2));
            // 193 terms, whose exponents are up to 72 with as many roundings.
            assert_eps(got, expected, expected, 400.0, what);
        }
        prop_assert!(expect(&|z| z * (z * z - 1.0)).abs() < 400.0 * f64::EPSILON * n as f64);
        // A bound is the inverse.
        for (information, bound) in [
            (design.of_mean(), design.bound_of_mean()),
            (design.of_log_sd(), design.bound_of_log_sd()),
            (design.of_variance(), design.bound_of_variance()),
        ] {
            assert_eps(information * bound, 1.0, 1.0, 4.0, "bound");
        }
    }
}

/// Over 40 000 samples of 8 from N(0, 4): the mean has its bound for a variance, the unbiased variance 2
/// sigma^4 / 7 where the bound is 2 sigma^4 / 8, and the biased one is below it. A sample variance over m
/// has a relative standard error of about sqrt(2 (1 + kurtosis/2) / m), here below 1.2 %; 6 of them.
#[test]
fn stat_who_reaches_the_bound() {
    let (n, variance) = (8, 4.0);
    let design = Information::new(n, variance).unwrap();
    let mut rng = StdRng::seed_from_u64(12);
    let mut over = [Moments::<f64>::new(), Moments::new(), Moments::new()];
    for _ in 0..40_000 {
        let x: Moments<f64> = Standard::Normal.draw::<f64, _, _>(&mut rng, n).iter().map(|z| 2.0 * z).collect();
        over[0].push(x.mean().unwrap());
        over[1].push(bessel(&x).unwrap().variance());
        over[2].push(mle(&x).unwrap().variance());
    }
    let spread = over.map(|moments| moments.unbiased_variance().unwrap());
    let expected = [design.bound_of_mean(), 2.0 * variance * variance / 7.0, 2.0 * variance * variance * 7.0 / 64.0];
    for (got, expected) in spread.into_iter().zip(expected) {
        assert!((got / expected - 1.0).abs() < 0.072, "{got} {expected}");
    }
    assert!(spread[1] > 1.05 * design.bound_of_variance() && spread[2] < 0.95 * design.bound_of_variance());
}

#[test]
fn hard_no_observations_and_no_variance() {
    let n = Error::Parameter { name: "n", value: 0.0, expected: "at least 1" };
    assert_eq!(Information::new(0, 1.0), Err(n));
    for value in [0.0, -1.0, f64::INFINITY] {
        let error = Error::Parameter { name: "variance", value, expected: "a finite number above 0" };
        assert_eq!(Information::new(3, value), Err(error));
    }
    // sigma^4 is no number here, and neither bound is asked for one.
    assert_eq!(Information::new(1, 1e-200).unwrap().bound_of_variance(), 0.0);
    assert!(Information::<f64>::new(1_000_000_000, 1e156).unwrap().bound_of_variance().is_finite());
}
