//! Checks for your own code: whether a gradient is the gradient.

mod gradient;

pub use gradient::{Agreement, Difference, derivative, gradient, gradient_with_step};
