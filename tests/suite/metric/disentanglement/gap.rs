use estimand::metric::disentanglement::{entropies, histogram, mig, mutual_information, sap};
use estimand::ndarray::{Array1, Array2, Axis, array, concatenate};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{information_limit, normal, random_classes, refuses_codes, reordered};
use crate::support::layouts::every_layout;
use crate::support::strategy::{array as arrays, config, sizes};

/// The largest and the next of each column, by sorting.
fn by_sorting(table: &Array2<f64>) -> Array1<f64> {
    let gap = |column: estimand::ndarray::ArrayView1<'_, f64>| {
        let mut sorted = column.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted[0] - sorted.get(1).unwrap_or(&0.0)
    };
    table.columns().into_iter().map(gap).collect()
}

proptest! {
    #![proptest_config(config())]

    /// Differences and quotients of two numbers, and a mean: 8 epsilon.
    #[test]
    fn law_gaps_are_those_of_the_sorted_columns(
        table in sizes(6, 6).prop_flat_map(|size| arrays(size, -1.0, 3.0)),
        h in prop::collection::vec(0.5..3.0_f64, 6),
        by in 1..7_usize,
    ) {
        let expected = by_sorting(&table);
        let k = table.ncols();
        let plain = sap(&table).unwrap();
        prop_assert_eq!(&plain.by_factor, &expected);
        prop_assert!((plain.mean - expected.sum() / k as f64).abs() <= 8.0 * f64::EPSILON * 4.0);
        for (best, column) in plain.code.iter().zip(table.columns()) {
            prop_assert!(column.iter().all(|&x| x <= column[*best]));
        }
        let h = Array1::from_vec(h[..k].to_vec());
        let scaled = mig(&table, &h).unwrap();
        prop_assert_eq!(&scaled.by_factor, &(&expected / &h));
        prop_assert_eq!(&mig(&reordered(&table, 0, by), &h).unwrap().by_factor, &scaled.by_factor);
        let turned = mig(&reordered(&table, 1, by), &h.select(Axis(0), &order(k, by))).unwrap();
        prop_assert!((turned.mean - scaled.mean).abs() <= 8.0 * f64::EPSILON * 8.0);
        every_layout(&table, |layout, view| assert_eq!(mig(&view, &h).unwrap(), scaled, "{layout}"));
        // Single precision keeps what it was given.
        let (single, low) = (sap(&table.mapv(|x| x as f32)).unwrap(), plain.mean as f32);
        prop_assert!((single.mean - low).abs() <= 16.0 * f32::EPSILON * 4.0);
    }
}

/// The order of `reordered`.
fn order(n: usize, by: usize) -> Vec<usize> {
    reordered(&Array2::from_shape_fn((1, n), |(_, k)| k), 1, by).into_iter().collect()
}

/// Codes that lie the other way and are read through `view` instead of a transpose: of codes that are the factors, a MIG
/// of about 1e-3. Here an array says where its axes are, and `.t()` of what is turned is what it was.
#[test]
fn hard_beta_tcvae_78() {
    let (n, k, classes) = (4000, 5, 6);
    let factors = random_classes(&mut StdRng::seed_from_u64(1), (n, k), classes);
    let codes = concatenate![Axis(1), factors.mapv(|v| v as f64), normal(2, (n, 5))];
    let h = entropies::<f64>(&factors).unwrap();
    let information = mutual_information::<f64>(&histogram(&codes, 20).unwrap(), &factors).unwrap();
    let right = mig(&information, &h).unwrap();
    assert!(right.mean > 0.98, "{}", right.mean);
    assert_eq!(right.code, array![0, 1, 2, 3, 4]);
    let turned = information.t().as_standard_layout().into_owned();
    assert_eq!(mig(&turned.t(), &h).unwrap(), right);
    // Codes a row each, too.
    let by_code = codes.t().as_standard_layout().into_owned();
    assert_eq!(mutual_information::<f64>(&histogram(&by_code.t(), 20).unwrap(), &factors).unwrap(), information);
    // As it lies, it has another shape, and is refused.
    let shape = Error::Shape { name: "entropies", got: vec![5], expected: vec![10] };
    assert_eq!(mig(&turned, &h), Err(shape));
    // The fault itself: the same numbers in the shape of the turned array, where each code has numbers of all. The limit
    // is that of noise.
    let viewed = codes.as_standard_layout().into_owned().into_shape_with_order((10, n)).unwrap();
    let scrambled = mutual_information::<f64>(&histogram(&viewed.t(), 20).unwrap(), &factors).unwrap();
    let limit = information_limit(20, classes, 1e-9 / 50.0) / n as f64 / 1.7;
    assert!(mig(&scrambled, &h).unwrap().mean < limit && limit < 0.04, "{limit}");
}

fn corners<F: Real>() {
    let [zero, half, one] = [0.0, 0.5, 1.0].map(F::of);
    // Ties: the first code, and no gap. One code: the next says 0. One factor.
    let tied = sap(&array![[half, zero], [one, zero], [one, zero]]).unwrap();
    assert_eq!((tied.by_factor, tied.code, tied.mean), (array![zero, zero], array![1, 0], zero));
    let single = mig(&array![[half, one]], &array![one, one]).unwrap();
    assert_eq!((single.by_factor, single.mean), (array![half, one], F::of(0.75)));
    assert_eq!(mig(&array![[half], [zero]], &array![half]).unwrap().mean, one);
    assert_eq!(sap(&array![[-one]]).unwrap().mean, -one);
}

#[test]
fn hard_ties_single_codes_and_single_factors() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let two = array![1.0, 1.0];
    refuses_codes("information", |table| mig(table, &two).err());
    refuses_codes("scores", |table| sap(table).err());
    let table = array![[0.5, 0.1], [0.0, 0.2]];
    let shape = Error::Shape { name: "entropies", got: vec![3], expected: vec![2] };
    assert_eq!(mig(&table, &array![1.0, 1.0, 1.0]), Err(shape));
    for h in [0.0, -1.0, f64::INFINITY] {
        let expected = "a finite number above 0";
        assert_eq!(
            mig(&table, &array![1.0, h]),
            Err(Error::Entry { name: "entropies", index: vec![1], value: h, expected })
        );
    }
    assert!(
        matches!(mig(&table, &array![f64::NAN, 1.0]), Err(Error::Entry { name: "entropies", value, .. }) if value.is_nan())
    );
}
