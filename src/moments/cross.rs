use super::compensated::Compensated;
use super::mass::Mass;
use crate::Real;

/// The covariances of pairs of columns, divided by the weight: the lower half without the diagonal, row by row, part by
/// part, so that a step of a row is one loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cross<F> {
    width: usize,
    head: Vec<F>,
    rest: Vec<F>,
}

/// How two parts stand to each other before they join.
pub(super) struct Step<F> {
    own: F,
    its: F,
    /// The means of the other less those of the first.
    apart: Vec<F>,
    /// The means of both, where differences or their products need not be numbers.
    far: Option<Vec<(F, F)>>,
}

impl<F: Real> Step<F> {
    /// Of two masses, and of as many pairs of means as there are columns.
    #[inline(always)]
    pub(super) fn new(
        (mut own, its): (Mass<F>, &Mass<F>),
        tame: bool,
        means: impl ExactSizeIterator<Item = (Compensated<F>, Compensated<F>)> + Clone,
    ) -> Self {
        let (own, its) = own.join(its);
        let far = (!tame).then(|| means.clone().map(|(a, b)| (a.head, b.head)).collect());
        Self { own, its, apart: means.map(|(a, b)| b.minus(a)).collect(), far }
    }
}

/// Pairs of so many columns.
pub(super) fn pairs(width: usize) -> usize {
    width * width.saturating_sub(1) / 2
}

impl<F: Real> Cross<F> {
    pub(super) fn new(width: usize) -> Self {
        Self::of(width, vec![F::zero(); pairs(width)])
    }

    /// Of covariances as they are kept here.
    pub(super) fn of(width: usize, head: Vec<F>) -> Self {
        let rest = vec![F::zero(); head.len()];
        Self { width, head, rest }
    }

    /// Covariance `k`, in the order they are kept.
    #[inline(always)]
    pub(super) fn get(&self, k: usize) -> Compensated<F> {
        Compensated { head: self.head[k], rest: self.rest[k] }
    }

    #[cfg(feature = "serde")]
    pub(super) fn of_all(width: usize, all: &[Compensated<F>]) -> Self {
        let (head, rest) = all.iter().map(|c| (c.head, c.rest)).unzip();
        Self { width, head, rest }
    }

    /// The covariances of row `i` with those before it.
    pub(super) fn row(&self, i: usize) -> &[F] {
        &self.head[pairs(i)..pairs(i) + i]
    }

    /// Joins each with what the other part has in its place.
    ///
    /// ```text
    /// c_ij + its ((other_ij - c_ij) + own d_i d_j)
    /// ```
    ///
    /// from the part of the larger share, as variances are joined.
    #[inline(always)]
    pub(super) fn join(&mut self, step: &Step<F>, other: impl Fn(usize) -> Compensated<F>) {
        let (own, its) = (step.own, step.its);
        if let Some(means) = &step.far {
            self.join_far(step, means, other);
        } else if its <= own {
            self.each(&step.apart, |k, c, di, dj| near(c, other(k), own, its, di, dj));
        } else {
            self.each(&step.apart, |k, c, di, dj| near(other(k), c, its, own, di, dj));
        }
    }

    #[inline(always)]
    fn each(&mut self, apart: &[F], step: impl Fn(usize, Compensated<F>, F, F) -> Compensated<F>) {
        for (i, &di) in apart.iter().enumerate() {
            let row = pairs(i)..pairs(i) + i;
            let kept = self.head[row.clone()].iter_mut().zip(&mut self.rest[row.clone()]);
            for (((head, rest), &dj), k) in kept.zip(apart).zip(row) {
                let joined = step(k, Compensated { head: *head, rest: *rest }, di, dj);
                (*head, *rest) = (joined.head, joined.rest);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn join_far(&mut self, step: &Step<F>, means: &[(F, F)], other: impl Fn(usize) -> Compensated<F>) {
        let (own, its) = (step.own, step.its);
        for i in 0..self.width {
            for (j, k) in (0..i).zip(pairs(i)..) {
                let (c, with, di, dj) = (self.get(k), other(k), step.apart[i], step.apart[j]);
                let joined = if its <= own { near(c, with, own, its, di, dj) } else { near(with, c, its, own, di, dj) };
                let joined = if joined.is_finite() { joined } else { far(c, with, own, its, [means[i], means[j]]) };
                (self.head[k], self.rest[k]) = (joined.head, joined.rest);
            }
        }
    }
}

/// Both together, of which the first has the share `own`, the larger; nothing in it may overflow.
#[inline(always)]
fn near<F: Real>(c: Compensated<F>, other: Compensated<F>, own: F, its: F, di: F, dj: F) -> Compensated<F> {
    c.plus(its * (other.minus(c) + own * di * dj))
}

/// What [`near`] is where its differences or their products leave the numbers.
///
/// With an infinity it is NaN: its limit as one number grows has the sign of what is beside it, less a mean that is not
/// yet known.
#[cold]
fn far<F: Real>(c: Compensated<F>, other: Compensated<F>, own: F, its: F, means: [(F, F); 2]) -> Compensated<F> {
    // A share of 0 silences an infinity.
    if its == F::zero() {
        return c;
    }
    let unknown = |mean: F| !mean.is_finite();
    if means.iter().any(|&(a, b)| unknown(b) || (own > F::zero() && unknown(a))) {
        return Compensated::of(F::nan());
    }
    if own == F::zero() {
        return other;
    }
    let half = F::of(0.5);
    // Half of a difference is a number; the product of two may still be none.
    let [di, dj] = means.map(|(a, b)| half * b - half * a);
    let between = F::of(4.0) * ((own * di) * (its * dj));
    Compensated::of(own * c.head + its * other.head + between)
}
