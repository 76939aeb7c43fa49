use estimand::ndarray::{Array2, Axis};
use estimand::noise::Standard;
use estimand::objective::{Aggregate, TermWeights, decompose, decomposed_kl};
use estimand::{DiagGaussian, Distribution, Error, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};
use crate::support::threads::with_threads;

const KINDS: [Aggregate; 3] = [Aggregate::Exact, Aggregate::Stratified { data: 50 }, Aggregate::Weighted { data: 50 }];

proptest! {
    #![proptest_config(config())]

    /// Information, total correlation and dimension-wise KL are the sampled KL, to rounding, whatever the weights of the mixture;
    /// and so is the weighted form at weights of 1.
    #[test]
    fn law_the_parts_are_the_kl(loc in numbers((5, 3), -2.0, 2.0), log_scale in numbers((5, 3), -1.0, 0.5), eps in numbers((10, 3), -2.0, 2.0)) {
        let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(2);
        let z = Array2::from_shape_fn((10, 3), |(i, j)| loc[[i / 2, j]] + log_scale[[i / 2, j]].exp() * eps[[i, j]]);
        let prior = DiagGaussian::standard(10, 3).unwrap();
        let kl = q.log_prob(&z).unwrap() - prior.log_prob(&z).unwrap();
        for aggregate in KINDS {
            let parts = decompose(&q, &z, aggregate).unwrap();
            let sum = &parts.information + &parts.total_correlation + parts.dimension_wise.sum_axis(Axis(1));
            // Logarithms of up to 40 in size, a dozen of them.
            let few = 16.0 * f64::EPSILON * 40.0;
            prop_assert!((&sum - &kl).iter().all(|off| off.abs() <= few), "{}", &sum - &kl);
            let ones = TermWeights { information: 1.0, total_correlation: 1.0, dimension_wise: 1.0 };
            let weighted = decomposed_kl(&q, &z, aggregate, ones).unwrap();
            prop_assert_eq!(&weighted.parts, &parts);
            for (t, value) in weighted.kl.value.iter().enumerate() {
                prop_assert!((value - 0.5 * (kl[2 * t] + kl[2 * t + 1])).abs() <= few);
            }
            let means = parts.mean().unwrap();
            let mean = means.information + means.total_correlation + means.dimension_wise;
            prop_assert!((mean - kl.mean().unwrap()).abs() <= few);
        }
    }

    /// The definition in plain loops, of the exact aggregate, in both precisions.
    #[test]
    fn law_densities_are_those_of_a_mixture(loc in numbers((6, 2), -2.0, 2.0), log_scale in numbers((6, 2), -1.0, 0.5), z in numbers((6, 2), -3.0, 3.0)) {
        let q = DiagGaussian::new(&loc, &log_scale).unwrap();
        let parts = decompose(&q, &z, Aggregate::Exact).unwrap();
        let [loc32, scale32, z32] = [&loc, &log_scale, &z].map(|of| of.mapv(|x| x as f32));
        let single = decompose(&DiagGaussian::new(&loc32, &scale32).unwrap(), &z32, Aggregate::Exact).unwrap();
        let density = |z: f64, k: usize, j: usize| {
            let sd = log_scale[[k, j]].exp();
            let u = (z - loc[[k, j]]) / sd;
            (-0.5 * u * u).exp() / (sd * (2.0 * std::f64::consts::PI).sqrt())
        };
        for i in 0..6 {
            let joint: f64 = (0..6).map(|k| density(z[[i, 0]], k, 0) * density(z[[i, 1]], k, 1)).sum::<f64>() / 6.0;
            let ones = [0, 1].map(|j| (0..6).map(|k| density(z[[i, j]], k, j)).sum::<f64>() / 6.0);
            let own = density(z[[i, 0]], i, 0) * density(z[[i, 1]], i, 1);
            // A logarithm of up to 60 of numbers that are known to 32 epsilon and the size of u^2 / 2 of them.
            let few = 128.0 * f64::EPSILON * 60.0;
            let want = [(own / joint).ln(), (joint / (ones[0] * ones[1])).ln()];
            let found = [parts.information[i], parts.total_correlation[i]];
            let narrow = [single.information[i], single.total_correlation[i]];
            for ((found, want), narrow) in found.into_iter().zip(want).zip(narrow) {
                prop_assert!((found - want).abs() <= few, "{found} {want}");
                prop_assert!((f64::from(narrow) - want).abs() <= 128.0 * f64::from(f32::EPSILON) * 60.0, "{narrow} {want}");
            }
            for j in 0..2 {
                let want = ones[j].ln() + 0.5 * z[[i, j]].powi(2) + 0.5 * (2.0 * std::f64::consts::PI).ln();
                prop_assert!((parts.dimension_wise[[i, j]] - want).abs() <= few);
            }
        }
    }

    #[test]
    fn law_gradients_of_weighted_parts(
        loc in numbers((4, 2), -1.0, 1.0), log_scale in numbers((4, 2), -0.5, 0.5), z in numbers((8, 2), -2.0, 2.0),
        alpha in 0.0..2.0_f64, beta in 0.0..6.0_f64, gamma in 0.0..2.0_f64, kind in 0_usize..3,
    ) {
        let weights = TermWeights { information: alpha, total_correlation: beta, dimension_wise: gamma };
        let of = |loc: &Array2<f64>, log_scale: &Array2<f64>, z: &Array2<f64>| {
            let q = DiagGaussian::new(loc, log_scale).unwrap().repeat_rows(2);
            decomposed_kl(&q, z, KINDS[kind], weights).unwrap().kl
        };
        let at = of(&loc, &log_scale, &z);
        let (d_z, d_q) = &at.grad;
        assert_gradient("z", |z| of(&loc, &log_scale, z).value.sum(), &z, d_z.view());
        assert_gradient("loc", |loc| of(loc, &log_scale, &z).value.sum(), &loc, d_q.loc());
        assert_gradient("log_scale", |s| of(&loc, s, &z).value.sum(), &log_scale, d_q.log_scale());
        // In f32, what it can tell of sums of eight terms of the size of the largest gradient.
        let narrow = |of: &Array2<f64>| of.mapv(|x| x as f32);
        let (loc, log_scale, z) = (narrow(&loc), narrow(&log_scale), narrow(&z));
        let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(2);
        let [a, b, c] = [alpha, beta, gamma].map(|w| w as f32);
        let single = TermWeights { information: a, total_correlation: b, dimension_wise: c };
        let (d_z32, d_q32) = decomposed_kl(&q, &z, KINDS[kind], single).unwrap().kl.grad;
        let size = 8.0 * d_q.flat().iter().chain(d_z).fold(8.0_f64, |most, g| most.max(g.abs()));
        let near = |wide: f64, narrow: f32| (wide - f64::from(narrow)).abs() <= 64.0 * f64::from(f32::EPSILON) * size;
        prop_assert!(d_z.iter().zip(&d_z32).all(|(&wide, &narrow)| near(wide, narrow)));
        prop_assert!(d_q.flat().iter().zip(d_q32.flat()).all(|(&wide, &narrow)| near(wide, narrow)));
    }
}

/// The aggregate of many posteriors whose means are Gaussian is all but a Gaussian, of correlation .9: its total correlation is
/// -ln(1 - .81) / 2, and at each sample its log-ratio is known, so that the noise of the samples cancels.
#[test]
fn stat_total_correlation_of_a_gaussian() {
    let (n, noise) = (3000, 0.05_f64);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let e: Array2<f64> = Standard::Normal.draw(&mut rng, (n, 2));
    // Means of covariance [[1, .9], [.9, 1]] - noise I.
    let (v, c) = (1.0 - noise, 0.9);
    let loc = Array2::from_shape_fn((n, 2), |(i, j)| {
        if j == 0 { v.sqrt() * e[[i, 0]] } else { c / v.sqrt() * e[[i, 0]] + (v - c * c / v).sqrt() * e[[i, 1]] }
    });
    let log_scale = Array2::from_elem((n, 2), 0.5 * noise.ln());
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let z = q.sample(&mut rng);
    let off_by = |aggregate| {
        let parts = decompose(&q, &z, aggregate).unwrap();
        let exact = |i: usize| {
            let (a, b) = (z[[i, 0]], z[[i, 1]]);
            -0.5 * 0.19_f64.ln() - 0.5 * ((a * a - 1.8 * a * b + b * b) / 0.19 - a * a - b * b)
        };
        let off: Vec<f64> = (0..n).map(|i| parts.total_correlation[i] - exact(i)).collect();
        let mean = off.iter().sum::<f64>() / n as f64;
        let spread = off.iter().map(|off| (off - mean).powi(2)).sum::<f64>() / (n * (n - 1)) as f64;
        (mean, spread.sqrt())
    };
    // A density of n components of peak 1 / (2 pi .05) about a mean density of 1 / (4 pi root(.19)) has a squared relative error of
    // peak / (2 n density), .003, in the joint and less in the marginals; the own component is 1 / n of the peak, 3.2 / n over .18: .006.
    let (mean, error) = off_by(Aggregate::Exact);
    assert!(mean.abs() < 6.0 * error + 0.01, "{mean} +- {error}");
    assert!(6.0 * error < 0.05, "a fifteenth of the truth is seen: {error}");
    // The twin: components weighed by 1 / (N M) for a data set of twice as many.
    let (mean, _) = off_by(Aggregate::Weighted { data: 2 * n });
    assert!(mean > 0.5, "{mean}");
}

#[test]
fn stream_threads_agree_on_parts_and_gradients() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let loc: Array2<f32> = Standard::Normal.draw(&mut rng, (300, 10));
    let log_scale = Array2::from_elem((300, 10), -0.3_f32);
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let z = q.sample(&mut rng);
    let weights = TermWeights { information: 1.0, total_correlation: 6.0, dimension_wise: 1.0 };
    let of = |threads| {
        with_threads(threads, || decomposed_kl(&q, &z, Aggregate::Stratified { data: 9000 }, weights).unwrap())
    };
    let one = of(1);
    assert_eq!(of(2), one);
    assert_eq!(of(7), one);
}

#[test]
fn hard_weights_of_parts_outside_their_domain() {
    let q = DiagGaussian::<f64>::standard(3, 2).unwrap();
    let z = Array2::zeros((3, 2));
    let ones = TermWeights { information: 1.0, total_correlation: 1.0, dimension_wise: 1.0 };
    let refused = |weights| decomposed_kl(&q, &z, Aggregate::Exact, weights).unwrap_err();
    let error = |name, value| Error::Parameter { name, value, expected: "a finite number that is not negative" };
    assert_eq!(refused(TermWeights { information: -1.0, ..ones }), error("information", -1.0));
    assert_eq!(
        refused(TermWeights { total_correlation: f64::INFINITY, ..ones }),
        error("total_correlation", f64::INFINITY)
    );
    assert_eq!(refused(TermWeights { dimension_wise: -0.5, ..ones }), error("dimension_wise", -0.5));
    // Weights of 0: nothing, and no gradient.
    let none = TermWeights { information: 0.0, total_correlation: 0.0, dimension_wise: 0.0 };
    let kl = decomposed_kl(&q, &z, Aggregate::Exact, none).unwrap().kl;
    assert!(kl.value.iter().all(|&v| v == 0.0) && kl.grad.0.iter().chain(kl.grad.1.flat()).all(|&g| g == 0.0));
    // All posteriors the prior: no information, no correlation, no divergence, in either precision.
    let parts = decompose(&q, &z, Aggregate::Exact).unwrap();
    let few = 16.0 * f64::EPSILON;
    assert!(
        parts.information.iter().chain(&parts.total_correlation).chain(&parts.dimension_wise).all(|v| v.abs() <= few)
    );
}

/// A weight of 0 leaves its part out where that is infinite: the prior has no density at a sample that the posterior has.
#[test]
fn hard_parts_without_end_and_without_weight() {
    let (loc, log_scale) = (Array2::zeros((2, 1)), Array2::from_elem((2, 1), 70.0_f32));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let z = Array2::from_elem((2, 1), 1e20_f32);
    assert_eq!(decompose(&q, &z, Aggregate::Exact).unwrap().dimension_wise[[0, 0]], f32::INFINITY);
    let weights = TermWeights { information: 1.0, total_correlation: 1.0, dimension_wise: 0.0 };
    let kl = decomposed_kl(&q, &z, Aggregate::Exact, weights).unwrap().kl;
    assert!(kl.value.iter().chain(&kl.grad.0).chain(kl.grad.1.flat()).all(|number| number.is_finite()));
}
