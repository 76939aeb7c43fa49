//! L-BFGS, for a few smooth parameters whose gradient is exact.

use std::collections::VecDeque;

use estimand::ValueGrad;
use estimand::ndarray::Array1;

/// Of the slope along a step, what may be left at its end; and what the value must rise by, of what the slope promises.
/// Between the two lies a point on every line that does not rise for ever.
const FLAT: f64 = 0.5;
const RISE: f64 = 1e-4;

/// Points that are tried on one line.
const TRIALS: usize = 60;

/// By what rounding may move a value, of its size.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Maximises a smooth function: the inverse of its curvature is guessed from the last few steps, and each step ends where the
/// strong Wolfe conditions hold.
///
/// ```text
/// x = x + t d,   d = H g,   |d' g(x + t d)| <= d' g(x) / 2,   f(x + t d) >= f(x) + t d' g(x) / 10 000
/// ```
///
/// Near the top a value rises by less than it is rounded by. There the first condition, which is of slopes alone, decides: a value
/// may seem to fall by its rounding. So the gradient gets as small as *it* is rounded to, not as its root.
///
/// Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5; the search along a line halves an interval as their 3.6 does, by
/// secants of the slope; what it leaves to rounding is as in Hager and Zhang 2005.
///
/// ```
/// use estimand::ValueGrad;
/// use estimand::ndarray::{Array1, array};
/// use lab::Lbfgs;
///
/// // -(x - 3)^2 - 100 (y + 1)^2
/// let top = Lbfgs::new(1e-9).maximise(array![0.0, 0.0], |at: &Array1<f64>| {
///     let (x, y) = (at[0] - 3.0, at[1] + 1.0);
///     Ok::<_, std::convert::Infallible>(ValueGrad { value: -x * x - 100.0 * y * y, grad: array![-2.0 * x, -200.0 * y] })
/// });
/// let top = top.unwrap_or_else(|never| match never {});
/// assert!(top.reached && (top.x[0] - 3.0).abs() < 1e-9 && (top.x[1] + 1.0).abs() < 1e-11);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// The top is where no number of the gradient is larger.
    pub tolerance: f64,
    /// After so many steps it ends in any case.
    pub steps: usize,
    /// How many of the last steps the curvature is guessed from.
    pub memory: usize,
}

/// Where the way up ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// The parameters.
    pub x: Array1<f64>,
    /// The value there.
    pub value: f64,
    /// The gradient there.
    pub grad: Array1<f64>,
    /// The steps that were taken.
    pub steps: usize,
    /// The points at which the function was evaluated.
    pub evaluations: usize,
    /// Whether the gradient is within the tolerance.
    pub reached: bool,
}

/// A step, and by how much the gradient fell over it.
struct Pair {
    step: Array1<f64>,
    fall: Array1<f64>,
    /// 1 / (step' fall).
    rho: f64,
}

/// A point with all that is known of it.
struct Point {
    x: Array1<f64>,
    value: f64,
    grad: Array1<f64>,
}

impl Lbfgs {
    /// At most 500 steps, of which it remembers 10.
    pub fn new(tolerance: f64) -> Self {
        Self { tolerance, steps: 500, memory: 10 }
    }

    /// Goes up from `start`. Where the function is not finite it is as if it fell.
    ///
    /// It ends without having [reached](Top::reached) the top where steps are used up, or no point of a line is better.
    /// Errors: those of the function.
    pub fn maximise<E>(
        &self,
        start: Array1<f64>,
        mut function: impl FnMut(&Array1<f64>) -> Result<ValueGrad<f64, Array1<f64>>, E>,
    ) -> Result<Top, E> {
        let mut evaluations = 0;
        let mut evaluate = |x: Array1<f64>| {
            evaluations += 1;
            function(&x).map(|at| Point { x, value: at.value, grad: at.grad })
        };
        let mut at = evaluate(start)?;
        let (mut pairs, mut steps): (VecDeque<Pair>, usize) = (VecDeque::new(), 0);
        while !self.flat(&at) && steps < self.steps {
            let mut direction = curved(&at.grad, &pairs);
            if direction.dot(&at.grad) <= 0.0 {
                // Rounding has spoilt the guess.
                pairs.clear();
                direction = curved(&at.grad, &pairs);
            }
            let Some(next) = along(&at, &direction, &mut evaluate)? else { break };
            let (step, fall) = (&next.x - &at.x, &at.grad - &next.grad);
            let product = step.dot(&fall);
            if product > 0.0 {
                if pairs.len() == self.memory {
                    pairs.pop_front();
                }
                pairs.push_back(Pair { step, fall, rho: product.recip() });
            }
            at = next;
            steps += 1;
        }
        let reached = self.flat(&at);
        let Point { x, value, grad } = at;
        Ok(Top { x, value, grad, steps, evaluations, reached })
    }

    fn flat(&self, at: &Point) -> bool {
        at.grad.iter().all(|g| g.abs() <= self.tolerance)
    }
}

/// The gradient by the guessed inverse curvature, in two passes over the pairs; without any, a step of length 1.
fn curved(grad: &Array1<f64>, pairs: &VecDeque<Pair>) -> Array1<f64> {
    let mut d = grad.clone();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.rho * pair.step.dot(&d);
        d.scaled_add(-share, &pair.fall);
        shares.push(share);
    }
    d *= match pairs.back() {
        Some(last) => (last.rho * last.fall.dot(&last.fall)).recip(),
        None => grad.dot(grad).sqrt().recip(),
    };
    for (pair, share) in pairs.iter().zip(shares.into_iter().rev()) {
        let rest = share - pair.rho * pair.fall.dot(&d);
        d.scaled_add(rest, &pair.step);
    }
    d
}

/// A point of the line where the slope has fallen to a half and the value has risen; `None` where rounding hides it.
///
/// Such a point lies between `low`, where the value is good and the slope is up, and `high`, where the value is bad or the
/// slope is down.
fn along<E>(
    from: &Point,
    direction: &Array1<f64>,
    evaluate: &mut impl FnMut(Array1<f64>) -> Result<Point, E>,
) -> Result<Option<Point>, E> {
    let slope = from.grad.dot(direction);
    let (mut low, mut high) = ((0.0, slope), None::<(f64, f64)>);
    let mut t = 1.0;
    for _ in 0..TRIALS {
        let at = evaluate(&from.x + &(direction * t))?;
        let here = at.grad.dot(direction);
        let least = from.value + RISE * t * slope - ROUNDING * from.value.abs();
        if !(at.value >= least && at.value.is_finite() && here.is_finite()) {
            high = Some((t, f64::NAN));
        } else if here.abs() <= FLAT * slope {
            return Ok(Some(at));
        } else if here > 0.0 {
            low = (t, here);
        } else {
            high = Some((t, here));
        }
        t = match high {
            None => 4.0 * t,
            Some(high) => {
                let width = high.0 - low.0;
                // Where the secant of the slopes says that it is 0, inside the middle four fifths.
                let secant = low.1 / (low.1 - high.1);
                low.0 + width * if secant.is_nan() { 0.5 } else { secant.clamp(0.1, 0.9) }
            }
        };
    }
    Ok(None)
}
