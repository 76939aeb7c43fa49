use estimand::Error;
use estimand::gradient::{Baseline, Bias, Fitted, MovingAverage};
use estimand::ndarray::{Array1, array};
use proptest::prelude::*;

use super::score_function::exact_of_bits;
use crate::support::strategy::config;

#[test]
fn hard_every_baseline_says_its_bias() {
    let known = array![0.0, 1.0];
    for (baseline, bias) in [
        (Baseline::None, Bias::Unbiased),
        (Baseline::Constant(3.0), Bias::Unbiased),
        (Baseline::Given(&known), Bias::Unbiased),
        (Baseline::LeaveOneOut, Bias::Unbiased),
        (Baseline::Mean, Bias::Consistent),
        (Baseline::Optimal(Fitted::OnAll), Bias::Consistent),
        (Baseline::Optimal(Fitted::LeavingOneOut), Bias::Unbiased),
        (Baseline::OptimalByCoordinate(Fitted::OnAll), Bias::Consistent),
        (Baseline::OptimalByCoordinate(Fitted::LeavingOneOut), Bias::Unbiased),
    ] {
        assert_eq!(baseline.bias(), bias, "{baseline:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// The average is the weighted mean of its definition.
    #[test]
    fn law_a_moving_average_weighs_by_age(decay in 0.0..1.0_f64, means in prop::collection::vec(-5.0..5.0_f64, 1..20)) {
        let mut average = MovingAverage::new(decay).unwrap();
        for &mean in &means {
            average.observe(&array![mean - 1.0, mean + 1.0]).unwrap();
        }
        let weights: Vec<f64> = (0..means.len()).rev().map(|age| decay.powi(age as i32)).collect();
        let expected = means.iter().zip(&weights).map(|(m, w)| m * w).sum::<f64>() / weights.iter().sum::<f64>();
        let Baseline::Constant(found) = average.baseline() else { panic!("a constant") };
        // Twenty steps of three roundings of numbers up to 6.
        prop_assert!((found - expected).abs() <= 60.0 * f64::EPSILON * 6.0);
    }
}

/// scirs2-stats takes the current cost into its average before it subtracts it: at one sample that shrinks the
/// gradient by the decay. Asked before the draw, the average leaves the mean alone.
#[test]
fn hard_scirs2_stats_a_baseline_knows_the_past_only() {
    use estimand::gradient::{Plan, ScoreFunction};
    let decay = 0.75;
    let mut past = MovingAverage::new(decay).unwrap();
    past.observe(&array![4.0]).unwrap();
    let run = |peek: bool| {
        let exact = exact_of_bits(&[0.3], 1, |q, noise| {
            let plan = ScoreFunction::propose(q, noise, past.baseline())?;
            let cost: Array1<f64> = plan.points().column(0).mapv(|x| 2.0 * x + 1.0);
            if !peek {
                return Ok(plan.rows(&cost)?.into_flat());
            }
            // As their average would be: decay times the past and the rest of the cost itself.
            let own = cost.mapv(|c| decay * 4.0 + (1.0 - decay) * c);
            let x = plan.points().to_owned();
            Ok(ScoreFunction::at(q, x, Baseline::Given(&own))?.rows(&cost)?.into_flat())
        });
        exact.mean[0]
    };
    let theta = 1.0 / (1.0 + (-0.3_f64).exp());
    let truth = 2.0 * theta * (1.0 - theta);
    assert!((run(false) - truth).abs() < 1e-15);
    assert!((run(true) - decay * truth).abs() < 1e-15);
}

#[test]
fn hard_what_an_average_refuses() {
    for decay in [-0.1, 1.1, f64::NAN] {
        let error = MovingAverage::new(decay).err();
        assert!(matches!(error, Some(Error::Parameter { name: "decay", expected: "a number in [0, 1]", .. })));
    }
    let mut average = MovingAverage::new(0.5).unwrap();
    average.observe(&array![2.0]).unwrap();
    let before = average;
    assert_eq!(average.observe(&array![1.0, f64::NAN]), Err(Error::NaN { name: "cost", row: 1 }));
    assert_eq!(average.observe(&Array1::zeros(0)), Err(Error::TooFew { name: "cost", got: 0, needs: 1 }));
    let infinite = Error::Parameter { name: "cost", value: f64::INFINITY, expected: "a finite mean" };
    assert_eq!(average.observe(&array![1.0, f64::INFINITY]), Err(infinite));
    assert_eq!(average, before);
    let forever = MovingAverage::new(1.0).unwrap();
    assert_eq!(forever.baseline(), Baseline::Constant(0.0_f64));
}
