//! How far a draw of each estimator is from its mean, and how far that mean is from the gradient, on one batch and at one
//! set of weights.

use std::cell::RefCell;
use std::fmt;

use estimand::gradient::{Bias, Measured, Named, compare};
use estimand::ndarray::{Array1, Array2, ArrayView1, Axis};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{MeanVariance, Result};
use lab::Threads;
use lab::data::Bits;

use crate::decoding::{Decoding, Found, Setting};
use crate::estimators::Estimator;
use crate::latents::Law;
use crate::model::Model;

/// Examples that the networks are asked at a time: draws of a batch side by side.
const ROWS: usize = 512;

/// Draws that tell of an estimator before it is measured.
const PROBES: usize = 16;

/// Along whose mean the others are compared.
const DIRECTION: &str = "Gumbel, hard";

/// Standard errors by which a mean without bias is off along one direction with a chance of 2e-9.
const FAR: f64 = 6.0;

/// Minus the logarithm of the chance that means without bias are told apart by [`Distance::told_apart`].
const SURE: f64 = 20.7;

/// All estimators of one family, on the gradient of E cost in the logits of each image: `images x width` numbers.
#[derive(Debug)]
pub struct Variance {
    pub images: usize,
    pub draws: usize,
    pub found: Vec<Finding>,
    /// Mean over images and choices of the chance of all values but the likeliest: how far q is from sure.
    pub unsure: f64,
}

/// An estimator, measured.
#[derive(Debug)]
pub struct Finding {
    pub measured: Measured,
    /// Standard error of the total variance, as a share of it.
    pub error: f64,
    /// From the mean of the unbiased estimators, itself left out.
    pub distance: Distance,
    /// The same along one direction, near that of the gradient, in standard errors: of a scale that is wrong it tells the
    /// most.
    pub along: f64,
    /// The best weight of a control, fitted to other draws.
    pub eta: Option<f32>,
}

impl Finding {
    /// Whether the mean is another than that of the unbiased estimators, and not by noise.
    pub fn told_apart(&self) -> bool {
        self.distance.told_apart() || self.along.abs() > FAR
    }
}

/// How far two independent means are from each other.
#[derive(Debug, Clone, Copy)]
pub struct Distance {
    /// Squared.
    squared: f64,
    /// What it is expected to be where both have one mean, and what it is below then, but for a chance of 1e-9.
    expected: f64,
    most: f64,
    /// The squared length of the gradient.
    gradient: f64,
}

impl Distance {
    /// The distance in units of what noise lets expect: about 1 without bias.
    pub fn in_noise(self) -> f64 {
        (self.squared / self.expected).sqrt()
    }

    /// [`in_noise`](Self::in_noise) above which it is not noise.
    pub fn limit(self) -> f64 {
        (self.most / self.expected).sqrt()
    }

    pub fn told_apart(self) -> bool {
        self.squared > self.most
    }

    /// The length of the bias as a share of that of the gradient; what noise adds is taken off.
    pub fn bias(self) -> f64 {
        ((self.squared - self.expected).max(0.0) / self.gradient.max(f64::MIN_POSITIVE)).sqrt()
    }
}

/// A mean of draws, with the variance of it summed over the coordinates of each image.
struct Mean {
    mean: Vec<f64>,
    by_image: Vec<f64>,
}

/// Measures all estimators of the model's latents, each with noise of its own.
pub fn measure(model: &Model, images: &Bits, draws: usize, setting: Setting, rng: &StdRng) -> Result<Variance> {
    let all: Vec<_> = (0..images.len()).collect();
    let x = images.batch::<f32>(&all)?;
    let head = model.encoder.forward(x.view(), Threads::ONE)?.output;
    let batch = Batch { model, x, head };

    let direction = batch.direction(draws, setting, &mut rng.clone())?;
    let (seen, mut etas, mut named) = (RefCell::new(Vec::new()), Vec::new(), Vec::new());
    for (estimator, stream) in Estimator::of(model.latents).iter().zip(0u64..) {
        // A few draws tell what the plan says of itself, and the eta of those that follow.
        let told = batch.draw(estimator, PROBES, setting, &mut rng.clone())?.1;
        let setting = Setting { eta: told.best_eta.unwrap_or(setting.eta), ..setting };
        etas.push(told.best_eta);
        let (batch, seen, direction) = (&batch, &seen, &direction);
        named.push(Named::new(estimator.name, told.bias, told.evaluations as f64, move |rng: &mut StdRng| {
            let mut noise = StdRng::seed_from_u64(rng.random::<u64>().wrapping_add(stream));
            let rows = batch.draws(estimator, draws, setting, &mut noise)?;
            seen.borrow_mut().push((error_of_variance(&rows), Along::of(&rows, direction)));
            Ok(rows)
        }));
    }
    let measured = compare(rng, None, &named)?.measured;
    drop(named);

    let width = model.latents.width();
    let means: Vec<_> = measured.iter().map(|m| Mean::of(m, width)).collect();
    let distances: Vec<_> = (0..measured.len())
        .map(|own| {
            let others = measured.iter().zip(&means).enumerate();
            let unbiased = others.filter(|&(i, (m, _))| i != own && m.bias == Bias::Unbiased);
            means[own].distance(&Mean::pooled(unbiased.map(|(_, (_, mean))| mean)))
        })
        .collect();
    let seen = seen.into_inner();
    let along: Vec<_> = (0..measured.len())
        .map(|own| {
            let others = measured.iter().zip(&seen).enumerate();
            let unbiased = others.filter(|&(i, (m, _))| i != own && m.bias == Bias::Unbiased);
            seen[own].1.apart(&Along::pooled(unbiased.map(|(_, (_, (_, along)))| along)))
        })
        .collect();
    let found = measured.into_iter().zip(seen).zip(distances).zip(along).zip(etas);
    let found = found.map(|((((measured, (error, _)), distance), along), eta)| Finding {
        measured,
        error,
        distance,
        along,
        eta,
    });
    let found = found.collect();
    Ok(Variance { images: images.len(), draws, found, unsure: unsure(&batch)? })
}

/// What the draws of all estimators have in common.
struct Batch<'a> {
    model: &'a Model,
    x: Array2<f32>,
    head: Array2<f32>,
}

impl Batch<'_> {
    /// So many draws, a row each.
    fn draws(&self, estimator: &Estimator, draws: usize, setting: Setting, noise: &mut StdRng) -> Result<Array2<f32>> {
        let mut rows = Array2::zeros((draws, self.head.len()));
        let at_once = (ROWS / self.x.nrows()).max(1);
        for mut rows in rows.axis_chunks_iter_mut(Axis(0), at_once) {
            let (found, _) = self.draw(estimator, rows.nrows(), setting, noise)?;
            // The images of a draw lie one after the other.
            rows.iter_mut().zip(&found).for_each(|(to, &g)| *to = g);
        }
        Ok(rows)
    }

    /// The mean of an estimator of little variance, of noise that no other has: near the gradient's direction, whatever
    /// its bias.
    fn direction(&self, draws: usize, setting: Setting, rng: &mut StdRng) -> Result<Array1<f64>> {
        let named = Estimator::of(self.model.latents).iter().find(|estimator| estimator.name == DIRECTION);
        let Some(estimator) = named else { return Ok(Array1::ones(self.head.len())) };
        let mut noise = StdRng::seed_from_u64(rng.random::<u64>().wrapping_sub(1));
        Ok(self.draws(estimator, draws, setting, &mut noise)?.mapv(f64::from).sum_axis(Axis(0)))
    }

    /// `draws` of the batch as one batch of copies.
    fn draw(
        &self,
        estimator: &Estimator,
        draws: usize,
        setting: Setting,
        noise: &mut StdRng,
    ) -> Result<(Array2<f32>, Found)> {
        let n = self.x.nrows();
        let copies: Vec<_> = (0..draws * n).map(|i| i % n).collect();
        let [x, head] = [&self.x, &self.head].map(|rows| rows.select(Axis(0), &copies));
        let mut decoding = Decoding::new(&self.model.decoder, x.view(), setting);
        let rows = estimator.gradient(self.model.latents, head.view(), noise, &mut decoding)?;
        Ok((rows, decoding.found))
    }
}

/// The standard error of the total variance, as a share of it: by the spread of squared distances from the mean.
fn error_of_variance(rows: &Array2<f32>) -> f64 {
    let n = rows.nrows() as f64;
    let mean = rows.mapv(f64::from).sum_axis(Axis(0)) / n;
    let square =
        |row: ArrayView1<'_, f32>| row.iter().zip(&mean).map(|(&g, m)| (f64::from(g) - m).powi(2)).sum::<f64>();
    let squares: Array1<f64> = rows.axis_iter(Axis(0)).map(square).collect();
    squares.std(1.0) / n.sqrt() / (squares.sum() / n)
}

/// A mean along one direction, with its variance.
#[derive(Debug, Clone, Copy)]
struct Along {
    mean: f64,
    variance: f64,
}

impl Along {
    fn of(rows: &Array2<f32>, direction: &Array1<f64>) -> Self {
        let along: Array1<f64> = rows.axis_iter(Axis(0)).map(|row| row.mapv(f64::from).dot(direction)).collect();
        let n = along.len() as f64;
        Self { mean: along.sum() / n, variance: along.var(1.0) / n }
    }

    /// The mean of independent means, each by its precision.
    fn pooled<'a>(means: impl Iterator<Item = &'a Self>) -> Self {
        let (mut sum, mut precision) = (0.0, 0.0);
        for along in means {
            let weight = along.variance.max(f64::MIN_POSITIVE).recip();
            sum += weight * along.mean;
            precision += weight;
        }
        Self { mean: sum / precision, variance: precision.recip() }
    }

    /// From a reference, in standard errors.
    fn apart(self, reference: &Self) -> f64 {
        let off = self.mean - reference.mean;
        if off == 0.0 { 0.0 } else { off / (self.variance + reference.variance).sqrt() }
    }
}

/// Mean over images and choices of the chance of all values but the likeliest.
fn unsure(batch: &Batch<'_>) -> Result<f64> {
    let most = |chances: &[f32]| chances.iter().fold(0.0_f32, |most, &p| most.max(p));
    let sure: Vec<f32> = match batch.model.latents.law(batch.head.view())? {
        Law::Bits(q) => q.mean().iter().map(|&p| p.max(1.0 - p)).collect(),
        Law::Classes(q) => q.mean().as_slice().unwrap_or_default().chunks(q.classes()).map(most).collect(),
    };
    Ok(1.0 - sure.iter().copied().map(f64::from).sum::<f64>() / sure.len() as f64)
}

impl Mean {
    fn of(measured: &Measured, width: usize) -> Self {
        let draws = measured.draws as f64;
        let by_image = measured.variance.chunks(width).map(|of| of.iter().sum::<f64>() / draws).collect();
        Self { mean: measured.mean.clone(), by_image }
    }

    fn total(&self) -> f64 {
        self.by_image.iter().sum()
    }

    /// The mean of independent means, each by its precision in total.
    fn pooled<'a>(means: impl Iterator<Item = &'a Self>) -> Self {
        let mut pooled = Self { mean: Vec::new(), by_image: Vec::new() };
        let mut precision = 0.0;
        for mean in means {
            // A mean without variance would have all the weight.
            let weight = mean.total().max(f64::MIN_POSITIVE).recip();
            let add = |sum: &mut Vec<f64>, of: &[f64], by: f64| {
                sum.resize(of.len(), 0.0);
                sum.iter_mut().zip(of).for_each(|(sum, x)| *sum += by * x);
            };
            add(&mut pooled.mean, &mean.mean, weight);
            add(&mut pooled.by_image, &mean.by_image, weight * weight);
            precision += weight;
        }
        pooled.mean.iter_mut().for_each(|m| *m /= precision);
        pooled.by_image.iter_mut().for_each(|v| *v /= precision * precision);
        pooled
    }

    /// From a reference.
    ///
    /// Images share no noise, so the squared distance of two means of many draws is a sum over images of squares of normal
    /// numbers, whose variances sum to t_i = `by_image`, of both. Such a sum is above
    /// `sum t + 2 sqrt(x sum t^2) + 2 x max t` with a chance of e^-x at the most, however the t_i are shared among
    /// coordinates (Laurent and Massart 2000, lemma 1).
    fn distance(&self, reference: &Self) -> Distance {
        let squared = self.mean.iter().zip(&reference.mean).map(|(a, b)| (a - b).powi(2)).sum();
        let t: Vec<f64> = self.by_image.iter().zip(&reference.by_image).map(|(a, b)| a + b).collect();
        let (expected, largest) = (t.iter().sum::<f64>(), t.iter().fold(0.0_f64, |most, &t| most.max(t)));
        let squares = t.iter().map(|t| t * t).sum::<f64>();
        let most = expected + 2.0 * (SURE * squares).sqrt() + 2.0 * SURE * largest;
        let gradient = reference.mean.iter().map(|m| m * m).sum::<f64>() - reference.total();
        Distance { squared, expected, most, gradient }
    }
}

impl fmt::Display for Variance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.found.iter().map(|found| found.measured.name.chars().count()).max().unwrap_or(0);
        write!(
            f,
            "{:width$}  said to be  evaluations    variance          x evals  us a draw    off  limit   along  bias / gradient   eta",
            "estimator"
        )?;
        for finding in &self.found {
            let Finding { measured: m, error, distance, along, eta } = finding;
            let bias = format!("{:?}", m.bias).to_lowercase();
            let seconds = m.seconds.map_or("-".to_owned(), |s| format!("{:.0}", s * 1e6));
            let found = match (finding.told_apart(), m.bias) {
                (true, _) => format!("{:.1}%*", 100.0 * distance.bias()),
                (false, Bias::Unbiased) => "- ".to_owned(),
                (false, _) => format!("{:.1}% ", 100.0 * distance.bias()),
            };
            write!(
                f,
                "\n{:width$}  {bias:10}  {:>11}  {:>10.4e} +-{:>4.1}%  {:>7.1e}  {seconds:>9}  {:>5.2}  {:>5.2}  {along:>6.2}  {found:>15}  {}",
                m.name,
                m.evaluations,
                m.total_variance(),
                100.0 * error,
                m.variance_times_evaluations(),
                distance.in_noise(),
                distance.limit(),
                eta.map_or("    -".to_owned(), |eta| format!("{eta:5.2}")),
            )?;
        }
        write!(
            f,
            "\noff: from the mean of the unbiased estimators but itself, in units of what noise lets expect; along: the same along the mean of the hard Gumbel alone, in standard errors; beyond the limit, or 6 standard errors, it is no noise (*), but for a chance of 2e-9"
        )
    }
}
