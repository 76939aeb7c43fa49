//! What every law owes, by trait: run for each family, in f64 against differences and in f32
//! against f64.

use estimand::check;
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use estimand::{
    Cdf, Distribution, Entropy, Error, Kl, MeanVariance, Parts, Real, Reparameterize, Result, Rows, Sample, Smooth,
    Transform,
};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::StandardNormal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::layouts::every_layout;
use super::near::assert_eps;

/// How the tests make a law of a family, in either precision.
pub trait Family {
    /// Parameter columns a coordinate.
    const COLUMNS: usize;
    type Parts: Parts;
    type Law<'a, F: Real>: Distribution<F, Parts = Self::Parts>;
    /// The law whose parameter rows are `flat`, each shared by `repeat` samples.
    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F>;
    /// A number of the support from any number.
    fn datum(any: f64) -> f64;
}

const ROWS: usize = 4;
const DIM: usize = 3;

/// Numbers that both precisions hold exactly.
fn normal(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::random_using((rows, columns), StandardNormal, &mut rng).mapv(|x: f64| f64::from(x as f32))
}

fn parameters<T: Family>(rows: usize, dim: usize) -> Array2<f64> {
    normal(rows, T::COLUMNS * dim, 7)
}

fn data<T: Family>(rows: usize, dim: usize) -> Array2<f64> {
    normal(rows, dim, 8).mapv(|x| T::datum(2.0 * x))
}

fn single(array: &Array2<f64>) -> Array2<f32> {
    array.mapv(|x| x as f32)
}

/// The gradient in every parameter, of a number made from the parameters.
fn assert_gradient(what: &str, at: &Array2<f64>, grad: ArrayView2<'_, f64>, f: impl Fn(ArrayView2<'_, f64>) -> f64) {
    let flat = Array1::from_iter(at.iter().copied());
    let given = Array1::from_iter(grad.iter().copied());
    let shaped = |x: &estimand::ndarray::ArrayRef1<f64>| {
        let x = Array2::from_shape_vec(at.dim(), x.to_vec()).unwrap();
        f(x.view())
    };
    let found = check::gradient(shaped, &flat, &given).unwrap();
    assert!(found.within(1e-9), "{what}: {found}");
}

/// Density, score, layouts, sharing, corners.
pub fn distribution<T: Family>() {
    let (p, x) = (parameters::<T>(ROWS, DIM), data::<T>(ROWS, DIM));
    let law = T::law(p.view(), 1);
    let at = law.log_prob_grad(&x).unwrap();
    assert_eq!(law.log_prob(&x).unwrap(), at.value, "with and without gradient");
    assert_gradient("log_prob", &p, at.grad.flat(), |p| T::law(p, 1).log_prob(&x).unwrap().sum());
    assert_eq!(law.score(&x).unwrap().collect(), at.grad, "score rows are the gradient");

    every_layout(&x, |layout, x| assert_eq!(law.log_prob_grad(&x).unwrap(), at, "x {layout}"));
    every_layout(&p, |layout, p| assert_eq!(T::law(p, 1).log_prob_grad(&x).unwrap(), at, "parameters {layout}"));

    shared_rows::<T>();
    corners::<T>();
    precisions::<T>(&p, &x);
}

/// A law that repeats its rows is the law of the rows written out.
fn shared_rows<T: Family>() {
    let k = 3;
    let (p, x) = (parameters::<T>(2, DIM), data::<T>(2 * k, DIM));
    let written = Array2::from_shape_fn((2 * k, p.ncols()), |(i, j)| p[[i / k, j]]);
    let (repeated, plain) = (T::law(p.view(), k), T::law(written.view(), 1));
    let rows = plain.log_prob_grad(&x).unwrap();
    assert_eq!(repeated.log_prob_grad(&x).unwrap(), rows);
    let total = repeated.score(&x).unwrap().total().unwrap();
    assert_eq!(total, rows.grad.sum_groups(k).unwrap(), "a total has a row a parameter row");
    let broadcast = p.slice_axis(Axis(0), (0..1).into());
    let same = broadcast.broadcast((4, p.ncols())).unwrap();
    let one = T::law(broadcast, 4).log_prob_grad(&data::<T>(4, DIM)).unwrap();
    assert_eq!(T::law(same, 1).log_prob_grad(&data::<T>(4, DIM)).unwrap(), one, "rows of stride 0");
}

fn corners<T: Family>() {
    let (p, x) = (parameters::<T>(ROWS, DIM), data::<T>(ROWS, DIM));
    let law = T::law(p.view(), 1);
    for wrong in [(ROWS, 1), (1, DIM), (ROWS + 1, DIM), (0, DIM), (ROWS, DIM + 1)] {
        let error = Error::Shape { name: "x", got: vec![wrong.0, wrong.1], expected: vec![ROWS, DIM] };
        assert_eq!(law.log_prob(&Array2::zeros(wrong)), Err(error.clone()));
        assert_eq!(law.score(&Array2::zeros(wrong)).err(), Some(error));
    }
    for (rows, dim) in [(0, DIM), (ROWS, 0), (0, 0)] {
        let p = Array2::<f64>::zeros((rows, T::COLUMNS * dim));
        let at = T::law(p.view(), 1).log_prob_grad(&Array2::zeros((rows, dim))).unwrap();
        assert_eq!(at.value, Array1::<f64>::zeros(rows), "an empty sum");
        assert_eq!(at.grad.flat().dim(), (rows, T::COLUMNS * dim));
    }
    let none = T::law(p.view(), 0).log_prob(&Array2::zeros((0, DIM)));
    assert_eq!(none, Err(Error::Parameter { name: "repeat", value: 0.0, expected: "at least 1" }));

    let clean = law.log_prob_grad(&x).unwrap();
    let mut holed = x.clone();
    holed[[2, 1]] = f64::NAN;
    let at = law.log_prob_grad(&holed).unwrap();
    for i in 0..ROWS {
        assert_eq!(at.value[i].is_nan(), i == 2, "NaN stays in its row");
        assert!(i == 2 || at.grad.flat().row(i) == clean.grad.flat().row(i));
    }
    let score = law.score(&holed).unwrap();
    assert_eq!(score.total(), Err(Error::NaN { name: "score", row: 2 }));
    assert_eq!(score.weighted(&Array1::zeros(ROWS)), Err(Error::NaN { name: "score", row: 2 }));
    assert!(score.collect().flat().row(2).iter().any(|g| g.is_nan()), "collect keeps it");
    assert_eq!(at.mean(), Err(Error::NaN { name: "value", row: 2 }));
}

/// f32 says what f64 says, to a few of its own epsilons of the terms' size.
fn precisions<T: Family>(p: &Array2<f64>, x: &Array2<f64>) {
    let at = T::law(p.view(), 1).log_prob_grad(x).unwrap();
    let (p32, x32) = (single(p), single(x));
    let at32 = T::law(p32.view(), 1).log_prob_grad(&x32).unwrap();
    // z^2 carries twice the relative error of z, and z that of a difference and two exponentials.
    let scale = 1.0 + at.value.fold(0.0_f64, |m, v| m.max(v.abs()));
    for (got, &want) in at32.value.iter().zip(&at.value) {
        assert_eps(*got, want, scale, 16.0, "log_prob in f32");
    }
    let scale = 1.0 + at.grad.flat().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (got, &want) in at32.grad.flat().iter().zip(at.grad.flat()) {
        assert_eps(*got, want, scale, 16.0, "gradient in f32");
    }
}

/// The slope in x.
pub fn smooth<T: Family>()
where
    for<'a> T::Law<'a, f64>: Smooth<f64>,
{
    let (p, x) = (parameters::<T>(ROWS, DIM), data::<T>(ROWS, DIM));
    let law = T::law(p.view(), 1);
    let at = law.log_prob_slope(&x).unwrap();
    assert_eq!(at.value, law.log_prob(&x).unwrap());
    assert_gradient("slope", &x, at.grad.view(), |x| law.log_prob(&x).unwrap().sum());
}

/// Noise, its transform, and the moments of what comes out.
pub fn transform<T: Family>()
where
    for<'a> T::Law<'a, f64>: Transform<f64> + MeanVariance<f64>,
{
    let n = 200_000;
    let p = parameters::<T>(1, DIM);
    let law = T::law(p.view(), n);
    let rng = || ChaCha8Rng::seed_from_u64(3);
    let x = law.sample(&mut rng());
    let made = law.transform(law.noise(&mut rng())).unwrap();
    assert_eq!(x, made.x(), "sample equals transform(noise)");
    assert_eq!(law.draw(&mut rng()), made);
    let wrong = law.transform(Array2::zeros((1, DIM)));
    assert_eq!(wrong, Err(Error::Shape { name: "noise", got: vec![1, DIM], expected: vec![n, DIM] }));

    let (mean, variance) = (law.mean(), law.variance());
    for j in 0..DIM {
        let column = x.column(j);
        // 6 standard errors: once in 1e9 for a law with finite fourth moment.
        let limit = 6.0 * (variance[[0, j]] / n as f64).sqrt();
        let off = column.mean().unwrap() - mean[[0, j]];
        assert!(off.abs() <= limit, "mean of coordinate {j} is off by {off:e}, limit {limit:e}");
        assert!(limit < 0.05 * variance[[0, j]].sqrt(), "a bias of 5 % of a standard deviation would be seen");
        let fourth = column.mapv(|x| (x - mean[[0, j]]).powi(4)).mean().unwrap();
        let limit = 6.0 * ((fourth - variance[[0, j]].powi(2)) / n as f64).sqrt() + 1e-12;
        let off = column.mapv(|x| (x - mean[[0, j]]).powi(2)).mean().unwrap() - variance[[0, j]];
        assert!(off.abs() <= limit, "variance of coordinate {j} is off by {off:e}, limit {limit:e}");
    }
}

/// The path: a slope pulled back is the derivative of the draw with its noise held.
pub fn reparameterize<T: Family>()
where
    for<'a> T::Law<'a, f64>: Transform<f64> + Reparameterize<f64>,
{
    let p = parameters::<T>(ROWS, DIM);
    let k = 2;
    let law = T::law(p.view(), k);
    let draw = law.draw(&mut ChaCha8Rng::seed_from_u64(5));
    let d_x = normal(ROWS * k, DIM, 6);
    let total = law.pathwise(&draw, &d_x).unwrap().total().unwrap();
    assert_gradient("pathwise", &p, total.flat(), |p| {
        let x = T::law(p, k).transform(draw.noise().to_owned()).unwrap().into_x();
        (&x * &d_x).sum()
    });
    let error = Error::Shape { name: "d_x", got: vec![1, DIM], expected: vec![ROWS * k, DIM] };
    assert_eq!(law.pathwise(&draw, &Array2::zeros((1, DIM))).err(), Some(error));
    let mut holed = d_x.clone();
    holed[[5, 0]] = f64::NAN;
    let rows = law.pathwise(&draw, &holed).unwrap();
    assert_eq!(rows.total(), Err(Error::NaN { name: "pathwise", row: 5 }));
    every_layout(&d_x, |layout, d_x| {
        assert_eq!(law.pathwise(&draw, &d_x).unwrap().total().unwrap(), total, "d_x {layout}");
    });
}

/// Entropy: its gradient, and that it is the mean of -log q under q.
pub fn entropy<T: Family>()
where
    for<'a> T::Law<'a, f64>: Entropy<f64> + Sample<f64>,
{
    let p = parameters::<T>(ROWS, DIM);
    let at = T::law(p.view(), 1).entropy();
    assert_gradient("entropy", &p, at.grad.flat(), |p| T::law(p, 1).entropy().value.sum());
    let n = 50_000;
    let law = T::law(p.view(), n);
    let x = law.sample(&mut ChaCha8Rng::seed_from_u64(9));
    let nll = law.log_prob(&x).unwrap().mapv(|v| -v);
    for (t, &entropy) in at.value.iter().enumerate() {
        let rows = nll.slice_axis(Axis(0), (t * n..(t + 1) * n).into());
        let limit = 6.0 * (rows.var(1.0) / n as f64).sqrt() + 1e-12;
        let off = rows.mean().unwrap() - entropy;
        assert!(off.abs() <= limit, "entropy of row {t} is off by {off:e}, limit {limit:e}");
    }
}

/// The distribution function rises, and the quantile is its inverse from the left.
pub fn cdf<T: Family>()
where
    for<'a> T::Law<'a, f64>: Cdf<f64> + Sample<f64>,
{
    let p = parameters::<T>(ROWS, DIM);
    let law = T::law(p.view(), 1);
    let levels =
        Array2::from_shape_fn((ROWS, DIM), |(i, j)| (1.0 + (i * DIM + j) as f64) / (2.0 + (ROWS * DIM) as f64));
    let x = law.quantile(&levels).unwrap();
    let (at, below) = (law.cdf(&x).unwrap(), law.cdf(&x.mapv(|x| x - 1e-6 * (1.0 + x.abs()))).unwrap());
    for ((&level, &at), &below) in levels.iter().zip(&at).zip(&below) {
        assert!(below < level && level <= at + 1e-13, "F(x-) = {below} < {level} <= F(x) = {at}");
    }
    let mut outside = levels.clone();
    outside[[1, 2]] = 1.5;
    let error = Error::Entry { name: "p", index: vec![1, 2], value: 1.5, expected: "a probability in [0, 1]" };
    assert_eq!(law.quantile(&outside), Err(error));
    outside[[1, 2]] = f64::NAN;
    assert!(law.quantile(&outside).unwrap()[[1, 2]].is_nan() && law.cdf(&outside).unwrap()[[1, 2]].is_nan());

    let n = 100_000;
    let law = T::law(p.slice_axis(Axis(0), (0..1).into()), n);
    let drawn = law.sample(&mut ChaCha8Rng::seed_from_u64(10));
    let point = x.slice_axis(Axis(0), (0..1).into());
    let share = law.cdf(&point.broadcast((n, DIM)).unwrap()).unwrap();
    for j in 0..DIM {
        let (p, x) = (share[[0, j]], point[[0, j]]);
        let hits = drawn.column(j).iter().filter(|&&d| d <= x).count() as f64 / n as f64;
        assert!((hits - p).abs() <= 6.0 * (p * (1.0 - p) / n as f64).sqrt() + 1e-12, "share {hits} of draws, F = {p}");
    }
}

/// The divergence: not negative, 0 at itself only, and its gradients for both laws.
pub fn kl<T: Family>()
where
    for<'a> T::Law<'a, f64>: Kl<f64>,
{
    let (p, other) = (parameters::<T>(ROWS, DIM), normal(ROWS, T::COLUMNS * DIM, 11));
    let at = T::law(p.view(), 1).kl(&T::law(other.view(), 1)).unwrap();
    assert!(at.value.iter().all(|&v| v > 0.0));
    assert_gradient("kl in q", &p, at.grad.0.flat(), |p| {
        T::law(p, 1).kl(&T::law(other.view(), 1)).unwrap().value.sum()
    });
    assert_gradient("kl in p", &other, at.grad.1.flat(), |o| {
        T::law(p.view(), 1).kl(&T::law(o, 1)).unwrap().value.sum()
    });
    let itself = T::law(p.view(), 1).kl(&T::law(p.view(), 1)).unwrap();
    assert!(itself.value.iter().chain(itself.grad.0.flat()).chain(itself.grad.1.flat()).all(|&v| v == 0.0));

    let prior = normal(1, T::COLUMNS * DIM, 12);
    let written = concatenate(Axis(0), &[prior.view(); ROWS]).unwrap();
    let shared = T::law(p.view(), 1).kl(&T::law(prior.view(), ROWS)).unwrap();
    assert_eq!(shared, T::law(p.view(), 1).kl(&T::law(written.view(), 1)).unwrap(), "one prior for all rows");
    let short = T::law(p.view(), 1).kl(&T::law(prior.view(), ROWS - 1));
    assert_eq!(short, Err(Error::Shape { name: "p", got: vec![ROWS - 1, DIM], expected: vec![ROWS, DIM] }));
    let narrow = normal(ROWS, T::COLUMNS, 13);
    let narrow: Result<_> = T::law(p.view(), 1).kl(&T::law(narrow.view(), 1));
    assert_eq!(narrow, Err(Error::Shape { name: "p", got: vec![ROWS, 1], expected: vec![ROWS, DIM] }));
}
