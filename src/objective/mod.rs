//! Objectives: what is maximised, and the one place where it is negated.
//!
//! `elbo`, `bound` and `log_prob` go up; a loss goes down. Values are kept per example until
//! `mean`; nothing is ever averaged over coordinates.

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
mod mmd;
mod pixel;
mod renyi;
mod schedule;
mod thermodynamic;
mod upper;

pub use aggregate::Aggregate;
pub use bound::importance_weighted;
pub use capacity::{capacity, capacity_by_example};
pub use constrained::{Ceiling, Constrained};
pub use decoder::{DecoderParts, GaussianDecoder};
pub use decomposition::{
    DecomposedKl, Decomposition, InSamplesAndParameters, KlTerms, TermWeights, decompose, decomposed_kl,
};
pub use density_ratio::{discriminator_loss, permuted_columns, total_correlation_of_logits};
pub use dip::{DipForm, dip};
pub use elbo::{Elbo, beta_elbo};
pub use free_bits::{free_bits, free_bits_of_mean};
pub use latents::{Collapse, Latents};
pub use mmd::{DistanceKernel, OfTwoSamples, mmd};
pub use pixel::{bce_with_logits, bits_per_dimension, squared_error};
pub use renyi::renyi;
pub use schedule::Schedule;
pub use thermodynamic::{Riemann, Thermodynamic, thermodynamic};
pub use upper::{cubo, eubo};
