//! The mean vector under a known covariance: against the scalar case, precisions that add up, and densities row by row.

use estimand::fit::{Gaussian, MeanLikelihood, MeanVectorLikelihood, Moments, mle_full};
use estimand::matrix::Lu;
use estimand::moments::Scatter;
use estimand::ndarray::{Array2, Axis, array};
use estimand::{Distribution, Error, FullGaussian, check};
use proptest::prelude::*;

use crate::distribution::full_gaussian::{apart, law_of};
use crate::support::strategy::{array as reals, config};

fn inverse(lower: &Array2<f64>) -> Array2<f64> {
    Lu::of(&lower.dot(&lower.t())).unwrap().inverse().unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// The likelihood is the product of the densities of the rows, the MLE its summit, the posterior that of precisions,
    /// and the evidence what is left of the joint density, wherever that is looked at.
    #[test]
    fn law_the_posterior_of_a_mean_vector(
        ((_, lower), (nu, prior), x, mu) in (1_usize..5, 1_usize..9).prop_flat_map(|(d, n)| {
            (law_of(d, 0.7), law_of(d, 0.7), reals((n, d), -2.0, 2.0), reals((1, d), -2.0, 2.0))
        })
    ) {
        let (n, d) = x.dim();
        let likelihood = MeanVectorLikelihood::of(&Scatter::of(&x), &lower).unwrap();
        let mu = mu.row(0).to_owned();
        let at = likelihood.log_likelihood(&mu).unwrap();
        let rows = FullGaussian::from_factor(&mu, &lower, n).unwrap().log_prob(&x).unwrap();
        let size: f64 = rows.iter().map(|r| r.abs()).sum::<f64>() + 1.0;
        let own = inverse(&lower);
        let condition = own.iter().map(|x| x.abs()).sum::<f64>() * lower.iter().map(|x| x.abs()).sum::<f64>().powi(2);
        let limit = 64.0 * d as f64 * f64::EPSILON * condition * size;
        prop_assert!((at.value - rows.sum()).abs() <= limit, "{} {}", at.value, rows.sum());

        let value = |mu: &estimand::ndarray::ArrayRef1<f64>| likelihood.log_likelihood(mu).unwrap().value;
        let found = check::gradient(value, &mu, &at.grad).unwrap();
        prop_assert!(found.error <= 1e-6 * (found.scale + size), "{found}");
        let mle = likelihood.mle().unwrap();
        prop_assert!(apart(&mle.view().insert_axis(Axis(0)), &x.mean_axis(Axis(0)).unwrap().insert_axis(Axis(0))) <= 1e-14);
        let top = likelihood.log_likelihood(&mle).unwrap();
        prop_assert!(top.grad.iter().all(|g| *g == 0.0) && top.value >= at.value);
        let variance = lower.dot(&lower.t()).diag().mapv(|v| (v / n as f64).sqrt());
        prop_assert!(likelihood.std_error().unwrap().iter().zip(&variance).all(|(a, b)| (a - b).abs() <= 1e-13 * b));

        let law = FullGaussian::from_factor(&nu, &prior, 1).unwrap();
        let posterior = likelihood.posterior(&law).unwrap();
        let before = inverse(&prior);
        let precision = &before + &(&own * n as f64);
        let covariance = Lu::of(&precision).unwrap().inverse().unwrap();
        let mean = covariance.dot(&(before.dot(&nu) + own.dot(&mle) * n as f64));
        let sum = |a: &Array2<f64>| a.iter().map(|x| x.abs()).sum::<f64>();
        let limit = 64.0 * f64::EPSILON * sum(&precision) * sum(&covariance) * (1.0 + sum(&covariance)) * 8.0;
        prop_assert!(apart(&posterior.covariance(0), &covariance) <= limit);
        prop_assert!(apart(&posterior.loc(), &mean.insert_axis(Axis(0))) <= limit);

        let at_mean = likelihood.log_joint(&posterior.loc().row(0), &law).unwrap();
        let slopes = at_mean.grad.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
        prop_assert!(slopes <= 64.0 * f64::EPSILON * sum(&precision).powi(2) * sum(&covariance) * (1.0 + sum(&covariance)) * 8.0, "the posterior mean is the MAP");
        let evidence = likelihood.log_marginal(&law).unwrap();
        let here = mu.view().insert_axis(Axis(0));
        let joint = at.value + law.log_prob(&here).unwrap()[0] - posterior.log_prob(&here).unwrap()[0];
        let loose = 1e-11 * condition * (size + joint.abs());
        prop_assert!((evidence - joint).abs() <= loose, "{evidence} {joint}");
    }

    /// With one coordinate it is the scalar case.
    #[test]
    fn law_one_coordinate_is_the_scalar_case(x in reals((6, 1), -3.0, 3.0), sd in 0.5_f64..2.0, beta in 0.5_f64..2.0) {
        let moments: Moments<f64> = x.iter().copied().collect();
        let scalar = MeanLikelihood::of(&moments, sd * sd).unwrap();
        let vector = MeanVectorLikelihood::of(&Scatter::of(&x), &array![[sd]]).unwrap();
        let (prior, law) = (Gaussian::new(0.5, beta * beta).unwrap(), FullGaussian::from_factor(&array![0.5], &array![[beta]], 1).unwrap());
        let near = |a: f64, b: f64| (a - b).abs() <= 32.0 * f64::EPSILON * (1.0 + a.abs() + b.abs());
        let (one, other) = (scalar.log_likelihood(0.25), vector.log_likelihood(&array![0.25]).unwrap());
        prop_assert!(near(one.value, other.value) && near(one.grad, other.grad[0]));
        let (one, other) = (scalar.posterior(&prior), vector.posterior(&law).unwrap());
        prop_assert!(near(one.mean(), other.loc()[[0, 0]]) && near(one.variance(), other.covariance(0)[[0, 0]]));
        prop_assert!(near(scalar.log_marginal(&prior), vector.log_marginal(&law).unwrap()));
    }

    /// Of all covariances the maximum-likelihood one has the greatest likelihood: a step from it in any direction loses.
    #[test]
    fn law_the_mle_is_a_summit(x in reals((9, 3), -2.0, 2.0), step in reals((3, 3), -1.0, 1.0)) {
        let law = mle_full(&Scatter::of(&x), 9).unwrap();
        let at = law.log_prob_grad(&x).unwrap();
        let total = at.grad.flat().sum_axis(Axis(0));
        let size: f64 = at.grad.flat().iter().map(|g| g.abs()).sum();
        prop_assert!(total.iter().all(|g| g.abs() <= 1e-12 * size), "the score sums to nothing: {total}");
        let moved = law.covariance(0) + (&step + &step.t()) * 0.01 * law.covariance(0)[[0, 0]];
        if let Ok(other) = FullGaussian::from_covariance(&law.loc().row(0), &moved, 9) {
            prop_assert!(other.log_prob(&x).unwrap().sum() <= at.value.sum());
        }
    }
}

#[test]
fn law_parts_that_are_merged_have_the_law_of_all() {
    let x = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 11 + i * i * j) % 13) as f64 + 1e6);
    let mut parts = Scatter::of(&x.slice_axis(Axis(0), (..15).into()));
    parts.merge(&Scatter::of(&x.slice_axis(Axis(0), (15..).into()))).unwrap();
    let (whole, merged) = (mle_full(&Scatter::of(&x), 1).unwrap(), mle_full(&parts, 1).unwrap());
    assert!(apart(&whole.loc(), &merged.loc()) <= 4.0 * f64::EPSILON * 1e6);
    assert!(apart(&whole.factor(0), &merged.factor(0)) <= 1e-13);
}

#[test]
fn hard_too_few_rows_and_priors_that_do_not_fit() {
    let none = Scatter::<f64>::new(2);
    let likelihood = MeanVectorLikelihood::of(&none, &Array2::eye(2)).unwrap();
    assert_eq!(likelihood.mle(), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    assert_eq!(likelihood.log_likelihood(&array![1.0, 2.0]).unwrap().value, 0.0);
    let prior = FullGaussian::from_factor(&array![1.0, 2.0], &array![[1.0, 0.0], [0.5, 2.0]], 1).unwrap();
    let posterior = likelihood.posterior(&prior).unwrap();
    assert_eq!((posterior.loc(), posterior.factor(0)), (prior.loc(), prior.factor(0)));
    assert_eq!((likelihood.log_marginal(&prior), likelihood.weight()), (Ok(0.0), 0.0));
    let wide = FullGaussian::standard(1, 3).unwrap();
    let shape = Error::Shape { name: "prior", got: vec![1, 3], expected: vec![1, 2] };
    assert_eq!(likelihood.posterior(&wide).unwrap_err(), shape);
    let shape = Error::Shape { name: "factor", got: vec![3, 3], expected: vec![2, 2] };
    assert_eq!(MeanVectorLikelihood::of(&none, &Array2::eye(3)).unwrap_err(), shape);
    let infinite = Scatter::of(&array![[f64::INFINITY, 0.0]]);
    let error = Error::Parameter { name: "x", value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(MeanVectorLikelihood::of(&infinite, &Array2::eye(2)).unwrap_err(), error);
    assert_eq!(mle_full(&Scatter::of(&array![[f64::INFINITY, 0.0], [1.0, 2.0], [3.0, 4.0]]), 1).unwrap_err(), error);
    let heavy = Scatter::of_weighted(&array![[1.0, 2.0]], &array![1e-300]).unwrap();
    let expected = "one by whose root the factor can be divided";
    let weight = Error::Parameter { name: "weight", value: 1e-300, expected };
    assert_eq!(MeanVectorLikelihood::of(&heavy, &(Array2::<f64>::eye(2) * 1e200)).unwrap_err(), weight);
    let shape = Error::Shape { name: "mu", got: vec![1], expected: vec![2] };
    assert_eq!(likelihood.log_likelihood(&array![0.0]), Err(shape));

    let few = Scatter::of(&array![[1.0, 2.0], [3.0, 5.0]]);
    assert_eq!(mle_full(&few, 1).unwrap_err(), Error::TooFew { name: "x", got: 2, needs: 3 });
    let line = Scatter::of(&array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [5.0, 10.0]]);
    assert!(matches!(mle_full(&line, 1), Err(Error::Pivot { name: "covariance", .. } | Error::Condition { .. })));
    let nan = Scatter::of(&array![[1.0, 2.0], [f64::NAN, 4.0], [3.0, 6.0]]);
    assert_eq!(mle_full(&nan, 1).unwrap_err(), Error::NaN { name: "x", row: 1 });
    let flat = MeanVectorLikelihood::of(&Scatter::<f64>::of(&Array2::zeros((3, 0))), &Array2::zeros((0, 0))).unwrap();
    assert_eq!((flat.mle().unwrap().len(), flat.weight()), (0, 3.0));
}
