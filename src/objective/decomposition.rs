use ndarray::{Array1, Array2, ArrayRef2, Axis};

use super::aggregate::{Aggregate, Densities, Mixture, Shares};
use crate::distribution::{LocScaleParts, half_ln_tau};
use crate::rows::{Grad, mean_of, pairwise, sum_long, weigh};
use crate::shape::not_negative;
use crate::{DiagGaussian, Distribution, Real, Result, ValueGrad};

/// The parts of the average KL of a VAE to its prior, of each sample: [`decompose`].
///
/// Their sum is ln q(z | x) - ln p(z), the sampled KL, to rounding; their means over samples of the data are the parts of the
/// average KL.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Decomposition<F> {
    /// ln q(z | x) - ln q(z): the mutual information of latents and examples (index-code), I(z; n).
    pub information: Array1<F>,
    /// ln q(z) - sum of ln q(z_j): the total correlation, 0 where the aggregate's coordinates are independent.
    pub total_correlation: Array1<F>,
    /// ln q(z_j) - ln p(z_j) of each coordinate: the dimension-wise KL, `(n, dim)`.
    pub dimension_wise: Array2<F>,
}

/// The means of a [`Decomposition`], in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KlTerms<F> {
    /// The mutual information of latents and examples.
    pub information: F,
    /// The total correlation.
    pub total_correlation: F,
    /// The sum of the dimension-wise KLs.
    pub dimension_wise: F,
}

impl<F: Real> Decomposition<F> {
    /// The means over samples. Errors: `TooFew` where there is none.
    pub fn mean(&self) -> Result<KlTerms<F>> {
        Ok(KlTerms {
            information: mean_of("information", &self.information)?,
            total_correlation: mean_of("total_correlation", &self.total_correlation)?,
            dimension_wise: mean_of("dimension_wise", &self.dimension_wise.sum_axis(Axis(1)))?,
        })
    }
}

/// The average KL to N(0, I) taken apart, at samples `z` of the posteriors `q` of a batch.
///
/// ```text
/// E KL(q(z|x) || p(z)) = I(z; n)            + TC(q(z))                        + sum over j of KL(q(z_j) || p(z_j))
///     of a sample:       ln q(z|x) - ln q(z) + ln q(z) - sum of ln q(z_j)       + sum of ln q(z_j) - ln p(z_j)
/// ```
///
/// with the aggregate q(z), the mean over the *data set* of q(z | x), which a batch stands for as `aggregate` says: exactly
/// where it is the data set. Of a batch's mixture by [`Aggregate::Stratified`] the logarithms are too low in the mean, by less the
/// larger the batch: then the information is too high, and the total correlation off to either side (chapter
/// `objective/decomposition`). The information is at most ln N, but for [`Aggregate::Weighted`], where it is at most ln (N M), and
/// ln M to ln N too high besides.
///
/// Shapes: `z: (n, dim)`, the samples of each example side by side, as `q.draw` makes them. Cost: n M dim exponentials.
/// Errors: `Shape` of `z`; `NaN` with the row of `z` or of a parameter; `Entry` where a sample is so far off that its density is 0;
/// `Parameter` where `q` has no row, or more than `data`; `TooFew` where one row is to stand for others
/// ([`Aggregate::Stratified`]).
/// Source: Hoffman and Johnson 2016; Chen, Li, Grosse and Duvenaud 2018; chapter `objective/decomposition`.
///
/// ```
/// use estimand::objective::{Aggregate, decompose};
/// use estimand::{DiagGaussian, Distribution, ndarray::array};
///
/// // Two examples that are far apart: which of them it was is worth ln 2 nats.
/// let q = DiagGaussian::new(array![[-20.0], [20.0]], array![[0.0], [0.0]])?;
/// let z = array![[-20.5], [19.0]];
/// let parts = decompose(&q, &z, Aggregate::Exact)?;
/// assert!(parts.information.iter().all(|nats| (nats - 2.0_f64.ln()).abs() < 1e-14));
/// assert_eq!(parts.total_correlation, array![0.0, 0.0]);                   // one coordinate
/// let kl = q.log_prob(&z)? - DiagGaussian::standard(2, 1)?.log_prob(&z)?;
/// let sum = parts.information + parts.total_correlation + parts.dimension_wise.column(0);
/// assert!((kl - sum).iter().all(|off| off.abs() < 1e-13));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn decompose<F: Real>(q: &DiagGaussian<'_, F>, z: &ArrayRef2<F>, aggregate: Aggregate) -> Result<Decomposition<F>> {
    q.shape().samples_door("z", z)?;
    Ok(taken_apart(&Mixture::new(q, aggregate)?.densities(z)?, z))
}

fn taken_apart<F: Real>(at: &Densities<F>, z: &ArrayRef2<F>) -> Decomposition<F> {
    let marginals = |i: usize| sum_long(at.marginals.row(i).to_slice().unwrap_or_default(), |log| log);
    Decomposition {
        information: &at.own - &at.joint,
        total_correlation: Array1::from_shape_fn(z.nrows(), |i| at.joint[i] - marginals(i)),
        dimension_wise: Array2::from_shape_fn(z.dim(), |at_z| at.marginals[at_z] - log_prior(z[at_z])),
    }
}

/// ln N(z; 0, 1).
fn log_prior<F: Real>(z: F) -> F {
    -F::of(0.5) * z * z - half_ln_tau()
}

/// What a nat costs in each part of the average KL: 1 in each is the ELBO, (1, beta, 1) is beta-TCVAE.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermWeights<F> {
    /// Of the mutual information: alpha.
    pub information: F,
    /// Of the total correlation: beta.
    pub total_correlation: F,
    /// Of the dimension-wise KL: gamma.
    pub dimension_wise: F,
}

/// Derivatives in samples, `(n, dim)`, and in the parameters of their posteriors at fixed samples, `(rows, 2 dim)`.
pub type InSamplesAndParameters<F> = (Array2<F>, Grad<F, LocScaleParts>);

/// A [`decomposed_kl`]: what takes the place of the KL, and its parts.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct DecomposedKl<F> {
    /// alpha I + beta TC + gamma DW of each example, in the mean of its samples, with the derivatives of the *sum* over the batch:
    /// in the samples `(n, dim)`, and in the parameters of q at fixed samples `(rows, 2 dim)`.
    pub kl: ValueGrad<Array1<F>, InSamplesAndParameters<F>>,
    /// The parts, of each sample, without their weights.
    pub parts: Decomposition<F>,
}

/// The average KL to N(0, I) with a weight for each of its parts, with its gradient: alpha I + beta TC + gamma DW.
///
/// What [`beta_elbo`](super::beta_elbo) takes in the place of the KL, with a beta of 1. An example's part depends on all posteriors
/// of the batch, and so a row of the gradient is that of all examples: the sum's, in the row's parameters. It enters by two ways,
/// through the samples and through the densities at fixed samples, and both are to be added:
///
/// ```text
/// d_head = d_q + q.pathwise(&draw, &(d_z of the reconstruction + d_z of this))
/// ```
///
/// At weights of 1 its value is the sampled KL, which does not depend on `aggregate`. Its bias as an estimate for the data set is
/// that of the logarithm of a mixture ([`decompose`]). A weight of 0 leaves its part out.
/// Shapes: `z: (n, dim)` to values `(rows,)`, with slopes `(n, dim)` and gradient rows `(rows, 2 dim)`. Units: nats.
/// Errors: as there; `Parameter` where a weight is negative or not finite.
/// Source: Chen, Li, Grosse and Duvenaud 2018 (beta-TCVAE).
///
/// ```
/// use estimand::objective::{Aggregate, TermWeights, beta_elbo, decomposed_kl};
/// use estimand::{Bernoulli, DiagGaussian, Distribution, Reparameterize, Rows, Sample, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let head = array![[0.5, -1.0, 0.0, 0.0], [-0.5, 1.0, 0.2, 0.1]];
/// let q = DiagGaussian::from_head(&head)?;
/// let draw = q.draw(&mut StdRng::seed_from_u64(1));
/// let logits = draw.x().dot(&array![[1.0], [0.5]]);                                // a decoder
/// let rec = Bernoulli::new(&logits)?.log_prob_grad(&array![[1.0], [0.0]])?;
///
/// let weights = TermWeights { information: 1.0, total_correlation: 6.0, dimension_wise: 1.0 };
/// let penalty = decomposed_kl(&q, &draw.x(), Aggregate::Stratified { data: 1000 }, weights)?;
/// let obj = beta_elbo(rec, penalty.kl, 1.0)?.mean()?;
/// let (d_logits, (d_z, d_q)) = obj.grad;                                           // signs and means included
/// let d_z = d_z + d_logits.logits().dot(&array![[1.0, 0.5]]);
/// let d_head = (d_q + q.pathwise(&draw, &d_z)?.total()?)?;
/// assert_eq!(d_head.flat().dim(), (2, 4));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn decomposed_kl<F: Real>(
    q: &DiagGaussian<'_, F>,
    z: &ArrayRef2<F>,
    aggregate: Aggregate,
    weights: TermWeights<F>,
) -> Result<DecomposedKl<F>> {
    let TermWeights { information: alpha, total_correlation: beta, dimension_wise: gamma } = weights;
    not_negative("information", alpha)?;
    not_negative("total_correlation", beta)?;
    not_negative("dimension_wise", gamma)?;
    q.shape().samples_door("z", z)?;
    let mixture = Mixture::new(q, aggregate)?;
    let at = mixture.densities(z)?;
    let parts = taken_apart(&at, z);
    // alpha ln q(z|x) + (beta - alpha) ln q(z) + (gamma - beta) sum of ln q(z_j) - gamma ln p(z)
    let shares = Shares { own: alpha, joint: beta - alpha, marginals: gamma - beta };
    let [mut d_z, d_q] = mixture.derivatives(z, &at, shares);
    d_z.zip_mut_with(z, |slope, &z| *slope += weigh(gamma, z));
    let (repeat, dimension_wise) = (q.shape().repeat, parts.dimension_wise.sum_axis(Axis(1)));
    let each = F::one() / F::count(repeat);
    // A weight of 0 leaves its part out, also where that is infinite.
    let weighted = |i: usize| {
        weigh(alpha, parts.information[i]) + weigh(beta, parts.total_correlation[i]) + weigh(gamma, dimension_wise[i])
    };
    let value = |t: usize| pairwise(repeat, |s| weighted(t * repeat + s)) * each;
    let value = Array1::from_shape_fn(q.shape().rows, value);
    let grad = (d_z * each, Grad::held(d_q * each, q.parts()));
    Ok(DecomposedKl { kl: ValueGrad { value, grad }, parts })
}
