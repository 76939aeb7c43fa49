use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::estimate::Estimate;
use super::plan::{Bias, Plan};
use crate::rows::Grad;
use crate::shape::{no_nan_rows, same_shape};
use crate::{Draw, Error, Real, Reparameterize, Result, Rows, Smooth, Transform};

/// The pathwise (reparameterised) estimate of d/d theta E f(x): the mean of pathwise rows, by parameter row.
///
/// ```text
/// g = sum over samples s of (d x_s / d theta)' f'(x_s) / S
/// ```
///
/// Where f itself depends on theta, this is the gradient through the sample alone: the mean of
/// d f / d theta is yours to add. Shapes: n rows to `(rows, width)`.
/// Bias: unbiased, where f has a slope almost everywhere and no jumps (a step function has slope 0, and this
/// estimate would be 0). Variance, in a Gaussian mean: at most sigma^2 E f''^2 / S (Poincare). Errors: those of
/// [`Estimate::of_rows`]. Source: Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014; chapter
/// `gradient/pathwise`.
///
/// ```
/// use estimand::gradient::pathwise;
/// use estimand::{DiagGaussian, Reparameterize, Transform, ndarray::array};
///
/// let (loc, log_scale) = (array![3.0_f64], array![0.0]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 2)?;
/// let x = q.transform(array![[1.0], [-1.0]])?;
/// let slope = x.x().mapv(|x| 2.0 * x);                                 // f = x^2
/// let g = pathwise(q.pathwise(&x, &slope)?)?;
/// assert_eq!(g.gradient.loc(), array![[6.0]]);                          // 2 loc
/// assert_eq!(g.variance.unwrap().loc(), array![[4.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn pathwise<F: Real, R: Rows<F>>(rows: R) -> Result<Estimate<F, R::Parts>> {
    Estimate::of_rows(&rows)
}

/// The pathwise estimator as a plan: slopes of the cost at samples of the law.
///
/// Estimand, bias and variance are those of [`pathwise`], which its estimate is. A draw is a sample.
///
/// ```
/// use estimand::gradient::{Pathwise, Plan};
/// use estimand::{DiagGaussian, ndarray::array};
///
/// let q = DiagGaussian::standard(2, 1)?;
/// let plan = Pathwise::propose(&q, array![[1.0], [-1.0]])?;
/// let slopes = plan.points().mapv(|x: f64| 3.0 * x * x);                // f = x^3
/// let rows = plan.rows(&slopes)?;
/// assert_eq!((rows.loc(), rows.log_scale()), (array![[3.0], [3.0]].view(), array![[3.0], [-3.0]].view()));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pathwise<'a, F, D> {
    law: &'a D,
    draw: Draw<F>,
}

impl<'a, F: Real, D: Reparameterize<F>> Pathwise<'a, F, D> {
    /// Samples of the law made from noise. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a D, noise: Array2<F>) -> Result<Self>
    where
        D: Transform<F>,
    {
        Ok(Self { law, draw: law.transform(noise)? })
    }

    /// A draw of the law: for one without noise of a fixed size. Errors: `Shape` of `draw` or its `noise`.
    pub fn at(law: &'a D, draw: Draw<F>) -> Result<Self> {
        let _checked = law.pathwise(&draw, &draw.x())?;
        Ok(Self { law, draw })
    }
}

impl<F: Real, D: Reparameterize<F>> Plan<F> for Pathwise<'_, F, D> {
    type Parts = D::Parts;
    type Cost = Array2<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.draw.x()
    }

    fn rows(&self, cost: &Array2<F>) -> Result<Grad<F, D::Parts>> {
        slopes_door(cost, &self.draw)?;
        no_nan_rows("cost", cost)?;
        Ok(self.law.pathwise(&self.draw, cost)?.collect())
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn estimate(&self, cost: &Array2<F>) -> Result<Estimate<F, D::Parts>> {
        slopes_door(cost, &self.draw)?;
        pathwise(self.law.pathwise(&self.draw, cost)?).map_err(|error| blame(error, cost, &self.draw))
    }
}

/// Slopes are the cost of a plan, whatever the law calls them.
fn slopes_door<F: Real>(slopes: &ArrayRef2<F>, draw: &Draw<F>) -> Result<()> {
    same_shape("cost", slopes.shape(), draw.x().shape())
}

/// The error of an estimate that met a NaN, in the words of the plan: only then is anything looked through.
fn blame<F: Real>(error: Error, cost: &ArrayRef2<F>, draw: &Draw<F>) -> Error {
    let Error::NaN { .. } = error else { return error };
    let found = no_nan_rows("cost", cost).and_then(|()| no_nan_rows("points", &draw.x()));
    found.err().unwrap_or(error)
}

/// Sticking the landing: the path of the ELBO without its score.
///
/// The estimand is d/d theta E [log p(x, z) - log q(z)], the gradient of the ELBO in the parameters of q. Its
/// cost depends on theta twice, through z and by itself. The second dependence gives -score(z), whose
/// expectation is 0: this plan leaves it out, and so nobody adds it.
///
/// ```text
/// row = (d z / d theta)' (d log p(x, z) / dz - d log q(z) / dz)
/// ```
///
/// Asks for the slopes of log p(x, z) in z at the points. Bias: unbiased. Variance: 0 for *each* sample where
/// q is the posterior, since both slopes are equal there; far from it the score may be worth keeping, for it
/// can take variance away ([`Comparison`](super::Comparison) tells). With a closed KL there is less
/// left to estimate: that is [`Pathwise`] on log p(x | z) alone.
/// Source: Roeder, Wu and Duvenaud 2017; chapter `gradient/pathwise`.
///
/// ```
/// use estimand::gradient::{Plan, StickingTheLanding};
/// use estimand::{DiagGaussian, ndarray::array};
///
/// // z ~ N(0, 1), x | z ~ N(z, 1), x = 1: the posterior is N(1/2, 1/2).
/// let (loc, log_scale) = (array![0.5_f64], array![-0.5 * 2.0_f64.ln()]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 3)?;
/// let plan = StickingTheLanding::propose(&q, array![[0.3], [-2.0], [1.1]])?;
/// let slopes = plan.points().mapv(|z| (1.0 - z) - z);
/// assert!(plan.rows(&slopes)?.flat().iter().all(|g| g.abs() < 1e-14));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StickingTheLanding<'a, F, D> {
    law: &'a D,
    draw: Draw<F>,
    slopes_of_q: Array2<F>,
}

impl<'a, F: Real, D: Reparameterize<F> + Smooth<F>> StickingTheLanding<'a, F, D> {
    /// Samples of q made from noise. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a D, noise: Array2<F>) -> Result<Self>
    where
        D: Transform<F>,
    {
        Self::at(law, law.transform(noise)?)
    }

    /// A draw of q: for a law without noise of a fixed size. Errors: `Shape`.
    pub fn at(law: &'a D, draw: Draw<F>) -> Result<Self> {
        let _checked = law.pathwise(&draw, &draw.x())?;
        let slopes_of_q = law.log_prob_slope(&draw.x())?.grad;
        Ok(Self { law, draw, slopes_of_q })
    }

    fn slopes(&self, of_p: &ArrayRef2<F>) -> Result<Array2<F>> {
        slopes_door(of_p, &self.draw)?;
        let mut slopes = of_p.to_owned();
        slopes.zip_mut_with(&self.slopes_of_q, |p, &q| *p -= q);
        Ok(slopes)
    }
}

impl<F: Real, D: Reparameterize<F> + Smooth<F>> Plan<F> for StickingTheLanding<'_, F, D> {
    type Parts = D::Parts;
    type Cost = Array2<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.draw.x()
    }

    fn rows(&self, cost: &Array2<F>) -> Result<Grad<F, D::Parts>> {
        let slopes = self.slopes(cost)?;
        no_nan_rows("cost", cost)?;
        Ok(self.law.pathwise(&self.draw, &slopes)?.collect())
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn estimate(&self, cost: &Array2<F>) -> Result<Estimate<F, D::Parts>> {
        let slopes = self.slopes(cost)?;
        pathwise(self.law.pathwise(&self.draw, &slopes)?).map_err(|error| blame(error, cost, &self.draw))
    }
}
