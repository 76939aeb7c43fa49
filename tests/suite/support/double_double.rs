//! Arithmetic with twice the digits of f64, for formulas that lose them: a second route that
//! shares no code with the crate. A number is hi + lo with |lo| at most half a last place of hi.

use std::ops::{Add, Mul, Neg, Sub};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubleDouble {
    hi: f64,
    lo: f64,
}

/// a + b without error, as a sum and what it lost (Knuth).
fn two_sum(a: f64, b: f64) -> DoubleDouble {
    let hi = a + b;
    let rest = hi - a;
    DoubleDouble { hi, lo: (a - (hi - rest)) + (b - rest) }
}

impl From<f64> for DoubleDouble {
    fn from(x: f64) -> Self {
        Self { hi: x, lo: 0.0 }
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = two_sum(self.hi, other.hi);
        two_sum(sum.hi, sum.lo + (self.lo + other.lo))
    }
}

impl Neg for DoubleDouble {
    type Output = Self;
    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let hi = self.hi * other.hi;
        let lo = self.hi.mul_add(other.hi, -hi) + (self.hi * other.lo + self.lo * other.hi);
        two_sum(hi, lo)
    }
}

impl DoubleDouble {
    pub fn to_f64(self) -> f64 {
        self.hi + self.lo
    }

    /// As the tests of last places take it: a number, and the rest.
    pub fn parts(self) -> [f64; 2] {
        [self.hi, self.lo]
    }

    /// 1 / x by Newton's iteration.
    pub fn recip(self) -> Self {
        let guess = Self::from(1.0 / self.hi);
        let better = guess + guess * (Self::from(1.0) - self * guess);
        better + better * (Self::from(1.0) - self * better)
    }

    /// 1 / (1 + e^-x).
    pub fn sigmoid(x: f64) -> Self {
        (Self::from(1.0) + exp(Self::from(-x))).recip()
    }
}

/// c_0 + c_1 x + c_2 x^2 + ...
fn power_series(x: DoubleDouble, terms: u32, c: impl Fn(u32) -> DoubleDouble) -> DoubleDouble {
    (0..terms).rev().fold(DoubleDouble::from(0.0), |sum, k| c(k) + x * sum)
}

/// 1 / n!
fn over_factorial(n: u32) -> DoubleDouble {
    (2..=n).fold(DoubleDouble::from(1.0), |f, k| f * DoubleDouble::from(f64::from(k))).recip()
}

/// e^x - 1, to twice the digits also where it is small: there by Taylor.
pub fn exp_m1(x: DoubleDouble) -> DoubleDouble {
    if x.hi.abs() < 0.5 { x * power_series(x, 26, |k| over_factorial(k + 1)) } else { exp(x) - DoubleDouble::from(1.0) }
}

/// ln(1 + x), to twice the digits also where it is small: there by 2 artanh(x / (2 + x)).
pub fn ln_1p(x: DoubleDouble) -> DoubleDouble {
    if x.hi.abs() < 0.3 {
        let s = x * (DoubleDouble::from(2.0) + x).recip();
        s * power_series(s * s, 24, |k| DoubleDouble::from(2.0) * DoubleDouble::from(f64::from(2 * k + 1)).recip())
    } else {
        ln(DoubleDouble::from(1.0) + x)
    }
}

/// (e^2x - 1) / (e^2x + 1).
pub fn tanh(x: DoubleDouble) -> DoubleDouble {
    let m = exp_m1(x + x);
    m * (m + DoubleDouble::from(2.0)).recip()
}

/// Sine and cosine of t turns: of the nearest quarter, whose rest is exact, by Taylor.
pub fn sin_cos_turns(t: f64) -> [DoubleDouble; 2] {
    let fraction = t - t.round();
    let quarter = (4.0 * fraction).round();
    // 2 pi, and what f64 leaves of it.
    let tau = DoubleDouble { hi: std::f64::consts::TAU, lo: 2.449_293_598_294_706_4e-16 };
    let angle = tau * DoubleDouble::from(fraction - 0.25 * quarter);
    let minus = -(angle * angle);
    let sin = angle * power_series(minus, 14, |k| over_factorial(2 * k + 1));
    let cos = power_series(minus, 14, |k| over_factorial(2 * k));
    match (quarter as i64).rem_euclid(4) {
        0 => [sin, cos],
        1 => [cos, -sin],
        2 => [-sin, -cos],
        _ => [-cos, sin],
    }
}

/// e^x by halving ten times, Taylor, and squaring.
pub fn exp(x: DoubleDouble) -> DoubleDouble {
    let halvings = 10;
    let small = x * DoubleDouble::from(0.5_f64.powi(halvings));
    let mut sum = DoubleDouble::from(1.0);
    let mut term = DoubleDouble::from(1.0);
    for k in 1..24 {
        term = term * small * DoubleDouble::from(f64::from(k)).recip();
        sum = sum + term;
    }
    (0..halvings).fold(sum, |power, _| power * power)
}

/// ln x by Newton's iteration on the exponential.
pub fn ln(x: DoubleDouble) -> DoubleDouble {
    let mut guess = DoubleDouble::from(x.to_f64().ln());
    for _ in 0..2 {
        guess = guess + x * exp(-guess) - DoubleDouble::from(1.0);
    }
    guess
}

#[test]
fn ref_double_double_knows_its_digits() {
    // e - 2.718281828459045 and ln 2 - 0.6931471805599453, from their decimal expansions. Ten
    // squarings magnify 2^-105 to 1e-28.
    let e = exp(DoubleDouble::from(1.0)) - DoubleDouble::from(std::f64::consts::E);
    assert!((e.to_f64() - 1.445_646_891_729_250_2e-16).abs() < 1e-28, "{e:?}");
    let ln2 = ln(DoubleDouble::from(2.0)) - DoubleDouble::from(std::f64::consts::LN_2);
    assert!((ln2.to_f64() - 2.319_046_813_846_299_6e-17).abs() < 1e-28, "{ln2:?}");
    let near_one = DoubleDouble::from(1.0) - DoubleDouble::sigmoid(30.0);
    assert!((near_one.to_f64() / 9.357_622_968_839_299e-14 - 1.0).abs() < 1e-15);
    // The routes for small numbers meet those for large ones.
    for x in [0.3, -0.3, 0.29, 0.5, -0.5] {
        let x = DoubleDouble::from(x);
        let (m, l) = (exp_m1(x) - (exp(x) - DoubleDouble::from(1.0)), ln_1p(x) - ln(DoubleDouble::from(1.0) + x));
        assert!(m.to_f64().abs() < 1e-28 && l.to_f64().abs() < 1e-28, "{x:?}: {m:?} {l:?}");
    }
    // The root of one half, squared.
    let [sin, cos] = sin_cos_turns(-7.875);
    assert_eq!(sin.hi, cos.hi);
    assert!((sin * sin - DoubleDouble::from(0.5)).to_f64().abs() < 1e-30);
}
