//! Reproducible noise in bulk: standard laws, keyed by one word of the caller's generator.
//!
//! Block b of a draw, 4096 numbers, has a generator of its own, whose state is made of the key and
//! of b ([`Key`]). So the numbers do not depend on how a draw is cut, on how many threads make it,
//! or on the vectors that the machine has; and since they are computed with + - * /, roots and
//! integers alone, and multiply and add in two roundings, they are the same bits on every machine.
//!
//! [`Standard::draw`] makes rows that are independent, and [`Standard::quasi`] rows that fill space
//! evenly, in replicates that are independent.

mod directions;
mod fill;
mod generator;
mod laws;
mod sobol;

pub use generator::Key;
pub use laws::{Standard, uniform};
pub use sobol::Sobol;
