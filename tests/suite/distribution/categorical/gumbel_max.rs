use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::noise::Standard;
use estimand::special::log_sum_exp;
use estimand::{Categorical, Cdf, DiagGumbel, Error, MeanVariance, Mirror, Perturb, Quasi, Real, Sample, Transform};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::stats::chance_of_count;

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
