use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::{capacity, capacity_by_example};
use estimand::{DiagGaussian, Error, ValueGrad};
use proptest::prelude::*;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

fn kl(head: &Array2<f64>) -> Array1<f64> {
    DiagGaussian::from_head(head).unwrap().kl_standard().value
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_capacity_is_a_distance(head in numbers((3, 4), -1.0, 1.0), c in 0.0..2.0_f64) {
        let terms = || DiagGaussian::from_head(&head).unwrap().kl_standard();
        let (mean, each) = (capacity(terms(), c).unwrap().mean().unwrap(), capacity_by_example(terms(), c).unwrap());
        let sum: f64 = kl(&head).iter().sum();
        prop_assert!((mean.value - (sum / 3.0 - c).abs()).abs() <= 32.0 * f64::EPSILON * 8.0);
        for (found, kl) in each.value.iter().zip(kl(&head)) {
            prop_assert_eq!(*found, (kl - c).abs());
        }
        prop_assert!(mean.value <= each.value.mean().unwrap() + 32.0 * f64::EPSILON * 8.0);
        let sides = kl(&head).mapv(|kl| (kl - c).signum());
        let rows = terms().grad.weighted_rows(&sides).unwrap();
        prop_assert_eq!(each.grad, rows);
        let side = (sum / 3.0 - c).signum() / 3.0;
        let rows = terms().grad.into_flat() * side;
        prop_assert!((&rows - &mean.grad.flat()).iter().all(|off| off.abs() <= 4.0 * f64::EPSILON * 8.0));
    }
}

proptest! {
    #![proptest_config(config())]

    /// On either side of the kink, and as far from it as differences go: their steps of 1/8 at the most change a KL by less than 3.
    #[test]
    fn law_the_gradient_of_a_capacity(head in numbers((3, 4), -1.0, 1.0), far in 4.0..6.0_f64) {
        let head = head + array![3.0, -3.0, 0.0, 0.0];
        let mean = kl(&head).sum() / 3.0;
        for c in [mean - far, mean + far] {
            prop_assume!(c >= 0.0);
            let at = capacity(DiagGaussian::from_head(&head).unwrap().kl_standard(), c).unwrap().mean().unwrap();
            let plain = |head: &Array2<f64>| {
                let kl = |m: f64, s: f64| 0.5 * ((2.0 * s).exp() - 1.0 - 2.0 * s + m * m);
                let of = |i: usize| kl(head[[i, 0]], head[[i, 2]]) + kl(head[[i, 1]], head[[i, 3]]);
                ((0..3).map(of).sum::<f64>() / 3.0 - c).abs()
            };
            assert_gradient("head", plain, &head, at.grad.flat());
            let single = head.mapv(|x| x as f32);
            let narrow = capacity(DiagGaussian::from_head(&single).unwrap().kl_standard(), c as f32).unwrap().mean().unwrap();
            let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 16.0 * f64::from(f32::EPSILON) * 16.0;
            prop_assert!(near(narrow.value, at.value));
            prop_assert!(narrow.grad.flat().iter().zip(at.grad.flat()).all(|(&a, &b)| near(a, b)));
        }
    }
}

#[test]
fn hard_capacities_at_corners() {
    let term = |value| ValueGrad { value, grad: array![1.0, 1.0] };
    // At the capacity the gradient is 0.
    let at = capacity(term(array![1.0, 3.0]), 2.0).unwrap().mean().unwrap();
    assert_eq!((at.value, at.grad), (0.0, array![0.0, 0.0]));
    let not_negative =
        |value| Error::Parameter { name: "capacity", value, expected: "a finite number that is not negative" };
    assert_eq!(capacity(term(array![1.0, 3.0]), -0.5).unwrap_err(), not_negative(-0.5));
    assert_eq!(capacity(term(array![1.0, f64::NAN]), 1.0).unwrap_err(), Error::NaN { name: "kl", row: 1 });
    let none = ValueGrad { value: Array1::<f64>::zeros(0), grad: Array1::zeros(0) };
    assert_eq!(capacity(none, 1.0).unwrap_err(), Error::TooFew { name: "kl", got: 0, needs: 1 });

    let head = array![[f64::NAN, 0.0], [1.0, 0.0], [0.0, 0.0]];
    let terms = DiagGaussian::from_head(&head).unwrap().kl_standard();
    let each = capacity_by_example(terms.clone(), 0.5).unwrap();
    assert!(each.value[0].is_nan() && each.grad.loc()[[0, 0]].is_nan());
    assert_eq!((each.value[1], each.grad.loc()[[1, 0]]), (0.0, 0.0));
    assert_eq!((each.value[2], each.grad.loc()[[2, 0]]), (0.5, 0.0));
    assert_eq!(capacity_by_example(terms, f64::INFINITY).unwrap_err(), not_negative(f64::INFINITY));
}
