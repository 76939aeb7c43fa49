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

/// What was drawn at a temperature: the mean of the estimator with its standard error, beside the exact one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    pub temperature: f64,
    pub mean: f64,
    pub exact: f64,
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
pub fn draw(temperature: f64, draws: usize, rng: &mut StdRng) -> Result<Drawn> {
    let slope = |x: ArrayView2<'_, f64>| {
        Array2::from_shape_fn(x.dim(), |(i, j)| if j == 0 { 2.0 * (x[[i, 0]] - LEAST) } else { 0.0 })
    };
    let exact = relaxed(temperature)?;
    let (mut moments, mut squares) = (Moments::new(), Moments::new());
    for start in (0..draws).step_by(BLOCK) {
        let law = Categorical::shared(logits(), 2, BLOCK.min(draws - start))?;
        let plan = GumbelSoftmax::propose(&law, law.noise(rng), temperature, Relaxation::Soft)?;
        let rows = plan.rows_with(slope)?;
        moments.merge(&Moments::of(&rows.column(0)));
        squares.merge(&Moments::of(&rows.column(0).mapv(|g| (g - exact).powi(2))));
    }
    let kurtosis = 1.0 + squares.variance()? / squares.mean()?.powi(2);
    let (mean, error, tail) = (moments.mean()?, moments.std_error()?, kurtosis / draws as f64);
    Ok(Drawn { temperature, mean, exact, error, tail, draws })
}

/// The exact mean of the soft estimator, by quadrature: with a logistic number z, the difference of two Gumbel numbers,
///
/// ```text
/// E f'(x) x (1 - x) / T,   x = sigmoid((l + z) / T).
/// ```
pub fn relaxed(temperature: f64) -> Result<f64> {
    let l = (CHANCE / (1.0 - CHANCE)).ln();
    // The density has the unit 1 and the share the unit T; e^-45 is left out on either side.
    let steps = || (-45..=45).map(f64::from);
    let mut breaks: Vec<f64> =
        steps().chain(steps().map(|k| k * temperature - l)).filter(|z| z.abs() <= 45.0).collect();
    breaks.sort_by(f64::total_cmp);
    breaks.dedup();
    let logistic = Nodes::density(|z| -z.abs() - 2.0 * (-z.abs()).exp().ln_1p(), &breaks, 16)?;
    let at = |z: f64| {
        let w = (l + z) / temperature;
        2.0 * (sigmoid(w) - LEAST) * sigmoid(w) * sigmoid(-w) / temperature
    };
    Ok(logistic.points().iter().zip(logistic.weights()).map(|(&z, weight)| weight * at(z)).sum())
}

/// The coldest and the hottest temperature, of 400 from 0.01 to 100, at which the mean has the wrong sign.
pub fn wrong() -> Result<Option<(f64, f64)>> {
    let mut ends = None;
    for k in 0..400 {
        let temperature = 0.01 * 1e4_f64.powf(f64::from(k) / 399.0);
        if relaxed(temperature)? < 0.0 {
            ends = Some((ends.map_or(temperature, |(cold, _)| cold), temperature));
        }
    }
    Ok(ends)
}
