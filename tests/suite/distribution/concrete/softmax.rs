use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::noise::Standard;
use estimand::{Categorical, Concrete, ExpConcrete, Mirror, Quasi, Reparameterize, Rows, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Logarithms, Shares, softmax};
use crate::support::conforms;
use crate::support::near::assert_gradient;
use crate::support::stats::chance_of_count;
use crate::support::strategy::{array as numbers, config};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[test]
fn law_draws_of_relaxed_classes_conform() {
    conforms::transform::<Shares>();
    conforms::transform::<Logarithms>();
    conforms::reparameterize::<Shares>();
    conforms::reparameterize::<Logarithms>();
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_sample_is_the_softmax_of_perturbed_logits(
        (l, g) in (1_usize..70).prop_flat_map(|k| (numbers((2, k), -5.0, 5.0), numbers((2, k), -3.0, 20.0))),
        temperature in 0.5..4.0_f64,
    ) {
        let k = l.ncols();
        let want = softmax(&((&l + &g) / temperature));
        let shares = Concrete::new(&l, k, temperature).unwrap().transform(g.clone()).unwrap().into_x();
        let y = ExpConcrete::new(&l, k, temperature).unwrap().transform(g).unwrap().into_x();
        for ((x, y), want) in shares.iter().zip(&y).zip(&want) {
            // An exponent of up to 60, known to half an epsilon of itself on either side.
            prop_assert!((x - want).abs() <= 128.0 * f64::EPSILON * want, "{x} {want}");
            prop_assert!((y - want.ln()).abs() <= 128.0 * f64::EPSILON, "{y} {}", want.ln());
        }
    }

    /// The temperature, by differences, of several blocks.
    #[test]
    fn law_the_gradient_in_the_temperature(
        (l, g, d) in (numbers((2, 6), -3.0, 3.0), numbers((2, 6), -2.0, 6.0), numbers((2, 6), -1.0, 1.0)),
        temperature in 0.3..3.0_f64,
    ) {
        let t = array![temperature];
        let q = Concrete::new(&l, 3, temperature).unwrap();
        let found = q.d_temperature(&q.transform(g.clone()).unwrap(), &d).unwrap();
        let of = |t: &Array1<f64>| (Concrete::new(&l, 3, t[0]).unwrap().transform(g.clone()).unwrap().into_x() * &d).sum();
        assert_gradient("of shares", of, &t, array![found.sum()].view());
        let q = ExpConcrete::new(&l, 3, temperature).unwrap();
        let found = q.d_temperature(&q.transform(g.clone()).unwrap(), &d).unwrap();
        let of = |t: &Array1<f64>| (ExpConcrete::new(&l, 3, t[0]).unwrap().transform(g.clone()).unwrap().into_x() * &d).sum();
        assert_gradient("of logarithms", of, &t, array![found.sum()].view());
    }

    /// Several variables, samples that share parameters, and more rows than are made together: each by its formula.
    #[test]
    fn law_many_rows_are_each_their_own(l in numbers((70, 12), -4.0, 4.0), seed in 0_u64..1000) {
        let q = Concrete::new(&l, 4, 0.8).unwrap().repeat_rows(7);
        let noise = q.noise(&mut rng(seed));
        let turned = Array2::from_shape_fn((12, 490), |(j, i)| noise[[i, j]]).reversed_axes();
        let (x, y) = (q.transform(noise.clone()).unwrap().into_x(), ExpConcrete::of(q.classes().clone(), 0.8).unwrap());
        prop_assert_eq!(&q.transform(turned.clone()).unwrap().into_x(), &x, "in any order");
        prop_assert_eq!(&q.sample_from(turned).unwrap(), &x);
        let y = y.transform(noise.clone()).unwrap().into_x();
        for i in 0..490 {
            for b in 0..3 {
                let z = Array2::from_shape_fn((1, 4), |(_, k)| (l[[i / 7, 4 * b + k]] + noise[[i, 4 * b + k]]) / 0.8);
                let want = softmax(&z);
                for k in 0..4 {
                    let (x, y) = (x[[i, 4 * b + k]], y[[i, 4 * b + k]]);
                    // An exponent of up to 60, known to half an epsilon of itself on either side.
                    prop_assert!((x - want[[0, k]]).abs() <= 128.0 * f64::EPSILON * want[[0, k]]);
                    prop_assert!((y - want[[0, k]].ln()).abs() <= 128.0 * f64::EPSILON);
                }
            }
        }
    }
}

/// The argmax of a sample is the class that the same noise draws, as often as softmax says, at every temperature.
#[test]
fn stat_the_argmax_of_a_relaxed_sample_is_categorical() {
    let (n, alarm) = (50_000, 1e-9);
    let logits = array![0.0_f64, -1.0, 1.0, -3.0];
    let p = softmax(&logits.clone().insert_axis(Axis(0)));
    for (k, temperature) in [1e-6, 1e-2, 0.5, 1.0, 10.0, 1e6].into_iter().enumerate() {
        let q = ExpConcrete::shared(&logits, 4, temperature, n).unwrap();
        let noise = q.noise(&mut rng(k as u64));
        let y = q.transform(noise.clone()).unwrap().into_x();
        let classes = Categorical::shared(&logits, 4, n).unwrap().transform(noise).unwrap().into_x();
        let mut counts = [0; 4];
        for (y, x) in y.rows().into_iter().zip(classes.rows()) {
            let most = (0..4).fold(0, |most, j| if y[j] > y[most] { j } else { most });
            assert_eq!(x[most], 1.0);
            counts[most] += 1;
        }
        for (j, hits) in counts.into_iter().enumerate() {
            assert!(chance_of_count(hits, n, p[[0, j]]) > alarm / 24.0, "class {j} at {temperature}: {hits}");
            let twin = chance_of_count(hits, n, p[[0, j]] + 0.02);
            assert!(twin < alarm, "class {j} at {temperature}: 0.02 off has a chance of {twin:e}");
        }
    }
}

/// Both ends of the temperature, and logits of any size: samples, paths and temperatures are numbers.
#[test]
fn hard_temperatures_and_logits_of_any_size() {
    let none = f64::NEG_INFINITY;
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        for logits in [[0.0, 1.0, -1.0], [1e4, 0.0, -1e4], [0.0, none, 0.0], [none, 3.0, none]] {
            fn at<F: estimand::Real>(logits: [f64; 3], temperature: f64) {
                let logits = Array1::from(logits.map(F::of).to_vec());
                let q = Concrete::shared(&logits, 3, F::of(temperature), 50).unwrap();
                let draw = q.draw(&mut rng(1));
                assert!(draw.x().iter().all(|&x| x >= F::zero() && x <= F::one()));
                let d: Array2<F> = Standard::Normal.draw(&mut rng(2), (50, 3));
                let rows = q.pathwise(&draw, &d).unwrap().collect();
                let in_temperature = q.d_temperature(&draw, &d).unwrap();
                assert!(rows.flat().iter().chain(&in_temperature).all(|g| g.is_finite()), "{temperature} {logits}");
                let q = ExpConcrete::shared(&logits, 3, F::of(temperature), 50).unwrap();
                let draw = q.draw(&mut rng(1));
                let there = |j: usize| logits[j] > F::neg_infinity();
                assert!(draw.x().indexed_iter().all(|((_, j), y)| y.is_finite() == there(j) && *y <= F::zero()));
                let rows = q.pathwise(&draw, &d).unwrap().collect();
                let in_temperature = q.d_temperature(&draw, &d).unwrap();
                let all = rows.flat().iter().chain(&in_temperature).all(|g| g.is_finite());
                assert!(all, "{temperature} {logits} of logarithms");
            }
            at::<f32>(logits, temperature);
            at::<f64>(logits, temperature);
        }
    }
    // Hot: the uniform point; cold: a corner.
    let hot = Concrete::new(array![[1.0_f64, -1.0, 0.0]], 3, 1e6).unwrap().sample(&mut rng(3));
    assert!(hot.iter().all(|x| (x - 1.0 / 3.0).abs() < 1e-5));
    let cold = Concrete::new(array![[1.0_f64, -1.0, 0.0]], 3, 1e-6).unwrap().sample(&mut rng(3));
    assert_eq!(cold.iter().filter(|&&x| x == 1.0).count(), 1);
    // Where 1 / T is no number.
    let frozen = ExpConcrete::new(array![[1.0_f32, 0.0]], 2, 1e-42).unwrap();
    let draw = frozen.transform(array![[0.0, 0.0]]).unwrap();
    assert_eq!(draw.x(), array![[0.0, f32::NEG_INFINITY]]);
    let frozen = Concrete::new(array![[1.0_f32, 0.0]], 2, 1e-42).unwrap();
    let draw = frozen.transform(array![[0.0, 0.0]]).unwrap();
    assert_eq!(frozen.d_temperature(&draw, &array![[1.0, 2.0]]).unwrap(), array![0.0]);
    assert_eq!(frozen.pathwise(&draw, &array![[1.0, 2.0]]).unwrap().collect().flat(), array![[0.0, 0.0]]);
}

#[test]
fn law_noise_of_relaxed_classes_is_that_of_classes() {
    let q = Concrete::shared(array![0.3_f64, -0.2], 2, 0.5, 256).unwrap();
    let classes = q.classes().clone();
    assert_eq!(q.noise(&mut rng(4)), classes.noise(&mut rng(4)));
    let noise = q.quasi_noise(&mut rng(5), 256).unwrap();
    assert_eq!(noise, classes.quasi_noise(&mut rng(5), 256).unwrap());
    assert_eq!(q.mirror(&noise).unwrap(), classes.mirror(&noise).unwrap());
    let mut out = Array2::zeros((256, 2));
    q.sample_into(&mut rng(6), &mut out).unwrap();
    assert_eq!(out, q.sample(&mut rng(6)));
}
