use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::kernel::Level;
use crate::rows::{Grad, Terms, reduce, weigh};
use crate::shape::{at_least_one, groups};
use crate::{Parts, Real, Result, Rows, Shape};

/// A Monte-Carlo estimate of a gradient, and how far it can be trusted.
///
/// ```
/// use estimand::gradient::Estimate;
/// use estimand::{DiagGaussian, Distribution, ndarray::array};
///
/// let q = DiagGaussian::standard(4, 1)?;
/// let x = array![[1.0], [-1.0], [2.0], [-2.0]];
/// let score = Estimate::of_rows(&q.score(&x)?)?;                  // whose expectation is 0
/// assert_eq!(score.gradient.loc(), array![[0.0]]);
/// let error: f64 = score.std_error().unwrap().loc()[[0, 0]];
/// assert!((error - (10.0_f64 / 12.0).sqrt()).abs() < 1e-15);        // sum of squares / (4 * 3)
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Estimate<F, P> {
    /// The estimate: `(rows, width)`, in the shape of the parameters.
    pub gradient: Grad<F, P>,
    /// An unbiased estimate of its variance, entry by entry; none where there is no honest one, as of a
    /// single draw.
    ///
    /// Where rows depend on each other (leave-one-out) it may come out negative, and is kept so: to clip
    /// it would make it too large on average.
    pub variance: Option<Grad<F, P>>,
    /// The samples behind each row of it.
    pub samples: usize,
}

impl<F: Real, P: Parts> Estimate<F, P> {
    /// The mean of independent rows, by parameter row, with the variance of that mean:
    ///
    /// ```text
    /// g = sum of r_s / S,   v = sum of (r_s - g)^2 / (S (S - 1))
    /// ```
    ///
    /// Bias: unbiased, both, where each row is. No variance where S = 1.
    /// Errors: `Parameter` where there are no samples; `NaN` with the row.
    pub fn of_rows<R: Rows<F, Parts = P>>(rows: &R) -> Result<Self> {
        Self::of_weighted(rows, None)
    }

    /// The mean of independent draws that were made, `draws` of each parameter row: [`of_rows`](Self::of_rows).
    ///
    /// Shapes: `rows: (n draws, width)` to `(n, width)`. Errors: as there, and `Count` where `draws` does
    /// not divide the rows.
    ///
    /// ```
    /// use estimand::gradient::Estimate;
    /// use estimand::{DiagGaussian, Distribution, ndarray::array};
    ///
    /// let q = DiagGaussian::standard(2, 1)?;
    /// let draws = q.score(&array![[1.0], [3.0]])?.collect().scaled(0.5);
    /// let mean = Estimate::of_draws(draws, 2)?;
    /// assert_eq!(mean.gradient.loc(), array![[1.0]]);
    /// assert_eq!(mean.variance.unwrap().loc(), array![[0.25]]);
    /// # use estimand::Rows;
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of_draws(rows: Grad<F, P>, draws: usize) -> Result<Self> {
        let n = groups("rows", rows.flat().nrows(), draws)?;
        let shape = Shape { rows: n, repeat: draws, dim: rows.flat().ncols() };
        let parts = rows.parts().clone();
        let flat = rows.into_flat();
        let flat = if flat.is_standard_layout() { flat } else { flat.as_standard_layout().into_owned() };
        Self::of_rows(&Held { flat, parts, shape })
    }

    /// Of rows times a weight each, which together are independent.
    pub(super) fn of_weighted<R: Rows<F, Parts = P>>(rows: &R, weights: Option<&Array1<F>>) -> Result<Self> {
        let Shape { rows: n, repeat: samples, .. } = rows.shape();
        at_least_one("repeat", samples)?;
        let parts = rows.parts();
        let width = parts.width();
        // The first row of each parameter row is near their mean: squares from there keep their digits.
        let mut near = Array2::zeros((n, width));
        for (t, mut near) in near.rows_mut().into_iter().enumerate() {
            let first = t * samples;
            rows.visit_rows(Level::best(), first..first + 1, |i, row| {
                let weight = weights.map_or(F::one(), |w| w[i]);
                near.iter_mut().zip(row).for_each(|(to, &g)| *to = weigh(weight, g));
            });
        }
        // A row that is not finite is no place to measure from.
        near.mapv_inplace(|g: F| if g.is_finite() { g } else { F::zero() });
        let sums = reduce(rows, &Spread { weights: weights.map(|w| w.view()), near: near.view(), samples })?;
        let count = F::count(samples);
        let mut gradient = near;
        let mut variance = Array2::zeros((n, width));
        for ((mut g, mut v), sums) in gradient.rows_mut().into_iter().zip(variance.rows_mut()).zip(sums.rows()) {
            for j in 0..width {
                let (off, squares) = (sums[j] / count, sums[width + j]);
                g[j] += off;
                // A sum of squares, but for rounding; NaN stays.
                let spread = squares - off * sums[j];
                let spread = if spread < F::zero() { F::zero() } else { spread };
                v[j] = spread / (count * (count - F::one()));
            }
        }
        let variance = (samples > 1).then(|| Grad::held(variance, parts.clone()));
        Ok(Self { gradient: Grad::held(gradient, parts), variance, samples })
    }

    /// The standard error of each entry, the root of the variance: NaN where an unbiased variance came
    /// out negative.
    pub fn std_error(&self) -> Option<Grad<F, P>> {
        let variance = self.variance.as_ref()?;
        Some(Grad::held(variance.flat().mapv(F::sqrt), variance.parts().clone()))
    }

    /// The estimate of both samples: two independent estimates of one gradient, pooled by their samples.
    ///
    /// ```text
    /// g = (S_1 g_1 + S_2 g_2) / S,   v = (S_1^2 v_1 + S_2^2 v_2) / S^2,   S = S_1 + S_2
    /// ```
    ///
    /// So a large sample is worked through in parts, on several machines too. Unbiased where both are;
    /// no variance where one has none. Errors: `Shape`.
    ///
    /// ```
    /// use estimand::gradient::Estimate;
    /// use estimand::{DiagGaussian, Distribution, ndarray::array};
    ///
    /// let of = |x: [f64; 2]| {
    ///     let q = DiagGaussian::standard(2, 1)?;
    ///     Estimate::of_rows(&q.score(&array![[x[0]], [x[1]]])?)
    /// };
    /// let both = of([1.0, 3.0])?.merge(of([5.0, 7.0])?)?;
    /// assert_eq!((both.samples, both.gradient.loc()[[0, 0]]), (4, 4.0));
    /// assert_eq!(both.variance.unwrap().loc()[[0, 0]], 0.5);            // of each: 1
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn merge(self, other: Self) -> Result<Self> {
        let samples = self.samples + other.samples;
        let share = |of: usize| F::count(of) / F::count(samples.max(1));
        let (mine, others) = (share(self.samples), share(other.samples));
        let variance = match (self.variance, other.variance) {
            (Some(v), Some(w)) => Some((v.scaled(mine * mine) + w.scaled(others * others))?),
            _ => None,
        };
        let gradient = (self.gradient.scaled(mine) + other.gradient.scaled(others))?;
        Ok(Self { gradient, variance, samples })
    }
}

/// Weighted rows and their squares, from a place near them.
struct Spread<'a, F> {
    weights: Option<ArrayView1<'a, F>>,
    near: ArrayView2<'a, F>,
    samples: usize,
}

impl<F: Real> Terms<F> for Spread<'_, F> {
    fn count(&self, width: usize) -> usize {
        2 * width
    }

    #[inline(always)]
    fn add(&self, i: usize, row: &[F], sums: &mut [F]) {
        let weight = self.weights.map_or(F::one(), |weights| weights[i]);
        let near = self.near.row(i / self.samples);
        let near = near.to_slice().unwrap_or_default();
        let (sum, squares) = sums.split_at_mut(row.len());
        for (((sum, square), &g), &near) in sum.iter_mut().zip(squares).zip(row).zip(near) {
            let off = weigh(weight, g) - near;
            *sum += off;
            *square += off * off;
        }
    }
}

/// Rows that were made, as rows that might be.
struct Held<F, P> {
    flat: Array2<F>,
    parts: P,
    shape: Shape,
}

impl<F: Real, P: Parts> Rows<F> for Held<F, P> {
    type Parts = P;
    const NAME: &'static str = "rows";

    fn parts(&self) -> P {
        self.parts.clone()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn visit_rows(&self, _: Level, range: Range<usize>, mut each: impl FnMut(usize, &[F])) {
        for i in range.start..range.end.min(self.flat.nrows()) {
            each(i, self.flat.row(i).to_slice().unwrap_or_default());
        }
    }
}
