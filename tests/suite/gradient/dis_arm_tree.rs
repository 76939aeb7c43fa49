use estimand::check::{Exact, Nodes, Verdict, oracle, unbiased};
use estimand::gradient::{Bias, DisArm, DisArmTree, Enumeration, Plan};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, array};
use estimand::{Bernoulli, Categorical, Error};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::strategy::{array as numbers, config};

/// The chance of the upper half at each node that the classes `start..end` are cut by, in the order of the middles.
fn chances(p: &[f64], start: usize, end: usize, out: &mut Vec<(usize, f64)>) {
    if end - start < 2 {
        return;
    }
    let middle = start + (end - start) / 2;
    let [lower, upper] = [(start, middle), (middle, end)].map(|(a, b)| p[a..b].iter().sum::<f64>());
    out.push((middle, upper / (lower + upper)));
    chances(p, start, middle, out);
    chances(p, middle, end, out);
}

/// Mean and variance over the uniform numbers of all nodes: rows are constant between the places where a bit turns.
fn exact(l: &[f64], classes: usize, cost: &dyn Fn(ArrayView2<'_, f64>) -> Array1<f64>) -> Exact {
    let mut nodes = Vec::new();
    for block in l.chunks(classes) {
        let e: Vec<f64> = block.iter().map(|l| l.exp()).collect();
        let mut found = Vec::new();
        chances(&e, 0, classes, &mut found);
        found.sort_by_key(|&(middle, _)| middle);
        for (_, p) in found {
            let mut breaks = vec![p.min(1.0 - p), p.max(1.0 - p)];
            breaks.dedup_by(|a, b| (*a - *b).abs() < 1e-13);
            nodes.push(Nodes::uniform(&breaks, 1).unwrap());
        }
    }
    let l = Array1::from(l.to_vec());
    oracle(&nodes.iter().collect::<Vec<_>>(), nodes.len(), |noise: Array2<f64>| {
        DisArmTree::propose(&Categorical::identical(&l, classes, noise.nrows())?, noise)?.rows_with(cost)
    })
    .unwrap()
}

fn truth(l: &[f64], classes: usize, cost: &dyn Fn(ArrayView2<'_, f64>) -> Array1<f64>) -> Array1<f64> {
    let q = Categorical::identical(&Array1::from(l.to_vec()), classes, 1).unwrap();
    Enumeration::propose(&q).unwrap().rows_with(cost).unwrap().row(0).to_owned()
}

proptest! {
    #![proptest_config(config())]

    /// One variable of up to six classes, of which the tree need not be whole; and two of three, whose costs are of both.
    #[test]
    fn law_the_tree_is_unbiased(
        (l, costs) in (2_usize..=6).prop_flat_map(|k| (numbers((1, k), -2.0, 2.0), numbers((1, k), -2.0, 2.0))),
        two in numbers((1, 6), -2.0, 2.0), table in numbers((3, 3), -2.0, 2.0),
    ) {
        let (l, costs) = (l.row(0).to_vec(), costs.row(0).to_owned());
        let one = |x: ArrayView2<'_, f64>| x.dot(&costs);
        let class = |x: &[f64]| x.iter().position(|&x| x == 1.0).unwrap();
        let both = |x: ArrayView2<'_, f64>| x.map_axis(Axis(1), |x| table[[class(&x.to_vec()[..3]), class(&x.to_vec()[3..])]]);
        let two = two.row(0).to_vec();
        let pairs = [
            (exact(&l, l.len(), &one), truth(&l, l.len(), &one)),
            (exact(&two, 3, &both), truth(&two, 3, &both)),
        ];
        for (found, want) in pairs {
            for (found, want) in found.mean.iter().zip(&want) {
                prop_assert!((found - want).abs() < 1e-12, "{found} {want}");
            }
        }
    }

    /// Two classes are a bit.
    #[test]
    fn law_a_tree_of_two_classes_is_disarm(l in numbers((1, 4), -3.0, 3.0), u in numbers((3, 2), 0.01, 0.99), costs in prop::collection::vec(-2.0..2.0_f64, 6)) {
        let classes = Categorical::shared(l.row(0), 2, 3).unwrap();
        let bits = Bernoulli::shared(array![l[[0, 1]] - l[[0, 0]], l[[0, 3]] - l[[0, 2]]], 3).unwrap();
        let (tree, pairs) = (DisArmTree::propose(&classes, u.clone()).unwrap(), DisArm::propose(&bits, u).unwrap());
        for j in 0..2 {
            let (upper, bit) = (tree.points().column(2 * j + 1).to_owned(), pairs.points().column(j).to_owned());
            prop_assert_eq!(upper, bit);
        }
        let costs = Array1::from(costs);
        let (tree, pairs) = (tree.rows(&costs).unwrap(), pairs.rows(&costs).unwrap());
        for (tree, pairs) in tree.flat().rows().into_iter().zip(pairs.flat().rows()) {
            for j in 0..2 {
                let few = 16.0 * f64::EPSILON * 4.0;
                prop_assert!((tree[2 * j + 1] - pairs[j]).abs() <= few && (tree[2 * j] + pairs[j]).abs() <= few);
            }
        }
    }
}

/// Uniform over four classes, the cost of one: what the variance is, by hand; and that the order of classes matters.
#[test]
fn ref_the_tree_of_four_classes() {
    // The pair always parts at the root; x and x~ are uniform of either half, the two halves of each mirrored.
    let of = |costs: [f64; 4]| {
        let costs = Array1::from(costs.to_vec());
        exact(&[0.0; 4], 4, &|x: ArrayView2<'_, f64>| x.dot(&costs)).variance.sum()
    };
    // Half the difference times: of the root 1/4 for each class of the half of x and -1/4 for the others; of the node of x 1/2 for
    // x and -1/2 for its neighbour; of the node of x~ the opposite.
    let hand = |costs: [f64; 4]| {
        let mut rows = Vec::new();
        for (x, y) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
            for (x, y) in [(x, y), (y, x)] {
                let half = 0.5 * (costs[x] - costs[y]);
                let mut row = [0.0; 4];
                row[x] += 0.75 * half;
                row[x ^ 1] -= 0.25 * half;
                row[y] -= 0.75 * half;
                row[y ^ 1] += 0.25 * half;
                rows.push(row);
            }
        }
        let mean: Vec<f64> = (0..4).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / 8.0).collect();
        rows.iter().map(|row| (0..4).map(|j| (row[j] - mean[j]).powi(2)).sum::<f64>()).sum::<f64>() / 8.0
    };
    for costs in [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [3.0, -1.0, 0.5, 2.0]] {
        let found = of(costs);
        assert!((found - hand(costs)).abs() < 1e-12, "{found} {}", hand(costs));
    }
    let (alike, apart) = (of([1.0, 1.0, 0.0, 0.0]), of([1.0, 0.0, 1.0, 0.0]));
    assert!((alike - 0.25).abs() < 1e-12 && (apart - 0.093_75).abs() < 1e-12, "{alike} {apart}");
}

#[test]
fn stat_the_tree_misses_nothing() {
    type Cost = fn(ArrayView2<'_, f64>) -> Array1<f64>;
    let problems: [Cost; 3] = [
        |x| x.map_axis(Axis(1), |x| (x[0] - 0.3).powi(2) + x[1] - x[7]),
        |x| x.map_axis(Axis(1), |x| if x[3] == x[6] { 1.0 } else { -1.0 }),
        |x| x.map_axis(Axis(1), |x| (x[0] - 2.0 * x[4] + x[9]).exp()),
    ];
    let (n, logits) = (200_000, array![0.5, -0.5, 0.2, 0.8, 0.0, -1.0, 1.0, 0.3, 0.0, 0.4]);
    let q = Categorical::identical(&logits, 5, n).unwrap();
    for (k, cost) in problems.into_iter().enumerate() {
        let noise = DisArmTree::noise(&q, &mut ChaCha8Rng::seed_from_u64(k as u64));
        let rows = DisArmTree::propose(&q, noise).unwrap().rows_with(cost).unwrap();
        let truth = truth(&logits.to_vec(), 5, &cost);
        assert_eq!(unbiased(&rows, &truth, 1e-9).unwrap().verdict, Verdict::Consistent, "problem {k}");
        assert_eq!(unbiased(&rows, &(truth + 0.1), 1e-9).unwrap().verdict, Verdict::Biased, "problem {k}");
    }
}

/// Any number may be added to the logits: they are held exactly in f32, and nothing moves with it. And a likely half keeps the digits of
/// what is left.
#[test]
fn hard_trees_of_shifted_and_sure_logits() {
    let of = |shift: f32| {
        let q = Categorical::shared(array![0.0, 1.0, -0.5, 0.25, 2.0].mapv(|l: f32| l + shift), 5, 3).unwrap();
        let noise = array![[0.2, 0.4, 0.6, 0.8], [0.7, 0.1, 0.3, 0.45], [0.9, 0.55, 0.05, 0.35]];
        let plan = DisArmTree::propose(&q, noise).unwrap();
        let rows = plan.rows(&array![1.0, 0.0, 0.5, 2.0, -1.0, 3.0]).unwrap().into_flat();
        (plan.points().to_owned(), rows)
    };
    let (points, rows) = of(0.0);
    // A sum over five shares of numbers up to 2: none of them is lost.
    assert!(rows.sum_axis(Axis(1)).iter().all(|sum| sum.abs() < 32.0 * f32::EPSILON), "{rows}");
    for shift in [4096.0, 65_536.0, 1_048_576.0, -1_048_576.0] {
        let (moved, found) = of(shift);
        assert_eq!(moved, points, "{shift}");
        assert!((found - &rows).iter().all(|off| off.abs() < 8.0 * f32::EPSILON), "{shift}");
    }
    // Sure classes that part at the root are alone below: the score of what is drawn is what is left of 1, e^-20.
    let q = Categorical::shared(array![-20.0_f32, 0.0, -20.0, 0.0], 4, 1).unwrap();
    let plan = DisArmTree::propose(&q, array![[0.5, 0.25, 0.5]]).unwrap();
    assert_eq!(plan.points(), array![[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]);
    let rows = plan.rows(&array![2.0, 0.0]).unwrap().into_flat();
    // Root 1/4 of 2 shared out, less than one part in 1e8 of it below; the rest e^-20.
    let rest = (-20.0_f64).exp();
    for (j, want) in [(0, 0.5 * rest - rest), (2, rest - 0.5 * rest)] {
        assert!((f64::from(rows[[0, j]]) / want - 1.0).abs() < 1e-5, "{j}: {} {want}", rows[[0, j]]);
    }
}

#[test]
fn hard_trees() {
    let none = f64::NEG_INFINITY;
    // A half without a class, one class that can be, and one class at all.
    let q = Categorical::shared(array![none, none, 0.0, 1e4], 4, 2).unwrap();
    let plan = DisArmTree::propose(&q, Array2::from_elem((2, 3), 0.3)).unwrap();
    assert_eq!((plan.draws(), plan.bias()), (2, Bias::Unbiased));
    assert!(plan.points().rows().into_iter().all(|x| x == array![0.0, 0.0, 0.0, 1.0]));
    assert_eq!(plan.rows(&array![1.0, 2.0, 3.0, 4.0]).unwrap().flat(), Array2::<f64>::zeros((2, 4)));
    let single = Categorical::shared(array![3.0_f32, -1.0], 1, 2).unwrap();
    let noise = DisArmTree::noise(&single, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(noise.dim(), (2, 0));
    let plan = DisArmTree::propose(&single, noise).unwrap();
    assert_eq!(plan.points(), Array2::<f32>::ones((4, 2)));
    assert_eq!(plan.rows(&Array1::ones(4)).unwrap().flat(), Array2::<f32>::zeros((2, 2)));
    let none = Categorical::shared(array![0.0, 0.0], 2, 1).unwrap().repeat_rows(0);
    let repeat = Error::Parameter { name: "repeat", value: 0.0, expected: "at least 1" };
    assert_eq!(DisArmTree::propose(&none, Array2::zeros((0, 1))).unwrap_err(), repeat);
    let nobody = Categorical::new(Array2::<f64>::zeros((0, 4)), 2).unwrap();
    let empty = DisArmTree::propose(&nobody, Array2::zeros((0, 2))).unwrap();
    assert_eq!(empty.rows(&array![]).unwrap().flat().dim(), (0, 4));
    let fair = Categorical::new(array![[0.0, 0.0]], 2).unwrap();
    let noise = DisArmTree::propose(&fair, array![[f64::NAN]]).unwrap();
    assert!(noise.points().iter().all(|x| x.is_nan()));
    // NaN stays in its block.
    let nan = Categorical::new(array![[f64::NAN, 0.0, 0.0, 0.0]], 2).unwrap();
    let plan = DisArmTree::propose(&nan, array![[0.2, 0.3]]).unwrap();
    assert!(plan.points()[[0, 0]].is_nan() && plan.points()[[0, 2]] == 1.0);
    let rows = plan.rows(&array![1.0, 2.0]).unwrap();
    assert!(rows.flat()[[0, 0]].is_nan() && rows.flat()[[0, 2]].is_finite());
    let shape =
        |name, got: &[usize], expected: &[usize]| Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() };
    assert_eq!(DisArmTree::propose(&q, Array2::zeros((2, 4))).unwrap_err(), shape("noise", &[2, 4], &[2, 3]));
    assert_eq!(plan.rows(&array![1.0]).unwrap_err(), shape("cost", &[1], &[2]));
    assert_eq!(plan.rows(&array![1.0, f64::NAN]).unwrap_err(), Error::NaN { name: "cost", row: 1 });
}
