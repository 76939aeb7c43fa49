use approx::assert_abs_diff_eq;
use estimand::gradient::importance::{effective_sample_size, normalised_weights};
use estimand::ndarray::{Array1, array};
use estimand::rows::sum_coordinates;
use estimand::{DiagGaussian, Distribution, Error, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_eps;
use crate::support::strategy::config;

fn log_weights() -> impl Strategy<Value = (usize, Array1<f64>)> {
    (1..5_usize, 1..40_usize)
        .prop_flat_map(|(n, k)| (Just(k), prop::collection::vec(-30.0..30.0_f64, n * k).prop_map(Array1::from_vec)))
}

/// Epsilons of a weight and of its square: an exponent of up to 60 is rounded by 16, its
/// exponential, the sum of 40 and the quotient by 10 more; a square doubles that.
const FEW: f64 = 64.0;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_weights_sum_to_one((k, log_w) in log_weights()) {
        // Numbers that both precisions hold.
        let log_w = log_w.mapv(|w| f64::from(w as f32));
        let w = normalised_weights(&log_w, k).unwrap();
        for row in w.as_slice().unwrap().chunks(k) {
            assert_abs_diff_eq!(row.iter().sum::<f64>(), 1.0, epsilon = 2.0 * k as f64 * f64::EPSILON);
        }
        let single = normalised_weights(&log_w.mapv(|w| w as f32), k).unwrap();
        for (a, b) in single.iter().zip(&w) {
            assert_eps(*a, *b, *b, FEW, "weight in f32");
        }
    }

    #[test]
    fn law_effective_sample_size_is_between_one_and_k((k, log_w) in log_weights()) {
        let ess = effective_sample_size(&log_w, k).unwrap();
        for (i, &ess) in ess.iter().enumerate() {
            let few = FEW * f64::EPSILON;
            prop_assert!((1.0 - few..=k as f64 * (1.0 + few)).contains(&ess));
            let w: Vec<f64> = (0..k).map(|s| log_w[i * k + s].exp()).collect();
            let plain = w.iter().sum::<f64>().powi(2) / w.iter().map(|w| w * w).sum::<f64>();
            assert_abs_diff_eq!(ess, plain, epsilon = few * plain);
        }
    }
}

/// Many samples of one weight: the sum is exact, the weight and its square are rounded three
/// times (.5 each), the squares meet 127 + 5 additions in a block of 4096, at most 127 + 1 joins, and
/// the quotient rounds once more.
#[test]
fn hard_many_equal_weights_are_as_many_samples() {
    let k = 700_000;
    let ess = effective_sample_size(&Array1::<f32>::zeros(k), k).unwrap()[0];
    let bound = 0.5 * (3.0 + 132.0 + 128.0 + 1.0);
    assert_eps(ess, k as f64, k as f64, bound, "equal weights");
    let square = (1.0 / k as f32).powi(2);
    let lanes = sum_coordinates::<false, _, 1, 0>([&vec![square; k]], [], |[w]| (w, []));
    let off = (f64::from(lanes) * k as f64 - 1.0).abs();
    assert!(off > 2.0 * bound * f64::from(f32::EPSILON), "lanes alone would do: {lanes}");
}

/// E z^2 = 1.25 under the target N(1/2, 1) by samples of N(0, 1.5^2).
#[test]
fn stat_self_normalised_weights_estimate_the_target() {
    let n = 100_000;
    let (loc, log_scale) = (array![0.0], array![1.5_f64.ln()]);
    let q = DiagGaussian::shared(&loc, &log_scale, n).unwrap();
    let z = q.sample(&mut ChaCha8Rng::seed_from_u64(4));
    let (loc, log_scale) = (array![0.5], array![0.0]);
    let p = DiagGaussian::shared(&loc, &log_scale, n).unwrap();
    // A ratio off by a constant: self-normalisation does not mind.
    let log_w = p.log_prob(&z).unwrap() - q.log_prob(&z).unwrap() + 123.0;
    let w = normalised_weights(&log_w, n).unwrap();
    let squares = z.column(0).mapv(|z| z * z);
    let estimate = (&w * &squares).sum();
    // The delta method: sum of w^2 (f - estimate)^2. A normal estimate, which this one is in the
    // limit, is 6 standard errors off with a chance of 2e-9.
    let error = w.iter().zip(&squares).map(|(w, f)| (w * (f - estimate)).powi(2)).sum::<f64>().sqrt();
    assert!((estimate - 1.25).abs() < 6.0 * error, "{estimate} +- {error}");
    assert!(6.0 * error < 0.05, "a bias of 4 % would be seen");
    let plain = squares.mean().unwrap();
    assert!((plain - 1.25).abs() > 6.0 * error, "the unweighted twin is seen");
    let ess = effective_sample_size(&log_w, n).unwrap()[0];
    assert!(ess > 1000.0 && ess < n as f64);
}

#[test]
fn hard_no_mass_and_bad_counts() {
    let none = f64::NEG_INFINITY;
    let log_w = array![none, none, 0.0, 0.0, none, 5.0];
    assert_eq!(normalised_weights(&log_w, 2).unwrap(), array![0.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
    assert_eq!(effective_sample_size(&log_w, 2).unwrap(), array![0.0, 2.0, 1.0]);
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    assert_eq!(normalised_weights(&log_w, 0), Err(zero.clone()));
    assert_eq!(effective_sample_size(&log_w, 0), Err(zero));
    let error = Error::Count { name: "log_w", axis: "rows", got: 6, expected: "a multiple of 4".to_owned() };
    assert_eq!(normalised_weights(&log_w, 4), Err(error));
    assert_eq!(effective_sample_size(&array![0.0, f64::NAN], 2), Err(Error::NaN { name: "log_w", row: 1 }));
    assert_eq!(effective_sample_size(&Array1::<f32>::zeros(0), 2).unwrap().len(), 0);
}
