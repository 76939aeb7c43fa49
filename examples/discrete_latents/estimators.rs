//! The estimators: an entry each, from the law of the latents to the gradient of the cost in its logits.
//!
//! Every entry is a plan of the library: it proposes points, the decoder is asked for the cost there (and for its
//! slope, where the plan's type says so), and the plan combines. The same entries train and are measured.

use estimand::gradient::{
    Arm, Baseline, BitFlip, ClippedPairs, DisArm, DisArmTree, MuProp, Relaxation, StraightThrough,
};
use estimand::ndarray::{Array2, ArrayView2};
use estimand::rand::rngs::StdRng;
use estimand::{Bernoulli, Categorical, Result, Transform};

use crate::decoding::{Decoding, Given};
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

type OfBits = fn(Bernoulli<'_, f32>, &mut StdRng, &mut Decoding<'_>) -> Result<Array2<f32>>;
type OfClasses = fn(Categorical<'_, f32>, &mut StdRng, &mut Decoding<'_>) -> Result<Array2<f32>>;

/// How many of each family are trained with: the first of [`BITS`] and of [`CLASSES`].
pub const TRAINED: usize = 4;

/// Words of the last line, for those.
pub const KEYS: [[&str; TRAINED]; 2] = [
    ["loo_elbo", "disarm_elbo", "gumbel_elbo", "rebar_elbo"],
    ["classes_loo_elbo", "classes_disarm_elbo", "classes_gumbel_elbo", "classes_rebar_elbo"],
];

/// Two samples an example where a draw takes one: about as many evaluations as a pair, or REBAR's three points.
const BITS: &[Estimator] = &[
    bits("leave-one-out", |q, rng, d| d.score(&q.repeat_rows(2), rng, Baseline::LeaveOneOut)),
    bits("DisARM", |q, rng, d| d.follow(&DisArm::propose(&q, q.noise(rng))?)),
    bits("Gumbel, hard", |q, rng, d| d.gumbel_softmax(&q.repeat_rows(2), rng, Relaxation::Hard)),
    bits("REBAR", |q, rng, d| d.rebar(&q, rng, Given::Other, d.setting.eta)),
    bits("score, no baseline", |q, rng, d| d.score(&q.repeat_rows(2), rng, Baseline::None)),
    bits("leave-one-out of 3", |q, rng, d| d.score(&q.repeat_rows(3), rng, Baseline::LeaveOneOut)),
    bits("ARM", |q, rng, d| d.follow(&Arm::propose(&q, q.noise(rng))?)),
    bits("bitflip-1", |q, rng, d| d.follow(&BitFlip::propose(&q, q.noise(rng), &d.places(rng))?)),
    bits("clipped pairs", |q, rng, d| d.follow(&ClippedPairs::propose(&q, q.noise(rng), &d.places(rng))?)),
    bits("MuProp", |q, rng, d| d.follow(&MuProp::propose(&q, q.noise(rng))?)),
    bits("REBAR, eta 1", |q, rng, d| d.rebar(&q, rng, Given::Other, 1.0)),
    bits("REBAR, one noise", |q, rng, d| d.rebar(&q, rng, Given::Own, d.setting.eta)),
    bits("Gumbel, soft", |q, rng, d| d.gumbel_softmax(&q.repeat_rows(2), rng, Relaxation::Soft)),
    bits("Gumbel, averaged", |q, rng, d| d.averaged(&q.repeat_rows(2), rng, |q, k| q.clone().repeat_rows(k))),
    bits("straight-through", |q, rng, d| d.straight_through(&q.repeat_rows(2), rng, StraightThrough::propose)),
    bits("ReinMax", |q, rng, d| d.straight_through(&q.repeat_rows(2), rng, StraightThrough::rein_max)),
];

const CLASSES: &[Estimator] = &[
    classes("leave-one-out", |q, rng, d| d.score(&q.repeat_rows(2), rng, Baseline::LeaveOneOut)),
    classes("DisARM", |q, rng, d| d.follow(&DisArmTree::propose(&q, DisArmTree::noise(&q, rng))?)),
    classes("Gumbel, hard", |q, rng, d| d.gumbel_softmax(&q.repeat_rows(2), rng, Relaxation::Hard)),
    classes("REBAR", |q, rng, d| d.rebar(&q, rng, Given::Other, d.setting.eta)),
    classes("score, no baseline", |q, rng, d| d.score(&q.repeat_rows(2), rng, Baseline::None)),
    classes("leave-one-out of 3", |q, rng, d| d.score(&q.repeat_rows(3), rng, Baseline::LeaveOneOut)),
    classes("MuProp", |q, rng, d| d.follow(&MuProp::propose(&q, q.noise(rng))?)),
    classes("REBAR, eta 1", |q, rng, d| d.rebar(&q, rng, Given::Other, 1.0)),
    classes("REBAR, one noise", |q, rng, d| d.rebar(&q, rng, Given::Own, d.setting.eta)),
    classes("Gumbel, soft", |q, rng, d| d.gumbel_softmax(&q.repeat_rows(2), rng, Relaxation::Soft)),
    classes("Gumbel, averaged", |q, rng, d| d.averaged(&q.repeat_rows(2), rng, |q, k| q.clone().repeat_rows(k))),
    classes("straight-through", |q, rng, d| d.straight_through(&q.repeat_rows(2), rng, StraightThrough::propose)),
    classes("ReinMax", |q, rng, d| d.straight_through(&q.repeat_rows(2), rng, StraightThrough::rein_max)),
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
        rng: &mut StdRng,
        decoding: &mut Decoding<'_>,
    ) -> Result<Array2<f32>> {
        match self.way {
            Way::Bits(way) => way(Bernoulli::new(logits)?, rng, decoding),
            Way::Classes(way) => way(Categorical::new(logits, latents.classes())?, rng, decoding),
        }
    }
}
