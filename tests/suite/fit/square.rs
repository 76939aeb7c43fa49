use std::ops::{Add, Div, Mul, Sub};

use estimand::Error;
use estimand::fit::{CompletedSquare, Gaussian, MeanLikelihood};
use proptest::prelude::*;

use super::moments;
use crate::support::near::{assert_eps, ulps};
use crate::support::strategy::config;

/// A fraction of whole numbers, in lowest terms: arithmetic without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction {
    over: i128,
    under: i128,
}

fn fraction(over: i128, under: i128) -> Fraction {
    let (mut a, mut b) = (over.abs(), under.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let sign = under.signum();
    Fraction { over: sign * over / a.max(1), under: sign * under / a.max(1) }
}

impl Add for Fraction {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        fraction(self.over * o.under + o.over * self.under, self.under * o.under)
    }
}

impl Sub for Fraction {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        fraction(self.over * o.under - o.over * self.under, self.under * o.under)
    }
}

impl Mul for Fraction {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        fraction(self.over * o.over, self.under * o.under)
    }
}

impl Div for Fraction {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        fraction(self.over * o.under, self.under * o.over)
    }
}

impl Fraction {
    fn as_f64(self) -> f64 {
        self.over as f64 / self.under as f64
    }
}

/// The same numbers as fractions and as floats: halves, which both hold.
fn half(n: i128) -> (Fraction, f64) {
    (fraction(n, 2), n as f64 / 2.0)
}

proptest! {
    #![proptest_config(config())]

    /// The completed square is an identity of rational functions: it holds without rounding, and the
    /// numbers of the code are the fractions.
    #[test]
    fn law_the_completed_square_is_an_identity(
        x in prop::collection::vec(-20..20_i128, 1..12), v in 1..40_i128, nu in -20..20_i128, b in 1..40_i128, mu in -20..20_i128,
    ) {
        let (x, x_f): (Vec<_>, Vec<_>) = x.into_iter().map(half).unzip();
        let ((v, v_f), (nu, nu_f), (b, b_f), (mu, mu_f)) = (half(v), half(nu), half(b), half(mu));
        let zero = fraction(0, 1);
        let sum = |f: &dyn Fn(Fraction) -> Fraction| x.iter().fold(zero, |s, &x| s + f(x));
        let left = b * sum(&|x| (x - mu) * (x - mu)) + v * (mu - nu) * (mu - nu);
        // [mu sqrt(a) - q / sqrt(a)]^2 = (a mu - q)^2 / a.
        let (a, q) = (fraction(x.len() as i128, 1) * b + v, v * nu + b * sum(&|x| x));
        let rest = b * sum(&|x| x * x) + v * nu * nu - q * q / a;
        prop_assert_eq!(left, (a * mu - q) * (a * mu - q) / a + rest);

        let prior = Gaussian::new(nu_f, b_f).unwrap();
        let square = CompletedSquare::of(&moments(&x_f), v_f, &prior).unwrap();
        let size = (b * sum(&|x| x * x) + v * nu * nu).as_f64() + b_f * x_f.len() as f64 * 100.0;
        prop_assert_eq!(square.a, a.as_f64());
        assert_eps(square.b, q.as_f64(), v_f * nu_f.abs() + b_f * x_f.iter().map(|x| x.abs()).sum::<f64>(), 4.0, "b");
        assert_eps(square.rest, rest.as_f64(), size, 8.0, "rest");
        assert_eps(square.at(mu_f), left.as_f64(), size + a.as_f64() * 100.0, 16.0, "at");
        // b/a is the MAP, and sigma^2 beta^2 / a the posterior variance.
        let posterior = MeanLikelihood::of(&moments(&x_f), v_f).unwrap().posterior(&prior);
        assert_eps(posterior.mean(), (q / a).as_f64(), 10.0, 4.0, "MAP");
        assert_eps(square.centre(), (q / a).as_f64(), 10.0, 8.0, "centre");
        let variance = (v * b / a).as_f64();
        prop_assert!(ulps(posterior.variance(), variance) <= 4.0);
    }
}

/// The rest as it stands, sum of x^2 less b^2/a, has no digit here.
#[test]
fn hard_the_rest_does_not_cancel() {
    let x = [1e9, 1e9 + 1.0];
    let square = CompletedSquare::of(&moments(&x), 1.0, &Gaussian::new(1e9, 1.0).unwrap()).unwrap();
    // 1 (1/2 + 1 * 2 * (1/2)^2 / 3).
    assert!(ulps(square.rest, 2.0 / 3.0) <= 4.0, "{square:?}");
    let plain = 1e18 + (1e9 + 1.0_f64).powi(2) + 1e18 - square.b * square.b / square.a;
    assert!((plain - 2.0 / 3.0).abs() > 0.5, "the plain form would do: {plain}");
}

#[test]
fn hard_no_observations_and_no_variance() {
    let prior = Gaussian::new(3.0, 2.0).unwrap();
    let square = CompletedSquare::of(&moments(&[]), 5.0, &prior).unwrap();
    assert_eq!((square.a, square.b, square.rest, square.centre(), square.at(4.0)), (5.0, 15.0, 0.0, 3.0, 5.0));
    let error = Error::Parameter { name: "variance", value: 0.0, expected: "a finite number above 0" };
    assert_eq!(CompletedSquare::of(&moments(&[1.0]), 0.0, &prior), Err(error));
    assert_eq!(CompletedSquare::of(&moments(&[f64::NAN]), 1.0, &prior), Err(Error::NaN { name: "x", row: 0 }));
    let infinite = Error::Parameter { name: "x", value: f64::INFINITY, expected: "a finite number" };
    for x in [[1.0, f64::INFINITY], [f64::INFINITY, f64::NEG_INFINITY]] {
        assert_eq!(CompletedSquare::of(&moments(&x), 1.0, &prior), Err(infinite.clone()));
    }
}
