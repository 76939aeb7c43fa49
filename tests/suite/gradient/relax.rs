use estimand::check::{Exact, Nodes, Verdict, oracle, unbiased};
use estimand::gradient::{Bias, Conditional, CostAndControl, Enumeration, Plan, Relax};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Error, Perturb, Result, Transform, ValueGrad};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::gumbel_softmax::gumbel;
use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

/// The uniform noise of a bit, in two pieces: what is a function of perturbed logits is smooth within each.
pub fn uniform_of_bit(logit: f64, order: usize) -> Nodes {
    Nodes::uniform(&[1.0 / (1.0 + (-logit).exp())], order).unwrap()
}

/// A control that knows nothing of the cost: c(z) = sum of a_j tanh(z_j + b_j) + z_1 z_d / (1 + z_1^2).
fn tanhs(z: ArrayView2<'_, f64>) -> ValueGrad<Array1<f64>, Array2<f64>> {
    let last = z.ncols() - 1;
    let (a, b) = (|j: usize| 1.0 - 0.7 * j as f64, |j: usize| 0.4 - 0.5 * j as f64);
    let value = z.map_axis(Axis(1), |z| {
        z.iter().enumerate().map(|(j, z)| a(j) * (z + b(j)).tanh()).sum::<f64>() + z[0] * z[last] / (1.0 + z[0] * z[0])
    });
    let grad = Array2::from_shape_fn(z.dim(), |(i, j)| {
        let (first, end, whole) = (z[[i, 0]], z[[i, last]], 1.0 + z[[i, 0]].powi(2));
        let own = a(j) / (z[[i, j]] + b(j)).cosh().powi(2);
        let of_first = if j == 0 { end * (1.0 - first * first) / (whole * whole) } else { 0.0 };
        own + of_first + if j == last { first / whole } else { 0.0 }
    });
    ValueGrad { value, grad }
}

fn of_table(table: &[f64]) -> impl Fn(ArrayView2<'_, f64>) -> Array1<f64> {
    move |x| x.map_axis(Axis(1), |x| table[x.iter().fold(0, |at, &bit| 2 * at + bit as usize)])
}

/// Rows of a plan with a cost and a control that are functions.
fn rows<D: Perturb<f64>>(
    plan: &Relax<'_, f64, D>,
    cost: impl Fn(ArrayView2<'_, f64>) -> Array1<f64>,
    control: impl Fn(ArrayView2<'_, f64>) -> ValueGrad<Array1<f64>, Array2<f64>>,
) -> Result<Array2<f64>> {
    Ok(plan.rows(&CostAndControl { cost: cost(plan.points()), control: control(plan.controls()) })?.into_flat())
}

proptest! {
    #![proptest_config(config())]

    /// Any cost of a bit, any eta, both ways to draw what is given: the mean is the gradient.
    #[test]
    fn law_relax_of_a_bit_is_unbiased(l in -2.5..2.5_f64, costs in (-2.0..2.0_f64, -2.0..2.0_f64), eta in -2.0..2.0_f64) {
        let (u, v) = (uniform_of_bit(l, 40), Nodes::uniform(&[], 40).unwrap());
        let table = [costs.0, costs.1];
        let truth = (table[1] - table[0]) * l.exp() / (1.0 + l.exp()).powi(2);
        let independent = oracle(&[&u, &v], 2, |noise: Array2<f64>| {
            let q = Bernoulli::identical(&array![l], noise.nrows())?;
            let of = |j: usize| noise.column(j).to_owned().insert_axis(Axis(1));
            rows(&Relax::propose(&q, of(0), Conditional::Independent(of(1)))?.with_eta(eta)?, of_table(&table), tanhs)
        }).unwrap();
        let common = oracle(&[&u], 1, |noise: Array2<f64>| {
            let q = Bernoulli::identical(&array![l], noise.nrows())?;
            rows(&Relax::propose(&q, noise, Conditional::Common)?.with_eta(eta)?, of_table(&table), tanhs)
        }).unwrap();
        // tanh of a logarithm of u is algebraic, and z itself is not: the rule ends at 1e-6 of it.
        for exact in [independent, common] {
            prop_assert!((exact.mean[0] - truth).abs() < 1e-6 * (1.0 + eta.abs()), "{} {truth}", exact.mean[0]);
        }
    }

    /// Classes, with a control that tells logits from their shift: the classes one by one, each with the Gumbel numbers that it has.
    #[test]
    fn law_relax_of_classes_is_unbiased(l in numbers((1, 2), -2.0, 2.0), costs in numbers((1, 2), -2.0, 2.0), eta in -2.0..2.0_f64) {
        let exact = classes(&l.row(0).to_owned(), &costs.row(0).to_owned(), eta, &gumbel(6));
        let q = Categorical::new(&l, 2).unwrap();
        let truth = Enumeration::propose(&q).unwrap().rows_with(|x| x.dot(&costs.row(0))).unwrap();
        for (found, want) in exact.mean.iter().zip(truth.row(0)) {
            prop_assert!((found - want).abs() < 1e-7, "{found} {want}");
        }
    }

    /// The derivatives of the mean square in each number that the control gives.
    #[test]
    fn law_cotangents_are_derivatives_of_the_mean_square(l in numbers((1, 4), -2.0, 2.0), seed in 0_u64..1000, eta in -2.0..2.0_f64) {
        fn check<D: Perturb<f64>>(q: &D, seed: u64, eta: f64) {
            let [noise, other] = [0, 1].map(|s| q.noise(&mut ChaCha8Rng::seed_from_u64(seed + s)));
            let plan = Relax::propose(q, noise, Conditional::Independent(other)).unwrap().with_eta(eta).unwrap();
            let cost = plan.points().map_axis(Axis(1), |x| x[0] - 2.0 * x[3] + x[1] * x[2]);
            let control = tanhs(plan.controls());
            let found = plan.cotangents(&CostAndControl { cost: cost.clone(), control: control.clone() }).unwrap();
            let of_value = |value: &Array1<f64>| {
                let control = ValueGrad { value: value.clone(), grad: control.grad.clone() };
                plan.mean_square(&CostAndControl { cost: cost.clone(), control }).unwrap()
            };
            assert_gradient("values", of_value, &control.value, found.value.view());
            let of_slopes = |grad: &Array2<f64>| {
                let control = ValueGrad { value: control.value.clone(), grad: grad.clone() };
                plan.mean_square(&CostAndControl { cost: cost.clone(), control }).unwrap()
            };
            assert_gradient("slopes", of_slopes, &control.grad, found.grad.view());
        }
        check(&Bernoulli::shared(l.row(0), 3).unwrap(), seed, eta);
        check(&Categorical::shared(l.row(0), 2, 3).unwrap(), seed, eta);
    }

    /// Beside it on either side the rows are longer, by the parabola's own curvature.
    #[test]
    fn law_the_best_eta_has_the_least_mean_square(l in numbers((2, 4), -2.0, 2.0), seed in 0_u64..1000, eta in -2.0..2.0_f64) {
        let q = Categorical::new(&l, 4).unwrap().repeat_rows(4);
        let [noise, other] = [0, 1].map(|s| q.noise(&mut ChaCha8Rng::seed_from_u64(seed + s)));
        let plan = Relax::propose(&q, noise, Conditional::Independent(other)).unwrap().with_eta(eta).unwrap();
        let cost = CostAndControl { cost: plan.points().dot(&array![1.0, -1.0, 0.5, 2.0]), control: tanhs(plan.controls()) };
        let best = plan.best_eta(&cost).unwrap();
        let square = |eta: f64| plan.clone().with_eta(eta).unwrap().mean_square(&cost).unwrap();
        let [below, least, above] = [best - 1.0, best, best + 1.0].map(square);
        prop_assert!(least <= below.min(above));
        // A parabola: symmetric about its lowest point.
        prop_assert!((below - above).abs() <= 1e-11 * below.max(above), "{below} {least} {above}");
    }
}

/// Exactly: the class, and Gumbel numbers of which that is the largest, made of free ones. The mean is that of independent noise, for it is a
/// sum of terms of one of both each.
fn classes(l: &Array1<f64>, costs: &Array1<f64>, eta: f64, gumbel: &Nodes) -> Exact {
    let k = l.len();
    let q = Categorical::identical(l, k, k).unwrap();
    let p = q.log_prob_of(&Array2::from_shape_fn((k, 1), |(i, _)| i)).unwrap().mapv(f64::exp);
    let class = Nodes::finite(&(0..k).map(|i| i as f64).collect::<Vec<_>>(), &p.to_vec()).unwrap();
    let nodes: Vec<_> = std::iter::once(&class).chain(std::iter::repeat_n(gumbel, k)).collect();
    oracle(&nodes, k + 1, |numbers: Array2<f64>| {
        let q = Categorical::identical(l, k, numbers.nrows())?;
        let x = Array2::from_shape_fn((numbers.nrows(), k), |(i, j)| f64::from(numbers[[i, 0]] as usize == j));
        let level = l.fold(f64::NEG_INFINITY, |most, &l| most.max(l));
        let free = Array2::from_shape_fn(x.dim(), |(i, j)| numbers[[i, j + 1]]);
        let noise = q.perturbed_given(&x, &free)? - l + level;
        let plan = Relax::propose(&q, noise, Conditional::Common)?.with_eta(eta)?;
        // Where two numbers are level but for rounding the class may be another; the control is the same there.
        rows(&plan, |x| x.dot(costs), tanhs)
    })
    .unwrap()
}

/// Without the way by which the conditional sample depends on the logits the mean is off, by what quadrature gives.
#[test]
fn hard_relax_6() {
    let (l, table) = (f64::ln(0.3 / 0.7), [0.2, 1.0]);
    let (u, v) = (uniform_of_bit(l, 40), Nodes::uniform(&[], 40).unwrap());
    let control = |z: ArrayView2<'_, f64>| {
        let share = z.mapv(|z| 1.0 / (1.0 + (-z).exp()));
        ValueGrad { value: share.column(0).to_owned(), grad: &share * &(1.0 - &share) }
    };
    let exact = |fault: bool| {
        oracle(&[&u, &v], 2, |noise: Array2<f64>| {
            let q = Bernoulli::identical(&array![l], noise.nrows())?;
            let of = |j: usize| noise.column(j).to_owned().insert_axis(Axis(1));
            let plan = Relax::propose(&q, of(0), Conditional::Independent(of(1)))?;
            let mut rows = rows(&plan, of_table(&table), control)?;
            if fault {
                // Back comes what was taken: the path of z~.
                let z = plan.controls().select(Axis(0), &(0..noise.nrows()).map(|i| 2 * i + 1).collect::<Vec<_>>());
                rows += &q.perturbed_given_pull_back(&plan.points(), &z, &control(z.view()).grad)?.flat();
            }
            Ok(rows)
        })
        .unwrap()
        .mean[0]
    };
    let truth = 0.21 * 0.8;
    // z~ = l + logit(u), u uniform on (0, 0.7) of a 0 and on (0.7, 1) of a 1, with its derivative by hand.
    let missed = crate::support::quadrature::integral(&[0.0, 0.7, 1.0], |u| {
        let y = 1.0 / (1.0 + (-(l + (u / (1.0 - u)).ln())).exp());
        y * (1.0 - y) * if u < 0.7 { 1.0 - 0.3 / (1.0 - u) } else { 1.0 - 0.7 / u }
    });
    assert!((exact(false) - truth).abs() < 1e-9, "{}", exact(false));
    assert!((exact(true) - truth - missed).abs() < 1e-9 && missed > 0.04, "{} {missed}", exact(true));
}

/// Sampled, with the noise that users draw: three problems of bits and of classes; a bias of 0.1 is seen.
#[test]
fn stat_relax_misses_nothing() {
    fn sampled<D: Perturb<f64>>(q: &D, k: u64, cost: &dyn Fn(ArrayView2<'_, f64>) -> Array1<f64>) -> Array2<f64> {
        let [noise, other] = [0, 1].map(|s| q.noise(&mut ChaCha8Rng::seed_from_u64(10 * k + s)));
        let plan = Relax::propose(q, noise, Conditional::Independent(other)).unwrap().with_eta(0.3).unwrap();
        rows(&plan, cost, tanhs).unwrap()
    }
    let n = 50_000;
    type Cost = fn(ArrayView2<'_, f64>) -> Array1<f64>;
    let problems: [Cost; 3] = [
        |x| x.map_axis(Axis(1), |x| (x[0] - 0.3).powi(2) + x[1] * x[2]),
        |x| x.map_axis(Axis(1), |x| if (x[0] + x[2]) % 2.0 == 0.0 { 1.0 } else { -1.0 }),
        |x| x.map_axis(Axis(1), |x| (x[0] - 2.0 * x[1] * x[3]).exp()),
    ];
    let logits = array![0.5, -1.0, 0.2, 0.8];
    for (k, cost) in problems.into_iter().enumerate() {
        let bits = Bernoulli::identical(&logits, n).unwrap();
        let classes = Categorical::identical(&logits, 2, n).unwrap();
        let found = [sampled(&bits, k as u64, &cost), sampled(&classes, k as u64 + 5, &cost)];
        let truths = [
            Enumeration::propose(&Bernoulli::identical(&logits, 1).unwrap()).unwrap().rows_with(cost).unwrap(),
            Enumeration::propose(&Categorical::identical(&logits, 2, 1).unwrap()).unwrap().rows_with(cost).unwrap(),
        ];
        for (rows, truth) in found.iter().zip(&truths) {
            let truth = truth.row(0).to_owned();
            assert_eq!(unbiased(rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
            assert_eq!(unbiased(rows, &(truth + 0.1), 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
        }
    }
}

/// NaN logits stay in their row, and no number is made of them; costs are subtracted before they are multiplied; squares of any size.
#[test]
fn hard_relax_of_ugly_numbers() {
    let cost = |sizes: [f64; 2], control: f64| CostAndControl {
        cost: Array1::from(sizes.to_vec()),
        control: ValueGrad { value: Array1::from_elem(4, control), grad: Array2::from_elem((4, 1), control) },
    };
    let q = Bernoulli::new(array![[0.0], [f64::NAN]]).unwrap();
    let plan = Relax::propose(&q, array![[0.3], [0.3]], Conditional::Common).unwrap();
    let one = cost([1.0, 2.0], 0.5);
    let rows = plan.rows(&one).unwrap();
    assert!(rows.flat()[[0, 0]].is_finite() && rows.flat()[[1, 0]].is_nan());
    let nan = Error::NaN { name: "rows", row: 1 };
    assert_eq!((plan.best_eta(&one).unwrap_err(), plan.mean_square(&one).unwrap_err()), (nan.clone(), nan));

    let q = Bernoulli::new(array![[0.5], [-1.0]]).unwrap();
    let plan = Relax::propose(&q, array![[0.3], [0.3]], Conditional::Independent(array![[0.2], [0.6]])).unwrap();
    let want = plan.best_eta(&cost([1.0, -0.5], 0.25)).unwrap();
    for size in [1e-300, 1e-24, 1e20, 1e160] {
        let found = plan.best_eta(&cost([size, -0.5 * size], 0.25 * size)).unwrap();
        assert!((found / want - 1.0).abs() < 1e-12, "{size:e}: {found} {want}");
    }
    // 123456.5 - 123456 in f32, times the score.
    let q = Bernoulli::new(array![[0.25_f32]]).unwrap();
    let plan = Relax::propose(&q, array![[0.3]], Conditional::Common).unwrap();
    let control = ValueGrad { value: array![0.0, 123_456.0], grad: Array2::zeros((2, 1)) };
    let found = plan.rows(&CostAndControl { cost: array![123_456.5], control }).unwrap().flat()[[0, 0]];
    let want = 0.5 / (1.0 + 0.25_f64.exp());
    assert!((f64::from(found) - want).abs() < 4.0 * f64::from(f32::EPSILON) * want, "{found} {want}");
}

#[test]
fn hard_relax_plans() {
    let q = Bernoulli::shared(array![0.0_f64, f64::INFINITY], 2).unwrap();
    let noise = array![[0.25, 0.5], [0.75, 0.5]];
    let plan = Relax::propose(&q, noise.clone(), Conditional::Common).unwrap();
    assert_eq!((plan.points(), plan.draws(), plan.bias()), (array![[1.0, 1.0], [0.0, 1.0]].view(), 2, Bias::Unbiased));
    assert_eq!((plan.controls().dim(), plan.eta()), ((4, 2), 1.0));
    let cost = |value: [f64; 4], grad: f64| -> CostAndControl<f64> {
        let control = ValueGrad { value: value.to_vec().into(), grad: Array2::from_elem((4, 2), grad) };
        CostAndControl { cost: array![1.0, 3.0], control }
    };
    // Both functions are asked at their own points, and what they say is what the rows are of.
    let by_hand = CostAndControl {
        cost: plan.points().map_axis(Axis(1), |x| x[0] + 2.0 * x[1]),
        control: ValueGrad { value: plan.controls().column(0).to_owned(), grad: plan.controls().mapv(f64::tanh) },
    };
    let asked = plan.rows_with_control(
        |x| x.map_axis(Axis(1), |x| x[0] + 2.0 * x[1]),
        |z| ValueGrad { value: z.column(0).to_owned(), grad: z.mapv(f64::tanh) },
    );
    assert_eq!(asked.unwrap(), plan.rows(&by_hand).unwrap().into_flat());
    // The value at z is not read.
    let rows = plan.rows(&cost([f64::NAN, 1.0, f64::INFINITY, 1.0], 0.5)).unwrap();
    assert!(rows.flat().iter().all(|g| g.is_finite()), "a sure bit has no infinite path");
    let nan = plan.rows(&cost([1.0, f64::NAN, 1.0, 1.0], 0.5)).unwrap_err();
    assert_eq!(nan, Error::NaN { name: "control.value", row: 1 });
    let entry = |name, index: Vec<usize>, expected| Error::Entry { name, index, value: f64::INFINITY, expected };
    let infinite = plan.rows(&cost([1.0, 1.0, 1.0, f64::INFINITY], 0.5)).unwrap_err();
    assert_eq!(infinite, entry("control.value", vec![3], "a finite cost"));
    assert_eq!(plan.rows(&cost([1.0; 4], f64::NAN)).unwrap_err(), Error::NaN { name: "control.grad", row: 0 });
    let infinite = plan.cotangents(&cost([1.0; 4], f64::INFINITY)).unwrap_err();
    assert_eq!(infinite, entry("control.grad", vec![0, 0], "a finite slope"));
    let shape =
        |name, got: &[usize], expected: &[usize]| Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() };
    let short = CostAndControl { cost: array![1.0], ..cost([1.0; 4], 0.5) };
    assert_eq!(plan.rows(&short).unwrap_err(), shape("cost", &[1], &[2]));
    let other = Conditional::Independent(array![[0.5, 0.5]]);
    assert_eq!(Relax::propose(&q, noise.clone(), other).unwrap_err(), shape("conditional", &[1, 2], &[2, 2]));
    let eta = plan.clone().with_eta(f64::INFINITY).unwrap_err();
    assert_eq!(eta, Error::Parameter { name: "eta", value: f64::INFINITY, expected: "a finite number" });
    let none = Bernoulli::new(Array2::<f64>::zeros((1, 2))).unwrap().repeat_rows(0);
    let repeat = Error::Parameter { name: "repeat", value: 0.0, expected: "at least 1" };
    assert_eq!(Relax::propose(&none, Array2::zeros((0, 2)), Conditional::Common).unwrap_err(), repeat);
    for dim in [(0, 2), (2, 0)] {
        let empty = Bernoulli::new(Array2::<f64>::zeros(dim)).unwrap();
        let plan = Relax::propose(&empty, Array2::zeros(dim), Conditional::Common).unwrap();
        let control = ValueGrad { value: Array1::ones(2 * dim.0), grad: Array2::ones((2 * dim.0, dim.1)) };
        let cost = CostAndControl { cost: Array1::ones(dim.0), control };
        assert_eq!(plan.rows(&cost).unwrap().flat().dim(), dim);
        assert_eq!((plan.best_eta(&cost).unwrap(), plan.mean_square(&cost).unwrap()), (0.0, 0.0));
    }
    let silent = CostAndControl {
        cost: array![1.0, 3.0],
        control: ValueGrad { value: Array1::zeros(4), grad: Array2::zeros((4, 2)) },
    };
    assert_eq!(plan.best_eta(&silent).unwrap(), 0.0);
    let single = Categorical::shared(array![2.0_f32], 1, 3).unwrap();
    let plan = Relax::propose(&single, Array2::zeros((3, 1)), Conditional::Common).unwrap();
    let control = ValueGrad { value: Array1::ones(6), grad: Array2::ones((6, 1)) };
    let rows = plan.rows(&CostAndControl { cost: Array1::ones(3), control }).unwrap();
    assert_eq!(rows.flat(), Array2::<f32>::zeros((3, 1)), "one class does not move");
}

/// Parameter rows do not meet: each has what it has alone. Of a sample z is first, and z~ after it.
#[test]
fn law_relax_takes_each_parameter_row_alone() {
    fn of<D: Perturb<f64>>(q: &D, noise: &Array2<f64>, other: &Array2<f64>) -> [Array2<f64>; 3] {
        let conditional = Conditional::Independent(other.clone());
        let plan = Relax::propose(q, noise.clone(), conditional).unwrap().with_eta(0.7).unwrap();
        let x = plan.points().to_owned();
        let (z, given) = (q.perturbed(noise).unwrap(), q.perturbed_given(&x, other).unwrap());
        for i in 0..x.nrows() {
            assert_eq!([2 * i, 2 * i + 1].map(|i| plan.controls().row(i).to_owned()), [z.row(i), given.row(i)]);
        }
        let cost = x.map_axis(Axis(1), |x| x[0] - 2.0 * x[3] + x[1] * x[2]);
        let cost = CostAndControl { cost, control: tanhs(plan.controls()) };
        let cotangents = plan.cotangents(&cost).unwrap();
        [plan.rows(&cost).unwrap().into_flat(), cotangents.value.insert_axis(Axis(1)), cotangents.grad]
    }
    fn check<D: Perturb<f64>>(whole: &D, alone: [&D; 2]) {
        let [noise, other] = [0, 1].map(|s| whole.noise(&mut ChaCha8Rng::seed_from_u64(s)));
        let [rows, value, grad] = of(whole, &noise, &other);
        for (t, q) in alone.into_iter().enumerate() {
            let part = |a: &Array2<f64>, n: usize| a.select(Axis(0), &(n * t..n * (t + 1)).collect::<Vec<_>>());
            let own = of(q, &part(&noise, 3), &part(&other, 3));
            // Cotangents are of the mean over 6 samples, or over 3.
            let want = [part(&rows, 3), 2.0 * part(&value, 6), 2.0 * part(&grad, 6)];
            for (own, want) in own.iter().zip(&want) {
                assert!((own - want).iter().all(|off| off.abs() < 1e-14), "{t}: {own} {want}");
            }
        }
    }
    let l = array![[0.5, -1.0, 0.2, 0.8], [-2.0, 0.3, 1.5, -0.4]];
    let [first, second] = [0, 1].map(|t| Bernoulli::shared(l.row(t), 3).unwrap());
    check(&Bernoulli::new(&l).unwrap().repeat_rows(3), [&first, &second]);
    let [first, second] = [0, 1].map(|t| Categorical::shared(l.row(t), 2, 3).unwrap());
    check(&Categorical::new(&l, 2).unwrap().repeat_rows(3), [&first, &second]);
}

/// A slope at z~ alone.
#[test]
fn hard_relax_reads_both_slopes() {
    let q = Bernoulli::shared(array![0.0_f64, 1.0], 1).unwrap();
    let plan = Relax::propose(&q, array![[0.25, 0.5]], Conditional::Common).unwrap();
    for (row, stray) in [(0, f64::NAN), (1, f64::NAN), (0, f64::INFINITY), (1, f64::NEG_INFINITY)] {
        let mut grad = Array2::from_elem((2, 2), 0.5);
        grad[[row, 1]] = stray;
        let error = plan
            .rows(&CostAndControl { cost: array![1.0], control: ValueGrad { value: array![1.0, 1.0], grad } })
            .unwrap_err();
        let entry =
            Error::Entry { name: "control.grad", index: vec![row, 1], value: stray, expected: "a finite slope" };
        assert_eq!(error, if stray.is_nan() { Error::NaN { name: "control.grad", row } } else { entry });
    }
}
