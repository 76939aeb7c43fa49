//! Maps, marginals and conditionals, against the covariance and against the chain rule of densities.

use estimand::matrix::Lu;
use estimand::ndarray::{Array1, Array2, Axis, array, concatenate};
use estimand::{Distribution, Error, FullGaussian, Kl, Sample, Shape};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{apart, law_of};
use crate::support::conforms::normal;
use crate::support::strategy::{array as reals, config};

/// An order of d coordinates, and how many of them come first.
fn choice(d: usize) -> impl Strategy<Value = (Vec<usize>, usize)> {
    (Just((0..d).collect::<Vec<_>>()).prop_shuffle(), 0..=d)
}

fn size(a: &Array2<f64>) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

proptest! {
    #![proptest_config(config())]

    /// A S A' and A m + b.
    #[test]
    fn law_an_affine_image_has_the_covariance_of_its_map(
        ((mean, lower), a, b) in (1_usize..6).prop_flat_map(|d| (1..=d).prop_flat_map(move |k| {
            (law_of(d, 1.0), reals((k, d), -1.0, 1.0), reals((1, k), -1.0, 1.0))
        }))
    ) {
        let q = FullGaussian::from_factor(&mean, &lower, 3).unwrap();
        let image = q.affine(&a, &b.row(0)).unwrap();
        let want = a.dot(&lower).dot(&lower.t()).dot(&a.t());
        let scale = (size(&a) * size(&lower)).powi(2);
        prop_assert!(apart(&image.covariance(0), &want) <= 16.0 * mean.len() as f64 * f64::EPSILON * scale);
        let loc = a.dot(&mean) + b.row(0);
        prop_assert!(apart(&image.loc(), &loc.insert_axis(Axis(0))) <= 1e-14);
        prop_assert!(image.factor(0).indexed_iter().all(|((i, j), &l)| i > j || (i == j && l > 0.0) || l == 0.0));
        prop_assert_eq!(image.shape(), Shape { rows: 1, repeat: 3, dim: a.nrows() });
    }

    /// log q(x) = log q(x_B) + log q(x_A given x_B), for any choice of B: two paths through the factor, of which neither
    /// knows the other.
    #[test]
    fn law_a_density_is_the_marginal_times_the_conditional(
        ((mean, lower), (order, k), x) in (1_usize..7).prop_flat_map(|d| (law_of(d, 1.0), choice(d), reals((3, d), -2.0, 2.0)))
    ) {
        let d = mean.len();
        let q = FullGaussian::from_factor(&mean, &lower, 3).unwrap();
        let some = &order[..k];
        let others: Vec<usize> = (0..d).filter(|i| !some.contains(i)).collect();
        let of = |columns: &[usize]| Array2::from_shape_fn((3, columns.len()), |(i, j)| x[[i, columns[j]]]);
        let (given, rest) = (of(some), of(&others));
        let marginal = q.marginal(some).unwrap().log_prob(&given).unwrap();
        let conditional = q.given(some, &given).unwrap();
        prop_assert_eq!(conditional.shape(), Shape { rows: 3, repeat: 1, dim: d - k });
        let joint = q.log_prob(&x).unwrap();
        let condition = size(&lower) * size(&Lu::of(&lower).unwrap().inverse().unwrap());
        let chain = marginal + conditional.log_prob(&rest).unwrap();
        for (joint, chain) in joint.iter().zip(&chain) {
            let limit = 32.0 * d as f64 * f64::EPSILON * condition * condition;
            prop_assert!((joint - chain).abs() <= limit * (1.0 + joint.abs()), "{joint} {chain}");
        }
    }

    /// S_22 - S_21 S_11^-1 S_12 and m_2 + S_21 S_11^-1 (x - m_1), by elimination.
    #[test]
    fn law_a_conditional_is_that_of_schur(
        ((mean, lower), (order, k), x) in (2_usize..7).prop_flat_map(|d| (law_of(d, 1.0), choice(d), reals((1, d), -2.0, 2.0)))
    ) {
        let d = mean.len();
        prop_assume!(0 < k && k < d);
        let some = &order[..k];
        let others: Vec<usize> = (0..d).filter(|i| !some.contains(i)).collect();
        let s = lower.dot(&lower.t());
        let block = |rows: &[usize], columns: &[usize]| s.select(Axis(0), rows).select(Axis(1), columns);
        let inverse = Lu::of(&block(some, some)).unwrap().inverse().unwrap();
        let slope = block(&others, some).dot(&inverse);
        let covariance = block(&others, &others) - slope.dot(&block(some, &others));
        let x = x.select(Axis(1), some);
        let loc = mean.select(Axis(0), &others) + slope.dot(&(&x.row(0) - &mean.select(Axis(0), some)));
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap().given(some, &x).unwrap();
        // The condition of S_11 enters the formula.
        let condition = size(&block(some, some)) * size(&inverse);
        let limit = 32.0 * d as f64 * f64::EPSILON * condition * (1.0 + size(&s)) * 4.0;
        prop_assert!(apart(&q.covariance(0), &covariance) <= limit);
        prop_assert!(apart(&q.loc(), &loc.insert_axis(Axis(0))) <= limit);
    }

    /// The posterior after a measurement A x + e: precisions add up, S_post^-1 = S^-1 + A'R^-1 A.
    #[test]
    fn law_a_measurement_adds_its_precision(
        ((mean, lower), (bias, errors), a, y) in (1_usize..5, 1_usize..5).prop_flat_map(|(d, k)| {
            (law_of(d, 0.7), law_of(k, 0.7), reals((k, d), -1.0, 1.0), reals((1, k), -2.0, 2.0))
        })
    ) {
        let d = mean.len();
        let prior = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        let noise = FullGaussian::from_factor(&bias, &errors, 1).unwrap();
        let both = prior.measured(&a, &noise).unwrap();
        let measured: Vec<usize> = (d..d + bias.len()).collect();
        let posterior = both.given(&measured, &y).unwrap();
        let inverse = |l: &Array2<f64>| Lu::of(&l.dot(&l.t())).unwrap().inverse().unwrap();
        let (own, its) = (inverse(&lower), inverse(&errors));
        let precision = &own + &a.t().dot(&its).dot(&a);
        let covariance = Lu::of(&precision).unwrap().inverse().unwrap();
        let pull = own.dot(&mean) + a.t().dot(&its).dot(&(&y.row(0) - &bias));
        let loc = covariance.dot(&pull);
        let condition = size(&precision) * size(&covariance) * size(&own).max(size(&its)) * (1.0 + size(&lower)).powi(2);
        let limit = 64.0 * f64::EPSILON * condition * (1.0 + size(&y));
        prop_assert!(apart(&posterior.covariance(0), &covariance) <= limit);
        prop_assert!(apart(&posterior.loc(), &loc.insert_axis(Axis(0))) <= limit);
        let back: Vec<usize> = (0..d).collect();
        prop_assert!(apart(&both.marginal(&back).unwrap().covariance(0), &prior.covariance(0)) <= 1e-13);
    }
}

/// A prior a billion times as wide as the errors: the posterior has the width of the errors, to all digits.
#[test]
fn law_a_wide_prior_loses_no_digit_of_the_measurement() {
    let prior = FullGaussian::from_factor(&array![0.0], &array![[1e9]], 1).unwrap();
    let errors = FullGaussian::from_factor(&array![0.0], &array![[1e-3]], 1).unwrap();
    let posterior = prior.measured(&array![[1.0]], &errors).unwrap().given(&[1], &array![[5.0]]).unwrap();
    assert!((posterior.factor(0)[[0, 0]] / 1e-3 - 1.0_f64).abs() < 4.0 * f64::EPSILON);
    assert!((posterior.loc()[[0, 0]] - 5.0_f64).abs() < 8.0 * f64::EPSILON * 5.0);
}

/// Each parameter row is conditioned on its own samples, and rows share a factor.
#[test]
fn law_conditionals_of_several_laws_and_samples() {
    let head = normal(2, 9, 4);
    let q = FullGaussian::from_head(&head).unwrap().repeat_rows(3);
    let x = normal(6, 1, 5);
    let all = q.given(&[1], &x).unwrap();
    assert_eq!(all.shape(), Shape { rows: 6, repeat: 1, dim: 2 });
    for i in 0..6 {
        let own = head.select(Axis(0), &[i / 3]);
        let one = FullGaussian::from_head(&own).unwrap().given(&[1], &x.select(Axis(0), &[i])).unwrap();
        assert_eq!(one.loc().row(0), all.loc().row(i));
        assert_eq!(one.factor(0), all.factor(i));
    }
    // And those again: factors shared by three rows, each with two samples.
    let again = all.repeat_rows(2);
    let y = normal(12, 1, 6);
    let last = again.given(&[0], &y).unwrap();
    for i in 0..12 {
        let own = head.select(Axis(0), &[i / 6]);
        let both = concatenate![Axis(1), x.select(Axis(0), &[i / 2]), y.select(Axis(0), &[i])];
        let one = FullGaussian::from_head(&own).unwrap().given(&[1, 0], &both).unwrap();
        assert!(apart(&one.loc(), &last.loc().select(Axis(0), &[i])) < 1e-13);
        assert!(apart(&one.factor(0), &last.factor(i)) < 1e-13);
    }
    let x = last.sample(&mut ChaCha8Rng::seed_from_u64(1));
    assert!(last.log_prob_grad(&x).unwrap().value.iter().all(|v| v.is_finite()));
    assert!(last.kl_standard().value.len() == 12);
}

#[test]
fn hard_coordinates_and_maps_that_do_not_fit() {
    let q = FullGaussian::<f64>::standard(2, 3).unwrap();
    let named =
        |value| Error::Parameter { name: "coordinates", value, expected: "a coordinate of the law, named once" };
    assert_eq!(q.marginal(&[0, 3]).unwrap_err(), named(3.0));
    assert_eq!(q.marginal(&[1, 1]).unwrap_err(), named(1.0));
    assert_eq!(q.given(&[2, 2], &Array2::zeros((2, 2))).unwrap_err(), named(2.0));
    let shape =
        |name, got: &[usize], expected: &[usize]| Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() };
    assert_eq!(q.given(&[0], &Array2::zeros((1, 1))).unwrap_err(), shape("x", &[1, 1], &[2, 1]));
    assert_eq!(q.given(&[0], &array![[0.0], [f64::NAN]]).unwrap_err(), Error::NaN { name: "x", row: 1 });
    assert_eq!(q.affine(&Array2::zeros((1, 2)), &array![0.0]).unwrap_err(), shape("a", &[1, 2], &[1, 3]));
    assert_eq!(q.affine(&Array2::zeros((1, 3)), &array![0.0, 0.0]).unwrap_err(), shape("b", &[2], &[1]));
    let expected = "at most as many as the 3 columns".to_owned();
    let wide = q.affine(&Array2::zeros((4, 3)), &Array1::zeros(4)).unwrap_err();
    assert_eq!(wide, Error::Count { name: "a", axis: "rows", got: 4, expected });
    let Err(Error::Pivot { name: "a", pivot: 1, .. }) =
        q.affine(&array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]], &array![0.0, 0.0])
    else {
        panic!("rows that depend on each other")
    };
    let error = Error::NaN { name: "a", row: 0 };
    assert_eq!(q.affine(&array![[1.0, f64::NAN, 0.0]], &array![0.0]).unwrap_err(), error);
    let entry = Error::Entry { name: "b", index: vec![0], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(q.affine(&array![[1.0, 0.0, 0.0]], &array![f64::INFINITY]).unwrap_err(), entry);
    let errors = FullGaussian::<f64>::standard(1, 2).unwrap();
    assert_eq!(q.measured(&Array2::zeros((2, 2)), &errors).unwrap_err(), shape("a", &[2, 2], &[2, 3]));
    assert_eq!(q.marginal(&[]).unwrap().shape().dim, 0);
    assert_eq!(q.given(&[0, 1, 2], &Array2::zeros((2, 3))).unwrap().shape().dim, 0);
}

/// NaN stays in the law that holds it, and out of the others; scales beyond the numbers are refused, with their place.
#[test]
fn hard_images_of_laws_that_are_not_in_numbers() {
    for k in 0..5 {
        let mut head = Array2::from_shape_fn((2, 5), |(t, j)| 0.1 * (t + j) as f64);
        let clean = FullGaussian::from_head(head.clone()).unwrap();
        head[[1, k]] = f64::NAN;
        let q = FullGaussian::from_head(head).unwrap();
        let (a, b) = (array![[1.0, 1.0]], array![0.0]);
        let errors = FullGaussian::standard(1, 1).unwrap();
        let x = array![[0.5], [0.5]];
        let images = |q: &FullGaussian<'_, f64>| {
            [
                q.affine(&a, &b).unwrap(),
                q.marginal(&[1, 0]).unwrap(),
                q.given(&[0], &x).unwrap(),
                q.measured(&a, &errors).unwrap(),
            ]
        };
        for (image, clean) in images(&q).iter().zip(&images(&clean)) {
            let nan = |t: usize| image.loc().row(t).iter().chain(image.factor(t).iter()).any(|x| x.is_nan());
            assert!(nan(1), "a law of NaN in part {k}");
            assert_eq!((image.loc().row(0), image.factor(0)), (clean.loc().row(0), clean.factor(0)));
        }
        if k >= 2 {
            assert!(q.covariance(1).iter().any(|x| x.is_nan()) && q.factor(1).iter().any(|x| x.is_nan()));
            assert!(q.kl(&clean).unwrap().value[1].is_nan() && !q.kl(&clean).unwrap().value[0].is_nan());
        }
    }
    for s in [100.0_f32, -100.0] {
        let q = FullGaussian::from_head(array![[0.0, 0.0, 0.0, s, 1.0]]).unwrap();
        let expected = "the logarithm of a scale within the numbers";
        let beyond = Error::Entry { name: "log_scale", index: vec![0, 1], value: f64::from(s), expected };
        assert_eq!(q.marginal(&[1]).unwrap_err(), beyond);
        assert_eq!(q.given(&[0], &array![[1.0]]).unwrap_err(), beyond);
        assert_eq!(q.affine(&array![[1.0, 1.0]], &array![0.0]).unwrap_err(), beyond);
        let within = FullGaussian::standard(1, 2).unwrap();
        let both = Array2::eye(2);
        assert_eq!(within.measured(&both, &q).unwrap_err(), beyond, "of errors too");
        assert_eq!(q.measured(&both, &within).unwrap_err(), beyond);
    }
    let nan = FullGaussian::from_head(array![[0.0, f64::NAN]]).unwrap();
    let image = FullGaussian::standard(1, 1).unwrap().measured(&array![[1.0]], &nan).unwrap();
    assert!(image.factor(0)[[1, 1]].is_nan(), "which is no number beyond them");
    let q = FullGaussian::<f64>::standard(1, 2).unwrap();
    let infinite = Error::Entry { name: "x", index: vec![0, 0], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(q.given(&[0], &array![[f64::INFINITY]]).unwrap_err(), infinite);
}
