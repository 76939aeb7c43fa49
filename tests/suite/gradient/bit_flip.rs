use estimand::check::{Exact, Nodes, Verdict, oracle, unbiased};
use estimand::gradient::{Bias, BitFlip, ClippedPairs, DisArm, Enumeration, Plan};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::noise::Standard;
use estimand::{Bernoulli, Error, Result, Transform};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::strategy::{array as numbers, config};

fn chance(l: f64) -> f64 {
    1.0 / (1.0 + (-l).exp())
}

/// A cost of the bits of a sample.
type CostOf<'a> = &'a dyn Fn(&[f64]) -> f64;

type Rows<'a> = &'a dyn Fn(&Bernoulli<'_, f64>, Array2<f64>, Array1<f64>) -> Result<Array2<f64>>;

/// Mean and variance over the noise of pairs and the number that picks one of `places` coordinates: rows are constant between the places
/// where a bit, or what is picked, turns.
fn exact(logits: &[f64], places: usize, rows: Rows) -> Exact {
    let bit = |&l: &f64| {
        let p = chance(l);
        let mut breaks = vec![p.min(1.0 - p), p.max(1.0 - p)];
        breaks.dedup_by(|a, b| (*a - *b).abs() < 1e-15);
        Nodes::uniform(&breaks, 1).unwrap()
    };
    let which: Vec<f64> = (1..places).map(|j| j as f64 / places as f64).collect();
    let nodes: Vec<Nodes> = logits.iter().map(bit).chain([Nodes::uniform(&which, 1).unwrap()]).collect();
    let (logits, d) = (Array1::from(logits.to_vec()), logits.len());
    oracle(&nodes.iter().collect::<Vec<_>>(), d + 1, |noise: Array2<f64>| {
        let of_bits = Array2::from_shape_fn((noise.nrows(), d), |(i, j)| noise[[i, j]]);
        rows(&Bernoulli::identical(&logits, noise.nrows())?, of_bits, noise.column(d).to_owned())
    })
    .unwrap()
}

fn costs(f: CostOf<'_>) -> impl Fn(ArrayView2<'_, f64>) -> Array1<f64> + '_ {
    move |x| x.map_axis(Axis(1), |x| f(&x.to_vec()))
}

fn bit_flip(logits: &[f64], f: CostOf) -> Exact {
    exact(logits, logits.len(), &|q, noise, which| BitFlip::propose(q, noise, &which)?.rows_with(costs(f)))
}

/// The coordinates that are near an end.
fn clipped_of(logits: &[f64]) -> Vec<usize> {
    let near = 0.5 / logits.len() as f64;
    (0..logits.len()).filter(|&j| chance(-logits[j].abs()) < near).collect()
}

fn clipped(logits: &[f64], f: CostOf) -> Exact {
    let places = clipped_of(logits).len().max(1);
    exact(logits, places, &|q, noise, which| ClippedPairs::propose(q, noise, &which)?.rows_with(costs(f)))
}

fn dis_arm(logits: &[f64], f: CostOf) -> Exact {
    exact(logits, 1, &|q, noise, _| DisArm::propose(q, noise)?.rows_with(costs(f)))
}

fn truth(logits: &[f64], f: CostOf) -> Array1<f64> {
    let q = Bernoulli::new(Array1::from(logits.to_vec()).insert_axis(Axis(0))).unwrap();
    Enumeration::propose(&q).unwrap().rows_with(costs(f)).unwrap().row(0).to_owned()
}

proptest! {
    #![proptest_config(config())]

    /// Any cost of three bits, some of them near sure; and where one coordinate of d has its exact difference, its second moment is d times that of
    /// p (1 - p) times it.
    #[test]
    fn law_bit_flips_are_unbiased(l in numbers((1, 3), -6.0, 6.0), table in prop::collection::vec(-2.0..2.0_f64, 8)) {
        let f = |x: &[f64]| table[(4.0 * x[0] + 2.0 * x[1] + x[2]) as usize];
        let l = l.row(0).to_vec();
        let (flip, both, truth) = (bit_flip(&l, &f), clipped(&l, &f), truth(&l, &f));
        let (pairs, near) = (dis_arm(&l, &f), clipped_of(&l));
        for j in 0..3 {
            prop_assert!((flip.mean[j] - truth[j]).abs() < 1e-12, "{} {}", flip.mean[j], truth[j]);
            prop_assert!((both.mean[j] - truth[j]).abs() < 1e-12, "{} {}", both.mean[j], truth[j]);
            // E over the others of (p (1 - p) difference)^2.
            let p = chance(l[j]);
            let square: f64 = (0..4).map(|k| {
                let mut x = [0.0; 3];
                let others: Vec<usize> = (0..3).filter(|&o| o != j).collect();
                (x[others[0]], x[others[1]]) = (f64::from(k / 2), f64::from(k % 2));
                let weight: f64 = others.iter().map(|&o| if x[o] == 1.0 { chance(l[o]) } else { chance(-l[o]) }).product();
                let mut ends = [x, x];
                ends[1][j] = 1.0;
                weight * (p * (1.0 - p) * (f(&ends[1]) - f(&ends[0]))).powi(2)
            }).sum();
            prop_assert!((flip.variance[j] - (3.0 * square - truth[j].powi(2))).abs() < 1e-12);
            let want = if near.contains(&j) { near.len() as f64 * square - truth[j].powi(2) } else { pairs.variance[j] };
            prop_assert!((both.variance[j] - want).abs() < 1e-12, "{j}: {} {want}", both.variance[j]);
        }
    }

    /// Of a cost that is a sum over bits no coordinate varies more than DisARM's.
    #[test]
    fn law_clipping_never_hurts_a_sum(l in numbers((1, 4), -6.0, 6.0), c in prop::collection::vec(-2.0..2.0_f64, 4)) {
        let f = |x: &[f64]| x.iter().zip(&c).map(|(x, c)| x * c).sum::<f64>();
        let l = l.row(0).to_vec();
        let (both, pairs) = (clipped(&l, &f), dis_arm(&l, &f));
        for j in 0..4 {
            prop_assert!(both.variance[j] <= pairs.variance[j] + 1e-12, "{j}: {} {}", both.variance[j], pairs.variance[j]);
        }
    }
}

/// Towards a sure bit DisARM's variance falls as p / 2, and this as p^2; of a parity of two bits, of which one is near sure, DisARM
/// has none but where the fair one differs.
#[test]
fn ref_clipped_variance_near_a_sure_bit() {
    let sum = |x: &[f64]| x[0] + x[1];
    for l in [-6.0, -8.0] {
        let (p, both, pairs) = (chance(l), clipped(&[0.0, l], &sum), dis_arm(&[0.0, l], &sum));
        // One coordinate is clipped, and its difference is 1.
        assert!(both.variance[1].abs() < 1e-15, "the exact difference: {}", both.variance[1]);
        // The fair bit differs always, by 1 the same way or the other: E (1 +- 1)^2 = 2.
        let square = 2.0 * p * 2.0 * (0.5 * (1.0 - p)).powi(2);
        assert!((pairs.variance[1] - (square - (p * (1.0 - p)).powi(2))).abs() < 1e-12, "{}", pairs.variance[1]);
    }
    let parity = |x: &[f64]| if x[0] == x[1] { 1.0 } else { -1.0 };
    let (both, pairs) = (clipped(&[0.0, -6.0], &parity), dis_arm(&[0.0, -6.0], &parity));
    // Both bits turn, or the fair one alone.
    assert!(pairs.variance[1].abs() < 1e-15 && both.variance[1] > 1e-6, "{} {}", pairs.variance[1], both.variance[1]);
}

#[test]
fn stat_bit_flips_miss_nothing() {
    // The second and the fourth are clipped.
    let n = 200_000;
    let logits = array![0.5_f64, -2.1, 0.2, 2.3];
    let problems: [CostOf; 3] = [
        &|x| x.iter().map(|x| (x - 0.3).powi(2)).sum(),
        &|x| if x.iter().sum::<f64>() % 2.0 == 0.0 { 1.0 } else { -1.0 },
        &|x| (x[0] - x[1] * x[2] + 0.5 * x[3]).exp(),
    ];
    let q = Bernoulli::identical(&logits, n).unwrap();
    for (k, f) in problems.into_iter().enumerate() {
        let truth = truth(&logits.to_vec(), f);
        let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(k as u64));
        let which: Array2<f64> = Standard::Uniform.draw(&mut ChaCha8Rng::seed_from_u64(9 + k as u64), (n, 1));
        let which = which.column(0).to_owned();
        let flip = BitFlip::propose(&q, noise.clone(), &which).unwrap().rows_with(costs(f)).unwrap();
        let both = ClippedPairs::propose(&q, noise, &which).unwrap().rows_with(costs(f)).unwrap();
        for rows in [flip, both] {
            assert_eq!(unbiased(&rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
            assert_eq!(unbiased(&rows, &(&truth + 0.1), 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
        }
    }
}

#[test]
fn hard_bit_flip_plans() {
    let q = Bernoulli::shared(array![0.0_f64, f64::INFINITY], 2).unwrap();
    let noise = array![[0.25, 0.5], [0.75, 0.5]];
    let plan = BitFlip::propose(&q, noise.clone(), &array![0.1, 0.9]).unwrap();
    assert_eq!(plan.points(), array![[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]);
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    assert_eq!(plan.rows(&array![3.0, 1.0, 1.0, 5.0]).unwrap().logits(), array![[1.0, 0.0], [0.0, 0.0]]);
    let both = ClippedPairs::propose(&q, noise.clone(), &array![0.1, 0.9]).unwrap();
    // The sure bit has no gradient, and is not turned for one.
    assert_eq!(both.points().row(2), both.points().row(0));
    assert_eq!((both.draws(), both.bias()), (2, Bias::Unbiased));
    assert_eq!(both.rows(&array![1.0, 3.0, 9.0, 3.0, 1.0, 9.0]).unwrap().logits(), array![[0.5, 0.0], [0.5, 0.0]]);
    let fair = Bernoulli::shared(array![0.0_f64, 0.0], 1).unwrap();
    let none = ClippedPairs::propose(&fair, array![[0.2, 0.7]], &array![0.5]).unwrap();
    assert_eq!(none.points().row(0), none.points().row(2), "nothing to turn");
    let shape =
        |name, got: &[usize], expected: &[usize]| Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() };
    assert_eq!(plan.rows(&array![1.0]).unwrap_err(), shape("cost", &[1], &[4]));
    assert_eq!(both.rows(&array![1.0]).unwrap_err(), shape("cost", &[1], &[6]));
    assert_eq!(plan.rows(&array![1.0, f64::NAN, 1.0, 1.0]).unwrap_err(), Error::NaN { name: "cost", row: 1 });
    assert_eq!(BitFlip::propose(&q, noise.clone(), &array![0.5]).unwrap_err(), shape("which", &[1], &[2]));
    assert_eq!(ClippedPairs::propose(&q, noise.clone(), &array![0.5]).unwrap_err(), shape("which", &[1], &[2]));
    assert_eq!(
        ClippedPairs::propose(&q, array![[0.5, 0.5]], &array![0.5]).unwrap_err(),
        shape("noise", &[1, 2], &[2, 2])
    );
    let expected = "a number of the open interval (0, 1)";
    for stray in [0.0, 1.0, -1.0] {
        let error = Error::Entry { name: "which", index: vec![1], value: stray, expected };
        assert_eq!(BitFlip::propose(&q, noise.clone(), &array![0.5, stray]).unwrap_err(), error);
        assert_eq!(ClippedPairs::propose(&q, noise.clone(), &array![0.5, stray]).unwrap_err(), error);
    }
    let empty = Bernoulli::<f64>::new(Array2::zeros((1, 0))).unwrap();
    let nothing = BitFlip::propose(&empty, Array2::zeros((1, 0)), &array![0.5]).unwrap();
    assert_eq!(nothing.rows(&array![1.0, 1.0]).unwrap().flat().dim(), (1, 0));
    let nan = BitFlip::propose(&q, noise.clone(), &array![0.5, f64::NAN]).unwrap_err();
    assert_eq!(nan, Error::NaN { name: "which", row: 1 });
    let nan = ClippedPairs::propose(&q, noise.clone(), &array![0.5, f64::NAN]).unwrap_err();
    assert_eq!(nan, Error::NaN { name: "which", row: 1 });
    // A logit that is NaN stays in its row, of DisARM as of this.
    let some = Bernoulli::new(array![[f64::NAN, 0.0], [0.0, 0.0]]).unwrap();
    let both = ClippedPairs::propose(&some, noise.clone(), &array![0.5, 0.5]).unwrap();
    let rows = both.rows(&array![1.0, 2.0, 3.0, 1.0, 2.0, 3.0]).unwrap();
    assert!(rows.flat()[[0, 0]].is_nan() && rows.flat().row(1).iter().all(|g| g.is_finite()));
    // The number next to 1 picks the last coordinate, also of so many that their number is rounded.
    let wide = Bernoulli::shared(Array1::<f32>::zeros(5), 1).unwrap();
    let last = BitFlip::propose(&wide, Array2::from_elem((1, 5), 0.25), &array![1.0 - f32::EPSILON / 2.0]).unwrap();
    assert_eq!(last.points().row(1), array![1.0, 1.0, 1.0, 1.0, 0.0]);
}

/// Parameter rows do not meet, of which each has others near an end: each has what it has alone.
#[test]
fn law_bit_flips_take_each_parameter_row_alone() {
    let l = array![[0.5, -2.1, 0.2, 2.3], [-3.0, 0.4, -0.6, 1.0]];
    let q = Bernoulli::new(&l).unwrap().repeat_rows(16);
    let noise = q.noise(&mut ChaCha8Rng::seed_from_u64(1));
    let which: Array2<f64> = Standard::Uniform.draw(&mut ChaCha8Rng::seed_from_u64(2), (32, 1));
    let cost = |x: ArrayView2<'_, f64>| x.map_axis(Axis(1), |x| (x[0] - x[1] * x[2] + 0.5 * x[3]).exp());
    let of = |q: &Bernoulli<'_, f64>, noise: &Array2<f64>, which: &Array2<f64>| {
        let which = which.column(0).to_owned();
        [
            BitFlip::propose(q, noise.clone(), &which).unwrap().rows_with(cost).unwrap(),
            ClippedPairs::propose(q, noise.clone(), &which).unwrap().rows_with(cost).unwrap(),
        ]
    };
    let whole = of(&q, &noise, &which);
    for t in 0..2 {
        let part = |a: &Array2<f64>| a.select(Axis(0), &(16 * t..16 * t + 16).collect::<Vec<_>>());
        let own = Bernoulli::shared(l.row(t), 16).unwrap();
        assert_eq!(of(&own, &part(&noise), &part(&which)), whole.each_ref().map(part));
    }
}
