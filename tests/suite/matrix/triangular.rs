//! The diagonal of a triangular matrix, against the QR iteration.

use estimand::matrix::{Spectrum, trace, triangular_eigenvalues};
use estimand::ndarray::{Array2, array};
use estimand::{Error, Real};
use proptest::prelude::*;

use crate::support::matrices::{largest, orthogonal, product};
use crate::support::strategy::{array as reals, config};

proptest! {
    #![proptest_config(config())]

    /// P4: the eigenvalues of a triangular matrix are its diagonal. QR is given a matrix some d epsilon |A| away, and each
    /// eigenvalue moves by its sensitivity times that.
    #[test]
    fn law_a_triangular_matrix_has_its_eigenvalues_on_the_diagonal(
        (full, lower) in (1_usize..8).prop_flat_map(|d| (reals((d, d), -1.0, 1.0), any::<bool>())),
    ) {
        let d = full.nrows();
        let a = Array2::from_shape_fn((d, d), |(i, j)| {
            // A diagonal with gaps: 0, 1, 2, ..., in an order of its own.
            let on = ((3 * i + 1) % d) as f64 + 0.25 * full[[i, i]];
            if i == j { on } else if (i > j) == lower { full[[i, j]] } else { 0.0 }
        });
        // Seen in another basis: the iteration gets a matrix that is full.
        let mixer = orthogonal(&full);
        let mixed = product(&product(&mixer, &a), &mixer.t());
        let by_qr = Spectrum::of(&mixed).unwrap();
        let mut off_diagonal = triangular_eigenvalues(&a).unwrap().to_vec();
        prop_assert_eq!(&off_diagonal, &a.diag().to_vec());
        off_diagonal.sort_by(f64::total_cmp);
        let unit = 16.0 * (d * d) as f64 * f64::EPSILON * largest(&a);
        for ((value, expected), sensitivity) in by_qr.values().iter().zip(&off_diagonal).zip(by_qr.sensitivity()) {
            let off = (value.re - expected).hypot(value.im);
            prop_assert!(off <= unit * sensitivity, "{value} {expected} {sensitivity:e}");
        }
        // Their product is the determinant, and their sum the trace.
        prop_assert_eq!(trace(&a).unwrap(), a.diag().iter().fold(0.0, |sum, x| sum + x));
    }
}

fn doors<F: Real>() {
    let number = |x: f64| F::of(x);
    let upper = array![[1.0, 2.0], [0.0, 3.0]].mapv(number);
    assert_eq!(triangular_eigenvalues(&upper).unwrap(), array![1.0, 3.0].mapv(number));
    assert_eq!(triangular_eigenvalues(&upper.t()).unwrap(), array![1.0, 3.0].mapv(number));
    let full = array![[1.0, 2.0, 0.0], [0.0, 3.0, 0.0], [0.0, 5.0, 1.0]].mapv(number);
    let stray = Error::Entry { name: "a", index: vec![2, 1], value: 5.0, expected: "0 (a triangular matrix)" };
    assert_eq!(triangular_eigenvalues(&full).err(), Some(stray));
    let wide = Array2::<F>::zeros((2, 3));
    let shape = Error::Shape { name: "a", got: vec![2, 3], expected: vec![2, 2] };
    assert_eq!(triangular_eigenvalues(&wide).err(), Some(shape.clone()));
    assert_eq!(trace(&wide).err(), Some(shape));
    assert_eq!(trace(&upper).unwrap(), number(4.0));
    assert_eq!(trace(&Array2::<F>::zeros((0, 0))).unwrap(), number(0.0));
    assert_eq!(triangular_eigenvalues(&Array2::<F>::zeros((0, 0))).unwrap().len(), 0);
}

#[test]
fn hard_what_is_no_triangular_matrix() {
    doors::<f32>();
    doors::<f64>();
    // NaN is not 0.
    let nan = array![[1.0, f64::NAN], [2.0, 1.0]];
    assert!(matches!(triangular_eigenvalues(&nan), Err(Error::Entry { .. })));
}
