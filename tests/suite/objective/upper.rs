use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, array};
use estimand::objective::{cubo, eubo, importance_weighted, renyi};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::renyi::as_samples;
use crate::support::near::{assert_eps, assert_gradient};
use crate::support::strategy::config;

fn log_weights() -> impl Strategy<Value = Array1<f64>> {
    prop::collection::vec(-8.0..8.0_f64, 10).prop_map(|v| v.into_iter().map(|l| f64::from(l as f32)).collect())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_upper_bounds_are_their_definitions(log_w in log_weights(), order in 1.0..4.0_f64) {
        let order = f64::from(order as f32);
        let (chi, eu) = (cubo(&log_w, 5, order).unwrap(), eubo(&log_w, 5).unwrap());
        // Differences see powers of up to 4 where they do not turn within a step.
        let mild = log_w.mapv(|l| 0.25 * l);
        assert_gradient("log_w", |w| cubo(w, 5, order).unwrap().value.sum(), &mild, cubo(&mild, 5, order).unwrap().grad.view());
        assert_gradient("log_w", |w| eubo(w, 5).unwrap().value.sum(), &mild, eubo(&mild, 5).unwrap().grad.view());
        let single = log_w.mapv(|l| l as f32);
        let (chi_single, eu_single) = (cubo(&single, 5, order as f32).unwrap(), eubo(&single, 5).unwrap());
        for i in 0..2 {
            let row: Vec<f64> = (0..5).map(|s| log_w[5 * i + s]).collect();
            let power = (row.iter().map(|l| (order * l).exp()).sum::<f64>() / 5.0).ln() / order;
            let total: f64 = row.iter().map(|l| l.exp()).sum();
            let mean = row.iter().map(|l| l.exp() / total * l).sum::<f64>();
            // Logarithms of up to 8 with differences of up to 16, a weight rounded by 16 epsilon.
            assert_eps(chi.value[i], power, 16.0, 64.0, "cubo");
            assert_eps(eu.value[i], mean, 16.0, 64.0, "eubo");
            assert_eps(chi_single.value[i], power, 16.0, 64.0, "cubo in f32");
            assert_eps(eu_single.value[i], mean, 16.0, 64.0, "eubo in f32");
            for (s, l) in row.iter().enumerate() {
                assert_eps(chi.grad[5 * i + s], (order * (l - power)).exp() / 5.0, 1.0, 256.0, "cubo's gradient");
                assert_eps(chi_single.grad[5 * i + s], (order * (l - power)).exp() / 5.0, 1.0, 256.0, "cubo's gradient in f32");
                let v = l.exp() / total * (1.0 + l - mean);
                assert_eps(eu.grad[5 * i + s], v, 16.0, 64.0, "eubo's gradient");
                assert_eps(eu_single.grad[5 * i + s], v, 16.0, 64.0, "eubo's gradient in f32");
            }
        }
    }

    /// Of the same samples: ELBO <= importance-weighted <= both of these, and the chi bound rises in its order.
    #[test]
    fn law_upper_bounds_are_above_the_lower_ones(log_w in log_weights(), a in 1.0..5.0_f64, b in 1.0..5.0_f64) {
        let few = 64.0 * f64::EPSILON * 16.0;
        let iwae = importance_weighted(&log_w, 10).unwrap().value[0];
        prop_assert!(eubo(&log_w, 10).unwrap().value[0] >= iwae - few);
        let at = |order: f64| cubo(&log_w, 10, order).unwrap().value[0];
        prop_assert!(at(a.min(b)) >= iwae - few && at(a.max(b)) >= at(a.min(b)) - few);
        prop_assert_eq!(at(1.0), iwae);
        prop_assert_eq!(cubo(&log_w, 10, 2.0).unwrap(), renyi(&log_w, 10, -1.0).unwrap());
    }
}

/// z ~ N(0, 1), x | z ~ N(z, 1), x = 1, q the prior: 1/2 ln E w^2, with E e^(-(1 - z)^2) = e^(-1/3) / sqrt 3.
#[test]
fn ref_cubo_of_a_gaussian_model() {
    let log_w = as_samples(2.0);
    let found = cubo(&log_w, log_w.len(), 2.0).unwrap().value[0];
    let closed = 0.5 * (-1.0 / 3.0 - 0.5 * 3.0_f64.ln()) - 0.5 * (2.0 * std::f64::consts::PI).ln();
    assert_eps(found, closed, 1.0, 256.0, "cubo");
    assert!(found > -1.515_512_1);
}

/// w is 1 or 3 with equal chance, log p = ln 2. Exact limits as samples that are all outcomes; of one or two samples the mean over all of
/// them is *below* log p: a sampled upper bound is no bound.
#[test]
fn ref_upper_bounds_of_two_outcomes() {
    let ln_3 = 3.0_f64.ln();
    let both = array![0.0, ln_3];
    let log_p = 2.0_f64.ln();
    // Posterior 1/4, 3/4: KL(p || q) = ln 2 - entropy.
    let kl = 0.25 * 0.5_f64.ln() + 0.75 * 1.5_f64.ln();
    assert_abs_diff_eq!(eubo(&both, 2).unwrap().value[0], log_p + kl, epsilon = 4.0 * f64::EPSILON);
    assert_abs_diff_eq!(cubo(&both, 2, 2.0).unwrap().value[0], 0.5 * 5.0_f64.ln(), epsilon = 4.0 * f64::EPSILON);
    let pairs = array![0.0, 0.0, 0.0, ln_3, ln_3, 0.0, ln_3, ln_3];
    for (bound, name) in [(eubo(&pairs, 2).unwrap().value, "eubo"), (cubo(&pairs, 2, 2.0).unwrap().value, "cubo")] {
        let mean = bound.mean().unwrap();
        assert!(0.5 * ln_3 < mean && mean < log_p, "{name} of two samples: {mean}");
    }
    for bound in [eubo(&both, 1).unwrap().value, cubo(&both, 1, 2.0).unwrap().value] {
        assert_abs_diff_eq!(bound.mean().unwrap(), 0.5 * ln_3, epsilon = 4.0 * f64::EPSILON);
    }
}

#[test]
fn hard_upper_bounds_at_the_ends() {
    fn check<F: Real>() {
        let (none, end) = (F::neg_infinity(), F::infinity());
        let [zero, half, one] = [0.0, 0.5, 1.0].map(F::of);
        let log_w = array![none, none, zero, none, end, zero, end, none, end, end];
        let (chi, eu) = (cubo(&log_w, 2, F::of(2.0)).unwrap(), eubo(&log_w, 2).unwrap());
        assert_eq!(eu.value, array![none, zero, end, end, end]);
        assert!((chi.value[1] + F::of(0.5 * 2.0_f64.ln())).abs() <= F::epsilon());
        assert_eq!((chi.value[0], chi.value[2], chi.value[3], chi.value[4]), (none, end, end, end));
        let shares = array![zero, zero, one, zero, one, zero, one, zero, half, half];
        assert_eq!((chi.grad, eu.grad), (shares.clone(), shares));
        let far = array![F::of(-1e4), F::of(-1e4), F::of(1e4), F::of(1e4)];
        for bound in [cubo(&far, 2, F::of(2.0)).unwrap(), eubo(&far, 2).unwrap()] {
            assert_eq!((bound.value, bound.grad), (array![F::of(-1e4), F::of(1e4)], array![half, half, half, half]));
        }
    }
    check::<f32>();
    check::<f64>();
    for order in [0.5, 0.0, -1.0, f64::INFINITY] {
        let expected = "a finite number of at least 1";
        assert_eq!(
            cubo(&array![0.0], 1, order).err(),
            Some(Error::Parameter { name: "order", value: order, expected })
        );
    }
    assert!(matches!(cubo(&array![0.0], 1, f64::NAN), Err(Error::Parameter { name: "order", .. })));
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    let count = Error::Count { name: "log_w", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
    let nan = Error::NaN { name: "log_w", row: 1 };
    assert_eq!((cubo(&array![1.0], 0, 2.0).err(), eubo(&array![1.0], 0).err()), (Some(zero.clone()), Some(zero)));
    let three = array![1.0, 2.0, 3.0];
    assert_eq!((cubo(&three, 2, 2.0).err(), eubo(&three, 2).err()), (Some(count.clone()), Some(count)));
    let bad = array![0.0, f64::NAN];
    assert_eq!((cubo(&bad, 2, 2.0).err(), eubo(&bad, 2).err()), (Some(nan.clone()), Some(nan)));
    assert_eq!(eubo(&Array1::<f64>::zeros(0), 2).unwrap().value.len(), 0);
}
