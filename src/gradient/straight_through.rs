use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::plan::{Bias, Plan};
use crate::arithmetic::Arithmetic;
use crate::distribution::{LogitParts, Perturb, cooled};
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, weigh};
use crate::shape::{no_nan_rows, positive, same_shape};
use crate::{Error, Real, Result};

/// What stands for the derivative of a sample of bits or classes, which has none.
#[derive(Debug, Clone, PartialEq)]
enum Surrogate<F> {
    /// The mean, shares of the logits.
    Mean,
    /// Half of the mean, and half of the square of how far the sample is from it.
    ReinMax,
    /// Relaxed samples, `of` rows of perturbed logits a sample, made of other noise that would have drawn the same: `(n of, dim)`.
    RaoBlackwell { z: Array2<F>, of: usize, cooled: F },
}

/// Straight-through estimators of d/d logits E f(x), x of bits or classes: a slope of the cost at the sample, pulled back through
/// what stands for it.
///
/// | made by | row | exact where |
/// |---|---|---|
/// | [`propose`](Self::propose) | J(p)' f'(x), p = E x | f is linear |
/// | [`rein_max`](Self::rein_max) | 2 J((p + x) / 2)' f'(x) - J(p)' f'(x) / 2 = (J(p) + (x - p)(x - p)')' f'(x) / 2 | f is a quadratic form |
/// | [`rao_blackwell`](Self::rao_blackwell) | mean over k draws of z given x of J(shares of z / T)' f'(x) / T | as T falls to 0 f is a quadratic form |
///
/// with J(s) = diag(s) - s s' in each block of classes, and diag(s (1 - s)) of bits. Asks for slopes of the cost, `(n, dim)`,
/// at samples. The cost is met there alone, so it need not be defined between them but for its slope.
///
/// Bias: biased; of [`rein_max`](Self::rein_max) by terms of third order in f alone. Variance: low; `rao_blackwell` has the
/// mean of [`GumbelSoftmax`](super::GumbelSoftmax) of [`Hard`](super::Relaxation::Hard) and at most its variance, with k = 1
/// the same, and as k grows that of the conditional mean given the class.
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
pub struct StraightThrough<'a, F, D> {
    law: &'a D,
    x: Array2<F>,
    surrogate: Surrogate<F>,
}

impl<'a, F: Real, D: Perturb<F>> StraightThrough<'a, F, D> {
    /// Through the mean: the softmax of the logits, or their sigmoid. Errors: `Shape` of the noise, `(n, dim)`.
    pub fn propose(law: &'a D, noise: Array2<F>) -> Result<Self> {
        Ok(Self { x: law.sample_from(noise)?, law, surrogate: Surrogate::Mean })
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
    pub fn rein_max(law: &'a D, noise: Array2<F>) -> Result<Self> {
        Ok(Self { surrogate: Surrogate::ReinMax, ..Self::propose(law, noise)? })
    }

    /// Through relaxed samples, in the mean over several of them that have the class of the sample.
    ///
    /// Shapes: `noise: (n, dim)` draws the sample; `others: (n k, dim)`, k rows of a sample one after the other, are noise of
    /// the law, for the relaxed ones. Errors: `Shape`; `Count` where the rows of `others` are not a multiple of n above 0;
    /// `Parameter` of the temperature.
    pub fn rao_blackwell(law: &'a D, noise: Array2<F>, others: &ArrayRef2<F>, temperature: F) -> Result<Self> {
        positive("temperature", temperature)?;
        let plan = Self::propose(law, noise)?;
        let (n, width) = plan.x.dim();
        let (got, of) = (others.nrows(), others.nrows() / n.max(1));
        if got != n * of || (n > 0 && of == 0) {
            let expected = if n == 0 { "0".to_owned() } else { format!("a multiple of {n} above 0") };
            return Err(Error::Count { name: "others", axis: "rows", got, expected });
        }
        same_shape("others", others.shape(), &[got, width])?;
        let of = of.max(1);
        let (_, [z]) = fill(got, [others.view()], [width], &OtherRow { law, x: &plan.x, of });
        Ok(Self { surrogate: Surrogate::RaoBlackwell { z, of, cooled: cooled(temperature) }, ..plan })
    }
}

impl<F: Real, D: Perturb<F>> Plan<F> for StraightThrough<'_, F, D> {
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

/// Perturbed logits given the sample, of which each has `of` rows.
struct OtherRow<'a, D, F> {
    law: &'a D,
    x: &'a Array2<F>,
    of: usize,
}

impl<F: Real, D: Perturb<F>> RowFn<F, 1> for OtherRow<'_, D, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], z: &mut [F]) -> F {
        let s = i / self.of;
        let x = self.x.row(s);
        self.law.given_row(a, self.law.shape().parameter_row(s), x.to_slice().unwrap_or_default(), noise, z);
        F::zero()
    }
}

struct PullBackRow<'a, 'b, F, D>(&'a StraightThrough<'b, F, D>);

impl<F: Real, D: Perturb<F>> RowFn<F, 1> for PullBackRow<'_, '_, F, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [cost]: [&[F]; 1], grad: &mut [F]) -> F {
        let (law, x) = (self.0.law, self.0.x.row(i));
        let (t, x) = (law.shape().parameter_row(i), x.to_slice().unwrap_or_default());
        match &self.0.surrogate {
            Surrogate::Mean => law.shares_pull_back_row(a, law.logits_row(t), F::one(), cost, grad),
            Surrogate::ReinMax => {
                let mut off = vec![F::zero(); grad.len()];
                law.score_row(a, t, x, &mut off);
                law.shares_pull_back_row(a, law.logits_row(t), F::one(), cost, grad);
                let blocks = off.chunks_exact(law.block()).zip(cost.chunks_exact(law.block()));
                for ((off, cost), grad) in blocks.zip(grad.chunks_exact_mut(law.block())) {
                    let along = off.iter().zip(cost).fold(F::zero(), |sum, (&off, &d)| sum + weigh(off, d));
                    grad.iter_mut().zip(off).for_each(|(g, &off)| *g = F::of(0.5) * (*g + weigh(off, along)));
                }
            }
            Surrogate::RaoBlackwell { z, of, cooled } => {
                let (each, mut through) = (F::count(*of).recip(), vec![F::zero(); grad.len()]);
                grad.fill(F::zero());
                for z in (i * of..(i + 1) * of).map(|m| z.row(m)) {
                    law.shares_pull_back_row(a, z.to_slice().unwrap_or_default(), *cooled, cost, &mut through);
                    grad.iter_mut().zip(&through).for_each(|(grad, &moved)| *grad += each * moved);
                }
            }
        }
        F::zero()
    }
}
