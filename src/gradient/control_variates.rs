use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView1, ArrayView2, Axis};

use super::baseline::Fitted;
use super::estimate::Estimate;
use crate::rows::{Grad, pairwise};
use crate::shape::{at_least_one, groups, no_nan_rows, same_shape, too_few};
use crate::{Error, Parts, Real, Result};

/// An estimate with regression control variates: [`control_variates`].
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Controlled<F, P> {
    /// The estimate. It has no variance: its rows depend on each other through the coefficients.
    pub estimate: Estimate<F, P>,
    /// The coefficients of all samples, `(n k, width)`: `k` controls of each parameter row.
    pub coefficients: Array2<F>,
}

/// The mean of independent rows, less what known means of other numbers tell of its error.
///
/// ```text
/// g = mean of (r_s - beta' (h_s - E h)),   beta = the regression of r on h
/// ```
///
/// by parameter row, of which each has `draws` rows. The controls `h` are any numbers of the same samples
/// whose expectation is known and which correlate with the rows: score rows (of mean 0: then beta is a
/// matrix of baselines), a Taylor polynomial of the cost, the samples themselves.
///
/// Shapes: `rows: (n draws, width)`, `controls: (n draws, k)`, `means: (k,)`, to `(n, width)`.
/// Bias: by [`Fitted`]: of order 1/S on all samples; unbiased where each row's beta leaves that row out.
/// Variance: that of the residuals, (1 - R^2) times that of the mean, and a part in S/k more for the fit; not reported.
/// Errors: `Shape`; `Count`, also where S < k + 2 (k + 3, leaving one out); `NaN` with the row;
/// `Parameter` where controls are constant or collinear.
/// Source: Glynn and Szechtman 2002; Owen 2013, section 8.9; chapter `gradient/baseline`.
///
/// ```
/// use estimand::gradient::{Fitted, control_variates};
/// use estimand::{DiagGaussian, Distribution, Rows, ndarray::array};
///
/// // Rows that are linear in the control have no error left.
/// let q = DiagGaussian::standard(4, 1)?;
/// let rows = q.score(&array![[0.5], [-1.0], [2.0], [0.1]])?.collect();
/// let x = array![[0.5], [-1.0], [2.0], [0.1]];
/// let exact = control_variates(&rows, 4, &x, &array![0.0], Fitted::LeavingOneOut)?;
/// let loc: f64 = exact.estimate.gradient.loc()[[0, 0]];
/// assert!(loc.abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn control_variates<F: Real, P: Parts>(
    rows: &Grad<F, P>,
    draws: usize,
    controls: &ArrayRef2<F>,
    means: &ArrayRef1<F>,
    fitted: Fitted,
) -> Result<Controlled<F, P>> {
    at_least_one("draws", draws)?;
    let (all, width) = rows.flat().dim();
    let n = groups("rows", "rows", all, draws)?;
    let k = controls.ncols();
    same_shape("controls", controls.shape(), &[all, k])?;
    same_shape("means", means.shape(), &[k])?;
    at_least_one("controls", k)?;
    let needs = k + if fitted == Fitted::OnAll { 2 } else { 3 };
    if draws < needs {
        return Err(too_few("rows", draws, needs));
    }
    no_nan_rows("rows", &rows.flat())?;
    no_nan_rows("controls", controls)?;
    let mut gradient = Array2::zeros((n, width));
    let mut coefficients = Array2::zeros((n * k, width));
    for t in 0..n {
        let of = |rows: &ArrayView2<'_, F>| centred(rows.split_at(Axis(0), t * draws).1.split_at(Axis(0), draws).0);
        let ((g, mean_g), (h, mean_h)) = (of(&rows.flat()), of(&controls.view()));
        let sizes: Vec<F> = h.columns().into_iter().zip(&mean_h).map(|(h, mean)| largest(h) + mean.abs()).collect();
        let fit = Fit::new(&h, &sizes)?;
        let beta = fit.solve(&h, &g);
        let miss = Array1::from_shape_fn(k, |c| mean_h[c] - means[c]);
        for j in 0..width {
            let explained = (0..k).fold(F::zero(), |sum, c| sum + beta[[c, j]] * miss[c]);
            gradient[[t, j]] = mean_g[j] - explained;
        }
        if fitted == Fitted::LeavingOneOut {
            let correction = leaving_one_out(&fit, (&g, &h), &beta, &miss)?;
            gradient.row_mut(t).scaled_add(F::one(), &correction);
        }
        coefficients.rows_mut().into_iter().skip(t * k).zip(beta.rows()).for_each(|(mut to, row)| to.assign(&row));
    }
    let estimate = Estimate { gradient: Grad::held(gradient, rows.parts().clone()), variance: None, samples: draws };
    Ok(Controlled { estimate, coefficients })
}

/// What changes where each row's coefficients leave it out: by the formula of deletion
///
/// ```text
/// beta - beta_-s = A^-1 h_s e_s' / (1 - 1/S - h_s' A^-1 h_s)
/// ```
///
/// with centred h, A = h' h and the residual e.
fn leaving_one_out<F: Real>(
    fit: &Fit<F>,
    (g, h): (&Array2<F>, &Array2<F>),
    beta: &Array2<F>,
    miss: &Array1<F>,
) -> Result<Array1<F>> {
    let (samples, k) = h.dim();
    let each = F::one() / F::count(samples);
    let mut correction = Array1::zeros(g.ncols());
    for s in 0..samples {
        let row = h.row(s);
        let weights = fit.inverse_times(&row.to_owned());
        let leverage = row.dot(&weights);
        let left = F::one() - each - leverage;
        if left <= F::count(8 * k) * F::epsilon() {
            return Err(collinear(left));
        }
        let reach = weights.dot(&row) + weights.dot(miss);
        for j in 0..g.ncols() {
            let residual = g[[s, j]] - (0..k).fold(F::zero(), |sum, c| sum + beta[[c, j]] * row[c]);
            correction[j] += each * reach * residual / left;
        }
    }
    Ok(correction)
}

fn largest<F: Real>(column: ArrayView1<'_, F>) -> F {
    column.iter().fold(F::zero(), |most, h| most.max(h.abs()))
}

/// Rows less their mean, and the mean.
fn centred<F: Real>(rows: ArrayView2<'_, F>) -> (Array2<F>, Array1<F>) {
    let n = rows.nrows();
    let mean = Array1::from_shape_fn(rows.ncols(), |j| pairwise(n, |i| rows[[i, j]]) / F::count(n));
    (Array2::from_shape_fn(rows.raw_dim(), |(i, j)| rows[[i, j]] - mean[j]), mean)
}

fn collinear<F: Real>(pivot: F) -> Error {
    Error::Parameter { name: "controls", value: pivot.as_f64(), expected: "columns that are not constant or collinear" }
}

/// The Cholesky factor of the controls' correlations, with their lengths.
struct Fit<F> {
    factor: Array2<F>,
    lengths: Array1<F>,
}

impl<F: Real> Fit<F> {
    fn new(h: &Array2<F>, sizes: &[F]) -> Result<Self> {
        let (n, k) = h.dim();
        let product = |a: usize, b: usize| pairwise(n, |s| h[[s, a]] * h[[s, b]]);
        let lengths = Array1::from_shape_fn(k, |c| product(c, c).sqrt());
        // What the rounding of a mean leaves of a constant.
        let rounding = |c: usize| F::count(8) * F::epsilon() * F::count(n).sqrt() * sizes[c];
        if let Some(c) = (0..k).find(|&c| lengths[c] <= rounding(c)) {
            return Err(collinear(lengths[c]));
        }
        let mut factor = Array2::<F>::zeros((k, k));
        for a in 0..k {
            for b in 0..=a {
                let correlation = product(a, b) / (lengths[a] * lengths[b]);
                let rest = (0..b).fold(correlation, |rest, c| rest - factor[[a, c]] * factor[[b, c]]);
                if a != b {
                    factor[[a, b]] = rest / factor[[b, b]];
                    continue;
                }
                // What is left of a length of 1: rounding alone, or NaN of a length of 0.
                let pivot = if lengths[a] > F::zero() { rest } else { F::zero() };
                if pivot.is_nan() || pivot <= F::count(8 * k) * F::epsilon() {
                    return Err(collinear(pivot));
                }
                factor[[a, a]] = pivot.sqrt();
            }
        }
        Ok(Self { factor, lengths })
    }

    /// (h' h)^-1 v.
    fn inverse_times(&self, v: &Array1<F>) -> Array1<F> {
        let k = v.len();
        let mut y = v / &self.lengths;
        for a in 0..k {
            let rest = (0..a).fold(y[a], |rest, c| rest - self.factor[[a, c]] * y[c]);
            y[a] = rest / self.factor[[a, a]];
        }
        for a in (0..k).rev() {
            let rest = (a + 1..k).fold(y[a], |rest, c| rest - self.factor[[c, a]] * y[c]);
            y[a] = rest / self.factor[[a, a]];
        }
        y / &self.lengths
    }

    /// The coefficients of g on h: `(k, width)`.
    fn solve(&self, h: &Array2<F>, g: &Array2<F>) -> Array2<F> {
        let (n, k) = h.dim();
        let mut beta = Array2::zeros((k, g.ncols()));
        for (j, mut column) in beta.columns_mut().into_iter().enumerate() {
            let products = Array1::from_shape_fn(k, |c| pairwise(n, |s| h[[s, c]] * g[[s, j]]));
            column.assign(&self.inverse_times(&products));
        }
        beta
    }
}
