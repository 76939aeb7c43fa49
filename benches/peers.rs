//! The work that a user of another framework would give it: one op a bench, whole, with the
//! allocation of its result, on inputs of a fixed shape; in f32 unless the name says f64.
//!
//! The chapter `speed` tells how these are compared with the same work of JAX and PyTorch. Each
//! answer is checked before it is timed. The pool has as many threads as `RAYON_NUM_THREADS` says,
//! or the machine.
#![allow(clippy::unwrap_used, reason = "a bench ends where its answer is wrong")]

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use estimand::distribution::{LocScaleParts, LogitParts, ValueRows};
use estimand::gradient::{Baseline, Estimate, Pathwise, Plan, ScoreFunction};
use estimand::moments::Moments;
use estimand::ndarray::{Array1, Array2, ArrayRef2, ArrayView2, Axis, Zip};
use estimand::noise::Standard;
use estimand::objective::{Aggregate, Decomposition, decompose, importance_weighted};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{
    Bernoulli, Concrete, DiagGaussian, Distribution, Draw, Grad, Real, Reparameterize, Rows, Sample, Transform,
};
use lab::vae::Step;
use lab::{Adam, Threads, Vae, keep_freed_memory};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::{Bernoulli as Coin, Distribution as _, Normal};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn normal<F: Real>(shape: (usize, usize), sd: f64, seed: u64) -> Array2<F> {
    Array2::random_using(shape, Normal::new(0.0, sd).unwrap(), &mut rng(seed)).mapv(F::of)
}

fn bits(shape: (usize, usize), seed: u64) -> Array2<f32> {
    let coin = Coin::new(0.3).unwrap();
    let mut rng = rng(seed);
    Array2::from_shape_simple_fn(shape, || f32::from(u8::from(coin.sample(&mut rng))))
}

fn op<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, check: impl Fn(&T), mut run: impl FnMut() -> T) {
    check(&run());
    group.bench_function(name, |b| b.iter(&mut run));
}

/// `got` is `expected`, an expression of whole arrays in f64, to `most` epsilons of 1 + |expected|.
fn assert_near<'a>(
    what: &str,
    got: impl IntoIterator<Item = &'a f32>,
    expected: impl IntoIterator<Item = f64>,
    most: f64,
) {
    let mut expected = expected.into_iter();
    for (i, &got) in got.into_iter().enumerate() {
        let expected = expected.next().unwrap();
        let off = (f64::from(got) - expected).abs() / (f64::from(f32::EPSILON) * (1.0 + expected.abs()));
        assert!(off <= most, "{what}[{i}] is {got}, expected {expected}");
    }
    assert!(expected.next().is_none(), "{what} is too short");
}

/// Sums of 784 terms in 32 lanes: 25 additions and a few roundings of each term, whose magnitudes
/// add up to a few times the sum.
const SUM: f64 = 64.0;
/// One term: a handful of roundings.
const TERM: f64 = 8.0;

fn wide(x: &ArrayRef2<f32>) -> Array2<f64> {
    x.mapv(f64::from)
}

fn likelihoods(group: &mut BenchmarkGroup<'_, WallTime>) {
    let shape = (512, 784);
    let (logits, x) = (normal::<f32>(shape, 4.0, 0), bits(shape, 1));
    let (l, t) = (wide(&logits), wide(&x));
    let softplus = l.mapv(|l: f64| l.max(0.0) + (-l.abs()).exp().ln_1p());
    let value = (&l * &t - &softplus).sum_axis(Axis(1));
    let grad = &t - &l.mapv(|l| 1.0 / (1.0 + (-l).exp()));
    op(
        group,
        "bernoulli_log_prob_grad_512x784",
        |at: &ValueRows<f32, LogitParts>| {
            assert_near("value", &at.value, value.iter().copied(), SUM);
            assert_near("grad", at.grad.flat(), grad.iter().copied(), TERM);
        },
        || Bernoulli::new(black_box(&logits)).unwrap().log_prob_grad(&x).unwrap(),
    );

    let (loc, log_scale, x) = (normal(shape, 1.0, 2), normal(shape, 0.5, 3), normal(shape, 1.0, 4));
    let (m, s) = (wide(&loc), wide(&log_scale));
    let inverse = s.mapv(|s| (-s).exp());
    let z = (wide(&x) - &m) * &inverse;
    let value = (z.mapv(|z| -0.5 * z * z - 0.918_938_533_204_672_8) - &s).sum_axis(Axis(1));
    let (d_m, d_s) = (&z * &inverse, z.mapv(|z| z * z - 1.0));
    op(
        group,
        "gaussian_log_prob_grad_512x784",
        |at: &ValueRows<f32, LocScaleParts>| {
            assert_near("value", &at.value, value.iter().copied(), SUM);
            assert_near("loc", at.grad.loc(), d_m.iter().copied(), TERM);
            assert_near("log_scale", at.grad.log_scale(), d_s.iter().copied(), TERM);
        },
        || DiagGaussian::new(black_box(&loc), &log_scale).unwrap().log_prob_grad(&x).unwrap(),
    );
}

fn kl(group: &mut BenchmarkGroup<'_, WallTime>) {
    for (n, d) in [(512, 64), (8192, 256)] {
        let (loc, log_scale) = (normal((n, d), 1.0, 5), normal((n, d), 0.5, 6));
        let (m, s) = (wide(&loc), wide(&log_scale));
        let spread = s.mapv(|s| (2.0 * s).exp() - 1.0);
        let value = ((&m * &m + &spread - &s - &s) * 0.5).sum_axis(Axis(1));
        op(
            group,
            &format!("kl_standard_grad_{n}x{d}"),
            |at: &ValueRows<f32, LocScaleParts>| {
                assert_near("value", &at.value, value.iter().copied(), SUM);
                assert_near("loc", at.grad.loc(), m.iter().copied(), 0.0);
                assert_near("log_scale", at.grad.log_scale(), spread.iter().copied(), TERM);
            },
            || DiagGaussian::new(black_box(&loc), &log_scale).unwrap().kl_standard(),
        );
    }
}

/// Standardised, the draws have mean 0 and variance 1, to 6 standard errors.
fn assert_standard<'a, F: Real>(draws: impl Iterator<Item = F> + 'a) {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for z in draws.map(F::as_f64) {
        (n, sum, squares) = (n + 1.0, sum + z, squares + z * z);
    }
    let (mean, square): (f64, f64) = (sum / n, squares / n);
    assert!(mean.abs() < 6.0 / f64::sqrt(n) && (square - 1.0).abs() < 6.0 * f64::sqrt(2.0 / n), "{mean} {square}");
}

fn sample<F: Real>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let shape = (8192, 256);
    let (loc, log_scale) = (normal::<F>(shape, 1.0, 7), normal::<F>(shape, 0.5, 8));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let mut rng = rng(9);
    let z = |x: &Array2<F>| {
        let mut z = x - &loc;
        Zip::from(&mut z).and(&log_scale).for_each(|z, &s| *z *= (-s).exp());
        z
    };
    op(group, name, |x| assert_standard(z(x).into_iter()), || black_box(&q).sample(&mut rng));
}

fn draws(group: &mut BenchmarkGroup<'_, WallTime>) {
    sample::<f32>(group, "gaussian_sample_8192x256");
    sample::<f64>(group, "gaussian_sample_8192x256_f64");
    let mut rng = rng(10);
    let check = |z: &Array1<f32>| assert_standard(z.iter().copied());
    op(group, "standard_normal_1e7", check, || Standard::Normal.draw(&mut rng, 10_000_000));
}

fn bound(group: &mut BenchmarkGroup<'_, WallTime>) {
    let log_w = Array1::from_iter(normal::<f32>((8192, 64), 1.0, 11));
    let rows: Vec<Vec<f64>> =
        log_w.as_slice().unwrap().chunks(64).map(|r| r.iter().map(|&w| f64::from(w)).collect()).collect();
    let totals: Vec<f64> = rows.iter().map(|r| r.iter().map(|w| w.exp()).sum()).collect();
    op(
        group,
        "iwae_8192x64",
        |at: &estimand::ValueGrad<Array1<f32>, Array1<f32>>| {
            assert_near("value", &at.value, totals.iter().map(|t| (t / 64.0).ln()), TERM);
            let weights = rows.iter().zip(&totals).flat_map(|(r, t)| r.iter().map(move |w| w.exp() / t));
            assert_near("weights", &at.grad, weights, TERM);
        },
        || importance_weighted(black_box(&log_w), 64).unwrap(),
    );
}

/// A relaxed sample of 64 classes and the pull-back of a slope, noise and all, against the softmax of its noise.
fn gumbel_softmax(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (shape, temperature) = ((8192, 64), 0.5);
    let (logits, slopes) = (normal::<f32>(shape, 1.0, 14), normal::<f32>(shape, 1.0, 15));
    let q = Concrete::new(&logits, 64, temperature as f32).unwrap();
    let mut rng = rng(16);
    type Both = (Draw<f32>, Grad<f32, LogitParts>);
    let check = |(draw, grad): &Both| {
        let wide = |a: ArrayView2<'_, f32>| a.mapv(f64::from);
        let mut share = ((wide(logits.view()) + wide(draw.noise())) / temperature).mapv(f64::exp);
        share.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
        assert_near("shares", draw.x(), share.iter().copied(), TERM);
        let slopes = wide(slopes.view());
        let means = (&share * &slopes).sum_axis(Axis(1)).insert_axis(Axis(1));
        assert_near("gradient", grad.flat(), share * (slopes - means) / temperature, TERM);
    };
    op(group, "gumbel_softmax_vjp_8192x64", check, || {
        let draw = black_box(&q).draw(&mut rng);
        let grad = q.pathwise(&draw, &slopes).unwrap().collect();
        (draw, grad)
    });
}

/// The average KL of 512 posteriors taken apart: ln q(z) and every ln q(z_j) of 512 samples, against sums of densities in f64.
fn total_correlation(group: &mut BenchmarkGroup<'_, WallTime>) {
    let shape = (512, 10);
    let (z, loc, log_scale) = (normal::<f32>(shape, 1.0, 17), normal::<f32>(shape, 1.0, 18), normal(shape, 0.3, 19));
    let check = |parts: &Decomposition<f32>| {
        let (z, loc, scale) = (wide(&z), wide(&loc), wide(&log_scale).mapv(f64::exp));
        let density = |i: usize, k: usize, j: usize| {
            let u = (z[[i, j]] - loc[[k, j]]) / scale[[k, j]];
            (-0.5 * u * u).exp() / (scale[[k, j]] * (2.0 * std::f64::consts::PI).sqrt())
        };
        let expected = (0..512).map(|i| {
            let joint: f64 = (0..512).map(|k| (0..10).map(|j| density(i, k, j)).product::<f64>()).sum();
            let one = |j: usize| ((0..512).map(|k| density(i, k, j)).sum::<f64>() / 512.0).ln();
            (joint / 512.0).ln() - (0..10).map(one).sum::<f64>()
        });
        assert_near("total correlation", &parts.total_correlation, expected, SUM);
    };
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    op(group, "total_correlation_512x10", check, || decompose(black_box(&q), &z, Aggregate::Exact).unwrap());
}

/// Mean and variance of 4e7 numbers, against sums in twice the digits: each step of a compensated mean
/// keeps its rounding, and a block's sum of squares has 64 additions in a lane.
fn stats(group: &mut BenchmarkGroup<'_, WallTime>) {
    let n = 40_000_000;
    let x: Array1<f64> = Standard::Normal.draw(&mut rng(13), n);
    let sum = |term: &dyn Fn(f64) -> f64| {
        let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
        for &x in &x {
            let term = term(x);
            let next = sum + term;
            lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
            sum = next;
        }
        (sum + lost) / n as f64
    };
    let mean = sum(&|x| x);
    let variance = sum(&|x| (x - mean) * (x - mean));
    op(
        group,
        "gaussian_stats_4e7_f64",
        |&(m, v): &(f64, f64)| {
            assert!(
                (m - mean).abs() <= 4.0 * f64::EPSILON && (v / variance - 1.0).abs() <= 64.0 * f64::EPSILON,
                "{m} {v}"
            );
        },
        || {
            let moments = Moments::of(black_box(&x));
            (moments.mean().unwrap(), moments.variance().unwrap())
        },
    );
}

/// The estimate of all samples, from so many parts of them.
fn in_parts(parts: usize, mut part: impl FnMut() -> Estimate<f32, LocScaleParts>) -> Estimate<f32, LocScaleParts> {
    (1..parts).fold(part(), |all, _| all.merge(part()).unwrap())
}

/// A law of 32 coordinates at 0 and 1, 65,536 samples, the cost |x - 1|^2: noise, costs, and the estimate with its
/// standard error. On one thread in parts that stay in its cache; several threads wait for each other in each part, and
/// take fewer.
fn estimators(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (n, d) = (65_536, 32);
    let parts = if rayon::current_num_threads() == 1 { 32 } else { 4 };
    let (loc, log_scale) = (Array1::<f32>::zeros(d), Array1::zeros(d));
    let q = DiagGaussian::shared(&loc, &log_scale, n / parts).unwrap();
    let cost = |x: ArrayView2<'_, f32>| x.mapv(|x| (x - 1.0) * (x - 1.0)).sum_axis(Axis(1));
    // -2 in each location and 2 in each log-scale, to 6 of the standard errors that come with it.
    let check = |g: &Estimate<f32, LocScaleParts>| {
        assert_eq!(g.samples, n);
        let error = g.std_error().unwrap();
        for (j, (g, error)) in g.gradient.flat().iter().zip(error.flat()).enumerate() {
            let truth = if j < d { -2.0 } else { 2.0 };
            assert!((g - truth).abs() < 6.0 * error && *error < 0.2, "{j}: {g} +- {error}");
        }
    };
    let mut rng = rng(13);
    let mut of_score = || {
        let plan = ScoreFunction::propose(black_box(&q), q.noise(&mut rng), Baseline::LeaveOneOut).unwrap();
        plan.estimate(&cost(plan.points())).unwrap()
    };
    op(group, "score_function_loo_65536x32", check, || in_parts(parts, &mut of_score));
    let mut of_path = || {
        let plan = Pathwise::propose(black_box(&q), q.noise(&mut rng)).unwrap();
        plan.estimate(&plan.points().mapv(|x| 2.0 * (x - 1.0))).unwrap()
    };
    op(group, "pathwise_65536x32", check, || in_parts(parts, &mut of_path));
}

/// An epoch of the example `vae`, its own step: 784-200-20-200-784, 78 batches of 128.
fn vae_epoch(group: &mut BenchmarkGroup<'_, WallTime>) {
    // As every example does.
    keep_freed_memory();
    let threads = Threads::new(rayon::current_num_threads());
    let batches: Vec<_> = (0..78).map(|b| bits((128, 784), 100 + b)).collect();
    let mut rng = rng(12);
    let mut vae = Vae::<f32>::new(&mut rng, 784, 200, 20).unwrap();
    let (mut gradient, mut adam) = (vae.clone(), Adam::new(1e-3));
    group.sample_size(10);
    op(
        group,
        "vae_epoch_784_200_20_10k",
        // Coins of .3 have an entropy of .611 nats, 478.9 an image: from above, and near it soon.
        |&last: &f32| assert!(last < -450.0 && last > -540.0, "{last}"),
        // On a thread of the pool, as every example does it.
        || {
            rayon::scope(|_| {
                let mut objective = 0.0;
                for x in &batches {
                    let noise = vae.noise(x.nrows(), &mut rng).unwrap();
                    let terms =
                        vae.loss_grad_into(black_box(x), noise, Step::path(1.0), threads, &mut gradient).unwrap();
                    adam.step(vae.parameters_mut(), gradient.parameters()).unwrap();
                    objective = terms.objective;
                }
                objective
            })
        },
    );
}

fn peers(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers");
    likelihoods(&mut group);
    kl(&mut group);
    draws(&mut group);
    bound(&mut group);
    estimators(&mut group);
    gumbel_softmax(&mut group);
    total_correlation(&mut group);
    stats(&mut group);
    vae_epoch(&mut group);
    group.finish();
}

criterion_group!(benches, peers);
criterion_main!(benches);
