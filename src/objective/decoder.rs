use ndarray::{ArrayView2, Axis, CowArray, Ix1, Ix2};

use crate::arithmetic::Arithmetic;
use crate::distribution::{Distribution, Parameters, half_ln_tau, root_of_scale, scaled};
use crate::rows::{Grad, Parts, sum_coordinates, weigh};
use crate::shape::{a_number, same_shape};
use crate::{Real, Result, Shape};

/// `loc | log_scale`: `dim` columns, then none, one, or `dim`, as many as the scale has that are
/// learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderParts {
    /// Coordinates.
    pub dim: usize,
    /// Learned log-scales.
    pub scales: usize,
}

impl Parts for DecoderParts {
    const NAMES: &'static [&'static str] = &["loc", "log_scale"];

    fn part_width(&self, k: usize) -> usize {
        if k == 0 { self.dim } else { self.scales }
    }
}

impl<F: Real> Grad<F, DecoderParts> {
    /// The gradient in the locations: `(n, dim)`.
    pub fn loc(&self) -> ArrayView2<'_, F> {
        self.part(0)
    }

    /// The gradient in the learned log-scales: `(n, scales)`; their sum over rows is that of the
    /// shared parameter.
    pub fn log_scale(&self) -> ArrayView2<'_, F> {
        self.part(1)
    }
}

/// The Gaussian decoder of a VAE: log N(x; loc, s^2) with locations by example and a scale that is
/// fixed, shared, or one a coordinate.
///
/// ```text
/// log p(x | z) = -sum over j of ((x_j - m_j) / s_j)^2 / 2 + ln s_j + ln(2 pi) / 2
/// ```
///
/// With the scale *fixed* it is the squared error in another unit: -SE / (2 s^2) + constant, the
/// same minimiser, the gradient times 1 / (2 s^2). With a *learned* scale it is not: the scale
/// weighs reconstruction against KL by itself, and its best value is the root mean square error.
/// A scale an example as well is [`DiagGaussian`](crate::DiagGaussian). With `k` samples an example
/// there are `n k` locations, and each example of `x` is written `k` times.
///
/// ```
/// use estimand::{Distribution, objective::{GaussianDecoder, squared_error}, ndarray::array};
///
/// let (x, y) = (array![[1.0, 2.0]], array![[0.0, 0.0]]);
/// let p = GaussianDecoder::fixed(&y, 0.0)?.log_prob_grad(&x)?;
/// let se = squared_error(&x, &y)?;
/// assert_eq!(p.grad.loc(), se.grad.mapv(|g| -0.5 * g));       // s = 1: the factor is 1/2
/// assert_eq!(p.grad.log_scale().ncols(), 0);
///
/// let shared = GaussianDecoder::shared(&y, 0.0).log_prob_grad(&x)?;
/// assert_eq!(shared.grad.log_scale(), array![[3.0]]);         // sum of z^2 - 1
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GaussianDecoder<'a, F> {
    loc: Parameters<'a, F>,
    log_scale: LogScale<'a, F>,
}

#[derive(Debug, Clone)]
enum LogScale<'a, F> {
    Fixed(F),
    Shared(F),
    PerCoordinate(Parameters<'a, F>),
}

impl<'a, F: Real> GaussianDecoder<'a, F> {
    /// One scale e^log_scale that is not learned; `loc: (n, dim)`.
    ///
    /// Errors: `Parameter` where `log_scale` is NaN.
    pub fn fixed(loc: impl Into<CowArray<'a, F, Ix2>>, log_scale: F) -> Result<Self> {
        a_number("log_scale", log_scale)?;
        Ok(Self { loc: Parameters::new(loc), log_scale: LogScale::Fixed(log_scale) })
    }

    /// One learned scale for all coordinates; `loc: (n, dim)`.
    pub fn shared(loc: impl Into<CowArray<'a, F, Ix2>>, log_scale: F) -> Self {
        Self { loc: Parameters::new(loc), log_scale: LogScale::Shared(log_scale) }
    }

    /// One learned scale a coordinate, shared by all examples; `loc: (n, dim)`,
    /// `log_scale: (dim,)`. Errors: `Shape`.
    pub fn per_coordinate(
        loc: impl Into<CowArray<'a, F, Ix2>>,
        log_scale: impl Into<CowArray<'a, F, Ix1>>,
    ) -> Result<Self> {
        let (loc, log_scale) = (loc.into(), log_scale.into());
        same_shape("log_scale", log_scale.shape(), &[loc.ncols()])?;
        let row = Parameters::new(log_scale.insert_axis(Axis(0)));
        Ok(Self { loc: Parameters::new(loc), log_scale: LogScale::PerCoordinate(row) })
    }
}

impl<F: Real> Distribution<F> for GaussianDecoder<'_, F> {
    type Parts = DecoderParts;

    fn parts(&self) -> DecoderParts {
        let dim = self.loc.ncols();
        let scales = match self.log_scale {
            LogScale::Fixed(_) => 0,
            LogScale::Shared(_) => 1,
            LogScale::PerCoordinate(_) => dim,
        };
        DecoderParts { dim, scales }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.loc.nrows(), repeat: 1, dim: self.loc.ncols() }
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        let loc = self.loc.row(t);
        let (d_loc, d_log_scale) = grad.split_at_mut(if GRAD { loc.len() } else { 0 });
        let half = F::of(0.5);
        match &self.log_scale {
            LogScale::PerCoordinate(rows) => {
                let inputs = [x, loc, rows.row(0)];
                sum_coordinates::<GRAD, _, 3, 2>(inputs, [d_loc, d_log_scale], |[x, m, s]| {
                    let root = root_of_scale(a, -half * s);
                    let z = scaled(x - m, root);
                    let value = a.fma(-half * z, z, -half_ln_tau::<F>()) - s;
                    (value, [scaled(z, root), z * z - F::one()])
                })
            }
            &(LogScale::Fixed(s) | LogScale::Shared(s)) => {
                let root = root_of_scale(a, -half * s);
                let kernel = sum_coordinates::<GRAD, _, 2, 1>([x, loc], [d_loc], |[x, m]| {
                    let z = scaled(x - m, root);
                    (-half * z * z, [scaled(z, root)])
                });
                let dim = F::count(loc.len());
                if let [d_s] = d_log_scale {
                    *d_s = -(kernel + kernel) - dim;
                }
                // No coordinates, no density: 0 of an infinite log-scale is 0.
                kernel - weigh(dim, s + half_ln_tau())
            }
        }
    }
}
