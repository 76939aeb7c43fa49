//! What every law owes, by trait: run for each family, in f64 against differences and in f32
//! against f64. What is random about them is in `samples`.

use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use estimand::{
    Cdf, Distribution, Draw, Entropy, Error, Kl, Parts, Real, Reparameterize, Result, Rows, Sample, Smooth, Transform,
};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::StandardNormal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::layouts::every_layout;
use super::near::{assert_eps, assert_gradient};

/// How the tests make a law of a family, in either precision.
pub trait Family {
    /// Parameter columns of so many coordinates.
    fn columns(dim: usize) -> usize;
    type Parts: Parts;
    type Law<'a, F: Real>: Distribution<F, Parts = Self::Parts>;
    /// The law whose parameter rows are `flat`, each shared by `repeat` samples.
    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F>;
    /// A number of the support from any number.
    fn datum(any: f64) -> f64;
    /// Samples of the support from any numbers, where coordinates depend on each other.
    fn data(any: Array2<f64>) -> Array2<f64> {
        any.mapv(Self::datum)
    }
    /// What rounding is magnified by: the condition number of what a row solves.
    const CONDITION: f64 = 1.0;
    /// Parameters of a second law from any numbers, for its divergence from the `first`: nearer, where that
    /// grows too fast for differences to follow, or not so near, where a corner is in their way.
    fn second(_first: &Array2<f64>, any: Array2<f64>) -> Array2<f64> {
        any
    }
}

const ROWS: usize = 4;
const DIM: usize = 3;

/// Numbers that both precisions hold exactly.
pub fn normal(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::random_using((rows, columns), StandardNormal, &mut rng).mapv(|x: f64| f64::from(x as f32))
}

fn parameters<T: Family>(rows: usize, dim: usize) -> Array2<f64> {
    normal(rows, T::columns(dim), 7)
}

fn data<T: Family>(rows: usize, dim: usize) -> Array2<f64> {
    T::data(normal(rows, dim, 8).mapv(|x| 2.0 * x))
}

fn single(array: &Array2<f64>) -> Array2<f32> {
    array.mapv(|x| x as f32)
}

/// f32 says what f64 says, to `few` of its own epsilons of the largest number and of 1.
fn assert_agree<'n>(
    what: &str,
    few: f64,
    got: impl IntoIterator<Item = &'n f32>,
    want: impl IntoIterator<Item = &'n f64>,
) {
    let want: Vec<f64> = want.into_iter().copied().collect();
    let scale = 1.0 + want.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let got: Vec<f32> = got.into_iter().copied().collect();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.into_iter().zip(want) {
        assert_eps(got, want, scale, few, format!("{what} in f32"));
    }
}

/// A standardised number is a difference and two exponentials, an epsilon each and a half for each
/// product: 4. A square doubles that, a slope is scaled once more, and a row adds a few: 16.
const ROW: f64 = 16.0;

/// Density, score, layouts, sharing, corners.
pub fn distribution<T: Family>() {
    let (p, x) = (parameters::<T>(ROWS, DIM), data::<T>(ROWS, DIM));
    let law = T::law(p.view(), 1);
    let at = law.log_prob_grad(&x).unwrap();
    assert_eq!(law.log_prob(&x).unwrap(), at.value, "with and without gradient");
    assert_gradient("log_prob", |p| T::law(p.view(), 1).log_prob(&x).unwrap().sum(), &p, at.grad.flat());
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
        let p = Array2::<f64>::zeros((rows, T::columns(dim)));
        let at = T::law(p.view(), 1).log_prob_grad(&Array2::zeros((rows, dim))).unwrap();
        assert_eq!(at.value, Array1::<f64>::zeros(rows), "an empty sum");
        assert_eq!(at.grad.flat().dim(), (rows, T::columns(dim)));
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

/// f32 against f64 at numbers that both hold.
fn precisions<T: Family>(p: &Array2<f64>, x: &Array2<f64>) {
    let at = T::law(p.view(), 1).log_prob_grad(x).unwrap();
    let (p32, x32) = (single(p), single(x));
    let at32 = T::law(p32.view(), 1).log_prob_grad(&x32).unwrap();
    assert_agree("log_prob", ROW * T::CONDITION, &at32.value, &at.value);
    assert_agree("gradient", ROW * T::CONDITION, at32.grad.flat(), at.grad.flat());
}

/// The slope in x.
pub fn smooth<T: Family>()
where
    for<'a> T::Law<'a, f64>: Smooth<f64>,
    for<'a> T::Law<'a, f32>: Smooth<f32>,
{
    let (p, x) = (parameters::<T>(ROWS, DIM), data::<T>(ROWS, DIM));
    let law = T::law(p.view(), 1);
    let at = law.log_prob_slope(&x).unwrap();
    assert_eq!(at.value, law.log_prob(&x).unwrap());
    assert_gradient("slope", |x| law.log_prob(x).unwrap().sum(), &x, at.grad.view());
    let p32 = single(&p);
    let at32 = T::law(p32.view(), 1).log_prob_slope(&single(&x)).unwrap();
    assert_agree("log_prob", ROW * T::CONDITION, &at32.value, &at.value);
    assert_agree("slope", ROW * T::CONDITION, &at32.grad, &at.grad);
}

/// Noise and its transform.
pub fn transform<T: Family>()
where
    for<'a> T::Law<'a, f64>: Transform<f64>,
    for<'a> T::Law<'a, f32>: Transform<f32>,
{
    let p = parameters::<T>(ROWS, DIM);
    let k = 3;
    let law = T::law(p.view(), k);
    let rng = || ChaCha8Rng::seed_from_u64(3);
    let noise = law.noise(&mut rng());
    let width = noise.ncols();
    let made = law.transform(noise.clone()).unwrap();
    assert_eq!(made.noise(), noise, "the noise is kept");
    assert_eq!(law.sample(&mut rng()), made.x(), "sample equals transform(noise)");
    assert_eq!(law.draw(&mut rng()), made);
    assert_ne!(law.noise(&mut ChaCha8Rng::seed_from_u64(4)), noise, "another seed, other noise");
    let other = normal(ROWS, T::columns(DIM), 14);
    assert_eq!(T::law(other.view(), k).noise(&mut rng()), noise, "noise does not depend on parameters");
    let wrong = law.transform(Array2::zeros((1, width)));
    assert_eq!(wrong, Err(Error::Shape { name: "noise", got: vec![1, width], expected: vec![ROWS * k, width] }));

    let p32 = single(&p);
    let narrow = T::law(p32.view(), k).draw(&mut rng());
    let wide = law.transform(narrow.noise().mapv(f64::from)).unwrap();
    assert_agree("draw", ROW * T::CONDITION, narrow.x(), wide.x());
}

/// The path: a slope pulled back is the derivative of the draw with its noise held.
pub fn reparameterize<T: Family>()
where
    for<'a> T::Law<'a, f64>: Transform<f64> + Reparameterize<f64>,
    for<'a> T::Law<'a, f32>: Transform<f32> + Reparameterize<f32>,
{
    let p = parameters::<T>(ROWS, DIM);
    let k = 2;
    let law = T::law(p.view(), k);
    let draw = law.draw(&mut ChaCha8Rng::seed_from_u64(5));
    let d_x = normal(ROWS * k, DIM, 6);
    let total = law.pathwise(&draw, &d_x).unwrap().total().unwrap();
    let along = |p: &Array2<f64>| {
        let x = T::law(p.view(), k).transform(draw.noise().to_owned()).unwrap().into_x();
        (&x * &d_x).sum()
    };
    assert_gradient("pathwise", along, &p, total.flat());
    let error = Error::Shape { name: "d_x", got: vec![1, DIM], expected: vec![ROWS * k, DIM] };
    assert_eq!(law.pathwise(&draw, &Array2::zeros((1, DIM))).err(), Some(error));
    let width = draw.noise().ncols();
    let wide = Draw::new(draw.x().to_owned(), Array2::zeros((ROWS * k, width + 1))).unwrap();
    let error = Error::Shape { name: "noise", got: vec![ROWS * k, width + 1], expected: vec![ROWS * k, width] };
    assert_eq!(law.pathwise(&wide, &d_x).err(), Some(error));
    let mut holed = d_x.clone();
    holed[[5, 0]] = f64::NAN;
    let rows = law.pathwise(&draw, &holed).unwrap();
    assert_eq!(rows.total(), Err(Error::NaN { name: "pathwise", row: 5 }));
    every_layout(&d_x, |layout, d_x| {
        assert_eq!(law.pathwise(&draw, &d_x).unwrap().total().unwrap(), total, "d_x {layout}");
    });

    let p32 = single(&p);
    let narrow = T::law(p32.view(), k);
    let draw = narrow.draw(&mut ChaCha8Rng::seed_from_u64(5));
    let same = law.transform(draw.noise().mapv(f64::from)).unwrap();
    let rows = law.pathwise(&same, &d_x).unwrap().collect();
    let d_x = single(&d_x);
    let rows32 = narrow.pathwise(&draw, &d_x).unwrap().collect();
    assert_agree("pathwise", ROW * T::CONDITION, rows32.flat(), rows.flat());
}

/// Entropy with its gradient.
pub fn entropy<T: Family>()
where
    for<'a> T::Law<'a, f64>: Entropy<f64>,
    for<'a> T::Law<'a, f32>: Entropy<f32>,
{
    let p = parameters::<T>(ROWS, DIM);
    let at = T::law(p.view(), 1).entropy();
    assert_gradient("entropy", |p| T::law(p.view(), 1).entropy().value.sum(), &p, at.grad.flat());
    let p32 = single(&p);
    let at32 = T::law(p32.view(), 1).entropy();
    // Log-scales of the size 3 may cancel in a row.
    assert_agree("entropy", ROW * DIM as f64, &at32.value, &at.value);
    assert_agree("entropy's gradient", ROW, at32.grad.flat(), at.grad.flat());
}

/// The distribution function rises, and the quantile is its inverse from the left.
pub fn cdf<T: Family>()
where
    for<'a> T::Law<'a, f64>: Cdf<f64>,
    for<'a> T::Law<'a, f32>: Cdf<f32>,
{
    let p = parameters::<T>(ROWS, DIM);
    let law = T::law(p.view(), 1);
    let level = |i: usize, j: usize| (1.0 + (i * DIM + j) as f64) / (2.0 + (ROWS * DIM) as f64);
    let levels = Array2::from_shape_fn((ROWS, DIM), |(i, j)| f64::from(level(i, j) as f32));
    let x = law.quantile(&levels).unwrap();
    // Half of the digits below a quantile the function is below its level, whatever the rounding.
    let step = f64::EPSILON.sqrt();
    let (at, below) = (law.cdf(&x).unwrap(), law.cdf(&x.mapv(|x| x - step * (1.0 + x.abs()))).unwrap());
    for ((&level, &at), &below) in levels.iter().zip(&at).zip(&below) {
        // A quantile is good to 8 epsilon of itself and 1, which a density below 1/2 halves.
        let above = at + ROW * f64::EPSILON;
        assert!(below < level && level <= above, "F(x-) = {below} < {level} <= F(x) = {at}");
    }
    let mut outside = levels.clone();
    outside[[1, 2]] = 1.5;
    let error = Error::Entry { name: "p", index: vec![1, 2], value: 1.5, expected: "a probability in [0, 1]" };
    assert_eq!(law.quantile(&outside), Err(error));
    outside[[1, 2]] = f64::NAN;
    assert!(law.quantile(&outside).unwrap()[[1, 2]].is_nan() && law.cdf(&outside).unwrap()[[1, 2]].is_nan());

    let p32 = single(&p);
    let narrow = T::law(p32.view(), 1);
    assert_agree("quantile", ROW, &narrow.quantile(&single(&levels)).unwrap(), &x);
    let x = data::<T>(ROWS, DIM);
    assert_agree("cdf", ROW, &narrow.cdf(&single(&x)).unwrap(), &law.cdf(&x).unwrap());
}

/// The divergence: not negative, 0 at itself only, and its gradients for both laws.
pub fn kl<T: Family>()
where
    for<'a> T::Law<'a, f64>: Kl<f64>,
    for<'a> T::Law<'a, f32>: Kl<f32>,
{
    let p = parameters::<T>(ROWS, DIM);
    let other = T::second(&p, normal(ROWS, T::columns(DIM), 11)).mapv(|x| f64::from(x as f32));
    let at = T::law(p.view(), 1).kl(&T::law(other.view(), 1)).unwrap();
    assert!(at.value.iter().all(|&v| v > 0.0));
    let in_q = |p: &Array2<f64>| T::law(p.view(), 1).kl(&T::law(other.view(), 1)).unwrap().value.sum();
    let in_p = |o: &Array2<f64>| T::law(p.view(), 1).kl(&T::law(o.view(), 1)).unwrap().value.sum();
    assert_gradient("kl in q", in_q, &p, at.grad.0.flat());
    assert_gradient("kl in p", in_p, &other, at.grad.1.flat());
    let itself = T::law(p.view(), 1).kl(&T::law(p.view(), 1)).unwrap();
    assert!(itself.value.iter().chain(itself.grad.0.flat()).chain(itself.grad.1.flat()).all(|&v| v == 0.0));

    let prior = normal(1, T::columns(DIM), 12);
    let written = concatenate(Axis(0), &[prior.view(); ROWS]).unwrap();
    let shared = T::law(p.view(), 1).kl(&T::law(prior.view(), ROWS)).unwrap();
    assert_eq!(shared, T::law(p.view(), 1).kl(&T::law(written.view(), 1)).unwrap(), "one prior for all rows");
    let short = T::law(p.view(), 1).kl(&T::law(prior.view(), ROWS - 1));
    assert_eq!(short, Err(Error::Shape { name: "p", got: vec![ROWS - 1, DIM], expected: vec![ROWS, DIM] }));
    let narrow = normal(ROWS, T::columns(1), 13);
    let narrow: Result<_> = T::law(p.view(), 1).kl(&T::law(narrow.view(), 1));
    assert_eq!(narrow, Err(Error::Shape { name: "p", got: vec![ROWS, 1], expected: vec![ROWS, DIM] }));

    let (p32, other32) = (single(&p), single(&other));
    let at32 = T::law(p32.view(), 1).kl(&T::law(other32.view(), 1)).unwrap();
    // A difference of log-scales, up to 6, is rounded once and doubled in an exponent: 6 more, with
    // a square 12.
    let few = (ROW + 12.0) * T::CONDITION * T::CONDITION;
    assert_agree("kl", few, &at32.value, &at.value);
    assert_agree("kl in q", few, at32.grad.0.flat(), at.grad.0.flat());
    assert_agree("kl in p", few, at32.grad.1.flat(), at.grad.1.flat());
}
