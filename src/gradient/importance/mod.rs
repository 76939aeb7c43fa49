//! Importance weights from log-ratios, `k` samples an example, example-major.
//!
//! | I have log-weights and | I want | -> this |
//! |---|---|---|
//! | | a weight a sample; how many samples that is | [`normalised_weights`], [`effective_sample_size`] |
//! | | to know whether the weights have a variance at all | [`pareto_k`], with [`pareto_k_threshold`] |
//! | | weights whose largest are tamed | [`smoothed`] |
//! | values of f at the samples | E f under the target, with its error | [`expectation`] |
//! | slopes of log w in z | the gradient of a many-sample bound that keeps its signal | [`dreg_weights`], [`wake_phi_path_weights`] |
//! | discrete samples | the gradient of a many-sample bound by the score | [`vimco_weights`] |
//!
//! The last two as plans: [`ManySamplePath`](super::ManySamplePath) and [`ManySampleScore`](super::ManySampleScore).

mod expectation;
mod pareto;
mod path;
mod vimco;
mod weights;

pub use expectation::{SelfNormalised, expectation};
pub use pareto::{Smoothed, pareto_k, pareto_k_threshold, smoothed};
pub use path::{dreg_weights, wake_phi_path_weights};
pub use vimco::{LeftOut, vimco_weights};
pub use weights::{effective_sample_size, normalised_weights};
pub(crate) use weights::{examples, log_total_with_weights};
