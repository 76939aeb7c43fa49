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

/// Nodes and weights for N(0, 1): the trapezium rule on [-10, 10], which converges faster than any
/// power for a smooth integrand that vanishes at both ends.
fn trapezium() -> (Vec<f64>, Vec<f64>) {
    let h = 0.05;
    let nodes: Vec<f64> = (-200..=200).map(|i| f64::from(i) * h).collect();
    let density = |z: &f64| h * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let weights = nodes.iter().map(density).collect();
    (nodes, weights)
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
