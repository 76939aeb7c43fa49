//! The spectrum of symmetric matrices against planted ones, and its derivatives against differences.

use estimand::Error;
use estimand::check::gradient_with_step;
use estimand::matrix::{Cholesky, SymmetricSpectrum};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, array};
use proptest::prelude::*;

use crate::support::matrices::{halves, largest, of_halves, off_identity, product, whole, with_spectrum};
use crate::support::strategy::{array as reals, config};

/// A symmetric matrix with eigenvalues at least .4 apart, which are given too, and numbers to go with it.
fn planted() -> impl Strategy<Value = (Array2<f64>, Vec<f64>, Array2<f64>)> {
    (1_usize..7).prop_flat_map(|d| {
        let shifts = prop::collection::vec(-0.3..=0.3_f64, d);
        (shifts, -3.0..3.0_f64, reals((d, d), -1.0, 1.0), reals((d, d), -2.0, 2.0)).prop_map(
            |(shifts, from, seed, other)| {
                let values: Vec<f64> = shifts.iter().enumerate().map(|(k, shift)| from + k as f64 + shift).collect();
                (with_spectrum(&values, &seed), values, other)
            },
        )
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_planted_spectrum_is_found((a, values, _) in planted()) {
        let d = values.len();
        let allowed = 8.0 * (d * d) as f64 * f64::EPSILON * largest(&a).max(1.0);
        let spectrum = SymmetricSpectrum::of(&a).unwrap();
        prop_assert!(spectrum.values().iter().zip(&values).all(|(got, value)| (got - value).abs() <= allowed));
        let q = spectrum.vectors();
        prop_assert!(off_identity(&q.t(), &q) <= 8.0 * d as f64 * f64::EPSILON);
        prop_assert!(largest(&(spectrum.map(|value| value) - &a)) <= allowed);
        // A function of the matrix: its square is its product with itself.
        prop_assert!(largest(&(spectrum.map(|value| value * value) - product(&a, &a))) <= 16.0 * d as f64 * allowed * largest(&a).max(1.0));
        let sizes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
        let least = sizes.iter().fold(f64::INFINITY, |least: f64, v| least.min(*v));
        if least > 0.01 {
            let expected = sizes.iter().fold(0.0, |most: f64, v| most.max(*v)) / least;
            prop_assert!((spectrum.condition() / expected - 1.0).abs() <= 2.0 * allowed / least);
        }
    }

    /// Eigenvalues, and scalars of eigenvectors that do not ask for a sign, along the lower half of symmetric steps.
    #[test]
    fn law_derivatives_of_a_symmetric_spectrum_are_those_of_differences((a, values, other) in planted()) {
        let d = values.len();
        let near = |f: &dyn Fn(&SymmetricSpectrum) -> f64, g: &Array2<f64>| {
            let along = |half: &ArrayRef1<f64>| SymmetricSpectrum::of(&whole(half, d)).map_or(f64::NAN, |a| f(&a));
            // Steps of a fraction of the gaps.
            let agreement = gradient_with_step(along, &halves(&a), &of_halves(g), 0.01).unwrap();
            assert!(agreement.within(1e-6), "{agreement}");
            assert_eq!(g, &g.t());
        };
        let spectrum = SymmetricSpectrum::of(&a).unwrap();
        let along = |v: &ArrayRef1<f64>, other: &ArrayRef1<f64>| v.iter().zip(other).map(|(v, o)| v * o).sum::<f64>();
        for k in 0..d {
            near(&|a| a.values()[k], &spectrum.value_grad(k).unwrap());
            // (v'o)^2 + (v'p)^4, which is the same for -v.
            let (o, p) = (other.column(0).to_owned(), other.row(0).to_owned());
            let f = |a: &SymmetricSpectrum| along(&a.vectors().column(k), &o).powi(2) + along(&a.vectors().column(k), &p).powi(4);
            let (v_o, v_p) = (along(&spectrum.vectors().column(k), &o), along(&spectrum.vectors().column(k), &p));
            let d_vector: Array1<f64> = o.iter().zip(&p).map(|(o, p)| 2.0 * v_o * o + 4.0 * v_p.powi(3) * p).collect();
            let g = spectrum.vector_pull_back(k, &d_vector).unwrap();
            if d > 1 {
                near(&f, &g);
            } else {
                prop_assert_eq!(g[[0, 0]], 0.0);
            }
        }
        // Two routes to the derivative of ln det: by the spectrum, the sum of v v' / lambda, and by the factor, the inverse.
        if values[0] > 0.1 {
            let mut sum = Array2::<f64>::zeros((d, d));
            for k in 0..d {
                sum = sum + spectrum.value_grad(k).unwrap().mapv(|g| g / spectrum.values()[k]);
            }
            let by_factor = Cholesky::of(&a).unwrap();
            let allowed = 16.0 * (d * d) as f64 * f64::EPSILON * largest(&a) / values[0];
            prop_assert!(largest(&(sum - by_factor.inverse())) <= allowed / values[0]);
            let by_spectrum: f64 = spectrum.values().iter().map(|value| value.ln()).sum();
            prop_assert!((by_spectrum - by_factor.log_det()).abs() <= allowed);
        }
    }
}

fn refused(k: f64, expected: &'static str) -> Option<Error> {
    Some(Error::Parameter { name: "k", value: k, expected })
}

#[test]
fn hard_eigenvalues_that_are_not_simple() {
    let a = SymmetricSpectrum::of(&array![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]]).unwrap();
    let simple = "the number of a simple eigenvalue";
    assert_eq!(a.value_grad(0).err(), refused(0.0, simple));
    assert_eq!(a.vector_pull_back(1, &Array1::zeros(3)).err(), refused(1.0, simple));
    assert_eq!(a.value_grad(2).unwrap()[[2, 2]], 1.0);
    assert_eq!(a.value_grad(3).err(), refused(3.0, "the number of an eigenvalue"));
    let shape = Error::Shape { name: "d_vector", got: vec![2], expected: vec![3] };
    assert_eq!(a.vector_pull_back(2, &Array1::zeros(2)).err(), Some(shape));
}

#[test]
fn hard_symmetric_matrices_at_the_edges() {
    let none = SymmetricSpectrum::of(&Array2::zeros((0, 0))).unwrap();
    assert_eq!((none.values().len(), none.condition()), (0, 1.0));
    assert_eq!(SymmetricSpectrum::of(&Array2::zeros((2, 2))).unwrap().condition(), f64::INFINITY);
    assert_eq!(SymmetricSpectrum::of(&array![[f64::NAN]]).err(), Some(Error::NaN { name: "a", row: 0 }));
    assert!(matches!(SymmetricSpectrum::of(&array![[1.0, 2.0], [3.0, 1.0]]), Err(Error::Entry { .. })));
    for size in [1e-150, 1e150] {
        let a: &ArrayRef2<f64> = &array![[2.0 * size, size], [size, 2.0 * size]];
        let values = SymmetricSpectrum::of(a).unwrap();
        assert!((values.values()[1] / size - 3.0).abs() < 1e-14);
    }
}
