use ndarray::Array1;

use crate::rows::{GradRows, data_scale, mean_of, mean_rows, weigh};
use crate::shape::{not_negative, same_shape};
use crate::{Real, Result, ValueGrad};

/// The terms of a beta-weighted evidence lower bound, each with its gradient: [`beta_elbo`].
///
/// `V` is `Array1<F>` per example, or a number after [`mean`](Self::mean).
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Elbo<V, R, K> {
    /// reconstruction - beta kl: what is maximised; of [`Constrained::elbo`](super::Constrained::elbo) it may be that times nu.
    pub value: V,
    /// E log p(x | z).
    pub reconstruction: V,
    /// KL(q(z | x) || p(z)), not multiplied by beta; or what was given in its place, as a [`capacity`](super::capacity)'s distance.
    pub kl: V,
    /// The gradient of `value` through the reconstruction, and through the kl (beta and sign
    /// included).
    pub grad: (R, K),
}

/// The beta-weighted evidence lower bound of each example.
///
/// ```text
/// L_i = E log p(x_i | z) - beta KL(q(z | x_i) || p(z))
/// ```
///
/// At beta = 1 it bounds log p(x) from below. Values in nats, summed over coordinates.
/// Shapes: both terms `(n,)` with their gradient rows. With `k` samples an example, join the
/// reconstruction first: `rec.mean_groups(k)`.
/// Errors: `Parameter` where beta is negative or not finite; `Shape` where the terms differ in length.
/// Source: Higgins and others 2017; chapter `objective/elbo`.
///
/// ```
/// use estimand::{Bernoulli, DiagGaussian, Distribution, objective::beta_elbo, ndarray::array};
///
/// let (head, logits) = (array![[0.5, 0.0], [0.0, 0.0]], array![[2.0], [0.0]]);
/// let q = DiagGaussian::from_head(&head)?;
/// let rec = Bernoulli::new(&logits)?.log_prob_grad(&array![[1.0], [1.0]])?;
/// let obj = beta_elbo(rec, q.kl_standard(), 4.0)?.mean()?;
/// let (d_logits, d_head) = &obj.grad;
/// assert_eq!(d_logits.logits()[[1, 0]], 0.25);              // (x - sigmoid) / 2
/// assert_eq!(d_head.loc()[[0, 0]], -1.0);                   // -beta loc / 2
/// assert_eq!(obj.value, obj.reconstruction - 4.0 * obj.kl);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn beta_elbo<F: Real, R: GradRows<F>, K: GradRows<F>>(
    reconstruction: ValueGrad<Array1<F>, R>,
    kl: ValueGrad<Array1<F>, K>,
    beta: F,
) -> Result<Elbo<Array1<F>, R, K>> {
    not_negative("beta", beta)?;
    same_shape("kl", kl.value.shape(), reconstruction.value.shape())?;
    let mut value = reconstruction.value.clone();
    value.zip_mut_with(&kl.value, |v, &kl| *v -= weigh(beta, kl));
    let mut d_kl = kl.grad;
    d_kl.scale(-beta);
    Ok(Elbo { value, reconstruction: reconstruction.value, kl: kl.value, grad: (reconstruction.grad, d_kl) })
}

impl<F: Real, R: GradRows<F>, K: GradRows<F>> Elbo<Array1<F>, R, K> {
    /// The mean over examples, with its gradient.
    ///
    /// Errors: `TooFew` where there are none; `NaN` with the row of a term or of its gradient;
    /// `Count` where gradient rows do not belong to the examples.
    pub fn mean(self) -> Result<Elbo<F, R, K>> {
        let n = self.value.len();
        let reconstruction = mean_of("reconstruction", &self.reconstruction)?;
        let kl = mean_of("kl", &self.kl)?;
        let value = mean_of("value", &self.value)?;
        let mut grad = self.grad;
        mean_rows(&mut grad, n)?;
        Ok(Elbo { value, reconstruction, kl, grad })
    }

    /// What the sum over a data set of `data` examples is, by these of a batch: N / M times their sum, in all terms and gradients.
    ///
    /// Unbiased where each example is as likely in the batch. The scale is applied here and nowhere else: a prior of the network's
    /// weights is added once, unscaled.
    /// Errors: as [`mean`](Self::mean); `Parameter` where the batch has more than `data` examples.
    ///
    /// ```
    /// use estimand::{ValueGrad, objective::beta_elbo, ndarray::array};
    ///
    /// let term = |value| ValueGrad { value, grad: array![1.0, 1.0] };
    /// let all = beta_elbo(term(array![-3.0, -5.0]), term(array![1.0, 1.0]), 1.0)?.data_total(100)?;
    /// assert_eq!((all.value, all.kl, all.grad.0), (-500.0, 100.0, array![50.0, 50.0]));
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn data_total(self, data: usize) -> Result<Elbo<F, R, K>> {
        let scale = data_scale(self.value.len(), data)?;
        let mean = self.mean()?;
        let (value, reconstruction, kl) = (scale * mean.value, scale * mean.reconstruction, scale * mean.kl);
        let mut grad = mean.grad;
        grad.scale(scale);
        Ok(Elbo { value, reconstruction, kl, grad })
    }

    /// The value and its gradient times `by`; the terms are as they were.
    pub(super) fn times(mut self, by: F) -> Self {
        self.value.mapv_inplace(|v| weigh(by, v));
        self.grad.scale(by);
        self
    }
}

impl<F: Real, R: GradRows<F>, K: GradRows<F>> Elbo<F, R, K> {
    /// The rate, the mean KL: nats an example that the code costs; at least what it tells of the example.
    pub fn rate(&self) -> F {
        self.kl
    }

    /// The distortion, minus the mean reconstruction: nats an example that are left to say when the code is known. The ELBO of
    /// beta = 1 is minus the sum of both; what is told is at least the entropy of the data less the distortion.
    pub fn distortion(&self) -> F {
        -self.reconstruction
    }

    /// What an optimiser minimises: the value and all its gradients, negated.
    pub fn loss(self) -> ValueGrad<F, (R, K)> {
        let mut grad = self.grad;
        grad.scale(-F::one());
        ValueGrad { value: -self.value, grad }
    }
}
