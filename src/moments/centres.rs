use super::centre::Centre;
use super::compensated::Compensated;
use crate::Real;

/// The centre of each column, part by part, so that a step of all columns is one loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Centres<F> {
    pub(super) mean: Vec<F>,
    pub(super) mean_rest: Vec<F>,
    pub(super) variance: Vec<F>,
    variance_rest: Vec<F>,
    /// Whether squares of all differences are sure to be numbers.
    pub(super) tame: bool,
}

impl<F: Real> Centres<F> {
    pub(super) fn new(width: usize) -> Self {
        let zeros = || vec![F::zero(); width];
        Self { mean: zeros(), mean_rest: zeros(), variance: zeros(), variance_rest: zeros(), tame: true }
    }

    #[cfg(feature = "serde")]
    pub(super) fn of(columns: &[Centre<F>]) -> Self {
        let mut centres = Self::new(columns.len());
        centres.each(|j, _| columns[j]);
        centres.tame = columns.iter().all(Centre::is_tame);
        centres
    }

    pub(super) fn width(&self) -> usize {
        self.mean.len()
    }

    #[inline(always)]
    pub(super) fn get(&self, j: usize) -> Centre<F> {
        Centre {
            mean: Compensated { head: self.mean[j], rest: self.mean_rest[j] },
            variance: Compensated { head: self.variance[j], rest: self.variance_rest[j] },
        }
    }

    /// Joins each column with what is beside it.
    #[inline(always)]
    pub(super) fn join(&mut self, (own, its): (F, F), tame: bool, other: impl Fn(usize) -> Centre<F>) {
        if !(self.tame & tame) {
            return self.join_far((own, its), other);
        }
        if its <= own {
            self.each(|j, centre| centre.near(other(j), own, its));
        } else {
            self.each(|j, centre| other(j).near(centre, its, own));
        }
    }

    #[inline(always)]
    fn each(&mut self, step: impl Fn(usize, Centre<F>) -> Centre<F>) {
        let means = self.mean.iter_mut().zip(&mut self.mean_rest);
        let variances = self.variance.iter_mut().zip(&mut self.variance_rest);
        for (j, ((mean, mean_rest), (variance, variance_rest))) in means.zip(variances).enumerate() {
            let centre = Centre {
                mean: Compensated { head: *mean, rest: *mean_rest },
                variance: Compensated { head: *variance, rest: *variance_rest },
            };
            let joined = step(j, centre);
            (*mean, *mean_rest) = (joined.mean.head, joined.mean.rest);
            (*variance, *variance_rest) = (joined.variance.head, joined.variance.rest);
        }
    }

    #[cold]
    #[inline(never)]
    fn join_far(&mut self, (own, its): (F, F), other: impl Fn(usize) -> Centre<F>) {
        self.tame = false;
        self.each(|j, centre| centre.join(other(j), own, its));
    }
}
