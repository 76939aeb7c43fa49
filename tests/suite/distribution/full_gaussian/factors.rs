//! Factors are kept as they are given, and rows that share one are that law.

use estimand::ndarray::{Array2, array};
use estimand::{Distribution, FullGaussian, Real};
use proptest::prelude::*;

use super::law_of;
use crate::support::near::assert_eps;
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_factor_is_kept((mean, lower) in (1_usize..6).prop_flat_map(|d| law_of(d, 3.0))) {
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        prop_assert_eq!(q.factor(0), lower);
        prop_assert_eq!(q.loc().row(0).to_owned(), mean);
    }
}

fn scales<F: Real>(limit: f64) {
    let least = F::min_positive_value().as_f64();
    for scale in [1e-2 * least, least, 1e-30, 1e-6, 0.1, 1.0, 3.0, 1e6, 1e30] {
        let q = FullGaussian::from_factor(&array![F::zero()], &array![[F::of(scale)]], 1).unwrap();
        let scale = F::of(scale).as_f64();
        let at = q.log_prob_grad(&Array2::from_elem((1, 1), F::of(2.0 * scale))).unwrap();
        assert!(at.value[0].is_finite());
        if scale < least {
            // A subnormal number has few digits, and its inverse is none.
            assert_eps(at.grad.log_scale()[[0, 0]], 3.0, 4.0, limit, format!("z^2 - 1 at the scale {scale}"));
            continue;
        }
        assert_eps(at.grad.log_scale()[[0, 0]], 3.0, 4.0, limit, format!("z^2 - 1 at the scale {scale}"));
        assert_eps(at.grad.loc()[[0, 0]], 2.0 / scale, 2.0 / scale, limit, format!("z / s at the scale {scale}"));
    }
}

/// The root of a scale that is given is its square root, not e^(s/2), whose error grows with s.
#[test]
fn law_a_scale_loses_no_digit() {
    scales::<f32>(4.0);
    scales::<f64>(4.0);
}
