use estimand::gradient::{Bias, Enumeration, GumbelSoftmax, Plan, Relaxation, StraightThrough};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Distribution, Error, Real, Transform};
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

/// Of a sure bit the row is p (1 - p) f' / 2 + (b - p)^2 f' / 2, both of one small number: none of its digits is lost, whichever side is sure.
#[test]
fn hard_rein_max_of_sure_bits() {
    fn all<F: Real>(sizes: &[f64]) {
        for &l in sizes {
            for (l, bit) in [(l, 1.0), (-l, 0.0)] {
                let q = Bernoulli::new(Array2::from_elem((1, 1), F::of(l))).unwrap();
                let plan = StraightThrough::rein_max(&q, Array2::from_elem((1, 1), F::of(0.5))).unwrap();
                assert_eq!(plan.points()[[0, 0]].as_f64(), bit);
                let found = plan.rows(&Array2::ones((1, 1))).unwrap().logits()[[0, 0]].as_f64();
                let rest = 1.0 / (1.0 + l.abs().exp());
                let want = 0.5 * (rest * (1.0 - rest) + rest * rest);
                assert!((found / want - 1.0).abs() < 32.0 * F::epsilon().as_f64(), "{l}: {found:e} {want:e}");
            }
        }
    }
    all::<f32>(&[1.0, 12.0, 17.0, 20.0, 60.0]);
    all::<f64>(&[1.0, 36.0, 37.0, 300.0]);
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

/// Several variables, samples that share parameters, logits of any size: each row by its formula, of other noise than made it.
#[test]
fn law_rao_blackwell_of_shifted_logits() {
    fn of<F: Real>(shift: f64) -> Array2<f64> {
        let l =
            array![[0.5, -1.0, 0.25, 0.0, 2.0, -0.5], [0.0, 0.0, 1.0, -2.0, 0.5, 0.75]].mapv(|l: f64| F::of(l + shift));
        let q = Categorical::new(l, 3).unwrap().repeat_rows(2);
        let noise = Array2::from_shape_fn((4, 6), |(i, j)| F::of(((7 * i + 3 * j) % 5) as f64 - 1.5));
        let others = Array2::from_shape_fn((12, 6), |(i, j)| F::of(((5 * i + 2 * j) % 7) as f64 - 2.0));
        let plan = StraightThrough::rao_blackwell(&q, noise, &others, F::of(0.5)).unwrap();
        let slopes = Array2::from_shape_fn((4, 6), |(i, j)| F::of((i as f64 - j as f64).sin()));
        plan.rows(&slopes).unwrap().into_flat().mapv(|g| g.as_f64())
    }
    let plain = of::<f64>(0.0);
    for shift in [64.0, 4096.0] {
        assert!((of::<f64>(shift) - &plain).iter().all(|off| off.abs() < 1e-13));
        // Shifted logits are held exactly in f32.
        assert!((of::<f32>(shift) - &plain).iter().all(|off| off.abs() < 1e-5));
    }
    // The first row by hand: of three draws given the class.
    let (l, d) = ([0.5, -1.0, 0.25], [0, 1, 2].map(|j| f64::from(-j).sin()));
    let noise = [0, 1, 2].map(|j| f64::from((3 * j) % 5) - 1.5);
    let class = (0..3).max_by(|&a, &b| (l[a] + noise[a]).total_cmp(&(l[b] + noise[b]))).unwrap();
    let whole = l.iter().map(|l: &f64| l.exp()).sum::<f64>().ln();
    let mut want = [0.0; 3];
    for m in 0..3 {
        let g = [0, 1, 2].map(|j| f64::from((5 * m + 2 * j) % 7) - 2.0);
        let peak: f64 = whole + g[class];
        let z = [0, 1, 2].map(|j| if j == class { peak } else { -((-peak).exp() + (-(l[j] + g[j])).exp()).ln() });
        let e = z.map(|z| (2.0 * z).exp());
        let s = e.map(|x| x / e.iter().sum::<f64>());
        let mean: f64 = (0..3).map(|j| s[j] * d[j]).sum();
        (0..3).for_each(|j| want[j] += s[j] * (d[j] - mean) / 0.5 / 3.0);
    }
    for (found, want) in plain.row(0).iter().zip(want) {
        assert!((found - want).abs() < 1e-14, "{found} {want}");
    }
}

/// A bit is two classes, of which the second has the logit 0 and no slope.
#[test]
fn law_bits_are_pairs_of_classes() {
    let logits = array![0.7, -2.5, 0.0];
    let pairs = Array2::from_shape_fn((1, 6), |(_, j)| if j % 2 == 0 { logits[j / 2] } else { 0.0 });
    let n = 16;
    let (bits, classes) =
        (Bernoulli::identical(&logits, n).unwrap(), Categorical::identical(&pairs.row(0), 2, n).unwrap());
    let u = bits.noise(&mut ChaCha8Rng::seed_from_u64(5));
    let gumbels = Array2::from_shape_fn((n, 6), |(i, j)| {
        let u: f64 = u[[i, j / 2]];
        if j % 2 == 0 { -(u / (1.0 - u)).ln() } else { 0.0 }
    });
    let slopes = Array2::from_shape_fn((n, 3), |(i, j)| (i as f64 + 2.0 * j as f64).sin());
    let wide = Array2::from_shape_fn((n, 6), |(i, j)| if j % 2 == 0 { slopes[[i, j / 2]] } else { 0.0 });
    let of_bits =
        [StraightThrough::propose(&bits, u.clone()).unwrap(), StraightThrough::rein_max(&bits, u.clone()).unwrap()];
    let of_classes = [
        StraightThrough::propose(&classes, gumbels.clone()).unwrap(),
        StraightThrough::rein_max(&classes, gumbels).unwrap(),
    ];
    for (bits, classes) in of_bits.iter().zip(&of_classes) {
        let (own, its) = (bits.rows(&slopes).unwrap(), classes.rows(&wide).unwrap());
        for ((i, j), own) in own.flat().indexed_iter() {
            assert_eq!(bits.points()[[i, j]], classes.points()[[i, 2 * j]]);
            assert!((own - its.flat()[[i, 2 * j]]).abs() < 1e-15, "{own} {}", its.flat()[[i, 2 * j]]);
        }
    }
    // Rao-Blackwellised: each draw is above 0 where the bit is 1, and many of them have the conditional mean of the path.
    let others = bits.clone().repeat_rows(2000).noise(&mut ChaCha8Rng::seed_from_u64(6));
    let plan = StraightThrough::rao_blackwell(&bits, u, &others, 1.0).unwrap();
    let rows = plan.rows(&Array2::ones((n, 3))).unwrap();
    for ((i, j), &found) in rows.flat().indexed_iter() {
        // At T = 1: E [y (1 - y) | z > 0], in v = p u uniform on (0, p), where y = sigmoid(l - logit(v)).
        let (l, bit) = (logits[j], plan.points()[[i, j]]);
        let p = 1.0 / (1.0 + f64::exp(-l));
        let (from, to) = if bit == 1.0 { (0.0, p) } else { (p, 1.0) };
        let path = |u: f64| {
            let y = 1.0 / (1.0 + f64::exp(-(l - (u / (1.0 - u)).ln())));
            y * (1.0 - y)
        };
        let want = crate::support::quadrature::integral(&[from, to], path) / (to - from);
        // Numbers of [0, 1/4]: a standard deviation of 1/8 at the most; 6.5 standard errors for 48 of them at 1e-9.
        assert!((found - want).abs() < 6.7 * 0.125 / 2000.0_f64.sqrt(), "{found} {want}");
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
    let count = |got| {
        let expected = "a multiple of 2 above 0".to_owned();
        Error::Count { name: "others", axis: "rows", got, expected }
    };
    assert_eq!((of(Array2::zeros((3, 2)), 0.5), of(Array2::zeros((0, 2)), 0.5)), (count(3), count(0)));
    assert_eq!(of(Array2::zeros((2, 1)), 0.5), shape("others", [2, 1], [2, 2]));
    let nobody = Categorical::new(Array2::<f64>::zeros((0, 3)), 3).unwrap();
    let empty = StraightThrough::rao_blackwell(&nobody, Array2::zeros((0, 3)), &Array2::zeros((0, 3)), 0.5).unwrap();
    assert_eq!(empty.rows(&Array2::zeros((0, 3))).unwrap().flat().dim(), (0, 3));
    let some = StraightThrough::rao_blackwell(&nobody, Array2::zeros((0, 3)), &Array2::zeros((3, 3)), 0.5).unwrap_err();
    assert_eq!(some, Error::Count { name: "others", axis: "rows", got: 3, expected: "0".to_owned() });
    let expected = "a finite number above 0";
    let error = of(Array2::zeros((2, 2)), f64::NAN).to_string();
    assert_eq!(error, Error::Parameter { name: "temperature", value: f64::NAN, expected }.to_string());
    let none = Categorical::new(array![[0.0, f64::NEG_INFINITY, 0.0]], 3).unwrap();
    let others = none.noise(&mut ChaCha8Rng::seed_from_u64(3));
    let plan = StraightThrough::rao_blackwell(&none, array![[1.0, 0.0, 0.0]], &others, 0.5).unwrap();
    let rows = plan.rows(&array![[1.0, f64::INFINITY, -1.0]]).unwrap();
    assert!(rows.flat()[[0, 1]] == 0.0 && rows.flat().iter().all(|g| g.is_finite()));
}
