//! Laws: log-densities with their gradients, draws, and the two doors by which a gradient enters.
//!
//! A law borrows its parameters, `n` rows of them, and knows how many samples share a row
//! ([`Shape`](crate::Shape)). What it can do is said by small traits, and what a trait does not say cannot be
//! asked:
//!
//! | trait | gives |
//! |---|---|
//! | [`Distribution`] | log q(x), its gradient in the parameters (the *score*) |
//! | [`Smooth`] | d log q(x) / dx, where x is continuous |
//! | [`Sample`] | draws |
//! | [`Transform`] | noise of a fixed size and the map from noise to a draw |
//! | [`Mirror`] | noise at the other end, for antithetic pairs |
//! | [`Quasi`] | noise that fills space evenly, for draws of whole sequences |
//! | [`Reparameterize`] | the *pathwise* gradient: a slope in x pulled back to the parameters |
//! | [`Kl`] | the divergence between two laws of a family (across two: [`DiagGaussian::kl_laplace`], [`DiagLaplace::kl_gaussian`]) |
//! | [`Finite`] | all points, of a law of bits or classes |
//! | [`Perturb`] | perturbed logits of bits or classes, given a sample too, and their shares |
//! | [`MeanVariance`], [`Entropy`], [`Cdf`] | what their names say, where closed |
//!
//! Coordinates are independent in all but these: [`FullGaussian`], of which maps, marginals and conditionals are laws again, and
//! the blocks of [`Categorical`] and of its relaxations, [`Concrete`] and [`ExpConcrete`].
//!
//! Parameters are unconstrained (`log_scale`, `logits`, what is `below` the diagonal of a factor): every finite array is legal. NaN in data
//! or parameters stays in the row that holds it until a reduction refuses it.

mod base;
mod bernoulli;
mod binary_concrete;
mod categorical;
mod concrete;
mod finite;
mod full_gaussian;
mod gaussian;
mod gaussian_laplace;
mod gumbel;
mod gumbel_kl;
mod hard_concrete;
mod kl;
mod laplace;
mod law;
mod loc_scale;
mod logistic;
mod parameters;
mod perturb;
mod sample;
mod scale;
mod shares;
mod summary;

pub use base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
pub(crate) use bernoulli::cross_entropy;
pub use bernoulli::{Bernoulli, LogitParts};
pub use binary_concrete::BinaryConcrete;
pub use categorical::Categorical;
pub use concrete::{Concrete, ExpConcrete, LogSimplex, Relaxed, Simplex, Space};
pub use finite::Finite;
pub use full_gaussian::{FullGaussian, FullParts};
pub(crate) use gaussian::half_ln_tau;
pub use gaussian::{DiagGaussian, Normal};
pub use gumbel::{DiagGumbel, Gumbel};
pub use hard_concrete::HardConcrete;
pub use kl::{Kl, PairGrad};
pub use laplace::{DiagLaplace, Laplace};
pub use law::{Distribution, ScoreRows, Smooth, ValueRows};
pub use loc_scale::{LocScale, LocScaleParts};
pub use logistic::{DiagLogistic, Logistic};
pub use parameters::Parameters;
pub use perturb::Perturb;
pub use sample::{Draw, Mirror, PathwiseRows, Quasi, Reparameterize, Sample, Transform};
pub(crate) use scale::{root_of_scale, scaled};
pub(crate) use shares::cooled;
pub use summary::{Cdf, Entropy, MeanVariance};
