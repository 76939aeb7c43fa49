//! Functions of one and two numbers, in both forms of the arithmetic.

use estimand::arithmetic::{Arithmetic, Plain};
use estimand::special::*;
use estimand::{Real, ValueGrad, check};
use proptest::prelude::*;

use crate::support::fused::Fused;
use crate::support::near::epsilons;
use crate::support::reference::table;
use crate::support::strategy::config;

/// Each function, with the largest error of its value and of its gradient in epsilons.
const LIMITS: [(&str, f64, f64); 10] = [
    ("softplus", 1.0, 1.0),
    ("log_sigmoid", 1.0, 1.0),
    ("sigmoid", 1.0, 1.0),
    ("logit", 1.0, 1.0),
    ("log1m_exp", 1.0, 1.0),
    ("exp_m1_mx", 1.0, 1.0),
    ("ln_1p_mx", 1.0, 1.0),
    ("log_add_exp", 1.0, 1.0),
    ("xlogy", 1.0, 1.0),
    ("xlog1py", 1.0, 1.0),
];

fn limits(function: &str) -> (f64, f64) {
    let found = LIMITS.iter().find(|(name, ..)| *name == function);
    found.map_or_else(|| panic!("no limits for {function}"), |&(_, value, grad)| (value, grad))
}

/// The method of a name. The second derivative of a function of one number is 0.
pub fn evaluate<F: Real, A: Arithmetic<F>>(a: A, function: &str, x: F, y: F) -> ValueGrad<F, [F; 2]> {
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

/// What the errors of a value are measured by: itself, but for `log_add_exp` = high + ln(1 + e^-gap),
/// where the terms may cancel and the rounding of the gap moves e^-gap by gap / 2 epsilons of itself.
fn value_scale(function: &str, x: f64, y: f64, value: f64) -> f64 {
    if function != "log_add_exp" {
        return value.abs();
    }
    let gap = (x - y).abs();
    value.abs().max(x.max(y).abs()) + gap * (-gap).exp()
}

/// What the errors of a derivative are measured by: itself, but for the lighter weight of
/// `log_add_exp`: the rounding of the gap x - y moves e^gap by |gap| / 2 epsilons.
fn grad_scale(function: &str, x: f64, y: f64, grad: f64) -> f64 {
    let gap = (x - y).abs();
    if function == "log_add_exp" && grad < 0.5 { grad.abs() * gap.max(1.0) } else { grad.abs() }
}

/// The errors of value and gradient at a point, in epsilons.
fn errors<F: Real, A: Arithmetic<F>>(a: A, function: &str, [x, y]: [f64; 2], [value, d_x, d_y]: [f64; 3]) -> (f64, f64) {
    let got = evaluate(a, function, F::of(x), F::of(y));
    let of_value = epsilons(got.value, value, value_scale(function, x, y, value));
    let of_d_x = epsilons(got.grad[0], d_x, grad_scale(function, x, y, d_x));
    let of_d_y = epsilons(got.grad[1], d_y, grad_scale(function, x, y, d_y));
    (of_value, of_d_x.max(of_d_y))
}

fn agrees_with_table<F: Real>(a: impl Arithmetic<F>) {
    for row in table("special.csv") {
        let function = row.text(0);
        let at = [row.number(1).unwrap(), row.number(2).unwrap_or(0.0)];
        let expected = [row.number(3).unwrap(), row.number(4).unwrap(), row.number(5).unwrap_or(0.0)];
        let (value, grad) = errors::<F, _>(a, function, at, expected);
        let (most, most_grad) = limits(function);
        let what = format!("line {}: {function}{at:?}", row.line);
        if std::env::var("MEASURE").is_ok() { println!("M {} {function} {value} {grad} {}", std::any::type_name::<F>(), at[0]); continue; }
        assert!(value <= most, "{what} is {value:.2} epsilon from the table, limit {most}");
        assert!(grad <= most_grad, "{what}: its gradient is {grad:.2} epsilon from the table, limit {most_grad}");
    }
}

#[test]
fn ref_special_functions() {
    agrees_with_table::<f32>(Plain);
    agrees_with_table::<f64>(Plain);
}

#[test]
fn ref_special_functions_in_fused_arithmetic() {
    agrees_with_table::<f32>(Fused);
    agrees_with_table::<f64>(Fused);
}

/// A point of the domain: of every size, and where formulas change.
fn argument(function: &str, u: f64, log_size: f64) -> f64 {
    let x = u.signum() * log_size.exp2();
    match function {
        "logit" => if u < 0.0 { (1.0 - x.abs().min(0.75) / 1.5).max(0.5) } else { x.min(0.75) },
        "log1m_exp" => -x.abs(),
        "ln_1p_mx" => x.max(-1.0 + f64::from(f32::EPSILON)),
        _ => x,
    }
}

proptest! {
    #![proptest_config(config())]

    /// In f64 the error is 2^29 times smaller: the reference for f32 at any point.
    #[test]
    fn law_f32_agrees_with_f64(u in -1.0..1.0_f64, v in -1.0..1.0_f64, size_x in -30.0..7.0_f64, size_y in -30.0..7.0_f64) {
        for (function, most, most_grad) in LIMITS {
            let x = f64::from(argument(function, u, size_x) as f32);
            let y = match function {
                "xlogy" => size_y.exp2(),
                "xlog1py" => argument("ln_1p_mx", v, size_y),
                _ => argument(function, v, size_y),
            };
            let y = f64::from(y as f32);
            let expected = evaluate(Plain, function, x, y);
            let [d_x, d_y] = expected.grad;
            for (value, grad) in [
                errors::<f32, _>(Plain, function, [x, y], [expected.value, d_x, d_y]),
                errors::<f32, _>(Fused, function, [x, y], [expected.value, d_x, d_y]),
            ] {
                if std::env::var("MEASURE").is_ok() { println!("M rand {function} {value} {grad} {x}"); continue; }
                prop_assert!(value <= most, "{function}({x:e}, {y:e}) is {value:.2} epsilon off");
                prop_assert!(grad <= most_grad, "{function}({x:e}, {y:e}): its gradient is {grad:.2} epsilon off");
            }
        }
    }
}
