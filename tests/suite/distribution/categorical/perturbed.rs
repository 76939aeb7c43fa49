use estimand::arithmetic::Plain;
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::noise::Standard;
use estimand::special::log_sum_exp;
use estimand::{Categorical, Concrete, Error, Perturb, Real, Reparameterize, Rows, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{few_logits, logits};
use crate::support::near::assert_gradient;
use crate::support::stats::{kolmogorov, kolmogorov_limit};
use crate::support::strategy::config;

const ALARM: f64 = 1e-9;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The largest of the perturbed logits is a Gumbel number at ln sum of e^l, whichever class it is: of draws as of what is
/// made given the class.
#[test]
fn stat_perturbed_logits_given_the_class() {
    let n = 40_000;
    let logits = array![0.5, -1.0, 1.5];
    let q = Categorical::shared(&logits, 3, n).unwrap();
    // From the largest logit, as z is.
    let logits = logits.mapv(|l: f64| l - 1.5);
    let whole = log_sum_exp(&logits);
    let noise = q.noise(&mut rng(3));
    let x = q.transform(noise.clone()).unwrap().into_x();
    let given = q.perturbed_given(&x, &q.noise(&mut rng(4))).unwrap();
    let plain = q.perturbed(&noise).unwrap();
    assert!((&plain - &(&noise + &logits)).iter().all(|off| off.abs() < 1e-14));
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
        let z = q.perturbed_given(&x, &noise).unwrap();
        let grad = q.perturbed_given_pull_back(&x, &z, &d_z).unwrap();
        // The largest logit is taken off as a constant.
        let level = |l: &Array2<f64>, i: usize, j: usize| {
            (0..classes).fold(f64::NEG_INFINITY, |most, k| most.max(l[[i, j / classes * classes + k]]))
        };
        let of = |l: &Array2<f64>| {
            let z = Categorical::new(l, classes).unwrap().perturbed_given(&x, &noise).unwrap();
            z.indexed_iter().map(|((i, j), z)| (z + level(l, i, j) - level(&logits, i, j)) * d_z[[i, j]]).sum()
        };
        assert_gradient("perturbed logits", of, &logits, grad.flat());
    }

    /// The way forward is the transpose of the way back.
    #[test]
    fn law_the_push_forward_is_the_transpose((logits, classes) in logits(3.0), seed in 0_u64..1000) {
        let q = Categorical::new(&logits, classes).unwrap();
        let (x, noise) = (q.sample(&mut rng(seed)), q.noise(&mut rng(seed + 1)));
        let z = q.perturbed_given(&x, &noise).unwrap();
        let [d_z, tangent]: [Array2<f64>; 2] = [2, 3].map(|s| Standard::Normal.draw(&mut rng(seed + s), logits.dim()));
        let back = q.perturbed_given_pull_back(&x, &z, &d_z).unwrap();
        for t in 0..logits.nrows() {
            let row = |rows: &Array2<f64>| rows.row(t).to_vec();
            let mut out = vec![0.0; logits.ncols()];
            q.given_push_forward_row(Plain, t, &row(&x), &row(&z), &row(&tangent), &mut out);
            let (forth, back) = (d_z.row(t).dot(&Array1::from(out)), tangent.row(t).dot(&back.flat().row(t)));
            let few = 64.0 * logits.ncols() as f64 * f64::EPSILON;
            prop_assert!((forth - back).abs() <= few * 16.0, "{forth} {back}");
        }
    }

    /// Shares and their way back are those of the Concrete law, which are other code.
    #[test]
    fn law_shares_of_classes_are_concrete((logits, classes) in logits(3.0), seed in 0_u64..1000, ln_t in -3.0..3.0_f64) {
        let (q, temperature) = (Categorical::new(&logits, classes).unwrap(), ln_t.exp());
        let relaxed = Concrete::new(&logits, classes, temperature).unwrap();
        let noise = q.noise(&mut rng(seed));
        let z = q.perturbed(&noise).unwrap();
        let draw = relaxed.transform(noise).unwrap();
        let few = 64.0 * f64::EPSILON * (1.0 + 10.0 / temperature);
        let near = |own: ArrayView2<'_, f64>, its: ArrayView2<'_, f64>, size: f64| {
            own.iter().zip(its).all(|(own, its)| (own - its).abs() <= few * size)
        };
        prop_assert!(near(q.shares(&z, temperature).unwrap().view(), draw.x(), 1.0));
        let d: Array2<f64> = Standard::Normal.draw(&mut rng(seed + 1), logits.dim());
        let (own, its) = (q.shares_pull_back(&z, temperature, &d).unwrap(), relaxed.pathwise(&draw, &d).unwrap().collect());
        prop_assert!(near(own.view(), its.flat(), 8.0 / temperature));
    }
}

#[test]
fn hard_perturbed_logits_of_impossible_classes() {
    let none = f64::NEG_INFINITY;
    let q = Categorical::new(array![[0.0, none, 1.0]], 3).unwrap();
    let (x, noise) = (array![[1.0, 0.0, 0.0]], array![[0.3, 0.2, -1.0]]);
    let z = q.perturbed_given(&x, &noise).unwrap();
    assert_eq!(z[[0, 1]], none);
    let grad = q.perturbed_given_pull_back(&x, &z, &array![[1.0, 1.0, 1.0]]).unwrap();
    assert!(grad.flat()[[0, 1]] == 0.0 && grad.flat().iter().all(|g| g.is_finite()));
    let shape = |name| Error::Shape { name, got: vec![1, 2], expected: vec![1, 3] };
    let narrow = Array2::zeros((1, 2));
    assert_eq!(q.perturbed_given(&narrow, &noise).unwrap_err(), shape("x"));
    assert_eq!(q.perturbed_given(&x, &narrow).unwrap_err(), shape("noise"));
    assert_eq!(q.perturbed_given_pull_back(&x, &z, &narrow).unwrap_err(), shape("d_z"));
    assert_eq!(q.perturbed_given_pull_back(&x, &narrow, &z).unwrap_err(), shape("z"));
    assert_eq!(q.perturbed(&narrow).unwrap_err(), shape("noise"));
    assert_eq!(q.shares(&narrow, 1.0).unwrap_err(), shape("z"));
    assert_eq!(
        q.shares_pull_back(&z, 1.0, &narrow).unwrap_err(),
        Error::Shape { name: "d_shares", got: vec![1, 2], expected: vec![1, 3] }
    );
    let cold = Error::Parameter { name: "temperature", value: 0.0, expected: "a finite number above 0" };
    assert_eq!(q.shares(&z, 0.0).unwrap_err(), cold);
    assert_eq!(q.shares_pull_back(&z, 0.0, &z).unwrap_err(), cold);
    assert_eq!(q.shares(&z, 1e-6).unwrap(), x);
    let expected = "a block, from here on, with a single 1";
    let error = Error::Entry { name: "x", index: vec![0, 0], value: 0.0, expected };
    assert_eq!(q.perturbed_given(&Array2::zeros((1, 3)), &noise).unwrap_err(), error);
}

/// Sizes, temperatures and impossible classes: every number is one, and shares sum to 1.
#[test]
fn hard_perturbed_logits_at_any_size() {
    fn all<F: Real>() {
        for size in [0.0, 1.0, 1e4, f64::INFINITY] {
            let logits = Array1::from([size, -size, 0.0, -size].map(F::of).to_vec());
            let q = Categorical::shared(&logits, 4, 64).unwrap();
            let (noise, other) = (q.noise(&mut rng(1)), q.noise(&mut rng(2)));
            let x = q.sample_from(noise.clone()).unwrap();
            let (z, given) = (q.perturbed(&noise).unwrap(), q.perturbed_given(&x, &other).unwrap());
            let ones = Array2::from_shape_fn(z.dim(), |(_, j)| F::count(j));
            for z in [&z, &given] {
                assert!(z.iter().all(|z| !z.is_nan()), "{size}");
                let back = q.perturbed_given_pull_back(&x, z, &ones).unwrap();
                assert!(back.flat().iter().all(|g| g.is_finite()), "{size}");
                for t in [1e-6, 1.0, 1e6].map(F::of) {
                    let shares = q.shares(z, t).unwrap();
                    let off = shares.sum_axis(Axis(1)).mapv(|sum| (sum - F::one()).abs());
                    assert!(off.iter().all(|&off| off <= F::of(8.0) * F::epsilon()), "{size} {t}");
                    assert!(q.shares_pull_back(z, t, &ones).unwrap().iter().all(|g| g.is_finite()), "{size} {t}");
                }
            }
        }
        let nan = Categorical::new(Array2::from_elem((1, 2), F::nan()), 2).unwrap();
        assert!(nan.perturbed(&Array2::zeros((1, 2))).unwrap().iter().all(|z| z.is_nan()));
    }
    all::<f32>();
    all::<f64>();
}

/// What cannot be does not move, the one way and the other.
#[test]
fn hard_the_push_forward_of_impossible_classes() {
    let none = f64::NEG_INFINITY;
    let q = Categorical::new(array![[0.0, none, 1.0]], 3).unwrap();
    let x = array![[1.0, 0.0, 0.0]];
    let z = q.perturbed_given(&x, &array![[0.3, 0.2, -1.0]]).unwrap();
    let row = |z: &Array2<f64>| z.row(0).to_vec();
    let mut out = vec![0.0; 3];
    q.given_push_forward_row(Plain, 0, &row(&x), &row(&z), &[1.0, 2.0, -1.0], &mut out);
    assert!(out[1] == 0.0 && out.iter().all(|g| g.is_finite()), "{out:?}");
    let d_z = array![[0.5, 3.0, 2.0]];
    let back = q.perturbed_given_pull_back(&x, &z, &d_z).unwrap();
    let (forth, back) = (d_z.row(0).dot(&Array1::from(out)), back.flat().row(0).dot(&array![1.0, 2.0, -1.0]));
    assert!((forth - back).abs() <= 64.0 * f64::EPSILON, "{forth} {back}");
    assert_eq!(q.shares(&z, f64::from_bits(1)).unwrap(), x, "the coldest");
}
