#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! estimand

pub mod arithmetic;
pub mod check;
pub mod distribution;
mod error;
pub mod gradient;
pub mod noise;
pub mod objective;
mod real;
pub mod rows;
mod shape;
pub mod special;

pub use distribution::{
    Bernoulli, Cdf, DiagGaussian, Distribution, Draw, Entropy, Kl, LocScale, MeanVariance, Reparameterize, Sample,
    Smooth, Transform,
};
pub use error::{Error, Result};
pub use real::Real;
pub use rows::{Grad, Parts, Rows, ValueGrad};
pub use shape::Shape;
pub use {ndarray, rand};
