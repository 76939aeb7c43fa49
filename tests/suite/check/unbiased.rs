use estimand::Error;
use estimand::check::{Tested, Verdict, unbiased};
use estimand::gradient::{
    Baseline, Coupling, Fitted, MeasureValued, Pathwise, Plan, ScoreFunction, StickingTheLanding, antithetic,
    control_variates,
};
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::noise::{Key, Standard};
use estimand::{DiagGaussian, Real, Transform};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::stats::{kolmogorov, kolmogorov_limit};

/// Runs of `n` rows and `width` coordinates each, from normal numbers by `row`.
fn runs(count: usize, n: usize, width: usize, alpha: f64, row: impl Fn(f64) -> f64, mean: f64) -> Vec<Tested> {
    let mut rows = Array2::<f64>::zeros((n, width));
    let truth = Array1::from_elem(width, mean);
    let run = |k: usize| {
        Key::new(k as u64).fill(Standard::Normal, 0, rows.as_slice_mut().unwrap());
        rows.mapv_inplace(&row);
        unbiased(&rows, &truth, alpha).unwrap()
    };
    (0..count).map(run).collect()
}

fn alarms(runs: &[Tested]) -> usize {
    runs.iter().filter(|t| t.verdict == Verdict::Biased).count()
}

/// 10 000 honest runs at alpha = 0.01 alarm 100 times on average: between 55 and 150, a count that is outside with a
/// chance of 1e-5 where the rate is right. None does at 1e-9, and p-values are uniform.
#[test]
fn stat_false_alarms_are_as_many_as_asked_for() {
    for width in [1, 3] {
        let honest = runs(10_000, 400, width, 0.01, |z| z, 0.0);
        let alarms = alarms(&honest);
        assert!((55..=150).contains(&alarms), "{width}: {alarms}");
        assert!(honest.iter().all(|t| t.p_value > 1e-9 && t.verdict != Verdict::Inconclusive));
        let p: Vec<f64> = honest.iter().map(|t| t.p_value).collect();
        let distance = kolmogorov(p, |p| p);
        assert!(distance < kolmogorov_limit(10_000, 1e-9), "{width}: {distance}");
    }
}

/// Skewed rows with heavy tails, lognormal of sigma 1 (skewness 6.2, kurtosis 114), need more of them: at n = 10 000 the
/// rate is right. Beyond the bound of the tail the test abstains.
#[test]
fn stat_false_alarms_of_lognormal_rows() {
    let honest = runs(10_000, 10_000, 1, 0.01, f64::exp, 0.5_f64.exp());
    let (alarms, abstained) = (alarms(&honest), honest.iter().filter(|t| t.verdict == Verdict::Inconclusive).count());
    assert!((55..=150).contains(&alarms), "{alarms}");
    assert!(abstained < 500, "{abstained}");
    assert!(honest.iter().all(|t| t.p_value > 1e-9));
    // At n = 100 the law of t is another, and the test mostly abstains rather than pass.
    let few = runs(2000, 100, 1, 0.01, f64::exp, 0.5_f64.exp());
    let passed = few.iter().filter(|t| t.verdict == Verdict::Consistent).count();
    assert!(passed < 200, "{passed}");
}

/// Without a variance there is no verdict, however many rows.
#[test]
fn stat_cauchy_rows_are_inconclusive() {
    for n in [100, 1000, 100_000] {
        for k in 0..20 {
            let mut rows = Array2::<f64>::zeros((n, 1));
            Key::new(k).fill(Standard::Uniform, 0, rows.as_slice_mut().unwrap());
            rows.mapv_inplace(|u| (std::f64::consts::PI * (u - 0.5)).tan());
            let tested = unbiased(&rows, &array![0.0], 0.01).unwrap();
            assert_eq!(tested.verdict, Verdict::Inconclusive, "{n}: {tested}");
        }
    }
}

/// The smallest bias is missed with a chance of alpha: at 0.01, 100 of 10 000 runs, by the same bounds; and rows that
/// are as many as it asks for see the bias that they are asked for.
#[test]
fn stat_the_smallest_bias_is_seen() {
    let pilot = &runs(1, 200, 1, 0.01, |z| z, 0.0)[0];
    let n = pilot.rows_for(&array![0.2]).unwrap();
    // (2.576 + 2.326)^2 / 0.2^2 = 600, times a variance of one that is estimated.
    assert!((400..=850).contains(&n), "{n}");
    let missed = 10_000 - alarms(&runs(10_000, 601, 1, 0.01, |z| z, 0.2));
    assert!((55..=150).contains(&missed), "{missed}");
}

/// N(0.7, e^0.6) and E (x^2 + sin x - 5/2) in both parameters; an alarm that is false, or a bias that is missed, has a chance of
/// 0.001 each.
fn planted(rows: impl Fn(&DiagGaussian<'_, f64>, usize, &mut ChaCha8Rng) -> Array2<f64>, name: &str) {
    let (m, s) = (0.7_f64, 0.3_f64);
    let law = |n: usize| DiagGaussian::new(Array2::from_elem((n, 1), m), Array2::from_elem((n, 1), s)).unwrap();
    let v = (2.0 * s).exp();
    let damped = (-0.5 * v).exp();
    // E sin x = sin m e^(-v/2).
    let truth = array![2.0 * m + m.cos() * damped, 2.0 * v - v * m.sin() * damped];
    let alpha = 1e-3;
    let mut rng = ChaCha8Rng::seed_from_u64(33);
    let pilot = unbiased(&rows(&law(20_000), 20_000, &mut rng), &truth, alpha).unwrap();
    let bias = truth.mapv(|t: f64| 0.05 * t.abs());
    // As many as it asks for, a fifth more since the pilot has an error of its own, and enough for the tails.
    let n = (pilot.rows_for(&bias).unwrap() * 6 / 5).max(20_000);
    let rows = rows(&law(n), n, &mut rng);
    let right = unbiased(&rows, &truth, alpha).unwrap();
    assert_eq!(right.verdict, Verdict::Consistent, "{name}: {right}");
    for j in 0..2 {
        let mut wrong = truth.clone();
        wrong[j] *= 1.05;
        let tested = unbiased(&rows, &wrong, alpha).unwrap();
        assert_eq!((tested.verdict, tested.worst), (Verdict::Biased, j), "{name}: {tested}");
    }
}

#[test]
fn stat_a_bias_of_five_percent_is_seen_in_every_estimator() {
    let cost = |x: f64| x * x + x.sin() - 2.5;
    let slope = |x: f64| 2.0 * x + x.cos();
    for baseline in [
        Baseline::None,
        Baseline::Constant(2.0),
        Baseline::LeaveOneOut,
        Baseline::Optimal(Fitted::LeavingOneOut),
        Baseline::OptimalByCoordinate(Fitted::LeavingOneOut),
    ] {
        let samples = if matches!(baseline, Baseline::None | Baseline::Constant(_)) { 1 } else { 4 };
        planted(
            |q, _, rng| {
                let q = q.clone().repeat_rows(samples);
                let plan = ScoreFunction::propose(&q, q.noise(rng), baseline).unwrap();
                plan.rows(&plan.points().column(0).mapv(cost)).unwrap().into_flat()
            },
            &format!("{baseline:?}"),
        );
    }
    planted(
        |q, _, rng| {
            let plan = Pathwise::propose(q, q.noise(rng)).unwrap();
            plan.rows(&plan.points().mapv(slope)).unwrap().into_flat()
        },
        "pathwise",
    );
    planted(
        |q, _, rng| {
            let noise = antithetic(q, &q.noise(rng)).unwrap();
            let q = q.clone().repeat_rows(2);
            let plan = ScoreFunction::propose(&q, noise, Baseline::None).unwrap().grouped(2).unwrap();
            plan.rows(&plan.points().column(0).mapv(cost)).unwrap().into_flat()
        },
        "antithetic",
    );
    for coupling in [Coupling::Coupled, Coupling::Independent] {
        planted(
            |q, _, rng| {
                let plan = MeasureValued::propose(q, MeasureValued::noise(q, coupling, rng), coupling).unwrap();
                plan.rows(&plan.points().column(0).mapv(cost)).unwrap().into_flat()
            },
            &format!("measure-valued {coupling:?}"),
        );
    }
    planted(
        |q, n, rng| {
            let q = q.clone().repeat_rows(8);
            let plan = ScoreFunction::propose(&q, q.noise(rng), Baseline::None).unwrap();
            let rows = plan.rows(&plan.points().column(0).mapv(cost)).unwrap();
            let controls = plan.points().mapv(|x| x - 0.7);
            let found = control_variates(&rows, 8, &controls, &array![0.0], Fitted::LeavingOneOut).unwrap();
            assert_eq!(found.estimate.gradient.flat().nrows(), n);
            found.estimate.gradient.into_flat()
        },
        "control variates",
    );
}

/// Sticking the landing has a cost of its own; where the truth is 0 the planted bias is a standard deviation.
#[test]
fn stat_a_bias_is_seen_where_the_truth_is_zero() {
    let n = 100_000;
    let (loc, log_scale) = (array![0.5], array![0.0]);
    let q = DiagGaussian::shared(&loc, &log_scale, n).unwrap();
    let plan = StickingTheLanding::propose(&q, q.noise(&mut ChaCha8Rng::seed_from_u64(3))).unwrap();
    let rows = plan.rows(&plan.points().mapv(|z| 1.0 - 2.0 * z)).unwrap().into_flat();
    let truth = array![0.0, -1.0];
    let right = unbiased(&rows, &truth, 1e-9).unwrap();
    assert_eq!(right.verdict, Verdict::Consistent, "{right}");
    let sd = right.std_error[0] * (n as f64).sqrt();
    assert!(right.rows_for(&array![sd, 0.05]).unwrap() <= 200_000);
    let wrong = unbiased(&rows, &array![sd, -1.0], 1e-9).unwrap();
    assert_eq!((wrong.verdict, wrong.worst), (Verdict::Biased, 0));
}

/// Two-sided chances of Student's t with n - 1 degrees, by numerical integration of its density in the test.
#[test]
fn ref_p_values_are_students() {
    for (n, shift) in [(200_usize, 0.1), (200, 0.25), (1000, 0.02), (60, 0.2)] {
        // Evenly spread numbers, whose kurtosis is 1.8.
        let rows = Array2::from_shape_fn((n, 1), |(i, _)| (i as f64 + 0.5) / n as f64 - 0.5 + shift);
        let tested = unbiased(&rows, &array![0.0], 0.2).unwrap();
        let nu = n as f64 - 1.0;
        let t = shift / tested.std_error[0];
        let density = |x: f64| (-0.5 * (nu + 1.0) * (x * x / nu).ln_1p()).exp();
        let integral = |from: f64, to: f64| {
            let (steps, h) = (200_000, (to - from) / 200_000.0);
            (0..steps).map(|k| density(from + h * (f64::from(k) + 0.5))).sum::<f64>() * h
        };
        let expected = integral(t, t + 60.0) / integral(0.0, 60.0);
        // The midpoint rule at steps of 3e-4, and the incomplete beta function.
        assert!((tested.p_value / expected - 1.0).abs() < 1e-6, "{} {expected}", tested.p_value);
    }
}

/// Sidak: of coordinates that are independent, the chance of the worst.
#[test]
fn law_the_level_is_shared_among_coordinates() {
    let column = |shift: f64| Array1::from_shape_fn(400, |i| (f64::from(i as u32) + 0.5) / 400.0 - 0.5 + shift);
    let mut rows = Array2::zeros((400, 3));
    for (j, shift) in [0.01, 0.03, -0.02].into_iter().enumerate() {
        rows.column_mut(j).assign(&column(shift));
    }
    let all = unbiased(&rows, &Array1::zeros(3), 0.01).unwrap();
    let worst = unbiased(&rows.select(Axis(1), &[1]), &Array1::zeros(1), 0.01).unwrap();
    assert_eq!(all.worst, 1);
    assert!((all.p_value - (1.0 - (1.0 - worst.p_value).powi(3))).abs() < 1e-14);
    assert!(all.smallest_bias[1] > worst.smallest_bias[0] && all.tail_bound < worst.tail_bound);
    assert_eq!(all.mean[2], rows.column(2).mean().unwrap());
}

fn constant<F: Real>() {
    let rows = Array2::from_elem((50, 1), F::of(0.1));
    let verdict = |truth: f64| unbiased(&rows, &array![F::of(truth)], 0.01).unwrap();
    assert_eq!((verdict(0.1).verdict, verdict(0.1).p_value), (Verdict::Consistent, 1.0));
    assert_eq!((verdict(0.105).verdict, verdict(0.105).p_value), (Verdict::Biased, 0.0));
}

#[test]
fn hard_rows_that_never_vary() {
    constant::<f64>();
    constant::<f32>();
    // Rounding is no bias.
    let rows = Array2::from_shape_fn((50, 1), |(i, _)| if i % 2 == 0 { 0.3 } else { 0.1 + 0.2 });
    assert_eq!(unbiased(&rows, &array![0.3], 0.01).unwrap().verdict, Verdict::Consistent);
}

#[test]
fn hard_large_and_infinite_rows() {
    let huge = Array2::from_shape_fn((100, 1), |(i, _)| if i % 2 == 0 { 1e200 } else { -1e200 });
    let tested = unbiased(&huge, &array![0.0], 0.01).unwrap();
    assert_eq!(tested.verdict, Verdict::Consistent, "fourth powers overflow: {tested}");
    let infinite = Array2::from_shape_fn((100, 1), |(i, _)| if i == 0 { f64::INFINITY } else { 0.0 });
    assert_eq!(unbiased(&infinite, &array![0.0], 0.01).unwrap().verdict, Verdict::Inconclusive);
    let all = Array2::from_elem((100, 1), f64::INFINITY);
    assert_eq!(unbiased(&all, &array![0.0], 0.01).unwrap().verdict, Verdict::Inconclusive);
    // A coordinate that cannot be judged does not hide one that is wrong.
    let both = Array2::from_shape_fn((100, 2), |(i, j)| {
        if j == 0 { if i == 0 { 100.0 } else { 0.0 } } else { 1.0 + 0.1 * (i % 3) as f64 }
    });
    let tested = unbiased(&both, &array![1.0, 0.0], 0.01).unwrap();
    assert_eq!((tested.verdict, tested.worst), (Verdict::Biased, 1));
}

#[test]
fn hard_tests_at_the_door() {
    let rows = Array2::<f64>::zeros((5, 2));
    let run = |rows: &Array2<f64>, truth: &Array1<f64>, alpha| unbiased(rows, truth, alpha).err();
    for alpha in [0.0, 1.0, -1.0, f64::NAN] {
        let error = run(&rows, &Array1::zeros(2), alpha);
        assert!(matches!(error, Some(Error::Parameter { name: "alpha", expected: "a number in (0, 1)", .. })));
    }
    let shape = Error::Shape { name: "truth", got: vec![3], expected: vec![2] };
    assert_eq!(run(&rows, &Array1::zeros(3), 0.01), Some(shape));
    let few = Error::TooFew { name: "rows", got: 1, needs: 2 };
    assert_eq!(run(&Array2::zeros((1, 2)), &Array1::zeros(2), 0.01), Some(few));
    let none = Error::TooFew { name: "truth", got: 0, needs: 1 };
    assert_eq!(run(&Array2::zeros((5, 0)), &Array1::zeros(0), 0.01), Some(none));
    let mut holed = rows.clone();
    holed[[3, 1]] = f64::NAN;
    assert_eq!(run(&holed, &Array1::zeros(2), 0.01), Some(Error::NaN { name: "rows", row: 3 }));
    let entry = Error::Entry { name: "truth", index: vec![1], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(run(&rows, &array![0.0, f64::INFINITY], 0.01), Some(entry));
    let tested = unbiased(&rows, &Array1::zeros(2), 0.01).unwrap();
    let entry = Error::Entry { name: "bias", index: vec![1], value: 0.0, expected: "a positive number" };
    assert_eq!(tested.rows_for(&array![1.0, 0.0]).err(), Some(entry));
    let shape = Error::Shape { name: "bias", got: vec![1], expected: vec![2] };
    assert_eq!(tested.rows_for(&array![1.0]).err(), Some(shape));
    assert!(tested.to_string().starts_with("Consistent at alpha 1e-2"), "{tested}");
}
