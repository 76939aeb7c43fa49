use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, array};
use estimand::{
    Cdf, DiagGaussian, Distribution, Entropy, Error, Kl, Real, Reparameterize, Rows, Smooth, Transform, check,
};
use proptest::prelude::*;

use crate::support::near::{assert_eps, assert_gradient, difference_limit};
use crate::support::reference::table;
use crate::support::strategy::{array as numbers, config, sizes};

/// Terms of a log-density at z: the size that its rounding errors have.
fn scale(z: f64, s: f64) -> f64 {
    1.0 + z * z + s.abs()
}

fn agrees_with_table<F: Real>() {
    for r in table("gaussian.csv") {
        let [x, m, s, log_prob, d_loc, d_log_scale, d_x, cdf] = r.numbers::<8>(0);
        let one = |v: f64| Array2::from_elem((1, 1), F::of(v));
        let (loc, log_scale, x2) = (one(m), one(s), one(x));
        let q = DiagGaussian::new(&loc, &log_scale).unwrap();
        let at = q.log_prob_grad(&x2).unwrap();
        let slope = q.log_prob_slope(&x2).unwrap();
        let z2 = d_log_scale + 1.0;
        // e^(s/2) enters z four times over in z^2, each good to an epsilon, and s itself is exact.
        let what = |name: &str| format!("{name} of line {}", r.line);
        assert_eps(at.value[0], log_prob, 1.0 + z2 + s.abs(), 8.0, what("log_prob"));
        assert_eq!(slope.value, at.value);
        assert_eps(at.grad.loc()[[0, 0]], d_loc, d_loc, 8.0, what("d_loc"));
        assert_eps(slope.grad[[0, 0]], d_x, d_x, 8.0, what("d_x"));
        assert_eps(at.grad.log_scale()[[0, 0]], d_log_scale, 1.0 + z2, 8.0, what("d_log_scale"));
        // The relative error of a tail is z^2 times that of z.
        let got = q.cdf(&x2).unwrap()[[0, 0]];
        let floor = F::min_positive_value().as_f64();
        let limit = 8.0 + 4.0 * z2.min(1500.0);
        assert!(
            (got.as_f64() - cdf).abs() <= limit * F::epsilon().as_f64() * cdf + floor,
            "{}: {got:e} {cdf:e}",
            what("cdf")
        );
    }
}

#[test]
fn ref_gaussian_agrees_with_mpmath() {
    agrees_with_table::<f32>();
    agrees_with_table::<f64>();
}

#[test]
fn ref_gaussian_quantiles_agree_with_mpmath() {
    for r in table("gaussian_quantile.csv") {
        let [p, want] = r.numbers::<2>(0);
        let q64 = DiagGaussian::<f64>::standard(1, 1).unwrap().quantile(&array![[p]]).unwrap()[[0, 0]];
        // statrs inverts erfc to about 1e-15 of the quantile and of 1.
        assert_eps(q64, want, 1.0 + want.abs(), 8.0, format!("quantile of {p:e}"));
        let q32 = DiagGaussian::<f32>::standard(1, 1).unwrap().quantile(&array![[p as f32]]).unwrap()[[0, 0]];
        assert_eps(q32, want, want.abs(), 1.0, format!("quantile of {p:e} in f32"));
    }
}

fn kl_agrees_with_table<F: Real>() {
    for r in table("gaussian_kl.csv") {
        let [m_q, s_q, m_p, s_p, kl, d_m_q, d_s_q, d_m_p, d_s_p] = r.numbers::<9>(0);
        let one = |v: f64| Array2::from_elem((1, 1), F::of(v));
        let (a, b, c, d) = (one(m_q), one(s_q), one(m_p), one(s_p));
        let at = DiagGaussian::new(&a, &b).unwrap().kl(&DiagGaussian::new(&c, &d).unwrap()).unwrap();
        let what = |name: &str| format!("{name} of line {}", r.line);
        // All terms of the value are positive: nothing cancels. The difference of two log-scales
        // is rounded once, which the exponential magnifies by its argument.
        let k = 8.0 + 4.0 * (s_q - s_p).abs();
        assert_eps(at.value[0], kl, kl, k, what("kl"));
        assert_eps(at.grad.0.loc()[[0, 0]], d_m_q, d_m_q, k, what("d_loc_q"));
        assert_eps(at.grad.0.log_scale()[[0, 0]], d_s_q, d_s_q, k, what("d_log_scale_q"));
        assert_eps(at.grad.1.loc()[[0, 0]], d_m_p, d_m_p, k, what("d_loc_p"));
        // 1 - e^2d - z^2 cancels: in units of its terms.
        let z2 = 2.0 * kl;
        assert_eps(
            at.grad.1.log_scale()[[0, 0]],
            d_s_p,
            d_s_q.abs() + z2.abs().min(d_s_p.abs() + d_s_q.abs() + 1.0),
            k,
            what("d_log_scale_p"),
        );
        if (m_p, s_p) == (0.0, 0.0) {
            let standard = DiagGaussian::new(&a, &b).unwrap().kl_standard();
            assert_eq!((standard.value, standard.grad), (at.value, at.grad.0), "the standard law is a law");
        }
    }
}

#[test]
fn ref_gaussian_kl_agrees_with_mpmath() {
    kl_agrees_with_table::<f32>();
    kl_agrees_with_table::<f64>();
}

/// What [`integral`] may be off for a smooth integrand that vanishes at both ends, where the rule
/// itself is exact: the rounding of 4000 additions of the size `size`.
fn additions(size: f64) -> f64 {
    4000.0 * f64::EPSILON * size
}

/// Composite Simpson on an even number of intervals.
fn integral(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let n = 4000;
    let h = (to - from) / f64::from(n);
    let weight = |i: i32| {
        if i == 0 || i == n {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    (0..=n).map(|i| weight(i) * f(from + h * f64::from(i))).sum::<f64>() * h / 3.0
}

/// log N(x; m, e^2s), written out here.
fn log_normal(x: f64, m: f64, s: f64) -> f64 {
    -0.5 * ((x - m) / s.exp()).powi(2) - s - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_gaussian_kl_is_its_integral(m_q in -2.0..2.0, s_q in -1.0..1.0, m_p in -2.0..2.0, s_p in -1.0..1.0) {
        let (a, b, c, d) = (array![[m_q]], array![[s_q]], array![[m_p]], array![[s_p]]);
        let kl = DiagGaussian::new(&a, &b).unwrap().kl(&DiagGaussian::new(&c, &d).unwrap()).unwrap().value[0];
        let width = 12.0 * f64::exp(s_q);
        let by_quadrature = integral(m_q - width, m_q + width, |x| {
            let log_q = log_normal(x, m_q, s_q);
            log_q.exp() * (log_q - log_normal(x, m_p, s_p))
        });
        assert_abs_diff_eq!(kl, by_quadrature, epsilon = additions(4.0 + kl));
    }

    #[test]
    fn law_kl_is_not_negative_and_zero_only_at_equality((n, d) in sizes(3, 4), step in prop_oneof![Just(0.0), -1e-6..1e-6, -3.0..3.0_f64]) {
        let head = Array2::from_shape_fn((n, 2 * d), |(i, j)| ((i * 7 + j * 3) % 5) as f64 / 3.0 - 0.6);
        let mut moved = head.clone();
        moved[[n - 1, 2 * d - 1]] += step;
        let (q, p) = (DiagGaussian::from_head(&head).unwrap(), DiagGaussian::from_head(&moved).unwrap());
        let kl = q.kl(&p).unwrap().value;
        for (i, &kl) in kl.iter().enumerate() {
            prop_assert!(kl >= 0.0);
            let equal = i < n - 1 || head[[n - 1, 2 * d - 1]] == moved[[n - 1, 2 * d - 1]];
            prop_assert_eq!(kl == 0.0, equal);
        }
    }

    #[test]
    fn law_kl_by_coordinate_sums_to_the_kl(head in sizes(3, 40).prop_flat_map(|(n, d)| numbers((n, 2 * d), -2.0, 2.0))) {
        let q = DiagGaussian::from_head(&head).unwrap();
        let (whole, parts) = (q.kl_standard(), q.kl_standard_by_coordinate());
        prop_assert_eq!(&whole.grad, &parts.grad);
        let sums = parts.value.sum_axis(estimand::ndarray::Axis(1));
        for (sum, kl) in sums.iter().zip(&whole.value) {
            assert_abs_diff_eq!(sum, kl, epsilon = 40.0 * f64::EPSILON * kl);
        }
        prop_assert!(parts.value.iter().all(|&v| v >= 0.0));
    }

    #[test]
    fn law_pathwise_is_the_derivative_of_the_draw(head in sizes(3, 4).prop_flat_map(|(n, d)| numbers((n, 2 * d), -1.5, 1.5)), k in 1..4_usize) {
        let (n, d) = (head.nrows(), head.ncols() / 2);
        let noise = Array2::from_shape_fn((n * k, d), |(i, j)| ((i * 5 + j * 3) % 7) as f64 / 3.0 - 1.0);
        // f(x) = sum of x^3 / 3, with slope x^2.
        let cost = |head: &Array2<f64>| {
            let q = DiagGaussian::from_head(head).unwrap().repeat_rows(k);
            q.transform(noise.clone()).unwrap().into_x().mapv(|x| x.powi(3) / 3.0).sum()
        };
        let q = DiagGaussian::from_head(&head).unwrap().repeat_rows(k);
        let z = q.transform(noise.clone()).unwrap();
        let d_x = z.x().mapv(|x| x * x);
        let grad = q.pathwise(&z, &d_x).unwrap().total().unwrap().into_flat();
        assert_gradient("pathwise", cost, &head, grad.view());
    }

    #[test]
    fn law_gradients_convert_to_other_parameters(m in -2.0..2.0, v in 0.1..4.0_f64, x in -3.0..3.0) {
        let (mean, variance, log_var, x2) = (array![[m]], array![[v]], array![[v.ln()]], array![[x]]);
        let by_variance = DiagGaussian::from_mean_variance(&mean, &variance).unwrap();
        let by_log_var = DiagGaussian::from_mean_log_var(&mean, &log_var).unwrap();
        let (a, b) = (by_variance.log_prob_grad(&x2).unwrap(), by_log_var.log_prob_grad(&x2).unwrap());
        let log_density = |m: f64, v: f64| -0.5 * (x - m).powi(2) / v - 0.5 * (2.0 * std::f64::consts::PI * v).ln();
        let z2 = (x - m).powi(2) / v;
        assert_abs_diff_eq!(a.value[0], log_density(m, v), epsilon = 16.0 * f64::EPSILON * scale(z2.sqrt(), v.ln()));
        assert_abs_diff_eq!(b.value[0], log_density(m, v), epsilon = 16.0 * f64::EPSILON * scale(z2.sqrt(), v.ln()));
        // A step of v / 2 at the most doubles z^2; one of 0.1 in the mean moves it by less than that and 1.
        let limit = |slope, step| difference_limit::<f64>(4.0 + 2.0 * z2, slope, step);
        let d_variance = check::derivative(|v| log_density(m, v), v, 0.05).unwrap().value;
        assert_abs_diff_eq!(a.grad.log_scale()[[0, 0]] / (2.0 * v), d_variance, epsilon = limit(d_variance, 0.05));
        let d_log_var = check::derivative(|w: f64| log_density(m, w.exp()), v.ln(), 0.1).unwrap().value;
        assert_abs_diff_eq!(b.grad.log_scale()[[0, 0]] / 2.0, d_log_var, epsilon = limit(d_log_var, 0.1));
        let d_mean = check::derivative(|m| log_density(m, v), m, 0.1).unwrap().value;
        assert_abs_diff_eq!(a.grad.loc()[[0, 0]], d_mean, epsilon = limit(d_mean, 0.1));
    }

    #[test]
    fn law_entropy_is_minus_the_integral_of_the_density_times_its_logarithm(m in -2.0..2.0, s in -1.5..1.5_f64) {
        let (loc, log_scale) = (array![[m]], array![[s]]);
        let entropy = DiagGaussian::new(&loc, &log_scale).unwrap().entropy().value[0];
        let width = 12.0 * s.exp();
        let by_quadrature = integral(m - width, m + width, |x| -log_normal(x, m, s).exp() * log_normal(x, m, s));
        assert_abs_diff_eq!(entropy, by_quadrature, epsilon = additions(4.0));
    }
}

#[test]
fn hard_tensorflow_13430_kl_at_equal_laws() {
    let head = array![[0.0, 1e6, -3.0, 0.0, 20.0, -300.0]];
    let q = DiagGaussian::from_head(&head).unwrap();
    let at = q.kl(&q.clone()).unwrap();
    assert_eq!(at.value, array![0.0]);
    assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|&g| g == 0.0), "{:?}", at.grad);
}

#[test]
fn hard_extreme_log_scales() {
    // At the centre z is 0 whatever the scale, where 0 * inf would be NaN.
    for s in [300.0, -300.0] {
        let (loc, log_scale, x) = (array![[2.0]], array![[s]], array![[2.0]]);
        let at = DiagGaussian::new(&loc, &log_scale).unwrap().log_prob_grad(&x).unwrap();
        assert_abs_diff_eq!(at.value[0], -s - 0.5 * (2.0 * std::f64::consts::PI).ln());
        assert_eq!((at.grad.loc()[[0, 0]], at.grad.log_scale()[[0, 0]]), (0.0, -1.0));
        let single = (array![[2.0_f32]], array![[s as f32]], array![[2.0_f32]]);
        let q = DiagGaussian::new(&single.0, &single.1).unwrap();
        let at = q.log_prob_grad(&single.2).unwrap();
        assert_eq!((at.grad.loc()[[0, 0]], at.grad.log_scale()[[0, 0]]), (0.0, -1.0));
        let draw = q.transform(array![[0.0]]).unwrap();
        assert_eq!(draw.x(), array![[2.0]], "no noise, no step");
        let back = q.pathwise(&draw, &array![[0.0]]).unwrap().total().unwrap();
        assert_eq!(back.flat(), array![[0.0, 0.0]]);
    }
    // In f32 e^100 overflows, but a subnormal distance over e^-100 is a number.
    let tiny = f32::from_bits(1) * 1024.0;
    let (loc, log_scale, x) = (array![[0.0_f32]], array![[-100.0_f32]], array![[tiny]]);
    let at = DiagGaussian::new(&loc, &log_scale).unwrap().log_prob_grad(&x).unwrap();
    let z = f64::from(tiny) * 100.0_f64.exp();
    // z is good to 4 epsilon, its square to 8.
    let value = log_normal(z, 0.0, 0.0) + 100.0;
    assert_eps(at.value[0], value, 0.5 * z * z + 101.0, 8.0, "a subnormal distance");
    // Far away at a tiny scale: no density, and the gradient points back.
    let (loc, log_scale, x) = (array![[0.0_f64]], array![[-300.0]], array![[1e200]]);
    let at = DiagGaussian::new(&loc, &log_scale).unwrap().log_prob_grad(&x).unwrap();
    assert_eq!(at.value[0], f64::NEG_INFINITY);
    assert_eq!((at.grad.loc()[[0, 0]], at.grad.log_scale()[[0, 0]]), (f64::INFINITY, f64::INFINITY));
    // KL at both ends.
    let head = array![[0.0, 300.0], [0.0, -300.0]];
    let kl = DiagGaussian::from_head(&head).unwrap().kl_standard().value;
    assert_abs_diff_eq!(kl[1], 299.5);
    let value = 0.5 * 600.0_f64.exp();
    assert_eps(kl[0], value, value, 4.0, "KL at a scale of e^300");
}

#[test]
fn hard_infinite_data_have_no_density() {
    for x in [f64::INFINITY, f64::NEG_INFINITY] {
        for s in [-300.0, 0.0, 300.0] {
            let (loc, log_scale) = (array![[0.0]], array![[s]]);
            let value = DiagGaussian::new(&loc, &log_scale).unwrap().log_prob(&array![[x]]).unwrap();
            assert_eq!(value[0], f64::NEG_INFINITY);
        }
    }
}

#[test]
fn hard_constructors_refuse_with_the_facts() {
    let odd = Array2::<f64>::zeros((2, 3));
    let expected = "an even number (loc | log_scale)".to_owned();
    assert_eq!(
        DiagGaussian::from_head(&odd).err(),
        Some(Error::Count { name: "head", axis: "columns", got: 3, expected })
    );
    let (wide, narrow) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::zeros((2, 1)));
    let shape = Error::Shape { name: "log_scale", got: vec![2, 1], expected: vec![2, 3] };
    assert_eq!(DiagGaussian::new(&wide, &narrow).err(), Some(shape));
    let shape = |name| Some(Error::Shape { name, got: vec![2, 1], expected: vec![2, 3] });
    assert_eq!(DiagGaussian::from_mean_log_var(&wide, &narrow).err(), shape("log_var"));
    assert_eq!(DiagGaussian::from_mean_variance(&wide, &Array2::ones((2, 1))).err(), shape("variance"));
    let positive = "a positive, finite variance";
    for bad in [0.0, -1.0, f64::INFINITY] {
        let error = Error::Entry { name: "variance", index: vec![1, 0], value: bad, expected: positive };
        let variance = array![[1.0], [bad]];
        assert_eq!(DiagGaussian::from_mean_variance(&narrow, &variance).err(), Some(error));
    }
    let (a, b) = (Array1::<f64>::zeros(2), Array1::<f64>::zeros(1));
    let none = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(DiagGaussian::shared(&a, &a, 0).err(), Some(none.clone()));
    assert_eq!(DiagGaussian::<f64>::standard(0, 3).err(), Some(none));
    let shape = Error::Shape { name: "log_scale", got: vec![1], expected: vec![2] };
    assert_eq!(DiagGaussian::shared(&a, &b, 3).err(), Some(shape));
}

#[test]
fn hard_quantiles_at_the_ends_are_infinite() {
    let q = DiagGaussian::<f64>::standard(1, 3).unwrap();
    assert_eq!(q.quantile(&array![[0.0, 0.5, 1.0]]).unwrap(), array![[f64::NEG_INFINITY, 0.0, f64::INFINITY]]);
    assert_eq!(q.cdf(&array![[f64::NEG_INFINITY, 0.0, f64::INFINITY]]).unwrap(), array![[0.0, 0.5, 1.0]]);
}
