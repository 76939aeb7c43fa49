use crate::shape::{NOT_NEGATIVE, same_shape};
use crate::{Error, Result};

/// A law of one number as points with weights that sum to 1: what [`oracle`](super::oracle) puts in the place of noise.
///
/// ```
/// use estimand::check::Nodes;
///
/// let z = Nodes::normal(0.5)?;
/// let fourth: f64 = z.points().iter().zip(z.weights()).map(|(z, w)| w * z.powi(4)).sum();
/// assert!((fourth - 3.0).abs() < 1e-13);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Nodes {
    points: Vec<f64>,
    weights: Vec<f64>,
}

/// Beyond this many standard deviations a normal density is below 1e-21 of its peak.
const NORMAL_END: f64 = 10.0;

impl Nodes {
    /// A law with finitely many values. Exact.
    ///
    /// Noise of which an estimator sees only where it falls is of this kind: a uniform number that is compared with p
    /// has the values p/2 and (1 + p)/2, of weights p and 1 - p.
    /// Errors: `Shape` where the two differ in length; `TooFew` where there are none; `Entry` with the first
    /// point that is not finite, or weight that is not finite or negative; `Parameter` where weights do not sum
    /// to 1 (up to 1e-12).
    pub fn finite(points: &[f64], weights: &[f64]) -> Result<Self> {
        same_shape("weights", &[weights.len()], &[points.len()])?;
        if points.is_empty() {
            return Err(Error::TooFew { name: "points", got: 0, needs: 1 });
        }
        each("points", points, "a finite number", |_, x| x.is_finite())?;
        each("weights", weights, NOT_NEGATIVE, |_, w| w.is_finite() && w >= 0.0)?;
        let total: f64 = weights.iter().sum();
        if (total - 1.0).abs() > 1e-12 {
            return Err(Error::Parameter { name: "weights", value: total, expected: "a sum of 1" });
        }
        Ok(Self { points: points.to_vec(), weights: weights.to_vec() })
    }

    /// The standard normal law by the trapezoidal rule at multiples of `step`, up to 10 standard deviations.
    ///
    /// The rule is as good as exact for smooth integrands (entire functions of moderate growth): with t = 2 pi / step its
    /// error is of the order of t^k e^(-t^2 / 2) for z^k (e^(-t^2 / 2) is 3e-18 at a step of 0.7, 5e-35 at 0.5), and of e^(-(t - k)^2 / 2) for
    /// e^(i k z). For kinks and jumps it is not: use [`density`](Self::density) with breaks there.
    /// Errors: `Parameter` where `step` is not from 1e-4 to 1.
    /// Source: Trefethen and Weideman 2014, "The exponentially convergent trapezoidal rule".
    pub fn normal(step: f64) -> Result<Self> {
        if !(1e-4..=1.0).contains(&step) {
            return Err(Error::Parameter { name: "step", value: step, expected: "a number from 1e-4 to 1" });
        }
        let end = (NORMAL_END / step).ceil() as i64;
        let points: Vec<f64> = (-end..=end).map(|k| k as f64 * step).collect();
        let weights = points.iter().map(|z| (-0.5 * z * z).exp()).collect();
        Ok(Self::normalised(points, weights))
    }

    /// The uniform law on (0, 1) by Gauss-Legendre rules of `order` points between the `breaks`, where the
    /// integrand may jump. Exact for polynomials of degree `2 order - 1` between breaks.
    ///
    /// The ends may be among the breaks, and need not be.
    /// Errors: `Parameter` where `order` is not in 1..=64; `Entry` with the first break that is outside 0..=1 or
    /// not above the one before.
    pub fn uniform(breaks: &[f64], order: usize) -> Result<Self> {
        let inside = |b: f64| (0.0..=1.0).contains(&b);
        each("breaks", breaks, "rising numbers from 0 to 1", |before, b| inside(b) && before.is_none_or(|a| a < b))?;
        let within = breaks.iter().copied().filter(|b| *b > 0.0 && *b < 1.0);
        let all: Vec<f64> = std::iter::once(0.0).chain(within).chain([1.0]).collect();
        Self::density(|_| 0.0, &all, order)
    }

    /// A law with a density, from its logarithm (a constant may be missing), by Gauss-Legendre rules of
    /// `order` points on each interval between consecutive `breaks`: beyond the first and the last there should be no
    /// mass to speak of. Weights are normalised to sum to 1.
    ///
    /// Errors: `Parameter` where `order` is not in 1..=64; `TooFew` where there are fewer than two breaks; `Entry`
    /// where breaks do not rise, or the log-density is NaN or +inf at a point; `Parameter` where it is -inf at all, or breaks
    /// are so near or so far that their distance is no number.
    ///
    /// ```
    /// use estimand::check::Nodes;
    /// // Rayleigh: r e^(-r^2 / 2).
    /// let breaks: Vec<f64> = (0..=20).map(|k| 0.5 * f64::from(k)).collect();
    /// let w = Nodes::density(|r| r.ln() - 0.5 * r * r, &breaks, 16)?;
    /// let mean: f64 = w.points().iter().zip(w.weights()).map(|(r, w)| r * w).sum();
    /// assert!((mean - (std::f64::consts::PI / 2.0).sqrt()).abs() < 1e-14);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn density(log_density: impl Fn(f64) -> f64, breaks: &[f64], order: usize) -> Result<Self> {
        if !(1..=64).contains(&order) {
            return Err(Error::Parameter { name: "order", value: order as f64, expected: "a number from 1 to 64" });
        }
        if breaks.len() < 2 {
            return Err(Error::TooFew { name: "breaks", got: breaks.len(), needs: 2 });
        }
        let rises = |before: Option<f64>, b: f64| b.is_finite() && before.is_none_or(|a| a < b);
        each("breaks", breaks, "rising, finite numbers", rises)?;
        let rule = legendre(order);
        let (mut points, mut logs, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for pair in breaks.windows(2) {
            // In halves: a sum or a difference may overflow.
            let (middle, half) = (0.5 * pair[0] + 0.5 * pair[1], 0.5 * pair[1] - 0.5 * pair[0]);
            for &(x, w) in &rule {
                points.push(middle + half * x);
                logs.push(log_density(middle + half * x));
                weights.push(half * w);
            }
        }
        if let Some(k) = logs.iter().position(|log| log.is_nan() || *log == f64::INFINITY) {
            let expected = "a point where the log-density is a number, or -inf";
            return Err(Error::Entry { name: "points", index: vec![k], value: points[k], expected });
        }
        let peak = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if peak == f64::NEG_INFINITY {
            return Err(Error::Parameter {
                name: "log_density",
                value: peak,
                expected: "some mass between the breaks",
            });
        }
        weights.iter_mut().zip(&logs).for_each(|(w, log)| *w *= (log - peak).exp());
        let total: f64 = weights.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            let expected = "breaks between which mass can be told";
            return Err(Error::Parameter { name: "breaks", value: total, expected });
        }
        Ok(Self::normalised(points, weights))
    }

    fn normalised(points: Vec<f64>, mut weights: Vec<f64>) -> Self {
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Self { points, weights }
    }

    /// The points.
    pub fn points(&self) -> &[f64] {
        &self.points
    }

    /// Their weights, which sum to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// Every number, with the one before it, is what it should be.
fn each(
    name: &'static str,
    numbers: &[f64],
    expected: &'static str,
    holds: impl Fn(Option<f64>, f64) -> bool,
) -> Result<()> {
    let mut before = None;
    for (k, &value) in numbers.iter().enumerate() {
        if !holds(before, value) {
            return Err(Error::Entry { name, index: vec![k], value, expected });
        }
        before = Some(value);
    }
    Ok(())
}

/// The Gauss-Legendre rule on (-1, 1): the zeros of the Legendre polynomial, by Newton's method, with their weights.
fn legendre(order: usize) -> Vec<(f64, f64)> {
    let n = order as f64;
    let zero = |k: usize| {
        let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (n + 0.5)).cos();
        for _ in 0..8 {
            let (p, slope) = polynomial(order, x);
            x -= p / slope;
        }
        let (_, slope) = polynomial(order, x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..order).map(zero).collect()
}

/// The Legendre polynomial of a degree and its slope, by the recurrence of three terms.
fn polynomial(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut p) = (0.0, 1.0);
    for k in 0..degree {
        let k = k as f64;
        (before, p) = (p, ((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0));
    }
    (p, degree as f64 * (x * p - before) / (x * x - 1.0))
}
