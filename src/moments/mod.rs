//! Sufficient statistics of the Gaussian, mergeable: how many, how heavy, mean and variance.
//!
//! [`Moments`] of numbers, [`ColumnMoments`] of the columns of rows, [`Scatter`] of rows with the covariances of their
//! columns. All take one number (row) at a time, arrays in bulk, and each other; and all keep what a large mean would
//! swallow.

mod block;
mod bulk;
mod centre;
mod centres;
mod columns;
mod compensated;
mod cross;
mod mass;
mod product;
mod scalar;
mod scatter;
#[cfg(feature = "serde")]
mod stored;

pub use columns::ColumnMoments;
pub use scalar::Moments;
pub use scatter::Scatter;
