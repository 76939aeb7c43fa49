use estimand::Error;
use estimand::check::{Tested, Verdict, unbiased};
use estimand::gradient::{
    Baseline, Coupling, FiniteDifference, Fitted, Grouped, MeasureValued, Pathwise, Plan, ScoreFunction,
    StickingTheLanding, antithetic, control_variates,
};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::noise::{Key, Standard};
use estimand::{DiagGaussian, Distribution, Real, Transform};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::stats::{chance_of_count, kolmogorov, kolmogorov_limit};

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

/// Rows far from 0 in single precision, whose rounding is granted: it is in the smallest bias, so that a bias of that
/// size is seen, but for a chance of alpha.
#[test]
fn stat_the_smallest_bias_has_the_rounding_in_it() {
    // 1000 + z / 100 in f32: what is granted is 4 standard errors.
    let (n, runs, rounding) = (2000, 2000, 8.0 * f64::from(f32::EPSILON) * 1000.0);
    let std_error = 0.01 / (n as f64).sqrt();
    // A bias as large as a standard error that is known would have it; then the truth is rounded to f32.
    let truth = (1000.0 + (2.575_829 + 2.326_348) * std_error + rounding) as f32;
    let seen = (f64::from(truth) - 1000.0 - rounding) / std_error;
    // Student's quantile, and the spread that an estimated error adds, to first order in 1/n.
    let nu = n as f64 - 1.0;
    let quantile = 2.575_829 + (2.575_829_f64.powi(3) + 2.575_829) / (4.0 * nu);
    let off = (seen - quantile) / (1.0 + quantile * quantile / (2.0 * nu)).sqrt();
    let chance = 0.5 * libm::erfc(off / std::f64::consts::SQRT_2);
    let mut z = vec![0.0_f64; n];
    let mut missed = 0;
    for k in 0..runs {
        Key::new(k as u64).fill(Standard::Normal, 0, &mut z);
        let rows = Array2::from_shape_fn((n, 1), |(i, _)| (1000.0 + 0.01 * z[i]) as f32);
        let tested = unbiased(&rows, &array![truth], 0.01).unwrap();
        // Of its own error: granted is 8 epsilons of the largest number, which is no more than 1000.1.
        let granted = tested.smallest_bias[0] - (2.575_829 + 2.326_348) * tested.std_error[0];
        assert!((granted / rounding - 1.0).abs() < 1.1e-4, "{granted} {rounding}");
        missed += usize::from(tested.verdict != Verdict::Biased);
    }
    assert!(chance_of_count(missed, runs, chance) > 1e-9, "{missed} of {runs}, {chance}");
}

/// As many rows as a sample asks for have the bias that it is asked for as their smallest, and tails within their bound.
#[test]
fn stat_rows_for_a_bias_and_for_the_tail() {
    // Normal rows: 200 are too few for alpha = 1e-9, whatever the bias.
    let few = &runs(1, 200, 1, 1e-9, |z| z, 0.0)[0];
    assert_eq!(few.verdict, Verdict::Inconclusive);
    let n = few.rows_for(&array![1.0]).unwrap();
    assert_eq!(n, (200.0 * few.tail / few.tail_bound).ceil() as usize, "the tail is what asks for them");
    // The kurtosis of n normal numbers is 3 +- sqrt(24 / n): 6 of these for the few.
    let bound = few.tail_bound;
    assert!((n as f64 * bound - 3.0).abs() < 6.0 * (24.0 / 200.0_f64).sqrt(), "{n}");
    let enough = &runs(1, 2 * n, 1, 1e-9, |z| z, 0.0)[0];
    assert_eq!(enough.verdict, Verdict::Consistent, "{enough}");
    assert!(enough.smallest_bias[0] < 1.0);

    // Enough for the tail: the bias asks, as one over its square, and what rounding grants does not shrink.
    let many = &runs(1, 20_000, 2, 0.01, |z| z, 0.0)[0];
    assert_eq!(many.rows_for(&many.smallest_bias).unwrap(), 20_000);
    let spread = many.std_error[1] * many.smallest_bias[0] / many.std_error[0];
    let half = array![many.smallest_bias[0], 0.5 * spread];
    // Where rounding, 8 epsilons of 4.5, is nothing beside a standard error of 1 / sqrt(20 000).
    let n = many.rows_for(&half).unwrap();
    assert!((79_999..=80_001).contains(&n), "{n}");
}

#[test]
fn hard_the_heaviest_tail_is_named() {
    // An outlier in row 0 of size 3, 30 and 10.
    let rows = Array2::from_shape_fn((400, 3), |(i, j)| {
        let side = if i % 2 == 0 { 1.0 } else { -1.0 };
        if i == 0 { [3.0, 30.0, 10.0][j] } else { side }
    });
    let tested = unbiased(&rows, &array![0.0, 0.0, 0.0], 0.01).unwrap();
    assert_eq!((tested.verdict, tested.heaviest, tested.worst), (Verdict::Inconclusive, 1, 0));
    assert!(tested.to_string().ends_with(" in coordinate 1"), "{tested}");
    let alone = unbiased(&rows.select(Axis(1), &[1]), &array![0.0], 0.01).unwrap();
    assert_eq!((alone.tail, alone.heaviest), (tested.tail, 0));
    // A verdict on the mean speaks of the mean.
    let light = unbiased(&rows.select(Axis(1), &[0]), &array![0.0], 0.01).unwrap();
    assert_eq!(light.verdict, Verdict::Consistent);
    assert!(!light.to_string().ends_with("in coordinate 0") && light.to_string().contains("kurtosis / n"), "{light}");
    // Rows that have no mean are the heaviest of all.
    let mut infinite = rows.clone();
    infinite[[7, 2]] = f64::INFINITY;
    let tested = unbiased(&infinite, &Array1::zeros(3), 0.01).unwrap();
    assert_eq!((tested.verdict, tested.heaviest, tested.tail), (Verdict::Inconclusive, 2, f64::INFINITY));
}

/// Of rows that never vary the smallest bias is what rounding may be, and a bias above it is seen; below it nothing is, and
/// more rows do not help.
#[test]
fn hard_a_bias_below_rounding_is_not_seen() {
    let rows = Array2::from_elem((50, 2), 1000.0_f64);
    let at = |off: f64| unbiased(&rows, &array![1000.0, 1000.0 - off], 0.01).unwrap();
    let rounding = 8.0 * f64::EPSILON * 1000.0;
    assert_eq!(at(0.0).smallest_bias, array![rounding, rounding]);
    assert_eq!(at(0.9 * rounding).verdict, Verdict::Consistent);
    assert_eq!((at(1.1 * rounding).verdict, at(1.1 * rounding).worst), (Verdict::Biased, 1));
    assert_eq!(at(0.0).rows_for(&array![1.0, 2.0 * rounding]).unwrap(), 2, "any two would do");
    let expected = "more than rounding may move the mean by";
    let entry = Error::Entry { name: "bias", index: vec![1], value: rounding, expected };
    assert_eq!(at(0.0).rows_for(&array![1.0, rounding]).err(), Some(entry));
}

/// The law of [`planted`]: N(0.7, e^0.6), location and log-scale.
const PLANTED: [f64; 2] = [0.7, 0.3];

fn cost(x: f64) -> f64 {
    x * x + x.sin() - 2.5
}

fn costs(points: ArrayView2<'_, f64>) -> Array1<f64> {
    points.column(0).mapv(cost)
}

fn slopes(points: ArrayView2<'_, f64>) -> Array2<f64> {
    points.mapv(|x| 2.0 * x + x.cos())
}

/// E (x^2 + sin x - 5/2), with E sin x = sin m e^(-v/2), and its gradient in location and log-scale.
fn expected_cost([m, s]: [f64; 2]) -> (f64, [f64; 2]) {
    let v = (2.0 * s).exp();
    let damped = (-0.5 * v).exp();
    (m * m + v - 2.5 + m.sin() * damped, [2.0 * m + m.cos() * damped, 2.0 * v - v * m.sin() * damped])
}

/// An estimator of `truth`, n draws of it at n parameter rows, passes; with 5 % of the truth planted in either coordinate it
/// does not, at as many rows as the smallest detectable bias of a pilot asks for. An alarm that is false, or a bias that is
/// missed, has a chance of 0.001 each.
fn planted(name: &str, truth: [f64; 2], rows: impl Fn(&DiagGaussian<'_, f64>, &mut ChaCha8Rng) -> Array2<f64>) {
    let [m, s] = PLANTED;
    let mut rng = ChaCha8Rng::seed_from_u64(33);
    let mut draw = |n: usize| {
        let law = DiagGaussian::new(Array2::from_elem((n, 1), m), Array2::from_elem((n, 1), s)).unwrap();
        let rows = rows(&law, &mut rng);
        assert_eq!(rows.dim(), (n, 2), "{name}");
        rows
    };
    let (truth, alpha) = (Array1::from(truth.to_vec()), 1e-3);
    let pilot = unbiased(&draw(20_000), &truth, alpha).unwrap();
    // The tails may be too heavy for so few: then it asks for more.
    assert_ne!(pilot.verdict, Verdict::Biased, "{name}: {pilot}");
    // The pilot's variance is known up to sqrt(kurtosis / n) of itself: three of these more, an upper limit of confidence.
    let asked = pilot.rows_for(&truth.mapv(|t: f64| 0.05 * t.abs())).unwrap();
    let n = (asked as f64 * (1.0 + 3.0 * pilot.tail.sqrt())).ceil() as usize;
    let rows = draw(n);
    let right = unbiased(&rows, &truth, alpha).unwrap();
    assert_eq!(right.verdict, Verdict::Consistent, "{name}: {right}");
    for j in 0..2 {
        let mut wrong = truth.clone();
        wrong[j] *= 1.05;
        let tested = unbiased(&rows, &wrong, alpha).unwrap();
        assert_eq!((tested.verdict, tested.worst), (Verdict::Biased, j), "{name}: {tested}");
    }
}

/// Noise of a law of one sample a row, for a law of several.
type Noise<'a> = &'a dyn Fn(&DiagGaussian<'_, f64>, &mut ChaCha8Rng) -> Array2<f64>;

/// Draws that are independent by groups only.
fn grouped<P: Plan<f64>>(plan: P, k: usize) -> Grouped<P> {
    plan.grouped(k).unwrap()
}

/// The mean of one draw of two samples with the optimal constant fitted on both, from its definition: quadrature by the
/// trapezoidal rule in both noise numbers, z = (x - m) / sigma and scores (z / sigma, z^2 - 1).
fn mean_fitted_on_all(by_coordinate: bool, step: f64) -> [f64; 2] {
    let [m, s] = PLANTED;
    let sigma = s.exp();
    let end = (9.0 / step) as i32;
    let (mut mean, mut total) = ([0.0; 2], 0.0);
    let at = |k: i32| step * (f64::from(k) + 0.5);
    for (a, b) in (-end..end).flat_map(|a| (-end..end).map(move |b| (a, b))) {
        let z = [at(a), at(b)];
        let weight = (-0.5 * (z[0] * z[0] + z[1] * z[1])).exp();
        total += weight;
        let c = z.map(|z| cost(m + sigma * z));
        let score = z.map(|z| [z / sigma, z * z - 1.0]);
        for (j, mean) in mean.iter_mut().enumerate() {
            let square = score.map(|s| if by_coordinate { s[j] * s[j] } else { s[0] * s[0] + s[1] * s[1] });
            let constant = (c[0] * square[0] + c[1] * square[1]) / (square[0] + square[1]);
            *mean += weight * 0.5 * ((c[0] - constant) * score[0][j] + (c[1] - constant) * score[1][j]);
        }
    }
    mean.map(|sum| sum / total)
}

/// Every estimator of a gradient that there is. Those with a stated bias are judged by the mean that it states: the mean
/// baseline shrinks by (S - 1) / S, a difference has its own truth at its step, constants fitted on all samples
/// have a mean by quadrature. Two are not in the list: control variates fitted on all samples, whose mean
/// has no form that shares no code with them (their own tests enumerate it), and a difference with independent noise on
/// its sides, which is no estimator of ours.
#[test]
fn stat_a_bias_of_five_percent_is_seen_in_every_estimator() {
    let (_, truth) = expected_cost(PLANTED);
    for baseline in [
        Baseline::None,
        Baseline::Constant(2.0),
        Baseline::LeaveOneOut,
        Baseline::Mean,
        Baseline::Optimal(Fitted::LeavingOneOut),
        Baseline::OptimalByCoordinate(Fitted::LeavingOneOut),
    ] {
        let samples = if matches!(baseline, Baseline::None | Baseline::Constant(_)) { 1 } else { 4 };
        let mean = if baseline == Baseline::Mean { truth.map(|t| 0.75 * t) } else { truth };
        planted(&format!("{baseline:?}"), mean, |q, rng| {
            let q = q.clone().repeat_rows(samples);
            let plan = ScoreFunction::propose(&q, q.noise(rng), baseline).unwrap();
            plan.rows(&costs(plan.points())).unwrap().into_flat()
        });
    }
    for by_coordinate in [false, true] {
        let [coarse, fine] = [0.1, 0.05].map(|step| mean_fitted_on_all(by_coordinate, step));
        // Where both scores are 0 the constant has no limit: an error of the order of step^3, far below a bias of 5 %.
        assert!((0..2).all(|j| (coarse[j] - fine[j]).abs() < 1e-3 * fine[j].abs()), "{coarse:?} {fine:?}");
        assert!((0..2).all(|j| (fine[j] - truth[j]).abs() > 0.05 * truth[j].abs()), "biased: {fine:?} {truth:?}");
        planted(&format!("fitted on all, by coordinate {by_coordinate}"), fine, |q, rng| {
            let q = q.clone().repeat_rows(2);
            let fitted = Fitted::OnAll;
            let baseline =
                if by_coordinate { Baseline::OptimalByCoordinate(fitted) } else { Baseline::Optimal(fitted) };
            let plan = ScoreFunction::propose(&q, q.noise(rng), baseline).unwrap();
            plan.rows(&costs(plan.points())).unwrap().into_flat()
        });
    }
    // A number an example, whatever its draws: from none to one that is far too large.
    planted("given", truth, |q, rng| {
        let known = Array1::from_shape_fn(2 * q.shape().rows, |i| (i / 2 % 4) as f64);
        let q = q.clone().repeat_rows(2);
        let plan = grouped(ScoreFunction::propose(&q, q.noise(rng), Baseline::Given(&known)).unwrap(), 2);
        plan.rows(&costs(plan.points())).unwrap().into_flat()
    });
    planted("pathwise", truth, |q, rng| {
        let plan = Pathwise::propose(q, q.noise(rng)).unwrap();
        plan.rows(&slopes(plan.points())).unwrap().into_flat()
    });
    // z ~ N(0, 1), x | z ~ N(z, 1), x = 1: the ELBO has the gradient 1 - 2 m and 1 - 2 v, at -2 z + 1 for slopes.
    let v = (2.0 * PLANTED[1]).exp();
    planted("sticking the landing", [1.0 - 2.0 * PLANTED[0], 1.0 - 2.0 * v], |q, rng| {
        let plan = StickingTheLanding::propose(q, q.noise(rng)).unwrap();
        plan.rows(&plan.points().mapv(|z| 1.0 - 2.0 * z)).unwrap().into_flat()
    });
    let pairs = |q: &DiagGaussian<'_, f64>, rng: &mut ChaCha8Rng| antithetic(q, &q.noise(rng)).unwrap();
    let points = 8;
    let spread = |q: &DiagGaussian<'_, f64>, rng: &mut ChaCha8Rng| {
        Standard::Normal.quasi(rng, q.shape().samples(), points, 1).unwrap()
    };
    let noises: [(&str, usize, Noise<'_>); 2] = [("antithetic", 2, &pairs), ("evenly spread", points, &spread)];
    for (name, k, noise) in noises {
        planted(&format!("score function, {name}"), truth, |q, rng| {
            let noise = noise(q, rng);
            let q = q.clone().repeat_rows(k);
            let plan = grouped(ScoreFunction::propose(&q, noise, Baseline::None).unwrap(), k);
            plan.rows(&costs(plan.points())).unwrap().into_flat()
        });
        // Three groups a parameter row, of which the own one is left out.
        planted(&format!("score function, {name}, leave groups out"), truth, |q, rng| {
            let groups = q.clone().repeat_rows(3);
            let noise = noise(&groups, rng);
            let q = groups.repeat_rows(k);
            let plan = ScoreFunction::propose(&q, noise, Baseline::LeaveGroupOut(k)).unwrap();
            plan.rows(&costs(plan.points())).unwrap().into_flat()
        });
        planted(&format!("pathwise, {name}"), truth, |q, rng| {
            let noise = noise(q, rng);
            let q = q.clone().repeat_rows(k);
            let plan = grouped(Pathwise::propose(&q, noise).unwrap(), k);
            plan.rows(&slopes(plan.points())).unwrap().into_flat()
        });
    }
    for coupling in [Coupling::Coupled, Coupling::Independent] {
        planted(&format!("measure-valued {coupling:?}"), truth, |q, rng| {
            let plan = MeasureValued::propose(q, MeasureValued::noise(q, coupling, rng), coupling).unwrap();
            plan.rows(&costs(plan.points())).unwrap().into_flat()
        });
    }
    let step = 0.5;
    let difference = |j: usize| {
        let moved = |by: f64| {
            let mut theta = PLANTED;
            theta[j] += by;
            expected_cost(theta).0
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    };
    planted("differences", [difference(0), difference(1)], |q, rng| {
        let plan = FiniteDifference::propose(q, q.noise(rng), step).unwrap();
        plan.rows(&costs(plan.points())).unwrap().into_flat()
    });
    planted("control variates", truth, |q, rng| {
        let q = q.clone().repeat_rows(8);
        let plan = ScoreFunction::propose(&q, q.noise(rng), Baseline::None).unwrap();
        let rows = plan.rows(&costs(plan.points())).unwrap();
        let controls = plan.points().mapv(|x| x - PLANTED[0]);
        let found = control_variates(&rows, 8, &controls, &array![0.0], Fitted::LeavingOneOut).unwrap();
        found.estimate.gradient.into_flat()
    });
}

/// Where the truth is 0 the planted bias is a standard deviation of a draw, at as many rows as it asks for: few, so that the
/// tails are what asks.
#[test]
fn stat_a_bias_is_seen_where_the_truth_is_zero() {
    let (loc, log_scale) = (array![0.5], array![0.0]);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut draw = |n: usize| {
        let q = DiagGaussian::shared(&loc, &log_scale, n).unwrap();
        let plan = StickingTheLanding::propose(&q, q.noise(&mut rng)).unwrap();
        plan.rows(&plan.points().mapv(|z| 1.0 - 2.0 * z)).unwrap().into_flat()
    };
    // The slope in the location is (1 - 2 z) + (z - 1/2): of variance 1; the truth in the log-scale is 1 - 2 v.
    let (truth, sd) = (array![0.0, -1.0], 1.0);
    let pilot = unbiased(&draw(20_000), &truth, 1e-9).unwrap();
    assert_ne!(pilot.verdict, Verdict::Biased, "{pilot}");
    let alone = pilot.rows_for(&array![sd, f64::MAX]).unwrap();
    assert_eq!(alone, (20_000.0 * pilot.tail / pilot.tail_bound).ceil() as usize);
    let asked = pilot.rows_for(&array![sd, 0.05]).unwrap();
    let rows = draw((asked as f64 * (1.0 + 3.0 * pilot.tail.sqrt())).ceil() as usize);
    let right = unbiased(&rows, &truth, 1e-9).unwrap();
    assert_eq!(right.verdict, Verdict::Consistent, "{right}");
    for (wrong, j) in [(array![sd, -1.0], 0), (array![0.0, -1.05], 1)] {
        let tested = unbiased(&rows, &wrong, 1e-9).unwrap();
        assert_eq!((tested.verdict, tested.worst), (Verdict::Biased, j), "{tested}");
    }
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
