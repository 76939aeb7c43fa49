//! What must hold, of any answers.

use estimand::check::Agreement;
use lab::Summary;

use crate::fit::Fit;
use crate::samples::Estimate;
use crate::{MANY, Posterior, SAMPLED};

/// Standard errors that a sampled bound may be from the exact one: a normal number is with a chance of 6e-7.
const FAR: f64 = 5.0;

/// What sums over points of z are off by, an examinee: roundings, and the ends of what is summed.
const ROUNDING: f64 = 1e-11;

/// The gradient of the likelihood is one, and vanishes at the fitted model.
pub fn fit(summary: Summary, fit: &Fit, differences: &Agreement<f64>) -> Summary {
    summary
        .claim(differences.within(1e-8), format!("the gradient of the likelihood is its derivative: {differences}"))
        .claim(fit.slope <= 1e-10, format!("the gradient at the fitted model is 0: it is {:e} an examinee", fit.slope))
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

/// A sampled bound has the exact one as its mean. With the control variate this is claimed where weights have a variance.
pub fn sampled(mut summary: Summary, q: &Posterior, name: &str, examinees: f64) -> Summary {
    for (k, [plain, controlled]) in SAMPLED.into_iter().zip(&q.sampled) {
        let Some((_, &exact)) = MANY.iter().zip(&q.bounds.many).find(|(many, _)| **many == k) else { continue };
        let near = |estimate: &Estimate| (estimate.mean - exact).abs() <= FAR * estimate.error + ROUNDING * examinees;
        let words = |estimate: &Estimate| {
            format!(
                "q is {name}: of {k} samples the bound is {:+e} +- {:e}, not {exact:+e}",
                estimate.mean, estimate.error
            )
        };
        summary = summary.claim(near(plain), words(plain));
        if q.bounds.narrow == 0 {
            summary = summary.claim(near(controlled), words(controlled) + " (with the control variate)");
        }
    }
    summary
}

/// The best ELBO is at least that of the best model, and no more than its likelihood.
pub fn learned(summary: Summary, fit: &Fit, best: &Posterior, by_elbo: &Fit, examinees: f64) -> Summary {
    let (slack, elbo) = (ROUNDING * examinees, fit.value + best.bounds.elbo);
    let words = format!("the best ELBO, {}, is between {elbo} and the best likelihood, {}", by_elbo.value, fit.value);
    summary.claim(elbo <= by_elbo.value + slack && by_elbo.value <= fit.value + slack, words)
}
