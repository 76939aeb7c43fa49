//! Gaussian estimation: what observations say of a mean and a variance, and how far it can be trusted.
//!
//! | I have | I want | -> this |
//! |---|---|---|
//! | observations | their statistics, also in parts, weighted, of a stream | [`Moments`] |
//! | moments | the maximum-likelihood mean; mean and variance | [`mle_mean`], [`mle`], [`unbiased`] |
//! | moments and a known variance | the likelihood of the mean | [`MeanLikelihood::of`] |
//! | groups, each of its own variance | the same, and whether they agree | [`Groups`] |
//! | a likelihood and a prior | the posterior (its mean is the MAP), the evidence | [`MeanLikelihood::posterior`], [`MeanLikelihood::log_marginal`] |
//! | a posterior | an interval; the law of the next observation | [`Gaussian::interval`], [`Gaussian::predictive`] |
//! | a design | what N observations can tell at best; the exact error of MLE and MAP | [`Information`], [`Risk`] |
//!
//! A prior, a posterior and a predictive law are each a [`Gaussian`], so that a posterior is the
//! prior of the next observations as it is.

mod estimate;
mod gaussian;
mod groups;
mod information;
mod likelihood;
mod risk;
mod square;

pub use crate::moments::Moments;
pub use estimate::{mle, mle_mean, unbiased};
pub use gaussian::Gaussian;
pub use groups::{Groups, Homogeneity};
pub use information::Information;
pub use likelihood::MeanLikelihood;
pub use risk::{Risk, break_even};
pub use square::CompletedSquare;
