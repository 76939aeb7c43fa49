//! Special functions of likelihoods, stable on the whole line, each with its gradient.
//!
//! A function `f` of numbers has a twin `f_grad`, which gives value and derivative in one pass;
//! logarithms of sums come with their weights. Inside the row of a law the same functions are
//! methods of the arithmetic token, through [`Special`]. Units: nats.
//!
//! All are accurate to a few units in the last place of the result, also where the naive formula
//! overflows or cancels (a logarithm of a sum that happens to be near 0: of its largest term). The
//! chapter says how. NaN in, NaN out.

mod log_sum;
mod scalar;

pub(crate) use log_sum::{largest, log_sum_exp_row, log_sum_exp_value};
pub use log_sum::{log_mean_exp, log_mean_exp_grad, log_softmax, log_softmax_pull_back, log_sum_exp, log_sum_exp_grad};
pub use scalar::Special;
pub(crate) use scalar::{exp_not_above_0, ln_1p_unit};

use crate::arithmetic::Plain;
use crate::{Real, ValueGrad};

/// softplus(x) = ln(1 + e^x), the log-partition function of the Bernoulli law.
///
/// ```
/// use estimand::special::softplus;
/// assert_eq!(softplus(0.0_f64), std::f64::consts::LN_2);
/// assert_eq!(softplus(1e4), 1e4);
/// assert_eq!(softplus(-1e4_f32), 0.0);
/// ```
pub fn softplus<F: Real>(x: F) -> F {
    softplus_grad(x).value
}

/// [`softplus`] with its derivative, the [`sigmoid`].
pub fn softplus_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.softplus(x)
}

/// ln sigmoid(x) = -softplus(-x).
pub fn log_sigmoid<F: Real>(x: F) -> F {
    log_sigmoid_grad(x).value
}

/// [`log_sigmoid`] with its derivative, sigmoid(-x).
pub fn log_sigmoid_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.log_sigmoid(x)
}

/// sigmoid(x) = 1 / (1 + e^-x), the inverse of [`logit`].
pub fn sigmoid<F: Real>(x: F) -> F {
    sigmoid_grad(x).value
}

/// [`sigmoid`] with its derivative sigmoid(x) sigmoid(-x).
pub fn sigmoid_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.sigmoid(x)
}

/// logit(p) = ln(p / (1 - p)) for p in `[0, 1]`: infinite at both ends, NaN outside.
///
/// Near one half it is taken from 2p - 1, which is exact there.
///
/// ```
/// use estimand::special::{logit, sigmoid};
/// assert_eq!((logit(0.5_f64), logit(0.0), logit(1.0)), (0.0, f64::NEG_INFINITY, f64::INFINITY));
/// assert!((logit(sigmoid(-30.0_f64)) + 30.0).abs() < 1e-13);
/// ```
pub fn logit<F: Real>(p: F) -> F {
    logit_grad(p).value
}

/// [`logit`] with its derivative 1 / (p (1 - p)).
pub fn logit_grad<F: Real>(p: F) -> ValueGrad<F, F> {
    Plain.logit(p)
}

/// ln(1 - e^x) for x <= 0: the logarithm of a complement. -inf at 0, NaN above.
///
/// Source: Maechler 2012, "Accurately computing log(1 - exp(-|a|))".
///
/// ```
/// use estimand::special::log1m_exp;
/// assert!((log1m_exp(-1e-10_f64) - (1e-10_f64).ln()).abs() < 1e-9);
/// assert_eq!(log1m_exp(-800.0_f64), 0.0);
/// ```
pub fn log1m_exp<F: Real>(x: F) -> F {
    log1m_exp_grad(x).value
}

/// [`log1m_exp`] with its derivative -1 / (e^-x - 1).
pub fn log1m_exp_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.log1m_exp(x)
}

/// ln(e^x + e^y).
///
/// ```
/// use estimand::special::log_add_exp;
/// assert_eq!(log_add_exp(-1e4_f64, -1e4), -1e4 + std::f64::consts::LN_2);
/// assert_eq!(log_add_exp(3.0, f64::NEG_INFINITY), 3.0);
/// ```
pub fn log_add_exp<F: Real>(x: F, y: F) -> F {
    log_add_exp_grad(x, y).value
}

/// [`log_add_exp`] with its derivatives, the weights sigmoid(x - y) and sigmoid(y - x).
///
/// Two infinities: of +inf each weighs one half; of -inf, which is no mass at all, each weighs 0.
pub fn log_add_exp_grad<F: Real>(x: F, y: F) -> ValueGrad<F, [F; 2]> {
    Plain.log_add_exp(x, y)
}

/// x ln y, and 0 where x = 0, also at y = 0.
///
/// ```
/// use estimand::special::xlogy;
/// assert_eq!((xlogy(0.0, 0.0), xlogy(2.0, 1.0)), (0.0, 0.0));
/// assert_eq!(xlogy(1.0, 0.0), f64::NEG_INFINITY);
/// ```
pub fn xlogy<F: Real>(x: F, y: F) -> F {
    xlogy_grad(x, y).value
}

/// [`xlogy`] with its derivatives ln y and x / y (0 where x = 0).
pub fn xlogy_grad<F: Real>(x: F, y: F) -> ValueGrad<F, [F; 2]> {
    Plain.xlogy(x, y)
}

/// x ln(1 + y), and 0 where x = 0, also at y = -1.
pub fn xlog1py<F: Real>(x: F, y: F) -> F {
    xlog1py_grad(x, y).value
}

/// [`xlog1py`] with its derivatives ln(1 + y) and x / (1 + y) (0 where x = 0).
pub fn xlog1py_grad<F: Real>(x: F, y: F) -> ValueGrad<F, [F; 2]> {
    Plain.xlog1py(x, y)
}

/// e^x - 1 - x, never negative, accurate near 0 where it is x^2 / 2: the divergence of two scales.
///
/// ```
/// use estimand::special::exp_m1_mx;
/// assert!((exp_m1_mx(1e-9_f64) - 5e-19).abs() < 1e-27);     // plain arithmetic says 8e-17
/// ```
pub fn exp_m1_mx<F: Real>(x: F) -> F {
    exp_m1_mx_grad(x).value
}

/// [`exp_m1_mx`] with its derivative e^x - 1.
pub fn exp_m1_mx_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.exp_m1_mx(x)
}

/// ln(1 + x) - x, never positive, accurate near 0 where it is -x^2 / 2. NaN below -1.
pub fn ln_1p_mx<F: Real>(x: F) -> F {
    ln_1p_mx_grad(x).value
}

/// [`ln_1p_mx`] with its derivative -x / (1 + x).
pub fn ln_1p_mx_grad<F: Real>(x: F) -> ValueGrad<F, F> {
    Plain.ln_1p_mx(x)
}
