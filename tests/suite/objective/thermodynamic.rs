use estimand::ndarray::{Array1, array};
use estimand::objective::{Riemann, eubo, importance_weighted, renyi, thermodynamic};
use estimand::{Bernoulli, Distribution, Error, Real, Rows};
use proptest::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::support::near::{assert_eps, assert_gradient};
use crate::support::strategy::config;

type Case = (Array1<f64>, Array1<f64>);

/// Two examples of 5 log-weights, and a partition of up to 5 intervals.
fn cases() -> impl Strategy<Value = Case> {
    let single = |v: Vec<f64>| v.into_iter().map(|l| f64::from(l as f32)).collect::<Array1<f64>>();
    let inner = prop::collection::btree_set(1..64_u32, 0..5);
    let partition = inner.prop_map(|inner| {
        let inner = inner.into_iter().map(|i| f64::from(i) / 64.0);
        std::iter::once(0.0).chain(inner).chain([1.0]).collect::<Array1<f64>>()
    });
    (prop::collection::vec(-8.0..8.0_f64, 10).prop_map(single), partition)
}

/// The sum by its definition, of the log-weights of one example.
fn defined(row: &[f64], partition: &Array1<f64>, riemann: Riemann) -> f64 {
    let inner = |b: f64| {
        let total: f64 = row.iter().map(|l| (b * l).exp()).sum();
        row.iter().map(|l| (b * l).exp() / total * l).sum::<f64>()
    };
    let of = |t: usize| {
        let (from, to) = (partition[t], partition[t + 1]);
        (to - from) * inner(if riemann == Riemann::Lower { from } else { to })
    };
    (0..partition.len() - 1).map(of).sum()
}

const BOTH: [Riemann; 2] = [Riemann::Lower, Riemann::Upper];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_thermodynamic_sum_is_its_definition((log_w, partition) in cases()) {
        for riemann in BOTH {
            let found = thermodynamic(&log_w, 5, &partition, riemann).unwrap();
            let value = |w: &Array1<f64>| thermodynamic(w, 5, &partition, riemann).unwrap().bound.value.sum();
            assert_gradient("log_w", value, &log_w, found.bound.grad.view());
            let single = thermodynamic(&log_w.mapv(|l| l as f32), 5, &partition.mapv(|b| b as f32), riemann).unwrap();
            for i in 0..2 {
                let row: Vec<f64> = (0..5).map(|s| log_w[5 * i + s]).collect();
                // Differences of up to 16, by weights that are rounded by 16 epsilon.
                assert_eps(found.bound.value[i], defined(&row, &partition, riemann), 16.0, 64.0, "value");
                assert_eps(single.bound.value[i], defined(&row, &partition, riemann), 16.0, 64.0, "value in f32");
            }
            for j in 0..10 {
                assert_eps(single.bound.grad[j], found.bound.grad[j], 16.0, 128.0, "gradient in f32");
                assert_eps(single.score[j], found.score[j], 16.0, 128.0, "score in f32");
            }
            // A shift of all log-weights moves the value alone.
            let shifted = thermodynamic(&log_w.mapv(|l| l - 512.0), 5, &partition, riemann).unwrap();
            for j in 0..10 {
                assert_eps(shifted.bound.grad[j], found.bound.grad[j], 512.0, 128.0, "gradient, shifted");
                assert_eps(shifted.score[j], found.score[j], 512.0, 128.0, "score, shifted");
            }
        }
    }

    /// Of the same samples: ELBO <= lower <= importance-weighted <= upper <= EUBO, and a finer partition is nearer on both sides.
    #[test]
    fn law_thermodynamic_sums_enclose_the_bound((log_w, partition) in cases()) {
        let few = 64.0 * f64::EPSILON * 16.0;
        let at = |partition: &Array1<f64>, riemann| thermodynamic(&log_w, 5, partition, riemann).unwrap().bound.value;
        let [lower, upper] = BOTH.map(|r| at(&partition, r));
        // The points, and those half way.
        let halves = |i: usize| 0.5 * (partition[i / 2] + partition[i.div_ceil(2)]);
        let finer = Array1::from_shape_fn(2 * partition.len() - 1, halves);
        let [finer_lower, finer_upper] = BOTH.map(|r| at(&finer, r));
        let (iwae, eubo, elbo) = (importance_weighted(&log_w, 5).unwrap(), eubo(&log_w, 5).unwrap(), renyi(&log_w, 5, 1.0).unwrap());
        for i in 0..2 {
            let rising = [elbo.value[i], lower[i], finer_lower[i], iwae.value[i], finer_upper[i], upper[i], eubo.value[i]];
            prop_assert!(rising.windows(2).all(|pair| pair[0] <= pair[1] + few), "{:?}", rising);
        }
    }
}

/// z ~ N(0, 1), x | z ~ N(z, 1), x = 1, q the prior, 4 intervals: pi_b = N(b / (1 + b), 1 / (1 + b)), so the expectations have a
/// closed form. Against it 400000 log-weights, the mean of log w in each cell of equal mass of q: the ELBO is then exact, and
/// the rest off by the spread within cells, 1e-8 here (4e-8 at a quarter as many, and twice 2e-9 at 2.5 times).
#[test]
fn ref_thermodynamic_sums_of_a_gaussian_model() {
    let constant = -0.5 * (2.0 * std::f64::consts::PI).ln();
    let inner = |b: f64| constant - 0.5 * ((1.0 / (1.0 + b)).powi(2) + 1.0 / (1.0 + b));
    let closed = [0, 1].map(|first| (0..4).map(|t| 0.25 * inner(0.25 * f64::from(t + first))).sum::<f64>());
    assert!((closed[0] + 1.600_072_3).abs() < 5e-8 && (closed[1] + 1.443_822_3).abs() < 5e-8, "{closed:?}");

    let k = 400_000;
    let normal = Normal::standard();
    // Integrals of z and z^2 from -infinity: -phi, and Phi - z phi.
    let border = |i: usize| {
        if i == 0 || i == k {
            return (0.0, 0.0);
        }
        let z = normal.inverse_cdf(i as f64 / k as f64);
        let density = (-0.5 * z * z + constant).exp();
        (density, z * density)
    };
    let cell = |i: usize| {
        let (from, to) = (border(i), border(i + 1));
        let (first, second) = (from.0 - to.0, 1.0 / k as f64 - (to.1 - from.1));
        constant - 0.5 * k as f64 * (1.0 / k as f64 - 2.0 * first + second)
    };
    let log_w = Array1::from_shape_fn(k, cell);
    let partition = array![0.0, 0.25, 0.5, 0.75, 1.0];
    for (riemann, closed) in BOTH.into_iter().zip(closed) {
        let found = thermodynamic(&log_w, k, &partition, riemann).unwrap().bound.value[0];
        assert!((found - closed).abs() < 3e-8, "{riemann:?}: {found} {closed}");
    }
}

/// Two bits of chances 1/4 and 1/2 as 8 samples in their proportions: self-normalised expectations are exact, and so are the gradients
/// by either kind of weights: of d log p in the table, and of the score in the logits, against differences of the exact sum.
#[test]
fn ref_the_covariance_gradient() {
    let places = [0, 0, 0, 1, 1, 1, 2, 3];
    let table = [-1.3, -2.1, -0.4, -3.0];
    let logits = [-(3.0_f64.ln()), 0.0];
    // The sum with exact expectations under q w^b, by enumeration.
    let exact = |logits: [f64; 2], table: [f64; 4], partition: &Array1<f64>, riemann| {
        let p = logits.map(|l| 1.0 / (1.0 + (-l).exp()));
        let log_q =
            |z: usize| (if z / 2 == 1 { p[0] } else { 1.0 - p[0] } * if z % 2 == 1 { p[1] } else { 1.0 - p[1] }).ln();
        let inner = |b: f64| {
            let mass = |z: usize| (log_q(z) + b * (table[z] - log_q(z))).exp();
            let total: f64 = (0..4).map(mass).sum();
            (0..4).map(|z| mass(z) / total * (table[z] - log_q(z))).sum::<f64>()
        };
        let ends = |t: usize| if riemann == Riemann::Lower { partition[t] } else { partition[t + 1] };
        (0..partition.len() - 1).map(|t| (partition[t + 1] - partition[t]) * inner(ends(t))).sum::<f64>()
    };
    let slope = |by: &dyn Fn(f64) -> f64| {
        let h = 1e-3;
        (8.0 * (by(h) - by(-h)) - (by(2.0 * h) - by(-2.0 * h))) / (12.0 * h)
    };
    let q = Bernoulli::identical(&array![logits[0], logits[1]], 8).unwrap();
    let z = estimand::ndarray::Array2::from_shape_fn((8, 2), |(s, j)| f64::from([places[s] / 2, places[s] % 2][j]));
    let log_w = Array1::from(places.map(|z| table[z as usize]).to_vec()) - q.log_prob(&z).unwrap();
    let scores = q.score(&z).unwrap().collect();
    for partition in [array![0.0, 1.0], array![0.0, 0.1, 0.4, 1.0]] {
        for riemann in BOTH {
            let found = thermodynamic(&log_w, 8, &partition, riemann).unwrap();
            // Differences of fourth order at 1e-3: 1e-11, and epsilon of 3 over 1e-3.
            assert!((found.bound.value[0] - exact(logits, table, &partition, riemann)).abs() < 1e-14);
            for theta in 0..4 {
                let truth = slope(&|h| {
                    let mut table = table;
                    table[theta] += h;
                    exact(logits, table, &partition, riemann)
                });
                let by: f64 = (0..8).filter(|s| places[*s] as usize == theta).map(|s| found.bound.grad[s]).sum();
                assert!((by - truth).abs() < 1e-10, "{riemann:?} {theta}: {by} {truth}");
            }
            let d_logits = scores.clone().weighted_rows(&found.score).unwrap();
            for j in 0..2 {
                let truth = slope(&|h| {
                    let mut logits = logits;
                    logits[j] += h;
                    exact(logits, table, &partition, riemann)
                });
                let by = d_logits.flat().column(j).sum();
                assert!((by - truth).abs() < 1e-10, "{riemann:?} logit {j}: {by} {truth}");
            }
        }
    }
}

#[test]
fn hard_thermodynamic_at_the_ends() {
    fn check<F: Real>() {
        let (none, end) = (F::neg_infinity(), F::infinity());
        let [zero, half, one] = [0.0, 0.5, 1.0].map(F::of);
        let log_w = array![none, none, zero, none, end, zero, end, none];
        let parts = array![zero, half, one];
        let [lower, upper] = BOTH.map(|r| thermodynamic(&log_w, 2, &parts, r).unwrap());
        assert_eq!(lower.bound.value, array![none, none, end, none]);
        assert_eq!(upper.bound.value, array![none, zero, end, end]);
        let numbers = [&lower.bound.grad, &upper.bound.grad, &lower.score, &upper.score];
        assert!(numbers.into_iter().flatten().all(|g| g.is_finite()), "{lower:?} {upper:?}");
        assert!(numbers.iter().all(|g| g[0] == zero && g[1] == zero), "no mass, no gradient");
        assert_eq!((upper.bound.grad[2], upper.bound.grad[3]), (one, zero));
        let far = thermodynamic(&array![F::of(1e4), F::of(-1e4)], 2, &parts, Riemann::Upper).unwrap();
        assert_eq!(far.bound.value, array![F::of(1e4)]);
        let single = thermodynamic(&array![F::of(3.0)], 1, &parts, Riemann::Lower).unwrap();
        assert_eq!((single.bound.value, single.bound.grad), (array![F::of(3.0)], array![one]));
    }
    check::<f32>();
    check::<f64>();
    let run =
        |log_w: Array1<f64>, k, partition: Array1<f64>| thermodynamic(&log_w, k, &partition, Riemann::Lower).err();
    let unit = array![0.0, 1.0];
    let expected = "numbers that rise from 0 to 1";
    let entry = |i: usize, value| Some(Error::Entry { name: "partition", index: vec![i], value, expected });
    assert_eq!(run(array![0.0], 1, array![0.1, 1.0]), entry(0, 0.1));
    assert_eq!(run(array![0.0], 1, array![0.0, 0.5, 0.5, 1.0]), entry(2, 0.5));
    assert_eq!(run(array![0.0], 1, array![0.0, 0.9]), entry(1, 0.9));
    assert_eq!(run(array![0.0], 1, array![0.0, 2.0, 1.0]), entry(2, 1.0));
    assert!(matches!(run(array![0.0], 1, array![0.0, f64::NAN, 1.0]), Some(Error::Entry { name: "partition", .. })));
    assert_eq!(run(array![0.0], 1, array![0.0]), Some(Error::TooFew { name: "partition", got: 1, needs: 2 }));
    assert_eq!(run(array![0.0], 1, Array1::zeros(0)), Some(Error::TooFew { name: "partition", got: 0, needs: 2 }));
    assert_eq!(
        run(array![0.0], 0, unit.clone()),
        Some(Error::Parameter { name: "k", value: 0.0, expected: "at least 1" })
    );
    let count = Error::Count { name: "log_w", axis: "rows", got: 3, expected: "a multiple of 2".to_owned() };
    assert_eq!(run(array![1.0, 2.0, 3.0], 2, unit.clone()), Some(count));
    assert_eq!(run(array![0.0, f64::NAN], 2, unit.clone()), Some(Error::NaN { name: "log_w", row: 1 }));
    assert_eq!(thermodynamic(&Array1::<f64>::zeros(0), 2, &unit, Riemann::Upper).unwrap().score.len(), 0);
}
