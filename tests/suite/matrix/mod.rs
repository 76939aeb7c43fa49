//! Functions of vectors and matrices.

mod bures;
mod calculus;
mod cholesky;
mod dense;
mod lu;
mod norm_estimate;
mod singular;
mod spectrum;
mod square_root;
mod substitution;
mod symmetric;
mod triangular;
mod wide;
