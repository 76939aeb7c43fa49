use estimand::ndarray::array;
use estimand::{Bernoulli, Cdf, DiagGaussian, Entropy, MeanVariance};

/// Sharing does not multiply summaries: they are of parameter rows, a cdf is of sample rows.
#[test]
fn hard_summaries_are_of_parameter_rows() {
    let head = array![[1.0, 2.0, 0.0, 0.5], [3.0, 4.0, -0.5, 1.0]];
    let q = DiagGaussian::from_head(&head).unwrap();
    let many = q.clone().repeat_rows(3);
    assert_eq!(many.mean(), q.mean());
    assert_eq!(many.variance(), q.variance());
    assert_eq!(many.entropy(), q.entropy());
    assert_eq!(q.mean(), array![[1.0, 2.0], [3.0, 4.0]]);
    let variance = array![[1.0, 1.0_f64.exp()], [(-1.0_f64).exp(), 2.0_f64.exp()]];
    assert_eq!(q.variance(), variance);
    let x = array![[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [3.0, 4.0], [3.0, 4.0]];
    assert!(many.cdf(&x).unwrap().iter().all(|&p| p == 0.5), "the median of each sample row");
    assert_eq!(many.quantile(&x.mapv(|_| 0.5)).unwrap(), x);

    let logits = array![[0.0, 3.0_f64.ln()]];
    let p = Bernoulli::new(&logits).unwrap();
    assert_eq!(p.clone().repeat_rows(4).entropy(), p.entropy());
    assert!((&p.mean() - &array![[0.5, 0.75]]).iter().all(|e| e.abs() <= 4.0 * f64::EPSILON));
    assert!((&p.variance() - &array![[0.25, 0.1875]]).iter().all(|e| e.abs() <= 4.0 * f64::EPSILON));
}

/// In bits, a fair coin has one, and its slope is 0.
#[test]
fn ref_entropies_of_a_coin_and_of_a_standard_normal() {
    let logits = array![[0.0, 0.0]];
    let h = Bernoulli::new(&logits).unwrap().entropy();
    assert_eq!((h.value[0], h.grad.logits().to_owned()), (2.0 * std::f64::consts::LN_2, array![[0.0, 0.0]]));
    let h = DiagGaussian::<f64>::standard(1, 1).unwrap().entropy();
    assert!((h.value[0] - 1.418_938_533_204_672_7).abs() <= 2.0 * f64::EPSILON);
    assert_eq!(h.grad.flat(), array![[0.0, 1.0]]);
}
