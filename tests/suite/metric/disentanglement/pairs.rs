use estimand::Error;
use estimand::metric::disentanglement::{beta_vae, mean_abs_differences};
use estimand::ndarray::{Array1, Array2, array};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use proptest::prelude::*;

use super::{normal, random_classes, refuses_codes};
use crate::support::layouts::every_layout;
use crate::support::stats::chance_of_count;
use crate::support::strategy::{array as arrays, config};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_point_is_the_mean_over_its_pairs(
        (a, b) in (1..5_usize, 1..4_usize, 1..4_usize).prop_flat_map(|(m, l, d)| (arrays((m * l, d), -2.0, 2.0), arrays((m * l, d), -2.0, 2.0)))
    ) {
        for pairs in (1..=a.nrows()).filter(|l| a.nrows() % l == 0) {
            let got = mean_abs_differences(&a, &b, pairs).unwrap();
            prop_assert_eq!(got.dim(), (a.nrows() / pairs, a.ncols()));
            for ((i, j), got) in got.indexed_iter() {
                let sum: f64 = (0..pairs).map(|l| (a[[i * pairs + l, j]] - b[[i * pairs + l, j]]).abs()).sum();
                prop_assert!((got - sum / pairs as f64).abs() <= 8.0 * f64::EPSILON * 4.0);
            }
            prop_assert_eq!(&mean_abs_differences(&b, &a, pairs).unwrap(), &got);
            every_layout(&a, |layout, view| assert_eq!(mean_abs_differences(&view, &b, pairs).unwrap(), got, "{layout}"));
        }
    }
}

/// Points of pairs of random factors that share one, through an encoder.
fn points(seed: u64, m: usize, k: usize, encode: impl Fn(&Array2<f64>) -> Array2<f64>) -> (Array2<f64>, Array1<usize>) {
    let pairs = 16;
    let mut rng = StdRng::seed_from_u64(seed);
    let fixed = Array1::from_shape_simple_fn(m, || rng.random_range(0..k));
    let first = random_classes(&mut rng, (m * pairs, k), 5).mapv(|v| v as f64);
    let mut second = random_classes(&mut rng, (m * pairs, k), 5).mapv(|v| v as f64);
    for i in 0..m * pairs {
        let k = fixed[i / pairs];
        second[[i, k]] = first[[i, k]];
    }
    (mean_abs_differences(&encode(&first), &encode(&second), pairs).unwrap(), fixed)
}

fn score(k: usize, encode: impl Fn(&Array2<f64>) -> Array2<f64> + Copy) -> (f64, usize) {
    let ((train, fixed), (test, test_fixed)) = (points(1, 300, k, encode), points(2, 400, k, encode));
    (beta_vae(&train, &fixed, &test, &test_fixed, 1e-4).unwrap(), test_fixed.len())
}

/// Codes that are the factors have 1; without one of them too, which is what the score does not see; f32 says the same.
#[test]
fn law_the_factors_have_1_and_all_but_one_of_them() {
    assert_eq!(score(4, Array2::clone).0, 1.0);
    assert_eq!(score(4, |codes| codes.slice(estimand::ndarray::s![.., 1..]).to_owned()).0, 1.0);
    let ((train, fixed), (test, test_fixed)) = (points(1, 100, 3, Array2::clone), points(2, 100, 3, Array2::clone));
    let [train, test] = [train, test].map(|rows| rows.mapv(|x| x as f32));
    assert_eq!(beta_vae(&train, &fixed, &test, &test_fixed, 1e-4).unwrap(), 1.0_f32);
}

/// Codes of noise: a classifier that knows nothing is right of 1 / K of independent points, by Chernoff's bound at 1e-9.
#[test]
fn stat_noise_has_the_score_of_chance() {
    let noise = |codes: &Array2<f64>| normal((codes.sum() * 1e3) as u64, codes.dim());
    let (found, n) = score(4, noise);
    let hits = (found * n as f64).round() as usize;
    assert!(chance_of_count(hits, n, 0.25) > 1e-9, "{found}");
    // What would be seen.
    assert!(chance_of_count((0.4 * n as f64) as usize, n, 0.25) < 1e-9);
}

#[test]
fn hard_constants_and_what_is_refused() {
    let still = Array2::from_elem((4, 2), 3.0);
    let points = mean_abs_differences(&still, &still, 2).unwrap();
    assert_eq!(points, Array2::<f64>::zeros((2, 2)));
    assert_eq!(beta_vae(&points, &array![0, 1], &points, &array![0, 1], 0.1).unwrap(), 0.5);

    refuses_codes("first", |x| mean_abs_differences(x, &Array2::zeros(x.dim()), 2).err());
    let x = array![[0.0], [1.0], [2.0]];
    let shape = Error::Shape { name: "second", got: vec![2, 1], expected: vec![3, 1] };
    assert_eq!(mean_abs_differences(&x, &Array2::zeros((2, 1)), 1), Err(shape));
    assert_eq!(
        mean_abs_differences(&x, &array![[0.0], [f64::NAN], [0.0]], 1),
        Err(Error::NaN { name: "second", row: 1 })
    );
    let none = Error::Parameter { name: "pairs", value: 0.0, expected: "at least 1" };
    assert_eq!(mean_abs_differences(&x, &x, 0), Err(none));
    let odd = Error::Count { name: "first", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
    assert_eq!(mean_abs_differences(&x, &x, 2), Err(odd));
    let shape = Error::Shape { name: "classes", got: vec![1], expected: vec![3] };
    assert_eq!(beta_vae(&x, &array![0], &x, &array![0, 0, 0], 0.1), Err(shape.clone()));
    assert_eq!(beta_vae(&x, &array![0, 1, 1], &x, &array![0], 0.1), Err(shape));
}
