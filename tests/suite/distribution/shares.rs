use estimand::kernel::Level;
use estimand::ndarray::{Array2, ArrayView2, array, s};
use estimand::noise::Standard;
use estimand::rand::SeedableRng;
use estimand::{Categorical, Concrete, Draw, ExpConcrete, Perturb, Reparameterize, Rows, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

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

/// Slopes that lie row after row are pulled back by groups of blocks, others row by row: the same numbers, also of blocks that
/// have met an infinity, and of any range of rows.
#[test]
fn law_paths_in_groups_are_those_of_rows() {
    for (classes, blocks, rows) in [(1, 3, 700), (3, 2, 100), (10, 20, 9), (64, 1, 40), (700, 1, 5), (2, 700, 3)] {
        let (dim, shape) = (classes * blocks, (rows, classes * blocks));
        let mut rng = ChaCha8Rng::seed_from_u64(dim as u64);
        let [logits, mut slopes]: [Array2<f64>; 2] = [(); 2].map(|()| Standard::Normal.draw(&mut rng, shape));
        let q = Concrete::new(&logits, classes, 0.3).unwrap();
        let mut draw = q.draw(&mut rng);
        if classes > 1 {
            let (mut x, noise) = (draw.x().to_owned(), draw.noise().to_owned());
            x[[rows - 1, 1]] += x[[rows - 1, 0]];
            (x[[rows - 1, 0]], slopes[[rows - 1, 0]]) = (0.0, f64::INFINITY);
            draw = Draw::new(x, noise).unwrap();
        }
        let together = q.pathwise(&draw, &slopes).unwrap().collect();
        let turned = Array2::from_shape_fn((dim, rows), |(j, i)| slopes[[i, j]]).reversed_axes();
        let apart = q.pathwise(&draw, &turned).unwrap();
        assert!(together.flat().iter().all(|g| g.is_finite()));
        assert_eq!(together, apart.collect(), "{classes} x {blocks}");
        for (i, k, b) in [(0, 0, 0), (rows / 2, classes / 2, blocks - 1), (rows - 1, classes - 1, 0)] {
            let block = |of: ArrayView2<'_, f64>| of.slice(s![i, b * classes..(b + 1) * classes]).to_owned();
            let (x, d) = (block(draw.x()), block(slopes.view()));
            let mean = x.iter().zip(&d).filter(|(x, _)| **x > 0.0).map(|(x, d)| x * d).sum::<f64>();
            let (found, want) = (together.flat()[[i, b * classes + k]], x[k] * (d[k] - mean) / 0.3);
            let size = x[k] * (d[k].abs() + mean.abs()) / 0.3;
            assert!((found - want).abs() <= (classes + 8) as f64 * f64::EPSILON * size, "{found} {want}");
        }
        let some = rows / 3..rows - 1;
        q.pathwise(&draw, &slopes).unwrap().visit_rows(Level::best(), some, |i, row| {
            assert_eq!(row, together.flat().row(i).as_slice().unwrap());
        });
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
