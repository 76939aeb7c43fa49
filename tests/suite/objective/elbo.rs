use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::{GaussianDecoder, beta_elbo};
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Kl, Reparameterize, Rows, Transform, ValueGrad, check};
use proptest::prelude::*;

use crate::support::strategy::{array as numbers, bits, config};

proptest! {
    #![proptest_config(config())]

    /// z ~ N(0, 1), x | z ~ N(w z, s^2), q(z|x) = N(m, v): reconstruction - KL to the prior, and
    /// log p(x) - KL to the posterior, where all are closed.
    #[test]
    fn law_elbo_two_ways(w in -2.0..2.0_f64, log_s in -1.0..1.0_f64, m in -2.0..2.0_f64, log_sd in -1.5..0.5_f64, x in -3.0..3.0_f64) {
        let (s2, v) = ((2.0 * log_s).exp(), (2.0 * log_sd).exp());
        // E log N(x; w z, s^2) = log N(x; w m, s^2) - w^2 v / (2 s^2).
        let loc = array![[w * m]];
        let at_mean = GaussianDecoder::fixed(&loc, log_s).log_prob(&array![[x]]).unwrap()[0];
        let rec = ValueGrad { value: array![at_mean - w * w * v / (2.0 * s2)], grad: Array1::zeros(1) };
        let (q_m, q_s) = (array![[m]], array![[log_sd]]);
        let q = DiagGaussian::new(&q_m, &q_s).unwrap();
        let elbo = beta_elbo(rec, q.kl_standard(), 1.0).unwrap().value[0];

        // The marginal N(0, w^2 + s^2) and the posterior N(w x / (w^2 + s^2), s^2 / (w^2 + s^2)).
        let total = w * w + s2;
        let log_marginal = -0.5 * x * x / total - 0.5 * (2.0 * std::f64::consts::PI * total).ln();
        let (p_m, p_v) = (array![[w * x / total]], array![[s2 / total]]);
        let posterior = DiagGaussian::from_mean_variance(&p_m, &p_v).unwrap();
        let gap = q.kl(&posterior).unwrap().value[0];
        assert_abs_diff_eq!(elbo, log_marginal - gap, epsilon = 1e-12 * (1.0 + elbo.abs() + gap));
        prop_assert!(elbo <= log_marginal + 1e-12 * (1.0 + log_marginal.abs()));
    }

    /// The whole objective of a linear VAE by the path: every parameter against differences.
    #[test]
    fn law_elbo_gradient_is_its_derivative(
        (head, weight, x) in (numbers((3, 4), -1.0, 1.0), numbers((2, 5), -1.0, 1.0), bits((3, 5))),
        beta in 0.0..5.0_f64,
    ) {
        let noise = array![[0.3, -1.2], [0.0, 0.7], [-0.4, 1.9]];
        let loss = |head: &Array2<f64>, weight: &Array2<f64>| {
            let q = DiagGaussian::from_head(head).unwrap();
            let z = q.transform(noise.clone()).unwrap();
            let logits = z.x().dot(weight);
            let rec = Bernoulli::new(&logits).unwrap().log_prob_grad(&x).unwrap();
            let loss = beta_elbo(rec, q.kl_standard(), beta).unwrap().mean().unwrap().loss();
            let (d_logits, d_kl) = loss.grad;
            let d_z = d_logits.flat().dot(&weight.t());
            let d_weight = z.x().t().dot(&d_logits.flat());
            let d_head = d_kl + q.pathwise(&z, &d_z).unwrap().total();
            (loss.value, d_head.unwrap().into_flat(), d_weight)
        };
        let (_, d_head, d_weight) = loss(&head, &weight);
        let flat = |a: &Array2<f64>| Array1::from_iter(a.iter().copied());
        let shaped = |v: &estimand::ndarray::ArrayRef1<f64>, dim| Array2::from_shape_vec(dim, v.to_vec()).unwrap();
        let found = check::gradient(|h| loss(&shaped(h, (3, 4)), &weight).0, &flat(&head), &flat(&d_head)).unwrap();
        prop_assert!(found.within(1e-9), "head: {}", found);
        let found = check::gradient(|w| loss(&head, &shaped(w, (2, 5))).0, &flat(&weight), &flat(&d_weight)).unwrap();
        prop_assert!(found.within(1e-9), "weight: {}", found);
    }

    /// L(beta) is reconstruction - beta kl, term by term, and so are its gradients.
    #[test]
    fn law_beta_weighs_the_kl(rec in prop::collection::vec(-50.0..0.0_f64, 4), kl in prop::collection::vec(0.0..9.0_f64, 4), beta in 0.0..9.0_f64) {
        let term = |v: &[f64], g: f64| ValueGrad { value: Array1::from_vec(v.to_vec()), grad: Array2::from_elem((4, 3), g) };
        let at = beta_elbo(term(&rec, 2.0), term(&kl, 5.0), beta).unwrap();
        for i in 0..4 {
            prop_assert_eq!(at.value[i], rec[i] - beta * kl[i]);
            prop_assert_eq!((at.reconstruction[i], at.kl[i]), (rec[i], kl[i]));
        }
        prop_assert!(at.grad.0.iter().all(|&g| g == 2.0) && at.grad.1.iter().all(|&g| g == -beta * 5.0));
        let mean = at.mean().unwrap();
        assert_abs_diff_eq!(mean.value, mean.reconstruction - beta * mean.kl, epsilon = 1e-13 * 150.0);
        prop_assert!(mean.grad.0.iter().all(|&g| g == 0.5), "gradients are divided by n as values are");
        let value = mean.value;
        let loss = mean.loss();
        prop_assert_eq!(loss.value, -value);
        prop_assert!(loss.grad.0.iter().all(|&g| g == -0.5) && loss.grad.1.iter().all(|&g| g == 0.25 * beta * 5.0));
    }
}

/// K samples an example: the mean of groups, and gradients of all n K rows.
#[test]
fn law_more_samples_are_joined_by_example() {
    let (n, k) = (2, 3);
    let head = array![[0.5, -0.25], [-1.0, 0.125]];
    let noise = array![[0.5], [-1.5], [0.25], [1.0], [-0.5], [2.0]];
    let x = Array2::from_shape_fn((n * k, 1), |(i, _)| if i < k { 1.0 } else { 0.0 });
    let run = |head: &Array2<f64>| {
        let q = DiagGaussian::from_head(head).unwrap();
        let path = q.clone().repeat_rows(k);
        let z = path.transform(noise.clone()).unwrap();
        let rec = Bernoulli::new(z.x()).unwrap().log_prob_grad(&x).unwrap().mean_groups(k).unwrap();
        let elbo = beta_elbo(rec, q.kl_standard(), 1.0).unwrap().mean().unwrap();
        let (d_z, d_kl) = elbo.grad;
        let d_head = d_kl + path.pathwise(&z, &d_z.flat()).unwrap().total();
        (elbo.value, d_head.unwrap().into_flat())
    };
    let (_, grad) = run(&head);
    let flat = |a: &Array2<f64>| Array1::from_iter(a.iter().copied());
    let found =
        check::gradient(|h| run(&Array2::from_shape_vec((2, 2), h.to_vec()).unwrap()).0, &flat(&head), &flat(&grad))
            .unwrap();
    assert!(found.within(1e-9), "{found}");
}

#[test]
fn hard_bad_terms_are_refused_with_the_facts() {
    let term = |v: Array1<f64>| {
        let n = v.len();
        ValueGrad { value: v, grad: Array2::<f64>::ones((n, 2)) }
    };
    for beta in [-0.5, f64::NAN, f64::NEG_INFINITY] {
        let got = beta_elbo(term(array![1.0]), term(array![1.0]), beta).unwrap_err();
        let text = format!("`beta` is {beta}, expected a number that is not negative");
        assert_eq!(got.to_string(), text);
    }
    let error = Error::Shape { name: "kl", got: vec![1], expected: vec![2] };
    assert_eq!(beta_elbo(term(array![1.0, 2.0]), term(array![1.0]), 1.0).err(), Some(error));
    let empty = beta_elbo(term(array![]), term(array![]), 1.0).unwrap().mean();
    assert_eq!(empty.err(), Some(Error::TooFew { name: "reconstruction", got: 0, needs: 1 }));
    let holed = beta_elbo(term(array![1.0, f64::NAN]), term(array![1.0, 1.0]), 1.0).unwrap();
    assert!(holed.value[1].is_nan() && holed.value[0] == 0.0, "the row keeps it");
    assert_eq!(holed.mean().err(), Some(Error::NaN { name: "reconstruction", row: 1 }));
    let holed = beta_elbo(term(array![1.0, 1.0]), term(array![f64::NAN, 1.0]), 1.0).unwrap();
    assert_eq!(holed.mean().err(), Some(Error::NaN { name: "kl", row: 0 }));
    let mut grad = term(array![1.0, 1.0]);
    grad.grad[[1, 0]] = f64::NAN;
    let holed = beta_elbo(grad, term(array![1.0, 1.0]), 1.0).unwrap();
    assert_eq!(holed.mean().err(), Some(Error::NaN { name: "grad", row: 1 }));
    // A beta of 0 silences an infinite divergence: a plain autoencoder.
    let mut far = term(array![f64::INFINITY]);
    far.grad.fill(f64::INFINITY);
    let at = beta_elbo(term(array![-3.0]), far, 0.0).unwrap();
    assert_eq!((at.value[0], at.grad.1[[0, 0]]), (-3.0, 0.0));
    // (n,) against (n, 1) does not compile, and nothing is averaged over coordinates.
    let x = Array2::<f64>::zeros((1, 784));
    let rec = Bernoulli::new(&x).unwrap().log_prob_grad(&x).unwrap();
    assert_abs_diff_eq!(rec.value[0], -784.0 * std::f64::consts::LN_2, epsilon = 1e-10);
}
