use estimand::Error;
use estimand::ndarray::{Array1, Array2, array};
use lab::dense::{Dense, relu, relu_backward};
use lab::{Scalar, Threads};

use crate::support::{generator, random};

fn forward_by_hand<F: Scalar>() {
    let of = |x: f64| F::of(x);
    let layer =
        Dense { weight: array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].mapv(of), bias: array![0.5, -1.0, 0.0].mapv(of) };
    let x = array![[1.0, 0.0], [0.0, 2.0]].mapv(of);
    let y = layer.forward(&x, Threads::ONE).unwrap();
    assert_eq!(y, array![[1.5, 1.0, 3.0], [8.5, 9.0, 12.0]].mapv(of));
    assert_eq!((layer.inputs(), layer.outputs()), (2, 3));
}

#[test]
fn ref_forward_by_hand() {
    forward_by_hand::<f32>();
    forward_by_hand::<f64>();
}

/// The gradient of `sum(c * layer(x))` against central differences, which are exact up to rounding
/// where a function is linear in each number.
#[test]
fn law_gradients_are_differences() {
    let mut rng = generator(3);
    let threads = Threads::ONE;
    let layer = Dense::<f64>::new(&mut rng, 4, 3);
    let (x, c) = (random(&mut rng, 5, 4), random(&mut rng, 5, 3));
    let loss = |layer: &Dense<f64>, x: &Array2<f64>| (&layer.forward(x, threads).unwrap() * &c).sum();
    let (gradient, d_x) = layer.backward(&x, &c, threads).unwrap();
    let h = 1e-3;
    // Rounding of sums of 15 terms below 4, over 2 h.
    let tolerance = 15.0 * 4.0 * f64::EPSILON / (2.0 * h);
    for ((i, j), &d) in gradient.weight.indexed_iter() {
        let (mut up, mut down) = (layer.clone(), layer.clone());
        up.weight[[i, j]] += h;
        down.weight[[i, j]] -= h;
        let difference = (loss(&up, &x) - loss(&down, &x)) / (2.0 * h);
        assert!((d - difference).abs() < tolerance, "weight {i} {j}: {d} {difference}");
    }
    for (j, &d) in gradient.bias.indexed_iter() {
        let (mut up, mut down) = (layer.clone(), layer.clone());
        up.bias[j] += h;
        down.bias[j] -= h;
        let difference = (loss(&up, &x) - loss(&down, &x)) / (2.0 * h);
        assert!((d - difference).abs() < tolerance, "bias {j}: {d} {difference}");
    }
    for ((i, j), &d) in d_x.indexed_iter() {
        let (mut up, mut down) = (x.clone(), x.clone());
        up[[i, j]] += h;
        down[[i, j]] -= h;
        let difference = (loss(&layer, &up) - loss(&layer, &down)) / (2.0 * h);
        assert!((d - difference).abs() < tolerance, "x {i} {j}: {d} {difference}");
    }
    assert_eq!(layer.backward_parameters(&x, &c, threads).unwrap(), gradient);
}

/// Weights are normal with variance 1 / inputs. At 4.5 standard errors a good layer fails once in
/// 150,000; a variance that is 1 % off, or another law of that variance, would be seen.
#[test]
fn stat_initial_weights_are_normal() {
    let (inputs, outputs) = (400, 5000);
    let layer = Dense::<f64>::new(&mut generator(4), inputs, outputs);
    assert!(layer.bias.iter().all(|&b| b == 0.0));
    let n = layer.weight.len() as f64;
    let moment = |k: i32| layer.weight.iter().map(|w| (w * (inputs as f64).sqrt()).powi(k)).sum::<f64>() / n;
    // Var z = 1, Var z^2 = 2, Var z^4 = 105 - 9.
    assert!(moment(1).abs() < 4.5 * (1.0 / n).sqrt(), "mean {}", moment(1));
    assert!((moment(2) - 1.0).abs() < 4.5 * (2.0 / n).sqrt(), "mean square {}", moment(2));
    assert!((moment(4) - 3.0).abs() < 4.5 * (96.0 / n).sqrt(), "fourth moment {}", moment(4));
}

#[test]
fn stream_a_seed_makes_one_layer() {
    let layer = |seed| Dense::<f32>::new(&mut generator(seed), 3, 2);
    assert_eq!(layer(5), layer(5));
    assert_ne!(layer(5), layer(6));
}

#[test]
fn ref_relu_and_its_derivative() {
    let x = array![[-2.0, -0.0, 0.0, 3.0, f64::NAN]];
    let y = relu(x);
    assert_eq!(y.iter().take(4).copied().collect::<Vec<_>>(), [0.0, 0.0, 0.0, 3.0]);
    assert!(y[[0, 4]].is_nan());
    let d = relu_backward(&y, array![[5.0, 5.0, 5.0, 5.0, 5.0]]).unwrap();
    assert_eq!(d.slice_move(estimand::ndarray::s![.., ..4]), array![[0.0, 0.0, 0.0, 5.0]]);
}

#[test]
fn hard_no_row_at_all() {
    let layer = Dense::<f64>::new(&mut generator(7), 3, 2);
    let (x, d_y) = (Array2::zeros((0, 3)), Array2::zeros((0, 2)));
    assert_eq!(layer.forward(&x, Threads::ONE).unwrap().dim(), (0, 2));
    let (gradient, d_x) = layer.backward(&x, &d_y, Threads::ONE).unwrap();
    assert_eq!(gradient.weight, Array2::<f64>::zeros((3, 2)));
    assert_eq!(gradient.bias, Array1::<f64>::zeros(2));
    assert_eq!(d_x.dim(), (0, 3));
}

#[test]
fn hard_shapes_must_match() {
    let mut layer = Dense::<f64>::new(&mut generator(8), 3, 2);
    let shape = |name, got: [usize; 2], expected: [usize; 2]| Error::Shape {
        name,
        got: got.to_vec(),
        expected: expected.to_vec(),
    };
    let (x, d_y) = (Array2::zeros((4, 3)), Array2::zeros((4, 2)));
    let narrow = Array2::zeros((4, 2));
    let threads = Threads::ONE;
    let wrong = layer.forward(&narrow, threads).unwrap_err();
    assert_eq!(wrong, shape("x", [4, 2], [4, 3]));
    let wrong = layer.backward(&narrow, &d_y, threads).unwrap_err();
    assert_eq!(wrong, shape("x", [4, 2], [4, 3]));
    let wrong = layer.backward(&x, &Array2::zeros((3, 2)), threads).unwrap_err();
    assert_eq!(wrong, shape("d_y", [3, 2], [4, 2]));
    let wrong = relu_backward(&x, d_y).unwrap_err();
    assert_eq!(wrong, shape("d_y", [4, 2], [4, 3]));
    layer.bias = Array1::zeros(1);
    let (name, got, expected) = ("bias", vec![1], vec![2]);
    let wrong = layer.forward(&x, threads).unwrap_err();
    assert_eq!(wrong, Error::Shape { name, got, expected });
}
