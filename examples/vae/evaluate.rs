//! What the network is worth on images that it was not trained on.

use estimand::Result;
use estimand::gradient::importance::effective_sample_size;
use estimand::ndarray::{Array1, Array2, Axis};
use estimand::objective::importance_weighted;
use estimand::rand::Rng;
use lab::data::{Batches, Bits};
use lab::vae::Terms;
use lab::{Threads, Vae};

/// Images at a time.
const BATCH: usize = 500;

/// A latent is active where its posterior mean moves with the image: variance over images above
/// this. Source: Burda, Grosse and Salakhutdinov 2016.
const ACTIVE: f32 = 0.01;

#[derive(Debug)]
pub struct Evaluation {
    pub terms: Terms<f32>,
    pub active: usize,
}

impl Evaluation {
    pub fn elbo(&self) -> f32 {
        self.terms.reconstruction - self.terms.kl
    }
}

/// The ELBO's terms, one sample an image, and the active latents.
pub fn evaluate(vae: &Vae<f32>, images: &Bits, rng: &mut impl Rng, threads: Threads) -> Result<Evaluation> {
    let mut means = Array2::<f32>::zeros((images.len(), vae.latent()));
    let (mut reconstruction, mut kl) = (0.0_f64, 0.0_f64);
    for batch in &Batches::in_order(images.len(), BATCH)? {
        let x = images.batch(batch)?;
        let found = vae.terms(&x, vae.noise(batch.len(), rng)?, threads)?;
        reconstruction += total(&found.reconstruction);
        kl += total(&found.kl);
        for (&i, mean) in batch.iter().zip(found.means.axis_iter(Axis(0))) {
            means.row_mut(i).assign(&mean);
        }
    }
    let n = images.len() as f64;
    let (reconstruction, kl) = ((reconstruction / n) as f32, (kl / n) as f32);
    let active = means.axis_iter(Axis(1)).filter(|unit| unit.var(0.0) > ACTIVE).count();
    Ok(Evaluation { terms: Terms { objective: reconstruction - kl, reconstruction, kl }, active })
}

#[derive(Debug)]
pub struct Bound {
    pub images: usize,
    pub log_likelihood: f64,
    /// Effective sample size, mean over images.
    pub effective: f64,
    /// The mean log-weight, which is the ELBO of the same samples.
    pub elbo: f64,
}

/// The importance-weighted bound on the log-likelihood with `k` samples an image.
pub fn importance_weighted_bound(
    vae: &Vae<f32>,
    images: &Bits,
    k: usize,
    rng: &mut impl Rng,
    threads: Threads,
) -> Result<Bound> {
    let n = images.len();
    let bar = lab::progress(n, "importance weights");
    let (mut sum, mut effective, mut elbo) = (0.0, 0.0, 0.0);
    for batch in &Batches::in_order(n, (2000 / k).max(1))? {
        let log_w = vae.log_weights(&images.batch(batch)?, k, rng, threads)?;
        sum += total(&importance_weighted(&log_w, k)?.value);
        effective += total(&effective_sample_size(&log_w, k)?);
        elbo += total(&log_w) / k as f64;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let each = 1.0 / n as f64;
    Ok(Bound { images: n, log_likelihood: sum * each, effective: effective * each, elbo: elbo * each })
}

fn total(rows: &Array1<f32>) -> f64 {
    rows.iter().copied().map(f64::from).sum()
}
