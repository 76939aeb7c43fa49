use estimand::gradient::{Fitted, control_variates};
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{Error, Grad};
use proptest::prelude::*;

use crate::rows::TwoParts;
use crate::support::strategy::{array as numbers, config};

fn grad(rows: Array2<f64>) -> Grad<f64, TwoParts> {
    let width = rows.ncols();
    Grad::new(rows, TwoParts { left: 1, right: width - 1 }).unwrap()
}

/// The regression of g on one control or two, by Cramer's rule, over the samples that are kept: coefficients.
fn regression(g: &[f64], h: &Array2<f64>, keep: impl Fn(usize) -> bool) -> Vec<f64> {
    let kept: Vec<usize> = (0..g.len()).filter(|&i| keep(i)).collect();
    let mean = |f: &dyn Fn(usize) -> f64| kept.iter().map(|&i| f(i)).sum::<f64>() / kept.len() as f64;
    let covariance = |a: &dyn Fn(usize) -> f64, b: &dyn Fn(usize) -> f64| {
        let (ma, mb) = (mean(a), mean(b));
        kept.iter().map(|&i| (a(i) - ma) * (b(i) - mb)).sum::<f64>()
    };
    let control = |c: usize| move |i: usize| h[[i, c]];
    let target = |i: usize| g[i];
    if h.ncols() == 1 {
        return vec![covariance(&control(0), &target) / covariance(&control(0), &control(0))];
    }
    let [a, b, c] = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| covariance(&control(i), &control(j)));
    let [x, y] = [0, 1].map(|i| covariance(&control(i), &target));
    let determinant = a * c - b * b;
    vec![(x * c - y * b) / determinant, (y * a - x * b) / determinant]
}

proptest! {
    #![proptest_config(config())]

    /// Against one regression a sample, fitted without it.
    #[test]
    fn law_each_rows_coefficients_leave_it_out((samples, k) in (5..12_usize, 1..=2_usize), x in numbers((12, 4), -1.0, 1.0), m in numbers((1, 2), -0.5, 0.5)) {
        let rows = Array2::from_shape_fn((samples, 2), |(i, j)| x[[i, j]] + 0.7 * x[[i, 2]]);
        let h = Array2::from_shape_fn((samples, k), |(i, j)| x[[i, 2 + j]] + 0.1 * (i * i) as f64);
        let means = Array1::from_shape_fn(k, |c| m[[0, c]]);
        let on_all = control_variates(&grad(rows.clone()), samples, &h, &means, Fitted::OnAll).unwrap();
        let left_out = control_variates(&grad(rows.clone()), samples, &h, &means, Fitted::LeavingOneOut).unwrap();
        prop_assert_eq!(&on_all.coefficients, &left_out.coefficients);
        for j in 0..2 {
            let g = rows.column(j).to_vec();
            let residual = |i: usize, beta: &[f64]| g[i] - (0..k).map(|c| beta[c] * (h[[i, c]] - means[c])).sum::<f64>();
            let beta = regression(&g, &h, |_| true);
            let all = (0..samples).map(|i| residual(i, &beta)).sum::<f64>() / samples as f64;
            let each = (0..samples).map(|i| residual(i, &regression(&g, &h, |k| k != i))).sum::<f64>() / samples as f64;
            // Two controls that nearly agree cost the square of their condition, twice: in Cramer's rule and here.
            let bound = 1e-9 * (1.0 + beta.iter().map(|b| b.abs()).sum::<f64>());
            prop_assert!((on_all.estimate.gradient.flat()[[0, j]] - all).abs() < bound);
            prop_assert!((left_out.estimate.gradient.flat()[[0, j]] - each).abs() < bound);
            for (c, beta) in beta.iter().enumerate() {
                prop_assert!((on_all.coefficients[[c, j]] - beta).abs() < bound);
            }
        }
    }
}

/// By enumeration: four controls, each of two values about 0, and rows that bend with them. Leaving one out keeps
/// the mean exactly, fitting on all does not.
#[test]
fn law_leaving_one_out_is_unbiased() {
    let samples = 5;
    let sizes = [0.5, 0.8, 1.3, 2.0, 2.9];
    let row = |h: f64| h.powi(3) + 2.0 * h * h - 1.0;
    let run = |fitted: Fitted| {
        let mut sum = 0.0;
        for signs in 0..1 << samples {
            let h =
                Array2::from_shape_fn((samples, 1), |(i, _)| if signs >> i & 1 == 1 { sizes[i] } else { -sizes[i] });
            let found = control_variates(&grad(h.mapv(row)), samples, &h, &array![0.0], fitted).unwrap();
            sum += found.estimate.gradient.flat()[[0, 0]];
        }
        sum / f64::from(1 << samples)
    };
    let truth = sizes.iter().map(|h| 2.0 * h * h - 1.0).sum::<f64>() / samples as f64;
    assert!((run(Fitted::LeavingOneOut) - truth).abs() < 1e-13, "{} {truth}", run(Fitted::LeavingOneOut));
    assert!((run(Fitted::OnAll) - truth).abs() > 0.1, "{}", run(Fitted::OnAll));
}

/// Rows that are linear in the controls have nothing left to estimate; several parameter rows are fitted apart.
#[test]
fn hard_linear_rows_are_exact_in_each_parameter_row() {
    let h = array![
        [0.5, 1.0],
        [-1.0, 0.3],
        [2.0, -0.4],
        [0.1, 0.9],
        [1.5, 1.1],
        [0.7, -2.0],
        [0.0, 0.2],
        [-0.6, 1.0],
        [1.1, 0.4],
        [0.3, 0.3]
    ];
    let slope = |i: usize| if i < 5 { [2.0, -1.0] } else { [0.5, 4.0] };
    let rows = Array2::from_shape_fn((10, 1), |(i, _)| 3.0 + slope(i)[0] * h[[i, 0]] + slope(i)[1] * h[[i, 1]]);
    let rows = Grad::new(rows, TwoParts { left: 1, right: 0 }).unwrap();
    let means = array![0.25, -0.5];
    for fitted in [Fitted::OnAll, Fitted::LeavingOneOut] {
        let found = control_variates(&rows, 5, &h, &means, fitted).unwrap();
        let expected = array![[3.0 + 0.5 + 0.5], [3.0 + 0.125 - 2.0]];
        assert!((&found.estimate.gradient.flat() - &expected).iter().all(|off: &f64| off.abs() < 1e-14));
        let beta = array![[2.0], [-1.0], [0.5], [4.0]];
        assert!((&found.coefficients - &beta).iter().all(|off: &f64| off.abs() < 1e-14));
        assert_eq!((found.estimate.variance, found.estimate.samples), (None, 5));
    }
}

#[test]
fn hard_controls_at_the_door() {
    let rows = || grad(Array2::from_shape_fn((6, 2), |(i, j)| (i * i + j) as f64));
    let h = Array2::from_shape_fn((6, 1), |(i, _)| i as f64);
    let run = |h: &Array2<f64>, m: &Array1<f64>, fitted| control_variates(&rows(), 6, h, m, fitted).err();
    let zero = array![0.0];
    let shape = |name, got: &[usize], expected: &[usize]| {
        Some(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(run(&Array2::zeros((5, 1)), &zero, Fitted::OnAll), shape("controls", &[5, 1], &[6, 1]));
    assert_eq!(run(&h, &array![0.0, 1.0], Fitted::OnAll), shape("means", &[2], &[1]));
    let none = run(&Array2::zeros((6, 0)), &Array1::zeros(0), Fitted::OnAll);
    assert_eq!(none, Some(Error::Parameter { name: "controls", value: 0.0, expected: "at least 1" }));
    let few = |draws, fitted| control_variates(&rows(), draws, &h, &zero, fitted).err();
    let too_few = |got, expected: &str| {
        Some(Error::Count { name: "rows", axis: "rows a parameter row", got, expected: expected.to_owned() })
    };
    assert_eq!(few(2, Fitted::OnAll), too_few(2, "at least 3"));
    assert_eq!(few(3, Fitted::LeavingOneOut), too_few(3, "at least 4"));
    assert_eq!(
        few(4, Fitted::OnAll),
        Some(Error::Count { name: "rows", axis: "rows", got: 6, expected: "a multiple of 4".to_owned() })
    );
    let mut holed = h.clone();
    holed[[4, 0]] = f64::NAN;
    assert_eq!(run(&holed, &zero, Fitted::OnAll), Some(Error::NaN { name: "controls", row: 4 }));
    let collinear = |h: &Array2<f64>, fitted| {
        let means = Array1::zeros(h.ncols());
        let error = run(h, &means, fitted);
        matches!(
            error,
            Some(Error::Parameter { name: "controls", expected: "columns that are not constant or collinear", .. })
        )
    };
    for constant in [1.0, 0.1, 0.3, -1e25] {
        assert!(collinear(&Array2::from_elem((6, 1), constant), Fitted::OnAll), "{constant}");
    }
    let twice = estimand::ndarray::concatenate(Axis(1), &[h.view(), (&h * 3.0).view()]).unwrap();
    assert!(collinear(&twice, Fitted::OnAll));
    // Without its only sample that moves, a control is constant.
    let lone = Array2::from_shape_fn((6, 1), |(i, _)| if i == 2 { 1.0 } else { 0.0 });
    assert!(collinear(&lone, Fitted::LeavingOneOut) && !collinear(&lone, Fitted::OnAll));
}
