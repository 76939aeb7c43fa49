use estimand::metric::disentanglement::Votes;
use estimand::moments::Moments;
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use estimand::noise::Standard;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{normal, random_classes, refuses_codes};
use crate::support::layouts::every_layout;
use crate::support::strategy::{array as arrays, config};

/// Which code varies least in a batch, by the formula.
fn vote(batch: ArrayView2<'_, f64>, variance: &Array1<f64>) -> usize {
    let spread = |j: usize| {
        let middle = batch.column(j).sum() / batch.nrows() as f64;
        batch.column(j).iter().map(|x| (x - middle).powi(2)).sum::<f64>() / (batch.nrows() - 1) as f64 / variance[j]
    };
    (0..batch.ncols()).min_by(|&a, &b| spread(a).total_cmp(&spread(b))).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_votes_and_their_majorities_are_the_definition(
        codes in arrays((36, 3), -2.0, 2.0), variance in prop::collection::vec(0.2..5.0_f64, 3), seed in 0..1000_u64, length in 2..5_usize
    ) {
        let batches = 36 / (2 * length);
        let codes = codes.slice(s![..batches * length, ..]).to_owned();
        let (variance, mut rng) = (Array1::from_vec(variance), StdRng::seed_from_u64(seed));
        let fixed = Array1::from_shape_simple_fn(batches, || rng.random_range(0..3_usize) * 5);
        let got = Votes::of(&codes, &fixed, &variance, 0.0).unwrap();
        let votes: Vec<usize> = codes.axis_chunks_iter(Axis(0), length).map(|batch| vote(batch, &variance)).collect();
        for (j, row) in got.table.rows().into_iter().enumerate() {
            for (&class, &count) in got.classes.iter().zip(row) {
                let expected = votes.iter().zip(&fixed).filter(|&(&v, &f)| v == j && f == class).count();
                prop_assert_eq!(count, expected);
            }
        }
        // A batch is right if its factor is the most frequent of its code's: the sum of the largest counts.
        let largest: usize = got.table.rows().into_iter().map(|row| row.iter().max().copied().unwrap()).sum();
        prop_assert_eq!(got.accuracy::<f64>(), largest as f64 / batches as f64);
        prop_assert_eq!(got.accuracy_on::<f64>(&got).unwrap(), got.accuracy::<f64>());
        for (j, majority) in got.majority().into_iter().enumerate() {
            prop_assert_eq!(majority.is_some(), votes.contains(&j));
        }
        // Units of the codes, shifts, and the layout are no matter; single precision votes alike where nothing is tied.
        let scaled = Votes::of(&codes.mapv(|x| x * 4.0), &fixed, &variance.mapv(|v| v * 16.0), 0.0).unwrap();
        prop_assert_eq!(&scaled, &got);
        every_layout(&codes, |layout, view| assert_eq!(Votes::of(&view, &fixed, &variance, 0.0).unwrap(), got, "{layout}"));
    }
}

/// Batches of random factors that share one, a code a factor: 1, on its own votes and on others. A code of noise beside
/// them never wins, and a collapsed one does unless it is pruned.
#[test]
fn law_the_factors_have_1() {
    let (m, length, k) = (60, 20, 3);
    let batches = |seed: u64| {
        let mut rng = StdRng::seed_from_u64(seed);
        let fixed = Array1::from_shape_simple_fn(m, || rng.random_range(0..k));
        let mut codes = random_classes(&mut rng, (m * length, k), 5).mapv(|v| v as f64);
        for i in 0..m * length {
            codes[[i, fixed[i / length]]] = codes[[i / length * length, fixed[i / length]]];
        }
        (codes, fixed)
    };
    let ((codes, fixed), (other, other_fixed)) = (batches(1), batches(2));
    let variance = array![2.0, 2.0, 2.0];
    let votes = Votes::of(&codes, &fixed, &variance, 0.0).unwrap();
    assert_eq!(votes.accuracy::<f64>(), 1.0);
    assert_eq!(votes.majority(), [Some(0), Some(1), Some(2)]);
    let others = Votes::of(&other, &other_fixed, &variance, 0.0).unwrap();
    assert_eq!(votes.accuracy_on::<f32>(&others).unwrap(), 1.0);
    let single = Votes::of(&codes.mapv(|x| x as f32), &fixed, &array![2.0, 2.0, 2.0], 0.0).unwrap();
    assert_eq!(single, votes);

    // A code that never moves stands first, and is nearly as still as can be in all batches: it wins them unless it is
    // pruned.
    let dead = estimand::ndarray::concatenate![Axis(1), Array2::zeros((m * length, 1)), codes];
    let with = |variance: f64, least: f64| Votes::of(&dead, &fixed, &array![variance, 2.0, 2.0, 2.0], least).unwrap();
    let fooled = with(0.01, 0.0);
    assert_eq!(fooled.table.row(0).sum(), m);
    for pruned in [with(0.0, 0.0), with(0.01, 0.05), with(0.05, 0.05)] {
        assert_eq!((pruned.accuracy::<f64>(), pruned.live), (1.0, array![false, true, true, true]));
    }
    let noise = estimand::ndarray::concatenate![Axis(1), normal(3, (m * length, 1)), codes];
    let noise = Votes::of(&noise, &fixed, &array![1.0, 2.0, 2.0, 2.0], 0.05).unwrap();
    assert_eq!(noise.accuracy::<f64>(), 1.0);
}

/// 400 tables of 40 batches of noise, 5 codes and 4 factors: above 1 / K on its own votes, by sqrt(d ln K / (2 m)) at the
/// most; 1 / K on others, to 6 standard errors (2e-9 for a normal mean).
#[test]
fn stat_noise_has_more_than_chance_on_its_own_votes_alone() {
    let (m, length, d, k) = (40, 4, 5, 4);
    let mut rng = StdRng::seed_from_u64(12);
    let mut table = || {
        let codes: Array2<f64> = Standard::Normal.draw(&mut rng, (m * length, d));
        let fixed = Array1::from_shape_fn(m, |i| i % k);
        Votes::of(&codes, &fixed, &Array1::ones(d), 0.0).unwrap()
    };
    let [mut own, mut other] = [Moments::<f64>::new(); 2];
    for _ in 0..400 {
        let (a, b) = (table(), table());
        own.push(a.accuracy());
        // Codes that none voted for are never right: counted as chance.
        let silent: Vec<bool> = a.majority().iter().map(Option::is_none).collect();
        let lost: usize = b.table.rows().into_iter().zip(silent).filter(|(_, s)| *s).map(|(row, _)| row.sum()).sum();
        other.push(a.accuracy_on::<f64>(&b).unwrap() + lost as f64 / (m * k) as f64);
    }
    let chance = 1.0 / k as f64;
    let (mean, error) = (own.mean().unwrap(), own.std_error().unwrap());
    let bound = (d as f64 * (k as f64).ln() / (2 * m) as f64).sqrt();
    assert!(mean > chance + 6.0 * error && mean < chance + bound, "{mean} +- {error}, {bound}");
    let (mean, error) = (other.mean().unwrap(), other.std_error().unwrap());
    assert!((mean - chance).abs() < 6.0 * error && 6.0 * error < 0.025, "{mean} +- {error}");
}

fn corners<F: Real>() {
    let [zero, one] = [F::zero(), F::one()];
    // Equally still codes: the first has the vote. Equally frequent factors: the first is the majority.
    let codes = array![[zero, zero], [one, one], [zero, zero], [one, one]];
    let tied = Votes::of(&codes, &array![8, 3], &array![one, one], zero).unwrap();
    assert_eq!(tied.table, array![[1, 1], [0, 0]]);
    assert_eq!(tied.majority(), [Some(3), None]);
    assert_eq!(tied.accuracy::<F>(), F::of(0.5));
    // One factor; a majority that the other votes never had.
    let one_factor = Votes::of(&codes, &array![3, 3], &array![one, one], zero).unwrap();
    assert_eq!(one_factor.accuracy::<F>(), one);
    let strange = Votes::of(&codes, &array![9, 9], &array![one, one], zero).unwrap();
    assert_eq!(one_factor.accuracy_on::<F>(&strange).unwrap(), zero);
    // None alive.
    let none = Votes::of(&codes, &array![0, 1], &array![zero, zero], zero).unwrap();
    assert_eq!((none.accuracy::<F>(), none.table.sum()), (zero, 0));
    // Squares beyond the numbers.
    let large = codes.mapv(|x| x * F::max_value());
    assert_eq!(Votes::of(&large, &array![8, 3], &array![one, one], zero).unwrap().table.sum(), 2);
}

#[test]
fn hard_ties_one_factor_and_none_alive() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let (fixed, variance) = (array![0, 1], array![1.0, 1.0]);
    refuses_codes("codes", |codes| Votes::of(codes, &fixed, &variance, 0.0).err());
    let codes = array![[0.0, 1.0], [1.0, 3.0], [2.0, -1.0], [3.0, 0.5]];
    let run = |fixed: &Array1<usize>, variance: &Array1<f64>, dead: f64| Votes::of(&codes, fixed, variance, dead).err();
    assert_eq!(run(&array![], &variance, 0.0), Some(Error::TooFew { name: "fixed", got: 0, needs: 1 }));
    let rows =
        |expected: &str| Some(Error::Count { name: "codes", axis: "rows", got: 4, expected: expected.to_owned() });
    assert_eq!(run(&array![0, 1, 2], &variance, 0.0), rows("a multiple of 3"));
    assert_eq!(run(&array![0, 1, 2, 3], &variance, 0.0), rows("at least 8"));
    let shape = Error::Shape { name: "variance", got: vec![1], expected: vec![2] };
    assert_eq!(run(&fixed, &array![1.0], 0.0), Some(shape));
    assert_eq!(run(&fixed, &array![1.0, f64::NAN], 0.0), Some(Error::NaN { name: "variance", row: 1 }));
    let expected = "a finite number that is not negative";
    let negative = Error::Entry { name: "variance", index: vec![0], value: -1.0, expected };
    assert_eq!(run(&fixed, &array![-1.0, 1.0], 0.0), Some(negative));
    assert_eq!(run(&fixed, &variance, -1.0), Some(Error::Parameter { name: "dead", value: -1.0, expected }));
    let votes = Votes::of(&codes, &fixed, &variance, 0.0).unwrap();
    let fewer = Votes::of(&codes.slice(s![.., ..1]), &fixed, &array![1.0], 0.0).unwrap();
    let shape = Error::Shape { name: "other", got: vec![1], expected: vec![2] };
    assert_eq!(votes.accuracy_on::<f64>(&fewer), Err(shape));
}
