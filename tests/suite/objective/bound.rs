use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::importance_weighted;
use estimand::{DiagGaussian, Distribution, Error, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_gradient;
use crate::support::strategy::config;

fn log_weights(n: usize, k: usize) -> impl Strategy<Value = Array1<f64>> {
    prop::collection::vec(-8.0..8.0_f64, n * k).prop_map(Array1::from_vec)
}

/// What bounds and weights of up to 16 log-weights of the size 8 may be off: 16 epsilon of that size,
/// for an exponential, a logarithm and the roundings of a sum.
const FEW: f64 = 16.0 * f64::EPSILON * 8.0;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_bound_gradient_is_its_weights((n, k, log_w) in (1..4_usize, 1..9_usize).prop_flat_map(|(n, k)| (Just(n), Just(k), log_weights(n, k)))) {
        let bound = importance_weighted(&log_w, k).unwrap();
        assert_gradient("log_w", |w| importance_weighted(w, k).unwrap().value.sum(), &log_w, bound.grad.view());
        for i in 0..n {
            // Straight from the definition, which these numbers allow.
            let w: Vec<f64> = (0..k).map(|s| log_w[i * k + s].exp()).collect();
            let mean = w.iter().sum::<f64>() / k as f64;
            assert_abs_diff_eq!(bound.value[i], mean.ln(), epsilon = FEW);
            for (s, w) in w.iter().enumerate() {
                assert_abs_diff_eq!(bound.grad[i * k + s], w / (mean * k as f64), epsilon = FEW);
            }
        }
    }

    /// For the same weights, the bound of all is at least the mean of the bounds of any equal
    /// groups: Jensen, of which "rising in k" is the expectation.
    #[test]
    fn law_importance_weighted_bound_rises_in_k((k, m, log_w) in (1..5_usize, 1..5_usize).prop_flat_map(|(k, m)| (Just(k), Just(m), log_weights(1, k * m)))) {
        let groups = importance_weighted(&log_w, k).unwrap().value;
        let all = importance_weighted(&log_w, k * m).unwrap().value[0];
        let mean = groups.mean().unwrap();
        prop_assert!(all >= mean - FEW, "{} < {}", all, mean);
        let elbo = log_w.mean().unwrap();
        prop_assert!(mean >= elbo - FEW);
        prop_assert!(all <= log_w.fold(f64::NEG_INFINITY, |m, &w| m.max(w)) + FEW);
    }

    #[test]
    fn law_the_bound_moves_with_a_constant(log_w in log_weights(3, 5), c in -700.0..700.0_f64) {
        let (a, b) = (importance_weighted(&log_w, 5).unwrap(), importance_weighted(&log_w.mapv(|w| w + c), 5).unwrap());
        for i in 0..3 {
            assert_abs_diff_eq!(a.value[i] + c, b.value[i], epsilon = 16.0 * f64::EPSILON * (8.0 + c.abs()));
        }
        // A sum of up to 708 is rounded by 256 epsilon, and a weight moves by twice the largest of it.
        let limit = 2.0 * 256.0 * f64::EPSILON + FEW;
        prop_assert!(a.grad.iter().zip(&b.grad).all(|(a, b)| (a - b).abs() <= limit));
    }
}

/// z ~ N(0, 1), x | z ~ N(z, 1), x = 1, q the prior: log w = log N(1; z, 1), E L_k by quadrature in
/// k dimensions for k = 1 and 2, exact to the printed digits.
#[test]
fn ref_importance_weighted_bound_of_a_gaussian_model() {
    let (nodes, weights) = trapezium();
    let n = nodes.len();
    let x = Array2::from_elem((n, 1), 1.0);
    let loc = Array2::from_shape_vec((n, 1), nodes).unwrap();
    let scale = Array2::zeros((n, 1));
    let log_w = DiagGaussian::new(&loc, &scale).unwrap().log_prob(&x).unwrap();
    let elbo: f64 = importance_weighted(&log_w, 1).unwrap().value.iter().zip(&weights).map(|(l, w)| l * w).sum();
    assert_abs_diff_eq!(elbo, -1.918_938_5, epsilon = 5e-8);
    let mut two = 0.0;
    for i in 0..n {
        for j in 0..n {
            let pair = array![log_w[i], log_w[j]];
            two += weights[i] * weights[j] * importance_weighted(&pair, 2).unwrap().value[0];
        }
    }
    assert_abs_diff_eq!(two, -1.653_473_8, epsilon = 5e-8);
}

/// The same model at k = 50: 1e6 weights, the mean of 20000 bounds. A normal mean, which that of
/// 20000 bounds of a small spread is all but, is 6 standard errors off with a chance of 2e-9.
#[test]
fn stat_importance_weighted_bound_of_a_gaussian_model() {
    let groups = 20_000;
    let z = DiagGaussian::<f64>::standard(groups * 50, 1).unwrap().sample(&mut ChaCha8Rng::seed_from_u64(1));
    let scale = Array2::zeros((groups * 50, 1));
    let log_w = DiagGaussian::new(&z, &scale).unwrap().log_prob(&Array2::ones((groups * 50, 1))).unwrap();
    let bounds = importance_weighted(&log_w, 50).unwrap().value;
    let error = (bounds.var(1.0) / groups as f64).sqrt();
    let mean = bounds.mean().unwrap();
    assert!((mean + 1.519_198_5).abs() < 6.0 * error, "{mean} +- {error}");
    assert!(6.0 * error < 4e-3, "the smallest bias that is seen");
    let twin = importance_weighted(&log_w, 10).unwrap().value;
    assert!((twin.mean().unwrap() + 1.519_198_5).abs() > 6.0 * error, "a fifth of the weights, -1.5349, is seen");
}

/// E L_k of the same model with no samples: E ln sum w = the integral over t > 0 of (e^-t - phi(t)^k) / t, where phi(t) = E e^(-t w);
/// in u = ln t, whose trapezium rule converges as fast.
fn exact(k: f64) -> f64 {
    let (nodes, weights) = trapezium();
    let w: Vec<f64> =
        nodes.iter().map(|z| (-0.5 * (1.0 - z).powi(2)).exp() / (2.0 * std::f64::consts::PI).sqrt()).collect();
    let integrand = |t: f64| {
        let phi_m1: f64 = w.iter().zip(&weights).map(|(w, u)| u * (-t * w).exp_m1()).sum();
        (-t).exp() - (k * phi_m1.ln_1p()).exp()
    };
    let h = 0.125;
    // Below the first t the integrand is (k p - 1) t; beyond the last phi^k is the chance that all are below 1 / t.
    (-320..=480).map(|i| h * integrand((h * f64::from(i)).exp())).sum::<f64>() - k.ln()
}

const LOG_P: f64 = -1.515_512_123_484_645_4;

/// The published values of E L_k, and the limit of k (log p - L_k): half the squared coefficient of variation of w, which is
/// e^(1/6) 2 / sqrt 3 - 1 here.
#[test]
fn ref_importance_weighted_bounds_without_samples() {
    let published = [
        (1.0, -1.918_938_5),
        (2.0, -1.653_473_8),
        (5.0, -1.557_410_6),
        (10.0, -1.534_941_6),
        (50.0, -1.519_198_5),
        (1000.0, -1.515_694_3),
    ];
    for (k, value) in published {
        assert_abs_diff_eq!(exact(k), value, epsilon = 5e-8);
    }
    let half = 0.5 * ((1.0_f64 / 6.0).exp() * 2.0 / 3.0_f64.sqrt() - 1.0);
    assert_abs_diff_eq!(half, 0.182_058_8, epsilon = 5e-8);
    // To order 1/k: the two largest extrapolate to the limit.
    let gap = |k: f64| k * (LOG_P - exact(k));
    assert_abs_diff_eq!(2.0 * gap(4000.0) - gap(2000.0), half, epsilon = 1e-6);
}

/// The function by quadrature in three dimensions, against the integral that knows no samples.
#[test]
fn ref_importance_weighted_bound_by_two_quadratures() {
    let z = estimand::check::Nodes::normal(0.5).unwrap();
    let n = z.points().len();
    let log_w = |i: usize| -0.5 * (1.0 - z.points()[i]).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln();
    let place = |i: usize| [i / (n * n), i / n % n, i % n];
    let triples = Array1::from_shape_fn(3 * n.pow(3), |j| log_w(place(j / 3)[j % 3]));
    let bounds = importance_weighted(&triples, 3).unwrap().value;
    let chance = |i: usize| place(i).iter().map(|&i| z.weights()[i]).product::<f64>();
    let mean: f64 = bounds.iter().enumerate().map(|(i, bound)| chance(i) * bound).sum();
    assert_abs_diff_eq!(mean, exact(3.0), epsilon = 1e-9);
}

/// Sampled, with the control variate ln wbar - (wbar / p - 1), of mean L_k - log p: 5 to 1000 samples a bound.
#[test]
fn stat_importance_weighted_bounds_are_the_exact_ones() {
    for (k, groups) in [(5, 20_000), (10, 20_000), (1000, 1500)] {
        let z = DiagGaussian::<f64>::standard(groups * k, 1).unwrap().sample(&mut ChaCha8Rng::seed_from_u64(2));
        let log_w = z.column(0).mapv(|z| -0.5 * (1.0 - z).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln());
        let off = importance_weighted(&log_w, k).unwrap().value - LOG_P;
        let off = off.mapv(|l| l - l.exp_m1());
        let (mean, error) = (off.mean().unwrap(), (off.var(1.0) / groups as f64).sqrt());
        let truth = exact(k as f64) - LOG_P;
        assert!((mean - truth).abs() < 6.0 * error, "{k}: {mean} +- {error}, not {truth}");
        assert!(6.0 * error < 0.25 * truth.abs(), "a quarter of the gap is seen at {k}");
    }
}

/// Nodes and weights for N(0, 1): the trapezium rule on [-10, 10], which converges faster than any
/// power for a smooth integrand that vanishes at both ends.
fn trapezium() -> (Vec<f64>, Vec<f64>) {
    let h = 0.05;
    let nodes: Vec<f64> = (-200..=200).map(|i| f64::from(i) * h).collect();
    let density = |z: &f64| h * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let weights = nodes.iter().map(density).collect();
    (nodes, weights)
}

/// A loss of `sum of v log w` whose weights v are differentiated as well has another derivative than the bound: v (1 + log w - their
/// mean). The bound's is the weights themselves.
#[test]
fn hard_pytorch_vae_34() {
    let log_w = array![0.0, 3.0_f64.ln()];
    let (bound, loss) = (importance_weighted(&log_w, 2).unwrap(), estimand::objective::eubo(&log_w, 2).unwrap());
    let attached = [0.25 * (1.0 - 0.75 * 3.0_f64.ln()), 0.75 * (1.0 + 0.25 * 3.0_f64.ln())];
    for (s, weight) in [0.25, 0.75].into_iter().enumerate() {
        assert_abs_diff_eq!(bound.grad[s], weight, epsilon = 4.0 * f64::EPSILON);
        assert_abs_diff_eq!(loss.grad[s], attached[s], epsilon = 4.0 * f64::EPSILON);
    }
}

#[test]
fn hard_weights_of_nothing_and_of_everything() {
    let none = f64::NEG_INFINITY;
    let at = importance_weighted(&array![none, none, 0.0, none, f64::INFINITY, 1.0], 2).unwrap();
    assert_eq!(at.value, array![none, -std::f64::consts::LN_2, f64::INFINITY]);
    assert_eq!(at.grad, array![0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    let far = importance_weighted(&array![-1e4, -1e4, 1e4, 1e4], 2).unwrap();
    assert_eq!((far.value, far.grad), (array![-1e4, 1e4], array![0.5, 0.5, 0.5, 0.5]));
    let far = importance_weighted(&array![-1e4_f32, 1e4], 1).unwrap();
    assert_eq!((far.value, far.grad), (array![-1e4, 1e4], array![1.0, 1.0]));
    assert_eq!(importance_weighted(&array![1.0, f64::NAN], 1).err(), Some(Error::NaN { name: "log_w", row: 1 }));
    let expected = "a multiple of 2".to_owned();
    let error = Error::Count { name: "log_w", axis: "rows", got: 3, expected };
    assert_eq!(importance_weighted(&array![1.0, 2.0, 3.0], 2).err(), Some(error));
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    assert_eq!(importance_weighted(&array![1.0], 0).err(), Some(zero));
    assert_eq!(importance_weighted(&Array1::<f64>::zeros(0), 3).unwrap().value.len(), 0);
    let reversed = array![3.0, 2.0, 1.0, 0.0];
    let view = reversed.slice(estimand::ndarray::s![..;-1]);
    assert_eq!(importance_weighted(&view, 2).unwrap(), importance_weighted(&array![0.0, 1.0, 2.0, 3.0], 2).unwrap());
}
