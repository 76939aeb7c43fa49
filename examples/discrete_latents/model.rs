//! The network, its training step, and what it is worth.
//!
//! The loss of an image is the negative ELBO, `E cost(z) + KL(q(z | x) || p(z))` with the cost `-log p(x | z)`: the
//! divergence from the uniform prior is closed, so that the first term alone is left to an estimator.

use std::borrow::Cow;

use estimand::ndarray::{Array1, Array2, Axis};
use estimand::objective::importance_weighted;
use estimand::rand::{Rng, rngs::StdRng};
use estimand::special::sigmoid;
use estimand::{Bernoulli, Distribution, Result};
use lab::data::{Batches, Bits};
use lab::{Mlp, Threads};

use crate::decoding::{Decoding, Setting};
use crate::estimators::Estimator;
use crate::latents::Latents;

/// Images at a time, where nothing is learned.
const BATCH: usize = 500;

/// Two networks with one hidden layer each; the gradient of a loss in their weights has the same type.
#[derive(Debug, Clone)]
pub struct Model {
    pub latents: Latents,
    /// `pixels -> hidden -> logits of q`.
    pub encoder: Mlp<f32>,
    /// `z -> hidden -> logits of the pixels`.
    pub decoder: Mlp<f32>,
}

/// Means over images, in nats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// log p(x | z), at samples z of q.
    pub reconstruction: f64,
    pub kl: f64,
}

/// What a training step found.
#[derive(Debug)]
pub struct Step {
    pub terms: Terms,
    pub gradient: Model,
    /// Points an example at which the decoder was asked.
    pub evaluations: usize,
    /// What would have been the best weight of REBAR's control.
    pub best_eta: Option<f32>,
}

impl Terms {
    pub fn elbo(self) -> f64 {
        self.reconstruction - self.kl
    }
}

impl Model {
    /// Random weights; the decoder starts at the pixels' probabilities.
    pub fn new(rng: &mut StdRng, latents: Latents, hidden: usize, pixels: &Array1<f32>) -> Result<Self> {
        let encoder = Mlp::new(rng, &[pixels.len(), hidden, latents.width()])?;
        let mut decoder = Mlp::new(rng, &[latents.width(), hidden, pixels.len()])?;
        if let Some(last) = decoder.layers.last_mut() {
            last.bias.assign(&Bernoulli::from_probs(&pixels.view().insert_axis(Axis(0)))?.logits().row(0));
        }
        Ok(Self { latents, encoder, decoder })
    }

    /// The terms of the ELBO of a batch, and the gradient of the mean loss in every weight, the divergence weighed by `beta`.
    ///
    /// The encoder's comes from the estimator; the decoder's is the plain mean over the estimator's samples of q.
    pub fn step(
        &self,
        x: &Array2<f32>,
        estimator: &Estimator,
        setting: Setting,
        beta: f32,
        rng: &mut StdRng,
    ) -> Result<Step> {
        let encoded = self.encoder.forward(x.view(), Threads::ONE)?;
        let mut decoding = Decoding::new(&self.decoder, x.view(), setting).learning();
        let d_cost = estimator.gradient(self.latents, encoded.output.view(), rng, &mut decoding)?;
        let found = decoding.found;
        let kl = self.latents.law(&encoded.output)?.kl_to_prior(self.latents);
        let d_head = (d_cost + kl.grad * beta) / x.nrows() as f32;
        let encoder = self.encoder.backward(&encoded, &d_head, Threads::ONE)?;
        let decoder = found.gradient.unwrap_or_else(|| self.decoder.clone());
        let terms = Terms { reconstruction: found.reconstruction, kl: total(&kl.value) / x.nrows() as f64 };
        let gradient = Self { latents: self.latents, encoder, decoder };
        Ok(Step { terms, gradient, evaluations: found.evaluations, best_eta: found.best_eta })
    }

    /// The terms of the ELBO with one sample an image: the bound of the discrete model, whatever trained it.
    pub fn evaluate(&self, images: &Bits, rng: &mut StdRng) -> Result<Terms> {
        let mut sums = Terms::default();
        for batch in &Batches::in_order(images.len(), BATCH)? {
            let x = images.batch::<f32>(batch)?;
            let q = self.latents.law(self.encoder.forward(x.view(), Threads::ONE)?.output)?;
            let logits = self.decoder.forward(q.sample(rng), Threads::ONE)?.output;
            sums.reconstruction += total(&Bernoulli::new(&logits)?.log_prob(&x)?);
            sums.kl += total(&q.kl_to_prior(self.latents).value);
        }
        let n = images.len() as f64;
        Ok(Terms { reconstruction: sums.reconstruction / n, kl: sums.kl / n })
    }

    /// The importance-weighted bound on the log-likelihood with `k` samples an image, mean over images.
    pub fn importance_weighted_bound(&self, images: &Bits, k: usize, rng: &mut StdRng) -> Result<f64> {
        let mut sum = 0.0;
        for batch in &Batches::in_order(images.len(), (2000 / k).max(1))? {
            let x = images.batch::<f32>(batch)?;
            let rows: Vec<_> = (0..batch.len() * k).map(|i| i / k).collect();
            let q = self.latents.law(self.encoder.forward(x.view(), Threads::ONE)?.output)?.repeat_rows(k);
            let z = q.sample(rng);
            let logits = self.decoder.forward(z.view(), Threads::ONE)?.output;
            let log_p = Bernoulli::new(&logits)?.log_prob(&x.select(Axis(0), &rows))?;
            // Of a uniform prior the log-probability is a number.
            let log_w = log_p - q.log_prob(&z)? - self.latents.capacity() as f32;
            sum += total(&importance_weighted(&log_w, k)?.value);
        }
        Ok(sum / images.len() as f64)
    }

    /// The pixels' probabilities at the latents of one sample of q an image.
    pub fn reconstruct(&self, x: &Array2<f32>, rng: &mut impl Rng) -> Result<Array2<f32>> {
        let head = self.encoder.forward(x.view(), Threads::ONE)?.output;
        self.decode(self.latents.law(head)?.sample(rng))
    }

    /// The pixels' probabilities at `n` samples of the prior.
    pub fn generate(&self, n: usize, rng: &mut impl Rng) -> Result<Array2<f32>> {
        self.decode(self.latents.prior(n)?.sample(rng))
    }

    fn decode(&self, z: Array2<f32>) -> Result<Array2<f32>> {
        Ok(self.decoder.forward(z, Threads::ONE)?.output.mapv(sigmoid))
    }

    /// Names and numbers of all weights: `encoder.0.weight`, ..., `decoder.1.bias`.
    pub fn parameters(&self) -> Vec<(String, Cow<'_, [f32]>)> {
        let of = |net: &'static str| move |(name, numbers)| (format!("{net}.{name}"), numbers);
        let encoder = self.encoder.parameters().into_iter().map(of("encoder"));
        encoder.chain(self.decoder.parameters().into_iter().map(of("decoder"))).collect()
    }

    /// The same list for an optimiser to write into.
    pub fn parameters_mut(&mut self) -> Vec<(String, &mut [f32])> {
        let encoder = self.encoder.parameters_mut().into_iter().map(|(name, p)| (format!("encoder.{name}"), p));
        let decoder = self.decoder.parameters_mut().into_iter().map(|(name, p)| (format!("decoder.{name}"), p));
        encoder.chain(decoder).collect()
    }
}

fn total(rows: &Array1<f32>) -> f64 {
    rows.iter().copied().map(f64::from).sum()
}
