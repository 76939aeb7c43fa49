use estimand::check::{Nodes, oracle};
use estimand::gradient::{Bias, FiniteDifference, Plan};
use estimand::ndarray::{Array1, Array2, array};
use estimand::{DiagGaussian, Error};

use super::{Cost, PATHWISE, TRUE, exact_of, truths};

impl Cost {
    /// Bounds of the first three derivatives up to so far from the location 1: of e^(-u^2 / 2) with u = sqrt(2 k) x they are
    /// e^(-1/2) = 0.6066, 1 and 1.3803.
    fn steepest(self, far: f64) -> [f64; 3] {
        let k = self.k;
        match self.kind {
            "square" => [2.0 * ((1.0 - k).abs() + far), 2.0, 0.0],
            "exp" => [0.6066 * (2.0 * k).sqrt(), 2.0 * k, 1.3803 * (2.0 * k).powf(1.5)],
            _ => [k, k * k, k * k * k],
        }
    }
}

/// As the step falls, a difference with common noise is the path, in mean and in variance: each row is off by step^2 / 6 times
/// the third derivative of its cost along the path, somewhere between the two points.
#[test]
fn ref_small_steps_are_the_path() {
    let h = 1e-4_f64;
    let z = Nodes::normal(0.125).unwrap();
    for truth in truths() {
        let exact =
            exact_of(1, 0.125, |q, noise| FiniteDifference::propose(q, noise, h)?.rows_with(|x| truth.cost.costs(x)));
        // Of f(1 + y) with y = e^s z: the third derivative in the location, and in the log-scale that times y^3, with
        // 3 y^2 of the second and y of the first.
        let off = |z: f64| {
            let y = z.abs() * h.exp();
            let [first, second, third] = truth.cost.steepest(y + h);
            // Points are rounded by no more than 2 epsilons of 1 + |z|, and k x by another; a cost by 2 of itself.
            let size = if truth.cost.kind == "square" { 0.25 * first * first } else { 1.0 };
            let rounding = f64::EPSILON / h * (3.0 * first * (1.0 + y) + 2.0 * size);
            [third, third * y.powi(3) + 3.0 * second * y * y + first * y].map(|third| h * h / 6.0 * third + rounding)
        };
        for j in 0..2 {
            let square = z.points().iter().zip(z.weights()).map(|(z, w)| w * off(*z)[j].powi(2));
            let off = square.sum::<f64>().sqrt();
            let (mean, variance) = (truth.of(TRUE)[j], truth.of(PATHWISE)[j]);
            // Means and standard deviations differ by no more than the root of the mean square; 161 additions.
            let sum = 200.0 * f64::EPSILON * (variance + mean * mean);
            assert!(
                (exact.mean[j] - mean).abs() <= off + (200.0 * f64::EPSILON * sum).sqrt(),
                "{} {exact:?}",
                truth.line
            );
            let bound = (2.0 * variance.sqrt() + off) * off + sum;
            assert!((exact.variance[j] - variance).abs() <= bound, "{} {exact:?} {off}", truth.line);
        }
    }
}

/// Rounding of the mean, by 41 nodes, of differences of a power: of the sum, of points (4 roundings, and up to 4 times in a
/// power) and of powers, in two costs of this size over twice the step.
fn rounding(size: f64, h: f64) -> f64 {
    (41.0 + 16.0 + 4.0) * f64::EPSILON * size / h
}

/// A large step is biased as Taylor says: of E x^4 = m^4 + 6 m^2 + 3 at scale 1, h^2 / 6 times 24 m in the location; a
/// square is unbiased there at any step.
#[test]
fn ref_the_bias_of_a_step() {
    let h = 0.5_f64;
    let run = |power: i32| {
        exact_of(1, 0.5, |q, noise| {
            FiniteDifference::propose(q, noise, h)?.rows_with(|x| x.column(0).mapv(|x| x.powi(power)))
        })
    };
    // E x^2 and E x^4 at the larger location, and E x^2 at the larger scale.
    let (square, fourth, wide) = (3.25, 1.5_f64.powi(4) + 6.0 * 2.25 + 3.0, 1.0 + (2.0 * h).exp());
    assert!((run(2).mean[0] - 2.0).abs() <= rounding(square, h));
    assert!((run(4).mean[0] - (16.0 + 4.0 * h * h)).abs() <= rounding(fourth, h), "{}", run(4).mean);
    // In the log-scale, E x^2 = 1 + e^(2 s): (e^(2 h) - e^(-2 h)) / (2 h).
    let expected = (2.0 * h).sinh() / h;
    assert!((run(2).mean[1] - expected).abs() <= rounding(wide, h));
}

/// Common noise against noise of its own on either side: of order 1 against 1/h^2.
#[test]
fn ref_common_noise_is_what_makes_it_work() {
    let h = 0.01;
    let common =
        exact_of(1, 0.5, |q, noise| FiniteDifference::propose(q, noise, h)?.rows_with(|x| x.column(0).mapv(|x| x * x)));
    let z = Nodes::normal(0.5).unwrap();
    let apart = oracle(&[&z, &z], 2, |noise: Array2<f64>| {
        let row = |z: f64, w: f64| ((1.0 + h + z).powi(2) - (1.0 - h + w).powi(2)) / (2.0 * h);
        Ok(Array2::from_shape_fn((noise.nrows(), 1), |(i, _)| row(noise[[i, 0]], noise[[i, 1]])))
    });
    let apart = apart.unwrap();
    let square = 1.0 + (1.0 + h).powi(2);
    assert!((common.mean[0] - 2.0).abs() <= rounding(square, h));
    // A row is 2 (1 + z), with E (1 + z)^2 = 2; it is rounded by that of two squares, with E x^4 < 10.3.
    let bound = 2.0 * 8.0_f64.sqrt() * rounding(10.3_f64.sqrt(), h);
    assert!((common.variance[0] - 4.0).abs() <= bound, "{common:?}");
    // Each side has the variance 4 (1 +- h)^2 + 2, over (2 h)^2; 41^2 additions.
    let sides = (4.0 * (1.0 + h).powi(2) + 2.0 + 4.0 * (1.0 - h).powi(2) + 2.0) / (4.0 * h * h);
    assert!((apart.mean[0] - 2.0).abs() <= 41.0 * rounding(square, h));
    assert!((apart.variance[0] / sides - 1.0).abs() <= 41.0 * 41.0 * f64::EPSILON, "{} {sides}", apart.variance[0]);
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
    // Of no coordinates too, where there is nothing to move.
    let none = DiagGaussian::<f64>::standard(2, 0).unwrap();
    let wrong = FiniteDifference::propose(&none, Array2::zeros((7, 3)), 0.5).err();
    assert_eq!(wrong, Some(Error::Shape { name: "noise", got: vec![7, 3], expected: vec![2, 0] }));
    let error = plan.rows(&Array1::zeros(4)).err();
    assert_eq!(error, Some(Error::Shape { name: "cost", got: vec![4], expected: vec![8] }));
    let mut cost = Array1::zeros(8);
    cost[3] = f64::NAN;
    assert_eq!(plan.rows(&cost).err(), Some(Error::NaN { name: "cost", row: 3 }));
}
