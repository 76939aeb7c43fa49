use estimand::metric::disentanglement::{squared_correlations, threshold_accuracies};
use estimand::moments::Moments;
use estimand::ndarray::{Array2, ArrayView1, array, s};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{mean, normal, random_classes, refuses_codes};
use crate::support::strategy::{array as arrays, config};

fn squared_correlation(x: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> f64 {
    let (x, y) = (x.mapv(|a| a - mean(&x)), y.mapv(|a| a - mean(&y)));
    x.dot(&y).powi(2) / (x.dot(&x) * y.dot(&y))
}

/// Every choice of cuts between different numbers, and of the class of each interval.
fn by_enumeration(code: &[i32], class: &[usize], classes: usize) -> f64 {
    let mut places: Vec<i32> = code.to_vec();
    places.sort_unstable();
    places.dedup();
    let count = |c: usize| class.iter().filter(|&&own| own == c).count() as f64;
    let mut best = 0.0_f64;
    for cuts in 0..1_u32 << (places.len() - 1) {
        if cuts.count_ones() as usize >= classes {
            continue;
        }
        // The interval of a number: how many cuts are below it.
        let interval = |x: i32| (0..places.len() - 1).filter(|&p| cuts >> p & 1 == 1 && places[p] < x).count();
        let intervals = cuts.count_ones() as usize + 1;
        for of in 0..classes.pow(intervals as u32) {
            let named = |interval: usize| of / classes.pow(interval as u32) % classes;
            let right =
                |c: usize| code.iter().zip(class).filter(|&(&x, &own)| own == c && named(interval(x)) == c).count();
            best = best.max((0..classes).map(|c| right(c) as f64 / count(c)).sum::<f64>() / classes as f64);
        }
    }
    best
}

proptest! {
    #![proptest_config(config())]

    /// Sums of 40 terms of size 1 on both sides; single precision of numbers that it holds, within 5 standard deviations.
    #[test]
    fn law_squared_correlations_are_the_definition(x in arrays((40, 3), -2.0, 3.0), y in arrays((40, 2), 0.0, 1.0)) {
        let [x, y] = [x, y].map(|rows| rows.mapv(|x| f64::from(x as f32)));
        let (got, single) = (squared_correlations(&x, &y).unwrap(), squared_correlations(&x.mapv(|x| x as f32), &y.mapv(|y| y as f32)).unwrap());
        for ((j, k), got) in got.indexed_iter() {
            let expected = squared_correlation(x.column(j), y.column(k));
            prop_assert!((got - expected).abs() <= 160.0 * f64::EPSILON);
            prop_assert!((f64::from(single[[j, k]]) - expected).abs() <= 160.0 * f64::from(f32::EPSILON));
        }
    }

    /// A few sums of shares.
    #[test]
    fn law_thresholds_are_the_best_of_all(
        rows in prop::collection::vec((0..5_i32, 0..3_usize), 4..9)
    ) {
        let (code, class): (Vec<i32>, Vec<usize>) = rows.into_iter().unzip();
        prop_assume!((0..3).all(|c| class.contains(&c)) && code.iter().any(|&x| x != code[0]));
        let codes = Array2::from_shape_fn((code.len(), 1), |(i, _)| f64::from(code[i]));
        let factors = Array2::from_shape_fn((code.len(), 1), |(i, _)| class[i]);
        let got = threshold_accuracies(&codes, &factors).unwrap()[[0, 0]];
        let expected = by_enumeration(&code, &class, 3);
        prop_assert!((got - expected).abs() <= 32.0 * f64::EPSILON, "{got} {expected}");
        let single = threshold_accuracies(&codes.mapv(|x| x as f32), &factors).unwrap()[[0, 0]];
        prop_assert_eq!(single, got as f32);
    }

    /// Only the order of the codes counts, and its direction does not.
    #[test]
    fn law_thresholds_see_the_order_alone(x in arrays((30, 2), -3.0, 3.0), seed in 0..1000_u64) {
        let factors = random_classes(&mut StdRng::seed_from_u64(seed), (30, 2), 3);
        let plain = threshold_accuracies(&x, &factors).unwrap();
        prop_assert_eq!(&threshold_accuracies(&x.mapv(f64::exp), &factors).unwrap(), &plain);
        let back = threshold_accuracies(&x.mapv(|x| -x), &factors).unwrap();
        prop_assert!((&back - &plain).iter().all(|off| off.abs() <= 64.0 * f64::EPSILON));
    }
}

/// 8000 times 12 normal numbers with 12 others: 1 / (n - 1), to 6 standard errors (2e-9 for a normal mean), a tenth of
/// it.
#[test]
fn stat_noise_has_a_squared_correlation_of_one_over_n_less_1() {
    let (codes, value) = (
        normal(6, (12, 8000)),
        array![[0.0], [0.0], [1.0], [1.0], [1.0], [2.0], [2.0], [2.0], [2.0], [3.0], [3.0], [7.0]],
    );
    let found: Moments<f64> = squared_correlations(&codes, &value).unwrap().iter().copied().collect();
    let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
    assert!((mean - 1.0 / 11.0).abs() < 6.0 * error && 6.0 * error < 0.1 / 11.0, "{mean} +- {error}");
}

/// Of noise each class has its share of an interval to twice the distance of its distribution functions, with 1e-9 in
/// all; intervals of all classes are C, and so the score is above 1 / C by 2 sqrt(C ln(2 C / 1e-9) / (2 n)) at the most
/// (Massart 1990).
#[test]
fn stat_thresholds_on_noise_have_little_more_than_chance() {
    let (n, classes) = (20_000, 4);
    let factors = Array2::from_shape_fn((n, 1), |(i, _)| i % classes);
    let got = threshold_accuracies(&normal(7, (n, 1)), &factors).unwrap()[[0, 0]];
    let c = classes as f64;
    let limit = 2.0 * (c * (2.0 * c / 1e-9_f64).ln() / (2.0 * n as f64)).sqrt();
    assert!(got >= 1.0 / c && got < 1.0 / c + limit && limit < 0.2, "{got} {limit}");
}

fn corners<F: Real>() {
    let [zero, one] = [F::zero(), F::one()];
    let codes = array![[zero, one], [one, one], [F::of(2.0), one], [F::of(3.0), one]];
    // A code that never changes has 0, a factor of one class 1; all rows of a class beyond a threshold, in either
    // direction.
    let factors = array![[5, 0, 0], [5, 0, 1], [5, 1, 1], [5, 1, 0]];
    let got = threshold_accuracies(&codes, &factors).unwrap();
    assert_eq!(got, array![[one, one, F::of(0.75)], [zero, zero, zero]]);
    assert_eq!(threshold_accuracies(&codes.mapv(|x| -x), &factors).unwrap(), got);
    let values = factors.mapv(F::count);
    let got = squared_correlations(&codes, &values).unwrap();
    assert_eq!(got.column(0), array![zero, zero]);
    assert_eq!(got.row(1), array![zero, zero, zero]);
    assert_eq!(squared_correlations(&array![[one]], &array![[one]]).unwrap(), array![[zero]]);
    assert_eq!(threshold_accuracies(&array![[one]], &array![[0]]).unwrap(), array![[zero]]);
}

#[test]
fn hard_constants_one_class_and_one_row() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let (values, classes) = (array![[0.0], [1.0], [0.5], [2.0]], array![[0], [1], [0], [2]]);
    refuses_codes("codes", |codes| squared_correlations(codes, &values.slice(s![..codes.nrows(), ..])).err());
    refuses_codes("codes", |codes| threshold_accuracies(codes, &classes.slice(s![..codes.nrows(), ..])).err());
    let shape = |name| Error::Shape { name, got: vec![4, 1], expected: vec![3, 1] };
    assert_eq!(squared_correlations(&values.slice(s![..3, ..]), &values), Err(shape("values")));
    assert_eq!(threshold_accuracies(&values.slice(s![..3, ..]), &classes), Err(shape("factors")));
    let mut nan = values.clone();
    nan[[3, 0]] = f64::NAN;
    assert_eq!(squared_correlations(&values, &nan), Err(Error::NaN { name: "values", row: 3 }));
    let none = Error::Count { name: "factors", axis: "columns", got: 0, expected: "at least 1".to_owned() };
    assert_eq!(threshold_accuracies(&values, &Array2::zeros((4, 0))), Err(none));
}
