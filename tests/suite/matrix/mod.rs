//! Functions of vectors and matrices.

mod calculus;
mod cholesky;
mod dense;
mod lu;
mod spectrum;
mod square_root;
mod symmetric;
mod triangular;
