use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::dense::largest;
use super::symmetric::SymmetricSpectrum;
use crate::shape::same_shape;
use crate::{Error, Result};

/// The square root of a positive semi-definite matrix: the one symmetric, positive semi-definite S with S S = A.
///
/// Never complex and never negative. An eigenvalue that is negative by no more than rounding, 8 d epsilon of the largest, counts
/// as 0. `f64` alone; feature `linalg`. Source: chapter `matrix/decompositions`.
///
/// ```
/// use estimand::{matrix::SquareRoot, ndarray::array};
///
/// let s = SquareRoot::of(&array![[5.0, 4.0], [4.0, 5.0]])?;
/// assert!((&s.root() - &array![[2.0, 1.0], [1.0, 2.0]]).iter().all(|off| off.abs() < 1e-14));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SquareRoot {
    spectrum: SymmetricSpectrum,
    /// Of the eigenvalues.
    roots: Vec<f64>,
    root: Array2<f64>,
}

impl SquareRoot {
    /// The root of `a`, `(d, d)`.
    ///
    /// Errors: as [`SymmetricSpectrum::of`]; `Pivot` with the eigenvalue (rising, from 0) that is negative beyond rounding.
    pub fn of(a: &ArrayRef2<f64>) -> Result<Self> {
        let spectrum = semidefinite("a", a)?;
        let root_of = |value: f64| value.max(0.0).sqrt();
        let (roots, root) = (spectrum.values().iter().map(|&value| root_of(value)).collect(), spectrum.map(root_of));
        Ok(Self { spectrum, roots, root })
    }

    /// S: `(d, d)`, symmetric to the last bit.
    pub fn root(&self) -> ArrayView2<'_, f64> {
        self.root.view()
    }

    /// The trace of S, the sum of the roots of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.roots.iter().sum()
    }

    /// The pull-back of the root: from the derivative of a scalar in S to that in A, the solution X of the Sylvester
    /// equation
    ///
    /// ```text
    /// S X + X S = (d_root + d_root') / 2
    /// ```
    ///
    /// Shapes: `d_root: (d, d)` to the same, symmetric. Errors: `Shape`; `Pivot` where A is singular, at which the root has no
    /// derivative.
    ///
    /// ```
    /// use estimand::{matrix::SquareRoot, ndarray::array};
    /// let s = SquareRoot::of(&array![[4.0]])?;
    /// assert_eq!(s.pull_back(&array![[1.0]])?, array![[0.25]]);                // 1 / (2 s)
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn pull_back(&self, d_root: &ArrayRef2<f64>) -> Result<Array2<f64>> {
        same_shape("d_root", d_root.shape(), self.root.shape())?;
        let rounding = rounding(&self.spectrum).sqrt();
        if let Some((pivot, &value)) = self.roots.iter().enumerate().find(|&(_, &root)| root <= rounding) {
            let expected = "more than rounding (a positive definite matrix)";
            return Err(Error::Pivot { name: "a", pivot, value: value * value, expected });
        }
        let mut middle = self.spectrum.in_basis(d_root);
        for i in 0..middle.nrows() {
            for j in 0..=i {
                let each = 0.5 * (middle[[i, j]] + middle[[j, i]]) / (self.roots[i] + self.roots[j]);
                middle[[i, j]] = each;
                middle[[j, i]] = each;
            }
        }
        Ok(self.spectrum.of_basis(&middle))
    }
}

/// The spectrum of an argument of this name that has no eigenvalue below 0 but for rounding.
pub(super) fn semidefinite(name: &'static str, a: &ArrayRef2<f64>) -> Result<SymmetricSpectrum> {
    let spectrum = SymmetricSpectrum::named(name, a)?;
    let lowest = spectrum.values().first().copied().unwrap_or_default();
    if lowest < -rounding(&spectrum) {
        let expected = "not negative (a positive semi-definite matrix)";
        return Err(Error::Pivot { name, pivot: 0, value: lowest, expected });
    }
    Ok(spectrum)
}

/// What an eigenvalue of a matrix that was itself rounded may be, where it should be 0: the two halves of the matrix may be
/// 8 epsilon apart.
pub(super) fn rounding(spectrum: &SymmetricSpectrum) -> f64 {
    8.0 * spectrum.values().len() as f64 * f64::EPSILON * largest(spectrum.values())
}
