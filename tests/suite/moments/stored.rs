use estimand::Real;
use estimand::moments::{ColumnMoments, Moments};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;
use serde_json::{from_str, to_string};

use super::numbers;
use crate::support::strategy::config;

fn round<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    from_str(&to_string(value).unwrap()).unwrap()
}

fn every_kind<F: Real + serde::Serialize + serde::de::DeserializeOwned>(x: &[f64]) {
    let x: Vec<F> = x.iter().map(|&x| F::of(x)).collect();
    let mut moments: Moments<F> = x.iter().copied().collect();
    assert_eq!(round(&moments), moments);
    for (i, &x) in x.iter().enumerate() {
        moments.push_weighted(x, F::of(0.1 * i as f64)).unwrap();
    }
    assert_eq!(round(&moments), moments);
    let rows = Array2::from_shape_vec((x.len(), 1), x).unwrap();
    let mut columns = ColumnMoments::of(&rows);
    assert_eq!(round(&columns), columns);
    columns.push(&array![F::nan()]).unwrap();
    assert_eq!(round(&columns), columns);
}

proptest! {
    #![proptest_config(config())]

    /// To the last bit, the rests included; and what follows is then the same too.
    #[test]
    fn law_what_is_written_is_read(x in numbers(0..40)) {
        every_kind::<f32>(&x);
        every_kind::<f64>(&x);
    }
}

#[test]
fn hard_nothing_and_a_nan_are_written_too() {
    let nothing = Moments::<f64>::new();
    assert_eq!(round(&nothing), nothing);
    assert_eq!(round(&ColumnMoments::<f64>::new(3)), ColumnMoments::new(3));
    let mut nan: Moments<f64> = [1.0, f64::NAN].into_iter().collect();
    nan = round(&nan);
    assert_eq!(nan.mean().unwrap_err().to_string(), "`x` is NaN in row 1");
    // Tame or wild is found again.
    let wild = ColumnMoments::of(&array![[1e200, 1.0], [1e200, 2.0]]);
    assert_eq!(round(&wild), wild);
}

/// What no moments can be is refused in a sentence.
#[test]
fn hard_forgeries() {
    let good = r#"{"count":2,"weights":null,"mean":[1.5,0.0],"variance":[0.25,0.0],"nan":null}"#;
    assert_eq!(from_str::<Moments<f64>>(good).unwrap(), Moments::of(&array![1.0, 2.0]));
    let weighted = r#"{"total":[2.0,0.0],"same":[0.5,0.0],"other":[0.5,0.0]}"#;
    let with = |from: &str, to: &str| good.replace(from, to);
    let with_weights =
        |from: &str, to: &str| with("null,\"mean\"", &format!("{},\"mean\"", weighted.replace(from, to)));
    assert!(from_str::<Moments<f64>>(&with_weights("", "")).is_ok());
    for (forged, sentence) in [
        (with("0.25", "-0.25"), "`variance` is -0.25, expected a number that is not negative"),
        (with("\"count\":2", "\"count\":0"), "`count` is 0, expected as many rows as have a mean"),
        (with("[1.5,0.0]", "[1.5,0.5]"), "`mean` is 0.5, expected a rest below the last place of its number"),
        (with("[0.25,0.0]", "[0.25,1.0]"), "`variance` is 1, expected a rest below the last place of its number"),
        (with("\"nan\":null", "\"nan\":2"), "`nan` is 2, expected a row below the count"),
        (with_weights("[2.0", "[-2.0"), "`total` is -2, expected the sum of weights that are not negative, one a row"),
        (with_weights("\"same\":[0.5", "\"same\":[1.5"), "`same` is 1.5, expected a share, from 0 to 1"),
        (
            with_weights("\"other\":[0.5", "\"other\":[0.25"),
            "`other` is 0.25, expected what is left of 1 beside `same`",
        ),
    ] {
        let error = from_str::<Moments<f64>>(&forged).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{forged}: {error}");
    }
    assert!(from_str::<Moments<f64>>(&with("1.5", "null")).is_err());
    assert!(from_str::<Moments<f64>>(&with("\"count\":2", "\"count\":-1")).is_err());
    let columns = r#"{"count":2,"weights":null,"mean":[[1.5,0.0]],"variance":[],"nan":null}"#;
    let error = from_str::<ColumnMoments<f64>>(columns).unwrap_err().to_string();
    assert!(error.starts_with("`variance` has shape [0], expected [1]"), "{error}");
}
