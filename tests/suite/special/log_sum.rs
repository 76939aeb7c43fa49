//! Logarithms of sums, with their weights.

use estimand::ndarray::{Array1, ArrayRef1, Axis, array, s};
use estimand::rows::sum_coordinates;
use estimand::special::*;
use estimand::{Error, Real, ValueGrad, check};
use proptest::prelude::*;

use crate::support::near::{assert_eps, careful_sum, difference_limit};
use crate::support::strategy::config;

fn logits() -> impl Strategy<Value = Array1<f64>> {
    prop::collection::vec(-5.0..5.0_f64, 1..80).prop_map(Array1::from)
}

/// Roundings of the sum of n positive terms in 32 lanes joined in pairs, and of each term's
/// exponential, quotient and sum with the peak.
fn roundings(n: usize) -> f64 {
    n.div_ceil(32) as f64 + 5.0 + 4.0
}

/// ln sum of e^x, by its formula.
fn formula<F: Real>(x: &Array1<F>) -> f64 {
    careful_sum(x.iter().map(|x| x.as_f64().exp())).ln()
}

fn is_the_formula<F: Real>(x: &Array1<F>) {
    let expected = formula(x);
    let ValueGrad { value, grad } = log_sum_exp_grad(x);
    assert_eq!(value, log_sum_exp(x));
    let few = roundings(x.len());
    // peak + ln(1 + rest): a relative error of the sum is an absolute one of its logarithm.
    let peak = x.iter().fold(0.0_f64, |most, x| most.max(x.as_f64().abs()));
    assert_eps(value, expected, 1.0 + expected.abs() + peak, few / 2.0, "log_sum_exp");
    assert_eps(value - F::count(x.len()).ln(), log_mean_exp(x).unwrap().as_f64(), 1.0, 0.0, "log_mean_exp");
    assert_eq!(log_mean_exp_grad(x).unwrap().grad, grad);
    let log_softmax = log_softmax(x);
    for i in 0..x.len() {
        let log_weight = x[i].as_f64() - expected;
        // The gap to the peak is rounded, which moves its exponential by gap / 2 epsilons.
        assert_eps(grad[i], log_weight.exp(), log_weight.exp(), few + 5.0, "weight");
        assert_eps(log_softmax[i], log_weight, 1.0 + log_weight.abs(), few / 2.0, "log_softmax");
    }
    assert_eps(F::of(careful_sum(grad.iter().copied())), 1.0, 1.0, few, "sum of the weights");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_log_sums_are_their_formulas_where_those_hold(x in logits()) {
        is_the_formula::<f64>(&x);
        is_the_formula::<f32>(&x.mapv(|x| x as f32));
    }

    #[test]
    fn law_f32_agrees_with_f64(x in logits(), shift in -80.0..80.0_f64) {
        let x = x.mapv(|x| (16.0 * x + shift) as f32);
        let wide = x.mapv(f64::from);
        let (got, expected) = (log_sum_exp_grad(&x), log_sum_exp_grad(&wide));
        let few = roundings(x.len());
        let peak = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eps(got.value, expected.value, 1.0 + expected.value.abs() + peak.abs(), few / 2.0, "log_sum_exp");
        for i in 0..x.len() {
            let rounded_gap = 0.5 * (peak - wide[i]);
            assert_eps(got.grad[i], expected.grad[i], expected.grad[i] + 1e-38, few + rounded_gap, "weight");
            assert_eps(log_softmax(&x)[i], log_softmax(&wide)[i], 1.0 + peak - wide[i], few / 2.0, "log_softmax");
        }
    }

    /// Logits on a grid, and shifts that keep it: x + c is exact, so weights must not change at all.
    #[test]
    fn law_a_shift_moves_the_value_and_nothing_else(x in logits(), c in -1_000_000..1_000_000_i32) {
        let x = x.mapv(|x| (x * 1024.0).round() / 1024.0);
        let c = f64::from(c) / 1024.0;
        let moved = x.mapv(|x| x + c);
        let (here, there) = (log_sum_exp_grad(&x), log_sum_exp_grad(&moved));
        prop_assert_eq!(&here.grad, &there.grad);
        prop_assert!((there.value - here.value - c).abs() <= f64::EPSILON * (c.abs() + 2.0 * here.value.abs() + 10.0));
        prop_assert_eq!(log_softmax(&x), log_softmax(&moved));
        let d_y = x.mapv(f64::sin);
        prop_assert_eq!(log_softmax_pull_back(&x, &d_y), log_softmax_pull_back(&moved, &d_y));
    }

    #[test]
    fn law_an_order_of_the_terms_is_no_matter(x in logits(), turn in 0_usize..80) {
        let n = x.len();
        let turned = Array1::from_shape_fn(n, |i| x[(i + turn) % n]);
        let (here, there) = (log_sum_exp_grad(&x), log_sum_exp_grad(&turned));
        let off = (here.value - there.value).abs();
        prop_assert!(off <= f64::EPSILON * (roundings(n) + here.value.abs()));
        for i in 0..n {
            let (a, b) = (there.grad[i], here.grad[(i + turn) % n]);
            prop_assert!((a - b).abs() <= roundings(n) * f64::EPSILON * b);
        }
        let view = x.slice(s![..;-1]);
        let backwards = log_sum_exp_grad(&view);
        prop_assert_eq!(&backwards, &log_sum_exp_grad(&Array1::from(view.to_vec())));
    }

    #[test]
    fn law_the_weights_are_the_gradient(x in logits()) {
        let ValueGrad { value, grad } = log_sum_exp_grad(&x);
        // A step of 1/8 and more moves the value by as much as itself at most.
        let allowed = difference_limit::<f64>(value.abs() + 1.0, 1.0, 0.125);
        let agreement = check::gradient(log_sum_exp, &x, &grad).unwrap();
        prop_assert!(agreement.error <= allowed, "{agreement}");
        let mean = log_mean_exp_grad(&x).unwrap();
        let agreement = check::gradient(|x| log_mean_exp(x).unwrap(), &x, &mean.grad).unwrap();
        prop_assert!(agreement.error <= allowed, "{agreement}");
    }

    #[test]
    fn law_the_pull_back_is_the_gradient(x in logits(), seed in 0.1..2.0_f64) {
        let d_y = Array1::from_shape_fn(x.len(), |i| (1.0 + i as f64 * seed).sin());
        let ValueGrad { value, grad } = log_softmax_pull_back(&x, &d_y).unwrap();
        prop_assert_eq!(value, log_softmax(&x));
        let along = |x: &ArrayRef1<f64>| log_softmax(x).dot(&d_y);
        let agreement = check::gradient(along, &x, &grad).unwrap();
        // The size is that of the terms, which may cancel.
        let size = log_softmax(&x).iter().map(|y| y.abs() + 1.0).sum();
        prop_assert!(agreement.error <= difference_limit::<f64>(size, 1.0, 0.125), "{agreement}");
        // A common shift of x changes nothing, so a gradient sums to 0: the error is that of the
        // weights, whose sum is 1, times the sum of d_y, and that of n differences.
        let size = d_y.iter().map(|d| d.abs()).sum::<f64>();
        prop_assert!(grad.sum().abs() <= f64::EPSILON * size * (roundings(x.len()) + x.len() as f64));
    }

    #[test]
    fn law_a_mean_lies_between_least_and_largest(x in logits(), c in -1e4..1e4_f64) {
        let x = x.mapv(|x| x + c);
        let mean = log_mean_exp(&x).unwrap();
        let slack = f64::EPSILON * (c.abs() + 20.0);
        let least = x.iter().copied().fold(f64::INFINITY, f64::min);
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(least - slack <= mean && mean <= most + slack);
        // Jensen: never below the mean of the logarithms.
        prop_assert!(mean >= x.mean().unwrap() - 2.0 * slack);
    }
}

fn no_mass<F: Real>() {
    let (zero, inf) = (F::zero(), F::infinity());
    for n in [1, 2, 5, 33] {
        let x = Array1::from_elem(n, -inf);
        assert_eq!(log_sum_exp_grad(&x), ValueGrad { value: -inf, grad: Array1::zeros(n) });
        assert_eq!(log_mean_exp_grad(&x), Ok(ValueGrad { value: -inf, grad: Array1::zeros(n) }));
        assert_eq!(log_softmax(&x), x);
        let ones = Array1::ones(n);
        assert_eq!(log_softmax_pull_back(&x, &ones), Ok(ValueGrad { value: x, grad: ones }));
    }
    let none = Array1::<F>::zeros(0);
    assert_eq!(log_sum_exp_grad(&none), ValueGrad { value: -inf, grad: none.clone() });
    assert_eq!(log_sum_exp(&none), -inf);
    assert_eq!(log_mean_exp(&none), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    assert_eq!(log_mean_exp_grad(&none), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    assert_eq!(log_softmax(&none), none);
    assert_eq!(log_softmax_pull_back(&none, &none), Ok(ValueGrad { value: none.clone(), grad: none }));
    assert_eq!(log_sum_exp(&array![zero, -inf]), zero);
}

#[test]
fn hard_no_mass_and_no_terms() {
    no_mass::<f32>();
    no_mass::<f64>();
}

fn infinite_mass<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let (half, third) = (F::of(0.5), one / F::of(3.0));
    assert_eq!(log_sum_exp_grad(&array![one, inf, -inf]), ValueGrad { value: inf, grad: array![zero, one, zero] });
    assert_eq!(log_sum_exp_grad(&array![inf, one, inf]), ValueGrad { value: inf, grad: array![half, zero, half] });
    assert_eq!(log_sum_exp_grad(&array![inf, inf, inf]).grad, array![third, third, third]);
    assert_eq!(log_mean_exp(&array![inf, zero]), Ok(inf));
    assert_eq!(log_softmax(&array![zero, inf]), array![-inf, zero]);
    assert_eq!(log_softmax(&array![inf, -inf, inf]), array![half.ln(), -inf, half.ln()]);
}

#[test]
fn hard_infinite_entries_share_the_weight() {
    infinite_mass::<f32>();
    infinite_mass::<f64>();
}

/// A class of logit -inf has no weight, and no say in the gradient of the others.
fn masked<F: Real>() {
    let (one, two, inf) = (F::one(), F::of(2.0), F::infinity());
    let open = array![one, two];
    for at in 0..3 {
        let mut x = open.to_vec();
        x.insert(at, -inf);
        let mut d_y = vec![one, -two];
        d_y.insert(at, F::zero());
        let masked = log_softmax_pull_back(&Array1::from(x.clone()), &Array1::from(d_y)).unwrap();
        let mut free = log_softmax_pull_back(&open, &array![one, -two]).unwrap();
        let mut whole = log_sum_exp_grad(&Array1::from(x));
        assert_eq!(whole.value, log_sum_exp(&open));
        assert_eq!(whole.grad[at], F::zero());
        assert_eq!((masked.value[at], masked.grad[at]), (-inf, F::zero()));
        for k in [&mut free.value, &mut free.grad, &mut whole.grad] {
            assert!(k.iter().all(|x| x.is_finite()));
        }
        let others: Vec<usize> = (0..3).filter(|&i| i != at).collect();
        assert_eq!(masked.value.select(Axis(0), &others), free.value);
        assert_eq!(masked.grad.select(Axis(0), &others), free.grad);
    }
}

#[test]
fn hard_a_masked_class_has_no_say() {
    masked::<f32>();
    masked::<f64>();
}

fn nan_stays<F: Real>() {
    let (one, inf, nan) = (F::one(), F::infinity(), F::nan());
    for x in [
        vec![nan],
        vec![nan, one],
        vec![one, nan],
        vec![inf, nan],
        vec![nan, inf],
        vec![-inf, nan],
        vec![nan, nan, -inf],
        [vec![one; 40], vec![nan], vec![inf; 40]].concat(),
    ] {
        let x = Array1::from(x);
        let ValueGrad { value, grad } = log_sum_exp_grad(&x);
        assert!(value.is_nan() && grad.iter().all(|w| w.is_nan()), "{x}: {value}, {grad}");
        assert!(log_mean_exp(&x).unwrap().is_nan());
        assert!(log_softmax(&x).iter().all(|y| y.is_nan()), "{x}");
        let pulled = log_softmax_pull_back(&x, &Array1::ones(x.len())).unwrap();
        assert!(pulled.value.iter().chain(&pulled.grad).all(|y| y.is_nan()), "{x}");
    }
    let pulled = log_softmax_pull_back(&array![one, one], &array![nan, one]).unwrap();
    assert!(pulled.value.iter().all(|y| y.is_finite()) && pulled.grad.iter().all(|d| d.is_nan()));
}

#[test]
fn hard_nan_in_is_nan_out() {
    nan_stays::<f32>();
    nan_stays::<f64>();
}

fn one_term<F: Real>() {
    for x in [F::zero(), F::of(1e4), F::of(-1e4), F::min_positive_value(), F::max_value(), -F::max_value()] {
        let alone = array![x];
        assert_eq!(log_sum_exp_grad(&alone), ValueGrad { value: x, grad: array![F::one()] });
        assert_eq!(log_mean_exp(&alone), Ok(x));
        assert_eq!(log_softmax(&alone), array![F::zero()]);
        assert_eq!(log_softmax_pull_back(&alone, &array![F::of(3.0)]).unwrap().grad, array![F::zero()]);
    }
}

#[test]
fn hard_one_term_is_itself() {
    one_term::<f32>();
    one_term::<f64>();
}

/// A million terms in f32: blocks of 4096 in 32 lanes are 128 + 5 additions, and 256 blocks 8 more,
/// half an epsilon of the sum each. Lanes alone, 32768 terms in each, drift further than that.
#[test]
fn hard_a_million_terms_in_f32() {
    let (n, few) = (1 << 20, 0.5 * (128.0 + 5.0 + 8.0));
    let ramp = Array1::from_shape_fn(n, |i| (i % 1000) as f32 / 256.0);
    let mut below_a_peak = Array1::from_elem(n, -2.3_f32);
    below_a_peak[n / 3] = 0.0;
    for x in [Array1::zeros(n), ramp, below_a_peak.clone()] {
        let ValueGrad { value, grad } = log_sum_exp_grad(&x);
        // An exponential is good to an epsilon; a relative error of the sum is an absolute one here.
        let expected = formula(&x);
        assert_eps(value, expected, 1.0, few + 1.0 + expected.abs(), "log_sum_exp");
        assert_eps(careful_sum(grad) as f32, 1.0, 1.0, few + 2.0, "the weights' sum");
        assert_eq!(log_sum_exp(&x), value);
    }
    let terms: Vec<f32> = below_a_peak.iter().map(|x| x.exp()).collect();
    let (exact, lanes) =
        (careful_sum(terms.iter().copied()), sum_coordinates::<false, _, 1, 0>([&terms], [], |[x]| (x, [])));
    let off = (f64::from(lanes) / exact - 1.0).abs() / f64::from(f32::EPSILON);
    assert!(off > few + 2.0, "lanes alone would do: {off}");
}

fn far_apart<F: Real>() {
    let (zero, one, far) = (F::zero(), F::one(), F::of(1e4));
    assert_eq!(log_sum_exp_grad(&array![far, -far]), ValueGrad { value: far, grad: array![one, zero] });
    assert_eq!(log_sum_exp_grad(&array![-far, far]), ValueGrad { value: far, grad: array![zero, one] });
    assert_eq!(log_sum_exp(&array![far, far]), far + F::LN_2());
    assert_eq!(log_sum_exp(&array![-far, -far]), -far + F::LN_2());
    assert_eq!(log_softmax(&array![-far, far]), array![-far - far, zero]);
    let widest = array![F::max_value(), -F::max_value()];
    assert_eq!(log_sum_exp_grad(&widest), ValueGrad { value: F::max_value(), grad: array![one, zero] });
    // The peak is taken out and the others are summed, wherever the peak stands: ln(1 + e^-50 + e^-51).
    let small = F::of(-50.0).exp() + F::of(-51.0).exp();
    for x in
        [[zero, F::of(-50.0), F::of(-51.0)], [F::of(-50.0), zero, F::of(-51.0)], [F::of(-50.0), F::of(-51.0), zero]]
    {
        assert_eq!(log_sum_exp(&Array1::from(x.to_vec())), small);
    }
}

#[test]
fn hard_logits_of_1e4_and_more() {
    far_apart::<f32>();
    far_apart::<f64>();
}

/// ln of a probability close to 1 is -(the others), whatever the size of the logits.
fn a_sure_class<F: Real>() {
    for shift in [0.0, 1024.0, -1024.0] {
        let x = array![F::of(shift), F::of(shift - 20.0), F::of(shift - 30.0)];
        let expected = -((-20.0_f64).exp() + (-30.0_f64).exp()).ln_1p();
        assert_eps(log_softmax(&x)[0], expected, expected, 3.0, format!("log_softmax at {shift}"));
        let pulled = log_softmax_pull_back(&x, &array![F::zero(), F::zero(), F::zero()]).unwrap();
        assert_eq!(pulled.value, log_softmax(&x));
    }
}

#[test]
fn hard_a_sure_class_keeps_its_digits() {
    a_sure_class::<f32>();
    a_sure_class::<f64>();
}

#[test]
fn hard_every_stride() {
    let x = array![0.5, -1.0, 2.0, 0.25, -0.75, 1.5];
    let d_y = array![1.0, 0.0, -1.0, 2.0, 0.5, 0.25];
    for step in [1, 2, 3, -1, -2, -3] {
        let (x, d_y) = (x.slice(s![..;step]), d_y.slice(s![..;step]));
        let (plain, plain_d_y) = (Array1::from(x.to_vec()), Array1::from(d_y.to_vec()));
        assert_eq!(log_sum_exp_grad(&x), log_sum_exp_grad(&plain), "stride {step}");
        assert_eq!(log_mean_exp_grad(&x), log_mean_exp_grad(&plain), "stride {step}");
        assert_eq!(log_softmax(&x), log_softmax(&plain), "stride {step}");
        assert_eq!(log_softmax_pull_back(&x, &d_y), log_softmax_pull_back(&plain, &plain_d_y), "stride {step}");
    }
    let broadcast = Array1::from_elem(1, 1.0);
    assert_eq!(log_sum_exp(&broadcast.broadcast(4).unwrap()), 1.0 + 3.0_f64.ln_1p());
}

#[test]
fn hard_shapes_of_the_pull_back() {
    let shape = |n, k| Error::Shape { name: "d_y", got: vec![n], expected: vec![k] };
    for (k, n) in [(2, 1), (2, 3), (0, 1), (1, 0)] {
        let refused = log_softmax_pull_back(&Array1::<f32>::zeros(k), &Array1::zeros(n));
        assert_eq!(refused, Err(shape(n, k)));
    }
}
