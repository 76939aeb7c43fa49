//! A linear-Gaussian VAE, whose optimum is known: x ~ N(0, S), p(x | z) = N(W z, s^2 I), q(z | x) = N(A x, D), D diagonal.
//!
//! The data are the points +- root(d) L e_j, whose second moments are S = L L', and the noise of a sample the points
//! +- root(k) e_j: expectations of quadratics are exact, and the objective of the crate has no noise.

use estimand::distribution::LocScaleParts;
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use estimand::objective::DecoderParts;
use estimand::objective::GaussianDecoder;
use estimand::{DiagGaussian, Distribution, Draw, Grad, Reparameterize, Rows, Transform, ValueGrad};

pub struct LinearVae {
    pub x: Array2<f64>,
    pub log_s: f64,
    pub latents: usize,
}

/// A | ln D / 2 | W, one behind the other.
pub type Weights = Array1<f64>;

/// Both terms of each example, and what pulls their gradients back.
pub struct Forward {
    pub reconstruction: ValueGrad<Array1<f64>, Grad<f64, DecoderParts>>,
    pub kl: ValueGrad<Array1<f64>, Grad<f64, LocScaleParts>>,
    head: Array2<f64>,
    draw: Draw<f64>,
}

/// +- root(n) e_j: mean 0, second moments 1.
fn cross(n: usize) -> Array2<f64> {
    let half: Array2<f64> = Array2::eye(n) * (n as f64).sqrt();
    concatenate![Axis(0), half, half.mapv(|x| -x)]
}

impl LinearVae {
    pub fn new(factor: &Array2<f64>, noise: f64, latents: usize) -> Self {
        Self { x: cross(factor.nrows()).dot(&factor.t()), log_s: 0.5 * noise.ln(), latents }
    }

    fn parts<'w>(&self, weights: &'w Weights) -> [ArrayView2<'w, f64>; 3] {
        let (d, k) = (self.x.ncols(), self.latents);
        let at = |from: usize, shape| {
            let (n, m): (usize, usize) = shape;
            weights.slice(s![from..from + n * m]).into_shape_with_order((n, m)).unwrap()
        };
        [at(0, (k, d)), at(k * d, (1, k)), at(k * d + k, (d, k))]
    }

    pub fn forward(&self, weights: &Weights) -> Forward {
        let [a, log_sd, w] = self.parts(weights);
        let (n, k) = (self.x.nrows(), self.latents);
        let means = self.x.dot(&a.t());
        let head = concatenate![Axis(1), means, log_sd.broadcast((n, k)).unwrap()];
        let q = DiagGaussian::from_head(&head).unwrap().repeat_rows(2 * k);
        let noise = concatenate(Axis(0), &vec![cross(k).view(); n]).unwrap();
        let draw = q.transform(noise).unwrap();
        let loc = draw.x().dot(&w.t());
        let x = Array2::from_shape_fn(loc.dim(), |(i, j)| self.x[[i / (2 * k), j]]);
        let rec = GaussianDecoder::fixed(&loc, self.log_s).unwrap().log_prob_grad(&x).unwrap();
        let kl = q.kl_standard();
        Forward { reconstruction: rec.mean_groups(2 * k).unwrap(), kl, head: head.clone(), draw }
    }

    /// The gradient in the weights, from those in the decoder's output and in the head.
    pub fn backward(
        &self,
        weights: &Weights,
        head: &Array2<f64>,
        draw: &Draw<f64>,
        (d_loc, d_kl): (Grad<f64, DecoderParts>, Grad<f64, LocScaleParts>),
    ) -> Weights {
        let [_, _, w] = self.parts(weights);
        let q = DiagGaussian::from_head(head).unwrap().repeat_rows(2 * self.latents);
        let d_z = d_loc.loc().dot(&w);
        let d_head = (d_kl + q.pathwise(draw, &d_z).unwrap().total()).unwrap();
        let d_a = d_head.loc().t().dot(&self.x);
        let d_log_sd = d_head.log_scale().sum_axis(Axis(0));
        let d_w = d_loc.loc().t().dot(&draw.x());
        Array1::from_iter(d_a.iter().chain(&d_log_sd).chain(&d_w).copied())
    }

    /// The value and gradient of what `objective` makes of both terms.
    pub fn objective(
        &self,
        weights: &Weights,
        objective: impl Fn(
            ValueGrad<Array1<f64>, Grad<f64, DecoderParts>>,
            ValueGrad<Array1<f64>, Grad<f64, LocScaleParts>>,
        ) -> (f64, (Grad<f64, DecoderParts>, Grad<f64, LocScaleParts>)),
    ) -> (f64, Weights) {
        let Forward { reconstruction, kl, head, draw } = self.forward(weights);
        let (value, grad) = objective(reconstruction, kl);
        (value, self.backward(weights, &head, &draw, grad))
    }

    /// The mean reconstruction, the mean KL, the mean squared error.
    pub fn terms(&self, weights: &Weights) -> [f64; 3] {
        let Forward { reconstruction, kl, .. } = self.forward(weights);
        let (r, d) = (reconstruction.value.mean().unwrap(), self.x.ncols() as f64);
        let variance = (2.0 * self.log_s).exp();
        let error = -2.0 * variance * (r + 0.5 * d * (2.0 * std::f64::consts::PI * variance).ln());
        [r, kl.value.mean().unwrap(), error]
    }

    /// The share of each latent that is the example's, root of Var E[z | x]: 0 where it is dead.
    pub fn signals(&self, weights: &Weights) -> Vec<f64> {
        let [a, ..] = self.parts(weights);
        let means = self.x.dot(&a.t());
        let mut signals: Vec<f64> =
            means.columns().into_iter().map(|mean| (mean.dot(&mean) / self.x.nrows() as f64).sqrt()).collect();
        signals.sort_by(|a, b| b.total_cmp(a));
        signals
    }
}

/// The maximum near `start` of a function with its gradient, by BFGS: until no gradient is left but rounding.
pub fn maximum(f: impl Fn(&Weights) -> (f64, Weights), start: Weights) -> Weights {
    let n = start.len();
    let mut inverse = Array2::<f64>::eye(n);
    let (mut at, (mut value, mut grad)) = (start.clone(), f(&start));
    for _ in 0..2000 {
        if grad.iter().all(|g| g.abs() < 1e-11) {
            break;
        }
        let mut along = inverse.dot(&grad);
        if along.dot(&grad) <= 0.0 {
            (inverse, along) = (Array2::eye(n), grad.clone());
        }
        let mut step = 1.0;
        let (next, next_value, next_grad) = loop {
            let next = &at + &(&along * step);
            let (next_value, next_grad) = f(&next);
            if next_value >= value + 1e-4 * step * along.dot(&grad) || step < 1e-12 {
                break (next, next_value, next_grad);
            }
            step *= 0.5;
        };
        let (moved, bent) = (&next - &at, &grad - &next_grad);
        let curvature = moved.dot(&bent);
        if curvature > 0.0 {
            let (column, row) = (moved.view().insert_axis(Axis(1)), moved.view().insert_axis(Axis(0)));
            let left = Array2::eye(n) - &column.dot(&bent.view().insert_axis(Axis(0))) / curvature;
            inverse = left.dot(&inverse).dot(&left.t()) + column.dot(&row) / curvature;
        }
        let still = moved.iter().all(|m| m.abs() < 1e-15);
        (at, value, grad) = (next, next_value, next_grad);
        if still {
            break;
        }
    }
    at
}

/// Reverse water-filling: K, R and the squared error at the optimum, from the eigenvalues of S.
pub fn water_filling(eigenvalues: &[f64], noise: f64, beta: f64) -> [f64; 3] {
    let theta = beta * noise;
    let kl = eigenvalues.iter().map(|l| 0.5 * (l / theta).ln().max(0.0)).sum();
    let error: f64 = eigenvalues.iter().map(|l| l.min(theta)).sum();
    let d = eigenvalues.len() as f64;
    [-0.5 * d * (2.0 * std::f64::consts::PI * noise).ln() - error / (2.0 * noise), kl, error]
}
