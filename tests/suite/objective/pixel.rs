use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array2, array};
use estimand::objective::{bce_with_logits, bits_per_dimension, squared_error};
use estimand::{Bernoulli, Distribution, Error, Real};
use proptest::prelude::*;

use crate::support::double_double::{DoubleDouble, ln};
use crate::support::layouts::every_layout;
use crate::support::near::assert_eps;
use crate::support::reference::table;
use crate::support::strategy::{array as numbers, bits, config, sizes};

fn agrees_with_table<F: Real>() {
    for r in table("bce.csv") {
        let [l, t, loss, d_logit] = r.numbers::<4>(0);
        let (logit, target) = (Array2::from_elem((1, 1), F::of(l)), Array2::from_elem((1, 1), F::of(t)));
        let at = bce_with_logits(&logit, &target).unwrap();
        // Both terms of the loss are positive; sigmoid(l) - t cancels, in units of its terms.
        let terms = d_logit.abs().max(t.min(1.0 - t));
        assert_eps(
            at.value[0],
            loss,
            loss.abs().max(F::min_positive_value().as_f64()),
            4.0,
            format!("loss of line {}", r.line),
        );
        assert_eps(
            at.grad.logits()[[0, 0]],
            d_logit,
            terms.max(F::min_positive_value().as_f64()),
            4.0,
            format!("slope of line {}", r.line),
        );
    }
}

#[test]
fn ref_bce_with_logits_agrees_with_mpmath() {
    agrees_with_table::<f32>();
    agrees_with_table::<f64>();
}

proptest! {
    #![proptest_config(config())]

    /// Against -[t ln p + (1 - t) ln(1 - p)] with p = 1/(1 + e^-l), and p - t, all in double-double.
    #[test]
    fn law_bce_of_soft_targets_is_its_formula((logits, t) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -30.0, 30.0), numbers(s, 0.0, 1.0)))) {
        let at = bce_with_logits(&logits, &t).unwrap();
        let one = DoubleDouble::from(1.0);
        for i in 0..logits.nrows() {
            let mut bce = DoubleDouble::from(0.0);
            for j in 0..logits.ncols() {
                let (p, t) = (DoubleDouble::sigmoid(logits[[i, j]]), DoubleDouble::from(t[[i, j]]));
                bce = bce - t * ln(p) - (one - t) * ln(one - p);
                // Two terms of the smaller size of p and t and their distances from 1 may cancel.
                let slope = (p - t).to_f64();
                let terms = slope.abs().max(t.to_f64().min((one - t).to_f64()));
                assert_eps(at.grad.logits()[[i, j]], slope, terms, 4.0, format!("slope at {i}, {j}"));
            }
            // All terms are positive and good to 4 epsilon; 2 + 5 additions of half an epsilon.
            let bce = bce.to_f64();
            assert_eps(at.value[i], bce, bce, 8.0, format!("BCE of row {i}"));
        }
    }

    #[test]
    fn hard_bce_of_bits_is_the_bernoulli_nll((logits, x) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -50.0, 50.0), bits(s)))) {
        let bce = bce_with_logits(&logits, &x).unwrap();
        let p = Bernoulli::new(&logits).unwrap().log_prob_grad(&x).unwrap();
        prop_assert_eq!(bce.value, p.value.mapv(|v| -v));
        prop_assert_eq!(bce.grad.logits().to_owned(), p.grad.logits().mapv(|g| -g));
    }

    #[test]
    fn law_squared_error_is_a_sum_over_coordinates((x, y) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -5.0, 5.0), numbers(s, -5.0, 5.0)))) {
        let at = squared_error(&x, &y).unwrap();
        for i in 0..x.nrows() {
            let plain: f64 = (0..x.ncols()).map(|j| (x[[i, j]] - y[[i, j]]).powi(2)).sum();
            assert_abs_diff_eq!(at.value[i], plain, epsilon = 40.0 * f64::EPSILON * plain);
            for j in 0..x.ncols() {
                prop_assert_eq!(at.grad[[i, j]], 2.0 * (y[[i, j]] - x[[i, j]]));
            }
        }
    }

    /// y = (x + u) / 256 has density 256^d p(256 y): the same bits in either unit.
    #[test]
    fn law_bits_per_dimension_do_not_depend_on_the_unit(nll in 0.0..5000.0, d in 1..2000_usize, levels in 2.0..1024.0_f64) {
        let in_bytes = bits_per_dimension(nll, d, 0.0).unwrap();
        let scaled = bits_per_dimension(nll - d as f64 * levels.ln(), d, levels.ln()).unwrap();
        // A product, a difference, a quotient and a sum of terms of these sizes.
        let size = nll / d as f64 + 2.0 * levels.ln();
        assert_abs_diff_eq!(in_bytes, scaled, epsilon = 4.0 * f64::EPSILON * size / std::f64::consts::LN_2);
        // 2^bits is the perplexity of a coordinate.
        let perplexity = (nll / d as f64).exp();
        // Both exponents are rounded by an epsilon or two of themselves.
        assert_abs_diff_eq!(in_bytes.exp2(), perplexity, epsilon = 4.0 * f64::EPSILON * (1.0 + in_bytes) * perplexity);
    }
}

#[test]
fn hard_infinite_logits_and_soft_targets() {
    let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
    let at = bce_with_logits(&array![[up], [down], [up], [down]], &array![[1.0], [0.0], [0.25], [0.25]]).unwrap();
    assert_eq!(at.value, array![0.0, 0.0, up, up]);
    assert_eq!(at.grad.logits(), array![[0.0], [0.0], [0.75], [-0.25]]);
}

#[test]
fn hard_targets_outside_and_wrong_shapes() {
    let logits = Array2::<f64>::zeros((2, 2));
    for bad in [-0.01, 1.01, f64::INFINITY] {
        let error = Error::Entry { name: "targets", index: vec![1, 1], value: bad, expected: "a number in [0, 1]" };
        assert_eq!(bce_with_logits(&logits, &array![[0.0, 0.0], [0.0, bad]]).err(), Some(error));
    }
    let row = bce_with_logits(&logits, &array![[0.0, f64::NAN], [0.0, 0.0]]).unwrap();
    assert!(row.value[0].is_nan() && row.value[1] == 2.0 * std::f64::consts::LN_2);
    let wrong = Array2::<f64>::zeros((2, 1));
    let error = |name| Some(Error::Shape { name, got: vec![2, 1], expected: vec![2, 2] });
    assert_eq!(bce_with_logits(&logits, &wrong).err(), error("targets"));
    assert_eq!(squared_error(&logits, &wrong).err(), error("y"));
    assert_eq!(
        bits_per_dimension(1.0, 0, 0.0),
        Err(Error::Parameter { name: "dims", value: 0.0, expected: "at least 1" })
    );
    let refused = bits_per_dimension(1.0, 1, f64::NAN).unwrap_err();
    assert_eq!(refused.to_string(), "`constant` is NaN, expected a number");
    assert!(bits_per_dimension(f64::NAN, 1, 0.0).unwrap().is_nan(), "NaN in data is data");
    let empty = Array2::<f64>::zeros((0, 3));
    assert_eq!(bce_with_logits(&empty, &empty).unwrap().value.len(), 0);
}

#[test]
fn hard_every_layout_of_both_arrays() {
    let logits = Array2::from_shape_fn((3, 5), |(i, j)| (i as f64 - 1.0) * (j as f64 - 2.5));
    let targets = Array2::from_shape_fn((3, 5), |(i, j)| ((i + j) % 4) as f64 / 3.0);
    let (bce, se) = (bce_with_logits(&logits, &targets).unwrap(), squared_error(&logits, &targets).unwrap());
    every_layout(&logits, |layout, l| assert_eq!(bce_with_logits(&l, &targets).unwrap(), bce, "{layout}"));
    every_layout(&targets, |layout, t| assert_eq!(bce_with_logits(&logits, &t).unwrap(), bce, "{layout}"));
    every_layout(&targets, |layout, t| assert_eq!(squared_error(&logits, &t).unwrap(), se, "{layout}"));
}
