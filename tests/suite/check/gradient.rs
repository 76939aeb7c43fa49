//! Derivatives by differences, and gradients held against them.

use estimand::check::{Agreement, Difference, derivative, gradient, gradient_with_step};
use estimand::ndarray::{Array1, ArrayRef1, array};
use estimand::special::logit;
use estimand::{Error, Real};
use proptest::prelude::*;

use crate::support::near::difference_limit;
use crate::support::strategy::config;

/// A function, its derivative, and where both are smooth on the scale of a step.
type Known = (&'static str, fn(f64) -> f64, fn(f64) -> f64, f64, f64);

const KNOWN: [Known; 10] = [
    ("constant", |_| 3.0, |_| 0.0, -2.0, 2.0),
    ("line", |x| 3.0 * x - 1.0, |_| 3.0, -2.0, 2.0),
    ("power", |x| x.powi(5), |x| 5.0 * x.powi(4), -2.0, 2.0),
    ("inverse", |x| 1.0 / x, |x| -1.0 / (x * x), 1.0, 5.0),
    ("root", f64::sqrt, |x| 0.5 / x.sqrt(), 0.5, 5.0),
    ("exp", f64::exp, f64::exp, -3.0, 3.0),
    ("ln", f64::ln, |x| 1.0 / x, 0.5, 5.0),
    ("sine", f64::sin, f64::cos, -6.0, 6.0),
    ("tanh", f64::tanh, |x| 1.0 / x.cosh().powi(2), -3.0, 3.0),
    ("bell", |x| (-0.5 * x * x).exp(), |x| -x * (-0.5 * x * x).exp(), -3.0, 3.0),
];

/// The error of a derivative, as a part of what it may be.
fn error_of<F: Real>(&(_, f, slope, low, high): &Known, at: f64) -> f64 {
    let x = F::of(low + at * (high - low));
    let step = F::of(0.125) * x.abs().max(F::one());
    let got = derivative(|x: F| F::of(f(x.as_f64())), x, step).unwrap();
    let (x, step) = (x.as_f64(), step.as_f64());
    let size = [x - step, x, x + step].into_iter().fold(0.0_f64, |size, x| size.max(f(x).abs()));
    (got.value.as_f64() - slope(x)).abs() / difference_limit::<F>(size, slope(x), step)
}

/// eps^(4/5) of the size, but at a few points in a thousand, where two orders agree by accident.
fn resolves<F: Real>() {
    for known in &KNOWN {
        let errors: Vec<f64> = (0..=2000).map(|k| error_of::<F>(known, f64::from(k) / 2000.0)).collect();
        let worst = errors.iter().copied().fold(0.0, f64::max);
        assert!(worst <= 1.0, "{}: {worst}", known.0);
        let resolution = F::epsilon().as_f64().powf(4.0 / 5.0 - 2.0 / 3.0);
        let beyond = errors.iter().filter(|&&e| e > resolution).count();
        assert!(beyond <= 10, "{}: {beyond} points of 2000 beyond the resolution", known.0);
    }
}

#[test]
fn law_known_derivatives_are_resolved() {
    resolves::<f32>();
    resolves::<f64>();
}

/// sum over j of x_j^2 x_(j+1) / 2 + cos x_j, in a circle.
fn circle<F: Real>(x: &ArrayRef1<F>) -> F {
    let d = x.len();
    (0..d).map(|j| F::of(0.5) * x[j] * x[j] * x[(j + 1) % d] + x[j].cos()).sum()
}

fn circle_gradient<F: Real>(x: &ArrayRef1<F>) -> Array1<F> {
    let d = x.len();
    Array1::from_shape_fn(d, |j| {
        let before = x[(j + d - 1) % d];
        x[j] * x[(j + 1) % d] + F::of(0.5) * before * before - x[j].sin()
    })
}

/// The error that differences of `circle` may have: |x| < 2, so a coordinate adds at most 5.
fn allowed<F: Real>(d: usize) -> f64 {
    difference_limit::<F>(5.0 * d as f64, 8.0, 0.125)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_right_gradient_passes(x in prop::collection::vec(-1.5..1.5_f64, 1..8)) {
        fn passes<F: Real>(x: &[f64]) -> (Agreement<F>, f64) {
            let x: Array1<F> = x.iter().map(|&x| F::of(x)).collect();
            (gradient(circle, &x, &circle_gradient(&x)).unwrap(), allowed::<F>(x.len()))
        }
        let (wide, allowed) = passes::<f64>(&x);
        prop_assert!(wide.error <= allowed, "{wide}");
        let (narrow, allowed) = passes::<f32>(&x);
        prop_assert!(f64::from(narrow.error) <= allowed, "{narrow}");
    }

    /// Each call moves one coordinate at most, by at most the step.
    #[test]
    fn law_one_coordinate_moves_at_a_time(x in prop::collection::vec(-5.0..5.0_f64, 1..6)) {
        let x = Array1::from(x);
        let mut calls = 0;
        let f = |at: &ArrayRef1<f64>| {
            let moved: Vec<usize> = (0..x.len()).filter(|&j| at[j] != x[j]).collect();
            assert!(moved.len() <= 1, "{moved:?} moved");
            for j in moved {
                let size = x[j].abs().max(1.0);
                assert!((at[j] - x[j]).abs() <= 0.125 * size + 2.0 * f64::EPSILON * size);
            }
            calls += 1;
            at.sum()
        };
        let agreement = gradient(f, &x, &Array1::ones(x.len())).unwrap();
        prop_assert!(agreement.within(1e-10), "{agreement}");
        prop_assert!(calls >= 2 * x.len());
    }
}

/// Terms of one size in every coordinate, so that the wrong one is the worst.
fn wrong_by<F: Real>(part: f64) {
    let x: Array1<F> = array![0.3, -0.2, 0.5, 0.1].mapv(F::of);
    let f = |x: &ArrayRef1<F>| x.iter().map(|x| x.sin()).sum();
    let right = x.mapv(F::cos);
    for j in 0..4 {
        for sign in [1.0, -1.0] {
            let mut wrong = right.clone();
            wrong[j] *= F::of(1.0 + sign * part);
            let agreement = gradient(f, &x, &wrong).unwrap();
            assert_eq!((agreement.worst, agreement.given), (j, wrong[j]), "{agreement}");
            assert!(!agreement.within(F::of(0.5 * part)) && agreement.within(F::of(1.5 * part)), "{agreement}");
            assert!(agreement.to_string().starts_with(&format!("worst at coordinate {j}: ")), "{agreement}");
        }
    }
    assert!(gradient(f, &x, &right).unwrap().within(F::of(0.1 * part)));
}

#[test]
fn hard_one_coordinate_wrong_by_a_millionth_is_named() {
    wrong_by::<f64>(1e-6);
    wrong_by::<f32>(1e-3);
}

/// The scale is the largest derivative of all, also one that is met after the worst.
#[test]
fn hard_the_scale_is_of_all_coordinates() {
    let f = |x: &ArrayRef1<f64>| 2.0 * x[0] - 64.0 * x[1] + 8.0 * x[2];
    let agreement = gradient(f, &array![0.5, 0.5, 0.5], &array![3.0, -64.0, 8.0]).unwrap();
    assert_eq!((agreement.worst, agreement.error, agreement.scale), (0, 1.0, 64.0));
    assert_eq!(agreement.relative_error(), 1.0 / 64.0);
    assert!(agreement.within(1.0 / 64.0) && !agreement.within(0.999 / 64.0));
}

#[test]
fn hard_a_constant_has_no_scale() {
    let at = array![1.0_f64, 2.0];
    let right = gradient(|_| 5.0, &at, &array![0.0, 0.0]).unwrap();
    assert_eq!((right.error, right.scale, right.relative_error()), (0.0, 0.0, 0.0));
    assert!(right.within(0.0) && right.within(1e-6));
    let wrong = gradient(|_| 5.0, &at, &array![0.0, 1e-300]).unwrap();
    assert_eq!((wrong.worst, wrong.relative_error()), (1, f64::INFINITY));
    // What differences cannot tell passes, and nothing else, whatever the tolerance.
    assert!(wrong.within(0.0));
    let wrong = gradient(|_| 5.0, &at, &array![0.0, 1e-9]).unwrap();
    assert!(!wrong.within(1e300));
}

fn never_passes<F: Real>(agreement: &Agreement<F>) {
    for tolerance in [F::zero(), F::one(), F::max_value(), F::infinity()] {
        assert!(!agreement.within(tolerance), "{agreement}");
    }
    assert!(agreement.relative_error().is_nan(), "{agreement}");
}

fn nan_never_passes<F: Real>() {
    let (zero, one, nan) = (F::zero(), F::one(), F::nan());
    let at = array![one, one, one];
    let f = |x: &ArrayRef1<F>| x.sum();
    // In the gradient: the first is named, whatever else is wrong.
    let agreement = gradient(f, &at, &array![F::of(1e6), nan, nan]).unwrap();
    assert_eq!(agreement.worst, 1);
    never_passes(&agreement);
    // In the function, everywhere or along one coordinate.
    let nowhere = gradient(|_| nan, &at, &Array1::zeros(3)).unwrap();
    assert_eq!(nowhere.worst, 0);
    never_passes(&nowhere);
    let along = |x: &ArrayRef1<F>| if x[2] == one { x.sum() } else { nan };
    let agreement = gradient(along, &at, &array![F::of(9.0), zero, one]).unwrap();
    assert_eq!(agreement.worst, 2);
    never_passes(&agreement);
    // At the point itself.
    let refused = gradient(f, &array![one, nan, one], &Array1::ones(3)).unwrap_err();
    assert_eq!(refused.to_string(), "`x` is NaN at [1], expected a finite number");
}

#[test]
fn hard_nan_in_function_gradient_or_point_never_passes() {
    nan_never_passes::<f32>();
    nan_never_passes::<f64>();
}

fn infinity_never_passes<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let at = array![zero, one];
    // An infinite jump has no derivative: no gradient agrees with it, and it lends no scale to others.
    for given in [zero, one, inf, -inf] {
        let jump = |x: &ArrayRef1<F>| if x[0] > zero { inf } else { x[1] };
        let agreement = gradient(jump, &at, &array![given, one]).unwrap();
        assert_eq!(agreement.worst, 0);
        never_passes(&agreement);
        let flat = gradient(|_| inf, &at, &array![given, one]).unwrap();
        never_passes(&flat);
    }
    let slope = derivative(|x| if x > zero { inf } else { zero }, zero, one).unwrap();
    assert!(slope.value.is_nan() && slope.error == inf, "{slope:?}");
    // Finite at the first steps, infinite at the shorter ones.
    for edge in [0.9, 0.5, 0.3] {
        let slope = derivative(|x| if x > zero && x < F::of(edge) { inf } else { x }, zero, one).unwrap();
        assert!(slope.value.is_finite() && slope.error == inf, "{edge}: {slope:?}");
    }
    // An infinite gradient of a finite function.
    for given in [inf, -inf] {
        let agreement = gradient(|x| x.sum(), &at, &array![given, one]).unwrap();
        assert_eq!((agreement.worst, agreement.error), (0, inf));
        assert!(!agreement.within(F::max_value() / F::of(4.0)), "{agreement}");
    }
}

#[test]
fn hard_an_infinity_never_passes() {
    infinity_never_passes::<f32>();
    infinity_never_passes::<f64>();
}

/// Points so near the edge of a domain that the first step leaves it. The shortened step may end
/// just inside, where a root bends most: then the differences know less, and say so.
#[test]
fn hard_the_edge_of_a_domain() {
    let agrees = |agreement: Agreement<f64>| {
        let doubt = agreement.difference.error / agreement.scale;
        assert!(doubt < 1e-3 && agreement.within(doubt.max(1e-8)), "{agreement}");
    };
    for near in [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-9] {
        let x = array![near, 2.0_f64];
        let entropy = |x: &ArrayRef1<f64>| x.iter().map(|x| -x * x.ln()).sum();
        agrees(gradient(entropy, &x, &x.mapv(|x| -x.ln() - 1.0)).unwrap());
        agrees(gradient(|x| x[0].sqrt(), &array![near], &array![0.5 / near.sqrt()]).unwrap());
        agrees(gradient(|p| logit(p[0]), &array![near], &array![1.0 / (near * (1.0 - near))]).unwrap());
    }
    for near in [1e-1_f32, 1e-3] {
        let agreement = gradient(|x| x[0].ln(), &array![near], &array![1.0 / near]).unwrap();
        assert!(agreement.within(1e-3), "f32, ln at {near}: {agreement}");
    }
    assert!(derivative(f64::ln, 0.0, 0.1).unwrap().value.is_nan());
    assert!(derivative(f64::ln, -1.0, 0.1).unwrap().value.is_nan());
}

/// A kink within the step spoils the answer; a step below the distance to it does not.
#[test]
fn hard_a_kink_asks_for_a_short_step() {
    let hinge = |x: &ArrayRef1<f64>| x.iter().map(|&x| if x > 0.0 { x * x } else { -3.0 * x }).sum();
    let x = array![0.04, -0.06];
    let right = array![0.08, -3.0];
    assert!(!gradient(hinge, &x, &right).unwrap().within(1e-3));
    let agreement = gradient_with_step(hinge, &x, &right, 0.03).unwrap();
    assert!(agreement.within(1e-11), "{agreement}");
    let narrow = |x: &ArrayRef1<f32>| x.iter().map(|x| x.abs()).sum();
    let agreement = gradient_with_step(narrow, &array![0.05, -0.02], &array![1.0, -1.0], 0.01).unwrap();
    assert!(agreement.within(1e-5), "{agreement}");
}

/// A wave whose slopes over the first two steps are equal, far from the derivative: sinc y is the
/// same at y and y / 1.6.
#[test]
fn hard_two_steps_that_agree_by_accident() {
    let gap = |y: f64| y.sin() / y - (y / 1.6).sin() / (y / 1.6);
    let (mut low, mut high) = (5.0, 6.0);
    assert!(gap(low) < 0.0 && gap(high) > 0.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if gap(middle) < 0.0 { low = middle } else { high = middle }
    }
    let rate = 0.5 * (low + high) / 0.125;
    let slope = derivative(|x: f64| (rate * x).sin(), 0.0, 0.125).unwrap();
    assert!((slope.value - rate).abs() <= 1e-8 * rate, "{slope:?}, not {rate}");
    let slope = derivative(|x: f32| (rate as f32 * x).sin(), 0.0, 0.125).unwrap();
    assert!((f64::from(slope.value) - rate).abs() <= 1e-3 * rate, "{slope:?}, not {rate}");
}

/// The step grows with the point: at 1e6 a step of 1/8 would drown in rounding.
#[test]
fn hard_points_of_every_size() {
    for size in [1e-6_f64, 1e-3, 1.0, 1e3, 1e6, 1e12] {
        let x = array![size, -size];
        let agreement = gradient(|x| x[0] * x[0] * x[1], &x, &array![-2.0 * size * size, size * size]).unwrap();
        assert!(agreement.error <= 1e-10 * (size * size + 1.0) * size.max(1.0), "{size}: {agreement}");
    }
    let agreement = gradient(|x| x[0] * x[0], &array![1e4_f32], &array![2e4]).unwrap();
    assert!(agreement.within(1e-4), "{agreement}");
}

#[test]
fn hard_shapes_and_steps_are_refused() {
    let f = |x: &ArrayRef1<f64>| x.sum();
    let x = array![1.0, 2.0];
    for n in [0, 1, 3] {
        let refused = Error::Shape { name: "grad", got: vec![n], expected: vec![2] };
        assert_eq!(gradient(f, &x, &Array1::zeros(n)), Err(refused.clone()));
        assert_eq!(gradient_with_step(f, &x, &Array1::zeros(n), 0.1), Err(refused));
    }
    let none = Array1::<f64>::zeros(0);
    assert_eq!(gradient(f, &none, &none), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    let expected = "a positive, finite number";
    for step in [0.0, -0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = Error::Parameter { name: "step", value: step, expected };
        assert_eq!(derivative(|x: f64| x, 1.0, step), Err(refused.clone()));
        assert_eq!(gradient_with_step(f, &x, &x, step), Err(refused));
    }
    let refused = derivative(|x: f32| x, 1.0, f32::NAN).unwrap_err();
    assert_eq!(refused.to_string(), "`step` is NaN, expected a positive, finite number");
}

/// 2 x has the slope 2 over every step, to the last bit.
#[test]
fn hard_an_agreement_says_the_worst_coordinate() {
    let agreement = gradient(|x| 2.0 * x[1], &array![0.5, 0.5], &array![0.0, 3.0]).unwrap();
    let difference = Difference { value: 2.0, error: 0.0 };
    // f is 1, the step 1/8.
    let resolution = 32.0 * f64::EPSILON * 8.0;
    assert_eq!(agreement, Agreement { worst: 1, given: 3.0, difference, error: 1.0, scale: 2.0, resolution });
    let said = "worst at coordinate 1: gradient 3e0, differences 2e0 +- 0e0; \
                error 1e0 where the largest derivative is 2e0";
    assert_eq!(agreement.to_string(), said);
}

/// Where all derivatives are 0 there is no scale: what counts is the rounding of f over the step.
#[test]
fn hard_a_right_gradient_at_a_stationary_point() {
    let f = |x: &ArrayRef1<f64>| 1.0 + x[0].cos() + (2.0 * x[1]).cos();
    let agreement = gradient(f, &array![0.0, 0.0], &array![0.0, 1e-16]).unwrap();
    assert!(agreement.within(1e-9), "{agreement}");
    let agreement = gradient(f, &array![0.0, 0.0], &array![0.0, 1e-6]).unwrap();
    assert!(!agreement.within(1e-9), "{agreement}");
}

#[test]
fn hard_a_point_that_is_not_finite() {
    let f = |x: &ArrayRef1<f64>| x.sum();
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        let error = Error::Entry { name: "x", index: vec![1], value, expected: "a finite number" };
        assert_eq!(gradient(f, &array![1.0, value], &array![1.0, 1.0]), Err(error));
    }
}
