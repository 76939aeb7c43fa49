use estimand::arithmetic::Plain;
use estimand::ndarray::{Array1, Array2, array};
use estimand::noise::Standard;
use estimand::{Bernoulli, BinaryConcrete, Error, Perturb, Real, Reparameterize, Rows, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

proptest! {
    #![proptest_config(config())]

    /// l - logit(u) with u uniform on what makes the bit: (0, p) of a 1, (p, 1) of a 0.
    #[test]
    fn law_perturbed_logits_given_a_bit_are_of_its_uniform_numbers(l in -6.0..6.0_f64, v in 0.001..0.999_f64) {
        let (q, p) = (Bernoulli::new(array![[l]]).unwrap(), 1.0 / (1.0 + (-l).exp()));
        for (bit, u) in [(1.0, v * p), (0.0, p + v * (1.0 - p))] {
            let z = q.perturbed_given(&array![[bit]], &array![[v]]).unwrap()[[0, 0]];
            let want = l - (u / (1.0 - u)).ln();
            // 1 - u of a u near 1 has lost so many digits.
            let few = 16.0 * f64::EPSILON * (1.0 + want.abs() + 1.0 / (u * (1.0 - u)));
            prop_assert!((z - want).abs() <= few, "{bit} {z} {want}");
            let side = 2.0 * bit - 1.0;
            prop_assert!(side * z > 0.0);
            // Of the sample's own number.
            let z = q.perturbed(&array![[u]]).unwrap()[[0, 0]];
            prop_assert!((z - want).abs() <= few, "{z} {want}");
        }
    }

    #[test]
    fn law_the_pull_back_of_perturbed_bits_is_their_derivative(l in numbers((2, 3), -4.0, 4.0), seed in 0_u64..1000) {
        let q = Bernoulli::new(&l).unwrap();
        let (x, noise) = (q.sample(&mut rng(seed)), q.noise(&mut rng(seed + 1)));
        let z = q.perturbed_given(&x, &noise).unwrap();
        let d_z: Array2<f64> = Standard::Normal.draw(&mut rng(seed + 2), l.dim());
        let grad = q.perturbed_given_pull_back(&x, &z, &d_z).unwrap();
        let of = |l: &Array2<f64>| (Bernoulli::new(l).unwrap().perturbed_given(&x, &noise).unwrap() * &d_z).sum();
        assert_gradient("perturbed bits", of, &l, grad.flat());
        // Its own transpose.
        let mut out = vec![0.0; 3];
        q.given_push_forward_row(Plain, 0, &x.row(0).to_vec(), &z.row(0).to_vec(), &d_z.row(0).to_vec(), &mut out);
        prop_assert!((Array1::from(out) - grad.flat().row(0)).iter().all(|off| off.abs() <= 16.0 * f64::EPSILON));
    }

    /// Shares and their way back are those of the relaxed law of bits, which are other code.
    #[test]
    fn law_shares_of_bits_are_concrete(l in numbers((2, 3), -4.0, 4.0), seed in 0_u64..1000, ln_t in -3.0..3.0_f64) {
        let (q, temperature) = (Bernoulli::new(&l).unwrap(), ln_t.exp());
        let relaxed = BinaryConcrete::new(&l, temperature).unwrap();
        let u = q.noise(&mut rng(seed));
        let draw = relaxed.transform(u.mapv(|u| -(u / (1.0 - u)).ln())).unwrap();
        let z = q.perturbed(&u).unwrap();
        let few = 64.0 * f64::EPSILON * (1.0 + 40.0 / temperature);
        let shares = q.shares(&z, temperature).unwrap();
        prop_assert!((&shares - &draw.x()).iter().all(|off| off.abs() <= few));
        let d: Array2<f64> = Standard::Normal.draw(&mut rng(seed + 1), l.dim());
        let (own, its) = (q.shares_pull_back(&z, temperature, &d).unwrap(), relaxed.pathwise(&draw, &d).unwrap().collect());
        prop_assert!((&own - &its.flat()).iter().all(|off| off.abs() <= 8.0 * few / temperature));
    }
}

#[test]
fn hard_perturbed_bits_at_any_size() {
    fn all<F: Real>() {
        let sizes = [0.0, 1.0, -1.0, 1e4, -1e4, f64::INFINITY, f64::NEG_INFINITY];
        let logits = Array1::from(sizes.map(F::of).to_vec());
        let q = Bernoulli::shared(&logits, 32).unwrap();
        let (noise, other) = (q.noise(&mut rng(1)), q.noise(&mut rng(2)));
        let x = q.sample_from(noise.clone()).unwrap();
        let (z, given) = (q.perturbed(&noise).unwrap(), q.perturbed_given(&x, &other).unwrap());
        let ones = Array2::ones(z.dim());
        for z in [&z, &given] {
            assert!(z.iter().zip(&x).all(|(&z, &x)| (z > F::zero()) == (x == F::one())));
            let back = q.perturbed_given_pull_back(&x, z, &ones).unwrap();
            assert!(back.flat().iter().all(|&g| (F::zero()..=F::one()).contains(&g)));
            for t in [1e-6, 1.0, 1e6].map(F::of) {
                assert!(q.shares(z, t).unwrap().iter().all(|y| (F::zero()..=F::one()).contains(y)), "{t}");
                assert!(q.shares_pull_back(z, t, &ones).unwrap().iter().all(|g| g.is_finite()), "{t}");
            }
        }
        // A bit that cannot be 0, told to be.
        let sure = Bernoulli::new(Array2::from_elem((1, 1), F::of(1e4))).unwrap();
        let z = sure.perturbed_given(&Array2::zeros((1, 1)), &Array2::from_elem((1, 1), F::of(0.3))).unwrap();
        assert!(z[[0, 0]] < F::zero() && z[[0, 0]].is_finite());
        let nan = Bernoulli::new(Array2::from_elem((1, 1), F::nan())).unwrap();
        assert!(nan.perturbed(&Array2::from_elem((1, 1), F::of(0.5))).unwrap()[[0, 0]].is_nan());
    }
    all::<f32>();
    all::<f64>();
}

#[test]
fn hard_errors_of_perturbed_bits() {
    let q = Bernoulli::new(array![[0.0_f64, 1.0]]).unwrap();
    let (x, narrow) = (array![[1.0, 0.0]], array![[0.5]]);
    let shape = |name| Error::Shape { name, got: vec![1, 1], expected: vec![1, 2] };
    assert_eq!(q.perturbed(&narrow).unwrap_err(), shape("noise"));
    assert_eq!(q.perturbed_given(&narrow, &x).unwrap_err(), shape("x"));
    assert_eq!(q.perturbed_given(&x, &narrow).unwrap_err(), shape("noise"));
    assert_eq!(q.perturbed_given_pull_back(&x, &narrow, &x).unwrap_err(), shape("z"));
    assert_eq!(q.perturbed_given_pull_back(&x, &x, &narrow).unwrap_err(), shape("d_z"));
    let half = Error::Entry { name: "x", index: vec![0, 1], value: 0.5, expected: "a bit, 0 or 1" };
    assert_eq!(q.perturbed_given(&array![[1.0, 0.5]], &x).unwrap_err(), half);
    assert_eq!(q.perturbed_given_pull_back(&array![[1.0, 0.5]], &x, &x).unwrap_err(), half);
}
