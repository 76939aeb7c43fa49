use estimand::check::{Nodes, oracle};
use estimand::gradient::{Baseline, Bias, Enumeration, Plan, ScoreFunction};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Error};
use proptest::prelude::*;

use super::score_function::exact_of_bits;
use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

/// A cost of two variables of three classes, from a table.
fn of_table(table: &[f64]) -> impl Fn(ArrayView2<'_, f64>) -> Array1<f64> {
    let class = |x: &[f64]| x.iter().position(|&x| x == 1.0).unwrap_or_default();
    move |x| {
        let cost = |x: Vec<f64>| table[3 * class(&x[..3]) + class(&x[3..])];
        x.rows().into_iter().map(|x| cost(x.to_vec())).collect()
    }
}

proptest! {
    #![proptest_config(config())]

    /// The derivative of the sum over all classes, by differences of probabilities that are made here.
    #[test]
    fn law_enumeration_is_the_derivative_of_the_mean(l in numbers((2, 6), -2.0, 2.0), table in prop::collection::vec(-2.0..2.0_f64, 9)) {
        let mean = |l: &Array2<f64>| {
            let softmax = |l: &[f64]| {
                let e: Vec<f64> = l.iter().map(|l| l.exp()).collect();
                let sum: f64 = e.iter().sum();
                e.into_iter().map(|e| e / sum).collect::<Vec<f64>>()
            };
            l.rows().into_iter().map(|l| {
                let (p, q) = (softmax(&l.to_vec()[..3]), softmax(&l.to_vec()[3..]));
                (0..9).map(|k| p[k / 3] * q[k % 3] * table[k]).sum::<f64>()
            }).sum()
        };
        let q = Categorical::new(&l, 3).unwrap();
        let plan = Enumeration::propose(&q).unwrap();
        let found = plan.rows(&of_table(&table)(plan.points())).unwrap();
        assert_gradient("enumeration", mean, &l, found.flat());
    }

    /// Leave-one-out over two samples of classes has it as its mean, by enumeration of the samples.
    #[test]
    fn law_leave_one_out_of_classes_is_unbiased(l in numbers((1, 3), -2.0, 2.0), table in prop::collection::vec(-2.0..2.0_f64, 3)) {
        let cost = |x: ArrayView2<'_, f64>| x.dot(&array![table[0], table[1], table[2]]);
        let q = Categorical::new(&l, 3).unwrap();
        let truth = Enumeration::propose(&q).unwrap().rows_with(cost).unwrap();
        let p: Vec<f64> = q.log_prob_of(&array![[0]]).into_iter().chain(q.log_prob_of(&array![[1]])).chain(q.log_prob_of(&array![[2]]))
            .map(|ln| ln[0].exp()).collect();
        // A class, as the noise that draws it whatever the logits: of one number, spread over three columns.
        let class = Nodes::finite(&[0.0, 1.0, 2.0], &p).unwrap();
        let exact = oracle(&[&class, &class], 1, |classes: Array2<f64>| {
            let n = classes.nrows() / 2;
            let noise = Array2::from_shape_fn((2 * n, 3), |(i, j)| if classes[[i, 0]] as usize == j { 100.0 } else { 0.0 });
            let q = Categorical::identical(&l.row(0), 3, n)?.repeat_rows(2);
            ScoreFunction::propose(&q, noise, Baseline::LeaveOneOut)?.rows_with(cost)
        }).unwrap();
        for (found, want) in exact.mean.iter().zip(&truth) {
            prop_assert!((found - want).abs() < 1e-12, "{found} {want}");
        }
    }
}

/// Against the mean of the score function over the same bits.
#[test]
fn ref_enumeration_of_a_binary_toy() {
    for (t, theta, truth) in [(0.45, 0.5, 0.025), (0.45, 0.1, 0.009), (0.499, 0.5, 5e-4)] {
        let logit = f64::ln(theta / (1.0 - theta));
        let q = Bernoulli::new(array![[logit]]).unwrap();
        let cost = |x: ArrayView2<'_, f64>| x.column(0).mapv(|b| f64::powi(b - t, 2));
        let found = Enumeration::propose(&q).unwrap().rows_with(cost).unwrap()[[0, 0]];
        let sampled =
            exact_of_bits(&[logit], 1, |q, noise| ScoreFunction::propose(q, noise, Baseline::None)?.rows_with(cost));
        assert!((found - truth).abs() < 1e-15 && (sampled.mean[0] - found).abs() < 1e-15, "{found}");
    }
    let c = array![0.6, 0.51, 0.48];
    let three = Bernoulli::new(array![[0.0, 0.0, 0.0]]).unwrap();
    let cost = |x: ArrayView2<'_, f64>| (&x - &c).mapv(|d: f64| d * d).sum_axis(Axis(1));
    let found = Enumeration::propose(&three).unwrap().rows_with(cost).unwrap().sum();
    assert!((found + 0.045).abs() < 1e-15, "{found}");
}

#[test]
fn hard_enumerations() {
    let none = f64::NEG_INFINITY;
    let q = Categorical::new(array![[0.0, none, 0.0], [0.0, 0.0, 0.0]], 3).unwrap();
    let plan = Enumeration::propose(&q).unwrap();
    assert_eq!((plan.points().dim(), plan.draws(), plan.bias()), ((6, 3), 1, Bias::Unbiased));
    // What cannot be may cost anything, and a large constant costs nothing.
    let cost = array![1e15 + 1.0, f64::INFINITY, 1e15, 1e15, 1e15, 1e15];
    let g = plan.rows(&cost).unwrap();
    assert_eq!(g.logits(), array![[0.25, 0.0, -0.25], [0.0, 0.0, 0.0]]);
    assert_eq!(plan.rows(&array![0.0]).unwrap_err(), Error::Shape { name: "cost", got: vec![1], expected: vec![6] });
    let nan = cost.mapv(|c| if c == f64::INFINITY { f64::NAN } else { c });
    assert_eq!(plan.rows(&nan).unwrap_err(), Error::NaN { name: "cost", row: 1 });
    let wide = Bernoulli::new(Array2::<f64>::zeros((1, 40))).unwrap();
    let expected = "few enough for at most 1048576 points".to_owned();
    let error = Error::Count { name: "support", axis: "variables", got: 40, expected };
    assert_eq!(Enumeration::propose(&wide).unwrap_err(), error);
    let nan = Bernoulli::new(array![[f64::NAN], [0.0]]).unwrap();
    let rows = Enumeration::propose(&nan).unwrap().rows(&array![1.0, 2.0, 1.0, 2.0]).unwrap();
    assert!(rows.flat()[[0, 0]].is_nan() && rows.flat()[[1, 0]] == 0.25, "NaN stays in its row");
    let estimate = Enumeration::propose(&nan).unwrap().estimate(&array![1.0, 2.0, 1.0, 2.0]);
    assert_eq!(estimate.unwrap_err(), Error::NaN { name: "rows", row: 0 });
    // What can be may not.
    let possible = array![0.0, 0.0, 0.0, 0.0, f64::NEG_INFINITY, 0.0];
    let expected = "a finite cost";
    let entry = Error::Entry { name: "cost", index: vec![4], value: f64::NEG_INFINITY, expected };
    assert_eq!(plan.rows(&possible).unwrap_err(), entry);
}
