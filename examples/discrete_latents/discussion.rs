//! The order of the estimators by what was measured, beside what papers say of it.

use std::cmp::Ordering;
use std::fmt::Write;

use estimand::gradient::Bias;

use crate::latents::Latents;
use crate::variance::{Finding, Variance};

/// Standard errors by which a ratio of variances has to be off 1 to be told from it.
const SURE: f64 = 4.0;

/// What a paper says: at the same number of evaluations, `less` has less variance than `more`.
struct Expected {
    less: &'static str,
    more: &'static str,
    source: &'static str,
    /// Why it may come out otherwise, in what was measured.
    otherwise: fn(&Variance) -> String,
}

const OF_BITS: &[Expected] = &[
    Expected {
        less: "DisARM",
        more: "leave-one-out",
        source: "Dong, Mnih and Tucker 2020",
        otherwise: |v| {
            format!(
                "the gain of a mirrored pair is in fair bits, and these are wrong-sided by {:.1}% on average, where both come to one",
                100.0 * v.unsure
            )
        },
    },
    Expected {
        less: "DisARM",
        more: "ARM",
        source: "the same, as a theorem",
        otherwise: |_| "a theorem does not fail".to_owned(),
    },
];

const OF_CLASSES: &[Expected] = &[
    Expected {
        less: "Gumbel, averaged",
        more: "Gumbel, hard",
        source: "Paulus, Maddison and Krause 2021, as a theorem",
        otherwise: |_| "a theorem does not fail".to_owned(),
    },
    Expected {
        less: "Gumbel, hard",
        more: "leave-one-out",
        source: "Jang, Gu and Poole 2017",
        otherwise: |_| String::new(),
    },
];

/// Names by variance x evaluations, least first, those of one family; biased ones are marked.
pub fn order(variance: &Variance) -> String {
    let mut found: Vec<&Finding> = variance.found.iter().collect();
    found.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
    let mark = |found: &Finding| if found.measured.bias == Bias::Unbiased { "" } else { "*" };
    let names: Vec<_> = found.iter().map(|found| format!("{}{}", found.measured.name, mark(found))).collect();
    names.join(" < ")
}

fn figure(found: &Finding) -> f64 {
    found.measured.variance_times_evaluations()
}

/// A sentence for each thing that papers say.
pub fn discuss(latents: Latents, variance: &Variance) -> String {
    let expected = if matches!(latents, Latents::Bits { .. }) { OF_BITS } else { OF_CLASSES };
    let find = |name: &str| variance.found.iter().find(|found| found.measured.name == name);
    let mut text = String::new();
    for Expected { less, more, source, otherwise } in expected {
        let (Some(a), Some(b)) = (find(less), find(more)) else { continue };
        let ratio = figure(a) / figure(b);
        let error = ratio * a.error.hypot(b.error);
        let verdict = match ((ratio - 1.0).abs() > SURE * error, ratio.total_cmp(&1.0)) {
            (true, Ordering::Less) => "as said".to_owned(),
            (true, _) => format!("otherwise: {}", otherwise(variance)),
            (false, _) => format!("not told from 1: {}", otherwise(variance)),
        };
        let _ = writeln!(text, "{less} / {more}: {ratio:.3} +- {error:.3}; less is said by {source}: {verdict}");
    }
    text
}
