use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::arithmetic::Arithmetic;
use crate::distribution::{LogitParts, pull_back_of_shares};
use crate::kernel::{RowFn, fill};
use crate::rows::Grad;
use crate::shape::{no_nan_rows, positive, same_shape};
use crate::{Categorical, Concrete, Distribution, Error, MeanVariance, Real, Result, Transform};

/// What stands for the derivative of a one-hot sample, which has none.
#[derive(Debug, Clone, PartialEq)]
enum Surrogate<F> {
    /// The softmax of the logits.
    Mean,
    /// Twice the softmax half of the way to the sample, `(n, dim)`, less half of that of the logits.
    ReinMax { half: Array2<F> },
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
/// | [`rao_blackwell`](Self::rao_blackwell) | mean over k draws of z given x of J(softmax(z / T))' f'(x) / T | as T falls to 0 f is a quadratic form |
///
/// with J(s) = diag(s) - s s' in each block. Asks for slopes of the cost, `(n, dim)`, at one-hot points. The cost is met at
/// classes alone, so it need not be defined between them but for its slope.
///
/// Bias: biased; of [`rein_max`](Self::rein_max) by terms of third order in f alone. Variance: low; `rao_blackwell` has the mean of
/// [`GumbelSoftmax`](super::GumbelSoftmax) of [`Hard`](super::Relaxation::Hard) and at most its variance, with k = 1 the same, and as
/// k grows that of the conditional mean given the class.
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
        let plan = Self::propose(law, noise)?;
        let shape = law.shape();
        let half = Array2::from_shape_fn(plan.x.dim(), |(i, j)| {
            F::of(0.5) * (plan.mean[[shape.parameter_row(i), j]] + plan.x[[i, j]])
        });
        Ok(Self { surrogate: Surrogate::ReinMax { half }, ..plan })
    }

    /// Through relaxed samples, in the mean over several of them that have the class of the sample.
    ///
    /// Shapes: `noise: (n, dim)` draws the sample; `others: (n k, dim)`, k rows of a sample one after the other, are Gumbel noise of the
    /// relaxed ones. Errors: `Shape`; `Count` where the rows of `others` are not a multiple of n above 0; `Parameter` of the temperature.
    pub fn rao_blackwell(
        law: &'a Categorical<'a, F>,
        noise: Array2<F>,
        others: &ArrayRef2<F>,
        temperature: F,
    ) -> Result<Self> {
        positive("temperature", temperature)?;
        let plan = Self::propose(law, noise)?;
        let (n, width) = plan.x.dim();
        let (got, of) = (others.nrows(), others.nrows() / n.max(1));
        if got != n * of || (n > 0 && of == 0) {
            let expected = format!("a multiple of {n} above 0");
            return Err(Error::Count { name: "others", axis: "rows", got, expected });
        }
        same_shape("others", others.shape(), &[got, width])?;
        let of = of.max(1);
        let repeated = Array2::from_shape_fn(others.dim(), |(i, j)| plan.x[[i / of, j]]);
        let perturbed = law.clone().repeat_rows(of).perturbed_from_level(&repeated, others)?;
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
        let (_, [grad]) = fill(cost.nrows(), [cost.view()], [cost.ncols()], &PullBackRow(self));
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

impl<F: Real> RowFn<F, 1> for PullBackRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, [cost]: [&[F]; 1], grad: &mut [F]) -> F {
        let plan = self.0;
        let k = plan.law.classes();
        let mean = plan.mean.row(plan.law.shape().parameter_row(i)).to_slice().unwrap_or_default();
        let blocks = cost.chunks_exact(k).zip(mean.chunks_exact(k));
        for (b, ((cost, mean), grad)) in blocks.zip(grad.chunks_exact_mut(k)).enumerate() {
            match &plan.surrogate {
                Surrogate::Mean => pull_back_of_shares((mean, cost), grad, |_, moved| moved),
                Surrogate::ReinMax { half } => {
                    let half = half.row(i);
                    let half = &half.to_slice().unwrap_or_default()[b * k..(b + 1) * k];
                    pull_back_of_shares((half, cost), grad, |_, moved| moved + moved);
                    pull_back_of_shares((mean, cost), grad, |twice, moved| twice - F::of(0.5) * moved);
                }
                Surrogate::RaoBlackwell { shares, of, temperature } => {
                    let by = (F::count(*of) * *temperature).recip();
                    grad.fill(F::zero());
                    for m in i * of..(i + 1) * of {
                        let shares = shares.row(m);
                        let shares = &shares.to_slice().unwrap_or_default()[b * k..(b + 1) * k];
                        pull_back_of_shares((shares, cost), grad, |sum, moved| sum + by * moved);
                    }
                }
            }
        }
        F::zero()
    }
}
