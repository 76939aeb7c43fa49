//! A beta-VAE learns real handwritten digits, with gradients that the library computes by itself.
//!
//!     cargo run --release --example vae
//!
//! The step that is trained on is `lab::Vae::loss_grad_into`; its mathematics is one screen,
//! `there_and_back` in `examples/lab/src/vae.rs`:
//! encoder, draw, decoder; the ELBO with its gradients; and the way back along the path of the
//! draw, or with `--gradient score` through its density. This file feeds it and tells what it learns;
//! `variance.rs` measures both ways back, and `pictures.rs` draws.

mod evaluate;
mod pictures;
mod price;
mod variance;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use lab::data::{Batches, Bits, Images, independent_pixels, pixel_means, read_labels};
use lab::vae::{Door, Price, Step, Terms};
use lab::{Adam, Args, Failure, Opt, Program, Summary, Vae, progress, say};

use evaluate::{evaluate, importance_weighted_bound};
use price::PriceOfNats;

const TRAIN: &str = "examples/data/mnist-train60k-stochbin-seed1.bits.gz";
/// Beside it.
const TEST: &str = "mnist-test10k-stochbin-seed2.bits.gz";
const TEST_LABELS: &str = "mnist-test10k-labels.u8.gz";

/// Images that a quick run trains and tests on.
const QUICK_TRAIN: usize = 6000;
const QUICK_TEST: usize = 1000;

/// Images for the importance-weighted estimate, and samples for each.
const BOUND: (usize, usize) = (2000, 100);
const QUICK_BOUND: (usize, usize) = (100, 20);

/// Samples an image through the density, and where both doors are compared.
const SAMPLES: usize = 8;

/// What the variance through the density is at least, in that of the path.
const RATIO: f64 = 10.0;

const PROGRAM: Program = Program {
    name: "vae",
    about: "Trains a beta-VAE on binary images (all of MNIST unless told otherwise) and draws what it learned.",
    options: &[
        Opt::count("epochs", "N", "passes over the training images", 10, 1..=10_000).quick_count(4),
        Opt::number("beta", "B", "weight of the KL term, in nats for nats", 1.0, 0.0..=1e6),
        Opt::choice(
            "schedule",
            "FORM",
            "how beta rises from 0 over the epochs of --warm-up; cyclical: again and again, with as many epochs at its height",
            "constant",
            &["constant", "linear", "cosine", "sigmoid", "cyclical"],
        ),
        Opt::number("warm-up", "EPOCHS", "how long a schedule rises", 2.0, 0.0..=1e4),
        Opt::optional_number(
            "free-bits",
            "NATS",
            "nats of each latent that are free, in the mean over half a batch",
            0.0..=1e6,
        ),
        Opt::optional_number(
            "capacity",
            "NATS",
            "what the KL is held to, as a penalty of weight beta on its distance",
            0.0..=1e6,
        ),
        Opt::choice(
            "constraint",
            "TERM",
            "beta is found, as the multiplier of a ceiling on this term; --beta is where it begins",
            "none",
            &["none", "kl", "error"],
        ),
        Opt::optional_number("ceiling", "NATS", "the ceiling: of the KL, or of minus the reconstruction", 0.0..=1e9),
        Opt::count("latent", "N", "latent coordinates", 20, 1..=4096),
        Opt::count("hidden", "N", "units of the hidden layer on either side", 200, 1..=16_384).quick_count(64),
        Opt::count("batch", "N", "images a step", 128, 1..=1_000_000),
        Opt::number("rate", "R", "learning rate of Adam", 1e-3, f64::MIN_POSITIVE..=10.0),
        Opt::choice(
            "gradient",
            "DOOR",
            "how the encoder gets its gradient: along the path of the sample, or by the score of its density, leave-one-out",
            "path",
            &["path", "score"],
        ),
        Opt::count(
            "samples",
            "K",
            "samples an image in training; with --gradient score 8 unless given, and at least 2",
            1,
            1..=10_000,
        ),
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

/// Images that the network is not trained on, with their labels where there are any.
#[derive(Debug)]
pub struct Test {
    pub images: Bits,
    pub labels: Vec<u8>,
}

/// What an epoch found, a row of the table.
#[derive(Debug)]
pub struct Epoch {
    pub train: Terms<f32>,
    pub test: Terms<f32>,
    pub active: usize,
    pub seconds: f64,
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let mut rng = args.rng();
    let step = step(args)?;
    let (train, test) = images(args, &mut rng)?;
    let mut price = PriceOfNats::of(args, train.len())?;
    let mut vae = Vae::<f32>::new(&mut rng, test.images.pixels(), args.count("hidden")?, args.count("latent")?)?;
    let mut adam = Adam::new(args.number("rate")?);
    let pixel_means = pixel_means(&train.epoch(&mut rng))?;
    vae.start_at(&pixel_means)?;
    let by_pixel = independent_pixels(&pixel_means, &test.images)?;
    // Test noise is the same after each epoch, so that the rows of the table differ by learning.
    let test_noise: u64 = rng.random();
    let start = evaluate(&vae, &test.images, &mut StdRng::seed_from_u64(test_noise), args.threads)?;

    say(format_args!("{} training and {} test images; all figures in nats an image", train.len(), test.images.len()));
    say(format_args!("independent pixels: {by_pixel:.2}; this network before training: {:.2}", start.elbo()));
    say("epoch   train ELBO    test ELBO   reconstruction       KL   active units   seconds");
    let mut epochs: Vec<Epoch> = Vec::new();
    for epoch in 1..=args.count("epochs")? {
        let (train, took) = train_epoch(&mut vae, &mut adam, &train, (step, &mut price), args, &mut rng)?;
        let found = evaluate(&vae, &test.images, &mut StdRng::seed_from_u64(test_noise), args.threads)?;
        let row = Epoch { train, test: found.terms, active: found.active, seconds: took.as_secs_f64() };
        say(format_args!(
            "{epoch:5}   {:10.2}   {:10.2}   {:14.2}   {:6.2}   {:7} / {:<3}   {:7.2}",
            elbo(&row.train),
            elbo(&row.test),
            row.test.reconstruction,
            row.test.kl,
            row.active,
            vae.latent(),
            row.seconds,
        ));
        if let Some(beta) = price.found() {
            say(format_args!("        beta that the ceiling has found: {beta:.4}"));
        }
        epochs.push(row);
        // After each epoch, so that a run that is stopped leaves its pictures.
        pictures::draw(args, &vae, &test, &epochs)?;
    }

    let (images, samples) = if args.quick { QUICK_BOUND } else { BOUND };
    let bound = importance_weighted_bound(&vae, &test.images.first(images), samples, &mut rng, args.threads)?;
    say(format_args!(
        "log-likelihood of {} test images, {samples} importance-weighted samples each: {:.2} (effective: {:.1}; ELBO of the same images: {:.2})",
        bound.images, bound.log_likelihood, bound.effective, bound.elbo
    ));
    // Leave-one-out costs tell their variance from 4 samples on.
    let samples = if step.samples() < 4 { SAMPLES } else { step.samples() };
    let images = train.epoch(&mut rng).first(args.count("batch")?.min(128));
    let variance = variance::measure(&vae, &images, samples, &rng, args.threads)?;
    say(&variance);
    say(format_args!("pictures: {}", args.out.display()));

    let last = epochs.last().map_or(f32::NAN, |row| elbo(&row.test));
    let seconds = epochs.iter().map(|row| row.seconds).sum::<f64>() / epochs.len().max(1) as f64;
    let summary = Summary::new()
        .finding("test_elbo", format_args!("{last:.4}"))
        .finding("test_nll", format_args!("{:.4}", -bound.log_likelihood))
        .finding("seconds_per_epoch", format_args!("{seconds:.3}"))
        .finding("gradient_variance_ratio", format_args!("{:.2}", variance.ratio()));
    // The ratio grows with the latents; of other images or networks nothing is promised.
    let usual = args.path("images")?.ends_with(TRAIN) && !args.is_given("latent") && !args.is_given("hidden");
    let ratio = variance.ratio();
    let summary = summary.claim(
        !usual || ratio >= RATIO,
        format!("through the density the encoder's gradient has {ratio:.2} times the variance of the path's, at least {RATIO}"),
    );
    // A larger beta trades likelihood for a smaller KL, as it was asked to; near 0 a KL that costs
    // nothing grows beyond what it buys.
    let priced = ["schedule", "free-bits", "capacity", "constraint"].into_iter().any(|option| args.is_given(option));
    let promised = !priced && (0.1..=1.0).contains(&args.number("beta")?);
    let learned = format!("the test ELBO, {last:.2}, is above the {by_pixel:.2} of independent pixels");
    Ok(summary.claim(!promised || f64::from(last) > by_pixel, learned))
}

/// reconstruction - KL: the bound on log p(x), whatever beta was trained with.
fn elbo(terms: &Terms<f32>) -> f32 {
    terms.reconstruction - terms.kl
}

/// One pass over the training images in batches; means over images, and the time of training alone.
fn train_epoch(
    vae: &mut Vae<f32>,
    adam: &mut Adam<f32>,
    train: &Images,
    (step, price): (Step<f32>, &mut PriceOfNats),
    args: &Args,
    rng: &mut StdRng,
) -> Result<(Terms<f32>, Duration), Failure> {
    let began = Instant::now();
    let images = train.epoch(rng);
    let batches = Batches::shuffled(images.len(), args.count("batch")?, rng)?;
    let bar = progress(batches.len(), "training");
    let (mut gradient, mut sums) = (vae.clone(), [0.0_f64; 3]);
    for batch in &batches {
        let x = images.batch(batch)?;
        let noise = vae.noise(batch.len() * step.samples(), rng)?;
        let terms = vae
            .loss_grad_into(&x, noise, step.at(price.next()), args.threads, &mut gradient)
            .map_err(|error| format!("training went astray ({error}); a smaller --rate may help"))?;
        adam.step(vae.parameters_mut(), gradient.parameters())?;
        price.learn(&terms)?;
        for (sum, mean) in sums.iter_mut().zip([terms.objective, terms.reconstruction, terms.kl]) {
            *sum += f64::from(mean) * batch.len() as f64;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let [objective, reconstruction, kl] = sums.map(|sum| (sum / images.len() as f64) as f32);
    Ok((Terms { objective, reconstruction, kl }, began.elapsed()))
}

/// The step of the user's choice.
fn step(args: &Args) -> Result<Step<f32>, Failure> {
    let beta = args.number("beta")? as f32;
    let door = if args.choice("gradient")? == "score" { Door::Score } else { Door::Path };
    let unsaid = door == Door::Score && !args.is_given("samples");
    let step = Step::new(beta, door, if unsaid { SAMPLES } else { args.count("samples")? })?;
    match (args.optional_number("free-bits")?, args.optional_number("capacity")?) {
        (Some(_), Some(_)) => Err("--free-bits and --capacity each take the place of the KL; give one".into()),
        (Some(nats), None) => Ok(step.priced(Price::FreeBits(nats as f32))),
        (None, Some(nats)) => Ok(step.priced(Price::Capacity(nats as f32))),
        (None, None) => Ok(step),
    }
}

/// What to train on and what to test on: a tenth of the user's own images is held out.
fn images(args: &Args, rng: &mut StdRng) -> Result<(Images, Test), Failure> {
    let path = args.path("images")?;
    let all = Images::read(path)?;
    let (train, test) = if path.ends_with(TRAIN) {
        let images = Bits::read(path.with_file_name(TEST))?;
        let labels = read_labels(path.with_file_name(TEST_LABELS), images.len())?;
        (all, Test { images, labels })
    } else {
        let held_out = (all.len() / 10).max(1);
        let (train, test) = all.split(all.len() - held_out);
        if train.is_empty() {
            return Err(format!("{} holds one image, and one is held out for the test", path.display()).into());
        }
        (train, Test { images: test.epoch(rng).into_owned(), labels: Vec::new() })
    };
    if args.quick {
        return Ok((train.first(QUICK_TRAIN), Test { images: test.images.first(QUICK_TEST), ..test }));
    }
    Ok((train, test))
}
