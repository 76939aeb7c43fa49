//! The Gaussian with a full covariance beside what it is made of: one elimination at D = 512, and one pass of the law of
//! independent coordinates over as many samples. In f64; with one thread where `RAYON_NUM_THREADS=1`.
#![allow(clippy::unwrap_used, reason = "a bench ends where its answer is wrong")]

use criterion::{Criterion, criterion_group, criterion_main};
use estimand::ndarray::{Array1, Array2, Axis};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{DiagGaussian, Distribution, FullGaussian, Kl, Rows};
use lab::keep_freed_memory;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::StandardNormal;

fn normal(shape: (usize, usize), seed: u64) -> Array2<f64> {
    Array2::random_using(shape, StandardNormal, &mut StdRng::seed_from_u64(seed))
}

/// A mean, and a covariance with eigenvalues from about 1 to 5.
fn law(d: usize, seed: u64) -> (Array1<f64>, Array2<f64>) {
    let seeds = normal((d, d), seed);
    let product = seeds.dot(&seeds.t()) / d as f64 + Array2::<f64>::eye(d);
    let covariance = Array2::from_shape_fn((d, d), |(i, j)| product[[i.max(j), i.min(j)]]);
    (normal((1, d), seed + 1).row(0).to_owned(), covariance)
}

fn wide(c: &mut Criterion) {
    // A matrix is 2 MB: fresh pages would take as long as its elimination.
    keep_freed_memory();
    let d = 512;
    let ((m, s), (n, r)) = (law(d, 0), law(d, 2));
    let x = normal((1, d), 4);
    let [q, p] = [(&m, &s), (&n, &r)].map(|(mean, s)| FullGaussian::from_covariance(mean, s, 1).unwrap());
    let columns = faer::Mat::from_fn(d, d, |i, j| s[[i, j]]);

    // The divergence of a law from itself, and tr(P^-1 S) by the gradient: what is timed is right.
    assert_eq!(q.kl(&q).unwrap().value[0], 0.0);
    let at = q.kl(&p).unwrap();
    let in_mean = at.grad.0.loc().row(0).dot(&r.dot(&at.grad.0.loc().row(0)));
    let off = &m - &n;
    assert!((in_mean - at.grad.0.loc().row(0).dot(&off)).abs() < 1e-9 * in_mean, "u'R u = u'(m - n)");

    let mut group = c.benchmark_group("full_gaussian_512");
    group.sample_size(20);
    group.bench_function("cholesky_of_faer", |b| b.iter(|| columns.llt(faer::Side::Lower).unwrap()));
    group.bench_function("log_prob_from_covariance", |b| {
        b.iter(|| FullGaussian::from_covariance(&m, &s, 1).unwrap().log_prob(&x).unwrap());
    });
    group.bench_function("log_prob_from_factor", |b| b.iter(|| q.log_prob(&x).unwrap()));
    group.bench_function("log_prob_grad_from_factor", |b| b.iter(|| q.log_prob_grad(&x).unwrap()));
    group.bench_function("kl_with_gradients", |b| b.iter(|| q.kl(&p).unwrap()));
    group.finish();
}

fn many(c: &mut Criterion) {
    let (n, d) = (65_536, 8);
    let (mean, s) = law(d, 0);
    let (x, weights) = (normal((n, d), 1), normal((n, 1), 2).column(0).to_owned());
    let log_scale = s.diag().mapv(|v| 0.5 * v.ln());
    let diagonal = DiagGaussian::shared(&mean, &log_scale, n).unwrap();
    let full = FullGaussian::from_covariance(&mean, &s, n).unwrap();

    let rows = full.score(&x).unwrap().collect().weighted_rows(&weights).unwrap();
    let (got, want) = (full.score(&x).unwrap().weighted(&weights).unwrap(), rows.flat().sum_axis(Axis(0)));
    let size = rows.flat().mapv(f64::abs).sum();
    assert!(got.flat().iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-12 * size));

    let mut group = c.benchmark_group("weighted_scores_65536x8");
    group.bench_function("diagonal", |b| b.iter(|| diagonal.score(&x).unwrap().weighted(&weights).unwrap()));
    group.bench_function("full", |b| b.iter(|| full.score(&x).unwrap().weighted(&weights).unwrap()));
    group.bench_function("full_log_prob", |b| b.iter(|| full.log_prob(&x).unwrap()));
    group.bench_function("diagonal_log_prob", |b| b.iter(|| diagonal.log_prob(&x).unwrap()));
    group.finish();
}

criterion_group!(benches, wide, many);
criterion_main!(benches);
