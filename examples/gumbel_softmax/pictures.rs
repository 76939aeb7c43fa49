//! Samples on the simplex; bias, variance and mean squared error by temperature and by samples; the wrong sign.

use std::fmt::Write;

use lab::{Args, Chart, Failure, Simplex};

use crate::argmax::{Cells, Frequencies};
use crate::claims::rounding;
use crate::estimators::{Estimator, Found, Problem, SAMPLES};
use crate::toy::{self, Drawn};

const SOFT: (u8, u8, u8) = (0, 114, 178);
const HARD: (u8, u8, u8) = (213, 94, 0);
const RAO_BLACKWELL: (u8, u8, u8) = (230, 159, 0);
const STRAIGHT: (u8, u8, u8) = (204, 121, 167);
const REIN_MAX: (u8, u8, u8) = (0, 158, 115);
const LEAVE_ONE_OUT: (u8, u8, u8) = (60, 60, 60);
const PALE: (u8, u8, u8) = (200, 200, 200);

/// Triangles in the picture of samples.
const SHOWN: usize = 4;

/// Points of a line that is level: more than those that a chart marks one by one.
const LEVEL: usize = 30;

/// Samples at some of the temperatures, from hot to cold: of three classes alone, which have a plane to lie in.
pub fn samples(args: &Args, cells: &Cells, all: &[Frequencies]) -> Result<(), Failure> {
    let [p, q, r] = cells.probabilities() else { return Ok(()) };
    let title = format!(
        "Concrete samples; in colour: the largest share. softmax = {:.1} %, {:.1} %, {:.1} %",
        100.0 * p,
        100.0 * q,
        100.0 * r
    );
    let mut picture = Simplex::new(title);
    let shown = SHOWN.min(all.len());
    for k in (0..shown).rev() {
        let at = &all[k * (all.len() - 1) / (shown - 1).max(1)];
        let corner = |class: usize| format!("class {}: {:.1} %", class + 1, 100.0 * at.of[class]);
        let shares = at.kept.iter().filter_map(|shares| shares.as_slice().try_into().ok());
        picture = picture.panel(format!("T = {}", at.temperature), [0, 1, 2].map(corner), shares);
    }
    args.write("samples.svg", picture.svg()?)?;
    args.write("samples.png", picture.png()?)?;
    Ok(())
}

/// A figure of each estimator against the temperature, where that is above 0; what it is of leave-one-out has a name of its own.
fn by_temperature(mut chart: Chart, all: &[Found], unbiased: &str, figure: impl Fn(&Found) -> f64) -> Chart {
    let temperatures = || all.iter().filter_map(|found| found.estimator.temperature());
    let (low, high) = temperatures().fold((f64::INFINITY, 0.0_f64), |(low, high), t| (low.min(t), high.max(t)));
    for (colour, name) in [(SOFT, "soft"), (HARD, "hard"), (RAO_BLACKWELL, "hard, Rao-Blackwell")] {
        let of = |found: &&Found| found.estimator.temperature().is_some() && found.estimator.name() == name;
        let points = all.iter().filter(of).filter_map(|found| Some((found.estimator.temperature()?, figure(found))));
        chart = chart.line_in(colour, name, points.collect::<Vec<_>>());
    }
    for (colour, estimator) in [
        (STRAIGHT, Estimator::StraightThrough),
        (REIN_MAX, Estimator::ReinMax),
        (LEAVE_ONE_OUT, Estimator::LeaveOneOut),
    ] {
        if let Some(found) = all.iter().find(|found| found.estimator == estimator) {
            let name = if estimator == Estimator::LeaveOneOut { unbiased } else { estimator.name() };
            chart = chart.line_in(colour, name, level(low, high, figure(found)));
        }
    }
    chart.log_x().log_y()
}

fn level(low: f64, high: f64, y: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..LEVEL).map(move |k| (low * (high / low).powf(k as f64 / (LEVEL - 1) as f64), y))
}

/// Charts of what was measured, and the numbers behind them.
pub fn gradients(args: &Args, problem: &Problem, all: &[Found]) -> Result<(), Failure> {
    // A bias of rounding alone would stretch the axis down to it. What has no logarithm is drawn at the foot of the chart.
    let seen = |found: &Found| if found.bias > rounding(problem) { found.bias } else { 0.0 };
    let foot = 0.5 * all.iter().map(seen).filter(|&bias| bias > 0.0).fold(f64::INFINITY, f64::min);
    let errors = all.iter().filter(|found| matches!(found.estimator, Estimator::Soft(_))).filter_map(|found| {
        let off = 2.0 * found.error;
        Some((found.estimator.temperature()?, (found.bias - off).max(foot), found.bias + off))
    });
    let title = "Bias: |mean of the draws - exact gradient|; soft with 2 standard errors";
    let chart = Chart::new(title, "temperature T", "|mean - exact|").band_in(SOFT, errors.collect::<Vec<_>>());
    args.write_chart("bias", &by_temperature(chart, all, "leave-one-out: noise", seen))?;
    let chart = Chart::new("Variance of one draw, all coordinates together", "temperature T", "variance");
    args.write_chart("variance", &by_temperature(chart, all, "leave-one-out of 4", |found| found.variance))?;
    let title = format!("Mean squared error of the mean of {SAMPLES} evaluations");
    let chart = Chart::new(title, "temperature T", "squared bias + variance");
    args.write_chart("mse", &by_temperature(chart, all, "leave-one-out of 4", |found| found.mse(SAMPLES)))?;

    // The soft form at each temperature, by how many samples its mean is of.
    let most = all.iter().map(|found| found.draws).max().unwrap_or(1) as f64;
    let samples = || (0..=64).map(|k| most.powf(f64::from(k) / 64.0)).map(|n| n.round() as usize);
    let mut chart = Chart::new("Mean squared error: soft at each T (pale), and its rivals", "evaluations", "MSE");
    let soft: Vec<&Found> = all.iter().filter(|f| matches!(f.estimator, Estimator::Soft(_))).collect();
    for found in &soft {
        chart = chart.line_in(PALE, "", samples().map(|n| (n as f64, found.mse(n))));
    }
    let least = |n: usize| soft.iter().map(|found| found.mse(n)).fold(f64::INFINITY, f64::min);
    chart = chart.line_in(SOFT, "soft at the best T", samples().map(|n| (n as f64, least(n))));
    if let Some(found) = all.iter().find(|found| found.estimator == Estimator::ReinMax) {
        chart = chart.line_in(REIN_MAX, "ReinMax", samples().map(|n| (n as f64, found.mse(n))));
    }
    if let Some(found) = all.iter().find(|found| found.estimator == Estimator::LeaveOneOut) {
        // Without a bias, what was measured of one is the noise of this measurement.
        let points = samples().filter(|&n| n >= SAMPLES);
        let of = |n: usize| (n as f64, found.variance * SAMPLES as f64 / n as f64);
        chart = chart.line_in(LEAVE_ONE_OUT, "leave-one-out of 4", points.map(of));
    }
    let zero = (0..LEVEL).map(|k| (most.powf(k as f64 / (LEVEL - 1) as f64), problem.norm().powi(2)));
    let chart = chart.line_in(STRAIGHT, "an estimate of 0", zero).log_x().log_y();
    args.write_chart("evaluations", &chart)?;

    let mut table = String::from("estimator,temperature,bias,std_error,variance,mse_of_1,mse_of_4,draws\n");
    for found in all {
        let Found { estimator, draws, bias, error, variance, .. } = found;
        let temperature = estimator.temperature().map_or(String::new(), |t| t.to_string());
        let one = if estimator.evaluations() == 1 { found.mse(1).to_string() } else { String::new() };
        let name = estimator.name().replace(',', "");
        let four = found.mse(SAMPLES);
        writeln!(table, "{name},{temperature},{bias},{error},{variance},{one},{four},{draws}")?;
    }
    args.write("gradients.csv", table)?;
    Ok(())
}

/// The relaxed derivative of the two classes beside the true one.
pub fn wrong_sign(args: &Args, truth: f64, drawn: &[Drawn]) -> Result<(), Failure> {
    let ends = drawn.iter().map(|d| d.temperature);
    let (low, high) = ends.fold((f64::INFINITY, 0.0_f64), |(low, high), t| (low.min(t), high.max(t)));
    let at = |k: usize| low * (high / low).powf(k as f64 / 150.0);
    let curve = (0..=150).map(|k| Ok((at(k), toy::relaxed(at(k))?))).collect::<Result<Vec<_>, Failure>>()?;
    let title = "d/dl of E (x - 0.45)^2, P(x = 1) = 0.1: the soft estimator's mean";
    let bars = drawn.iter().map(|d| (d.temperature, d.mean - 2.0 * d.error, d.mean + 2.0 * d.error));
    let chart = Chart::new(title, "temperature T", "derivative")
        .band_in(SOFT, bars)
        .line_in(PALE, "", level(low, high, 0.0))
        .line_in(LEAVE_ONE_OUT, "the truth", level(low, high, truth))
        .line_in(SOFT, "relaxed, exact", curve)
        .dots_in(HARD, "relaxed, drawn", drawn.iter().map(|d| (d.temperature, d.mean)))
        .log_x();
    args.write_chart("wrong_sign", &chart)
}
