use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::{GaussianDecoder, beta_elbo};
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Kl, Reparameterize, Rows, Transform, ValueGrad};
use proptest::prelude::*;

use crate::support::near::assert_gradient;
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
        let at_mean = GaussianDecoder::fixed(&loc, log_s).unwrap().log_prob(&array![[x]]).unwrap()[0];
        let rec = ValueGrad { value: array![at_mean - w * w * v / (2.0 * s2)], grad: Array1::zeros(1) };
        let (q_m, q_s) = (array![[m]], array![[log_sd]]);
        let q = DiagGaussian::new(&q_m, &q_s).unwrap();
        let kl = q.kl_standard().value[0];
        let elbo = beta_elbo(rec, q.kl_standard(), 1.0).unwrap().value[0];

        // The marginal N(0, w^2 + s^2) and the posterior N(w x / (w^2 + s^2), s^2 / (w^2 + s^2)).
        let total = w * w + s2;
        let log_marginal = -0.5 * x * x / total - 0.5 * (2.0 * std::f64::consts::PI * total).ln();
        let (p_m, p_v) = (array![[w * x / total]], array![[s2 / total]]);
        let posterior = DiagGaussian::from_mean_variance(&p_m, &p_v).unwrap();
        let gap = q.kl(&posterior).unwrap().value[0];
        // Squares over variances, each good to 8 epsilon of it and of the constants, which are 2 at most
        // in each of five terms; the difference of two log-scales is rounded and squared.
        let size = at_mean.abs() + w * w * v / (2.0 * s2) + kl + log_marginal.abs() + gap + 10.0;
        let limit = 32.0 * f64::EPSILON * size;
        assert_abs_diff_eq!(elbo, log_marginal - gap, epsilon = limit);
        prop_assert!(elbo <= log_marginal + limit);
    }

    /// R - beta K at variance s^2 is beta times the ELBO at variance beta s^2, and a constant: for any decoder, value and gradients,
    /// so that both train the same model.
    #[test]
    fn law_a_fixed_scale_is_another_beta(
        (head, weight, x) in (numbers((3, 4), -1.0, 1.0), numbers((2, 5), -1.0, 1.0), numbers((3, 5), -2.0, 2.0)),
        log_s in -1.0..1.0_f64, beta in 0.1..8.0_f64,
    ) {
        let q = DiagGaussian::from_head(&head).unwrap();
        let z = q.transform(array![[0.3, -1.2], [0.0, 0.7], [-0.4, 1.9]]).unwrap();
        // Any network will do: this one bends.
        let loc = z.x().dot(&weight).mapv(f64::tanh);
        let of = |log_s: f64, beta: f64| {
            let rec = GaussianDecoder::fixed(&loc, log_s).unwrap().log_prob_grad(&x).unwrap();
            beta_elbo(rec, q.kl_standard(), beta).unwrap()
        };
        let (weighed, plain) = (of(log_s, beta), of(log_s + 0.5 * beta.ln(), 1.0));
        // d / 2 ln(2 pi s^2) is in both, of different s.
        let of_scale = |log_s: f64| 2.5 * (2.0 * std::f64::consts::PI).ln() + 5.0 * log_s;
        let constant = beta * of_scale(log_s + 0.5 * beta.ln()) - of_scale(log_s);
        // Squared distances of up to 9 over variances down to 1 / e^2, five of them, and KLs of up to 8.
        let size = (5.0 * 9.0 * 8.0 + 8.0 * beta) * 64.0 * f64::EPSILON;
        for i in 0..3 {
            prop_assert!((weighed.value[i] - (beta * plain.value[i] + constant)).abs() <= size);
        }
        let near = |a: &Array2<f64>, b: &Array2<f64>| (a - &(b * beta)).iter().all(|off| off.abs() <= size);
        prop_assert!(near(&weighed.grad.0.into_flat(), &plain.grad.0.into_flat()));
        prop_assert!(near(&weighed.grad.1.into_flat(), &plain.grad.1.into_flat()));
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
        assert_gradient("head", |head| loss(head, &weight).0, &head, d_head.view());
        assert_gradient("weight", |weight| loss(&head, weight).0, &weight, d_weight.view());
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
        assert_abs_diff_eq!(mean.value, mean.reconstruction - beta * mean.kl, epsilon = 8.0 * f64::EPSILON * (50.0 + 81.0));
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
    assert_gradient("head", |head| run(head).0, &head, grad.view());
}

#[test]
fn hard_bad_terms_are_refused_with_the_facts() {
    let term = |v: Array1<f64>| {
        let n = v.len();
        ValueGrad { value: v, grad: Array2::<f64>::ones((n, 2)) }
    };
    for beta in [-0.5, f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        let got = beta_elbo(term(array![1.0]), term(array![1.0]), beta).unwrap_err();
        let text = format!("`beta` is {beta}, expected a finite number that is not negative");
        assert_eq!(got.to_string(), text);
    }
    let error = Error::Shape { name: "kl", got: vec![1], expected: vec![2] };
    assert_eq!(beta_elbo(term(array![1.0, 2.0]), term(array![1.0]), 1.0).err(), Some(error));
    // Gradient rows that belong to no example, on either side.
    for got in [0, 1, 3] {
        let lost = || ValueGrad { value: array![1.0, 2.0], grad: Array2::<f64>::ones((got, 2)) };
        let error = Error::Count { name: "grad", axis: "rows", got, expected: "a multiple of 2".to_owned() };
        let two = || term(array![1.0, 2.0]);
        assert_eq!(beta_elbo(lost(), two(), 1.0).unwrap().mean().err(), Some(error.clone()));
        assert_eq!(beta_elbo(two(), lost(), 1.0).unwrap().mean().err(), Some(error));
    }
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
    // 784 equal terms in 32 lanes: 25 additions and 5 that join them, half an epsilon each.
    let value = -784.0 * std::f64::consts::LN_2;
    assert_abs_diff_eq!(rec.value[0], value, epsilon = 16.0 * f64::EPSILON * value.abs());
}

/// N / M times the sum over a batch, in all terms and gradients, and once: the mean over all batches of a data set is its sum.
#[test]
fn law_a_batch_stands_for_the_data() {
    let data = [(-3.0, 1.0), (-5.0, 0.5), (-1.0, 2.0), (-2.5, 0.25)];
    let term = |values: [f64; 2]| ValueGrad {
        value: Array1::from_iter(values),
        grad: Array1::from_iter(values.map(|v| 2.0 * v)),
    };
    let of = |i: usize, j: usize| {
        let ((r, k), (s, l)) = (data[i], data[j]);
        beta_elbo(term([r, s]), term([k, l]), 4.0).unwrap().data_total(4).unwrap()
    };
    let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
    let mean = |read: &dyn Fn(usize, usize) -> f64| pairs.iter().map(|&(i, j)| read(i, j)).sum::<f64>() / 6.0;
    assert_eq!(mean(&|i, j| of(i, j).reconstruction), -11.5);
    assert_eq!(mean(&|i, j| of(i, j).kl), 3.75);
    assert_eq!(mean(&|i, j| of(i, j).value), -11.5 - 4.0 * 3.75);
    assert_eq!(mean(&|i, j| of(i, j).grad.0.sum()), -23.0);
    assert_eq!(mean(&|i, j| of(i, j).grad.1.sum()), -4.0 * 7.5);
    let few = beta_elbo(term([0.0, 1.0]), term([0.0, 1.0]), 1.0).unwrap();
    let expected = "at least the rows of the batch";
    assert_eq!(few.data_total(1).unwrap_err(), Error::Parameter { name: "data", value: 1.0, expected });
}
