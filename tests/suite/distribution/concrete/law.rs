use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::noise::Standard;
use estimand::{Concrete, Distribution, Error, ExpConcrete, Sample, Smooth};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Logarithms, Shares, softmax};
use crate::support::conforms;
use crate::support::quadrature::integral;
use crate::support::strategy::{array as numbers, config};

#[test]
fn law_relaxed_classes_conform() {
    conforms::distribution::<Shares>();
    conforms::distribution::<Logarithms>();
    conforms::smooth::<Logarithms>();
}

/// ln softmax of the last coordinate 0, without loss at either end.
fn logarithms<const K: usize>(t: [f64; K]) -> Vec<f64> {
    let most = t.iter().copied().fold(0.0, f64::max);
    let whole = most + ((-most).exp() + t.iter().map(|t| (t - most).exp()).sum::<f64>()).ln();
    t.iter().copied().chain([0.0]).map(|t| t - whole).collect()
}

/// Of two classes, in the log-ratio t of the shares.
fn mass_of_two(logits: &[f64; 2], temperature: f64, from: f64, to: f64) -> f64 {
    let q = ExpConcrete::new(array![[logits[0], logits[1]]], 2, temperature).unwrap();
    integral(&[from, (logits[0] - logits[1]) / temperature, to], |t| {
        let y = Array1::from(logarithms([t]));
        q.log_prob(&y.view().insert_axis(Axis(0))).unwrap()[0].exp()
    })
}

/// Of three, in two log-ratios.
fn mass_of_three(logits: &[f64; 3], temperature: f64, to: [f64; 2]) -> f64 {
    let q = ExpConcrete::new(array![[logits[0], logits[1], logits[2]]], 3, temperature).unwrap();
    let reach = 45.0 / temperature;
    let at = |k: usize| (logits[k] - logits[2]) / temperature;
    let pieces = |k: usize, to: f64| if at(k) < to { vec![-reach, at(k), to] } else { vec![-reach, to] };
    integral(&pieces(0, to[0]), |first| {
        let mut corners = pieces(1, to[1]);
        // The density has ridges where two classes are level.
        corners.extend([first, 0.0].into_iter().filter(|c| *c < to[1]));
        integral(&corners, |second| {
            let y = Array1::from(logarithms([first, second]));
            q.log_prob(&y.view().insert_axis(Axis(0))).unwrap()[0].exp()
        })
    })
}

/// The density integrates to 1, for two classes and for three.
#[test]
fn ref_the_concrete_density_integrates_to_one() {
    for temperature in [0.1, 0.5, 1.0, 3.0] {
        for logits in [[0.0, 0.0], [1.5, -0.5]] {
            let reach = 60.0 / temperature;
            let mass = mass_of_two(&logits, temperature, -reach, reach);
            assert!((mass - 1.0).abs() < 1e-12, "{mass} at the temperature {temperature}");
        }
    }
    for temperature in [0.5, 1.0] {
        let reach = 45.0 / temperature;
        let mass = mass_of_three(&[0.5, -0.25, 0.0], temperature, [reach; 2]);
        assert!((mass - 1.0).abs() < 1e-9, "{mass} of three classes at the temperature {temperature}");
    }
}

/// Draws fall where the density says: shares of draws below points, by Chernoff's bound, and of its twin.
#[test]
fn stat_draws_are_those_of_the_density() {
    use crate::support::stats::chance_of_count;
    let (n, alarm) = (100_000, 1e-9);
    let (logits, temperature) = ([0.5, -0.25, 0.0], 0.5);
    let q = ExpConcrete::shared(Array1::from(logits.to_vec()), 3, temperature, n).unwrap();
    let y = q.sample(&mut ChaCha8Rng::seed_from_u64(1));
    let below = |to: [f64; 2]| y.rows().into_iter().filter(|y| y[0] - y[2] < to[0] && y[1] - y[2] < to[1]).count();
    for to in [[0.0, 0.0], [2.0, 1.0], [1.0, -1.0]] {
        let chance = |logits| chance_of_count(below(to), n, mass_of_three(logits, temperature, to));
        let (own, twin) = (chance(&logits), chance(&[0.5, 0.05, 0.0]));
        assert!(own > alarm / 3.0, "{to:?}: {own:e}");
        assert!(twin < alarm, "{to:?}: a logit that is 0.3 off has a chance of {twin:e}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// Of two classes, the log-ratio of the shares is a logistic number at (l_1 - l_2) / T, of the scale 1 / T.
    #[test]
    fn law_two_classes_relax_to_a_logistic(l in numbers((1, 2), -5.0, 5.0), t in -8.0..8.0_f64, ln_t in -3.0..3.0_f64) {
        let temperature = ln_t.exp();
        let y = logarithms([t]);
        let found = ExpConcrete::new(&l, 2, temperature).unwrap().log_prob(&array![[y[0], y[1]]]).unwrap()[0];
        let z = temperature * t - (l[[0, 0]] - l[[0, 1]]);
        let want = temperature.ln() - z.abs() - 2.0 * (-z.abs()).exp().ln_1p();
        prop_assert!((found - want).abs() <= 64.0 * f64::EPSILON * (1.0 + z.abs() + temperature * t.abs()), "{found} {want}");
    }

    /// Shares and their logarithms: densities differ by the sum of ln x, gradients in the logits do not.
    #[test]
    fn law_the_densities_in_both_spaces(
        (l, x) in (1_usize..6).prop_flat_map(|k| (numbers((2, 2 * k), -4.0, 4.0), numbers((4, k), -3.0, 3.0))),
        temperature in 0.2..4.0_f64,
    ) {
        let k = x.ncols();
        let shares = softmax(&x).into_shape_with_order((2, 2 * k)).unwrap();
        let y = shares.mapv(f64::ln);
        let own = Concrete::new(&l, k, temperature).unwrap().log_prob_grad(&shares).unwrap();
        let its = ExpConcrete::new(&l, k, temperature).unwrap().log_prob_grad(&y).unwrap();
        for i in 0..2 {
            let jacobian = y.row(i).sum();
            let size = 1.0 + y.row(i).fold(0.0, |sum, y| sum + y.abs()) * (1.0 + temperature) * k as f64;
            prop_assert!((own.value[i] - (its.value[i] - jacobian)).abs() < 32.0 * f64::EPSILON * size);
            for (a, b) in own.grad.flat().row(i).iter().zip(its.grad.flat().row(i)) {
                prop_assert!((a - b).abs() < 32.0 * f64::EPSILON * k as f64);
            }
        }
    }

    /// Along the simplex, where one share gains what another loses.
    #[test]
    fn law_the_slope_in_the_shares_is_the_derivative(l in numbers((1, 3), -2.0, 2.0), x in numbers((1, 3), -1.0, 1.0)) {
        let q = Concrete::new(&l, 3, 0.7).unwrap();
        let x = softmax(&x);
        let slope = q.log_prob_slope(&x).unwrap();
        prop_assert_eq!(slope.value[0], q.log_prob(&x).unwrap()[0]);
        let h = 1e-5;
        let at = |by: f64| {
            let mut x = x.clone();
            x[[0, 0]] += by;
            x[[0, 2]] -= by;
            q.log_prob(&x).unwrap()[0]
        };
        let want = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        let found = slope.grad[[0, 0]] - slope.grad[[0, 2]];
        // A density of the size 10 over the step.
        prop_assert!((found - want).abs() < 1e-8 * (1.0 + want.abs()), "{found} {want}");
    }

    /// A class that cannot be is not there: the density is that of the others.
    #[test]
    fn law_impossible_classes_are_left_out(l in numbers((1, 3), -4.0, 4.0), x in numbers((1, 3), -2.0, 2.0)) {
        let wide = |a: &Array2<f64>, none: f64| {
            Array2::from_shape_fn((1, 4), |(_, j)| match j {
                0 | 1 => a[[0, j]],
                2 => none,
                _ => a[[0, 2]],
            })
        };
        let (y, none) = (softmax(&x).mapv(f64::ln), f64::NEG_INFINITY);
        let few = ExpConcrete::new(&l, 3, 0.7).unwrap().log_prob_grad(&y).unwrap();
        let q = ExpConcrete::new(wide(&l, none), 4, 0.7).unwrap();
        let many = q.log_prob_grad(&wide(&y, none)).unwrap();
        prop_assert!((few.value[0] - many.value[0]).abs() < 64.0 * f64::EPSILON);
        prop_assert_eq!(many.grad.flat()[[0, 2]], 0.0);
        for (j, k) in [(0, 0), (1, 1), (2, 3)] {
            prop_assert!((few.grad.flat()[[0, j]] - many.grad.flat()[[0, k]]).abs() < 16.0 * f64::EPSILON);
        }
        let never = q.log_prob_grad(&wide(&y, -1.0)).unwrap();
        prop_assert_eq!((never.value[0], never.grad.flat().to_owned()), (none, Array2::zeros((1, 4))));
    }
}

/// Relaxed samples that are 0 or 1 in floating point: their logarithms have a density, at any temperature and size of logits.
#[test]
fn hard_pytorch_18254_densities_of_cold_samples() {
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        for logits in [[0.0, 1.0, -1.0], [1e4, 0.0, -1e4], [1e4, 1e4, f64::NEG_INFINITY]] {
            let q = ExpConcrete::shared(Array1::from(logits.to_vec()), 3, temperature, 64).unwrap();
            let y = q.sample(&mut ChaCha8Rng::seed_from_u64(1));
            let at = q.log_prob_grad(&y).unwrap();
            assert!(at.value.iter().chain(at.grad.flat()).all(|v| v.is_finite()), "{temperature} {logits:?}");
            let narrow = Array1::from(logits.map(|l| l as f32).to_vec());
            let q = ExpConcrete::shared(narrow, 3, temperature as f32, 64).unwrap();
            let at = q.log_prob_grad(&q.sample(&mut ChaCha8Rng::seed_from_u64(1))).unwrap();
            assert!(at.value.iter().chain(at.grad.flat()).all(|v| v.is_finite()), "{temperature} {logits:?} in f32");
        }
    }
    // A share of 0: the density is 0 or infinite there, by the temperature, and the gradient what it tends to.
    let at = |temperature: f64| {
        Concrete::new(array![[0.0, 0.0]], 2, temperature).unwrap().log_prob_grad(&array![[1.0, 0.0]])
    };
    let (cold, warm) = (at(0.5).unwrap(), at(2.0).unwrap());
    assert_eq!((cold.value[0], warm.value[0]), (f64::INFINITY, f64::NEG_INFINITY));
    assert_eq!((cold.grad.flat(), warm.grad.flat()), (array![[1.0, -1.0]].view(), array![[1.0, -1.0]].view()));
    // Where the powers are equal one share has a limit: of two classes at T = 1 the uniform law.
    assert_eq!(at(1.0).unwrap().value[0], 0.0);
    let of = |x: [f64; 3], t: f64| {
        Concrete::new(array![[0.2, 3.0_f64.ln(), -0.4]], 3, t).unwrap().log_prob_grad(&array![x]).unwrap()
    };
    let (limit, near) = (of([0.0, 0.3, 0.7], 0.5), of([1e-14, 0.3, 0.7 - 1e-14], 0.5));
    // The others weigh x_1^T / e^l_1 of the first there: 1e-7 (3 / 0.3^T + e^-0.4 / 0.7^T) e^-0.2, three times in the logarithm.
    assert!((limit.value[0] - near.value[0]).abs() < 2e-6, "{} {}", limit.value[0], near.value[0]);
    // Of two shares of one size the gradient tells by their logits.
    let (limit, near) = (of([0.0, 0.0, 1.0], 0.5), of([1e-14, 1e-14, 1.0 - 2e-14], 0.5));
    assert_eq!(limit.value[0], f64::INFINITY);
    assert!((&limit.grad.flat() - &near.grad.flat()).iter().all(|off: &f64| off.abs() < 1e-6));
    assert!(of([0.0, 0.0, 1.0], 2.0).value[0].is_nan(), "2 (3 - 2) - 2 = 0: by the way to the edge");
    // Products that overflow.
    let flat =
        Concrete::new(Array2::<f32>::zeros((1, 8)), 8, 3e38).unwrap().log_prob(&Array2::from_elem((1, 8), 0.125));
    assert!(flat.unwrap()[0].is_finite());
    let logarithm = ExpConcrete::new(array![[0.0, 0.0]], 2, 0.5).unwrap().log_prob(&array![[0.0, f64::NEG_INFINITY]]);
    assert_eq!(logarithm.unwrap()[0], f64::NEG_INFINITY);
}

#[test]
fn hard_one_class_and_no_share() {
    let one = Concrete::new(array![[3.0, -2.0]], 1, 0.5).unwrap().log_prob_grad(&array![[1.0, 1.0]]).unwrap();
    assert_eq!((one.value[0], one.grad.flat()), (0.0, array![[0.0, 0.0]].view()));
    let q = Concrete::new(array![[0.0, 0.0, 0.0, 0.0]], 2, 0.5).unwrap();
    let of = |row: [f64; 4]| q.log_prob(&array![row]).unwrap_err();
    let entry = |j, value, expected| Error::Entry { name: "x", index: vec![0, j], value, expected };
    assert_eq!(of([0.5, 0.5, 1.5, -0.5]), entry(2, 1.5, "a share in [0, 1]"));
    assert_eq!(of([0.5, 0.5, 0.5, 0.25]), entry(2, 0.5, "a block, from here on, of shares that sum to 1"));
    let y = ExpConcrete::new(array![[0.0, 0.0]], 2, 0.5).unwrap();
    let expected = "the logarithm of a share, not above 0";
    assert_eq!(y.log_prob(&array![[0.5, -1.0]]).unwrap_err(), entry(0, 0.5, expected));
    let wide: Array1<f32> = Standard::Normal.draw(&mut ChaCha8Rng::seed_from_u64(2), 1000);
    let q = Concrete::shared(&wide, 1000, 0.5, 4).unwrap();
    assert!(q.log_prob(&q.sample(&mut ChaCha8Rng::seed_from_u64(3))).is_ok(), "rounding is no fault of the user");
}
