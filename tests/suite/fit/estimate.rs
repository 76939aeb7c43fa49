use estimand::fit::{Gaussian, Moments, bessel, mle, mle_mean};
use estimand::ndarray::array;
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, check};
use proptest::prelude::*;

use super::{log_normal, moments, observations};
use crate::support::near::difference_limit;
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// The gradient of the log-likelihood in (mean, ln variance), a sum over observations, is zero
    /// there, and the likelihood is less anywhere else.
    #[test]
    fn law_the_likelihood_is_stationary_at_the_mle(x in observations(), off in -1.0..1.0_f64, scale in -1.0..1.0_f64) {
        prop_assume!(x.iter().any(|&a| (a - x[0]).abs() > 1e-3));
        let law = mle(&moments(&x)).unwrap();
        prop_assert_eq!(law.mean(), mle_mean(&moments(&x)).unwrap());
        let log_likelihood = |mean: f64, log_variance: f64| -> f64 {
            x.iter().map(|&x| log_normal(x, mean, log_variance.exp())).sum()
        };
        let (at, sd) = ((law.mean(), law.variance().ln()), law.sd());
        let top = log_likelihood(at.0, at.1);
        // In units of the sd, so that both directions have derivatives of the size N.
        let f = |t: &estimand::ndarray::ArrayRef1<f64>| log_likelihood(at.0 + t[0] * sd, at.1 + t[1]);
        let found = check::gradient(f, &array![0.0, 0.0], &array![0.0, 0.0]).unwrap();
        let size = top.abs() + x.len() as f64 * (1.0 + at.1.abs());
        prop_assert!(found.error * found.scale.max(1.0) <= difference_limit::<f64>(size, x.len() as f64, 0.125), "{found}");
        prop_assert!(log_likelihood(at.0 + off * sd, at.1 + scale) <= top + 8.0 * f64::EPSILON * size);
    }

    #[test]
    fn law_n_and_n_less_one(x in observations()) {
        prop_assume!(x.iter().any(|&a| (a - x[0]).abs() > 1e-3));
        let (n, both) = (x.len() as f64, moments(&x));
        let (biased, mended) = (mle(&both).unwrap(), bessel(&both).unwrap());
        prop_assert!((mended.variance() / biased.variance() * (n - 1.0) / n - 1.0).abs() < 8.0 * f64::EPSILON);
    }
}

/// Over 40 000 samples of 4 from N(1, 9): the expectation of the one is 9, of the other 27/4, to 6
/// standard errors (2e-9 for a normal mean); a bias of 5 % would be seen.
#[test]
fn stat_the_bias_of_both_variances() {
    let mut rng = StdRng::seed_from_u64(11);
    let mut over = [Moments::<f64>::new(), Moments::new()];
    for _ in 0..40_000 {
        let x: Moments<f64> = Standard::Normal.draw::<f64, _, _>(&mut rng, 4).iter().map(|z| 1.0 + 3.0 * z).collect();
        over[0].push(bessel(&x).unwrap().variance());
        over[1].push(mle(&x).unwrap().variance());
    }
    for (found, expected) in over.iter().zip([9.0, 6.75]) {
        let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
        assert!(
            (mean - expected).abs() < 6.0 * error && 6.0 * error < 0.05 * expected,
            "{mean} +- {error}, {expected}"
        );
    }
}

#[test]
fn hard_too_few_and_all_equal() {
    let few = |got, needs| Err(Error::TooFew { name: "x", got, needs });
    let none = Moments::<f64>::new();
    assert_eq!(mle_mean(&none), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    assert_eq!((mle(&none), bessel(&none)), (few(0, 1), few(0, 1)));
    let one = moments(&[2.0]);
    assert_eq!(mle_mean(&one), Ok(2.0));
    assert_eq!((mle(&one), bessel(&one)), (few(1, 2), few(1, 2)));
    let expected = "observations that are not all equal";
    let equal = Err(Error::Parameter { name: "variance", value: 0.0, expected });
    let same = moments(&[0.1; 7]);
    assert_eq!((mle(&same), bessel(&same)), (equal.clone(), equal));
    let nan = moments(&[1.0, f64::NAN, 2.0]);
    assert_eq!(mle(&nan), Err(Error::NaN { name: "x", row: 1 }));
    assert_eq!(mle_mean(&nan), Err(Error::NaN { name: "x", row: 1 }));
    let infinite = |value| Err::<Gaussian<f64>, _>(Error::Parameter { name: "x", value, expected: "a finite number" });
    for (x, value) in [([1.0, f64::INFINITY], f64::INFINITY), ([f64::NEG_INFINITY, f64::INFINITY], f64::INFINITY)] {
        assert_eq!((mle(&moments(&x)), bessel(&moments(&x))), (infinite(value), infinite(value)));
        assert_eq!(mle_mean(&moments(&x)), infinite(value).map(|law| law.mean()));
    }
    assert_eq!(mle_mean(&moments(&[f64::NEG_INFINITY])), infinite(f64::NEG_INFINITY).map(|law| law.mean()));
    assert_eq!(mle(&moments(&[1.0, f64::NEG_INFINITY])), infinite(f64::NEG_INFINITY));
    // One of three rows has all the weight.
    let lone = Moments::of_weighted(&array![1.0, 2.0, 3.0], &array![0.0, 2.0, 0.0]).unwrap();
    let expected = "at least 2".to_owned();
    let count = Error::Count { name: "weights", axis: "rows above 0", got: 1, expected };
    assert_eq!((mle(&lone), bessel(&lone)), (Err(count.clone()), Err(count)));
}
