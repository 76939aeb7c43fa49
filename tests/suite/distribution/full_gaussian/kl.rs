//! The divergence against its formula by elimination of the covariances, at widths on both sides of a panel.

use estimand::matrix::Lu;
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{Error, FullGaussian, Kl, Real};
use proptest::prelude::*;

use super::{apart, law_of};
use crate::support::conforms::{self, normal};
use crate::support::full::Full;
use crate::support::near::assert_eps;
use crate::support::strategy::config;

#[test]
fn law_the_divergence_conforms() {
    conforms::kl::<Full>();
}

/// A law of `d` coordinates whose factor has the condition of a few: its rows fall off beside the diagonal.
fn tame(d: usize, seed: u64) -> (Array1<f64>, Array2<f64>) {
    let (any, scale) = (normal(d, d, seed), normal(d, 1, seed + 1));
    let lower = Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => (0.3 * scale[[i, 0]]).exp(),
        std::cmp::Ordering::Greater => 0.5 * any[[i, j]] / (d as f64).sqrt(),
    });
    (normal(d, 1, seed + 2).column(0).to_owned(), lower)
}

/// The divergence and its derivatives in means and covariances, by elimination.
struct Formula {
    value: f64,
    d_mean: Array1<f64>,
    d_covariance: Array2<f64>,
    d_other: Array2<f64>,
    condition: f64,
}

fn formula(q: &(Array1<f64>, Array2<f64>), p: &(Array1<f64>, Array2<f64>)) -> Formula {
    let d = q.0.len() as f64;
    let (s, r) = (q.1.dot(&q.1.t()), p.1.dot(&p.1.t()));
    let (s_lu, r_lu) = (Lu::of(&s).unwrap(), Lu::of(&r).unwrap());
    let (s_inverse, r_inverse) = (s_lu.inverse().unwrap(), r_lu.inverse().unwrap());
    let t = &q.0 - &p.0;
    let u = r_inverse.dot(&t);
    let ratio = r_lu.log_det().log_abs - s_lu.log_det().log_abs;
    let both = &s + &t.view().insert_axis(Axis(1)).dot(&t.view().insert_axis(Axis(0)));
    let size = |a: &Array2<f64>| a.iter().map(|x| x * x).sum::<f64>().sqrt();
    Formula {
        value: 0.5 * (r_inverse.dot(&s).diag().sum() + t.dot(&u) - d + ratio),
        d_other: 0.5 * (&r_inverse - &r_inverse.dot(&both).dot(&r_inverse)),
        d_covariance: 0.5 * (&r_inverse - &s_inverse),
        d_mean: u,
        condition: (size(&s) * size(&s_inverse)).max(size(&r) * size(&r_inverse)),
    }
}

fn agree(q: &(Array1<f64>, Array2<f64>), p: &(Array1<f64>, Array2<f64>)) {
    let want = formula(q, p);
    let d = q.0.len();
    let [q_law, p_law] = [q, p].map(|(mean, lower)| FullGaussian::from_factor(mean, lower, 1).unwrap());
    let at = q_law.kl(&p_law).unwrap();
    let limit = 8.0 * d as f64 * f64::EPSILON * want.condition;
    let near = |what: &str, got: &Array2<f64>, want: &Array2<f64>| {
        let most = want.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        assert!(apart(got, want) <= limit * most, "{what}, d = {d}: {:e} of {most:e}", apart(got, want));
    };
    let scalar = |x: f64| array![[x]];
    near("value", &scalar(at.value[0]), &scalar(want.value));
    let (d_q, d_p) = &at.grad;
    let mean = want.d_mean.insert_axis(Axis(0));
    near("mean", &d_q.loc().to_owned(), &mean);
    near("other mean", &d_p.loc().to_owned(), &-mean);
    near("covariance", &q_law.in_covariance(0, &d_q.flat().row(0)).unwrap(), &want.d_covariance);
    near("other covariance", &p_law.in_covariance(0, &d_p.flat().row(0)).unwrap(), &want.d_other);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_kl_is_its_formula(
        (q, p) in (1_usize..8).prop_flat_map(|d| (law_of(d, 1.0), law_of(d, 1.0)))
    ) {
        agree(&q, &p);
    }
}

/// On both sides of a panel of rows, and over several.
#[test]
fn law_kl_is_its_formula_at_every_width() {
    for d in [10, 47, 48, 49, 95, 96, 97, 150] {
        agree(&tame(d, 1), &tame(d, 10));
    }
}

#[test]
fn law_kl_of_a_law_from_itself_is_nothing() {
    for d in [1, 2, 48, 49, 130] {
        let (mean, lower) = tame(d, 5);
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        let at = q.kl(&q).unwrap();
        assert_eq!(at.value, array![0.0]);
        assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|&g| g == 0.0), "d = {d}");
        let near = FullGaussian::from_factor(&(mean + 1e-9), &lower, 1).unwrap();
        let value = q.kl(&near).unwrap().value[0];
        assert!(value > 0.0 && value < 1e-15 * d as f64, "half of the square of what is standardised: {value:e}");
    }
}

#[test]
fn law_kl_standard_is_the_divergence_from_the_standard_law() {
    for d in [1, 3, 50] {
        let (mean, lower) = tame(d, 3);
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        let (own, other) = (q.kl_standard(), q.kl(&FullGaussian::standard(1, d).unwrap()).unwrap());
        let limit = 32.0 * f64::EPSILON;
        assert!((own.value[0] - other.value[0]).abs() <= limit * own.value[0].max(1.0) * d as f64);
        let size = own.grad.flat().iter().fold(1.0_f64, |m, g| m.max(g.abs()));
        assert!(apart(&own.grad.flat(), &other.grad.0.flat()) <= limit * size);
    }
}

/// Scales that are no numbers of f32, and scales a little apart: against the law of independent coordinates, which knows
/// the logarithms alone.
#[test]
fn hard_kl_of_scales_that_overflow_or_nearly_agree() {
    for [s, r] in
        [[-100.0_f32, -90.0], [-90.0, -100.0], [95.0, 100.0], [100.0, 95.0], [-11.0, -50.0], [0.0, -40.0], [0.0, 1e-6]]
    {
        let [q, p] = [s, r].map(|s| FullGaussian::from_head(array![[0.0, s]]).unwrap());
        let [diag, other] = [s, r].map(|s| estimand::DiagGaussian::from_head(array![[0.0, s]]).unwrap());
        let (got, want) = (q.kl(&p).unwrap(), diag.kl(&other).unwrap());
        let near = |a: f32, b: f32| a == b || (a - b).abs() <= 16.0 * f32::EPSILON * b.abs();
        assert!(near(got.value[0], want.value[0]), "{s} {r}");
        let (d_q, d_p) = (got.grad.0.log_scale()[[0, 0]], got.grad.1.log_scale()[[0, 0]]);
        assert!(near(d_q, want.grad.0.log_scale()[[0, 0]]), "{s} {r}: {d_q}");
        assert!(near(d_p, want.grad.1.log_scale()[[0, 0]]), "{s} {r}: {d_p}");
    }
    // Below the diagonal in units of a scale of 1e-160: values and gradients are numbers, or infinite, and never NaN.
    let [q, p] = [1e-10_f64, 1e-160]
        .map(|l| FullGaussian::from_factor(&array![0.0, 0.0], &array![[1.0, 0.0], [1.0, l]], 1).unwrap());
    let at = q.kl(&p).unwrap();
    assert!((at.value[0] / 5e299 - 1.0).abs() < 1e-12);
    assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|g| !g.is_nan()), "{at:?}");
}

fn given_scales<F: Real>(ratios: &[f64]) {
    for &ratio in ratios {
        for unit in [1.0, 1e6, 1e-10] {
            let (l, m) = (F::of(unit * ratio), F::of(unit));
            let [q, p] = [l, m].map(|l| FullGaussian::from_factor(&array![F::zero()], &array![[l]], 1).unwrap());
            let (l, m) = (l.as_f64(), m.as_f64());
            // Of t = l / m - 1 the series, near 1; else the formula, whose terms do not cancel there.
            let t = (l - m) / m;
            let series = t * t * (1.0 - t / 3.0 + t * t / 4.0);
            let want = if t.abs() < 1e-4 { series } else { 0.5 * ((l / m).powi(2) - 1.0) - (l / m).ln() };
            // Logarithms are rounded at their size, which the exponential of their difference makes a relative error.
            let logs = if t.abs() < 0.5 { 0.0 } else { m.ln().abs() + l.ln().abs() };
            let size = want.abs() * (1.0 + logs) + logs;
            assert_eps(q.kl(&p).unwrap().value[0], want, size, 4.0, format!("{ratio} of {unit}"));
        }
    }
}

/// Scales that are given, from far narrower to far wider, and a little apart.
#[test]
fn law_kl_of_given_scales() {
    given_scales::<f64>(&[1e-12, 1e-6, 0.1, 0.4, 1.0 + 1e-10, 1.0 - 1e-7, 2.0, 10.0, 1e6, 1e12]);
    given_scales::<f32>(&[1e-6, 1e-3, 0.1, 0.4, 2.0, 10.0, 1e6]);
}

#[test]
fn hard_kl_of_other_shapes() {
    let (q, p) = (FullGaussian::<f64>::standard(1, 2).unwrap(), FullGaussian::<f64>::standard(1, 3).unwrap());
    assert_eq!(q.kl(&p), Err(Error::Shape { name: "p", got: vec![1, 3], expected: vec![1, 2] }));
    let none = FullGaussian::<f64>::standard(1, 0).unwrap();
    assert_eq!(none.kl(&none).unwrap().value, array![0.0]);
    assert_eq!(none.kl_standard().value, array![0.0]);
    let head = Array2::<f64>::zeros((0, 5));
    let empty = FullGaussian::from_head(&head).unwrap();
    assert_eq!(empty.kl(&empty).unwrap().value.len(), 0);
}
