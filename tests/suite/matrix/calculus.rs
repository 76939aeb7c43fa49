//! Forms against their definition in whole numbers, where every sum is exact: for each argument the value one step on
//! is the value here, the derivative along the step, and what is of second order, to the last bit.

use estimand::check::gradient;
use estimand::matrix::{
    bilinear, least_squares, least_squares_hessian, linear, quadratic, quadratic_hessian, squared_projection,
    squared_projection_hessian, trace_of_product,
};
use estimand::ndarray::{Array, Array1, Array2, ArrayRef, ArrayRef1, Axis, Dimension, Slice, array};
use estimand::{Error, Real, ValueGrad};
use proptest::prelude::*;

use crate::support::strategy::{array as reals, config};

type Whole1 = Vec<i64>;
type Whole2 = Vec<Vec<i64>>;

fn whole(n: usize) -> impl Strategy<Value = Whole1> {
    prop::collection::vec(-9_i64..=9, n)
}

fn table(n: usize, m: usize) -> impl Strategy<Value = Whole2> {
    prop::collection::vec(whole(m), n)
}

fn vector<F: Real>(x: &[i64]) -> Array1<F> {
    x.iter().map(|&x| F::of(x as f64)).collect()
}

fn matrix<F: Real>(a: &Whole2, columns: usize) -> Array2<F> {
    Array2::from_shape_fn((a.len(), columns), |(i, j)| F::of(a[i][j] as f64))
}

fn dot(a: &[i64], b: &[i64]) -> i64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(a: &Whole2, x: &[i64]) -> Whole1 {
    a.iter().map(|row| dot(row, x)).collect()
}

fn plus(a: &[i64], b: &[i64]) -> Whole1 {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn plus2(a: &Whole2, b: &Whole2) -> Whole2 {
    a.iter().zip(b).map(|(a, b)| plus(a, b)).collect()
}

fn trace(a: &Whole2, b: &Whole2) -> i64 {
    (0..a.len()).map(|i| (0..b.len()).map(|j| a[i][j] * b[j][i]).sum::<i64>()).sum()
}

/// The derivative along a step.
fn along(grad: &Array1<f64>, h: &[i64]) -> i64 {
    grad.iter().zip(h).map(|(&g, &h)| g as i64 * h).sum()
}

fn along2(grad: &Array2<f64>, h: &Whole2) -> i64 {
    grad.rows().into_iter().zip(h).map(|(g, h)| along(&g.to_owned(), h)).sum()
}

/// In f32 whole numbers are exact as well: everything is the same.
fn same<D: Dimension>(wide: &ArrayRef<f64, D>, narrow: &ArrayRef<f32, D>) {
    assert_eq!(wide.shape(), narrow.shape());
    assert!(wide.iter().zip(narrow).all(|(&w, &n)| w == f64::from(n)));
}

fn square() -> impl Strategy<Value = (Whole1, Whole2, Whole1)> {
    (0_usize..7).prop_flat_map(|d| (whole(d), table(d, d), whole(d)))
}

/// x, A, y, and a step for each.
type Six = ((Whole1, Whole2, Whole1), (Whole1, Whole2, Whole1));

fn oblong() -> impl Strategy<Value = Six> {
    let three = |(n, m)| (whole(n), table(n, m), whole(m));
    (0_usize..6, 0_usize..6).prop_flat_map(move |size| (three(size), three(size)))
}

proptest! {
    #![proptest_config(config())]

    /// d(a'x)/dx = a'.
    #[test]
    fn law_a_linear_form_has_its_vector_as_derivative((a, _, x) in square(), step in whole(6)) {
        let at = linear::<f64>(&vector(&a), &vector(&x)).unwrap();
        let h = &step[..x.len()];
        prop_assert_eq!(at.value as i64, dot(&a, &x));
        prop_assert_eq!(dot(&a, &plus(&x, h)), dot(&a, &x) + along(&at.grad.1, h));
        prop_assert_eq!(dot(&plus(&a, h), &x), dot(&a, &x) + along(&at.grad.0, h));
        prop_assert_eq!(&at.grad.1, &vector::<f64>(&a));
        let narrow = linear::<f32>(&vector(&a), &vector(&x)).unwrap();
        same(&at.grad.0, &narrow.grad.0);
        same(&at.grad.1, &narrow.grad.1);
        prop_assert_eq!(f64::from(narrow.value), at.value);
    }

    /// d(x'Ax)/dx = x'(A + A'), for A that is not symmetric.
    #[test]
    fn law_a_quadratic_form_has_both_halves_in_its_derivative((x, a, h) in square(), turned in any::<bool>()) {
        let d = x.len();
        let form = |x: &[i64], a: &Whole2| dot(x, &times(a, x));
        let mut given = matrix::<f64>(&a, d);
        // The same numbers in column order.
        if turned {
            given = given.t().as_standard_layout().into_owned().reversed_axes();
        }
        let at = quadratic(&vector(&x), &given).unwrap();
        prop_assert_eq!(at.value as i64, form(&x, &a));
        prop_assert_eq!(form(&plus(&x, &h), &a), form(&x, &a) + along(&at.grad.0, &h) + form(&h, &a));
        let both = |j: usize| (0..d).map(|i| x[i] * (a[i][j] + a[j][i])).sum::<i64>();
        prop_assert!(at.grad.0.iter().enumerate().all(|(j, &g)| g as i64 == both(j)));
        let step = a.iter().map(|row| plus(row, &h)).collect();
        prop_assert_eq!(form(&x, &plus2(&a, &step)), form(&x, &a) + along2(&at.grad.1, &step));
        // The Hessian is symmetric, and twice the form of second order.
        let hessian = quadratic_hessian(&given).unwrap();
        let bent: i64 = (0..d).map(|i| (0..d).map(|j| h[i] * hessian[[i, j]] as i64 * h[j]).sum::<i64>()).sum();
        prop_assert_eq!(bent, 2 * form(&h, &a));
        prop_assert_eq!(&hessian, &hessian.t());
        let narrow = quadratic::<f32>(&vector(&x), &matrix(&a, d)).unwrap();
        same(&at.grad.0, &narrow.grad.0);
        same(&at.grad.1, &narrow.grad.1);
    }

    /// d((x'a)^2)/dx = 2 x'a a'.
    #[test]
    fn law_a_squared_projection_has_twice_its_projection_times_its_vector((x, _, a) in square(), step in whole(6)) {
        let h = &step[..x.len()];
        let form = |x: &[i64], a: &[i64]| dot(x, a) * dot(x, a);
        let at = squared_projection::<f64>(&vector(&x), &vector(&a)).unwrap();
        prop_assert_eq!(at.value as i64, form(&x, &a));
        prop_assert_eq!(form(&plus(&x, h), &a), form(&x, &a) + along(&at.grad.0, h) + form(h, &a));
        prop_assert_eq!(form(&x, &plus(&a, h)), form(&x, &a) + along(&at.grad.1, h) + form(&x, h));
        let hessian = squared_projection_hessian::<f64>(&vector(&a));
        for i in 0..a.len() {
            prop_assert_eq!(at.grad.0[i] as i64, 2 * dot(&x, &a) * a[i]);
            for j in 0..a.len() {
                prop_assert_eq!(hessian[[i, j]] as i64, 2 * a[i] * a[j]);
            }
        }
        // It is the quadratic form of a a'.
        let outer = a.iter().map(|&p| a.iter().map(|&q| p * q).collect()).collect();
        let other = quadratic::<f64>(&vector(&x), &matrix(&outer, a.len())).unwrap();
        prop_assert_eq!((at.value, &at.grad.0), (other.value, &other.grad.0));
    }

    /// Linear in each of its three arguments.
    #[test]
    fn law_a_bilinear_form_is_linear_in_each_argument(((x, a, y), (h, step, k)) in oblong()) {
        let form = |x: &[i64], a: &Whole2, y: &[i64]| dot(x, &times(a, y));
        let at = bilinear::<f64>(&vector(&x), &matrix(&a, y.len()), &vector(&y)).unwrap();
        let here = form(&x, &a, &y);
        prop_assert_eq!(at.value as i64, here);
        prop_assert_eq!(form(&plus(&x, &h), &a, &y), here + along(&at.grad.0, &h));
        prop_assert_eq!(form(&x, &plus2(&a, &step), &y), here + along2(&at.grad.1, &step));
        prop_assert_eq!(form(&x, &a, &plus(&y, &k)), here + along(&at.grad.2, &k));
    }

    #[test]
    fn law_least_squares_has_twice_the_residual_in_each_derivative(((b, a, x), (k, step, h)) in oblong()) {
        let form = |a: &Whole2, x: &[i64], b: &[i64]| {
            let residual = plus(&times(a, x), &b.iter().map(|b| -b).collect::<Whole1>());
            dot(&residual, &residual)
        };
        let given = matrix::<f64>(&a, x.len());
        let at = least_squares(&given, &vector(&x), &vector(&b)).unwrap();
        let here = form(&a, &x, &b);
        prop_assert_eq!(at.value as i64, here);
        let moved = times(&a, &h);
        prop_assert_eq!(form(&a, &plus(&x, &h), &b), here + along(&at.grad.1, &h) + dot(&moved, &moved));
        let moved = times(&step, &x);
        prop_assert_eq!(form(&plus2(&a, &step), &x, &b), here + along2(&at.grad.0, &step) + dot(&moved, &moved));
        prop_assert_eq!(form(&a, &x, &plus(&b, &k)), here + along(&at.grad.2, &k) + dot(&k, &k));
        // The Hessian is twice the form of second order.
        let hessian = least_squares_hessian(&given);
        let bent: i64 =
            (0..h.len()).map(|i| (0..h.len()).map(|j| h[i] * hessian[[i, j]] as i64 * h[j]).sum::<i64>()).sum();
        let moved = times(&a, &h);
        prop_assert_eq!(bent, 2 * dot(&moved, &moved));
    }

    #[test]
    fn law_the_trace_of_a_product_has_the_other_factor_transposed(((_, a, _), (_, step, _)) in oblong(), m in 0_usize..6) {
        let columns = a.first().map_or(m, Vec::len);
        let b: Whole2 = (0..columns).map(|j| a.iter().map(|row| 2 * row[j] - 1).collect()).collect();
        let turned: Whole2 = (0..columns).map(|j| step.iter().map(|row| row[j]).collect()).collect();
        let (given, other) = (matrix::<f64>(&a, columns), matrix::<f64>(&b, a.len()));
        let at = trace_of_product(&given, &other).unwrap();
        prop_assert_eq!(at.value as i64, trace(&a, &b));
        prop_assert_eq!(trace(&plus2(&a, &step), &b), trace(&a, &b) + along2(&at.grad.0, &step));
        prop_assert_eq!(trace(&a, &plus2(&b, &turned)), trace(&a, &b) + along2(&at.grad.1, &turned));
        // The same however the factors are turned round, to the last bit.
        let around = trace_of_product(&other, &given).unwrap();
        prop_assert_eq!((at.value, at.grad.0, at.grad.1), (around.value, around.grad.1, around.grad.0));
    }

    /// Numbers that are not whole, all arguments in one row: against differences.
    #[test]
    fn law_forms_have_the_gradients_of_differences(all in reals((1, 16), -2.0, 2.0)) {
        let all = all.row(0).to_owned();
        let near = |f: &dyn Fn(&ArrayRef1<f64>) -> Flat, n: usize| {
            let x = all.slice_axis(Axis(0), Slice::from(..n)).to_owned();
            let agreement = gradient(|x| f(x).value, &x, &f(&x).grad).unwrap();
            assert!(agreement.within(1e-10), "{agreement}");
        };
        near(&|p| flat2(linear(&cut(p, 0, 4), &cut(p, 4, 8)).unwrap()), 8);
        near(&|p| flat3(bilinear(&cut(p, 0, 2), &cut2(p, 2, (2, 3)), &cut(p, 8, 11)).unwrap()), 11);
        near(&|p| flat2(quadratic(&cut(p, 0, 3), &cut2(p, 3, (3, 3))).unwrap()), 12);
        near(&|p| flat2(squared_projection(&cut(p, 0, 4), &cut(p, 4, 8)).unwrap()), 8);
        near(&|p| flat3(least_squares(&cut2(p, 0, (3, 2)), &cut(p, 6, 8), &cut(p, 8, 11)).unwrap()), 11);
        near(&|p| flat2(trace_of_product(&cut2(p, 0, (2, 4)), &cut2(p, 8, (4, 2))).unwrap()), 16);
    }
}

fn cut(p: &ArrayRef1<f64>, from: usize, to: usize) -> Array1<f64> {
    p.slice_axis(Axis(0), Slice::from(from..to)).to_owned()
}

fn cut2(p: &ArrayRef1<f64>, from: usize, shape: (usize, usize)) -> Array2<f64> {
    cut(p, from, from + shape.0 * shape.1).into_shape_with_order(shape).unwrap()
}

/// A value with all of its gradients in one row.
type Flat = ValueGrad<f64, Array1<f64>>;

/// Gradients one behind the other, in the order of the arguments.
type Two<D, E> = (Array<f64, D>, Array<f64, E>);

fn flat2<D: Dimension, E: Dimension>(ValueGrad { value, grad: (a, b) }: ValueGrad<f64, Two<D, E>>) -> Flat {
    ValueGrad { value, grad: a.iter().chain(&b).copied().collect() }
}

type Three<C, D, E> = (Array<f64, C>, Array<f64, D>, Array<f64, E>);

fn flat3<C: Dimension, D: Dimension, E: Dimension>(
    ValueGrad { value, grad: (a, b, c) }: ValueGrad<f64, Three<C, D, E>>,
) -> Flat {
    ValueGrad { value, grad: a.iter().chain(&b).chain(&c).copied().collect() }
}

#[test]
fn hard_forms_of_nothing_are_0() {
    let (none, empty) = (Array1::<f64>::zeros(0), Array2::<f64>::zeros((0, 0)));
    assert_eq!(linear(&none, &none).unwrap().value, 0.0);
    assert_eq!(squared_projection(&none, &none).unwrap().value, 0.0);
    assert_eq!(quadratic(&none, &empty).unwrap(), ValueGrad { value: 0.0, grad: (none.clone(), empty.clone()) });
    assert_eq!(bilinear(&none, &empty, &none).unwrap().value, 0.0);
    // Rows without columns: only the target is left.
    let at = least_squares(&Array2::zeros((2, 0)), &none, &array![3.0, 4.0]).unwrap();
    assert_eq!((at.value, at.grad.2), (25.0, array![6.0, 8.0]));
    assert_eq!(at.grad.0, Array2::<f64>::zeros((2, 0)));
    assert_eq!(trace_of_product(&Array2::<f64>::zeros((0, 2)), &Array2::zeros((2, 0))).unwrap().value, 0.0);
    assert_eq!(quadratic_hessian(&empty).unwrap(), empty);
    assert_eq!(squared_projection_hessian(&none), empty);
}

#[test]
fn hard_shapes_of_forms() {
    let (two, three) = (Array1::<f64>::zeros(2), Array1::<f64>::zeros(3));
    let (flat, tall) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::zeros((3, 2)));
    let wrong = |name, got: &[usize], expected: &[usize]| {
        Some(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(linear(&two, &three).err(), wrong("x", &[3], &[2]));
    assert_eq!(bilinear(&three, &flat, &two).err(), wrong("a", &[2, 3], &[3, 2]));
    assert_eq!(quadratic(&two, &flat).err(), wrong("a", &[2, 3], &[2, 2]));
    assert_eq!(quadratic_hessian(&tall).err(), wrong("a", &[3, 2], &[3, 3]));
    assert_eq!(squared_projection(&two, &three).err(), wrong("a", &[3], &[2]));
    assert_eq!(least_squares(&flat, &two, &two).err(), wrong("x", &[2], &[3]));
    assert_eq!(least_squares(&flat, &three, &three).err(), wrong("b", &[3], &[2]));
    assert_eq!(trace_of_product(&flat, &flat).err(), wrong("b", &[2, 3], &[3, 2]));
}

/// NaN comes out where it went in, and is no error: nothing is summed over rows.
#[test]
fn hard_nan_in_a_form_stays() {
    let at = quadratic(&array![1.0, f64::NAN], &array![[1.0, 0.0], [0.0, 1.0]]).unwrap();
    assert!(at.value.is_nan());
    assert_eq!(at.grad.1[[0, 0]], 1.0);
    assert!(at.grad.1[[1, 0]].is_nan());
}
