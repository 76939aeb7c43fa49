//! Moments as they are written down, and the door of what is read.

use serde::{Deserialize, Serialize};

use super::centre::Centre;
use super::compensated::Compensated;
use super::cross::pairs;
use super::mass::{Mass, Weights};
use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// Epsilons of both standard deviations that a covariance may be off.
const SLACK: f64 = 1024.0;

/// A number and its rest.
type Pair<F> = [F; 2];

/// Moments of numbers, as they are written.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored<F> {
    count: usize,
    weights: Option<StoredWeights<F>>,
    mean: Pair<F>,
    variance: Pair<F>,
    pub(super) nan: Option<usize>,
}

/// Moments of columns, as they are written.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredColumns<F> {
    count: usize,
    weights: Option<StoredWeights<F>>,
    mean: Vec<Pair<F>>,
    variance: Vec<Pair<F>>,
    pub(super) nan: Option<usize>,
}

/// Moments of rows, as they are written: those of the columns, and the covariances below the diagonal, row by row.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredScatter<F> {
    pub(super) columns: StoredColumns<F>,
    pub(super) covariance: Vec<Pair<F>>,
}

#[derive(Serialize, Deserialize)]
struct StoredWeights<F> {
    total: Pair<F>,
    same: Pair<F>,
    other: Pair<F>,
}

fn pair<F: Real>(x: Compensated<F>) -> Pair<F> {
    [x.head, x.rest]
}

impl<F: Real> Stored<F> {
    pub(super) fn of(mass: Mass<F>, centre: Centre<F>, nan: Option<usize>) -> Self {
        let weights = mass.weights.map(StoredWeights::of);
        Self { count: mass.count, weights, mean: pair(centre.mean), variance: pair(centre.variance), nan }
    }

    /// Mass and centre, if they are those of some numbers.
    pub(super) fn read(self) -> Result<(Mass<F>, Centre<F>)> {
        let mass = mass(self.count, self.weights, self.nan)?;
        Ok((mass, centre(self.count, self.mean, self.variance)?))
    }
}

impl<F: Real> StoredColumns<F> {
    pub(super) fn of(mass: Mass<F>, columns: &[Centre<F>], nan: Option<usize>) -> Self {
        let weights = mass.weights.map(StoredWeights::of);
        let mean = columns.iter().map(|c| pair(c.mean)).collect();
        Self { count: mass.count, weights, mean, variance: columns.iter().map(|c| pair(c.variance)).collect(), nan }
    }

    /// Mass and centres, if they are those of some rows.
    pub(super) fn read(self) -> Result<(Mass<F>, Vec<Centre<F>>)> {
        let mass = mass(self.count, self.weights, self.nan)?;
        same_shape("variance", &[self.variance.len()], &[self.mean.len()])?;
        let columns = self.mean.into_iter().zip(self.variance);
        let centres: Result<Vec<_>> = columns.map(|(mean, variance)| centre(self.count, mean, variance)).collect();
        Ok((mass, centres?))
    }
}

impl<F: Real> StoredScatter<F> {
    pub(super) fn of(columns: StoredColumns<F>, covariance: &[Compensated<F>]) -> Self {
        Self { columns, covariance: covariance.iter().copied().map(pair).collect() }
    }

    /// The covariances, if they are those of some rows whose columns have these variances.
    pub(super) fn read(covariance: Vec<Pair<F>>, variances: &[F]) -> Result<Vec<Compensated<F>>> {
        same_shape("covariance", &[covariance.len()], &[pairs(variances.len())])?;
        let sds: Vec<F> = variances.iter().map(|v| v.sqrt()).collect();
        let mut all = Vec::with_capacity(covariance.len());
        let places = (0..sds.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        for (pair, (i, j)) in covariance.into_iter().zip(places) {
            let most = sds[i] * sds[j];
            if most.is_finite() {
                if pair[0].abs() > most * (F::one() + F::of(SLACK) * F::epsilon()) + F::min_positive_value() {
                    return refuse("covariance", pair[0], "at most the product of both standard deviations");
                }
            } else if !pair[0].is_finite() {
                // Beside an infinite variance also an infinity, or none.
                all.push(Compensated::of(pair[0]));
                continue;
            }
            all.push(compensated("covariance", pair)?);
        }
        Ok(all)
    }
}

impl<F: Real> StoredWeights<F> {
    fn of(w: Weights<F>) -> Self {
        Self { total: pair(w.total), same: pair(w.same), other: pair(w.other) }
    }
}

fn refuse<F: Real, T>(name: &'static str, value: F, expected: &'static str) -> Result<T> {
    Err(Error::Parameter { name, value: value.as_f64(), expected })
}

/// A pair whose second is what the last place of the first cannot hold.
fn compensated<F: Real>(name: &'static str, [head, rest]: Pair<F>) -> Result<Compensated<F>> {
    if head.is_nan() {
        return refuse(name, head, "a number");
    }
    if head + rest == head || rest == F::zero() {
        return Ok(Compensated { head, rest });
    }
    refuse(name, rest, "a rest below the last place of its number")
}

fn mass<F: Real>(count: usize, weights: Option<StoredWeights<F>>, nan: Option<usize>) -> Result<Mass<F>> {
    if let Some(row) = nan.filter(|&row| row >= count) {
        return refuse("nan", F::count(row), "a row below the count");
    }
    let Some(w) = weights else { return Ok(Mass { count, weights: None }) };
    let total = compensated("total", w.total)?;
    if total.head < F::zero() || (total.head > F::zero() && count == 0) {
        return refuse("total", total.head, "the sum of weights that are not negative, one a row");
    }
    let share = |name, pair: Pair<F>| {
        let inside = (F::zero()..=F::one()).contains(&pair[0]);
        if inside { compensated(name, pair) } else { refuse(name, pair[0], "a share, from 0 to 1") }
    };
    let (same, other) = (share("same", w.same)?, share("other", w.other)?);
    if (same.head + other.head - F::one()).abs() > F::of(64.0) * F::epsilon() {
        return refuse("other", other.head, "what is left of 1 beside `same`");
    }
    Ok(Mass { count, weights: Some(Weights { total, same, other }) })
}

fn centre<F: Real>(count: usize, mean: Pair<F>, variance: Pair<F>) -> Result<Centre<F>> {
    if variance[0].is_nan() || variance[0] < F::zero() {
        return refuse("variance", variance[0], "a number that is not negative");
    }
    if count == 0 && (mean[0] != F::zero() || variance[0] != F::zero()) {
        return refuse("count", F::zero(), "as many rows as have a mean");
    }
    // Of both infinities the mean is NaN, and the variance infinite.
    if variance[0].is_infinite() && !mean[0].is_finite() {
        let of = |x| Compensated { head: x, rest: F::zero() };
        return Ok(Centre { mean: of(mean[0]), variance: of(variance[0]) });
    }
    if !mean[0].is_finite() {
        return refuse("mean", mean[0], "a finite number where the variance is one");
    }
    Ok(Centre { mean: compensated("mean", mean)?, variance: compensated("variance", variance)? })
}
