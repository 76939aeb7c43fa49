use estimand::check::{Exact, Nodes, oracle};
use estimand::gradient::{Bias, Enumeration, GumbelSoftmax, Plan, Relaxation};
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{Bernoulli, BinaryConcrete, Categorical, Error, Reparameterize, Rows, Transform};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Standard Gumbel numbers, by Gauss-Legendre rules.
pub fn gumbel(order: usize) -> Nodes {
    let breaks: Vec<f64> = (-4..=10).chain([12, 15, 20, 28, 40]).map(f64::from).collect();
    Nodes::density(|z| -z - (-z).exp(), &breaks, order).unwrap()
}

/// A bit of probability theta as two classes, of which the first moves; f = (x_1 - t)^2.
fn toy(theta: f64, t: f64, temperature: f64, at: Relaxation) -> Exact {
    let logit = f64::ln(theta / (1.0 - theta));
    let nodes = gumbel(12);
    oracle(&[&nodes, &nodes], 2, |noise: Array2<f64>| {
        let q = Categorical::identical(&array![logit, 0.0], 2, noise.nrows())?;
        let slopes = |x: ArrayView2<'_, f64>| {
            Array2::from_shape_fn(x.dim(), |(i, j)| if j == 0 { 2.0 * (x[[i, 0]] - t) } else { 0.0 })
        };
        GumbelSoftmax::propose(&q, noise, temperature, at)?.rows_with(slopes)
    })
    .unwrap()
}

/// The path of the relaxed problem, a number of one integral that shares nothing with the code: the share is sigmoid of a
/// logistic number at l / T.
fn by_hand(theta: f64, t: f64, temperature: f64) -> f64 {
    let l = f64::ln(theta / (1.0 - theta));
    let path = |z: f64| {
        let share = 1.0 / (1.0 + (-(l + z) / temperature).exp());
        let density = 0.25 / (0.5 * z).cosh().powi(2);
        density * 2.0 * (share - t) * share * (1.0 - share) / temperature
    };
    crate::support::quadrature::integral(&[-45.0, -l, 0.0, 45.0], path)
}

/// At the temperature 1/2: .0215 where the truth is .025, and of the wrong sign where it is .009.
#[test]
fn ref_the_concrete_gradient_has_the_wrong_sign() {
    for (theta, printed, truth) in [(0.5, 0.021_46, 0.025), (0.1, -0.022_0, 0.009)] {
        let q = Categorical::new(array![[f64::ln(theta / (1.0 - theta)), 0.0]], 2).unwrap();
        let cost = |x: ArrayView2<'_, f64>| x.column(0).mapv(|b| (b - 0.45).powi(2));
        let exact = Enumeration::propose(&q).unwrap().rows_with(cost).unwrap();
        assert!((exact[[0, 0]] - truth).abs() < 1e-15);
        let found = toy(theta, 0.45, 0.5, Relaxation::Soft).mean[0];
        assert!((found - by_hand(theta, 0.45, 0.5)).abs() < 1e-9, "{found} {}", by_hand(theta, 0.45, 0.5));
        assert!((found - printed).abs() < 5e-5, "{found} {printed}");
    }
    assert!(toy(0.1, 0.45, 0.5, Relaxation::Soft).mean[0] < 0.0);
}

/// The same with the slopes of the nearer end, as the hard form has them.
fn hard_by_hand(theta: f64, t: f64, temperature: f64) -> f64 {
    let l = f64::ln(theta / (1.0 - theta));
    let path = |z: f64| {
        let share = 1.0 / (1.0 + (-(l + z) / temperature).exp());
        let class = if l + z > 0.0 { 1.0 } else { 0.0 };
        let density = 0.25 / (0.5 * z).cosh().powi(2);
        density * 2.0 * (class - t) * share * (1.0 - share) / temperature
    };
    crate::support::quadrature::integral(&[-45.0, -l, 0.0, 45.0], path)
}

/// As the temperature falls both forms tend to the truth of this quadratic cost, and their variance grows as 1 / T; hot, every
/// sample is the uniform point, with the slope f'(1/2) / (4 T).
#[test]
fn ref_both_limits_of_the_temperature() {
    for (at, by_hand) in [(Relaxation::Soft, by_hand as fn(f64, f64, f64) -> f64), (Relaxation::Hard, hard_by_hand)] {
        // The hard form jumps where both classes are level, which a product of rules meets to a few digits.
        let few = if at == Relaxation::Soft { 1e-6 } else { 2e-2 };
        let exact = [1.0, 0.5, 0.25].map(|t| toy(0.1, 0.45, t, at));
        for (exact, t) in exact.iter().zip([1.0, 0.5, 0.25]) {
            let want = by_hand(0.1, 0.45, t);
            assert!((exact.mean[0] - want).abs() < few, "{at:?} at {t}: {} {want}", exact.mean[0]);
        }
        assert!(exact[2].variance[0] > 1.5 * exact[0].variance[0], "{at:?}");
        // The limit, of the integral: the error is of the order of the temperature.
        assert!((by_hand(0.1, 0.45, 1e-3) - 0.009).abs() < 1e-3, "{at:?}");
    }
    let hot = toy(0.1, 0.45, 1e4, Relaxation::Soft);
    assert!((1e4 * hot.mean[0] - 0.1 / 4.0).abs() < 1e-4, "{}", hot.mean[0]);
}

/// Straight through, at the class of the largest share; the path is that of the share.
#[test]
fn law_hard_samples_are_pulled_back_as_soft_ones() {
    let q = Categorical::new(array![[0.3, -0.5, 1.0, 0.0, 0.2, 0.1]], 3).unwrap().repeat_rows(8);
    let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(1));
    let [soft, hard] =
        [Relaxation::Soft, Relaxation::Hard].map(|at| GumbelSoftmax::propose(&q, noise.clone(), 0.7, at).unwrap());
    assert_eq!(hard.points(), q.transform(noise).unwrap().x());
    let slopes = Array2::from_shape_fn((8, 6), |(i, j)| (i as f64 - j as f64).sin());
    assert_eq!(soft.rows(&slopes).unwrap(), hard.rows(&slopes).unwrap());
    assert_eq!(soft.d_temperature(&slopes).unwrap(), hard.d_temperature(&slopes).unwrap());
    assert_eq!((soft.draws(), soft.bias(), hard.bias()), (8, Bias::Biased, Bias::Biased));
}

/// Of bits: the path of the relaxed law of bits, which is other code; and straight-through of a bit is that of two classes, of which one
/// is held.
#[test]
fn law_relaxed_bits_are_binary_concrete() {
    let (logits, temperature) = (array![[0.3, -2.0, 4.0], [1.0, 0.0, -0.5]], 0.4);
    let q = Bernoulli::new(&logits).unwrap().repeat_rows(4);
    let u = q.noise(&mut ChaCha8Rng::seed_from_u64(1));
    let relaxed = BinaryConcrete::new(&logits, temperature).unwrap().repeat_rows(4);
    let draw = relaxed.transform(u.mapv(|u: f64| -(u / (1.0 - u)).ln())).unwrap();
    let slopes = Array2::from_shape_fn((8, 3), |(i, j)| (i as f64 - j as f64).sin());
    let soft = GumbelSoftmax::propose(&q, u.clone(), temperature, Relaxation::Soft).unwrap();
    let hard = GumbelSoftmax::propose(&q, u, temperature, Relaxation::Hard).unwrap();
    let near = |a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13);
    assert!(near(soft.points(), draw.x()));
    assert_eq!(hard.points(), draw.x().mapv(|x| if x > 0.5 { 1.0 } else { 0.0 }));
    let path = relaxed.pathwise(&draw, &slopes).unwrap().collect();
    assert!(near(soft.rows(&slopes).unwrap().flat(), path.flat()));
    assert_eq!(soft.rows(&slopes).unwrap(), hard.rows(&slopes).unwrap());
    let (own, its) = (soft.d_temperature(&slopes).unwrap(), relaxed.d_temperature(&draw, &slopes).unwrap());
    assert!(own.iter().zip(&its).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn hard_relaxed_plans() {
    let q = Categorical::new(array![[0.0_f64, 0.0]], 2).unwrap();
    let of = |temperature| GumbelSoftmax::propose(&q, array![[0.0, 1.0]], temperature, Relaxation::Hard);
    let expected = "a finite number above 0";
    assert_eq!(of(0.0).unwrap_err(), Error::Parameter { name: "temperature", value: 0.0, expected });
    let plan = of(0.5).unwrap();
    let shape = |name| Error::Shape { name, got: vec![1, 1], expected: vec![1, 2] };
    assert_eq!(plan.rows(&array![[1.0]]).unwrap_err(), shape("cost"));
    assert_eq!(plan.d_temperature(&array![[1.0]]).unwrap_err(), shape("cost"));
    assert_eq!(plan.d_temperature(&array![[1.0, f64::NAN]]).unwrap_err(), Error::NaN { name: "cost", row: 0 });
    assert_eq!(plan.rows(&array![[1.0, f64::NAN]]).unwrap_err(), Error::NaN { name: "cost", row: 0 });
    let noise = GumbelSoftmax::propose(&q, array![[0.0]], 0.5, Relaxation::Soft).unwrap_err();
    assert_eq!(noise, shape("noise"));
}

/// An impossible class, whose z is -inf, does not move with the temperature.
#[test]
fn hard_the_temperature_and_an_impossible_class() {
    let q = Categorical::new(array![[0.0, f64::NEG_INFINITY, 0.5]], 3).unwrap();
    let plan = GumbelSoftmax::propose(&q, array![[0.1, 0.2, 0.3]], 0.5, Relaxation::Soft).unwrap();
    assert!(plan.d_temperature(&array![[1.0, 2.0, 3.0]]).unwrap()[0].is_finite());
}
