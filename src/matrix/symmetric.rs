use faer::Side;
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView1, ArrayView2, Axis};

use super::dense::{array, largest, mat, mirrored, symmetric_door};
use crate::shape::same_shape;
use crate::{Error, Result};

/// The eigenvalues and eigenvectors of a symmetric matrix: A = Q D Q', eigenvalues rising, Q orthogonal.
///
/// Derivatives in A are symmetric matrices G, with df = tr(G dA) for every symmetric step dA. `f64` alone;
/// feature `linalg`.
///
/// Errors: an eigenvalue is wrong by at most some d epsilon of the largest; an eigenvector by that over the distance
/// to the next eigenvalue. Source: chapter `matrix/spectrum`.
///
/// ```
/// use estimand::{matrix::SymmetricSpectrum, ndarray::array};
///
/// let a = SymmetricSpectrum::of(&array![[2.0, 1.0], [1.0, 2.0]])?;
/// assert!((&a.values() - &array![1.0, 3.0]).iter().all(|off| off.abs() < 1e-15));
/// assert!((a.condition() - 3.0).abs() < 1e-14);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricSpectrum {
    values: Array1<f64>,
    vectors: Array2<f64>,
}

impl SymmetricSpectrum {
    /// The spectrum of a symmetric matrix, `(d, d)`; of its lower half, from which the upper may differ by rounding.
    ///
    /// Errors: `Shape` where `a` is not square; `NaN` with the row; `Entry` where it is infinite, or not symmetric by more
    /// than 8 epsilon of its largest entry.
    pub fn of(a: &ArrayRef2<f64>) -> Result<Self> {
        Self::named("a", a)
    }

    /// That of an argument of this name.
    pub(super) fn named(name: &'static str, a: &ArrayRef2<f64>) -> Result<Self> {
        symmetric_door(name, a)?;
        // The decomposition does not know the empty matrix.
        if a.is_empty() {
            return Ok(Self { values: Array1::zeros(0), vectors: Array2::zeros((0, 0)) });
        }
        let spectrum = mat(a).self_adjoint_eigen(Side::Lower).map_err(|_| Error::NoConvergence { name })?;
        let values = spectrum.S().column_vector().iter().copied().collect();
        Ok(Self { values, vectors: array(spectrum.U()) })
    }

    /// The eigenvalues, rising: `(d,)`.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }

    /// The eigenvectors, a column each, of length 1: `(d, d)`. Their signs are anybody's choice.
    pub fn vectors(&self) -> ArrayView2<'_, f64> {
        self.vectors.view()
    }

    /// The largest magnitude of an eigenvalue over the least: infinite for a singular matrix, 1 for an empty one.
    pub fn condition(&self) -> f64 {
        if self.values.is_empty() {
            return 1.0;
        }
        let least = self.values.iter().fold(f64::INFINITY, |least: f64, value| least.min(value.abs()));
        if least == 0.0 { f64::INFINITY } else { largest(&self.values) / least }
    }

    /// Q f(D) Q': a function of the matrix, symmetric to the last bit.
    ///
    /// ```
    /// use estimand::{matrix::SymmetricSpectrum, ndarray::array};
    /// let a = SymmetricSpectrum::of(&array![[4.0, 0.0], [0.0, 9.0]])?;
    /// assert_eq!(a.map(f64::sqrt), array![[2.0, 0.0], [0.0, 3.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn map(&self, f: impl FnMut(f64) -> f64) -> Array2<f64> {
        self.of_basis(&Array2::from_diag(&self.values.mapv(f)))
    }

    /// The derivative of eigenvalue `k` in A: v v', of its eigenvector v.
    ///
    /// Shapes: `(d, d)`. Errors: `Parameter` where there is no eigenvalue `k`, or it is not simple: within d epsilon of the
    /// largest from the next, where it has no derivative.
    ///
    /// ```
    /// use estimand::{matrix::SymmetricSpectrum, ndarray::array};
    /// let a = SymmetricSpectrum::of(&array![[1.0, 0.0], [0.0, 5.0]])?;
    /// assert_eq!(a.value_grad(1)?, array![[0.0, 0.0], [0.0, 1.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn value_grad(&self, k: usize) -> Result<Array2<f64>> {
        self.simple(k)?;
        let v = self.vectors.column(k);
        Ok(Array2::from_shape_fn(self.vectors.raw_dim(), |(i, j)| v[i] * v[j]))
    }

    /// The pull-back of eigenvector `k`: from the derivative of a scalar in it to that in A.
    ///
    /// ```text
    /// dv_k = sum over j other than k of v_j (v_j' dA v_k) / (lambda_k - lambda_j)
    /// ```
    ///
    /// What the derivative says along v itself is left out: its length is 1, and stays. A scalar that changes with the sign
    /// of v is none of A. Shapes: `d_vector: (d,)` to `(d, d)`, symmetric. Errors: `Shape`; `Parameter` as
    /// [`value_grad`](Self::value_grad).
    pub fn vector_pull_back(&self, k: usize, d_vector: &ArrayRef1<f64>) -> Result<Array2<f64>> {
        same_shape("d_vector", d_vector.shape(), self.values.shape())?;
        self.simple(k)?;
        let d = self.values.len();
        let mut in_basis = Array2::zeros((d, d));
        for (j, v) in self.vectors.axis_iter(Axis(1)).enumerate().filter(|&(j, _)| j != k) {
            let half = 0.5 * v.dot(d_vector) / (self.values[k] - self.values[j]);
            in_basis[[j, k]] = half;
            in_basis[[k, j]] = half;
        }
        Ok(self.of_basis(&in_basis))
    }

    /// Q M Q' of a symmetric M, symmetric to the last bit.
    pub(super) fn of_basis(&self, middle: &ArrayRef2<f64>) -> Array2<f64> {
        let q = mat(&self.vectors);
        mirrored(array((&q * mat(middle) * q.transpose()).as_ref()))
    }

    /// Q' M Q.
    pub(super) fn in_basis(&self, middle: &ArrayRef2<f64>) -> Array2<f64> {
        let q = mat(&self.vectors);
        array((q.transpose() * mat(middle) * &q).as_ref())
    }

    fn simple(&self, k: usize) -> Result<()> {
        let refused = |expected| Err(Error::Parameter { name: "k", value: k as f64, expected });
        let Some(&value) = self.values.get(k) else { return refused("the number of an eigenvalue") };
        let rounding = self.values.len() as f64 * f64::EPSILON * largest(&self.values);
        let neighbours = [k.checked_sub(1), Some(k + 1)].into_iter().flatten().filter_map(|j| self.values.get(j));
        if neighbours.into_iter().any(|other| (value - other).abs() <= rounding) {
            return refused("the number of a simple eigenvalue");
        }
        Ok(())
    }
}
