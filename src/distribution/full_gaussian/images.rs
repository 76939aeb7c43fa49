use ndarray::{Array2, ArrayRef1, ArrayRef2, Axis, concatenate};

use super::FullGaussian;
use super::factors::Factors;
use crate::arithmetic::Plain;
use crate::distribution::parameters::Parameters;
use crate::matrix::lower_factor;
use crate::matrix::substitution::dot;
use crate::matrix::wide::lower_factor_of;
use crate::shape::{at_least_one, entries, no_nan, no_nan_rows, same_shape};
use crate::{Error, Real, Result};

/// What stays a Gaussian: maps, some of the coordinates, and the others given these. By reflections of the factor, never by
/// the covariance, whose condition number is the square of the factor's. A law with a scale beyond the numbers is refused:
/// `Entry` of `log_scale`.
impl<F: Real> FullGaussian<'_, F> {
    /// The law of A x + b, N(A m + b, A S A'), of each parameter row.
    ///
    /// Shapes: `a: (k, dim)`, k at most dim, `b: (k,)`. Errors: `Shape`; `Count` where `a` has more rows than columns, and
    /// `Pivot` where they depend on each other: the image has no density then; `NaN`, `Entry` where a number is not finite.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    ///
    /// let q = FullGaussian::from_factor(&array![1.0_f64, 2.0], &array![[2.0, 0.0], [1.0, 1.0]], 1)?;
    /// let sum = q.affine(&array![[1.0, 1.0]], &array![0.5])?;
    /// assert_eq!(sum.loc(), array![[3.5]]);
    /// assert!((sum.covariance(0)[[0, 0]] - 10.0).abs() < 1e-14);         // 4 + 2 + 2 times 2
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn affine(&self, a: &ArrayRef2<F>, b: &ArrayRef1<F>) -> Result<FullGaussian<'static, F>> {
        same_shape("a", a.shape(), &[a.nrows(), self.factors.dim()])?;
        same_shape("b", b.shape(), &[a.nrows()])?;
        no_nan_rows("a", a)?;
        no_nan("b", b)?;
        if let Some((i, x)) = b.iter().enumerate().find(|(_, x)| x.is_infinite()) {
            return Err(Error::Entry { name: "b", index: vec![i], value: x.as_f64(), expected: "a finite number" });
        }
        // The rank of A L is that of A.
        lower_factor(a)?;
        let factors = self.map_factors(|lower| lower_factor_of("a", a.dot(lower)))?;
        let loc = self.loc.dot(&a.t()) + b;
        Ok(self.image(a.nrows(), loc, factors))
    }

    /// The law of some of the coordinates, in the order asked for, of each parameter row.
    ///
    /// Errors: `Parameter` where `coordinates` names one that is not there, or one twice.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    ///
    /// let q = FullGaussian::from_factor(&array![1.0_f64, 2.0], &array![[2.0, 0.0], [1.0, 1.0]], 1)?;
    /// let second = q.marginal(&[1])?;
    /// assert_eq!(second.loc(), array![[2.0]]);
    /// assert!((second.covariance(0)[[0, 0]] - 2.0).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn marginal(&self, coordinates: &[usize]) -> Result<FullGaussian<'static, F>> {
        self.distinct(coordinates)?;
        let factors = self.map_factors(|lower| lower_factor_of("factor", rows(lower, coordinates)))?;
        Ok(self.image(
            coordinates.len(),
            Array2::from_shape_fn((self.loc.nrows(), coordinates.len()), |(t, j)| self.loc[[t, coordinates[j]]]),
            factors,
        ))
    }

    /// The law of the other coordinates, in their order, given some: a parameter row for each sample row.
    ///
    /// ```text
    /// with the given first, [L_1 0; K L_2] the factor in that order:   N(m_2 + K L_1^-1 (x - m_1), L_2 L_2')
    /// ```
    ///
    /// which is m_2 + S_21 S_11^-1 (x - m_1) and S_22 - S_21 S_11^-1 S_12. Shapes: `x: (rows repeat, coordinates.len())`, a
    /// row each to be conditioned on; the result has as many parameter rows, which share factors. Errors: `Shape`; `NaN` with
    /// the row; `Entry` where a number is infinite; `Parameter` as [`marginal`](Self::marginal).
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    ///
    /// let q = FullGaussian::from_factor(&array![1.0_f64, 2.0], &array![[2.0, 0.0], [1.0, 1.0]], 2)?;
    /// let given = q.given(&[0], &array![[3.0], [1.0]])?;                  // two observations of the first
    /// assert_eq!(given.loc(), array![[3.0], [2.0]]);                      // 2 + (x - 1) / 2
    /// assert_eq!(given.covariance(1), array![[1.0]]);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn given(&self, coordinates: &[usize], x: &ArrayRef2<F>) -> Result<FullGaussian<'static, F>> {
        self.distinct(coordinates)?;
        let samples = self.loc.nrows().saturating_mul(self.repeat);
        at_least_one("repeat", self.repeat)?;
        same_shape("x", x.shape(), &[samples, coordinates.len()])?;
        no_nan_rows("x", x)?;
        entries("x", x, "a finite number", F::is_finite)?;
        let others: Vec<usize> = (0..self.factors.dim()).filter(|i| !coordinates.contains(i)).collect();
        let order = [coordinates, &others].concat();
        let joint = self.map_factors(|lower| lower_factor_of("factor", rows(lower, &order)))?;
        let (k, rest) = (coordinates.len(), others.len());
        let parts = joint.iter().map(|joint| {
            let part = |rows, columns, (i, j)| Array2::from_shape_fn((rows, columns), |(r, c)| joint[[i + r, j + c]]);
            (Factors::of_one(part(k, k, (0, 0)), 1), part(rest, k, (k, 0)), part(rest, rest, (k, k)))
        });
        let parts: Vec<_> = parts.collect();
        let mut loc = Array2::zeros((samples, others.len()));
        let (mut from, mut z) = (vec![F::zero(); k], vec![F::zero(); k]);
        for ((i, x), mut loc) in x.rows().into_iter().enumerate().zip(loc.rows_mut()) {
            let t = i / self.repeat;
            let mean = self.loc.row(t);
            coordinates.iter().zip(&mut from).for_each(|(&j, from)| *from = mean[j]);
            let Some((given, slope, _)) = parts.get(t / self.factors.each()) else { continue };
            given.row(0).standardise(Plain, &x.to_vec(), &from, &mut z);
            for ((&j, slope), loc) in others.iter().zip(slope.rows()).zip(&mut loc) {
                *loc = mean[j] + slope.as_slice().map_or_else(F::zero, |slope| dot(Plain, slope, &z));
            }
        }
        let factors: Vec<_> = parts.into_iter().map(|(_, _, factor)| factor).collect();
        let each = self.factors.each().saturating_mul(self.repeat);
        let factors = Factors::of_many(others.len(), factors, each);
        Ok(FullGaussian { loc: Parameters::new(loc), factors, repeat: 1 })
    }

    /// The joint law of x, and of A x + b + e with an independent e ~ N(0, R R'): x first.
    ///
    /// What a linear measurement with Gaussian errors says of x is this law, [`given`](Self::given) the measurement. A prior
    /// far wider than the errors, or far narrower, costs no digits.
    ///
    /// Shapes: `a: (k, dim)`; `errors`: one law of k coordinates, whose mean is b, and whose number of samples is no matter.
    /// Errors: `Shape`; `NaN`, `Entry` where a number is not finite.
    ///
    /// ```
    /// use estimand::{distribution::FullGaussian, ndarray::array};
    ///
    /// let prior = FullGaussian::from_factor(&array![0.0_f64], &array![[1.0]], 1)?;
    /// let errors = FullGaussian::from_factor(&array![0.0], &array![[1.0]], 1)?;
    /// let both = prior.measured(&array![[1.0]], &errors)?;
    /// let posterior = both.given(&[1], &array![[3.0]])?;
    /// assert!((posterior.loc()[[0, 0]] - 1.5).abs() < 1e-15);
    /// assert!((posterior.covariance(0)[[0, 0]] - 0.5).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn measured(&self, a: &ArrayRef2<F>, errors: &FullGaussian<'_, F>) -> Result<FullGaussian<'static, F>> {
        let (dim, k) = (self.factors.dim(), errors.factors.dim());
        same_shape("a", a.shape(), &[k, dim])?;
        same_shape("errors", errors.loc.shape(), &[1, k])?;
        no_nan_rows("a", a)?;
        entries("a", a, "a finite number", F::is_finite)?;
        errors.factors.exact_door()?;
        let zeros = Array2::zeros((dim, k));
        let factors = self.map_factors(|lower| {
            let upper = concatenate![Axis(1), lower.view(), zeros.view()];
            Ok(concatenate![Axis(0), upper, concatenate![Axis(1), a.dot(lower), errors.factor(0)]])
        })?;
        let image = self.loc.dot(&a.t()) + errors.loc.view().row(0);
        let loc = concatenate![Axis(1), self.loc.view(), image];
        Ok(self.image(dim + k, loc, factors))
    }

    /// Coordinates that are there, each once.
    fn distinct(&self, coordinates: &[usize]) -> Result<()> {
        let mut met = vec![false; self.factors.dim()];
        for &j in coordinates {
            let once = met.get_mut(j).is_some_and(|met| !std::mem::replace(met, true));
            if !once {
                let expected = "a coordinate of the law, named once";
                return Err(Error::Parameter { name: "coordinates", value: j as f64, expected });
            }
        }
        Ok(())
    }

    fn map_factors(&self, f: impl Fn(&Array2<F>) -> Result<Array2<F>>) -> Result<Vec<Array2<F>>> {
        self.factors.exact_door()?;
        (0..self.factors.count()).map(|k| f(&self.factor(k * self.factors.each()).to_owned())).collect()
    }

    fn image(&self, dim: usize, loc: Array2<F>, factors: Vec<Array2<F>>) -> FullGaussian<'static, F> {
        let factors = Factors::of_many(dim, factors, self.factors.each());
        FullGaussian { loc: Parameters::new(loc), factors, repeat: self.repeat }
    }
}

/// Some rows of a matrix.
fn rows<F: Real>(a: &Array2<F>, of: &[usize]) -> Array2<F> {
    Array2::from_shape_fn((of.len(), a.ncols()), |(i, j)| a[[of[i], j]])
}
