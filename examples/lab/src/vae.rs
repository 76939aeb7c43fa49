//! A variational autoencoder with a Gaussian posterior and a Bernoulli decoder.

mod step;

use std::borrow::Cow;

use estimand::distribution::LocScaleParts;
use estimand::gradient::{Baseline, Estimate, pathwise, score_function};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, CowArray, Ix2};
use estimand::objective::{Aggregate, TermWeights, beta_elbo, capacity, decomposed_kl, free_bits_of_mean};
use estimand::rand::Rng;
use estimand::{
    Bernoulli, DiagGaussian, Distribution, Error, Reparameterize, Result, Rows, Sample, Transform, ValueGrad,
};

use crate::door::same_shape;
use crate::mlp::{Outputs, Trace};
use crate::{Mlp, Scalar, Threads};

pub use step::{Door, Price, Step};

/// An encoder `x -> loc | log_scale` of the latents, and a decoder `z -> logits` of the pixels.
///
/// The gradient of a loss in its parameters has the same type.
#[derive(Debug, Clone, PartialEq)]
pub struct Vae<F> {
    /// `pixels -> hidden -> 2 latent`.
    pub encoder: Mlp<F>,
    /// `latent -> hidden -> pixels`.
    pub decoder: Mlp<F>,
}

/// Estimates of one gradient by either door, from the same samples: [`Vae::head_estimates`].
#[derive(Debug, Clone, PartialEq)]
pub struct HeadEstimates<F> {
    /// Along the path.
    pub path: Estimate<F, LocScaleParts>,
    /// Through the density, leave-one-out.
    pub score: Estimate<F, LocScaleParts>,
}

/// What one pass over a batch found: means over its examples, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms<F> {
    /// reconstruction - beta kl, or what stands in the place of the KL.
    pub objective: F,
    /// E log p(x | z).
    pub reconstruction: F,
    /// KL(q(z | x) || p(z)).
    pub kl: F,
}

/// What [`Vae::terms`] found of each example, in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct RowTerms<F> {
    /// log p(x | z) of one sample: `(n,)`.
    pub reconstruction: Array1<F>,
    /// KL(q(z | x) || p(z)): `(n,)`.
    pub kl: Array1<F>,
    /// The means of q(z | x): `(n, latent)`.
    pub means: Array2<F>,
}

/// What one half of a batch found, and leaves behind for the gradient in the weights.
struct Half<'a, F> {
    terms: Terms<F>,
    encoded: Trace<'a, F>,
    d_encoded: Outputs<'a, F>,
    decoded: Trace<'a, F>,
    d_decoded: Outputs<'a, F>,
}

impl<F: Scalar> Vae<F> {
    /// Networks with one hidden layer each, at random.
    ///
    /// Errors: none for these sizes.
    pub fn new<R: Rng + ?Sized>(rng: &mut R, pixels: usize, hidden: usize, latent: usize) -> Result<Self> {
        let encoder = Mlp::new(rng, &[pixels, hidden, 2 * latent])?;
        let decoder = Mlp::new(rng, &[latent, hidden, pixels])?;
        Ok(Self { encoder, decoder })
    }

    /// Starts the decoder at a guess of the pixels' probabilities, `(pixels,)`, for any latent: the
    /// first thing it would learn.
    ///
    /// Errors: `Shape`; those of [`Bernoulli::from_probs`].
    pub fn start_at(&mut self, probs: &ArrayRef1<F>) -> Result<()> {
        let probs = probs.view().insert_axis(Axis(0));
        if let Some(last) = self.decoder.layers.last_mut() {
            same_shape("probs", probs.shape(), &[1, last.outputs()])?;
            last.bias.assign(&Bernoulli::from_probs(&probs)?.logits().row(0));
        }
        Ok(())
    }

    /// The negative beta-weighted ELBO of a batch, and its gradient in every weight.
    ///
    /// Shapes: `x: (n, pixels)` of bits, `noise: (n samples, latent)`, standard normal, the samples of an
    /// example one after the other.
    /// Errors: those of the layers and laws, rows counted in examples.
    pub fn loss_grad(
        &self,
        x: &ArrayRef2<F>,
        noise: Array2<F>,
        step: Step<F>,
        threads: Threads,
    ) -> Result<(Terms<F>, Self)> {
        let mut gradient = self.clone();
        let terms = self.loss_grad_into(x, noise, step, threads, &mut gradient)?;
        Ok((terms, gradient))
    }

    /// [`loss_grad`](Self::loss_grad) into a `gradient` of the same shapes, whatever it held: a loop
    /// that keeps one does not allocate it at every step. It comes out in the layout of the weights.
    ///
    /// Errors: those of `loss_grad`; `Shape` or `Count` of `gradient`. What it holds then is not said.
    pub fn loss_grad_into(
        &self,
        x: &ArrayRef2<F>,
        noise: Array2<F>,
        step: Step<F>,
        threads: Threads,
        gradient: &mut Self,
    ) -> Result<Terms<F>> {
        let n = x.nrows();
        same_shape("x", x.shape(), &[n, self.pixels()])?;
        same_shape("noise", noise.shape(), &[n * step.samples, self.latent()])?;

        threads.within(|| {
            // Each half of the batch goes there and back by itself: two threads have to meet but twice.
            let middle = if step.whole { n } else { n.div_ceil(2) };
            let (x_upper, x_lower) = x.view().split_at(Axis(0), middle);
            let (noise_upper, noise_lower) = noise.view().split_at(Axis(0), middle * step.samples);
            let (upper, lower) = threads.join(
                || self.there_and_back(x_upper, noise_upper, step),
                || (middle < n).then(|| self.there_and_back(x_lower, noise_lower, step)).transpose(),
            );
            // The upper half's error is the first.
            let upper = upper?;
            let lower = lower.map_err(|error| in_rows(error, |row| middle + row))?;

            // A mean over the batch is that of each half, times its share of the examples.
            let share = |half: &Half<'_, F>| F::count(half.encoded.output.nrows()) / F::count(n);
            let halves: Vec<_> = [upper].into_iter().chain(lower).map(|half| (share(&half), half)).collect();

            // The weights: the two networks are as much work as each other.
            let encoder: Vec<_> = halves.iter().map(|(by, half)| (*by, &half.encoded, &half.d_encoded)).collect();
            let decoder: Vec<_> = halves.iter().map(|(by, half)| (*by, &half.decoded, &half.d_decoded)).collect();
            let (encoder, decoder) = threads.join(
                || self.encoder.gradient_into(&mut gradient.encoder, &encoder, Threads::ONE),
                || self.decoder.gradient_into(&mut gradient.decoder, &decoder, Threads::ONE),
            );
            encoder.and(decoder)?;
            let mean = |term: fn(&Terms<F>) -> F| halves.iter().map(|(by, half)| *by * term(&half.terms)).sum();
            Ok(Terms {
                objective: mean(|t| t.objective),
                reconstruction: mean(|t| t.reconstruction),
                kl: mean(|t| t.kl),
            })
        })
    }

    /// The mean of the objective over some rows, and the gradients of its negative in the outputs of
    /// all layers.
    fn there_and_back<'a>(
        &self,
        x: ArrayView2<'a, F>,
        noise: ArrayView2<'_, F>,
        Step { beta, price, door, samples, .. }: Step<F>,
    ) -> Result<Half<'a, F>> {
        let by_example = |error| in_rows(error, |row| row / samples);

        // Forward: the draw z is the only thing that is random, and its noise is an argument.
        let encoded = self.encoder.forward(x, Threads::ONE)?;
        let q = DiagGaussian::from_head(&encoded.output)?.repeat_rows(samples);
        let z = q.transform(noise.to_owned())?;
        let decoded = self.decoder.forward(z.x().to_owned(), Threads::ONE)?;

        // The objective, each term with its gradient; `loss` is where the sign turns.
        let log_p = Bernoulli::new(&decoded.output)?.log_prob_grad(&repeated(x, samples)).map_err(by_example)?;
        // What each sample costs: its share of the loss.
        let cost = log_p.value.mapv(|log_p| -log_p / F::count(x.nrows()));
        let reconstruction = if samples == 1 { log_p } else { log_p.mean_groups(samples)? };
        let kl = q.kl_standard();
        let rate = kl.value.sum() / F::count(x.nrows());
        // What depends on the parameters of q alone has no slope in the samples.
        let closed = |ValueGrad { value, grad }| ValueGrad { value, grad: (Array2::zeros(z.x().dim()), grad) };
        let priced = match price {
            Price::Kl => closed(kl),
            Price::FreeBits(floor) => closed(free_bits_of_mean(q.kl_standard_by_coordinate(), floor, 1)?),
            Price::Capacity(nats) => closed(capacity(kl, nats)?),
            Price::TotalCorrelation(data) => {
                let weights = TermWeights { information: F::one(), total_correlation: beta, dimension_wise: F::one() };
                decomposed_kl(&q, &z.x(), Aggregate::Stratified { data }, weights).map_err(by_example)?.kl
            }
        };
        let beta = if matches!(price, Price::TotalCorrelation(_)) { F::one() } else { beta };
        let elbo = beta_elbo(reconstruction, priced, beta)?.mean()?;
        let kl = if price == Price::Kl { elbo.kl } else { rate };
        let terms = Terms { objective: elbo.value, reconstruction: elbo.reconstruction, kl };
        let (d_logits, (d_z_of_kl, d_kl)) = elbo.loss().grad;
        let d_logits = d_logits.into_flat();

        // Backward: to the encoder's head by one of its two doors, and through the decoder as ever.
        let (d_head, d_decoded) = match door {
            Door::Path => {
                let (d_z, d_decoded) = self.decoder.down_to_input(&decoded, d_logits, Threads::ONE)?;
                (q.pathwise(&z, &(d_z + d_z_of_kl))?.total(), d_decoded)
            }
            Door::Score => {
                let d_head = score_function(&cost, q.score(&z.x())?, Baseline::LeaveOneOut);
                let d_head = d_head.and_then(|estimate| estimate.gradient + q.pathwise(&z, &d_z_of_kl)?.total());
                (d_head, self.decoder.down(&decoded, d_logits, Threads::ONE)?)
            }
        };
        let d_head = (d_kl + d_head.map_err(by_example)?)?;
        let d_encoded = self.encoder.down(&encoded, d_head.into_flat(), Threads::ONE)?;
        Ok(Half { terms, encoded, d_encoded, decoded, d_decoded })
    }

    /// The gradient of E log p(x | z) of each example in the encoder's head, `loc | log_scale`, by either door
    /// from the same samples, with the variance of each.
    ///
    /// The head's gradients of two examples share no noise; so the variances of a sum over examples, as is the
    /// gradient in the encoder's last bias, are the sums of these.
    /// Shapes: `x: (n, pixels)` of bits, `noise: (n samples, latent)`, to estimates `(n, 2 latent)`.
    /// Errors: `Parameter` where there are fewer than 2 samples; those of the layers and laws.
    pub fn head_estimates(
        &self,
        x: &ArrayRef2<F>,
        noise: Array2<F>,
        samples: usize,
        threads: Threads,
    ) -> Result<HeadEstimates<F>> {
        Step::new(F::one(), Door::Score, samples)?;
        let head = self.encoder.forward(x.view(), threads)?.output;
        let q = DiagGaussian::from_head(&head)?.repeat_rows(samples);
        let z = q.transform(noise)?;
        let decoded = self.decoder.forward(z.x().to_owned(), threads)?;
        let log_p = Bernoulli::new(&decoded.output)?.log_prob_grad(&repeated(x.view(), samples))?;
        let (d_z, _) = self.decoder.down_to_input(&decoded, log_p.grad.into_flat(), threads)?;
        let score = score_function(&log_p.value, q.score(&z.x())?, Baseline::LeaveOneOut)?;
        Ok(HeadEstimates { path: pathwise(q.pathwise(&z, &d_z)?)?, score })
    }

    /// Noise for a batch of `n`.
    ///
    /// Errors: `Parameter` where `n = 0`.
    pub fn noise<R: Rng + ?Sized>(&self, n: usize, rng: &mut R) -> Result<Array2<F>> {
        Ok(DiagGaussian::standard(n, self.latent())?.noise(rng))
    }

    /// The terms of the ELBO of each example, without gradients.
    ///
    /// Shapes: `x: (n, pixels)` of bits, `noise: (n, latent)`, standard normal.
    /// Errors: those of the layers and laws.
    pub fn terms(&self, x: &ArrayRef2<F>, noise: Array2<F>, threads: Threads) -> Result<RowTerms<F>> {
        let head = self.encoder.forward(x.view(), threads)?.output;
        let q = DiagGaussian::from_head(&head)?;
        let z = q.transform(noise)?;
        let logits = self.decoder.forward(z.x(), threads)?.output;
        let reconstruction = Bernoulli::new(&logits)?.log_prob(x)?;
        Ok(RowTerms { reconstruction, kl: q.kl_standard().value, means: q.loc().to_owned() })
    }

    /// Log-ratios ln p(x, z) / q(z | x) of `k` samples an example: `(n k,)`, example-major.
    ///
    /// Errors: those of the layers and laws; `Parameter` where `k = 0`.
    pub fn log_weights<R: Rng + ?Sized>(
        &self,
        x: &ArrayRef2<F>,
        k: usize,
        rng: &mut R,
        threads: Threads,
    ) -> Result<Array1<F>> {
        let head = self.encoder.forward(x.view(), threads)?.output;
        let q = DiagGaussian::from_head(&head)?.repeat_rows(k);
        let z = q.sample(rng);
        let logits = self.decoder.forward(z.view(), threads)?.output;
        let prior = DiagGaussian::standard(z.nrows(), self.latent())?;
        Ok(Bernoulli::new(&logits)?.log_prob(&repeated(x.view(), k))? + prior.log_prob(&z)? - q.log_prob(&z)?)
    }

    /// The means of the posterior: `(n, latent)`. Errors: those of the layers.
    pub fn encode(&self, x: &ArrayRef2<F>, threads: Threads) -> Result<Array2<F>> {
        let head = self.encoder.forward(x.view(), threads)?.output;
        Ok(DiagGaussian::from_head(&head)?.loc().to_owned())
    }

    /// The pixels' probabilities: `(n, pixels)`. Errors: those of the layers.
    pub fn decode<'a>(&self, z: impl Into<CowArray<'a, F, Ix2>>, threads: Threads) -> Result<Array2<F>> {
        Ok(self.decoder.forward(z, threads)?.output.mapv(estimand::special::sigmoid))
    }

    /// How many pixels there are.
    fn pixels(&self) -> usize {
        self.encoder.layers.first().map_or(0, |layer| layer.inputs())
    }

    /// How many latents there are.
    pub fn latent(&self) -> usize {
        self.decoder.layers.first().map_or(0, |layer| layer.inputs())
    }

    /// Names and numbers of all parameters: `encoder.0.weight`, ..., `decoder.1.bias`, the numbers in the
    /// order of [`Mlp::parameters`].
    pub fn parameters(&self) -> Vec<(String, Cow<'_, [F]>)> {
        let named = |net: &'static str| move |(name, numbers)| (format!("{net}.{name}"), numbers);
        let encoder = self.encoder.parameters().into_iter().map(named("encoder"));
        encoder.chain(self.decoder.parameters().into_iter().map(named("decoder"))).collect()
    }

    /// The same list for an optimiser to write into.
    pub fn parameters_mut(&mut self) -> Vec<(String, &mut [F])> {
        let encoder = self.encoder.parameters_mut().into_iter().map(|(name, p)| (format!("encoder.{name}"), p));
        let decoder = self.decoder.parameters_mut().into_iter().map(|(name, p)| (format!("decoder.{name}"), p));
        encoder.chain(decoder).collect()
    }
}

/// Each row `k` times, one after the other.
fn repeated<F: Scalar>(x: ArrayView2<'_, F>, k: usize) -> CowArray<'_, F, Ix2> {
    if k == 1 {
        return x.into();
    }
    let rows: Vec<_> = (0..x.nrows() * k).map(|i| i / k).collect();
    x.select(Axis(0), &rows).into()
}

/// An error of some rows, told in rows of the batch.
fn in_rows(error: Error, of_batch: impl Fn(usize) -> usize) -> Error {
    match error {
        Error::NaN { name, row } => Error::NaN { name, row: of_batch(row) },
        Error::Entry { name, mut index, value, expected } => {
            index.iter_mut().take(1).for_each(|row| *row = of_batch(*row));
            Error::Entry { name, index, value, expected }
        }
        error => error,
    }
}
