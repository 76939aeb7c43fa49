use ndarray::{Array2, ArrayRef2, Axis};

use crate::arithmetic::Arithmetic;
use crate::kernel::{Level, Work, run};
use crate::matrix::substitution::{add_scaled, dot};
use crate::shape::{entries, no_nan_rows};
use crate::{Error, Real, Result};

/// The lower triangular factor T of a wide matrix, T T' = A A', with a positive diagonal: the transpose of the R of a QR
/// decomposition of A'.
///
/// A Gaussian with the factor L has under a linear map A the factor of A L; and since no product A A' is made, no digits
/// are lost to its condition, which is the square of A's. By reflections (Householder 1958), in `2 k^2 d` operations.
///
/// Shapes: `a: (k, d)`, k at most d, to `(k, k)`, zeros above the diagonal. Errors: `NaN` with the row; `Entry` where it is
/// infinite; `Count` where it has more rows than columns; `Pivot` where a row is, but for rounding, a combination of those
/// before it: A A' is singular then.
///
/// ```
/// use estimand::{matrix::lower_factor, ndarray::array};
///
/// let t = lower_factor(&array![[3.0_f64, 4.0, 0.0], [0.0, 0.0, 2.0]])?;
/// assert!((&t - &array![[5.0, 0.0], [0.0, 2.0]]).iter().all(|off: &f64| off.abs() < 1e-15));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn lower_factor<F: Real>(a: &ArrayRef2<F>) -> Result<Array2<F>> {
    let name = "a";
    no_nan_rows(name, a)?;
    entries(name, a, "a finite number", F::is_finite)?;
    let factor = lower_factor_of(name, a.to_owned())?;
    for (i, row) in a.rows().into_iter().enumerate() {
        let size = row.iter().fold(F::zero(), |size: F, x| size.hypot(*x));
        let pivot = factor[[i, i]];
        if pivot.is_nan() || pivot <= F::count(a.ncols()) * F::epsilon() * size {
            let expected = "more than rounding (rows that are independent)";
            return Err(Error::Pivot { name, pivot: i, value: pivot.as_f64(), expected });
        }
    }
    Ok(factor)
}

/// [`lower_factor`] of rows that are known to be independent, however little.
pub(crate) fn lower_factor_of<F: Real>(name: &'static str, a: Array2<F>) -> Result<Array2<F>> {
    let (k, d) = a.dim();
    if k > d {
        let expected = format!("at most as many as the {d} columns");
        return Err(Error::Count { name, axis: "rows", got: k, expected });
    }
    let mut a = if a.is_standard_layout() { a } else { a.as_standard_layout().into_owned() };
    // Each row in a power of two of its own, so that no square overflows: it is that of its row of T too.
    let units: Vec<F> =
        a.rows().into_iter().map(|row| unit(row.iter().fold(F::zero(), |most, x| most.max(x.abs())))).collect();
    a.rows_mut().into_iter().zip(&units).for_each(|(mut row, &unit)| row.mapv_inplace(|x| x / unit));
    for i in 0..k {
        let rows = a.as_slice_mut().unwrap_or_default();
        run(Level::best(), Reflect { rows: &mut rows[i * d..], width: d, at: i });
        if a[[i, i]] < F::zero() {
            a.index_axis_mut(Axis(1), i).mapv_inplace(|x| -x);
        }
    }
    Ok(Array2::from_shape_fn((k, k), |(i, j)| if j <= i { a[[i, j]] * units[i] } else { F::zero() }))
}

/// The power of two below a magnitude, or one near it whose inverse is a number too: numbers in this unit have squares that
/// are numbers. 1 of zeros.
pub(crate) fn unit<F: Real>(most: F) -> F {
    let far = F::max_value().log2() - F::of(8.0);
    let exponent = most.log2().floor().max(-far).min(far);
    if most > F::zero() && most.is_finite() { exponent.exp2() } else { F::one() }
}

/// The first of some rows turned so that it ends at column `at`, and the others with it.
struct Reflect<'a, F> {
    rows: &'a mut [F],
    width: usize,
    at: usize,
}

impl<F: Real> Work<F> for Reflect<'_, F> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { rows, width, at } = self;
        let (first, others) = rows.split_at_mut(width);
        let first = &mut first[at..];
        if first[1..].iter().all(|x| *x == F::zero()) {
            return;
        }
        let size = dot(a, first, first).sqrt();
        // The sign that does not cancel.
        let end = if first[0] > F::zero() { -size } else { size };
        first[0] -= end;
        // |v|^2 / 2 of the vector that is reflected along.
        let half = -end * first[0];
        for row in others.chunks_exact_mut(width) {
            let row = &mut row[at..];
            let along = dot(a, first, row) / half;
            add_scaled(a, -along, first, row);
        }
        first.fill(F::zero());
        first[0] = end;
    }
}
