use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::arithmetic::Arithmetic;
use crate::distribution::LogitParts;
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, sum_coordinates};
use crate::shape::{at_least_one, no_nan_rows, positive, same_shape};
use crate::{Categorical, Concrete, Distribution, MeanVariance, Real, Result, Transform};

/// What stands for the derivative of a one-hot sample, which has none.
#[derive(Debug, Clone, PartialEq)]
enum Surrogate<F> {
    /// The softmax of the logits.
    Mean,
    /// Twice the softmax half of the way to the sample, less half of that of the logits.
    ReinMax,
    /// Relaxed samples, `of` rows a sample, made of other noise that would have drawn the same class: `(n of, dim)`.
    RaoBlackwell { shares: Array2<F>, of: usize, temperature: F },
}

/// Straight-through estimators of d/d logits E f(x), x ~ categorical: a slope of the cost at the sample, pulled back through
/// what stands for it.
///
/// | made by | row | exact where |
/// |---|---|---|
/// | [`propose`](Self::propose) | J(p)' f'(x), p = softmax(l) | f is linear |
/// | [`rein_max`](Self::rein_max) | 2 J((p + x) / 2)' f'(x) - J(p)' f'(x) / 2 | f is a quadratic form |
/// | [`rao_blackwell`](Self::rao_blackwell) | mean over z given x of J(softmax(z / T))' f'(x) / T | never, but for its limit |
///
/// with J(s) = diag(s) - s s' in each block. Asks for slopes of the cost, `(n, dim)`, at one-hot points. The cost is met at
/// classes alone, so it need not be defined between them but for its slope.
///
/// Bias: biased; of [`rein_max`](Self::rein_max) by terms of third order in f alone. Variance: low; that of `rao_blackwell` is below that of
/// [`GumbelSoftmax`](super::GumbelSoftmax) of [`Hard`](super::Relaxation::Hard), of which it is the conditional mean, and the bias the same.
/// Errors: `Shape`, or `NaN` with the row, of the slopes.
/// Source: Bengio, Leonard and Courville 2013; Liu and others 2023 (ReinMax); Paulus, Maddison and Krause 2021
/// (Rao-Blackwellised); chapter `distribution/concrete`.
///
/// ```
/// use estimand::gradient::{Plan, StraightThrough};
/// use estimand::{Categorical, ndarray::array};
///
/// // A linear cost: exact, for each sample.
/// let q = Categorical::shared(array![0.0_f64, 0.0], 2, 1)?;
/// let plan = StraightThrough::propose(&q, array![[1.0, 0.0]])?;
/// assert_eq!(plan.rows(&array![[3.0, 1.0]])?.logits(), array![[0.5, -0.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StraightThrough<'a, F> {
    law: &'a Categorical<'a, F>,
    x: Array2<F>,
    mean: Array2<F>,
    surrogate: Surrogate<F>,
}

impl<'a, F: Real> StraightThrough<'a, F> {
    /// Through the softmax of the logits. Errors: `Shape` of the Gumbel noise, `(n, dim)`.
    pub fn propose(law: &'a Categorical<'a, F>, noise: Array2<F>) -> Result<Self> {
        Ok(Self { x: law.sample_from(noise)?, mean: law.mean(), law, surrogate: Surrogate::Mean })
    }

    /// ReinMax, of second order: it has the mean that the gradient has, for each quadratic form of the sample.
    ///
    /// Errors: as [`propose`](Self::propose).
    ///
    /// ```
    /// use estimand::gradient::{Plan, StraightThrough};
    /// use estimand::{Categorical, ndarray::array};
    ///
    /// // (x_1 - 0.45)^2 of a fair coin: the mean of both classes is the gradient, 0.025.
    /// let q = Categorical::shared(array![0.0_f64, 0.0], 2, 2)?;
    /// let plan = StraightThrough::rein_max(&q, array![[1.0, 0.0], [0.0, 1.0]])?;
    /// let slopes = plan.points().map_axis(ndarray::Axis(1), |x| 2.0 * (x[0] - 0.45));
    /// let g = plan.estimate(&array![[slopes[0], 0.0], [slopes[1], 0.0]])?;
    /// assert!((g.gradient.logits()[[0, 0]] - 0.025).abs() < 1e-15);
    /// # use estimand::ndarray;
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn rein_max(law: &'a Categorical<'a, F>, noise: Array2<F>) -> Result<Self> {
        Ok(Self { surrogate: Surrogate::ReinMax, ..Self::propose(law, noise)? })
    }

    /// Through relaxed samples, in the mean over several of them that have the class of the sample.
    ///
    /// Shapes: `noise: (n, dim)` draws the sample; `others: (n k, dim)`, k rows of a sample one after the other, are Gumbel noise of the
    /// relaxed ones. Errors: `Shape`, of `others` where its rows are not a multiple of n; `Parameter` of the temperature, or where k = 0.
    pub fn rao_blackwell(
        law: &'a Categorical<'a, F>,
        noise: Array2<F>,
        others: &ArrayRef2<F>,
        temperature: F,
    ) -> Result<Self> {
        positive("temperature", temperature)?;
        let plan = Self::propose(law, noise)?;
        let n = plan.x.nrows();
        let of = others.nrows() / n.max(1);
        if n > 0 {
            at_least_one("k", of)?;
        }
        same_shape("others", others.shape(), &[n * of, plan.x.ncols()])?;
        let repeated = Array2::from_shape_fn(others.dim(), |(i, j)| plan.x[[i / of, j]]);
        let perturbed = law.clone().repeat_rows(of).perturbed_given(&repeated, others)?;
        let flat = Concrete::new(Array2::zeros(others.dim()), law.classes(), temperature)?;
        let shares = flat.sample_from(perturbed)?;
        Ok(Self { surrogate: Surrogate::RaoBlackwell { shares, of, temperature }, ..plan })
    }
}

impl<F: Real> Plan<F> for StraightThrough<'_, F> {
    type Parts = LogitParts;
    type Cost = Array2<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.x.view()
    }

    fn rows(&self, cost: &Array2<F>) -> Result<Grad<F, LogitParts>> {
        same_shape("cost", cost.shape(), self.x.shape())?;
        no_nan_rows("cost", cost)?;
        let (_, [grad]) = fill(cost.nrows(), [self.x.view(), cost.view()], [cost.ncols()], &PullBackRow(self));
        Ok(Grad::held(grad, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }
}

struct PullBackRow<'a, 'b, F>(&'a StraightThrough<'b, F>);

impl<F: Real> RowFn<F, 2> for PullBackRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, [x, cost]: [&[F]; 2], grad: &mut [F]) -> F {
        let plan = self.0;
        let k = plan.law.classes();
        let mean = plan.mean.row(plan.law.shape().parameter_row(i)).to_slice().unwrap_or_default();
        let blocks = x.chunks_exact(k).zip(cost.chunks_exact(k)).zip(mean.chunks_exact(k));
        for (b, (((x, cost), mean), grad)) in blocks.zip(grad.chunks_exact_mut(k)).enumerate() {
            match &plan.surrogate {
                Surrogate::Mean => jacobian(mean, cost, F::one(), grad),
                Surrogate::ReinMax => {
                    jacobian(mean, cost, -F::of(0.5), grad);
                    let half: Vec<F> = mean.iter().zip(x).map(|(&p, &x)| F::of(0.5) * (p + x)).collect();
                    jacobian(&half, cost, F::of(2.0), grad);
                }
                Surrogate::RaoBlackwell { shares, of, temperature } => {
                    for m in i * of..(i + 1) * of {
                        let shares = shares.row(m);
                        let shares = &shares.to_slice().unwrap_or_default()[b * k..(b + 1) * k];
                        jacobian(shares, cost, F::count(*of).recip(), grad);
                    }
                    grad.iter_mut().for_each(|g| *g /= *temperature);
                }
            }
        }
        F::zero()
    }
}

/// Adds `by` times (diag(s) - s s') d.
#[inline(always)]
fn jacobian<F: Real>(s: &[F], d: &[F], by: F, grad: &mut [F]) {
    let mean = sum_coordinates::<false, _, 2, 0>([s, d], [], |[s, d]| (s * d, []));
    grad.iter_mut().zip(s).zip(d).for_each(|((g, &s), &d)| *g += by * s * (d - mean));
}
