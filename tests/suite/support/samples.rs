//! What the draws of a law owe: its moments, its entropy and its distribution function.
//!
//! Every comparison has a bound on its chance that holds at the sample size it has, and a function
//! alarms falsely with 1e-9 at the most, shared among its comparisons. Its twin, the same draws
//! against the law with a part of its parameters moved by 0.1, must alarm.

use estimand::ndarray::{Array2, Axis, s};
use estimand::{Cdf, Distribution, Entropy, MeanVariance, Parts, Sample};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::conforms::{Family, normal};
use super::stats::chance_of_count;

const ALARM: f64 = 1e-9;
const DIM: usize = 3;
const DRAWS: usize = 200_000;

/// A family whose sums over draws have bounds on their chances.
pub trait Chances: Family {
    /// The chance, at the most, of means of x and of (x - E x)^2 over `n` draws of a coordinate as
    /// far from `law`, its mean and variance, as `found`.
    fn of_moments(n: usize, law: [f64; 2], found: [f64; 2]) -> [f64; 2];

    /// The chance, at the most, of a mean of -log q over `n` draws of the law `row` that is `off`
    /// its entropy.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64;
}

fn parameters<T: Family>() -> Array2<f64> {
    normal(1, T::columns(DIM), 7)
}

fn draws<T: Family>(p: &Array2<f64>) -> Array2<f64>
where
    for<'a> T::Law<'a, f64>: Sample<f64>,
{
    T::law(p.view(), DRAWS).sample(&mut ChaCha8Rng::seed_from_u64(10))
}

/// The twins: each part of the parameters moved by 0.1.
fn twins<T: Family>(p: &Array2<f64>) -> Vec<Array2<f64>> {
    let parts = T::law(p.view(), 1).parts();
    let mut twins = Vec::new();
    let mut from = 0;
    for k in 0..T::Parts::NAMES.len() {
        let to = from + parts.part_width(k);
        let mut twin = p.clone();
        twin.slice_mut(s![.., from..to]).mapv_inplace(|x| x + 0.1);
        twins.push(twin);
        from = to;
    }
    twins
}

fn assert_rare_enough(what: &str, own: f64, twins: impl IntoIterator<Item = f64>) {
    assert!(own >= ALARM, "{what}: so far off has a chance of {own:e} at the most");
    for (k, twin) in twins.into_iter().enumerate() {
        assert!(twin < ALARM, "{what}: the twin of part {k} is not seen, chance {twin:e}");
    }
}

/// Mean and variance of draws. The smallest bias that is seen: 1.6 % of a standard deviation, and
/// 2.2 % of a variance, where draws are normal; 0.008 of a mean and of a variance where they are bits.
pub fn moments<T: Chances>()
where
    for<'a> T::Law<'a, f64>: Sample<f64> + MeanVariance<f64>,
{
    let p = parameters::<T>();
    let x = draws::<T>(&p);
    let chance = |p: &Array2<f64>| {
        let law = T::law(p.view(), DRAWS);
        let (mean, variance) = (law.mean(), law.variance());
        let by_coordinate = (0..DIM).map(|j| {
            let (column, law) = (x.column(j), [mean[[0, j]], variance[[0, j]]]);
            let square = column.mapv(|x| (x - law[0]).powi(2)).mean().unwrap();
            let [a, b] = T::of_moments(DRAWS, law, [column.mean().unwrap(), square]);
            a.min(b)
        });
        by_coordinate.fold(f64::INFINITY, f64::min) * 2.0 * DIM as f64
    };
    assert_rare_enough("moments", chance(&p), twins::<T>(&p).iter().map(chance));
}

/// Entropy is the mean of -log q. The smallest bias that is seen: 0.02 for three coordinates. Only
/// a scale or a logit moves an entropy: the twin of the last part.
pub fn entropy<T: Chances>()
where
    for<'a> T::Law<'a, f64>: Sample<f64> + Entropy<f64>,
{
    let p = parameters::<T>();
    let law = T::law(p.view(), DRAWS);
    let found = -law.log_prob(&draws::<T>(&p)).unwrap().mean().unwrap();
    let chance = |q: &Array2<f64>| {
        let entropy = T::law(q.view(), 1).entropy().value[0];
        T::of_entropy(DRAWS, p.as_slice().unwrap(), found - entropy)
    };
    assert_rare_enough("entropy", chance(&p), twins::<T>(&p).last().map(chance));
}

/// The share of draws up to a point is the distribution function there, by Chernoff's bound. The
/// smallest bias that is seen: 0.008 of a share of 1/2.
pub fn shares<T: Family>()
where
    for<'a> T::Law<'a, f64>: Sample<f64> + Cdf<f64>,
{
    let p = parameters::<T>();
    let x = draws::<T>(&p);
    // Three points of each coordinate, from the lower half of its draws to the upper.
    let levels = Array2::from_shape_fn((3, DIM), |(i, _)| 0.25 * (1.0 + i as f64));
    let points = T::law(p.view(), 3).quantile(&levels).unwrap();
    let chance = |p: &Array2<f64>| {
        let cdf = T::law(p.view(), 3).cdf(&points).unwrap();
        let each = points.indexed_iter().map(|((i, j), &point)| {
            let hits = x.index_axis(Axis(1), j).iter().filter(|&&x| x <= point).count();
            chance_of_count(hits, DRAWS, cdf[[i, j]])
        });
        each.fold(f64::INFINITY, f64::min) * points.len() as f64
    };
    assert_rare_enough("shares", chance(&p), twins::<T>(&p).iter().map(chance));
}
