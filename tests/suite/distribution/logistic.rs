use estimand::distribution::Logistic;
use estimand::ndarray::{Array2, array};
use estimand::{Cdf, DiagLogistic, Distribution, Real, Smooth, Transform};

use super::loc_scale::{
    Bases, Limits, Of, a_base_conforms, agrees_with_table, quantiles_agree_with_table, summaries_are_integrals,
};
use crate::support::conforms;
use crate::support::quadrature::{integral, rounding};
use crate::support::samples::{self, Chances};
use crate::support::stats::chance_of_mean;

impl Bases for Logistic {
    type Base<F: Real> = Logistic;
}

/// No number of the noise is larger.
const MOST: f64 = 37.5;
const PI_2: f64 = std::f64::consts::PI * std::f64::consts::PI;

impl Chances for Of<Logistic> {
    /// z has variance pi^2 / 3, and E z^4 = 7 pi^4 / 15.
    fn of_moments(n: usize, [mean, variance]: [f64; 2], found: [f64; 2]) -> [f64; 2] {
        let square = variance / (PI_2 / 3.0);
        let of_squares = (7.0 / 15.0 - 1.0 / 9.0) * PI_2 * PI_2;
        [
            chance_of_mean((found[0] - mean) / square.sqrt(), n, PI_2 / 3.0, MOST),
            chance_of_mean((found[1] - variance) / square, n, of_squares, MOST * MOST),
        ]
    }

    /// -log f = -ln u - ln(1 - u) with u = F(z) uniform, whose covariance is 1 - pi^2 / 6: the variance is
    /// 4 - pi^2 / 3.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64 {
        let dim = row.len() / 2;
        chance_of_mean(off / dim as f64, n * dim, 4.0 - PI_2 / 3.0, MOST)
    }
}

#[test]
fn law_the_logistic_conforms() {
    a_base_conforms::<Logistic>();
    conforms::entropy::<Of<Logistic>>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_logistic_samples() {
    samples::moments::<Of<Logistic>>();
    samples::entropy::<Of<Logistic>>();
    samples::shares::<Of<Logistic>>();
}

/// z is good to 4 epsilon: a difference, two roots of the scale, two products. tanh(z / 2) is no worse,
/// and z tanh(z / 2) twice that, with a few for either.
fn limits(z: f64, s: f64) -> Limits {
    let z = z.abs();
    Limits {
        log_prob: [8.0, 2.0 + z + s.abs()],
        slope: 12.0,
        d_log_scale: [12.0, 1.0 + z * (0.5 * z).tanh()],
        // The relative error of a tail e^-z is that of z, times z.
        cdf: 4.0 + 4.0 * z,
    }
}

#[test]
fn ref_logistic_agrees_with_mpmath() {
    agrees_with_table::<f32, Logistic>("logistic.csv", limits);
    agrees_with_table::<f64, Logistic>("logistic.csv", limits);
    // Two roundings in the argument of a logarithm, which is no more than doubled near 1/4.
    quantiles_agree_with_table::<f32, Logistic>("logistic", 4.0, f64::abs);
    quantiles_agree_with_table::<f64, Logistic>("logistic", 4.0, f64::abs);
}

#[test]
fn law_logistic_summaries_are_integrals() {
    summaries_are_integrals::<Logistic>(&[-60.0, 0.0, 60.0]);
}

/// A density that multiplies where it must divide by the scale has another mass than 1; this one has
/// not, at any scale.
#[test]
fn hard_relax_logistic_density() {
    for s in [-3.0, 0.0, 2.0] {
        let (loc, log_scale) = (array![[0.5]], array![[s]]);
        let q = DiagLogistic::<f64>::new(&loc, &log_scale).unwrap();
        let width = 60.0 * f64::exp(s);
        let mass = integral(&[0.5 - width, 0.5, 0.5 + width], |x| q.log_prob(&array![[x]]).unwrap()[0].exp());
        assert!((mass - 1.0).abs() <= rounding(1.0) + 64.0 * f64::EPSILON, "{mass} at {s}");
    }
}

#[test]
fn hard_logistic_where_z_leaves_the_numbers() {
    let (loc, log_scale) = (array![[0.0]], array![[-800.0]]);
    let q = DiagLogistic::<f64>::new(&loc, &log_scale).unwrap();
    for x in [1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let at = q.log_prob_grad(&array![[x]]).unwrap();
        assert_eq!(at.value[0], f64::NEG_INFINITY);
        assert_eq!(at.grad.flat(), array![[x * f64::INFINITY, f64::INFINITY]], "{x}");
    }
    let q = q.quantile(&array![[0.5]]).unwrap();
    assert_eq!(q, array![[0.0]], "the median");
    for s in [300.0_f32, -300.0] {
        let (loc, log_scale) = (array![[2.0_f32]], array![[s]]);
        let q = DiagLogistic::new(&loc, &log_scale).unwrap();
        let at = q.log_prob_grad(&array![[2.0]]).unwrap();
        assert_eq!((at.value[0], at.grad.flat()), (-s - 2.0 * std::f32::consts::LN_2, array![[0.0, -1.0]].view()));
        assert_eq!(q.transform(array![[0.0]]).unwrap().x(), array![[2.0]], "no noise, no step");
    }
}

/// The slope keeps its digits next to 0, where 1 - e^-z has none left.
#[test]
fn hard_logistic_slopes_next_to_the_centre() {
    let x = array![[1e-20, -1e-300, 5e-324, 0.0]];
    let q = DiagLogistic::<f64>::standard(1, 4).unwrap();
    let slope = q.log_prob_slope(&x).unwrap().grad;
    assert_eq!(slope.mapv(|g| -2.0 * g), Array2::from_shape_vec((1, 4), vec![1e-20, -1e-300, 0.0, 0.0]).unwrap());
}
