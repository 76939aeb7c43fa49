use estimand::ndarray::{Array2, array};
use estimand::objective::{free_bits, free_bits_of_mean};
use estimand::{DiagGaussian, Error, Grad, Real, ValueGrad, distribution::LocScaleParts};
use proptest::prelude::*;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

type Terms = ValueGrad<Array2<f64>, Grad<f64, LocScaleParts>>;

fn terms(head: &Array2<f64>) -> Terms {
    DiagGaussian::from_head(head).unwrap().kl_standard_by_coordinate()
}

/// The definition in plain loops, from the closed form of a coordinate's KL.
fn plain(head: &Array2<f64>, floor: f64, group: usize, of_mean: bool) -> f64 {
    let (n, dim) = (head.nrows(), head.ncols() / 2);
    let kl = |i: usize, j: usize| {
        let (m, s) = (head[[i, j]], head[[i, dim + j]]);
        0.5 * ((2.0 * s).exp() - 1.0 - 2.0 * s + m * m)
    };
    let mut total = 0.0;
    for g in 0..dim / group {
        let of = |i: usize| (g * group..(g + 1) * group).map(|j| kl(i, j)).sum::<f64>();
        if of_mean {
            total += floor.max((0..n).map(of).sum::<f64>() / n as f64);
        } else {
            total += (0..n).map(|i| floor.max(of(i))).sum::<f64>() / n as f64;
        }
    }
    total
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_free_bits_are_their_definition(head in numbers((3, 12), -1.5, 1.5), floor in 0.0..1.5_f64, group in 0_usize..4) {
        let group = [1, 2, 3, 6][group];
        let each = free_bits(terms(&head), floor, group).unwrap().mean().unwrap();
        let of_mean = free_bits_of_mean(terms(&head), floor, group).unwrap().mean().unwrap();
        // Six terms of up to 12 nats, each known to a few epsilon of its parts.
        let few = 256.0 * f64::EPSILON * 12.0;
        prop_assert!((each.value - plain(&head, floor, group, false)).abs() <= few);
        prop_assert!((of_mean.value - plain(&head, floor, group, true)).abs() <= few);
        prop_assert!(of_mean.value <= each.value + few, "Jensen");
        // Away from the kink the gradient is the derivative.
        let kinks = |of_mean: bool| {
            let near = |floor: f64| plain(&head, floor, group, of_mean);
            (near(floor + 0.02) - 2.0 * near(floor) + near(floor - 0.02)).abs() > 1e-9
        };
        if floor > 0.02 && !kinks(false) {
            let f = |head: &Array2<f64>| free_bits(terms(head), floor, group).unwrap().mean().unwrap().value;
            assert_close(f, &head, &each.grad);
        }
        if floor > 0.02 && !kinks(true) {
            let f = |head: &Array2<f64>| free_bits_of_mean(terms(head), floor, group).unwrap().mean().unwrap().value;
            assert_close(f, &head, &of_mean.grad);
        }
    }

    /// Nothing is free at a floor of 0, and everything where the floor is above all.
    #[test]
    fn law_floors_at_both_ends(head in numbers((4, 6), -1.5, 1.5)) {
        let kl = DiagGaussian::from_head(&head).unwrap().kl_standard();
        for free in [free_bits(terms(&head), 0.0, 1).unwrap(), free_bits_of_mean(terms(&head), 0.0, 1).unwrap()] {
            prop_assert_eq!(free.grad, kl.grad.clone());
            let few = 64.0 * f64::EPSILON * 12.0;
            prop_assert!((&free.value - &kl.value).iter().all(|off| off.abs() <= few));
        }
        for free in [free_bits(terms(&head), 50.0, 3).unwrap(), free_bits_of_mean(terms(&head), 50.0, 3).unwrap()] {
            prop_assert_eq!(free.value, array![50.0, 50.0, 50.0, 50.0]);
            prop_assert!(free.grad.flat().iter().all(|&g| g == 0.0));
        }
    }
}

/// The kinks were at least 0.02 away in the floor; differences of a thousandth in the parameters do not meet them.
fn assert_close(f: impl Fn(&Array2<f64>) -> f64, head: &Array2<f64>, grad: &Grad<f64, LocScaleParts>) {
    let h = 1e-5;
    for ((i, j), &g) in grad.flat().indexed_iter() {
        let at = |step: f64| {
            let mut moved = head.clone();
            moved[[i, j]] += step;
            f(&moved)
        };
        // A third derivative of e^2s, 8 e^3 at the most, h^2 / 6 of it, and rounding over 2 h.
        let found = (at(h) - at(-h)) / (2.0 * h);
        assert!((found - g).abs() <= 8.0 * 20.1 * h * h + 64.0 * f64::EPSILON * 12.0 / h, "{found} {g} at {i}, {j}");
    }
}

#[test]
fn law_gradients_of_one_group_are_those_of_the_row() {
    // All above the floor: the KL itself, whose gradient is smooth.
    let head = array![[1.5, -2.0, 0.5, 0.3], [2.0, 1.0, -0.4, 0.2]];
    let free = free_bits(terms(&head), 0.5, 2).unwrap();
    assert_gradient("head", |h| free_bits(terms(h), 0.5, 2).unwrap().value.sum(), &head, free.grad.flat());
}

fn corners<F: Real>() {
    let of = |x: f64| F::of(x);
    let head = array![[of(1.0), of(0.0), of(0.0), of(0.0)], [F::nan(), of(0.0), of(0.0), of(0.0)]];
    let kl = || DiagGaussian::from_head(&head).unwrap().kl_standard_by_coordinate();
    // At the floor itself: free.
    let at = free_bits(kl(), of(0.5), 1).unwrap();
    assert_eq!(at.value[0], of(1.0));
    assert!(at.grad.flat().row(0).iter().all(|&g| g == F::zero()));
    // A NaN stays in its row, and has no mean.
    assert!(at.value[1].is_nan() && at.grad.flat()[[1, 0]].is_nan());
    let error = Error::NaN { name: "kl", row: 1 };
    assert_eq!(free_bits_of_mean(kl(), of(0.5), 1).unwrap_err(), error);
}

#[test]
fn hard_free_bits_at_corners() {
    corners::<f32>();
    corners::<f64>();
    let kl = || terms(&array![[1.0, 0.0, 0.0, 0.0]]);
    let not_negative =
        |value| Error::Parameter { name: "floor", value, expected: "a finite number that is not negative" };
    assert_eq!(free_bits(kl(), -1.0, 1).unwrap_err(), not_negative(-1.0));
    assert_eq!(free_bits_of_mean(kl(), f64::INFINITY, 1).unwrap_err(), not_negative(f64::INFINITY));
    let zero = Error::Parameter { name: "group", value: 0.0, expected: "at least 1" };
    assert_eq!(free_bits(kl(), 0.1, 0).unwrap_err(), zero);
    let error = Error::Count { name: "kl", axis: "columns", got: 2, expected: "a multiple of 3".to_owned() };
    assert_eq!(free_bits(kl(), 0.1, 3).unwrap_err(), error);
    let narrow = ValueGrad { value: Array2::zeros((1, 3)), grad: kl().grad };
    let error = Error::Shape { name: "loc", got: vec![1, 2], expected: vec![1, 3] };
    assert_eq!(free_bits(narrow, 0.1, 1).unwrap_err(), error);
    let long = ValueGrad { value: Array2::zeros((2, 2)), grad: kl().grad };
    let error = Error::Shape { name: "grad", got: vec![1, 4], expected: vec![2, 4] };
    assert_eq!(free_bits(long, 0.1, 1).unwrap_err(), error);
    let none = || terms(&Array2::zeros((0, 4)));
    assert_eq!(free_bits(none(), 0.1, 1).unwrap().value.len(), 0);
    assert_eq!(free_bits_of_mean(none(), 0.1, 1).unwrap_err(), Error::TooFew { name: "kl", got: 0, needs: 1 });
}
