use estimand::gradient::importance::{pareto_k, pareto_k_threshold, smoothed};
use estimand::ndarray::{Array1, array};
use estimand::{DiagGaussian, Error, Real, Sample};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_eps;
use crate::support::reference::table;

/// Shapes and smoothed log-weights of the table, which was made in 50 digits from the papers.
///
/// Logarithms of log1p(-b x) are rounded by a few epsilon each, the likelihood of M <= 190 of them by M times so much, and a
/// weight by that: the shape by some 1000 epsilon at the worst, log-weights by as many and their own size's.
#[test]
fn ref_pareto_shapes_and_smoothed_weights() {
    fn check<F: Real>() {
        for record in table("pareto.csv") {
            let [k, e, s1, s2, s3] = [0, 1, 2, 3, 4].map(|c| record.number(c).unwrap() as usize);
            let v = |s: usize| ((7919 * s + 12_345) % 4096).pow(2) as f64 / 2.0_f64.powi(e as i32);
            let log_w = Array1::from_shape_fn(k, |s| F::of(v(s)));
            let found = smoothed(&log_w, k).unwrap();
            let [shape, values @ ..] = record.numbers::<4>(5);
            assert_eps(found.pareto_k[0], shape, 1.0, 1000.0, format!("line {}", record.line));
            assert_eq!(pareto_k(&log_w, k).unwrap(), found.pareto_k);
            for (s, value) in [s1, s2, s3].into_iter().zip(values) {
                assert_eps(found.log_w[s], value, value.abs().max(1.0), 1000.0, format!("line {}, {s}", record.line));
            }
        }
    }
    check::<f64>();
    check::<f32>();
}

/// Ratios u^-shape, of Pareto's law: 20 samples of 10000 ratios each, whose tails have 300. The fit has a variance of (1 + shape)^2 / 300 as
/// maximum likelihood; the prior draws it by (1/2 - shape) 10/310. The mean of 20 is 6 standard errors off with a
/// chance of 2e-9; a bias of the prior's size in the fit would be seen from 0.1 on.
#[test]
fn stat_pareto_shapes_are_recovered() {
    let (n, k) = (20, 10_000);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for shape in [-0.3_f64, 0.2, 0.5, 0.9, 1.5] {
        let u = estimand::Bernoulli::<f64>::new(estimand::ndarray::Array2::zeros((n * k, 1))).unwrap();
        let u = estimand::Transform::noise(&u, &mut rng);
        // Exceedances over 1, of the generalised law.
        let log_w = Array1::from_shape_fn(n * k, |i| (1.0 + (u[[i, 0]].powf(-shape) - 1.0) / shape).ln());
        let found = pareto_k(&log_w, k).unwrap();
        let expected = (300.0 * shape + 5.0) / 310.0;
        let error = (1.0 + shape.max(0.0)) / (300.0 * n as f64).sqrt();
        // Of second order in 1/300, and of the threshold's own law: none, since a tail of this law is of it again.
        let off = found.mean().unwrap() - expected;
        assert!(off.abs() < 6.0 * error + 0.01, "{shape}: off by {off}, error {error}");
        let limit: f64 = pareto_k_threshold(k).unwrap();
        assert_eq!(found.iter().all(|k| *k < limit), shape < 0.7, "{found}");
    }
}

/// Ratios of N(0, 1) to N(0, 1.5^2) have an end; of N(0, 1) to N(0, 0.6^2) they have Pareto tails: P(r > t) is about
/// t^(-1 / shape) with shape 1 - 0.36, but for a logarithm. Equal laws have ratios that end at 1.
#[test]
fn stat_normal_ratios() {
    let (n, k) = (10, 4000);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut shape = |sd: f64| {
        let q = DiagGaussian::identical(&array![0.0], &array![sd.ln()], n * k).unwrap();
        let log_w = q.sample(&mut rng).column(0).mapv(|z| -0.5 * z * z * (1.0 - 1.0 / (sd * sd)));
        pareto_k(&log_w, k).unwrap()
    };
    assert!(shape(1.5).iter().all(|k| *k < 0.2));
    assert!(shape(1.0).iter().all(|k| *k == f64::NEG_INFINITY));
    let heavy = shape(0.6).mean().unwrap();
    // (1 + 0.64) / sqrt(190 10) is .04: 6 of them, which leaves the logarithm as much again.
    assert!((heavy - 0.64).abs() < 0.24, "{heavy}");
    assert!(shape(0.3).mean().unwrap() > 0.7);
}

/// Smoothing keeps the order, all but the tail, and nothing larger than the largest; the mean of heavy ratios has less variance.
#[test]
fn stat_smoothing_tames_the_tail() {
    let (n, k) = (400, 1000);
    let u = estimand::Bernoulli::<f64>::new(estimand::ndarray::Array2::zeros((n * k, 1))).unwrap();
    let u = estimand::Transform::noise(&u, &mut ChaCha8Rng::seed_from_u64(6));
    let log_w = u.column(0).mapv(|u| -0.6 * u.ln());
    let tamed = smoothed(&log_w, k).unwrap().log_w;
    let mean = |log_w: &Array1<f64>| {
        Array1::from_shape_fn(n, |i| (0..k).map(|s| log_w[i * k + s].exp()).sum::<f64>() / k as f64)
    };
    let (raw, smooth) = (mean(&log_w), mean(&tamed));
    // E u^-0.6 = 2.5. The raw mean has no variance; what 400 of them show is several times that of the smoothed ones.
    let square = |m: &Array1<f64>| m.mapv(|m| (m - 2.5).powi(2)).mean().unwrap();
    assert!(square(&smooth) < 0.5 * square(&raw), "{} {}", square(&smooth), square(&raw));
    for i in 0..n {
        let (before, after) = (i * k..(i + 1) * k).map(|j| (log_w[j], tamed[j])).unzip::<_, _, Vec<_>, Vec<_>>();
        let mut places: Vec<usize> = (0..k).collect();
        places.sort_by(|&a, &b| before[a].total_cmp(&before[b]));
        let tail = (3.0 * (k as f64).sqrt()).ceil() as usize;
        assert!(places[..k - tail].iter().all(|&s| before[s] == after[s]));
        assert!(places.windows(2).all(|pair| after[pair[0]] <= after[pair[1]]));
        assert!(after[places[k - 1]] <= before[places[k - 1]]);
    }
}

#[test]
fn hard_tails_of_nothing() {
    let (none, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let shape = |log_w: Vec<f64>| pareto_k(&Array1::from(log_w), 30).unwrap()[0];
    let of = |f: &dyn Fn(usize) -> f64| (0..30).map(f).collect::<Vec<f64>>();
    assert_eq!(shape(of(&|_| 3.0)), none);
    assert_eq!(shape(of(&|_| none)), end);
    assert_eq!(shape(of(&|s| if s == 3 { end } else { 0.0 })), end);
    assert_eq!(shape(of(&|s| if s == 3 { 9.0 } else { 0.0 })), end, "one giant tells nothing, and is no good");
    assert_eq!(shape(of(&|s| if s < 4 { s as f64 } else { none })), end);
    assert!(shape(of(&|s| if s < 8 { s as f64 } else { none })).is_finite());
    assert!(shape(of(&|s| 1e4 * s as f64)) == end, "all but the largest vanish beside it");
    // Many that tie with the threshold.
    assert!(shape(of(&|s| if s < 6 { s as f64 } else { 0.0 })).is_finite());
    // A tail without a spread, above the threshold: bounded, as far as can be told.
    assert!(shape(of(&|s| if s < 6 { 1.0 } else { 0.0 })).is_finite());
    for log_w in [of(&|_| 3.0), of(&|_| none), of(&|s| if s == 3 { 9.0 } else { 0.0 })] {
        assert_eq!(smoothed(&Array1::from(log_w.clone()), 30).unwrap().log_w.to_vec(), log_w, "as it came");
    }
    let spread = Array1::from(of(&|s| -(s as f64)));
    let far = smoothed(&spread.mapv(|l| l - 1e5), 30).unwrap();
    let near = smoothed(&spread, 30).unwrap();
    assert!((far.pareto_k[0] - near.pareto_k[0]).abs() < 1e-12);
    assert!(far.log_w.iter().zip(&near.log_w).all(|(far, near)| (far + 1e5 - near).abs() < 1e-10));
    let single = smoothed(&spread.mapv(|l| 40.0 * l as f32), 30).unwrap();
    assert!(single.log_w.iter().all(|l| l.is_finite()));
    let few = Error::Parameter { name: "k", value: 20.0, expected: "at least 21" };
    assert_eq!(pareto_k(&Array1::<f64>::zeros(20), 20), Err(few.clone()));
    assert_eq!(smoothed(&Array1::<f64>::zeros(20), 20), Err(few.clone()));
    assert_eq!(pareto_k_threshold::<f64>(20), Err(few));
    let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
    assert_eq!(pareto_k(&Array1::<f64>::zeros(20), 0), Err(zero));
    let nan = Array1::from_shape_fn(30, |s| if s == 7 { f64::NAN } else { 0.0 });
    assert_eq!(pareto_k(&nan, 30), Err(Error::NaN { name: "log_w", row: 7 }));
    let count = Error::Count { name: "log_w", axis: "rows", got: 30, expected: "a multiple of 25".to_owned() };
    assert_eq!(pareto_k(&spread, 25), Err(count));
    assert_eq!(pareto_k(&Array1::<f32>::zeros(0), 30).unwrap().len(), 0);
    assert_eq!(pareto_k_threshold::<f64>(2200).unwrap(), (1.0 - 1.0 / 2200.0_f64.log10()).min(0.7));
    assert!((pareto_k_threshold::<f32>(100).unwrap() - 0.5).abs() < 1e-6);
}
