//! Roots of scales, kept where a parameter row has many samples.

use estimand::kernel::Level;
use estimand::ndarray::{Array2, array};
use estimand::{Cdf, DiagGaussian, DiagGumbel, Distribution, LocScale, Real, Reparameterize, Rows, Smooth, Transform};

use estimand::distribution::Base;

/// From 16 samples a parameter row on the roots are kept; every row is what it is without, but for roundings of the root:
/// one of the plain exponential and one of the fused, of less than 2 epsilon each, doubled by the square.
fn as_without<F: Real, B: Base<F> + Default>() {
    let (loc, log_scale) = (array![[0.3, -1.0, 2.0], [0.1, 0.0, -40.0]], array![[-0.7, 0.2, 1.5], [9.0, -9.0, 30.0]]);
    let (loc, log_scale) = (loc.mapv(F::of), log_scale.mapv(F::of));
    let kept = LocScale::<F, B>::new(&loc, &log_scale).unwrap().repeat_rows(4).repeat_rows(4);
    let row = |of: &Array2<F>| Array2::from_shape_fn((32, 3), |(i, j)| of[[i / 16, j]]);
    let alone = LocScale::<F, B>::new(row(&loc), row(&log_scale)).unwrap();
    let noise = Array2::from_shape_fn((32, 3), |(i, j)| F::of((1.3 * i as f64 + 0.7 * j as f64).sin()));
    let (draw, other) = (kept.transform(noise.clone()).unwrap(), alone.transform(noise.clone()).unwrap());
    let near = |what: &str, kept: &Array2<F>, alone: &Array2<F>, size: &Array2<F>| {
        for ((&a, &b), &size) in kept.iter().zip(alone).zip(size) {
            let limit = 16.0 * F::epsilon().as_f64() * (1.0 + size.as_f64().abs() + b.as_f64().abs());
            assert!((a - b).as_f64().abs() <= limit, "{what}: {a} {b}");
        }
    };
    let x = draw.x().to_owned();
    let scales = row(&log_scale).mapv(F::exp);
    near("transform", &x, &other.x().to_owned(), &scales);
    near("sample_from", &kept.sample_from(noise.clone()).unwrap(), &x, &x);
    let slope = Array2::from_elem((32, 3), F::of(0.7));
    let (path, of_alone) = (kept.pathwise(&draw, &slope).unwrap(), alone.pathwise(&draw, &slope).unwrap());
    near("path", &path.collect().into_flat(), &of_alone.collect().into_flat(), &Array2::zeros((32, 6)));
    // z = (x - m) / s from the same x: its error is that of the root times z, which is no more than 1.
    let (density, of_alone) = (kept.log_prob_grad(&x).unwrap(), alone.log_prob_grad(&x).unwrap());
    let of_alone = of_alone.grad.into_flat();
    near("gradient", &density.grad.into_flat(), &of_alone, &Array2::zeros((32, 6)));
    near("score", &kept.score(&x).unwrap().collect().into_flat(), &of_alone, &Array2::zeros((32, 6)));
    let (slopes, of_alone) = (kept.log_prob_slope(&x).unwrap(), alone.log_prob_slope(&x).unwrap());
    near("slope", &slopes.grad, &of_alone.grad, &Array2::zeros((32, 3)));
}

#[test]
fn law_kept_roots_change_nothing() {
    as_without::<f32, estimand::distribution::Normal>();
    as_without::<f64, estimand::distribution::Normal>();
    as_without::<f32, estimand::distribution::Gumbel>();
    as_without::<f64, estimand::distribution::Logistic>();
}

/// Parameter rows do not run into each other, whichever level makes them; 15 samples keep nothing and 16 do.
#[test]
fn hard_on_either_side_of_many() {
    let (loc, log_scale) = (array![[0.0], [100.0]], array![[0.0], [2.0_f64.ln()]]);
    for repeat in [15, 16, 17] {
        let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(repeat);
        let x = q.transform(Array2::ones((2 * repeat, 1))).unwrap().into_x();
        for (i, &x) in x.iter().enumerate() {
            let expected: f64 = if i < repeat { 1.0 } else { 102.0 };
            assert!((x - expected).abs() < 4.0 * f64::EPSILON * expected, "{repeat} {i} {x}");
        }
        let mut rows = vec![0.0; 4 * repeat];
        for level in [Level::Plain, Level::best()] {
            q.score(&x).unwrap().write_rows(level, 0..2 * repeat, &mut rows);
            let second: f64 = rows[2 * (2 * repeat - 1)];
            assert!((second - 0.5).abs() < 8.0 * f64::EPSILON, "z / s: {second}");
        }
        let cdf = q.cdf(&x).unwrap();
        assert!(cdf.iter().all(|p| (p - 0.841_344_746_068_542_9).abs() < 1e-14), "{cdf}");
    }
}

/// The most extreme of scales are limited where they are kept too: 0 stays 0.
#[test]
fn hard_extreme_scales_of_many_samples() {
    let log_scale = array![-1e5, 1e5];
    let q = DiagGumbel::<f64>::shared(array![1.0, 1.0], &log_scale, 64).unwrap();
    let draw = q.transform(Array2::zeros((64, 2))).unwrap();
    assert!(draw.x().iter().all(|&x| x == 1.0), "{:?}", draw.x());
    let zero = q.pathwise(&draw, &Array2::zeros((64, 2))).unwrap().total().unwrap();
    assert!(zero.flat().iter().all(|&g| g == 0.0), "{zero:?}");
}
