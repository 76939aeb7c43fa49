use crate::shape::{not_negative, positive};
use crate::{Error, Real, Result};

/// Weights that go from one value to another in some steps, and stay there: of a KL, of a temperature's inverse, of any term.
///
/// ```text
/// w_t = from + (to - from) r(t / steps),   r(0) = 0,   r(u) = 1 from u = 1 on
///
/// linear     r(u) = u
/// cosine     r(u) = (1 - cos pi u) / 2
/// sigmoid    r(u) = (1 + tanh(s (2 u - 1) / 4) / tanh(s / 4)) / 2
/// ```
///
/// The sigmoid is that of logistic annealing, stretched so that it meets both ends; its sharpness s, of 12 say, is the span of its
/// argument, and as s falls to 0 it becomes the line. [`every`](Self::every) starts again and again: the cyclical schedule, which
/// holds `to` for the rest of each period.
///
/// The iterator has no end: the last weight goes on. `skip` and `nth` resume a schedule at a step, at no cost.
/// Source: Bowman and others 2016 (sigmoid and linear); Fu and others 2019 (cyclical); chapter `objective/beta` says which to
/// use.
///
/// ```
/// use estimand::objective::Schedule;
///
/// let warm_up = Schedule::linear(0.0, 1.0, 4)?;
/// assert_eq!(warm_up.take(6).collect::<Vec<_>>(), [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
/// let mut cyclical = Schedule::linear(0.0, 1.0, 2)?.every(4)?;
/// assert_eq!(cyclical.by_ref().take(6).collect::<Vec<_>>(), [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]);
/// assert_eq!(cyclical.nth(1), Some(1.0));                               // step 7
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule<F> {
    ramp: Ramp<F>,
    from: F,
    to: F,
    steps: usize,
    /// Steps from one start to the next; 0 where there is one start.
    period: usize,
    /// The next step.
    step: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ramp<F> {
    Linear,
    Cosine,
    Sigmoid { sharpness: F },
}

impl<F: Real> Schedule<F> {
    /// The same weight at every step. Errors: `Parameter` where it is negative or not finite.
    pub fn constant(weight: F) -> Result<Self> {
        not_negative("weight", weight)?;
        Ok(Self { ramp: Ramp::Linear, from: weight, to: weight, steps: 0, period: 0, step: 0 })
    }

    /// In equal steps. With `steps = 0` it is `to` at once.
    ///
    /// Errors: `Parameter` where a weight is negative or not finite.
    pub fn linear(from: F, to: F, steps: usize) -> Result<Self> {
        Self::new(Ramp::Linear, from, to, steps)
    }

    /// Slowly at both ends. Errors: as [`linear`](Self::linear).
    pub fn cosine(from: F, to: F, steps: usize) -> Result<Self> {
        Self::new(Ramp::Cosine, from, to, steps)
    }

    /// Slowly at both ends, the more so the larger `sharpness`.
    ///
    /// Errors: as [`linear`](Self::linear); `Parameter` where `sharpness` is not a finite number above 0.
    pub fn sigmoid(from: F, to: F, steps: usize, sharpness: F) -> Result<Self> {
        positive("sharpness", sharpness)?;
        Self::new(Ramp::Sigmoid { sharpness }, from, to, steps)
    }

    fn new(ramp: Ramp<F>, from: F, to: F, steps: usize) -> Result<Self> {
        not_negative("from", from)?;
        not_negative("to", to)?;
        Ok(Self { ramp, from, to, steps, period: 0, step: 0 })
    }

    /// The same from its start every `period` steps.
    ///
    /// Errors: `Parameter` where `period` is 0 or less than the steps of the way to `to`.
    pub fn every(self, period: usize) -> Result<Self> {
        if period == 0 || period < self.steps {
            let expected = "at least 1, and the steps of the schedule";
            return Err(Error::Parameter { name: "period", value: period as f64, expected });
        }
        Ok(Self { period, ..self })
    }

    /// The weight of a step, the first being 0.
    pub fn at(&self, step: usize) -> F {
        let step = if self.period > 0 { step % self.period } else { step };
        if step >= self.steps {
            return self.to;
        }
        let u = F::count(step) / F::count(self.steps);
        let risen = self.ramp.risen(u);
        // Between the two, whatever is rounded.
        let weight = self.from + (self.to - self.from) * risen;
        weight.max(self.from.min(self.to)).min(self.from.max(self.to))
    }
}

impl<F: Real> Ramp<F> {
    /// r(u) for u of [0, 1).
    fn risen(self, u: F) -> F {
        let half = F::of(0.5);
        match self {
            Self::Linear => u,
            Self::Cosine => {
                let sine = (half * F::PI() * u).sin();
                sine * sine
            }
            Self::Sigmoid { sharpness } => {
                let end = (half * half * sharpness).tanh();
                // Below, a sharpness that is all but 0: the line.
                if end > F::zero() { half + half * (half * sharpness * (u - half)).tanh() / end } else { u }
            }
        }
    }
}

impl<F: Real> Iterator for Schedule<F> {
    type Item = F;

    fn next(&mut self) -> Option<F> {
        self.nth(0)
    }

    fn nth(&mut self, n: usize) -> Option<F> {
        let step = self.step.saturating_add(n);
        self.step = step.saturating_add(1);
        Some(self.at(step))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
