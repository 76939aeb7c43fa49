use estimand::{Error, Result};

use crate::door::at_least_one;

/// By which door the gradient of E log p(x | z) enters the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Through the sample: the decoder's slope at z, along the path of z.
    Path,
    /// Through the density: log p(x | z) of each sample, less the mean of the others, times the score of q at
    /// z. No slope of the decoder is asked for.
    Score,
}

/// What stands in the place of the KL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Price<F> {
    /// The KL itself.
    Kl,
    /// With so many nats of each latent free, in the mean over half a batch.
    FreeBits(F),
    /// Its distance from so many nats, in the mean over half a batch; beta is the weight of the distance.
    Capacity(F),
    /// Its parts, of which beta weighs the total correlation alone (beta-TCVAE): sampled, by stratified weights for a data
    /// set of so many examples. Of a [`whole`](Step::whole) batch, since the mixture of half of it is a worse one.
    TotalCorrelation(usize),
}

/// How a training step is made: the weight of the KL term, which is closed and has no noise behind either
/// door, and what is done to it; the door of the encoder's gradient; and how many samples an example has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<F> {
    pub(super) beta: F,
    pub(super) price: Price<F>,
    pub(super) door: Door,
    pub(super) samples: usize,
    pub(super) whole: bool,
}

impl<F> Step<F> {
    /// Along the path of one sample an example.
    pub fn path(beta: F) -> Self {
        Self { beta, price: Price::Kl, door: Door::Path, samples: 1, whole: false }
    }

    /// By either door.
    ///
    /// Errors: `Parameter` where there are no samples, or one through the density, with no other to measure
    /// it by.
    pub fn new(beta: F, door: Door, samples: usize) -> Result<Self> {
        at_least_one("samples", samples)?;
        if door == Door::Score && samples == 1 {
            return Err(Error::Parameter { name: "samples", value: 1.0, expected: "at least 2 through the density" });
        }
        Ok(Self { beta, price: Price::Kl, door, samples, whole: false })
    }

    /// The same at another weight.
    #[must_use]
    pub fn at(self, beta: F) -> Self {
        Self { beta, ..self }
    }

    /// The same with something in the place of the KL; [`whole`](Self::whole) where that is a total correlation.
    #[must_use]
    pub fn priced(self, price: Price<F>) -> Self {
        let whole = self.whole || matches!(price, Price::TotalCorrelation(_));
        Self { price, whole, ..self }
    }

    /// The same with the batch in one piece: for trainings side by side, a thread each, and for what depends on all of a batch.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Samples an example.
    pub fn samples(&self) -> usize {
        self.samples
    }
}
