use estimand::check::{Exact, Nodes, oracle};
use estimand::gradient::importance::{LeftOut, normalised_weights};
use estimand::gradient::{Bias, ManySamplePath, ManySampleScore, PathWeight, Plan, ScoreWeight};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, DiagGaussian, Distribution, Draw, Error, Real, Result, Transform, ValueGrad};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// z ~ N(0, 1), x | z ~ N(z, 1), x = 1: the posterior is N(1/2, 1/2).
fn joint<F: Real>(z: ArrayView2<'_, F>) -> ValueGrad<Array1<F>, Array2<F>> {
    let (half, one) = (F::of(0.5), F::one());
    let log_p = |z: F| -half * z * z - half * (one - z) * (one - z) - F::of((2.0 * std::f64::consts::PI).ln());
    ValueGrad { value: z.column(0).mapv(log_p), grad: z.mapv(|z| one - z - z) }
}

fn gaussian(n: usize, m: f64, s: f64, k: usize) -> DiagGaussian<'static, f64> {
    DiagGaussian::new(Array2::from_elem((n, 1), m), Array2::from_elem((n, 1), s)).unwrap().repeat_rows(k)
}

fn path(m: f64, s: f64, weight: PathWeight, step: f64) -> Exact {
    let z = Nodes::normal(step).unwrap();
    let found = oracle(&[&z, &z], 1, |noise: Array2<f64>| {
        let q = gaussian(noise.nrows() / 2, m, s, 2);
        ManySamplePath::propose(&q, noise, 2, weight)?.rows_with(joint)
    });
    found.unwrap()
}

/// E L_2 of q = N(m, e^2s), by the rule and from the definition.
fn l_2(m: f64, s: f64) -> f64 {
    let z = Nodes::normal(0.25).unwrap();
    let w = |e: f64| {
        let z = m + s.exp() * e;
        (-0.5 * z * z - 0.5 * (1.0 - z).powi(2) + 0.5 * e * e + s - 0.5 * (2.0 * std::f64::consts::PI).ln()).exp()
    };
    let pairs = z.points().iter().zip(z.weights());
    pairs.clone().flat_map(|(a, u)| pairs.clone().map(move |(b, v)| u * v * (0.5 * (w(*a) + w(*b))).ln())).sum()
}

/// DReG and the path minus the score have one mean, the derivative of E L_2; and not one variance.
///
/// By extrapolated differences of the rule, at 1e-3: its own error, between two steps of it, is below 1e-10.
#[test]
fn ref_dreg_has_the_mean_of_the_bounds_own_gradient() {
    for (m, s) in [(0.3, -0.2), (0.0, 0.0), (-1.0, -0.5)] {
        let slope = |by: &dyn Fn(f64) -> f64| {
            let h = 1e-3;
            (8.0 * (by(h) - by(-h)) - (by(2.0 * h) - by(-2.0 * h))) / (12.0 * h)
        };
        let truth = [slope(&|h| l_2(m + h, s)), slope(&|h| l_2(m, s + h))];
        let [own, dreg] = [PathWeight::Iwae, PathWeight::Dreg].map(|weight| path(m, s, weight, 0.25));
        for j in 0..2 {
            assert!((own.mean[j] - truth[j]).abs() < 1e-9, "{m} {s}: {} {truth:?}", own.mean);
            assert!((dreg.mean[j] - truth[j]).abs() < 1e-9, "{m} {s}: {} {truth:?}", dreg.mean);
        }
        assert!((own.variance[0] - dreg.variance[0]).abs() > 1e-3, "{} {}", own.variance, dreg.variance);
    }
}

/// The wake phase by the path has the mean of that by the score, and sign and size by a weight of hand.
#[test]
fn ref_wake_phi_has_one_mean_by_both_doors() {
    for (m, s) in [(0.3, -0.2), (-1.0, -0.5)] {
        let z = Nodes::normal(0.25).unwrap();
        let score = oracle(&[&z, &z], 1, |noise: Array2<f64>| {
            let q = gaussian(noise.nrows() / 2, m, s, 2);
            ManySampleScore::propose(&q, noise, 2, ScoreWeight::WakePhi)?.rows_with(|z| joint(z).value)
        });
        let (score, path) = (score.unwrap().mean, path(m, s, PathWeight::WakePhi, 0.25).mean);
        assert!((0..2).all(|j| (score[j] - path[j]).abs() < 1e-9), "{score} {path}");
        // E log q under the posterior rises towards its mean and its scale.
        assert_eq!(path[0] > 0.0, m < 0.5);
    }
}

/// Each sample is 0 where q is the posterior, in both precisions: but for the score of the bound's own gradient.
#[test]
fn law_at_the_posterior_each_draw_is_zero() {
    fn check<F: Real>() {
        let s = F::of(-0.5 * 2.0_f64.ln());
        let q = DiagGaussian::new(array![[F::of(0.5)]], array![[s]]).unwrap().repeat_rows(6);
        let noise = Array2::from_shape_fn((6, 1), |(i, _)| F::of([0.3, -2.0, 1.1, 4.0, 0.0, -0.6][i]));
        for (weight, zero) in [(PathWeight::Dreg, true), (PathWeight::WakePhi, true), (PathWeight::Iwae, false)] {
            let plan = ManySamplePath::propose(&q, noise.clone(), 3, weight).unwrap();
            let rows = plan.rows(&joint(plan.points())).unwrap();
            assert_eq!(rows.flat().dim(), (2, 2));
            // Slopes of the size of 8 that cancel, times a noise of 4.
            let none = 16.0 * 8.0 * 4.0 * F::epsilon().as_f64();
            assert_eq!(rows.flat().iter().all(|g| g.as_f64().abs() < none), zero, "{weight:?}: {rows:?}");
            let log_w = plan.log_weights(&joint(plan.points()).value).unwrap();
            let evidence = -0.25 - 0.5 * (4.0 * std::f64::consts::PI).ln();
            assert!(log_w.iter().all(|l| (l.as_f64() - evidence).abs() < 64.0 * F::epsilon().as_f64()), "{log_w}");
        }
    }
    check::<f64>();
    check::<f32>();
}

/// The target N(2, 3^2) by q = N(m, s^2): rows of the gradient in m, each the mean of 10 groups of k samples.
fn rows_of_ten(m: f64, s: f64, k: usize, n: usize, weight: PathWeight) -> Array1<f64> {
    let q = gaussian(n, m, s.ln(), 10 * k);
    let plan = ManySamplePath::propose(&q, q.noise(&mut ChaCha8Rng::seed_from_u64(11)), k, weight).unwrap();
    let target = |z: ArrayView2<'_, f64>| ValueGrad {
        value: z.column(0).mapv(|z| -0.5 * ((z - 2.0) / 3.0).powi(2)),
        grad: z.mapv(|z| (2.0 - z) / 9.0),
    };
    plan.grouped(10).unwrap().rows_with(target).unwrap().column(0).to_owned()
}

/// Far from the target DReG is the worse, near it far the better: published to three digits, and measured to 1 %.
///
/// A standard deviation of n rows has a relative error of sqrt((kurtosis - 1) / 4n); it is taken of the sample, and 6 of it are
/// within 10 % here.
#[test]
fn stat_dreg_beside_the_bounds_own_gradient() {
    let published = [(-3.0, 1.0, 0.030_1, 0.201_6), (1.5, 2.8, 0.036_4, 8.5e-4)];
    for (m, s, own, dreg) in published {
        for (weight, sd, digits) in
            [(PathWeight::Iwae, own, 5e-5), (PathWeight::Dreg, dreg, if dreg < 0.01 { 5e-6 } else { 5e-5 })]
        {
            let rows = rows_of_ten(m, s, 10, 8000, weight);
            let mean = rows.mean().unwrap();
            let moment = |p: i32| rows.mapv(|g| (g - mean).powi(p)).mean().unwrap();
            let found = moment(2).sqrt();
            let error = found * ((moment(4) / moment(2).powi(2) - 1.0) / (4.0 * rows.len() as f64)).sqrt();
            assert!(6.0 * error < 0.1 * sd, "{weight:?} at {m}: {found} +- {error}");
            assert!(
                (found - sd).abs() < 6.0 * error + 0.01 * sd + digits,
                "{weight:?} at {m}: {found} +- {error}, not {sd}"
            );
        }
    }
}

/// Signal over noise: from 16 samples to 256 it falls by 4 for the bound's own gradient, and grows by 4 for DReG, as the
/// roots of k say, up to terms of 1/16. Of 300 rows a standard deviation has an error of 4 %, and a ratio of two of 6 %.
#[test]
fn stat_signal_over_noise() {
    let rows = |k, weight| rows_of_ten(1.5, 2.8, k, 300, weight);
    let [few, many] = [16, 256].map(|k| rows(k, PathWeight::Dreg));
    let signals = [&few, &many].map(|rows| rows.mean().unwrap().abs());
    let grows = (signals[1] / many.std(1.0)) / (signals[0] / few.std(1.0));
    assert!((3.0..5.5).contains(&grows), "{grows}");
    // The signal of the bound's own gradient drowns in so few rows; it is DReG's, which has the same mean.
    let noises = [16, 256].map(|k| rows(k, PathWeight::Iwae).std(1.0));
    let falls = (signals[0] / noises[0]) / (signals[1] / noises[1]);
    assert!((3.0..5.5).contains(&falls), "{falls}");
}

/// Two bits of q, and log p(x, z) of their four values: a table.
const LOGITS: [f64; 2] = [0.4, -0.9];
const LOG_P: [f64; 4] = [-1.3, -2.1, -0.4, -3.0];

fn log_p(z: ArrayView2<'_, f64>) -> Array1<f64> {
    z.map_axis(Axis(1), |z| LOG_P[2 * z[0] as usize + z[1] as usize])
}

/// All (value, log q, d log q) of two bits, from their definition.
fn outcomes(logits: [f64; 2]) -> Vec<(usize, f64, [f64; 2])> {
    let p = logits.map(|l| 1.0 / (1.0 + (-l).exp()));
    let of = |z: usize| {
        let bits = [(z / 2) as f64, (z % 2) as f64];
        let log_q = (0..2).map(|j| if bits[j] == 1.0 { p[j].ln() } else { (1.0 - p[j]).ln() }).sum();
        (z, log_q, [bits[0] - p[0], bits[1] - p[1]])
    };
    (0..4).map(of).collect()
}

/// The mean over all k samples of two bits of what is made of their places, by enumeration.
fn mean_over_all<const N: usize>(
    logits: [f64; 2],
    k: usize,
    of: impl Fn(&[(usize, f64, [f64; 2])]) -> [f64; N],
) -> [f64; N] {
    let all = outcomes(logits);
    let mut mean = [0.0; N];
    for choice in 0..4_usize.pow(k as u32) {
        let samples: Vec<_> = (0..k).map(|s| all[choice / 4_usize.pow(s as u32) % 4]).collect();
        let chance: f64 = samples.iter().map(|s| s.1).sum::<f64>().exp();
        mean.iter_mut().zip(of(&samples)).for_each(|(m, x)| *m += chance * x);
    }
    mean
}

fn bound(samples: &[(usize, f64, [f64; 2])], table: [f64; 4]) -> f64 {
    (samples.iter().map(|(z, log_q, _)| (table[*z] - log_q).exp()).sum::<f64>() / samples.len() as f64).ln()
}

fn exact_score(k: usize, weight: ScoreWeight) -> Exact {
    let bits = LOGITS.map(|l| {
        let p = 1.0 / (1.0 + (-l).exp());
        Nodes::finite(&[0.5 * p, 0.5 * (1.0 + p)], &[p, 1.0 - p]).unwrap()
    });
    let nodes: Vec<&Nodes> = (0..k).flat_map(|_| &bits).collect();
    let found = oracle(&nodes, 2, |noise: Array2<f64>| {
        let q = Bernoulli::identical(&array![LOGITS[0], LOGITS[1]], noise.nrows() / k)?.repeat_rows(k);
        ManySampleScore::propose(&q, noise, k, weight)?.rows_with(log_p)
    });
    found.unwrap()
}

fn slope_in(by: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-3;
    (8.0 * (by(h) - by(-h)) - (by(2.0 * h) - by(-2.0 * h))) / (12.0 * h)
}

/// VIMCO, with either mean, has the derivative of E L_k as its mean: by enumeration of all samples.
#[test]
fn ref_vimco_is_unbiased() {
    for k in [2, 3] {
        let l_k = |logits| mean_over_all(logits, k, |s| [bound(s, LOG_P)])[0];
        let truth = [0, 1].map(|j| {
            slope_in(|h| {
                let mut logits = LOGITS;
                logits[j] += h;
                l_k(logits)
            })
        });
        let mut variances = Vec::new();
        for left_out in [LeftOut::Geometric, LeftOut::Arithmetic] {
            let found = exact_score(k, ScoreWeight::Vimco(left_out));
            // Differences of the fourth order at 1e-3, of a bound of the size of 2: 1e-12 and epsilon 2 / 1e-3.
            assert!(
                (0..2).all(|j| (found.mean[j] - truth[j]).abs() < 1e-11),
                "{left_out:?} {k}: {} {truth:?}",
                found.mean
            );
            variances.push(found.variance.sum());
        }
        // Without a baseline, L_k for all its samples: more variance, by the same enumeration.
        let plain = mean_over_all(LOGITS, k, |samples| {
            let total: f64 = samples.iter().map(|(z, log_q, _)| (LOG_P[*z] - log_q).exp()).sum();
            let of = |j: usize| {
                let row = samples
                    .iter()
                    .map(|(z, log_q, score)| (bound(samples, LOG_P) - (LOG_P[*z] - log_q).exp() / total) * score[j]);
                row.sum::<f64>()
            };
            let g = [of(0), of(1)];
            [g[0], g[1], g[0] * g[0] + g[1] * g[1]]
        });
        assert!((0..2).all(|j| (plain[j] - truth[j]).abs() < 1e-11));
        let variance = plain[2] - plain[0] * plain[0] - plain[1] * plain[1];
        assert!(variances.iter().all(|v| *v < 0.75 * variance), "{variances:?} {variance}");
    }
}

/// Wake-phi is biased for d E log q under the posterior by just what enumeration says, less with every sample; from 0 at one.
/// Wake-theta is unbiased for E L_k, and biased for log p(x); sleep-phi is unbiased.
#[test]
fn ref_wake_and_sleep() {
    let posterior = LOG_P.map(|l| l.exp() / LOG_P.iter().map(|l| l.exp()).sum::<f64>());
    let truth = [0, 1].map(|j| outcomes(LOGITS).iter().map(|(z, _, score)| posterior[*z] * score[j]).sum::<f64>());
    let mut before = f64::INFINITY;
    for k in 1..=4 {
        let found = exact_score(k, ScoreWeight::WakePhi);
        let expected = mean_over_all(LOGITS, k, |samples| {
            let w: Vec<f64> = samples.iter().map(|(z, log_q, _)| (LOG_P[*z] - log_q).exp()).collect();
            let of = |j: usize| samples.iter().zip(&w).map(|(s, w)| w * s.2[j]).sum::<f64>() / w.iter().sum::<f64>();
            [of(0), of(1)]
        });
        assert!((0..2).all(|j| (found.mean[j] - expected[j]).abs() < 1e-14), "{k}: {} {expected:?}", found.mean);
        let bias = (0..2).map(|j| (expected[j] - truth[j]).abs()).sum::<f64>();
        assert!(bias < 0.9 * before && bias > 1e-3, "{k}: {bias}");
        before = bias;
    }
    assert!(exact_score(1, ScoreWeight::WakePhi).mean.iter().all(|g| g.abs() < 1e-15));

    // Wake-theta: the weights on d log p(x, z) / d theta, theta the entries of the table.
    let k = 3;
    let wake = mean_over_all(LOGITS, k, |samples| {
        let log_w: Array1<f64> = samples.iter().map(|(z, log_q, _)| LOG_P[*z] - log_q).collect();
        let w = normalised_weights(&log_w, k).unwrap();
        let mut row = [0.0; 4];
        samples.iter().zip(&w).for_each(|((z, ..), w)| row[*z] += w);
        row
    });
    for theta in 0..4 {
        let slope = slope_in(|h| {
            let mut table = LOG_P;
            table[theta] += h;
            mean_over_all(LOGITS, k, |s| [bound(s, table)])[0]
        });
        assert!((wake[theta] - slope).abs() < 1e-11, "{wake:?}");
    }
    assert!((0..4).any(|theta| (wake[theta] - posterior[theta]).abs() > 1e-2), "of log p(x) it is biased");

    // Sleep-phi: dreams of p, and log q of them; all four, by their chance.
    let q = Bernoulli::identical(&array![LOGITS[0], LOGITS[1]], 4).unwrap();
    let dreams = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let rows = q.log_prob_grad(&dreams).unwrap().grad.weighted_rows(&Array1::from(posterior.to_vec())).unwrap();
    assert!((0..2).all(|j| (rows.flat().column(j).sum() - truth[j]).abs() < 1e-15));
}

#[test]
fn hard_plans_of_many_samples() {
    let (none, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let q = DiagGaussian::standard(1, 1).unwrap().repeat_rows(4);
    let noise = array![[0.5], [-1.0], [0.2], [2.0]];
    let propose = |noise: &Array2<f64>, k| ManySamplePath::propose(&q, noise.clone(), k, PathWeight::Iwae);
    let plan = propose(&noise, 2).unwrap();
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    let wake = ManySamplePath::propose(&q, noise.clone(), 4, PathWeight::WakePhi).unwrap();
    assert_eq!((wake.draws(), wake.bias()), (1, Bias::Consistent));
    // No mass at all; then in one sample, whose neighbour's slope may be anything.
    let cost = ValueGrad { value: array![none, none, 0.0, none], grad: array![[1.0], [2.0], [3.0], [end]] };
    let rows = plan.rows(&cost).unwrap();
    assert_eq!(rows.flat().row(0).to_vec(), [0.0, 0.0]);
    // Weight 1: the slope 3 + z and less the score z, z^2 - 1, at z = 0.2.
    assert!(
        (rows.loc()[[1, 0]] - 3.0).abs() < 1e-15 && (rows.log_scale()[[1, 0]] - (0.2 * 3.2 - 0.04 + 1.0)).abs() < 1e-15
    );
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    let count = |k: usize| Error::Count {
        name: "k",
        axis: "samples a parameter row",
        got: 4,
        expected: format!("a multiple of {k}"),
    };
    assert_eq!(propose(&noise, 0).err(), Some(zero.clone()));
    assert_eq!(propose(&noise, 3).err(), Some(count(3)));
    assert!(matches!(propose(&array![[0.5]], 2), Err(Error::Shape { .. })));
    let bad = |value: Array1<f64>, grad: Array2<f64>| plan.rows(&ValueGrad { value, grad }).err();
    let four = Array2::<f64>::zeros((4, 1));
    assert_eq!(
        bad(Array1::zeros(3), four.clone()),
        Some(Error::Shape { name: "log_p", got: vec![3], expected: vec![4] })
    );
    let shape = Error::Shape { name: "cost", got: vec![4, 2], expected: vec![4, 1] };
    assert_eq!(bad(Array1::zeros(4), Array2::zeros((4, 2))), Some(shape));
    assert_eq!(bad(array![0.0, f64::NAN, 0.0, 0.0], four.clone()), Some(Error::NaN { name: "log_p", row: 1 }));
    let nan = array![[0.0], [0.0], [f64::NAN], [0.0]];
    assert_eq!(bad(Array1::zeros(4), nan), Some(Error::NaN { name: "slopes", row: 2 }));

    let q = Bernoulli::new(array![[0.0]]).unwrap().repeat_rows(4);
    let vimco = ScoreWeight::Vimco(LeftOut::Geometric);
    let propose = |k, weight| ManySampleScore::propose(&q, Array2::from_elem((4, 1), 0.3), k, weight);
    assert_eq!(propose(0, vimco).err(), Some(zero));
    assert_eq!(propose(3, vimco).err(), Some(count(3)));
    let few = Error::Count { name: "k", axis: "rows a parameter row", got: 1, expected: "at least 2".to_owned() };
    assert_eq!(propose(1, vimco).err(), Some(few));
    assert_eq!(propose(1, ScoreWeight::WakePhi).unwrap().bias(), Bias::Consistent);
    let plan = propose(2, vimco).unwrap();
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    assert!(plan.rows(&array![none, none, none, none]).unwrap().flat().iter().all(|g| *g == 0.0));
    assert!(matches!(plan.rows(&array![0.0, end, 0.0, 0.0]), Err(Error::Entry { name: "log_w", .. })));
    assert_eq!(plan.rows(&array![0.0, 0.0, 0.0, f64::NAN]).err(), Some(Error::NaN { name: "log_p", row: 3 }));

    // Draws made elsewhere.
    let q = DiagGaussian::<f64>::standard(1, 1).unwrap().repeat_rows(2);
    let z = array![[0.5], [-1.0]];
    let at = ManySamplePath::at(&q, Draw::new(z.clone(), z.clone()).unwrap(), 2, PathWeight::Dreg).unwrap();
    let same = ManySamplePath::propose(&q, z.clone(), 2, PathWeight::Dreg).unwrap();
    assert_eq!(at.rows(&joint(at.points())).unwrap(), same.rows(&joint(same.points())).unwrap());
    let at = ManySampleScore::at(&q, z, 2, vimco).unwrap();
    let run = |plan: &ManySampleScore<'_, f64, DiagGaussian<'_, f64>>| -> Result<_> {
        plan.rows(&joint(plan.points()).value)
    };
    assert!(run(&at).unwrap().flat().iter().all(|g| g.is_finite()));
}
