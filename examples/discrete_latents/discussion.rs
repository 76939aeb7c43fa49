//! The order of the estimators by what was measured, beside what papers say of it.

use estimand::gradient::Bias;

use crate::latents::Latents;
use crate::training::Run;
use crate::variance::{Finding, Variance};

/// Standard errors by which a ratio of variances has to be off 1 to be told from it.
const SURE: f64 = 4.0;

/// What a paper says: of two estimators one has less variance.
struct Said {
    less: &'static str,
    more: &'static str,
    by: By,
    source: &'static str,
    /// What was measured that may be why it comes out otherwise here.
    why: fn(&Variance) -> String,
}

/// What the variances are compared by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A draw, whatever it asks for: where the paper has a theorem of draws.
    Draw,
    /// The same evaluations.
    Evaluation,
}

const OF_BITS: &[Said] = &[
    Said {
        less: "DisARM",
        more: "leave-one-out",
        by: By::Evaluation,
        source: "Dong, Mnih and Tucker 2020, consistently",
        why: fair_bits,
    },
    Said {
        less: "DisARM",
        more: "ARM",
        by: By::Draw,
        source: "the same, a theorem: it is ARM's conditional mean",
        why: |_| "a theorem does not fail; more draws (--draws) tell".to_owned(),
    },
    Said {
        less: "clipped pairs",
        more: "DisARM",
        by: By::Draw,
        source: "Kunes and others 2022, a draw of three costs against one of two",
        why: |v| {
            format!(
                "it differs where a bit is nearly sure, and the less likely values have {:.1}% on average",
                100.0 * v.unsure
            )
        },
    },
    REBAR,
    FITTED,
    AGAINST_MU_PROP,
    GUMBEL,
    AVERAGED,
];

const OF_CLASSES: &[Said] = &[
    Said {
        less: "DisARM",
        more: "leave-one-out",
        by: By::Evaluation,
        source: "Dong, Mnih and Tucker 2021, of DisARM-Tree",
        why: |v| {
            format!(
                "its pairs gain only where both samples pass a node of the tree, and which classes share nodes is chance here; the less likely classes have {:.1}% on average",
                100.0 * v.unsure
            )
        },
    },
    REBAR,
    FITTED,
    AGAINST_MU_PROP,
    GUMBEL,
    AVERAGED,
];

const REBAR: Said = Said {
    less: "REBAR",
    more: "leave-one-out",
    by: By::Evaluation,
    source: "Tucker and others 2017 as state of the art, against one-sample baselines; leave-one-out, which needs two samples, was no rival of theirs",
    why: |v| {
        let eta = v.found.iter().find(|found| found.measured.name == "REBAR").and_then(|found| found.eta);
        format!(
            "its control is the cost of relaxed samples, and the best weight of it is {:.2} of 1: as far as the decoder, which has met hard samples alone, says the same of relaxed ones; and it asks for 3 points, where leave-one-out asks for 2",
            eta.unwrap_or(f32::NAN)
        )
    },
};

const FITTED: Said = Said {
    less: "REBAR",
    more: "REBAR, eta 1",
    by: By::Draw,
    source: "Tucker and others 2017, who fit eta",
    why: |_| "it was fitted to a few other draws".to_owned(),
};

const AGAINST_MU_PROP: Said = Said {
    less: "REBAR",
    more: "MuProp",
    by: By::Evaluation,
    source: "Tucker and others 2017",
    why: |_| "the expansion at the mean knows the decoder well where q is nearly sure".to_owned(),
};

const GUMBEL: Said = Said {
    less: "Gumbel, hard",
    more: "leave-one-out",
    by: By::Evaluation,
    source: "Jang, Gu and Poole 2017, at the price of a bias",
    why: |_| "its variance grows as the temperature falls (--temperature)".to_owned(),
};

const AVERAGED: Said = Said {
    less: "Gumbel, averaged",
    more: "Gumbel, hard",
    by: By::Draw,
    source: "Paulus, Maddison and Krause 2021, a theorem: it tends to the conditional mean",
    why: |_| "a theorem does not fail; more draws (--draws) tell".to_owned(),
};

fn fair_bits(v: &Variance) -> String {
    format!(
        "a mirrored pair gains where bits are near fair, and comes to leave-one-out where they are sure; the less likely values have {:.1}% on average",
        100.0 * v.unsure
    )
}

/// Names by variance x evaluations, least first; biased ones are marked.
pub fn order(variance: &Variance) -> String {
    let mut found: Vec<&Finding> = variance.found.iter().collect();
    found.sort_by(|a, b| figure(a, By::Evaluation).total_cmp(&figure(b, By::Evaluation)));
    let mark = |found: &Finding| if found.measured.bias == Bias::Unbiased { "" } else { "*" };
    let names: Vec<_> = found.iter().map(|found| format!("{}{}", found.measured.name, mark(found))).collect();
    names.join(" < ")
}

/// Whether less variance has made a better bound, of the runs of one family.
pub fn beside_bounds(runs: &[Run], variance: &Variance) -> String {
    let of = |run: &&Run| {
        let found = variance.found.iter().find(|found| found.measured.name == run.estimator.name);
        found.map_or(f64::NAN, |found| figure(found, By::Evaluation))
    };
    let mut by_bound: Vec<&Run> = runs.iter().collect();
    by_bound.sort_by(|a, b| b.elbo().total_cmp(&a.elbo()));
    let names: Vec<_> = by_bound.iter().map(|run| format!("{} {:.2}", run.estimator.name, run.elbo())).collect();
    let alike = by_bound.is_sorted_by(|a, b| of(a) <= of(b));
    let verdict = if alike {
        "the order by variance x evaluations is the same"
    } else {
        "the order by variance x evaluations is another: a bias, or the way to these weights, counts too"
    };
    format!("test ELBO, best first: {}; {verdict}.", names.join(", "))
}

/// A sentence for each thing that papers say: whether it is so here, and where not, what was measured that bears on it.
pub fn discuss(latents: Latents, variance: &Variance) -> Vec<String> {
    let said = if matches!(latents, Latents::Bits { .. }) { OF_BITS } else { OF_CLASSES };
    said.iter().filter_map(|said| said.beside(variance)).collect()
}

fn figure(found: &Finding, by: By) -> f64 {
    match by {
        By::Draw => found.measured.total_variance(),
        By::Evaluation => found.measured.variance_times_evaluations(),
    }
}

impl Said {
    fn beside(&self, variance: &Variance) -> Option<String> {
        let find = |name| variance.found.iter().find(|found| found.measured.name == name);
        let (a, b) = (find(self.less)?, find(self.more)?);
        let ratio = figure(a, self.by) / figure(b, self.by);
        let error = ratio * a.error.hypot(b.error);
        let of = if self.by == By::Draw { "a draw" } else { "x evaluations" };
        let verdict = match (ratio - 1.0) / error {
            off if off < -SURE => "so it is here".to_owned(),
            off if off > SURE => format!("not so here: {}", (self.why)(variance)),
            _ => format!("not told apart here: {}", (self.why)(variance)),
        };
        let Self { less, more, source, .. } = self;
        Some(format!("{less} / {more}, {of}: {ratio:.3} +- {error:.3}. Below 1 by {source}: {verdict}."))
    }
}
