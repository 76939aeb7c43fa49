use estimand::Error;
use estimand::gradient::importance::{dreg_weights, wake_phi_path_weights};
use estimand::ndarray::{Array1, array};

/// Of ratios 1, 2 and 5 in eighths: squares, and what a weight leaves of itself. Their gradients are proved with their plans.
#[test]
fn ref_path_weights_by_hand() {
    let log_w = array![0.0, 2.0_f64.ln(), 5.0_f64.ln()] - 1e4;
    let (squares, rest) = (dreg_weights(&log_w, 3).unwrap(), wake_phi_path_weights(&log_w, 3).unwrap());
    for (s, w) in [0.125, 0.25, 0.625].into_iter().enumerate() {
        // Log-weights of 1e4 are rounded by 4096 epsilon.
        assert!((squares[s] - w * w).abs() < 2.0 * 8192.0 * f64::EPSILON);
        assert!((rest[s] - (w - w * w)).abs() < 2.0 * 8192.0 * f64::EPSILON);
    }
    let single = dreg_weights(&array![0.0_f32, 0.0, 0.0, f32::NEG_INFINITY], 2).unwrap();
    assert_eq!(single, array![0.25, 0.25, 1.0, 0.0]);
}

#[test]
fn hard_path_weights_at_the_ends() {
    let (none, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let log_w = array![none, none, end, 0.0, end, end];
    assert_eq!(dreg_weights(&log_w, 2).unwrap(), array![0.0, 0.0, 1.0, 0.0, 0.25, 0.25]);
    assert_eq!(wake_phi_path_weights(&log_w, 2).unwrap(), array![0.0, 0.0, 0.0, 0.0, 0.25, 0.25]);
    assert_eq!(wake_phi_path_weights(&array![3.0, 4.0], 1).unwrap(), array![0.0, 0.0]);
    for weights in [dreg_weights::<f64>, wake_phi_path_weights::<f64>] {
        let zero = Error::Parameter { name: "k", value: 0.0, expected: "at least 1" };
        assert_eq!(weights(&log_w, 0), Err(zero));
        let count = Error::Count { name: "log_w", axis: "rows", got: 6, expected: "a multiple of 4".to_owned() };
        assert_eq!(weights(&log_w, 4), Err(count));
        assert_eq!(weights(&array![f64::NAN, 0.0], 2), Err(Error::NaN { name: "log_w", row: 0 }));
        assert_eq!(weights(&Array1::zeros(0), 2).unwrap().len(), 0);
    }
}
