use crate::Real;

/// A number in twice the digits: `head`, and the `rest` that its last place cannot hold.
///
/// Millions of small steps added to a `head` alone would each lose up to half a last place of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Compensated<F> {
    pub(super) head: F,
    pub(super) rest: F,
}

impl<F: Real> Compensated<F> {
    #[inline(always)]
    pub(super) fn of(head: F) -> Self {
        Self { head, rest: F::zero() }
    }

    /// The sum, its first rounding error kept (Knuth). Not for infinities: their rest would be NaN.
    #[inline(always)]
    pub(super) fn plus(self, x: F) -> Self {
        let sum = self.head + x;
        let of_x = sum - self.head;
        let lost = (self.head - (sum - of_x)) + (x - of_x);
        let rest = self.rest + lost;
        // |rest| is far below |sum|, or both are of one size and the sum of both is exact enough.
        let head = sum + rest;
        Self { head, rest: rest - (head - sum) }
    }

    /// self - other, where both are near each other: the heads cancel exactly or nearly so.
    #[inline(always)]
    pub(super) fn minus(self, other: Self) -> F {
        (self.head - other.head) + (self.rest - other.rest)
    }

    pub(super) fn is_finite(self) -> bool {
        self.head.is_finite() && self.rest.is_finite()
    }
}
