use approx::assert_abs_diff_eq;
use estimand::distribution::LogitParts;
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{Bernoulli, Cdf, Distribution, Entropy, Error, Kl, MeanVariance, Real, Sample, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::conforms::{self, Family};
use crate::support::double_double::{DoubleDouble, ln};
use crate::support::near::assert_eps;
use crate::support::reference::table;
use crate::support::samples::{self, Chances};
use crate::support::stats::{chance_of_bounded_mean, chance_of_count};
use crate::support::strategy::{array as numbers, bits, config, sizes};

struct Bits;

impl Family for Bits {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = Bernoulli<'a, F>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        Bernoulli::new(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        f64::from(u8::from(any > 0.0))
    }
}

impl Chances for Bits {
    fn of_moments(n: usize, [mean, variance]: [f64; 2], found: [f64; 2]) -> [f64; 2] {
        let hits = (found[0] * n as f64).round() as usize;
        // (x - E x)^2 takes two values in [0, 1], mean^2 and (1 - mean)^2.
        let range = (1.0 - 2.0 * mean).abs().max(f64::EPSILON);
        [chance_of_count(hits, n, mean), chance_of_bounded_mean(found[1] - variance, n, range * range)]
    }

    /// -log q is the sum of softplus(l) - x l, with a range of |l| each.
    fn of_entropy(n: usize, row: &[f64], off: f64) -> f64 {
        chance_of_bounded_mean(off, n, row.iter().map(|l| l * l).sum())
    }
}

#[test]
fn law_the_bernoulli_conforms() {
    conforms::distribution::<Bits>();
    conforms::transform::<Bits>();
    conforms::entropy::<Bits>();
    conforms::cdf::<Bits>();
    conforms::kl::<Bits>();
}

/// False alarms and twins: see `support/samples.rs`.
#[test]
fn stat_bernoulli_samples() {
    samples::moments::<Bits>();
    samples::entropy::<Bits>();
    samples::shares::<Bits>();
}

fn agrees_with_table<F: Real>() {
    for r in table("bernoulli.csv") {
        let [l, x, log_prob, d_logit, entropy, d_entropy] = r.numbers::<6>(0);
        let (logit, x) = (Array2::from_elem((1, 1), F::of(l)), Array2::from_elem((1, 1), F::of(x)));
        let p = Bernoulli::new(&logit).unwrap();
        let at = p.log_prob_grad(&x).unwrap();
        let h = p.entropy();
        let what = |name: &str| format!("{name} of line {}", r.line);
        // Below the smallest normal number the last place is absolute, and l e^-|l| has l of them.
        let floor = |want: f64| want.abs().max((1.0 + l.abs()) * F::min_positive_value().as_f64());
        assert_eps(at.value[0], log_prob, floor(log_prob), 4.0, what("log_prob"));
        assert_eps(at.grad.logits()[[0, 0]], d_logit, floor(d_logit), 4.0, what("d_logit"));
        assert_eps(h.value[0], entropy, floor(entropy), 6.0, what("entropy"));
        assert_eps(h.grad.logits()[[0, 0]], d_entropy, floor(d_entropy), 6.0, what("d_entropy"));
    }
}

#[test]
fn ref_bernoulli_agrees_with_mpmath() {
    agrees_with_table::<f32>();
    agrees_with_table::<f64>();
}

fn kl_agrees_with_table<F: Real>() {
    for r in table("bernoulli_kl.csv") {
        let [q, p, kl, d_q, d_p] = r.numbers::<5>(0);
        let (a, b) = (Array2::from_elem((1, 1), F::of(q)), Array2::from_elem((1, 1), F::of(p)));
        let at = Bernoulli::new(&a).unwrap().kl(&Bernoulli::new(&b).unwrap()).unwrap();
        let what = |name: &str| format!("{name} of line {} ({q}, {p})", r.line);
        let floor = |want: f64| want.abs().max((1.0 + (q - p).abs()) * F::min_positive_value().as_f64());
        assert_eps(at.value[0], kl, floor(kl), 16.0, what("kl"));
        assert_eps(at.grad.0.logits()[[0, 0]], d_q, floor(d_q), 16.0, what("d_q"));
        assert_eps(at.grad.1.logits()[[0, 0]], d_p, floor(d_p), 16.0, what("d_p"));
    }
}

#[test]
fn ref_bernoulli_kl_agrees_with_mpmath() {
    kl_agrees_with_table::<f32>();
    kl_agrees_with_table::<f64>();
}

proptest! {
    #![proptest_config(config())]

    /// Against -[x ln p + (1 - x) ln(1 - p)] with p = 1/(1 + e^-l), all in double-double.
    #[test]
    fn law_bernoulli_nll_is_binary_cross_entropy((logits, x) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -30.0, 30.0), bits(s)))) {
        let at = Bernoulli::new(&logits).unwrap().log_prob_grad(&x).unwrap();
        for i in 0..logits.nrows() {
            let mut bce = DoubleDouble::from(0.0);
            for j in 0..logits.ncols() {
                let p = DoubleDouble::sigmoid(logits[[i, j]]);
                let one = DoubleDouble::from(1.0);
                bce = bce - if x[[i, j]] == 1.0 { ln(p) } else { ln(one - p) };
                let slope = DoubleDouble::from(x[[i, j]]) - p;
                assert_abs_diff_eq!(at.grad.logits()[[i, j]], slope.to_f64(), epsilon = 4.0 * f64::EPSILON);
            }
            // A row of d terms, each good to 4 epsilon, added in at most 32 + 5 steps.
            let limit = 64.0 * f64::EPSILON * (1.0 + bce.to_f64());
            assert_abs_diff_eq!(-at.value[i], bce.to_f64(), epsilon = limit);
        }
    }

    #[test]
    fn law_bernoulli_kl_is_its_sum(q in -20.0..20.0_f64, p in -20.0..20.0_f64) {
        let (a, b) = (array![[q]], array![[p]]);
        let kl = Bernoulli::new(&a).unwrap().kl(&Bernoulli::new(&b).unwrap()).unwrap().value[0];
        let one = DoubleDouble::from(1.0);
        let (q, p) = (DoubleDouble::sigmoid(q), DoubleDouble::sigmoid(p));
        let sum = q * (ln(q) - ln(p)) + (one - q) * (ln(one - q) - ln(one - p));
        // The other route: ten squarings magnify its epsilon^2 a thousandfold, for terms up to 40.
        let doubt = 256.0 * 1024.0 * f64::EPSILON.powi(2);
        assert_abs_diff_eq!(kl, sum.to_f64(), epsilon = 16.0 * f64::EPSILON * kl + doubt);
    }

    #[test]
    fn law_probabilities_are_another_name_for_logits(probs in sizes(3, 4).prop_flat_map(|s| numbers(s, 0.001, 0.999))) {
        let law = Bernoulli::from_probs(&probs).unwrap();
        for (got, want) in law.mean().iter().zip(&probs) {
            assert_abs_diff_eq!(got, want, epsilon = 8.0 * f64::EPSILON);
        }
        // d/dp = d/dl / (p (1 - p)): for a success it is 1/p.
        let at = law.log_prob_grad(&Array2::ones(probs.dim())).unwrap();
        for (g, &p) in at.grad.logits().iter().zip(&probs) {
            assert_abs_diff_eq!(g / (p * (1.0 - p)), 1.0 / p, epsilon = 16.0 * f64::EPSILON / (p * (1.0 - p)));
        }
    }
}

#[test]
fn hard_pytorch_15288_bernoulli_kl_gradient() {
    let far = [-1e4, -700.0, -20.0, 0.0, 20.0, 700.0, 1e4];
    for q in far.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY]) {
        for p in far {
            let (a, b) = (array![[q]], array![[p]]);
            let at = Bernoulli::new(&a).unwrap().kl(&Bernoulli::new(&b).unwrap()).unwrap();
            let numbers = [at.value[0], at.grad.0.logits()[[0, 0]], at.grad.1.logits()[[0, 0]]];
            assert!(numbers.iter().all(|v| v.is_finite()), "KL({q} || {p}) and gradients are {numbers:?}");
            assert!(at.value[0] >= 0.0);
        }
    }
    let (sure, never) = (array![[f64::INFINITY]], array![[f64::NEG_INFINITY]]);
    let (sure, never) = (Bernoulli::new(&sure).unwrap(), Bernoulli::new(&never).unwrap());
    assert_eq!(sure.kl(&never).unwrap().value[0], f64::INFINITY);
    let same = sure.kl(&sure.clone()).unwrap();
    assert_eq!((same.value[0], same.grad.0.logits()[[0, 0]], same.grad.1.logits()[[0, 0]]), (0.0, 0.0, 0.0));
}

#[test]
fn hard_sure_bits() {
    let logits = array![[f64::INFINITY, f64::NEG_INFINITY, 1e4, -1e4]];
    let p = Bernoulli::new(&logits).unwrap();
    let right = p.log_prob_grad(&array![[1.0, 0.0, 1.0, 0.0]]).unwrap();
    assert_eq!(right.value, array![0.0]);
    assert!(right.grad.logits().iter().all(|&g| g == 0.0));
    assert_eq!(p.log_prob(&array![[1.0, 0.0, 0.0, 0.0]]).unwrap(), array![-1e4]);
    assert_eq!(p.log_prob(&array![[0.0, 0.0, 1.0, 0.0]]).unwrap(), array![f64::NEG_INFINITY]);
    let h = p.entropy();
    assert_eq!((h.value[0], h.grad.logits().to_owned()), (0.0, Array2::zeros((1, 4))));
    assert_eq!((p.mean(), p.variance()), (array![[1.0, 0.0, 1.0, 0.0]], Array2::zeros((1, 4))));
    for seed in 0..50 {
        assert_eq!(p.sample(&mut ChaCha8Rng::seed_from_u64(seed)), array![[1.0, 0.0, 1.0, 0.0]]);
    }
    let law = Bernoulli::from_probs(&array![[0.0, 1.0]]).unwrap();
    assert_eq!(law.logits(), array![[f64::NEG_INFINITY, f64::INFINITY]]);
}

#[test]
fn hard_what_is_no_bit_is_refused_by_its_index() {
    let logits = Array2::<f64>::zeros((2, 3));
    let p = Bernoulli::new(&logits).unwrap();
    for bad in [0.5, -1.0, 2.0, f64::INFINITY] {
        let mut x = Array2::zeros((2, 3));
        x[[1, 2]] = bad;
        let error = Error::Entry { name: "x", index: vec![1, 2], value: bad, expected: "a bit, 0 or 1" };
        assert_eq!(p.log_prob(&x), Err(error.clone()));
        assert_eq!(p.log_prob_grad(&x).err(), Some(error.clone()));
        assert_eq!(p.score(&x).err(), Some(error));
    }
    for bad in [-0.1, 1.1] {
        let error = Error::Entry { name: "probs", index: vec![0, 1], value: bad, expected: "a probability in [0, 1]" };
        assert_eq!(Bernoulli::from_probs(&array![[0.5, bad]]).err(), Some(error));
    }
    let none = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(Bernoulli::shared(&array![0.0], 0).err(), Some(none));
}

#[test]
fn hard_steps_of_the_distribution_function() {
    let logits = array![[0.0, 0.0, 0.0, 0.0]];
    let p = Bernoulli::new(&logits).unwrap();
    assert_eq!(p.cdf(&array![[-1e-9, 0.0, 0.999, 1.0]]).unwrap(), array![[0.0, 0.5, 0.5, 1.0]]);
    assert_eq!(p.quantile(&array![[0.0, 0.5, 0.500_001, 1.0]]).unwrap(), array![[0.0, 0.0, 1.0, 1.0]]);
    assert!(p.cdf(&array![[f64::NAN, 0.0, 0.0, 0.0]]).unwrap()[[0, 0]].is_nan());
    assert!(p.quantile(&array![[f64::NAN, 0.0, 0.0, 0.0]]).unwrap()[[0, 0]].is_nan());
    let uniforms = array![[0.499, 0.501, f64::NAN, 0.0]];
    let x = p.transform(uniforms).unwrap().into_x();
    assert_eq!((x[[0, 0]], x[[0, 1]], x[[0, 3]]), (1.0, 0.0, 1.0));
    assert!(x[[0, 2]].is_nan());
}
