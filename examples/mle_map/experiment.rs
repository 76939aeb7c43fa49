//! The experiment: x ~ N(mu, sigma^2), N of them, again and again.

use std::fmt::Write;

use estimand::fit::{Gaussian, MeanLikelihood, Moments, Risk, break_even};
use estimand::ndarray::array;
use estimand::noise::Standard;
use estimand::rand::rngs::StdRng;
use estimand::{Cdf, DiagGaussian};
use lab::{Args, Failure, Summary, progress, say};

use crate::pictures;

/// Observations in an experiment.
const SIZES: [usize; 3] = [10, 100, 1000];
const NAMES: [[&str; 2]; 3] =
    [["n10_mle_mse", "n10_map_mse"], ["n100_mle_mse", "n100_map_mse"], ["n1000_mle_mse", "n1000_map_mse"]];

/// Standard errors that a measured number may be from the exact one.
const MOST: f64 = 4.0;

/// What is estimated, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    pub mean: f64,
    pub variance: f64,
    pub prior: Gaussian<f64>,
}

/// One estimator over all repetitions: its errors, and their squares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    pub errors: Moments<f64>,
    pub squares: Moments<f64>,
}

/// Both estimators at one N.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub n: usize,
    pub mle: (Measured, Risk<f64>),
    pub map: (Measured, Risk<f64>),
    /// Share of repetitions in which the MAP is nearer to the truth.
    pub nearer: f64,
}

impl Design {
    pub fn risks(&self, n: usize) -> Result<[Risk<f64>; 2], Failure> {
        Ok([Risk::of_mle(n, self.variance)?, Risk::of_map(n, self.variance, &self.prior, self.mean)?])
    }

    /// The exact share of repetitions in which the MAP is nearer. With d the error of the MLE, and the
    /// prior's mean `off` from the truth, the MAP is farther where d lies between off and -r off, for a
    /// share w of the data and r = (1 - w) / (1 + w): between, the MLE is nearer to the truth than
    /// the prior pulls it.
    fn nearer(&self, n: usize) -> Result<f64, Failure> {
        let error = self.variance / n as f64;
        let w = self.prior.variance() / (self.prior.variance() + error);
        let off = self.prior.mean() - self.mean;
        let ends = [off, -off * (1.0 - w) / (1.0 + w)];
        let (zero, log_sd) = (array![[0.0]], array![[0.5 * error.ln()]]);
        let law = DiagGaussian::new(&zero, &log_sd)?;
        let at = |d: f64| law.cdf(&array![[d]]).map(|p| p[[0, 0]]);
        Ok(1.0 - (at(ends[0])? - at(ends[1])?).abs())
    }
}

/// Errors of an estimate are deviations of a Gaussian of the exact bias and variance: so the measured
/// mean, variance and mean square have these standard errors.
fn standard_errors(risk: &Risk<f64>, repeats: usize) -> [f64; 3] {
    let (v, b, r) = (risk.variance, risk.bias, repeats as f64);
    [(v / r).sqrt(), v * (2.0 / (r - 1.0)).sqrt(), ((2.0 * v * v + 4.0 * v * b * b) / r).sqrt()]
}

impl Measured {
    fn push(&mut self, error: f64) {
        self.errors.push(error);
        self.squares.push(error * error);
    }

    /// Bias, variance and MSE as measured.
    pub fn figures(&self) -> Result<[f64; 3], Failure> {
        Ok([self.errors.mean()?, self.errors.unbiased_variance()?, self.squares.mean()?])
    }
}

pub fn run(args: &Args) -> Result<Summary, Failure> {
    let (mean, variance) = (args.number("true-mean")?, args.number("variance")?);
    let prior = Gaussian::new(args.optional_number("prior-mean")?.unwrap_or(1.0), args.number("prior-variance")?)?;
    let (design, repeats) = (Design { mean, variance, prior }, args.count("repeats")?);
    let mut rng = args.rng();
    let bar = progress(SIZES.len(), "repeating");
    let mut rows = Vec::new();
    for n in SIZES {
        rows.push(repeat(&design, n, repeats, &mut rng)?);
        bar.inc(1);
    }
    bar.finish_and_clear();

    say(format_args!(
        "x ~ N({mean}, variance {variance}), prior N({}, variance {}), {repeats} repetitions",
        prior.mean(),
        prior.variance()
    ));
    say(
        "   N           mean estimate   bias       exact      z     variance   exact      z     MSE        exact      z",
    );
    let mut summary = Summary::new();
    let mut worst = 0.0_f64;
    for (row, names) in rows.iter().zip(NAMES) {
        for ((what, (measured, exact)), name) in [("MLE", row.mle), ("MAP", row.map)].into_iter().zip(names) {
            let (figures, errors) = (measured.figures()?, standard_errors(&exact, repeats));
            let mut line = format!("{:4}   {what}   {:13.5}", row.n, mean + figures[0]);
            for ((got, exact), error) in figures.into_iter().zip([exact.bias, exact.variance, exact.mse]).zip(errors) {
                let z = if error > 0.0 { (got - exact) / error } else { 0.0 };
                worst = worst.max(z.abs());
                write!(line, "   {got:<8.5}   {exact:<8.5} {z:5.1}")?;
            }
            say(line);
            summary = summary.finding(name, format_args!("{:.6}", figures[2]));
        }
    }
    say("   N   MAP nearer to the truth than MLE   exact        z");
    for row in &rows {
        let exact = design.nearer(row.n)?;
        let z = (row.nearer - exact) / (exact * (1.0 - exact) / repeats as f64).sqrt();
        // An estimator that is never or always the nearer one has no sampling error.
        let z = if z.is_nan() { 0.0 } else { z };
        worst = worst.max(z.abs());
        say(format_args!("{:4}   {:29.1} %   {:5.1} %   {z:4.1}", row.n, 100.0 * row.nearer, 100.0 * exact));
    }
    say("");
    interpret(&design, &rows)?;
    pictures::draw(args, &design, &rows, repeats)?;
    say(format_args!("pictures: {}", args.out.display()));
    let words =
        format!("the farthest measured figure is {worst:.1} standard errors from its exact value, at most {MOST}");
    Ok(summary.claim(worst <= MOST, words))
}

fn repeat(design: &Design, n: usize, repeats: usize, rng: &mut StdRng) -> Result<Row, Failure> {
    let [mle, map] = design.risks(n)?;
    let mut row = Row { n, mle: (Measured::default(), mle), map: (Measured::default(), map), nearer: 0.0 };
    let sd = design.variance.sqrt();
    let mut nearer = 0_usize;
    for _ in 0..repeats {
        let x = Standard::Normal.draw::<f64, _, _>(rng, n).mapv_into(|z| design.mean + sd * z);
        let likelihood = MeanLikelihood::of(&Moments::of(&x), design.variance)?;
        let errors = [likelihood.mle()? - design.mean, likelihood.posterior(&design.prior).mean() - design.mean];
        row.mle.0.push(errors[0]);
        row.map.0.push(errors[1]);
        nearer += usize::from(errors[1].abs() < errors[0].abs());
    }
    row.nearer = nearer as f64 / repeats as f64;
    Ok(row)
}

/// What was measured, in words that follow from the numbers.
fn interpret(design: &Design, rows: &[Row]) -> Result<(), Failure> {
    let distance = (design.prior.mean() - design.mean).abs();
    say(format_args!(
        "The MLE has no bias. The MAP is pulled towards {}, which costs a bias and buys variance:",
        design.prior.mean()
    ));
    for row in rows {
        let [mle, map] = [row.mle.0.figures()?, row.map.0.figures()?];
        let share = 100.0 * (map[2] / mle[2] - 1.0);
        let verdict = if share < 0.0 { "less" } else { "more" };
        let limit = break_even(row.n, design.variance, &design.prior)?;
        let side = if distance < limit { "within" } else { "beyond" };
        say(format_args!(
            "  at N = {}, {:.1} % of the MAP's MSE is squared bias, and its MSE is {:.1} % {verdict} than the MLE's \
             (the prior's mean is {distance} off, {side} the break-even distance {limit:.4});",
            row.n,
            100.0 * map[0] * map[0] / map[2],
            share.abs(),
        ));
    }
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    let ratio = |row: &Row| -> Result<f64, Failure> { Ok(row.map.0.figures()?[2] / row.mle.0.figures()?[2]) };
    let (few, many) = (ratio(first)?, ratio(last)?);
    let forgotten = (many - 1.0).abs() < 0.2 * (few - 1.0).abs();
    say(format_args!(
        "from N = {} to {} the ratio of both MSEs went from {few:.3} to {many:.3}: {}.",
        first.n,
        last.n,
        if forgotten {
            "the prior is worth sigma^2 / beta^2 observations, and is forgotten as there are more"
        } else {
            "the prior is not forgotten yet, since it weighs as much as many observations"
        }
    ));
    say(format_args!(
        "This prior weighs as much as {:.3} observations. Nearer on the average is not nearer each time: at N = {} the MAP was nearer in {:.1} % of the repetitions.",
        design.variance / design.prior.variance(),
        first.n,
        100.0 * first.nearer
    ));
    Ok(())
}
