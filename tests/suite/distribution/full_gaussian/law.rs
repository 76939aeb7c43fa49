//! Density, score, draws and paths: against elimination of the covariance, against the law of independent coordinates,
//! and their sums by products against rows.

use estimand::arithmetic::Plain;
use estimand::distribution::FullParts;
use estimand::gradient::{Baseline, Pathwise, Plan, ScoreFunction};
use estimand::matrix::Lu;
use estimand::ndarray::{Array1, Array2, Axis, array};
use estimand::{
    DiagGaussian, Distribution, Entropy, Error, FullGaussian, MeanVariance, Mirror, Quasi, Real, Reparameterize, Rows,
    Sample, Smooth, Transform,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{apart, law_of};
use crate::support::conforms::{self, normal};
use crate::support::full::Full;
use crate::support::near::assert_eps;
use crate::support::strategy::{array as reals, config};
use crate::support::threads::with_threads;

#[test]
fn law_the_full_gaussian_conforms() {
    conforms::distribution::<Full>();
    conforms::smooth::<Full>();
    conforms::transform::<Full>();
    conforms::reparameterize::<Full>();
    conforms::entropy::<Full>();
}

/// What `Full::CONDITION` says: sizes of factors and of their inverses, in the norm of Frobenius, which bounds them.
#[test]
fn hard_the_factors_of_conforms_are_no_worse() {
    for (rows, seed) in [(4, 7), (2, 7), (1, 7), (4, 11), (4, 12)] {
        let p = normal(rows, 9, seed);
        let q = FullGaussian::from_head(&p).unwrap();
        for t in 0..rows {
            let lower = q.factor(t).to_owned();
            let inverse = Lu::of(&lower).unwrap().inverse().unwrap();
            let size = |a: &Array2<f64>| a.iter().map(|x| x * x).sum::<f64>().sqrt();
            assert!(size(&lower) * size(&inverse) <= 64.0, "{} {}", seed, size(&lower) * size(&inverse));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// The density by elimination of the covariance: no triangular system, and another decomposition.
    #[test]
    fn law_log_prob_is_that_of_the_covariance(
        (mean, lower, x) in (1_usize..8).prop_flat_map(|d| (law_of(d, 1.0), reals((1, d), -3.0, 3.0)))
            .prop_map(|((mean, lower), x)| (mean, lower, x))
    ) {
        let d = mean.len();
        let q = FullGaussian::from_factor(&mean, &lower, 1).unwrap();
        let s = Lu::of(&lower.dot(&lower.t())).unwrap();
        let r = &x.row(0) - &mean;
        let u = s.solve(&r).unwrap();
        let size = r.dot(&u) + s.log_det().log_abs.abs() + d as f64;
        let value = -0.5 * (r.dot(&u) + s.log_det().log_abs + d as f64 * (2.0 * std::f64::consts::PI).ln());
        let inverse = s.inverse().unwrap();
        let condition = inverse.iter().map(|x| x.abs()).sum::<f64>() * lower.dot(&lower.t()).iter().map(|x| x.abs()).sum::<f64>();
        let at = q.log_prob_slope(&x).unwrap();
        let limit = 8.0 * d as f64 * f64::EPSILON * condition;
        prop_assert!((at.value[0] - value).abs() <= limit * size, "{} {value}", at.value[0]);
        let most = u.iter().fold(0.0_f64, |m, u| m.max(u.abs()));
        for (slope, u) in at.grad.iter().zip(&u) {
            prop_assert!((slope + u).abs() <= limit * most, "{slope} {u}");
        }
    }

    /// With zeros below the diagonal it is the law of independent coordinates, in everything that both have.
    #[test]
    fn law_a_diagonal_factor_is_the_diagonal_law(
        head in (1_usize..6).prop_flat_map(|d| reals((3, 2 * d), -2.0, 2.0)), seed in 0_u64..1000
    ) {
        let d = head.ncols() / 2;
        let diag = DiagGaussian::from_head(&head).unwrap().repeat_rows(2);
        let full = FullGaussian::from_diag(&diag);
        let rng = || ChaCha8Rng::seed_from_u64(seed);
        let x = normal(6, d, seed);
        let (want, got) = (diag.log_prob_grad(&x).unwrap(), full.log_prob_grad(&x).unwrap());
        for (got, want) in got.value.iter().zip(&want.value) {
            assert_eps(*got, *want, 1.0 + want.abs(), 16.0 * d as f64, "log_prob");
        }
        let near = |what: &str, got: &Array2<f64>, want: &Array2<f64>| {
            let size = want.iter().fold(1.0_f64, |m, w| m.max(w.abs()));
            assert!(apart(got, want) <= 16.0 * f64::EPSILON * size, "{what}");
        };
        near("d_loc", &got.grad.loc().to_owned(), &want.grad.loc().to_owned());
        near("d_log_scale", &got.grad.log_scale().to_owned(), &want.grad.log_scale().to_owned());
        near("slope", &full.log_prob_slope(&x).unwrap().grad, &diag.log_prob_slope(&x).unwrap().grad);
        let (draw, want) = (full.draw(&mut rng()), diag.draw(&mut rng()));
        prop_assert_eq!(draw.noise(), want.noise());
        near("draw", &draw.x().to_owned(), &want.x().to_owned());
        let path = full.pathwise(&draw, &x).unwrap().total().unwrap();
        let want = diag.pathwise(&want, &x).unwrap().total().unwrap();
        near("path", &path.loc().to_owned(), &want.loc().to_owned());
        near("path of scales", &path.log_scale().to_owned(), &want.log_scale().to_owned());
        prop_assert_eq!(full.entropy().value, diag.entropy().value);
        near("variance", &full.variance(), &diag.variance());
        prop_assert_eq!(full.mean(), diag.mean());
        let (kl, want) = (full.kl_standard(), diag.kl_standard());
        near("kl_standard", &kl.value.insert_axis(Axis(1)), &want.value.insert_axis(Axis(1)));
        prop_assert_eq!(kl.grad.log_scale(), want.grad.log_scale());
    }

    /// Sums by products are sums of rows, whatever the number of samples.
    #[test]
    fn law_sums_by_products_are_sums_of_rows(
        (mean, lower) in (1_usize..7).prop_flat_map(|d| law_of(d, 1.0)), samples in 16_usize..700, seed in 0_u64..1000
    ) {
        let d = mean.len();
        let q = FullGaussian::from_factor(&mean, &lower, samples).unwrap();
        let draw = q.draw(&mut ChaCha8Rng::seed_from_u64(seed));
        let (d_x, w) = (normal(samples, d, seed + 1), normal(samples, 1, seed + 2).column(0).to_owned());
        let (x, path) = (draw.x().to_owned(), q.pathwise(&draw, &d_x).unwrap());
        let score = q.score(&x).unwrap();
        let ones = Array1::ones(samples);
        for (what, got, rows) in [
            ("score", score.total().unwrap(), score.collect()),
            ("weighted score", score.weighted(&w).unwrap(), score.collect().weighted_rows(&w).unwrap()),
            ("path", path.total().unwrap(), path.collect()),
            ("weighted path", path.weighted(&w).unwrap(), path.collect().weighted_rows(&w).unwrap()),
            ("ones", score.weighted(&ones).unwrap(), score.collect()),
        ] {
            // Each term is good to the condition of the factor, and there are so many: of their sum of magnitudes.
            let size = rows.flat().mapv(f64::abs).sum_axis(Axis(0));
            let scale = size.iter().fold(0.0_f64, |m, s| m.max(*s));
            let want = rows.flat().sum_axis(Axis(0));
            for (got, want) in got.flat().row(0).iter().zip(&want) {
                assert_eps(*got, *want, scale, 64.0 * d as f64, what);
            }
        }
    }
}

/// Several parameter rows, each with samples enough for products; and threads change no bit.
#[test]
fn law_sums_by_products_are_of_their_parameter_row() {
    let head = normal(3, 14, 1);
    let q = FullGaussian::from_head(&head).unwrap().repeat_rows(5000);
    let x = normal(15_000, 4, 2);
    let w = normal(15_000, 1, 3).column(0).to_owned();
    let all = q.score(&x).unwrap().weighted(&w).unwrap();
    for t in 0..3 {
        let own = head.select(Axis(0), &[t]);
        let of: Vec<usize> = (t * 5000..(t + 1) * 5000).collect();
        let one = FullGaussian::from_head(&own).unwrap().repeat_rows(5000);
        let (x, w) = (x.select(Axis(0), &of), w.select(Axis(0), &of));
        assert_eq!(one.score(&x).unwrap().weighted(&w).unwrap().flat().row(0), all.flat().row(t));
    }
    for threads in [1, 2, 7] {
        with_threads(threads, || assert_eq!(q.score(&x).unwrap().weighted(&w).unwrap(), all, "{threads} threads"));
    }
}

#[test]
fn hard_sums_by_products_meet_nan_and_infinity() {
    let q = FullGaussian::<f64>::standard(40, 3).unwrap();
    let mut x = normal(40, 3, 1);
    x[[7, 2]] = f64::INFINITY;
    let mut w = Array1::ones(40);
    w[7] = 0.0;
    let without = q.score(&x).unwrap().weighted(&w).unwrap();
    assert!(without.flat().iter().all(|g| g.is_finite()), "a weight of 0 leaves out an infinite row");
    x[[7, 2]] = 0.0;
    x[[9, 2]] = f64::NAN;
    assert_eq!(q.score(&x).unwrap().total(), Err(Error::NaN { name: "score", row: 9 }));
    w[9] = 0.0;
    assert_eq!(q.score(&x).unwrap().weighted(&w), Err(Error::NaN { name: "score", row: 9 }));
    let draw = q.draw(&mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(q.pathwise(&draw, &x).unwrap().weighted(&w), Err(Error::NaN { name: "pathwise", row: 9 }));
    w[3] = f64::NAN;
    assert_eq!(q.score(&x).unwrap().weighted(&w), Err(Error::NaN { name: "weights", row: 3 }));
    let short = Error::Shape { name: "weights", got: vec![39], expected: vec![40] };
    assert_eq!(q.score(&x).unwrap().weighted(&Array1::zeros(39)), Err(short));

    // Infinite noise that meets a slope of 0: a row has 0 there, and a product has NaN, so that rows are asked.
    let mut noise = normal(40, 3, 2);
    noise[[5, 0]] = f64::INFINITY;
    let mut slopes = normal(40, 3, 3);
    slopes.row_mut(5).fill(0.0);
    let draw = q.transform(noise).unwrap();
    let path = q.pathwise(&draw, &slopes).unwrap();
    assert!(path.total().unwrap().flat().iter().all(|g| g.is_finite()));

    // The shorter ways themselves: what does not fit has none.
    let x = normal(40, 3, 1);
    assert!(q.score_sums(x.view(), None).is_some() && path.sums(None).is_some());
    assert!(q.score_sums(x.view(), Some(&[1.0; 39])).is_none() && path.sums(Some(&[1.0; 41])).is_none());
    for (rows, columns) in [(39, 3), (41, 3), (40, 2), (40, 4)] {
        let other = Array2::zeros((rows, columns));
        assert!(q.score_sums(other.view(), None).is_none());
        assert!(q.pathwise_sums(&draw, other.view(), None).is_none());
    }
}

/// Rows of thousands of numbers in f32: pairwise sums of blocks.
#[test]
fn law_sums_by_products_are_accurate_in_f32() {
    let (n, d) = (40_000, 3);
    let x = normal(n, d, 5);
    let wide = FullGaussian::from_factor(&array![0.5, 0.0, -0.5], &Array2::eye(3), n).unwrap();
    let want = wide.score(&x).unwrap().collect();
    let size = want.flat().mapv(f64::abs).sum_axis(Axis(0));
    let narrow = FullGaussian::<f32>::from_factor(&array![0.5, 0.0, -0.5], &Array2::eye(3), n).unwrap();
    let got = narrow.score(&x.mapv(|x| x as f32)).unwrap().total().unwrap();
    for ((got, want), size) in got.flat().iter().zip(&want.flat().sum_axis(Axis(0))).zip(&size) {
        // A block of 128 adds 128 / 2 epsilon at the worst, its joining log2(n / 128) more.
        assert_eps(*got, *want, *size, 80.0, "a sum of 40000 rows");
    }
}

fn extremes<F: Real>() {
    for s in [-300.0, 300.0] {
        let head = Array2::from_shape_vec((1, 5), [1.0, 2.0, s, 0.0, 0.5].map(F::of).to_vec()).unwrap();
        let q = FullGaussian::from_head(&head).unwrap();
        let at = q.log_prob_grad(&array![[F::one(), F::of(3.0)]]).unwrap();
        // z = (0, 1): whatever the scale of the first.
        let value = -0.5 - s - (2.0 * std::f64::consts::PI).ln();
        assert_eps(at.value[0], value, value, 4.0, "value");
        let z = [0.0, 1.0];
        assert_eps(at.grad.log_scale()[[0, 0]], -1.0, 1.0, 4.0, "z_0 = 0");
        assert_eps(at.grad.log_scale()[[0, 1]], z[1] * z[1] - 1.0, 1.0, 4.0, "z_1 = 1");
        let draw = q.transform(Array2::zeros((1, 2))).unwrap();
        assert_eq!(draw.x(), array![[F::one(), F::of(2.0)]], "noise of 0 is the mean");
        let kl = q.kl_standard();
        assert!(!kl.value[0].is_nan() && kl.grad.flat().iter().all(|g| !g.is_nan()));
    }
}

#[test]
fn hard_extreme_scales() {
    extremes::<f32>();
    extremes::<f64>();
}

/// Scales that are no numbers: sums by products are those of rows.
fn extreme_sums<F: Real>(log_scale: f64, x: f64) {
    let head = Array2::from_shape_vec((1, 2), [0.0, log_scale].map(F::of).to_vec()).unwrap();
    for n in [1, 8, 40] {
        let q = FullGaussian::from_head(&head).unwrap().repeat_rows(n);
        let x = Array2::from_elem((n, 1), F::of(x));
        let (sum, rows) = (q.score(&x).unwrap().total().unwrap(), q.score(&x).unwrap().collect());
        for (sum, row) in sum.flat().iter().zip(rows.flat().row(0)) {
            let want = row.as_f64() * n as f64;
            assert_eps(*sum, want, want, 8.0, format!("{n} samples at the scale {log_scale}"));
        }
    }
}

#[test]
fn hard_sums_at_extreme_scales() {
    extreme_sums::<f32>(100.0, 1e38);
    extreme_sums::<f32>(-100.0, 1e-38);
    extreme_sums::<f64>(720.0, 1e308);
    extreme_sums::<f64>(-720.0, 1e-308);
}

#[test]
fn hard_an_infinite_x_has_no_density() {
    let lower = array![[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]];
    let q = FullGaussian::from_factor(&array![0.0, 0.0, 0.0], &lower, 2).unwrap();
    for x in [[f64::INFINITY, 0.0, 0.0], [0.0, f64::NEG_INFINITY, f64::INFINITY]] {
        let x = Array2::from_shape_fn((2, 3), |(i, j)| if i == 0 { x[j] } else { 0.0 });
        assert_eq!(q.log_prob(&x).unwrap()[0], f64::NEG_INFINITY);
        assert_eq!(q.log_prob_grad(&x).unwrap().value[0], f64::NEG_INFINITY);
        assert!(q.log_prob(&x).unwrap()[1].is_finite());
    }
    assert!(q.log_prob(&array![[f64::INFINITY, f64::NAN, 0.0], [0.0; 3]]).unwrap()[0].is_nan());
}

/// Wider than what is standardised on the stack.
#[test]
fn law_a_wide_density_is_that_of_its_coordinates() {
    let d = 100;
    let x = normal(1, d, 3);
    // A bidiagonal factor: x_i = e_i + e_{i-1} / 2, so that e is found by hand.
    let lower = Array2::from_shape_fn((d, d), |(i, j)| {
        if i == j {
            1.0
        } else if i == j + 1 {
            0.5
        } else {
            0.0
        }
    });
    let q = FullGaussian::from_factor(&Array1::zeros(d), &lower, 1).unwrap();
    let mut e = vec![0.0; d];
    for i in 0..d {
        e[i] = x[[0, i]] - if i > 0 { 0.5 * e[i - 1] } else { 0.0 };
    }
    let want = -0.5 * e.iter().map(|e| e * e).sum::<f64>() - 0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln();
    assert_eps(q.log_prob(&x).unwrap()[0], want, want, 32.0, "log_prob");
    assert_eps(q.log_prob_grad(&x).unwrap().value[0], want, want, 32.0, "log_prob with gradient");
}

/// The mean of L e is 0 and its covariance L L': entries of a sample covariance of n draws have the standard deviation
/// sqrt((S_ii S_jj + S_ij^2) / n), and 8 of them a chance below 1e-14.
#[test]
fn stat_draws_have_the_mean_and_the_covariance() {
    let n = 100_000;
    let lower = array![[1.0, 0.0, 0.0], [-2.0, 0.5, 0.0], [0.3, 1.0, 2.0]];
    let (mean, s) = (array![1.0, -1.0, 0.0], lower.dot(&lower.t()));
    let q = FullGaussian::from_factor(&mean, &lower, n).unwrap();
    let x = q.sample(&mut ChaCha8Rng::seed_from_u64(6));
    let r = &x - &mean;
    let found = r.t().dot(&r) / n as f64;
    let off = |s: &Array2<f64>| {
        let each = s.indexed_iter().map(|((i, j), &s_ij)| {
            (found[[i, j]] - s_ij).abs() / ((s[[i, i]] * s[[j, j]] + s_ij * s_ij) / n as f64).sqrt()
        });
        each.fold(0.0, f64::max)
    };
    assert!(off(&s) < 8.0, "{}", off(&s));
    let transposed = lower.t().dot(&lower);
    assert!(off(&transposed) > 8.0, "L'L is not taken for L L'");
    for (i, m) in r.mean_axis(Axis(0)).unwrap().iter().enumerate() {
        assert!(m.abs() < 8.0 * (s[[i, i]] / n as f64).sqrt());
    }
}

/// d E |x - c|^2 / dm = 2 (m - c), and in L it is 2 L: by both doors, and with noise that is mirrored or spread evenly.
#[test]
fn stat_both_doors_find_the_gradient() {
    let n = 8192;
    let lower = array![[1.0, 0.0], [0.5, 0.8]];
    let mean = array![0.5, -0.25];
    let q = FullGaussian::from_factor(&mean, &lower, n).unwrap();
    // In ln L_ii: L_ii times 2 L_ii.
    let truth = [2.0 * 0.5, -2.0 * 0.25, 2.0, 2.0 * 0.64, 2.0 * 0.5];
    let cost = |x: &Array2<f64>| x.mapv(|x| x * x).sum_axis(Axis(1));
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let check = |what: &str, gradient: &estimand::Grad<f64, FullParts>, error: &Array2<f64>| {
        for ((got, error), want) in gradient.flat().iter().zip(error).zip(truth) {
            assert!((got - want).abs() < 7.0 * error && *error < 0.2, "{what}: {got} {want} {error}");
        }
    };
    let noise = q.noise(&mut rng);
    let mirrored = q.mirror(&noise).unwrap();
    let plan = ScoreFunction::propose(&q, noise.clone(), Baseline::LeaveOneOut).unwrap();
    let estimate = plan.estimate(&cost(&plan.points().to_owned())).unwrap();
    check("score", &estimate.gradient, &estimate.std_error().unwrap().into_flat());
    for noise in [noise, mirrored, q.quasi_noise(&mut rng, 1024).unwrap()] {
        let plan = Pathwise::propose(&q, noise).unwrap();
        let estimate = plan.estimate(&plan.points().mapv(|x| 2.0 * x)).unwrap();
        check("path", &estimate.gradient, &estimate.std_error().unwrap().into_flat());
    }
}

#[test]
fn stream_draws_of_a_seed() {
    let lower = array![[2.0, 0.0], [1.0, 3.0]];
    let q = FullGaussian::from_factor(&array![1.0, -1.0], &lower, 2).unwrap();
    let diag = DiagGaussian::<f64>::standard(2, 2).unwrap();
    let rng = || ChaCha8Rng::seed_from_u64(1);
    let e = diag.noise(&mut rng());
    let x = q.sample(&mut rng());
    for i in 0..2 {
        assert_eq!(x[[i, 0]], 1.0 + 2.0 * e[[i, 0]], "the noise of the standard normal law, in its order");
        assert_eps(x[[i, 1]], -1.0 + e[[i, 0]] + 3.0 * e[[i, 1]], 4.0, 8.0, "second");
    }
}

/// The row functions of the traits are public: a caller's row of another width is NaN, as everywhere.
#[test]
fn hard_rows_of_another_width() {
    let q = FullGaussian::<f64>::standard(1, 2).unwrap();
    for (x, width) in [(1, 5), (3, 5), (2, 4), (2, 6)] {
        let mut grad = vec![0.0; width];
        assert!(
            q.log_prob_row::<_, true>(Plain, 0, &vec![0.0; x], &mut grad).is_nan() && grad.iter().all(|g| g.is_nan())
        );
        let mut grad = vec![0.0; width];
        q.pathwise_row(Plain, 0, &[0.0, 0.0], &[0.0, 0.0], &vec![0.0; x], &mut grad);
        assert!(grad.iter().all(|g| g.is_nan()));
    }
    assert!(q.log_prob_row::<_, false>(Plain, 0, &[0.0; 3], &mut []).is_nan());
    let mut slope = [0.0; 3];
    assert!(q.slope_row(Plain, 0, &[0.0; 2], &mut slope).is_nan() && slope.iter().all(|s| s.is_nan()));
}
