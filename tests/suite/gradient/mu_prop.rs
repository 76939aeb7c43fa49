use estimand::check::{Verdict, oracle, unbiased};
use estimand::gradient::{Bias, Enumeration, MuProp, Plan};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Error, MeanVariance, Transform, ValueGrad};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::relax::uniform_of_bit;
use crate::support::strategy::{array as numbers, config};

/// x'Ax + sum of e^x_j, with slopes.
fn curved(a: &Array2<f64>) -> impl Fn(ArrayView2<'_, f64>) -> ValueGrad<Array1<f64>, Array2<f64>> {
    let (a, both) = (a.clone(), a + &a.t());
    move |x| ValueGrad {
        value: (x.dot(&a) * x).sum_axis(Axis(1)) + x.mapv(f64::exp).sum_axis(Axis(1)),
        grad: x.dot(&both) + x.mapv(f64::exp),
    }
}

proptest! {
    #![proptest_config(config())]

    /// Bits and a block of classes, exactly, whatever the cost.
    #[test]
    fn law_mu_prop_is_unbiased(l in numbers((1, 3), -2.0, 2.0), a in numbers((3, 3), -1.0, 1.0)) {
        let (l, cost) = (l.row(0).to_owned(), curved(&a));
        let value = |x: ArrayView2<'_, f64>| cost(x).value;
        let u: Vec<_> = l.iter().map(|&l| uniform_of_bit(l, 1)).collect();
        let bits = oracle(&u.iter().collect::<Vec<_>>(), 3, |noise: Array2<f64>| {
            MuProp::propose(&Bernoulli::identical(&l, noise.nrows())?, noise)?.rows_with(&cost)
        }).unwrap();
        let truth = Enumeration::propose(&Bernoulli::identical(&l, 1).unwrap()).unwrap().rows_with(value).unwrap();
        prop_assert!((&bits.mean - &truth.row(0)).iter().all(|off| off.abs() < 1e-12));

        // Each class by noise that draws it.
        let q = Categorical::identical(&l, 3, 3).unwrap();
        let rows = MuProp::propose(&q, 1e3 * Array2::<f64>::eye(3)).unwrap().rows_with(&cost).unwrap();
        let p = q.mean().row(0).to_owned();
        let truth = Enumeration::propose(&Categorical::identical(&l, 3, 1).unwrap()).unwrap().rows_with(value).unwrap();
        prop_assert!((p.dot(&rows) - truth.row(0)).iter().all(|off| off.abs() < 1e-12));
    }

    /// Of a linear cost each sample has the gradient.
    #[test]
    fn law_mu_prop_has_no_variance_where_the_cost_is_linear(l in numbers((2, 4), -2.0, 2.0), b in numbers((1, 4), -2.0, 2.0), seed in 0_u64..1000) {
        let b = b.row(0).to_owned();
        let cost = |x: ArrayView2<'_, f64>| ValueGrad { value: x.dot(&b), grad: Array2::from_shape_fn(x.dim(), |(_, j)| b[j]) };
        let q = Categorical::new(&l, 2).unwrap().repeat_rows(3);
        let plan = MuProp::propose(&q, q.noise(&mut ChaCha8Rng::seed_from_u64(seed))).unwrap();
        let truth = Enumeration::propose(&Categorical::new(&l, 2).unwrap()).unwrap().rows_with(|x| x.dot(&b)).unwrap();
        let rows = plan.rows_with(cost).unwrap();
        for (i, row) in rows.rows().into_iter().enumerate() {
            prop_assert!((&row - &truth.row(i / 3)).iter().all(|off| off.abs() < 1e-13));
        }
    }
}

/// Beyond first order it may vary *more* than the plain score function: of a mean at which the cost is not met.
#[test]
fn ref_mu_prop_of_a_binary_toy() {
    // f = (b - t)^2 at the mean 1/2: f(b) - f(1/2) - f'(1/2) (b - 1/2) = (b - 1/2)^2 = 1/4, of either bit.
    let (u, t) = (uniform_of_bit(0.0, 1), 0.45);
    let cost = |x: ArrayView2<'_, f64>| ValueGrad {
        value: x.column(0).mapv(|x| (x - t).powi(2)),
        grad: x.mapv(|x| 2.0 * (x - t)),
    };
    let exact = oracle(&[&u], 1, |noise: Array2<f64>| {
        MuProp::propose(&Bernoulli::identical(&array![0.0], noise.nrows())?, noise)?.rows_with(cost)
    })
    .unwrap();
    assert!((exact.mean[0] - 0.025).abs() < 1e-15);
    assert!((exact.variance[0] - 1.0 / 64.0).abs() < 1e-15, "{}", exact.variance[0]);
    // The score function has 0.0159391 there; at theta = 0.1 it has 0.0077, and less than this.
    let (l, u) = (f64::ln(0.1 / 0.9), uniform_of_bit(f64::ln(0.1 / 0.9), 1));
    let rare = oracle(&[&u], 1, |noise: Array2<f64>| {
        MuProp::propose(&Bernoulli::identical(&array![l], noise.nrows())?, noise)?.rows_with(cost)
    })
    .unwrap();
    assert!((rare.mean[0] - 0.009).abs() < 1e-15);
    // (b - 0.1)^2 (b - 0.1), of 0.729 and -0.001, less its mean.
    let cubes = 0.1 * 0.729_f64.powi(2) + 0.9 * 0.001_f64.powi(2) - (0.0729_f64 - 0.0009).powi(2);
    let found = rare.variance[0];
    assert!((found - cubes).abs() < 1e-15 && found > 6.0 * 0.007_700_06, "{found} {cubes}");
}

#[test]
fn stat_mu_prop_misses_nothing() {
    let n = 50_000;
    let logits = array![0.5, -1.0, 0.2];
    let (one, two) = (array![[1.0, 0.5, 0.0], [0.0, -1.0, 0.3], [0.2, 0.0, 0.0]], Array2::zeros((3, 3)));
    for (k, a) in [one.clone(), two, -2.0 * one].into_iter().enumerate() {
        let (cost, q) = (curved(&a), Categorical::identical(&logits, 3, n).unwrap());
        let rows =
            MuProp::propose(&q, q.noise(&mut ChaCha8Rng::seed_from_u64(k as u64))).unwrap().rows_with(&cost).unwrap();
        let single = Categorical::identical(&logits, 3, 1).unwrap();
        let truth = Enumeration::propose(&single).unwrap().rows_with(|x| cost(x).value).unwrap().row(0).to_owned();
        assert_eq!(unbiased(&rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
        assert_eq!(unbiased(&rows, &(truth + 0.1), 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
    }
}

#[test]
fn hard_mu_prop_plans() {
    let q = Bernoulli::new(array![[0.0_f64], [f64::INFINITY]]).unwrap().repeat_rows(2);
    let plan = MuProp::propose(&q, Array2::from_elem((4, 1), 0.25)).unwrap();
    assert_eq!(plan.points(), array![[0.5], [1.0], [1.0], [1.0], [1.0], [1.0]]);
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    let nan = f64::NAN;
    let cost = |value: [f64; 6], grad: [f64; 6]| ValueGrad {
        value: Array1::from(value.to_vec()),
        grad: Array1::from(grad.to_vec()).insert_axis(Axis(1)),
    };
    // Slopes are read at the means alone.
    let rows = plan.rows(&cost([1.0, 2.0, 2.0, 3.0, 3.0, 3.0], [2.0, nan, nan, 1.0, nan, nan])).unwrap();
    assert_eq!(rows.logits(), array![[0.5], [0.5], [0.0], [0.0]]);
    let error = plan.rows(&cost([1.0; 6], [2.0, 1.0, 1.0, nan, 1.0, 1.0])).unwrap_err();
    assert_eq!(error, Error::NaN { name: "cost.grad", row: 3 });
    let error = plan.rows(&cost([1.0, nan, 1.0, 1.0, 1.0, 1.0], [1.0; 6])).unwrap_err();
    assert_eq!(error, Error::NaN { name: "cost.value", row: 1 });
    let error = plan.rows(&cost([1.0, 1.0, 1.0, nan, 1.0, 1.0], [1.0; 6])).unwrap_err();
    assert_eq!(error, Error::NaN { name: "cost.value", row: 3 });
    let shape = Error::Shape { name: "noise", got: vec![1, 1], expected: vec![4, 1] };
    assert_eq!(MuProp::propose(&q, array![[0.5]]).unwrap_err(), shape);
    let none = Bernoulli::<f64>::new(Array2::zeros((0, 3))).unwrap().repeat_rows(usize::MAX);
    assert_eq!(MuProp::propose(&none, Array2::zeros((0, 3))).unwrap().points().dim(), (0, 3));
    let few = ValueGrad { value: array![1.0], grad: array![[1.0]] };
    assert_eq!(plan.rows(&few).unwrap_err(), Error::Shape { name: "cost.value", got: vec![1], expected: vec![6] });
}

/// Parameter rows do not meet: each has what it has alone. The cost is (sum of (x_j - .3)^2)^3.
#[test]
fn law_mu_prop_takes_each_parameter_row_alone() {
    let l = array![[0.5, -1.0, 0.2, 0.8], [-2.0, 0.3, 1.5, -0.4]];
    let q = Categorical::new(&l, 2).unwrap().repeat_rows(8);
    let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(1));
    let cost = |x: ArrayView2<'_, f64>| {
        let value: Array1<f64> = x.map_axis(Axis(1), |x| x.iter().map(|x| (x - 0.3).powi(2)).sum());
        let grad = x.mapv(|x| 2.0 * (x - 0.3)) * value.mapv(|f| 3.0 * f * f).insert_axis(Axis(1));
        ValueGrad { grad, value: value.mapv(|f| f.powi(3)) }
    };
    let rows = MuProp::propose(&q, noise.clone()).unwrap().rows_with(cost).unwrap();
    for t in 0..2 {
        let part = |a: &Array2<f64>| a.select(Axis(0), &(8 * t..8 * t + 8).collect::<Vec<_>>());
        let own = Categorical::shared(l.row(t), 2, 8).unwrap();
        assert_eq!(MuProp::propose(&own, part(&noise)).unwrap().rows_with(cost).unwrap(), part(&rows));
    }
}
