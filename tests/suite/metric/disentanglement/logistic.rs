use estimand::metric::disentanglement::LinearClassifier;
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::lasso::standardised;
use super::refuses_codes;
use crate::support::matrices::product;
use crate::support::strategy::{array as arrays, config};

/// Chances of the classes by the formula, from weights in units of the standard deviation.
fn chances(z: &Array2<f64>, w: &Array2<f64>, b: &Array1<f64>) -> Array2<f64> {
    let e = (product(z, w) + b).mapv(f64::exp);
    let total = e.sum_axis(Axis(1)).insert_axis(Axis(1));
    e / total
}

/// The value that is minimised, and its largest derivative.
fn objective(z: &Array2<f64>, ranks: &[usize], w: &Array2<f64>, b: &Array1<f64>, ridge: f64) -> (f64, f64) {
    let (n, p) = (z.nrows() as f64, chances(z, w, b));
    let loss = -ranks.iter().enumerate().map(|(i, &c)| p[[i, c]].ln()).sum::<f64>() / n;
    let value = loss + ridge / 2.0 * w.iter().map(|w| w * w).sum::<f64>();
    let mut off = p;
    ranks.iter().enumerate().for_each(|(i, &c)| off[[i, c]] -= 1.0);
    let d_w = product(&z.t(), &off) / n + ridge * w;
    let d_b = off.sum_axis(Axis(0)) / n;
    (value, d_w.iter().chain(&d_b).fold(0.0, |most, g| f64::max(most, g.abs())))
}

/// Rows and classes, of which three occur.
fn problems() -> impl Strategy<Value = (Array2<f64>, Array1<usize>)> {
    (1..4_usize, 12..40_usize).prop_flat_map(|(d, n)| {
        let classes = prop::collection::vec(0..3_usize, n - 3).prop_map(|mut c| {
            c.extend([0, 1, 2]);
            Array1::from_vec(c)
        });
        (arrays((n, d), -2.0, 3.0), classes)
    })
}

proptest! {
    #![proptest_config(config())]

    /// The derivative by the formula is 0 but for rounding: means of n numbers of size 3 at the most (z below sqrt n), of
    /// logits that are rounded by their size, (n + 32) epsilon in all; what Newton's last step leaves is no more.
    #[test]
    fn law_the_gradient_is_0_at_the_minimum((x, classes) in problems(), power in -4..1_i32) {
        let ridge = 10.0_f64.powi(power);
        let z = standardised(&x);
        let names = classes.mapv(|c| 100 - 7 * c);
        let fitted = LinearClassifier::fit(&x, &names, ridge).unwrap();
        prop_assert_eq!(&fitted.classes, &[86, 93, 100]);
        let ranks: Vec<usize> = classes.iter().map(|c| 2 - c).collect();
        let size = 1.0 + fitted.weights.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
        let limit = (x.nrows() as f64 + 32.0) * 4.0 * size;
        let (value, slope) = objective(&z, &ranks, &fitted.weights, &fitted.intercepts, ridge);
        prop_assert!(slope <= limit * f64::EPSILON && fitted.slack <= limit * f64::EPSILON, "{slope:e} {:e} {limit}", fitted.slack);
        // Units of the columns, and the names of classes, change nothing but their order.
        let scaled = LinearClassifier::fit(&x.mapv(|x| x * 1024.0), &classes, ridge).unwrap();
        prop_assert!((&scaled.weights.column(0) - &fitted.weights.column(2)).iter().all(|off| off.abs() * ridge <= limit * f64::EPSILON));
        // Single precision finds as good a place: the value is flat there.
        let single = LinearClassifier::fit(&x.mapv(|x| x as f32), &names, ridge as f32).unwrap();
        let (other, slope) = objective(&z, &ranks, &single.weights.mapv(f64::from), &single.intercepts.mapv(f64::from), ridge);
        prop_assert!(slope <= 8.0 * limit * f64::from(f32::EPSILON), "{slope:e}");
        prop_assert!(other >= value - 64.0 * f64::EPSILON * value);
        for sums in [fitted.weights.sum_axis(Axis(1)), array![fitted.intercepts.sum()]] {
            prop_assert!(sums.iter().all(|sum| sum.abs() <= 32.0 * f64::EPSILON * size), "{sums} {size}");
        }
        // The likeliest class is the one that the formula has.
        let p = chances(&z, &fitted.weights, &fitted.intercepts);
        for (row, predicted) in p.rows().into_iter().zip(fitted.predict(&x).unwrap()) {
            let own = row[fitted.classes.iter().position(|&c| c == predicted).unwrap()];
            prop_assert!(row.iter().all(|&other| other <= own * (1.0 + 1e-9)));
        }
    }
}

/// Two rows at -1 and 1, of two classes: ridge w = 1 / (1 + e^2w), solved by halving.
#[test]
fn ref_two_rows_have_their_weight_in_one_equation() {
    for ridge in [1e-8, 1e-3, 0.3, 5.0] {
        let (mut low, mut high) = (0.0, 1.0 / ridge);
        for _ in 0..200 {
            let w: f64 = f64::midpoint(low, high);
            if ridge * w < 1.0 / (1.0 + (2.0 * w).exp()) {
                low = w;
            } else {
                high = w;
            }
        }
        let fitted = LinearClassifier::fit(&array![[3.0], [5.0]], &array![0, 1], ridge).unwrap();
        // The equation in w has the slope ridge at the least: what is left of it, over that, and over ridge w where w is
        // large.
        let limit = 64.0 * f64::EPSILON * (1.0 + low);
        assert!((fitted.weights[[0, 1]] - low).abs() <= limit, "{ridge}: {} {low}", fitted.weights[[0, 1]]);
        assert!(fitted.intercepts[1].abs() <= limit);
    }
}

fn corners<F: Real>() {
    let zero = F::zero();
    // Separable rows, and next to no ridge: finite, and right.
    let x = array![[-2.0, 7.0], [-1.0, 7.0], [1.0, 7.0], [2.0, 7.0]].mapv(F::of);
    let classes = array![0, 0, 1, 1];
    let fitted = LinearClassifier::fit(&x, &classes, F::epsilon()).unwrap();
    assert!(fitted.weights.iter().all(|w| w.is_finite()) && fitted.slack < F::of(1e-6), "{:e}", fitted.slack);
    assert_eq!(fitted.accuracy(&x, &classes).unwrap(), F::one());
    // A column that never changes has no weight, there and elsewhere.
    assert!(fitted.weights.row(1).iter().all(|&w| w == zero));
    let moved = array![[-2.0, 1e30], [2.0, -1e30]].mapv(F::of);
    assert_eq!(fitted.predict(&moved).unwrap(), array![0, 1]);
    // One class, one row.
    let one = LinearClassifier::fit(&array![[F::one()]], &array![3], F::one()).unwrap();
    assert_eq!(one.predict(&x.select(Axis(1), &[0])).unwrap(), array![3, 3, 3, 3]);
    // No column that changes: the more frequent class; of equally frequent ones, the first.
    let same = Array2::from_elem((3, 1), F::of(0.1));
    let frequent = LinearClassifier::fit(&same, &array![5, 9, 9], F::one()).unwrap();
    assert_eq!(frequent.predict(&same).unwrap(), array![9, 9, 9]);
    assert!((frequent.accuracy(&same, &array![5, 9, 9]).unwrap() - F::of(2.0 / 3.0)).abs() <= F::epsilon());
    let tied = LinearClassifier::fit(&x.select(Axis(1), &[1]), &array![8, 4, 8, 4], F::one()).unwrap();
    assert_eq!(tied.predict(&array![[zero]]).unwrap(), array![4]);
}

#[test]
fn hard_separable_rows_constants_and_one_class() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let classes = array![0, 1, 0, 1];
    let some = |n: usize| classes.slice(estimand::ndarray::s![..n]).to_owned();
    refuses_codes("x", |x| LinearClassifier::fit(x, &some(x.nrows()), 0.1).err());
    let x = array![[0.0, 1.0], [1.0, 3.0], [2.0, -1.0], [3.0, 0.5]];
    let fitted = LinearClassifier::fit(&x, &classes, 0.1).unwrap();
    let shape = |name, got, expected| Error::Shape { name, got, expected };
    assert_eq!(LinearClassifier::fit(&x, &some(3), 0.1), Err(shape("classes", vec![3], vec![4])));
    assert_eq!(fitted.accuracy(&x, &some(3)), Err(shape("classes", vec![3], vec![4])));
    assert_eq!(fitted.predict(&Array2::zeros((2, 1))), Err(shape("x", vec![2, 1], vec![2, 2])));
    assert_eq!(fitted.predict(&Array2::zeros((0, 2))), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    for ridge in [0.0, -1.0, f64::INFINITY] {
        let expected = "a finite number above 0";
        assert_eq!(
            LinearClassifier::fit(&x, &classes, ridge),
            Err(Error::Parameter { name: "ridge", value: ridge, expected })
        );
    }
}
