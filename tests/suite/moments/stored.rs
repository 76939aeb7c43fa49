use estimand::Real;
use estimand::moments::{ColumnMoments, Moments, Scatter};
use estimand::ndarray::{Array2, array};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::value::{self, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
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
    let table = Array2::from_shape_fn((rows.nrows() / 3, 3), |(i, j)| rows[[3 * i + j, 0]]);
    let mut scatter = Scatter::of(&table);
    assert_eq!(round(&scatter), scatter);
    for (i, row) in table.rows().into_iter().enumerate() {
        scatter.push_weighted(&row, F::of(0.1 * i as f64)).unwrap();
    }
    assert_eq!(round(&scatter), scatter);
    scatter.push(&array![F::one(), F::nan(), F::zero()]).unwrap();
    assert_eq!(round(&scatter), scatter);
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
        (with("2,", "0,").replace("1.5", "0.0"), "`count` is 0, expected as many rows as have a mean"),
        (with("2,", "0,").replace("0.25", "0.0"), "`count` is 0, expected as many rows as have a mean"),
        (with("\"nan\":null", "\"nan\":2"), "`nan` is 2, expected a row below the count"),
        (with_weights("[2.0", "[-2.0"), "`total` is -2, expected the sum of weights that are not negative, one a row"),
        (
            with_weights("", "").replace("\"count\":2", "\"count\":0"),
            "`total` is 2, expected the sum of weights that are not negative, one a row",
        ),
        (with_weights("\"same\":[0.5", "\"same\":[-0.5"), "`same` is -0.5, expected a share, from 0 to 1"),
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

/// A row of columns whose sd are 1/2 and 1 has at most 1/2 between them, but for rounding.
#[test]
fn hard_forged_covariances() {
    let x = array![[1.0, 3.0], [2.0, 1.0]];
    let good = to_string(&Scatter::of(&x)).unwrap();
    let end = r#""covariance":[[-0.5,0.0]]}"#;
    assert!(good.ends_with(end), "{good}");
    let with = |to: &str| from_str::<Scatter<f64>>(&good.replace(end, &format!("\"covariance\":{to}}}")));
    assert_eq!(with("[[-0.5,0.0]]").unwrap(), Scatter::of(&x));
    assert!(with("[[-0.5000000000000001,0.0]]").is_ok() && with("[[0.25,1e-20]]").is_ok());
    let both = "at most the product of both standard deviations";
    for (forged, sentence) in [
        ("[]", "`covariance` has shape [0], expected [1]".to_owned()),
        ("[[0.1,0.0],[0.1,0.0]]", "`covariance` has shape [2], expected [1]".to_owned()),
        ("[[0.5001,0.0]]", format!("`covariance` is 0.5001, expected {both}")),
        ("[[-0.6,0.0]]", format!("`covariance` is -0.6, expected {both}")),
        ("[[0.25,0.1]]", "`covariance` is 0.1, expected a rest below the last place of its number".to_owned()),
    ] {
        let error = with(forged).unwrap_err().to_string();
        assert!(error.starts_with(&sentence), "{forged}: {error}");
    }
    // What is forged in the columns is refused there.
    let error = from_str::<Scatter<f64>>(&good.replace("[1.0,0.0]", "[-1.0,0.0]")).unwrap_err().to_string();
    assert!(error.starts_with("`variance` is -1, expected a number that is not negative"), "{error}");
}

/// A format that has infinities and NaN, as JSON has not.
#[derive(Clone, Copy)]
enum Value {
    Count(u64),
    Pair([f64; 2]),
    Weights([f64; 2]),
    Pairs(&'static [[f64; 2]]),
    /// Of two columns, the first with an infinite variance.
    Columns,
    Nothing,
}

impl<'de> Deserializer<'de> for Value {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self {
            Self::Count(n) => visitor.visit_u64(n),
            Self::Pair(pair) => visitor.visit_seq(SeqDeserializer::new(pair.into_iter())),
            Self::Weights(total) => {
                let half = Self::Pair([0.5, 0.0]);
                let fields = [("total", Self::Pair(total)), ("same", half), ("other", half)];
                visitor.visit_some(MapDeserializer::<_, value::Error>::new(fields.into_iter()))
            }
            Self::Pairs(pairs) => {
                visitor.visit_seq(SeqDeserializer::<_, value::Error>::new(pairs.iter().map(|&pair| Self::Pair(pair))))
            }
            Self::Columns => {
                let fields = [
                    ("count", Self::Count(2)),
                    ("weights", Self::Nothing),
                    ("mean", Self::Pairs(&[[0.0, 0.0], [1.5, 0.0]])),
                    ("variance", Self::Pairs(&[[f64::INFINITY, 0.0], [0.25, 0.0]])),
                    ("nan", Self::Nothing),
                ];
                visitor.visit_map(MapDeserializer::<_, value::Error>::new(fields.into_iter()))
            }
            Self::Nothing => visitor.visit_none(),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn read(mean: [f64; 2], variance: [f64; 2]) -> Result<Moments<f64>, String> {
    read_weighted(Value::Nothing, mean, variance)
}

fn read_weighted(weights: Value, mean: [f64; 2], variance: [f64; 2]) -> Result<Moments<f64>, String> {
    let fields = [
        ("count", Value::Count(2)),
        ("weights", weights),
        ("mean", Value::Pair(mean)),
        ("variance", Value::Pair(variance)),
        ("nan", Value::Nothing),
    ];
    Moments::deserialize(MapDeserializer::new(fields.into_iter())).map_err(|error| error.to_string())
}

#[test]
fn hard_what_is_not_finite_is_read_where_it_can_be() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    assert_eq!(read([1.5, 0.0], [0.25, 0.0]), Ok(Moments::of(&array![1.0, 2.0])));
    // Of an infinity, whatever the rests; of both; and of numbers whose squares are none.
    for rest in [0.0, nan] {
        assert_eq!(read([inf, rest], [inf, rest]), Ok(Moments::of(&array![1.0, inf])));
        let both = read([nan, rest], [inf, rest]).unwrap();
        assert!(both.mean().unwrap().is_nan() && both.variance() == Ok(inf));
    }
    assert_eq!(read([0.0, 0.0], [inf, 0.0]), Ok(Moments::of(&array![1e200, -1e200])));
    for (mean, variance, sentence) in [
        ([inf, 0.0], [1.0, 0.0], "`mean` is inf, expected a finite number where the variance is one"),
        ([nan, 0.0], [1.0, 0.0], "`mean` is NaN, expected a finite number where the variance is one"),
        ([1.0, 0.0], [nan, 0.0], "`variance` is NaN, expected a number that is not negative"),
        ([1.0, nan], [1.0, 0.0], "`mean` is NaN, expected a rest below the last place of its number"),
        ([1.0, 0.0], [inf, nan], "`variance` is NaN, expected a rest below the last place of its number"),
    ] {
        assert_eq!(read(mean, variance), Err(sentence.to_owned()));
    }
    // Weights whose sum is no number have moments, which cannot be read.
    let total = |total| read_weighted(Value::Weights(total), [1.0, 0.0], [1.0, 0.0]);
    assert_eq!(total([inf, 0.0]).unwrap().weight(), inf);
    assert_eq!(total([nan, 0.0]), Err("`total` is NaN, expected a number".to_owned()));
}

/// Beside an infinite variance a covariance is any number, an infinity, or none; of a number the rest is looked at.
#[test]
fn hard_covariances_beside_an_infinite_variance() {
    let read = |pairs| {
        let fields = [("columns", Value::Columns), ("covariance", Value::Pairs(pairs))];
        Scatter::<f64>::deserialize(MapDeserializer::new(fields.into_iter()))
            .map_err(|error: value::Error| error.to_string())
    };
    assert_eq!(read(&[[-5e199, 0.0]]), Ok(Scatter::of(&array![[1e200, 1.0], [-1e200, 2.0]])));
    for (pair, expected) in
        [(&[[f64::INFINITY, f64::NAN]], f64::INFINITY), (&[[f64::NEG_INFINITY, 0.0]], f64::NEG_INFINITY)]
    {
        assert_eq!(read(pair).unwrap().covariance().unwrap()[[1, 0]], expected);
    }
    assert!(read(&[[f64::NAN, 0.0]]).unwrap().covariance().unwrap()[[0, 1]].is_nan());
    let sentence = "`covariance` is 1, expected a rest below the last place of its number";
    assert_eq!(read(&[[2.0, 1.0]]), Err(sentence.to_owned()));
}
