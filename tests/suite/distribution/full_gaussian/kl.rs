//! The divergence against its formula by elimination of the covariances, at widths on both sides of a panel.

use estimand::matrix::Lu;
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{Error, FullGaussian, Kl};
use proptest::prelude::*;

use super::{Full, apart, law_of};
use crate::support::conforms::{self, normal};
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
/// the logarithms alone; and against the first term of the series, (L / M - 1)^2, where scales are given.
#[test]
fn hard_kl_of_scales_that_overflow_or_nearly_agree() {
    for [s, r] in [[-100.0_f32, -90.0], [95.0, 100.0], [0.0, 1e-6]] {
        let [q, p] = [s, r].map(|s| FullGaussian::from_head(array![[0.0, s]]).unwrap());
        let [diag, other] = [s, r].map(|s| estimand::DiagGaussian::from_head(array![[0.0, s]]).unwrap());
        let (got, want) = (q.kl(&p).unwrap(), diag.kl(&other).unwrap());
        let near = |a: f32, b: f32| a == b || (a - b).abs() <= 16.0 * f32::EPSILON * b.abs();
        assert!(near(got.value[0], want.value[0]), "{s} {r}");
        let (d_q, d_p) = (got.grad.0.log_scale()[[0, 0]], got.grad.1.log_scale()[[0, 0]]);
        assert!(near(d_q, want.grad.0.log_scale()[[0, 0]]), "{s} {r}: {d_q}");
        assert!(near(d_p, want.grad.1.log_scale()[[0, 0]]), "{s} {r}: {d_p}");
    }
    for scale in [1.0, 1e6, 1e-20] {
        let [q, p] =
            [scale * (1.0 + 1e-10), scale].map(|l| FullGaussian::from_factor(&array![0.0], &array![[l]], 1).unwrap());
        let off: f64 = (scale * (1.0 + 1e-10) - scale) / scale;
        let value = q.kl(&p).unwrap().value[0];
        assert!((value / (off * off) - 1.0).abs() < 1e-9, "{scale}: {value:e} {:e}", off * off);
    }
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
