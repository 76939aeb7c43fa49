use estimand::distribution::{BaseCdf, BaseMirror, Gumbel, Laplace, Logistic, Normal};
use estimand::ndarray::{Array2, array};
use estimand::noise::Standard;
use estimand::{
    Bernoulli, Cdf, DiagGaussian, DiagGumbel, DiagLaplace, DiagLogistic, Distribution, Draw, Error, LocScale, Mirror,
    Quasi, Real, Reparameterize, Rows, Sample, Transform,
};
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

/// P(X <= x) of the mirror is what the noise's left; the mirror of the mirror is the noise.
fn mirrors_in_f64<B: BaseMirror<f64> + BaseCdf<f64> + Default>(name: &str) {
    let n = 2000;
    let q = LocScale::<f64, B>::standard(n, 1).unwrap();
    let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(4));
    let mirrored = q.mirror(&noise).unwrap();
    let (at, other) = (q.cdf(&noise).unwrap(), q.cdf(&mirrored).unwrap());
    let back = q.mirror(&mirrored).unwrap();
    let density = |z: f64| LocScale::<f64, B>::standard(1, 1).unwrap().log_prob(&array![[z]]).unwrap()[0].exp();
    for ((&z, &m), (&back, (&at, &other))) in noise.iter().zip(&mirrored).zip(back.iter().zip(at.iter().zip(&other))) {
        // A mirror is good to 4 epsilon of itself and 1, a distribution function to 4 where it is not z
        // that is off: the mirror's error, magnified by a density below 1/2.
        let doubt = 4.0 * f64::EPSILON * (1.0 + m.abs());
        assert!((at + other - 1.0).abs() <= 8.0 * f64::EPSILON + density(m) * doubt, "{name}: {at} + {other} at {z}");
        // d mirror / d z = -f(z) / f(mirror z): back, the error of the first is magnified by the inverse.
        let limit = 4.0 * f64::EPSILON * (1.0 + z.abs()) + 2.0 * doubt * density(m) / density(z);
        assert!((back - z).abs() <= limit, "{name}: {back} of {z}, limit {limit:e}");
    }
}

#[test]
fn law_the_mirror_of_noise_is_its_complement() {
    mirrors_in_f64::<Normal>("normal");
    mirrors_in_f64::<Laplace>("laplace");
    mirrors_in_f64::<Logistic>("logistic");
    mirrors_in_f64::<Gumbel>("gumbel");
    // Uniform numbers lie in the middle of their steps: their mirrors are exact, in either precision.
    fn bits<F: Real>() {
        let logits = Array2::<F>::zeros((1, 3));
        let p = Bernoulli::new(&logits).unwrap().repeat_rows(500);
        let noise = p.noise(&mut ChaCha8Rng::seed_from_u64(5));
        let mirrored = p.mirror(&noise).unwrap();
        assert!((&noise + &mirrored).iter().all(|&sum| sum == F::one()));
        assert_eq!(p.mirror(&mirrored).unwrap(), noise);
        assert!(mirrored.iter().all(|&u| u > F::zero() && u < F::one()));
        let (x, y) = (p.transform(noise).unwrap(), p.transform(mirrored).unwrap());
        assert!((&x.x() + &y.x()).iter().all(|&sum| sum == F::one()), "a fair coin falls on the other side");
    }
    bits::<f32>();
    bits::<f64>();
}

/// Mirrored noise has the law, by the largest distance of two distribution functions. False alarms: 1e-9
/// each; a twin that is mirrored in the wrong law is seen.
#[test]
fn stat_mirrored_noise_has_the_law() {
    let n = 200_000;
    let limit = kolmogorov_limit(n, 1e-9);
    let distance = |q: &dyn Fn(&mut ChaCha8Rng) -> Array2<f64>, cdf: &dyn Fn(f64) -> f64| {
        kolmogorov(q(&mut ChaCha8Rng::seed_from_u64(6)).into_iter().collect(), cdf)
    };
    let gumbel = DiagGumbel::standard(n, 1).unwrap();
    let law = |z: f64| (-(-z).exp()).exp();
    assert!(distance(&|rng| gumbel.mirror(&gumbel.noise(rng)).unwrap(), &law) <= limit);
    assert!(distance(&|rng| -gumbel.noise(rng), &law) > limit, "a law that is not symmetric");
    let laplace = DiagLaplace::standard(n, 1).unwrap();
    let law = |z: f64| if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() };
    assert!(distance(&|rng| laplace.mirror(&laplace.noise(rng)).unwrap(), &law) <= limit);
    let logistic = DiagLogistic::standard(n, 1).unwrap();
    let law = |z: f64| 1.0 / (1.0 + (-z).exp());
    assert!(distance(&|rng| logistic.mirror(&logistic.noise(rng)).unwrap(), &law) <= limit);
    let normal = DiagGaussian::standard(n, 1).unwrap();
    let law = |z: f64| 0.5 * erfc(-z / 2.0_f64.sqrt());
    assert!(distance(&|rng| normal.mirror(&normal.noise(rng)).unwrap(), &law) <= limit);
    let bits = Bernoulli::new(Array2::zeros((n, 1))).unwrap();
    assert!(distance(&|rng| bits.mirror(&bits.noise(rng)).unwrap(), &|u| u) <= limit);
}

#[test]
fn hard_mirrors_refuse_other_shapes() {
    let zeros = Array2::<f64>::zeros((2, 3));
    let error = Error::Shape { name: "noise", got: vec![2, 2], expected: vec![2, 3] };
    let wrong = Array2::zeros((2, 2));
    assert_eq!(DiagGaussian::new(&zeros, &zeros).unwrap().mirror(&wrong).err(), Some(error.clone()));
    assert_eq!(Bernoulli::new(&zeros).unwrap().mirror(&wrong).err(), Some(error));
    let none = Array2::<f64>::zeros((0, 3));
    assert_eq!(Bernoulli::new(&none).unwrap().mirror(&none).unwrap(), none);
}

/// Quasi-random noise is of the law's own noise, as many sequences as the samples have; its doors are those of the net.
#[test]
fn hard_evenly_spread_noise_of_a_law() {
    fn is_standard<D: Quasi<f64>>(q: &D, standard: Standard, sequences: usize, width: usize) {
        let rng = || ChaCha8Rng::seed_from_u64(4);
        let direct: Array2<f64> = standard.quasi(&mut rng(), sequences, 8, width).unwrap();
        assert_eq!((q.quasi_noise(&mut rng(), 8).unwrap(), D::STANDARD), (direct, standard));
        let x = q.transform(q.quasi_noise(&mut rng(), 8).unwrap()).unwrap();
        assert_eq!(q.sample_from(x.noise().to_owned()).unwrap(), x.into_x());
    }
    let zeros = Array2::zeros((2, 3));
    is_standard(&DiagGaussian::new(&zeros, &zeros).unwrap().repeat_rows(16), Standard::Normal, 4, 3);
    is_standard(&DiagLaplace::new(&zeros, &zeros).unwrap().repeat_rows(16), Standard::Laplace, 4, 3);
    is_standard(&DiagLogistic::new(&zeros, &zeros).unwrap().repeat_rows(16), Standard::Logistic, 4, 3);
    is_standard(&DiagGumbel::new(&zeros, &zeros).unwrap().repeat_rows(16), Standard::Gumbel, 4, 3);
    let bits = Bernoulli::new(&zeros).unwrap();
    is_standard(&bits.clone().repeat_rows(16), Standard::Uniform, 4, 3);
    let quasi =
        |repeat, points| bits.clone().repeat_rows(repeat).quasi_noise(&mut ChaCha8Rng::seed_from_u64(4), points).err();
    let count = Error::Count { name: "samples", axis: "rows", got: 12, expected: "a multiple of 8".to_owned() };
    assert_eq!(quasi(12, 8), Some(count));
    assert!(matches!(quasi(12, 3), Some(Error::Parameter { name: "points", value: 3.0, .. })));
    assert_eq!(quasi(12, 0), Some(Error::Parameter { name: "points", value: 0.0, expected: "at least 1" }));
}
