use estimand::fit::Gaussian;
use estimand::ndarray::array;
use estimand::{Cdf, DiagGaussian, Error, Real};
use proptest::prelude::*;

use super::{integral, log_normal};
use crate::support::near::{assert_eps, assert_gradient};
use crate::support::strategy::config;

fn interval<F: Real>(mean: f64, variance: f64, level: f64) {
    let (mean, variance, level) = (F::of(mean), F::of(variance), F::of(level));
    let law = Gaussian::new(mean, variance).unwrap();
    let (low, high) = law.interval(level).unwrap();
    let half = (high.as_f64() - low.as_f64()) / 2.0 / law.sd().as_f64();
    // The mass between, by the error function of another library.
    let mass = 1.0 - libm_erfc(half);
    // The ends are rounded to F, and the density of z is at most .4 a unit.
    let limit = 4.0 * F::epsilon().as_f64() * (1.0 + half + mean.as_f64().abs() / law.sd().as_f64());
    assert!((mass - level.as_f64()).abs() <= limit, "{level}: {mass}");
    assert_eps((low + high) / F::of(2.0), mean.as_f64(), mean.as_f64().abs() + half * law.sd().as_f64(), 2.0, "middle");
}

/// P(|z| > half) of a standard normal number.
fn libm_erfc(half: f64) -> f64 {
    let zero = array![[0.0]];
    let standard = DiagGaussian::new(&zero, &zero).unwrap();
    2.0 * standard.cdf(&array![[-half]]).unwrap()[[0, 0]]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_density_is_the_definition_and_integrates_to_one(
        mean in -5.0..5.0_f64, log_variance in -5.0..5.0_f64, z in -4.0..4.0_f64,
    ) {
        let variance = log_variance.exp();
        let law = Gaussian::new(mean, variance).unwrap();
        let x = mean + z * law.sd();
        let at = law.log_density(x);
        assert_eps(at.value, log_normal(x, mean, variance), 20.0, 4.0, "density");
        assert_gradient("slope", |x| law.log_density(x[0]).value, &array![x], array![at.grad].view());
        let mass = integral(mean, law.sd(), |x| law.log_density(x).value.exp());
        prop_assert!((mass - 1.0).abs() < 200.0 * f64::EPSILON, "{mass}");
        prop_assert_eq!(law.log_density(mean).grad, 0.0);
    }

    #[test]
    fn law_an_interval_holds_its_level(mean in -50.0..50.0_f64, variance in 0.1..10.0_f64, level in 0.001..0.9999_f64) {
        interval::<f32>(mean, variance, level);
        interval::<f64>(mean, variance, level);
    }

    /// The integral of N(x; mu, v) over mu ~ N(m, w).
    #[test]
    fn law_the_predictive_law_is_the_integral(
        mean in -3.0..3.0_f64, w in 0.1..5.0_f64, v in 0.1..5.0_f64, x in -6.0..6.0_f64,
    ) {
        let law = Gaussian::new(mean, w).unwrap();
        let predictive = law.predictive(v).unwrap().log_density(x).value;
        // The integrand falls as the product of both, whose sd is below that of either.
        let (centre, sd) = ((mean * v + x * w) / (v + w), (v * w / (v + w)).sqrt());
        let expected = integral(centre, sd, |mu| (log_normal(x, mu, v) + log_normal(mu, mean, w)).exp()).ln();
        // Logarithms of terms carry epsilons of their size, which is below 500 / .2.
        prop_assert!((predictive - expected).abs() < 8.0 * f64::EPSILON * (20.0 + predictive.abs()) * 4.0, "{predictive} {expected}");
    }
}

#[test]
fn hard_what_is_no_law() {
    let parameter = |name, value, expected| Err(Error::Parameter { name, value, expected });
    let positive = "a finite number above 0";
    for value in [0.0, -1.0, f64::INFINITY] {
        assert_eq!(Gaussian::new(0.0, value), parameter("variance", value, positive));
        assert_eq!(Gaussian::new(0.0, 1.0).unwrap().predictive(value), parameter("variance", value, positive));
    }
    let nan = Gaussian::new(0.0, f64::NAN).unwrap_err().to_string();
    assert_eq!(nan, "`variance` is NaN, expected a finite number above 0");
    assert_eq!(Gaussian::new(f64::INFINITY, 1.0), parameter("mean", f64::INFINITY, "a finite number"));
    assert_eq!(Gaussian::new(0.0, 1e308).unwrap().predictive(1e308), parameter("variance", f64::INFINITY, positive));
    let between = "a number between 0 and 1, both excluded";
    for value in [0.0, 1.0, -0.1, 95.0] {
        let error = Error::Parameter { name: "level", value, expected: between };
        assert_eq!(Gaussian::new(0.0, 1.0).unwrap().interval(value), Err(error));
    }
    assert!(Gaussian::new(0.0, 1.0).unwrap().interval(f64::NAN).is_err());
}

#[test]
fn hard_the_smallest_and_the_largest_variances() {
    for variance in [1e-300_f64, 1e300] {
        let law = Gaussian::new(1.0, variance).unwrap();
        let at = law.log_density(1.0 + law.sd());
        assert!(at.value.is_finite() && at.grad.is_finite(), "{at:?}");
        let (low, high) = law.interval(0.5).unwrap();
        assert!(low <= 1.0 && high >= 1.0 && (high - low).is_finite());
    }
    // A level so near 1 that 1 - level has one digit, and one so small that both ends are the mean.
    let (low, high) = Gaussian::new(0.0, 1.0).unwrap().interval(1.0 - f64::EPSILON).unwrap();
    assert!((high - 8.209_536).abs() < 1e-4 && low == -high, "{high}");
    let (low, high) = Gaussian::new(3.0, 1.0).unwrap().interval(1e-18).unwrap();
    assert_eq!((low, high), (3.0, 3.0));
}
