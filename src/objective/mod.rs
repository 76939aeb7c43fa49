//! Objectives: what is maximised, and the one place where it is negated.
//!
//! `elbo`, `bound` and `log_prob` go up; a loss goes down. Values are kept per example until
//! `mean`; nothing is ever averaged over coordinates.

mod bound;
mod decoder;
mod elbo;
mod pixel;

pub use bound::importance_weighted;
pub use decoder::{DecoderParts, GaussianDecoder};
pub use elbo::{Elbo, beta_elbo};
pub use pixel::{bce_with_logits, bits_per_dimension, squared_error};
