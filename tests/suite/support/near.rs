//! Distances in units of the last place.

use std::cell::Cell;

use estimand::ndarray::{Array, Array1, ArrayView, Dimension};
use estimand::{Real, check};

/// |got - expected| in units of the last place of `expected` at `F`'s precision; 0 where they are
/// the same number, infinite where one is NaN or only one is infinite.
pub fn ulps<F: Real>(got: F, expected: f64) -> f64 {
    let want = F::of(expected);
    if got == want || (got.is_nan() && want.is_nan()) {
        return 0.0;
    }
    if !got.is_finite() || !want.is_finite() {
        return f64::INFINITY;
    }
    let unit = F::epsilon().as_f64() * want.as_f64().abs().max(F::min_positive_value().as_f64());
    (got.as_f64() - expected).abs() / unit
}

/// |got - expected| <= limit * epsilon * scale: for sums, whose terms have the size `scale`.
#[track_caller]
pub fn assert_eps<F: Real>(got: F, expected: f64, scale: f64, limit: f64, what: impl std::fmt::Display) {
    let want = F::of(expected);
    let same = got == want || (got.is_nan() && want.is_nan());
    let off = (got.as_f64() - expected).abs() / (F::epsilon().as_f64() * scale.abs());
    assert!(same || off <= limit, "{what}: {got:e} is {off:.2} epsilon from {expected:e}, limit {limit}");
}

/// |got - expected| in epsilons of `scale`, the size of the terms that make `expected`; as [`ulps`]
/// otherwise: a scale below the normal numbers counts as the least of them, so that one epsilon is
/// one subnormal there.
pub fn epsilons<F: Real>(got: F, expected: f64, scale: f64) -> f64 {
    let exact = ulps(got, expected);
    if exact == 0.0 || exact.is_infinite() {
        return exact;
    }
    (got.as_f64() - expected).abs() / (F::epsilon().as_f64() * scale.abs().max(F::min_positive_value().as_f64()))
}

/// The sum of numbers to about the last place of an f64, however many there are (Neumaier 1974).
pub fn careful_sum<F: Real>(terms: impl IntoIterator<Item = F>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let term = term.as_f64();
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
}

/// How far `check::derivative` may be from the derivative of a smooth function of the size `size`,
/// with a first step of `step`: eps^(2/3) of max(|f'|, |f| / step), what central differences reach
/// without extrapolation. It is nearer as a rule; not where two orders agree by accident.
pub fn difference_limit<F: Real>(size: f64, slope: f64, step: f64) -> f64 {
    F::epsilon().as_f64().powf(2.0 / 3.0) * slope.abs().max(size.abs() / step)
}

/// A gradient against differences, to what those can tell of numbers of the largest size that `f`
/// took on its way ([`difference_limit`]; the first step is 1/8 at the least).
#[track_caller]
pub fn assert_gradient<D: Dimension>(
    what: &str,
    f: impl Fn(&Array<f64, D>) -> f64,
    at: &Array<f64, D>,
    grad: ArrayView<'_, f64, D>,
) {
    let largest = Cell::new(0.0_f64);
    let sized = |x: &estimand::ndarray::ArrayRef1<f64>| {
        let value = f(&Array::from_shape_vec(at.raw_dim(), x.to_vec()).unwrap());
        largest.set(largest.get().max(value.abs()));
        value
    };
    let (flat, given) = (Array1::from_iter(at.iter().copied()), Array1::from_iter(grad.iter().copied()));
    let found = check::gradient(sized, &flat, &given).unwrap();
    let limit = difference_limit::<f64>(largest.get(), found.scale, 0.125);
    assert!(found.error <= limit, "{what}: {found}; limit {limit:e}");
}
