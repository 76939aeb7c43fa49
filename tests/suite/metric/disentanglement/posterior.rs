use estimand::metric::disentanglement::{entropies, posterior_information};
use estimand::ndarray::{Array1, Array2, array};
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use estimand::{DiagGaussian, Error, Real, Sample};
use proptest::prelude::*;

use super::random_classes;
use crate::support::quadrature::integral;
use crate::support::strategy::{array as arrays, config};

fn density(z: f64, loc: f64, log_scale: f64) -> f64 {
    let off = (z - loc) / log_scale.exp();
    (-0.5 * off * off).exp() / (log_scale.exp() * (2.0 * std::f64::consts::PI).sqrt())
}

/// ln of the mean density of the examples of a class over that of all, by the formula.
fn by_definition(
    loc: &Array2<f64>,
    log_scale: &Array2<f64>,
    factors: &Array2<usize>,
    z: &Array2<f64>,
    of: &Array1<usize>,
) -> Array2<f64> {
    let n = loc.nrows();
    Array2::from_shape_fn((loc.ncols(), factors.ncols()), |(j, k)| {
        let mean = |z: f64, members: &[usize]| {
            members.iter().map(|&m| density(z, loc[[m, j]], log_scale[[m, j]])).sum::<f64>() / members.len() as f64
        };
        let all: Vec<usize> = (0..n).collect();
        let ratio = |s: usize| {
            let class: Vec<usize> = (0..n).filter(|&m| factors[[m, k]] == factors[[of[s], k]]).collect();
            (mean(z[[s, j]], &class) / mean(z[[s, j]], &all)).ln()
        };
        (0..of.len()).map(ratio).sum::<f64>() / of.len() as f64
    })
}

proptest! {
    #![proptest_config(config())]

    /// An exponent of up to 200 is rounded by its own epsilons, in either form; the rest are sums of 9 terms. In single
    /// precision z - loc is exact or rounded by half an epsilon, over a scale, and squared: as many of its epsilons.
    #[test]
    fn law_information_is_the_mean_log_ratio(
        loc in arrays((9, 2), -2.0, 2.0), log_scale in arrays((9, 2), -1.0, 1.0), z in arrays((7, 2), -3.0, 3.0), seed in 0..1000_u64
    ) {
        let [loc, log_scale, z] = [loc, log_scale, z].map(|rows| rows.mapv(|x| f64::from(x as f32)));
        let mut rng = StdRng::seed_from_u64(seed);
        let factors = random_classes(&mut rng, (9, 3), 3);
        let of = Array1::from_shape_simple_fn(7, || rng.random_range(0..9));
        let expected = by_definition(&loc, &log_scale, &factors, &z, &of);
        let q = DiagGaussian::new(&loc, &log_scale).unwrap();
        let got = posterior_information(&q, &factors, &z, &of).unwrap();
        prop_assert!((&got.mean - &expected).iter().all(|off| off.abs() <= 1024.0 * f64::EPSILON), "{} {expected}", got.mean);
        let q = DiagGaussian::new(loc.mapv(|x| x as f32), log_scale.mapv(|x| x as f32)).unwrap();
        let single = posterior_information(&q, &factors, &z.mapv(|x| x as f32), &of).unwrap();
        prop_assert!((single.mean.mapv(f64::from) - &expected).iter().all(|off| off.abs() <= 1024.0 * f64::from(f32::EPSILON)));
    }
}

/// Five posteriors, whose information about two factors is known by quadrature: 40 000 samples of examples drawn at
/// random, to 6 standard errors (2e-9 for a normal mean), less than 3 % of it. Without the term of a sample's own example
/// (the published shortcut of a mean over the others) it would be off by far more: the twin.
#[test]
fn stat_the_estimate_is_unbiased() {
    let (loc, log_scale) = (array![[-1.0], [0.0], [0.5], [2.0], [2.5]], array![[-0.7], [0.0], [-0.2], [-1.0], [0.3]]);
    let factors = array![[0, 0], [0, 1], [1, 0], [1, 1], [1, 0]];
    let mean = |z: f64, members: &[usize]| {
        members.iter().map(|&m| density(z, loc[[m, 0]], log_scale[[m, 0]])).sum::<f64>() / members.len() as f64
    };
    let entropy = |members: &[usize]| integral(&[-14.0, 0.0, 16.0], |z| -mean(z, members) * mean(z, members).ln());
    let exact = |k: usize| {
        let all: Vec<usize> = (0..5).collect();
        let classes = (0..2).map(|c| all.iter().copied().filter(|&m| factors[[m, k]] == c).collect::<Vec<_>>());
        entropy(&all) - classes.map(|class| class.len() as f64 / 5.0 * entropy(&class)).sum::<f64>()
    };
    let mut rng = StdRng::seed_from_u64(9);
    let of = Array1::from_shape_simple_fn(40_000, || rng.random_range(0..5_usize));
    let drawn = DiagGaussian::new(
        loc.select(estimand::ndarray::Axis(0), of.as_slice().unwrap()),
        log_scale.select(estimand::ndarray::Axis(0), of.as_slice().unwrap()),
    )
    .unwrap();
    let z = drawn.sample(&mut rng);
    let got = posterior_information(&DiagGaussian::new(&loc, &log_scale).unwrap(), &factors, &z, &of).unwrap();
    for k in 0..2 {
        let (mean, error, exact) = (got.mean[[0, k]], got.std_error[[0, k]], exact(k));
        assert!((mean - exact).abs() < 6.0 * error, "{mean} +- {error}, {exact}");
        assert!(error < 0.005, "{error}");
    }
}

fn corners<F: Real>() {
    let few = F::of(16.0) * F::epsilon();
    // Collapsed: all posteriors are the same, and say nothing.
    let factors = array![[0, 0], [0, 1], [1, 2], [1, 3]];
    let q = DiagGaussian::<F>::new(Array2::zeros((4, 1)), Array2::zeros((4, 1))).unwrap();
    let z = array![[F::of(0.3)], [F::of(-1.0)], [F::of(2.0)], [F::zero()]];
    let of = array![0, 1, 2, 3];
    let nothing = posterior_information(&q, &factors, &z, &of).unwrap();
    assert!(nothing.mean.iter().all(|i| i.abs() <= few), "{}", nothing.mean);
    // Far apart: the classes are known, and the information is their entropy.
    let loc = array![[-1000.0], [-300.0], [400.0], [1000.0]].mapv(F::of);
    let apart = DiagGaussian::new(&loc, Array2::zeros((4, 1))).unwrap();
    let all = posterior_information(&apart, &factors, &loc, &of).unwrap();
    let h = entropies::<F>(&factors).unwrap();
    assert!((all.mean[[0, 0]] - h[0]).abs() <= few && (all.mean[[0, 1]] - h[1]).abs() <= few);
    // A sample far from the examples of its own class, beside others: ln of a ratio that is no number. Both of class 1 at
    // a distance of 1000, both of class 0 at 0: -500 000 + ln 2.
    let two = DiagGaussian::new(array![[0.0], [0.0], [1000.0], [1000.0]].mapv(F::of), Array2::zeros((4, 1))).unwrap();
    let far = posterior_information(&two, &factors, &array![[F::zero()], [F::zero()]], &array![2, 2]).unwrap();
    let expected = F::of(2.0_f64.ln() - 500_000.0);
    assert!((far.mean[[0, 0]] - expected).abs() <= few * F::of(500_000.0), "{}", far.mean);
    // Scales of e^-300 and e^300 (in f32 0 and infinite).
    let wild =
        DiagGaussian::new(Array2::zeros((4, 1)), array![[-300.0], [-300.0], [300.0], [300.0]].mapv(F::of)).unwrap();
    let known = posterior_information(&wild, &factors, &Array2::zeros((4, 1)), &array![0, 1, 0, 1]).unwrap();
    assert!((known.mean[[0, 0]] - F::of(2.0).ln()).abs() <= few, "{}", known.mean);
}

#[test]
fn hard_collapsed_far_and_wild_posteriors() {
    corners::<f64>();
    corners::<f32>();
}

#[test]
fn hard_what_is_refused() {
    let (loc, zeros) = (array![[0.0], [1.0]], Array2::zeros((2, 1)));
    let q = DiagGaussian::new(&loc, &zeros).unwrap();
    let (factors, of) = (array![[0], [1]], array![0, 1]);
    let run =
        |factors: &Array2<usize>, z: &Array2<f64>, of: &Array1<usize>| posterior_information(&q, factors, z, of).err();
    assert_eq!(run(&factors, &loc, &of), None);
    let shape = |name, got, expected| Some(Error::Shape { name, got, expected });
    assert_eq!(run(&array![[0]], &loc, &of), shape("factors", vec![1, 1], vec![2, 1]));
    assert_eq!(run(&factors, &Array2::zeros((2, 2)), &of), shape("z", vec![2, 2], vec![2, 1]));
    assert_eq!(run(&factors, &loc, &array![0]), shape("of", vec![1], vec![2]));
    assert_eq!(run(&factors, &array![[0.0]], &array![0]), Some(Error::TooFew { name: "z", got: 1, needs: 2 }));
    assert_eq!(run(&factors, &array![[0.0], [f64::NAN]], &of), Some(Error::NaN { name: "z", row: 1 }));
    let expected = "the number of a parameter row of `q`";
    assert_eq!(
        run(&factors, &loc, &array![0, 2]),
        Some(Error::Entry { name: "of", index: vec![1], value: 2.0, expected })
    );
    // So far that all densities are 0.
    let far = array![[0.0], [1e200]];
    assert_eq!(run(&factors, &far, &of), Some(Error::NaN { name: "information", row: 1 }));
    let nan = DiagGaussian::new(array![[0.0], [f64::NAN]], &zeros).unwrap();
    assert_eq!(posterior_information(&nan, &factors, &loc, &of), Err(Error::NaN { name: "loc", row: 1 }));
    let none = DiagGaussian::<f64>::new(Array2::zeros((0, 1)), Array2::zeros((0, 1))).unwrap();
    let empty = posterior_information(&none, &Array2::zeros((0, 1)), &loc, &of);
    assert_eq!(empty, Err(Error::TooFew { name: "loc", got: 0, needs: 1 }));
}
