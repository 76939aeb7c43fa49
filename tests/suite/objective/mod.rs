mod aggregate;
mod bound;
mod capacity;
mod constrained;
mod decoder;
mod decomposition;
mod density_ratio;
mod dip;
mod elbo;
mod free_bits;
mod latents;
mod linear_vae;
mod lsat;
mod mmd;
mod pixel;
mod renyi;
mod schedule;
mod thermodynamic;
mod upper;

use estimand::ndarray::array;
use estimand::objective::{GaussianDecoder, beta_elbo};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Bernoulli, DiagGaussian, Distribution, Reparameterize, Rows, Sample};

/// Training is as short as this, for real data as for bits.
#[test]
fn law_the_call_sites_of_a_training_step() -> estimand::Result<()> {
    let (head, logits) = (array![[0.1, -0.2, 0.0, 0.3]], array![[0.5, -1.0]]);
    let (x, real, beta) = (array![[1.0, 0.0]], array![[0.7, 0.1]], 2.0);
    let mut rng = StdRng::seed_from_u64(1);

    let q = DiagGaussian::from_head(&head)?;
    let z = q.draw(&mut rng);
    let rec = Bernoulli::new(&logits)?.log_prob_grad(&x)?;
    let obj = beta_elbo(rec, q.kl_standard(), beta)?.mean()?;
    let (d_logits, d_kl) = obj.grad;
    let d_z = d_logits.logits().to_owned();
    let d_head = d_kl + q.pathwise(&z, &d_z)?.total();
    assert_eq!(d_head?.flat().dim(), (1, 4));

    let rec = GaussianDecoder::shared(&logits, 0.1).log_prob_grad(&real)?;
    let obj = beta_elbo(rec, q.kl_standard(), beta)?.mean()?;
    assert_eq!(obj.loss().grad.0.log_scale().dim(), (1, 1));

    let (mu, log_sigma, samples) = (array![0.0, 1.0], array![0.0, 0.0], 3);
    let q = DiagGaussian::shared(&mu, &log_sigma, samples)?;
    let x = q.sample(&mut rng);
    let g = q.score(&x)?.weighted(&array![0.5, -0.25, -0.25])?;
    assert_eq!(g.flat().dim(), (1, 4));
    let q = Bernoulli::new(&logits)?.repeat_rows(samples);
    assert_eq!(q.sample(&mut rng).dim(), (3, 2));
    Ok(())
}
