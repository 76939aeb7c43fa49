use std::convert::Infallible;

use estimand::ValueGrad;
use estimand::ndarray::{Array1, Array2, array};
use lab::Lbfgs;
use lab::lbfgs::Top;

use crate::support::{generator, random};

fn top(settings: Lbfgs, start: Array1<f64>, mut f: impl FnMut(&Array1<f64>) -> (f64, Array1<f64>)) -> Top {
    let found = settings.maximise(start, |x| {
        let (value, grad) = f(x);
        Ok::<_, Infallible>(ValueGrad { value, grad })
    });
    found.unwrap()
}

/// Rosenbrock's valley, upside down, from the usual start; its top is 0 at (1, 1).
fn rosenbrock(x: &Array1<f64>) -> (f64, Array1<f64>) {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    (-a * a - 100.0 * b * b, array![2.0 * a + 400.0 * x[0] * b, -200.0 * b])
}

#[test]
fn ref_the_valley_of_rosenbrock() {
    let found = top(Lbfgs::new(1e-10), array![-1.2, 1.0], rosenbrock);
    assert!(found.reached && found.grad.iter().all(|g| g.abs() <= 1e-10));
    // The least curvature is 0.4, so x is off by a gradient of 1.4e-10 over that.
    assert!(found.x.iter().all(|x| (x - 1.0).abs() < 4e-10), "{found:?}");
    assert_eq!((found.value, found.grad.clone()), rosenbrock(&found.x));
    // Published runs need 30 to 50 steps; without the memory it would be thousands.
    assert!(found.steps < 60 && found.evaluations < 2 * found.steps, "{found:?}");
}

/// 7 - (x - c)' A (x - c) / 2, curvatures from 1 to 100: searches that are exact would reach the top in 20 steps, the gradient by
/// itself in some 1000. Here the searches are not exact.
#[test]
fn law_the_top_of_a_quadratic_is_where_its_gradient_vanishes() {
    let mut rng = generator(1);
    for _ in 0..20 {
        let n = 20;
        let (c, spread) = (random::<f64>(&mut rng, 1, n).row(0).to_owned(), random::<f64>(&mut rng, n, n));
        let q = orthonormal(&spread);
        let curvature = Array1::from_shape_fn(n, |i| 10.0_f64.powf(2.0 * i as f64 / (n - 1) as f64));
        let a = q.t().dot(&(&q * &curvature.insert_axis(estimand::ndarray::Axis(1))));
        let settings = Lbfgs { memory: n, ..Lbfgs::new(1e-9) };
        let found = top(settings, Array1::zeros(n), |x| {
            let off = x - &c;
            let slope = a.dot(&off);
            (7.0 - 0.5 * off.dot(&slope), -slope)
        });
        assert!(found.reached && found.steps <= 4 * n, "{} steps", found.steps);
        // The least curvature is 1, and the gradient has 20 numbers within the tolerance.
        assert!((&found.x - &c).iter().all(|d| d.abs() < 5e-9), "{found:?}");
        assert!((found.value - 7.0).abs() <= 16.0 * f64::EPSILON * 7.0);
    }
}

/// The rows made orthonormal.
fn orthonormal(a: &Array2<f64>) -> Array2<f64> {
    let mut q = a.clone();
    for i in 0..q.nrows() {
        for _ in 0..2 {
            for j in 0..i {
                let share = q.row(i).dot(&q.row(j));
                let other = q.row(j).to_owned();
                q.row_mut(i).scaled_add(-share, &other);
            }
        }
        let length = q.row(i).dot(&q.row(i)).sqrt();
        q.row_mut(i).mapv_inplace(|x| x / length);
    }
    q
}

/// Far from 0 a value hides a rise of 1e-10, and its last places waver: the root of that is what conditions on values alone would
/// leave of the gradient.
#[test]
fn hard_a_gradient_below_the_rounding_of_values() {
    let mut evaluations = 0;
    let found = top(Lbfgs::new(1e-9), array![3.0, -2.0], |x| {
        evaluations += 1;
        let places = f64::from(evaluations % 3) * 2.0 * f64::EPSILON * 1e6;
        let (a, b) = (x[0] - 0.5, x[1] + 0.25);
        (1e6 - a.cosh() - 4.0 * b.cosh() - places, array![-a.sinh(), -4.0 * b.sinh()])
    });
    assert!(found.reached, "{found:?}");
    assert!((found.x[0] - 0.5).abs() <= 1e-9 && (found.x[1] + 0.25).abs() <= 1e-9, "{found:?}");
}

/// Steps beyond the domain are as steps down.
#[test]
fn hard_a_function_that_ends() {
    // ln x - x, of x > 0, from where the first step is too long.
    let found = top(Lbfgs::new(1e-10), array![1e-3], |x| (x[0].ln() - x[0], array![1.0 / x[0] - 1.0]));
    assert!(found.reached && (found.x[0] - 1.0).abs() < 1e-9, "{found:?}");
    // From far beyond, with a step over the end, where it says that it is infinite and level.
    let found = top(Lbfgs::new(1e-10), array![40.0], |x| match x[0] {
        x if x > 0.0 => (x.ln() - x, array![1.0 / x - 1.0]),
        _ => (f64::INFINITY, array![0.0]),
    });
    assert!(found.reached && (found.x[0] - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn hard_tops_that_are_not_reached() {
    // No top at all: steps are used up, or a line rises for ever.
    let found = top(Lbfgs { steps: 5, ..Lbfgs::new(1e-9) }, array![0.0], |x| (-(-x[0]).exp(), array![(-x[0]).exp()]));
    assert!(!found.reached && found.steps == 5, "{found:?}");
    let found = top(Lbfgs::new(1e-9), array![0.0], |x| (x[0], array![1.0]));
    assert!(!found.reached && found.steps == 0, "{found:?}");
    // A gradient of the wrong sign: nothing is better, and what was there stays.
    let found = top(Lbfgs::new(1e-9), array![1.0], |x| (-x[0] * x[0], array![2.0 * x[0]]));
    assert!(!found.reached && found.x == array![1.0], "{found:?}");
    // At the top nothing is done.
    let found = top(Lbfgs::new(1e-9), array![1.0, 1.0], rosenbrock);
    assert!(found.reached && (found.steps, found.evaluations) == (0, 1), "{found:?}");
    let failed = Lbfgs::new(1e-9).maximise(array![1.0], |_| Err::<ValueGrad<f64, Array1<f64>>, _>("no"));
    assert_eq!(failed, Err("no"));
}
