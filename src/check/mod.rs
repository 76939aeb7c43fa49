//! Checks for your own code: whether a gradient is the gradient, and whether an estimator estimates it.
//!
//! | question | answer |
//! |---|---|
//! | is this the gradient of that function? | [`gradient`], by extrapolated differences |
//! | what are the mean and the variance of this estimator? | [`oracle`], by enumeration and quadrature over its noise |
//! | is that the mean of these rows? | [`unbiased`], a test with a known rate of false alarms |
//!
//! They take closures and arrays, and know nothing of laws or plans.

mod gradient;
mod nodes;
mod oracle;
mod unbiased;

pub use gradient::{Agreement, Difference, derivative, gradient, gradient_with_step};
pub use nodes::Nodes;
pub use oracle::{Exact, oracle};
pub(crate) use unbiased::deviations;
pub use unbiased::{Tested, Verdict, unbiased};
