use estimand::ndarray::{Array2, Axis, array};
use estimand::objective::{Aggregate, Latents, beta_elbo, decompose};
use estimand::{DiagGaussian, Error, Real, ValueGrad};
use proptest::prelude::*;

use crate::support::strategy::{array as numbers, config};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_moments_of_latents(loc in numbers((7, 3), -2.0, 2.0), log_scale in numbers((7, 3), -1.5, 0.5)) {
        let latents = Latents::of(&DiagGaussian::new(&loc, &log_scale).unwrap()).unwrap();
        let mean = |of: &dyn Fn(usize) -> f64| (0..7).map(of).sum::<f64>() / 7.0;
        let few = 64.0 * f64::EPSILON * 8.0;
        for j in 0..3 {
            let (m, v) = (|i: usize| loc[[i, j]], |i: usize| (2.0 * log_scale[[i, j]]).exp());
            let first = mean(&m);
            let activity = mean(&|i| (m(i) - first).powi(2));
            // The second moment of the mixture, from each component's.
            let second = mean(&|i| v(i) + m(i) * m(i));
            prop_assert!((latents.mean[j] - first).abs() <= few && (latents.activity[j] - activity).abs() <= few);
            prop_assert!((latents.variance[j] - (second - first * first)).abs() <= few);
            let kl = mean(&|i| 0.5 * (v(i) - 1.0 - v(i).ln() + m(i) * m(i)));
            prop_assert!((latents.kl[j] - kl).abs() <= few);
            // Jensen: a mixture is nearer to the prior than its components are in the mean.
            prop_assert!(latents.mismatch()[j] <= latents.kl[j] + few);
        }
        prop_assert!((latents.rate() - latents.kl.sum()).abs() == 0.0);
        prop_assert!(latents.information_at_most() <= 7.0_f64.ln());
    }
}

/// The information of well-known codes is below what the report allows, and reaches it where codes are far apart.
#[test]
fn law_information_is_at_most_what_is_said() {
    let loc = array![[-30.0], [0.0], [30.0], [60.0]];
    for s in [-1.0, 1.0, 3.0, 5.0] {
        let log_scale = Array2::from_elem((4, 1), s);
        let q = DiagGaussian::new(&loc, &log_scale).unwrap();
        // Antithetic quantiles of the noise, as samples.
        let z = Array2::from_shape_fn((4, 1), |(i, _)| loc[[i, 0]] + [-0.7, 0.2, -0.2, 0.7][i] * f64::exp(s));
        let information = decompose(&q, &z, Aggregate::Exact).unwrap().mean().unwrap().information;
        let most = Latents::of(&q).unwrap().information_at_most();
        assert!(information <= most + 1e-12, "{s}: {information} > {most}");
        assert!(s > 0.0 || (information - 4.0_f64.ln()).abs() < 1e-12);
    }
}

#[test]
fn ref_rate_and_distortion_are_the_terms() {
    let term = |value| ValueGrad { value, grad: array![1.0, 1.0] };
    let obj = beta_elbo(term(array![-80.0, -100.0]), term(array![10.0, 14.0]), 1.0).unwrap().mean().unwrap();
    assert_eq!((obj.rate(), obj.distortion()), (12.0, 90.0));
    assert_eq!(obj.value, -(obj.rate() + obj.distortion()));
}

#[test]
fn ref_a_warning_says_which() {
    // Alive; the prior; a constant; the prior with a mean that moves by less than is seen.
    let loc = array![[1.0, 0.0, 2.0, 0.01], [-1.0, 0.0, 2.0, -0.01]];
    let log_scale = array![[-2.0, 0.0, 0.0, 0.0], [-2.0, 0.0, 0.0, 0.0]];
    let latents = Latents::of(&DiagGaussian::new(&loc, &log_scale).unwrap()).unwrap();
    assert_eq!(latents.active(0.01).unwrap(), [0]);
    let warning = latents.collapse(0.01).unwrap().unwrap();
    assert_eq!((&warning.to_prior[..], &warning.to_constant[..], warning.latents), (&[1, 3][..], &[2][..], 4));
    assert_eq!(
        warning.to_string(),
        "3 of 4 latents tell nothing of the example; the prior: 1, 3; a constant that costs nats: 2"
    );
    let all = Latents::of(&DiagGaussian::<f64>::new(Array2::zeros((5, 2)), Array2::zeros((5, 2))).unwrap()).unwrap();
    let warning = all.collapse(0.01).unwrap().unwrap().to_string();
    assert_eq!(warning, "2 of 2 latents tell nothing of the example: posterior collapse; the prior: 0, 1");
    let alive = Latents::of(&DiagGaussian::new(array![[3.0], [-3.0]], array![[0.0], [0.0]]).unwrap()).unwrap();
    assert_eq!(alive.collapse(0.01).unwrap(), None);
}

/// A mean that moves by a twentieth and a scale that moves are a code, however little Burda's activity sees of them: in both cases
/// the samples tell which example it was.
#[test]
fn law_what_tells_the_example_is_no_collapse() {
    let loc = array![[0.05, 0.0], [-0.05, 0.0], [0.05, 0.0], [-0.05, 0.0]];
    let log_scale = array![[-5.0, 0.0], [-5.0, 0.0], [-5.0, -3.0], [-5.0, -3.0]];
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let latents = Latents::of(&q).unwrap();
    assert_eq!((latents.active(0.01).unwrap().len(), latents.collapse(0.01).unwrap()), (0, None));
    // Samples at the quartiles of each posterior tell far more than a hundredth of a nat.
    let z = Array2::from_shape_fn((8, 2), |(i, j)| {
        loc[[i / 2, j]] + [-0.6745, 0.6745][i % 2] * f64::exp(log_scale[[i / 2, j]])
    });
    for j in 0..2 {
        let column = |of: &Array2<f64>| of.column(j).to_owned().insert_axis(Axis(1));
        let one = DiagGaussian::new(column(&loc), column(&log_scale)).unwrap().repeat_rows(2);
        let information = decompose(&one, &column(&z), Aggregate::Exact).unwrap().mean().unwrap().information;
        assert!(information > 0.3, "{j}: {information}");
    }
}

fn refused<F: Real>() {
    // A variance beyond the numbers: as far from the prior as can be.
    let wide = Array2::from_elem((2, 1), F::max_value().ln() * F::of(0.6));
    let wide = Latents::of(&DiagGaussian::new(Array2::zeros((2, 1)), &wide).unwrap()).unwrap();
    assert_eq!((wide.mismatch()[0], wide.collapse(F::one()).unwrap()), (F::infinity(), None));
    let none = DiagGaussian::<F>::new(Array2::zeros((0, 2)), Array2::zeros((0, 2))).unwrap();
    assert!(matches!(Latents::of(&none).unwrap_err(), Error::TooFew { name: "q", got: 0, needs: 1 }));
    let bad = DiagGaussian::new(Array2::from_elem((2, 1), F::nan()), Array2::zeros((2, 1))).unwrap();
    assert_eq!(Latents::of(&bad).unwrap_err(), Error::NaN { name: "loc", row: 0 });
    let one = Latents::of(&DiagGaussian::<F>::new(Array2::zeros((1, 1)), Array2::zeros((1, 1))).unwrap()).unwrap();
    assert_eq!((one.activity[0], one.information_at_most()), (F::zero(), F::zero()));
    let error = Error::Parameter { name: "threshold", value: -1.0, expected: "a finite number that is not negative" };
    assert_eq!(one.active(-F::one()).unwrap_err(), error);
    assert_eq!(one.collapse(-F::one()).unwrap_err(), error);
}

#[test]
fn hard_latents_of_no_example_and_of_one() {
    refused::<f32>();
    refused::<f64>();
}
