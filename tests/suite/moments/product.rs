use estimand::moments::Scatter;
use estimand::ndarray::{Array1, Array2};

use super::scatter::{assert_covariance, every_way};

/// Columns around the panels of 64, rows around the 256 of a product and around tasks: none twice and none left out.
#[test]
fn law_every_border_of_products() {
    for (width, borders) in [
        (1, vec![256, 65_536]),
        (2, vec![256, 512]),
        (40, vec![256, 1638]),
        (63, vec![256]),
        (64, vec![256, 1024]),
        (65, vec![256]),
        (129, vec![256, 508]),
        (300, vec![2 * 218]),
    ] {
        for rows in borders.into_iter().flat_map(|n| [n - 1, n, n + 1]) {
            let x = Array2::from_shape_fn((rows, width), |(i, j)| {
                5.0 + (0.37 * (i * width + j) as f64).sin() * (j + 1) as f64 + (0.01 * (i * i) as f64).cos()
            });
            let got = Scatter::of(&x).covariance().unwrap();
            assert_covariance(&format!("{rows} of {width}"), &got, &x, &vec![1.0; rows]);
        }
    }
    let x = Array2::from_shape_fn((700, 3), |(i, j)| (1.3 * (i * 3 + j) as f64).sin() + (0.1 * i as f64).cos());
    every_way::<f64>(&x, 300);
}

/// Weights that fall from the largest numbers to none within one product, and their sum is no number.
#[test]
fn hard_weights_whose_sum_overflows_or_vanishes() {
    let n = 500;
    let x = Array2::from_shape_fn((n, 3), |(i, j)| (1.3 * (i * 3 + j) as f64).sin() + i as f64 / n as f64);
    // Halves of the largest number, so that two of them are one, and others that are nothing beside them.
    let fall = Array1::from_shape_fn(n, |i| if i < 400 { f64::MAX / 1024.0 } else { 1e-300 });
    let got = Scatter::of_weighted(&x, &fall).unwrap().covariance().unwrap();
    let ones: Vec<f64> = (0..n).map(|i| if i < 400 { 1.0 } else { 0.0 }).collect();
    assert_covariance("falling", &got, &x, &ones);
    // The least numbers there are.
    let least = Array1::from_elem(n, f64::from_bits(1));
    let got = Scatter::of_weighted(&x, &least).unwrap().covariance().unwrap();
    assert_covariance("least", &got, &x, &vec![1.0; n]);
}

/// Products that are numbers, and sums of them that are none.
#[test]
fn hard_sums_of_products_that_overflow() {
    for (size, spread) in [(2.9e153_f64, 1.0), (1e154, 0.5), (1e120, 1.0)] {
        let sign = |i: usize| if i.is_multiple_of(2) { size } else { -size };
        let x = Array2::from_shape_fn((3000, 3), |(i, j)| if j == 2 { -spread * sign(i) } else { sign(i) });
        for got in [Scatter::of(&x), Scatter::of_weighted(&x, &Array1::ones(3000)).unwrap()] {
            let c = got.covariance().unwrap();
            for (place, expected) in [([0, 1], size * size), ([1, 2], -spread * size * size)] {
                assert!((c[place] / expected - 1.0).abs() < 1e-12, "{size:e}: {c}");
            }
        }
    }
}
