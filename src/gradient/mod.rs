//! Gradient estimators, and how far each estimate can be trusted.
//!
//! The estimand is d/d theta E f(x) for x ~ q_theta. A plan *proposes* points, you *evaluate* the cost
//! there, and the plan *combines* the costs into independent draws of the gradient ([`Plan`]), whose mean
//! is an [`Estimate`] with its standard error. The noise is an argument, so the code that you run is the
//! code that [`check::oracle`](crate::check::oracle) takes apart.
//!
//! | estimator | asks for | [`Bias`] | what it costs and gives |
//! |---|---|---|---|
//! | [`ScoreFunction`], [`score_function`] | costs | by [`Baseline`] | any law and any cost; its variance grows with the dimension |
//! | [`Pathwise`], [`pathwise`] | slopes of the cost | unbiased | the least variance where the cost is smooth |
//! | [`StickingTheLanding`] | slopes of log p(x, z) | unbiased | the path of an ELBO without the score: no variance at the posterior |
//! | [`MeasureValued`] | costs, 4 a sample and coordinate | unbiased | Gaussian laws and any cost, with the variance of a smooth one |
//! | [`Enumeration`] | costs, at each point of a finite law | unbiased | exact; 2^d costs for d bits |
//! | [`Arm`], [`DisArm`] | costs, 2 a sample | unbiased | bits: mirrored pairs; of one bit less variance than leave-one-out, of DisARM none at a fair one |
//! | [`DisArmTree`] | costs, 2 a sample | unbiased | classes: DisARM along a binary tree of them |
//! | [`BitFlip`], [`ClippedPairs`] | costs, 2 and 3 a sample | unbiased | bits that are nearly sure: one turned at a time; with DisARM for the others |
//! | [`MuProp`] | costs, and a slope at the mean | unbiased | bits and classes: no variance where the cost is linear |
//! | [`Rebar`], [`Relax`] | costs and slopes, at 3 points a sample | unbiased | bits and classes: a relaxed sample, or any function of one, as control variate |
//! | [`GumbelSoftmax`] | slopes of the cost | biased | bits and classes: the path of a relaxed sample |
//! | [`StraightThrough`] | slopes of the cost at samples | biased | the same through the mean; ReinMax, Rao-Blackwellised |
//! | [`Annealing`] | nothing | | temperatures of a relaxed law that fall from step to step |
//! | [`FiniteDifference`] | costs, 4 a sample and coordinate | biased | common random numbers; a yardstick |
//! | [`control_variates`] | rows, and controls of known mean | by [`Fitted`] | less variance, where the controls correlate |
//! | [`importance`] | log-ratios | consistent | weights of one law's samples for another law |
//! | [`ManySamplePath`] | log p(x, z) with slopes | by [`PathWeight`] | bounds of k samples along the path: IWAE, DReG, wake-phi |
//! | [`ManySampleScore`] | log p(x, z) | by [`ScoreWeight`] | bounds of k samples by the score: VIMCO, wake-phi |
//! | [`through_sample`], [`through_density`] | derivatives in log-weights | unbiased | both doors of any function of log-weights |
//! | [`sampled_kl`] | log-ratios | unbiased, but for k2 | the KL from samples, for either door |
//!
//! Noise can be better than independent: in mirrored pairs ([`antithetic`]), or evenly spread
//! ([`Standard::quasi`](crate::noise::Standard::quasi)); then rows are independent by groups
//! ([`Plan::grouped`]), and a baseline that is fitted to the samples has to leave groups out
//! ([`Baseline::LeaveGroupOut`]). [`compare`] measures any of them side by side.

mod annealing;
mod antithetic;
mod baseline;
mod binary;
mod bit_flip;
mod compare;
mod control_variates;
mod dis_arm_tree;
mod enumeration;
mod estimate;
mod finite_difference;
mod fitted_baseline;
mod gumbel_softmax;
pub mod importance;
mod many_samples;
mod measure_valued;
mod mu_prop;
mod pathwise;
mod plan;
mod rebar;
mod relax;
pub mod sampled_kl;
mod score_function;
mod straight_through;
mod through;

pub use annealing::Annealing;
pub use antithetic::antithetic;
pub use baseline::{Baseline, Fitted, MovingAverage};
pub use binary::{Arm, BinaryPairs, DisArm, OfClasses, OfUniform, PairWeight};
pub use bit_flip::{BitFlip, ClippedPairs};
pub use compare::{Comparison, Measured, Named, compare};
pub use control_variates::{Controlled, control_variates};
pub use dis_arm_tree::DisArmTree;
pub use enumeration::Enumeration;
pub use estimate::Estimate;
pub use finite_difference::FiniteDifference;
pub use gumbel_softmax::{GumbelSoftmax, Relaxation};
pub use many_samples::{ManySamplePath, ManySampleScore, PathWeight, ScoreWeight};
pub use measure_valued::{Coupling, MeasureValued};
pub use mu_prop::MuProp;
pub use pathwise::{Pathwise, StickingTheLanding, pathwise};
pub use plan::{Bias, Grouped, Plan};
pub use rebar::Rebar;
pub use relax::{Conditional, CostAndControl, Relax};
pub use score_function::{ScoreFunction, score_function, score_function_at};
pub use straight_through::StraightThrough;
pub use through::{ThroughSample, through_density, through_sample};
