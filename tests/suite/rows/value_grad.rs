//! A value a row with its gradient: what divides, divides both.

use estimand::ndarray::{Array1, Array2, ArrayRef1, array};
use estimand::{Error, Grad, Real, ValueGrad, check};
use proptest::prelude::*;

use super::{TwoParts, whole};
use crate::support::near::difference_limit;
use crate::support::strategy::{array, config, sizes};

/// f of a row is the sum of the sines of its entries.
fn sines(x: &Array2<f64>) -> ValueGrad<Array1<f64>, Array2<f64>> {
    ValueGrad { value: x.rows().into_iter().map(|row| row.mapv(f64::sin).sum()).collect(), grad: x.mapv(f64::cos) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_gradient_of_a_mean_is_the_mean_of_gradients(
        x in sizes(6, 4).prop_flat_map(|size| array(size, -3.0, 3.0)),
    ) {
        let mean = sines(&x).mean().unwrap();
        let (n, d) = x.dim();
        let along = |x: &ArrayRef1<f64>| sines(&x.to_shape((n, d)).unwrap().to_owned()).mean().unwrap().value;
        let flat: Array1<f64> = x.iter().copied().collect();
        let grad: Array1<f64> = mean.grad.iter().copied().collect();
        let agreement = check::gradient(along, &flat, &grad).unwrap();
        // A mean of sums of d sines.
        prop_assert!(agreement.error <= difference_limit::<f64>(d as f64, 1.0, 0.125), "{agreement}");
    }

    /// k samples an example: the mean over samples, then over examples, is the mean over all; by
    /// powers of two it is exact.
    #[test]
    fn law_means_of_groups_join_to_the_mean(n in 0_u32..4, k in 0_u32..9) {
        let (n, k) = (1_usize << n, 1_usize << k);
        let all = || ValueGrad {
            value: Array1::from_shape_fn(n * k, |i| whole::<f32>(i, 1)),
            grad: Array2::from_shape_fn((n * k, 2), |(i, j)| whole::<f32>(i, j)),
        };
        let grouped = all().mean_groups(k).unwrap();
        for i in 0..n {
            let sum: f32 = (0..k).map(|s| whole::<f32>(i * k + s, 1)).sum();
            prop_assert_eq!(grouped.value[i], sum / k as f32);
        }
        prop_assert_eq!(grouped.value.len(), n);
        prop_assert_eq!(&grouped.grad, &all().grad.mapv(|g| g / k as f32));
        prop_assert_eq!(grouped.mean(), all().mean());
        prop_assert_eq!(all().mean().unwrap().grad, all().grad.mapv(|g| g / (n * k) as f32));
    }

    #[test]
    fn law_a_factor_goes_to_value_and_gradient(by in -5..5_i32, n in 0_usize..6) {
        let by = f64::from(by);
        let rows = ValueGrad {
            value: Array1::from_shape_fn(n, |i| whole::<f64>(i, 0)),
            grad: Array2::from_shape_fn((n, 3), |(i, j)| whole::<f64>(i, j)),
        };
        let expected = ValueGrad { value: rows.value.mapv(|v| by * v), grad: rows.grad.mapv(|g| by * g) };
        prop_assert_eq!(rows.scaled(by), expected);
    }
}

/// A thousand samples are summed in pairs within each group.
#[test]
fn law_groups_of_any_size_are_means() {
    for k in [1, 3, 127, 128, 129, 300, 1000] {
        let value = Array1::from_shape_fn(3 * k, |i| whole::<f64>(i, 0));
        let grouped = ValueGrad { value: value.clone(), grad: Array1::<f64>::ones(3 * k) }.mean_groups(k).unwrap();
        for i in 0..3 {
            let sum: f64 = value.iter().skip(i * k).take(k).sum();
            let mean = sum / k as f64;
            // The sum is exact; 1 / k and the product round.
            assert!((grouped.value[i] - mean).abs() <= f64::EPSILON * mean.abs(), "group {i} of {k}");
        }
        assert_eq!(grouped.grad, Array1::from_elem(3 * k, 1.0 / k as f64));
    }
}

#[test]
fn hard_no_rows_have_no_mean() {
    let none = || ValueGrad { value: Array1::<f32>::zeros(0), grad: Array2::<f32>::zeros((0, 3)) };
    assert_eq!(none().mean(), Err(Error::TooFew { name: "value", got: 0, needs: 1 }));
    assert_eq!(none().mean_groups(4), Ok(none()));
    assert_eq!(none().scaled(2.0), none());
    assert_eq!(none().mean_groups(0), Err(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" }));
}

#[test]
fn hard_groups_that_do_not_divide() {
    let rows = || ValueGrad { value: Array1::<f64>::zeros(6), grad: Array1::<f64>::zeros(6) };
    assert_eq!(rows().mean_groups(0), Err(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" }));
    for k in [4, 5, 7, 12] {
        let refused = Error::Count { name: "value", axis: "rows", got: 6, expected: format!("a multiple of {k}") };
        assert_eq!(rows().mean_groups(k), Err(refused));
    }
}

fn nan_is_refused<F: Real>() {
    let (one, inf, nan) = (F::one(), F::infinity(), F::nan());
    let rows = |value: [F; 3], grad: [[F; 2]; 3]| ValueGrad {
        value: Array1::from(value.to_vec()),
        grad: Array2::from(grad.to_vec()),
    };
    let clean = [[one, one]; 3];
    assert_eq!(rows([one, nan, nan], clean).mean(), Err(Error::NaN { name: "value", row: 1 }));
    let poisoned = [[one, one], [one, one], [one, nan]];
    assert_eq!(rows([one; 3], poisoned).mean(), Err(Error::NaN { name: "grad", row: 2 }));
    // The value is refused first.
    assert_eq!(rows([nan, one, one], poisoned).mean(), Err(Error::NaN { name: "value", row: 0 }));
    // Infinities are numbers.
    let infinite = rows([one, inf, one], [[one, one], [inf, -inf], [one, one]]).mean().unwrap();
    assert_eq!((infinite.value, infinite.grad[[1, 0]], infinite.grad[[1, 1]]), (inf, inf, -inf));
    // Parts with names, and pairs.
    let named = Grad::new(Array2::from(poisoned.to_vec()), TwoParts { left: 1, right: 1 }).unwrap();
    let value = || Array1::from_elem(3, one);
    let refused = Error::NaN { name: "grad", row: 2 };
    assert_eq!(ValueGrad { value: value(), grad: named.clone() }.mean(), Err(refused.clone()));
    assert_eq!(ValueGrad { value: value(), grad: (value(), named) }.mean(), Err(refused));

    // A group keeps its NaN to itself.
    let value = array![one, nan, one, F::of(3.0)];
    let grouped = ValueGrad { value, grad: array![one, nan, one, one] }.mean_groups(2).unwrap();
    assert!(grouped.value[0].is_nan() && grouped.grad[1].is_nan());
    assert_eq!((grouped.value[1], grouped.grad[0], grouped.grad[3]), (F::of(2.0), F::of(0.5), F::of(0.5)));
}

#[test]
fn hard_gradient_rows_belong_to_values() {
    let at = ValueGrad { value: array![1.0, 2.0], grad: Array2::<f64>::ones((3, 1)) };
    let error = Error::Count { name: "grad", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
    assert_eq!(at.mean().err(), Some(error.clone()));
    let pair = (Array2::<f64>::ones((4, 1)), Array1::<f64>::ones(3));
    assert_eq!(ValueGrad { value: array![1.0, 2.0], grad: pair }.mean().err(), Some(error));
    // Groups as well, and values without a gradient row; a group has as many values as rows, or more rows.
    for got in [0, 3, 5, 7] {
        let at = ValueGrad { value: Array1::<f64>::ones(4), grad: Array2::<f64>::ones((got, 1)) };
        let error = Error::Count { name: "grad", axis: "rows", got, expected: "a multiple of 4".to_owned() };
        assert_eq!(at.clone().mean_groups(2).err(), Some(error.clone()));
        assert_eq!(at.mean().err(), Some(error));
    }
    let at = ValueGrad { value: Array1::<f64>::ones(4), grad: Array2::<f64>::ones((8, 1)) };
    assert_eq!(at.mean_groups(2).unwrap().grad, Array2::from_elem((8, 1), 0.5));
    let nan = f64::NAN;
    let pair = (array![[1.0], [1.0], [1.0], [nan]], array![0.0, nan, 0.0, 0.0]);
    let at = ValueGrad { value: array![1.0, 2.0], grad: pair }.mean();
    assert_eq!(at.err(), Some(Error::NaN { name: "grad", row: 1 }), "the first row of either");
}

#[test]
fn hard_a_mean_refuses_nan_by_its_row() {
    nan_is_refused::<f32>();
    nan_is_refused::<f64>();
}

fn silenced<F: Real>() {
    let (zero, one, inf) = (F::zero(), F::one(), F::infinity());
    let rows = || ValueGrad { value: array![-inf, one, F::nan()], grad: array![[inf], [F::nan()], [one]] };
    let nothing = rows().scaled(zero);
    assert_eq!(
        (nothing.value[0], nothing.value[1], nothing.grad[[0, 0]], nothing.grad[[2, 0]]),
        (zero, zero, zero, zero)
    );
    assert!(nothing.value[2].is_nan() && nothing.grad[[1, 0]].is_nan());
    let mirrored = rows().scaled(-one);
    assert_eq!(
        (mirrored.value[0], mirrored.value[1], mirrored.grad[[0, 0]], mirrored.grad[[2, 0]]),
        (inf, -one, -inf, -one)
    );
}

#[test]
fn hard_zero_silences_an_infinity_but_not_a_nan() {
    silenced::<f32>();
    silenced::<f64>();
}

/// N times the mean: what the batch says of the sum over a data set of N.
#[test]
fn law_a_batch_says_what_the_data_sum_to() {
    let batch = || ValueGrad { value: array![1.0, 4.0], grad: array![[2.0], [8.0]] };
    let total = batch().data_total(10).unwrap();
    assert_eq!((total.value, total.grad), (25.0, array![[10.0], [40.0]]));
    assert_eq!(batch().data_total(2).unwrap().value, 5.0);
    let expected = "at least the rows of the batch";
    assert_eq!(batch().data_total(1).unwrap_err(), Error::Parameter { name: "data", value: 1.0, expected });
    let none = ValueGrad { value: Array1::<f64>::zeros(0), grad: Array2::zeros((0, 1)) };
    assert_eq!(none.data_total(5).unwrap_err(), Error::TooFew { name: "value", got: 0, needs: 1 });
}
