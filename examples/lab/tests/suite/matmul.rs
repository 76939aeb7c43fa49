use estimand::ndarray::{Array2, ArrayRef2, ArrayView2, ShapeBuilder, s};
use estimand::{Error, Real};
use lab::matmul::{Accum, product, product_into, product_transposed};
use lab::{Scalar, Threads};

use crate::support::{generator, random};

const SIZES: [(usize, usize, usize); 9] =
    [(1, 1, 1), (2, 3, 4), (5, 7, 3), (17, 33, 9), (65, 50, 31), (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 100, 100)];

/// The same numbers in four layouts: rows, columns, with gaps, and backwards.
fn layouts<F: Real>(a: &Array2<F>, check: impl Fn(ArrayView2<'_, F>)) {
    let (rows, columns) = a.dim();
    check(a.view());
    let by_columns = a.t().as_standard_layout().into_owned();
    check(by_columns.t());
    let mut gaps = Array2::from_elem((rows, columns + 3), F::of(9.0));
    gaps.slice_mut(s![.., 1..=columns]).assign(a);
    check(gaps.slice(s![.., 1..=columns]));
    let backwards = a.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
    check(backwards.slice(s![..;-1, ..;-1]));
}

/// A product in standard layout, as three nested loops say.
fn close_to_loops<F: Real>(c: &Array2<F>, a: &ArrayRef2<F>, b: &ArrayRef2<F>) {
    assert!(c.is_standard_layout());
    close_to(1, c.view(), a, b);
}

/// Three nested loops in f64, and the rounding error that a sum of k products may have in F, and `more`.
fn close_to<F: Real>(more: usize, c: ArrayView2<'_, F>, a: &ArrayRef2<F>, b: &ArrayRef2<F>) {
    assert_eq!(c.dim(), (a.nrows(), b.ncols()));
    for ((i, j), &got) in c.indexed_iter() {
        let terms = || (0..a.ncols()).map(|k| a[[i, k]].as_f64() * b[[k, j]].as_f64());
        let expected: f64 = terms().sum();
        let size: f64 = terms().map(f64::abs).sum();
        let bound = (a.ncols() + more) as f64 * F::epsilon().as_f64() * size;
        let error = (got.as_f64() - expected).abs();
        assert!(error <= bound, "{got} at {i}, {j}, expected {expected} +- {bound:e}");
    }
}

/// Into rows, columns, and columns with gaps, whatever they held; a quarter of the product, then the rest.
fn into_layouts<F: Scalar>(a: &Array2<F>, b: &Array2<F>, threads: Threads) {
    let (n, m) = (a.nrows(), b.ncols());
    let mut rows = Array2::from_elem((n, m), F::nan());
    let mut columns = Array2::from_elem((n, m).f(), F::nan());
    let mut wide = Array2::from_elem((n + 5, m).f(), F::nan());
    let quarter = F::of(0.25);
    for mut c in [rows.view_mut(), columns.view_mut(), wide.slice_mut(s![2..n + 2, ..])] {
        product_into(c.view_mut(), Accum::Replace, quarter, a, b, threads).unwrap();
        product_into(c.view_mut(), Accum::Add, F::one() - quarter, &a.view(), b, threads).unwrap();
        // A product with three quarters and an addition more than in one product.
        close_to(3, c.view(), a, b);
    }
    let mut outside = wide.indexed_iter().filter(|((i, _), _)| *i < 2 || *i >= n + 2);
    assert!(outside.all(|(_, x)| x.is_nan()), "written beside the result");
}

/// a^T b, as a layer's gradient is made.
fn sum_over_rows<F: Scalar>(a: &Array2<F>, b: &Array2<F>, threads: Threads) -> Array2<F> {
    let mut c = Array2::zeros((a.ncols(), b.ncols()));
    product_into(c.view_mut(), Accum::Replace, F::one(), &a.t(), b, threads).unwrap();
    c
}

fn products_agree_with_loops<F: Scalar>() {
    let mut rng = generator(1);
    for (n, k, m) in SIZES {
        let (a, b) = (random::<F>(&mut rng, n, k), random::<F>(&mut rng, k, m));
        let bt = b.t().to_owned();
        for threads in [Threads::ONE, Threads::new(2)] {
            layouts(&a, |a| {
                close_to_loops(&product(&a, &b, threads).unwrap(), &a, &b);
                close_to_loops(&product_transposed(&a, &bt, threads).unwrap(), &a, &b);
            });
            layouts(&b, |b| {
                close_to_loops(&product(&a, &b, threads).unwrap(), &a, &b);
            });
            layouts(&bt.as_standard_layout().into_owned(), |bt| {
                close_to_loops(&product_transposed(&a, &bt, threads).unwrap(), &a, &b);
            });
            into_layouts(&a, &b, threads);
        }
    }
}

#[test]
fn law_products_agree_with_loops_f32() {
    products_agree_with_loops::<f32>();
}

#[test]
fn law_products_agree_with_loops_f64() {
    products_agree_with_loops::<f64>();
}

#[test]
fn stream_bits_are_those_of_one_thread() {
    let mut rng = generator(2);
    // Odd, and large enough for the second thread to be used.
    let (n, k, m) = (129, 203, 77);
    let a = random::<f32>(&mut rng, n, k);
    let b = random::<f32>(&mut rng, k, m);
    let c = random::<f32>(&mut rng, n, m);
    let all = |threads| {
        [
            product(&a, &b, threads).unwrap(),
            product_transposed(&c, &b, threads).unwrap(),
            sum_over_rows(&a, &c, threads),
        ]
    };
    let one = all(Threads::ONE);
    for count in [2, 3, 7] {
        for (many, one) in all(Threads::new(count)).iter().zip(&one) {
            let same = many.iter().zip(one).all(|(x, y)| x.to_bits() == y.to_bits());
            assert!(same, "{count} threads");
        }
    }
}

#[test]
fn hard_nothing_to_sum_is_zero() {
    let a = Array2::<f64>::zeros((3, 0));
    let b = Array2::<f64>::zeros((0, 2));
    assert_eq!(product(&a, &b, Threads::ONE).unwrap(), Array2::<f64>::zeros((3, 2)));
    let (a, b) = (Array2::<f32>::zeros((0, 3)), Array2::<f32>::zeros((0, 2)));
    assert_eq!(sum_over_rows(&a, &b, Threads::new(2)), Array2::<f32>::zeros((3, 2)));
}

#[test]
fn hard_inner_sizes_must_match() {
    let (a, b) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::zeros((4, 5)));
    let wrong = |expected: [usize; 2]| {
        let (name, got, expected) = ("b", vec![4, 5], expected.to_vec());
        Err(Error::Shape { name, got, expected })
    };
    assert_eq!(product(&a, &b, Threads::ONE), wrong([3, 5]));
    assert_eq!(product_transposed(&a, &b, Threads::ONE), wrong([4, 3]));
    let mut c = Array2::zeros((2, 4));
    let into = |c: &mut Array2<f64>, b: &Array2<f64>| {
        product_into(c.view_mut(), Accum::Add, 1.0, &a, b, Threads::ONE).unwrap_err()
    };
    assert_eq!(Err::<Array2<f64>, _>(into(&mut c, &b)), wrong([3, 5]));
    let (name, got, expected) = ("c", vec![2, 4], vec![2, 5]);
    assert_eq!(into(&mut c, &Array2::zeros((3, 5))), Error::Shape { name, got, expected });
}
