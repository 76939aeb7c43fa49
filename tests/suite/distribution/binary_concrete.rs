use estimand::distribution::LogitParts;
use estimand::ndarray::{Array1, Array2, ArrayView2, array};
use estimand::{
    Bernoulli, BinaryConcrete, Cdf, Concrete, Distribution, Error, Mirror, Quasi, Real, Reparameterize, Rows, Sample,
    Smooth, Transform,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::conforms::{self, Family};
use crate::support::near::assert_gradient;
use crate::support::quadrature::{integral, rounding};
use crate::support::stats::chance_of_count;
use crate::support::strategy::{array as numbers, config};

struct Shares;

impl Family for Shares {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = BinaryConcrete<'a, F>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        BinaryConcrete::new(flat, F::of(0.75)).unwrap().repeat_rows(repeat)
    }

    /// Far enough from the ends that the steps of a difference do not pass them.
    fn datum(any: f64) -> f64 {
        f64::from((1.0 / (1.0 + (-0.2 * any).exp())) as f32)
    }
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[test]
fn law_the_binary_concrete_conforms() {
    conforms::distribution::<Shares>();
    conforms::smooth::<Shares>();
    conforms::transform::<Shares>();
    conforms::reparameterize::<Shares>();
    conforms::cdf::<Shares>();
}

proptest! {
    #![proptest_config(config())]

    /// The first share of two classes, of which the second has the logit 0.
    #[test]
    fn law_a_relaxed_bit_is_a_share_of_two_classes(l in -4.0..4.0_f64, x in 0.01..0.99_f64, z in -5.0..5.0_f64, temperature in 0.3..3.0_f64) {
        let bit = BinaryConcrete::new(array![[l]], temperature).unwrap();
        let pair = Concrete::new(array![[l, 0.0]], 2, temperature).unwrap();
        let (own, its) = (bit.log_prob_grad(&array![[x]]).unwrap(), pair.log_prob_grad(&array![[x, 1.0 - x]]).unwrap());
        // Logarithms of shares from 0.01 on, times the temperature, beside logits of 4.
        let few = 64.0 * f64::EPSILON * (1.0 + 5.0 * temperature);
        prop_assert!((own.value[0] - its.value[0]).abs() < few, "{} {}", own.value[0], its.value[0]);
        prop_assert!((own.grad.flat()[[0, 0]] - its.grad.flat()[[0, 0]]).abs() < few);
        let (own, its) = (bit.transform(array![[z]]).unwrap(), pair.transform(array![[z, 0.0]]).unwrap());
        prop_assert!((own.x()[[0, 0]] - its.x()[[0, 0]]).abs() < few);
        let path = |found: f64| (found - pair.pathwise(&its, &array![[1.0, 0.0]]).unwrap().collect().flat()[[0, 0]]).abs();
        prop_assert!(path(bit.pathwise(&own, &array![[1.0]]).unwrap().collect().flat()[[0, 0]]) < few / temperature);
    }

    /// Of the logit it is a logistic law.
    #[test]
    fn law_the_logit_of_a_relaxed_bit_is_logistic(l in -4.0..4.0_f64, t in -6.0..6.0_f64, temperature in 0.3..3.0_f64) {
        let q = BinaryConcrete::new(array![[l]], temperature).unwrap();
        let x = 1.0 / (1.0 + (-t).exp());
        let (own, its) = (q.log_prob_grad(&array![[x]]).unwrap(), q.logistic().unwrap().log_prob_grad(&array![[t]]).unwrap());
        // x knows its logit to half an epsilon over 1 - x, of e^-6 at the least.
        let few = 1024.0 * f64::EPSILON * (1.0 + temperature);
        prop_assert!((own.value[0] - (its.value[0] - x.ln() - (1.0 - x).ln())).abs() < few);
        prop_assert!((own.grad.flat()[[0, 0]] - its.grad.loc()[[0, 0]] / temperature).abs() < few);
    }

    #[test]
    fn law_the_temperature_of_relaxed_bits(l in numbers((2, 3), -3.0, 3.0), z in numbers((2, 3), -4.0, 4.0), d in numbers((2, 3), -1.0, 1.0), temperature in 0.8..3.0_f64) {
        let q = BinaryConcrete::new(&l, temperature).unwrap();
        let found = q.d_temperature(&q.transform(z.clone()).unwrap(), &d).unwrap().sum();
        let of = |t: &Array1<f64>| (BinaryConcrete::new(&l, t[0]).unwrap().transform(z.clone()).unwrap().into_x() * &d).sum();
        assert_gradient("temperature", of, &array![temperature], array![found].view());
    }
}

#[test]
fn ref_the_binary_concrete_density_integrates_to_its_distribution() {
    for (l, temperature, to) in [(0.0, 1.0, 0.7), (1.5, 2.0, 0.4), (-0.5, 1.25, 0.9)] {
        let q = BinaryConcrete::new(array![[l]], temperature).unwrap();
        let mass = integral(&[0.0, 0.1, to], |x| q.log_prob(&array![[x]]).unwrap()[0].exp());
        let cdf = q.cdf(&array![[to]]).unwrap()[[0, 0]];
        assert!((mass - cdf).abs() < 4.0 * rounding(1.0) + 1e-12, "{mass} {cdf}");
    }
}

/// Above one half as often as the bit is 1, at every temperature.
#[test]
fn stat_relaxed_bits_fall_on_their_side() {
    let (n, alarm) = (50_000, 1e-9);
    let p = 1.0 / (1.0 + (-0.7_f64).exp());
    for (k, temperature) in [1e-6, 0.1, 1.0, 10.0, 1e6].into_iter().enumerate() {
        let q = BinaryConcrete::shared(array![0.7], temperature, n).unwrap();
        let hits = q.sample(&mut rng(k as u64)).iter().filter(|&&x| x > 0.5).count();
        assert!(chance_of_count(hits, n, p) > alarm / 5.0, "{hits} at {temperature}");
        assert!(chance_of_count(hits, n, p + 0.02) < alarm, "0.02 off is not seen at {temperature}");
    }
}

#[test]
fn hard_relaxed_bits_at_the_ends() {
    let at = |t: f64| BinaryConcrete::new(array![[0.5]], t).unwrap().log_prob_grad(&array![[0.0]]).unwrap();
    let (cold, even, warm) = (at(0.5), at(1.0), at(2.0));
    assert_eq!((cold.value[0], even.value[0], warm.value[0]), (f64::INFINITY, -0.5, f64::NEG_INFINITY));
    assert_eq!((cold.grad.flat()[[0, 0]], warm.grad.flat()[[0, 0]]), (-1.0, -1.0), "what the gradient tends to");
    let other = BinaryConcrete::new(array![[0.5]], 1.0).unwrap().log_prob(&array![[1.0]]).unwrap();
    assert_eq!(other[0], 0.5);
    for temperature in [1e-6, 1.0, 1e6] {
        for l in [-1e4_f64, -3.0, 0.0, 1e4] {
            let q = BinaryConcrete::shared(array![l, -l], temperature, 50).unwrap();
            let draw = q.draw(&mut rng(1));
            let rows = q.pathwise(&draw, &Array2::ones((50, 2))).unwrap().collect();
            let in_temperature = q.d_temperature(&draw, &Array2::ones((50, 2))).unwrap();
            let all = draw.x().iter().chain(rows.flat()).chain(&in_temperature).all(|v| v.is_finite());
            assert!(all, "{l} at {temperature}");
            let y = q.logistic().unwrap();
            assert!(y.log_prob(&y.sample(&mut rng(2))).unwrap().iter().all(|v| v.is_finite()));
        }
    }
    let q = BinaryConcrete::of(Bernoulli::new(array![[0.0, 0.0]]).unwrap(), 0.5).unwrap();
    let outside = Error::Entry { name: "x", index: vec![0, 1], value: 1.5, expected: "a share in [0, 1]" };
    assert_eq!(q.log_prob(&array![[0.5, 1.5]]).unwrap_err(), outside);
    assert_eq!(q.log_prob_slope(&array![[0.5, 1.5]]).unwrap_err(), outside);
    let error = BinaryConcrete::new(array![[0.0]], 0.0).unwrap_err();
    assert_eq!(error, Error::Parameter { name: "temperature", value: 0.0, expected: "a finite number above 0" });
    assert_eq!(
        (q.temperature(), q.bits().logits(), q.logits()),
        (0.5, array![[0.0, 0.0]].view(), array![[0.0, 0.0]].view())
    );
}

#[test]
fn law_noise_of_relaxed_bits_is_mirrored_and_spread() {
    let q = BinaryConcrete::identical(&array![0.0_f64, 0.0], 0.7, 64).unwrap();
    let noise = q.noise(&mut rng(3));
    let (x, y) = (q.transform(noise.clone()).unwrap(), q.transform(q.mirror(&noise).unwrap()).unwrap());
    // sigmoid(y) + sigmoid(-y) is 1.
    assert!((&x.x() + &y.x()).iter().all(|sum| (sum - 1.0).abs() < 4.0 * f64::EPSILON));
    let mut out = Array2::zeros((64, 2));
    q.sample_into(&mut rng(3), &mut out).unwrap();
    assert_eq!((out.view(), q.sample(&mut rng(3))), (x.x(), out.clone()));
    let q = BinaryConcrete::shared(array![0.0], 0.7, 256).unwrap();
    let noise = q.quasi_noise(&mut rng(4), 256).unwrap();
    assert_eq!(noise.iter().filter(|&&z| z > 0.0).count(), 128, "a net has half of its points on either side");
}
