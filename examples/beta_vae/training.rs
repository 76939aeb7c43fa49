//! Trainings that differ in what a nat costs, and in nothing else.

use std::time::Instant;

use estimand::ndarray::{Array1, Array2};
use estimand::objective::Schedule;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use lab::data::{Batches, Bits};
use lab::vae::{Price, Step};
use lab::{Adam, Failure, Mlp, Threads, Vae, progress};

use crate::findings::Findings;

/// The last part of a training goes on at a fraction of the rate: noise of the steps averages out.
const LAST_PART: f64 = 0.8;
const LAST_RATE: f64 = 0.2;

/// What is priced, with how many latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The KL, by beta.
    Vae,
    /// Its total correlation, by beta.
    TcVae,
    /// The KL, by beta, of as many latents as a large beta leaves alive.
    Few,
}

impl Family {
    pub const ALL: [Self; 3] = [Self::Vae, Self::TcVae, Self::Few];

    pub fn name(self) -> &'static str {
        match self {
            Self::Vae => "beta-VAE",
            Self::TcVae => "beta-TCVAE",
            Self::Few => "few latents",
        }
    }

    /// The betas that it is trained with.
    pub fn betas(self) -> &'static [f64] {
        match self {
            Self::Vae => &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0],
            Self::TcVae => &[2.0, 4.0, 8.0],
            Self::Few => &[1.0, 8.0],
        }
    }
}

/// A training to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    pub family: Family,
    pub beta: f64,
    /// Which of the seeds, from 0.
    pub seed: usize,
}

/// A training that was done.
#[derive(Debug)]
pub struct Run {
    pub job: Job,
    pub vae: Vae<f32>,
    pub found: Findings,
    /// In training alone.
    pub seconds: f64,
}

/// What to learn from, and how.
#[derive(Debug)]
pub struct Task {
    pub images: Bits,
    /// The classes that each image was made of, a column a factor, where they are known.
    pub factors: Option<Array2<usize>>,
    pub latents: usize,
    pub few: usize,
    pub hidden: usize,
    pub epochs: usize,
    pub batch: usize,
    pub rate: f64,
    /// Epochs in which beta rises from 0.
    pub warm_up: f64,
    /// How often each pixel is ink, where decoders start at that instead of at one half.
    pub start: Option<Array1<f32>>,
    pub seeds: Vec<Seeds>,
}

/// Where randomness comes from: trainings of one seed meet the same batches, and the same noise where they have as many latents.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    weights: u64,
    batches: u64,
    noise: u64,
    measured: u64,
}

impl Seeds {
    pub fn new(rng: &mut StdRng) -> Self {
        Self { weights: rng.random(), batches: rng.random(), noise: rng.random(), measured: rng.random() }
    }
}

impl Task {
    /// A training for each family, beta and seed.
    pub fn jobs(&self) -> Vec<Job> {
        let of = |family: Family| family.betas().iter().map(move |&beta| (family, beta));
        let all = Family::ALL.into_iter().flat_map(of);
        all.flat_map(|(family, beta)| (0..self.seeds.len()).map(move |seed| Job { family, beta, seed })).collect()
    }

    /// All of them, in their order; a line each as they are done.
    pub fn train_all(&self, jobs: &[Job], threads: Threads) -> Result<Vec<Run>, Failure> {
        let steps = self.epochs * self.images.len().div_ceil(self.batch);
        let bar = progress(jobs.len() * steps, "training");
        let runs = threads.side_by_side(jobs, |&job| {
            let run = self.train(job, || bar.inc(1)).map_err(|error| {
                format!(
                    "{}, beta {}: training went astray ({error}); a smaller --rate may help",
                    job.family.name(),
                    job.beta
                )
            })?;
            let line = run.line();
            bar.suspend(|| eprintln!("{line}"));
            Ok(run)
        });
        bar.finish_and_clear();
        runs
    }

    fn train(&self, job: Job, advance: impl Fn()) -> Result<Run, Failure> {
        let seeds = self.seeds[job.seed];
        let latents = if job.family == Family::Few { self.few } else { self.latents };
        let [mut weights, mut batches, mut noise] =
            [seeds.weights, seeds.batches, seeds.noise].map(StdRng::seed_from_u64);
        let (width, hidden) = (self.images.pixels(), self.hidden);
        let mut vae = Vae {
            encoder: Mlp::new(&mut weights, &[width, hidden, hidden, 2 * latents])?,
            decoder: Mlp::new(&mut weights, &[latents, hidden, hidden, width])?,
        };
        if let Some(pixels) = &self.start {
            vae.start_at(pixels)?;
        }
        let price = match job.family {
            Family::TcVae => Price::TotalCorrelation(self.images.len()),
            _ => Price::Kl,
        };
        let step = Step::path(0.0).priced(price).whole();
        let rise = (self.warm_up * self.images.len().div_ceil(self.batch) as f64).round() as usize;
        let mut betas = Schedule::linear(0.0, job.beta as f32, rise)?;

        let (mut adam, mut gradient) = (Adam::new(self.rate), vae.clone());
        let began = Instant::now();
        for epoch in 0..self.epochs {
            if epoch as f64 >= LAST_PART * self.epochs as f64 {
                adam.rate = LAST_RATE * self.rate;
            }
            let all = Batches::shuffled(self.images.len(), self.batch, &mut batches)?;
            // A last batch of one image would have nothing to be mixed with.
            for batch in all.iter().filter(|batch| batch.len() > 1) {
                let noise = vae.noise(batch.len(), &mut noise)?;
                let step = step.at(betas.next().unwrap_or_default());
                vae.loss_grad_into(&self.images.batch(batch)?, noise, step, Threads::ONE, &mut gradient)?;
                adam.step(vae.parameters_mut(), gradient.parameters())?;
                advance();
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let mut measured = StdRng::seed_from_u64(seeds.measured);
        let found = Findings::of(&vae, &self.images, self.factors.as_ref(), &mut measured)?;
        Ok(Run { job, vae, found, seconds })
    }
}

impl Run {
    /// What a line of the table says.
    pub fn line(&self) -> String {
        let Self { job, found, seconds, .. } = self;
        let scores = found.scores.as_ref().map_or_else(
            || "      -       -".to_owned(),
            |scores| format!("{:7.3} {:7.3}", scores.mig.mean, scores.dci.disentanglement),
        );
        format!(
            "{:12} {:5} {:5} {:15.2} {:6.2} {:12.2} {:18.3} {:7} {scores} {seconds:8.1}",
            job.family.name(),
            job.beta,
            job.seed + 1,
            found.reconstruction,
            found.kl,
            found.parts.information,
            found.parts.total_correlation,
            found.active.len(),
        )
    }
}
