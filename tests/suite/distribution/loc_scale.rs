use std::marker::PhantomData;

use estimand::arithmetic::Arithmetic;
use estimand::distribution::{Base, BaseCdf, LocScale, LocScaleParts, Normal};
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::noise::Standard;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{
    Bernoulli, DiagGaussian, Distribution, Error, Real, Reparameterize, Rows, Sample, Smooth, Transform, ValueGrad,
};

use crate::support::conforms::{self, Family};
use crate::support::samples::{self, Chances};
use crate::support::stats::{chance_of_normal_mean, chance_of_normal_square};

/// A base law in both precisions.
trait Bases {
    type Base<F: Real>: Base<F> + Default;
}

impl Bases for Normal {
    type Base<F: Real> = Normal;
}

/// The location-scale family of a base law.
struct Of<B>(PhantomData<B>);

impl<B: Bases> Family for Of<B> {
    const COLUMNS: usize = 2;
    type Parts = LocScaleParts;
    type Law<'a, F: Real> = LocScale<'a, F, B::Base<F>>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        LocScale::from_head(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
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

/// A family that a user adds: the two functions of a base make it, its distribution function is a
/// present to the tests.
#[derive(Debug, Clone, Copy, Default)]
struct Logistic;

impl Bases for Logistic {
    type Base<F: Real> = Logistic;
}

impl<F: Real> Base<F> for Logistic {
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        let tail = a.exp(-z.abs());
        let sign = if z < F::zero() { -F::one() } else { F::one() };
        let value = -z.abs() - F::of(2.0) * a.ln_1p(tail);
        ValueGrad { value, grad: -sign * (F::one() - tail) / (F::one() + tail) }
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Logistic.fill(rng, out);
    }

    /// In column order, as a base is free to.
    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        let rows: Array2<F> = Standard::Logistic.draw(rng, shape);
        rows.t().as_standard_layout().into_owned().reversed_axes()
    }
}

#[test]
fn hard_a_base_may_draw_in_another_layout() {
    let head = Array2::from_shape_fn((5, 6), |(i, j)| 0.25 * (i as f64 - j as f64));
    let q = LocScale::<f64, Logistic>::from_head(&head).unwrap();
    let rng = || StdRng::seed_from_u64(3);
    let x = q.sample(&mut rng());
    assert_eq!(x, q.transform(q.noise(&mut rng())).unwrap().into_x());
    let mut into = Array2::zeros((5, 3));
    q.sample_into(&mut rng(), &mut into).unwrap();
    assert_eq!(into, x);
    assert!((&x - &q.loc()).iter().all(|z| z.abs() > 1e-9), "the noise was transformed");
}

impl<F: Real> BaseCdf<F> for Logistic {
    fn cdf(&self, z: F) -> F {
        F::one() / (F::one() + (-z).exp())
    }

    fn quantile(&self, p: F) -> F {
        (p / (F::one() - p)).ln()
    }
}

/// A user's family with tails so heavy that it has no mean: f(z) = 1 / (pi (1 + z^2)). Beyond 1 all
/// is written in 1/z, which is 0 where z is infinite.
#[derive(Debug, Clone, Copy, Default)]
struct Cauchy;

impl Bases for Cauchy {
    type Base<F: Real> = Cauchy;
}

impl<F: Real> Base<F> for Cauchy {
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        let (two, size) = (F::of(2.0), z.abs());
        let far = size > F::one();
        let small = if far { F::one() / size } else { size };
        let beyond = if far { two * a.ln(size) } else { F::zero() };
        let slope = if far { two / (z + F::one() / z) } else { two * z / (F::one() + z * z) };
        ValueGrad { value: -F::PI().ln() - beyond - a.ln_1p(small * small), grad: -slope }
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Uniform.fill(rng, out);
        out.iter_mut().for_each(|u| *u = self.quantile(*u));
    }

    fn stretch(&self, z: F, slope: F) -> F {
        if z.is_infinite() { -F::of(2.0) } else { z * slope }
    }
}

impl<F: Real> BaseCdf<F> for Cauchy {
    fn cdf(&self, z: F) -> F {
        F::of(0.5) + z.atan() / F::PI()
    }

    fn quantile(&self, p: F) -> F {
        (F::PI() * (p - F::of(0.5))).tan()
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

fn a_base_conforms<B: Bases>()
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

#[test]
fn law_a_users_family_conforms() {
    a_base_conforms::<Logistic>();
}

#[test]
fn law_a_family_without_a_mean_conforms() {
    a_base_conforms::<Cauchy>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_gaussian_samples() {
    samples::moments::<Of<Normal>>();
    samples::entropy::<Of<Normal>>();
    samples::shares::<Of<Normal>>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_samples_of_a_users_families() {
    samples::shares::<Of<Logistic>>();
    samples::shares::<Of<Cauchy>>();
}

/// z = e^800 is infinite in f64: no density that f64 could tell, and no gradient that is NaN.
#[test]
fn hard_heavy_tails_at_a_distance_that_overflows() {
    let (loc, log_scale) = (array![[0.0]], array![[-800.0]]);
    let q = LocScale::<f64, Cauchy>::new(&loc, &log_scale).unwrap();
    for x in [1.0, -1.0, 1e300, f64::INFINITY, f64::NEG_INFINITY] {
        let x = array![[x]];
        let at = q.log_prob_grad(&x).unwrap();
        assert_eq!(at.value[0], f64::NEG_INFINITY);
        // d / d log_scale: 2 z^2 / (1 + z^2) - 1 is 1 far away.
        assert_eq!((at.grad.loc()[[0, 0]], at.grad.log_scale()[[0, 0]]), (0.0, 1.0), "{x}");
        assert_eq!(q.log_prob_slope(&x).unwrap().grad, array![[0.0]]);
    }
    // As far as f64 goes: 1 + z^2 overflows, its logarithm does not.
    let log_scale = array![[-700.0]];
    let q = LocScale::<f64, Cauchy>::new(&loc, &log_scale).unwrap();
    let at = q.log_prob_grad(&array![[1.0]]).unwrap();
    // -ln pi - 2 ln z - s, where ln z = 700 is rounded.
    let value = -std::f64::consts::PI.ln() - 1400.0 + 700.0;
    assert!((at.value[0] - value).abs() <= 4.0 * f64::EPSILON * 1400.0, "{} {value}", at.value[0]);
    assert!((at.grad.loc()[[0, 0]] - 2.0).abs() <= 16.0 * f64::EPSILON, "2 / (x - loc): {}", at.grad.loc());
    assert!((at.grad.log_scale()[[0, 0]] - 1.0).abs() <= 4.0 * f64::EPSILON, "{}", at.grad.log_scale());
    let draw = q.transform(array![[f64::INFINITY]]).unwrap();
    let back = q.pathwise(&draw, &array![[0.0]]).unwrap().total().unwrap();
    assert_eq!(back.flat(), array![[0.0, 0.0]], "a slope of 0 pulls back to 0");
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
