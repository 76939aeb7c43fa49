//! What beta does to a VAE: the rate it buys, the distortion it costs, and the shape of the latent space, on drawn sprites whose
//! factors are known.
//!
//!     cargo run --release --example beta_vae
//!
//! `training.rs` trains one network at each beta, by the KL and by its total correlation, and with few latents; `findings.rs` is
//! what is measured of each; `report.rs` sets them side by side, and `answer.rs` says what beta does.

mod answer;
mod findings;
mod pictures;
mod report;
mod training;

use std::process::ExitCode;

use estimand::ndarray::Array2;
use estimand::rand::rngs::StdRng;
use lab::data::{Bits, Images, Sprites, pixel_means};
use lab::{Args, Failure, Opt, Program, Summary, say};

use answer::answer;
use findings::Number;
use report::{Report, mig, total_correlation};
use training::{Family, Run, Seeds, Task};

/// Of the user's own images the first so many: the aggregate posterior of all is met at a sample of each.
const IMAGES: usize = 5000;
const QUICK_IMAGES: usize = 600;

/// Options that say what a training is.
const SETTINGS: [&str; 8] = ["epochs", "latent", "few", "hidden", "batch", "rate", "warm-up", "start-at-means"];

const PROGRAM: Program = Program {
    name: "beta_vae",
    about: "Trains beta-VAEs and beta-TCVAEs on drawn sprites, and measures what beta does to their latents.",
    options: &[
        Opt::flag("shapes", "train on sprites drawn here, in all combinations of five factors: the default"),
        Opt::optional_path(
            "images",
            "FILE",
            "train on your own instead, the first 5000: IDX of grey levels, gzipped or not, binarised once; or packed bits. Of their factors nothing is known",
        ),
        Opt::count("seeds", "N", "trainings of each kind", 3, 1..=100).quick_count(1),
        Opt::count("epochs", "N", "passes over the images", 30, 1..=10_000).quick_count(3),
        Opt::count("latent", "N", "latent coordinates", 10, 1..=256),
        Opt::count(
            "few",
            "N",
            "latent coordinates of the control: about as many as a large beta leaves alive",
            3,
            1..=256,
        ),
        Opt::count("hidden", "N", "units of the two hidden layers on either side", 256, 1..=16_384).quick_count(32),
        Opt::count("batch", "N", "images a step", 64, 2..=1_000_000).quick_count(32),
        Opt::number("rate", "R", "learning rate of Adam", 1e-3, f64::MIN_POSITIVE..=10.0).quick_number(3e-3),
        Opt::number("warm-up", "EPOCHS", "how long beta rises from 0", 0.0, 0.0..=1e4),
        Opt::flag("start-at-means", "let decoders start at the mean of each pixel, instead of at one half"),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let mut rng = args.rng();
    let (images, factors) = images(args, &mut rng)?;
    let start = if args.flag("start-at-means")? { Some(pixel_means(&images)?) } else { None };
    let task = Task {
        images,
        factors,
        latents: args.count("latent")?,
        few: args.count("few")?,
        hidden: args.count("hidden")?,
        epochs: args.count("epochs")?,
        batch: args.count("batch")?,
        rate: args.number("rate")?,
        warm_up: args.number("warm-up")?,
        start,
        seeds: (0..args.count("seeds")?).map(|_| Seeds::new(&mut rng)).collect(),
    };
    let jobs = task.jobs();
    say(format_args!(
        "{} images, {} trainings of {} epochs; all figures in nats an image",
        task.images.len(),
        jobs.len(),
        task.epochs
    ));
    let runs = task.train_all(&jobs, args.threads)?;
    let report = Report { runs: &runs, seeds: task.seeds.len(), most_information: (task.images.len() as f64).ln() };
    report.tell();
    pictures::draw(args, report, &task.images)?;
    say(format_args!("\npictures: {}\n", args.out.display()));
    say(answer(report));

    let finding = |beta, of: Number| match report.mean(Family::Vae, beta, of) {
        mean if mean.is_finite() => format!("{mean:.4}"),
        _ => "unknown".to_owned(),
    };
    let summary = Summary::new()
        .finding("kl_1", finding(1.0, |found| found.kl))
        .finding("kl_8", finding(8.0, |found| found.kl))
        .finding("mig_1", finding(1.0, mig))
        .finding("mig_8", finding(8.0, mig))
        .finding("tc_1", finding(1.0, total_correlation))
        .finding("tc_8", finding(8.0, total_correlation));
    // Of other images or networks, or of less training, nothing is promised.
    let usual =
        !args.quick && args.optional_path("images")?.is_none() && !SETTINGS.iter().any(|name| args.is_given(name));
    Ok(if usual { claims(report, summary) } else { summary })
}

/// What holds of means over seeds, and of reconstruction and KL in each; the rest is counted and told.
fn claims(report: Report<'_>, mut summary: Summary) -> Summary {
    let seeds = report.seeds;
    let falling: [(&str, Number); 2] = [("reconstruction", |found| found.reconstruction), ("KL", |found| found.kl)];
    for (name, of) in falling {
        let falls = report.falls(of);
        let words = format!("{name} falls with every step of beta in every seed; it does in {falls} of {seeds}");
        summary = summary.claim(falls == seeds, words);
    }
    let mean = |beta: f64, of: Number| report.mean(Family::Vae, beta, of);
    let correlations: Vec<f64> = Family::Vae.betas().iter().map(|&beta| mean(beta, total_correlation)).collect();
    let words = format!("the mean total correlation falls with every step of beta: {correlations:.3?}");
    summary = summary.claim(correlations.windows(2).all(|pair| pair[1] < pair[0]), words);
    for beta in [8.0, 16.0] {
        let (at, one) = (mean(beta, mig), mean(1.0, mig));
        let words = format!("the mean MIG at beta {beta}, {at:.3}, is above that at 1, {one:.3}");
        summary = summary.claim(at > one, words);
    }
    let like = report.at_like_reconstruction();
    let over = |of: fn(&(&Run, f64)) -> f64| like.iter().map(of).sum::<f64>() / like.len() as f64;
    let (priced, unpriced) = (over(|(run, _)| total_correlation(&run.found)), over(|(_, vae)| *vae));
    let words = format!(
        "the mean total correlation of beta-TCVAEs, {priced:.3}, is below that of beta-VAEs at like reconstruction, {unpriced:.3}"
    );
    summary.claim(priced < unpriced, words)
}

/// What to learn from, and the factors it was made of, where they are known.
fn images(args: &Args, rng: &mut StdRng) -> Result<(Bits, Option<Array2<usize>>), Failure> {
    let Some(path) = args.optional_path("images")? else {
        let sprites = if args.quick { Sprites::each(2) } else { Sprites::all() };
        return Ok((sprites.images, Some(sprites.factors)));
    };
    if args.flag("shapes")? {
        return Err("--shapes draws what to train on, and --images reads it; give one of the two".into());
    }
    let images = Images::read(path)?.first(if args.quick { QUICK_IMAGES } else { IMAGES }).epoch(rng).into_owned();
    if images.len() < 2 {
        return Err(format!("{} holds one image, and a total correlation is of several", path.display()).into());
    }
    Ok((images, None))
}
