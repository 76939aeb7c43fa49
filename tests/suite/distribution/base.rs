//! Bases that a user adds.

use estimand::arithmetic::Arithmetic;
use estimand::distribution::{Base, BaseCdf, LocScale};
use estimand::ndarray::{Array2, array};
use estimand::noise::Standard;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{Distribution, Real, Reparameterize, Rows, Sample, Smooth, Transform, ValueGrad};

use super::loc_scale::{Bases, Of, a_base_conforms};
use crate::support::samples;

/// A family that a user adds, of the hyperbolic secant, f(z) = 1 / (pi cosh z): the two functions of a
/// base make it, its distribution function is a present to the tests.
#[derive(Debug, Clone, Copy, Default)]
struct Secant;

impl Bases for Secant {
    type Base<F: Real> = Secant;
}

impl<F: Real> Base<F> for Secant {
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F> {
        let tail = a.exp(-F::of(2.0) * z.abs());
        ValueGrad { value: F::FRAC_2_PI().ln() - z.abs() - a.ln_1p(tail), grad: -a.tanh(z) }
    }

    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]) {
        Standard::Uniform.fill(rng, out);
        out.iter_mut().for_each(|u| *u = self.quantile(*u));
    }

    /// In column order, as a base is free to.
    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        let mut rows = Array2::zeros(shape);
        self.noise(rng, rows.as_slice_mut().unwrap());
        rows.t().as_standard_layout().into_owned().reversed_axes()
    }
}

#[test]
fn hard_a_base_may_draw_in_another_layout() {
    let head = Array2::from_shape_fn((5, 6), |(i, j)| 0.25 * (i as f64 - j as f64));
    let q = LocScale::<f64, Secant>::from_head(&head).unwrap();
    let rng = || StdRng::seed_from_u64(3);
    let x = q.sample(&mut rng());
    assert_eq!(x, q.transform(q.noise(&mut rng())).unwrap().into_x());
    let mut into = Array2::zeros((5, 3));
    q.sample_into(&mut rng(), &mut into).unwrap();
    assert_eq!(into, x);
    assert!((&x - &q.loc()).iter().all(|z| z.abs() > 1e-9), "the noise was transformed");
}

impl<F: Real> BaseCdf<F> for Secant {
    fn cdf(&self, z: F) -> F {
        F::FRAC_2_PI() * z.exp().atan()
    }

    fn quantile(&self, p: F) -> F {
        (F::FRAC_PI_2() * p).tan().ln()
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
fn law_a_users_family_conforms() {
    a_base_conforms::<Secant>();
}

#[test]
fn law_a_family_without_a_mean_conforms() {
    a_base_conforms::<Cauchy>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_samples_of_a_users_families() {
    samples::shares::<Of<Secant>>();
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

/// A base whose rows have another shape than it was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Short;

impl<F: Real> Base<F> for Short {
    fn log_density<A: Arithmetic<F>>(&self, _: A, z: F) -> ValueGrad<F, F> {
        ValueGrad { value: -z.abs(), grad: -z.signum() }
    }

    fn noise<R: Rng + ?Sized>(&self, _: &mut R, out: &mut [F]) {
        out.fill(F::one());
    }

    fn noise_rows<R: Rng + ?Sized>(&self, _: &mut R, _: (usize, usize)) -> Array2<F> {
        Array2::zeros((1, 1))
    }
}

#[test]
fn hard_a_base_that_makes_another_shape_fills_one() {
    let q = LocScale::<f64, Short>::standard(3, 2).unwrap();
    assert_eq!(q.sample(&mut StdRng::seed_from_u64(1)), Array2::<f64>::ones((3, 2)));
}
