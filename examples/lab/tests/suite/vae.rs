use estimand::Error;
use estimand::check::derivative;
use estimand::ndarray::Array2;
use estimand::noise::Standard;
use estimand::rand::Rng;
use lab::vae::{RowTerms, Terms};
use lab::{Mlp, Threads, Vae};

use crate::support::generator;

/// Where a rectifier's kink is: the least magnitude of a hidden pre-activation.
fn nearest_kink(net: &Mlp<f64>, x: &Array2<f64>) -> f64 {
    let hidden = net.layers[0].forward(x, Threads::ONE).unwrap();
    hidden.iter().fold(f64::INFINITY, |least, h| least.min(h.abs()))
}

struct Case {
    vae: Vae<f64>,
    x: Array2<f64>,
    noise: Array2<f64>,
    beta: f64,
    /// The first step of the differences: a tenth of the way to a kink.
    step: f64,
}

impl Case {
    /// A network with its batch, drawn again until no pre-activation is near 0.
    fn new(seed: u64, (pixels, hidden, latent): (usize, usize, usize), far: f64) -> Self {
        let mut rng = generator(seed);
        for _ in 0..1_000_000 {
            let vae = Vae::<f64>::new(&mut rng, pixels, hidden, latent).unwrap();
            let x = Array2::from_shape_simple_fn((3, pixels), || f64::from(u8::from(rng.random_bool(0.4))));
            let noise = vae.noise(3, &mut rng).unwrap();
            let head = vae.encoder.forward(x.view(), Threads::ONE).unwrap().output;
            let z =
                Array2::from_shape_fn((3, latent), |(i, j)| head[[i, j]] + head[[i, latent + j]].exp() * noise[[i, j]]);
            let kink = nearest_kink(&vae.encoder, &x).min(nearest_kink(&vae.decoder, &z));
            if kink > far {
                return Self { vae, x, noise, beta: 1.3, step: far / 10.0 };
            }
        }
        panic!("no network keeps {far} from its kinks");
    }

    fn loss(&self, vae: &Vae<f64>) -> f64 {
        -vae.loss_grad(&self.x, self.noise.clone(), self.beta, Threads::ONE).unwrap().0.objective
    }

    fn gradient(&self) -> Vae<f64> {
        self.vae.loss_grad(&self.x, self.noise.clone(), self.beta, Threads::ONE).unwrap().1
    }
}

/// Every weight of small instances, against differences: at most 1e-6 of the largest gradient of
/// its block.
#[test]
fn law_the_training_step_is_the_gradient_in_every_weight() {
    for (seed, sizes) in [(1, (20, 9, 4)), (2, (13, 5, 3)), (3, (7, 6, 1))] {
        let case = Case::new(seed, sizes, 0.02);
        let gradient = case.gradient();
        for (block, (name, given)) in gradient.parameters().iter().enumerate() {
            let scale = given.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            for (k, &given) in given.iter().enumerate() {
                let mut vae = case.vae.clone();
                let at = case.vae.parameters()[block].1[k];
                let along = |w: f64| {
                    vae.parameters_mut()[block].1[k] = w;
                    case.loss(&vae)
                };
                let found = derivative(along, at, case.step).unwrap();
                let error = (given - found.value).abs();
                assert!(error <= 1e-6 * scale, "{name}[{k}]: {given:e}, differences {found:?}, largest {scale:e}");
            }
        }
    }
}

/// The full network, in 200 random directions of each block of parameters at once and apart.
#[test]
fn law_the_training_step_is_the_gradient_of_the_full_network() {
    let case = Case::new(4, (784, 200, 20), 1e-4);
    let gradient = case.gradient();
    let blocks = gradient.parameters().len();
    let mut rng = generator(5);
    for direction in 0..200 {
        // One block a direction, in turn: its own largest slope is the measure.
        let block = direction % blocks;
        let (name, given) = &gradient.parameters()[block];
        let along = Standard::Normal.draw::<f64, _, _>(&mut rng, given.len()).to_vec();
        let length = along.iter().map(|a| a * a).sum::<f64>().sqrt();
        let slope: f64 = along.iter().zip(given.iter()).map(|(a, g)| a * g / length).sum();
        let scale = given.iter().map(|g| g * g).sum::<f64>().sqrt();
        let start = case.vae.parameters()[block].1.to_vec();
        let mut vae = case.vae.clone();
        let value = |t: f64| {
            for ((w, &w0), &a) in vae.parameters_mut()[block].1.iter_mut().zip(&start).zip(&along) {
                *w = w0 + t * a / length;
            }
            case.loss(&vae)
        };
        let found = derivative(value, 0.0, case.step).unwrap();
        let error = (slope - found.value).abs();
        assert!(
            error <= 1e-6 * scale,
            "direction {direction}, {name}: {slope:e}, differences {found:?}, largest {scale:e}"
        );
    }
}

#[test]
fn law_a_step_does_not_depend_on_the_threads() {
    let mut rng = generator(6);
    let vae = Vae::<f32>::new(&mut rng, 784, 200, 20).unwrap();
    let x = Array2::from_shape_simple_fn((67, 784), || f32::from(u8::from(rng.random_bool(0.2))));
    let noise = vae.noise(67, &mut rng).unwrap();
    let run = |threads| vae.loss_grad(&x, noise.clone(), 1.0, Threads::new(threads)).unwrap();
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(7));
}

type Step = (Terms<f64>, Vae<f64>);

/// Whatever a gradient held before and however it lay, and in batches of one row, of an even and of an
/// odd number of them: the mean over rows of what each gives alone.
#[test]
fn law_a_batch_is_the_mean_of_its_rows() {
    let mut rng = generator(9);
    let vae = Vae::<f64>::new(&mut rng, 20, 9, 4).unwrap();
    let mut gradient = Vae::<f64>::new(&mut rng, 20, 9, 4).unwrap();
    for n in [1, 2, 5, 131] {
        for layer in gradient.encoder.layers.iter_mut().chain(&mut gradient.decoder.layers) {
            layer.weight = if layer.weight.is_standard_layout() {
                layer.weight.t().as_standard_layout().into_owned().reversed_axes()
            } else {
                layer.weight.as_standard_layout().into_owned()
            };
            layer.bias.invert_axis(estimand::ndarray::Axis(0));
        }
        let x = Array2::from_shape_simple_fn((n, 20), || f64::from(u8::from(rng.random_bool(0.4))));
        let noise = vae.noise(n, &mut rng).unwrap();
        let terms = vae.loss_grad_into(&x, noise.clone(), 0.7, Threads::new(2), &mut gradient).unwrap();
        let alone = |i: usize| {
            let row = estimand::ndarray::s![i..i + 1, ..];
            let noise = noise.slice(row).to_owned();
            vae.loss_grad(&x.slice(row), noise, 0.7, Threads::ONE).unwrap()
        };
        let rows: Vec<_> = (0..n).map(alone).collect();
        let mean = |of: &dyn Fn(&Step) -> f64| rows.iter().map(of).sum::<f64>() / n as f64;
        for (got, one) in [
            (terms.objective, mean(&|row| row.0.objective)),
            (terms.reconstruction, mean(&|row| row.0.reconstruction)),
            (terms.kl, mean(&|row| row.0.kl)),
        ] {
            assert!((got - one).abs() < 1e-13 * one.abs(), "{n} rows: {got} {one}");
        }
        for (block, (name, numbers)) in gradient.parameters().iter().enumerate() {
            let scale = numbers.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            for (k, &got) in numbers.iter().enumerate() {
                let one = mean(&|row| row.1.parameters()[block].1[k]);
                assert!((got - one).abs() <= 1e-12 * scale, "{n} rows, {name}[{k}]: {got} {one}");
            }
        }
    }
}

/// The log-weights are the ELBO's terms with the KL by samples.
#[test]
fn law_log_weights_average_to_the_elbo() {
    let mut rng = generator(7);
    let vae = Vae::<f64>::new(&mut rng, 12, 8, 2).unwrap();
    let x = Array2::from_shape_simple_fn((2, 12), || f64::from(u8::from(rng.random_bool(0.4))));
    let k = 100_000;
    let log_w = vae.log_weights(&x, k, &mut rng, Threads::ONE).unwrap();
    let tiled = Array2::from_shape_fn((2 * k, 12), |(i, j)| x[[i / k, j]]);
    let noise = vae.noise(2 * k, &mut rng).unwrap();
    let RowTerms { reconstruction, kl, means } = vae.terms(&tiled, noise, Threads::ONE).unwrap();
    assert_eq!(means, vae.encode(&tiled, Threads::ONE).unwrap());
    for i in 0..2 {
        let rows = estimand::ndarray::s![i * k..(i + 1) * k];
        let (w, rec) = (log_w.slice(rows), reconstruction.slice(rows));
        let off = w.mean().unwrap() - (rec.mean().unwrap() - kl[i * k]);
        // Two independent sample means: 6 standard errors is once in 1e9.
        let limit = 6.0 * ((w.var(1.0) + rec.var(1.0)) / k as f64).sqrt();
        assert!(off.abs() < limit, "example {i}: off by {off:e}, limit {limit:e}");
        assert!(limit < 0.1, "a KL of 0.1 nats left out would be seen");
    }
}

#[test]
fn hard_wrong_batches_are_the_exact_error() {
    let vae = Vae::<f64>::new(&mut generator(8), 6, 4, 2).unwrap();
    let noise = Array2::zeros((2, 2));
    let step = |x: Array2<f64>, noise: Array2<f64>, beta| vae.loss_grad(&x, noise, beta, Threads::ONE).err();
    let error = Error::Shape { name: "noise", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(step(Array2::zeros((2, 6)), Array2::zeros((1, 2)), 1.0), Some(error));
    let grey = Error::Entry { name: "x", index: vec![0, 0], value: 0.5, expected: "a bit, 0 or 1" };
    assert_eq!(step(Array2::from_elem((2, 6), 0.5), noise.clone(), 1.0), Some(grey));
    let mut grey = Array2::zeros((2, 6));
    grey[[1, 4]] = 0.25;
    let in_lower_half = Error::Entry { name: "x", index: vec![1, 4], value: 0.25, expected: "a bit, 0 or 1" };
    assert_eq!(step(grey, noise.clone(), 1.0), Some(in_lower_half));
    let narrow = Error::Shape { name: "x", got: vec![2, 5], expected: vec![2, 6] };
    assert_eq!(step(Array2::zeros((2, 5)), noise.clone(), 1.0), Some(narrow));
    let mut other = Vae::<f64>::new(&mut generator(8), 6, 5, 2).unwrap();
    let into = vae.loss_grad_into(&Array2::zeros((2, 6)), noise.clone(), 1.0, Threads::ONE, &mut other);
    assert_eq!(into, Err(Error::Shape { name: "gradient", got: vec![6, 5], expected: vec![6, 4] }));
    let beta = Error::Parameter { name: "beta", value: -1.0, expected: "a finite number that is not negative" };
    assert_eq!(step(Array2::zeros((2, 6)), noise.clone(), -1.0), Some(beta));
    let mut holed = Array2::zeros((2, 6));
    holed[[1, 3]] = f64::NAN;
    assert_eq!(step(holed, noise, 1.0), Some(Error::NaN { name: "reconstruction", row: 1 }));
}
