use estimand::gradient::{Bias, Enumeration, GumbelSoftmax, Plan, Relaxation, StraightThrough};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Categorical, Distribution, Error, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::strategy::{array as numbers, config};

/// The mean of a plan over the classes of one block, each drawn by noise that makes it so.
fn mean(l: &Array1<f64>, rows: impl Fn(&Categorical<'_, f64>, Array2<f64>) -> Array2<f64>) -> Array1<f64> {
    let k = l.len();
    let q = Categorical::identical(l, k, k).unwrap();
    let noise = Array2::from_shape_fn((k, k), |(i, j)| if i == j { 1e3 } else { 0.0 });
    let p = q.log_prob_of(&Array2::from_shape_fn((k, 1), |(i, _)| i)).unwrap().mapv(f64::exp);
    p.dot(&rows(&q, noise))
}

type OfPoints = Box<dyn Fn(ArrayView2<'_, f64>) -> Array2<f64>>;

/// x'Ax + b'x, and its slopes.
fn quadratic(a: &Array2<f64>, b: &Array1<f64>) -> [OfPoints; 2] {
    let (a, b, both, own) = (a.clone(), b.clone(), a + &a.t(), b.clone());
    let cost = move |x: ArrayView2<'_, f64>| ((x.dot(&a) * x).sum_axis(Axis(1)) + x.dot(&b)).insert_axis(Axis(1));
    let slope = move |x: ArrayView2<'_, f64>| x.dot(&both) + &own;
    [Box::new(cost), Box::new(slope)]
}

proptest! {
    #![proptest_config(config())]

    /// ReinMax is exact for quadratic forms, straight-through for linear ones, and the gap of the latter is what enumeration says.
    #[test]
    fn law_what_is_exact_for_which_costs(
        (l, a, b) in (2_usize..5).prop_flat_map(|k| (numbers((1, k), -2.0, 2.0), numbers((k, k), -1.0, 1.0), numbers((1, k), -1.0, 1.0))),
    ) {
        let (l, b) = (l.row(0).to_owned(), b.row(0).to_owned());
        let q = Categorical::identical(&l, l.len(), 1).unwrap();
        let truth = |cost: &dyn Fn(ArrayView2<'_, f64>) -> Array2<f64>| {
            Enumeration::propose(&q).unwrap().rows_with(|x| cost(x).column(0).to_owned()).unwrap().row(0).to_owned()
        };
        let [cost, slope] = quadratic(&a, &b);
        let rein_max = mean(&l, |q, noise| StraightThrough::rein_max(q, noise).unwrap().rows_with(&slope).unwrap());
        prop_assert!((&rein_max - &truth(&cost)).iter().all(|off| off.abs() < 1e-13));
        let [linear, slope_of_linear] = quadratic(&Array2::zeros(a.dim()), &b);
        let plain = mean(&l, |q, noise| StraightThrough::propose(q, noise).unwrap().rows_with(&slope_of_linear).unwrap());
        prop_assert!((&plain - &truth(&linear)).iter().all(|off| off.abs() < 1e-13));
        // Of the quadratic form the mean is J(p)' of the mean slope, (A + A')p + b.
        let p = Enumeration::propose(&q).unwrap().points().to_owned();
        let p = q.clone().repeat_rows(l.len()).log_prob(&p).unwrap().mapv(f64::exp);
        let at = (&a + &a.t()).dot(&p) + &b;
        let want = &p * &(&at - p.dot(&at));
        let plain = mean(&l, |q, noise| StraightThrough::propose(q, noise).unwrap().rows_with(&slope).unwrap());
        prop_assert!((&plain - &want).iter().all(|off| off.abs() < 1e-13));
    }
}

/// Of a bit with probability 0.1 as two classes: -0.063, where the truth is 0.009.
#[test]
fn ref_straight_through_has_the_wrong_sign() {
    let slopes = |x: ArrayView2<'_, f64>| {
        Array2::from_shape_fn(x.dim(), |(i, j)| if j == 0 { 2.0 * (x[[i, 0]] - 0.45) } else { 0.0 })
    };
    let l = array![f64::ln(0.1 / 0.9), 0.0];
    let found = mean(&l, |q, noise| StraightThrough::propose(q, noise).unwrap().rows_with(slopes).unwrap())[0];
    assert!((found + 0.063).abs() < 1e-15, "{found}");
    let found = mean(&l, |q, noise| StraightThrough::rein_max(q, noise).unwrap().rows_with(slopes).unwrap())[0];
    assert!((found - 0.009).abs() < 1e-15, "{found}");
}

/// Of a cost of third order ReinMax is off too, by what enumeration gives.
#[test]
fn ref_rein_max_is_biased_beyond_second_order() {
    let slopes = |x: ArrayView2<'_, f64>| {
        Array2::from_shape_fn(x.dim(), |(i, j)| if j == 0 { 3.0 * x[[i, 0]].powi(2) } else { 0.0 })
    };
    let p = 0.3_f64;
    let l = array![f64::ln(p / (1.0 - p)), 0.0];
    let found = mean(&l, |q, noise| StraightThrough::rein_max(q, noise).unwrap().rows_with(slopes).unwrap())[0];
    // f = x^3, f' = 3 at 1 and 0 at 0: the trapezoid 3/2 for f(1) - f(0) = 1.
    assert!((found - 1.5 * p * (1.0 - p)).abs() < 1e-15, "{found}");
}

/// The conditional mean of the straight-through Gumbel-softmax: the same mean, and less variance.
#[test]
fn stat_rao_blackwell_is_the_conditional_mean() {
    let (n, k) = (10_000, 8);
    let l = array![0.5, -0.5, 0.0];
    let q = Categorical::identical(&l, 3, n).unwrap();
    let slopes = |x: ArrayView2<'_, f64>| x.dot(&array![[1.0, 0.5, -1.0], [0.0, 2.0, 0.3], [-0.5, 0.0, 1.0]]);
    let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(1));
    let others = q.clone().repeat_rows(k).noise(&mut ChaCha8Rng::seed_from_u64(2));
    let plain = GumbelSoftmax::propose(&q, noise.clone(), 0.5, Relaxation::Hard).unwrap();
    let blackwell = StraightThrough::rao_blackwell(&q, noise, &others, 0.5).unwrap();
    assert_eq!(plain.points(), blackwell.points(), "one sample, one cost");
    let (plain, blackwell) = (plain.rows_with(slopes).unwrap(), blackwell.rows_with(slopes).unwrap());
    let (own, its) = (plain.mean_axis(Axis(0)).unwrap(), blackwell.mean_axis(Axis(0)).unwrap());
    let spread = (&plain - &blackwell).var_axis(Axis(0), 1.0).mapv(|v| (v / n as f64).sqrt());
    for j in 0..3 {
        // 6.1 standard errors of three numbers: 1e-9 to 1 of a false alarm.
        assert!((own[j] - its[j]).abs() < 6.3 * spread[j], "{} {} {}", own[j], its[j], spread[j]);
        let (wide, narrow) = (plain.column(j).var(1.0), blackwell.column(j).var(1.0));
        assert!(narrow < 0.9 * wide, "{narrow} {wide}");
    }
}

#[test]
fn hard_straight_through_plans() {
    let q = Categorical::shared(array![0.0_f64, 0.0], 2, 2).unwrap();
    let noise = array![[0.0, 1.0], [1.0, 0.0]];
    let plan = StraightThrough::rein_max(&q, noise.clone()).unwrap();
    assert_eq!((plan.points(), plan.draws(), plan.bias()), (array![[0.0, 1.0], [1.0, 0.0]].view(), 2, Bias::Biased));
    let shape = |name, got: [usize; 2], expected: [usize; 2]| Error::Shape {
        name,
        got: got.to_vec(),
        expected: expected.to_vec(),
    };
    assert_eq!(plan.rows(&array![[1.0, 2.0]]).unwrap_err(), shape("cost", [1, 2], [2, 2]));
    let nan = array![[1.0, 2.0], [f64::NAN, 0.0]];
    assert_eq!(plan.rows(&nan).unwrap_err(), Error::NaN { name: "cost", row: 1 });
    let of = |others: Array2<f64>, t: f64| StraightThrough::rao_blackwell(&q, noise.clone(), &others, t).unwrap_err();
    assert_eq!(of(Array2::zeros((3, 2)), 0.5), shape("others", [3, 2], [2, 2]));
    assert_eq!(of(Array2::zeros((1, 2)), 0.5), Error::Parameter { name: "k", value: 0.0, expected: "at least 1" });
    let expected = "a finite number above 0";
    let error = of(Array2::zeros((2, 2)), f64::NAN).to_string();
    assert_eq!(error, Error::Parameter { name: "temperature", value: f64::NAN, expected }.to_string());
    let none = Categorical::new(array![[0.0, f64::NEG_INFINITY, 0.0]], 3).unwrap();
    let others = none.noise(&mut ChaCha8Rng::seed_from_u64(3));
    let plan = StraightThrough::rao_blackwell(&none, array![[1.0, 0.0, 0.0]], &others, 0.5).unwrap();
    let rows = plan.rows(&array![[1.0, 5.0, -1.0]]).unwrap();
    assert!(rows.flat()[[0, 1]] == 0.0 && rows.flat().iter().all(|g| g.is_finite()));
}
