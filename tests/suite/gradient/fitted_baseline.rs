use estimand::gradient::{Baseline, Fitted, Plan, ScoreFunction, score_function};
use estimand::ndarray::{Array1, Array2, ArrayView2};
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Rows, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::score_function::exact_of_bits;
use crate::support::strategy::{array as numbers, config};

const FITTED: [Fitted; 2] = [Fitted::OnAll, Fitted::LeavingOneOut];

/// The logits of two independent bits, and a cost in which they meet.
const LOGITS: [f64; 2] = [0.8, -0.4];

fn cost(x: &[f64]) -> f64 {
    3.0 * x[0] - x[1] + 2.0 * x[0] * x[1] - 0.7
}

/// One draw of so many samples: its exact mean.
fn mean_of(samples: usize, baseline: Baseline<'static, f64>) -> Array1<f64> {
    let costs = |x: ArrayView2<'_, f64>| x.rows().into_iter().map(|x| cost(&x.to_vec())).collect::<Array1<f64>>();
    exact_of_bits(&LOGITS, samples, |q, noise| ScoreFunction::propose(q, noise, baseline)?.rows_with(costs)).mean
}

/// Chance, cost, score and the square that weighs in the fit, of the four outcomes.
fn outcomes(by_coordinate: bool, j: usize) -> Vec<(f64, f64, f64, f64)> {
    let p = LOGITS.map(|l: f64| 1.0 / (1.0 + (-l).exp()));
    let outcome = |bits: [f64; 2]| {
        let chance: f64 = bits.iter().zip(p).map(|(b, p)| if *b > 0.5 { p } else { 1.0 - p }).product();
        let score = [bits[0] - p[0], bits[1] - p[1]];
        let square = if by_coordinate { score[j].powi(2) } else { score[0].powi(2) + score[1].powi(2) };
        (chance, cost(&bits), score[j], square)
    };
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(outcome).to_vec()
}

/// The bias of a constant that is fitted on all S samples, -E[s N / W], by its definition: over how often each of
/// the four outcomes is among the samples. With it, what its roundings come to at the most.
///
/// With the squares w, n = (c - b*) w and the samples' means N, W, s, the constant is b* + N / W.
fn bias_on_all(samples: usize, of: &[(f64, f64, f64, f64)]) -> (f64, f64) {
    let mean = |f: &dyn Fn(f64, f64) -> f64| of.iter().map(|&(p, c, _, w)| p * f(c, w)).sum::<f64>();
    let best = mean(&|c, w| c * w) / mean(&|_, w| w);
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let (mut bias, mut terms) = (0.0, 0.0);
    for first in 0..=samples {
        for second in 0..=samples - first {
            for third in 0..=samples - first - second {
                let counts = [first, second, third, samples - first - second - third];
                let over = |f: &dyn Fn((f64, f64, f64, f64)) -> f64| {
                    counts.iter().zip(of).map(|(&k, &outcome)| k as f64 * f(outcome)).sum::<f64>()
                };
                let sequences = counts.iter().fold(factorial(samples), |ways, &k| ways / factorial(k));
                let chance = counts.iter().zip(of).fold(sequences, |chance, (&k, o)| chance * o.0.powi(k as i32));
                let constant = over(&|(_, c, _, w)| (c - best) * w) / over(&|(.., w)| w);
                bias -= chance * constant * over(&|(_, _, s, _)| s) / samples as f64;
                terms += 1.0;
            }
        }
    }
    // A constant is within 5 of b*, a score below 1. Half an epsilon for each term of the sum, and in a chance for each
    // of S factors of S!, of S of its divisors and of S powers, whose bases have ten more.
    (bias, (0.5 * terms + 6.5 * samples as f64 + 32.0) * f64::EPSILON * 5.0)
}

/// The same to second order in 1/S: both terms, and a bound of what is left.
///
/// With d = w / E w - 1 and its samples' mean D, E w / W = 1 - D + D^2 - D^3 E w / W. The mean of a product of two means
/// of samples is a covariance over S, of three a third moment over S^2, and of four, up to S^-3, the three pairs of
/// covariances over S^2. The last is bounded by Cauchy and Schwarz, and 1/W by the least w.
fn expansion(samples: usize, of: &[(f64, f64, f64, f64)]) -> (f64, f64, f64) {
    let mean = |f: &dyn Fn(f64, f64, f64) -> f64| of.iter().map(|&(p, c, s, w)| p * f(c, s, w)).sum::<f64>();
    let weight = mean(&|_, _, w| w);
    let best = mean(&|c, _, w| c * w) / weight;
    // Of s, n and d.
    let moment =
        |a: i32, b: i32, k: i32| mean(&|c, s, w| s.powi(a) * ((c - best) * w).powi(b) * (w / weight - 1.0).powi(k));
    let count = samples as f64;
    let product = moment(1, 1, 0);
    let pairs = product * moment(0, 0, 2) + 2.0 * moment(1, 0, 1) * moment(0, 1, 1);
    let (first, second) = (-product / weight, (moment(1, 1, 1) - pairs) / weight);
    // Beyond these, E[s N D^2] has what four equal samples have more than three pairs of two.
    let four = (moment(1, 1, 2) - pairs) / weight / count.powi(3);
    let squares = moment(2, 0, 0) * moment(0, 2, 0) + 2.0 * product * product;
    let square = (moment(2, 2, 0) + (count - 1.0) * squares) / count.powi(3);
    let [two, three, fours, six] = [2, 3, 4, 6].map(|k| moment(0, 0, k));
    let apart = 15.0 * fours * two + 10.0 * three * three + 15.0 * (count - 2.0) * two.powi(3);
    let sixth = (six + (count - 1.0) * apart) / count.powi(5);
    let least = of.iter().fold(f64::INFINITY, |least, &(_, _, _, w)| least.min(w));
    (first / count, second / count.powi(2), four.abs() + (square * sixth).sqrt() / least)
}

/// By enumeration: leaving one out keeps the mean exactly; fitted on all it does not, by as much as its definition says.
#[test]
fn law_leaving_one_out_is_unbiased_and_fitted_on_all_is_not() {
    let truth = mean_of(1, Baseline::None);
    // Sums of up to 4^8 weighted rows, 2048 at a time, then 32 of these: as many roundings at the most, of costs no more than 5 from
    // their baseline and scores below 1. The weights, products of 16 chances, are sums to 1 in the same way.
    let rounding = 2.0 * (2048.0 + 32.0 + 16.0) * f64::EPSILON * 5.0;
    for samples in [2, 3, 5, 8] {
        for by_coordinate in [false, true] {
            let of =
                |fitted| if by_coordinate { Baseline::OptimalByCoordinate(fitted) } else { Baseline::Optimal(fitted) };
            let unbiased = mean_of(samples, of(Fitted::LeavingOneOut));
            assert!((&unbiased - &truth).iter().all(|off| off.abs() <= rounding), "{samples} {unbiased}");
            let biased = mean_of(samples, of(Fitted::OnAll)) - &truth;
            for j in 0..2 {
                let (bias, own) = bias_on_all(samples, &outcomes(by_coordinate, j));
                assert!((biased[j] - bias).abs() <= rounding + own, "{samples} {by_coordinate} {j}: {biased} {bias}");
                assert!(bias < -0.01, "{samples} {by_coordinate} {j}: {bias}");
            }
        }
    }
}

/// The bias by its definition is of order 1/S with the factor that the expansion says, and the second term refines it.
#[test]
fn law_the_bias_of_a_fit_is_its_expansion() {
    for by_coordinate in [false, true] {
        for j in 0..2 {
            let of = outcomes(by_coordinate, j);
            for samples in [2, 3, 5, 10, 40, 160] {
                let (bias, rounding) = bias_on_all(samples, &of);
                let (first, second, rest) = expansion(samples, &of);
                let off = (bias - first - second).abs();
                assert!(off <= rest + rounding, "{samples} {by_coordinate} {j}: {bias} {first} {second} {rest}");
            }
        }
    }
    // At 160 samples the bound is below the second term of the first bit, by coordinate; and in total below each of the
    // three parts of that term, 1.6e-5 - 7.6e-6 - 1.1e-5, which leave less than it.
    let (_, second, rest) = expansion(160, &outcomes(true, 0));
    assert!(rest < second.abs(), "{second} {rest}");
    assert!(expansion(160, &outcomes(false, 0)).2 < 3.5e-6);
}

/// The optimal constant E[c s^2] / E[s^2] has less variance than constants beside it: by enumeration.
#[test]
fn law_the_optimal_constant_is_optimal() {
    let cost = |b: f64| 3.0 * b - 1.0;
    let theta = 1.0 / (1.0 + (-0.8_f64).exp());
    // s is 1 - theta or -theta.
    let (one, zero) = (theta * (1.0 - theta).powi(2), (1.0 - theta) * theta * theta);
    let best = (one * cost(1.0) + zero * cost(0.0)) / (one + zero);
    let variance = |b: f64| {
        let exact = exact_of_bits(&[0.8], 1, |q, noise| {
            ScoreFunction::propose(q, noise, Baseline::Constant(b))?.rows_with(|x| x.column(0).mapv(cost))
        });
        exact.variance[0]
    };
    // One bit has a constant that leaves no variance at all.
    assert!(variance(best).abs() < 1e-15);
    assert!(variance(best + 0.1) > 1e-4 && variance(best - 0.1) > 1e-4);
}

/// Each estimate as its definition has it.
fn by_definition(
    cost: &Array1<f64>,
    score: &Array2<f64>,
    samples: usize,
    by_coordinate: bool,
    fitted: Fitted,
) -> Array2<f64> {
    Array2::from_shape_fn((cost.len() / samples, score.ncols()), |(t, j)| {
        let group = t * samples..(t + 1) * samples;
        let square = |k: usize| {
            if by_coordinate { score[[k, j]].powi(2) } else { score.row(k).iter().map(|s| s * s).sum() }
        };
        let term = |i: usize| {
            let over = group.clone().filter(|&k| fitted == Fitted::OnAll || k != i);
            let (top, bottom) = over.fold((0.0, 0.0), |(a, b), k| (a + cost[k] * square(k), b + square(k)));
            (cost[i] - top / bottom) * score[[i, j]]
        };
        group.clone().map(term).sum::<f64>() / samples as f64
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_fitted_baselines_are_their_definition((rows, samples) in (1..3_usize, 2..12_usize), shift in -100.0..100.0_f64, c in numbers((1, 24), -3.0, 3.0), seed in any::<u64>()) {
        let head = Array2::from_shape_fn((rows, 4), |(t, j)| 0.3 * t as f64 - 0.2 * j as f64);
        let q = DiagGaussian::from_head(&head).unwrap().repeat_rows(samples);
        let x = q.sample(&mut ChaCha8Rng::seed_from_u64(seed));
        let score = q.score(&x).unwrap().collect().into_flat();
        let cost: Array1<f64> = c.row(0).iter().take(rows * samples).map(|c| c + shift).collect();
        let most = score.iter().fold(1.0_f64, |m, s| m.max(s.abs()));
        for fitted in FITTED {
            for by_coordinate in [false, true] {
                let baseline = if by_coordinate { Baseline::OptimalByCoordinate(fitted) } else { Baseline::Optimal(fitted) };
                let found = score_function(&cost, q.score(&x).unwrap(), baseline).unwrap();
                prop_assert_eq!(&found.variance, &None);
                let expected = by_definition(&cost, &score, samples, by_coordinate, fitted);
                for (found, expected) in found.gradient.flat().iter().zip(&expected) {
                    // The definition rounds costs of the size of the shift, and sums of twelve.
                    let bound = 64.0 * f64::EPSILON * (4.0 + shift.abs()) * most;
                    prop_assert!((found - expected).abs() <= bound, "{} {}", found, expected);
                }
            }
        }
    }
}

/// Scores that say nothing: bits that are sure. The baseline is the mean of what it is fitted on, and no 0/0.
#[test]
fn hard_scores_that_are_all_zero() {
    let logits = Array2::from_elem((1, 1), f64::INFINITY);
    let q = Bernoulli::new(&logits).unwrap().repeat_rows(3);
    let x = Array2::ones((3, 1));
    for fitted in FITTED {
        for baseline in [Baseline::Optimal(fitted), Baseline::OptimalByCoordinate(fitted)] {
            let g = score_function(&Array1::from(vec![1.0, 2.0, 6.0]), q.score(&x).unwrap(), baseline).unwrap();
            assert_eq!(g.gradient.flat(), Array2::<f64>::zeros((1, 1)));
        }
    }
}

#[test]
fn hard_one_sample_and_nan_scores() {
    let q = DiagGaussian::<f64>::standard(3, 1).unwrap();
    let x = Array2::from_shape_fn((3, 1), |(i, _)| if i == 1 { f64::NAN } else { 0.5 });
    for fitted in FITTED {
        for baseline in [Baseline::Optimal(fitted), Baseline::OptimalByCoordinate(fitted)] {
            let error = score_function(&Array1::ones(3), q.score(&x).unwrap(), baseline).err();
            assert_eq!(error, Some(Error::NaN { name: "score", row: 1 }));
            let single = DiagGaussian::<f64>::standard(1, 1).unwrap();
            let error = score_function(&Array1::ones(1), single.score(&Array2::ones((1, 1))).unwrap(), baseline).err();
            assert_eq!(
                error,
                Some(Error::Count {
                    name: "cost",
                    axis: "rows a parameter row",
                    got: 1,
                    expected: "at least 2".to_owned()
                })
            );
        }
    }
}
