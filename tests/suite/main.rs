//! One test binary; its modules mirror `src`, a file each.
//!
//! The prefix of a test says what it promises: `law_` a derivation holds for all inputs, `stat_`
//! randomness is right, `ref_` numbers agree with the outside world, `hard_` the ugly corners,
//! `stream_` a seed is pinned to numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod architecture;
mod support;

mod arithmetic;
mod check;
mod distribution;
mod elementary;
mod error;
mod fit;
mod gradient;
mod kernel;
mod matrix;
mod metric;
mod moments;
mod noise;
mod objective;
mod real;
mod rows;
mod shape;
mod special;
