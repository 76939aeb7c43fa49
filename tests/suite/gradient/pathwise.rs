use estimand::check::{Nodes, oracle};
use estimand::gradient::{Baseline, Bias, Pathwise, Plan, ScoreFunction, StickingTheLanding, pathwise};
use estimand::ndarray::{Array1, Array2, ArrayView2, array};
use estimand::{DiagGaussian, Distribution, Error, Reparameterize, Rows, Smooth, Transform};
use proptest::prelude::*;

use super::{PATHWISE, SCORE, TRUE, assert_exact, exact_of, rows_of, truths};
use crate::support::strategy::config;

/// Figures 2 and 3 of Mohamed and others 2020.
#[test]
fn ref_pathwise_variances_are_the_published_ones() {
    for truth in truths() {
        let exact = exact_of(1, 0.125, |q, noise| rows_of(&Pathwise::propose(q, noise)?, |x| truth.cost.slopes(x)));
        let what = format!("line {}", truth.line);
        assert_exact(&what, &exact.mean, truth.of(TRUE));
        assert_exact(&what, &exact.variance, truth.of(PATHWISE));
    }
}

/// The path is not always better: where the cost wiggles on the scale of the law, the score function has less variance,
/// and the more so the faster it wiggles.
#[test]
fn ref_the_path_can_be_worse_than_the_score() {
    let ratio = |line: usize| truths()[line].of(PATHWISE)[0] / truths()[line].of(SCORE)[0];
    // exp(-k x^2) at k = 0.1, 1, 3, and cos(k x) at k = 0.5, 1, 2.
    let exp: Vec<f64> = (4..7).map(ratio).collect();
    let cos: Vec<f64> = (7..10).map(ratio).collect();
    assert!(exp[0] < 0.05 && exp[1] > 1.2 && exp[2] > 4.0, "{exp:?}");
    assert!(cos[0] < 0.1 && cos[1] < 1.0 && cos[2] > 4.0, "{cos:?}");
}

fn polynomial(c: &[f64], x: f64) -> f64 {
    c.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

fn slope(c: &[f64], x: f64) -> f64 {
    let d: Vec<f64> = c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
    polynomial(&d, x)
}

fn gaussian(n: usize, m: f64, s: f64) -> DiagGaussian<'static, f64> {
    DiagGaussian::new(Array2::from_elem((n, 1), m), Array2::from_elem((n, 1), s)).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// Both doors lead to one room: for polynomial costs of any Gaussian law, the means are equal, and they are the
    /// derivatives of E x^k by its recurrence E x^k = m E x^(k-1) + (k - 1) v E x^(k-2).
    #[test]
    fn law_both_doors_have_one_expectation(c in prop::collection::vec(-2.0..2.0_f64, 1..6), m in -1.5..1.5_f64, s in -0.7..0.7_f64) {
        let z = Nodes::normal(0.5).unwrap();
        let path = oracle(&[&z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows(), m, s);
            rows_of(&Pathwise::propose(&q, noise)?, |x| x.mapv(|x| slope(&c, x)))
        }).unwrap();
        let score = oracle(&[&z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows(), m, s);
            rows_of(&ScoreFunction::propose(&q, noise, Baseline::None)?, |x| x.column(0).mapv(|x| polynomial(&c, x)))
        }).unwrap();
        let v = f64::exp(2.0 * s);
        let mut moments = vec![1.0, m];
        for k in 2..8 {
            moments.push(m * moments[k - 1] + (k as f64 - 1.0) * v * moments[k - 2]);
        }
        // d/dm E x^k = k E x^(k-1); d/dv E x^k = k (k - 1) / 2 E x^(k-2), and dv / ds = 2 v.
        let d_m: f64 = c.iter().enumerate().skip(1).map(|(k, c)| c * k as f64 * moments[k - 1]).sum();
        let d_s: f64 = c.iter().enumerate().skip(2).map(|(k, c)| c * (k * (k - 1)) as f64 * moments[k - 2] * v).sum();
        // Terms of up to 2 E |x|^5 and their score, at scale 2 and location 1.5: a few hundred.
        let bound = 1e-10;
        for found in [&path.mean, &score.mean] {
            prop_assert!((found[0] - d_m).abs() < bound && (found[1] - d_s).abs() < bound, "{} {} {}", found, d_m, d_s);
        }
    }

    /// Poincare: a function of a Gaussian has a variance of at most sigma^2 times the mean square of its slope. Of the cost:
    /// what the score weighs varies by no more than sigma^2 E f'^2; of f' itself: so does the path, with f''.
    #[test]
    fn law_the_variance_of_the_path_is_bounded(c in prop::collection::vec(-2.0..2.0_f64, 2..6), m in -1.5..1.5_f64, s in -0.7..0.7_f64) {
        let z = Nodes::normal(0.5).unwrap();
        let second = |x: f64| {
            let d: Vec<f64> = c.iter().enumerate().skip(1).map(|(k, c)| k as f64 * c).collect();
            slope(&d, x)
        };
        let expect = |f: &dyn Fn(f64) -> f64| {
            z.points().iter().zip(z.weights()).map(|(z, w)| w * f(m + s.exp() * z)).sum::<f64>()
        };
        let path = oracle(&[&z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows(), m, s);
            rows_of(&Pathwise::propose(&q, noise)?, |x| x.mapv(|x| slope(&c, x)))
        }).unwrap();
        let v = f64::exp(2.0 * s);
        let square_slope = expect(&|x| slope(&c, x).powi(2));
        let of_cost = expect(&|x| polynomial(&c, x).powi(2)) - expect(&|x| polynomial(&c, x)).powi(2);
        let rounding = 1e-9 * (1.0 + square_slope);
        prop_assert!(of_cost <= v * square_slope + rounding);
        prop_assert!(path.variance[0] <= square_slope + rounding);
        prop_assert!(path.variance[0] <= v * expect(&|x| second(x).powi(2)) + rounding);
    }
}

/// z ~ N(0, 1), x | z ~ N(z, 1), x = 1: log p(x, z) and its slope.
fn log_joint(z: f64) -> f64 {
    -0.5 * z * z - 0.5 * (1.0 - z).powi(2) - (2.0 * std::f64::consts::PI).ln()
}

fn slopes_of_joint(z: ArrayView2<'_, f64>) -> Array2<f64> {
    z.mapv(|z| 1.0 - 2.0 * z)
}

/// The full path of the ELBO: the slope of log p - log q, and -score for the parameters in log q itself.
fn full(q: &DiagGaussian<'_, f64>, noise: Array2<f64>) -> estimand::Result<Array2<f64>> {
    let draw = q.transform(noise)?;
    let d_z = slopes_of_joint(draw.x()) - q.log_prob_slope(&draw.x())?.grad;
    Ok(q.pathwise(&draw, &d_z)?.collect().into_flat() - q.score(&draw.x())?.collect().flat())
}

/// Sticking the landing drops the score: the same mean, no variance at the posterior N(1/2, 1/2), and further away
/// sometimes more than with it.
#[test]
fn law_sticking_the_landing() {
    let z = Nodes::normal(0.5).unwrap();
    let run = |m: f64, s: f64, stick: bool| {
        let exact = oracle(&[&z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows(), m, s);
            if !stick {
                return full(&q, noise);
            }
            rows_of(&StickingTheLanding::propose(&q, noise)?, slopes_of_joint)
        });
        exact.unwrap()
    };
    // ELBO(m, s) = -(m^2 + v) / 2 - ((1 - m)^2 + v) / 2 + s + const: gradient 1 - 2 m and 1 - 2 v.
    for (m, s) in [(0.5, -0.5 * 2.0_f64.ln()), (0.0, 0.0), (2.0, -1.0), (-1.0, 0.5)] {
        let v = f64::exp(2.0 * s);
        for stick in [false, true] {
            let exact = run(m, s, stick);
            assert!(
                (exact.mean[0] - (1.0 - 2.0 * m)).abs() < 1e-12 && (exact.mean[1] - (1.0 - 2.0 * v)).abs() < 1e-11,
                "{exact:?}"
            );
        }
    }
    let at_posterior = (0.5, -0.5 * 2.0_f64.ln());
    assert!(run(at_posterior.0, at_posterior.1, true).variance.iter().all(|v| *v < 1e-27));
    // In the location: slopes -(2 - e^-2s)(z - m) + const with the score left out, -2 (z - m) with it.
    assert!((run(0.5, at_posterior.1, false).variance[0] - 2.0).abs() < 1e-11);
    let thin = -1.0;
    let (without, with) = (run(0.5, thin, true).variance[0], run(0.5, thin, false).variance[0]);
    assert!(without > 5.0 * with, "a thin q: {without} {with}");
}

/// Each row of the plan at the posterior is zero, not only their mean.
#[test]
fn law_at_the_posterior_each_sample_is_zero() {
    let q = gaussian(1, 0.5, -0.5 * 2.0_f64.ln()).repeat_rows(5);
    let plan = StickingTheLanding::propose(&q, array![[0.3], [-2.0], [1.1], [5.0], [0.0]]).unwrap();
    let rows = plan.rows(&slopes_of_joint(plan.points())).unwrap();
    assert!(rows.flat().iter().all(|g| g.abs() < 1e-14), "{}", rows.flat());
    let elbo = |z: f64| log_joint(z) - q.log_prob(&Array2::from_elem((5, 1), z)).unwrap()[0];
    assert!((elbo(0.1) - elbo(2.0)).abs() < 1e-14, "log p - log q is constant: log p(x)");
}

/// A step has slope 0 almost everywhere, and the path does not see it: its estimate of d/dm P(x > 1), which is the
/// density at 1, is 0; the slope of a ramp from 1 - w to 1 + w is seen, and tends to the truth as w falls.
#[test]
fn law_the_path_does_not_see_a_jump() {
    let density = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    let breaks = |w: f64| vec![-10.0, -5.0, -w, 0.0, w, 5.0, 10.0];
    let run = |w: f64| {
        let z = Nodes::density(|z| -0.5 * z * z, &breaks(w), 40).unwrap();
        let exact = oracle(&[&z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows(), 1.0, 0.0);
            rows_of(&Pathwise::propose(&q, noise)?, |x| x.mapv(|x| if (x - 1.0).abs() < w { 0.5 / w } else { 0.0 }))
        });
        exact.unwrap()
    };
    let step = exact_of(1, 0.5, |q, noise| rows_of(&Pathwise::propose(q, noise)?, |x| Array2::zeros(x.raw_dim())));
    assert_eq!(step.mean[0], 0.0, "and the truth is {density}");
    for w in [0.5, 0.1, 0.02] {
        let ramp = run(w);
        // The mean density over the ramp is w^2 / 6 of itself below that in the middle; the variance grows as 1/w.
        let off = 1.0 - ramp.mean[0] / density;
        assert!((off / (w * w / 6.0) - 1.0).abs() < 0.1, "{w}: {off}");
        assert!((ramp.variance[0] - (0.5 / w * ramp.mean[0] - ramp.mean[0].powi(2))).abs() < 1e-9, "{w} {ramp:?}");
    }
}

#[test]
fn hard_slopes_at_the_door() {
    let q = gaussian(2, 0.0, 0.0).repeat_rows(3);
    let noise = Array2::from_elem((6, 1), 0.5);
    let plan = Pathwise::propose(&q, noise.clone()).unwrap();
    assert_eq!((plan.draws(), plan.bias(), plan.points().dim()), (3, Bias::Unbiased, (6, 1)));
    let stick = StickingTheLanding::propose(&q, noise.clone()).unwrap();
    assert_eq!((stick.draws(), stick.bias(), stick.points()), (3, Bias::Unbiased, plan.points()));
    let wrong = Array2::zeros((6, 2));
    let shape = Some(Error::Shape { name: "cost", got: vec![6, 2], expected: vec![6, 1] });
    assert_eq!((plan.rows(&wrong).err(), plan.estimate(&wrong).err()), (shape.clone(), shape.clone()));
    assert_eq!((stick.rows(&wrong).err(), stick.estimate(&wrong).err()), (shape.clone(), shape));
    let mut holed = Array2::zeros((6, 1));
    holed[[4, 0]] = f64::NAN;
    let nan = Some(Error::NaN { name: "cost", row: 4 });
    assert_eq!((plan.estimate(&holed).err(), stick.estimate(&holed).err()), (nan.clone(), nan.clone()));
    assert_eq!((plan.rows(&holed).err(), stick.rows(&holed).err()), (nan.clone(), nan));

    let draw = q.transform(noise).unwrap();
    assert_eq!(Pathwise::at(&q, draw.clone()).unwrap().points(), plan.points());
    let ones = Array2::ones((6, 1));
    let rows = q.pathwise(&draw, &ones).unwrap();
    let direct = pathwise(rows).unwrap();
    assert_eq!(direct, plan.estimate(&Array2::ones((6, 1))).unwrap());
    assert_eq!(Array1::from_iter(direct.gradient.loc().iter().copied()), array![1.0, 1.0]);
    let other = gaussian(1, 0.0, 0.0);
    let error = Some(Error::Shape { name: "draw", got: vec![6, 1], expected: vec![1, 1] });
    assert_eq!(Pathwise::at(&other, draw.clone()).err(), error);
    assert_eq!(StickingTheLanding::at(&other, draw).err(), error);
}
