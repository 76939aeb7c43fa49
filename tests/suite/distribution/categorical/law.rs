use approx::assert_abs_diff_eq;
use estimand::distribution::LogitParts;
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{Categorical, Entropy, Error, Kl, MeanVariance, Real};
use proptest::prelude::*;

use super::logits;
use crate::support::conforms::{self, Family};
use crate::support::double_double::{DoubleDouble, exp, ln};
use crate::support::strategy::config;

struct OneHot;

impl Family for OneHot {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = Categorical<'a, F>;

    /// A block of all coordinates.
    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        let classes = flat.ncols().max(1);
        Categorical::new(flat, classes).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }

    fn data(any: Array2<f64>) -> Array2<f64> {
        let most = |i: usize| any.row(i).fold(f64::NEG_INFINITY, |most, &x| most.max(x));
        Array2::from_shape_fn(any.dim(), |(i, j)| f64::from(u8::from(any[[i, j]] == most(i))))
    }
}

#[test]
fn law_the_categorical_conforms() {
    conforms::distribution::<OneHot>();
    conforms::transform::<OneHot>();
    conforms::entropy::<OneHot>();
    conforms::kl::<OneHot>();
}

/// The logarithm of each probability of a block by its definition, in double-double.
fn ln_softmax(block: &[f64]) -> Vec<DoubleDouble> {
    let most = block.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of = |l: f64| DoubleDouble::from(l) - DoubleDouble::from(most);
    let sum = block.iter().fold(DoubleDouble::from(0.0), |sum, &l| sum + exp(of(l)));
    block.iter().map(|&l| of(l) - ln(sum)).collect()
}

/// What double-double is off for exponents up to 80: ten squarings magnify its epsilon^2 a thousandfold.
const DOUBT: f64 = 256.0 * 1024.0 * f64::EPSILON * f64::EPSILON;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_log_probabilities_are_those_of_softmax((logits, classes) in logits(30.0), pick in 0_usize..1000) {
        let q = Categorical::new(&logits, classes).unwrap();
        let labels = Array2::from_shape_fn((logits.nrows(), q.blocks()), |(i, b)| (pick + 7 * i + 3 * b) % classes);
        let at = q.log_prob_grad_of(&labels).unwrap();
        let (mean, variance) = (q.mean(), q.variance());
        for i in 0..logits.nrows() {
            let mut sum = DoubleDouble::from(0.0);
            for b in 0..q.blocks() {
                let block = &logits.row(i).to_vec()[b * classes..(b + 1) * classes];
                let of = ln_softmax(block);
                sum = sum + of[labels[[i, b]]];
                for (k, ln_p) in of.iter().enumerate() {
                    let (p, j) = (exp(*ln_p), b * classes + k);
                    let complement = (DoubleDouble::from(1.0) - p).to_f64();
                    let slope = if labels[[i, b]] == k { complement } else { -p.to_f64() };
                    // A difference that is rounded, in an exponent of up to 60; a sum of positive terms; a quotient: relative.
                    let few = 64.0 * f64::EPSILON;
                    let close = |got: f64, want: f64| (got - want).abs() <= few * want.abs() + DOUBT;
                    prop_assert!(close(at.grad.flat()[[i, j]], slope), "{} {}", at.grad.flat()[[i, j]], slope);
                    prop_assert!(close(mean[[i, j]], p.to_f64()));
                    prop_assert!(close(variance[[i, j]], p.to_f64() * complement));
                }
            }
            // An epsilon of each logit, of the logarithm and of the sum.
            assert_abs_diff_eq!(at.value[i], sum.to_f64(), epsilon = 8.0 * f64::EPSILON * sum.to_f64().abs() + DOUBT);
        }
    }

    #[test]
    fn law_entropy_is_the_mean_surprise((logits, classes) in logits(30.0)) {
        let at = Categorical::new(&logits, classes).unwrap().entropy();
        for (i, row) in logits.rows().into_iter().enumerate() {
            let mut sum = DoubleDouble::from(0.0);
            for block in row.to_vec().chunks(classes) {
                sum = ln_softmax(block).into_iter().fold(sum, |sum, ln_p| sum - exp(ln_p) * ln_p);
            }
            // Relative: no term is negative. An exponent of up to 60 is rounded, and so is a weight by 60 half epsilons.
            assert_abs_diff_eq!(at.value[i], sum.to_f64(), epsilon = 64.0 * f64::EPSILON * sum.to_f64() + DOUBT);
        }
    }

    /// Also of laws that are near each other, where the sum of its terms would have no digits.
    #[test]
    fn law_divergence_is_the_mean_log_ratio(
        ((l, classes), away) in (logits(8.0), 0_i32..12),
        turn in 0_u64..1000,
    ) {
        let by = 10.0_f64.powi(-away);
        let move_of = |i: usize, j: usize| ((turn + 31 * i as u64 + 17 * j as u64) % 13) as f64 - 6.0;
        let m = Array2::from_shape_fn(l.dim(), |(i, j)| l[[i, j]] + by * move_of(i, j));
        let (q, p) = (Categorical::new(&l, classes).unwrap(), Categorical::new(&m, classes).unwrap());
        let at = q.kl(&p).unwrap();
        for i in 0..l.nrows() {
            let (mut sum, mut scale) = (DoubleDouble::from(0.0), 0.0_f64);
            let (l, m) = (l.row(i).to_vec(), m.row(i).to_vec());
            for (b, (l, m)) in l.chunks(classes).zip(m.chunks(classes)).enumerate() {
                let (ln_q, ln_p) = (ln_softmax(l), ln_softmax(m));
                let ratio = |k: usize| ln_q[k] - ln_p[k];
                let kl = (0..classes).fold(DoubleDouble::from(0.0), |sum, k| sum + exp(ln_q[k]) * ratio(k));
                sum = sum + kl;
                for k in 0..classes {
                    scale = scale.max(ratio(k).to_f64().abs());
                    let d_q = (exp(ln_q[k]) * (ratio(k) - kl)).to_f64();
                    let d_p = (exp(ln_p[k]) - exp(ln_q[k])).to_f64();
                    let (j, few) = (b * classes + k, 64.0 * f64::EPSILON);
                    // A distance of logits is known to half an epsilon of a logit, 8 at the most, and so is the mean of them.
                    let limit = few * (by * 12.0) + 64.0 * f64::EPSILON * by.min(1.0);
                    prop_assert!((at.grad.0.flat()[[i, j]] - d_q).abs() <= limit + DOUBT, "{} {d_q}", at.grad.0.flat()[[i, j]]);
                    prop_assert!((at.grad.1.flat()[[i, j]] - d_p).abs() <= limit + DOUBT, "{} {d_p}", at.grad.1.flat()[[i, j]]);
                }
            }
            // Of second order in the distance: what is off is an epsilon of that.
            let limit = 64.0 * f64::EPSILON * (sum.to_f64() + scale * scale) + DOUBT;
            assert_abs_diff_eq!(at.value[i], sum.to_f64(), epsilon = limit);
        }
    }

    /// Two classes are a bit whose logit is their difference.
    #[test]
    fn law_two_classes_are_a_bit(l in -20.0..20.0_f64, m in -20.0..20.0_f64, shift in -5.0..5.0_f64) {
        let two = |l: f64| Categorical::new(array![[shift, shift + l]], 2).unwrap();
        let bit = |l: f64| estimand::Bernoulli::new(array![[l]]).unwrap();
        let few = 64.0 * f64::EPSILON;
        // The shift rounds the difference of the logits.
        let close = |a: f64, b: f64| (a - b).abs() <= few * (1.0 + b.abs());
        let (own, its) = (two(l).entropy(), bit(l).entropy());
        prop_assert!(close(own.value[0], its.value[0]) && close(own.grad.flat()[[0, 1]], its.grad.flat()[[0, 0]]));
        let (own, its) = (two(l).kl(&two(m)).unwrap(), bit(l).kl(&bit(m)).unwrap());
        prop_assert!(close(own.value[0], its.value[0]));
        prop_assert!(close(own.grad.0.flat()[[0, 1]], its.grad.0.flat()[[0, 0]]));
        prop_assert!(close(own.grad.1.flat()[[0, 1]], its.grad.1.flat()[[0, 0]]));
    }
}

/// PyTorch's entropy is NaN there, and optax's gradient even where its value was mended.
#[test]
fn hard_pytorch_40553_entropy_of_impossible_classes() {
    let none = f64::NEG_INFINITY;
    let at = Categorical::new(array![[0.0, none, 0.0, none], [none, 7.0, none, none]], 4).unwrap().entropy();
    assert_eq!(at.value, array![std::f64::consts::LN_2, 0.0]);
    assert_eq!(at.grad.logits(), Array2::<f64>::zeros((2, 4)));
}

#[test]
fn hard_divergences_without_a_class() {
    let none = f64::NEG_INFINITY;
    let of = |logits: Array2<f64>| Categorical::new(logits, 3).unwrap();
    let (all, few) = (of(array![[0.0, 0.0, 0.0]]), of(array![[0.0, none, 0.0]]));
    // ln 3 / 2 of halves against thirds.
    let at = few.kl(&all).unwrap();
    assert!((at.value[0] - 1.5_f64.ln()).abs() < 4.0 * f64::EPSILON);
    assert!((&at.grad.0.flat().row(0) - &array![0.0, 0.0, 0.0]).iter().all(|g| g.abs() < 4.0 * f64::EPSILON));
    let third = 1.0 / 3.0;
    let want = array![third - 0.5, third, third - 0.5];
    assert!((&at.grad.1.flat().row(0) - &want).iter().all(|g| g.abs() < 4.0 * f64::EPSILON));
    let at = all.kl(&few).unwrap();
    assert_eq!(at.value[0], f64::INFINITY, "what is not there in p is infinitely far");
    assert_eq!(at.grad.0.flat()[[0, 1]], f64::INFINITY);
    assert_eq!(at.grad.0.flat()[[0, 0]], f64::NEG_INFINITY);
    assert!(at.grad.1.flat().iter().all(|g| g.is_finite()));
    let same = few.kl(&few).unwrap();
    let numbers = [&same.grad.0, &same.grad.1].into_iter().flat_map(|g| g.flat().to_owned());
    assert!(same.value[0] == 0.0 && numbers.into_iter().all(|g| g == 0.0));

    // Far from each other, in either precision.
    let far = |of: f32| Categorical::new(array![[of, 0.0, -of]], 3).unwrap();
    for size in [30.0, 1e3, 1e4, 1e30] {
        let at = far(size).kl(&far(-size)).unwrap();
        assert!((at.value[0] / (2.0 * size) - 1.0).abs() < 8.0 * f32::EPSILON, "{}", at.value[0]);
        assert!(at.grad.0.flat().iter().chain(at.grad.1.flat()).all(|g| g.is_finite()));
    }
    let error = all.kl(&Categorical::new(array![[0.0, 0.0, 0.0]], 1).unwrap()).unwrap_err();
    assert_eq!(error, Error::Count { name: "p", axis: "classes", got: 1, expected: "3".to_owned() });
    let rare = of(array![[0.0, -800.0, 0.0]]).kl(&few).unwrap();
    assert_eq!(rare.value[0], f64::INFINITY, "also where q has it with a chance below the numbers");
}
