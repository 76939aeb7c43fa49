//! How far a draw of the encoder's gradient is from its mean, by either door.

use std::fmt;

use estimand::Result;
use estimand::distribution::LocScaleParts;
use estimand::gradient::{Bias, Comparison, Estimate, Measured, Named, compare};
use estimand::ndarray::{Array2, Axis};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use lab::data::Bits;
use lab::vae::{Door, Step};
use lab::{Threads, Vae};

/// Draws of the noise, each of which gives the whole gradient; fewer where the encoder is so large that they
/// would not fit in 64 MB.
const DRAWS: usize = 64;
const ENTRIES: usize = 1 << 24;

/// Draws that are asked for their own standard errors.
const ASKED: usize = 8;

/// The variance of the gradient of the loss in all weights of the encoder, over repeated noise, on one batch
/// and at one set of weights.
#[derive(Debug)]
pub struct Variance {
    images: usize,
    samples: usize,
    comparison: Comparison,
    /// Of the last bias alone, whose gradient is the sum of the head's: over the draws, and as the estimates
    /// report it.
    last_bias: [(f64, f64); 2],
}

/// Both doors on the same images and weights, with `samples` an image.
pub fn measure(vae: &Vae<f32>, images: &Bits, samples: usize, rng: &StdRng, threads: Threads) -> Result<Variance> {
    let all: Vec<_> = (0..images.len()).collect();
    let x = images.batch::<f32>(&all)?;
    let n = x.nrows();
    let width: usize = vae.encoder.parameters().iter().map(|(_, numbers)| numbers.len()).sum();
    let draws = (ENTRIES / width).clamp(2, DRAWS);

    // Noise of its own for each, so that their means are independent.
    let of_encoder = |name: &str, door, stream: u64| {
        let x = &x;
        Named::new(name, Bias::Unbiased, samples as f64, move |rng: &mut StdRng| {
            let mut noise = StdRng::seed_from_u64(rng.random::<u64>().wrapping_add(stream));
            // The closed KL adds no noise, whatever its weight.
            let step = Step::new(1.0, door, samples)?;
            let mut gradient = vae.clone();
            let mut rows = Array2::zeros((draws, width));
            for mut row in rows.axis_iter_mut(Axis(0)) {
                vae.loss_grad_into(x, vae.noise(n * samples, &mut noise)?, step, threads, &mut gradient)?;
                let parameters = gradient.encoder.parameters();
                let numbers = parameters.iter().flat_map(|(_, numbers)| numbers.iter());
                row.iter_mut().zip(numbers).for_each(|(to, &g)| *to = g);
            }
            Ok(rows)
        })
    };
    let doors = [of_encoder("score, leave-one-out", Door::Score, 0), of_encoder("path", Door::Path, 1)];
    let comparison = compare(rng, None, &doors)?;

    // The loss is a mean over images, and images share no noise.
    let of_mean = |estimate: Estimate<f32, LocScaleParts>| {
        let variance = estimate.variance.map(|v| v.flat().iter().map(|&v| f64::from(v)).sum::<f64>());
        variance.unwrap_or(f64::NAN) / (n * n) as f64
    };
    let mut reported = [0.0; 2];
    let mut rng = rng.clone();
    for _ in 0..ASKED {
        let head = vae.head_estimates(&x, vae.noise(n * samples, &mut rng)?, samples, threads)?;
        for (sum, variance) in reported.iter_mut().zip([of_mean(head.score), of_mean(head.path)]) {
            *sum += variance / ASKED as f64;
        }
    }
    let of_last_bias = |m: &Measured| m.variance.iter().rev().take(2 * vae.latent()).sum();
    let last_bias = std::array::from_fn(|i| (comparison.measured.get(i).map_or(f64::NAN, of_last_bias), reported[i]));
    Ok(Variance { images: n, samples, comparison, last_bias })
}

impl Variance {
    /// How many times the variance of the path that through the density has.
    pub fn ratio(&self) -> f64 {
        match &self.comparison.measured[..] {
            [score, path] => score.total_variance() / path.total_variance(),
            _ => f64::NAN,
        }
    }

    /// The squared distance of the two means over its expectation, where both estimate one gradient: about 1.
    fn apart(&self) -> f64 {
        let [score, path] = &self.comparison.measured[..] else { return f64::NAN };
        let distance: f64 = score.mean.iter().zip(&path.mean).map(|(s, p)| (s - p).powi(2)).sum();
        distance * score.draws as f64 / (score.total_variance() + path.total_variance())
    }
}

impl fmt::Display for Variance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, samples, comparison, last_bias: [score, path] } = self;
        let (draws, width) = comparison.measured.first().map_or((0, 0), |m| (m.draws, m.mean.len()));
        writeln!(
            f,
            "the gradient in the encoder's {width} weights, {images} training images, {samples} samples each, {draws} draws of the noise:"
        )?;
        writeln!(f, "{comparison}")?;
        writeln!(
            f,
            "of the last bias alone: {:.3e} by score, its own standard errors say {:.3e}; {:.3e} by path, they say {:.3e}",
            score.0, score.1, path.0, path.1
        )?;
        let ratio = self.ratio();
        writeln!(
            f,
            "both have one mean: their distance squared is {:.2} of what this noise lets expect",
            self.apart()
        )?;
        write!(
            f,
            "variance ratio {ratio:.1}: through the density the same precision takes {ratio:.0} times the samples, for a cost alone tells less than its slope"
        )
    }
}
