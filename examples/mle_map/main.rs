//! What a prior does to the estimate of a mean: maximum likelihood beside maximum a posteriori, on numbers
//! whose truth is known, on real measurements, and on your own.
//!
//!     cargo run --release --example mle_map
//!     cargo run --release --example mle_map -- --csv FILE --column NAME --sigma S --prior-mean M --prior-sd B
//!
//! `experiment.rs` repeats the estimation of a known mean and holds it against its exact errors;
//! `measurements.rs` is Michelson's speed of light and the gravity of Washington; `own.rs` is a file of
//! yours.

mod experiment;
mod measurements;
mod own;
mod pictures;

use std::process::ExitCode;

use lab::{Args, Failure, Opt, Program, Summary};

/// What an experiment may have: sampling errors stay far above roundings.
const VARIANCES: std::ops::RangeInclusive<f64> = 1e-6..=1e6;
const MEANS: std::ops::RangeInclusive<f64> = -1e6..=1e6;
const ANY: std::ops::RangeInclusive<f64> = f64::MIN..=f64::MAX;
const POSITIVE: std::ops::RangeInclusive<f64> = f64::MIN_POSITIVE..=f64::MAX;

const PROGRAM: Program = Program {
    name: "mle_map",
    about: "Estimates the mean of Gaussian numbers with a prior and without, and tells by how much each errs.",
    options: &[
        Opt::count("repeats", "N", "repetitions of each experiment", 10_000, 100..=10_000_000).quick_count(1000),
        Opt::number("true-mean", "MU", "the mean that is to be found", 2.0, MEANS),
        Opt::number("variance", "V", "variance of an observation, known to the estimators", 5.0, VARIANCES),
        Opt::optional_number("prior-mean", "M", "mean of the prior, 1 in the experiment unless given", ANY),
        Opt::number("prior-variance", "B2", "variance of the prior in the experiment", 2.0, VARIANCES),
        Opt::optional_path("csv", "FILE", "estimate from your own numbers instead: a table with a row of names"),
        Opt::optional_text("column", "NAME", "its column (with --csv)"),
        Opt::optional_number("sigma", "S", "known standard deviation of a number (with --csv)", POSITIVE),
        Opt::optional_number("prior-sd", "B", "standard deviation of the prior (with --csv)", POSITIVE),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    if let Some(path) = args.optional_path("csv")? {
        return own::estimate(args, path);
    }
    for name in ["sigma", "prior-sd"] {
        if args.optional_number(name)?.is_some() {
            return Err(format!("`--{name}` is for your own numbers, and `--csv` is not given").into());
        }
    }
    if args.optional_text("column")?.is_some() {
        return Err("`--column` is for your own numbers, and `--csv` is not given".into());
    }
    if let Some(mean) = args.optional_number("prior-mean")?.filter(|mean| !MEANS.contains(mean)) {
        let (low, high) = (MEANS.start(), MEANS.end());
        return Err(
            format!("`--prior-mean` is `{mean}`, expected a number from {low} to {high} in the experiment").into()
        );
    }
    let summary = experiment::run(args)?;
    measurements::show(summary)
}
