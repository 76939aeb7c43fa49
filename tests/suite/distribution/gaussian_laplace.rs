use estimand::distribution::{LocScaleParts, PairGrad};
use estimand::ndarray::{Array2, array};
use estimand::{DiagGaussian, DiagLaplace, Error, Real};
use proptest::prelude::*;

use crate::support::near::{assert_eps, assert_gradient};
use crate::support::quadrature::{integral, rounding};
use crate::support::reference::table;
use crate::support::strategy::config;

/// A pair of heads, and the divergence in either direction.
type Divergence<F> = fn(&Array2<F>, &Array2<F>) -> PairGrad<F, LocScaleParts>;

fn from_gaussian<F: Real>(q: &Array2<F>, p: &Array2<F>) -> PairGrad<F, LocScaleParts> {
    DiagGaussian::from_head(q).unwrap().kl_laplace(&DiagLaplace::from_head(p).unwrap()).unwrap()
}

fn from_laplace<F: Real>(q: &Array2<F>, p: &Array2<F>) -> PairGrad<F, LocScaleParts> {
    DiagLaplace::from_head(q).unwrap().kl_gaussian(&DiagGaussian::from_head(p).unwrap()).unwrap()
}

fn agrees_with_table<F: Real>(name: &str, divergence: Divergence<F>) {
    for r in table(name) {
        let [m_q, s_q, m_p, s_p, kl, d_m_q, d_s_q, d_m_p, d_s_p] = r.numbers::<9>(0);
        let head = |m: f64, s: f64| array![[F::of(m), F::of(s)]];
        let at = divergence(&head(m_q, s_q), &head(m_p, s_p));
        let what = |word: &str| format!("{word} of line {} of {name}", r.line);
        // An exponential of d (or 2 d), rounded once, less d and a constant; distances are good to 4, their
        // squares to 8. Terms are of the size of the value, of d and of 2.
        let wider = (s_q - s_p).abs();
        let k = 16.0 + 4.0 * wider;
        assert_eps(at.value[0], kl, kl + wider + 2.0, k, what("kl"));
        assert_eps(at.grad.0.loc()[[0, 0]], d_m_q, d_m_q, k, what("d_loc_q"));
        assert_eps(at.grad.0.log_scale()[[0, 0]], d_s_q, d_s_q.abs() + 1.0, k, what("d_log_scale_q"));
        assert_eps(at.grad.1.loc()[[0, 0]], d_m_p, d_m_p, k, what("d_loc_p"));
        assert_eps(at.grad.1.log_scale()[[0, 0]], d_s_p, d_s_p.abs() + 2.0, k, what("d_log_scale_p"));
    }
}

#[test]
fn ref_gaussian_and_laplace_kl_agree_with_mpmath() {
    agrees_with_table::<f32>("gaussian_laplace_kl.csv", from_gaussian);
    agrees_with_table::<f64>("gaussian_laplace_kl.csv", from_gaussian);
    agrees_with_table::<f32>("laplace_gaussian_kl.csv", from_laplace);
    agrees_with_table::<f64>("laplace_gaussian_kl.csv", from_laplace);
}

fn log_normal(x: f64, m: f64, s: f64) -> f64 {
    -0.5 * ((x - m) * (-s).exp()).powi(2) - s - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

fn log_laplace(x: f64, m: f64, s: f64) -> f64 {
    -((x - m) * (-s).exp()).abs() - s - std::f64::consts::LN_2
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_gaussian_and_laplace_kl_are_their_integrals(m_q in -2.0..2.0, s_q in -1.0..1.0, m_p in -2.0..2.0, s_p in -1.0..1.0) {
        let (q, p) = (array![[m_q, s_q]], array![[m_p, s_p]]);
        for (kl, width, log_q, log_p) in [
            (from_gaussian::<f64>(&q, &p).value[0], 12.0, log_normal as fn(f64, f64, f64) -> f64, log_laplace as fn(f64, f64, f64) -> f64),
            (from_laplace::<f64>(&q, &p).value[0], 60.0, log_laplace, log_normal),
        ] {
            let width = width * f64::exp(s_q);
            let by_quadrature = integral(&[m_q - width, m_q, m_p, m_q + width], |x| {
                let log_q = log_q(x, m_q, s_q);
                log_q.exp() * (log_q - log_p(x, m_p, s_p))
            });
            // A mean of |log q| below 4, and of |log p| below 4 and the divergence.
            prop_assert!((kl - by_quadrature).abs() <= rounding(16.0 + kl), "{kl} {by_quadrature}");
        }
    }

    /// Twelve coordinates, two rows of q a row of p, all gradients against differences. The divergence is
    /// smooth, or nearly so: no corner is in their way where locations are half apart.
    #[test]
    fn law_gaussian_and_laplace_kl_gradients(seed in 0..1000_u32) {
        let wave = |k: usize| (f64::from(seed) + 1.7 * k as f64).sin();
        let q = Array2::from_shape_fn((2, 24), |(i, j)| wave(24 * i + j));
        let p = Array2::from_shape_fn((2, 24), |(i, j)| if j < 12 { q[[i, j]] + 1.5 + wave(7 * j + i) } else { wave(j + 50 * i) });
        for divergence in [from_gaussian as Divergence<f64>, from_laplace] {
            let at = divergence(&q, &p);
            assert_gradient("in q", |q| divergence(q, &p).value.sum(), &q, at.grad.0.flat());
            assert_gradient("in p", |p| divergence(&q, p).value.sum(), &p, at.grad.1.flat());
        }
    }
}

/// Asked for in pytorch, where no closed form is registered: finite, never below its least value, not NaN.
#[test]
fn hard_pytorch_68746_normal_against_laplace() {
    let pi = std::f64::consts::PI;
    // The least values, where y = 0: no pair is nearer. To the roundings of terms of the size of 1.
    let q = array![[3.0, 0.5 * (0.5 * pi).ln()]];
    let (at, least) = (from_gaussian(&q, &array![[3.0, 0.0]]), 0.5 + (2.0 / pi).ln());
    assert!((at.value[0] - least).abs() <= 4.0 * f64::EPSILON, "{} {least}", at.value[0]);
    let q = array![[3.0, -0.5 * 2.0_f64.ln()]];
    let (at, least) = (from_laplace(&q, &array![[3.0, 0.0]]), 0.5 * (pi.ln() - 1.0));
    assert!((at.value[0] - least).abs() <= 4.0 * f64::EPSILON, "{} {least}", at.value[0]);

    let far = [-1e300, -1.0, 0.0, 1e-300, 1e300];
    let scales = [-800.0, -300.0, 0.0, 300.0, 800.0];
    let laws: Vec<Array2<f64>> = far.iter().flat_map(|&m| scales.map(|s| array![[m, s]])).collect();
    for (q, p) in laws.iter().flat_map(|q| laws.iter().map(move |p| (q, p))) {
        for (at, least) in [(from_gaussian(q, p), 0.048), (from_laplace(q, p), 0.072)] {
            let grads: Vec<f64> = at.grad.0.flat().iter().chain(at.grad.1.flat()).copied().collect();
            assert!(at.value[0] >= least && grads.iter().all(|g| !g.is_nan()), "{q} {p}: {} {grads:?}", at.value[0]);
        }
    }
}

#[test]
fn hard_rows_of_two_families_meet_as_those_of_one() {
    let head = array![[0.0, 0.5, 0.0, 0.25], [1.0, -1.0, 0.5, -0.5]];
    let prior = array![[0.25, 0.0, 0.5, 0.0]];
    let written = array![[0.25, 0.0, 0.5, 0.0], [0.25, 0.0, 0.5, 0.0]];
    let (q, p) = (DiagGaussian::from_head(&head).unwrap(), DiagLaplace::from_head(&prior).unwrap().repeat_rows(2));
    assert_eq!(q.kl_laplace(&p).unwrap(), from_gaussian(&head, &written));
    let (q, p) = (DiagLaplace::from_head(&head).unwrap(), DiagGaussian::from_head(&prior).unwrap().repeat_rows(2));
    assert_eq!(q.kl_gaussian(&p).unwrap(), from_laplace(&head, &written));
    let error = Error::Shape { name: "p", got: vec![3, 2], expected: vec![2, 2] };
    assert_eq!(q.kl_gaussian(&DiagGaussian::standard(3, 2).unwrap()).err(), Some(error.clone()));
    let q = DiagGaussian::from_head(&head).unwrap();
    assert_eq!(q.kl_laplace(&DiagLaplace::standard(3, 2).unwrap()).err(), Some(error));
}
