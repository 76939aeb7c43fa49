use estimand::distribution::Gumbel;
use estimand::ndarray::{Array2, array};
use estimand::{DiagGumbel, Kl, Real};
use proptest::prelude::*;

use super::loc_scale::Of;
use crate::support::conforms;
use crate::support::near::assert_eps;
use crate::support::quadrature::{integral, rounding};
use crate::support::reference::table;
use crate::support::strategy::config;

#[test]
fn law_the_gumbel_divergence_conforms() {
    conforms::kl::<Of<Gumbel>>();
}

fn kl_agrees_with_table<F: Real>() {
    for r in table("gumbel_kl.csv") {
        let [m_q, s_q, m_p, s_p, kl, d_m_q, d_s_q, d_m_p, d_s_p] = r.numbers::<9>(0);
        let one = |v: f64| Array2::from_elem((1, 1), F::of(v));
        let (a, b, c, d) = (one(m_q), one(s_q), one(m_p), one(s_p));
        let at = DiagGumbel::new(&a, &b).unwrap().kl(&DiagGumbel::new(&c, &d).unwrap()).unwrap();
        let what = |name: &str| format!("{name} of line {}", r.line);
        // l = ln Gamma(1 + r) - shift. The first is below r ln(1 + r), moves by less than that and 1 with
        // d, whose rounding is d of an epsilon, and is (1 - euler) (r - 1) next to 0.
        let (wider, shift) = (s_q - s_p, (m_q - m_p) * (-s_p).exp());
        let (r, x) = (wider.exp(), wider.exp_m1().abs());
        let slope = r * r.ln_1p() + 1.0;
        let doubt = shift.abs() + x + slope * wider.abs();
        // e^l - 1, and e^l, which carries the doubt.
        let w = (d_m_q * s_p.exp()).abs();
        let whole = 1.0 + w;
        let few = 8.0;
        assert_eps(at.value[0], kl, kl * (1.0 + wider.abs()) + w * doubt, few, what("kl"));
        let size = d_m_q.abs() + (-s_p).exp() * whole * doubt;
        assert_eps(at.grad.0.loc()[[0, 0]], d_m_q, size, few, what("d_loc_q"));
        assert_eps(at.grad.1.loc()[[0, 0]], d_m_p, size, few, what("d_loc_p"));
        // w times r digamma(1 + r), and a part that is x next to 0 and euler r far from it.
        let size = whole * doubt * slope + w * slope * (1.0 + wider.abs()) + x * (1.0 + wider.abs());
        assert_eps(at.grad.0.log_scale()[[0, 0]], d_s_q, size, few, what("d_log_scale_q"));
        let size = size + (w + whole * doubt) * shift.abs();
        assert_eps(at.grad.1.log_scale()[[0, 0]], d_s_p, size, few, what("d_log_scale_p"));
    }
}

#[test]
fn ref_gumbel_kl_agrees_with_mpmath() {
    kl_agrees_with_table::<f32>();
    kl_agrees_with_table::<f64>();
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_gumbel_kl_is_its_integral(m_q in -2.0..2.0, s_q in -1.0..1.0, m_p in -2.0..2.0, s_p in -1.0..1.0) {
        let (a, b, c, d) = (array![[m_q]], array![[s_q]], array![[m_p]], array![[s_p]]);
        let kl = DiagGumbel::new(&a, &b).unwrap().kl(&DiagGumbel::new(&c, &d).unwrap()).unwrap().value[0];
        let log_density = |z: f64, s: f64| -z - (-z).exp() - s;
        let by_quadrature = integral(&[-6.0, -1.0, 2.0, 12.0, 60.0], |z| {
            let log_q = log_density(z, s_q);
            let other = (m_q + s_q.exp() * z - m_p) * (-s_p).exp();
            log_q.exp() * s_q.exp() * (log_q - log_density(other, s_p))
        });
        // Numbers other than z: up to 4 e, and an exponential, whose argument of that size is off by a
        // few epsilons, has an expectation below 1 + the divergence and what is subtracted from it.
        let size = 16.0 * (4.0 * std::f64::consts::E + kl);
        prop_assert!((kl - by_quadrature).abs() <= rounding(size), "{kl} {by_quadrature}");
    }

    /// Next to equality half a square in Fisher's information, whose next term is a cube.
    #[test]
    fn law_gumbel_kl_of_neighbours_is_fishers_square(m in -2.0..2.0_f64, s in -1.0..1.0_f64, dm in -1e-6..1e-6_f64, ds in -1e-6..1e-6_f64) {
        let (a, b, c, d) = (array![[m + dm]], array![[s + ds]], array![[m]], array![[s]]);
        let at = DiagGumbel::new(&a, &b).unwrap().kl(&DiagGumbel::new(&c, &d).unwrap()).unwrap();
        let (v, ds) = (((m + dm) - m) * f64::exp(-s), (s + ds) - s);
        let level = 1.0 - 0.577_215_664_901_532_9;
        let fisher = 0.5 * ((level * ds - v).powi(2) + std::f64::consts::PI.powi(2) / 6.0 * ds * ds);
        prop_assert!((at.value[0] - fisher).abs() <= 1e-4 * fisher, "{} {fisher}", at.value[0]);
        prop_assert!(at.value[0] > 0.0 || (v == 0.0 && ds == 0.0));
    }
}

#[test]
fn hard_gumbel_kl_at_the_ends_of_the_numbers() {
    let head = array![[0.0, 1e6, -3.0, 0.0, 20.0, -300.0]];
    let q = DiagGumbel::from_head(&head).unwrap();
    let at = q.kl(&q.clone()).unwrap();
    assert_eq!(at.value, array![0.0]);
    assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|&g| g == 0.0), "{:?}", at.grad);

    let far = [-1e300, -1.0, 0.0, 1e-300, 1e300];
    let scales = [-800.0, -300.0, 0.0, 300.0, 800.0];
    let laws: Vec<[f64; 2]> = far.iter().flat_map(|&m| scales.map(|s| [m, s])).collect();
    for &[m_q, s_q] in &laws {
        for &[m_p, s_p] in &laws {
            let (q, p) = (array![[m_q, s_q]], array![[m_p, s_p]]);
            let at = DiagGumbel::from_head(&q).unwrap().kl(&DiagGumbel::from_head(&p).unwrap()).unwrap();
            let grads: Vec<f64> = at.grad.0.flat().iter().chain(at.grad.1.flat()).copied().collect();
            assert!(at.value[0] >= 0.0 && grads.iter().all(|g| !g.is_nan()), "{q} {p}: {} {grads:?}", at.value[0]);
        }
    }
    // A needle at 3 against a wide law: r is 0, and what is left is 800 - euler, 3 and e^-3 - 1.
    let (q, p) = (array![[3.0, -800.0]], array![[0.0, 0.0]]);
    let at = DiagGumbel::from_head(&q).unwrap().kl(&DiagGumbel::from_head(&p).unwrap()).unwrap();
    let value = 802.0 - 0.577_215_664_901_532_9 + (-3.0_f64).exp();
    assert_eps(at.value[0], value, value, 2.0, "a needle");
    assert_eq!(at.grad.0.log_scale(), array![[-1.0]]);
}
