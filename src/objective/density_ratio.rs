use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};
use rand::Rng;

use super::mmd::OfTwoSamples;
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::rows::map_coordinates;
use crate::shape::no_nan;
use crate::special::Special;
use crate::{Error, Real, Result, ValueGrad};

/// Each column of a batch in an order of its own: samples of the product of marginals, of the batch's at least.
///
/// What FactorVAE's discriminator is shown beside the batch itself. Estimand: a sample of the product of the marginals of q(z), of
/// which each row by itself is one, where rows are independent. Rows of one permuted batch are not independent of the batch:
/// permute another than the one that the discriminator is shown as q(z).
///
/// Shapes: `z: (n, d)` to the same. Errors: none; a NaN moves as any other. Source: Kim and Mnih 2018; Arcones and Gine 1992.
///
/// ```
/// use estimand::{objective::permuted_columns, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let z = array![[1, 10], [2, 20], [3, 30]].mapv(f64::from);
/// let mut product = permuted_columns(&z, &mut StdRng::seed_from_u64(3));
/// assert_eq!(product.sum_axis(estimand::ndarray::Axis(0)), array![6.0, 60.0]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn permuted_columns<F: Real, R: Rng + ?Sized>(z: &ArrayRef2<F>, rng: &mut R) -> Array2<F> {
    let mut permuted = z.to_owned();
    for mut column in permuted.columns_mut() {
        // Fisher and Yates.
        for i in (1..column.len()).rev() {
            column.swap(i, rng.random_range(0..=i));
        }
    }
    permuted
}

/// The total correlation by a discriminator, per sample: ln D / (1 - D), its logit, where D is the chance that z came from q(z) and
/// not from the product of its marginals.
///
/// ```text
/// TC = E ln q(z) / prod q(z_j),   ln of the ratio = the best discriminator's logit
/// ```
///
/// Estimand: the total correlation, to be averaged over samples of q(z). Bias: as good as the discriminator: of one that is not the
/// best the mean may be above or below, also negative; it is no bound. The gradient is 1 in each logit, to be pulled back to z by
/// the discriminator, whose own weights are not trained by it ([`discriminator_loss`]).
/// Shapes: `logits: (n,)` to the same. Units: nats. Errors: `NaN` with the row. Source: Kim and Mnih 2018; Sugiyama and others 2012.
///
/// ```
/// use estimand::{objective::total_correlation_of_logits, ndarray::array};
/// let tc = total_correlation_of_logits(&array![0.5, -0.25])?.mean()?;
/// assert_eq!((tc.value, tc.grad), (0.125, array![0.5, 0.5]));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn total_correlation_of_logits<F: Real>(logits: &ArrayRef1<F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    no_nan("logits", logits)?;
    Ok(ValueGrad { value: logits.to_owned(), grad: Array1::ones(logits.len()) })
}

/// What the discriminator of a density ratio minimises: the mean over `joint` and over `product` of the cross-entropy of the logits.
///
/// ```text
/// L = mean of softplus(-l) over samples of q(z) + mean of softplus(l) over samples of the product
/// ```
///
/// Its minimum over all functions is at l = ln q(z) - ln prod q(z_j), where it is 2 ln 2 - 2 JSD of the two laws.
/// Shapes: `(n,)` and `(m,)` to a number with both slopes. Units: nats.
/// Errors: `TooFew` where either is empty; `NaN` with the row.
///
/// ```
/// use estimand::{objective::discriminator_loss, ndarray::array};
/// let loss = discriminator_loss(&array![0.0_f64, 0.0], &array![0.0])?;
/// assert_eq!((loss.value, loss.grad), (2.0 * 2.0_f64.ln(), (array![-0.25, -0.25], array![0.5])));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn discriminator_loss<F: Real>(joint: &ArrayRef1<F>, product: &ArrayRef1<F>) -> Result<OfTwoSamples<F, Array1<F>>> {
    let of = |name, logits: &ArrayRef1<F>, sign: F| {
        if logits.is_empty() {
            return Err(Error::TooFew { name, got: 0, needs: 1 });
        }
        no_nan(name, logits)?;
        let all = logits.view().insert_axis(ndarray::Axis(0));
        let (_, [value, grad]) = fill(1, [all], [logits.len(); 2], &SoftplusRow(sign));
        let [value, grad] = [value, grad].map(|row| Array1::from(row.into_raw_vec_and_offset().0));
        ValueGrad { value, grad }.mean()
    };
    let of_joint = of("joint", joint, -F::one())?;
    let of_product = of("product", product, F::one())?;
    Ok(ValueGrad { value: of_joint.value + of_product.value, grad: (of_joint.grad, of_product.grad) })
}

/// softplus(sign l) of each logit, and its slope.
struct SoftplusRow<F>(F);

impl<F: Real> RowFn<F, 1> for SoftplusRow<F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [logits]: [&[F]; 1], out: &mut [F]) -> F {
        let (value, slope) = out.split_at_mut(logits.len());
        map_coordinates([logits], [value, slope], |[l]| {
            let at = a.softplus(self.0 * l);
            [at.value, self.0 * at.grad]
        });
        F::zero()
    }
}
