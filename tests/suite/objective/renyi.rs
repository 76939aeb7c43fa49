use approx::assert_abs_diff_eq;
use estimand::check::Nodes;
use estimand::ndarray::{Array1, array};
use estimand::objective::{importance_weighted, renyi};
use estimand::{Error, Real};
use proptest::prelude::*;

use crate::support::near::{assert_eps, assert_gradient};
use crate::support::strategy::config;

fn log_weights(n: usize, k: usize) -> impl Strategy<Value = Array1<f64>> {
    prop::collection::vec(-8.0..8.0_f64, n * k).prop_map(|v| v.into_iter().map(|l| f64::from(l as f32)).collect())
}

/// log w of z ~ N(0, 1), x | z ~ N(z, 1), x = 1, q the prior, as so many samples that a mean of w^t is the integral: nodes of
/// the rule, whose weights u are in log w as ln(n u) / t. The rest of the rule is far below rounding.
pub fn as_samples(t: f64) -> Array1<f64> {
    let z = Nodes::normal(0.25).unwrap();
    let n = z.points().len() as f64;
    let log_w =
        |(z, u): (&f64, &f64)| -0.5 * (1.0 - z).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln() + (n * u).ln() / t;
    z.points().iter().zip(z.weights()).map(log_w).collect()
}

/// alpha = 1/2: published to 7 digits, and in closed form 2 ln E w^(1/2), E e^(-(1 - z)^2 / 4) = sqrt(2/3) e^(-1/6).
#[test]
fn ref_renyi_of_a_gaussian_model() {
    let log_w = as_samples(0.5);
    let found = renyi(&log_w, log_w.len(), 0.5).unwrap().value[0];
    assert_abs_diff_eq!(found, -1.657_737_0, epsilon = 5e-8);
    let closed = 2.0 * (0.5 * (2.0_f64 / 3.0).ln() - 1.0 / 6.0) - 0.5 * (2.0 * std::f64::consts::PI).ln();
    // Exponents of up to 120, rounded by 64 epsilon.
    assert_eps(found, closed, 1.0, 256.0, "closed form");
    let evidence = -0.25 - 0.5 * (4.0 * std::f64::consts::PI).ln();
    let log_w = as_samples(1.0);
    assert_eps(renyi(&log_w, log_w.len(), 0.0).unwrap().value[0], evidence, 1.0, 256.0, "alpha = 0 is the evidence");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_renyi_is_its_definition(log_w in log_weights(2, 5), alpha in prop_oneof![-3.0..4.0_f64, 0.9..1.1_f64]) {
        let alpha = f64::from(alpha as f32);
        let found = renyi(&log_w, 5, alpha).unwrap();
        assert_gradient("log_w", |w| renyi(w, 5, alpha).unwrap().value.sum(), &log_w, found.grad.view());
        let single = renyi(&log_w.mapv(|l| l as f32), 5, alpha as f32).unwrap();
        let t = 1.0 - alpha;
        for i in 0..2 {
            let mean = (0..5).map(|s| (t * log_w[5 * i + s]).exp()).sum::<f64>() / 5.0;
            // The definition loses what it divides by t; the crate's does not, of differences of up to 16.
            let lost = 8.0 * f64::EPSILON * (1.0 + 8.0 * t.abs()) / t.abs();
            if t != 0.0 {
                assert_abs_diff_eq!(found.value[i], mean.ln() / t, epsilon = lost + 64.0 * f64::EPSILON * 16.0);
            }
            assert_eps(single.value[i], found.value[i], 16.0, 16.0, "in f32");
            for s in 0..5 {
                let share = (t * log_w[5 * i + s]).exp() / (5.0 * mean);
                assert_eps(found.grad[5 * i + s], share, 1.0, 64.0 * (1.0 + t.abs()), "share");
                assert_eps(single.grad[5 * i + s], share, 1.0, 64.0 * (1.0 + t.abs()), "share in f32");
            }
        }
    }

    /// It falls as alpha rises, from the importance-weighted bound at 0 through the ELBO at 1, of the same samples.
    #[test]
    fn law_renyi_falls_in_alpha(log_w in log_weights(1, 6), a in -4.0..4.0_f64, b in -4.0..4.0_f64) {
        let value = |alpha: f64| renyi(&log_w, 6, alpha).unwrap().value[0];
        let few = 64.0 * f64::EPSILON * 16.0;
        prop_assert!(value(a.min(b)) >= value(a.max(b)) - few);
        prop_assert_eq!(renyi(&log_w, 6, 0.0).unwrap(), importance_weighted(&log_w, 6).unwrap());
        prop_assert!((value(1.0) - log_w.mean().unwrap()).abs() <= few);
        // Near 1 it is the ELBO and (1 - alpha) Var / 2, of log-weights of a range of 16: to third order at the most t^2 16^3 / 6.
        for t in [1e-3, -1e-3, 1e-7, -1e-9, 1e-17, 1e-300] {
            let mean = log_w.mean().unwrap();
            let variance = log_w.mapv(|l| (l - mean).powi(2)).mean().unwrap();
            let expected = mean + 0.5 * t * variance;
            // The argument 1 - t is rounded by half an epsilon.
            let rounded = 1.0 - t;
            let off = (value(rounded) - expected).abs();
            prop_assert!(off <= t * t * 16.0_f64.powi(3) / 6.0 + few + 64.0 * f64::EPSILON, "{}: {}", t, off);
        }
    }

    /// With more samples the expectation moves from the ELBO towards the limit, up for alpha < 1 and down for alpha > 1.
    #[test]
    fn law_renyi_moves_from_the_elbo(log_w in log_weights(4, 3), alpha in -3.0..4.0_f64) {
        let groups = renyi(&log_w, 3, alpha).unwrap().value.mean().unwrap();
        let (all, elbo) = (renyi(&log_w, 12, alpha).unwrap().value[0], log_w.mean().unwrap());
        let few = 64.0 * f64::EPSILON * 16.0;
        let up = if alpha < 1.0 { 1.0 } else { -1.0 };
        prop_assert!(up * (groups - elbo) >= -few && up * (all - groups) >= -few, "{} {} {}", elbo, groups, all);
    }
}

#[test]
fn hard_renyi_at_the_ends() {
    fn check<F: Real>() {
        let (none, end) = (F::neg_infinity(), F::infinity());
        let [zero, half, one, two] = [0.0, 0.5, 1.0, 2.0].map(F::of);
        let log_w = array![none, none, zero, none, end, zero, end, none, end, end];
        let at = |alpha: f64| renyi(&log_w, 2, F::of(alpha)).unwrap();
        assert_eq!(at(0.5).value, array![none, F::of(-2.0 * 2.0_f64.ln()), end, end, end]);
        assert_eq!(at(0.5).grad, array![zero, zero, one, zero, one, zero, one, zero, half, half]);
        // The mean of logarithms: one without mass takes all with it.
        assert_eq!(at(1.0).value, array![none, none, end, none, end]);
        assert!(at(1.0).grad.iter().all(|w| *w == half));
        // Negative powers are made of the smallest; infinite ones have none.
        assert_eq!(at(2.0).value, array![none, none, two.ln(), none, end]);
        assert_eq!(at(2.0).grad, array![half, half, zero, one, zero, one, zero, one, zero, zero]);
        let far = renyi(&array![F::of(-1e4), F::of(-1e4), F::of(1e4), F::of(1e4)], 2, F::of(-30.0)).unwrap();
        assert_eq!((far.value, far.grad), (array![F::of(-1e4), F::of(1e4)], array![half, half, half, half]));
        let wide = renyi(&array![F::of(-1e4), F::of(1e4)], 2, F::of(1e6)).unwrap();
        assert_eq!(wide.grad, array![one, zero]);
        assert!((wide.value[0] + F::of(1e4)).abs() < F::of(0.01));
        let huge = renyi(&array![F::of(-10.0), F::of(10.0)], 2, -F::max_value()).unwrap();
        assert_eq!((huge.value, huge.grad), (array![F::of(10.0)], array![zero, one]));
        let single = renyi(&array![F::of(3.0)], 1, two).unwrap();
        assert_eq!((single.value, single.grad), (array![F::of(3.0)], array![one]));
    }
    check::<f32>();
    check::<f64>();
    let expected = "a finite number";
    for alpha in [f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            renyi(&array![0.0], 1, alpha).err(),
            Some(Error::Parameter { name: "alpha", value: alpha, expected })
        );
    }
    assert!(matches!(renyi(&array![0.0], 1, f64::NAN), Err(Error::Parameter { name: "alpha", .. })));
    for alpha in [0.0, 0.5, 1.0] {
        let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
        assert_eq!(renyi(&array![1.0], 0, alpha).err(), Some(zero));
        let count = Error::Count { name: "log_w", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
        assert_eq!(renyi(&array![1.0, 2.0, 3.0], 2, alpha).err(), Some(count));
        assert_eq!(renyi(&array![1.0, f64::NAN], 2, alpha).err(), Some(Error::NaN { name: "log_w", row: 1 }));
        assert_eq!(renyi(&Array1::<f64>::zeros(0), 3, alpha).unwrap().value.len(), 0);
    }
}
