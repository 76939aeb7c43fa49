use crate::arithmetic::Arithmetic;
use crate::{Real, ValueGrad};

/// Terms of the series of [`Special::exp_m1_mx`]: 2^-16 / 18! is below 2^-53 of the leading term.
const EXP_TERMS: usize = 16;
/// Terms of the series of [`Special::ln_1p_mx`]: 9^-17 / 37 is below 2^-53 of the leading term.
const LN_TERMS: usize = 17;

/// The special functions as methods of the arithmetic token, value and gradient in one pass: what
/// the row of a law is written in. Each is documented at the function of the same name in
/// [`special`](crate::special).
///
/// ```
/// use estimand::arithmetic::{Arithmetic, Plain};
/// use estimand::special::Special;
///
/// fn nll_of_a_success<A: Arithmetic<f64>>(a: A, logit: f64) -> f64 {
///     -a.log_sigmoid(logit).value
/// }
/// assert_eq!(nll_of_a_success(Plain, 0.0), std::f64::consts::LN_2);
/// ```
pub trait Special<F: Real>: Arithmetic<F> {
    /// ln(1 + e^x).
    #[inline(always)]
    fn softplus(self, x: F) -> ValueGrad<F, F> {
        let tail = self.exp(-x.abs());
        let head = if x < F::zero() { F::zero() } else { x };
        let above = if x < F::zero() { tail } else { F::one() };
        ValueGrad { value: head + self.ln_1p(tail), grad: above / (F::one() + tail) }
    }

    /// ln sigmoid(x).
    #[inline(always)]
    fn log_sigmoid(self, x: F) -> ValueGrad<F, F> {
        let ValueGrad { value, grad } = self.softplus(-x);
        ValueGrad { value: -value, grad }
    }

    /// 1 / (1 + e^-x).
    #[inline(always)]
    fn sigmoid(self, x: F) -> ValueGrad<F, F> {
        let tail = self.exp(-x.abs());
        let above = if x < F::zero() { tail } else { F::one() };
        let whole = F::one() + tail;
        ValueGrad { value: above / whole, grad: tail / (whole * whole) }
    }

    /// ln(p / (1 - p)).
    #[inline(always)]
    fn logit(self, p: F) -> ValueGrad<F, F> {
        let rest = F::one() - p;
        let central = p > F::of(0.25) && p < F::of(0.75);
        let value = if central { self.ln_1p((p + p - F::one()) / rest) } else { self.ln(p / rest) };
        ValueGrad { value, grad: F::one() / (p * rest) }
    }

    /// ln(1 - e^x).
    #[inline(always)]
    fn log1m_exp(self, x: F) -> ValueGrad<F, F> {
        let tail = self.exp(x);
        // 0 - y, so that the complement at 0 is 0 and not -0.
        let rest = F::zero() - self.exp_m1(x);
        let value = if x > -F::LN_2() { self.ln(rest) } else { self.ln_1p(-tail) };
        ValueGrad { value, grad: -tail / rest }
    }

    /// ln(e^x + e^y).
    #[inline(always)]
    fn log_add_exp(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let (low, high) = if x < y { (x, y) } else { (y, x) };
        // Equal infinities differ by NaN; what is equal differs by 0.
        let gap = if low == high { F::zero() } else { low - high };
        let tail = self.exp(gap);
        let no_mass = high == F::neg_infinity() && low == high;
        let heavy = if no_mass { F::zero() } else { F::one() / (F::one() + tail) };
        let light = heavy * tail;
        let value = high + self.ln_1p(tail);
        let value = if x.is_nan() { x } else { value };
        ValueGrad { value, grad: if x < y { [light, heavy] } else { [heavy, light] } }
    }

    /// x ln y.
    #[inline(always)]
    fn xlogy(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let log = self.ln(y);
        let silent = x == F::zero() && !y.is_nan();
        if silent {
            return ValueGrad { value: F::zero(), grad: [log, F::zero()] };
        }
        ValueGrad { value: x * log, grad: [log, x / y] }
    }

    /// x ln(1 + y).
    #[inline(always)]
    fn xlog1py(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let log = self.ln_1p(y);
        let silent = x == F::zero() && !y.is_nan();
        if silent {
            return ValueGrad { value: F::zero(), grad: [log, F::zero()] };
        }
        ValueGrad { value: x * log, grad: [log, x / (F::one() + y)] }
    }

    /// e^x - 1 - x.
    #[inline(always)]
    fn exp_m1_mx(self, x: F) -> ValueGrad<F, F> {
        let grad = self.exp_m1(x);
        // x^2/2 (1 + x/3 (1 + x/4 (1 + ...)))
        let series =
            (3..3 + EXP_TERMS).rev().fold(F::one(), |tail, k| self.fma(x * tail, F::one() / F::count(k), F::one()));
        let near = F::of(0.5) * x * x * series;
        let far = if grad == F::infinity() { grad } else { grad - x };
        ValueGrad { value: if x.abs() < F::of(0.5) { near } else { far }, grad }
    }

    /// ln(1 + x) - x.
    #[inline(always)]
    fn ln_1p_mx(self, x: F) -> ValueGrad<F, F> {
        // With r = x / (2 + x): ln(1 + x) = 2 atanh r and 2 r - x = -r x, so that
        // ln(1 + x) - x = r (2 r^2 (1/3 + r^2/5 + ...) - x), whose terms have one sign apart.
        let r = x / (F::of(2.0) + x);
        let square = r * r;
        let series =
            (0..LN_TERMS).rev().fold(F::zero(), |tail, k| self.fma(tail, square, F::one() / F::count(2 * k + 3)));
        let near = r * self.fma(F::of(2.0) * square, series, -x);
        let log = self.ln_1p(x);
        let far = if log == F::infinity() { -x } else { log - x };
        let grad = if x == F::infinity() { -F::one() } else { -x / (F::one() + x) };
        ValueGrad { value: if x.abs() < F::of(0.5) { near } else { far }, grad }
    }
}

impl<F: Real, A: Arithmetic<F>> Special<F> for A {}
