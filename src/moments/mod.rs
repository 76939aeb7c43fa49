//! Sufficient statistics of the Gaussian, mergeable: how many, how heavy, mean and variance.
//!
//! [`Moments`] of numbers, [`ColumnMoments`] of the columns of rows. Both take one number (row) at
//! a time, arrays in bulk, and each other; and both keep what a large mean would swallow.

mod block;
mod bulk;
mod centre;
mod centres;
mod columns;
mod compensated;
mod mass;
mod scalar;
#[cfg(feature = "serde")]
mod stored;

pub use columns::ColumnMoments;
pub use scalar::Moments;
