use std::collections::BTreeMap;

use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::{discriminator_loss, permuted_columns, total_correlation_of_logits};
use estimand::{Error, Real};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::near::assert_gradient;
use crate::support::strategy::{array as numbers, config};

fn plain(joint: &Array1<f64>, product: &Array1<f64>) -> f64 {
    let mean = |of: Vec<f64>| of.iter().sum::<f64>() / of.len() as f64;
    let chance = |l: f64| 1.0 / (1.0 + (-l).exp());
    -mean(joint.iter().map(|&l| chance(l).ln()).collect())
        - mean(product.iter().map(|&l| (1.0 - chance(l)).ln()).collect())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_a_discriminator_minimises_cross_entropy(joint in numbers((1, 4), -5.0, 5.0), product in numbers((1, 7), -5.0, 5.0)) {
        let (joint, product) = (joint.row(0).to_owned(), product.row(0).to_owned());
        let found = discriminator_loss(&joint, &product).unwrap();
        // 1 - D of a logit of 5 has lost three digits.
        prop_assert!((found.value - plain(&joint, &product)).abs() <= 1024.0 * f64::EPSILON * 5.0);
        assert_gradient("joint", |joint| discriminator_loss(joint, &product).unwrap().value, &joint, found.grad.0.view());
        assert_gradient("product", |l| discriminator_loss(&joint, l).unwrap().value, &product, found.grad.1.view());
        let single = discriminator_loss(&joint.mapv(|l| l as f32), &product.mapv(|l| l as f32)).unwrap();
        prop_assert!((f64::from(single.value) - found.value).abs() <= 64.0 * f64::from(f32::EPSILON) * 5.0);
    }

    /// Two laws on four points: at the logit ln(p / q) the loss is 2 ln 2 - 2 JSD, its least, and the mean logit under p is KL(p || q).
    #[test]
    fn law_the_best_logit_is_the_log_ratio(weights in numbers((2, 4), 0.05, 1.0), off in numbers((1, 4), -1.0, 1.0)) {
        let law = |k: usize| weights.row(k).to_owned() / weights.row(k).sum();
        let (p, q) = (law(0), law(1));
        let loss = |logits: &Array1<f64>| {
            // Of each point as many samples as its chance says: the gradient in the point's logit is the weight that it has.
            (0..4).map(|i| {
                let at = |own: &Array1<f64>, other: &Array1<f64>| discriminator_loss(own, other).unwrap();
                let one = array![logits[i]];
                let (of_p, of_q) = (at(&one, &array![0.0]).value - 2.0_f64.ln(), at(&array![0.0], &one).value - 2.0_f64.ln());
                p[i] * of_p + q[i] * of_q
            }).sum::<f64>()
        };
        let best = Array1::from_shape_fn(4, |i| (p[i] / q[i]).ln());
        let middle = (&p + &q) * 0.5;
        let kl = |a: &Array1<f64>, b: &Array1<f64>| a.iter().zip(b).map(|(a, b)| a * (a / b).ln()).sum::<f64>();
        let jsd = 0.5 * kl(&p, &middle) + 0.5 * kl(&q, &middle);
        prop_assert!((loss(&best) - (2.0 * 2.0_f64.ln() - 2.0 * jsd)).abs() <= 256.0 * f64::EPSILON);
        prop_assert!(loss(&(&best + &off.row(0))) >= loss(&best));
        let tc = total_correlation_of_logits(&best).unwrap();
        prop_assert!(((&tc.value * &p).sum() - kl(&p, &q)).abs() <= 64.0 * f64::EPSILON * 3.0);
        prop_assert_eq!(tc.grad, Array1::<f64>::ones(4));
    }
}

/// Every order of three, of each column by itself, as often as any other: 36 combinations, chi-square at a rate of 1e-9.
#[test]
fn stat_columns_are_permuted_evenly_and_apart() {
    let z = array![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let mut counts = BTreeMap::new();
    let draws = 36_000;
    for _ in 0..draws {
        let order: Vec<u8> = permuted_columns(&z, &mut rng).iter().map(|&x: &f64| x as u8).collect();
        *counts.entry(order).or_insert(0_usize) += 1;
    }
    assert_eq!(counts.len(), 36);
    let square: f64 = counts.values().map(|&n| (n as f64 - 1000.0).powi(2) / 1000.0).sum();
    // The upper quantile of chi-square with 35 degrees of freedom at 1e-9 is 107.
    assert!(square < 107.0, "{square}");
}

fn corners<F: Real>() {
    let none = Array1::<F>::zeros(0);
    let one = Array1::from_elem(1, F::one());
    assert_eq!(discriminator_loss(&none, &one).unwrap_err(), Error::TooFew { name: "joint", got: 0, needs: 1 });
    assert_eq!(discriminator_loss(&one, &none).unwrap_err(), Error::TooFew { name: "product", got: 0, needs: 1 });
    let bad = Array1::from_elem(1, F::nan());
    assert_eq!(discriminator_loss(&bad, &one).unwrap_err(), Error::NaN { name: "joint", row: 0 });
    assert_eq!(total_correlation_of_logits(&bad).unwrap_err(), Error::NaN { name: "logits", row: 0 });
    let far = Array1::from_elem(1, F::of(1e4));
    let at = discriminator_loss(&far, &far).unwrap();
    assert_eq!((at.value, at.grad.0[0], at.grad.1[0]), (F::of(1e4), F::zero(), F::one()));
    assert_eq!(permuted_columns(&Array2::<F>::zeros((0, 3)), &mut ChaCha8Rng::seed_from_u64(1)).dim(), (0, 3));
}

#[test]
fn hard_logits_of_nothing_and_of_any_size() {
    corners::<f32>();
    corners::<f64>();
}
