use ndarray::{Array1, Array2, ArrayRef1, ArrayView2};

use super::importance::{LeftOut, dreg_weights, normalised_weights, vimco_weights, wake_phi_path_weights};
use super::plan::{Bias, Plan};
use super::through::through_sample;
use crate::rows::Grad;
use crate::shape::{groups, no_nan, same_shape, too_few};
use crate::{Distribution, Draw, Real, Reparameterize, Result, Rows, Shape, Smooth, Transform, ValueGrad};

/// Which gradient of many samples a [`ManySamplePath`] is; w are the normalised weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathWeight {
    /// Path minus score, both by w: the gradient of the importance-weighted bound as it is written. Unbiased; its signal
    /// over its noise *falls* with k.
    Iwae,
    /// The path alone, by w^2 ([`dreg_weights`]): the same mean, and a signal that grows with k. Unbiased.
    Dreg,
    /// The path alone, by w - w^2 ([`wake_phi_path_weights`]): the way up of E log q under the posterior. Consistent.
    WakePhi,
}

/// Gradients of many-sample bounds in the parameters of q along the path: importance-weighted, doubly reparameterised, wake-phi.
///
/// The estimand is d/d theta E ln (1/k) sum w, w = p(x, z) / q(z), with `k` samples, or what [`PathWeight`] says. Asks for
/// log p(x, z) at the points *and* its slopes in z; log q is the plan's own business. A draw is a group of `k`
/// consecutive samples, so `k` divides the samples of a parameter row.
/// Bias and variance: by [`PathWeight`]; all are 0, sample by sample, where q is the posterior, but for the score of
/// [`PathWeight::Iwae`].
/// Source: Burda, Grosse and Salakhutdinov 2016; Tucker, Lawson, Gu and Maddison 2019; chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::{ManySamplePath, PathWeight, Plan};
/// use estimand::{DiagGaussian, ValueGrad, ndarray::{Axis, array}};
///
/// // z ~ N(0, 1), x | z ~ N(z, 1), x = 1, up to a constant; q is the posterior, N(1/2, 1/2).
/// let (loc, log_scale) = (array![0.5_f64], array![-0.5 * 2.0_f64.ln()]);
/// let q = DiagGaussian::shared(&loc, &log_scale, 4)?;
/// let plan = ManySamplePath::propose(&q, array![[0.3], [-2.0], [1.1], [0.2]], 2, PathWeight::Dreg)?;
/// let z = plan.points();
/// let joint = ValueGrad {
///     value: z.map_axis(Axis(1), |z| -0.5 * z[0] * z[0] - 0.5 * (1.0 - z[0]).powi(2)),
///     grad: z.mapv(|z| 1.0 - 2.0 * z),
/// };
/// let g = plan.estimate(&joint)?;
/// assert!(g.samples == 2 && g.gradient.flat().iter().all(|g| g.abs() < 1e-14));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManySamplePath<'a, F, D> {
    law: &'a D,
    draw: Draw<F>,
    log_q: ValueGrad<Array1<F>, Array2<F>>,
    k: usize,
    weight: PathWeight,
}

impl<'a, F: Real, D: Reparameterize<F> + Smooth<F>> ManySamplePath<'a, F, D> {
    /// Samples of q made from noise, in groups of `k`.
    ///
    /// Errors: `Shape` of `noise`; `Parameter` where `k = 0`; `Count` where it does not divide the samples of a parameter row.
    pub fn propose(law: &'a D, noise: Array2<F>, k: usize, weight: PathWeight) -> Result<Self>
    where
        D: Transform<F>,
    {
        Self::at(law, law.transform(noise)?, k, weight)
    }

    /// A draw of q: for a law without noise of a fixed size. Errors: as [`propose`](Self::propose), of the draw.
    pub fn at(law: &'a D, draw: Draw<F>, k: usize, weight: PathWeight) -> Result<Self> {
        groups_of_samples(law.shape(), k)?;
        let _checked = law.pathwise(&draw, &draw.x())?;
        let log_q = law.log_prob_slope(&draw.x())?;
        Ok(Self { law, draw, log_q, k, weight })
    }

    /// log w = log p(x, z) - log q(z) from log p at the points: what the bounds of [`objective`](crate::objective), and the
    /// weights of a decoder, are made of.
    ///
    /// Errors: `Shape`, or `NaN` with the row, of `log_p`.
    pub fn log_weights(&self, log_p: &ArrayRef1<F>) -> Result<Array1<F>> {
        log_weights(log_p, &self.log_q.value)
    }
}

impl<F: Real, D: Reparameterize<F> + Smooth<F>> Plan<F> for ManySamplePath<'_, F, D> {
    type Parts = D::Parts;
    type Cost = ValueGrad<Array1<F>, Array2<F>>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.draw.x()
    }

    fn rows(&self, cost: &Self::Cost) -> Result<Grad<F, D::Parts>> {
        let log_w = self.log_weights(&cost.value)?;
        same_shape("cost", cost.grad.shape(), self.log_q.grad.shape())?;
        let weights = match self.weight {
            PathWeight::Iwae => normalised_weights(&log_w, self.k)?,
            PathWeight::Dreg => dreg_weights(&log_w, self.k)?,
            PathWeight::WakePhi => wake_phi_path_weights(&log_w, self.k)?,
        };
        let by = through_sample(&weights, &(&cost.grad - &self.log_q.grad))?;
        let mut rows = self.law.pathwise(&self.draw, &by.d_x)?.collect();
        if self.weight == PathWeight::Iwae {
            rows = (rows + self.law.score(&self.draw.x())?.collect().weighted_rows(&by.score)?)?;
        }
        rows.sum_groups(self.k)
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat / self.k
    }

    fn bias(&self) -> Bias {
        if self.weight == PathWeight::WakePhi { Bias::Consistent } else { Bias::Unbiased }
    }
}

/// Which gradient of many samples a [`ManySampleScore`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScoreWeight {
    /// The importance-weighted bound with a baseline for each sample ([`vimco_weights`]). Unbiased.
    Vimco(LeftOut),
    /// The wake phase of q: the normalised weights themselves, the way up of E log q under the posterior. Consistent.
    WakePhi,
}

/// Gradients of many-sample bounds in the parameters of q by the score, for latents of any kind: VIMCO, wake-phi.
///
/// The estimand is d/d theta E ln (1/k) sum w, w = p(x, z) / q(z), with `k` samples, or what [`ScoreWeight`] says. Asks for
/// log p(x, z) at the points. A draw is a group of `k` consecutive samples. Bias and variance: by [`ScoreWeight`].
/// Source: Mnih and Rezende 2016; Bornschein and Bengio 2015; chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::{ManySampleScore, Plan, ScoreWeight, importance::LeftOut};
/// use estimand::{Bernoulli, ndarray::array};
///
/// // Two fair bits, z = 1 and z = 0, and log p(x, z) = ln 3 / 4 for the first, ln 1 / 4: an evidence of 1.
/// let q = Bernoulli::new(array![[0.0_f64]])?.repeat_rows(2);
/// let plan = ManySampleScore::propose(&q, array![[0.3], [0.6]], 2, ScoreWeight::Vimco(LeftOut::Geometric))?;
/// let log_p = plan.points().column(0).mapv(|z| (0.25 + 0.5 * z).ln());
/// let rows = plan.rows(&log_p)?;
/// // Weights 3/2 and 1/2 of the scores 1/2 and -1/2: ln 2 - 3/4, and ln 2/3 - 1/4.
/// assert!((rows.logits()[[0, 0]] - 0.5 * (3.0_f64.ln() - 0.5)).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManySampleScore<'a, F, D> {
    law: &'a D,
    x: Array2<F>,
    log_q: Array1<F>,
    k: usize,
    weight: ScoreWeight,
}

impl<'a, F: Real, D: Distribution<F>> ManySampleScore<'a, F, D> {
    /// Samples of q made from noise, in groups of `k`.
    ///
    /// Errors: `Shape` of `noise`; `Parameter` where `k = 0`; `Count` where it does not divide the samples of a parameter
    /// row, or is 1 where one is left out.
    pub fn propose(law: &'a D, noise: Array2<F>, k: usize, weight: ScoreWeight) -> Result<Self>
    where
        D: Transform<F>,
    {
        Self::at(law, law.sample_from(noise)?, k, weight)
    }

    /// Samples of q that were drawn. Errors: as [`propose`](Self::propose), of the samples; what the law does not admit.
    pub fn at(law: &'a D, x: Array2<F>, k: usize, weight: ScoreWeight) -> Result<Self> {
        groups_of_samples(law.shape(), k)?;
        if k == 1 && weight != ScoreWeight::WakePhi {
            return Err(too_few("k", 1, 2));
        }
        let log_q = law.log_prob(&x)?;
        Ok(Self { law, x, log_q, k, weight })
    }

    /// log w = log p(x, z) - log q(z) from log p at the points. Errors: `Shape`, or `NaN` with the row, of `log_p`.
    pub fn log_weights(&self, log_p: &ArrayRef1<F>) -> Result<Array1<F>> {
        log_weights(log_p, &self.log_q)
    }
}

impl<F: Real, D: Distribution<F>> Plan<F> for ManySampleScore<'_, F, D> {
    type Parts = D::Parts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.x.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, D::Parts>> {
        let log_w = self.log_weights(cost)?;
        let weights = match self.weight {
            ScoreWeight::Vimco(left_out) => vimco_weights(&log_w, self.k, left_out)?,
            ScoreWeight::WakePhi => normalised_weights(&log_w, self.k)?,
        };
        self.law.score(&self.x)?.collect().weighted_rows(&weights)?.sum_groups(self.k)
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat / self.k
    }

    fn bias(&self) -> Bias {
        if self.weight == ScoreWeight::WakePhi { Bias::Consistent } else { Bias::Unbiased }
    }
}

/// The door of groups: so many samples divide those of a parameter row.
fn groups_of_samples(shape: Shape, k: usize) -> Result<()> {
    groups("k", "samples a parameter row", shape.repeat, k).map(drop)
}

fn log_weights<F: Real>(log_p: &ArrayRef1<F>, log_q: &ArrayRef1<F>) -> Result<Array1<F>> {
    same_shape("log_p", log_p.shape(), log_q.shape())?;
    no_nan("log_p", log_p)?;
    let log_w = log_p - log_q;
    no_nan("log_w", &log_w)?;
    Ok(log_w)
}
