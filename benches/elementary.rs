//! Each elementary function beside the standard library's, over an array, as a row calls it.
#![allow(clippy::unwrap_used, reason = "a bench ends where its answer is wrong")]

use std::any::type_name;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use estimand::arithmetic::Arithmetic;
use estimand::kernel::{Level, RowFn, fill_at};
use estimand::ndarray::Array2;
use estimand::{Real, elementary};

/// Rows and columns: 64 kB of f32, 128 kB of f64.
const SHAPE: (usize, usize) = (64, 256);

const NAMES: [&str; 6] = ["exp", "exp_m1", "ln", "ln_1p", "tanh", "sin_of_turns"];

/// Function `FUNCTION` of [`NAMES`].
struct Ours<const FUNCTION: usize>;

impl<F: Real, const FUNCTION: usize> RowFn<F, 1> for Ours<FUNCTION> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [x]: [&[F]; 1], out: &mut [F]) -> F {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = match FUNCTION {
                0 => a.exp(x),
                1 => a.exp_m1(x),
                2 => a.ln(x),
                3 => a.ln_1p(x),
                4 => a.tanh(x),
                _ if A::FUSED => elementary::sin_cos_turns::<true, F>(x).0,
                _ => elementary::sin_cos_turns::<false, F>(x).0,
            };
        }
        F::zero()
    }
}

fn std<F: Real>(function: usize, x: F) -> F {
    match function {
        0 => x.exp(),
        1 => x.exp_m1(),
        2 => x.ln(),
        3 => x.ln_1p(),
        4 => x.tanh(),
        _ => (F::TAU() * x).sin(),
    }
}

fn function<F: Real, const FUNCTION: usize>(c: &mut Criterion) {
    // Positive for the logarithms; between -4 and 4 for the others, where nothing is trivial.
    let size = |i: usize, j: usize| ((i * SHAPE.1 + j) as f64 * 12.9898).sin();
    let positive = FUNCTION == 2 || FUNCTION == 3;
    let x = Array2::from_shape_fn(SHAPE, |(i, j)| {
        F::of(if positive { (4.0 * size(i, j)).exp() } else { 4.0 * size(i, j) })
    });
    let ours = |level| fill_at(level, SHAPE.0, [x.view()], [SHAPE.1], &Ours::<FUNCTION>).unwrap().1;
    let naive = || x.mapv(|x| std(FUNCTION, x));
    for level in [Level::Plain, Level::best()] {
        let [ours] = ours(level);
        // Three last places on our side and one on the other; the argument of the standard sine is
        // rounded, which moves it by up to 8 pi epsilons.
        let most = F::of(if FUNCTION == 5 { 30.0 } else { 4.0 }) * F::epsilon();
        let near = |a: F, b: F| (a - b).abs() <= most * b.abs().max(F::of(if FUNCTION == 5 { 1.0 } else { 0.0 }));
        assert!(ours.iter().zip(&naive()).all(|(&a, &b)| near(a, b)), "{}", NAMES[FUNCTION]);
    }
    let mut group = c.benchmark_group(format!("{}_{}", NAMES[FUNCTION], type_name::<F>()));
    group.throughput(Throughput::Elements((SHAPE.0 * SHAPE.1) as u64));
    group.bench_function("estimand", |b| b.iter(|| ours(Level::best())));
    group.bench_function("estimand_plain", |b| b.iter(|| ours(Level::Plain)));
    group.bench_function("std", |b| b.iter(naive));
    group.finish();
}

fn functions<F: Real>(c: &mut Criterion) {
    function::<F, 0>(c);
    function::<F, 1>(c);
    function::<F, 2>(c);
    function::<F, 3>(c);
    function::<F, 4>(c);
    function::<F, 5>(c);
}

criterion_group!(benches, functions::<f32>, functions::<f64>);
criterion_main!(benches);
