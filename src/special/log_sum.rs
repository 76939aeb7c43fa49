use ndarray::{Array1, ArrayRef1};

use crate::arithmetic::{Arithmetic, Plain};
use crate::rows::{pairwise, sum_coordinates};
use crate::shape::same_shape;
use crate::{Error, Real, Result, ValueGrad};

/// Terms summed in lanes before sums are joined in pairs.
const BLOCK: usize = 4096;

/// ln sum of e^x_i; -inf for no terms.
///
/// The largest term is taken out and the *others* are summed, so that the result keeps its digits
/// also where the largest is 0 and the others are small.
///
/// ```
/// use estimand::{special::log_sum_exp, ndarray::array};
/// assert_eq!(log_sum_exp(&array![0.0_f64, -50.0]), (-50.0_f64).exp());
/// assert_eq!(log_sum_exp(&array![1e4_f64, 1e4]), 1e4 + std::f64::consts::LN_2);
/// ```
pub fn log_sum_exp<F: Real>(x: &ArrayRef1<F>) -> F {
    log_sum_exp_grad(x).value
}

/// [`log_sum_exp`] with its gradient, the weights w_i = e^x_i / sum of e^x_j (the softmax of x).
///
/// Where all x are -inf there is no mass, and all weights are 0; entries that are +inf share the
/// weight equally.
pub fn log_sum_exp_grad<F: Real>(x: &ArrayRef1<F>) -> ValueGrad<F, Array1<F>> {
    let mut weights: Vec<F> = x.iter().copied().collect();
    let value = log_sum_exp_row(Plain, &mut weights);
    ValueGrad { value, grad: weights.into() }
}

/// ln of the mean of e^x_i.
///
/// Errors: `TooFew` for no terms.
///
/// ```
/// use estimand::{special::log_mean_exp, ndarray::array};
/// assert!((log_mean_exp(&array![7.0_f64, 7.0])? - 7.0).abs() < 1e-14);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn log_mean_exp<F: Real>(x: &ArrayRef1<F>) -> Result<F> {
    Ok(log_mean_exp_grad(x)?.value)
}

/// [`log_mean_exp`] with its gradient: the weights of [`log_sum_exp_grad`].
pub fn log_mean_exp_grad<F: Real>(x: &ArrayRef1<F>) -> Result<ValueGrad<F, Array1<F>>> {
    if x.is_empty() {
        return Err(Error::TooFew { name: "x", got: 0, needs: 1 });
    }
    let ValueGrad { value, grad } = log_sum_exp_grad(x);
    Ok(ValueGrad { value: value - F::count(x.len()).ln(), grad })
}

/// log softmax: x_i - ln sum of e^x_j.
///
/// ```
/// use estimand::{special::log_softmax, ndarray::array};
/// assert_eq!(log_softmax(&array![1e4_f64, -1e4]), array![0.0, -2e4]);
/// ```
pub fn log_softmax<F: Real>(x: &ArrayRef1<F>) -> Array1<F> {
    let x = from_peak(x);
    normalised(&x, &log_sum_exp_grad(&x))
}

/// [`log_softmax`] with the pull-back of a gradient `d_y` of its output:
/// d_x = d_y - softmax(x) sum of d_y.
///
/// Shapes: `x, d_y: (k,)`, value and gradient `(k,)`. Errors: `Shape`.
pub fn log_softmax_pull_back<F: Real>(x: &ArrayRef1<F>, d_y: &ArrayRef1<F>) -> Result<ValueGrad<Array1<F>, Array1<F>>> {
    same_shape("d_y", d_y.shape(), x.shape())?;
    let x = from_peak(x);
    let whole = log_sum_exp_grad(&x);
    let value = normalised(&x, &whole);
    let total = pairwise(d_y.len(), |i| d_y[i]);
    let grad = Array1::from_shape_fn(x.len(), |i| d_y[i] - whole.grad[i] * total);
    Ok(ValueGrad { value, grad })
}

/// The distances from the largest, if it is finite: a sure class keeps its digits, ln(1 + rest),
/// which `x_i - whole` loses where x_i is large.
fn from_peak<F: Real>(x: &ArrayRef1<F>) -> Array1<F> {
    let peak = x.iter().copied().fold(F::neg_infinity(), F::max);
    let from = if peak.is_finite() { peak } else { F::zero() };
    x.mapv(|x| x - from)
}

/// x_i minus their joint logarithm; infinite entries by their weights.
fn normalised<F: Real>(x: &ArrayRef1<F>, whole: &ValueGrad<F, Array1<F>>) -> Array1<F> {
    let finite = whole.value.is_finite() || whole.value.is_nan();
    Array1::from_shape_fn(x.len(), |i| if finite { x[i] - whole.value } else { whole.grad[i].ln() })
}

/// [`log_sum_exp`] of a row, which is replaced by its weights.
#[inline(always)]
pub(crate) fn log_sum_exp_row<F: Real, A: Arithmetic<F>>(a: A, row: &mut [F]) -> F {
    let mut at = 0;
    let mut most = F::neg_infinity();
    for (i, &x) in row.iter().enumerate() {
        if x > most || x.is_nan() {
            (at, most) = (i, x);
        }
        if most.is_nan() {
            break;
        }
    }
    if !most.is_finite() {
        return no_finite_peak(row, most);
    }
    let (before, from_peak) = row.split_at_mut(at);
    let (peak, after) = from_peak.split_at_mut(1);
    let mut rest = F::zero();
    for part in [before, after] {
        for x in part.iter_mut() {
            *x = a.exp(*x - most);
        }
        let block = |b: usize| &part[b * BLOCK..part.len().min((b + 1) * BLOCK)];
        rest +=
            pairwise(part.len().div_ceil(BLOCK), |b| sum_coordinates::<false, _, 1, 0>([block(b)], [], |[w]| (w, [])));
    }
    peak[0] = F::one();
    let share = F::one() / (F::one() + rest);
    for w in row {
        *w *= share;
    }
    most + a.ln_1p(rest)
}

/// The row whose largest entry is NaN, +inf or -inf: its weights, and the value.
fn no_finite_peak<F: Real>(row: &mut [F], most: F) -> F {
    let peaks = row.iter().filter(|&&x| x == most).count();
    for x in row {
        *x = if most.is_nan() {
            most
        } else if *x == F::infinity() {
            F::one() / F::count(peaks)
        } else {
            F::zero()
        };
    }
    most
}
