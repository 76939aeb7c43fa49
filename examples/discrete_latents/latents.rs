//! Two families of discrete latents under one roof, so that one network and one training serve both.

use estimand::distribution::Entropy;
use estimand::ndarray::{Array1, Array2, ArrayRef2, CowArray, Ix2};
use estimand::rand::Rng;
use estimand::{Bernoulli, Categorical, Distribution, Result, Sample, ValueGrad};

/// What lies between encoder and decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latents {
    /// Independent bits.
    Bits { count: usize },
    /// Independent choices among so many classes, one-hot.
    Classes { blocks: usize, classes: usize },
}

/// q(z | x) of a batch, a parameter row an example.
#[derive(Debug, Clone)]
pub enum Law<'a> {
    Bits(Bernoulli<'a, f32>),
    Classes(Categorical<'a, f32>),
}

impl Latents {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bits { .. } => "bits",
            Self::Classes { .. } => "classes",
        }
    }

    /// Outputs of the encoder, and inputs of the decoder.
    pub fn width(self) -> usize {
        match self {
            Self::Bits { count } => count,
            Self::Classes { blocks, classes } => blocks * classes,
        }
    }

    /// Values of each choice.
    pub fn classes(self) -> usize {
        match self {
            Self::Bits { .. } => 2,
            Self::Classes { classes, .. } => classes,
        }
    }

    /// What a sample can tell at the most, in nats.
    pub fn capacity(self) -> f64 {
        match self {
            Self::Bits { count: choices } | Self::Classes { blocks: choices, .. } => {
                choices as f64 * (self.classes() as f64).ln()
            }
        }
    }

    /// The law of logits, `(n, width)`.
    pub fn law<'a>(self, logits: impl Into<CowArray<'a, f32, Ix2>>) -> Result<Law<'a>> {
        Ok(match self {
            Self::Bits { .. } => Law::Bits(Bernoulli::new(logits)?),
            Self::Classes { classes, .. } => Law::Classes(Categorical::new(logits, classes)?),
        })
    }

    /// The prior, `n` times: every point is as likely as any other.
    pub fn prior(self, n: usize) -> Result<Law<'static>> {
        self.law(Array2::zeros((n, self.width())))
    }
}

impl Law<'_> {
    /// Each parameter row for `k` consecutive samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        match self {
            Self::Bits(q) => Self::Bits(q.repeat_rows(k)),
            Self::Classes(q) => Self::Classes(q.repeat_rows(k)),
        }
    }

    pub fn sample(&self, rng: &mut impl Rng) -> Array2<f32> {
        match self {
            Self::Bits(q) => q.sample(rng),
            Self::Classes(q) => q.sample(rng),
        }
    }

    pub fn log_prob(&self, z: &ArrayRef2<f32>) -> Result<Array1<f32>> {
        match self {
            Self::Bits(q) => q.log_prob(z),
            Self::Classes(q) => q.log_prob(z),
        }
    }

    /// The divergence of each parameter row from the prior, closed, with its gradient in the logits: of a uniform prior it is
    /// what q lacks of the largest entropy.
    pub fn kl_to_prior(&self, latents: Latents) -> ValueGrad<Array1<f32>, Array2<f32>> {
        let entropy = match self {
            Self::Bits(q) => q.entropy(),
            Self::Classes(q) => q.entropy(),
        };
        let most = latents.capacity() as f32;
        ValueGrad { value: most - entropy.value, grad: -entropy.grad.into_flat() }
    }
}
