use super::compensated::Compensated;
use crate::{Error, Real, Result};

/// How much was counted: a number of rows, and their weights unless each has been 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Mass<F> {
    pub(super) count: usize,
    pub(super) weights: Option<Weights<F>>,
}

/// Of weights w with sum W. The two ratios are scale-free, so that weights of any size do, and both
/// are kept, since either may be too small beside 1 to be had from the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weights<F> {
    pub(super) total: Compensated<F>,
    /// sum of w^2 / W^2: the chance that two draws by weight are one row.
    pub(super) same: Compensated<F>,
    /// 1 - `same`: the chance that they are two.
    pub(super) other: Compensated<F>,
}

impl<F: Real> Mass<F> {
    /// One row of weight 1.
    pub(super) fn one() -> Self {
        Self { count: 1, weights: None }
    }

    /// One row.
    pub(super) fn weighing(weight: F) -> Self {
        Self { count: 1, weights: Some(Weights::one(weight)) }
    }

    pub(super) fn rows(count: usize) -> Self {
        Self { count, weights: None }
    }

    /// The sum of the weights.
    #[inline(always)]
    pub(super) fn total(&self) -> F {
        self.weights.map_or_else(|| F::count(self.count), |w| w.total.head)
    }

    /// Adds the other's mass; the shares of both in what they are together.
    #[inline(always)]
    pub(super) fn join(&mut self, other: &Self) -> (F, F) {
        let shares = shares(self.total(), other.total());
        if self.weights.is_some() || other.weights.is_some() {
            self.weights = Some(self.weighed().joined(other.weighed(), shares));
        }
        self.count = self.count.saturating_add(other.count);
        shares
    }

    fn weighed(&self) -> Weights<F> {
        self.weights.unwrap_or_else(|| Weights::ones(self.count))
    }

    /// sum of w^2 / W^2.
    pub(super) fn same(&self) -> F {
        self.weights.map_or_else(|| F::count(self.count).recip(), |w| w.same.head)
    }

    /// W^2 / sum of w^2.
    pub(super) fn effective(&self) -> F {
        self.weights.map_or_else(|| F::count(self.count), |w| w.same.head.recip())
    }

    /// 1 - sum of w^2 / W^2.
    pub(super) fn other(&self) -> F {
        let (n, one) = (F::count(self.count), F::one());
        self.weights.map_or_else(|| (n - one) / n, |w| w.other.head)
    }

    /// A variance that was divided by W, made unbiased: divided by 1 - sum of w^2 / W^2.
    pub(super) fn unbiased(&self, variance: F) -> F {
        let but_one = F::count(self.count) - F::one();
        self.weights.map_or_else(|| variance + variance / but_one, |w| variance / w.other.head)
    }

    /// The door of every reading: there are rows, none of them NaN, and their weights make a mean.
    pub(super) fn readable(&self, nan: Option<usize>) -> Result<()> {
        if self.count == 0 {
            return Err(Error::TooFew { name: "x", got: 0, needs: 1 });
        }
        if let Some(row) = nan {
            return Err(Error::NaN { name: "x", row });
        }
        let total = self.total();
        if total > F::zero() && total.is_finite() {
            return Ok(());
        }
        let expected = "weights whose sum is above 0 and finite";
        Err(Error::Parameter { name: "weights", value: total.as_f64(), expected })
    }

    /// The door of what takes two rows.
    pub(super) fn two(&self) -> Result<()> {
        if self.count < 2 {
            return Err(Error::TooFew { name: "x", got: self.count, needs: 2 });
        }
        if self.other() > F::zero() {
            return Ok(());
        }
        Err(Error::Count { name: "weights", axis: "rows above 0", got: 1, expected: "at least 2".to_owned() })
    }
}

/// w / (v + w) and v / (v + w) of two masses, also where their sum overflows; 0 of nothing.
#[inline(always)]
fn shares<F: Real>(own: F, other: F) -> (F, F) {
    let total = own + other;
    if total > F::zero() && total.is_finite() {
        return (own / total, other / total);
    }
    let half = F::of(0.5);
    let total = half * own + half * other;
    if total > F::zero() && total.is_finite() {
        return (half * own / total, half * other / total);
    }
    (F::zero(), F::zero())
}

impl<F: Real> Weights<F> {
    fn one(weight: F) -> Self {
        Self { total: Compensated::of(weight), same: Compensated::of(F::one()), other: Compensated::default() }
    }

    fn ones(count: usize) -> Self {
        let mass = Mass::rows(count);
        let of = Compensated::of;
        if count == 0 {
            return Self::one(F::zero());
        }
        Self { total: of(F::count(count)), same: of(mass.same()), other: of(mass.other()) }
    }

    /// With shares a + b = 1: same = a^2 same + b^2 same', and other = a^2 other + b^2 other' + 2 a b.
    fn joined(self, with: Self, (own, its): (F, F)) -> Self {
        let (mut total, x) = (self.total.plus(with.total.head), with.total.rest);
        total = if total.is_finite() { total.plus(x) } else { Compensated::of(F::infinity()) };
        if own == F::zero() || its == F::zero() {
            let ratios = if own == F::zero() && with.total.head > F::zero() { with } else { self };
            return Self { total, ..ratios };
        }
        // From the larger share, by steps that are small beside what they change.
        let (base, step, most, least) = if its <= own { (self, with, own, its) } else { (with, self, its, own) };
        let two = F::of(2.0);
        let (s, o) = (base.same.head, base.other.head);
        let same = base.same.plus(least * (least * (step.same.head + s) - two * s));
        let other = base.other.plus(least * (least * (step.other.head + o) - two * o + two * most));
        Self { total, same, other }
    }
}
