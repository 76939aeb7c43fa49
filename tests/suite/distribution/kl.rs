use estimand::ndarray::{Array2, concatenate};
use estimand::ndarray::{Axis, array};
use estimand::{Bernoulli, DiagGaussian, Kl};
use proptest::prelude::*;

use crate::support::strategy::{array as numbers, config, sizes};

proptest! {
    #![proptest_config(config())]

    /// Independent coordinates: the divergence of two blocks is the sum of theirs.
    #[test]
    fn law_divergences_add_over_coordinates((q, p) in sizes(2, 40).prop_flat_map(|s| (numbers(s, -4.0, 4.0), numbers(s, -4.0, 4.0)))) {
        let kl = |q: &Array2<f64>, p: &Array2<f64>| Bernoulli::new(q).unwrap().kl(&Bernoulli::new(p).unwrap()).unwrap();
        let both = kl(&concatenate![Axis(1), q, p], &concatenate![Axis(1), p, q]);
        let (there, back) = (kl(&q, &p), kl(&p, &q));
        for i in 0..q.nrows() {
            let sum = there.value[i] + back.value[i];
            prop_assert!((both.value[i] - sum).abs() <= 64.0 * f64::EPSILON * (1.0 + sum));
        }
        prop_assert_eq!(both.grad.0.logits().split_at(Axis(1), q.ncols()).0, there.grad.0.logits());
    }
}

/// How often samples repeat a parameter row does not matter to a divergence.
#[test]
fn hard_repeats_do_not_matter() {
    let head = array![[0.0, 0.0], [1.0, 0.5]];
    let q = DiagGaussian::from_head(&head).unwrap();
    let prior = array![[0.5, 0.0], [0.5, 0.0]];
    let p = DiagGaussian::from_head(&prior).unwrap();
    let plain = q.kl(&p).unwrap();
    assert_eq!(q.clone().repeat_rows(5).kl(&p.clone().repeat_rows(3)).unwrap(), plain);
    // Two rows of q a row of p.
    let one = prior.slice(estimand::ndarray::s![..1, ..]);
    let shared = DiagGaussian::from_head(one).unwrap().repeat_rows(2);
    assert_eq!(q.kl(&shared).unwrap(), plain);
    let four = concatenate![Axis(0), head, head];
    let q = DiagGaussian::from_head(&four).unwrap();
    let different = array![[0.5, 0.0], [-0.5, 0.25]];
    let p = DiagGaussian::from_head(&different).unwrap().repeat_rows(2);
    let written = concatenate![
        Axis(0),
        different.slice(estimand::ndarray::s![..1, ..]),
        different.slice(estimand::ndarray::s![..1, ..]),
        different.slice(estimand::ndarray::s![1.., ..]),
        different.slice(estimand::ndarray::s![1.., ..])
    ];
    assert_eq!(q.kl(&p).unwrap(), q.kl(&DiagGaussian::from_head(&written).unwrap()).unwrap());
}

/// Compiles: the arrays of one law may live shorter than those of the other.
#[test]
fn hard_two_laws_need_not_live_equally_long() {
    fn from_the_standard<'a>(q: &DiagGaussian<'a, f64>) -> estimand::Result<f64> {
        let head = array![[0.0, 0.0]];
        let p = DiagGaussian::from_head(&head)?;
        Ok(q.kl(&p)?.value[0])
    }
    let head = array![[1.0, 0.0]];
    let q = DiagGaussian::from_head(&head).unwrap();
    assert_eq!(from_the_standard(&q), Ok(0.5));
}

/// Constructors take arrays by reference, as views, or owned.
#[test]
fn hard_a_law_may_own_its_parameters() {
    fn encode(x: f64) -> estimand::Result<DiagGaussian<'static, f64>> {
        DiagGaussian::from_head(array![[x, 0.0], [2.0 * x, 0.0]].mapv(|x| x + 1.0))
    }
    assert_eq!(encode(1.0).unwrap().loc(), array![[2.0], [3.0]]);
    assert_eq!(encode(1.0).unwrap().log_scale(), array![[1.0], [1.0]]);
    let owned: Bernoulli<'static, f64> = Bernoulli::new(array![[0.5]]).unwrap();
    assert_eq!(owned.logits(), array![[0.5]]);
}
