use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::noise::Standard;
use estimand::special::log_sum_exp;
use estimand::{Categorical, Cdf, DiagGumbel, Error, MeanVariance, Mirror, Quasi, Real, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{few_logits, logits};
use crate::support::near::assert_gradient;
use crate::support::stats::{chance_of_count, kolmogorov, kolmogorov_limit};
use crate::support::strategy::config;

const ALARM: f64 = 1e-9;
const DRAWS: usize = 200_000;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The chance, at the most, of counts of classes as far from their probabilities as these, by class.
fn chance(counts: &Array1<f64>, n: usize, logits: &[f64]) -> f64 {
    let whole = log_sum_exp(&Array1::from(logits.to_vec()));
    let each = counts.iter().zip(logits).map(|(&hits, l)| chance_of_count(hits as usize, n, (l - whole).exp()));
    each.fold(f64::INFINITY, f64::min) * logits.len() as f64
}

fn frequencies<F: Real>() {
    // From a class of half of all to one of 5 in 10,000; and the same at a size that leaves 3 digits behind the point in f32.
    for shift in [0.0, 1e4] {
        let of = [0.0, -1.0, -2.0, -0.5, -7.0];
        let logits = of.map(|l| F::of(l + shift)).to_vec();
        let q = Categorical::shared(Array1::from(logits.clone()), 5, DRAWS).unwrap();
        let counts = q.sample(&mut rng(1)).sum_axis(Axis(0)).mapv(|n| n.as_f64());
        let held: Vec<f64> = logits.iter().map(|l| l.as_f64()).collect();
        let own = chance(&counts, DRAWS, &held);
        assert!(own > ALARM, "{own:e}");
        let twin: Vec<f64> = held.iter().enumerate().map(|(k, l)| l + if k == 3 { 0.1 } else { 0.0 }).collect();
        let seen = chance(&counts, DRAWS, &twin);
        assert!(seen < ALARM, "a logit that is 0.1 off has a chance of {seen:e}");
    }
}

/// Whole logits where f32 has no digit behind the point: noise that was added to them would be whole numbers too.
#[test]
fn stat_the_size_of_logits_costs_the_noise_no_digits() {
    let whole = 8_388_608.0;
    let logits = array![0.0, -1.0, -2.0];
    let held = logits.mapv(|l: f64| (l + whole) as f32);
    let counts = Categorical::shared(&held, 3, DRAWS).unwrap().sample(&mut rng(7)).sum_axis(Axis(0)).mapv(f64::from);
    let own = chance(&counts, DRAWS, &logits.to_vec());
    assert!(own > ALARM, "{own:e}");
}

/// Bounds by Chernoff; the smallest bias that is seen is 0.008 of a share of 1/2.
#[test]
fn stat_gumbel_max_draws_classes_as_often_as_they_should_be() {
    frequencies::<f32>();
    frequencies::<f64>();
}

/// `candle_nn::ops::gumbel_softmax` never draws what is rarer than 6e-5 of the mode.
#[test]
fn stat_candle_gumbel_softmax_rare_classes_are_drawn() {
    let (rows, of) = (50, 20_000);
    let logits = array![0.0_f32, -11.5];
    let q = Categorical::shared(&logits, 2, of).unwrap();
    let mut generator = rng(2);
    let hits: f32 = (0..rows).map(|_| q.sample(&mut generator).column(1).sum()).sum();
    let p = 1.0 / (1.0 + 11.5_f64.exp());
    assert!(hits > 0.0 && chance_of_count(hits as usize, rows * of, p) > ALARM, "{hits} of {}", 1e6 * p);
}

/// The extreme words of a generator, and their mirrors.
#[test]
fn hard_pytorch_22442_gumbel_noise_has_no_infinity() {
    fn extremes<F: Real>(most: f64) {
        let [least, largest] = Standard::Gumbel.of_words::<F>([0, u64::MAX]);
        assert!(least.is_finite() && largest.is_finite() && largest.as_f64() < most);
        let logits = array![[F::of(-1e4), F::zero(), F::of(1e4)]];
        let q = Categorical::new(&logits, 3).unwrap();
        for row in [[least, least, largest], [largest, least, least], [least; 3], [largest; 3]] {
            let noise = Array2::from_shape_fn((1, 3), |(_, j)| row[j]);
            assert!(q.mirror(&noise).unwrap().iter().all(|g| g.is_finite()));
            let x = q.transform(noise.clone()).unwrap().into_x();
            assert_eq!(x, array![[F::zero(), F::zero(), F::one()]], "20,000 nats are not made up by any noise");
            assert!(q.perturbed_given(&x, &noise).unwrap().iter().all(|z| z.is_finite()));
        }
    }
    extremes::<f32>(23.0);
    extremes::<f64>(38.0);
}

/// The largest of the perturbed logits is a Gumbel number at ln sum of e^l, whichever class it is: of draws as of what is
/// made given the class.
#[test]
fn stat_perturbed_logits_given_the_class() {
    let n = 40_000;
    let logits = array![0.5, -1.0, 1.5];
    let q = Categorical::shared(&logits, 3, n).unwrap();
    let whole = log_sum_exp(&logits);
    let noise = q.noise(&mut rng(3));
    let x = q.transform(noise.clone()).unwrap().into_x();
    let given = q.perturbed_given(&x, &q.noise(&mut rng(4))).unwrap();
    let plain = &noise + &logits;
    let gumbel = |z: f64, loc: f64| (-(loc - z).exp()).exp();
    let limit = kolmogorov_limit(n, ALARM / 20.0);
    for z in [&plain, &given] {
        let peak =
            |z: &Array2<f64>| z.map_axis(Axis(1), |row| row.fold(f64::NEG_INFINITY, |most, &z| most.max(z))).to_vec();
        assert!(kolmogorov(peak(z), |z| gumbel(z, whole)) < limit, "the largest");
        assert!(kolmogorov(peak(z), |z| gumbel(z, whole + 0.1)) > limit, "its twin");
        // Mixed over the classes, each is the plain Gumbel number that it was.
        for j in 0..3 {
            let column = z.column(j).to_vec();
            assert!(kolmogorov(column.clone(), |z| gumbel(z, logits[j])) < limit, "number {j}");
            assert!(kolmogorov(column, |z| gumbel(z, logits[j] + 0.1)) > limit, "its twin");
        }
    }
    // Given one class, of which both have draws: the two samples of each number have one law.
    for j in 0..3 {
        let of = |z: &Array2<f64>| -> Vec<f64> {
            z.rows().into_iter().zip(x.rows()).filter(|(_, x)| x[1] == 1.0).map(|(z, _)| z[j]).collect()
        };
        let (own, its) = (of(&plain), of(&given));
        let mut sorted = its.clone();
        sorted.sort_by(f64::total_cmp);
        let share = |z: f64| sorted.partition_point(|&other| other <= z) as f64 / sorted.len() as f64;
        assert!(kolmogorov(own.clone(), share) < 2.0 * kolmogorov_limit(own.len(), ALARM / 6.0), "number {j}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_given_class_has_the_largest((logits, classes) in logits(10.0), seed in 0_u64..1000) {
        let q = Categorical::new(&logits, classes).unwrap();
        // Of any classes, however rare.
        let x = Categorical::new(Array2::zeros(logits.dim()), classes).unwrap().sample(&mut rng(seed));
        let z = q.perturbed_given(&x, &q.noise(&mut rng(seed + 1))).unwrap();
        for (z, x) in z.exact_chunks((1, classes)).into_iter().zip(x.exact_chunks((1, classes))) {
            let peak = z.iter().zip(x).find(|(_, x)| **x == 1.0).map(|(z, _)| *z).unwrap();
            prop_assert!(z.iter().all(|&z| z <= peak));
        }
    }

    #[test]
    fn law_the_pull_back_of_perturbed_logits_is_their_derivative((logits, classes) in few_logits(3.0), seed in 0_u64..1000) {
        let q = Categorical::new(&logits, classes).unwrap();
        let (x, noise) = (q.sample(&mut rng(seed)), q.noise(&mut rng(seed + 1)));
        let d_z: Array2<f64> = Standard::Normal.draw(&mut rng(seed + 2), logits.dim());
        let grad = q.perturbed_given_pull_back(&x, &noise, &d_z).unwrap();
        let of = |l: &Array2<f64>| (Categorical::new(l, classes).unwrap().perturbed_given(&x, &noise).unwrap() * &d_z).sum();
        assert_gradient("perturbed logits", of, &logits, grad.flat());
    }
}

#[test]
fn hard_perturbed_logits_of_impossible_classes() {
    let none = f64::NEG_INFINITY;
    let q = Categorical::new(array![[0.0, none, 1.0]], 3).unwrap();
    let (x, noise) = (array![[1.0, 0.0, 0.0]], array![[0.3, 0.2, -1.0]]);
    let z = q.perturbed_given(&x, &noise).unwrap();
    assert_eq!(z[[0, 1]], none);
    let grad = q.perturbed_given_pull_back(&x, &noise, &array![[1.0, 1.0, 1.0]]).unwrap();
    assert!(grad.flat()[[0, 1]] == 0.0 && grad.flat().iter().all(|g| g.is_finite()));
    let shape = |name| Error::Shape { name, got: vec![1, 2], expected: vec![1, 3] };
    let narrow = Array2::zeros((1, 2));
    assert_eq!(q.perturbed_given(&narrow, &noise).unwrap_err(), shape("x"));
    assert_eq!(q.perturbed_given(&x, &narrow).unwrap_err(), shape("noise"));
    assert_eq!(q.perturbed_given_pull_back(&x, &noise, &narrow).unwrap_err(), shape("d_z"));
    let expected = "the first of a block with a single 1";
    let error = Error::Entry { name: "x", index: vec![0, 0], value: 0.0, expected };
    assert_eq!(q.perturbed_given(&Array2::zeros((1, 3)), &noise).unwrap_err(), error);
}

/// Noise at other ends: uniform numbers through the quantile of the Gumbel law, mirrored and evenly spread.
#[test]
fn law_noise_of_classes_is_mirrored_and_spread() {
    let q = Categorical::shared(array![0.3_f64, -0.2], 2, 1024).unwrap();
    let (uniform, gumbel) = (Standard::Uniform, DiagGumbel::<f64>::standard(1, 2).unwrap());
    for u in [0.01, 0.3, 0.5, 0.9] {
        let at = |u: f64| gumbel.quantile(&array![[u, 1.0 - u]]).unwrap();
        let one = Categorical::shared(array![0.3, -0.2], 2, 1).unwrap();
        assert!((one.mirror(&at(u)).unwrap() - at(1.0 - u)).iter().all(|off| off.abs() < 1e-12));
    }
    assert_eq!(uniform.of_words::<f64>([1 << 63, 0])[0], 0.5 + 2.0_f64.powi(-53));
    let noise = q.quasi_noise(&mut rng(5), 1024).unwrap();
    let share = q.transform(noise).unwrap().x().column(0).mean().unwrap();
    // The standard error of 1024 independent draws is 0.016; a net of so many is within an eighth of it.
    assert!((share - q.mean()[[0, 0]]).abs() < 0.002, "{share}");
    assert_eq!(
        q.mirror(&Array2::zeros((3, 2))).unwrap_err(),
        Error::Shape { name: "noise", got: vec![3, 2], expected: vec![1024, 2] }
    );
}
