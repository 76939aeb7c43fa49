use estimand::Error;
use estimand::gradient::{Baseline, Bias, Comparison, MuProp, Named, ScoreFunction, compare};
use estimand::ndarray::{Array2, ArrayRef1, ArrayView2, array};
use estimand::rand::Rng;
use estimand::{Bernoulli, Transform, ValueGrad};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Row<'a> = Named<'a, f64, ChaCha8Rng>;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(9)
}

fn fixed(name: &str, bias: Bias, evaluations: f64, rows: Array2<f64>) -> Row<'static> {
    Named::new(name, bias, evaluations, move |_: &mut ChaCha8Rng| Ok(rows.clone()))
}

#[test]
fn ref_a_comparison_by_hand() {
    let rows = [
        fixed("wide", Bias::Unbiased, 1.0, array![[1.0, 4.0], [3.0, 6.0]]),
        fixed("dear", Bias::Consistent, 4.0, array![[1.5, 5.0], [2.5, 5.0], [2.0, 5.0]]),
        fixed("wrong", Bias::Biased, 1.0, array![[7.0, 5.0], [7.0, 5.0]]),
    ];
    let table = compare(&rng(), Some(&array![2.0, 4.0]), &rows).unwrap();
    let [wide, dear, wrong] = &table.measured[..] else { panic!("three rows") };
    assert_eq!((&wide.mean[..], &wide.variance[..], wide.draws), (&[2.0, 5.0][..], &[2.0, 2.0][..], 2));
    assert_eq!((wide.total_variance(), wide.variance_times_evaluations()), (4.0, 4.0));
    assert_eq!((dear.total_variance(), dear.variance_times_evaluations()), (0.25, 1.0));
    assert!((wide.signal_to_noise() - (29.0_f64 / 4.0).sqrt()).abs() < 1e-15);
    assert_eq!(wrong.signal_to_noise(), f64::INFINITY);
    assert_eq!(wide.bias_found(&array![2.0, 4.0]).unwrap(), [(0.0, 1.0), (1.0, 1.0)]);
    let shape = Error::Shape { name: "truth", got: vec![1], expected: vec![2] };
    assert_eq!(wide.bias_found(&array![2.0]), Err(shape));
    assert_eq!((&wide.tail[..], &wrong.tail[..]), (&[0.5, 0.5][..], &[1.0, 1.0][..]));
    // The wrong one has no variance at all, and does not win. Two draws, or draws that never vary, accuse nobody.
    assert_eq!([wide, dear, wrong].map(|m| table.contradicts(m)), [false; 3]);
    assert_eq!([wide, dear, wrong].map(|m| table.undecided(m)), [false, true, true]);
    assert_eq!(table.best().map(|m| &m.name[..]), Some("wide"));
    let unknown = Comparison { truth: None, ..table.clone() };
    assert_eq!(unknown.best().map(|m| &m.name[..]), Some("dear"));
    let only = Comparison { measured: vec![wrong.clone()], ..table.clone() };
    assert_eq!(only.best().map(|m| &m.name[..]), Some("wrong"));
    assert!(table.measured.iter().all(|m| m.seconds.is_some_and(|s| s >= 0.0)));
}

#[test]
fn hard_the_table_says_what_was_found() {
    let rows = [
        fixed("wide", Bias::Unbiased, 1.0, array![[1.0], [3.0]]),
        fixed("an estimator", Bias::Biased, 40.0, array![[1.5], [2.5]]),
    ];
    let mut table = compare(&rng(), Some(&array![2.5]), &rows).unwrap();
    table.measured.iter_mut().for_each(|m| m.seconds = Some(2.5e-6));
    let expected = "\
estimator     said to be  evaluations   worst bias  std error     variance      x evals    signal  us a draw
wide          unbiased              1   -5.000e-1       1.0e0     2.0000e0     2.0000e0     1.414      2.500
an estimator  biased               40   -5.000e-1      5.0e-1    5.0000e-1     2.0000e1     2.828      2.500
least variance x evaluations: wide";
    assert_eq!(table.to_string(), expected, "\n{table}");
    table.truth = Some(vec![20.0]);
    let text = table.to_string();
    assert!(text.contains("-1.800e1?") && text.contains("? as far, but of draws that never vary"), "{text}");
    assert!(!text.contains('*'), "{text}");
    table.truth = None;
    table.measured[0].seconds = None;
    let text = table.to_string();
    assert!(!text.contains("worst bias") && text.lines().nth(1).unwrap().ends_with('-'), "{text}");
    table.measured.clear();
    assert!(table.to_string().ends_with("no estimator"));
}

/// Forty draws of two values are believed; of one value among them nobody is.
#[test]
fn hard_who_is_accused_and_who_is_not() {
    let draws = |odd: usize| Array2::from_shape_fn((40, 2), |(i, j)| if j == 0 && i < odd { 3.0 } else { 1.0 });
    let rows = [
        fixed("even", Bias::Unbiased, 1.0, draws(20)),
        fixed("rare", Bias::Unbiased, 1.0, draws(1)),
        fixed("never", Bias::Unbiased, 1.0, draws(0)),
        fixed("biased", Bias::Biased, 0.5, draws(20)),
    ];
    let found = |truth: [f64; 2]| {
        let table = compare(&rng(), Some(&array![truth[0], truth[1]]), &rows).unwrap();
        let marks = table.measured.iter().map(|m| (table.contradicts(m), table.undecided(m))).collect::<Vec<_>>();
        (marks, table.best().map(|m| m.name.clone()).unwrap(), table.to_string())
    };
    let (fine, off, unsure) = ((false, false), (true, false), (false, true));
    // Where the mean of "even" is right: the rare one is 6.1 of its errors below, which says little of its single 3.
    let (marks, best, text) = found([2.0, 1.0]);
    assert_eq!((&marks[..], &best[..]), (&[fine, unsure, unsure, fine][..], "even"), "{text}");
    assert!(!text.contains('*') && text.contains("-9.500e-1?") && text.contains("-1.000e0?"), "{text}");
    // Where all are off, "even" is accused; an honest one that is not sure comes before it, and before a biased one.
    let (marks, best, text) = found([9.0, 1.0]);
    assert_eq!((&marks[..], &best[..]), (&[off, unsure, unsure, off][..], "never"), "{text}");
    assert!(text.contains("-7.000e0*") && text.contains("* more than 6 standard errors from the truth"), "{text}");
    // A coordinate that cannot be judged does not hide one that can: the second is a constant, and off.
    let (marks, _, text) = found([9.0, 1.5]);
    assert_eq!(marks, [off, unsure, unsure, off], "{text}");
    assert!(text.contains("-7.000e0*"), "{text}");
}

/// What is within rounding of a large coordinate accuses nobody, and does not hide who is accused.
#[test]
fn hard_the_mark_stands_by_what_is_marked() {
    let rows = Array2::from_shape_fn((1000, 3), |(i, j)| match j {
        0 => 1.2 + if i % 2 == 0 { 0.5 } else { -0.5 },
        1 => 1.0 + 1e-9 + if i % 2 == 0 { 1e-12 } else { -1e-12 },
        _ => {
            if i % 2 == 0 {
                2e-17
            } else {
                1e-17
            }
        }
    });
    let named = [fixed("a", Bias::Unbiased, 4.0 / 3.0, rows)];
    let table = compare(&rng(), Some(&array![1.0, 1.0, 0.0]), &named).unwrap();
    assert!(table.to_string().contains("      1.3333    2.000e-1*"), "{table}");
    let fine = compare(&rng(), Some(&array![1.2, 1.0, 0.0]), &named).unwrap();
    assert!(!fine.contradicts(&fine.measured[0]) && !fine.undecided(&fine.measured[0]), "{fine}");
    // A file of a time without tails is read, and believed of nobody.
    let mut old = table.clone();
    old.measured[0].tail.clear();
    assert!(!old.contradicts(&old.measured[0]) && old.undecided(&old.measured[0]));
    assert!(old.to_string().contains('?'), "{old}");
    for evaluations in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let named = [fixed("a", Bias::Unbiased, evaluations, array![[1.0], [2.0]])];
        let error = compare(&rng(), None, &named).unwrap_err().to_string();
        assert!(error.starts_with("a: `evaluations` is "), "{error}");
    }
}

/// MuProp asks S + 1 costs of S samples: fractions count; and what is charged is said.
#[test]
fn law_evaluations_are_points_over_draws() {
    let q = Bernoulli::identical(&array![0.3_f64], 50).unwrap();
    let cost = |b: ArrayView2<'_, f64>| ValueGrad { value: b.column(0).mapv(|b| b * b), grad: b.mapv(|b| 2.0 * b) };
    for samples in [1, 2, 3, 4] {
        let many = q.clone().repeat_rows(samples);
        let propose = |rng: &mut ChaCha8Rng| MuProp::propose(&many, many.noise(rng));
        let of = || Named::of_plan("MuProp", propose, cost);
        let table = compare(&rng(), None, &[of(), of().charged(0.25)]).unwrap();
        let [plain, charged] = &table.measured[..] else { panic!("two rows") };
        assert_eq!((plain.evaluations, charged.evaluations), (1.0 + 1.0 / samples as f64, 0.25));
        assert_eq!(plain.variance_times_evaluations(), plain.total_variance() * plain.evaluations);
        assert_eq!((&plain.mean, &plain.variance), (&charged.mean, &charged.variance));
    }
}

/// Each estimator gets the generator as it was.
#[test]
fn law_all_start_from_one_state() {
    let draw = |rng: &mut ChaCha8Rng| Ok(Array2::from_shape_simple_fn((5, 2), || rng.random::<f64>()));
    let rows = [Named::new("a", Bias::Unbiased, 1.0, draw), Named::new("b", Bias::Unbiased, 1.0, draw)];
    let table = compare(&rng(), None, &rows).unwrap();
    assert_eq!(table.measured[0].mean, table.measured[1].mean);
    let again = compare(&rng(), None, &rows).unwrap();
    assert_eq!(again.measured[0].variance, table.measured[0].variance);
}

#[test]
fn hard_estimators_that_cannot_be_compared() {
    let one = || fixed("a", Bias::Unbiased, 1.0, array![[1.0, 2.0], [2.0, 3.0]]);
    let run = |second: Row<'_>, truth: Option<&ArrayRef1<f64>>| compare(&rng(), truth, &[one(), second]).err();
    let of = |name: &str, source| Some(Error::Estimator { name: name.to_owned(), source: Box::new(source) });
    let shape = |name, got: &[usize], expected: &[usize]| {
        of(name, Error::Shape { name: "rows", got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(run(fixed("b", Bias::Unbiased, 1.0, array![[1.0], [1.0]]), None), shape("b", &[2, 1], &[2, 2]));
    let truth = Error::Shape { name: "truth", got: vec![1], expected: vec![2] };
    assert_eq!(run(one(), Some(&array![1.0])), Some(truth));
    let entry = Error::Entry { name: "truth", index: vec![1], value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(run(one(), Some(&array![1.0, f64::INFINITY])), Some(entry));
    let few = of("b", Error::TooFew { name: "rows", got: 1, needs: 2 });
    assert_eq!(run(fixed("b", Bias::Unbiased, 1.0, array![[1.0, 1.0]]), None), few);
    let holed = fixed("b", Bias::Unbiased, 1.0, array![[1.0, 1.0], [1.0, f64::NAN]]);
    assert_eq!(run(holed, None), of("b", Error::NaN { name: "rows", row: 1 }));
    let failing = Named::new("b", Bias::Unbiased, 1.0, |_: &mut ChaCha8Rng| Err(Error::NaN { name: "cost", row: 7 }));
    let error = run(failing, None);
    assert_eq!(error, of("b", Error::NaN { name: "cost", row: 7 }));
    assert_eq!(error.unwrap().to_string(), "b: `cost` is NaN in row 7");
    assert!(format!("{:?}", one()).contains("name: \"a\""));
}

/// What was measured is written and read back.
#[test]
fn hard_a_comparison_is_serialisable() {
    let table =
        compare(&rng(), Some(&array![2.0]), &[fixed("a", Bias::Consistent, 3.0, array![[1.0], [4.0]])]).unwrap();
    let text = serde_json::to_string(&table).unwrap();
    let read: Comparison = serde_json::from_str(&text).unwrap();
    assert_eq!(read, table);
}

/// Leave-one-out wins over none on a toy, by about what enumeration says: 0.0159 against 2 x 6.25e-4.
#[test]
fn stat_leave_one_out_wins_on_the_binary_toy() {
    let logits = Array2::<f64>::zeros((20_000, 1));
    let run = |samples: usize, baseline: Baseline<'static, f64>| {
        let q = Bernoulli::new(logits.clone()).unwrap().repeat_rows(samples);
        (format!("{baseline:?}"), q, baseline)
    };
    let laws = [run(1, Baseline::None), run(2, Baseline::LeaveOneOut)];
    let cost = |x: ArrayView2<'_, f64>| x.column(0).mapv(|b| (b - 0.45).powi(2));
    let estimators = laws.each_ref().map(|(name, q, baseline)| {
        let propose = |rng: &mut ChaCha8Rng| ScoreFunction::propose(q, q.noise(rng), *baseline);
        Named::of_plan(name.clone(), propose, cost)
    });
    let table = compare(&rng(), Some(&array![0.025]), &estimators).unwrap();
    assert_eq!(table.best().map(|m| &m.name[..]), Some("LeaveOneOut"));
    let said: Vec<_> = table.measured.iter().map(|m| (m.evaluations, m.draws, m.bias)).collect();
    assert_eq!(said, [(1.0, 20_000, Bias::Unbiased), (2.0, 20_000, Bias::Unbiased)]);
    for (m, truth) in table.measured.iter().zip([0.015_939_062_5, 6.25e-4]) {
        let (off, error) = m.bias_found(&array![0.025]).unwrap()[0];
        // Two values each: bounded, and a variance is off by less than 6 / sqrt(n) of itself.
        assert!(
            off.abs() < 6.0 * error && (m.total_variance() / truth - 1.0).abs() < 6.0 / 20_000.0_f64.sqrt(),
            "{table}"
        );
    }
}
