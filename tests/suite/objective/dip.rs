use estimand::ndarray::{Array2, Axis, array, concatenate};
use estimand::objective::{DipForm, dip};
use estimand::{DiagGaussian, Error, Real};
use proptest::prelude::*;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

const FORMS: [DipForm; 2] = [DipForm::Means, DipForm::Aggregate];

/// Covariances entry by entry, as E xy - E x E y.
fn plain(head: &Array2<f64>, form: DipForm, off_diagonal: f64, diagonal: f64) -> f64 {
    let (n, dim) = (head.nrows() as f64, head.ncols() / 2);
    let mean = |of: &dyn Fn(usize) -> f64| (0..head.nrows()).map(of).sum::<f64>() / n;
    let mut total = 0.0;
    for i in 0..dim {
        for j in 0..dim {
            let mut c = mean(&|k| head[[k, i]] * head[[k, j]]) - mean(&|k| head[[k, i]]) * mean(&|k| head[[k, j]]);
            if i == j && form == DipForm::Aggregate {
                c += mean(&|k| (2.0 * head[[k, dim + i]]).exp());
            }
            total += if i == j { diagonal * (c - 1.0).powi(2) } else { off_diagonal * c * c };
        }
    }
    total
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_dip_is_its_definition(head in numbers((5, 6), -1.5, 1.0), off_diagonal in 0.0..10.0_f64, diagonal in 0.0..10.0_f64) {
        for form in FORMS {
            let found = dip(&DiagGaussian::from_head(&head).unwrap(), form, off_diagonal, diagonal).unwrap();
            let want = plain(&head, form, off_diagonal, diagonal);
            // Nine squares of entries of up to 10, weighed by 10.
            prop_assert!((found.value - want).abs() <= 64.0 * 9.0 * 1000.0 * f64::EPSILON, "{} {want}", found.value);
            assert_gradient("head", |h| plain(h, form, off_diagonal, diagonal), &head, found.grad.flat());
            let single = head.mapv(|x| x as f32);
            let q = DiagGaussian::from_head(&single).unwrap();
            let single = dip(&q, form, off_diagonal as f32, diagonal as f32).unwrap();
            // Entries are known to a few epsilon of the mean products that make them, and squares to twice that of their size.
            let entry = 1.0 + head.iter().fold(0.0_f64, |most, x| most.max(x * x)) + (2.0_f64).exp();
            let size = 3.0 * (2.0 * off_diagonal + diagonal) * entry * (1.0 + want / (off_diagonal + diagonal + 0.01)).sqrt();
            let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 32.0 * f64::from(f32::EPSILON) * size;
            prop_assert!(near(single.value, want), "{} {want} {size}", single.value);
            prop_assert!(single.grad.flat().iter().zip(found.grad.flat()).all(|(&a, &b)| near(a, b)));
        }
    }
}

/// Nothing to ask for: means that are the corners of a square, whose covariance is the identity; or none, under unit scales.
#[test]
fn law_the_identity_has_no_penalty() {
    let corners = array![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
    let scale = Array2::from_elem((4, 2), -1.0);
    let found = dip(&DiagGaussian::new(&corners, &scale).unwrap(), DipForm::Means, 3.0, 4.0).unwrap();
    assert_eq!((found.value, found.grad.flat()), (0.0, Array2::zeros((4, 4)).view()));
    let collapsed = concatenate![Axis(1), Array2::<f64>::zeros((4, 2)), Array2::zeros((4, 2))];
    let q = DiagGaussian::from_head(&collapsed).unwrap();
    let found = dip(&q, DipForm::Aggregate, 3.0, 4.0).unwrap();
    assert_eq!((found.value, found.grad.flat()), (0.0, Array2::zeros((4, 4)).view()));
    assert_eq!(dip(&q, DipForm::Means, 3.0, 4.0).unwrap().value, 8.0, "the means alone do not vary");
}

fn refused<F: Real>() {
    let q = |rows: usize, at: F| {
        DiagGaussian::new(Array2::from_elem((rows, 2), at), Array2::from_elem((rows, 2), F::zero())).unwrap()
    };
    let one = F::one();
    assert_eq!(dip(&q(1, one), DipForm::Means, one, one).unwrap_err(), Error::TooFew { name: "q", got: 1, needs: 2 });
    assert_eq!(dip(&q(2, F::nan()), DipForm::Means, one, one).unwrap_err(), Error::NaN { name: "loc", row: 0 });
    let weight = |name, value| Error::Parameter { name, value, expected: "a finite number that is not negative" };
    assert_eq!(dip(&q(2, one), DipForm::Means, -one, one).unwrap_err(), weight("off_diagonal", -1.0));
    // A variance beyond the numbers: not read, or left out by its weight.
    let wide = Array2::from_elem((2, 2), F::max_value().ln() * F::of(0.6));
    let wide = DiagGaussian::new(Array2::zeros((2, 2)), &wide).unwrap();
    for (form, diagonal) in [(DipForm::Means, one), (DipForm::Aggregate, F::zero())] {
        let at = dip(&wide, form, one, diagonal).unwrap();
        assert!(at.value.is_finite() && at.grad.flat().iter().all(|g| g.is_finite()), "{form:?}");
    }
    let error = dip(&q(2, one), DipForm::Means, one, F::infinity()).unwrap_err();
    assert_eq!(error, weight("diagonal", f64::INFINITY));
}

#[test]
fn hard_posteriors_without_a_covariance() {
    refused::<f32>();
    refused::<f64>();
}
