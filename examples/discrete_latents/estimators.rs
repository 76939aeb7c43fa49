//! The estimators: an entry each, from the law of the latents to the gradient of the cost in its logits.
//!
//! Every entry is a plan of the library: it proposes points, the decoder is asked for the cost there (and for its
//! slope, where the plan's type says so), and the plan combines. The same entries train and are measured.

use estimand::gradient::{
    Arm, Baseline, BitFlip, ClippedPairs, Conditional, DisArm, DisArmTree, MuProp, Relaxation, StraightThrough,
};
use estimand::ndarray::{Array2, ArrayView2};
use estimand::{Bernoulli, Categorical, Result, Transform};

use crate::decoding::Decoding;
use crate::latents::Latents;

/// An estimator of one family, by its name.
#[derive(Debug, Clone, Copy)]
pub struct Estimator {
    pub name: &'static str,
    way: Way,
}

/// From the law of a batch, a parameter row an example, to the gradient in its logits, a row an example.
#[derive(Debug, Clone, Copy)]
enum Way {
    Bits(OfBits),
    Classes(OfClasses),
}

type OfBits = fn(Bernoulli<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>;
type OfClasses = fn(Categorical<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>;

/// How many of each family are trained with: the first of [`BITS`] and of [`CLASSES`].
pub const TRAINED: usize = 4;

/// Words of the last line, for those.
pub const KEYS: [[&str; TRAINED]; 2] = [
    ["loo_elbo", "disarm_elbo", "gumbel_elbo", "rebar_elbo"],
    ["classes_loo_elbo", "classes_disarm_elbo", "classes_gumbel_elbo", "classes_rebar_elbo"],
];

/// Two samples an example where a draw takes one: about as many evaluations as a pair, or REBAR's three points.
const BITS: &[Estimator] = &[
    bits("leave-one-out", |q, d| d.score(&q.repeat_rows(2), Baseline::LeaveOneOut)),
    bits("DisARM", |q, d| d.follow(&DisArm::propose(&q, q.noise(d.rng))?)),
    bits("Gumbel, hard", |q, d| d.gumbel_softmax(&q.repeat_rows(2), Relaxation::Hard)),
    bits("REBAR", |q, d| d.rebar(&q, Conditional::Independent(q.noise(d.rng)), d.setting.eta)),
    bits("score, no baseline", |q, d| d.score(&q.repeat_rows(2), Baseline::None)),
    bits("leave-one-out of 3", |q, d| d.score(&q.repeat_rows(3), Baseline::LeaveOneOut)),
    bits("ARM", |q, d| d.follow(&Arm::propose(&q, q.noise(d.rng))?)),
    bits("bitflip-1", |q, d| d.follow(&BitFlip::propose(&q, q.noise(d.rng), &d.places())?)),
    bits("clipped pairs", |q, d| d.follow(&ClippedPairs::propose(&q, q.noise(d.rng), &d.places())?)),
    bits("MuProp", |q, d| d.follow(&MuProp::propose(&q, q.noise(d.rng))?)),
    bits("REBAR, eta 1", |q, d| d.rebar(&q, Conditional::Independent(q.noise(d.rng)), 1.0)),
    bits("REBAR, one noise", |q, d| d.rebar(&q, Conditional::Common, d.setting.eta)),
    bits("Gumbel, soft", |q, d| d.gumbel_softmax(&q.repeat_rows(2), Relaxation::Soft)),
    bits("Gumbel, averaged", |q, d| d.averaged(&q.repeat_rows(2), |q, k| q.clone().repeat_rows(k))),
    bits("straight-through", |q, d| d.straight_through(&q.repeat_rows(2), StraightThrough::propose)),
    bits("ReinMax", |q, d| d.straight_through(&q.repeat_rows(2), StraightThrough::rein_max)),
];

const CLASSES: &[Estimator] = &[
    classes("leave-one-out", |q, d| d.score(&q.repeat_rows(2), Baseline::LeaveOneOut)),
    classes("DisARM", |q, d| d.follow(&DisArmTree::propose(&q, DisArmTree::noise(&q, d.rng))?)),
    classes("Gumbel, hard", |q, d| d.gumbel_softmax(&q.repeat_rows(2), Relaxation::Hard)),
    classes("REBAR", |q, d| d.rebar(&q, Conditional::Independent(q.noise(d.rng)), d.setting.eta)),
    classes("score, no baseline", |q, d| d.score(&q.repeat_rows(2), Baseline::None)),
    classes("leave-one-out of 3", |q, d| d.score(&q.repeat_rows(3), Baseline::LeaveOneOut)),
    classes("MuProp", |q, d| d.follow(&MuProp::propose(&q, q.noise(d.rng))?)),
    classes("REBAR, eta 1", |q, d| d.rebar(&q, Conditional::Independent(q.noise(d.rng)), 1.0)),
    classes("REBAR, one noise", |q, d| d.rebar(&q, Conditional::Common, d.setting.eta)),
    classes("Gumbel, soft", |q, d| d.gumbel_softmax(&q.repeat_rows(2), Relaxation::Soft)),
    classes("Gumbel, averaged", |q, d| d.averaged(&q.repeat_rows(2), |q, k| q.clone().repeat_rows(k))),
    classes("straight-through", |q, d| d.straight_through(&q.repeat_rows(2), StraightThrough::propose)),
    classes("ReinMax", |q, d| d.straight_through(&q.repeat_rows(2), StraightThrough::rein_max)),
];

const fn bits(name: &'static str, way: OfBits) -> Estimator {
    Estimator { name, way: Way::Bits(way) }
}

const fn classes(name: &'static str, way: OfClasses) -> Estimator {
    Estimator { name, way: Way::Classes(way) }
}

impl Estimator {
    /// All that the library has for these latents.
    pub fn of(latents: Latents) -> &'static [Self] {
        match latents {
            Latents::Bits { .. } => BITS,
            Latents::Classes { .. } => CLASSES,
        }
    }

    /// One draw of the gradient of E cost in each example's logits: `(n, width)`.
    pub fn gradient(
        &self,
        latents: Latents,
        logits: ArrayView2<'_, f32>,
        decoding: &mut Decoding<'_>,
    ) -> Result<Array2<f32>> {
        match self.way {
            Way::Bits(way) => way(Bernoulli::new(logits)?, decoding),
            Way::Classes(way) => way(Categorical::new(logits, latents.classes())?, decoding),
        }
    }
}
