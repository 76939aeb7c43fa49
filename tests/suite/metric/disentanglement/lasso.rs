use estimand::metric::disentanglement::lasso;
use estimand::ndarray::{Array1, Array2, ArrayRef2, Axis, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{mean, refuses_codes};
use crate::support::matrices::product;
use crate::support::strategy::{array as arrays, config};

/// Columns less their means over their standard deviations, by the formula; 0 where they never change.
pub fn standardised(x: &ArrayRef2<f64>) -> Array2<f64> {
    let mut z = x.to_owned();
    for mut column in z.axis_iter_mut(Axis(1)) {
        let middle = mean(&column);
        column.mapv_inplace(|x| x - middle);
        let sd = (column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64).sqrt();
        column.mapv_inplace(|x| if sd > 0.0 { x / sd } else { 0.0 });
    }
    z
}

/// Z'(t - Z w) / n of all factors.
fn slopes(z: &Array2<f64>, t: &Array2<f64>, w: &Array2<f64>) -> Array2<f64> {
    product(&z.t(), &(t - &product(z, w))) / z.nrows() as f64
}

/// What is minimised, of the first factor.
fn objective(z: &Array2<f64>, t: &Array2<f64>, w: &Array1<f64>, penalty: f64) -> f64 {
    let off = t.column(0).to_owned() - z.dot(w);
    off.dot(&off) / (2 * z.nrows()) as f64 + penalty * w.iter().map(|w| w.abs()).sum::<f64>()
}

/// Rows of d codes, more than codes by far, so that no code is nearly a mixture of others.
fn problems() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    (1..5_usize, 30..60_usize).prop_flat_map(|(d, n)| (arrays((n, d), -2.0, 3.0), arrays((n, 2), -1.0, 1.0)))
}

proptest! {
    #![proptest_config(config())]

    /// The conditions of Karush, Kuhn and Tucker, with slopes from the residuals. A correlation of n numbers of size 1
    /// rounds by n / 2 + 8 epsilon on each side, and is multiplied by the weights; the last round moved less than an
    /// epsilon of them, for each of d.
    #[test]
    fn law_the_conditions_of_a_minimum_hold((x, t) in problems(), penalty in 0.0..0.3_f64, share in 0.0..1.0_f64) {
        // Factors that have something of the codes.
        let mut t = t;
        for (mut t, x) in t.rows_mut().into_iter().zip(x.rows()) {
            t[0] += share * x[0];
        }
        let (n, d) = x.dim();
        let check = |w: Array2<f64>, slack: f64, epsilon: f64| {
            let (z, t) = (standardised(&x), standardised(&t));
            let g = slopes(&z, &t, &w);
            for k in 0..2 {
                let size = 1.0 + w.column(k).iter().map(|w| w.abs()).sum::<f64>();
                let limit = (2.0 * n as f64 + 16.0 + 4.0 * d as f64) * epsilon * size;
                assert!(slack <= limit, "{slack:e} {limit:e}");
                for (w, g) in w.column(k).iter().zip(g.column(k)) {
                    let missed = if *w == 0.0 { (g.abs() - penalty).max(0.0) } else { (g - penalty * w.signum()).abs() };
                    assert!(missed <= limit, "{w} {g}: {missed:e}, limit {limit:e}");
                }
            }
        };
        let fitted = lasso(&x, &t, penalty).unwrap();
        prop_assert_eq!(fitted.importance(), fitted.weights.mapv(f64::abs));
        check(fitted.weights, fitted.slack, f64::EPSILON);
        let single = lasso(&x.mapv(|x| x as f32), &t.mapv(|t| t as f32), penalty as f32).unwrap();
        // Codes and factors are rounded too: an epsilon of their size, 8 standard deviations at the most.
        check(single.weights.mapv(f64::from), f64::from(single.slack), 8.0 * f64::from(f32::EPSILON));
    }

    /// Everywhere else the objective is larger.
    #[test]
    fn law_no_other_weights_are_better((x, t) in problems(), penalty in 0.0..0.3_f64, off in prop::collection::vec(-0.3..0.3_f64, 5)) {
        let w = lasso(&x, &t, penalty).unwrap().weights.column(0).to_owned();
        let (z, t) = (standardised(&x), standardised(&t));
        let other = &w + &Array1::from_vec(off[..w.len()].to_vec());
        let rounding = 256.0 * f64::EPSILON * (1.0 + objective(&z, &t, &other, penalty));
        prop_assert!(objective(&z, &t, &w, penalty) <= objective(&z, &t, &other, penalty) + rounding);
    }

    /// Orthogonal codes: each weight is its correlation, moved towards 0 by the penalty. Columns of a Hadamard matrix, in
    /// units of their own.
    #[test]
    fn law_of_orthogonal_codes_the_minimum_is_in_closed_form(
        t in arrays((16, 2), -2.0, 1.0), penalty in 0.0..0.6_f64, units in prop::collection::vec(0.1..50.0_f64, 5)
    ) {
        let z = Array2::from_shape_fn((16, 5), |(i, j)| if (i & (j + 1)).count_ones() % 2 == 0 { 1.0 } else { -1.0 });
        let x = Array2::from_shape_fn((16, 5), |(i, j)| 3.0 + units[j] * z[[i, j]]);
        let got = lasso(&x, &t, penalty).unwrap();
        let expected = (product(&z.t(), &standardised(&t)) / 16.0).mapv(|r| r.signum() * (r.abs() - penalty).max(0.0));
        // A column of x is rounded by an epsilon of 3 + unit, over units of .1: 32.
        prop_assert!((&got.weights - &expected).iter().all(|off| off.abs() <= 256.0 * f64::EPSILON), "{} {expected}", got.weights);
    }

    /// A penalty as large as the largest correlation leaves nothing; a little less does not.
    #[test]
    fn law_the_largest_correlation_is_where_weights_begin((x, t) in problems()) {
        let r = product(&standardised(&x).t(), &standardised(&t)) / x.nrows() as f64;
        let largest = r.iter().fold(0.0_f64, |most, r| most.max(r.abs()));
        let above = lasso(&x, &t, largest * (1.0 + 1e-12)).unwrap().weights;
        prop_assert!(above.iter().all(|&w| w == 0.0));
        let below = lasso(&x, &t, largest * (1.0 - 1e-6)).unwrap().weights;
        prop_assert!(below.iter().any(|&w| w != 0.0));
    }
}

fn corners<F: Real>() {
    let [zero, one] = [F::zero(), F::one()];
    // Two codes that say the same: the first has the weight. A code that never changes, a factor that never does.
    let x = array![[one, one, one], [F::of(2.0), F::of(2.0), one], [F::of(4.0), F::of(4.0), one]];
    let t = array![[one, one], [F::of(2.0), one], [F::of(4.0), one]];
    let fitted = lasso(&x, &t, F::of(0.25)).unwrap();
    let few = F::of(8.0) * F::epsilon();
    assert!((fitted.weights[[0, 0]] - F::of(0.75)).abs() <= few && fitted.weights[[1, 0]].abs() <= few);
    assert_eq!(fitted.weights[[2, 0]], zero);
    assert!(fitted.weights.column(1).iter().all(|&w| w == zero));
    assert!(fitted.slack <= few);
    // One row: nothing ever changes.
    assert_eq!(lasso(&array![[one, one]], &array![[one]], zero).unwrap().weights, Array2::<F>::zeros((2, 1)));
    // Fewer rows than codes, no penalty: a prediction without error, of which there are many.
    let wide = array![[one, zero, zero, one], [zero, one, zero, one], [zero, zero, one, zero]];
    let fitted = lasso(&wide, &array![[one], [zero], [zero]], zero).unwrap();
    assert!(fitted.slack <= few && fitted.weights.iter().all(|w| w.is_finite()));
}

#[test]
fn hard_ties_constants_and_few_rows() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let good = array![[0.0], [1.0], [0.5], [2.0]];
    refuses_codes("codes", |codes| lasso(codes, &good.slice(estimand::ndarray::s![..codes.nrows(), ..]), 0.1).err());
    refuses_codes("values", |values| {
        let codes = Array2::from_shape_fn((values.nrows().max(1), 1), |(i, _)| i as f64);
        let found = lasso(&codes, values, 0.1).err();
        // No factors of some codes is a question of shapes.
        let shape = Error::Shape { name: "values", got: vec![0, 2], expected: vec![1, 2] };
        if values.is_empty() && values.nrows() == 0 {
            assert_eq!(found, Some(shape));
            return Some(Error::TooFew { name: "values", got: 0, needs: 1 });
        }
        found
    });
    let expected = "a finite number that is not negative";
    for penalty in [-0.1, f64::INFINITY] {
        let error = Error::Parameter { name: "penalty", value: penalty, expected };
        assert_eq!(lasso(&good, &good, penalty), Err(error));
    }
}
