use estimand::Error;
use estimand::check::{Nodes, oracle};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;

use crate::support::strategy::config;

fn coin() -> Nodes {
    Nodes::finite(&[-1.0, 2.0], &[0.25, 0.75]).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// A sum of independent numbers has the sum of their means and variances, a product the product of their second
    /// moments: over thousands of draws, handed over in batches.
    #[test]
    fn law_sums_and_products_of_independent_numbers(a in prop::collection::vec(-2.0..2.0_f64, 2..9), p in 0.1..0.9_f64) {
        let nodes: Vec<Nodes> = a.iter().map(|&a| Nodes::finite(&[a, a + 1.0, 2.0], &[p, 0.5 * (1.0 - p), 0.5 * (1.0 - p)]).unwrap()).collect();
        let moments = |n: &Nodes| {
            let mean: f64 = n.points().iter().zip(n.weights()).map(|(x, w)| w * x).sum();
            let square: f64 = n.points().iter().zip(n.weights()).map(|(x, w)| w * x * x).sum();
            (mean, square)
        };
        let all: Vec<&Nodes> = nodes.iter().collect();
        let width = all.len();
        let exact = oracle(&all, width, |noise: Array2<f64>| {
            let row = |i: usize| (noise.row(i).sum(), noise.row(i).product());
            Ok(Array2::from_shape_fn((noise.nrows(), 2), |(i, j)| if j == 0 { 1e6 + row(i).0 } else { row(i).1 }))
        }).unwrap();
        prop_assert_eq!(exact.draws, 3_usize.pow(width as u32));
        let mean: f64 = nodes.iter().map(|n| moments(n).0).sum();
        let variance: f64 = nodes.iter().map(|n| moments(n).1 - moments(n).0.powi(2)).sum();
        let product: f64 = nodes.iter().map(|n| moments(n).0).product();
        let squares: f64 = nodes.iter().map(|n| moments(n).1).product();
        // 1e6 is rounded to 1e-10: of a deviation of up to 30, twice.
        prop_assert!((exact.mean[0] - 1e6 - mean).abs() < 1e-9 && (exact.variance[0] - variance).abs() < 1e-8);
        let size = 3.0_f64.powi(width as i32);
        prop_assert!((exact.mean[1] - product).abs() < 1e-14 * size);
        prop_assert!((exact.variance[1] - (squares - product * product)).abs() < 1e-14 * size * size);
    }
}

#[test]
fn ref_draws_are_laid_out_in_reading_order() {
    let (a, b) = (coin(), Nodes::finite(&[10.0, 20.0, 30.0], &[0.5, 0.25, 0.25]).unwrap());
    let mut seen = Vec::new();
    let exact = oracle(&[&a, &b, &b, &a], 2, |noise: Array2<f32>| {
        assert_eq!(noise.dim(), (2 * 36, 2));
        seen.push(noise.clone());
        Ok(Array2::from_shape_fn((36, 1), |(i, _)| noise[[2 * i, 1]] - 2.0 * noise[[2 * i + 1, 0]]))
    });
    let exact = exact.unwrap();
    assert_eq!((exact.mean[0], exact.draws), (-17.5, 36));
    assert_eq!(exact.variance[0], 68.75 * 5.0);
    // Two rows a draw; the last number turns fastest.
    assert_eq!(
        seen[0].rows().into_iter().take(4).map(|r| r.to_vec()).collect::<Vec<_>>(),
        [[-1.0, 10.0], [10.0, -1.0], [-1.0, 10.0], [10.0, 2.0]]
    );
}

/// Batches whose weights vanish (far tails of many numbers) add nothing.
#[test]
fn hard_weights_that_underflow() {
    let tail = Nodes::finite(&[1.0, 2.0], &[1e-300, 1.0]).unwrap();
    let nodes = vec![&tail; 13];
    let exact = oracle(&nodes, 13, |noise: Array2<f64>| {
        Ok(noise.sum_axis(estimand::ndarray::Axis(1)).insert_axis(estimand::ndarray::Axis(1)))
    });
    let exact = exact.unwrap();
    assert_eq!((exact.mean[0], exact.variance[0]), (26.0, 13.0e-300));
}

/// Costs that are infinite where the weight is not 0, and where it is.
#[test]
fn hard_infinite_rows() {
    let run = |weight: f64| {
        let bit = Nodes::finite(&[0.0, 1.0], &[1.0 - weight, weight]).unwrap();
        let rows = |noise: Array2<f64>| Ok(noise.mapv(|b| if b > 0.5 { f64::INFINITY } else { 3.0 }));
        oracle(&[&bit], 1, rows).unwrap()
    };
    let (seen, unseen) = (run(0.25), run(0.0));
    assert_eq!((seen.mean[0], seen.variance[0]), (f64::INFINITY, f64::INFINITY));
    assert_eq!((unseen.mean[0], unseen.variance[0], unseen.draws), (3.0, 0.0, 2));
}

#[test]
fn hard_oracles_at_the_door() {
    let c = coin();
    let identity = |noise: Array2<f64>| Ok(noise);
    let none = Error::Parameter { name: "nodes", value: 0.0, expected: "at least 1" };
    assert_eq!(oracle(&[], 1, identity).err(), Some(none));
    let misfit = |width: usize, expected: &str| {
        let error = Error::Count { name: "nodes", axis: "rows", got: 3, expected: expected.to_owned() };
        assert_eq!(oracle(&[&c; 3], width, identity).err(), Some(error));
    };
    misfit(2, "a multiple of 2");
    let width = Error::Parameter { name: "width", value: 0.0, expected: "at least 1" };
    assert_eq!(oracle(&[&c; 3], 0, identity).err(), Some(width));
    let many = oracle(&vec![&c; 40], 1, identity).err();
    let expected = "nodes whose numbers have a product of at most 2^32".to_owned();
    assert_eq!(many, Some(Error::Count { name: "nodes", axis: "rows", got: 40, expected }));
    let short = oracle(&[&c, &c], 1, identity).err();
    assert_eq!(short, Some(Error::Shape { name: "rows", got: vec![8, 1], expected: vec![4, 1] }));
    let nan = oracle(&[&c, &c], 2, |noise: Array2<f64>| {
        Ok(Array2::from_shape_fn((4, 1), |(i, _)| if noise[[i, 0]] > 0.0 { f64::NAN } else { 0.0 }))
    });
    assert_eq!(nan.err(), Some(Error::NaN { name: "rows", row: 2 }));
    let failing = oracle(&[&c], 1, |_: Array2<f64>| Err::<Array2<f64>, _>(Error::NaN { name: "cost", row: 0 }));
    assert_eq!(failing.err(), Some(Error::NaN { name: "cost", row: 0 }));
    // Behind a batch: the row is that of all draws.
    let late = Nodes::finite(&[0.0; 2100], &[1.0 / 2100.0; 2100]).unwrap();
    let mut batches = 0;
    let nan = oracle(&[&late], 1, |noise: Array2<f64>| {
        batches += 1;
        Ok(Array2::from_shape_fn((noise.nrows(), 2), |at| if batches == 2 && at == (7, 1) { f64::NAN } else { 0.0 }))
    });
    assert_eq!(nan.err(), Some(Error::NaN { name: "rows", row: 2055 }));
    // A width that changes from one batch to the next.
    let wide = Nodes::finite(&[0.0; 2100], &[1.0 / 2100.0; 2100]).unwrap();
    let changing = oracle(&[&wide], 1, |noise: Array2<f64>| {
        let n = noise.nrows();
        Ok(Array2::zeros((n, if n == 2048 { 1 } else { 2 })))
    });
    assert_eq!(changing.err(), Some(Error::Shape { name: "rows", got: vec![52, 2], expected: vec![52, 1] }));
    assert_eq!(oracle(&[&c], 1, |noise: Array2<f64>| Ok(noise)).unwrap().mean, array![1.25]);
}
