//! What a refusal says, word for word.

use estimand::{DiagGaussian, Error, Result};

#[test]
fn hard_every_refusal_says_its_facts() {
    let said = |e: Error| e.to_string();
    let shape = Error::Shape { name: "x", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(said(shape), "`x` has shape [1, 2], expected [2, 2]");
    let flat = Error::Shape { name: "weights", got: vec![], expected: vec![3] };
    assert_eq!(said(flat), "`weights` has shape [], expected [3]");
    let count = Error::Count { name: "cost", axis: "rows", got: 5, expected: "a multiple of 2".to_owned() };
    assert_eq!(said(count), "`cost` has 5 rows, expected a multiple of 2");
    assert_eq!(said(Error::NaN { name: "cost", row: 1 }), "`cost` is NaN in row 1");
    let entry = Error::Entry { name: "x", index: vec![1, 0], value: 0.5, expected: "0 or 1" };
    assert_eq!(said(entry), "`x` is 0.5 at [1, 0], expected 0 or 1");
    let parameter = Error::Parameter { name: "beta", value: -1.0, expected: "a number that is not negative" };
    assert_eq!(said(parameter), "`beta` is -1, expected a number that is not negative");
    let nan = Error::Parameter { name: "step", value: f64::NAN, expected: "a positive, finite number" };
    assert_eq!(said(nan), "`step` is NaN, expected a positive, finite number");
    assert_eq!(said(Error::TooFew { name: "x", got: 0, needs: 2 }), "`x` has 0 rows, needs at least 2");
    let pivot = Error::Pivot { name: "a", pivot: 2, value: -1e-20, expected: "a positive number" };
    assert_eq!(said(pivot), "pivot 2 of `a` is -1e-20, expected a positive number");
    assert_eq!(said(Error::NoConvergence { name: "a" }), "the eigenvalues of `a` were not found");
    let source = Box::new(Error::NaN { name: "cost", row: 3 });
    let estimator = Error::Estimator { name: "path".to_owned(), source };
    assert_eq!(said(estimator), "path: `cost` is NaN in row 3");
}

#[test]
fn hard_one_is_singular() {
    let count = |axis, got| Error::Count { name: "x", axis, got, expected: "a multiple of 4".to_owned() }.to_string();
    for (axis, got, words) in
        [("rows", 1, "1 row"), ("columns", 1, "1 column"), ("rows", 2, "2 rows"), ("columns", 0, "0 columns")]
    {
        assert_eq!(count(axis, got), format!("`x` has {words}, expected a multiple of 4"));
    }
    for (got, words) in [(1, "1 row"), (2, "2 rows")] {
        let few = Error::TooFew { name: "x", got, needs: 3 };
        assert_eq!(few.to_string(), format!("`x` has {words}, needs at least 3"));
    }
}

/// Usual numbers plainly, very small and very large ones by their exponent; all as they are read back.
#[test]
fn hard_numbers_are_short() {
    for (value, written) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (0.5, "0.5"),
        (-1.0, "-1"),
        (1e-5, "0.00001"),
        (9.5e-6, "9.5e-6"),
        (1e-200, "1e-200"),
        (-2.5e-310, "-2.5e-310"),
        (123_456_789.0, "123456789"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (1e16, "1e16"),
        (-1.5e300, "-1.5e300"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "NaN"),
    ] {
        let parameter = Error::Parameter { name: "sd", value, expected: "a finite number above 0" };
        assert_eq!(parameter.to_string(), format!("`sd` is {written}, expected a finite number above 0"));
        let entry = Error::Entry { name: "x", index: vec![2], value, expected: "a finite number above 0" };
        assert_eq!(entry.to_string(), format!("`x` is {written} at [2], expected a finite number above 0"));
        assert!(value.is_nan() || written.parse() == Ok(value), "{written}");
    }
}

#[test]
fn hard_an_error_crosses_threads_and_boxes() {
    fn lives_anywhere<E: std::error::Error + Send + Sync + Clone + 'static>() {}
    lives_anywhere::<Error>();

    fn by_a_user() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        DiagGaussian::<f64>::standard(0, 2)?;
        Ok(())
    }
    let boxed = by_a_user().unwrap_err();
    assert!(boxed.source().is_none());
    let expected = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(boxed.downcast_ref::<Error>(), Some(&expected));
    let sent = std::thread::spawn(move || boxed.to_string()).join().unwrap();
    assert_eq!(sent, "`samples` is 0, expected at least 1");
}

#[test]
fn hard_the_result_takes_another_error() {
    let ours: Result<u8> = Err(Error::NaN { name: "x", row: 0 });
    let theirs: Result<u8, String> = ours.map_err(|e| e.to_string());
    assert_eq!(theirs, Err("`x` is NaN in row 0".to_owned()));
}
