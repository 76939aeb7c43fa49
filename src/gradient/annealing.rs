use crate::shape::{not_negative, positive};
use crate::{Real, Result};

/// Temperatures that fall from step to step: from, from e^-rate, from e^-2 rate, ..., and never below the floor.
///
/// The iterator has no end: the floor goes on. A `from` below the floor gives the floor at once. `skip` and `nth` resume a
/// schedule at a step; a law or plan is made anew with each temperature (chapter `distribution/concrete`).
///
/// Source: Jang, Gu and Poole 2017.
///
/// ```
/// use estimand::gradient::Annealing;
///
/// let mut temperature = Annealing::new(1.0_f64, 0.5, 0.2)?;
/// let first: Vec<_> = temperature.by_ref().take(4).collect();
/// assert_eq!((first[0], first[1], first[3]), (1.0, (-0.5_f64).exp(), (-1.5_f64).exp()));
/// assert_eq!(temperature.nth(10), Some(0.2));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Annealing<F> {
    from: F,
    rate: F,
    floor: F,
    step: usize,
}

impl<F: Real> Annealing<F> {
    /// Errors: `Parameter` where `from` or `floor` is not a finite number above 0, or `rate` is negative or not finite.
    pub fn new(from: F, rate: F, floor: F) -> Result<Self> {
        positive("from", from)?;
        positive("floor", floor)?;
        not_negative("rate", rate)?;
        Ok(Self { from, rate, floor, step: 0 })
    }
}

impl<F: Real> Iterator for Annealing<F> {
    type Item = F;

    fn next(&mut self) -> Option<F> {
        let fallen = self.from * (-self.rate * F::count(self.step)).exp();
        self.step = self.step.saturating_add(1);
        Some(if fallen > self.floor { fallen } else { self.floor })
    }
}
