use estimand::ndarray::{Array2, array};
use estimand::{Bernoulli, DiagGaussian, Draw, Error, Reparameterize, Rows, Sample};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::stats::{kolmogorov, kolmogorov_limit};

#[test]
fn hard_a_draw_has_a_row_of_noise_a_sample() {
    let draw = Draw::new(array![[1.0], [2.0]], array![[0.1, 0.2], [0.3, 0.4]]).unwrap();
    assert_eq!((draw.x(), draw.noise()), (array![[1.0], [2.0]].view(), array![[0.1, 0.2], [0.3, 0.4]].view()));
    assert_eq!(draw.into_x(), array![[1.0], [2.0]]);
    let error = Error::Shape { name: "noise", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(Draw::new(array![[1.0], [2.0]], array![[0.1, 0.2]]).err(), Some(error));
}

#[test]
fn hard_a_path_belongs_to_its_law() {
    let head = array![[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]];
    let q = DiagGaussian::from_head(&head).unwrap();
    let other = q.clone().repeat_rows(2).draw(&mut ChaCha8Rng::seed_from_u64(1));
    let error = Error::Shape { name: "draw", got: vec![4, 2], expected: vec![2, 2] };
    assert_eq!(q.pathwise(&other, &Array2::zeros((4, 2))).err(), Some(error));
    let draw = q.draw(&mut ChaCha8Rng::seed_from_u64(1));
    let error = Error::Shape { name: "d_x", got: vec![2, 1], expected: vec![2, 2] };
    assert_eq!(q.pathwise(&draw, &Array2::zeros((2, 1))).err(), Some(error));
    // Zero slopes pull back to zero, and rows stay apart until they are summed.
    let rows = q.pathwise(&draw, &Array2::zeros((2, 2))).map(|rows| rows.collect()).unwrap();
    assert_eq!(rows.flat(), Array2::<f64>::zeros((2, 4)));
}

/// Draws in f32 and f64 have the law's distribution, by the largest distance of two distribution
/// functions; a twin whose scale is 5 % off does not.
#[test]
fn stat_gaussian_draws_are_gaussian() {
    let n = 200_000;
    let (loc, log_scale) = (array![1.0], array![0.5]);
    let q = DiagGaussian::shared(&loc, &log_scale, n).unwrap();
    let x = q.sample(&mut ChaCha8Rng::seed_from_u64(2));
    let cdf = |scale: f64| move |x: f64| 0.5 * erfc(-(x - 1.0) / (scale * 0.5_f64.exp()) / 2.0_f64.sqrt());
    // False alarms: 1e-9.
    let limit = kolmogorov_limit(n, 1e-9);
    assert!(kolmogorov(x.iter().copied().collect(), cdf(1.0)) <= limit);
    assert!(kolmogorov(x.iter().copied().collect(), cdf(1.05)) > limit, "the twin is seen");
    let (loc, log_scale) = (array![1.0_f32], array![0.5_f32]);
    let single = DiagGaussian::shared(&loc, &log_scale, n).unwrap().sample(&mut ChaCha8Rng::seed_from_u64(3));
    assert!(kolmogorov(single.iter().map(|&x| f64::from(x)).collect(), cdf(1.0)) <= limit);
}

/// erfc by its continued fraction and series, for a test that shares no code with the crate.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        let mut term = x;
        let mut sum = x;
        for k in 1..80 {
            term *= -x * x / f64::from(k);
            sum += term / f64::from(2 * k + 1);
        }
        return 1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let tail = (1..80).rev().fold(x, |fraction, k| x + f64::from(k) / 2.0 / fraction);
    (-x * x).exp() / tail / std::f64::consts::PI.sqrt()
}

/// A seed is pinned: a change of these numbers is "Value-breaking".
#[test]
fn stream_draws_of_a_seed() {
    let (loc, log_scale) = (array![0.0, 10.0], array![0.0, 0.0]);
    let q = DiagGaussian::shared(&loc, &log_scale, 2).unwrap();
    let x = q.sample(&mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(x, array![[0.40874357912214576, 9.021747615449986], [0.1464636424215387, 11.196576738012935]]);
    let logits = array![0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let p = Bernoulli::shared(&logits, 1).unwrap();
    let x = p.sample(&mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(x, array![[1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]]);
}
