use estimand::moments::ColumnMoments;
use estimand::ndarray::{Array1, Array2, array};

use super::assert_readings;
use super::columns::{CHAIN, pushed};

/// Infinities and numbers whose squares are none stay in their columns.
#[test]
fn hard_wild_columns() {
    let (inf, max) = (f64::INFINITY, f64::MAX);
    for rows in [5, 3000] {
        let x = Array2::from_shape_fn((rows, 4), |(i, j)| match j {
            0 => (i % 5) as f64,
            1 if i == 3 => inf,
            2 => max,
            3 if i % 2 == 0 => -max,
            3 => max,
            _ => 1.0,
        });
        let ones = vec![1.0; rows];
        for columns in [ColumnMoments::of(&x), pushed(&x), ColumnMoments::of_weighted(&x, &Array1::ones(rows)).unwrap()]
        {
            let (mean, variance) = (columns.mean().unwrap(), columns.variance().unwrap());
            assert_readings("calm", (mean[0], variance[0]), &x.column(0).to_vec(), &ones, CHAIN);
            assert_eq!((mean[1], variance[1]), (inf, inf));
            assert_eq!((mean[2], variance[2]), (max, 0.0));
            assert!(mean[3].abs() < max && variance[3] == inf, "{mean}");
        }
    }
}

/// What is wild stays so in what it joins, on either side.
#[test]
fn hard_a_wild_part_joins() {
    let (tame, wild) = (ColumnMoments::of(&array![[1.0], [2.0]]), ColumnMoments::of(&array![[f64::MAX], [f64::MAX]]));
    for (mut first, then) in [(tame.clone(), wild.clone()), (wild, tame)] {
        first.merge(&then).unwrap();
        first.push(&array![0.0]).unwrap();
        let mean = first.mean().unwrap()[0];
        assert!((mean / (0.4 * f64::MAX) - 1.0).abs() < 8.0 * f64::EPSILON, "{mean:e}");
        assert_eq!(first.variance().unwrap(), array![f64::INFINITY]);
    }
}
