#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Likelihoods, variational objectives and gradient estimators for generative models: every value
//! with its exact gradient, on plain [`ndarray`] arrays. No autodiff framework is needed, and none
//! is in the way.
//!
//! A gradient enters the parameters of a law by one of two doors: through the density
//! ([`score`](Distribution::score)) or through the sample ([`pathwise`](Reparameterize::pathwise)).
//! Values and gradients are rows, one an example, until you reduce them ([`Rows`]); and an
//! estimator is a weight a row.
//!
//! | I have | I want | -> this |
//! |---|---|---|
//! | an encoder's last layer, `loc \| log_scale` | the Gaussian q(z given x) | [`DiagGaussian::from_head`] |
//! | a mean and a covariance, its factor, or its inverse | the Gaussian with them: density, both doors, KL, marginals, conditionals | [`FullGaussian`] |
//! | a law | a draw that remembers its noise | [`Sample::draw`], [`Transform::transform`] |
//! | a law and data | log q(x) with its gradient | [`Distribution::log_prob_grad`] |
//! | a draw and the slope of a cost at it | the gradient for the parameters (reparameterised) | [`Reparameterize::pathwise`] |
//! | samples and their costs | the gradient for the parameters (REINFORCE), with its standard error | [`gradient::score_function`] |
//! | samples and slopes of the cost | the same along the path | [`gradient::pathwise`] |
//! | several estimators of one gradient | bias, variance, cost and time side by side | [`gradient::compare`] |
//! | q and the prior | the KL with its gradient | [`DiagGaussian::kl_standard`], [`Kl::kl`] |
//! | a decoder's logits and bits | the reconstruction term | [`Bernoulli`] |
//! | logits of classes, one variable or several | probabilities, draws, entropy, KL with gradients | [`Categorical`] |
//! | the same, and a cost with slopes | a sample that moves with the logits, and what that costs in bias | [`Concrete`], [`BinaryConcrete`], [`gradient::GumbelSoftmax`] |
//! | gates to be shut, of weights or units | gates that are exactly 0 with a gradient, and the expected L0 norm | [`HardConcrete`] |
//! | bits or classes, and a cost of any kind | an unbiased gradient | [`gradient::ScoreFunction`], [`gradient::DisArm`], [`gradient::DisArmTree`], [`gradient::Enumeration`] |
//! | the same, and a cost with slopes | an unbiased gradient | [`gradient::Rebar`], [`gradient::Relax`], [`gradient::MuProp`] |
//! | a decoder's means and real data | the reconstruction term | [`objective::GaussianDecoder`] |
//! | both terms | the beta-weighted ELBO, and its loss | [`objective::beta_elbo`] |
//! | the same, and a ceiling for one of them | beta, as its multiplier | [`objective::Constrained`] |
//! | a KL by coordinate | free bits; a capacity; a weight that changes from step to step | [`objective::free_bits`], [`objective::capacity`], [`objective::Schedule`] |
//! | samples of the posteriors of a batch | the mutual information, total correlation and dimension-wise KL, each with its price | [`objective::decompose`], [`objective::decomposed_kl`] |
//! | logits and grey levels | binary cross-entropy (no likelihood) | [`objective::bce_with_logits`] |
//! | k log-weights an example | bounds of the evidence, from below and above | [`objective::importance_weighted`], [`objective::renyi`], [`objective::thermodynamic`], [`objective::cubo`], [`objective::eubo`] |
//! | the same | weights, their effective size, how heavy their tail is; expectations with errors | [`gradient::importance`] |
//! | the same, and slopes or scores at the samples | the gradient of a bound in the encoder: DReG, VIMCO, wake-phi, path minus score | [`gradient::ManySamplePath`], [`gradient::ManySampleScore`], [`gradient::through_sample`] |
//! | log-ratios of two laws at samples | their KL, and its gradient | [`gradient::sampled_kl`] |
//! | codes and the factors that their data were made of | MIG, DCI, SAP, the beta-VAE and FactorVAE scores | [`metric::disentanglement`] |
//! | nats | bits per dimension | [`objective::bits_per_dimension`] |
//! | a generator | noise of six laws, the same bits on every machine | [`noise::Standard::draw`], [`noise::Key`] |
//! | a generator | noise that fills space evenly, randomised | [`noise::Standard::quasi`] |
//! | measurements with normal errors | their mean and variance, posterior, intervals | [`moments::Moments`], [`fit`] |
//! | rows of measurements | their covariance matrix, mergeable; shrunk where rows are few; their Gaussian; the mean vector under a known covariance | [`moments::Scatter`], [`fit::ledoit_wolf`], `fit::mle_full`, [`fit::MeanVectorLikelihood`] |
//! | vectors and matrices | forms, determinants, inverses, factors, spectra, the distance of covariances, each with its derivatives | [`matrix`] |
//! | a gradient of my own | to know whether it is one | [`check::gradient`] |
//! | an estimator of my own | its exact mean and variance; a test of its mean | [`check::oracle`], [`check::unbiased`] |
//! | many numbers, and exp or ln of each | a loop that is vector code, with its worst error | [`elementary`] |
//! | a density of my own | score, slope, draws and path of its law | [`distribution::Base`], [`Distribution`] |
//!
//! # Conventions
//!
//! Values are in nats, summed over coordinates, never averaged over them. `log_prob`, `elbo` and
//! `bound` go up; `loss`, `kl` and `cost` go down. Parameters are unconstrained, so there are no
//! clamps. Shapes match exactly or are an [`Error`] with the facts. NaN in data stays in its row
//! until a reduction refuses it. Randomness enters where you pass a generator, and nowhere else.
//! [`ndarray`] and [`rand`] are re-exported, in the versions that fit.
//!
//! # Features
//!
//! Off by default: `rayon`, by which passes over large arrays, reductions of many rows and bulk noise are shared
//! among the threads of its pool (the bits of a result do not depend on it); `serde`, by which statistics and
//! comparisons are written and read; and `linalg`, decompositions of matrices.
#![cfg_attr(any(doc, doctest), doc = "\nThe derivations, their numerics and their tests: [`chapters`].")]

pub mod arithmetic;
pub mod check;
pub mod distribution;
pub mod elementary;
mod error;
pub mod fit;
pub mod gradient;
pub mod kernel;
pub mod matrix;
pub mod metric;
pub mod moments;
pub mod noise;
pub mod objective;
mod real;
pub mod rows;
mod shape;
pub mod special;

pub use distribution::{
    Bernoulli, BinaryConcrete, Categorical, Cdf, Concrete, DiagGaussian, DiagGumbel, DiagLaplace, DiagLogistic,
    Distribution, Draw, Entropy, ExpConcrete, FullGaussian, HardConcrete, Kl, LocScale, MeanVariance, Mirror, Perturb,
    Quasi, Reparameterize, Sample, Smooth, Transform,
};
pub use error::{Error, Result};
pub use real::Real;
pub use rows::{Grad, Parts, Rows, ValueGrad};
pub use shape::Shape;
pub use {ndarray, rand};

/// The derivations, a chapter each: statement, proof, numerics, and the tests that prove it in code.
#[cfg(any(doc, doctest))]
pub mod chapters {
    #[doc = include_str!("../docs/gradient/baseline.md")]
    pub mod baseline {}
    #[doc = include_str!("../docs/distribution/bernoulli.md")]
    pub mod bernoulli {}
    #[doc = include_str!("../docs/objective/beta.md")]
    pub mod beta {}
    #[doc = include_str!("../docs/gradient/binary.md")]
    pub mod binary {}
    #[doc = include_str!("../docs/objective/bound.md")]
    pub mod bound {}
    #[doc = include_str!("../docs/matrix/bures.md")]
    pub mod bures {}
    #[doc = include_str!("../docs/distribution/categorical.md")]
    pub mod categorical {}
    #[doc = include_str!("../docs/distribution/concrete.md")]
    pub mod concrete {}
    #[doc = include_str!("../docs/fit/covariance.md")]
    pub mod covariance {}
    #[doc = include_str!("../docs/objective/decoder.md")]
    pub mod decoder {}
    #[doc = include_str!("../docs/objective/decomposition.md")]
    pub mod decomposition {}
    #[doc = include_str!("../docs/matrix/decompositions.md")]
    pub mod decompositions {}
    #[doc = include_str!("../docs/matrix/derivatives.md")]
    pub mod derivatives {}
    #[doc = include_str!("../docs/check/differences.md")]
    pub mod differences {}
    #[doc = include_str!("../docs/gradient/discrete.md")]
    pub mod discrete {}
    #[doc = include_str!("../docs/metric/disentanglement.md")]
    pub mod disentanglement {}
    #[doc = include_str!("../docs/objective/elbo.md")]
    pub mod elbo {}
    #[doc = include_str!("../docs/fit/experiment.md")]
    pub mod experiment {}
    #[doc = include_str!("../docs/distribution/full_gaussian.md")]
    pub mod full_gaussian {}
    #[doc = include_str!("../docs/distribution/gaussian.md")]
    pub mod gaussian {}
    #[doc = include_str!("../docs/distribution/gumbel.md")]
    pub mod gumbel {}
    #[doc = include_str!("../docs/house.md")]
    pub mod house {}
    #[doc = include_str!("../docs/gradient/importance.md")]
    pub mod importance {}
    #[doc = include_str!("../docs/distribution/laplace.md")]
    pub mod laplace {}
    #[doc = include_str!("../docs/distribution/logistic.md")]
    pub mod logistic {}
    #[doc = include_str!("../docs/fit/map.md")]
    pub mod map {}
    #[doc = include_str!("../docs/gradient/measure_valued.md")]
    pub mod measure_valued {}
    #[doc = include_str!("../docs/fit/mle.md")]
    pub mod mle {}
    #[doc = include_str!("../docs/moments/moments.md")]
    pub mod moments {}
    #[doc = include_str!("../docs/noise/noise.md")]
    pub mod noise {}
    #[doc = include_str!("../docs/numbers.md")]
    pub mod numbers {}
    #[doc = include_str!("../docs/gradient/pathwise.md")]
    pub mod pathwise {}
    #[doc = include_str!("../docs/noise/quasi.md")]
    pub mod quasi {}
    #[doc = include_str!("../docs/gradient/relax.md")]
    pub mod relax {}
    #[doc = include_str!("../docs/rows/rows.md")]
    pub mod rows {}
    #[doc = include_str!("../docs/gradient/sampled_kl.md")]
    pub mod sampled_kl {}
    #[doc = include_str!("../docs/gradient/score_function.md")]
    pub mod score_function {}
    #[doc = include_str!("../docs/speed.md")]
    pub mod speed {}
    #[doc = include_str!("../docs/matrix/spectrum.md")]
    pub mod spectrum {}
    #[doc = include_str!("../docs/special/stable.md")]
    pub mod stable {}
    #[doc = include_str!("../docs/check/unbiased.md")]
    pub mod unbiased {}
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
