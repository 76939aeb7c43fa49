use crate::arithmetic::Arithmetic;
use crate::{Real, ValueGrad, elementary};

/// The special functions as methods of the arithmetic token, value and gradient in one pass: what
/// the row of a law is written in. Each is documented at the function of the same name in
/// [`special`](crate::special).
///
/// They have no branch, so that a loop over a row is vector code. exp, ln and ln_1p are the token's;
/// what has no place in a token (e^t up to 0, ln(1 + t) on `[0, 1]`, and the two of second order) is the
/// crate's own, in the token's form.
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
        let tail = exp_not_above_0(self, -x.abs());
        let head = if x < F::zero() { F::zero() } else { x };
        let above = if x < F::zero() { tail } else { F::one() };
        ValueGrad { value: head + ln_1p_unit(self, tail), grad: above / (F::one() + tail) }
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
        let tail = exp_not_above_0(self, -x.abs());
        let above = if x < F::zero() { tail } else { F::one() };
        let whole = F::one() + tail;
        ValueGrad { value: above / whole, grad: tail / (whole * whole) }
    }

    /// ln(p / (1 - p)).
    #[inline(always)]
    fn logit(self, p: F) -> ValueGrad<F, F> {
        let rest = F::one() - p;
        let central = p > F::of(0.25) && p < F::of(0.75);
        let (near, far) = (self.ln_1p((p + p - F::one()) / rest), self.ln(p / rest));
        ValueGrad { value: if central { near } else { far }, grad: F::one() / (p * rest) }
    }

    /// ln(1 - e^x).
    #[inline(always)]
    fn log1m_exp(self, x: F) -> ValueGrad<F, F> {
        let tail = self.exp(x);
        // 0 - y, so that the complement at 0 is 0 and not -0.
        let rest = F::zero() - self.exp_m1(x);
        let (near, far) = (self.ln(rest), self.ln_1p(-tail));
        ValueGrad { value: if x > -F::LN_2() { near } else { far }, grad: -tail / rest }
    }

    /// ln(e^x + e^y).
    #[inline(always)]
    fn log_add_exp(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let (low, high) = if x < y { (x, y) } else { (y, x) };
        // Equal infinities differ by NaN; what is equal differs by 0.
        let gap = if low == high { F::zero() } else { low - high };
        let tail = exp_not_above_0(self, gap);
        let no_mass = high == F::neg_infinity() && low == high;
        let heavy = if no_mass { F::zero() } else { F::one() / (F::one() + tail) };
        let light = heavy * tail;
        let value = high + ln_1p_unit(self, tail);
        let value = if x.is_nan() { x } else { value };
        ValueGrad { value, grad: if x < y { [light, heavy] } else { [heavy, light] } }
    }

    /// x ln y.
    #[inline(always)]
    fn xlogy(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let log = self.ln(y);
        let silent = x == F::zero() && !y.is_nan();
        let value = if silent { F::zero() } else { x * log };
        ValueGrad { value, grad: [log, if silent { F::zero() } else { x / y }] }
    }

    /// x ln(1 + y).
    #[inline(always)]
    fn xlog1py(self, x: F, y: F) -> ValueGrad<F, [F; 2]> {
        let log = self.ln_1p(y);
        let silent = x == F::zero() && !y.is_nan();
        let value = if silent { F::zero() } else { x * log };
        ValueGrad { value, grad: [log, if silent { F::zero() } else { x / (F::one() + y) }] }
    }

    /// e^x - 1 - x.
    #[inline(always)]
    fn exp_m1_mx(self, x: F) -> ValueGrad<F, F> {
        let (grad, value) = if Self::FUSED {
            elementary::exp_m1_and_mx::<true, F>(x)
        } else {
            elementary::exp_m1_and_mx::<false, F>(x)
        };
        ValueGrad { value, grad }
    }

    /// ln(1 + x) - x.
    #[inline(always)]
    fn ln_1p_mx(self, x: F) -> ValueGrad<F, F> {
        let (_, value) =
            if Self::FUSED { elementary::ln_1p_and_mx::<true, F>(x) } else { elementary::ln_1p_and_mx::<false, F>(x) };
        let grad = if x == F::infinity() { -F::one() } else { -x / (F::one() + x) };
        ValueGrad { value, grad }
    }
}

impl<F: Real, A: Arithmetic<F>> Special<F> for A {}

/// ln(1 + t) for t in [0, 1], where it is cheaper.
#[inline(always)]
pub(crate) fn ln_1p_unit<F: Real, A: Arithmetic<F>>(_: A, t: F) -> F {
    if A::FUSED { elementary::ln_1p_unit::<true, F>(t) } else { elementary::ln_1p_unit::<false, F>(t) }
}

/// e^t for t not above 0, where it is cheaper.
#[inline(always)]
pub(crate) fn exp_not_above_0<F: Real, A: Arithmetic<F>>(_: A, t: F) -> F {
    if A::FUSED { elementary::exp_not_above_0::<true, F>(t) } else { elementary::exp_not_above_0::<false, F>(t) }
}
