use ndarray::{Array1, ArrayRef1};

use super::scalar::exp_not_above_0;
use crate::arithmetic::{Arithmetic, Plain};
use crate::rows::{LONG, pairwise, sum_coordinates, sum_long};
use crate::shape::same_shape;
use crate::{Error, Real, Result, ValueGrad};

/// Largest entries that are kept side by side.
const LANES: usize = 32;

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
    let x = x.as_standard_layout();
    let mut weights = vec![F::zero(); x.len()];
    // In standard layout by construction: always a slice.
    let (most, rest) = log_sum_exp_row(Plain, x.as_slice().unwrap_or_default(), &mut weights);
    ValueGrad { value: most + Plain.ln_1p(rest), grad: weights.into() }
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

/// [`log_sum_exp`] of a row, whose weights are written, in two numbers: its value is
/// most + ln(1 + rest), a logarithm that costs much less for many rows at once.
#[inline(always)]
pub(crate) fn log_sum_exp_row<F: Real, A: Arithmetic<F>>(a: A, row: &[F], weights: &mut [F]) -> (F, F) {
    let most = largest(row);
    if !most.is_finite() {
        return no_finite_peak(row, weights, most);
    }
    let weight = |[x]: [F; 1]| {
        let w = exp_not_above_0(a, x - most);
        (w, [w])
    };
    let total = if row.len() <= LONG {
        sum_coordinates::<true, _, 1, 1>([row], [weights], weight)
    } else {
        weights.iter_mut().zip(row).for_each(|(w, &x)| *w = weight([x]).0);
        sum_long(weights, |w| w)
    };
    let rest = if total >= F::of(2.0) { total - F::one() } else { sum_beside_peak(row, weights, most) };
    if rest.is_nan() {
        return no_finite_peak(row, weights, rest);
    }
    let share = F::one() / (F::one() + rest);
    for w in weights {
        *w *= share;
    }
    (most, rest)
}

/// [`log_sum_exp_row`] without its weights: the same two numbers, to the last bit.
#[inline(always)]
pub(crate) fn log_sum_exp_value<F: Real, A: Arithmetic<F>>(a: A, row: &[F]) -> (F, F) {
    let most = largest(row);
    if !most.is_finite() {
        return (row.iter().copied().find(|x| x.is_nan()).unwrap_or(most), F::zero());
    }
    let weight = |x: F| exp_not_above_0(a, x - most);
    let total = sum_long(row, weight);
    // A peak that is met twice makes 2 of the total.
    let beside = |x: F| if x == most { F::zero() } else { weight(x) };
    let rest = if total >= F::of(2.0) { total - F::one() } else { sum_long(row, beside) };
    (if rest.is_nan() { rest } else { most }, rest)
}

/// The sum without the peak, whose one drowns what is small beside it.
#[inline(always)]
fn sum_beside_peak<F: Real>(row: &[F], weights: &mut [F], most: F) -> F {
    let peak = row.iter().position(|&x| x == most).unwrap_or_default();
    let one = std::mem::take(&mut weights[peak]);
    let rest = sum_long(weights, |w| w);
    weights[peak] = one;
    rest
}

/// The largest entry that is a number; -inf where there is none.
#[inline(always)]
pub(crate) fn largest<F: Real>(row: &[F]) -> F {
    let larger = |most: F, x: F| if x > most { x } else { most };
    let mut of_rest = [F::neg_infinity(); LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    // A copy is a call, also of nothing.
    if !rest.is_empty() {
        of_rest[..rest.len()].copy_from_slice(rest);
    }
    // In another array than the one that was written at a place known only here: registers.
    let mut lanes = of_rest;
    for block in blocks {
        for (most, &x) in lanes.iter_mut().zip(block) {
            *most = larger(*most, x);
        }
    }
    // Widths that the compiler knows: each step is a vector, or half of one.
    let sixteen: [F; 16] = larger_halves(lanes);
    let eight: [F; 8] = larger_halves(sixteen);
    let four: [F; 4] = larger_halves(eight);
    let [first, second] = larger_halves(four);
    larger(first, second)
}

/// The larger of each lane of the first half and its partner in the second.
#[inline(always)]
fn larger_halves<F: Real, const N: usize, const H: usize>(lanes: [F; N]) -> [F; H] {
    std::array::from_fn(|lane| if lanes[lane + H] > lanes[lane] { lanes[lane + H] } else { lanes[lane] })
}

/// The row without a finite largest entry, or with a NaN: its weights, and the value.
fn no_finite_peak<F: Real>(row: &[F], weights: &mut [F], most: F) -> (F, F) {
    let nan = row.iter().copied().find(|x| x.is_nan());
    let peaks = row.iter().filter(|&&x| x == F::infinity()).count();
    for (w, &x) in weights.iter_mut().zip(row) {
        let share = if x == F::infinity() { F::one() / F::count(peaks) } else { F::zero() };
        *w = nan.unwrap_or(share);
    }
    (nan.unwrap_or(most), F::zero())
}
