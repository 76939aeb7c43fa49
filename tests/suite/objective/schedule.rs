use estimand::objective::Schedule;
use estimand::{Error, Real};
use proptest::prelude::*;

use crate::support::strategy::config;

/// The formulas of the documentation, in other words: a logistic curve stretched to its ends.
fn risen(kind: usize, sharpness: f64, u: f64) -> f64 {
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let at = |u: f64| logistic(sharpness * (u - 0.5));
    match kind {
        0 => u,
        1 => 0.5 - 0.5 * (std::f64::consts::PI * u).cos(),
        _ => (at(u) - at(0.0)) / (at(1.0) - at(0.0)),
    }
}

fn made<F: Real>(kind: usize, from: F, to: F, steps: usize, sharpness: f64) -> Schedule<F> {
    match kind {
        0 => Schedule::linear(from, to, steps),
        1 => Schedule::cosine(from, to, steps),
        _ => Schedule::sigmoid(from, to, steps, F::of(sharpness)),
    }
    .unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_weights_follow_their_formula(
        kind in 0_usize..3, from in 0.0..10.0_f64, to in 0.0..10.0_f64, steps in 0_usize..50, sharpness in 0.5..30.0_f64, rest in 0_usize..20,
    ) {
        let schedule = made(kind, from, to, steps, sharpness);
        for (t, w) in schedule.clone().take(steps + rest + 1).enumerate() {
            let u = if t >= steps { 1.0 } else { t as f64 / steps as f64 };
            let want = from + (to - from) * risen(kind, sharpness, u);
            // A logistic function is known to 2 epsilon, its span to 1 / 4 at the least, and weights to 10.
            prop_assert!((w - want).abs() <= 64.0 * f64::EPSILON * 10.0, "step {t}: {w}, not {want}");
            prop_assert!((from.min(to)..=from.max(to)).contains(&w));
            prop_assert!(t < steps || w == to, "the end is met exactly");
        }
        prop_assert!(steps == 0 || schedule.at(0) == from, "and so is the start");
        let single = made(kind, from as f32, to as f32, steps, sharpness);
        for t in 0..steps + rest {
            prop_assert!((f64::from(single.at(t)) - schedule.at(t)).abs() <= 64.0 * f64::from(f32::EPSILON) * 10.0);
        }
    }

    #[test]
    fn law_a_schedule_resumes_and_repeats(kind in 0_usize..3, steps in 0_usize..20, rest in 1_usize..20, skip in 0_usize..100) {
        let schedule = made(kind, 0.25, 4.0, steps, 10.0);
        let all: Vec<f64> = schedule.clone().take(200).collect();
        let mut later = schedule.clone();
        prop_assert_eq!(later.nth(skip), Some(all[skip]));
        prop_assert_eq!(later.next(), Some(all[skip + 1]));
        prop_assert_eq!(schedule.clone().skip(skip).take(5).collect::<Vec<_>>(), all[skip..skip + 5].to_vec());
        let period = steps + rest;
        for (t, w) in schedule.every(period).unwrap().take(100).enumerate() {
            prop_assert_eq!(w, all[t % period], "step {}", t);
        }
    }
}

#[test]
fn hard_schedules_outside_their_domain() {
    let weight = |name, value| Error::Parameter { name, value, expected: "a finite number that is not negative" };
    assert_eq!(Schedule::constant(-1.0).unwrap_err(), weight("weight", -1.0));
    assert_eq!(Schedule::linear(-0.5, 1.0, 3).unwrap_err(), weight("from", -0.5));
    assert_eq!(Schedule::cosine(0.0, f64::INFINITY, 3).unwrap_err(), weight("to", f64::INFINITY));
    for sharpness in [0.0, -1.0, f64::INFINITY] {
        let error = Error::Parameter { name: "sharpness", value: sharpness, expected: "a finite number above 0" };
        assert_eq!(Schedule::sigmoid(0.0, 1.0, 3, sharpness).unwrap_err(), error);
    }
    let short =
        |value| Error::Parameter { name: "period", value, expected: "at least 1, and the steps of the schedule" };
    assert_eq!(Schedule::linear(0.0, 1.0, 3).unwrap().every(2).unwrap_err(), short(2.0));
    assert_eq!(Schedule::constant(1.0).unwrap().every(0).unwrap_err(), short(0.0));
    // No steps, one step, a sharpness that is all but 0 or that jumps, and the last step that there is.
    assert_eq!(Schedule::linear(0.0, 1.0, 0).unwrap().next(), Some(1.0));
    assert_eq!(Schedule::cosine(1.0, 0.0, 1).unwrap().take(2).collect::<Vec<_>>(), [1.0, 0.0]);
    assert_eq!(Schedule::sigmoid(0.0, 1.0, 2, 1e-320).unwrap().at(1), 0.5);
    assert_eq!(
        Schedule::sigmoid(0.0_f32, 1.0, 4, 1e30).unwrap().take(5).collect::<Vec<_>>(),
        [0.0, 0.0, 0.5, 1.0, 1.0]
    );
    let mut last = Schedule::linear(0.0, 1.0, usize::MAX).unwrap();
    assert_eq!(last.nth(usize::MAX - 1), Some(1.0));
    assert_eq!((last.next(), last.next()), (Some(1.0), Some(1.0)));
}
