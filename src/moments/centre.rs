use super::compensated::Compensated;
use crate::Real;

/// Mean and variance of some mass, whatever the mass is: what Chan's formula joins.
///
/// The variance is kept, not the sum of squares: it has the range of the data squared, however many
/// there are and whatever they weigh.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Centre<F> {
    pub(super) mean: Compensated<F>,
    pub(super) variance: Compensated<F>,
}

/// Numbers whose differences, squared, stay far from the largest number.
#[inline(always)]
pub(super) fn limit<F: Real>() -> F {
    F::zero().map(|_| 4e18, |_| 3e153)
}

impl<F: Real> Centre<F> {
    /// One number.
    #[inline(always)]
    pub(super) fn point(x: F) -> Self {
        Self { mean: Compensated::of(x), variance: Compensated::default() }
    }

    /// A mean in two parts, and a variance.
    #[inline(always)]
    pub(super) fn new(mean: F, rest: F, variance: F) -> Self {
        Self { mean: Compensated::of(mean).plus(rest), variance: Compensated::of(variance) }
    }

    /// Both together, of which `self` has the share `own` of the mass and `other` the share `its`, the
    /// smaller of the two; nothing in it may overflow.
    ///
    /// ```text
    /// d = mean of other - mean of self,   mean + its d,   variance + its ((variance of other - variance) + own d^2)
    /// ```
    ///
    /// Steps from the larger share are small beside what they change, and so are their roundings.
    #[inline(always)]
    pub(super) fn near(self, other: Self, own: F, its: F) -> Self {
        let d = other.mean.minus(self.mean);
        let step = other.variance.minus(self.variance) + own * d * d;
        Self { mean: self.mean.plus(its * d), variance: self.variance.plus(its * step) }
    }

    /// Both together, for all numbers there are.
    #[inline(always)]
    pub(super) fn join(self, other: Self, own: F, its: F) -> Self {
        let joined = if its <= own { self.near(other, own, its) } else { other.near(self, its, own) };
        if joined.is_finite() { joined } else { self.far(other, own, its) }
    }

    /// What [`near`](Self::near) is where its differences or their squares leave the numbers.
    ///
    /// With an infinity the variance is infinite: its limit as one number grows and the others stay.
    #[cold]
    fn far(self, other: Self, own: F, its: F) -> Self {
        // A share of 0 silences an infinity.
        if own == F::zero() || its == F::zero() {
            let alone = if its == F::zero() { self } else { other };
            return if alone.mean.head.is_finite() { alone } else { Self::infinite(alone.mean.head) };
        }
        let (a, b) = (self.mean.head, other.mean.head);
        let mean = own * a + its * b;
        if !(a.is_finite() && b.is_finite()) {
            return Self::infinite(mean);
        }
        // Shares that add up to a rounding above 1 may not pass the largest number.
        let mean = mean.max(a.min(b)).min(a.max(b));
        let half = F::of(0.5);
        // d / 2 is a number; a square of it may still be none, and then the variance is none.
        let d = half * b - half * a;
        let between = F::of(4.0) * (own * d) * (its * d);
        let within = own * self.variance.head + its * other.variance.head;
        Self { mean: Compensated::of(mean), variance: Compensated::of(within + between) }
    }

    fn infinite(mean: F) -> Self {
        Self { mean: Compensated::of(mean), variance: Compensated::of(F::infinity()) }
    }

    /// Whether [`near`](Self::near) is right with any other that is.
    #[inline(always)]
    pub(super) fn is_tame(&self) -> bool {
        (self.mean.head.abs() < limit()) & (self.variance.head < limit::<F>() * limit())
    }

    pub(super) fn is_finite(self) -> bool {
        self.mean.is_finite() && self.variance.is_finite()
    }
}
