use estimand::check::{Nodes, oracle};
use estimand::gradient::{Baseline, Bias, Pathwise, Plan, ScoreFunction, antithetic};
use estimand::ndarray::{Array1, Array2, array};
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Transform};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{PATHWISE, SCORE, TRUE, assert_exact, exact_of, law, truths};

/// The mean of a pair, by quadrature: the gradient is kept; a pair of paths of a square has no variance in the
/// location, since its slope is odd; the score function of a cost that is even about the mean is its own mirror
/// with the other sign in the location (no variance), and the same in the scale (as much as of one sample).
#[test]
fn ref_pairs_cancel_what_is_odd_and_double_what_is_even() {
    for truth in truths() {
        let path = exact_of(1, 0.125, |half, noise| {
            let noise = antithetic(half, &noise)?;
            let q = half.clone().repeat_rows(2);
            Pathwise::propose(&q, noise)?.grouped(2)?.rows_with(|x| truth.cost.slopes(x))
        });
        assert_exact("pathwise", &path.mean, truth.of(TRUE));
        let score = exact_of(1, 0.125, |half, noise| {
            let noise = antithetic(half, &noise)?;
            let q = half.clone().repeat_rows(2);
            ScoreFunction::propose(&q, noise, Baseline::None)?.grouped(2)?.rows_with(|x| truth.cost.costs(x))
        });
        assert_exact("score function", &score.mean, truth.of(TRUE));
        let single = [truth.of(PATHWISE), truth.of(SCORE)];
        for (pair, single) in [path, score].iter().zip(single) {
            for (pair, single) in pair.variance.iter().zip(single) {
                assert!(*pair <= single * (1.0 + 1e-9), "a pair is never worse than one sample");
            }
        }
    }
    let square = |k: f64| move |x: estimand::ndarray::ArrayView2<'_, f64>| x.mapv(|x| 2.0 * (x - k));
    let path = exact_of(1, 0.125, |half, noise| {
        let q = half.clone().repeat_rows(2);
        Pathwise::propose(&q, antithetic(half, &noise)?)?.grouped(2)?.rows_with(square(-3.0))
    });
    // In the scale: 2 (1 + z + 3) z, whose even part 2 z^2 has variance 8.
    assert!(path.variance[0] < 1e-24 && (path.variance[1] - 8.0).abs() < 1e-9, "{path:?}");
    let even = exact_of(1, 0.125, |half, noise| {
        let q = half.clone().repeat_rows(2);
        let plan = ScoreFunction::propose(&q, antithetic(half, &noise)?, Baseline::None)?.grouped(2)?;
        plan.rows_with(|x| x.column(0).mapv(|x| (x - 1.0).powi(2)))
    });
    assert!(even.variance[0] < 1e-24 && (even.variance[1] - 74.0).abs() < 1e-9, "{even:?}");
}

#[test]
fn hard_pairs_are_side_by_side() {
    let half = law(2, 1);
    let noise = antithetic(&half, &array![[1.0], [-2.0]]).unwrap();
    assert_eq!(noise, array![[1.0], [-1.0], [-2.0], [2.0]]);
    let wrong = antithetic(&half, &Array2::zeros((3, 1))).err();
    assert_eq!(wrong, Some(Error::Shape { name: "noise", got: vec![3, 1], expected: vec![2, 1] }));
    let bits = Bernoulli::new(array![[0.0, 1.0]]).unwrap();
    let pair = antithetic(&bits, &array![[0.25, 0.75]]).unwrap();
    assert_eq!(pair, array![[0.25, 0.75], [0.75, 0.25]]);

    let q = half.repeat_rows(2);
    let plan = Pathwise::propose(&q, noise).unwrap().grouped(2).unwrap();
    assert_eq!((plan.draws(), plan.bias(), plan.points().nrows()), (1, Bias::Unbiased, 4));
    let g = plan.estimate(&Array2::ones((4, 1))).unwrap();
    assert_eq!((g.gradient.flat().to_owned(), g.variance), (array![[1.0, 0.0], [1.0, 0.0]], None));
}

/// The standard error of pairs is that of pairs: the mean of many paths of a cube is covered, and the error is not
/// that of as many independent samples.
#[test]
fn stat_grouped_pairs_report_their_own_error() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let half = DiagGaussian::<f64>::standard(20_000, 1).unwrap();
    let noise = antithetic(&half, &half.noise(&mut rng)).unwrap();
    let q = half.repeat_rows(2);
    let plan = Pathwise::propose(&q, noise).unwrap();
    assert_eq!(q.shape().samples(), 40_000);
    // f = x^2: slope 2 x, odd in the location; f = x^3 / 3: slope x^2, even.
    let slopes = plan.points().mapv(|x| x * x);
    let alone = plan.estimate(&slopes).unwrap();
    let pairs = plan.grouped(2).unwrap().estimate(&slopes).unwrap();
    // Sums of 40 000, of numbers of variance 2, in another order.
    let off = &alone.gradient.flat() - &pairs.gradient.flat();
    assert!(off.iter().all(|off| off.abs() <= 128.0 * f64::EPSILON));
    let [alone, pairs] = [alone, pairs].map(|g| g.variance.unwrap().loc()[[0, 0]]);
    // Var x^2 = 2, over 40 000 samples if they were independent; an even slope has but 20 000.
    // A variance of n squares of kurtosis 15 is off by sqrt(14 / n) of itself: 6 of these.
    assert!((alone / (2.0 / 40_000.0) - 1.0).abs() < 6.0 * (14.0 / 40_000.0_f64).sqrt() * 2.0_f64.sqrt());
    assert!((pairs / (2.0 / 20_000.0) - 1.0).abs() < 6.0 * (14.0 / 20_000.0_f64).sqrt());
}

/// x^2 under N(1/2, 1), whose gradient is (1, 2), by quadrature. Of a pair, leave-one-out is biased: half of the gradient of
/// the other's cost stays, and its mean is (2, 0). Leaving pairs out it is right, for a sum over three pairs.
#[test]
fn law_leave_one_out_of_pairs_leaves_pairs_out() {
    let z = Nodes::normal(0.5).unwrap();
    let exact = |pairs: usize, baseline: Baseline<'static, f64>| {
        oracle(&vec![&z; pairs], 1, |noise| {
            let all = (noise.nrows() / pairs, 1);
            let half = DiagGaussian::new(Array2::from_elem(all, 0.5), Array2::zeros(all))?.repeat_rows(pairs);
            let noise = antithetic(&half, &noise)?;
            let q = half.repeat_rows(2);
            ScoreFunction::propose(&q, noise, baseline)?.rows_with(|x| x.column(0).mapv(|x| x * x))
        })
        .unwrap()
        .mean
    };
    let near = |found: Array1<f64>, expected: [f64; 2]| {
        // The error of the rule at this step, for polynomials of degree 8, is 1e-30.
        assert!(found.iter().zip(expected).all(|(g, t)| (g - t).abs() < 1e-12), "{found} {expected:?}");
    };
    near(exact(1, Baseline::LeaveOneOut), [2.0, 0.0]);
    near(exact(2, Baseline::LeaveGroupOut(2)), [1.0, 2.0]);
    near(exact(3, Baseline::LeaveGroupOut(2)), [1.0, 2.0]);
    // Two pairs as four samples: a third of what one pair is off by.
    near(exact(2, Baseline::LeaveOneOut), [1.0 + 1.0 / 3.0, 2.0 - 2.0 / 3.0]);
}
