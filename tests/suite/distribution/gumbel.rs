use estimand::distribution::Gumbel;
use estimand::ndarray::{Array2, array};
use estimand::{DiagGumbel, Distribution, Mirror, Real, Reparameterize, Rows, Smooth, Transform};

use super::loc_scale::{
    Bases, Limits, Of, a_base_conforms, agrees_with_table, quantiles_agree_with_table, summaries_are_integrals,
};
use crate::support::conforms;
use crate::support::near::assert_eps;
use crate::support::reference::table;
use crate::support::samples::{self, Chances};
use crate::support::stats::chance_of_mean;

impl Bases for Gumbel {
    type Base<F: Real> = Gumbel;

    /// A divergence has a term of Gamma(1 + e^d): log-scales that differ by 6 would be all of its value.
    fn second(first: &Array2<f64>, any: Array2<f64>) -> Array2<f64> {
        first + &(0.25 * any)
    }
}

/// No number of the noise is farther from the mean.
const MOST: f64 = 37.5;
const PI_2: f64 = std::f64::consts::PI * std::f64::consts::PI;

impl Chances for Of<Gumbel> {
    /// z has variance pi^2 / 6 and the excess kurtosis 12/5: the square of its distance from the mean has
    /// 22/5 of the square of the variance.
    fn of_moments(n: usize, [mean, variance]: [f64; 2], found: [f64; 2]) -> [f64; 2] {
        let (own, square) = (PI_2 / 6.0, variance / (PI_2 / 6.0));
        [
            chance_of_mean((found[0] - mean) / square.sqrt(), n, own, MOST),
            chance_of_mean((found[1] - variance) / square, n, 4.4 * own * own, MOST * MOST),
        ]
    }

    /// -log f = z + e^-z, with e^-z = t exponential and z = -ln t. Their covariance is 1: the variance is
    /// pi^2 / 6 + 1 - 2. It is z + e^-z < 38 at both ends of the noise.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64 {
        let dim = row.len() / 2;
        chance_of_mean(off / dim as f64, n * dim, PI_2 / 6.0 - 1.0, MOST)
    }
}

#[test]
fn law_the_gumbel_conforms() {
    a_base_conforms::<Gumbel>();
    conforms::entropy::<Of<Gumbel>>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_gumbel_samples() {
    samples::moments::<Of<Gumbel>>();
    samples::entropy::<Of<Gumbel>>();
    samples::shares::<Of<Gumbel>>();
}

/// z is good to 4 epsilon: a difference, two roots of the scale, two products. An exponential of -z has
/// that times z.
fn limits(z: f64, s: f64) -> Limits {
    let (tail, below) = ((-z).exp(), (-z).max(0.0));
    Limits {
        log_prob: [8.0, 1.0 + s.abs() + z.abs() + tail * (1.0 + z.abs())],
        slope: 12.0 + 4.0 * below,
        d_log_scale: [12.0 + 4.0 * below, 1.0 + (z * (tail - 1.0)).abs()],
        // e^-t with t = e^-z, whose relative error is that of t, times t.
        cdf: 4.0 + tail.min(1e4) * (2.0 + 4.0 * z.abs()),
    }
}

#[test]
fn ref_gumbel_agrees_with_mpmath() {
    agrees_with_table::<f32, Gumbel>("gumbel.csv", limits);
    agrees_with_table::<f64, Gumbel>("gumbel.csv", limits);
    // The outer logarithm's own, and the error of its argument.
    quantiles_agree_with_table::<f32, Gumbel>("gumbel", 2.0, |q| 1.0 + q.abs());
    quantiles_agree_with_table::<f64, Gumbel>("gumbel", 2.0, |q| 1.0 + q.abs());
}

fn mirror_agrees_with_table<F: Real>() {
    for r in table("gumbel_mirror.csv") {
        let [z, want] = r.numbers::<2>(0);
        let mirror = DiagGumbel::<F>::standard(1, 1).unwrap().mirror(&array![[F::of(z)]]).unwrap()[[0, 0]];
        // An exponential, ln(1 - e^-t), whose argument hardly matters to a logarithm, and that.
        assert_eps(mirror, want, 1.0 + want.abs(), 4.0, format!("mirror of {z:e}"));
    }
}

#[test]
fn ref_gumbel_mirrors_agree_with_mpmath() {
    mirror_agrees_with_table::<f32>();
    mirror_agrees_with_table::<f64>();
}

#[test]
fn law_gumbel_summaries_are_integrals() {
    summaries_are_integrals::<Gumbel>(&[-6.0, -1.0, 2.0, 60.0]);
}

/// The largest of k independent Gumbel numbers is one, ln k higher: the law of maxima.
#[test]
fn law_gumbel_is_stable_under_maxima() {
    use estimand::Cdf;
    let k = 7_i32;
    let (loc, log_scale) = (array![[0.0, f64::from(k).ln()]], array![[0.0, 0.0]]);
    let q = DiagGumbel::<f64>::new(&loc, &log_scale).unwrap();
    for x in [-2.0, 0.0, 1.0, 5.0, 30.0] {
        let cdf = q.cdf(&array![[x, x]]).unwrap();
        let of_all = cdf[[0, 0]].powi(k);
        // e^-t to a power: t (4 |z| + 2) epsilons of each, in all k t.
        let t = f64::from(k) * f64::exp(-x);
        let limit = f64::EPSILON * of_all * (f64::from(k) + 2.0 * t * (2.0 + 4.0 * (2.0 + x.abs())));
        assert!((cdf[[0, 1]] - of_all).abs() <= limit, "{x}: {} {of_all}", cdf[[0, 1]]);
    }
}

#[test]
fn hard_gumbel_where_its_tail_leaves_the_numbers() {
    // e^800 is no number: no density, and gradients beyond the numbers as well.
    let q = DiagGumbel::<f64>::standard(1, 1).unwrap();
    for x in [-800.0, f64::NEG_INFINITY] {
        let at = q.log_prob_grad(&array![[x]]).unwrap();
        assert_eq!(at.value[0], f64::NEG_INFINITY);
        assert_eq!(at.grad.flat(), array![[f64::NEG_INFINITY, f64::INFINITY]]);
        assert_eq!(q.log_prob_slope(&array![[x]]).unwrap().grad, array![[f64::INFINITY]]);
    }
    // The upper tail is that of an exponential law.
    let at = q.log_prob_grad(&array![[800.0]]).unwrap();
    assert_eq!((at.value[0], at.grad.flat()), (-800.0, array![[1.0, 799.0]].view()));
    let at = q.log_prob_grad(&array![[f64::INFINITY]]).unwrap();
    assert_eq!((at.value[0], at.grad.flat()), (f64::NEG_INFINITY, array![[1.0, f64::INFINITY]].view()));
    for s in [300.0_f32, -300.0] {
        let (loc, log_scale) = (array![[2.0_f32]], array![[s]]);
        let q = DiagGumbel::new(&loc, &log_scale).unwrap();
        let at = q.log_prob_grad(&array![[2.0]]).unwrap();
        assert_eq!((at.value[0], at.grad.flat()), (-s - 1.0, array![[0.0, -1.0]].view()), "the mode");
        let draw = q.transform(array![[0.0]]).unwrap();
        assert_eq!(draw.x(), array![[2.0]], "no noise, no step");
        let back = q.pathwise(&draw, &array![[0.0]]).unwrap().total().unwrap();
        assert_eq!(back.flat(), array![[0.0, 0.0]]);
    }
}

#[test]
fn hard_gumbel_mirrors_at_the_ends() {
    fn mirrors<F: Real>(noise: Array2<F>) -> Array2<F> {
        DiagGumbel::<F>::standard(1, noise.ncols()).unwrap().mirror(&noise).unwrap()
    }
    let (inf, most) = (f64::INFINITY, f64::MAX);
    let got = mirrors(array![[-inf, inf, -most, most, -800.0, 800.0]]);
    assert_eq!(got, array![[inf, -inf, inf, -most.ln(), inf, -800.0_f64.ln()]]);
    assert!(mirrors(array![[f64::NAN]])[[0, 0]].is_nan());
    // Finite for every number that noise has, in both precisions.
    let line = Array2::from_shape_fn((1, 8000), |(_, j)| -4.0 + 0.006 * j as f64);
    assert!(mirrors(line.clone()).iter().all(|m| (-3.9..55.0).contains(m)));
    assert!(mirrors(line.mapv(|z| z as f32)).iter().all(|m| (-3.9..55.0).contains(m)));
}
