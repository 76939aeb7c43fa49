use estimand::check::{Nodes, oracle};
use estimand::gradient::{Bias, FiniteDifference, Plan};
use estimand::ndarray::{Array1, Array2, array};
use estimand::{DiagGaussian, Error};

use super::{PATHWISE, TRUE, assert_exact, exact_of, rows_of, truths};

/// As the step falls, a difference with common noise is the path, in mean and in variance.
#[test]
fn ref_small_steps_are_the_path() {
    for truth in truths() {
        let exact =
            exact_of(1, 0.25, |q, noise| rows_of(&FiniteDifference::propose(q, noise, 1e-4)?, |x| truth.cost.costs(x)));
        // Step^2 / 6 = 2e-9 times a third derivative, and the rounding of costs over the step.
        for j in 0..2 {
            let (mean, variance) = (truth.of(TRUE)[j], truth.of(PATHWISE)[j]);
            assert!((exact.mean[j] - mean).abs() < 1e-6 * (1.0 + mean.abs()), "{} {exact:?}", truth.line);
            assert!((exact.variance[j] - variance).abs() < 1e-5 * (1.0 + variance), "{} {exact:?}", truth.line);
        }
    }
}

/// A large step is biased as Taylor says: of E x^4 = m^4 + 6 m^2 + 3 at scale 1, h^2 / 6 times 24 m in the location; a
/// square is unbiased there at any step.
#[test]
fn ref_the_bias_of_a_step() {
    let h = 0.5;
    let run = |power: i32| {
        exact_of(1, 0.5, |q, noise| {
            rows_of(&FiniteDifference::propose(q, noise, h)?, |x| x.column(0).mapv(|x| x.powi(power)))
        })
    };
    assert!((run(2).mean[0] - 2.0).abs() < 1e-12);
    assert!((run(4).mean[0] - (16.0 + 4.0 * h * h)).abs() < 1e-11, "{}", run(4).mean);
    // In the log-scale, E x^2 = 1 + e^(2 s): (e^(2 h) - e^(-2 h)) / (2 h).
    let expected = (2.0 * h).sinh() / h;
    assert!((run(2).mean[1] - expected).abs() < 1e-12);
    assert_exact("location", &run(2).mean, [2.0, expected]);
}

/// Common noise against noise of its own on either side: of order 1 against 1/h^2.
#[test]
fn ref_common_noise_is_what_makes_it_work() {
    let h = 0.01;
    let common =
        exact_of(1, 0.5, |q, noise| rows_of(&FiniteDifference::propose(q, noise, h)?, |x| x.column(0).mapv(|x| x * x)));
    let z = Nodes::normal(0.5).unwrap();
    let apart = oracle(&[&z, &z], 2, |noise: Array2<f64>| {
        let row = |z: f64, w: f64| ((1.0 + h + z).powi(2) - (1.0 - h + w).powi(2)) / (2.0 * h);
        Ok(Array2::from_shape_fn((noise.nrows(), 1), |(i, _)| row(noise[[i, 0]], noise[[i, 1]])))
    });
    let apart = apart.unwrap();
    assert!((common.mean[0] - 2.0).abs() < 1e-10 && (apart.mean[0] - 2.0).abs() < 1e-9);
    assert!((common.variance[0] - 4.0).abs() < 1e-9);
    // Each side has variance 4 (1 + h)^2 + 2 or so, over (2 h)^2.
    assert!(apart.variance[0] > 2.0 * 5.9 / (4.0 * h * h), "{}", apart.variance[0]);
}

#[test]
fn hard_points_and_steps() {
    let (loc, log_scale) = (array![[1.0, -1.0]], array![[0.0, 1.0]]);
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let plan = FiniteDifference::propose(&q, array![[2.0, 0.5]], 0.25).unwrap();
    let e = std::f64::consts::E;
    let x = [3.0, -1.0 + 0.5 * e];
    let near = |k: usize, expected: [f64; 2]| {
        let off: Array1<f64> = &plan.points().row(k) - &Array1::from(expected.to_vec());
        assert!(off.iter().all(|off| off.abs() < 1e-14), "{k}: {off}");
    };
    near(0, [x[0] + 0.25, x[1]]);
    near(1, [x[0] - 0.25, x[1]]);
    near(2, [x[0], x[1] + 0.25]);
    near(5, [1.0 + 2.0 * (-0.25_f64).exp(), x[1]]);
    near(6, [x[0], -1.0 + 0.5 * 1.25_f64.exp()]);
    assert_eq!((plan.points().dim(), plan.draws(), plan.bias()), ((8, 2), 1, Bias::Biased));
    for step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = FiniteDifference::propose(&q, array![[0.0, 0.0]], step).err();
        let Some(Error::Parameter { name: "step", expected: "a positive, finite number", .. }) = error else {
            panic!("{error:?}")
        };
    }
    // A step below a last place moves nothing; one of a few is taken as it was rounded.
    let far = DiagGaussian::<f32>::new(array![[1e4]], array![[0.0]]).unwrap();
    let error = FiniteDifference::propose(&far, array![[0.5]], 1e-5).err();
    let Some(Error::Parameter { name: "step", expected: "a step that every parameter is moved by", .. }) = error else {
        panic!("{error:?}")
    };
    let plan_far = FiniteDifference::propose(&far, array![[0.5]], 2e-3).unwrap();
    let slope = plan_far.rows(&plan_far.points().column(0).to_owned()).unwrap().loc()[[0, 0]];
    assert!((slope - 1.0).abs() < 1e-6, "of x itself: {slope}");
    let wrong = FiniteDifference::propose(&q, Array2::zeros((2, 2)), 0.1).err();
    assert_eq!(wrong, Some(Error::Shape { name: "noise", got: vec![2, 2], expected: vec![1, 2] }));
    let error = plan.rows(&Array1::zeros(4)).err();
    assert_eq!(error, Some(Error::Shape { name: "cost", got: vec![4], expected: vec![8] }));
    let mut cost = Array1::zeros(8);
    cost[3] = f64::NAN;
    assert_eq!(plan.rows(&cost).err(), Some(Error::NaN { name: "cost", row: 3 }));
}
