use estimand::Error;
use estimand::gradient::importance::{LeftOut, vimco_weights};
use estimand::ndarray::{Array1, array};
use proptest::prelude::*;

use crate::support::near::assert_eps;
use crate::support::strategy::config;

proptest! {
    #![proptest_config(config())]

    /// Straight from the definition, of weights that are formed, and shifted where none could be; in both precisions.
    #[test]
    fn law_vimco_weights_are_their_definition(log_w in prop::collection::vec(-8.0..8.0_f64, 2..12), shift in -1e4..1e4_f64) {
        let log_w: Array1<f64> = log_w.into_iter().map(|l| f64::from(l as f32)).collect();
        let k = log_w.len();
        let w: Vec<f64> = log_w.iter().map(|l| l.exp()).collect();
        let bound = (w.iter().sum::<f64>() / k as f64).ln();
        for left_out in [LeftOut::Geometric, LeftOut::Arithmetic] {
            let found = vimco_weights(&log_w, k, left_out).unwrap();
            let single = vimco_weights(&log_w.mapv(|l| l as f32), k, left_out).unwrap();
            let far = vimco_weights(&log_w.mapv(|l| l + shift), k, left_out).unwrap();
            for s in 0..k {
                let others: Vec<usize> = (0..k).filter(|&i| i != s).collect();
                let sum: f64 = others.iter().map(|&i| w[i]).sum();
                let count = others.len() as f64;
                let mean = match left_out {
                    LeftOut::Geometric => (others.iter().map(|&i| log_w[i]).sum::<f64>() / count).exp(),
                    LeftOut::Arithmetic => sum / count,
                };
                let expected = bound - ((sum + mean) / k as f64).ln() - w[s] / (bound.exp() * k as f64);
                // Logarithms of numbers up to e^16: exponents of up to 16 are rounded by 8 epsilon, their sums by as many a term.
                assert_eps(found[s], expected, 16.0, 32.0, "weight");
                assert_eps(single[s], expected, 16.0, 32.0, "weight in f32");
                assert_eps(far[s], expected, 16.0 + shift.abs(), 32.0, "weight, shifted");
            }
        }
    }
}

#[test]
fn hard_vimco_at_the_ends() {
    let (none, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let geometric = |log_w: &Array1<f64>, k| vimco_weights(log_w, k, LeftOut::Geometric);
    assert_eq!(geometric(&array![none, none, none, none], 2).unwrap(), array![0.0, 0.0, 0.0, 0.0]);
    // Only one has mass: its own share is without end, and the others have none: ln (1/2) / (1/2), and by 1 + 1.
    let one = geometric(&array![0.0, none], 2).unwrap();
    assert_eq!(one, array![end, -std::f64::consts::LN_2]);
    // Without the third of three: two weights of 1, and a geometric mean of 1.
    let three = geometric(&array![0.0, 0.0, none], 3).unwrap();
    assert!((three[2] - (2.0_f64 / 3.0).ln()).abs() < 1e-15);
    assert!((three[0] - (2.0_f64.ln() - 0.5)).abs() < 1e-15, "with no mass among the others the mean is 0: {three}");
    // Far apart, and still a number: 2000 nats are what the second adds.
    for left_out in [LeftOut::Geometric, LeftOut::Arithmetic] {
        let far = vimco_weights(&array![1000.0, -1000.0], 2, left_out).unwrap();
        assert!((far[0] - (2000.0 - 2.0_f64.ln() - 1.0)).abs() < 1e-12, "{far}");
        assert!((far[1] + 2.0_f64.ln()).abs() < 1e-15, "{far}");
        let equal = vimco_weights(&array![-7e4_f32, -7e4, -7e4], 3, left_out).unwrap();
        assert!(equal.iter().all(|w| (w + 1.0 / 3.0).abs() < 1e-6), "{equal}");
    }
    assert_eq!(geometric(&array![0.0], 1), Err(few(1)));
    assert_eq!(geometric(&array![0.0], 0), Err(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" }));
    let count = Error::Count { name: "log_w", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
    assert_eq!(geometric(&array![0.0, 1.0, 2.0], 2), Err(count));
    assert_eq!(geometric(&array![0.0, f64::NAN], 2), Err(Error::NaN { name: "log_w", row: 1 }));
    let entry = Error::Entry { name: "log_w", index: vec![1], value: end, expected: "a log-weight below +inf" };
    assert_eq!(geometric(&array![0.0, end], 2), Err(entry));
    assert_eq!(geometric(&Array1::zeros(0), 2).unwrap().len(), 0);
}

fn few(got: usize) -> Error {
    Error::Count { name: "log_w", axis: "rows a parameter row", got, expected: "at least 2".to_owned() }
}

/// Log-weights at the ends of the numbers, whose sums are beyond them: no NaN.
#[test]
fn hard_log_weights_at_the_ends_of_the_numbers() {
    let far = f64::MAX * 0.9;
    for log_w in [array![0.0, -far, -far, -far], array![far, -far, -far, 0.0], array![-far, -far, 1.0, -far]] {
        for left_out in [LeftOut::Geometric, LeftOut::Arithmetic] {
            let found = vimco_weights(&log_w, 4, left_out).unwrap();
            assert!(found.iter().all(|w| !w.is_nan()), "{log_w} {left_out:?}: {found}");
        }
    }
}
