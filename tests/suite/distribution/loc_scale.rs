use estimand::arithmetic::Arithmetic;
use estimand::distribution::{Base, LocScale, LocScaleParts, Normal};
use estimand::ndarray::{ArrayView2, array};
use estimand::rand::Rng;
use estimand::{Distribution, Real, Rows, Transform, ValueGrad, noise};

use crate::support::conforms::{self, Family};

pub struct Gaussian;

impl Family for Gaussian {
    const COLUMNS: usize = 2;
    type Parts = LocScaleParts;
    type Law<'a, F: Real> = LocScale<'a, F, Normal>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        LocScale::from_head(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }
}

/// A family that a user adds: the two functions of a base, and nothing else.
#[derive(Debug, Clone, Copy)]
struct Logistic;

impl<F: Real> Base<F> for Logistic {
    fn log_density<A: Arithmetic<F>>(a: A, z: F) -> ValueGrad<F, F> {
        let tail = a.exp(-z.abs());
        let sign = if z < F::zero() { -F::one() } else { F::one() };
        let value = -z.abs() - F::of(2.0) * a.ln_1p(tail);
        ValueGrad { value, grad: -sign * (F::one() - tail) / (F::one() + tail) }
    }

    fn draw<R: Rng + ?Sized>(rng: &mut R) -> F {
        let u: F = noise::uniform(rng);
        (u / (F::one() - u)).ln()
    }
}

struct UserLogistic;

impl Family for UserLogistic {
    const COLUMNS: usize = 2;
    type Parts = LocScaleParts;
    type Law<'a, F: Real> = LocScale<'a, F, Logistic>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        LocScale::from_head(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }
}

#[test]
fn law_the_gaussian_conforms() {
    conforms::distribution::<Gaussian>();
    conforms::smooth::<Gaussian>();
    conforms::transform::<Gaussian>();
    conforms::reparameterize::<Gaussian>();
    conforms::entropy::<Gaussian>();
    conforms::cdf::<Gaussian>();
    conforms::kl::<Gaussian>();
}

#[test]
fn law_a_users_family_conforms() {
    conforms::distribution::<UserLogistic>();
    conforms::smooth::<UserLogistic>();
    conforms::reparameterize::<UserLogistic>();
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
