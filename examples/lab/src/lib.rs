//! What the examples and benches of `estimand` share, and nobody else needs: this package is not
//! published.
//!
//! | for | look at |
//! |---|---|
//! | a network trained by hand-written derivatives | [`Dense`], [`Mlp`], [`Adam`] |
//! | a variational autoencoder and its training step | [`Vae`] |
//! | products of matrices | [`matmul`] |
//! | the top of a smooth function of a few numbers | [`Lbfgs`] |
//! | data files, binarisation, shuffled batches | [`data`] |
//! | pictures of images, charts of curves, samples in triangles | [`Grid`], [`Chart`], [`Simplex`] |
//! | arguments, output, the exit status of an example | [`run()`], [`Program`], [`Args`], [`Summary`] |
//!
//! Networks are generic in the scalar, `F: Scalar`, and every source of randomness and number of
//! threads is an argument.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod adam;
pub mod args;
mod array;
pub mod command_line;
pub mod data;
pub mod dense;
mod door;
pub mod lbfgs;
pub mod matmul;
mod memory;
pub mod mlp;
pub mod option;
pub mod output;
pub mod picture;
pub mod plot;
mod progress;
mod raster;
pub mod run;
mod seeded;
pub mod simplex;
mod threads;
pub mod vae;

pub use adam::Adam;
pub use args::Args;
pub use dense::Dense;
pub use lbfgs::Lbfgs;
pub use matmul::Scalar;
pub use memory::keep_freed_memory;
pub use mlp::{Mlp, Trace};
pub use option::{Opt, Program};
pub use picture::Grid;
pub use plot::Chart;
pub use progress::progress;
pub use run::{Failure, Summary, run, say};
pub use seeded::seeded;
pub use simplex::Simplex;
pub use threads::Threads;
pub use vae::Vae;
