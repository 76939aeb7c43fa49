use approx::assert_abs_diff_eq;
use estimand::check::{Exact, Nodes, oracle};
use estimand::gradient::sampled_kl::{k1, k2, k3};
use estimand::gradient::{through_density, through_sample};
use estimand::ndarray::{Array1, Array2, array};
use estimand::{DiagGaussian, Distribution, Error, Real, Reparameterize, Result, Rows, Smooth, Transform, ValueGrad};
use proptest::prelude::*;

use crate::support::near::{assert_eps, assert_gradient};
use crate::support::strategy::config;

type Estimator = fn(&Array1<f64>) -> Result<ValueGrad<Array1<f64>, Array1<f64>>>;

const ESTIMATORS: [Estimator; 3] = [|l| k1(l), |l| k2(l), |l| k3(l)];

/// Mean and variance over z ~ N(0, 1) of what is made of draws of q = N(0, 1), and of the log-ratios of p = N(m, s^2): as far
/// out as a wider p has mass, for r q is p.
fn exact(m: f64, s: f64, of: impl Fn(&DiagGaussian<'_, f64>, Array2<f64>, Ratio) -> Result<Array2<f64>>) -> Exact {
    let breaks: Vec<f64> = (-24..=24).map(f64::from).collect();
    let z = Nodes::density(|z| -0.5 * z * z, &breaks, 16).unwrap();
    oracle(&[&z], 1, |noise: Array2<f64>| {
        let q = DiagGaussian::standard(noise.nrows(), 1)?;
        // By hand, none of the crate's.
        let log_r = noise.column(0).mapv(|x| -0.5 * ((x - m) / s).powi(2) - s.ln() + 0.5 * x * x);
        let slopes = noise.mapv(|x| x - (x - m) / (s * s));
        of(&q, noise, Ratio { log_r, slopes })
    })
    .unwrap()
}

struct Ratio {
    log_r: Array1<f64>,
    slopes: Array2<f64>,
}

/// q = N(0, 1), p = N(1/10, 1), KL = 1/200: bias and standard deviation over the truth.
#[test]
fn ref_kl_estimators_of_near_laws() {
    let truth = 0.005;
    let published = [(0.0, 20.0), (0.002_5, 1.418), (0.0, 1.417)];
    for (k, (bias, spread)) in ESTIMATORS.into_iter().zip(published) {
        let found = exact(0.1, 1.0, |_, _, r| Ok(k(&r.log_r)?.value.insert_axis(estimand::ndarray::Axis(1))));
        assert_abs_diff_eq!(found.mean[0] / truth - 1.0, bias, epsilon = 1e-12);
        assert_abs_diff_eq!(found.variance[0].sqrt() / truth, spread, epsilon = 5e-4);
    }
    // k2 in closed form: l = x/10 - 1/200, E l^2 / 2 = (1/100 + 1/40000) / 2.
    assert_abs_diff_eq!(0.5 * (0.01 + 2.5e-5) / truth - 1.0, 0.002_5, epsilon = 1e-15);
}

/// q = N(0, 1), p = N(1, 2^2): d KL / d mu is -1/4. Right by both doors for k1 and k3, for k2 that of E k2, -ln 2 / 4.
#[test]
fn ref_gradients_of_kl_estimators() {
    let ln_2 = std::f64::consts::LN_2;
    let whole = [-0.25, -0.25 * ln_2, -0.25];
    for (i, k) in ESTIMATORS.into_iter().enumerate() {
        let by_density = exact(1.0, 2.0, |q, x, r| {
            Ok(q.score(&x)?.collect().weighted_rows(&through_density(&k(&r.log_r)?)?)?.into_flat())
        });
        let by_sample = exact(1.0, 2.0, |q, x, r| {
            let by = through_sample(&k(&r.log_r)?.grad, &r.slopes)?;
            let draw = q.transform(x)?;
            let path = q.pathwise(&draw, &by.d_x)?.collect();
            Ok((path + q.score(&draw.x())?.collect().weighted_rows(&by.score))?.into_flat())
        });
        assert_abs_diff_eq!(by_density.mean[0], whole[i], epsilon = 1e-12);
        assert_abs_diff_eq!(by_sample.mean[0], whole[i], epsilon = 1e-12);
        // In log sigma: d KL = v / s^2 - 1 = -3/4.
        if i != 1 {
            assert_abs_diff_eq!(by_density.mean[1], -0.75, epsilon = 1e-12);
            assert_abs_diff_eq!(by_sample.mean[1], -0.75, epsilon = 1e-12);
        }
        assert_abs_diff_eq!(by_density.mean[1], by_sample.mean[1], epsilon = 1e-12);
    }
    assert_abs_diff_eq!(-0.25 * ln_2, -0.173_286_8, epsilon = 5e-8);
    // The path of k1 without its score is right (sticking the landing); that of k3 is not: -1/4 + E_p score.
    let stuck = |k: Estimator| {
        exact(1.0, 2.0, |q, x, r| {
            let by = through_sample(&k(&r.log_r)?.grad, &r.slopes)?;
            let draw = q.transform(x)?;
            Ok(q.pathwise(&draw, &by.d_x)?.collect().into_flat())
        })
        .mean[0]
    };
    assert_abs_diff_eq!(stuck(ESTIMATORS[0]), -0.25, epsilon = 1e-12);
    assert_abs_diff_eq!(stuck(ESTIMATORS[2]), 0.75, epsilon = 1e-12);
}

/// What comes of log q alone with the samples held fast, as of a penalty that is put into a loss and differentiated: of k1 nothing,
/// of k2 the truth, -1/4, and of k3 the gradient of KL(p || q), -1.
#[test]
fn hard_verl_2953() {
    for (k, naive) in ESTIMATORS.into_iter().zip([0.0, -0.25, -1.0]) {
        let held_fast =
            exact(1.0, 2.0, |q, x, r| Ok(q.score(&x)?.collect().weighted_rows(&-k(&r.log_r)?.grad)?.into_flat()));
        assert_abs_diff_eq!(held_fast.mean[0], naive, epsilon = 1e-12);
    }
}

/// At q = p every value is 0, and the path of each but k1's score is, sample by sample.
#[test]
fn law_at_equal_laws_nothing_is_left() {
    let x = array![[0.3], [-2.0], [5.0]];
    let q = DiagGaussian::identical(&array![0.7], &array![-0.4], 3).unwrap();
    let (log_q, log_p) = (q.log_prob_slope(&x).unwrap(), q.log_prob_slope(&x).unwrap());
    for k in ESTIMATORS {
        let kl = k(&(&log_p.value - &log_q.value)).unwrap();
        let by = through_sample(&kl.grad, &(&log_p.grad - &log_q.grad)).unwrap();
        assert!(kl.value.iter().chain(&by.d_x).all(|k| *k == 0.0), "hard_tensorflow_13430: 0, and no NaN");
    }
}

proptest! {
    #![proptest_config(config())]

    /// Derivatives against differences; never negative but for k1; and the definitions, in both precisions.
    #[test]
    fn law_kl_estimators_are_their_definitions(log_r in prop::collection::vec(-6.0..6.0_f64, 1..20)) {
        let log_r: Array1<f64> = log_r.into_iter().map(|l| f64::from(l as f32)).collect();
        for k in ESTIMATORS {
            assert_gradient("log_r", |l| k(l).unwrap().value.sum(), &log_r, k(&log_r).unwrap().grad.view());
        }
        fn check<F: Real>(log_r: &Array1<f64>) {
            let l = log_r.mapv(F::of);
            let (one, two, three) = (k1(&l).unwrap(), k2(&l).unwrap(), k3(&l).unwrap());
            for (i, &l) in log_r.iter().enumerate() {
                assert_eps(one.value[i], -l, l, 0.5, "k1");
                assert_eps(two.value[i], 0.5 * l * l, 0.5 * l * l, 1.0, "k2");
                // e^6 is at most 403; its functions are rounded by a few epsilon.
                assert_eps(three.value[i], l.exp() - 1.0 - l, l.exp() + 1.0 + l.abs(), 4.0, "k3");
                assert_eps(three.grad[i], l.exp() - 1.0, l.exp() + 1.0, 4.0, "k3's derivative");
                assert!(two.value[i] >= F::zero() && three.value[i] >= F::zero());
            }
        }
        check::<f64>(&log_r);
        check::<f32>(&log_r);
    }
}

#[test]
fn hard_ratios_without_end() {
    let (none, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let log_r = array![none, end, 0.0, 800.0];
    let (one, two, three) = (k1(&log_r).unwrap(), k2(&log_r).unwrap(), k3(&log_r).unwrap());
    assert_eq!((one.value, one.grad), (array![end, none, 0.0, -800.0], array![-1.0, -1.0, -1.0, -1.0]));
    assert_eq!((two.value, two.grad), (array![end, end, 0.0, 320_000.0], log_r.clone()));
    assert_eq!((three.value, three.grad), (array![end, end, 0.0, end], array![-1.0, end, 0.0, end]));
    for k in ESTIMATORS {
        assert_eq!(k(&array![0.0, f64::NAN]), Err(Error::NaN { name: "log_r", row: 1 }));
        assert_eq!(k(&Array1::zeros(0)).unwrap().value.len(), 0);
    }
}
