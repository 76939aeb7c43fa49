use std::marker::PhantomData;

use estimand::distribution::{Base, BaseCdf, BaseEntropy, BaseMoments, LocScale, LocScaleParts, Normal};
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{
    Bernoulli, Cdf, DiagGaussian, Distribution, Entropy, Error, MeanVariance, Real, Rows, Smooth, Transform,
};

use crate::support::conforms::{self, Family};
use crate::support::near::assert_eps;
use crate::support::quadrature::{integral, rounding};
use crate::support::reference::table;
use crate::support::samples::{self, Chances};
use crate::support::stats::{chance_of_normal_mean, chance_of_normal_square};

/// A base law in both precisions.
pub trait Bases {
    type Base<F: Real>: Base<F> + Default;

    /// See [`Family::second`].
    fn second(_first: &Array2<f64>, any: Array2<f64>) -> Array2<f64> {
        any
    }
}

impl Bases for Normal {
    type Base<F: Real> = Normal;
}

/// The location-scale family of a base law.
pub struct Of<B>(PhantomData<B>);

impl<B: Bases> Family for Of<B> {
    fn columns(dim: usize) -> usize {
        2 * dim
    }
    type Parts = LocScaleParts;
    type Law<'a, F: Real> = LocScale<'a, F, B::Base<F>>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        LocScale::from_head(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }

    fn second(first: &Array2<f64>, any: Array2<f64>) -> Array2<f64> {
        B::second(first, any)
    }
}

impl Chances for Of<Normal> {
    fn of_moments(n: usize, [mean, variance]: [f64; 2], found: [f64; 2]) -> [f64; 2] {
        let off = (found[0] - mean) / variance.sqrt();
        [chance_of_normal_mean(off, n), chance_of_normal_square(found[1] / variance, n)]
    }

    /// -log q is its expectation plus sum of (z^2 - 1) / 2 over coordinates.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64 {
        let dim = row.len() / 2;
        chance_of_normal_square(1.0 + 2.0 * off / dim as f64, n * dim)
    }
}

#[test]
fn law_the_gaussian_conforms() {
    conforms::distribution::<Of<Normal>>();
    conforms::smooth::<Of<Normal>>();
    conforms::transform::<Of<Normal>>();
    conforms::reparameterize::<Of<Normal>>();
    conforms::entropy::<Of<Normal>>();
    conforms::cdf::<Of<Normal>>();
    conforms::kl::<Of<Normal>>();
}

pub fn a_base_conforms<B: Bases>()
where
    B::Base<f32>: BaseCdf<f32>,
    B::Base<f64>: BaseCdf<f64>,
{
    conforms::distribution::<Of<B>>();
    conforms::smooth::<Of<B>>();
    conforms::transform::<Of<B>>();
    conforms::reparameterize::<Of<B>>();
    conforms::cdf::<Of<B>>();
}

/// How far a number of a table may be off: in epsilons, of the size of the terms that make it.
pub struct Limits {
    pub log_prob: [f64; 2],
    /// Of the slope in z: the table has it over the scale.
    pub slope: f64,
    pub d_log_scale: [f64; 2],
    /// Of the distribution function, relative.
    pub cdf: f64,
}

/// Density, score, slope and distribution function against a table, to limits at z and log_scale.
pub fn agrees_with_table<F: Real, B: Base<F> + BaseCdf<F> + Default>(name: &str, limits: impl Fn(f64, f64) -> Limits) {
    for r in table(name) {
        let [x, m, s, log_prob, d_loc, d_log_scale, d_x, cdf] = r.numbers::<8>(0);
        let one = |v: f64| Array2::from_elem((1, 1), F::of(v));
        let (loc, log_scale, x2) = (one(m), one(s), one(x));
        let q = LocScale::<F, B>::new(&loc, &log_scale).unwrap();
        let (at, slope) = (q.log_prob_grad(&x2).unwrap(), q.log_prob_slope(&x2).unwrap());
        let limits = limits((x - m) * (-s).exp(), s);
        let what = |word: &str| format!("{word} of line {} of {name}", r.line);
        let [few, size] = limits.log_prob;
        assert_eps(at.value[0], log_prob, size, few, what("log_prob"));
        assert_eq!(slope.value, at.value);
        assert_eps(at.grad.loc()[[0, 0]], d_loc, d_loc, limits.slope, what("d_loc"));
        assert_eps(slope.grad[[0, 0]], d_x, d_x, limits.slope, what("d_x"));
        let [few, size] = limits.d_log_scale;
        assert_eps(at.grad.log_scale()[[0, 0]], d_log_scale, size, few, what("d_log_scale"));
        // Below the normal numbers, two of the least.
        let got = q.cdf(&x2).unwrap()[[0, 0]].as_f64();
        let floor = 2.0 * F::epsilon().as_f64() * F::min_positive_value().as_f64();
        let limit = limits.cdf * F::epsilon().as_f64() * cdf + floor;
        assert!((got - cdf).abs() <= limit, "{}: {got:e} {cdf:e}", what("cdf"));
    }
}

/// The quantiles of the standard law `name`, to `few` epsilons of the size that `size` gives them.
pub fn quantiles_agree_with_table<F: Real, B: BaseCdf<F> + Default>(name: &str, few: f64, size: impl Fn(f64) -> f64) {
    let mut read = 0;
    for r in table("laws_quantile.csv").iter().filter(|r| r.text(0) == name) {
        let [p, want] = r.numbers::<2>(1);
        let q = LocScale::<F, B>::standard(1, 1).unwrap().quantile(&array![[F::of(p)]]).unwrap()[[0, 0]];
        assert_eps(q, want, size(want), few, format!("quantile of {p:e} of {name}"));
        read += 1;
    }
    assert!(read > 30, "the table of {name} is read");
    let ends = LocScale::<F, B>::standard(1, 2).unwrap().quantile(&array![[F::zero(), F::one()]]).unwrap();
    assert_eq!(ends, array![[F::neg_infinity(), F::infinity()]]);
    let cdf = LocScale::<F, B>::standard(1, 2).unwrap().cdf(&ends).unwrap();
    assert_eq!(cdf, array![[F::zero(), F::one()]]);
}

/// Mass 1, mean, variance, entropy and distribution function are integrals of the density, which is
/// nothing beyond `corners` and smooth between them.
pub fn summaries_are_integrals<B>(corners: &[f64])
where
    B: BaseMoments<f64> + BaseEntropy<f64> + BaseCdf<f64> + Default,
{
    let (loc, log_scale) = (array![[0.75]], array![[-0.5]]);
    let q = LocScale::<f64, B>::new(&loc, &log_scale).unwrap();
    let (m, scale) = (0.75, (-0.5_f64).exp());
    let corners: Vec<f64> = corners.iter().map(|z| m + scale * z).collect();
    let log_q = |x: f64| q.log_prob(&array![[x]]).unwrap()[0];
    let expectation = |f: &dyn Fn(f64) -> f64| integral(&corners, |x| log_q(x).exp() * f(x));
    // The integrand is e^log q, whose exponent is off by a few epsilons of its size, 8 where there is mass.
    let limit = |size: f64| rounding(size) + 64.0 * f64::EPSILON * size;
    let near = |what: &str, got: f64, want: f64, size: f64| {
        assert!((got - want).abs() <= limit(size), "{what}: {got} {want}, limit {:e}", limit(size));
    };
    near("mass", 1.0, expectation(&|_| 1.0), 1.0);
    let (mean, variance) = (q.mean()[[0, 0]], q.variance()[[0, 0]]);
    near("mean", mean, expectation(&|x| x), 2.0);
    near("variance", variance, expectation(&|x| (x - mean).powi(2)), variance);
    near("entropy", q.entropy().value[0], expectation(&|x| -log_q(x)), 4.0);
    for z in [-2.0, -0.5, 0.0, 1.0, 4.0] {
        let x = m + scale * z;
        let below: Vec<f64> = corners.iter().copied().filter(|&c| c < x).chain([x]).collect();
        let mass = integral(&below, |x| log_q(x).exp());
        near("cdf", q.cdf(&array![[x]]).unwrap()[[0, 0]], mass, 1.0);
    }
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_gaussian_samples() {
    samples::moments::<Of<Normal>>();
    samples::entropy::<Of<Normal>>();
    samples::shares::<Of<Normal>>();
}

/// More samples than there are numbers for: no panic, and every array is refused.
#[test]
fn hard_repeats_beyond_counting() {
    let zeros = Array2::<f64>::zeros((2, 1));
    let huge = usize::MAX;
    let q = DiagGaussian::new(&zeros, &zeros).unwrap().repeat_rows(huge).repeat_rows(huge);
    assert_eq!((q.shape().repeat, q.shape().samples()), (huge, huge));
    let error = Error::Shape { name: "x", got: vec![2, 1], expected: vec![huge, 1] };
    assert_eq!(q.log_prob(&zeros), Err(error.clone()));
    let p = Bernoulli::new(&zeros).unwrap().repeat_rows(huge).repeat_rows(2);
    assert_eq!((p.shape().repeat, p.log_prob(&zeros)), (huge, Err(error)));
}

#[test]
fn hard_constructors_borrow_and_agree() {
    let head = array![[1.0, 2.0, 0.5, -0.5], [3.0, 4.0, 0.25, 0.0]];
    let (loc, log_scale) = (array![[1.0, 2.0], [3.0, 4.0]], array![[0.5, -0.5], [0.25, 0.0]]);
    let (a, b) =
        (LocScale::<_, Normal>::from_head(&head).unwrap(), LocScale::<_, Normal>::new(&loc, &log_scale).unwrap());
    assert_eq!((a.loc(), a.log_scale()), (b.loc(), b.log_scale()));
    assert_eq!(a.loc().as_ptr(), head.as_ptr(), "the head is borrowed");
    let x = array![[0.0, 1.0], [2.0, 3.0]];
    assert_eq!(a.log_prob_grad(&x).unwrap(), b.log_prob_grad(&x).unwrap());
    let noise = array![[0.0, 0.0], [0.0, 0.0]];
    assert_eq!(a.transform(noise).unwrap().x(), loc);
    // Views made inline live as long as the array.
    let transposed = LocScale::<f64, Normal>::from_head(head.t().split_at(estimand::ndarray::Axis(0), 2).0).unwrap();
    assert_eq!(transposed.loc(), array![[1.0], [2.0]]);
    assert_eq!(transposed.score(&array![[1.0], [2.0]]).unwrap().collect().loc(), array![[0.0], [0.0]]);
}
