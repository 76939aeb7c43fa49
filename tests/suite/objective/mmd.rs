use estimand::ndarray::Array2;
use estimand::noise::Standard;
use estimand::objective::{DistanceKernel, mmd};
use estimand::{Error, Real};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};
use crate::support::threads::with_threads;

fn kernels(width: f64) -> [DistanceKernel<f64>; 2] {
    [DistanceKernel::Gaussian { bandwidth: width }, DistanceKernel::InverseMultiquadric { scale: width * width }]
}

/// The definition, pair by pair.
fn plain(x: &Array2<f64>, y: &Array2<f64>, kernel: DistanceKernel<f64>) -> f64 {
    let k = |a: &Array2<f64>, i: usize, b: &Array2<f64>, j: usize| {
        let square: f64 = a.row(i).iter().zip(b.row(j)).map(|(a, b)| (a - b).powi(2)).sum();
        match kernel {
            DistanceKernel::Gaussian { bandwidth: h } => (-square / (2.0 * h * h)).exp(),
            DistanceKernel::InverseMultiquadric { scale: c } => c / (c + square),
        }
    };
    let (n, m) = (x.nrows(), y.nrows());
    let within = |a: &Array2<f64>| {
        let n = a.nrows();
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j);
        pairs.map(|(i, j)| k(a, i, a, j)).sum::<f64>() / (n * (n - 1)) as f64
    };
    let across: f64 = (0..n).flat_map(|i| (0..m).map(move |j| (i, j))).map(|(i, j)| k(x, i, y, j)).sum();
    within(x) + within(y) - 2.0 * across / (n * m) as f64
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_mmd_is_its_definition(x in numbers((4, 3), -2.0, 2.0), y in numbers((5, 3), -2.0, 2.0), width in 0.5..4.0_f64) {
        for kernel in kernels(width) {
            let found = mmd(&x, &y, kernel).unwrap();
            // Kernels of up to 1, each of an argument of up to 96 known to 8 epsilon of itself.
            let few = 8.0 * 96.0 * 4.0 * f64::EPSILON;
            prop_assert!((found.value - plain(&x, &y, kernel)).abs() <= few, "{} {}", found.value, plain(&x, &y, kernel));
            assert_gradient("x", |x| plain(x, &y, kernel), &x, found.grad.0.view());
            assert_gradient("y", |y| plain(&x, y, kernel), &y, found.grad.1.view());
            // The other way round it is the same.
            let turned = mmd(&y, &x, kernel).unwrap();
            prop_assert!((found.value - turned.value).abs() <= few);
            prop_assert_eq!(&turned.grad.0, &found.grad.1);
        }
        let (x32, y32, w) = (x.mapv(|x| x as f32), y.mapv(|x| x as f32), width as f32);
        let narrow = [DistanceKernel::Gaussian { bandwidth: w }, DistanceKernel::InverseMultiquadric { scale: w * w }];
        for (wide, narrow) in kernels(width).into_iter().zip(narrow) {
            let (wide, narrow) = (mmd(&x, &y, wide).unwrap(), mmd(&x32, &y32, narrow).unwrap());
            let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 8.0 * 96.0 * 4.0 * f64::from(f32::EPSILON);
            prop_assert!(near(narrow.value, wide.value));
            let slopes = narrow.grad.0.iter().chain(&narrow.grad.1).zip(wide.grad.0.iter().chain(&wide.grad.1));
            prop_assert!(slopes.into_iter().all(|(&a, &b)| near(a, b)));
        }
    }
}

/// E of the Gaussian kernel under normal laws is closed: (h^2 / (h^2 + 2))^(d/2) e^(-|m|^2 / (2 (h^2 + 2))) for N(0, I), N(m, I).
#[test]
fn stat_mmd_of_two_gaussians_is_unbiased() {
    let (d, h, shift) = (3, 1.5_f64, 0.8);
    let kernel = DistanceKernel::Gaussian { bandwidth: h };
    let peak = (h * h / (h * h + 2.0)).powf(d as f64 / 2.0);
    let truth = 2.0 * peak * (1.0 - (-shift * shift * d as f64 / (2.0 * (h * h + 2.0))).exp());
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let found: Vec<f64> = (0..4000)
        .map(|_| {
            let [x, y]: [Array2<f64>; 2] = [(); 2].map(|()| Standard::Normal.draw(&mut rng, (6, d)));
            mmd(&x, &(y + shift), kernel).unwrap().value
        })
        .collect();
    let n = found.len() as f64;
    let mean = found.iter().sum::<f64>() / n;
    let error = (found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    assert!((mean - truth).abs() < 6.0 * error, "{mean} +- {error}, expected {truth}");
    assert!(found.iter().any(|&v| v < 0.0), "an unbiased estimate of a small number is negative at times");
    // With the pairs of a point with itself the mean would be higher by (2 / 6) (1 - E k).
    assert!(6.0 * error < (1.0 - peak) / 3.0);
}

fn refused<F: Real>() {
    let one = F::one();
    let kernel = DistanceKernel::Gaussian { bandwidth: one };
    let x = |n: usize| Array2::from_elem((n, 2), one);
    assert_eq!(mmd(&x(1), &x(2), kernel).unwrap_err(), Error::TooFew { name: "x", got: 1, needs: 2 });
    assert_eq!(mmd(&x(2), &x(0), kernel).unwrap_err(), Error::TooFew { name: "y", got: 0, needs: 2 });
    let wide = Array2::from_elem((2, 3), one);
    assert_eq!(
        mmd(&x(2), &wide, kernel).unwrap_err(),
        Error::Shape { name: "y", got: vec![2, 3], expected: vec![2, 2] }
    );
    let mut bad = x(3);
    bad[[2, 1]] = F::nan();
    assert_eq!(mmd(&bad, &x(2), kernel).unwrap_err(), Error::NaN { name: "x", row: 2 });
    assert_eq!(mmd(&x(2), &bad, kernel).unwrap_err(), Error::NaN { name: "y", row: 2 });
    let positive = "a finite number above 0";
    let error = mmd(&x(2), &x(2), DistanceKernel::Gaussian { bandwidth: F::zero() }).unwrap_err();
    assert_eq!(error, Error::Parameter { name: "bandwidth", value: 0.0, expected: positive });
    let error = mmd(&x(2), &x(2), DistanceKernel::InverseMultiquadric { scale: -one }).unwrap_err();
    assert_eq!(error, Error::Parameter { name: "scale", value: -1.0, expected: positive });
    // All points one: no distance and no slope. Points far apart: kernels of 0, and no NaN.
    let same = mmd(&x(3), &x(2), kernel).unwrap();
    assert!(same.value.abs() <= F::of(8.0) * F::epsilon() && same.grad.0.iter().all(|&g| g == F::zero()));
    let far = Array2::from_shape_fn((2, 2), |(i, _)| F::of(1e18 * i as f64));
    let small = F::of(1e-20);
    let kernels = [
        kernel,
        DistanceKernel::InverseMultiquadric { scale: one },
        DistanceKernel::Gaussian { bandwidth: small },
        DistanceKernel::InverseMultiquadric { scale: small },
    ];
    for kernel in kernels {
        let at = mmd(&far, &x(2), kernel).unwrap();
        assert!(at.value.is_finite() && at.grad.0.iter().chain(&at.grad.1).all(|g| g.is_finite()));
    }
}

#[test]
fn hard_samples_that_have_no_distance() {
    refused::<f32>();
    refused::<f64>();
}

#[test]
fn stream_threads_agree_on_distances() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let [x, y]: [Array2<f32>; 2] = [(); 2].map(|()| Standard::Normal.draw(&mut rng, (700, 60)));
    let of =
        |threads| with_threads(threads, || mmd(&x, &y, DistanceKernel::InverseMultiquadric { scale: 120.0 }).unwrap());
    assert_eq!(of(2), of(1));
}
