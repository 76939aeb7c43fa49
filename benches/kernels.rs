//! Each kernel beside the way one would write it with whole-array expressions.
//!
//! A group is named like the function; `naive` does the same work and its answer is compared
//! before anything is timed.
#![allow(clippy::unwrap_used, reason = "a bench ends where its answer is wrong")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use estimand::gradient::{ManySamplePath, PathWeight, Plan};
use estimand::ndarray::{Array1, Array2, ArrayView1, Axis, Zip, s};
use estimand::noise::{Key, Standard};
use estimand::objective::{
    Aggregate, TermWeights, bce_with_logits, decompose, decomposed_kl, importance_weighted, squared_error,
};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Bernoulli, DiagGaussian, Distribution, Real, Reparameterize, Rows, Sample, Transform, ValueGrad};
use lab::vae::Step;
use lab::{Adam, Threads, Vae};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::{Bernoulli as Coin, Distribution as _, Normal, StandardNormal};

type Valued = (Array1<f32>, Array2<f32>);

fn normal(shape: (usize, usize), sd: f32) -> Array2<f32> {
    Array2::random_using(shape, Normal::new(0.0, sd).unwrap(), &mut StdRng::seed_from_u64(0))
}

fn bits(shape: (usize, usize)) -> Array2<f32> {
    let coins = Array2::random_using(shape, Coin::new(0.3).unwrap(), &mut StdRng::seed_from_u64(1));
    coins.mapv(|bit| f32::from(u8::from(bit)))
}

/// The longest row that is summed, and more roundings than any term of it has.
const TERMS: f32 = 784.0;
const ROUNDINGS: f32 = 16.0;

/// Both ways agree to their rounding: an addition and a rounding of a term cost each of the two at
/// most half an epsilon of the sum of the terms' magnitudes. That sum is at most a few times
/// 1 + |result| for these inputs, and since both ways add in lanes (naive in 8: 98 additions of a
/// row, not 784), there is a factor of 7 to spare for it.
fn assert_same(ours: &Valued, naive: &Valued) {
    let tolerance = (TERMS + ROUNDINGS) * f32::EPSILON;
    let close = |a: f32, b: f32| (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
    assert!(ours.0.iter().zip(&naive.0).all(|(&a, &b)| close(a, b)), "values differ");
    assert!(ours.1.iter().zip(&naive.1).all(|(&a, &b)| close(a, b)), "gradients differ");
}

fn pair(c: &mut Criterion, name: &str, ours: impl Fn() -> Valued, naive: impl Fn() -> Valued) {
    assert_same(&ours(), &naive());
    let mut group = c.benchmark_group(name);
    group.bench_function("estimand", |b| b.iter(&ours));
    group.bench_function("naive", |b| b.iter(&naive));
    group.finish();
}

fn sigmoid(l: f32) -> f32 {
    1.0 / (1.0 + (-l).exp())
}

fn naive_bce(logits: &Array2<f32>, x: &Array2<f32>) -> Valued {
    let loss = Zip::from(logits).and(x).map_collect(|&l, &x| l.max(0.0) - x * l + (-l.abs()).exp().ln_1p());
    (loss.sum_axis(Axis(1)), logits.mapv(sigmoid) - x)
}

fn likelihoods(c: &mut Criterion) {
    let shape = (512, 784);
    let (logits, x) = (normal(shape, 4.0), bits(shape));
    let ours = || {
        let at = Bernoulli::new(black_box(&logits)).unwrap().log_prob_grad(&x).unwrap();
        (at.value, at.grad.into_flat())
    };
    let naive = || {
        let (value, grad) = naive_bce(black_box(&logits), &x);
        (-value, -grad)
    };
    pair(c, "bernoulli_log_prob_grad", ours, naive);

    let ours = || {
        let at = bce_with_logits(black_box(&logits), &x).unwrap();
        (at.value, at.grad.into_flat())
    };
    pair(c, "bce_with_logits", ours, || naive_bce(black_box(&logits), &x));

    let (loc, log_scale, x) = (normal(shape, 1.0), normal(shape, 0.5), normal(shape, 1.5));
    let ours = || {
        let at = DiagGaussian::new(black_box(&loc), &log_scale).unwrap().log_prob_grad(&x).unwrap();
        (at.value, at.grad.into_flat())
    };
    let naive = || {
        let inverse = log_scale.mapv(|s| (-s).exp());
        let z = (&x - black_box(&loc)) * &inverse;
        let terms = z.mapv(|z| -0.5 * z * z - 0.918_938_5) - &log_scale;
        let grad = side_by_side(&(&z * &inverse), &z.mapv(|z| z * z - 1.0));
        (terms.sum_axis(Axis(1)), grad)
    };
    pair(c, "gaussian_log_prob_grad", ours, naive);

    let y = &loc;
    let ours = || {
        let at = squared_error(&x, black_box(y)).unwrap();
        (at.value, at.grad)
    };
    let naive = || {
        let error = black_box(y) - &x;
        (error.mapv(|e| e * e).sum_axis(Axis(1)), 2.0 * error)
    };
    pair(c, "squared_error", ours, naive);
}

fn side_by_side(a: &Array2<f32>, b: &Array2<f32>) -> Array2<f32> {
    estimand::ndarray::concatenate(Axis(1), &[a.view(), b.view()]).unwrap()
}

fn divergences(c: &mut Criterion) {
    let head = normal((8192, 128), 0.5);
    let ours = || {
        let at = DiagGaussian::from_head(black_box(&head)).unwrap().kl_standard();
        (at.value, at.grad.into_flat())
    };
    let naive = || {
        let (loc, log_scale) = black_box(&head).view().split_at(Axis(1), 64);
        let variance = log_scale.mapv(|s| (2.0 * s).exp());
        let terms = (&variance + &loc.mapv(|m| m * m) - 1.0 - &log_scale.mapv(|s| 2.0 * s)) * 0.5;
        (terms.sum_axis(Axis(1)), side_by_side(&loc.to_owned(), &(variance - 1.0)))
    };
    pair(c, "kl_standard", ours, naive);

    let log_w = Array1::from_iter(normal((8192, 64), 1.0));
    let ours = || {
        let at = importance_weighted(black_box(&log_w), 64).unwrap();
        (at.value, at.grad.insert_axis(Axis(1)))
    };
    let naive = || {
        let rows = black_box(&log_w).view().into_shape_with_order((8192, 64)).unwrap();
        let most = rows.map_axis(Axis(1), |row| row.fold(f32::NEG_INFINITY, |m, &w| m.max(w))).insert_axis(Axis(1));
        let shifted = (&rows - &most).mapv(f32::exp);
        let sums = shifted.sum_axis(Axis(1)).insert_axis(Axis(1));
        let value = (&most + &sums.mapv(f32::ln) - 64.0_f32.ln()).remove_axis(Axis(1));
        (value, (shifted / &sums).into_shape_with_order((8192 * 64, 1)).unwrap())
    };
    pair(c, "importance_weighted", ours, naive);
}

fn paths(c: &mut Criterion) {
    let (n, d) = (8192, 64);
    let head = normal((n, 2 * d), 0.5);
    let q = DiagGaussian::from_head(&head).unwrap();
    let noise = q.noise(&mut StdRng::seed_from_u64(2));
    let d_x = normal((n, d), 1.0);
    let z = q.transform(noise.clone()).unwrap();
    let (loc, log_scale) = head.view().split_at(Axis(1), d);
    let ours = || {
        let x = q.transform(noise.clone()).unwrap().into_x();
        (x.column(0).to_owned(), q.pathwise(&z, black_box(&d_x)).unwrap().total().unwrap().into_flat())
    };
    let naive = || {
        let scale = log_scale.mapv(f32::exp);
        let x = &loc + &(&scale * &noise);
        (x.column(0).to_owned(), side_by_side(black_box(&d_x), &(&d_x * &noise * &scale)))
    };
    pair(c, "transform_and_pathwise", ours, naive);

    let mut group = c.benchmark_group("draw");
    group.bench_function("gaussian", |b| b.iter(|| q.draw(&mut StdRng::seed_from_u64(3))));
    let logits = normal((n, d), 2.0);
    let p = Bernoulli::new(&logits).unwrap();
    group.bench_function("bernoulli", |b| b.iter(|| p.sample(&mut StdRng::seed_from_u64(3))));
    group.finish();
}

/// A million numbers of each standard law into a place that is warm; beside them normal ones by
/// rand_distr, one by one.
fn noise(c: &mut Criterion) {
    fn laws<F: Real>(group: &mut BenchmarkGroup<'_, WallTime>, precision: &str) {
        let mut out = vec![F::zero(); NUMBERS];
        for law in Standard::ALL {
            let key = Key::new(5);
            key.fill(law, 0, &mut out);
            assert!(out.iter().all(|x| x.is_finite() && x.abs() < F::of(38.0)));
            group.bench_function(format!("{law:?}_{precision}"), |b| b.iter(|| key.fill(law, 0, black_box(&mut out))));
        }
    }
    const NUMBERS: usize = 1 << 20;
    let mut group = c.benchmark_group("noise");
    group.throughput(Throughput::Elements(NUMBERS as u64));
    laws::<f32>(&mut group, "f32");
    laws::<f64>(&mut group, "f64");
    let (mut rng, mut out) = (StdRng::seed_from_u64(5), vec![0.0_f32; NUMBERS]);
    group.bench_function("Normal_f32_naive", |b| {
        b.iter(|| black_box(&mut out).iter_mut().for_each(|z| *z = StandardNormal.sample(&mut rng)));
    });
    group.finish();
}

/// One law on data of every layout: the same numbers, at what cost.
fn layouts(c: &mut Criterion) {
    let (n, d) = (2048, 256);
    let (loc, log_scale, x) = (normal((n, d), 1.0), normal((n, d), 0.5), normal((n, d), 1.5));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let expected = q.log_prob_grad(&x).unwrap();
    let column_order = x.t().as_standard_layout().into_owned();
    let mut wide = Array2::zeros((n, 3 * d));
    wide.slice_mut(s![.., ..;3]).assign(&x);
    let reversed = x.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
    let mut group = c.benchmark_group("layouts");
    for (layout, x) in [
        ("row_order", x.view()),
        ("column_order", column_order.t()),
        ("strided", wide.slice(s![.., ..;3])),
        ("reversed", reversed.slice(s![..;-1, ..;-1])),
    ] {
        assert_eq!(q.log_prob_grad(&x).unwrap(), expected, "{layout}");
        group.bench_function(layout, |b| b.iter(|| q.log_prob_grad(black_box(&x)).unwrap()));
    }
    let row = x.row(0);
    let broadcast = row.broadcast((n, d)).unwrap();
    assert_eq!(q.log_prob_grad(&broadcast), q.log_prob_grad(&broadcast.to_owned()));
    group.bench_function("broadcast", |b| b.iter(|| q.log_prob_grad(black_box(&broadcast)).unwrap()));
    group.finish();
}

/// On one thread and on two; and into an earlier result, where memory is not asked for.
fn threads(c: &mut Criterion) {
    let (n, d) = (8192, 256);
    let (loc, log_scale, x) = (normal((n, d), 1.0), normal((n, d), 0.5), normal((n, d), 1.5));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let shared = DiagGaussian::shared(loc.row(0), log_scale.row(0), n).unwrap();
    let expected = (q.log_prob_grad(&x).unwrap(), shared.score(&x).unwrap().total().unwrap());
    let mut group = c.benchmark_group("threads");
    for count in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        let both = || (q.log_prob_grad(&x).unwrap(), shared.score(&x).unwrap().total().unwrap());
        assert_eq!(pool.install(both), expected);
        let (mut into, mut rng, mut z) = (expected.0.clone(), StdRng::seed_from_u64(5), x.clone());
        let mut bench = |name: &str, work: &mut (dyn FnMut() + Send)| {
            group.bench_function(format!("{name}/{count}"), |b| b.iter(|| pool.install(&mut *work)));
        };
        bench("log_prob_grad", &mut || drop(black_box(q.log_prob_grad(&x))));
        bench("log_prob_grad_into", &mut || q.log_prob_grad_into(&x, &mut into).unwrap());
        bench("score_total", &mut || drop(black_box(shared.score(&x).unwrap().total())));
        bench("sample", &mut || drop(black_box(q.sample(&mut rng))));
        bench("sample_into", &mut || q.sample_into(&mut rng, &mut z).unwrap());
    }
    group.finish();
}

/// The total correlation of 256 posteriors, and the price of it with its gradient, beside whole-array expressions for each sample.
fn total_correlation(c: &mut Criterion) {
    let shape = (256, 10);
    let (loc, log_scale, z) = (normal(shape, 1.0), normal(shape, 0.3), normal(shape, 1.2));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let ours = || decompose(black_box(&q), &z, Aggregate::Exact).unwrap().total_correlation;
    let naive = || {
        let inverse = log_scale.mapv(|s| (-s).exp());
        let log_sum = |logs: ArrayView1<'_, f32>| {
            let most = logs.fold(f32::NEG_INFINITY, |most, &x| most.max(x));
            most + (logs.mapv(|x| (x - most).exp()).sum() / 256.0).ln()
        };
        let of = |z: ArrayView1<'_, f32>| {
            let u = (&z - black_box(&loc)) * &inverse;
            let logs = u.mapv(|u| -0.5 * u * u - 0.918_938_5) - &log_scale;
            log_sum(logs.sum_axis(Axis(1)).view()) - logs.columns().into_iter().map(log_sum).sum::<f32>()
        };
        z.rows().into_iter().map(of).collect::<Array1<f32>>()
    };
    for (ours, naive) in ours().iter().zip(naive()) {
        // Sums of eleven logarithms of up to 40, each of 256 terms.
        assert!((ours - naive).abs() <= 64.0 * f32::EPSILON * 40.0, "{ours} {naive}");
    }
    let mut group = c.benchmark_group("total_correlation");
    group.bench_function("ours", |b| b.iter(ours));
    group.bench_function("naive", |b| b.iter(naive));
    let weights = TermWeights { information: 1.0, total_correlation: 6.0, dimension_wise: 1.0 };
    let priced = || decomposed_kl(black_box(&q), &z, Aggregate::Stratified { data: 60_000 }, weights).unwrap();
    group.bench_function("with_gradient", |b| b.iter(priced));
    // Sums of more terms than are added in one go.
    let shape = (4608, 10);
    let many = DiagGaussian::new(normal(shape, 1.0), normal(shape, 0.3)).unwrap();
    let z = normal(shape, 1.2);
    group.sample_size(10);
    group.bench_function("of_4608", |b| b.iter(|| decompose(black_box(&many), &z, Aggregate::Exact).unwrap()));
    group.finish();
}

/// Gradients of bounds by 32 samples in the heads of 256 posteriors, noise in and gradient out, beside whole-array expressions.
fn many_samples(c: &mut Criterion) {
    let (n, k, d) = (256, 32, 20);
    let head = normal((n, 2 * d), 0.3);
    let q = DiagGaussian::from_head(&head).unwrap().repeat_rows(k);
    let noise = q.noise(&mut StdRng::seed_from_u64(6));
    let joint = ValueGrad { value: Array1::from_iter(normal((n * k, 1), 1.0)), grad: normal((n * k, d), 1.0) };
    let rows: Vec<_> = (0..n * k).map(|i| i / k).collect();
    for (name, weight) in [("iwae", PathWeight::Iwae), ("dreg", PathWeight::Dreg)] {
        let ours = || {
            let plan = ManySamplePath::propose(black_box(&q), noise.clone(), k, weight).unwrap();
            (Array1::zeros(0), plan.estimate(&joint).unwrap().gradient.into_flat())
        };
        let naive = || {
            let head = black_box(&head).select(Axis(0), &rows);
            let (_, log_scale) = head.view().split_at(Axis(1), d);
            let scale = log_scale.mapv(f32::exp);
            let log_q = (noise.mapv(|e| -0.5 * e * e - 0.918_938_5) - log_scale).sum_axis(Axis(1));
            let log_w = (&joint.value - &log_q).into_shape_with_order((n, k)).unwrap();
            let most =
                log_w.map_axis(Axis(1), |row| row.fold(f32::NEG_INFINITY, |m, &w| m.max(w))).insert_axis(Axis(1));
            let w = (&log_w - &most).mapv(f32::exp);
            let w = (&w / &w.sum_axis(Axis(1)).insert_axis(Axis(1))).into_shape_with_order((n * k, 1)).unwrap();
            let of_path = if weight == PathWeight::Dreg { &w * &w } else { w.clone() };
            let d_z = &joint.grad + &(&noise / &scale);
            let mut d_loc = &of_path * &d_z;
            let mut d_log_scale = &d_loc * &scale * &noise;
            if weight == PathWeight::Iwae {
                d_loc -= &(&w * &noise / &scale);
                d_log_scale -= &(&w * &noise.mapv(|e| e * e - 1.0));
            }
            let both = side_by_side(&d_loc, &d_log_scale);
            (Array1::zeros(0), both.to_shape((n, k, 2 * d)).unwrap().sum_axis(Axis(1)))
        };
        pair(c, name, ours, naive);
    }
}

/// The training step of the example `vae`, its own code: batch 128, 784-200-20-200-784.
fn training_step(c: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(4);
    let mut vae = Vae::<f32>::new(&mut rng, 784, 200, 20).unwrap();
    let (mut gradient, mut adam) = (vae.clone(), Adam::new(1e-3));
    let x = bits((128, 784));
    let mut group = c.benchmark_group("vae_step");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut step = || {
            let noise = vae.noise(128, &mut rng).unwrap();
            let threads = Threads::new(threads);
            let terms = vae.loss_grad_into(black_box(&x), noise, Step::path(1.0), threads, &mut gradient).unwrap();
            adam.step(vae.parameters_mut(), gradient.parameters()).unwrap();
            terms
        };
        group.bench_function(format!("{threads}_threads"), |b| b.iter(|| pool.install(&mut step)));
    }
    group.finish();
}

criterion_group!(
    kernels,
    likelihoods,
    divergences,
    paths,
    noise,
    layouts,
    threads,
    total_correlation,
    many_samples,
    training_step
);
criterion_main!(kernels);
