//! Bounds by the number of samples, the gap that they leave, and its limit.

use lab::{Args, Chart, Failure};

use crate::fit::Fit;
use crate::{MANY, Posterior, SAMPLED};

const BEST: (u8, u8, u8) = (0, 114, 178);
const PRIOR: (u8, u8, u8) = (213, 94, 0);
const EXACT: (u8, u8, u8) = (60, 60, 60);
const RENYI: (u8, u8, u8) = (204, 121, 167);
const CUBO: (u8, u8, u8) = (230, 159, 0);
const EUBO: (u8, u8, u8) = (0, 158, 115);
const SUMS: (u8, u8, u8) = (86, 180, 233);

/// Points of a line that is level: more than those that a chart marks one by one.
const LEVEL: usize = 30;

fn level(y: f64) -> impl Iterator<Item = (f64, f64)> {
    let most = MANY[MANY.len() - 1] as f64;
    (0..LEVEL).map(move |k| (most.powf(k as f64 / (LEVEL - 1) as f64), y))
}

/// A figure of the exact bounds by k.
fn by_size(q: &Posterior, figure: impl Fn(f64, f64) -> f64) -> Vec<(f64, f64)> {
    MANY.iter().zip(&q.bounds.many).map(|(&k, &d)| (k as f64, figure(k as f64, d))).collect()
}

pub fn draw(args: &Args, fit: &Fit, best: &Posterior, prior: &Posterior) -> Result<(), Failure> {
    let of = &best.bounds;
    let title = format!("Bounds with the best Gaussian; the evidence is {:.4}", fit.value);
    let chart = Chart::new(title, "samples k", "bound less evidence, nats")
        .line_in(CUBO, if of.narrow == 0 { "CUBO, order 2" } else { "CUBO: infinite" }, level(of.cubo))
        .line_in(EUBO, "EUBO", level(of.eubo))
        .line_in(SUMS, "thermodynamic sums", level(of.upper))
        .line_in(EXACT, "evidence", level(0.0))
        .line_in(BEST, "importance-weighted", by_size(best, |_, d| d))
        .line_in(SUMS, "", level(of.lower))
        .line_in(RENYI, "Renyi, alpha = 1/2", level(of.renyi))
        .line_in(PRIOR, "ELBO", level(of.elbo));
    args.write_chart("bounds", &chart.log_x())?;

    let sampled = SAMPLED.iter().zip(&best.sampled);
    let points = sampled.clone().map(|(&k, [_, e])| (k as f64, -e.mean * k as f64));
    let bars = sampled.clone().map(|(&k, [_, e])| {
        let (k, gap, off) = (k as f64, -e.mean, 2.0 * e.error);
        (k, k * (gap - off), k * (gap + off))
    });
    let mut chart = Chart::new("k times the gap, with the best Gaussian", "samples k", "k (evidence - bound), nats")
        .band_in(EUBO, bars)
        .line_in(BEST, "without samples", by_size(best, |k, d| -k * d));
    if of.narrow == 0 {
        chart = chart.line_in(EXACT, "half the variance of w/p", level(of.half_variance));
    }
    let chart = chart.dots_in(EUBO, "sampled, with control, 2 standard errors", points);
    args.write_chart("limit", &chart.log_x())?;

    // The error of a sampled gap beside the gap.
    let errors = |which: usize| sampled.clone().map(move |(&k, of)| (k as f64, of[which].error)).collect::<Vec<_>>();
    let chart = Chart::new("The gap by the number of samples", "samples k", "evidence - bound, nats")
        .line_in(PRIOR, "q is the prior", by_size(prior, |_, d| -d))
        .line_in(BEST, "q is the best Gaussian", by_size(best, |_, d| -d))
        .line_in(RENYI, "error of it, sampled", errors(0))
        .line_in(EUBO, "error of it, with control", errors(1));
    args.write_chart("gap", &chart.log_x().log_y())
}
