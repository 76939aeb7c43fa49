//! Bounds of the evidence beside the evidence itself: five items of a law school admission test, one ability, so that
//! log p(x) is an integral in one dimension and nothing needs to be sampled, unless to see what sampling does.
//!
//!     cargo run --release --example bounds
//!     cargo run --release --example bounds -- --data FILE
//!
//! `patterns.rs` reads the answers; `model.rs` is the model; `fit.rs` maximises its likelihood, and bounds in its place;
//! `gaussians.rs` finds the best q of each pattern; `exact.rs` is each bound without samples, `samples.rs` with them;
//! `claims.rs` is what must hold, `report.rs` is the tables and their words, `pictures.rs` draws.

mod claims;
mod exact;
mod fit;
mod gaussians;
mod model;
mod patterns;
mod pictures;
mod report;
mod samples;

use std::process::ExitCode;

use estimand::moments::Moments;
use estimand::ndarray::Array2;
use estimand::rand::rngs::StdRng;
use lab::{Args, Failure, Opt, Program, Summary, say, seeded};

use exact::Bounds;
use model::{Model, Rule};
use patterns::Patterns;
use samples::{Estimate, Measured};

/// Numbers of samples of a bound that is computed without any.
pub const MANY: [usize; 13] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// Of these the bound is sampled too.
pub const SAMPLED: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];

const PROGRAM: Program = Program {
    name: "bounds",
    about: "Holds ELBO, importance-weighted and other bounds against the exact likelihood of answers to a test.",
    options: &[
        Opt::path(
            "data",
            "FILE",
            "answers: a column of 0 and 1 for each item, and a column `count`",
            "examples/data/lsat6_patterns.csv",
        ),
        Opt::count("samples", "N", "groups of weights of each pattern, at each size of a group", 2000, 100..=1_000_000)
            .quick_count(100),
    ],
};

/// What is known of one choice of q for every pattern.
#[derive(Debug)]
pub struct Posterior {
    /// As `loc | log_scale`.
    pub head: Array2<f64>,
    pub bounds: Bounds,
    /// The sampled bound, in the order of [`SAMPLED`]: without the control variate, and with it.
    pub sampled: Vec<[Estimate; 2]>,
    /// Of ten samples: Renyi, CUBO, EUBO, both thermodynamic sums.
    pub others: Vec<Estimate>,
}

impl Posterior {
    /// By how much the importance-weighted bound of `k` samples, one of [`MANY`], is above the evidence.
    pub fn of_samples(&self, k: usize) -> Option<f64> {
        MANY.iter().zip(&self.bounds.many).find(|(many, _)| **many == k).map(|(_, above)| *above)
    }
}

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let patterns = Patterns::read(args.path("data")?)?;
    let (groups, mut rng) = (args.count("samples")?, args.rng());
    let rule = Rule::normal(0.1)?;
    let fit = fit::exact(&patterns, &rule)?;
    // As fine as the points of the bounds.
    let fine = fit.model.evidence(&patterns, &Rule::normal(0.05)?)?;
    let (evidence, slope) = (fine.value, fine.grad.fold(0.0_f64, |most, g| most.max(g.abs())) / patterns.examinees());
    report::model(&patterns, &fit);

    let indices: Vec<usize> = (0..patterns.len()).collect();
    let coarse = Rule::normal(0.25)?;
    let best = seeded(&indices, "finding the best q", &mut rng, |&i, _| {
        gaussians::best(&fit.model, &patterns.one(i), &coarse)
    })?;
    let best = Array2::from_shape_fn((patterns.len(), 2), |(i, c)| best[i][c]);
    let mut known = Vec::new();
    for head in [best, gaussians::prior(patterns.len())] {
        known.push(posterior(&fit.model, &patterns, head, &evidence.to_vec(), groups, &mut rng)?);
    }
    let [best, prior] = &known[..] else { return Err("there are two choices of q".into()) };
    report::bounds(&fit, best, "the best Gaussian of each pattern");
    report::bounds(&fit, prior, "the prior");

    let by_elbo = fit::by_elbo(&patterns, &fit.model, &best.head, &coarse)?;
    let by_samples = fit::by_samples(&patterns, &fit.model, &by_elbo.1, groups / 10, &mut rng)?;
    report::learned(&fit, &by_elbo.0, &by_samples);
    report::words(&patterns, best, prior, groups);
    pictures::draw(args, &fit, best, prior)?;
    say(format_args!("pictures: {}", args.out.display()));

    let of = |k: usize| best.of_samples(k).unwrap_or(f64::NAN);
    let summary = Summary::new()
        .finding("exact", format_args!("{:.8}", fit.value))
        .finding("elbo", format_args!("{:.8}", fit.value + best.bounds.elbo))
        .finding("iwae10", format_args!("{:.8}", fit.value + of(10)))
        .finding("iwae100", format_args!("{:.8}", fit.value + of(100)));
    let examinees = patterns.examinees();
    let mut summary = claims::fit(summary, slope, &fit::differences(&patterns, &coarse)?);
    for (q, name) in [(best, "the best Gaussian"), (prior, "the prior")] {
        summary = claims::order(summary, q, name, examinees);
        summary = claims::sampled(summary, q, name, examinees);
    }
    if !args.is_given("data") {
        summary = claims::published(summary, &fit, best);
        summary = claims::controlled(summary, best, examinees);
    }
    Ok(claims::learned(summary, &fit, best, &by_elbo.0, examinees))
}

/// Every bound of a choice of q, with samples and without.
fn posterior(
    model: &Model,
    patterns: &Patterns,
    head: Array2<f64>,
    evidence: &[f64],
    groups: usize,
    rng: &mut StdRng,
) -> Result<Posterior, Failure> {
    let indices: Vec<usize> = (0..patterns.len()).collect();
    // Where slopes are steep, weights change within a short way.
    let steep = model.slopes.mapv(f64::abs).sum();
    let rule = Rule::normal((0.5 / steep).clamp(1e-3, 0.05))?;
    let all = seeded(&indices, "integrating", rng, |&i, _| {
        Bounds::of(model, &patterns.one(i), &head.row(i).to_owned(), &rule, evidence[i], &MANY)
    })?;
    let bounds = Bounds::total(&all, &patterns.counts);
    let found = seeded(&indices, "drawing", rng, |&i, rng| {
        samples::draw(model, &patterns.one(i), &head.row(i).to_owned(), evidence[i], groups, rng)
    })?;
    let total = |size: usize, of: fn(&Measured) -> Moments<f64>| {
        let all: Vec<_> = found.iter().map(|sizes| of(&sizes[size])).collect();
        samples::total(&all, &patterns.counts)
    };
    let both = |size: usize| Ok([total(size, |m| m.plain)?, total(size, |m| m.controlled)?]);
    let sampled = (0..SAMPLED.len()).map(both).collect::<estimand::Result<Vec<_>>>()?;
    let told = SAMPLED.iter().position(|&k| k == samples::TOLD).ok_or("ten is not among the sizes")?;
    let kinds: [fn(&Measured) -> Moments<f64>; 5] = [|m| m.renyi, |m| m.cubo, |m| m.eubo, |m| m.lower, |m| m.upper];
    let others = kinds.into_iter().map(|of| total(told, of)).collect::<estimand::Result<Vec<_>>>()?;
    Ok(Posterior { head, bounds, sampled, others })
}
