//! Rows until the user reduces them: one gradient row an example, with named parts.
//!
//! [`Rows`] are rows not yet made: a law's score, a path's pull-back. They are made in cache under
//! whatever reduces them, and nearly every estimator is then *one weight per row*,
//! `rows.weighted(&w)`. [`Grad`] holds rows that were made.

mod coordinates;
mod fold;
mod grad;
mod outer;
mod reduce;
mod sum;
mod value_grad;

pub use coordinates::{Term, map_coordinates, sum_coordinates, sum_term};
pub(crate) use fold::{Batch, Fold};
pub(crate) use grad::slots;
pub use grad::{Grad, GradRows, Parts};
pub(crate) use outer::{OuterSums, as_columns, outer_sums};
pub use reduce::Rows;
pub(crate) use reduce::{Held, reduce};
pub(crate) use sum::{LONG, pairwise, sum_long, weigh};
pub use value_grad::ValueGrad;
pub(crate) use value_grad::{data_scale, mean_of, mean_rows};
