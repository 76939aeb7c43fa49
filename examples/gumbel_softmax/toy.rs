//! The wrong sign: f = (x_1 - 0.45)^2 of one bit as two classes, where the relaxed cost falls while the cost rises.

use estimand::check::Nodes;
use estimand::gradient::{Enumeration, GumbelSoftmax, Plan, Relaxation};
use estimand::moments::Moments;
use estimand::ndarray::{Array1, Array2, ArrayView2, array};
use estimand::rand::rngs::StdRng;
use estimand::special::sigmoid;
use estimand::{Categorical, Result, Transform};

use crate::BLOCK;

/// The probability of the first class, and where the cost is least.
pub const CHANCE: f64 = 0.1;
pub const LEAST: f64 = 0.45;

/// Where the sign is measured.
pub const TEMPERATURE: f64 = 0.5;

/// What was drawn at a temperature: the mean of the estimator with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    pub temperature: f64,
    pub mean: f64,
    pub error: f64,
    /// Kurtosis over the number of draws.
    pub tail: f64,
    pub draws: usize,
}

fn logits() -> Array1<f64> {
    array![(CHANCE / (1.0 - CHANCE)).ln(), 0.0]
}

/// The derivative of E f in the first logit, by enumeration.
pub fn truth() -> Result<f64> {
    let law = Categorical::shared(logits(), 2, 1)?;
    let gradient = Enumeration::propose(&law)?.rows_with(|x| x.column(0).mapv(|x| (x - LEAST).powi(2)))?;
    Ok(gradient[[0, 0]])
}

/// The soft estimator at a temperature.
pub fn draw(relaxed: &Relaxed, temperature: f64, draws: usize, rng: &mut StdRng) -> Result<Drawn> {
    let slope = |x: ArrayView2<'_, f64>| {
        Array2::from_shape_fn(x.dim(), |(i, j)| if j == 0 { 2.0 * (x[[i, 0]] - LEAST) } else { 0.0 })
    };
    let centre = relaxed.mean(temperature);
    let (mut moments, mut squares) = (Moments::new(), Moments::new());
    for start in (0..draws).step_by(BLOCK) {
        let law = Categorical::shared(logits(), 2, BLOCK.min(draws - start))?;
        let plan = GumbelSoftmax::propose(&law, law.noise(rng), temperature, Relaxation::Soft)?;
        let rows = plan.rows_with(slope)?;
        moments.merge(&Moments::of(&rows.column(0)));
        squares.merge(&Moments::of(&rows.column(0).mapv(|g| (g - centre).powi(2))));
    }
    let kurtosis = 1.0 + squares.variance()? / squares.mean()?.powi(2);
    let (mean, error, tail) = (moments.mean()?, moments.std_error()?, kurtosis / draws as f64);
    Ok(Drawn { temperature, mean, error, tail, draws })
}

/// The exact mean of the soft estimator, without its noise. The share is x = sigmoid((l + z) / T) of a logistic z, so that
///
/// ```text
/// E f'(x) x (1 - x) / T = int f'(x) p(z) dx over (0, 1),   z = T logit(x) - l,   p the logistic density.
/// ```
#[derive(Debug, Clone)]
pub struct Relaxed(Nodes);

impl Relaxed {
    pub fn new() -> Result<Self> {
        // Halved towards both ends, where the density goes as x^T: what is beyond the last break is below 2^-50.
        let halves = (1..=50).map(|k| 0.5_f64.powi(k));
        let mut breaks: Vec<f64> = halves.clone().chain(halves.skip(1).map(|h| 1.0 - h)).collect();
        breaks.sort_by(f64::total_cmp);
        Ok(Self(Nodes::uniform(&breaks, 16)?))
    }

    pub fn mean(&self, temperature: f64) -> f64 {
        let l = (CHANCE / (1.0 - CHANCE)).ln();
        let at = |x: f64| {
            let z = temperature * (x / (1.0 - x)).ln() - l;
            2.0 * (x - LEAST) * sigmoid(z) * sigmoid(-z)
        };
        self.0.points().iter().zip(self.0.weights()).map(|(&x, w)| w * at(x)).sum()
    }

    /// The temperatures, of those between two, at which the mean has the wrong sign: where the run of them that holds
    /// `TEMPERATURE` begins and ends.
    pub fn wrong(&self, low: f64, high: f64) -> Option<(f64, f64)> {
        const STEPS: i32 = 400;
        let at = |k: i32| low * (high / low).powf(f64::from(k) / f64::from(STEPS));
        let wrong: Vec<f64> = (0..=STEPS).map(at).filter(|&t| self.mean(t) < 0.0).collect();
        Some((*wrong.first()?, *wrong.last()?))
    }
}
