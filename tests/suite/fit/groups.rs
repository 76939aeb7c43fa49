use estimand::fit::{Gaussian, Groups, MeanLikelihood, Moments};
use estimand::ndarray::{Array1, array};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{integral, log_normal, moments};
use crate::support::near::{assert_eps, assert_gradient, ulps};
use crate::support::reference::table;
use crate::support::stats::{kolmogorov, kolmogorov_limit};
use crate::support::strategy::config;

/// Groups of observations, and a variance for each.
fn groups() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<f64>)> {
    let group = (prop::collection::vec(-3.0..5.0_f64, 1..8), 0.05..20.0_f64);
    prop::collection::vec(group, 2..7).prop_map(|groups| groups.into_iter().unzip())
}

fn all(groups: &[Vec<f64>]) -> Vec<Moments<f64>> {
    groups.iter().map(|x| moments(x)).collect()
}

proptest! {
    #![proptest_config(config())]

    /// Log-likelihood, MLE, its variance and the statistic by their definitions over observations.
    #[test]
    fn law_groups_are_weighted_by_precision((x, v) in groups(), mu in -4.0..6.0_f64) {
        let groups = Groups::known(&all(&x), &Array1::from_vec(v.clone())).unwrap();
        let likelihood = groups.likelihood();
        let pairs: Vec<(f64, f64)> = x.iter().zip(&v).flat_map(|(x, &v)| x.iter().map(move |&x| (x, v))).collect();
        let log_likelihood = |mu: f64| pairs.iter().map(|&(x, v)| log_normal(x, mu, v)).sum::<f64>();
        let size = pairs.iter().map(|&(x, v)| (x - mu).powi(2) / v + 2.0 + v.ln().abs()).sum::<f64>();
        let at = likelihood.log_likelihood(mu);
        assert_eps(at.value, log_likelihood(mu), size, 32.0, "log-likelihood");
        assert_gradient("slope", |mu| log_likelihood(mu[0]), &array![mu], array![at.grad].view());
        let precision: f64 = pairs.iter().map(|&(_, v)| 1.0 / v).sum();
        let mle = pairs.iter().map(|&(x, v)| x / v).sum::<f64>() / precision;
        assert_eps(likelihood.mle().unwrap(), mle, 5.0, 64.0, "mle");
        assert_gradient("MLE", |mu| log_likelihood(mu[0]), &array![likelihood.mle().unwrap()], array![0.0].view());
        prop_assert!(ulps(likelihood.std_error().unwrap(), precision.sqrt().recip()) <= 32.0);
        // Twice the fall of the log-likelihood from each group's own mean to the common one.
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let statistic: f64 = x.iter().zip(&v).map(|(x, v)| x.len() as f64 * (mean(x) - mle).powi(2) / v).sum();
        let agreement = groups.homogeneity().unwrap();
        prop_assert_eq!(agreement.degrees, x.len() - 1);
        assert_eps(agreement.statistic, statistic, statistic + precision, 256.0, "statistic");
        prop_assert!((0.0..=1.0).contains(&agreement.p_value));
        prop_assert!(ulps(agreement.birge_ratio().powi(2) * agreement.degrees as f64, agreement.statistic) <= 4.0);
    }

    /// MAP, posterior and evidence of groups, by the integral over the mean.
    #[test]
    fn law_the_posterior_of_groups_is_bayes_by_quadrature((x, v) in groups(), nu in -3.0..3.0_f64, b in 0.1..5.0_f64) {
        let prior = Gaussian::new(nu, b).unwrap();
        let groups = Groups::known(&all(&x), &Array1::from_vec(v.clone())).unwrap();
        let posterior = groups.likelihood().posterior(&prior);
        let log_joint = |mu: f64| {
            let groups = x.iter().zip(&v).map(|(x, &v)| x.iter().map(|&x| log_normal(x, mu, v)).sum::<f64>());
            groups.sum::<f64>() + log_normal(mu, nu, b)
        };
        let precision = x.iter().zip(&v).map(|(x, v)| x.len() as f64 / v).sum::<f64>() + 1.0 / b;
        // The slope at 0 over the precision is where the slope is 0.
        let slope: f64 = x.iter().zip(&v).map(|(x, v)| x.iter().sum::<f64>() / v).sum::<f64>() + nu / b;
        let (top, sd) = (slope / precision, precision.sqrt().recip());
        let peak = log_joint(top);
        let joint = |mu: f64| (log_joint(mu) - peak).exp();
        let mass = integral(top, sd, joint);
        let mean = integral(top, sd, |mu| mu * joint(mu)) / mass;
        let size: f64 = x.iter().zip(&v).map(|(x, v)| x.iter().map(|x| (x - top).powi(2) / v + 4.0).sum::<f64>()).sum();
        let few = 64.0 * f64::EPSILON * (size + 20.0);
        prop_assert!((posterior.mean() - mean).abs() <= few * (sd + mean.abs()), "{} {mean}", posterior.mean());
        prop_assert!(ulps(posterior.variance(), 1.0 / precision) <= 64.0);
        let marginal = groups.likelihood().log_marginal(&prior);
        prop_assert!((marginal - (mass.ln() + peak)).abs() <= few, "{marginal} {}", mass.ln() + peak);
    }

    /// Groups of one variance are one group, however they are cut; a group without observations says
    /// nothing.
    #[test]
    fn law_groups_of_one_variance_are_one((x, v) in groups()) {
        let mut cut = all(&x);
        let whole = MeanLikelihood::of(&moments(&x.concat()), v[0]).unwrap();
        cut.insert(1, Moments::new());
        let groups = Groups::known(&cut, &Array1::from_elem(cut.len(), v[0])).unwrap();
        let likelihood = groups.likelihood();
        assert_eps(likelihood.mle().unwrap(), whole.mle().unwrap(), 5.0, 32.0, "mle");
        prop_assert!(ulps(likelihood.std_error().unwrap(), whole.std_error().unwrap()) <= 32.0);
        let (a, b) = (likelihood.log_likelihood(1.0).value, whole.log_likelihood(1.0).value);
        assert_eps(a, b, a.abs() + b.abs() + 100.0 * x.concat().len() as f64 / v[0].min(1.0), 32.0, "log-likelihood");
        prop_assert_eq!(groups.homogeneity().unwrap().degrees, x.len() - 1);
    }
}

/// Upper tails of chi-square from the incomplete gamma function in 40 digits. In terms of epsilon: e^(-x/2)
/// has the roundings of its exponent, and each term of the sum 3 more.
#[test]
fn ref_tails_of_chi_square() {
    for (degrees, x, tail) in [
        (1, 0.5, 0.479_500_122_186_953_5),
        (1, 3.841_458_820_694_124, 0.050_000_000_000_000_06),
        (1, 60.0, 9.485_737_571_073_848e-15),
        (2, 5.0, 0.082_084_998_623_898_8),
        (3, 0.01, 0.999_734_834_941_344_4),
        (3, 100.0, 1.554_159_431_389_605e-21),
        (4, 7.25, 0.123_252_075_180_644_12),
        (7, 21.0, 0.003_770_150_051_146_167),
        (8, 1e-3, 0.999_999_999_999_997_4),
        (25, 30.0, 0.224_289_004_834_403_9),
        (100, 80.5, 0.923_974_737_866_379_3),
        (101, 150.0, 0.001_128_710_483_054_3),
        (2000, 1900.0, 0.944_945_313_769_262),
        (2001, 2500.0, 1.203_245_714_300_253e-13),
        (3000, 3000.0, 0.496_566_438_839_651_35),
        (5, 1400.0, 1.376_587_514_394_370_4e-300),
        (1600, 3500.0, 2.834_906_970_441_241e-143),
    ] {
        // Groups of one observation and variance 1, whose statistic is x: half at each of two points.
        let k = degrees + 1;
        let (left, right) = (k / 2, k - k / 2);
        let apart = (x * k as f64 / (left * right) as f64).sqrt();
        let groups: Vec<_> = (0..k).map(|i| moments(&[if i < left { 0.0 } else { apart }])).collect();
        let agreement = Groups::known(&groups, &Array1::ones(k)).unwrap().homogeneity().unwrap();
        assert_eq!(agreement.degrees, degrees);
        assert!(ulps(agreement.statistic, x) <= 32.0, "{degrees} {x}: {agreement:?}");
        // A tail changes by its statistic's error times density / tail, at most 1/2 + degrees / x here.
        let few = 16.0 + x + 3.0 * degrees as f64 + 32.0 * x * (0.5 + degrees as f64 / x);
        assert_eps(agreement.p_value, tail, tail, few, format!("{degrees} {x}"));
    }
}

/// The gravity of Washington in 8 series of 1934 and 1935, computed apart in fractions.
#[test]
fn ref_gravity() {
    let mut series = vec![Moments::<f64>::new(); 8];
    for row in table("gravity_nbs1935.csv") {
        series[row.number(0).unwrap() as usize - 1].push(row.number(1).unwrap());
    }
    let groups = Groups::estimated(&series).unwrap();
    assert!(ulps(groups.likelihood().mle().unwrap(), 78.629_123_854_643_27) <= 8.0);
    assert!(ulps(groups.likelihood().std_error().unwrap(), 0.589_561_822_131_750_7) <= 32.0);
    let agreement = groups.homogeneity().unwrap();
    assert!(ulps(agreement.statistic, 21.275_601_290_430_608) <= 64.0, "{agreement:?}");
    assert!((agreement.p_value / 0.003_382_957_469_351_864 - 1.0).abs() < 1e-13, "{agreement:?}");
}

/// Where all groups have one mean, p-values are uniform: 20 000 of them against the bound of Massart at
/// 1e-9. With variances a tenth too small they are not.
#[test]
fn stat_p_values_are_uniform() {
    let (runs, variances): (_, Array1<f64>) = (20_000, array![0.5, 2.0, 9.0, 1.0]);
    let mut rng = StdRng::seed_from_u64(14);
    let (mut honest, mut twin) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let z = Standard::Normal.draw::<f64, _, _>(&mut rng, (4, 3));
        let groups: Vec<Moments<f64>> =
            z.rows().into_iter().zip(&variances).map(|(z, v)| z.iter().map(|z| 3.0 + v.sqrt() * z).collect()).collect();
        let p = |variances| Groups::known(&groups, variances).unwrap().homogeneity().unwrap().p_value;
        honest.push(p(&variances));
        twin.push(p(&(&variances * 0.9)));
    }
    let limit = kolmogorov_limit(runs, 1e-9);
    assert!(kolmogorov(honest, |p| p) < limit);
    assert!(kolmogorov(twin, |p| p) > limit);
}

#[test]
fn hard_groups_that_are_none() {
    let few = |name, got, needs| Err(Error::TooFew { name, got, needs });
    assert_eq!(Groups::<f64>::known(&[], &Array1::zeros(0)), few("groups", 0, 1));
    assert_eq!(Groups::<f64>::estimated(&[]), few("groups", 0, 1));
    let pair = all(&[vec![1.0, 2.0], vec![3.0]]);
    let shape = Error::Shape { name: "variances", got: vec![3], expected: vec![2] };
    assert_eq!(Groups::known(&pair, &array![1.0, 1.0, 1.0]), Err(shape));
    let expected = "a finite number above 0";
    for value in [0.0, -1.0, f64::INFINITY] {
        let entry = Error::Entry { name: "variances", index: vec![1], value, expected };
        assert_eq!(Groups::known(&pair, &array![1.0, value]), Err(entry));
    }
    assert!(Groups::known(&pair, &array![f64::NAN, 1.0]).is_err());
    // Nothing was observed: no MLE, and the posterior is the prior.
    let nothing = Groups::known(&all(&[vec![], vec![]]), &array![1.0, 1.0]).unwrap();
    assert_eq!(nothing.likelihood().mle(), few("x", 0, 1).map(|_: Groups<f64>| 0.0));
    let prior = Gaussian::new(1.0, 2.0).unwrap();
    assert_eq!(nothing.likelihood().posterior(&prior), prior);
    assert_eq!(nothing.homogeneity(), Err(Error::TooFew { name: "groups", got: 0, needs: 2 }));
    let one = Groups::known(&all(&[vec![1.0, 2.0], vec![]]), &array![1.0, 1.0]).unwrap();
    assert_eq!(one.homogeneity(), Err(Error::TooFew { name: "groups", got: 1, needs: 2 }));
}

/// Whatever is wrong with one group, the error has its place.
#[test]
fn hard_the_group_that_does_not_do() {
    let entry = |name, index, value, expected| Err(Error::Entry { name, index, value, expected });
    let ones = |groups: &[Moments<f64>]| Groups::known(groups, &Array1::ones(groups.len()));
    let good = moments(&[1.0, 2.0]);
    let weighted = |w: [f64; 2]| Moments::of_weighted(&array![1.0, 2.0], &Array1::from(w.to_vec())).unwrap();

    // A NaN: the group, and the row in it. It does not equal itself, but what is said of it does.
    let nan = [good, Moments::new(), moments(&[1.0, 2.0, f64::NAN])];
    assert_eq!(ones(&nan).unwrap_err().to_string(), "`groups` is NaN at [2, 2], expected a finite number");
    let found = Groups::estimated(&[good, moments(&[f64::NAN, 2.0])]).unwrap_err().to_string();
    assert_eq!(found, "`groups` is NaN at [1, 0], expected a finite number");

    // An infinity: the group, as moments keep no row. Of both signs too.
    let inf = f64::INFINITY;
    for (x, value) in [([1.0, inf], inf), ([-inf, 1.0], -inf), ([inf, -inf], inf)] {
        let expected = entry("groups", vec![1], value, "a finite number");
        let groups = [good, moments(&x)];
        assert_eq!((ones(&groups), Groups::estimated(&groups)), (expected.clone(), expected));
    }

    for (x, got) in [(vec![7.0], 1.0), (vec![], 0.0)] {
        let expected = entry("groups", vec![1], got, "at least 2 observations");
        assert_eq!(Groups::estimated(&[good, moments(&x), good]), expected);
    }
    let expected = entry("groups", vec![2], 1.0, "at least 2 observations of a weight above 0");
    assert_eq!(Groups::estimated(&[good, good, weighted([0.0, 2.0])]), expected);
    let expected = entry("variances", vec![1], 0.0, "observations that are not all equal");
    assert_eq!(Groups::estimated(&[good, moments(&[2.0, 2.0])]), expected);
    let expected = entry("variances", vec![1], inf, "a finite number above 0");
    assert_eq!(Groups::estimated(&[good, moments(&[-1e200, 1e200])]), expected);

    let weightless = [good, weighted([0.0, 0.0])];
    let expected = entry("groups", vec![1], 0.0, "weights whose sum is above 0 and finite");
    assert_eq!((ones(&weightless), Groups::estimated(&weightless)), (expected.clone(), expected));
    let light = Groups::known(&[good, weighted([1e-300, 1e-300])], &array![1.0, 1e300]);
    let expected = "one whose quotient by the weight is a finite number above 0";
    assert_eq!(light, entry("variances", vec![1], 1e300, expected));
}

/// Precisions that are no numbers; and f32.
#[test]
fn hard_variances_at_the_ends_of_the_numbers() {
    for scale in [1e-307, 1e-150, 1e150, 1e307] {
        let groups = Groups::known(&all(&[vec![0.0], vec![3.0]]), &array![scale, 2.0 * scale]).unwrap();
        let likelihood = groups.likelihood();
        assert!(ulps(likelihood.mle().unwrap(), 1.0) <= 4.0, "{scale:e}: {likelihood:?}");
        assert!(ulps(likelihood.std_error().unwrap().powi(2), scale * 2.0 / 3.0) <= 8.0, "{scale:e}");
    }
    let x = [[1.5_f32, 2.5], [4.0, 3.0]].map(|x| x.into_iter().collect::<Moments<f32>>());
    let groups = Groups::known(&x, &array![1.0_f32, 3.0]).unwrap();
    assert_eps(groups.likelihood().mle().unwrap(), 2.375, 2.375, 4.0, "f32");
    assert!((groups.homogeneity().unwrap().p_value.as_f64() - 0.288_844_366_346_485).abs() < 1e-6);
}

/// Groups so far apart that the terms of the tail would overflow do not agree.
#[test]
fn hard_groups_that_are_worlds_apart() {
    for distance in [1e10, 1e80, 1e150] {
        let groups: Vec<Moments<f64>> = (0..8).map(|k| [distance * f64::from(k)].into_iter().collect()).collect();
        let found = Groups::known(&groups, &Array1::ones(8)).unwrap().homogeneity().unwrap();
        assert_eq!(found.p_value, 0.0, "{distance}: {found:?}");
    }
}
