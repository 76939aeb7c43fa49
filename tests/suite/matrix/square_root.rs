//! The root against its definition, S S = A, and its pull-back against differences.

use estimand::Error;
use estimand::check::gradient_with_step;
use estimand::matrix::SquareRoot;
use estimand::ndarray::{Array2, ArrayRef1, array};
use proptest::prelude::*;

use crate::support::matrices::{halves, largest, of_halves, product, whole, with_spectrum};
use crate::support::strategy::{array as reals, config};

fn roots() -> impl Strategy<Value = (Vec<f64>, Array2<f64>, Array2<f64>)> {
    (1_usize..7)
        .prop_flat_map(|d| (prop::collection::vec(0.3..2.0_f64, d), reals((d, d), -1.0, 1.0), reals((d, d), -2.0, 2.0)))
}

proptest! {
    #![proptest_config(config())]

    /// Semi-definite too: the first root is 0 for every other case.
    #[test]
    fn law_the_root_squared_is_the_matrix((mut roots, seed, _) in roots(), singular in any::<bool>()) {
        let d = roots.len();
        if singular {
            roots[0] = 0.0;
        }
        let squares: Vec<f64> = roots.iter().map(|r| r * r).collect();
        let a = with_spectrum(&squares, &seed);
        let s = SquareRoot::of(&a).unwrap();
        let root = s.root();
        prop_assert_eq!(root, root.t());
        let rounding = 16.0 * (d * d) as f64 * f64::EPSILON * largest(&a);
        prop_assert!(largest(&(product(&root, &root) - &a)) <= rounding);
        // Its own spectrum is known: a root of rounding stands for 0.
        let allowed = if singular { 2.0 * rounding.sqrt() } else { 4.0 * rounding };
        prop_assert!((s.trace() - roots.iter().sum::<f64>()).abs() <= allowed);
        prop_assert!(largest(&(&root - &with_spectrum(&roots, &seed))) <= allowed);
    }

    #[test]
    fn law_the_pull_back_of_the_root_solves_the_sylvester_equation((roots, seed, other) in roots()) {
        let d = roots.len();
        let squares: Vec<f64> = roots.iter().map(|r| r * r).collect();
        let a = with_spectrum(&squares, &seed);
        let s = SquareRoot::of(&a).unwrap();
        let g = s.pull_back(&other).unwrap();
        prop_assert_eq!(&g, &g.t());
        let both = product(&s.root(), &g) + product(&g, &s.root());
        let half = Array2::from_shape_fn((d, d), |(i, j)| 0.5 * (other[[i, j]] + other[[j, i]]));
        prop_assert!(largest(&(both - half)) <= 64.0 * (d * d) as f64 * f64::EPSILON * largest(&other).max(1.0) * 10.0);
        let f = |half: &ArrayRef1<f64>| SquareRoot::of(&whole(half, d)).map_or(f64::NAN, |s| (&s.root() * &other).sum());
        let agreement = gradient_with_step(f, &halves(&a), &of_halves(&g), 0.005).unwrap();
        prop_assert!(agreement.within(1e-6), "{agreement}");
    }
}

/// Roots that public code made complex, negative or version-dependent: here they are none of it.
#[test]
fn hard_scipy_22427() {
    // Rank one of three, whose zero eigenvalues are rounded to either sign.
    let v = [0.1, 0.7, -0.3];
    let a = Array2::from_shape_fn((3, 3), |(i, j)| v[i] * v[j]);
    let s = SquareRoot::of(&a).unwrap();
    assert!(s.root().iter().all(|x| x.is_finite()));
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((s.trace() - length).abs() < 1e-7);
    assert!(largest(&(product(&s.root(), &s.root()) - &a)) < 1e-15);
}

#[test]
fn hard_matrices_without_a_root() {
    let negative = SquareRoot::of(&array![[1.0, 0.0], [0.0, -0.5]]).err();
    let expected = "not negative (a positive semi-definite matrix)";
    assert_eq!(negative, Some(Error::Pivot { name: "a", pivot: 0, value: -0.5, expected }));
    let singular = SquareRoot::of(&array![[1.0, 0.0], [0.0, 0.0]]).unwrap();
    assert_eq!(singular.root(), array![[1.0, 0.0], [0.0, 0.0]]);
    let expected = "more than rounding (a positive definite matrix)";
    let refused = singular.pull_back(&Array2::zeros((2, 2))).err();
    assert_eq!(refused, Some(Error::Pivot { name: "a", pivot: 0, value: 0.0, expected }));
    let shape = Error::Shape { name: "d_root", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(singular.pull_back(&Array2::zeros((1, 2))).err(), Some(shape));
    let none = SquareRoot::of(&Array2::zeros((0, 0))).unwrap();
    assert_eq!((none.trace(), none.pull_back(&Array2::zeros((0, 0))).unwrap().len()), (0.0, 0));
}
