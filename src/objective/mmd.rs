use ndarray::{Array2, ArrayRef2, ArrayView2};

use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::rows::{as_columns, pairwise, sum_long, weigh};
use crate::shape::{no_nan_rows, positive, same_shape};
use crate::{Error, Real, Result, ValueGrad};

/// A kernel of the distance r of two points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DistanceKernel<F> {
    /// e^(-r^2 / (2 h^2)).
    Gaussian {
        /// h.
        bandwidth: F,
    },
    /// c / (c + r^2): heavier tails, and a slope where points are far apart. For latents of a standard prior c = 2 dim is customary.
    InverseMultiquadric {
        /// c.
        scale: F,
    },
}

impl<F: Real> DistanceKernel<F> {
    fn door(self) -> Result<()> {
        match self {
            Self::Gaussian { bandwidth } => positive("bandwidth", bandwidth),
            Self::InverseMultiquadric { scale } => positive("scale", scale),
        }
    }

    /// What distances are measured in, so that no square of a unit is out of range.
    fn unit(self) -> F {
        match self {
            Self::Gaussian { bandwidth } => bandwidth,
            Self::InverseMultiquadric { scale } => scale.sqrt(),
        }
    }

    /// The kernel at a squared distance in its unit, and its derivative in it.
    #[inline(always)]
    fn at<A: Arithmetic<F>>(self, a: A, square: F) -> (F, F) {
        match self {
            Self::Gaussian { .. } => {
                let half = F::of(-0.5);
                let k = a.exp(half * square);
                (k, half * k)
            }
            Self::InverseMultiquadric { .. } => {
                let share = (F::one() + square).recip();
                (share, -share * share)
            }
        }
    }
}

/// A number with its gradient in each of two samples.
pub type OfTwoSamples<F, G> = ValueGrad<F, (G, G)>;

/// The squared maximum mean discrepancy of two samples, with its gradient in both.
///
/// ```text
/// MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)
///       = sum over i != j of k(x_i, x_j) / (n (n - 1)) + the same of y - 2 sum of k(x_i, y_j) / (n m)
/// ```
///
/// Estimand: the squared distance of two laws in the kernel's feature space, 0 only where they are equal. This estimate, a
/// U-statistic, is unbiased, and so is *negative* at times where they are. As a regulariser `x` are samples of the aggregate posterior,
/// one an example, and `y` samples of the prior (Wasserstein autoencoders; InfoVAE). A sum of several kernels is a kernel.
///
/// Shapes: `x: (n, d)`, `y: (m, d)` to a number with slopes `(n, d)`, `(m, d)`. Cost: (n + m)^2 kernels.
/// Errors: `Shape` of `y`; `TooFew` where either has fewer than two rows; `NaN` with the row; `Parameter` of the kernel.
/// Source: Gretton and others 2012; Tolstikhin and others 2018.
///
/// ```
/// use estimand::{objective::{DistanceKernel, mmd}, ndarray::array};
///
/// let (x, y) = (array![[0.0], [2.0]], array![[0.0], [2.0]]);
/// let found = mmd(&x, &y, DistanceKernel::InverseMultiquadric { scale: 2.0_f64 })?;
/// assert!((found.value - (1.0 / 3.0 + 1.0 / 3.0 - (1.0 + 1.0 / 3.0))).abs() < 1e-15);   // negative
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn mmd<F: Real>(
    x: &ArrayRef2<F>,
    y: &ArrayRef2<F>,
    kernel: DistanceKernel<F>,
) -> Result<OfTwoSamples<F, Array2<F>>> {
    kernel.door()?;
    same_shape("y", y.shape(), &[y.nrows(), x.ncols()])?;
    for (name, rows) in [("x", x), ("y", y)] {
        if rows.nrows() < 2 {
            return Err(Error::TooFew { name, got: rows.nrows(), needs: 2 });
        }
        no_nan_rows(name, rows)?;
    }
    let columns = |of: ArrayView2<'_, F>| as_columns(of, 0..of.nrows(), None);
    let (n, m) = (F::count(x.nrows()), F::count(y.nrows()));
    let (x_columns, y_columns) = (columns(x.view()), columns(y.view()));
    let within = |count: F| F::one() / (count * (count - F::one()));
    let half = |own: &ArrayRef2<F>, own_columns, other_columns, weight| {
        let row =
            PointRow { kernel, own: own_columns, other: other_columns, within: weight, across: -F::one() / (n * m) };
        let (values, [slopes]) = fill(own.nrows(), [own.view()], [own.ncols()], &row);
        (pairwise(values.len(), |i| values[i]), slopes)
    };
    let (of_x, d_x) = half(x, &x_columns, &y_columns, within(n));
    let (of_y, d_y) = half(y, &y_columns, &x_columns, within(m));
    Ok(ValueGrad { value: of_x + of_y, grad: (d_x, d_y) })
}

/// A point against all others of its sample and against the other sample; each pair of the two samples is met from both sides.
struct PointRow<'a, F> {
    kernel: DistanceKernel<F>,
    /// A coordinate a row.
    own: &'a Array2<F>,
    other: &'a Array2<F>,
    within: F,
    across: F,
}

impl<F: Real> PointRow<'_, F> {
    /// The sum of kernels with the points of a sample but for `itself`, with its slope in the point, each times a weight.
    #[inline(always)]
    fn against<A: Arithmetic<F>>(
        &self,
        a: A,
        point: &[F],
        points: &Array2<F>,
        itself: Option<usize>,
        weights: [F; 2],
        slope: &mut [F],
    ) -> F {
        let (n, unit) = (points.ncols(), self.kernel.unit());
        let column = |j: usize| points.row(j).to_slice().unwrap_or_default();
        let mut squares = vec![F::zero(); n];
        for (j, &x) in point.iter().enumerate() {
            for (square, &y) in squares.iter_mut().zip(column(j)) {
                let u = (x - y) / unit;
                *square += u * u;
            }
        }
        let mut slopes = vec![F::zero(); n];
        for (square, slope) in squares.iter_mut().zip(&mut slopes) {
            (*square, *slope) = self.kernel.at(a, *square);
        }
        if let Some(i) = itself {
            (squares[i], slopes[i]) = (F::zero(), F::zero());
        }
        let mut terms = vec![F::zero(); n];
        for (j, (&x, to)) in point.iter().zip(slope).enumerate() {
            for ((term, &k), &y) in terms.iter_mut().zip(&slopes).zip(column(j)) {
                *term = weigh(k, (x - y) / unit);
            }
            *to += weights[1] * sum_long(&terms, |term| term) / unit;
        }
        weights[0] * sum_long(&squares, |k| k)
    }
}

impl<F: Real> RowFn<F, 1> for PointRow<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [point]: [&[F]; 1], slope: &mut [F]) -> F {
        slope.fill(F::zero());
        // d r^2 / dx is 2 (x - y); a pair of one sample is in its sum twice, one of the two samples too.
        let four = F::of(4.0);
        let own = self.against(a, point, self.own, Some(i), [self.within, four * self.within], slope);
        own + self.against(a, point, self.other, None, [self.across, four * self.across], slope)
    }
}
