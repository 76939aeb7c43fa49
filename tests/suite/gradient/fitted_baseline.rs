use estimand::gradient::{Baseline, Fitted, ScoreFunction, score_function};
use estimand::ndarray::{Array1, Array2};
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Rows, Sample};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::rows_of;
use super::score_function::exact_of_bits;
use crate::support::strategy::{array as numbers, config};

const FITTED: [Fitted; 2] = [Fitted::OnAll, Fitted::LeavingOneOut];

/// By enumeration: leaving one out keeps the mean exactly; fitted on all it does not.
#[test]
fn law_leaving_one_out_is_unbiased_and_fitted_on_all_is_not() {
    let logits = [0.8, -0.4];
    let cost = |x: &[f64]| 3.0 * x[0] - x[1] + 2.0 * x[0] * x[1] - 0.7;
    let costs = |x: estimand::ndarray::ArrayView2<'_, f64>| {
        x.rows().into_iter().map(|x| cost(&x.to_vec())).collect::<Array1<f64>>()
    };
    let run = |samples: usize, baseline: Baseline<'static, f64>| {
        exact_of_bits(&logits, samples, |q, noise| rows_of(&ScoreFunction::propose(q, noise, baseline)?, costs))
    };
    let truth = run(1, Baseline::None).mean;
    for samples in [2, 3, 5] {
        for by_coordinate in [false, true] {
            let of =
                |fitted| if by_coordinate { Baseline::OptimalByCoordinate(fitted) } else { Baseline::Optimal(fitted) };
            let unbiased = run(samples, of(Fitted::LeavingOneOut));
            assert!((&unbiased.mean - &truth).iter().all(|off| off.abs() < 1e-14), "{samples} {}", unbiased.mean);
            let biased = run(samples, of(Fitted::OnAll));
            let off = (&biased.mean - &truth).iter().fold(0.0_f64, |m, off| m.max(off.abs()));
            assert!(off > 0.01, "{samples} {by_coordinate}: {off}");
        }
    }
    // Of order 1/S: twice the samples, about half of the bias.
    let off = |samples| (run(samples, Baseline::Optimal(Fitted::OnAll)).mean[0] - truth[0]).abs();
    let ratio = off(4) / off(8);
    assert!((1.6..2.6).contains(&ratio), "{ratio}");
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
            rows_of(&ScoreFunction::propose(q, noise, Baseline::Constant(b))?, |x| x.column(0).mapv(cost))
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
            assert_eq!(error, Some(Error::TooFew { name: "cost", got: 1, needs: 2 }));
        }
    }
}
