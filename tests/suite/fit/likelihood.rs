use estimand::fit::{Gaussian, MeanLikelihood, Moments};
use estimand::ndarray::{Array1, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{integral, log_normal, moments, observations};
use crate::support::near::{assert_eps, assert_gradient, ulps};
use crate::support::reference::table;
use crate::support::strategy::config;

/// Data variance, prior mean, prior variance.
fn design() -> impl Strategy<Value = (f64, f64, f64)> {
    (0.2..8.0_f64, -4.0..4.0_f64, 0.1..9.0_f64)
}

/// The size of what is added up in a log-likelihood, for its roundings.
fn size(x: &[f64], mu: f64, variance: f64) -> f64 {
    x.iter().map(|&x| (x - mu).powi(2) / variance + 2.0 + variance.ln().abs()).sum::<f64>() + 1.0
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_log_likelihood_is_a_sum_over_observations(x in observations(), (v, ..) in design(), mu in -5.0..5.0_f64) {
        let likelihood = MeanLikelihood::of(&moments(&x), v).unwrap();
        let definition = |mu: f64| x.iter().map(|&x| log_normal(x, mu, v)).sum::<f64>();
        let at = likelihood.log_likelihood(mu);
        assert_eps(at.value, definition(mu), size(&x, mu, v), 16.0, "log-likelihood");
        assert_gradient("slope", |mu| definition(mu[0]), &array![mu], array![at.grad].view());
        assert_eps(likelihood.information(), x.len() as f64 / v, x.len() as f64 / v, 4.0, "information");
    }

    /// At the MLE the slope is zero, by its formula and by differences of the definition; likewise at the
    /// MAP.
    #[test]
    fn law_mle_and_map_are_stationary(x in observations(), (v, nu, b) in design()) {
        let likelihood = MeanLikelihood::of(&moments(&x), v).unwrap();
        let prior = Gaussian::new(nu, b).unwrap();
        let (mle, map) = (likelihood.mle().unwrap(), likelihood.posterior(&prior).mean());
        prop_assert_eq!(likelihood.log_likelihood(mle).grad, 0.0);
        let log_likelihood = |mu: f64| x.iter().map(|&x| log_normal(x, mu, v)).sum::<f64>();
        assert_gradient("MLE", |mu| log_likelihood(mu[0]), &array![mle], array![0.0].view());
        let log_joint = |mu: f64| log_likelihood(mu) + log_normal(mu, nu, b);
        assert_gradient("MAP", |mu| log_joint(mu[0]), &array![map], array![0.0].view());
        // Two slopes of this size cancel there.
        let pull = x.len() as f64 * (mle - map).abs() / v + (nu - map).abs() / b + likelihood.information() * map.abs();
        prop_assert!(likelihood.log_joint(map, &prior).grad.abs() <= 8.0 * f64::EPSILON * pull);
        // And both are maxima.
        for off in [-0.5, 0.01, 2.0] {
            prop_assert!(log_likelihood(mle + off) < log_likelihood(mle));
            prop_assert!(log_joint(map + off) < log_joint(map));
        }
    }

    /// Prior times likelihood, each by its definition, normalised by an integral.
    #[test]
    fn law_the_posterior_is_bayes_by_quadrature(x in observations(), (v, nu, b) in design()) {
        let likelihood = MeanLikelihood::of(&moments(&x), v).unwrap();
        let prior = Gaussian::new(nu, b).unwrap();
        let posterior = likelihood.posterior(&prior);
        let log_joint = |mu: f64| x.iter().map(|&x| log_normal(x, mu, v)).sum::<f64>() + log_normal(mu, nu, b);
        // Where to look is found from the integrand: its top by ternary search, its width by its curvature.
        let (mut low, mut high) = (-10.0_f64, 10.0_f64);
        for _ in 0..200 {
            let third = (high - low) / 3.0;
            if log_joint(low + third) < log_joint(high - third) { low += third } else { high -= third }
        }
        let (top, sd) = ((low + high) / 2.0, (x.len() as f64 / v + 1.0 / b).sqrt().recip());
        let peak = log_joint(top);
        let joint = |mu: f64| (log_joint(mu) - peak).exp();
        let mass = integral(top, sd, joint);
        let mean = integral(top, sd, |mu| mu * joint(mu)) / mass;
        let variance = integral(top, sd, |mu| (mu - mean).powi(2) * joint(mu)) / mass;
        // Each exponent has the roundings of its sum, and so have all that follow.
        let few = 8.0 * f64::EPSILON * size(&x, top, v) * 4.0;
        prop_assert!((posterior.mean() - mean).abs() <= few * (sd + mean.abs()), "{} {mean}", posterior.mean());
        prop_assert!((posterior.variance() / variance - 1.0).abs() <= few, "{} {variance}", posterior.variance());
        // The evidence is the integral itself, and the posterior density joint less marginal.
        let marginal = likelihood.log_marginal(&prior);
        prop_assert!((marginal - (mass.ln() + peak)).abs() <= few, "{marginal} {}", mass.ln() + peak);
        for mu in [nu, top, top + 2.0 * sd] {
            let (density, joint) = (posterior.log_density(mu), likelihood.log_joint(mu, &prior));
            let size = size(&x, mu, v) + (mu - nu).powi(2) / b;
            prop_assert!((density.value - (joint.value - marginal)).abs() <= 32.0 * f64::EPSILON * size);
            let slopes = likelihood.information() * ((mu - top).abs() + mu.abs()) + (mu - nu).abs() / b;
            prop_assert!((density.grad - joint.grad).abs() <= 32.0 * f64::EPSILON * (slopes + mu.abs() / sd / sd));
        }
    }

    /// One observation after the other: the posterior is the next prior, and the evidence the
    /// product of the predictive densities.
    #[test]
    fn law_evidence_is_the_product_of_predictives(x in observations(), (v, nu, b) in design()) {
        let prior = Gaussian::new(nu, b).unwrap();
        let likelihood = MeanLikelihood::of(&moments(&x), v).unwrap();
        let (mut law, mut log_evidence) = (prior, 0.0);
        for &x in &x {
            log_evidence += law.predictive(v).unwrap().log_density(x).value;
            law = MeanLikelihood::of(&moments(&[x]), v).unwrap().posterior(&law);
        }
        let posterior = likelihood.posterior(&prior);
        let n = x.len() as f64;
        // A step rounds the mean by a few epsilons of numbers up to 10, and the next steps forget it.
        assert_eps(posterior.mean(), law.mean(), 10.0, 8.0 * (1.0 + n.ln()), "mean");
        assert_eps(posterior.variance(), law.variance(), law.variance(), 8.0 * n, "variance");
        let size = size(&x, nu, v) + size(&x, posterior.mean(), v);
        assert_eps(likelihood.log_marginal(&prior), log_evidence, size, 16.0 + n, "evidence");
    }

    /// A sure prior, an unsure one, and many observations.
    #[test]
    fn law_limits_of_the_prior_and_of_n(x in observations(), (v, nu, _) in design()) {
        let likelihood = MeanLikelihood::of(&moments(&x), v).unwrap();
        let (mle, error) = (likelihood.mle().unwrap(), likelihood.std_error().unwrap());
        let posterior = |variance| likelihood.posterior(&Gaussian::new(nu, variance).unwrap());
        // The share of the weaker is below 1e-17, which is no digit.
        prop_assert!(ulps(posterior(1e20).mean(), mle) <= 1.0 && ulps(posterior(1e20).variance(), error * error) <= 2.0);
        prop_assert!(ulps(posterior(1e-20).mean(), nu) <= 1.0 && ulps(posterior(1e-20).variance(), 1e-20) <= 1.0);
        // Between them the MAP lies between prior and MLE, and moves one way.
        let mut last = nu;
        for log_variance in -10..10 {
            let map = posterior(f64::from(log_variance).exp()).mean();
            prop_assert!((map - mle).abs() <= (last - mle).abs() + 4.0 * f64::EPSILON * (mle.abs() + nu.abs()), "{map} {last} {mle}");
            last = map;
        }
        // The prior is forgotten as 1/N: N (mle - map) goes to sigma^2 (mle - nu) / beta^2.
        let many = MeanLikelihood::of(&Moments::of_weighted(&Array1::from_vec(x.clone()), &Array1::from_elem(x.len(), 1e9)).unwrap(), v).unwrap();
        let n = 1e9 * x.len() as f64;
        let map = many.posterior(&Gaussian::new(nu, 2.0).unwrap()).mean();
        let pull = n * (many.mle().unwrap() - map) / v * 2.0;
        prop_assert!((pull - (mle - nu)).abs() <= n * 8.0 * f64::EPSILON * (mle.abs() + nu.abs()) / v * 2.0 + 1e-6, "{pull} {}", mle - nu);
    }
}

/// f32 and f64 agree to what f32 can tell.
#[test]
fn law_single_agrees_with_double() {
    fn all<F: Real>() -> [f64; 5] {
        let x = array![1.5, -0.25, 3.0, 2.75, 0.5].mapv(F::of);
        let likelihood = MeanLikelihood::of(&Moments::of(&x), F::of(2.0)).unwrap();
        let prior = Gaussian::new(F::of(-1.0), F::of(0.5)).unwrap();
        let posterior = likelihood.posterior(&prior);
        let joint = likelihood.log_joint(F::of(0.25), &prior);
        [posterior.mean(), posterior.variance(), likelihood.log_marginal(&prior), joint.value, joint.grad]
            .map(F::as_f64)
    }
    for (single, double) in all::<f32>().into_iter().zip(all::<f64>()) {
        assert!((single - double).abs() <= 16.0 * f64::from(f32::EPSILON) * (1.0 + double.abs()), "{single} {double}");
    }
}

/// Michelson's 100 measurements with sigma = 79 taken as known, the prior of 1862: computed apart.
#[test]
fn ref_michelson() {
    let x: Vec<f64> = table("michelson1879.csv").iter().map(|row| row.number(2).unwrap()).collect();
    let prior = Gaussian::new(-1000.0, 500.0 * 500.0).unwrap();
    let of = |x: &[f64]| MeanLikelihood::of(&moments(x), 79.0 * 79.0).unwrap().posterior(&prior);
    for (posterior, mean, sd) in [(of(&x), 851.937_68, 7.899_01), (of(&x[..1]), 804.941_44, 78.032_01)] {
        assert!((posterior.mean() - mean).abs() < 5.1e-6 && (posterior.sd() - sd).abs() < 5.1e-6, "{posterior:?}");
    }
    // The true value on this scale is 734.5: fifteen standard deviations off, and nothing here says so.
    assert!((of(&x).mean() - 734.5) / of(&x).sd() > 14.0);
}

/// Of nothing, the posterior is the prior and the evidence 1; there is no MLE.
#[test]
fn hard_no_observations() {
    let likelihood = MeanLikelihood::of(&Moments::<f64>::new(), 2.0).unwrap();
    let prior = Gaussian::new(1.0, 3.0).unwrap();
    let few = Error::TooFew { name: "x", got: 0, needs: 1 };
    assert_eq!((likelihood.mle(), likelihood.std_error()), (Err(few.clone()), Err(few)));
    assert_eq!((likelihood.posterior(&prior), likelihood.log_marginal(&prior)), (prior, 0.0));
    let at = likelihood.log_likelihood(7.0);
    assert_eq!((at.value, at.grad, likelihood.information()), (0.0, 0.0, 0.0));
    assert_eq!(likelihood.log_joint(7.0, &prior), prior.log_density(7.0));
}

#[test]
fn hard_what_has_no_likelihood() {
    let x = moments(&[1.0, 2.0]);
    let positive = "a finite number above 0";
    for value in [0.0, -2.0, f64::INFINITY] {
        let error = Error::Parameter { name: "variance", value, expected: positive };
        assert_eq!(MeanLikelihood::of(&x, value), Err(error));
    }
    assert!(MeanLikelihood::of(&x, f64::NAN).is_err());
    let nan = moments(&[1.0, 2.0, f64::NAN]);
    assert_eq!(MeanLikelihood::of(&nan, 1.0), Err(Error::NaN { name: "x", row: 2 }));
    let infinite = Error::Parameter { name: "x", value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(MeanLikelihood::of(&moments(&[1.0, f64::INFINITY]), 1.0), Err(infinite));
    // Of both signs their mean is NaN, and the data are not.
    let both = Error::Parameter { name: "x", value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(MeanLikelihood::of(&moments(&[f64::INFINITY, -f64::INFINITY]), 1.0), Err(both));
    let below = Error::Parameter { name: "x", value: -f64::INFINITY, expected: "a finite number" };
    assert_eq!(MeanLikelihood::of(&moments(&[1.0, -f64::INFINITY]), 1.0), Err(below));
    let weightless = Moments::of_weighted(&array![1.0, 2.0], &array![0.0, 0.0]).unwrap();
    let expected = "weights whose sum is above 0 and finite";
    assert_eq!(MeanLikelihood::of(&weightless, 1.0), Err(Error::Parameter { name: "weights", value: 0.0, expected }));
    let light = Moments::of_weighted(&array![1.0], &array![1e-300]).unwrap();
    let expected = "one whose quotient by the weight is a finite number above 0";
    assert_eq!(MeanLikelihood::of(&light, 1e300), Err(Error::Parameter { name: "variance", value: 1e300, expected }));
}

/// Variances whose sums, squares and inverses are no numbers.
#[test]
fn hard_variances_at_the_ends_of_the_numbers() {
    let x = moments(&[1.0, 2.0, 3.0]);
    let of = |v: f64, b: f64| {
        let likelihood = MeanLikelihood::of(&x, v).unwrap();
        let prior = Gaussian::new(0.5, b).unwrap();
        (likelihood.posterior(&prior), likelihood.log_marginal(&prior))
    };
    // As precise as the three observations: halfway, with half the variance.
    for v in [3e-308, 3e-200, 3.0, 3e200, 1.5e308] {
        let (posterior, marginal) = of(v, v / 3.0);
        assert!(
            ulps(posterior.mean(), 1.25) <= 2.0 && ulps(posterior.variance(), v / 6.0) <= 2.0,
            "{v:e}: {posterior:?}"
        );
        assert!(!marginal.is_nan());
    }
    let (posterior, marginal) = of(1e-300, 1e300);
    assert!(posterior.mean() == 2.0 && ulps(posterior.variance(), 1e-300 / 3.0) <= 2.0 && !marginal.is_nan());
    let (posterior, marginal) = of(1e300, 1e-300);
    assert_eq!((posterior.mean(), posterior.variance()), (0.5, 1e-300));
    assert!(marginal.is_finite());
    // Far apart means, of which not even the difference is a number.
    let far = MeanLikelihood::of(&moments(&[1.5e308]), 1.0).unwrap();
    let map = far.posterior(&Gaussian::new(-1.5e308, 1.0).unwrap()).mean();
    assert!(map.abs() < 1e293, "{map}");
}
