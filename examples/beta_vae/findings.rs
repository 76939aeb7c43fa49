//! What a trained network is worth: its rate and distortion, the parts of its rate, and what its code says of the factors.

use estimand::gradient::importance::normalised_weights;
use estimand::metric::disentanglement::{Dci, Gaps, PosteriorInformation, dci, entropies, mig, posterior_information};
use estimand::ndarray::{Array1, Array2, Axis};
use estimand::objective::{Aggregate, KlTerms, Latents, decompose};
use estimand::rand::rngs::StdRng;
use estimand::{Bernoulli, DiagGaussian, Distribution, Result, Sample};
use lab::data::Bits;
use lab::{Threads, Vae};

/// Variance of a posterior mean over images, above which a latent counts as active. Source: Burda and others 2016.
const ACTIVE: f32 = 0.01;

/// Standard errors of an information that noise alone does not make.
const NOISE: f32 = 4.0;

/// Of as many samples one is read, since each is held against all images: no divisor of the numbers of classes, all of which are
/// met equally often so.
const EVERY: usize = 5;

/// Means over images, in nats.
#[derive(Debug)]
pub struct Findings {
    /// log p(x | z) at one sample an image: minus the distortion.
    pub reconstruction: f64,
    /// The rate, closed.
    pub kl: f64,
    /// The rate taken apart, at the same samples: the aggregate posterior is that of all images.
    pub parts: KlTerms<f32>,
    /// The KL of each latent.
    pub kl_of: Array1<f32>,
    /// The latents that move with the image.
    pub active: Vec<usize>,
    pub scores: Option<Scores>,
}

/// One number of them.
pub type Number = fn(&Findings) -> f64;

/// What the code says of the factors.
#[derive(Debug)]
pub struct Scores {
    /// In nats, of each latent about each factor, `(latents, factors)`, from samples of the posteriors.
    pub information: Array2<f32>,
    pub mig: Gaps<f32>,
    /// With that information as the importance: a factor may have classes without an order, which no regression serves.
    pub dci: Dci<f32>,
    /// Of each factor.
    pub read: Vec<Reading>,
}

/// How well a factor is read off a sample of the whole code.
///
/// Nothing is fitted: of a sample z the posterior over images is known, q(z | x) over its sum, and so is that over the classes.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// I(z; factor), in nats.
    pub information: f64,
    /// Of the factor: what there is to know.
    pub entropy: f64,
    /// How often the likeliest class is the right one.
    pub accuracy: f64,
}

impl Reading {
    /// The part of the factor that the code has kept.
    pub fn share(&self) -> f64 {
        self.information / self.entropy
    }
}

impl Findings {
    pub fn of(vae: &Vae<f32>, images: &Bits, factors: Option<&Array2<usize>>, rng: &mut StdRng) -> Result<Self> {
        let x = images.batch::<f32>(&(0..images.len()).collect::<Vec<_>>())?;
        let head = vae.encoder.forward(x.view(), Threads::ONE)?.output;
        let q = DiagGaussian::from_head(&head)?;
        let z = q.sample(rng);
        let logits = vae.decoder.forward(z.view(), Threads::ONE)?.output;
        let latents = Latents::of(&q)?;
        Ok(Self {
            reconstruction: f64::from(Bernoulli::new(&logits)?.log_prob_grad(&x)?.mean()?.value),
            kl: f64::from(latents.rate()),
            parts: decompose(&q, &z, Aggregate::Exact)?.mean()?,
            active: latents.active(ACTIVE)?,
            kl_of: latents.kl,
            scores: factors.map(|factors| Scores::of(&q, &z, factors)).transpose()?,
        })
    }
}

impl Scores {
    fn of(q: &DiagGaussian<'_, f32>, z: &Array2<f32>, factors: &Array2<usize>) -> Result<Self> {
        let of = Array1::from_iter(0..z.nrows());
        let PosteriorInformation { mean: information, std_error } = posterior_information(q, factors, z, &of)?;
        let entropies = entropies::<f32>(factors)?;
        // What noise may have made of nothing is nothing: of a code that is dead a score would be that of the noise.
        let told = |(nats, error)| if nats > NOISE * error { nats } else { 0.0 };
        let importance = information.iter().copied().zip(std_error.iter().copied()).map(told);
        let importance = Array2::from_shape_vec(information.dim(), importance.collect()).unwrap_or_default();
        Ok(Self {
            mig: mig(&information, &entropies)?,
            dci: dci(&importance)?,
            read: readings(q, z, factors, &entropies)?,
            information,
        })
    }
}

fn readings(
    q: &DiagGaussian<'_, f32>,
    z: &Array2<f32>,
    factors: &Array2<usize>,
    entropies: &Array1<f32>,
) -> Result<Vec<Reading>> {
    let mut read = 0_u32;
    let mut sums = vec![(0.0, 0.0_f64); factors.ncols()];
    for (z, own) in z.rows().into_iter().zip(factors.rows()).step_by(EVERY) {
        read += 1;
        // The same sample beside each image: as wide as a code, so that there is a view of it.
        let z = z.broadcast(q.loc().raw_dim()).unwrap_or(q.loc());
        let posterior = normalised_weights(&q.log_prob(&z)?, q.loc().nrows())?;
        for ((sum, column), &own) in sums.iter_mut().zip(factors.axis_iter(Axis(1))).zip(own) {
            let mut classes = vec![0.0_f64; column.iter().max().map_or(0, |most| most + 1)];
            column.iter().zip(&posterior).for_each(|(&class, &share)| classes[class] += f64::from(share));
            sum.0 += classes[own].ln();
            // Of classes that are equally likely one is guessed.
            let likelier = classes.iter().filter(|&&share| share > classes[own]).count();
            let like = classes.iter().filter(|&&share| share == classes[own]).count();
            sum.1 += if likelier == 0 { 1.0 / like as f64 } else { 0.0 };
        }
    }
    let reading = |((log_share, right), &entropy): ((f64, f64), &f32)| {
        let entropy = f64::from(entropy);
        Reading { information: entropy + log_share / f64::from(read), entropy, accuracy: right / f64::from(read) }
    };
    Ok(sums.into_iter().zip(entropies).map(reading).collect())
}
