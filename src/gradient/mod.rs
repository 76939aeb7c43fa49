//! Gradient estimators: most are one weight a row.

pub mod importance;
