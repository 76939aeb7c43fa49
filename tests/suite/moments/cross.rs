use estimand::moments::Scatter;
use estimand::ndarray::{Array1, Array2, array, s};
use proptest::prelude::*;

use super::scatter::{assert_covariance, pushed};
use crate::support::strategy::{array as arrays, config};

proptest! {
    #![proptest_config(config())]

    /// Chan's formula, from the smaller share or the larger: heavy parts and light ones, in any order.
    #[test]
    fn law_covariances_of_any_shares_join(
        x in (2..12_usize).prop_flat_map(|n| arrays((n, 3), -300.0, 301.0)),
        weights in prop::collection::vec(-40..40_i32, 12), cut in 0.0..1.0_f64,
    ) {
        let weights: Vec<f64> = weights[..x.nrows()].iter().map(|&w| 2.0_f64.powi(w)).collect();
        let at = 1 + (cut * (x.nrows() - 1) as f64) as usize;
        let part = |from: usize, to: usize| {
            let mut part = Scatter::new(3);
            (from..to).for_each(|i| part.push_weighted(&x.row(i), weights[i]).unwrap());
            part
        };
        let (mut ab, mut ba) = (part(0, at), part(at, x.nrows()));
        let a = ab.clone();
        ab.merge(&ba).unwrap();
        ba.merge(&a).unwrap();
        for scatter in [ab, ba] {
            assert_covariance("joined", &scatter.covariance().unwrap(), &x, &weights);
        }
    }
}

/// Two rows by hand: shares 1/4 and 3/4 and differences 4 and -2 make -3/2.
#[test]
fn ref_one_step_by_hand() {
    let mut scatter = Scatter::new(2);
    scatter.push_weighted(&array![1.0, 1.0], 1.0).unwrap();
    scatter.push_weighted(&array![5.0, -1.0], 3.0).unwrap();
    assert_eq!(scatter.mean(), Ok(array![4.0, -0.5]));
    assert_eq!(scatter.covariance(), Ok(array![[3.0, -1.5], [-1.5, 0.75]]));
}

/// A column with an infinity has an infinite variance and covariances that are not known; the others are what they are.
#[test]
fn hard_an_infinity_and_what_is_beside_it() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for rows in [6, 3000] {
        for at in [0, 3, rows - 1] {
            let x = Array2::from_shape_fn((rows, 3), |(i, j)| match j {
                0 => (i % 2) as f64,
                1 if i == at => inf,
                1 => (i % 3) as f64,
                _ => -2.0 * (i % 2) as f64,
            });
            let mut merged = Scatter::of(&x.slice(s![..2, ..]));
            merged.merge(&Scatter::of(&x.slice(s![2.., ..]))).unwrap();
            let weighted = Scatter::of_weighted(&x, &Array1::ones(rows)).unwrap();
            for got in [Scatter::of(&x), pushed(&x), merged, weighted] {
                let covariance = got.covariance().unwrap();
                assert!((covariance[[0, 2]] + 0.5).abs() < 1e-13 && covariance[[1, 1]] == inf, "{covariance}");
                for place in [[0, 1], [1, 0], [1, 2], [2, 1]] {
                    assert!(covariance[place].is_nan(), "{covariance}");
                }
                assert!(got.unbiased_covariance().unwrap()[[2, 1]].is_nan());
            }
        }
    }
    // The first row and the only one.
    let one = pushed(&array![[inf, 1.0]]).covariance().unwrap();
    assert!(one[[0, 0]] == inf && one[[0, 1]].is_nan() && one[[1, 1]] == 0.0 && nan.is_nan());
}

/// A weight of 0 leaves a row out, whatever is in it.
#[test]
fn hard_a_weight_of_nothing_silences_an_infinity() {
    let x = array![[f64::INFINITY, 1e300], [0.0, 0.0], [2.0, -4.0], [-f64::MAX, f64::INFINITY]];
    let weights = array![0.0, 1.0, 1.0, 0.0];
    let bulk = Scatter::of_weighted(&x, &weights).unwrap();
    let mut one = Scatter::new(2);
    x.rows().into_iter().zip(&weights).for_each(|(row, &w)| one.push_weighted(&row, w).unwrap());
    // What weighs 10^-600 of the rest: its share is 0.
    let mut light = Scatter::of_weighted(&array![[f64::INFINITY, 1.0]], &array![1e-300]).unwrap();
    light.merge(&Scatter::of_weighted(&array![[0.0, 0.0], [2.0, -4.0]], &array![1e300, 1e300]).unwrap()).unwrap();
    for got in [bulk, one, light] {
        assert_eq!(got.covariance(), Ok(array![[1.0, -2.0], [-2.0, 4.0]]));
    }
}

/// Finite numbers whose products are none: infinite with their sign; beside a constant 0, and beside a small column
/// what they are.
#[test]
fn hard_products_that_overflow() {
    let max = f64::MAX;
    for rows in [4, 3000] {
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let x = Array2::from_shape_fn((rows, 5), |(i, j)| match j {
            0 => max * sign(i),
            1 => -1e200 * sign(i),
            2 => 5.0,
            3 => 1e-200 * sign(i),
            _ => sign(i),
        });
        let mut merged = Scatter::of(&x.slice(s![1..rows / 2, ..]));
        merged.merge(&pushed(&x.slice(s![rows / 2.., ..]).to_owned())).unwrap();
        merged.push(&x.row(0)).unwrap();
        for got in [Scatter::of(&x), pushed(&x), merged, Scatter::of_weighted(&x, &Array1::ones(rows)).unwrap()] {
            let c = got.covariance().unwrap();
            assert_eq!((c[[0, 0]], c[[0, 1]]), (f64::INFINITY, f64::NEG_INFINITY), "{c}");
            assert_eq!((c[[0, 2]], c[[1, 2]], c[[3, 2]]), (0.0, 0.0, 0.0), "{c}");
            for (found, expected) in [(c[[0, 3]], max * 1e-200), (c[[1, 3]], -1.0), (c[[1, 4]], -1e200)] {
                assert!((found / expected - 1.0).abs() < 1e-12, "{c}");
            }
        }
    }
}

/// What is wild stays so in what it joins, on either side.
#[test]
fn hard_a_wild_part_joins() {
    let (tame, wild) = (Scatter::of(&array![[1.0, 2.0], [2.0, 4.0]]), Scatter::of(&array![[1e300, 0.0], [1e300, 1.0]]));
    for (mut first, then) in [(tame.clone(), wild.clone()), (wild, tame)] {
        first.merge(&then).unwrap();
        // Means 1.5 and 10^300, and 3 and 1/2, in equal shares: 10^300 (-5/2) / 4.
        let c = first.covariance().unwrap();
        assert!((c[[0, 1]] + 6.25e299_f64).abs() < 6.25e284 && c[[0, 0]] == f64::INFINITY, "{c}");
    }
}

/// A row whose weight makes up for a distance whose square is no number, and one without weight.
#[test]
fn hard_light_rows_far_from_the_mean() {
    let mut scatter = Scatter::<f64>::new(2);
    scatter.push_weighted(&array![1e157, -1e157], 1.0).unwrap();
    let far = scatter.clone();
    scatter.push_weighted(&array![0.0, 0.0], 1e-10).unwrap();
    let c = scatter.covariance().unwrap();
    // -10^314 times both shares, which are 1 and 10^-10 to a part in 10^10.
    assert!((c[[0, 1]] / -1e304 - 1.0).abs() < 3e-10, "{c}");
    scatter.push_weighted(&array![0.0, 0.0], 0.0).unwrap();
    assert_eq!(scatter.covariance().unwrap(), c);
    let mut merged = Scatter::of_weighted(&array![[0.0, 0.0]], &array![1e-10]).unwrap();
    merged.merge(&far).unwrap();
    assert!((merged.covariance().unwrap()[[0, 1]] / -1e304 - 1.0).abs() < 3e-10);
}
