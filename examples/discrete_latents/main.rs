//! Discrete latents on real handwritten digits: one autoencoder, bits or classes between its halves, trained by each
//! estimator of the library from one seed; then the variance and the bias of all of them, on one batch.
//!
//!     cargo run --release --example discrete_latents
//!
//! `estimators.rs` is what a user writes: an entry an estimator. `model.rs` holds the step that all of them train,
//! `training.rs` runs it, `variance.rs` measures, `discussion.rs` says what came out otherwise than in the papers.

mod decoding;
mod discussion;
mod estimators;
mod latents;
mod model;
mod pictures;
mod training;
mod variance;

use std::process::ExitCode;

use estimand::gradient::Bias;
use estimand::rand::rngs::StdRng;
use lab::data::{Bits, Images, independent_pixels, pixel_means};
use lab::{Args, Failure, Opt, Program, Summary, say};

use estimators::{Estimator, KEYS, TRAINED};
use latents::Latents;
use training::{Job, Run, Seeds, Task};
use variance::{Variance, measure};

const TRAIN: &str = "examples/data/mnist-train60k-stochbin-seed1.bits.gz";
/// Beside it.
const TEST: &str = "mnist-test10k-stochbin-seed2.bits.gz";

/// Images that a quick run trains and tests on.
const QUICK_TRAIN: usize = 6000;
const QUICK_TEST: usize = 1000;

/// Images for the importance-weighted bound, and samples for each.
const BOUND: (usize, usize) = (1000, 50);
const QUICK_BOUND: (usize, usize) = (100, 10);

/// Images of the batch on which estimators are measured.
const MEASURED: usize = 10;

/// Where they are measured after training.
const TRAINED_WEIGHTS: &str = "of the leave-one-out training";

/// Options that say what a training is.
const SETTINGS: [&str; 9] =
    ["epochs", "bits", "blocks", "classes", "hidden", "batch", "rate", "warm-up", "temperature"];

const PROGRAM: Program = Program {
    name: "discrete_latents",
    about: "Trains autoencoders with bits and with classes as latents by several gradient estimators, and measures all.",
    options: &[
        Opt::count("epochs", "N", "passes over the training images", 6, 1..=10_000).quick_count(4),
        Opt::count("bits", "N", "bits of a latent", 48, 1..=4096),
        Opt::count("blocks", "N", "choices of a latent of classes", 16, 1..=4096),
        Opt::count("classes", "N", "classes of a choice", 8, 2..=256),
        Opt::count("hidden", "N", "units of the hidden layer on either side", 200, 1..=16_384).quick_count(100),
        Opt::count("batch", "N", "images a step", 100, 1..=1_000_000).quick_count(50),
        Opt::number("rate", "R", "learning rate of Adam", 1e-3, f64::MIN_POSITIVE..=10.0).quick_number(3e-3),
        Opt::number("warm-up", "N", "epochs in which the weight of the KL term rises from 0 to 1", 1.0, 0.0..=1e4)
            .quick_number(2.0),
        Opt::number("temperature", "T", "of relaxed samples", 0.5, 1e-3..=1e3),
        Opt::count("draws", "N", "draws of an estimator where it is measured", 512, 2..=100_000).quick_count(128),
        Opt::path(
            "images",
            "FILE",
            "IDX of grey levels, gzipped or not, binarised afresh each epoch; or packed bits",
            TRAIN,
        ),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let mut rng = args.rng();
    let (train, test) = images(args, &mut rng)?;
    let pixels = pixel_means(&train.epoch(&mut rng))?;
    let by_pixel = independent_pixels(&pixels, &test)?;
    let task = Task {
        pixels,
        hidden: args.count("hidden")?,
        epochs: args.count("epochs")?,
        batch: args.count("batch")?,
        rate: args.number("rate")?,
        temperature: args.number("temperature")? as f32,
        warm_up: args.number("warm-up")?,
        seeds: Seeds::new(&mut rng),
        bound: if args.quick { QUICK_BOUND } else { BOUND },
        train,
        test,
    };
    let families = [
        Latents::Bits { count: args.count("bits")? },
        Latents::Classes { blocks: args.count("blocks")?, classes: args.count("classes")? },
    ];
    let trained = |latents| Estimator::of(latents).iter().take(TRAINED).map(move |estimator| (latents, estimator));
    let jobs: Vec<Job> = families.into_iter().flat_map(trained).collect();

    say(format_args!(
        "{} training and {} test images; all figures in nats an image",
        task.train.len(),
        task.test.len()
    ));
    for latents in families {
        say(format_args!("{}: {} logits, {:.1} nats at the most", latents.name(), latents.width(), latents.capacity()));
    }
    let runs = task.train_all(&jobs, args.threads)?;
    tell(&task, &runs, by_pixel);
    for runs in runs.chunks(TRAINED) {
        pictures::draw(args, runs, &task.test)?;
    }
    args.write("elbo.csv", pictures::table(&runs)?)?;
    say(format_args!("pictures: {}", args.out.display()));

    let measured = measure_all(&task, &runs, args, &rng)?;
    for (latents, when, variance) in &measured {
        say(format_args!(
            "\n{}, weights {when}; the gradient of the cost in the {} logits of each of {} training images, {} draws of each estimator:",
            latents.name(),
            latents.width(),
            variance.images,
            variance.draws
        ));
        say(variance);
        say(format_args!("variance x evaluations (* biased): {}", discussion::order(variance)));
    }
    say("\nwhat papers say, beside what was measured after training:");
    let after = measured.iter().filter(|(_, when, _)| *when == TRAINED_WEIGHTS);
    for ((latents, _, variance), runs) in after.zip(runs.chunks(TRAINED)) {
        say(format_args!("{}: {}", latents.name(), discussion::beside_bounds(runs, variance)));
        for sentence in discussion::discuss(*latents, variance) {
            say(format_args!("{}: {sentence}", latents.name()));
        }
    }

    // Of other networks or rates nothing is promised; of the estimators, everywhere.
    let usual = args.path("images")?.ends_with(TRAIN) && !SETTINGS.iter().any(|name| args.is_given(name));
    let mut summary = Summary::new();
    for (run, key) in runs.iter().zip(KEYS.iter().flatten()) {
        let (elbo, latents, estimator) = (run.elbo(), run.latents.name(), run.estimator.name);
        let words = format!(
            "{latents}, {estimator}: the test ELBO, {elbo:.2}, is above the {by_pixel:.2} of independent pixels"
        );
        summary = summary.finding(key, format_args!("{elbo:.4}")).claim(!usual || elbo > by_pixel, words);
    }
    for (latents, when, variance) in &measured {
        for found in variance.found.iter().filter(|found| found.measured.bias == Bias::Unbiased) {
            let words = format!(
                "{}, weights {when}, {}: the mean is that of the other unbiased estimators; it is off by {:.2} of what noise lets expect, at most {:.2}, and by {:.2} standard errors along the gradient",
                latents.name(),
                found.measured.name,
                found.distance.in_noise(),
                found.distance.limit(),
                found.along
            );
            summary = summary.claim(!found.told_apart(), words);
        }
    }
    Ok(summary)
}

/// Each family at two sets of weights: those that all its trainings began with, and those that leave-one-out came to.
fn measure_all(
    task: &Task,
    runs: &[Run],
    args: &Args,
    rng: &StdRng,
) -> Result<Vec<(Latents, &'static str, Variance)>, Failure> {
    let images = task.train.epoch(&mut rng.clone()).first(MEASURED);
    let draws = args.count("draws")?;
    let mut jobs = Vec::new();
    for run in runs.iter().step_by(TRAINED) {
        jobs.push(("before training", task.start(run.latents)?));
        jobs.push((TRAINED_WEIGHTS, run.model.clone()));
    }
    args.threads.side_by_side(&jobs, |(when, model)| {
        Ok((model.latents, *when, measure(model, &images, draws, task.setting(), rng)?))
    })
}

/// A line a training.
fn tell(task: &Task, runs: &[Run], by_pixel: f64) {
    let start = runs.first().and_then(|run| run.test.first()).map_or(f64::NAN, |terms| terms.elbo());
    say(format_args!("independent pixels: {by_pixel:.2}; the first network before training: {start:.2}"));
    say(
        "latents  estimator      evaluations  train ELBO  test ELBO  reconstruction     KL  log-likelihood  seconds an epoch   eta",
    );
    for run in runs {
        let (train, test) = (run.train.last(), run.test.last());
        let [train, elbo] = [train, test].map(|terms| terms.map_or(f64::NAN, |terms| terms.elbo()));
        let [reconstruction, kl] = test.map_or([f64::NAN; 2], |terms| [terms.reconstruction, terms.kl]);
        say(format_args!(
            "{:7}  {:13}  {:>11}  {train:>10.2}  {elbo:>9.2}  {reconstruction:>14.2}  {kl:>5.2}  {:>14.2}  {:>16.2}  {}",
            run.latents.name(),
            run.estimator.name,
            run.evaluations,
            run.bound,
            run.seconds / task.epochs as f64,
            run.eta.map_or("    -".to_owned(), |eta| format!("{eta:5.2}")),
        ));
    }
    let (images, samples) = task.bound;
    say(format_args!(
        "ELBO: of samples of the discrete law, whatever was trained on; log-likelihood: its bound by {samples} importance-weighted samples, {images} test images"
    ));
}

/// What to train on and what to test on: a tenth of the user's own images is held out.
fn images(args: &Args, rng: &mut StdRng) -> Result<(Images, Bits), Failure> {
    let path = args.path("images")?;
    let all = Images::read(path)?;
    let (train, test) = if path.ends_with(TRAIN) {
        (all, Bits::read(path.with_file_name(TEST))?)
    } else {
        let (train, test) = all.split(all.len() - (all.len() / 10).max(1));
        if train.is_empty() {
            return Err(format!("{} holds one image, and one is held out for the test", path.display()).into());
        }
        (train, test.epoch(rng).into_owned())
    };
    Ok(if args.quick { (train.first(QUICK_TRAIN), test.first(QUICK_TEST)) } else { (train, test) })
}
