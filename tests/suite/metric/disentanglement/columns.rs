use estimand::metric::disentanglement::{histogram, lasso, squared_correlations};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;

use crate::support::layouts::every_layout;
use crate::support::strategy::{array as arrays, config};

/// Numbers whose squares, sums or differences are beyond the largest, or below the least.
#[test]
fn hard_columns_of_any_size_have_their_units() {
    let shape = [-1.0, -0.5, 0.25, 1.0];
    let (codes, values) = (Array2::from_shape_fn((4, 1), |(i, _)| shape[i]), array![[1.0], [0.0], [3.0], [2.0]]);
    let plain = squared_correlations(&codes, &values).unwrap();
    for scale in [1.7e308, 1e200, 1e-200, 2.0_f64.powi(-1060)] {
        let scaled = codes.mapv(|x| x * scale);
        let got = squared_correlations(&scaled, &values).unwrap();
        assert!((got[[0, 0]] - plain[[0, 0]]).abs() <= 32.0 * f64::EPSILON, "{scale:e}: {got}");
        assert_eq!(histogram(&scaled, 4).unwrap(), histogram(&codes, 4).unwrap(), "{scale:e}");
        let [a, b] = [&codes, &scaled].map(|codes| lasso(codes, &values, 0.1).unwrap().weights);
        assert!((a[[0, 0]] - b[[0, 0]]).abs() <= 32.0 * f64::EPSILON, "{scale:e}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// Far from 0 digits of differences stay: whole numbers, which are exact there. And the layout of memory is no
    /// matter.
    #[test]
    fn law_a_shift_and_the_layout_change_nothing(x in arrays((12, 3), -50.0, 50.0), t in arrays((12, 2), -2.0, 2.0)) {
        let x = x.mapv(f64::round);
        let here = lasso(&x, &t, 0.05).unwrap();
        prop_assert_eq!(&lasso(&x.mapv(|x| x + 1e12), &t, 0.05).unwrap(), &here);
        prop_assert_eq!(&lasso(&x.mapv(|x| x * 2.0_f64.powi(700)), &t, 0.05).unwrap(), &here);
        every_layout(&x, |layout, view| assert_eq!(lasso(&view, &t, 0.05).unwrap(), here, "{layout}"));
        every_layout(&t, |layout, view| assert_eq!(lasso(&x, &view, 0.05).unwrap(), here, "{layout}"));
    }
}
