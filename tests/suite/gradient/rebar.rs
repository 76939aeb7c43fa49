use estimand::check::{Exact, Nodes, Verdict, oracle, unbiased};
use estimand::gradient::{Bias, Conditional, Enumeration, Plan, Rebar};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Error, Perturb, Transform, ValueGrad};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::relax::uniform_of_bit;
use crate::support::quadrature::integral;

/// Of one estimate of the derivative of E (b - t)^2 by the logit, as the plain score function has it.
const REINFORCE: f64 = 0.015_939_1;

/// sum of (x_j - t)^2 with its slopes.
fn square(t: f64) -> impl Fn(ArrayView2<'_, f64>) -> ValueGrad<Array1<f64>, Array2<f64>> {
    move |x| ValueGrad {
        value: x.map_axis(Axis(1), |x| x.iter().map(|x| (x - t).powi(2)).sum()),
        grad: x.mapv(|x| 2.0 * (x - t)),
    }
}

/// One bit, exactly, over the noise of the sample and of what is given it.
fn toy(theta: f64, t: f64, temperature: f64, eta: f64, common: bool) -> Exact {
    let logit = f64::ln(theta / (1.0 - theta));
    let (u, v) = (uniform_of_bit(logit, 60), Nodes::uniform(&[], 60).unwrap());
    let nodes: &[&Nodes] = if common { &[&u] } else { &[&u, &v] };
    oracle(nodes, nodes.len(), |noise: Array2<f64>| {
        let q = Bernoulli::identical(&array![logit], noise.nrows())?;
        let of = |j: usize| noise.column(j).to_owned().insert_axis(Axis(1));
        let conditional = if common { Conditional::Common } else { Conditional::Independent(of(1)) };
        Rebar::propose(&q, of(0), conditional, temperature)?.with_eta(eta)?.rows_with(square(t))
    })
    .unwrap()
}

/// Which number the conditional relaxation is made of.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    Free,
    Matched,
    Global,
}

/// The same by integrals that share nothing with the code: b = 1 where u > 1 - theta, the relaxation of logit(u), and of
/// logit(u~) with u~ uniform on what makes b. Mean and variance at eta = 1.
fn by_hand(theta: f64, t: f64, temperature: f64, second: Second) -> (f64, f64) {
    let l = f64::ln(theta / (1.0 - theta));
    let relaxed = |u: f64| {
        let z = l + (u / (1.0 - u)).ln();
        let y = 1.0 / (1.0 + (-z / temperature).exp());
        (y, y * (1.0 - y) / temperature)
    };
    let row = |u: f64, v: f64| {
        let bit = if u > 1.0 - theta { 1.0 } else { 0.0 };
        let given = if bit == 1.0 { 1.0 - theta * (1.0 - v) } else { v * (1.0 - theta) };
        // d logit(u~) / dl + 1, with v held.
        let moves = if bit == 1.0 { 1.0 - (1.0 - theta) / given } else { 1.0 - theta / (1.0 - given) };
        let ((y, path), (y_given, path_given)) = (relaxed(u), relaxed(given));
        let score = bit - theta;
        let f = |x: f64| (x - t).powi(2);
        let slope = |x: f64| 2.0 * (x - t);
        (f(bit) - f(y_given)) * score + slope(y) * path - slope(y_given) * path_given * moves
    };
    let over = |f: &dyn Fn(f64) -> f64| {
        integral(&[0.0, 1.0 - theta, 1.0], |u| match second {
            Second::Free => integral(&[0.0, 1.0], |v| f(row(u, v))),
            Second::Matched if u > 1.0 - theta => f(row(u, (u - (1.0 - theta)) / theta)),
            Second::Matched => f(row(u, u / (1.0 - theta))),
            Second::Global => f(row(u, u)),
        })
    };
    let mean = over(&|row| row);
    (mean, over(&|row| (row - mean).powi(2)))
}

/// The toy of REBAR and RELAX, at both temperatures, with an independent second number and with the common one.
#[test]
fn ref_rebar_of_a_binary_toy_with_both_couplings() {
    for (temperature, common, printed) in
        [(0.5, false, 0.022_65), (0.5, true, 0.024_07), (1.0, false, 0.018_49), (1.0, true, 0.017_92)]
    {
        let exact = toy(0.5, 0.45, temperature, 1.0, common);
        let (mean, variance) = by_hand(0.5, 0.45, temperature, if common { Second::Matched } else { Second::Free });
        assert!((exact.mean[0] - 0.025).abs() < 1e-9, "{temperature} {common}: {}", exact.mean[0]);
        assert!((mean - 0.025).abs() < 1e-9, "{mean}");
        assert!((exact.variance[0] - variance).abs() < 1e-9, "{} {variance}", exact.variance[0]);
        assert!((exact.variance[0] - printed).abs() < 5e-6, "{} {printed}", exact.variance[0]);
    }
    // With the sample's own number as the second one, unmatched, it is biased.
    let (global, _) = by_hand(0.5, 0.45, 0.5, Second::Global);
    let u = uniform_of_bit(0.0, 60);
    let found = oracle(&[&u], 1, |noise: Array2<f64>| {
        let q = Bernoulli::identical(&array![0.0], noise.nrows())?;
        Rebar::propose(&q, noise.clone(), Conditional::Independent(noise), 0.5)?.rows_with(square(0.45))
    });
    let found = found.unwrap().mean[0];
    assert!((found - global).abs() < 1e-9 && (found - 0.020_8).abs() < 5e-5, "{found} {global}");
}

#[test]
fn ref_rebar_is_worse_than_reinforce_at_its_default() {
    for (temperature, common) in [(0.5, false), (0.5, true), (1.0, false), (1.0, true)] {
        let variance = toy(0.5, 0.45, temperature, 1.0, common).variance[0];
        assert!(variance > 1.1 * REINFORCE, "{variance}");
    }
}

/// A weight of the control mends it: a parabola in eta, of which three points tell the lowest, and beyond which is more.
#[test]
fn ref_the_best_eta_of_the_toy() {
    for (temperature, weight, variance) in [(0.5, 0.022_449, 0.015_936), (1.0, 0.055_070, 0.015_930)] {
        let at = |eta: f64| toy(0.5, 0.45, temperature, eta, false).variance[0];
        let [none, half, one] = [0.0, 0.5, 1.0].map(at);
        assert!((none - REINFORCE).abs() < 5e-8, "without the control it is the score function: {none}");
        let curvature = 2.0 * (none - 2.0 * half + one);
        let best = 0.5 - 0.5 * (one - none) / curvature;
        let least = at(best);
        // By Gauss-Legendre rules in another language, of the integrand of `by_hand`.
        assert!((best - weight).abs() < 1e-6 && (least - variance).abs() < 1e-6, "{best} {least}");
        // What samples find, 16 times.
        let q = Bernoulli::shared(array![0.0_f64], 20_000).unwrap();
        let found = |s: u64| {
            let [noise, other] = [0, 1].map(|k| q.noise(&mut ChaCha8Rng::seed_from_u64(2 * s + k)));
            let plan = Rebar::propose(&q, noise, Conditional::Independent(other), temperature).unwrap();
            plan.best_eta(&square(0.45)(plan.points())).unwrap()
        };
        let found: Array1<f64> = (0..16).map(found).collect();
        let error = found.std(1.0) / 4.0;
        // Student's t with 15 degrees of freedom: 13.2 standard errors at 1e-9.
        assert!((found.mean().unwrap() - best).abs() < 13.2 * error, "{found} {best}");
        assert!((found.mean().unwrap() + best).abs() > 13.2 * error, "one of the other sign is seen: {best} {error}");
    }
}

/// The exact gradient has theta (1 - theta), not theta alone.
#[test]
fn hard_relax_rebar_toy() {
    let difference = (1.0_f64 - 0.45).powi(2) - 0.45_f64.powi(2);
    for theta in [0.5, 0.1, 0.8] {
        let found = toy(theta, 0.45, 1.0, 0.7, false).mean[0];
        assert!((found - theta * (1.0 - theta) * difference).abs() < 1e-9, "{found}");
        assert!((found - theta * difference).abs() > 1e-3);
    }
}

/// Of common noise the mean square moves with the temperature alone: differences of samples have the derivative's mean.
#[test]
fn stat_the_slope_in_the_temperature_by_common_noise() {
    let (n, step) = (20_000, 0.02_f64);
    let square_at = |plan: &Rebar<'_, f64, Bernoulli<'_, f64>>, t: f64| {
        let plan = plan.with_temperature(t).unwrap();
        plan.mean_square(&square(0.45)(plan.points())).unwrap()
    };
    let exact = |t: f64| toy(0.5, 0.45, t, 1.0, false).variance[0];
    let q = Bernoulli::shared(array![0.0_f64], n).unwrap();
    let slopes: Vec<f64> = (0..16)
        .map(|s| {
            let [noise, other] = [0, 1].map(|k| q.noise(&mut ChaCha8Rng::seed_from_u64(100 + 2 * s + k)));
            let plan = Rebar::propose(&q, noise, Conditional::Independent(other), 0.7).unwrap();
            (square_at(&plan, 0.7 * step.exp()) - square_at(&plan, 0.7 * (-step).exp())) / (2.0 * step)
        })
        .collect();
    let slopes = Array1::from(slopes);
    let (mean, error) = (slopes.mean().unwrap(), slopes.std(1.0) / 4.0);
    let want = (exact(0.7 * step.exp()) - exact(0.7 * (-step).exp())) / (2.0 * step);
    // Student's t with 15 degrees of freedom: 13.2 standard errors at 1e-9.
    assert!((mean - want).abs() < 13.2 * error, "{mean} {want} {error}");
    assert!(want.abs() > 30.0 * error, "a slope of 0 is seen: {want} {error}");
}

#[test]
fn stat_rebar_misses_nothing() {
    fn sampled<D: Perturb<f64>>(q: &D, seed: u64, cost: Cost) -> Array2<f64> {
        let [noise, other] = [0, 1].map(|s| q.noise(&mut ChaCha8Rng::seed_from_u64(seed + s)));
        Rebar::propose(q, noise, Conditional::Independent(other), 0.5).unwrap().rows_with(cost).unwrap()
    }
    type Cost = fn(ArrayView2<'_, f64>) -> ValueGrad<Array1<f64>, Array2<f64>>;
    let problems: [Cost; 3] = [
        |x| square(0.3)(x),
        |x| ValueGrad {
            value: x.map_axis(Axis(1), |x| x[0] * x[3] - 2.0 * x[1]),
            grad: Array2::from_shape_fn(x.dim(), |(i, j)| [x[[i, 3]], -2.0, 0.0, x[[i, 0]]][j]),
        },
        |x| {
            let value = x.map_axis(Axis(1), |x| (x[0] - x[2]).exp());
            let grad = Array2::from_shape_fn(x.dim(), |(i, j)| [1.0, 0.0, -1.0, 0.0][j] * value[i]);
            ValueGrad { value, grad }
        },
    ];
    let (n, logits) = (200_000, array![0.5, -0.4, 0.2, 0.8]);
    for (k, cost) in problems.into_iter().enumerate() {
        let found = [
            sampled(&Bernoulli::identical(&logits, n).unwrap(), 40 + 4 * k as u64, cost),
            sampled(&Categorical::identical(&logits, 4, n).unwrap(), 42 + 4 * k as u64, cost),
        ];
        let value = |x: ArrayView2<'_, f64>| cost(x).value;
        let truths = [
            Enumeration::propose(&Bernoulli::identical(&logits, 1).unwrap()).unwrap().rows_with(value).unwrap(),
            Enumeration::propose(&Categorical::identical(&logits, 4, 1).unwrap()).unwrap().rows_with(value).unwrap(),
        ];
        for (rows, truth) in found.iter().zip(&truths) {
            let truth = truth.row(0).to_owned();
            assert_eq!(unbiased(rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
            assert_eq!(unbiased(rows, &(truth + 0.1), 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
        }
    }
}

#[test]
fn hard_rebar_plans() {
    let q = Categorical::shared(array![0.0_f64, 0.0], 2, 1).unwrap();
    let of = |t: f64| Rebar::propose(&q, array![[1.0, 0.0]], Conditional::Common, t);
    for t in [0.0, -1.0, f64::INFINITY] {
        let error = Error::Parameter { name: "temperature", value: t, expected: "a finite number above 0" };
        assert_eq!(of(t).unwrap_err(), error);
        assert_eq!(of(1.0).unwrap().with_temperature(t).unwrap_err(), error);
    }
    let plan = of(0.5).unwrap().with_eta(0.5).unwrap();
    assert_eq!((plan.eta(), plan.temperature(), plan.draws(), plan.bias()), (0.5, 0.5, 1, Bias::Unbiased));
    assert_eq!(plan.with_temperature(2.0).unwrap().eta(), 0.5);
    let share = 1.0 / (1.0 + (-2.0_f64).exp());
    let points = plan.points();
    assert_eq!(points.row(0), array![1.0, 0.0]);
    assert!([1, 2].iter().all(|&i| (points[[i, 0]] - share).abs() < 1e-15), "common noise: one relaxation");
    let nan = f64::NAN;
    let cost = |value: [f64; 3], grad: [f64; 3]| ValueGrad {
        value: value.to_vec().into(),
        grad: Array2::from_shape_fn((3, 2), |(i, _)| grad[i]),
    };
    // Of the value at y and the slope at x nothing is read.
    assert!(plan.rows(&cost([1.0, nan, 2.0], [nan, 1.0, 1.0])).unwrap().flat().iter().all(|g| g.is_finite()));
    assert_eq!(plan.rows(&cost([nan, 1.0, 2.0], [1.0; 3])).unwrap_err(), Error::NaN { name: "cost.value", row: 0 });
    assert_eq!(plan.rows(&cost([1.0; 3], [1.0, 1.0, nan])).unwrap_err(), Error::NaN { name: "cost.grad", row: 2 });
    assert_eq!(plan.rows(&cost([1.0, 1.0, nan], [1.0; 3])).unwrap_err(), Error::NaN { name: "cost.value", row: 2 });
    assert_eq!(plan.rows(&cost([1.0; 3], [1.0, nan, 1.0])).unwrap_err(), Error::NaN { name: "cost.grad", row: 1 });
    let short = ValueGrad { value: array![1.0, 2.0], grad: Array2::zeros((3, 2)) };
    assert_eq!(plan.rows(&short).unwrap_err(), Error::Shape { name: "cost.value", got: vec![2], expected: vec![3] });
    let narrow = ValueGrad { value: array![1.0, 2.0, 3.0], grad: Array2::zeros((3, 1)) };
    let shape = Error::Shape { name: "cost.grad", got: vec![3, 1], expected: vec![3, 2] };
    assert_eq!(plan.mean_square(&narrow).unwrap_err(), shape);
    // A logit that is NaN stays in its row.
    let some = Bernoulli::new(array![[f64::NAN], [0.0]]).unwrap();
    let plan = Rebar::propose(&some, array![[0.3], [0.6]], Conditional::Common, 0.5).unwrap();
    let rows = plan.rows(&ValueGrad { value: Array1::ones(6), grad: Array2::ones((6, 1)) }).unwrap();
    assert!(rows.flat()[[0, 0]].is_nan() && rows.flat()[[1, 0]].is_finite());
    // Frozen and hot, and logits beyond any size.
    let wide = Categorical::shared(array![1e4_f32, -1e4, f32::NEG_INFINITY], 3, 5).unwrap();
    for t in [1e-6, 1e6] {
        let noise = wide.noise(&mut ChaCha8Rng::seed_from_u64(1));
        let plan = Rebar::propose(&wide, noise, Conditional::Common, t).unwrap();
        let cost = ValueGrad { value: plan.points().sum_axis(Axis(1)), grad: Array2::ones(plan.points().dim()) };
        assert!(plan.rows(&cost).unwrap().flat().iter().all(|g| g.is_finite()), "{t}");
    }
}

/// The plan at another temperature is the one that would have been proposed there; of a sample y is first, and y~ after it.
#[test]
fn law_a_plan_at_another_temperature_is_proposed_there() {
    let q = Categorical::new(array![[0.5, -1.0, 0.2, 0.8], [-2.0, 0.3, 1.5, -0.4]], 2).unwrap().repeat_rows(2);
    let [noise, other] = [0, 1].map(|s| q.noise(&mut ChaCha8Rng::seed_from_u64(s)));
    let of = |t: f64| {
        let conditional = Conditional::Independent(other.clone());
        Rebar::propose(&q, noise.clone(), conditional, t).unwrap().with_eta(0.5).unwrap()
    };
    let (found, want) = (of(0.3).with_temperature(1.7).unwrap(), of(1.7));
    assert_eq!((found.points(), found.temperature(), found.eta()), (want.points(), 1.7, 0.5));
    assert_eq!(found.rows_with(square(0.3)).unwrap(), want.rows_with(square(0.3)).unwrap());
    let x = want.points().select(Axis(0), &[0, 3, 6, 9]);
    let z = [q.perturbed(&noise).unwrap(), q.perturbed_given(&x, &other).unwrap()];
    for (k, z) in z.iter().enumerate() {
        let shares = q.shares(z, 1.7).unwrap();
        assert_eq!(want.points().select(Axis(0), &[0, 3, 6, 9].map(|i| i + k + 1)), shares);
    }
}
