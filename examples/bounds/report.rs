//! The tables, and in words what they say; every word is chosen by the numbers.

use estimand::ndarray::Array1;
use lab::say;

use crate::exact::PARTITION;
use crate::fit::{self, Fit};
use crate::patterns::Patterns;
use crate::samples::TOLD;
use crate::{MANY, Posterior, SAMPLED};

/// Items that are listed.
const SHOWN: usize = 12;

pub fn model(patterns: &Patterns, fit: &Fit) {
    let items = patterns.items.len();
    say(format_args!(
        "{} examinees, {items} items, {} patterns; z ~ N(0, 1), item right with the logit a z + b",
        patterns.examinees(),
        patterns.len()
    ));
    say("item         right            a            b");
    let means = patterns.means();
    for (j, name) in patterns.items.iter().enumerate().take(SHOWN) {
        let (a, b) = (fit.model.slopes[j], fit.model.intercepts[j]);
        say(format_args!("{name:10} {:5.1} %   {a:10.7}   {b:10.7}", 100.0 * means[j]));
    }
    if items > SHOWN {
        say(format_args!("... and {} more", items - SHOWN));
    }
    if items < 3 {
        say("of fewer than three items slopes are not told: this is one of many best models");
    }
    say(format_args!(
        "exact log-likelihood {:.10} nats, after {} steps of L-BFGS ({} evaluations), with a gradient of {:.0e} an examinee",
        fit.value, fit.steps, fit.evaluations, fit.slope
    ));
}

pub fn bounds(fit: &Fit, q: &Posterior, name: &str) {
    let of = &q.bounds;
    say("");
    say(format_args!("q is {name}; all examinees, in nats"));
    let [renyi, cubo, eubo, lower, upper] = q.others[..] else { return };
    let size = PARTITION.len() - 1;
    say(format_args!(
        "bound                                  value    less evidence   of {TOLD} samples, with control"
    ));
    let line = |name: String, d: f64, sampled: String| {
        say(format_args!("{name:27} {:17.8}   {d:+14.8}   {sampled:>28}", fit.value + d));
    };
    let shown = |estimate: crate::samples::Estimate| format!("{:+.4} +- {:.4}", estimate.mean, estimate.error);
    line("ELBO".into(), of.elbo, String::new());
    line("Renyi, alpha = 1/2".into(), of.renyi, shown(renyi));
    line(format!("thermodynamic, {size} left ends"), of.lower, shown(lower));
    line("evidence".into(), 0.0, String::new());
    line(format!("thermodynamic, {size} right ends"), of.upper, shown(upper));
    line("CUBO, order 2".into(), of.cubo, shown(cubo));
    line("EUBO".into(), of.eubo, shown(eubo));
    say(
        "importance-weighted       without samples          gap       k x gap      sampled gap, without and with control",
    );
    for (k, d) in MANY.into_iter().zip(&of.many) {
        let sampled = SAMPLED.iter().position(|&s| s == k).and_then(|at| q.sampled.get(at));
        let sampled = sampled.map_or(String::new(), |[plain, controlled]| {
            let shown = |e: &crate::samples::Estimate| format!("{:.5} +- {:.5}", -e.mean, e.error);
            format!("{:>20} {:>22}", shown(plain), shown(controlled))
        });
        let value = fit.value + d;
        say(format_args!("k = {k:<7} {value:29.8}   {:10.8}   {:11.7}   {sampled}", -d, -d * k as f64));
    }
    if of.narrow == 0 {
        say(format_args!("k -> infinity: k x gap tends to half the variance of the weights, {:.8}", of.half_variance));
    } else {
        say(format_args!(
            "{} q are too narrow, of less than half the variance of the prior: their weights have no variance, CUBO is infinite, and \
             k x gap grows without end",
            of.narrow
        ));
    }
}

/// The largest difference of any parameter.
fn apart(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

pub fn learned(fit: &Fit, by_elbo: &Fit, by_samples: &Fit) {
    say("");
    say("what a model is fitted by            its best value     off in a     off in b   steps");
    let line = |name: &str, other: &Fit| {
        let (a, b) =
            (apart(&fit.model.slopes, &other.model.slopes), apart(&fit.model.intercepts, &other.model.intercepts));
        let end = if other.reached { "" } else { ", and not at its top" };
        say(format_args!("{name:30} {:20.8}   {a:10.5}   {b:10.5}   {:5}{end}", other.value, other.steps));
    };
    line("exact likelihood", fit);
    line("ELBO, with every q", by_elbo);
    line(&format!("{} samples an examinee", fit::SAMPLES), by_samples);
    say(
        "A bound has its top elsewhere, and samples that stay have theirs: that is a fact of both, and no fault of an ascent.",
    );
}

/// What a bound costs, in what was measured.
pub fn words(patterns: &Patterns, best: &Posterior, prior: &Posterior, groups: usize) {
    let n = patterns.examinees();
    say("");
    say(format_args!(
        "With the best Gaussian the ELBO costs {:.5} nats in all, {:.1e} an examinee; with the prior as q it costs {:.2}, {:.1e} an examinee.",
        -best.bounds.elbo,
        -best.bounds.elbo / n,
        -prior.bounds.elbo,
        -prior.bounds.elbo / n
    ));
    let gap = |k: usize| best.of_samples(k).map(|above| -above);
    if let (Some(ten), Some(hundred)) = (gap(10), gap(100)) {
        let law = |k: f64| best.bounds.half_variance / k;
        let predicted = if best.bounds.narrow == 0 {
            format!("; Var(w/p) / 2k says {:.6} and {:.6}", law(10.0), law(100.0))
        } else {
            "; of weights without a variance 1/k is not promised".to_owned()
        };
        say(format_args!("Ten samples leave {ten:.6} of it and a hundred {hundred:.6}{predicted}."));
    }
    let matched = MANY.iter().zip(&prior.bounds.many).find(|(_, d)| **d >= best.bounds.elbo);
    say(match matched {
        Some((k, _)) => format!("The prior needs some {k} samples to be as near as the best Gaussian is with one."),
        None => {
            format!("The prior is not as near with {} samples as the best Gaussian is with one.", MANY[MANY.len() - 1])
        }
    });
    let told = SAMPLED.iter().position(|&k| k == TOLD).and_then(|k| Some((best.sampled.get(k)?, gap(TOLD)?)));
    if let Some(([plain, controlled], gap)) = told {
        say(format_args!(
            "Sampled {groups} times a pattern, the gap of {TOLD} samples, {gap:.5}, has a standard error of {:.5}, {:.1} times itself; less the \
             mean of w/p - 1, which is 0, it has {:.5}: {:.0} times as many samples would do as much.",
            plain.error,
            plain.error / gap,
            controlled.error,
            (plain.error / controlled.error).powi(2)
        ));
    }
    let exact = [("CUBO", best.bounds.cubo), ("EUBO", best.bounds.eubo)];
    for ((name, exact), sampled) in exact.into_iter().zip(best.others.iter().skip(1)) {
        let far = 3.0 * sampled.error;
        let verdict = match sampled.mean {
            d if d < -far => "below the evidence: no upper bound",
            d if d > far && exact - d > far => "nearer than it is",
            _ => "not told from the evidence",
        };
        say(format_args!(
            "{name} is {exact:.4} above the evidence; of {TOLD} samples it is {:+.4} +- {:.4} on average, {verdict}.",
            sampled.mean, sampled.error
        ));
    }
}
