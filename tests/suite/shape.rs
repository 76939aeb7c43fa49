//! Shared rows, and what each door refuses.

use estimand::distribution::{Cdf, LocScaleParts};
use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::beta_elbo;
use estimand::{DiagGaussian, Distribution, Error, Grad, Sample, Shape, Transform, ValueGrad};
use proptest::prelude::*;

use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_each_parameter_row_serves_consecutive_samples(rows in 0_usize..20, repeat in 1_usize..20) {
        let shape = Shape { rows, repeat, dim: 3 };
        let mut serves = Vec::new();
        for t in 0..rows {
            serves.extend(std::iter::repeat_n(t, repeat));
        }
        let read: Vec<usize> = (0..shape.samples()).map(|i| shape.parameter_row(i)).collect();
        prop_assert_eq!(read, serves);
    }
}

#[test]
fn hard_no_repeat_has_no_samples() {
    let shape = Shape { rows: 3, repeat: 0, dim: 2 };
    assert_eq!(shape.samples(), 0);
    assert_eq!(shape.parameter_row(2), 2);

    let zeros = Array2::<f64>::zeros((3, 2));
    let q = DiagGaussian::new(&zeros, &zeros).unwrap().repeat_rows(0);
    let refused = Error::Parameter { name: "repeat", value: 0.0, expected: "at least 1" };
    let none = Array2::zeros((0, 2));
    assert_eq!(q.log_prob(&none), Err(refused.clone()));
    assert_eq!(q.transform(none.clone()), Err(refused.clone()));
    assert_eq!(q.cdf(&none), Err(refused));
}

#[test]
fn hard_shapes_must_match_to_the_letter() {
    let q = DiagGaussian::<f32>::standard(2, 2).unwrap();
    let shape =
        |name, got: &[usize], expected: &[usize]| Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() };
    for (n, d) in [(1, 2), (2, 1), (4, 1), (1, 4), (0, 2), (2, 0), (3, 2)] {
        assert_eq!(q.log_prob(&Array2::zeros((n, d))), Err(shape("x", &[n, d], &[2, 2])));
        assert_eq!(q.transform(Array2::zeros((n, d))), Err(shape("noise", &[n, d], &[2, 2])));
        assert_eq!(q.quantile(&Array2::zeros((n, d))), Err(shape("p", &[n, d], &[2, 2])));
    }
    let wide = Array2::<f32>::zeros((2, 3));
    let column = Array2::zeros((2, 1));
    assert_eq!(DiagGaussian::new(&wide, &column).err(), Some(shape("log_scale", &[2, 1], &[2, 3])));
}

#[test]
fn hard_a_count_of_none_has_no_meaning() {
    let (loc, log_scale) = (array![0.0], array![0.0]);
    let refused = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(DiagGaussian::shared(&loc, &log_scale, 0).err(), Some(refused));
    assert!(DiagGaussian::shared(&loc, &log_scale, 1).is_ok());
}

#[test]
fn hard_rows_fall_into_groups_or_are_refused() {
    let grad = Grad::new(Array2::<f64>::zeros((6, 2)), LocScaleParts { dim: 1 }).unwrap();
    for k in [1, 2, 3, 6] {
        assert_eq!(grad.sum_groups(k).unwrap().flat().dim(), (6 / k, 2));
    }
    for k in [4, 5, 7, 12] {
        let refused = Error::Count { name: "grad", axis: "rows", got: 6, expected: format!("a multiple of {k}") };
        assert_eq!(grad.sum_groups(k), Err(refused));
    }
    assert_eq!(grad.sum_groups(0), Err(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" }));
}

#[test]
fn hard_a_weight_of_an_objective_is_not_negative() {
    let one = || ValueGrad { value: array![1.0], grad: array![[1.0]] };
    let expected = "a finite number that is not negative";
    for beta in [-1.0, -f64::MIN_POSITIVE, f64::NEG_INFINITY, f64::INFINITY] {
        assert_eq!(beta_elbo(one(), one(), beta), Err(Error::Parameter { name: "beta", value: beta, expected }));
    }
    // A NaN equals nothing, an error that holds one neither: its words are compared.
    let refused = beta_elbo(one(), one(), f64::NAN).unwrap_err();
    assert_eq!(refused.to_string(), "`beta` is NaN, expected a finite number that is not negative");
    for beta in [0.0, -0.0, f64::MAX] {
        assert!(beta_elbo(one(), one(), beta).is_ok(), "{beta}");
    }
}

#[test]
fn hard_the_first_nan_of_the_weights_is_named() {
    let grad = Grad::new(Array2::<f32>::ones((4, 2)), LocScaleParts { dim: 1 }).unwrap();
    let weights = array![0.0, f32::INFINITY, f32::NAN, f32::NAN];
    assert_eq!(grad.clone().weighted_rows(&weights), Err(Error::NaN { name: "weights", row: 2 }));
    assert!(grad.weighted_rows(&Array1::from_elem(4, f32::NEG_INFINITY)).is_ok());
}

#[test]
fn hard_the_first_entry_outside_the_domain_is_named_and_nan_is_data() {
    let mean = Array2::zeros((2, 3));
    let expected = "a positive, finite variance";
    // Column by column, the entry at [1, 0] would come first.
    let mut variance = array![[1.0, f64::NAN, 2.0], [-1.0, 1.0, 1.0]];
    for bad in [0.0, -0.5, f64::INFINITY, f64::NEG_INFINITY] {
        variance[[0, 2]] = bad;
        let refused = Error::Entry { name: "variance", index: vec![0, 2], value: bad, expected };
        assert_eq!(DiagGaussian::from_mean_variance(&mean, &variance).err(), Some(refused.clone()));
        let columns = variance.t().as_standard_layout().into_owned();
        assert_eq!(DiagGaussian::from_mean_variance(&mean, &columns.t()).err(), Some(refused));
    }
    variance[[0, 2]] = 1.0;
    variance[[1, 0]] = 5e-324;
    assert!(DiagGaussian::from_mean_variance(&mean, &variance).is_ok());
}

#[test]
fn hard_what_is_drawn_has_the_shape_that_is_asked_for() {
    let mut rng = <rand_chacha::ChaCha8Rng as estimand::rand::SeedableRng>::seed_from_u64(1);
    let zeros = Array2::<f64>::zeros((3, 2));
    let q = DiagGaussian::new(&zeros, &zeros).unwrap().repeat_rows(4);
    assert_eq!(q.shape(), Shape { rows: 3, repeat: 4, dim: 2 });
    assert_eq!(q.sample(&mut rng).dim(), (12, 2));
    assert_eq!(q.repeat_rows(2).sample(&mut rng).dim(), (24, 2));
}
