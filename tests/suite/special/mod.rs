//! Special functions: the free functions are the methods of the plain token.

mod log_sum;
mod scalar;

use estimand::arithmetic::{Arithmetic, Plain};
use estimand::special::*;
use estimand::{Real, ValueGrad};

use crate::support::reference::table;

/// The method of a name. The second derivative of a function of one number is 0.
fn evaluate<F: Real, A: Arithmetic<F>>(a: A, function: &str, x: F, y: F) -> ValueGrad<F, [F; 2]> {
    let one = |at: ValueGrad<F, F>| ValueGrad { value: at.value, grad: [at.grad, F::zero()] };
    match function {
        "softplus" => one(a.softplus(x)),
        "log_sigmoid" => one(a.log_sigmoid(x)),
        "sigmoid" => one(a.sigmoid(x)),
        "logit" => one(a.logit(x)),
        "log1m_exp" => one(a.log1m_exp(x)),
        "exp_m1_mx" => one(a.exp_m1_mx(x)),
        "ln_1p_mx" => one(a.ln_1p_mx(x)),
        "log_add_exp" => a.log_add_exp(x, y),
        "xlogy" => a.xlogy(x, y),
        "xlog1py" => a.xlog1py(x, y),
        other => panic!("no function {other}"),
    }
}

/// The free function of a name with its gradient, and by itself.
fn free<F: Real>(function: &str, x: F, y: F) -> (ValueGrad<F, [F; 2]>, F) {
    let one = |at: ValueGrad<F, F>, value| (ValueGrad { value: at.value, grad: [at.grad, F::zero()] }, value);
    match function {
        "softplus" => one(softplus_grad(x), softplus(x)),
        "log_sigmoid" => one(log_sigmoid_grad(x), log_sigmoid(x)),
        "sigmoid" => one(sigmoid_grad(x), sigmoid(x)),
        "logit" => one(logit_grad(x), logit(x)),
        "log1m_exp" => one(log1m_exp_grad(x), log1m_exp(x)),
        "exp_m1_mx" => one(exp_m1_mx_grad(x), exp_m1_mx(x)),
        "ln_1p_mx" => one(ln_1p_mx_grad(x), ln_1p_mx(x)),
        "log_add_exp" => (log_add_exp_grad(x, y), log_add_exp(x, y)),
        "xlogy" => (xlogy_grad(x, y), xlogy(x, y)),
        "xlog1py" => (xlog1py_grad(x, y), xlog1py(x, y)),
        other => panic!("no function {other}"),
    }
}

fn free_is_method<F: Real>() {
    for row in table("special.csv") {
        let function = row.text(0);
        let (x, y) = (F::of(row.number(1).unwrap()), F::of(row.number(2).unwrap_or(0.0)));
        let (with_gradient, alone) = free(function, x, y);
        assert_eq!(with_gradient, evaluate(Plain, function, x, y), "{function}({x:e}, {y:e})");
        assert_eq!(with_gradient.value, alone, "{function}({x:e}, {y:e})");
    }
}

#[test]
fn hard_a_free_function_its_twin_and_its_method_agree() {
    free_is_method::<f32>();
    free_is_method::<f64>();
}

fn nan_stays<F: Real>() {
    let nan = F::nan();
    for function in ["softplus", "log_sigmoid", "sigmoid", "logit", "log1m_exp", "exp_m1_mx", "ln_1p_mx"] {
        let (ValueGrad { value, grad }, alone) = free(function, nan, F::zero());
        assert!(value.is_nan() && alone.is_nan() && grad[0].is_nan(), "{function}: {value}, {grad:?}");
    }
    let others = [F::zero(), F::one(), -F::one(), F::infinity(), F::neg_infinity(), nan];
    for other in others {
        for (x, y) in [(nan, other), (other, nan)] {
            for function in ["log_add_exp", "xlogy", "xlog1py"] {
                let (ValueGrad { value, .. }, alone) = free(function, x, y);
                assert!(value.is_nan() && alone.is_nan(), "{function}({x}, {y}): {value}");
            }
            let [d_x, d_y] = log_add_exp_grad(x, y).grad;
            assert!(d_x.is_nan() && d_y.is_nan(), "log_add_exp({x}, {y}): {d_x}, {d_y}");
        }
        // What depends on the argument that is NaN: ln y on y, x / y on both.
        assert!(xlogy_grad(other, nan).grad.iter().all(|g| g.is_nan()), "xlogy({other}, NaN)");
        assert!(xlog1py_grad(other, nan).grad.iter().all(|g| g.is_nan()), "xlog1py({other}, NaN)");
        let slopes = [xlogy_grad(nan, other).grad[1], xlog1py_grad(nan, other).grad[1]];
        assert!(slopes.iter().all(|g| g.is_nan()), "x / y of (NaN, {other}): {slopes:?}");
    }
}

#[test]
fn hard_nan_in_is_nan_out() {
    nan_stays::<f32>();
    nan_stays::<f64>();
}
