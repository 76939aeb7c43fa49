//! A user's own code, checked.

mod gradient;
mod nodes;
mod oracle;
mod unbiased;

use estimand::ndarray::{Array1, ArrayRef1, array};
use estimand::special::{log_softmax, log_sum_exp_grad};
use estimand::{ValueGrad, check};

/// Cross-entropy of a class from logits, by hand.
fn cross_entropy(logits: &ArrayRef1<f64>, class: usize) -> ValueGrad<f64, Array1<f64>> {
    let ValueGrad { value, grad: mut weights } = log_sum_exp_grad(logits);
    weights[class] -= 1.0;
    ValueGrad { value: value - logits[class], grad: weights }
}

#[test]
fn law_a_loss_written_by_hand_is_checked_in_one_line() {
    let logits = array![0.5, -1.0, 2.0];
    for class in 0..3 {
        let loss = |x: &ArrayRef1<f64>| cross_entropy(x, class).value;
        let right = cross_entropy(&logits, class).grad;
        assert!(check::gradient(loss, &logits, &right).unwrap().within(1e-10));
        // The mistakes of this field: the class forgotten, the sign, the softmax of the softmax.
        let forgotten = log_sum_exp_grad(&logits).grad;
        let turned = right.mapv(|g| -g);
        let twice = log_sum_exp_grad(&forgotten).grad;
        for wrong in [forgotten, turned, twice] {
            assert!(!check::gradient(loss, &logits, &wrong).unwrap().within(0.1));
        }
    }
}

/// The door through a sum of cases: a gradient that holds on one side of a branch only.
#[test]
fn hard_a_branch_that_forgets_its_gradient() {
    let loss = |x: &ArrayRef1<f64>| if x[0] > 1.0 { x[0] - 0.5 } else { 0.5 * x[0] * x[0] };
    for at in [-2.0, 0.3, 0.8, 1.2, 3.0_f64] {
        let x = array![at];
        let right = array![if at > 1.0 { 1.0 } else { at }];
        let forgets = array![at];
        let agreement = check::gradient_with_step(loss, &x, &right, 0.05).unwrap();
        assert!(agreement.within(1e-10), "{agreement}");
        assert_eq!(check::gradient_with_step(loss, &x, &forgets, 0.05).unwrap().within(1e-3), at <= 1.0);
    }
}

/// f32 code is checked in f32, by what f32 can tell.
#[test]
fn law_narrow_code_is_checked_in_its_own_precision() {
    let x = array![0.5_f32, -1.0, 2.0];
    let weights = log_sum_exp_grad(&x).grad;
    let loss = |x: &ArrayRef1<f32>| -log_softmax(x)[1];
    let mut right = weights.clone();
    right[1] -= 1.0;
    let agreement = check::gradient(loss, &x, &right).unwrap();
    assert!(agreement.within(1e-4), "{agreement}");
    assert!(!check::gradient(loss, &x, &weights).unwrap().within(1e-1));
}
