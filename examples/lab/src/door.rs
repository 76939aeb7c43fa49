//! Checks of arguments, made where they enter this package.

use estimand::{Error, Result};

/// Shapes must match exactly.
pub(crate) fn same_shape(name: &'static str, got: &[usize], expected: &[usize]) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
}

/// A count that may not be 0.
pub(crate) fn at_least_one(name: &'static str, count: usize) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::Parameter { name, value: 0.0, expected: "at least 1" })
}

/// Every index must be below the number of images.
pub(crate) fn below(name: &'static str, indices: &[usize], images: usize) -> Result<()> {
    match indices.iter().find(|&&index| index >= images) {
        None => Ok(()),
        Some(&index) => {
            Err(Error::Parameter { name, value: index as f64, expected: "indices below the number of images" })
        }
    }
}
