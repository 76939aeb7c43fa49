//! Bounds of samples: independent groups of weights, and a control variate for what they say of the gap.

use estimand::moments::Moments;
use estimand::ndarray::{Array1, Axis, s};
use estimand::objective::{Riemann, cubo, eubo, importance_weighted, renyi, thermodynamic};
use estimand::rand::rngs::StdRng;
use estimand::{DiagGaussian, Distribution, Result, Sample};

use crate::SAMPLED;
use crate::exact::PARTITION;
use crate::model::Model;
use crate::patterns::Patterns;

/// Groups of this size tell of the other bounds too.
pub const TOLD: usize = 10;

/// Weights that are made at a time.
const BLOCK: usize = 1 << 16;

/// One pattern by groups of one size: by how much a bound is above log p(x).
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    pub plain: Moments<f64>,
    /// With the control variate, as all that follow.
    pub controlled: Moments<f64>,
    pub renyi: Moments<f64>,
    pub cubo: Moments<f64>,
    pub eubo: Moments<f64>,
    pub lower: Moments<f64>,
    pub upper: Moments<f64>,
}

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub mean: f64,
    pub error: f64,
}

/// Draws weights of one pattern under q, and so many groups of each size from them; all sizes begin with the same weights.
///
/// In units of p(x) the mean of a group has the mean 1, so `(mean - 1)` may be taken from its logarithm: what is left of
/// `ln(1 + d)` is `-d^2 / 2` and so on, which is the gap, without the noise of d. Other bounds are d and what is smaller too.
pub fn draw(
    model: &Model,
    pattern: &Patterns,
    head: &Array1<f64>,
    evidence: f64,
    groups: usize,
    rng: &mut StdRng,
) -> Result<Vec<Measured>> {
    let mut found = vec![Measured::default(); SAMPLED.len()];
    let (loc, log_scale) = head.view().split_at(Axis(0), 1);
    let partition = Array1::from(PARTITION.to_vec());
    let most = SAMPLED.iter().copied().max().unwrap_or(1);
    let together = BLOCK / most;
    for start in (0..groups).step_by(together) {
        let groups = together.min(groups - start);
        let n = groups * most;
        let q = DiagGaussian::shared(loc, log_scale, n)?;
        let z = q.sample(rng);
        let rec = model.likelihood(&pattern.repeated(n), z.column(0))?.value;
        let log_w = rec + DiagGaussian::standard(n, 1)?.log_prob(&z)? - q.log_prob(&z)? - evidence;
        for (&k, found) in SAMPLED.iter().zip(&mut found) {
            let log_w = log_w.slice(s![..groups * k]);
            let above = importance_weighted(&log_w, k)?.value;
            let control = above.mapv(f64::exp_m1);
            found.plain.merge(&Moments::of(&above));
            found.controlled.merge(&Moments::of(&(&above - &control)));
            if k == TOLD {
                let of = |bound: Array1<f64>| Moments::of(&(bound - &control));
                let sum = |riemann| thermodynamic(&log_w, k, &partition, riemann).map(|sum| of(sum.bound.value));
                found.renyi.merge(&of(renyi(&log_w, k, 0.5)?.value));
                found.cubo.merge(&of(cubo(&log_w, k, 2.0)?.value));
                found.eubo.merge(&of(eubo(&log_w, k)?.value));
                found.lower.merge(&sum(Riemann::Lower)?);
                found.upper.merge(&sum(Riemann::Upper)?);
            }
        }
    }
    Ok(found)
}

/// All examinees: patterns are independent, each as often as it occurs.
pub fn total(all: &[Moments<f64>], counts: &Array1<f64>) -> Result<Estimate> {
    let (mut mean, mut square) = (0.0, 0.0);
    for (moments, n) in all.iter().zip(counts) {
        mean += n * moments.mean()?;
        square += (n * moments.std_error()?).powi(2);
    }
    Ok(Estimate { mean, error: square.sqrt() })
}
