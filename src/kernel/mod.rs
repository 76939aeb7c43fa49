//! How a row of mathematics is run: the level of the instructions, the pass over rows, the threads.
//!
//! The mathematics of a row ([`RowFn`], which calls `log_prob_row` of a law, say) is generic in its
//! arithmetic and knows nothing of what is below. Here a pass is compiled for each width of vectors,
//! at the two [`Level`]s of rounding, and the best one is taken at run time;
//! rows in any memory layout come as slices; and with the feature `rayon` blocks of rows are shared
//! among threads, with the same bits for any number of them.
//!
//! | level | instructions | `fma` of a row |
//! |---|---|---|
//! | [`Level::Plain`] | what the target always has | two roundings: a row that takes its functions from the token has the same bits on every machine |
//! | [`Level::Fused`] | vectors with fused multiply-add, where the machine has them | one rounding |

mod gather;
mod level;
mod pass;
mod rewrite;
mod threads;

pub use level::Level;
pub(crate) use level::{Work, run};
pub use pass::{Filled, RowFn, fill_at};
pub(crate) use pass::{fill, fill_into, write_rows};
pub(crate) use rewrite::{RowsFn, overwrite, rewrite, rewritten};
pub(crate) use threads::{map, several};
