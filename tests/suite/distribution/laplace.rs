use estimand::distribution::Laplace;
use estimand::ndarray::{Array2, array};
use estimand::{DiagLaplace, Distribution, Kl, Real, Reparameterize, Rows, Smooth, Transform};
use proptest::prelude::*;

use super::loc_scale::{
    Bases, Limits, Of, a_base_conforms, agrees_with_table, quantiles_agree_with_table, summaries_are_integrals,
};
use crate::support::conforms;
use crate::support::near::assert_eps;
use crate::support::quadrature::{integral, rounding};
use crate::support::reference::table;
use crate::support::samples::{self, Chances};
use crate::support::stats::chance_of_mean;
use crate::support::strategy::config;

impl Bases for Laplace {
    type Base<F: Real> = Laplace;

    /// The third derivative of a divergence jumps where locations are equal: half away, in all parts.
    fn second(first: &Array2<f64>, any: Array2<f64>) -> Array2<f64> {
        first + &(any - first).mapv(|x| x + 0.5 * x.signum())
    }
}

/// No number of the noise is larger.
const MOST: f64 = 37.5;

impl Chances for Of<Laplace> {
    /// z has variance 2, and z^2 the variance E z^4 - 4 = 24 - 4.
    fn of_moments(n: usize, [mean, variance]: [f64; 2], found: [f64; 2]) -> [f64; 2] {
        let square = 0.5 * variance;
        [
            chance_of_mean((found[0] - mean) / square.sqrt(), n, 2.0, MOST),
            chance_of_mean((found[1] - variance) / square, n, 20.0, MOST * MOST),
        ]
    }

    /// -log q is its expectation plus sum of |z| - 1 over coordinates: exponential numbers, of variance 1.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64 {
        let dim = row.len() / 2;
        chance_of_mean(off / dim as f64, n * dim, 1.0, MOST)
    }
}

#[test]
fn law_the_laplace_conforms() {
    a_base_conforms::<Laplace>();
    conforms::entropy::<Of<Laplace>>();
    conforms::kl::<Of<Laplace>>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_laplace_samples() {
    samples::moments::<Of<Laplace>>();
    samples::entropy::<Of<Laplace>>();
    samples::shares::<Of<Laplace>>();
}

/// z is good to 4 epsilon: a difference, two roots of the scale, two products.
fn limits(z: f64, s: f64) -> Limits {
    let z = z.abs();
    Limits {
        log_prob: [8.0, 1.0 + z + s.abs()],
        slope: 8.0,
        d_log_scale: [8.0, 1.0 + z],
        // The relative error of a tail e^-z is that of z, times z.
        cdf: 4.0 + 4.0 * z,
    }
}

#[test]
fn ref_laplace_agrees_with_mpmath() {
    agrees_with_table::<f32, Laplace>("laplace.csv", limits);
    agrees_with_table::<f64, Laplace>("laplace.csv", limits);
    // A logarithm of an exact number.
    quantiles_agree_with_table::<f32, Laplace>("laplace", 1.0, f64::abs);
    quantiles_agree_with_table::<f64, Laplace>("laplace", 1.0, f64::abs);
}

fn kl_agrees_with_table<F: Real>() {
    for r in table("laplace_kl.csv") {
        let [m_q, s_q, m_p, s_p, kl, d_m_q, d_s_q, d_m_p, d_s_p] = r.numbers::<9>(0);
        let one = |v: f64| Array2::from_elem((1, 1), F::of(v));
        let (a, b, c, d) = (one(m_q), one(s_q), one(m_p), one(s_p));
        let at = DiagLaplace::new(&a, &b).unwrap().kl(&DiagLaplace::new(&c, &d).unwrap()).unwrap();
        let what = |name: &str| format!("{name} of line {}", r.line);
        // Two terms of one sign: nothing cancels. The difference of two log-scales is rounded once,
        // which the exponential magnifies by its argument; distances are good to 4, and one meets the
        // other as a share.
        let wider = s_q - s_p;
        let k = 16.0 + 4.0 * wider.abs();
        assert_eps(at.value[0], kl, kl, k, what("kl"));
        assert_eps(at.grad.0.loc()[[0, 0]], d_m_q, d_m_q, k, what("d_loc_q"));
        assert_eps(at.grad.1.loc()[[0, 0]], d_m_p, d_m_p, k, what("d_loc_p"));
        // e^y - 1 with y = d + ln(1 + v) - v, whose terms may have either sign.
        let v = (m_q - m_p).abs() * (-s_q).exp();
        let size = d_s_q.abs() + (1.0 + d_s_q) * (wider.abs() + v * v / (1.0 + v));
        assert_eps(at.grad.0.log_scale()[[0, 0]], d_s_q, size, 8.0, what("d_log_scale_q"));
        let spread = wider.exp_m1();
        let size = spread.abs() + (d_s_p + spread).abs();
        assert_eps(at.grad.1.log_scale()[[0, 0]], d_s_p, size, k, what("d_log_scale_p"));
    }
}

#[test]
fn ref_laplace_kl_agrees_with_mpmath() {
    kl_agrees_with_table::<f32>();
    kl_agrees_with_table::<f64>();
}

#[test]
fn law_laplace_summaries_are_integrals() {
    summaries_are_integrals::<Laplace>(&[-60.0, 0.0, 60.0]);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_laplace_kl_is_its_integral(m_q in -2.0..2.0, s_q in -1.0..1.0, m_p in -2.0..2.0, s_p in -1.0..1.0) {
        let (a, b, c, d) = (array![[m_q]], array![[s_q]], array![[m_p]], array![[s_p]]);
        let kl = DiagLaplace::new(&a, &b).unwrap().kl(&DiagLaplace::new(&c, &d).unwrap()).unwrap().value[0];
        let log_density = |x: f64, m: f64, s: f64| -((x - m) * f64::exp(-s)).abs() - s - std::f64::consts::LN_2;
        let width = 60.0 * f64::exp(s_q);
        let by_quadrature = integral(&[m_q - width, m_q, m_p, m_q + width], |x| {
            let log_q = log_density(x, m_q, s_q);
            log_q.exp() * (log_q - log_density(x, m_p, s_p))
        });
        // E |log q| and E |log p| are below 4 + |z|, with |z| up to 4 e.
        prop_assert!((kl - by_quadrature).abs() <= rounding(16.0 + kl), "{kl} {by_quadrature}");
    }

    /// To the least of differences: half the squares of both, where they are small.
    #[test]
    fn law_laplace_kl_of_neighbours_is_a_sum_of_squares(m in -2.0..2.0_f64, s in -1.0..1.0_f64, dm in -1e-6..1e-6_f64, ds in -1e-6..1e-6_f64) {
        let (a, b, c, d) = (array![[m + dm]], array![[s + ds]], array![[m]], array![[s]]);
        let at = DiagLaplace::new(&a, &b).unwrap().kl(&DiagLaplace::new(&c, &d).unwrap()).unwrap();
        // The differences that the law sees; the next terms are cubes.
        let (v, ds) = (((m + dm) - m) * f64::exp(-s), (s + ds) - s);
        let squares = 0.5 * (v * v + ds * ds);
        prop_assert!((at.value[0] - squares).abs() <= 4e-6 * squares, "{} {squares}", at.value[0]);
    }
}

#[test]
fn hard_the_corner_of_laplace_has_slope_0() {
    for s in [-300.0, 0.0, 300.0] {
        let (loc, log_scale, x) = (array![[2.0]], array![[s]], array![[2.0]]);
        let q = DiagLaplace::<f64>::new(&loc, &log_scale).unwrap();
        let at = q.log_prob_grad(&x).unwrap();
        assert_eq!(at.value[0], -std::f64::consts::LN_2 - s);
        assert_eq!(at.grad.flat(), array![[0.0, -1.0]]);
        assert_eq!(q.log_prob_slope(&x).unwrap().grad, array![[0.0]]);
    }
    let nan = DiagLaplace::<f64>::standard(1, 1).unwrap().log_prob_grad(&array![[f64::NAN]]).unwrap();
    assert!(nan.value[0].is_nan() && nan.grad.flat().iter().all(|g| g.is_nan()));
}

#[test]
fn hard_laplace_where_z_leaves_the_numbers() {
    let (loc, log_scale) = (array![[0.0]], array![[-800.0]]);
    let q = DiagLaplace::<f64>::new(&loc, &log_scale).unwrap();
    for x in [1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let at = q.log_prob_grad(&array![[x]]).unwrap();
        assert_eq!(at.value[0], f64::NEG_INFINITY);
        assert_eq!(at.grad.flat(), array![[x * f64::INFINITY, f64::INFINITY]], "{x}");
    }
    // e^-300 in f32: below all numbers, and its inverse above them.
    for s in [300.0_f32, -300.0] {
        let (loc, log_scale) = (array![[2.0_f32]], array![[s]]);
        let q = DiagLaplace::new(&loc, &log_scale).unwrap();
        let at = q.log_prob_grad(&array![[2.0]]).unwrap();
        assert_eq!(at.grad.flat(), array![[0.0, -1.0]]);
        let draw = q.transform(array![[0.0]]).unwrap();
        assert_eq!(draw.x(), array![[2.0]], "no noise, no step");
        let back = q.pathwise(&draw, &array![[0.0]]).unwrap().total().unwrap();
        assert_eq!(back.flat(), array![[0.0, 0.0]]);
    }
}

#[test]
fn hard_laplace_kl_at_the_ends_of_the_numbers() {
    let head = array![[0.0, 1e6, -3.0, 0.0, 20.0, -300.0]];
    let q = DiagLaplace::from_head(&head).unwrap();
    let at = q.kl(&q.clone()).unwrap();
    assert_eq!(at.value, array![0.0]);
    assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|&g| g == 0.0), "{:?}", at.grad);

    let far = [-1e300, -1.0, 0.0, 1e-300, 1e300];
    let scales = [-800.0, -300.0, 0.0, 300.0, 800.0];
    let laws: Vec<[f64; 2]> = far.iter().flat_map(|&m| scales.map(|s| [m, s])).collect();
    for &[m_q, s_q] in &laws {
        for &[m_p, s_p] in &laws {
            let (q, p) = (array![[m_q, s_q]], array![[m_p, s_p]]);
            let at = DiagLaplace::from_head(&q).unwrap().kl(&DiagLaplace::from_head(&p).unwrap()).unwrap();
            let grads: Vec<f64> = at.grad.0.flat().iter().chain(at.grad.1.flat()).copied().collect();
            assert!(at.value[0] >= 0.0 && grads.iter().all(|g| !g.is_nan()), "{q} {p}: {} {grads:?}", at.value[0]);
        }
    }
    // A needle against a wide law: its log-scale counts, and the distance in the scales of p.
    let (q, p) = (array![[3.0, -800.0]], array![[0.0, 0.0]]);
    let at = DiagLaplace::from_head(&q).unwrap().kl(&DiagLaplace::from_head(&p).unwrap()).unwrap();
    assert_eq!(at.value[0], 802.0);
    assert_eq!((at.grad.0.flat(), at.grad.1.flat()), (array![[1.0, -1.0]].view(), array![[-1.0, -2.0]].view()));
}
