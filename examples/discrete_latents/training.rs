//! Trainings that begin alike: the same weights and batches for every estimator of a family.

use std::time::Instant;

use estimand::ndarray::Array1;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use lab::data::{Batches, Bits, Images};
use lab::{Adam, Failure, Threads, progress};

use crate::decoding::Setting;
use crate::estimators::Estimator;
use crate::latents::Latents;
use crate::model::{Model, Terms};

/// How much of the weight of REBAR's control a step keeps; the rest comes from what was best for its batch.
const KEPT: f32 = 0.9;

/// What to learn from, and how.
#[derive(Debug)]
pub struct Task {
    pub train: Images,
    pub test: Bits,
    /// How often each pixel is ink.
    pub pixels: Array1<f32>,
    pub hidden: usize,
    pub epochs: usize,
    pub batch: usize,
    pub rate: f64,
    pub temperature: f32,
    /// Epochs in which the weight of the divergence rises from 0 to 1.
    pub warm_up: f64,
    pub seeds: Seeds,
    /// Images for the importance-weighted bound, and samples for each.
    pub bound: (usize, usize),
}

/// Where randomness comes from; each use has a generator of its own, so that all trainings meet the same weights, batches
/// and test noise, however much noise an estimator takes.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    weights: u64,
    batches: u64,
    noise: u64,
    test: u64,
}

impl Seeds {
    pub fn new(rng: &mut StdRng) -> Self {
        Self { weights: rng.random(), batches: rng.random(), noise: rng.random(), test: rng.random() }
    }
}

/// A training to do.
pub type Job = (Latents, &'static Estimator);

/// A training that was done.
#[derive(Debug)]
pub struct Run {
    pub latents: Latents,
    pub estimator: &'static Estimator,
    pub model: Model,
    /// Of the test images, before the first epoch and after each.
    pub test: Vec<Terms>,
    /// Of the training images, as they were met: an epoch each.
    pub train: Vec<Terms>,
    /// Importance-weighted bound of the first test images.
    pub bound: f64,
    /// Points an example at which the decoder was asked.
    pub evaluations: usize,
    /// In training alone.
    pub seconds: f64,
    /// The weight of REBAR's control at the end, where there is one.
    pub eta: Option<f32>,
}

impl Run {
    /// The test ELBO at the end.
    pub fn elbo(&self) -> f64 {
        self.test.last().map_or(f64::NAN, |terms| terms.elbo())
    }
}

impl Task {
    /// The weights that each training of a family begins with.
    pub fn start(&self, latents: Latents) -> Result<Model, Failure> {
        Ok(Model::new(&mut StdRng::seed_from_u64(self.seeds.weights), latents, self.hidden, &self.pixels)?)
    }

    /// All trainings, in their order.
    pub fn train_all(&self, jobs: &[Job], threads: Threads) -> Result<Vec<Run>, Failure> {
        let steps = self.epochs * self.train.len().div_ceil(self.batch);
        let bar = progress(jobs.len() * steps, "training");
        let runs = threads.side_by_side(jobs, |&(latents, estimator)| {
            let run = self.train(latents, estimator, || bar.inc(1))?;
            let line = format!(
                "{}, {}: test ELBO {:.2} after {} epochs of {:.1} seconds each",
                latents.name(),
                estimator.name,
                run.elbo(),
                self.epochs,
                run.seconds / self.epochs as f64
            );
            bar.suspend(|| eprintln!("{line}"));
            Ok(run)
        });
        bar.finish_and_clear();
        runs
    }

    fn train(&self, latents: Latents, estimator: &'static Estimator, advance: impl Fn()) -> Result<Run, Failure> {
        let mut model = self.start(latents)?;
        let mut adam = Adam::new(self.rate);
        let [mut batches, mut noise] = [self.seeds.batches, self.seeds.noise].map(StdRng::seed_from_u64);
        let mut run = Run {
            latents,
            estimator,
            test: vec![model.evaluate(&self.test, &mut self.test_noise())?],
            train: Vec::new(),
            bound: f64::NAN,
            evaluations: 0,
            seconds: 0.0,
            eta: None,
            model: model.clone(),
        };
        let mut setting = self.setting();
        let mut steps = 0;
        for _ in 0..self.epochs {
            let began = Instant::now();
            let images = self.train.epoch(&mut batches);
            let mut sums = Terms::default();
            for batch in &Batches::shuffled(images.len(), self.batch, &mut batches)? {
                let beta = self.beta(steps);
                let step = model.step(&images.batch(batch)?, estimator, setting, beta, &mut noise).map_err(astray)?;
                adam.step(model.parameters_mut(), step.gradient.parameters())?;
                let share = batch.len() as f64 / images.len() as f64;
                sums.reconstruction += share * step.terms.reconstruction;
                sums.kl += share * step.terms.kl;
                run.evaluations = step.evaluations;
                // Of earlier batches, so that the estimate stays unbiased.
                if let Some(best) = step.best_eta {
                    setting.eta = KEPT * setting.eta + (1.0 - KEPT) * best;
                    run.eta = Some(setting.eta);
                }
                steps += 1;
                advance();
            }
            run.seconds += began.elapsed().as_secs_f64();
            run.train.push(sums);
            run.test.push(model.evaluate(&self.test, &mut self.test_noise()).map_err(astray)?);
        }
        let (images, samples) = self.bound;
        run.bound = model.importance_weighted_bound(&self.test.first(images), samples, &mut self.test_noise())?;
        Ok(Run { model, ..run })
    }

    pub fn setting(&self) -> Setting {
        Setting { temperature: self.temperature, eta: 1.0 }
    }

    /// The weight of the divergence at a step. Without a rise of it the prior wins before the decoder has made anything of
    /// the latents, and small networks never come back. Source: Bowman and others 2016.
    fn beta(&self, step: usize) -> f32 {
        let rise = self.warm_up * self.train.len().div_ceil(self.batch) as f64;
        if (step as f64) < rise { (step as f64 / rise) as f32 } else { 1.0 }
    }

    /// The same after each epoch, so that the points of a curve differ by learning.
    fn test_noise(&self) -> StdRng {
        StdRng::seed_from_u64(self.seeds.test)
    }
}

fn astray(error: estimand::Error) -> Failure {
    format!("training went astray ({error}); a smaller --rate may help").into()
}
