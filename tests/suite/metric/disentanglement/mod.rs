//! Scores against their definitions, written out; and what is known of codes that are the factors, noise, or nothing.

mod columns;
mod dci;
mod gap;
mod histogram;
mod information;
mod labels;
mod lasso;
mod logistic;
mod pairs;
mod posterior;
mod predictability;
mod votes;

use estimand::metric::disentanglement::{
    Votes, dci, entropies, histogram, lasso, mig, mutual_information, sap, squared_correlations, threshold_accuracies,
};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, array};
use estimand::noise::Standard;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

/// All combinations of classes, each once: factors that are independent to the last row.
pub fn grid(levels: &[usize]) -> Array2<usize> {
    let rows = levels.iter().product();
    Array2::from_shape_fn((rows, levels.len()), |(i, k)| i / levels[k + 1..].iter().product::<usize>() % levels[k])
}

pub fn random_classes(rng: &mut StdRng, (n, columns): (usize, usize), classes: usize) -> Array2<usize> {
    Array2::from_shape_simple_fn((n, columns), || rng.random_range(0..classes))
}

pub fn normal(seed: u64, shape: (usize, usize)) -> Array2<f64> {
    Standard::Normal.draw(&mut StdRng::seed_from_u64(seed), shape)
}

/// Two tables of classes with the same rows.
pub fn two_tables() -> impl Strategy<Value = (Array2<usize>, Array2<usize>)> {
    (1..40_usize, 1..4_usize, 1..4_usize, 1..6_usize).prop_flat_map(|(n, d, k, classes)| {
        let table = move |columns| {
            prop::collection::vec(0..classes, n * columns)
                .prop_map(move |x| Array2::from_shape_vec((n, columns), x).unwrap())
        };
        (table(d), table(k))
    })
}

/// A table with its rows in another order.
pub fn reordered<T: Clone>(table: &ArrayRef2<T>, axis: usize, by: usize) -> Array2<T> {
    let n = table.shape()[axis];
    // Multiples of a number without a factor in common with n.
    let step = (by..).find(|step| (1..=n).all(|f| f == 1 || !n.is_multiple_of(f) || !step.is_multiple_of(f))).unwrap();
    table.select(Axis(axis), &(0..n).map(|i| (i * step + by) % n).collect::<Vec<_>>())
}

/// y such that n times the information of n rows of two independent columns, of `bins` and of `classes`, is above it with
/// probability `alarm` at the most: e^-y (e y / f)^f, f = bins (classes - 1).
///
/// Given the bins, the information is at most the sum over bins of n_b KL(shares || chances), whose exponential moment is
/// below (1 - t)^-(classes - 1) each (Agrawal 2020).
pub fn information_limit(bins: usize, classes: usize, alarm: f64) -> f64 {
    let f = (bins * (classes - 1)) as f64;
    let mut y = f;
    while y - f - f * (y / f).ln() < (1.0 / alarm).ln() {
        y += 0.01;
    }
    y
}

fn scores_of_identity_and_nothing<F: Real>() {
    let factors = grid(&[3, 4, 5]);
    let values = factors.mapv(F::count);
    let few = F::of(64.0) * F::epsilon();
    let h = entropies::<F>(&factors).unwrap();
    let information = |codes: &Array2<F>| mutual_information(&histogram(codes, 20).unwrap(), &factors).unwrap();
    let gaps = mig(&information(&values), &h).unwrap();
    assert!((gaps.mean - F::one()).abs() <= few, "{}", gaps.mean);
    assert_eq!(gaps.code, array![0, 1, 2]);
    let scores = dci(&lasso(&values, &values, F::of(0.01)).unwrap().importance()).unwrap();
    assert!((scores.disentanglement - F::one()).abs() <= few && (scores.completeness - F::one()).abs() <= few);
    assert!((sap(&squared_correlations(&values, &values).unwrap()).unwrap().mean - F::one()).abs() <= few);
    // Of independent classes the next best code has the accuracy of chance.
    let by_threshold = sap(&threshold_accuracies(&values, &factors).unwrap()).unwrap();
    for (got, classes) in by_threshold.by_factor.iter().zip([3.0, 4.0, 5.0]) {
        assert!((got.as_f64() - (1.0 - 1.0 / classes)).abs() <= few.as_f64());
    }
    let constant = Array2::from_elem((60, 3), F::of(0.7));
    assert_eq!(mig(&information(&constant), &h).unwrap().mean, F::zero());
    let scores = dci(&lasso(&constant, &values, F::of(0.01)).unwrap().importance()).unwrap();
    assert_eq!((scores.disentanglement, scores.completeness), (F::zero(), F::zero()));
    assert_eq!(sap(&squared_correlations(&constant, &values).unwrap()).unwrap().mean, F::zero());
    assert_eq!(sap(&threshold_accuracies(&constant, &factors).unwrap()).unwrap().mean, F::zero());
    let batches = Votes::of(&constant, &array![0, 1, 2], &Array1::zeros(3), F::zero()).unwrap();
    assert_eq!(batches.accuracy::<F>(), F::zero());
}

/// On a full grid of factors nothing is random: the factors themselves have 1 in every score (classes by thresholds 1
/// less chance), and codes that never change have 0.
#[test]
fn law_the_factors_themselves_have_1_and_constants_0() {
    scores_of_identity_and_nothing::<f64>();
    scores_of_identity_and_nothing::<f32>();
}

/// Factors drawn at random and codes that are them: 1 less the information that others seem to have, which is below its
/// limit in each of 20 pairs with 1e-9 in all. Codes of noise: below the same limit. Both have the bias of the
/// information.
#[test]
fn stat_mig_of_the_factors_is_1_and_of_noise_0_but_for_the_rows() {
    let (n, k, classes, bins) = (10_000, 5, 6, 20);
    let mut rng = StdRng::seed_from_u64(3);
    let factors = random_classes(&mut rng, (n, k), classes);
    let h = entropies::<f64>(&factors).unwrap();
    let least = h.iter().copied().fold(f64::INFINITY, f64::min);
    let of = |codes: &ArrayRef2<f64>| {
        mig(&mutual_information(&histogram(codes, bins).unwrap(), &factors).unwrap(), &h).unwrap()
    };
    let oracle = of(&factors.mapv(|v| v as f64 - 2.5));
    let limit = information_limit(classes, classes, 1e-9 / 20.0) / n as f64 / least;
    assert!(limit < 0.006, "{limit}");
    assert!(oracle.mean > 1.0 - limit && oracle.mean < 1.0, "{} {limit}", oracle.mean);
    let noise = of(&normal(4, (n, 10)));
    let limit = information_limit(bins, classes, 1e-9 / 50.0) / n as f64 / least;
    assert!(limit < 0.013, "{limit}");
    assert!(noise.mean >= 0.0 && noise.mean < limit, "{} {limit}", noise.mean);
}

proptest! {
    #![proptest_config(crate::support::strategy::config())]

    /// Rows, codes, factors and the names of classes in another order: the same scores, in that order.
    #[test]
    fn law_order_and_names_change_nothing((codes, factors) in two_tables(), by in 1..7_usize) {
        let numbers = codes.mapv(|c| (c * c) as f64);
        let named = factors.mapv(|v| usize::MAX - 17 * v);
        let few = 64.0 * f64::EPSILON;
        type Score = fn(&ArrayRef2<f64>, &ArrayRef2<usize>) -> Array2<f64>;
        let scores: [Score; 2] = [
            |codes, factors| mutual_information(&histogram(codes, 4).unwrap(), factors).unwrap(),
            |codes, factors| threshold_accuracies(codes, factors).unwrap(),
        ];
        for score in scores {
            let table = score(&numbers, &factors);
            let near = |what: &str, got: Array2<f64>, expected: &Array2<f64>| {
                let off = (&got - expected).iter().fold(0.0_f64, |most, off| most.max(off.abs()));
                assert!(off <= few * 4.0, "{what}: {got} {expected}");
            };
            near("names", score(&numbers, &named), &table);
            near("rows", score(&reordered(&numbers, 0, by), &reordered(&factors, 0, by)), &table);
            near("codes", score(&reordered(&numbers, 1, by), &factors), &reordered(&table, 0, by));
            near("factors", score(&numbers, &reordered(&factors, 1, by)), &reordered(&table, 1, by));
        }
    }
}

/// What is refused at every door of codes, by the same words.
#[track_caller]
pub fn refuses_codes(name: &'static str, what: impl Fn(&ArrayRef2<f64>) -> Option<Error>) {
    let good = array![[0.0, 1.0], [1.0, 3.0], [2.0, -1.0], [3.0, 0.5]];
    assert_eq!(what(&good), None);
    let with = |x: f64| {
        let mut bad = good.clone();
        bad[[2, 1]] = x;
        bad
    };
    assert_eq!(what(&with(f64::NAN)), Some(Error::NaN { name, row: 2 }));
    for x in [f64::INFINITY, f64::NEG_INFINITY] {
        let expected = Error::Entry { name, index: vec![2, 1], value: x, expected: "a finite number" };
        assert_eq!(what(&with(x)), Some(expected));
    }
    assert_eq!(what(&Array2::zeros((0, 2))), Some(Error::TooFew { name, got: 0, needs: 1 }));
    let none = Error::Count { name, axis: "columns", got: 0, expected: "at least 1".to_owned() };
    assert_eq!(what(&Array2::zeros((4, 0))), Some(none));
}

/// A mean by hand.
pub fn mean(x: &ArrayRef1<f64>) -> f64 {
    x.sum() / x.len() as f64
}
