use estimand::check::{Exact, Nodes, Verdict, oracle, unbiased};
use estimand::gradient::{Arm, Bias, DisArm, Enumeration, Plan};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Error, Result, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::strategy::{array as numbers, config};

/// One pair of independent bits with these logits, over the uniform numbers, of which the rows are polynomials between the places
/// where a bit turns: rules of `order` points for the number of each coordinate.
fn exact(logits: &[f64], order: &[usize], rows: Rows) -> Exact {
    let bit = |(&l, &order): (&f64, &usize)| {
        let p = 1.0 / (1.0 + (-l).exp());
        let mut breaks = vec![p.min(1.0 - p), p.max(1.0 - p)];
        breaks.dedup_by(|a, b| (*a - *b).abs() < 1e-15);
        Nodes::uniform(&breaks, order).unwrap()
    };
    let nodes: Vec<Nodes> = logits.iter().zip(order).map(bit).collect();
    let logits = Array1::from(logits.to_vec());
    oracle(&nodes.iter().collect::<Vec<_>>(), logits.len(), |noise| {
        rows(&Bernoulli::identical(&logits, noise.nrows())?, noise)
    })
    .unwrap()
}

/// A cost of the bits of a sample.
type CostOf<'a> = &'a dyn Fn(&[f64]) -> f64;

type Rows<'a> = &'a dyn Fn(&Bernoulli<'_, f64>, Array2<f64>) -> Result<Array2<f64>>;

fn costs(f: impl Fn(&[f64]) -> f64) -> impl Fn(ArrayView2<'_, f64>) -> Array1<f64> {
    move |x| x.rows().into_iter().map(|x| f(&x.to_vec())).collect()
}

/// Squares of what is linear in u: two points.
fn arm(logits: &[f64], f: impl Fn(&[f64]) -> f64) -> Exact {
    exact(logits, &vec![2; logits.len()], &|q, noise| Arm::propose(q, noise)?.rows_with(costs(&f)))
}

fn dis_arm(logits: &[f64], f: impl Fn(&[f64]) -> f64) -> Exact {
    exact(logits, &vec![1; logits.len()], &|q, noise| DisArm::propose(q, noise)?.rows_with(costs(&f)))
}

fn truth(logits: &[f64], f: impl Fn(&[f64]) -> f64) -> Array1<f64> {
    let q = Bernoulli::new(Array1::from(logits.to_vec()).insert_axis(Axis(0))).unwrap();
    Enumeration::propose(&q).unwrap().rows_with(costs(f)).unwrap().row(0).to_owned()
}

fn square(t: f64) -> impl Fn(&[f64]) -> f64 {
    move |x| x.iter().map(|b| (b - t).powi(2)).sum()
}

/// The toy of REBAR, RELAX and ARM, beside the printed digits and closed forms.
#[test]
fn ref_arm_and_disarm_of_a_binary_toy() {
    for (t, theta, of_arm, of_dis_arm) in
        [(0.45, 0.5, 2.0833e-4, 0.0), (0.45, 0.1, 3.2567e-4, 3.24e-4), (0.499, 0.5, 8.3333e-8, 0.0)]
    {
        let logit = f64::ln(theta / (1.0 - theta));
        let (difference, rare) = ((1.0_f64 - t).powi(2) - f64::powi(t, 2), f64::min(theta, 1.0 - theta));
        let mean = theta * (1.0 - theta) * difference;
        // The bits differ where u is within `rare` of an end, v = |u - 1/2| uniform from 1/2 - rare to 1/2.
        let square = 2.0 * difference.powi(2) * (0.125 - (0.5 - rare).powi(3)) / 3.0;
        let (arm, dis_arm) = (arm(&[logit], super::binary::square(t)), dis_arm(&[logit], super::binary::square(t)));
        for exact in [&arm, &dis_arm] {
            assert!((exact.mean[0] - mean).abs() < 1e-12 * 0.025, "{}", exact.mean[0]);
        }
        assert!((arm.variance[0] - (square - mean * mean)).abs() < 1e-12 * square, "{}", arm.variance[0]);
        let conditional = 2.0 * rare * (0.5 * difference * (1.0 - rare)).powi(2) - mean * mean;
        assert!((dis_arm.variance[0] - conditional).abs() < 1e-12 * square, "{}", dis_arm.variance[0]);
        assert!((arm.variance[0] / of_arm - 1.0).abs() < 5e-5, "{} {of_arm}", arm.variance[0]);
        assert!(
            (dis_arm.variance[0] - of_dis_arm).abs() < 1e-9 * of_arm + 1e-4 * of_dis_arm,
            "{}",
            dis_arm.variance[0]
        );
    }
}

/// Ten fair bits, summed over the coordinates: between, leave-one-out has 0.0625. An entry of ARM is linear in its own uniform number
/// alone, and that of the first bit and of the last are alike.
#[test]
fn ref_arm_and_disarm_of_ten_bits() {
    let f = square(0.45);
    let dis_arm = dis_arm(&[0.0; 10], &f);
    assert!(dis_arm.mean.iter().all(|m| (m - 0.025).abs() < 1e-12));
    assert!((dis_arm.variance.sum() / 0.056_25 - 1.0).abs() < 1e-12, "{}", dis_arm.variance.sum());
    for own in [0, 9] {
        let mut order = [1; 10];
        order[own] = 2;
        let arm = exact(&[0.0; 10], &order, &|q, noise| Arm::propose(q, noise)?.rows_with(costs(&f)));
        assert!((arm.mean[own] - 0.025).abs() < 1e-12);
        assert!((10.0 * arm.variance[own] / 0.077_083_333_333 - 1.0).abs() < 1e-11, "{}", arm.variance[own]);
    }
}

proptest! {
    #![proptest_config(config())]

    /// The mean is the gradient, for any cost of three bits; DisARM never varies more.
    #[test]
    fn law_arm_and_disarm_are_unbiased(l in numbers((1, 3), -3.0, 3.0), table in prop::collection::vec(-2.0..2.0_f64, 8)) {
        let f = |x: &[f64]| table[(4.0 * x[0] + 2.0 * x[1] + x[2]) as usize];
        let logits = l.row(0).to_vec();
        let (arm, dis_arm, truth) = (arm(&logits, f), dis_arm(&logits, f), truth(&logits, f));
        for j in 0..3 {
            prop_assert!((arm.mean[j] - truth[j]).abs() < 1e-12, "{} {}", arm.mean[j], truth[j]);
            prop_assert!((dis_arm.mean[j] - truth[j]).abs() < 1e-12, "{} {}", dis_arm.mean[j], truth[j]);
            prop_assert!(dis_arm.variance[j] <= arm.variance[j] + 1e-12);
        }
    }
}

/// Sampled, with the noise that users draw, in three problems; a bias of 0.1 is seen.
#[test]
fn stat_arm_and_disarm_miss_nothing() {
    let n = 50_000;
    let logits = array![0.5_f64, -1.0, 0.2];
    let parity = |x: &[f64]| if x.iter().sum::<f64>() % 2.0 == 0.0 { 1.0 } else { -1.0 };
    let steep = |x: &[f64]| (x[0] - 2.0 * x[1] * x[2]).exp();
    let problems: [CostOf; 3] = [&square(0.3), &parity, &steep];
    let q = Bernoulli::identical(&logits, n).unwrap();
    for (k, f) in problems.into_iter().enumerate() {
        let truth = truth(&logits.to_vec(), f);
        let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(k as u64));
        let arm = Arm::propose(&q, noise.clone()).unwrap().rows_with(costs(f)).unwrap();
        let dis_arm = DisArm::propose(&q, noise).unwrap().rows_with(costs(f)).unwrap();
        let twin = &truth + 0.1;
        for rows in [arm, dis_arm] {
            assert_eq!(unbiased(&rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
            assert_eq!(unbiased(&rows, &twin, 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
        }
    }
}

#[test]
fn hard_pairs_of_bits() {
    let q = Bernoulli::shared(array![0.0_f64, f64::INFINITY], 2).unwrap();
    let plan = DisArm::propose(&q, array![[0.25, 0.5], [0.75, 0.5]]).unwrap();
    assert_eq!(plan.points(), array![[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 1.0]]);
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    let rows = plan.rows(&array![1.0, 3.0, 3.0, 1.0]).unwrap();
    assert_eq!(rows.logits(), array![[0.5, 0.0], [0.5, 0.0]], "a sure bit does not move");
    assert_eq!(plan.rows(&array![1.0]).unwrap_err(), Error::Shape { name: "cost", got: vec![1], expected: vec![4] });
    let nan = array![1.0, 2.0, f64::NAN, 0.0];
    assert_eq!(plan.rows(&nan).unwrap_err(), Error::NaN { name: "cost", row: 2 });
    let infinite = array![1.0, 2.0, 0.0, f64::INFINITY];
    let entry = Error::Entry { name: "cost", index: vec![3], value: f64::INFINITY, expected: "a finite cost" };
    assert_eq!(plan.rows(&infinite).unwrap_err(), entry);
    let shape = Error::Shape { name: "noise", got: vec![1, 2], expected: vec![2, 2] };
    assert_eq!(Arm::propose(&q, array![[0.5, 0.5]]).unwrap_err(), shape);
    let estimate = plan.estimate(&array![1.0, 3.0, 3.0, 1.0]).unwrap();
    assert_eq!(estimate.variance.unwrap().logits(), array![[0.0, 0.0]]);
    // A logit that is none is not estimated, whatever the cost makes of points that are none.
    let nan = Bernoulli::new(array![[f64::NAN, 0.0]]).unwrap();
    let none = Error::NaN { name: "rows", row: 0 };
    let cost = array![1.0, 3.0];
    assert_eq!(Arm::propose(&nan, array![[0.25, 0.75]]).unwrap().estimate(&cost).unwrap_err(), none);
    assert_eq!(DisArm::propose(&nan, array![[0.25, 0.75]]).unwrap().estimate(&cost).unwrap_err(), none);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let single = Bernoulli::shared(array![1.0_f32, -1.0], 3).unwrap();
    let plan = Arm::propose(&single, single.noise(&mut rng)).unwrap();
    assert_eq!(plan.points().dim(), (6, 2));
}
