use estimand::ndarray::array;
use estimand::{Categorical, Concrete, Draw, ExpConcrete, Perturb, Reparameterize, Rows, Transform};
use proptest::prelude::*;

use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// At low temperatures the largest share is 1 but for little, and the gradient has the digits of what is left.
    #[test]
    fn law_cold_paths_keep_their_digits(gap in 1.0..30.0_f64, d in -1.0..1.0_f64, ln_t in -3.0..0.0_f64) {
        let temperature = ln_t.exp();
        let q = Concrete::new(array![[gap, 0.0]], 2, temperature).unwrap();
        let draw = q.transform(array![[0.0, 0.0]]).unwrap();
        let rows = q.pathwise(&draw, &array![[d, d - 1.0]]).unwrap().collect();
        // x (1 - x) / T of the slope's difference, 1.
        let tail = (-gap / temperature).exp();
        let want = tail / (1.0 + tail).powi(2) / temperature;
        let classes = Categorical::new(array![[gap, 0.0]], 2).unwrap();
        let pulled = classes.shares_pull_back(&array![[gap, 0.0]], temperature, &array![[d, d - 1.0]]).unwrap();
        for rows in [rows.flat(), pulled.view()] {
            for (found, want) in rows.iter().zip([want, -want]) {
                let few = 16.0 + gap / temperature;
                prop_assert!((found - want).abs() <= few * f64::EPSILON * want.abs(), "{found} {want}");
            }
        }
        // In the temperature, -x (1 - x) gap / T^2 of it, and of the logarithm of the first share -(1 - x) gap / T^2.
        let few = (16.0 + gap / temperature) * f64::EPSILON;
        let found = q.d_temperature(&draw, &array![[d, d - 1.0]]).unwrap()[0];
        prop_assert!((found + want * gap / temperature).abs() <= few * want * gap / temperature, "{found}");
        let y = ExpConcrete::new(array![[gap, 0.0]], 2, temperature).unwrap();
        let found = y.d_temperature(&y.transform(array![[0.0, 0.0]]).unwrap(), &array![[1.0, 0.0]]).unwrap()[0];
        let of_logarithm = tail / (1.0 + tail) * gap / temperature.powi(2);
        prop_assert!((found + of_logarithm).abs() <= few * of_logarithm, "{found} {of_logarithm}");
    }
}

/// A share of 0 silences an infinite slope, and not a NaN; the block beside it is as ever.
#[test]
fn hard_a_share_of_zero_meets_an_infinite_slope() {
    let none = f64::NEG_INFINITY;
    let logits = array![[0.0, 0.0, none, 0.0, 0.0, none]];
    let q = Concrete::new(&logits, 3, 1.0).unwrap();
    let half = array![[0.5, 0.5, 0.0, 0.5, 0.5, 0.0]];
    let draw = Draw::new(half.clone(), array![[0.0; 6]]).unwrap();
    let path = |d: [f64; 6]| q.pathwise(&draw, &array![d]).unwrap().collect().into_flat();
    let classes = Categorical::new(&logits, 3).unwrap();
    let shares = |d: [f64; 6]| classes.shares_pull_back(&logits, 1.0, &array![d]).unwrap();
    for pull_back in [&path as &dyn Fn([f64; 6]) -> _, &shares] {
        let rows = pull_back([1.0, 3.0, f64::INFINITY, 1.0, 3.0, 5.0]);
        assert_eq!(rows, array![[-0.5, 0.5, 0.0, -0.5, 0.5, 0.0]]);
        let rows = pull_back([1.0, 3.0, f64::NAN, 1.0, 3.0, none]);
        assert!(rows.iter().take(3).all(|g| g.is_nan()) && rows.iter().skip(3).all(|g| g.is_finite()), "{rows}");
    }
}
