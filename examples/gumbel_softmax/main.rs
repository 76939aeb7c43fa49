//! The Gumbel-softmax by temperature: samples on the simplex, and what the relaxed gradient gives and takes, bias and
//! variance, held against exact enumeration and against an estimator without bias.
//!
//!     cargo run --release --example gumbel_softmax
//!     cargo run --release --example gumbel_softmax -- --logits 2,0,0,-1 --cost square --temperature 0.7
//!
//! `estimators.rs` is what a user writes: plans that turn noise into draws, at slopes of `cost.rs`. `argmax.rs` counts
//! classes, `toy.rs` is the two classes where the sign is wrong, `claims.rs` is what must hold, `report.rs` is the tables and
//! their words, `pictures.rs` draws.

mod argmax;
mod claims;
mod cost;
mod estimators;
mod pictures;
mod report;
mod toy;

use std::process::ExitCode;

use estimand::rand::Rng;
use lab::{Args, Failure, Opt, Program, Summary, say, seeded};

use argmax::Cells;
use cost::{Cost, Family};
use estimators::Problem;

/// Draws that are made at a time.
const BLOCK: usize = 4096;

/// Draws of each estimator under `--quick`.
const QUICK: usize = 20_000;

/// Draws of leave-one-out that are tested for a bias: so many that the tails of rows do not forbid a verdict.
const TESTED: usize = 1 << 17;

/// The rate of false alarms of a claim.
const FALSE_ALARMS: f64 = 1e-9;

const TEMPERATURES: [f64; 13] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0];
const RANGE: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

const PROGRAM: Program = Program {
    name: "gumbel_softmax",
    about: "Draws relaxed classes by temperature, and measures bias and variance of their gradients against the exact one.",
    options: &[
        Opt::optional_text(
            "logits",
            "LIST",
            "logits of the classes, 2 to 16 numbers from -20 to 20 (default 1,0,-0.5)",
        ),
        Opt::count("variables", "N", "independent choices by these logits that the cost is of", 3, 1..=4),
        Opt::choice("cost", "NAME", "the cost of the choices", "network", Family::NAMES),
        Opt::optional_text(
            "temperatures",
            "LIST",
            "where to measure, 1 to 40 numbers from 0.001 to 1000 (default 13 from 0.05 to 10)",
        ),
        Opt::optional_number(
            "temperature",
            "T",
            "of which the last line tells, measured too; without it where one soft sample has the least mean squared error",
            RANGE,
        ),
        Opt::count(
            "samples",
            "N",
            "draws of each estimator, and samples of the law, at each temperature",
            200_000,
            1000..=100_000_000,
        )
        .quick_count(QUICK),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let logits = list(args, "logits", 2..=16, -20.0..=20.0)?.unwrap_or_else(|| vec![1.0, 0.0, -0.5]);
    let mut temperatures = list(args, "temperatures", 1..=40, RANGE)?.unwrap_or_else(|| TEMPERATURES.to_vec());
    temperatures.extend(args.optional_number("temperature")?);
    let temperatures = in_order(temperatures);
    let (draws, mut rng) = (args.count("samples")?, args.rng());
    let (variables, family) = (args.count("variables")?, Family::of(args.choice("cost")?));

    let cells = Cells::new(&logits, draws)?;
    let frequencies = seeded(&temperatures, "drawing samples", &mut rng, |&t, rng| cells.draw(&logits, t, draws, rng))?;
    report::frequencies(&cells, &frequencies, draws);
    pictures::samples(args, &cells, &frequencies)?;

    let problem = Problem::new(&logits, variables, Cost::new(family, variables, logits.len()))?;
    // One seed for all: the noise of one temperature is that of the others.
    let seed = rng.random();
    let found = seeded(&estimators::all(&temperatures), "drawing gradients", &mut rng, |&estimator, _| {
        problem.measure(estimator, draws, seed)
    })?;
    let tested = problem.test(TESTED, rng.random(), FALSE_ALARMS)?;
    report::gradients(&problem, &found, &tested);
    pictures::gradients(args, &problem, &found)?;

    let truth = toy::truth()?;
    let everywhere = in_order([&temperatures[..], &[toy::TEMPERATURE]].concat());
    let drawn = seeded(&everywhere, "drawing the wrong sign", &mut rng, |&t, rng| toy::draw(t, draws, rng))?;
    pictures::wrong_sign(args, truth, &drawn)?;

    let told = report::told(&found, args.optional_number("temperature")?).ok_or("no temperature was measured")?;
    report::words(&problem, &found, &tested);
    report::wrong_sign(truth, &drawn)?;
    say(format_args!("pictures: {}", args.out.display()));
    let worst = frequencies.iter().map(|frequencies| frequencies.chi_square).fold(0.0, f64::max);
    let summary = Summary::new()
        .finding("temperature", told.estimator.temperature().unwrap_or_default())
        .finding("bias", report::number(told.bias))
        .finding("variance", report::number(told.variance))
        .finding("argmax_chi2", format_args!("{worst:.3}"));
    let summary = claims::argmax(summary, worst, &cells, frequencies.len());
    let summary = claims::slope(summary, &problem)?;
    let summary = claims::relations(summary, &problem, &found, &tested);
    let summary = claims::sign(summary, truth, &drawn);
    // What bias and variance do between two temperatures need not be so of other costs, and a few draws do not show it.
    let own = ["logits", "variables", "cost", "temperatures", "temperature"].iter().any(|name| args.is_given(name));
    Ok(if own || draws < QUICK { summary } else { claims::trade(summary, &found, &tested) })
}

/// A list of numbers that is given as text, or none.
fn list(
    args: &Args,
    name: &str,
    count: std::ops::RangeInclusive<usize>,
    range: std::ops::RangeInclusive<f64>,
) -> Result<Option<Vec<f64>>, Failure> {
    let Some(text) = args.optional_text(name)? else { return Ok(None) };
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    // NaN is in no range.
    let numbers = numbers.filter(|all| count.contains(&all.len()) && all.iter().all(|x| range.contains(x)));
    let (few, many, low, high) = (count.start(), count.end(), range.start(), range.end());
    let expected = format!("{few} to {many} numbers from {low} to {high} with commas between them");
    numbers.map(Some).ok_or_else(|| format!("`--{name}` is `{text}`, expected {expected}").into())
}

/// Rising, each once.
fn in_order(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}
