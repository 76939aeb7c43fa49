//! What must hold, of any answers.

use estimand::check::Agreement;
use lab::Summary;

use crate::fit::Fit;
use crate::samples::{Estimate, TOLD};
use crate::{Posterior, SAMPLED};

/// Standard errors that a sampled bound may be from the exact one: a normal number is with a chance of 6e-7.
const FAR: f64 = 5.0;

/// The same with the control variate. Where q is narrower than the posterior far out, weights may have a variance and no third
/// moment: without one of the few that are far, a mean is too small, and so is its error.
const FARTHER: f64 = 10.0;

/// What sums over points of z are off by, an examinee: roundings, and the ends of what is summed.
const ROUNDING: f64 = 1e-11;

/// The gradient of the likelihood is one, and vanishes at the fitted model by a finer rule than it was fitted by.
pub fn fit(summary: Summary, slope: f64, differences: &Agreement<f64>) -> Summary {
    summary
        .claim(differences.within(1e-8), format!("the gradient of the likelihood is its derivative: {differences}"))
        .claim(slope <= 1e-10, format!("the gradient at the fitted model is 0: it is {slope:e} an examinee"))
}

/// Each bound is on its side of log p(x), the tighter ones within the others, and more samples bring it nearer.
pub fn order(mut summary: Summary, q: &Posterior, name: &str, examinees: f64) -> Summary {
    let slack = ROUNDING * examinees;
    let of = &q.bounds;
    let chains: [(&str, Vec<f64>); 4] = [
        ("importance-weighted bounds rise from the ELBO to the evidence", [&[of.elbo], &of.many[..], &[0.0]].concat()),
        ("the Renyi bound is between ELBO and evidence", vec![of.elbo, of.renyi, 0.0]),
        ("thermodynamic sums enclose the evidence", vec![of.elbo, of.lower, 0.0, of.upper, of.eubo]),
        ("CUBO is above the evidence", vec![0.0, of.cubo]),
    ];
    for (words, chain) in chains {
        let rises = chain.windows(2).all(|pair| pair[0] <= pair[1] + slack);
        summary = summary.claim(rises, format!("q is {name}: {words}: {chain:?}"));
    }
    // The two have no expectation in common.
    let words = format!("q is {name}: the integral over t of one sample, {}, is the ELBO, {}", of.many[0], of.elbo);
    summary.claim((of.many[0] - of.elbo).abs() <= slack, words)
}

/// A sampled bound, of each size of a group, has the exact one as its mean.
pub fn sampled(summary: Summary, q: &Posterior, name: &str, examinees: f64) -> Summary {
    let slack = ROUNDING * examinees;
    sizes(q).fold(summary, |summary, (k, exact, [plain, _])| {
        let near = (plain.mean - exact).abs() <= FAR * plain.error + slack;
        summary.claim(near, format!("q is {name}: {}", off(k, exact, plain)))
    })
}

/// With the control variate it has the same mean, and from groups of some size on a smaller error: of the answers that come with
/// the example, and nothing is promised of weights that barely have a variance.
pub fn controlled(mut summary: Summary, best: &Posterior, examinees: f64) -> Summary {
    for (k, exact, [plain, controlled]) in sizes(best) {
        let near = (controlled.mean - exact).abs() <= FARTHER * controlled.error + ROUNDING * examinees;
        summary = summary.claim(near, format!("with the control variate, {}", off(k, exact, controlled)));
        if k >= TOLD {
            let words =
                format!("of {k} samples the control variate has the error {}, not {}", controlled.error, plain.error);
            summary = summary.claim(controlled.error < plain.error, words);
        }
    }
    summary
}

fn sizes(q: &Posterior) -> impl Iterator<Item = (usize, f64, &[Estimate; 2])> {
    SAMPLED.into_iter().zip(&q.sampled).filter_map(|(k, sampled)| Some((k, q.of_samples(k)?, sampled)))
}

fn off(k: usize, exact: f64, found: &Estimate) -> String {
    format!("of {k} samples the bound is {:+e} +- {:e} beside the evidence, not {exact:+e}", found.mean, found.error)
}

/// The best ELBO is at least that of the best model, and no more than its likelihood.
pub fn learned(summary: Summary, fit: &Fit, best: &Posterior, by_elbo: &Fit, examinees: f64) -> Summary {
    let (slack, elbo) = (ROUNDING * examinees, fit.value + best.bounds.elbo);
    let words = format!("the best ELBO, {}, is between {elbo} and the best likelihood, {}", by_elbo.value, fit.value);
    summary.claim(elbo <= by_elbo.value + slack && by_elbo.value <= fit.value + slack, words)
}

/// What `tests/data/make_lsat.py` finds of the answers that come with the example.
pub fn published(summary: Summary, fit: &Fit, best: &Posterior) -> Summary {
    let found = [
        ("likelihood", fit.value, -2466.6533773981),
        ("ELBO", fit.value + best.bounds.elbo, -2467.0590629076),
        ("Renyi bound", fit.value + best.bounds.renyi, -2466.85883395),
        ("bound of ten samples", fit.value + best.of_samples(10).unwrap_or(f64::NAN), -2466.69643252),
        ("CUBO", fit.value + best.bounds.cubo, -2466.21794834),
        ("limit of k times the gap", best.bounds.half_variance, 0.43564980),
    ];
    found.into_iter().fold(summary, |summary, (name, found, published)| {
        summary.claim((found - published).abs() <= 1e-8, format!("the {name} is {found}, not {published}"))
    })
}
