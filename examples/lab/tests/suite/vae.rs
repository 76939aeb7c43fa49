use estimand::Error;
use estimand::check::{Verdict, derivative, unbiased};
use estimand::ndarray::{Array1, Array2, Axis, s};
use estimand::noise::Standard;
use estimand::rand::Rng;
use lab::vae::{Door, Price, RowTerms, Step, Terms};
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
    step_of: Step<f64>,
    /// The first step of the differences: a tenth of the way to a kink.
    step: f64,
}

impl Case {
    /// A network with its batch, drawn again until no pre-activation is near 0.
    fn new(seed: u64, (pixels, hidden, latent): (usize, usize, usize), samples: usize, far: f64) -> Self {
        let mut rng = generator(seed);
        for _ in 0..1_000_000 {
            let vae = Vae::<f64>::new(&mut rng, pixels, hidden, latent).unwrap();
            let x = Array2::from_shape_simple_fn((3, pixels), || f64::from(u8::from(rng.random_bool(0.4))));
            let noise = vae.noise(3 * samples, &mut rng).unwrap();
            let head = vae.encoder.forward(x.view(), Threads::ONE).unwrap().output;
            let z = Array2::from_shape_fn((3 * samples, latent), |(i, j)| {
                let t = i / samples;
                head[[t, j]] + head[[t, latent + j]].exp() * noise[[i, j]]
            });
            let kink = nearest_kink(&vae.encoder, &x).min(nearest_kink(&vae.decoder, &z));
            if kink > far {
                let step_of = Step::new(1.3, Door::Path, samples).unwrap();
                return Self { vae, x, noise, step_of, step: far / 10.0 };
            }
        }
        panic!("no network keeps {far} from its kinks");
    }

    fn loss(&self, vae: &Vae<f64>) -> f64 {
        -vae.loss_grad(&self.x, self.noise.clone(), self.step_of, Threads::ONE).unwrap().0.objective
    }

    fn gradient(&self) -> Vae<f64> {
        self.vae.loss_grad(&self.x, self.noise.clone(), self.step_of, Threads::ONE).unwrap().1
    }
}

/// Every weight of small instances, against differences: at most 1e-6 of the largest gradient of
/// its block.
#[test]
fn law_the_training_step_is_the_gradient_in_every_weight() {
    for (seed, sizes, samples) in [(1, (20, 9, 4), 1), (2, (13, 5, 3), 1), (3, (7, 6, 1), 1), (4, (7, 6, 2), 3)] {
        in_every_weight(&Case::new(seed, sizes, samples, if samples == 1 { 0.02 } else { 0.005 }));
    }
}

/// The same with free bits, of which some latents have more and some have less, and with a capacity that the KL is below, and above.
#[test]
fn law_the_training_step_is_the_gradient_of_what_stands_for_the_kl() {
    for price in [Price::FreeBits(0.03), Price::Capacity(0.02), Price::Capacity(3.0)] {
        let mut case = Case::new(2, (13, 5, 3), 1, 0.02);
        let plain = case.vae.loss_grad(&case.x, case.noise.clone(), case.step_of, Threads::ONE).unwrap().0;
        case.step_of = case.step_of.priced(price);
        let terms = case.vae.loss_grad(&case.x, case.noise.clone(), case.step_of, Threads::ONE).unwrap().0;
        assert_eq!((terms.reconstruction, terms.kl), (plain.reconstruction, plain.kl), "the terms are as they were");
        assert!(terms.objective != plain.objective, "{price:?}");
        in_every_weight(&case);
        assert_eq!(case.step_of.at(0.5).at(1.3), case.step_of);
    }
}

/// The total correlation is of a whole batch, and depends on all of it: by either door its gradient in the samples goes the path.
#[test]
fn law_the_training_step_is_the_gradient_of_a_priced_total_correlation() {
    for samples in [1, 2] {
        let mut case = Case::new(2, (13, 5, 3), samples, 0.01);
        let weighed = |beta: f64| case.step_of.priced(Price::TotalCorrelation(50)).at(beta);
        let terms = |step| case.vae.loss_grad(&case.x, case.noise.clone(), step, Threads::ONE).unwrap().0;
        let objective = |beta| terms(weighed(beta)).objective;
        // Linear in beta, whose slope is the total correlation of the batch.
        let (none, one, more) = (objective(0.0), objective(1.0), objective(3.0));
        assert!(none != one && (none - more - 3.0 * (none - one)).abs() < 1e-12);
        let plain = terms(case.step_of);
        let priced = terms(weighed(3.0));
        assert!((priced.reconstruction - plain.reconstruction).abs() < 1e-13);
        assert!((priced.kl - plain.kl).abs() < 1e-13, "the KL that is told is the closed one");
        case.step_of = weighed(3.0);
        in_every_weight(&case);
    }
}

/// At fixed costs the door is a matter of the reconstruction alone: with a decoder that says the same of every latent, its score
/// is weighted by nothing.
#[test]
fn law_the_total_correlation_goes_the_path_by_either_door() {
    let mut rng = generator(8);
    let mut vae = Vae::<f64>::new(&mut rng, 6, 5, 3).unwrap();
    vae.decoder.layers[0].weight.fill(0.0);
    let x = Array2::from_shape_simple_fn((4, 6), || f64::from(u8::from(rng.random_bool(0.4))));
    let noise = vae.noise(8, &mut rng).unwrap();
    let of = |door| {
        let step = Step::new(5.0, door, 2).unwrap().priced(Price::TotalCorrelation(9));
        vae.loss_grad(&x, noise.clone(), step, Threads::ONE).unwrap().1
    };
    let [path, score] = [Door::Path, Door::Score].map(of);
    let mut largest = 0.0_f64;
    for ((name, path), (_, score)) in path.parameters().iter().zip(&score.parameters()) {
        for (path, score) in path.iter().zip(score.iter()) {
            assert!((path - score).abs() < 1e-13, "{name}: {path} by the path, {score} by the score");
            largest = largest.max(if name.starts_with("encoder") { path.abs() } else { 0.0 });
        }
    }
    assert!(largest > 1e-2);
}

#[track_caller]
fn in_every_weight(case: &Case) {
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

/// The full network, in 200 random directions of each block of parameters at once and apart.
#[test]
fn law_the_training_step_is_the_gradient_of_the_full_network() {
    let case = Case::new(4, (784, 200, 20), 1, 1e-4);
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
    for (door, samples) in [(Door::Path, 1), (Door::Path, 3), (Door::Score, 3)] {
        let step = Step::new(1.0, door, samples).unwrap();
        let noise = vae.noise(67 * samples, &mut rng).unwrap();
        let run = |threads| vae.loss_grad(&x, noise.clone(), step, Threads::new(threads)).unwrap();
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(7));
    }
}

type Found = (Terms<f64>, Vae<f64>);

/// Whatever a gradient held before and however it lay, and in batches of one row, of an even and of an
/// odd number of them: the mean over rows of what each gives alone.
#[test]
fn law_a_batch_is_the_mean_of_its_rows() {
    let mut rng = generator(9);
    let vae = Vae::<f64>::new(&mut rng, 20, 9, 4).unwrap();
    let mut gradient = Vae::<f64>::new(&mut rng, 20, 9, 4).unwrap();
    let step = |door, samples| Step::new(0.7, door, samples).unwrap();
    let steps = [step(Door::Path, 1), step(Door::Path, 3), step(Door::Score, 2)];
    for (n, step) in [1, 2, 5, 131].into_iter().flat_map(|n| steps.map(|step| (n, step))) {
        let k = step.samples();
        for layer in gradient.encoder.layers.iter_mut().chain(&mut gradient.decoder.layers) {
            layer.weight = if layer.weight.is_standard_layout() {
                layer.weight.t().as_standard_layout().into_owned().reversed_axes()
            } else {
                layer.weight.as_standard_layout().into_owned()
            };
            layer.bias.invert_axis(Axis(0));
        }
        let x = Array2::from_shape_simple_fn((n, 20), || f64::from(u8::from(rng.random_bool(0.4))));
        let noise = vae.noise(n * k, &mut rng).unwrap();
        let terms = vae.loss_grad_into(&x, noise.clone(), step, Threads::new(2), &mut gradient).unwrap();
        let alone = |i: usize| {
            let noise = noise.slice(s![i * k..(i + 1) * k, ..]).to_owned();
            vae.loss_grad(&x.slice(s![i..i + 1, ..]), noise, step, Threads::ONE).unwrap()
        };
        let rows: Vec<_> = (0..n).map(alone).collect();
        let mean = |of: &dyn Fn(&Found) -> f64| rows.iter().map(of).sum::<f64>() / n as f64;
        for (got, one) in [
            (terms.objective, mean(&|row| row.0.objective)),
            (terms.reconstruction, mean(&|row| row.0.reconstruction)),
            (terms.kl, mean(&|row| row.0.kl)),
        ] {
            assert!((got - one).abs() < 1e-13 * one.abs(), "{n} rows, {step:?}: {got} {one}");
        }
        for (block, (name, numbers)) in gradient.parameters().iter().enumerate() {
            let scale = numbers.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            for (k, &got) in numbers.iter().enumerate() {
                let one = mean(&|row| row.1.parameters()[block].1[k]);
                assert!((got - one).abs() <= 1e-12 * scale, "{n} rows, {step:?}, {name}[{k}]: {got} {one}");
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
        let rows = s![i * k..(i + 1) * k];
        let (w, rec) = (log_w.slice(rows), reconstruction.slice(rows));
        let off = w.mean().unwrap() - (rec.mean().unwrap() - kl[i * k]);
        // Two independent sample means: 6 standard errors is once in 1e9.
        let limit = 6.0 * ((w.var(1.0) + rec.var(1.0)) / k as f64).sqrt();
        assert!(off.abs() < limit, "example {i}: off by {off:e}, limit {limit:e}");
        assert!(limit < 0.1, "a KL of 0.1 nats left out would be seen");
    }
}

/// The encoder's gradient in all its weights, one draw of the noise a row.
fn draws_of_the_encoder(case: &Case, door: Door, samples: usize, draws: usize, seed: u64) -> Array2<f64> {
    let mut rng = generator(seed);
    let step = Step::new(1.3, door, samples).unwrap();
    let mut gradient = case.vae.clone();
    let mut flat = Vec::new();
    for _ in 0..draws {
        let noise = case.vae.noise(case.x.nrows() * samples, &mut rng).unwrap();
        case.vae.loss_grad_into(&case.x, noise, step, Threads::ONE, &mut gradient).unwrap();
        flat.extend(gradient.encoder.parameters().iter().flat_map(|(_, numbers)| numbers.to_vec()));
    }
    let width = flat.len() / draws;
    Array2::from_shape_vec((draws, width), flat).unwrap()
}

/// Both doors have one mean, in every weight of the encoder: false alarms at a rate of 1e-6. That a tenth would
/// be seen, and the other sign, is shown by twins. Many samples a draw, so that a draw has no long tail.
#[test]
fn stat_the_doors_lead_to_one_gradient() {
    let case = Case::new(10, (6, 4, 2), 1, 0.02);
    let path = draws_of_the_encoder(&case, Door::Path, 64, 20_000, 11);
    let score = draws_of_the_encoder(&case, Door::Score, 64, 20_000, 12);
    let none = Array1::zeros(path.ncols());
    let tested = |by: f64| unbiased(&(by * &score - &path), &none, 1e-6).unwrap();
    assert_eq!(tested(1.0).verdict, Verdict::Consistent, "{}", tested(1.0));
    for by in [1.1, 0.9, -1.0] {
        assert_eq!(tested(by).verdict, Verdict::Biased, "{by}: {}", tested(by));
    }
}

/// Two samples an example, by hand: half the difference of the costs times that of the scores, and the slope of
/// the KL, summed in the gradient of the last bias.
#[test]
fn law_two_samples_are_half_a_product_of_differences() {
    let (latent, n, beta) = (2, 3, 1.3);
    let Case { vae, x, noise, .. } = Case::new(20, (7, 6, latent), 2, 0.005);
    let step = Step::new(beta, Door::Score, 2).unwrap();
    let (_, gradient) = vae.loss_grad(&x, noise.clone(), step, Threads::ONE).unwrap();
    let head = vae.encoder.forward(x.view(), Threads::ONE).unwrap().output;
    let (loc, log_scale) = (head.slice(s![.., ..latent]), head.slice(s![.., latent..]));
    let z = Array2::from_shape_fn(noise.dim(), |(i, j)| loc[[i / 2, j]] + log_scale[[i / 2, j]].exp() * noise[[i, j]]);
    let logits = vae.decoder.forward(z, Threads::ONE).unwrap().output;
    let bit = |l: f64, x: f64| (1.0 + (if x == 1.0 { -l } else { l }).exp()).ln();
    let cost = |i: usize| logits.row(i).iter().zip(x.row(i / 2)).map(|(&l, &x)| bit(l, x)).sum::<f64>();
    for j in 0..latent {
        let (mut in_loc, mut in_log_scale) = (0.0, 0.0);
        for i in 0..n {
            let (first, second) = (noise[[2 * i, j]], noise[[2 * i + 1, j]]);
            let half = 0.5 * (cost(2 * i) - cost(2 * i + 1));
            let (m, s) = (loc[[i, j]], log_scale[[i, j]]);
            in_loc += (half * (first - second) * (-s).exp() + beta * m) / n as f64;
            in_log_scale += (half * (first.powi(2) - second.powi(2)) + beta * (2.0 * s).exp_m1()) / n as f64;
        }
        for (k, by_hand) in [(j, in_loc), (latent + j, in_log_scale)] {
            let got = gradient.encoder.layers[1].bias[k];
            assert!((got - by_hand).abs() < 1e-12, "{k}: {got} {by_hand}");
        }
    }
}

/// The decoder's gradient is the same by either door: it is asked at the same samples.
#[test]
fn law_the_door_is_the_encoders_alone() {
    let case = Case::new(13, (7, 6, 2), 3, 0.005);
    let by = |door| {
        let step = Step::new(1.3, door, 3).unwrap();
        case.vae.loss_grad(&case.x, case.noise.clone(), step, Threads::ONE).unwrap()
    };
    let ((path_terms, path), (score_terms, score)) = (by(Door::Path), by(Door::Score));
    assert_eq!(path_terms, score_terms);
    assert_eq!(path.decoder, score.decoder);
    assert_ne!(path.encoder, score.encoder);
}

/// The head's own variances against repeated draws of the step, in total: the last bias has the sum over
/// examples of the head's gradient, and examples share no noise. False alarms at a rate of 1e-6; a fifth would
/// be seen.
#[test]
fn stat_the_head_tells_its_own_variance() {
    let case = Case::new(14, (6, 4, 2), 1, 0.02);
    let (n, samples, draws) = (case.x.nrows(), 32, 30_000);
    let mut rng = generator(15);
    let mut reports = [(); 2].map(|()| Array2::zeros((draws, 1)));
    for i in 0..draws {
        let noise = case.vae.noise(n * samples, &mut rng).unwrap();
        let head = case.vae.head_estimates(&case.x, noise, samples, Threads::ONE).unwrap();
        for (report, estimate) in reports.iter_mut().zip([head.path, head.score]) {
            report[[i, 0]] = estimate.variance.unwrap().flat().sum();
        }
    }
    // A draw's squared distance from the mean is a report too, of 1/n^2 of the variance, for the loss is a mean.
    let scale = (n * n) as f64 * draws as f64 / (draws - 1) as f64;
    let squares = |door, seed| {
        let encoder = draws_of_the_encoder(&case, door, samples, draws, seed);
        let bias = encoder.slice(s![.., encoder.ncols() - 2 * case.vae.latent()..]);
        let off = &bias - &bias.mean_axis(Axis(0)).unwrap();
        (scale * &off * &off).sum_axis(Axis(1)).insert_axis(Axis(1))
    };
    for (report, door) in reports.iter().zip([Door::Path, Door::Score]) {
        let found = squares(door, 16);
        let tested = |by: f64| unbiased(&(by * report - &found), &Array1::zeros(1), 1e-6).unwrap();
        assert_eq!(tested(1.0).verdict, Verdict::Consistent, "{door:?}: {}", tested(1.0));
        for by in [0.8, 1.2] {
            assert_eq!(tested(by).verdict, Verdict::Biased, "{by}, {door:?}: {}", tested(by));
        }
    }
}

#[test]
fn hard_steps_without_samples_to_compare_are_the_exact_error() {
    let step = |door, samples| Step::new(1.0, door, samples).err();
    let none = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(step(Door::Path, 0), Some(none.clone()));
    assert_eq!(step(Door::Score, 0), Some(none));
    let one = Error::Parameter { name: "samples", value: 1.0, expected: "at least 2 through the density" };
    assert_eq!(step(Door::Score, 1), Some(one.clone()));
    let vae = Vae::<f64>::new(&mut generator(18), 6, 4, 2).unwrap();
    let estimates = vae.head_estimates(&Array2::zeros((2, 6)), Array2::zeros((2, 2)), 1, Threads::ONE);
    assert_eq!(estimates.err(), Some(one));
}

/// Errors of samples are told in rows of the batch, of either half of it.
#[test]
fn hard_errors_of_samples_name_their_example() {
    let vae = Vae::<f64>::new(&mut generator(19), 6, 4, 2).unwrap();
    for door in [Door::Path, Door::Score] {
        let step = Step::new(1.0, door, 3).unwrap();
        let run = |x: &Array2<f64>, noise: Array2<f64>| vae.loss_grad(x, noise, step, Threads::ONE).err();
        let noise = Array2::zeros((12, 2));
        let few = Error::Shape { name: "noise", got: vec![4, 2], expected: vec![12, 2] };
        assert_eq!(run(&Array2::zeros((4, 6)), Array2::zeros((4, 2))), Some(few));
        for i in 0..4 {
            let mut x = Array2::zeros((4, 6));
            x[[i, 5]] = 0.5;
            let grey = Error::Entry { name: "x", index: vec![i, 5], value: 0.5, expected: "a bit, 0 or 1" };
            assert_eq!(run(&x, noise.clone()), Some(grey));
            x[[i, 5]] = f64::NAN;
            assert_eq!(run(&x, noise.clone()), Some(Error::NaN { name: "reconstruction", row: i }));
        }
    }
}

#[test]
fn hard_wrong_batches_are_the_exact_error() {
    let vae = Vae::<f64>::new(&mut generator(8), 6, 4, 2).unwrap();
    let noise = Array2::zeros((2, 2));
    let step =
        |x: Array2<f64>, noise: Array2<f64>, beta| vae.loss_grad(&x, noise, Step::path(beta), Threads::ONE).err();
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
    let into = vae.loss_grad_into(&Array2::zeros((2, 6)), noise.clone(), Step::path(1.0), Threads::ONE, &mut other);
    assert_eq!(into, Err(Error::Shape { name: "gradient", got: vec![6, 5], expected: vec![6, 4] }));
    let beta = Error::Parameter { name: "beta", value: -1.0, expected: "a finite number that is not negative" };
    assert_eq!(step(Array2::zeros((2, 6)), noise.clone(), -1.0), Some(beta));
    let mut holed = Array2::zeros((2, 6));
    holed[[1, 3]] = f64::NAN;
    assert_eq!(step(holed, noise, 1.0), Some(Error::NaN { name: "reconstruction", row: 1 }));
}
