//! Functions of vectors and matrices, each with its derivatives.
//!
//! # The layout of a derivative
//!
//! A scalar f has a derivative in the layout of its argument: in a vector x of d numbers a vector g of d
//! numbers, in a matrix A a matrix G of A's shape, with
//!
//! ```text
//! df = sum over j of g_j dx_j,      df = sum over i, j of G_ij dA_ij = tr(G' dA)
//! ```
//!
//! As a matrix, g is the *row* df/dx = g': d(a'x)/dx = a', d(x'Ax)/dx = x'(A + A'). Whoever writes derivatives as
//! columns reads the same numbers as A x + A'x; an array of one axis is both. A vector y has in a vector x the
//! Jacobian J, a row for each number of y: dy = J dx. The other layout is J'.
//!
//! Where the value is an array, its derivative would have an axis for each of both. What is given is the *pull-back*
//! instead: from the derivative of any scalar in the value to that of the scalar in the argument, J' applied, never made.

#[cfg(feature = "linalg")]
mod bures;
mod calculus;
#[cfg(feature = "linalg")]
mod cholesky;
#[cfg(feature = "linalg")]
pub(crate) mod dense;
#[cfg(feature = "linalg")]
mod lu;
#[cfg(feature = "linalg")]
mod norm_estimate;
#[cfg(feature = "linalg")]
mod singular;
#[cfg(feature = "linalg")]
mod spectrum;
#[cfg(feature = "linalg")]
mod square_root;
pub(crate) mod substitution;
#[cfg(feature = "linalg")]
mod symmetric;
mod triangular;
pub(crate) mod wide;

#[cfg(feature = "linalg")]
pub use bures::bures_squared;
pub use calculus::{
    bilinear, least_squares, least_squares_hessian, linear, quadratic, quadratic_hessian, squared_projection,
    squared_projection_hessian, trace_of_product,
};
#[cfg(feature = "linalg")]
pub use cholesky::Cholesky;
#[cfg(feature = "linalg")]
pub use lu::{LogDet, Lu};
#[cfg(feature = "linalg")]
pub use num_complex::Complex64;
#[cfg(feature = "linalg")]
pub use singular::{condition, singular_values};
#[cfg(feature = "linalg")]
pub use spectrum::Spectrum;
#[cfg(feature = "linalg")]
pub use square_root::SquareRoot;
#[cfg(feature = "linalg")]
pub use symmetric::SymmetricSpectrum;
pub use triangular::{trace, triangular_eigenvalues};
pub use wide::lower_factor;
