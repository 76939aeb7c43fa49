use ndarray::{Array1, Array2, ArrayView2};

use crate::distribution::ValueRows;
use crate::rows::{Grad, Parts, mean_of, pairwise};
use crate::shape::{at_least_one, groups, not_negative, same_shape};
use crate::{Error, Real, Result, ValueGrad};

/// The KL of each example with free bits: a group of latents pays at least `floor` nats, whatever it says.
///
/// ```text
/// F_i = sum over groups G of max(floor, sum over j in G of KL_ij)
/// ```
///
/// A group that is below the floor costs it whatever it does, and has gradient 0: no pressure to collapse. Groups are `group`
/// consecutive coordinates: 1 for each by itself, `dim` for the whole row. Takes the terms by coordinate with their gradients,
/// [`kl_standard_by_coordinate`](crate::DiagGaussian::kl_standard_by_coordinate), and gives what a
/// [`beta_elbo`](super::beta_elbo) takes as its KL; the value is no KL then, and the bound is lower by what is free.
///
/// Shapes: values `(n, dim)`, gradient rows whose parts have `dim` columns each, to `(n,)` with the same rows. Units: nats.
/// At the floor itself the gradient is 0. A NaN stays in its row.
/// Errors: `Parameter` where `floor` is negative or not finite, or `group = 0`; `Count` where it does not divide the columns;
/// `Shape` where a part has not `dim` columns.
/// Source: Kingma and others 2016, appendix C; chapter `objective/beta`.
///
/// ```
/// use estimand::{DiagGaussian, objective::free_bits, ndarray::array};
///
/// let (loc, log_scale) = (array![[2.0, 0.5]], array![[0.0, 0.0]]);                 // KL of 2 and of 1/8
/// let kl = DiagGaussian::new(&loc, &log_scale)?.kl_standard_by_coordinate();
/// let free = free_bits(kl, 0.5, 1)?;
/// assert_eq!((free.value[0], free.grad.loc()), (2.5, array![[2.0, 0.0]].view()));
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn free_bits<F: Real, P: Parts>(
    kl: ValueGrad<Array2<F>, Grad<F, P>>,
    floor: F,
    group: usize,
) -> Result<ValueRows<F, P>> {
    let by_group = by_group(&kl, floor, group)?;
    let free = by_group.mapv(|kl| kl <= floor);
    Ok(floored(kl.grad, &by_group, floor, group, |i, g| free[[i, g]]))
}

/// [`free_bits`] on the batch mean: a group is free where its *mean* KL over the examples is below the floor.
///
/// ```text
/// mean over i of F_i = sum over groups G of max(floor, mean over i of sum over j in G of KL_ij)
/// ```
///
/// An example may then cost less than the floor where another costs more: the form of the source. Of a free group each example
/// has the value `floor` and gradient 0. The maximum of a mean is at most the mean of maxima, so that this is at most the mean of
/// [`free_bits`]; and a batch's mean KL is not the data set's: with a small batch it is above the maximum of the true mean, in
/// expectation.
///
/// Shapes and errors: as there; also `TooFew` where there is no row, `NaN` with the row.
///
/// ```
/// use estimand::{DiagGaussian, objective::{free_bits, free_bits_of_mean}, ndarray::array};
///
/// let (loc, log_scale) = (array![[2.0], [0.0]], array![[0.0], [0.0]]);             // KL of 2 and of 0, 1 in the mean
/// let kl = DiagGaussian::new(&loc, &log_scale)?.kl_standard_by_coordinate();
/// assert_eq!(free_bits_of_mean(kl.clone(), 0.5, 1)?.mean()?.value, 1.0);
/// assert_eq!(free_bits(kl, 0.5, 1)?.mean()?.value, 1.25);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn free_bits_of_mean<F: Real, P: Parts>(
    kl: ValueGrad<Array2<F>, Grad<F, P>>,
    floor: F,
    group: usize,
) -> Result<ValueRows<F, P>> {
    let by_group = by_group(&kl, floor, group)?;
    let means = by_group.columns().into_iter().map(|column| mean_of("kl", &column)).collect::<Result<Vec<_>>>()?;
    Ok(floored(kl.grad, &by_group, floor, group, |_, g| means[g] <= floor))
}

/// The doors, and the sums of groups: `(n, groups)`.
fn by_group<F: Real, P: Parts>(kl: &ValueGrad<Array2<F>, Grad<F, P>>, floor: F, group: usize) -> Result<Array2<F>> {
    not_negative("floor", floor)?;
    at_least_one("group", group)?;
    let (n, dim) = kl.value.dim();
    let count = groups("kl", "columns", dim, group)?;
    let parts = kl.grad.parts();
    for k in 0..P::NAMES.len() {
        if parts.part_width(k) != dim {
            return Err(Error::Shape { name: P::NAMES[k], got: vec![n, parts.part_width(k)], expected: vec![n, dim] });
        }
    }
    same_shape("grad", kl.grad.flat().shape(), &[n, parts.width()])?;
    let sum = |i: usize, g: usize, kl: ArrayView2<'_, F>| pairwise(group, |j| kl[[i, g * group + j]]);
    Ok(Array2::from_shape_fn((n, count), |(i, g)| sum(i, g, kl.value.view())))
}

/// Each row's sum, with the floor for what is free, whose gradient is 0.
fn floored<F: Real, P: Parts>(
    grad: Grad<F, P>,
    by_group: &Array2<F>,
    floor: F,
    group: usize,
    is_free: impl Fn(usize, usize) -> bool,
) -> ValueRows<F, P> {
    let (n, count) = by_group.dim();
    let parts = grad.parts().clone();
    let mut flat = grad.into_flat();
    let value = |i: usize| pairwise(count, |g| if is_free(i, g) { floor } else { by_group[[i, g]] });
    let value = Array1::from_shape_fn(n, value);
    for ((i, column), d) in flat.indexed_iter_mut() {
        if is_free(i, column % (count * group) / group) {
            *d = F::zero();
        }
    }
    ValueGrad { value, grad: Grad::held(flat, parts) }
}
