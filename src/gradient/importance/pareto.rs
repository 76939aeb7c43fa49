use ndarray::{Array1, ArrayRef1};

use super::weights::examples;
use crate::arithmetic::{Arithmetic, Plain};
use crate::special::log_sum_exp_grad;
use crate::{Error, Real, Result};

/// The fewest ratios of a tail that a Pareto law is fitted to.
const FEWEST: usize = 5;

/// The prior of the shape: so many ratios' worth of 1/2.
const PRIOR: usize = 10;

/// Log-weights whose largest are smoothed, and how heavy their tail is: [`smoothed`].
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed<F> {
    /// The log-weights in the order they came, `(n k,)`: to be normalised, or handed on as any others.
    pub log_w: Array1<F>,
    /// The shape of each example's tail, `(n,)`: [`pareto_k`].
    pub pareto_k: Array1<F>,
}

/// The Pareto shape of each example's largest ratios: ratios have moments of order below 1 / k-hat.
///
/// A generalised Pareto law is fitted to what the largest min(k/5, 3 sqrt k) ratios, rounded up, exceed the next one by
/// (Zhang and Stephens 2009), and its shape is drawn to 1/2 as by ten ratios more, for small samples:
///
/// ```text
/// k-hat = (M fit + 10 / 2) / (M + 10),   M ratios in the tail
/// ```
///
/// Below [`pareto_k_threshold`] an estimate by these weights, and its standard error, can be trusted at this `k`; from
/// there to 1 smoothing takes most of the variance away for some bias, and more samples may help; from 1 on ratios have no mean that
/// could be estimated. The estimand is the shape of the law of the ratios; bias: consistent, and drawn to 1/2.
/// Below 1/2 the ratios have a variance.
/// Shapes: `log_w: (n k,) -> (n,)`; a constant in the log-weights changes nothing. Ratios that tie with the next one
/// leave the tail, and so do those below e^-672 of the largest (e^-71 in `f32`). Of a tail that is left without any the shape is
/// -inf, since ratios have an end; of one that is left with fewer than 5, or where no sample has mass, or infinite mass, it
/// is +inf: nothing can be told.
/// Errors: `Parameter` where k < 21, which is no tail of 5; else as [`normalised_weights`](super::normalised_weights).
/// Source: Vehtari, Simpson, Gelman, Yao and Gabry 2024; chapter `gradient/importance`.
///
/// ```
/// use estimand::{gradient::importance::pareto_k, ndarray::Array1};
/// // Ratios u^-0.3 are of Pareto's law of shape 0.3; here at evenly spread u.
/// let log_w = Array1::from_shape_fn(4000, |s| -0.3 * ((s as f64 + 0.5) / 4000.0).ln());
/// assert!((pareto_k(&log_w, 4000)?[0] - 0.3).abs() < 0.04);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn pareto_k<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Array1<F>> {
    let rows = examples(log_w, k)?;
    let size = tail_size(k)?;
    let shapes = rows.rows().into_iter().map(|row| Tail::of(row.to_slice().unwrap_or_default(), size).shape);
    Ok(shapes.collect())
}

/// The shape below which weights of `k` samples can be trusted, min(1 - 1 / log10 k, 0.7).
///
/// From 2155 samples on it is 0.7: few samples see too little of a heavy tail.
/// Errors: `Parameter` where k < 21. Source: Vehtari and others 2024, section 3.2.4.
///
/// ```
/// use estimand::gradient::importance::pareto_k_threshold;
/// assert_eq!(pareto_k_threshold::<f64>(10_000)?, 0.7);
/// assert_eq!(pareto_k_threshold::<f64>(100)?, 0.5);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn pareto_k_threshold<F: Real>(k: usize) -> Result<F> {
    let _tail = tail_size(k)?;
    Ok((F::one() - F::one() / F::count(k).log10()).min(F::of(0.7)))
}

/// Log-weights whose tail is replaced by the expected order statistics of the Pareto law fitted to it (PSIS), with its shape.
///
/// ```text
/// z-th smallest of M:  ln min( u + sigma ((1 - p)^-k-hat - 1) / k-hat, largest ratio ),   p = (z - 1/2) / M
/// ```
///
/// where u is the largest ratio below the tail. Whatever takes log-weights takes these. Bias: consistent, where the ratios have
/// a mean; what smoothing adds is less than the variance it takes away for shapes up to about 0.7.
/// Where the shape is infinite nothing is changed.
/// Shapes, errors: as [`pareto_k`]. Source: Vehtari and others 2024; chapter `gradient/importance`.
///
/// ```
/// use estimand::gradient::importance::{expectation, smoothed};
/// use estimand::ndarray::{Array1, Array2};
/// let log_w = Array1::from_shape_fn(100, |s| -0.6 * ((s as f64 + 0.5) / 100.0).ln());
/// let tamed = smoothed(&log_w, 100)?;
/// assert!(tamed.log_w[0] <= log_w[0] && tamed.log_w[99] == log_w[99]);
/// let f = Array2::from_shape_fn((100, 1), |(s, _)| s as f64);
/// let mean = expectation(&tamed.log_w, &f, 100)?;
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn smoothed<F: Real>(log_w: &ArrayRef1<F>, k: usize) -> Result<Smoothed<F>> {
    let rows = examples(log_w, k)?;
    let size = tail_size(k)?;
    let mut out = log_w.to_vec();
    let mut shapes = Vec::with_capacity(rows.nrows());
    for (row, out) in rows.rows().into_iter().zip(out.chunks_exact_mut(k)) {
        let tail = Tail::of(row.to_slice().unwrap_or_default(), size);
        tail.smooth(out);
        shapes.push(tail.shape);
    }
    Ok(Smoothed { log_w: out.into(), pareto_k: shapes.into() })
}

/// min(k/5, 3 sqrt k), rounded up.
fn tail_size(k: usize) -> Result<usize> {
    let size = (0.2 * k as f64).min(3.0 * (k as f64).sqrt()).ceil() as usize;
    if size < FEWEST {
        return Err(Error::Parameter { name: "k", value: k as f64, expected: "at least 21" });
    }
    Ok(size)
}

/// The largest ratios of an example, and the law that was fitted to them.
struct Tail<F> {
    /// Where they are, from the smallest.
    places: Vec<usize>,
    /// The logarithms of the largest ratio, and of the largest below the tail over it.
    most: F,
    next: F,
    shape: F,
    scale: F,
}

impl<F: Real> Tail<F> {
    fn of(log_w: &[F], size: usize) -> Self {
        let mut places: Vec<usize> = (0..log_w.len()).collect();
        places.sort_by(|&a, &b| log_w[a].partial_cmp(&log_w[b]).unwrap_or(std::cmp::Ordering::Equal));
        let most = places.last().map_or(F::neg_infinity(), |&s| log_w[s]);
        let mut tail = places.split_off(log_w.len() - size);
        let next = places.last().map_or(F::neg_infinity(), |&s| log_w[s] - most);
        let nothing = Self { places: Vec::new(), most, next, shape: F::infinity(), scale: F::zero() };
        if most.is_infinite() {
            return nothing;
        }
        // Far enough from the least number for quotients of exceedances.
        let least = F::min_positive_value() / F::epsilon();
        let above = |s: usize| {
            let off = log_w[s] - most;
            if next > F::neg_infinity() { Plain.exp(next) * Plain.exp_m1(off - next) } else { Plain.exp(off) }
        };
        // The difference overflows where the next one is far below: the ratio is then all of the exceedance.
        let exceedance = |s: usize| if above(s).is_finite() { above(s) } else { Plain.exp(log_w[s] - most) };
        tail.retain(|&s| exceedance(s) > least);
        if tail.len() < FEWEST {
            return if tail.is_empty() { Self { shape: F::neg_infinity(), ..nothing } } else { nothing };
        }
        let (shape, scale) = fit(&tail.iter().map(|&s| exceedance(s)).collect::<Vec<F>>());
        Self { places: tail, shape, scale, ..nothing }
    }

    fn smooth(&self, log_w: &mut [F]) {
        let Self { most, next, shape, scale, .. } = *self;
        let m = F::count(self.places.len());
        for (z, &s) in self.places.iter().enumerate() {
            // -ln (1 - p), and ((1 - p)^-k - 1) / k, whose limit it is.
            let t = -Plain.ln_1p(-(F::count(z) + F::of(0.5)) / m);
            let quantile = if shape == F::zero() { t } else { Plain.exp_m1(shape * t) / shape };
            log_w[s] = most + Plain.ln(Plain.exp(next) + scale * quantile).min(F::zero());
        }
    }
}

/// Shape, drawn to 1/2, and scale of the generalised Pareto law of exceedances that rise: the mean under a likelihood
/// profiled to one number b = -shape / scale (Zhang and Stephens 2009).
fn fit<F: Real>(x: &[F]) -> (F, F) {
    let n = F::count(x.len());
    let points = 30 + (n.sqrt().floor().as_f64() as usize);
    let (quartile, largest) = (x[(x.len() + 2) / 4 - 1], x[x.len() - 1]);
    let mean_log = |b: F| x.iter().map(|&x| Plain.ln_1p(-b * x)).sum::<F>() / n;
    let mean = || x.iter().copied().sum::<F>() / n;
    let candidate = |i: usize| {
        let off = F::one() - (F::count(points) / (F::count(i) + F::of(0.5))).sqrt();
        F::one() / largest + off / (F::of(3.0) * quartile)
    };
    let b: Array1<F> = (0..points).map(candidate).collect();
    let likelihood = b.mapv(|b| {
        let shape = mean_log(b);
        // At b = 0 the law is exponential.
        let rate = if shape == F::zero() { F::one() / mean() } else { -b / shape };
        n * (Plain.ln(rate) - shape - F::one())
    });
    let weights = log_sum_exp_grad(&likelihood).grad;
    let b = b.iter().zip(&weights).map(|(&b, &w)| b * w).sum::<F>();
    let shape = mean_log(b);
    let scale = if shape == F::zero() { mean() } else { -shape / b };
    let prior = F::count(PRIOR);
    ((n * shape + F::of(0.5) * prior) / (n + prior), scale)
}
