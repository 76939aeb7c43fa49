//! Bounds of samples: independent groups of weights, and a control variate for what they say of the gap.

use estimand::moments::Moments;
use estimand::ndarray::{Array1, Axis};
use estimand::objective::{Riemann, cubo, eubo, importance_weighted, renyi, thermodynamic};
use estimand::rand::rngs::StdRng;
use estimand::{DiagGaussian, Distribution, Result, Sample};

use crate::exact::PARTITION;
use crate::model::Model;
use crate::patterns::Patterns;

/// Groups of this many weights tell of the other bounds too.
pub const TOLD: usize = 10;

/// Weights that are made at a time.
const BLOCK: usize = 1 << 16;

/// One pattern by groups of `k` weights: by how much a bound is above log p(x).
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    pub plain: Moments<f64>,
    /// With the control variate.
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

/// Draws groups of `k` weights of one pattern under q.
///
/// In units of p(x) the mean of a group has the mean 1, so `(mean - 1)` may be taken from its logarithm: what is left of
/// `ln(1 + d)` is `-d^2 / 2` and so on, which is the gap, without the noise of d.
pub fn draw(
    model: &Model,
    pattern: &Patterns,
    head: &Array1<f64>,
    evidence: f64,
    (groups, k): (usize, usize),
    rng: &mut StdRng,
) -> Result<Measured> {
    let mut found = Measured::default();
    let (loc, log_scale) = head.view().split_at(Axis(0), 1);
    let partition = Array1::from(PARTITION.to_vec());
    let together = (BLOCK / k).max(1);
    for start in (0..groups).step_by(together) {
        let n = together.min(groups - start) * k;
        let q = DiagGaussian::shared(loc, log_scale, n)?;
        let z = q.sample(rng);
        let rec = model.likelihood(&pattern.repeated(n), z.column(0))?.value;
        let log_w = rec + DiagGaussian::standard(n, 1)?.log_prob(&z)? - q.log_prob(&z)? - evidence;
        let above = importance_weighted(&log_w, k)?.value;
        found.plain.merge(&Moments::of(&above));
        found.controlled.merge(&Moments::of(&above.mapv(|l| l - l.exp_m1())));
        if k == TOLD {
            let sum = |riemann| thermodynamic(&log_w, k, &partition, riemann).map(|sum| sum.bound.value);
            found.renyi.merge(&Moments::of(&renyi(&log_w, k, 0.5)?.value));
            found.cubo.merge(&Moments::of(&cubo(&log_w, k, 2.0)?.value));
            found.eubo.merge(&Moments::of(&eubo(&log_w, k)?.value));
            found.lower.merge(&Moments::of(&sum(Riemann::Lower)?));
            found.upper.merge(&Moments::of(&sum(Riemann::Upper)?));
        }
    }
    Ok(found)
}

/// All examinees: patterns are independent, each as often as it occurs.
pub fn total(all: &[Measured], counts: &Array1<f64>, of: impl Fn(&Measured) -> Moments<f64>) -> Result<Estimate> {
    let (mut mean, mut square) = (0.0, 0.0);
    for (measured, n) in all.iter().zip(counts) {
        mean += n * of(measured).mean()?;
        square += (n * of(measured).std_error()?).powi(2);
    }
    Ok(Estimate { mean, error: square.sqrt() })
}
