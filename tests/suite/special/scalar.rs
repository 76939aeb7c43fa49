//! Functions of one and two numbers, in both forms of the arithmetic.

use estimand::arithmetic::{Arithmetic, Fused, Plain};
use estimand::special::*;
use estimand::{Real, ValueGrad, check};
use proptest::prelude::*;

use super::evaluate;
use crate::support::near::{difference_limit, epsilons};
use crate::support::reference::table;
use crate::support::strategy::config;

/// Each function, with the largest error of its value and of its gradient in epsilons. The worst
/// met at the table and at 300,000 random points is at least half of each.
const LIMITS: [(&str, f64, f64); 10] = [
    ("softplus", 1.5, 2.0),
    ("log_sigmoid", 1.5, 2.0),
    ("sigmoid", 2.0, 3.25),
    ("logit", 2.5, 2.0),
    ("log1m_exp", 1.75, 2.0),
    ("exp_m1_mx", 3.5, 1.0),
    ("ln_1p_mx", 3.25, 1.5),
    ("log_add_exp", 1.5, 2.0),
    ("xlogy", 1.5, 1.0),
    ("xlog1py", 1.5, 1.5),
];

fn limits(function: &str) -> (f64, f64) {
    let found = LIMITS.iter().find(|(name, ..)| *name == function);
    found.map_or_else(|| panic!("no limits for {function}"), |&(_, value, grad)| (value, grad))
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
fn errors<F: Real, A: Arithmetic<F>>(
    a: A,
    function: &str,
    [x, y]: [f64; 2],
    [value, d_x, d_y]: [f64; 3],
) -> (f64, f64) {
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
        "logit" => {
            if u < 0.0 {
                (1.0 - x.abs().min(0.75) / 1.5).max(0.5)
            } else {
                x.min(0.75)
            }
        }
        "log1m_exp" => -x.abs(),
        "ln_1p_mx" => x.max(-1.0 + f64::from(f32::EPSILON)),
        _ => x,
    }
}

proptest! {
    #![proptest_config(config())]

    /// In f64 the error is 2^29 times smaller: the reference for f32 at any point.
    #[test]
    fn law_f32_agrees_with_f64(
        (u, v) in (-1.0..1.0_f64, -1.0..1.0_f64),
        (size_x, size_y) in (-30.0..7.0_f64, -30.0..7.0_f64),
    ) {
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
                prop_assert!(value <= most, "{function}({x:e}, {y:e}) is {value:.2} epsilon off");
                prop_assert!(grad <= most_grad, "{function}({x:e}, {y:e}): its gradient is {grad:.2} epsilon off");
            }
        }
    }

    #[test]
    fn law_a_gradient_is_what_differences_say(x in -5.0..5.0_f64, y in -5.0..5.0_f64) {
        for (function, ..) in LIMITS {
            let (at, step) = match function {
                "logit" => ((x + 5.5) / 11.0, 0.03),
                "log1m_exp" => (-x.abs() - 0.1, 0.05),
                "ln_1p_mx" => (x.abs() - 0.8, 0.1),
                _ => (x, 0.25),
            };
            let other = match function {
                "xlogy" => y.abs() + 1.0,
                "xlog1py" => y.abs(),
                _ => y,
            };
            let value = |x: f64, y: f64| evaluate(Plain, function, x, y).value;
            let grad = evaluate(Plain, function, at, other).grad;
            let along_x = check::derivative(|x| value(x, other), at, step).unwrap();
            // The largest value within a step.
            let size = value(at - step, other).abs().max(value(at + step, other).abs());
            let allowed = difference_limit::<f64>(size, grad[0], step);
            let off = (grad[0] - along_x.value).abs();
            prop_assert!(off <= allowed, "{function}({at}, {other}): {grad:?}, {along_x:?}");
            if ["log_add_exp", "xlogy", "xlog1py"].contains(&function) {
                let along_y = check::derivative(|y| value(at, y), other, 0.5).unwrap();
                let size = value(at, other - 0.5).abs().max(value(at, other + 0.5).abs());
                let allowed = difference_limit::<f64>(size, grad[1], 0.5);
                let off = (grad[1] - along_y.value).abs();
                prop_assert!(off <= allowed, "{function}({at}, {other}): {grad:?}, {along_y:?}");
            }
        }
    }

    /// Each side has the error of its sigmoids, and the sum one rounding.
    #[test]
    fn law_a_sigmoid_and_its_mirror_sum_to_one(x in -800.0..800.0_f64) {
        fn off<F: Real>(x: F) -> f64 {
            (sigmoid(x) + sigmoid(-x) - F::one()).abs().as_f64() / F::epsilon().as_f64()
        }
        let most = limits("sigmoid").0 + 1.0;
        prop_assert!(off(x) <= most && off(x as f32) <= most, "{} {}", off(x), off(x as f32));
        prop_assert_eq!(sigmoid_grad(x).grad, sigmoid_grad(-x).grad);
        prop_assert_eq!(log_sigmoid(x), -softplus(-x));
    }

    /// The error of the sigmoid p moves the logit by dp / (p (1 - p)), that is by its relative error
    /// times 1 + e^x.
    #[test]
    fn law_the_logit_undoes_the_sigmoid(x in -80.0..30.0_f64) {
        fn off<F: Real>(x: F) -> (f64, f64) {
            let back = logit(sigmoid(x));
            let allowed = limits("sigmoid").0 * (1.0 + x.as_f64().exp()) + limits("logit").0 * x.as_f64().abs();
            ((back - x).abs().as_f64() / F::epsilon().as_f64(), allowed)
        }
        let ((off_64, allowed), (off_32, _)) = (off(x), off(x as f32));
        prop_assert!(off_64 <= allowed, "{off_64} > {allowed}");
        // Above 16 the sigmoid is 1 in f32.
        prop_assert!(x > 16.0 || off_32 <= allowed, "{off_32} > {allowed}");
    }

    /// softplus(x) - softplus(-x) = x.
    #[test]
    fn law_softplus_bends_an_identity(x in -200.0..200.0_f64) {
        let (above, below) = (softplus(x), softplus(-x));
        let allowed = f64::EPSILON * (limits("softplus").0 * (above + below) + x.abs());
        prop_assert!((above - below - x).abs() <= allowed);
    }

    /// x -> ln(1 - e^x) is its own inverse; an error of y = log1m_exp(x) moves the way back by
    /// |f'(y)| of it, and f'(y) = e^y / (1 - e^y) with 1 - e^y = e^x.
    #[test]
    fn law_log1m_exp_is_its_own_inverse(x in -30.0..-1e-6_f64) {
        let y = log1m_exp(x);
        let slope = y.exp() / x.exp();
        let allowed = f64::EPSILON * limits("log1m_exp").0 * (y.abs() * slope + x.abs());
        prop_assert!((log1m_exp(y) - x).abs() <= allowed, "{x} -> {y} -> {}", log1m_exp(y));
    }

    /// With t = ln(1 + u) the two are one function: e^t - 1 - t = u - ln(1 + u). An error of t moves
    /// the left side by u times it.
    #[test]
    fn law_exp_m1_mx_mirrors_ln_1p_mx(u in -0.999..50.0_f64) {
        let t = u.ln_1p();
        let (left, right) = (exp_m1_mx(t), -ln_1p_mx(u));
        let allowed = f64::EPSILON * ((t * u).abs() + (limits("exp_m1_mx").0 + limits("ln_1p_mx").0) * right);
        prop_assert!((left - right).abs() <= allowed, "{left:e} {right:e}");
        prop_assert!(left >= 0.0 && right >= 0.0);
    }

    #[test]
    fn law_log_add_exp_is_symmetric_and_its_weights_sum_to_one(x in -800.0..800.0_f64, y in -800.0..800.0_f64) {
        let (one, two) = (log_add_exp_grad(x, y), log_add_exp_grad(y, x));
        prop_assert_eq!(one.value, two.value);
        prop_assert_eq!(one.grad, [two.grad[1], two.grad[0]]);
        // 1 / (1 + t) and t / (1 + t), each within an epsilon of its part.
        prop_assert!((one.grad[0] + one.grad[1] - 1.0).abs() <= 2.0 * f64::EPSILON);
        prop_assert!(one.value >= x.max(y));
    }

    #[test]
    fn law_log_add_exp_is_its_formula_where_that_holds(x in -5.0..5.0_f64, y in -5.0..5.0_f64) {
        let naive = (x.exp() + y.exp()).ln();
        // The sum is within 3 roundings, which move its logarithm by as many half epsilons.
        let allowed = f64::EPSILON * (2.0 + naive.abs() + 1.5 * x.max(y).abs());
        prop_assert!((log_add_exp(x, y) - naive).abs() <= allowed);
    }

    #[test]
    fn law_xlogy_is_its_formula_off_zero(x in 1e-3..5.0_f64, y in 1e-3..5.0_f64, sign in prop::bool::ANY) {
        let x = if sign { x } else { -x };
        // The logarithms are good to a last place, and the product is rounded once more.
        for (got, log, quotient) in
            [(xlogy_grad(x, y), y.ln(), x / y), (xlog1py_grad(x, y), y.ln_1p(), x / (1.0 + y))]
        {
            prop_assert!((got.grad[0] - log).abs() <= f64::EPSILON * log.abs());
            prop_assert!((got.value - x * log).abs() <= 1.5 * f64::EPSILON * (x * log).abs());
            prop_assert_eq!(got.grad[1], quotient);
        }
    }

    /// The slope on either side of the border between two formulas agrees with the step.
    #[test]
    fn law_formulas_meet_at_their_borders(gap in 1_u64..1000) {
        for (function, border) in [("logit", 0.25), ("logit", 0.75), ("log1m_exp", -std::f64::consts::LN_2),
            ("exp_m1_mx", 0.5), ("exp_m1_mx", -0.5), ("ln_1p_mx", 0.5), ("ln_1p_mx", -0.5)] {
            let next = f64::from_bits(border.to_bits() + gap);
            let before = f64::from_bits(border.to_bits() - gap);
            let (a, b) = (evaluate(Plain, function, before, 0.0), evaluate(Plain, function, next, 0.0));
            let step = a.grad[0] * (next - before);
            let allowed = 2.0 * limits(function).0 * f64::EPSILON * a.value.abs();
            prop_assert!((b.value - a.value - step).abs() <= allowed, "{function} at {border}");
        }
    }
}

fn far_logits<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    for far in [F::of(1e4), inf] {
        assert_eq!(softplus_grad(far), ValueGrad { value: far, grad: one });
        assert_eq!(softplus_grad(-far), ValueGrad { value: zero, grad: zero });
        assert_eq!(log_sigmoid_grad(-far), ValueGrad { value: -far, grad: one });
        assert_eq!(log_sigmoid_grad(far), ValueGrad { value: zero, grad: zero });
        assert_eq!(sigmoid_grad(far), ValueGrad { value: one, grad: zero });
        assert_eq!(sigmoid_grad(-far), ValueGrad { value: zero, grad: zero });
        assert_eq!(log1m_exp_grad(-far), ValueGrad { value: zero, grad: zero });
        assert_eq!(exp_m1_mx_grad(far), ValueGrad { value: inf, grad: inf });
        assert_eq!(exp_m1_mx_grad(-far), ValueGrad { value: far - one, grad: -one });
    }
    // The largest logits whose tail is still a number.
    let last = F::min_positive_value().ln();
    assert!(softplus(last) > zero && sigmoid(last) > zero && log_sigmoid(-last) < zero);
    assert!(log1m_exp(last) < zero && log1m_exp_grad(last).grad < zero);
}

#[test]
fn hard_logits_of_1e4_and_infinity() {
    far_logits::<f32>();
    far_logits::<f64>();
}

/// Half of the least normal number still is one: tails do not end before the subnormals do.
fn subnormals<F: Real>() {
    let one = F::one();
    let x = F::min_positive_value().ln() - F::of(2.0);
    let tail = x.exp();
    assert!(tail > F::zero() && !tail.is_normal());
    for got in [softplus(x), softplus_grad(x).grad, -log1m_exp(x), -log1m_exp_grad(x).grad, sigmoid_grad(-x).grad] {
        assert_eq!(got, tail);
    }
    assert_eq!(log_add_exp_grad(x, F::zero()), ValueGrad { value: tail, grad: [tail, one] });
    let tiny = F::min_positive_value() * F::epsilon();
    assert!(tiny > F::zero() && tiny * F::of(0.5) == F::zero());
    assert_eq!(logit(tiny), tiny.ln());
    assert_eq!(log1m_exp(-tiny), tiny.ln());
    assert_eq!(xlogy(one, tiny), tiny.ln());
    assert_eq!(xlog1py(one, tiny), tiny);
    assert_eq!([exp_m1_mx(tiny), ln_1p_mx(tiny)], [F::zero(); 2]);
    assert_eq!([exp_m1_mx_grad(tiny).grad, ln_1p_mx_grad(tiny).grad], [tiny, -tiny]);
}

#[test]
fn hard_subnormals() {
    subnormals::<f32>();
    subnormals::<f64>();
}

fn ends<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    assert_eq!(logit_grad(zero), ValueGrad { value: -inf, grad: inf });
    assert_eq!(logit_grad(one), ValueGrad { value: inf, grad: inf });
    assert_eq!(logit_grad(F::of(0.5)), ValueGrad { value: zero, grad: F::of(4.0) });
    for outside in [-F::min_positive_value(), one + F::epsilon(), -inf, inf] {
        assert!(logit(outside).is_nan(), "{outside:e}");
    }
    // Zero of either sign is met from below: the logarithm falls to -inf.
    for nothing in [zero, -zero] {
        assert_eq!(log1m_exp_grad(nothing), ValueGrad { value: -inf, grad: -inf });
        assert_eq!(exp_m1_mx_grad(nothing), ValueGrad { value: zero, grad: zero });
        assert_eq!(ln_1p_mx_grad(nothing), ValueGrad { value: zero, grad: zero });
    }
    for outside in [F::min_positive_value(), one, inf] {
        assert!(log1m_exp(outside).is_nan(), "{outside:e}");
    }
    assert_eq!(ln_1p_mx_grad(-one), ValueGrad { value: -inf, grad: inf });
    assert_eq!(ln_1p_mx_grad(inf), ValueGrad { value: -inf, grad: -one });
    assert!(ln_1p_mx(-one - F::epsilon()).is_nan());
}

#[test]
fn hard_the_ends_of_each_domain() {
    ends::<f32>();
    ends::<f64>();
}

/// The nearest numbers to one half on either side: 2p - 1 is exact, p - (1 - p) is not.
fn beside_one_half<F: Real>() {
    let e = F::epsilon().as_f64();
    for p in [0.5 - e / 4.0, 0.5 - e / 2.0, 0.5 - 0.75 * e, 0.5 + e / 2.0, 0.5 + e] {
        let got = logit(F::of(p)).as_f64();
        // The next term of the series is 16 (p - 1/2)^3 / 3, far below the last place.
        let expected = 4.0 * (p - 0.5);
        assert!((got - expected).abs() <= e * expected.abs(), "{p:e}: {got:e}, {expected:e}");
    }
}

#[test]
fn hard_the_logit_beside_one_half() {
    beside_one_half::<f32>();
    beside_one_half::<f64>();
}

fn infinite_pairs<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let half = F::of(0.5);
    for at in [zero, one, -F::of(1e4), F::of(1e4)] {
        assert_eq!(log_add_exp_grad(-inf, at), ValueGrad { value: at, grad: [zero, one] });
        assert_eq!(log_add_exp_grad(at, -inf), ValueGrad { value: at, grad: [one, zero] });
        assert_eq!(log_add_exp_grad(inf, at), ValueGrad { value: inf, grad: [one, zero] });
        assert_eq!(log_add_exp_grad(at, inf), ValueGrad { value: inf, grad: [zero, one] });
    }
    assert_eq!(log_add_exp_grad(inf, inf), ValueGrad { value: inf, grad: [half, half] });
    assert_eq!(log_add_exp_grad(-inf, -inf), ValueGrad { value: -inf, grad: [zero, zero] });
    assert_eq!(log_add_exp_grad(-inf, inf), ValueGrad { value: inf, grad: [zero, one] });
    assert_eq!(log_add_exp_grad(inf, -inf), ValueGrad { value: inf, grad: [one, zero] });
    let far = F::of(1e4);
    assert_eq!(log_add_exp_grad(far, -far), ValueGrad { value: far, grad: [one, zero] });
}

#[test]
fn hard_log_add_exp_of_infinities() {
    infinite_pairs::<f32>();
    infinite_pairs::<f64>();
}

/// 0 log 0 is 0, and the gradient in the logarithm's argument too.
fn nothing_times_a_logarithm<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    for x in [zero, -zero] {
        assert_eq!(xlogy_grad(x, zero), ValueGrad { value: zero, grad: [-inf, zero] });
        assert_eq!(xlogy_grad(x, inf), ValueGrad { value: zero, grad: [inf, zero] });
        assert_eq!(xlog1py_grad(x, -one), ValueGrad { value: zero, grad: [-inf, zero] });
        assert_eq!(xlog1py_grad(x, inf), ValueGrad { value: zero, grad: [inf, zero] });
    }
    assert_eq!(xlogy_grad(one, zero), ValueGrad { value: -inf, grad: [-inf, inf] });
    assert_eq!(xlog1py_grad(one, -one), ValueGrad { value: -inf, grad: [-inf, inf] });
    assert!(xlogy(one, -one).is_nan() && xlog1py(one, -F::of(2.0)).is_nan());
}

#[test]
fn hard_zero_times_the_logarithm_of_zero() {
    nothing_times_a_logarithm::<f32>();
    nothing_times_a_logarithm::<f64>();
}
