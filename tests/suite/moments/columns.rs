use estimand::kernel::Level;
use estimand::moments::{ColumnMoments, Moments};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ShapeBuilder, array, s};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::assert_readings;
use crate::support::strategy::{array as arrays, config, sizes};
use crate::support::threads::with_threads;

/// Additions in a lane of a block of rows: 128 rows of 16 columns at the most, narrow rows in 32 parts.
pub const CHAIN: usize = 128;

pub fn pushed<F: Real>(x: &Array2<F>) -> ColumnMoments<F> {
    let mut columns = ColumnMoments::new(x.ncols());
    x.rows().into_iter().for_each(|row| columns.push(&row).unwrap());
    columns
}

/// Every column by its definition.
#[track_caller]
pub fn assert_columns<F: Real>(what: &str, got: &ColumnMoments<F>, x: &Array2<F>, weights: &[F]) {
    let (mean, variance) = (got.mean().unwrap(), got.variance().unwrap());
    assert_eq!((mean.len(), variance.len(), got.width()), (x.ncols(), x.ncols(), x.ncols()), "{what}");
    for (j, column) in x.columns().into_iter().enumerate() {
        assert_readings(&format!("{what}, column {j}"), (mean[j], variance[j]), &column.to_vec(), weights, CHAIN);
    }
}

fn every_way<F: Real>(x: &Array2<f64>, at: usize) {
    let x = x.mapv(F::of);
    let ones = vec![F::one(); x.nrows()];
    let mut merged = ColumnMoments::of(&x.slice(s![..at, ..]));
    merged.merge(&pushed(&x.slice(s![at.., ..]).to_owned())).unwrap();
    let mut more = pushed(&x.slice(s![..at, ..]).to_owned());
    more.push_rows(&x.slice(s![at.., ..])).unwrap();
    let mut by_column = Array2::zeros(x.raw_dim().f());
    by_column.assign(&x);
    for (what, got) in [
        ("pushed", pushed(&x)),
        ("of", ColumnMoments::of(&x)),
        ("of, plain", ColumnMoments::of_at(Level::Plain, &x)),
        ("of column order", ColumnMoments::of(&by_column)),
        ("merged", merged),
        ("more rows", more),
        ("weights 1", ColumnMoments::of_weighted(&x, &Array1::ones(x.nrows())).unwrap()),
    ] {
        assert_eq!((got.count(), got.weight()), (x.nrows(), F::count(x.nrows())), "{what}");
        assert_columns(what, &got, &x, &ones);
    }
    assert_eq!(ColumnMoments::of(&by_column), ColumnMoments::of(&x), "the layout changes no bit");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_every_way_is_the_definition(
        x in sizes(300, 40).prop_flat_map(|size| arrays(size, -2.0, 3.0)), shift in -1e3..1e3_f64, cut in 0.0..1.0_f64,
    ) {
        let x = x.mapv(|x| f64::from((x + shift) as f32));
        let at = (cut * x.nrows() as f64) as usize;
        every_way::<f32>(&x, at);
        every_way::<f64>(&x, at);
    }

    /// Side by side they are what each is alone, weights and unbiased readings included.
    #[test]
    fn law_columns_are_moments_side_by_side(
        x in sizes(40, 6).prop_flat_map(|size| arrays(size, -2.0, 3.0)), w in prop::collection::vec(0.01..10.0_f64, 40),
    ) {
        let weights = Array1::from_vec(w[..x.nrows()].to_vec());
        let columns = ColumnMoments::of_weighted(&x, &weights).unwrap();
        for (j, column) in x.columns().into_iter().enumerate() {
            let alone = Moments::of_weighted(&column, &weights).unwrap();
            prop_assert_eq!(columns.column(j), Ok(alone));
            prop_assert_eq!(columns.mean().unwrap()[j], alone.mean().unwrap());
            prop_assert_eq!(columns.variance().unwrap()[j], alone.variance().unwrap());
            prop_assert_eq!(columns.effective_count(), alone.effective_count());
            prop_assert_eq!(columns.weight(), alone.weight());
            let read = |columns: Result<Array1<f64>, Error>| columns.map(|columns| columns[j]);
            prop_assert_eq!(read(columns.unbiased_variance()), alone.unbiased_variance());
            prop_assert_eq!(read(columns.std_error()), alone.std_error());
        }
    }
}

/// Widths around the lanes, rows around blocks and tasks.
#[test]
fn law_every_width_and_border() {
    for width in [1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 64, 300, 3000] {
        let block = (2048 / width).clamp(8, 1024);
        for rows in [1, 2, block - 1, block, block + 1, 2 * block + 3] {
            let x = Array2::from_shape_fn((rows, width), |(i, j)| {
                5.0 + (0.37 * (i * width + j) as f64).sin() * (j + 1) as f64
            });
            every_way::<f64>(&x, rows / 2);
        }
    }
}

#[test]
fn law_a_shift_changes_the_mean_alone() {
    let u = Standard::Uniform.draw::<f64, _, _>(&mut StdRng::seed_from_u64(5), (20_000, 3));
    let x = u.mapv(|u| 1e12 + u);
    every_way::<f64>(&x, 7_777);
    let variance = ColumnMoments::of(&x).variance().unwrap();
    assert!(variance.iter().all(|v| (12.0 * v - 1.0).abs() < 0.05), "{variance}");
}

#[test]
fn law_bits_do_not_depend_on_threads() {
    let x = Standard::Normal.draw::<f32, _, _>(&mut StdRng::seed_from_u64(6), (50_001, 7));
    let w = x.column(0).mapv(f32::abs);
    let make = || (ColumnMoments::of(&x), ColumnMoments::of_weighted(&x, &w).unwrap());
    let one = with_threads(1, make);
    for threads in [2, 7] {
        assert!(with_threads(threads, make) == one, "{threads} threads");
    }
}

#[test]
fn hard_no_rows_no_columns() {
    let few = |got, needs| Err(Error::TooFew { name: "x", got, needs });
    for nothing in [ColumnMoments::<f64>::new(2), ColumnMoments::of(&Array2::zeros((0, 2)))] {
        assert_eq!(nothing.mean(), few(0, 1));
        assert_eq!(nothing.std_error(), few(0, 1));
        assert_eq!(nothing.effective_count(), Err(Error::TooFew { name: "x", got: 0, needs: 1 }));
    }
    let mut one = ColumnMoments::of(&array![[1.0, 2.0]]);
    assert_eq!((one.mean(), one.variance()), (Ok(array![1.0, 2.0]), Ok(array![0.0, 0.0])));
    assert_eq!(one.unbiased_variance(), few(1, 2));
    one.merge(&ColumnMoments::new(2)).unwrap();
    assert_eq!(one, ColumnMoments::of(&array![[1.0, 2.0]]));
    let mut narrow = ColumnMoments::of(&Array2::<f64>::zeros((3, 0)));
    narrow.push(&Array1::zeros(0)).unwrap();
    assert_eq!((narrow.count(), narrow.mean()), (4, Ok(Array1::zeros(0))));
}

#[test]
fn hard_wrong_shapes_and_weights() {
    let mut columns = ColumnMoments::<f64>::new(2);
    let shape = |name, got: &[usize], expected: &[usize]| {
        Err(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(columns.push(&array![1.0]), shape("x", &[1], &[2]));
    assert_eq!(columns.push_weighted(&array![1.0, 2.0, 3.0], 1.0), shape("x", &[3], &[2]));
    assert_eq!(columns.push_rows(&Array2::zeros((4, 3))), shape("x", &[4, 3], &[4, 2]));
    assert_eq!(columns.merge(&ColumnMoments::new(1)), shape("other", &[1], &[2]));
    let expected = "a finite number that is not negative";
    let weight = Error::Parameter { name: "weight", value: -1.0, expected };
    assert_eq!(columns.push_weighted(&array![1.0, 2.0], -1.0), Err(weight));
    assert_eq!(columns, ColumnMoments::new(2));
    assert_eq!(columns.column(2), Err(Error::Parameter { name: "j", value: 2.0, expected: "the index of a column" }));
    assert_eq!(columns.column(1), Ok(Moments::new()));
    let x = array![[1.0], [2.0]];
    let of = |weights: &ArrayRef1<f64>| ColumnMoments::of_weighted(&x, weights).map(|_| ());
    assert_eq!(of(&array![1.0]), shape("weights", &[1], &[2]));
    assert_eq!(of(&array![1.0, f64::NAN]), Err(Error::NaN { name: "weights", row: 1 }));
    assert_eq!(of(&array![-2.0, 1.0]), Err(Error::Entry { name: "weights", index: vec![0], value: -2.0, expected }));
    let zero = ColumnMoments::of_weighted(&x, &array![0.0, 0.0]).unwrap();
    let expected = "weights whose sum is above 0 and finite";
    assert_eq!(zero.mean(), Err(Error::Parameter { name: "weights", value: 0.0, expected }));
}

#[test]
fn hard_the_row_of_a_nan() {
    for (rows, at) in [(4, 2), (3000, 2500), (40_000, 35_001)] {
        let mut x = Array2::<f64>::ones((rows, 3));
        x[[at, 1]] = f64::NAN;
        x[[rows - 1, 0]] = f64::NAN;
        let nan = |row| Err(Error::NaN { name: "x", row });
        let columns = ColumnMoments::of(&x);
        assert_eq!((columns.mean(), columns.count()), (nan(at), rows));
        assert_eq!(pushed(&x).variance(), nan(at));
        assert_eq!(ColumnMoments::of_weighted(&x, &Array1::zeros(rows)).unwrap().variance(), nan(at));
        let mut behind = ColumnMoments::of(&array![[1.0, 2.0, 3.0]]);
        behind.merge(&columns).unwrap();
        behind.push(&array![f64::NAN, 0.0, 0.0]).unwrap();
        assert_eq!(behind.std_error(), nan(at + 1));
        let alone = behind.column(2).unwrap();
        assert_eq!((alone.mean(), alone.count()), (Err(Error::NaN { name: "x", row: at + 1 }), rows + 2));
    }
}
