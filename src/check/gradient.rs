use std::fmt;

use ndarray::{Array1, ArrayRef1};

use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// Columns of the extrapolation: the last is of order 2 * 12 in the step.
const COLUMNS: usize = 12;

/// Refinements before an agreement counts: two early columns can be equal by accident.
const TRUSTED: usize = 3;

/// Every step is this much shorter than the one before.
const SHRINK: f64 = 1.6;

/// A derivative from differences, with what extrapolation says of its own error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference<F> {
    /// The derivative.
    pub value: F,
    /// How far the last orders of extrapolation were apart.
    pub error: F,
}

/// f'(x) by central differences at shrinking steps, extrapolated to step 0 (Ridders' method).
///
/// Smooth f are resolved to eps^(4/5) of max(|f'|, |f| / step) but at a few points in a thousand,
/// at the worst to eps^(2/3); the chapter `check/differences` has the reason. The first step is `step`; where f is not finite there, it is shortened first. A kink nearer than `step`
/// spoils the answer: choose `step` below the distance to it. Where no step gives finite values the
/// derivative is NaN.
///
/// Errors: `Parameter` where `step` is not positive and finite.
/// Source: Ridders 1982, "Accurate computation of F'(x) and F'(x) F''(x)".
///
/// ```
/// use estimand::check::derivative;
/// let d = derivative(|x: f64| x.exp(), 1.0, 0.1)?;
/// assert!((d.value - 1.0_f64.exp()).abs() < 1e-12);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn derivative<F: Real>(mut f: impl FnMut(F) -> F, x: F, step: F) -> Result<Difference<F>> {
    if !(step > F::zero() && step.is_finite()) {
        return Err(Error::Parameter { name: "step", value: step.as_f64(), expected: "a positive, finite number" });
    }
    let shrink = F::of(SHRINK);
    let mut slope = |h: F| {
        let (above, below) = (x + h, x - h);
        (f(above) - f(below)) / (above - below)
    };
    let mut h = step;
    let mut first = slope(h);
    let mut shortened = 0;
    while !first.is_finite() && shortened < 60 {
        h /= shrink;
        first = slope(h);
        shortened += 1;
    }
    if shortened > 0 {
        // A step that ends just inside the edge of a domain meets its sharpest bend.
        h /= shrink * shrink;
        first = slope(h);
    }
    if !first.is_finite() {
        first = F::nan();
    }
    let mut best = Difference { value: first, error: F::infinity() };
    let mut row = vec![first];
    for _ in 1..COLUMNS {
        h /= shrink;
        let mut next = vec![slope(h)];
        let mut power = F::one();
        for (order, &before) in row.iter().enumerate() {
            power *= shrink * shrink;
            let last = next[next.len() - 1];
            let refined = last + (last - before) / (power - F::one());
            let error = (refined - last).abs().max((refined - before).abs());
            if order + 1 >= TRUSTED && error <= best.error && refined.is_finite() {
                best = Difference { value: refined, error };
            }
            next.push(refined);
        }
        let (diagonal, previous) = (next[next.len() - 1], row[row.len() - 1]);
        row = next;
        // Rounding has taken over: shorter steps only get worse.
        if row.len() > TRUSTED + 1 && (diagonal - previous).abs() >= F::of(2.0) * best.error {
            break;
        }
    }
    Ok(best)
}

/// How a gradient compares with differences: [`gradient`].
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement<F> {
    /// The coordinate with the largest error.
    pub worst: usize,
    /// The gradient given there.
    pub given: F,
    /// The derivative by differences there.
    pub difference: Difference<F>,
    /// The largest |given - difference| ; NaN where one of the two is NaN.
    pub error: F,
    /// The largest magnitude of the derivatives by differences: what errors are measured by.
    pub scale: F,
    /// What differences can tell at all: the rounding of f over the step, 32 epsilon |f(x)| / step.
    pub resolution: F,
}

impl<F: Real> Agreement<F> {
    /// The error as a part of the largest derivative; 0 where all agree exactly.
    pub fn relative_error(&self) -> F {
        if self.error == F::zero() { F::zero() } else { self.error / self.scale }
    }

    /// Whether the error is at most `tolerance` of the largest derivative, beside what differences
    /// cannot tell: at a stationary point, where there is no derivative to measure by, a right
    /// gradient passes too. NaN never does.
    pub fn within(&self, tolerance: F) -> bool {
        self.error <= tolerance * self.scale + self.resolution
    }
}

impl<F: Real> fmt::Display for Agreement<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worst, given, difference, error, scale, .. } = self;
        let Difference { value, error: doubt } = difference;
        write!(f, "worst at coordinate {worst}: gradient {given:e}, differences {value:e} +- {doubt:e}; ")?;
        write!(f, "error {error:e} where the largest derivative is {scale:e}")
    }
}

/// Compares a gradient of `f` at `x` with differences, coordinate by coordinate, and names the
/// worst: [`gradient_with_step`] with a step of 1/8 of max(1, |x_j|).
///
/// ```
/// use estimand::{check, ndarray::array};
///
/// let x = array![0.3_f64, -2.0];
/// let right = check::gradient(|x| x[0] * x[1].exp(), &x, &array![(-2.0_f64).exp(), 0.3 * (-2.0_f64).exp()])?;
/// assert!(right.within(1e-9), "{right}");
///
/// let wrong = check::gradient(|x| x[0] * x[1].exp(), &x, &array![(-2.0_f64).exp(), 0.3])?;
/// assert!(!wrong.within(1e-2));
/// assert_eq!(wrong.worst, 1);
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// Shapes: `x, grad: (d,)`. Errors: `Shape`; `TooFew` where `d = 0`; `Entry` where x is not finite.
pub fn gradient<F: Real>(
    f: impl FnMut(&ArrayRef1<F>) -> F,
    x: &ArrayRef1<F>,
    grad: &ArrayRef1<F>,
) -> Result<Agreement<F>> {
    gradient_with_step(f, x, grad, F::of(0.125))
}

/// [`gradient`] with a first step of `step * max(1, |x_j|)`: for functions with a kink or an edge
/// nearby.
///
/// Errors: as there, and `Parameter` where `step` is not positive and finite.
pub fn gradient_with_step<F: Real>(
    mut f: impl FnMut(&ArrayRef1<F>) -> F,
    x: &ArrayRef1<F>,
    grad: &ArrayRef1<F>,
    step: F,
) -> Result<Agreement<F>> {
    same_shape("grad", grad.shape(), x.shape())?;
    if let Some((j, at)) = x.iter().enumerate().find(|(_, at)| !at.is_finite()) {
        return Err(Error::Entry { name: "x", index: vec![j], value: at.as_f64(), expected: "a finite number" });
    }
    let mut at: Array1<F> = x.to_owned();
    let mut worst: Option<Agreement<F>> = None;
    let mut scale = F::zero();
    let rounding = F::of(32.0) * F::epsilon() * f(&at).abs();
    let rounding = if rounding.is_finite() { rounding } else { F::zero() };
    for (j, (&x_j, &given)) in x.iter().zip(grad).enumerate() {
        let along = |v| {
            at[j] = v;
            f(&at)
        };
        let step = step * x_j.abs().max(F::one());
        let difference = derivative(along, x_j, step)?;
        at[j] = x_j;
        scale = scale.max(difference.value.abs());
        let error = (given - difference.value).abs();
        // A NaN is worse than any number, and the first one stays.
        let is_worse = worst.as_ref().is_none_or(|w| !w.error.is_nan() && (error.is_nan() || error > w.error));
        if is_worse {
            worst = Some(Agreement { worst: j, given, difference, error, scale, resolution: rounding / step });
        }
    }
    worst.map(|w| Agreement { scale, ..w }).ok_or(Error::TooFew { name: "x", got: 0, needs: 1 })
}
