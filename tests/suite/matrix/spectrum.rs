//! P4 by routes that share nothing: eigenvalues by QR, determinants by elimination and by definition, inverses by
//! solution, traces by the diagonal; and matrices whose spectrum was planted.

use estimand::Error;
use estimand::check::gradient_with_step;
use estimand::matrix::{Complex64, Lu, Spectrum, trace};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, array};
use proptest::prelude::*;

use crate::support::matrices::{largest, orthogonal, product};
use crate::support::strategy::{array as reals, config};

/// How far an eigenvalue of sensitivity 1 may be: some d epsilon |A|, in the norm of Frobenius.
fn rounding(a: &ArrayRef2<f64>) -> f64 {
    16.0 * a.nrows() as f64 * f64::EPSILON * a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Any real matrix.
fn any_matrix() -> impl Strategy<Value = Array2<f64>> {
    (1_usize..8).prop_flat_map(|d| reals((d, d), -2.0, 2.0))
}

/// P B P^-1 of blocks B: real eigenvalues a unit apart, and pairs a +- bi. P is a product of reflections, with its columns
/// stretched by up to `stretch`.
fn planted(stretch: f64) -> impl Strategy<Value = (Array2<f64>, Vec<Complex64>)> {
    (0_usize..4, 0_usize..3).prop_filter("not empty", |&(r, p)| r + p > 0).prop_flat_map(move |(real, pairs)| {
        let d = real + 2 * pairs;
        (reals((d, d), -1.0, 1.0), prop::collection::vec(1.0..=stretch, d), prop::collection::vec(-0.3..0.3_f64, d))
            .prop_map(move |(seed, stretches, shifts)| {
                let mut block = Array2::<f64>::zeros((d, d));
                let mut values = Vec::new();
                for k in 0..real {
                    block[[k, k]] = k as f64 - 1.0 + shifts[k];
                    values.push(Complex64::new(block[[k, k]], 0.0));
                }
                for p in 0..pairs {
                    let k = real + 2 * p;
                    let (re, im) = (p as f64 + shifts[k], 1.0 + shifts[k + 1]);
                    for (place, x) in [([k, k], re), ([k, k + 1], im), ([k + 1, k], -im), ([k + 1, k + 1], re)] {
                        block[place] = x;
                    }
                    values.extend([Complex64::new(re, im), Complex64::new(re, -im)]);
                }
                let q = orthogonal(&seed);
                // P = Q S: P B P^-1 = Q (S B S^-1) Q'.
                let scaled = Array2::from_shape_fn((d, d), |(i, j)| stretches[i] * block[[i, j]] / stretches[j]);
                (product(&product(&q, &scaled), &q.t()), values)
            })
    })
}

/// The distance from each value to the nearest of the others, which is taken then.
fn matched(got: &ArrayRef1<Complex64>, expected: &[Complex64]) -> Vec<f64> {
    let mut left = expected.to_vec();
    let nearest = |value: &Complex64| {
        let k = (0..left.len()).min_by(|&i, &j| (left[i] - value).norm().total_cmp(&(left[j] - value).norm())).unwrap();
        (left.swap_remove(k) - value).norm()
    };
    got.iter().map(nearest).collect()
}

fn size(z: &ArrayRef1<Complex64>) -> f64 {
    z.iter().map(|z| z.norm_sqr()).sum::<f64>().sqrt()
}

/// A^-1 z, of a complex vector, by elimination.
fn solved(lu: &Lu, z: &ArrayRef1<Complex64>) -> Array1<Complex64> {
    let (re, im) = (lu.solve(&z.mapv(|z| z.re)).unwrap(), lu.solve(&z.mapv(|z| z.im)).unwrap());
    re.iter().zip(&im).map(|(&re, &im)| Complex64::new(re, im)).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_every_pair_is_an_eigenpair(a in any_matrix()) {
        let spectrum = Spectrum::of(&a).unwrap();
        let most = rounding(&a);
        prop_assert!(spectrum.residuals().iter().all(|&off| off <= most));
        for v in spectrum.vectors().columns() {
            prop_assert!((size(&v) - 1.0).abs() <= 8.0 * f64::EPSILON);
        }
        // Real, or in pairs; sorted.
        let values = spectrum.values();
        prop_assert!(values.iter().all(|z| z.im == 0.0 || values.iter().any(|other| *other == z.conj())));
        prop_assert!(values.iter().zip(values.iter().skip(1)).all(|(z, next)| (z.re, z.im) <= (next.re, next.im)));
    }

    /// P4a: 1 / lambda is an eigenvalue of the inverse, with the same eigenvector.
    #[test]
    fn law_the_inverse_has_the_inverse_eigenvalues(a in any_matrix()) {
        let d = a.nrows() as f64;
        let lu = Lu::of(&a).unwrap();
        let Ok(inverse) = lu.inverse() else { return Err(TestCaseError::reject("singular")) };
        let spectrum = Spectrum::of(&a).unwrap();
        let norm = |a: &ArrayRef2<f64>| a.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (&value, v) in spectrum.values().iter().zip(spectrum.vectors().columns()) {
            let off: Array1<Complex64> = solved(&lu, &v).iter().zip(&v).map(|(got, v)| got - v / value).collect();
            // A v = lambda v + r gives A^-1 v - v / lambda = -A^-1 r / lambda; and the solution has its own rounding,
            // d epsilon |A| |A^-1| of it.
            let allowed = norm(&inverse) * rounding(&a) / value.norm() + 8.0 * d * d * f64::EPSILON * norm(&a) * norm(&inverse).powi(2);
            prop_assert!(size(&off) <= allowed, "{off} {allowed:e}");
        }
        // And the spectrum of the inverse is that of the reciprocals.
        let of_inverse = Spectrum::of(&inverse).unwrap();
        let reciprocals: Vec<Complex64> = spectrum.values().iter().map(|value| value.inv()).collect();
        let sensitivity = of_inverse.sensitivity().iter().fold(0.0, |most: f64, s| most.max(*s));
        let moved = 8.0 * d * d * f64::EPSILON * norm(&a) * norm(&inverse).powi(2) + rounding(&inverse);
        let by_a: Vec<f64> = spectrum.values().iter().map(|value| sensitivity * rounding(&a) / value.norm_sqr()).collect();
        let most = by_a.iter().fold(sensitivity * moved, |most: f64, x| most.max(*x));
        if most < 0.01 {
            prop_assert!(matched(&of_inverse.values(), &reciprocals).iter().all(|&off| off <= 2.0 * most));
        }
    }

    /// P4c and P4d: the product is the determinant, the sum the trace, complex pairs and negative determinants too.
    #[test]
    fn law_the_product_is_the_determinant_and_the_sum_the_trace(a in any_matrix()) {
        let d = a.nrows();
        let spectrum = Spectrum::of(&a).unwrap();
        let (product, sum) = (spectrum.product(), spectrum.sum());
        // Both are exact for a matrix `rounding` away: a trace moves by d of that, a determinant by d times the largest
        // product of d - 1 singular values, which the lengths of the rows bound.
        let row = a.rows().into_iter().map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).fold(0.0, f64::max);
        prop_assert!((sum.re - trace(&a).unwrap()).abs() <= d as f64 * rounding(&a));
        prop_assert!(sum.im.abs() <= d as f64 * rounding(&a));
        let allowed = 2.0 * d as f64 * rounding(&a) * (row * (d as f64).sqrt()).powi(d as i32 - 1);
        prop_assert!((product.re - Lu::of(&a).unwrap().determinant()).abs() <= allowed, "{product} {allowed:e}");
        prop_assert!(product.im.abs() <= allowed);
    }

    #[test]
    fn law_a_planted_spectrum_is_found_with_its_pairs((a, values) in planted(30.0)) {
        let spectrum = Spectrum::of(&a).unwrap();
        let offs = matched(&spectrum.values(), &values);
        for (off, sensitivity) in offs.iter().zip(spectrum.sensitivity()) {
            prop_assert!(*off <= rounding(&a) * sensitivity, "{off:e} {sensitivity:e}");
        }
        let expected: Complex64 = values.iter().product();
        let most = spectrum.sensitivity().iter().fold(0.0, |most: f64, s| most.max(*s));
        let each = rounding(&a) * most * values.iter().map(|v| v.norm().max(1.0)).product::<f64>() * values.len() as f64;
        prop_assert!((spectrum.product() - expected).norm() <= 2.0 * each);
    }

    /// The derivative of a simple eigenvalue, its real part and its imaginary part.
    #[test]
    fn law_the_derivative_of_a_simple_eigenvalue_is_that_of_differences((a, _) in planted(3.0)) {
        let d = a.nrows();
        let spectrum = Spectrum::of(&a).unwrap();
        let flat: Array1<f64> = a.iter().copied().collect();
        for (k, &here) in spectrum.values().iter().enumerate() {
            let g = spectrum.value_grad(k).unwrap();
            for part in [|z: Complex64| z.re, |z: Complex64| z.im] {
                let near = |p: &ArrayRef1<f64>| {
                    let a = Array2::from_shape_vec((d, d), p.to_vec()).unwrap();
                    let values = Spectrum::of(&a).unwrap().values().to_vec();
                    // The same eigenvalue, a step on.
                    part(values.into_iter().min_by(|x, y| (x - here).norm().total_cmp(&(y - here).norm())).unwrap())
                };
                let grad: Array1<f64> = g.iter().map(|&g| part(g)).collect();
                if here.im == 0.0 && grad.iter().all(|g| *g == 0.0) {
                    continue;
                }
                let agreement = gradient_with_step(near, &flat, &grad, 0.002).unwrap();
                let scale = agreement.scale.max(g.iter().map(|g| g.norm()).fold(0.0, f64::max));
                prop_assert!(agreement.error <= 1e-6 * scale + agreement.resolution, "{agreement}");
            }
        }
    }

    /// Jordan blocks, seen in another basis: an eigenvalue of a block of size k is off by the k-th root of rounding, and
    /// sum and product are not.
    #[test]
    fn law_a_defective_matrix_keeps_its_sum_and_product(
        (seed, at) in (2_usize..6).prop_flat_map(|k| (reals((k, k), -1.0, 1.0), -2.0..2.0_f64)),
    ) {
        let k = seed.nrows();
        let block = Array2::from_shape_fn((k, k), |(i, j)| if i == j { at } else if i + 1 == j { 1.0 } else { 0.0 });
        let q = orthogonal(&seed);
        let a = product(&product(&q, &block), &q.t());
        let spectrum = Spectrum::of(&a).unwrap();
        let allowed = 2.0 * rounding(&a).powf(1.0 / k as f64);
        prop_assert!(spectrum.values().iter().all(|z| (z - Complex64::new(at, 0.0)).norm() <= allowed));
        prop_assert!((spectrum.sum().re - k as f64 * at).abs() <= k as f64 * rounding(&a));
        let slope = k as f64 * (at.abs() + 1.0).powi(k as i32 - 1);
        prop_assert!((spectrum.product() - Complex64::new(at.powi(k as i32), 0.0)).norm() <= 2.0 * slope * k as f64 * rounding(&a));
        // Eigenvalues are apart by rounding alone, and none has a derivative. (Of a block of two they are apart by the root of
        // rounding, which is where the line is drawn.)
        let simple = Error::Parameter { name: "k", value: 0.0, expected: "the number of a simple eigenvalue" };
        if k > 2 {
            prop_assert_eq!(spectrum.value_grad(0), Err(simple));
        }
        prop_assert!(spectrum.sensitivity().iter().all(|&s| s > 1e3));
    }

    /// [[a, c], [0, a + 1]] has the eigenvectors (1, 0) and (c, 1), the left ones (1, -c) and (0, 1): both sensitivities are
    /// the root of 1 + c^2. A symmetric matrix has none above 1.
    #[test]
    fn law_sensitivities_in_closed_form(at in -2.0..2.0_f64, c in -50.0..50.0_f64) {
        let expected = c.hypot(1.0);
        for a in [array![[at, c], [0.0, at + 1.0]], array![[at + 1.0, 0.0], [c, at]]] {
            let got = Spectrum::of(&a).unwrap().sensitivity();
            prop_assert!(got.iter().all(|s| (s / expected - 1.0).abs() <= 64.0 * f64::EPSILON * expected), "{got} {expected}");
        }
        let symmetric = Spectrum::of(&array![[at, c], [c, at + 1.0]]).unwrap().sensitivity();
        prop_assert!(symmetric.iter().all(|s| (s - 1.0).abs() <= 64.0 * f64::EPSILON), "{symmetric}");
    }

    /// A rotation by an angle has the eigenvalues e^(+-i angle).
    #[test]
    fn law_a_rotation_has_a_pair_on_the_circle(angle in -3.0..3.0_f64) {
        let (sin, cos) = angle.sin_cos();
        let spectrum = Spectrum::of(&array![[cos, -sin], [sin, cos]]).unwrap();
        let expected = [Complex64::new(cos, sin), Complex64::new(cos, -sin)];
        prop_assert!(matched(&spectrum.values(), &expected).iter().all(|&off| off <= 8.0 * f64::EPSILON));
        prop_assert!((spectrum.product().re - 1.0).abs() <= 16.0 * f64::EPSILON);
    }
}

/// The companion matrix of (x - 1) ... (x - n) has the roots as its eigenvalues, worse and worse conditioned.
#[test]
fn law_companion_matrices_have_the_roots_of_their_polynomial() {
    for n in 1..8_usize {
        let mut coefficients = vec![1.0_f64];
        for root in 1..=n {
            let mut next = vec![0.0; coefficients.len() + 1];
            for (k, c) in coefficients.iter().enumerate() {
                next[k + 1] += c;
                next[k] -= root as f64 * c;
            }
            coefficients = next;
        }
        let a = Array2::from_shape_fn((n, n), |(i, j)| {
            if j + 1 == n {
                -coefficients[i]
            } else if i == j + 1 {
                1.0
            } else {
                0.0
            }
        });
        let spectrum = Spectrum::of(&a).unwrap();
        let roots: Vec<Complex64> = (1..=n).map(|root| Complex64::new(root as f64, 0.0)).collect();
        for (off, sensitivity) in matched(&spectrum.values(), &roots).iter().zip(spectrum.sensitivity()) {
            assert!(*off <= rounding(&a) * sensitivity, "{n}: {off:e} {sensitivity:e}");
        }
        assert!((trace(&a).unwrap() - (n * (n + 1) / 2) as f64).abs() <= f64::EPSILON * largest(&a));
    }
}

/// Hilbert matrices, H_ij = 1 / (i + j + 1): their determinants are 1 / (1, 12, 2160, 6048000, 266716800000, ...).
#[test]
fn ref_hilbert_matrices() {
    for (n, reciprocal) in [(1, 1.0), (2, 12.0), (3, 2160.0), (4, 6_048_000.0), (5, 266_716_800_000.0)] {
        let a = Array2::from_shape_fn((n, n), |(i, j)| 1.0 / (i + j + 1) as f64);
        let spectrum = Spectrum::of(&a).unwrap();
        // The product moves by an eigenvalue's rounding over the least of them.
        let least = spectrum.values().iter().map(|z| z.norm()).fold(f64::INFINITY, f64::min);
        let relative = 2.0 * n as f64 * rounding(&a) / least;
        assert!((spectrum.product().re * reciprocal - 1.0).abs() <= relative, "{n}");
        assert!((Lu::of(&a).unwrap().determinant() * reciprocal - 1.0).abs() <= relative, "{n}");
        assert!((spectrum.sum().re - trace(&a).unwrap()).abs() <= n as f64 * rounding(&a));
    }
}

#[test]
fn hard_spectra_at_the_edges() {
    let none = Spectrum::of(&Array2::zeros((0, 0))).unwrap();
    assert_eq!(
        (none.values().len(), none.product(), none.sum()),
        (0, Complex64::new(1.0, 0.0), Complex64::new(0.0, 0.0))
    );
    let one = Spectrum::of(&array![[-3.0]]).unwrap();
    assert_eq!(one.values()[0], Complex64::new(-3.0, 0.0));
    assert_eq!(one.value_grad(0).unwrap()[[0, 0]].re, 1.0);
    let none = Error::Parameter { name: "k", value: 1.0, expected: "the number of an eigenvalue" };
    assert_eq!(one.value_grad(1).err(), Some(none));
    let jordan = Spectrum::of(&array![[1.0, 1.0], [0.0, 1.0]]).unwrap();
    assert!(jordan.sensitivity().iter().all(|&s| s > 1e15));
    let simple = Error::Parameter { name: "k", value: 0.0, expected: "the number of a simple eigenvalue" };
    assert_eq!(jordan.value_grad(0).err(), Some(simple));
    let shape = Error::Shape { name: "a", got: vec![1, 2], expected: vec![1, 1] };
    assert_eq!(Spectrum::of(&Array2::zeros((1, 2))).err(), Some(shape));
    assert_eq!(Spectrum::of(&array![[1.0, 0.0], [f64::NAN, 1.0]]).err(), Some(Error::NaN { name: "a", row: 1 }));
    for scale in [1e-200, 1e200] {
        let a = array![[0.0, -scale], [scale, 0.0]];
        let spectrum = Spectrum::of(&a).unwrap();
        assert!((spectrum.values()[1].im / scale - 1.0).abs() < 1e-14);
        assert!((size(&spectrum.vectors().column(0)) - 1.0).abs() < 1e-14);
    }
}

/// Repeated eigenvalues with eigenvectors enough: sensitivities of 1, and no derivative. Their simple neighbour has one.
#[test]
fn hard_a_repeated_eigenvalue_has_no_derivative() {
    for a in [Array2::eye(2), Array2::from_diag(&array![2.0, 2.0, 5.0])] {
        let spectrum = Spectrum::of(&a).unwrap();
        for k in 0..2 {
            let simple = Error::Parameter { name: "k", value: k as f64, expected: "the number of a simple eigenvalue" };
            assert_eq!(spectrum.value_grad(k), Err(simple));
        }
        assert!(a.nrows() < 3 || spectrum.value_grad(2).unwrap()[[2, 2]].re == 1.0);
    }
}

/// The spectrum of s A is s times that of A, for s so far out that products of entries are no numbers; and so are residuals.
#[test]
fn hard_spectra_of_tiny_and_of_huge_matrices() {
    let cycle = array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
    for a in [array![[0.0, 1.0], [1.0, 0.0]], cycle, array![[1.0, 2.0], [3.0, -4.0]]] {
        let plain = Spectrum::of(&a).unwrap();
        for power in [-1000, -900, 900, 1000] {
            let s = 2.0_f64.powi(power);
            let scaled = Spectrum::of(&(&a * s)).unwrap();
            for (got, want) in scaled.values().iter().zip(plain.values()) {
                assert!((got / s - want).norm() <= 8.0 * f64::EPSILON * 4.0, "{got} {want} 2^{power}");
            }
            assert!(scaled.residuals().iter().all(|r| *r <= 64.0 * f64::EPSILON * s && !r.is_nan()));
            assert_eq!(scaled.residuals().iter().any(|r| *r > 0.0), plain.residuals().iter().any(|r| *r > 0.0));
        }
    }
}
