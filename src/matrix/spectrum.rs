use faer::linalg::solvers::{DenseSolveCore, PartialPivLu};
use faer::{Mat, c64};
use ndarray::{Array1, Array2, ArrayRef2, ArrayView1, ArrayView2, Axis};
use num_complex::Complex64;

use super::dense::{largest, mat, square_door};
use super::wide::unit;
use crate::{Error, Result};

/// The eigenvalues and eigenvectors of any square matrix of real numbers: A v = lambda v.
///
/// Eigenvalues of a real matrix are real, or come in pairs a +- bi; both are kept. They are sorted by their real
/// part, then by their imaginary part; eigenvectors have length 1, and a phase that is anybody's choice. `f64` alone;
/// feature `linalg`.
///
/// What is computed is the spectrum of a matrix some d epsilon |A| away. A simple eigenvalue moves by that times its
/// [`sensitivity`](Self::sensitivity); one of a Jordan block of size k by the k-th root of it, and the eigenvectors of a
/// *defective* matrix, of which there are fewer than d, are met twice. Source: chapter `matrix/spectrum`.
///
/// ```
/// use estimand::{matrix::Spectrum, ndarray::array};
///
/// let turn = Spectrum::of(&array![[0.0, -2.0], [2.0, 0.0]])?;           // a quarter turn, twice as long
/// let [below, above] = [turn.values()[0], turn.values()[1]];
/// assert!((below.im + 2.0).abs() < 1e-15 && (above.im - 2.0).abs() < 1e-15);
/// assert!(turn.values().iter().all(|value| value.re.abs() < 1e-15));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// A in a unit near its largest entry: a product of two numbers of a small matrix would be none.
    scaled: Array2<f64>,
    unit: f64,
    values: Array1<Complex64>,
    vectors: Array2<Complex64>,
}

impl Spectrum {
    /// The spectrum of `a`, `(d, d)`. Errors: `Shape` where `a` is not square; `NaN` with the row; `Entry` where it is
    /// infinite; `NoConvergence`, of which no example is known.
    pub fn of(a: &ArrayRef2<f64>) -> Result<Self> {
        square_door("a", a)?;
        let d = a.nrows();
        let unit = unit(largest(a));
        let scaled = a.mapv(|x| x / unit);
        let found = mat(&scaled).eigen().map_err(|_| Error::NoConvergence { name: "a" })?;
        let all: Vec<Complex64> = found.S().column_vector().iter().copied().collect();
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&i, &j| all[i].re.total_cmp(&all[j].re).then(all[i].im.total_cmp(&all[j].im)));
        let values = order.iter().map(|&k| all[k] * unit).collect();
        let mut vectors = Array2::from_shape_fn((d, d), |(i, k)| found.U()[(i, order[k])]);
        for mut v in vectors.axis_iter_mut(Axis(1)) {
            let most = v.iter().fold(0.0, |most: f64, z| most.max(z.re.abs()).max(z.im.abs()));
            if most > 0.0 {
                let length = v.iter().map(|z| (z / most).norm_sqr()).sum::<f64>().sqrt();
                v.mapv_inplace(|z| z / most / length);
            }
        }
        Ok(Self { scaled, unit, values, vectors })
    }

    /// The eigenvalues: `(d,)`.
    pub fn values(&self) -> ArrayView1<'_, Complex64> {
        self.values.view()
    }

    /// The eigenvectors, a column each: `(d, d)`.
    pub fn vectors(&self) -> ArrayView2<'_, Complex64> {
        self.vectors.view()
    }

    /// How far each pair is from A v = lambda v: the length of the difference, `(d,)`.
    pub fn residuals(&self) -> Array1<f64> {
        let residual = |(&value, v): (&Complex64, ArrayView1<'_, Complex64>)| {
            let (rows, value) = (self.scaled.rows().into_iter().zip(&v), value / self.unit);
            let off = rows.map(|(row, z)| row.iter().zip(&v).map(|(a, z)| z * *a).sum::<Complex64>() - value * z);
            self.unit * off.map(|z| z.norm_sqr()).sum::<f64>().sqrt()
        };
        self.values.iter().zip(self.vectors.axis_iter(Axis(1))).map(residual).collect()
    }

    /// The product of the eigenvalues, which is the determinant.
    pub fn product(&self) -> Complex64 {
        self.values.iter().product()
    }

    /// The sum of the eigenvalues, which is the trace.
    pub fn sum(&self) -> Complex64 {
        self.values.iter().sum()
    }

    /// How far each eigenvalue moves at the most for a step dA of length 1: |w| |v| / |w'v|, `(d,)`, of its left and right
    /// eigenvectors w and v. 1 for a symmetric matrix, infinite where it is defective.
    pub fn sensitivity(&self) -> Array1<f64> {
        match self.left() {
            Some(left) => left.axis_iter(Axis(0)).map(length).collect(),
            None => Array1::from_elem(self.values.len(), f64::INFINITY),
        }
    }

    /// The derivative of eigenvalue `k` in A, of its real and of its imaginary part: `(d, d)`, as
    /// d lambda = sum of G_ij dA_ij.
    ///
    /// ```text
    /// G_ij = w_i v_j / (w'v)
    /// ```
    ///
    /// Errors: `Parameter` where there is no eigenvalue `k`, or it is not simple: another is as near as rounding, d epsilon |A|
    /// times its sensitivity, this is above 1 / sqrt(epsilon), or the matrix has no full set of eigenvectors.
    ///
    /// ```
    /// use estimand::{matrix::Spectrum, ndarray::array};
    ///
    /// let a = Spectrum::of(&array![[1.0, 3.0], [0.0, 2.0]])?;
    /// let g = a.value_grad(0)?;
    /// assert!((g[[0, 0]].re - 1.0).abs() < 1e-14 && (g[[1, 0]].re + 3.0).abs() < 1e-14);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn value_grad(&self, k: usize) -> Result<Array2<Complex64>> {
        let refused = |expected| Err(Error::Parameter { name: "k", value: k as f64, expected });
        if k >= self.values.len() {
            return refused("the number of an eigenvalue");
        }
        let Some(left) = self.left() else { return refused(SIMPLE) };
        let (w, v) = (left.row(k), self.vectors.column(k));
        let sensitivity = length(w);
        let size = self.unit * self.scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
        let rounding = self.values.len() as f64 * f64::EPSILON * size * sensitivity;
        let others = self.values.iter().enumerate().filter(|&(j, _)| j != k);
        let met = others.map(|(_, other)| (self.values[k] - other).norm()).any(|apart| apart <= rounding);
        if met || sensitivity.is_nan() || sensitivity > f64::EPSILON.sqrt().recip() {
            return refused(SIMPLE);
        }
        Ok(Array2::from_shape_fn(self.scaled.raw_dim(), |(i, j)| w[i] * v[j]))
    }

    /// The left eigenvectors, a row each, with w'v = 1: the inverse of the matrix of eigenvectors, if it has one.
    fn left(&self) -> Option<Array2<Complex64>> {
        let d = self.values.len();
        let vectors = Mat::<c64>::from_fn(d, d, |i, j| self.vectors[[i, j]]);
        let inverse = PartialPivLu::new(vectors.as_ref()).inverse();
        let left = Array2::from_shape_fn((d, d), |(i, j)| inverse[(i, j)]);
        left.iter().all(|z| z.is_finite()).then_some(left)
    }
}

const SIMPLE: &str = "the number of a simple eigenvalue";

/// The length of a complex vector.
fn length(z: ArrayView1<'_, Complex64>) -> f64 {
    z.iter().map(|z| z.norm_sqr()).sum::<f64>().sqrt()
}
