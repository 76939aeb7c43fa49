use estimand::fit::Gaussian;
use estimand::ndarray::array;
use estimand::{Cdf, DiagGaussian, Distribution, Error, MeanVariance, Real, Shape, Smooth};
use proptest::prelude::*;

use super::{integral, log_normal};
use crate::support::near::{assert_eps, assert_gradient};
use crate::support::quadrature;
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

    /// The chance by the integral of the definition, from so far below that nothing is left out, in pieces.
    #[test]
    fn law_the_cdf_is_the_integral_and_the_quantile_its_inverse(
        mean in -5.0..5.0_f64, log_variance in -5.0..5.0_f64, z in -6.0..6.0_f64,
    ) {
        let variance = log_variance.exp();
        let law = Gaussian::new(mean, variance).unwrap();
        let x = mean + z * law.sd();
        let corners: Vec<f64> = (0..=8).map(|k| x - f64::from(k) * law.sd()).collect();
        let expected = quadrature::integral(&corners, |x| log_normal(x, mean, variance).exp())
            + quadrature::integral(&[x - 8.0 * law.sd(), x - 40.0 * law.sd()], |x| log_normal(x, mean, variance).exp());
        // x is rounded, and the slope of the cdf in z is at most .4.
        let rounded = 4.0 * f64::EPSILON * x.abs() / law.sd();
        prop_assert!((law.cdf(x) - expected).abs() <= quadrature::rounding(1.0) * 9.0 + rounded, "{} {expected}", law.cdf(x));
        // Where the cdf is flat its roundings are many quantiles wide.
        let back = law.quantile(law.cdf(x)).unwrap();
        let density = log_normal(x, mean, variance).exp();
        let few = 16.0 * f64::EPSILON * (x.abs() + mean.abs() + law.sd() * (1.0 + z.abs()) + law.cdf(x) / density);
        prop_assert!((back - x).abs() <= few, "{back} {x}");
        let (low, high) = law.interval(0.9).unwrap();
        let ends = (law.quantile(0.05).unwrap(), law.quantile(0.95).unwrap());
        let few = 16.0 * f64::EPSILON * (mean.abs() + 3.0 * law.sd());
        prop_assert!((low - ends.0).abs() <= few && (high - ends.1).abs() <= few, "{low} {high} {ends:?}");
    }

    /// As a law of arrays it has the density, the moments and the chances that it has here.
    #[test]
    fn law_the_law_of_arrays_is_the_same(mean in -5.0..5.0_f64, log_variance in -5.0..5.0_f64, z in -4.0..4.0_f64) {
        let law = Gaussian::new(mean, log_variance.exp()).unwrap();
        let rows = law.to_diag(3).unwrap();
        prop_assert_eq!(rows.shape(), Shape { rows: 1, repeat: 3, dim: 1 });
        let x = mean + z * law.sd();
        let at = array![[x], [mean], [x]];
        let density = rows.log_prob_slope(&at).unwrap();
        // ln and exp of the scale round it, by epsilons of its logarithm.
        let few = 4.0 + 4.0 * log_variance.abs();
        for (i, x) in [x, mean, x].into_iter().enumerate() {
            let expected = law.log_density(x);
            assert_eps(density.value[i], expected.value, 20.0, few, "density");
            let size = (x.abs() + mean.abs() + law.sd()) / law.variance();
            assert_eps(density.grad[[i, 0]], expected.grad, size, few, "slope");
            assert_eps(rows.cdf(&at).unwrap()[[i, 0]], law.cdf(x), 1.0 + x.abs() / law.sd(), few, "cdf");
        }
        assert_eps(rows.mean()[[0, 0]], mean, mean.abs(), 0.0, "mean");
        assert_eps(rows.variance()[[0, 0]], law.variance(), law.variance(), few, "variance");
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
fn hard_chances_at_the_ends() {
    let law = Gaussian::new(2.0, 4.0).unwrap();
    let inf = f64::INFINITY;
    assert_eq!([-inf, 2.0, inf].map(|x| law.cdf(x)), [0.0, 0.5, 1.0]);
    assert_eq!([0.0, 0.5, 1.0].map(|p| law.quantile(p)), [Ok(-inf), Ok(2.0), Ok(inf)]);
    assert!(law.cdf(f64::NAN).is_nan());
    // Far below, where 1 less the other side would be 0.
    assert!((law.cdf(-58.0) / 4.906_713_927_148_187e-198 - 1.0).abs() < 1e-12, "{:e}", law.cdf(-58.0));
    for value in [-0.1, 1.5, inf] {
        let error = Error::Parameter { name: "p", value, expected: "a probability in [0, 1]" };
        assert_eq!(law.quantile(value), Err(error));
    }
    assert_eq!(law.quantile(f64::NAN).unwrap_err().to_string(), "`p` is NaN, expected a probability in [0, 1]");
    let samples = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(law.to_diag(0).err(), Some(samples));
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

/// A share of almost nothing is an interval of that width over the density, in single precision too.
#[test]
fn hard_intervals_of_almost_nothing() {
    let (low, high) = Gaussian::new(0.0_f32, 1.0).unwrap().interval(1e-8).unwrap();
    let half = 1e-8 * (std::f64::consts::PI / 2.0).sqrt();
    assert!((f64::from(high) / half - 1.0).abs() < 4.0 * f64::from(f32::EPSILON) && low == -high, "{low} {high}");
    // Where both forms meet.
    let q = Gaussian::new(0.0_f64, 1.0).unwrap();
    let [below, above] = [0.5 - 1e-12, 0.5].map(|level| q.interval(level).unwrap().1);
    // The quartile of the normal law, and its slope of 1 / (2 density) = 1.57.
    assert!(
        (above - 0.674_489_750_196_081_7).abs() < 1e-9 && (above - below - 1.57e-12).abs() < 1e-9,
        "{below} {above}"
    );
}
