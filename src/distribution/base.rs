use std::fmt::Debug;

use ndarray::Array2;
use rand::Rng;

use crate::arithmetic::Arithmetic;
use crate::noise::Standard;
use crate::{Real, ValueGrad};

/// A base law: x = loc + e^log_scale z with z drawn from it. Two functions make a family.
pub trait Base<F: Real>: Copy + Debug + Send + Sync {
    /// log f(z) of the base density, and its slope in z.
    fn log_density<A: Arithmetic<F>>(&self, a: A, z: F) -> ValueGrad<F, F>;

    /// Fills `out` with independent draws.
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [F]);

    /// An array of the shape, of the numbers that [`noise`](Self::noise) would fill it with. A base
    /// that can make one without filling it with zeros first does so here.
    fn noise_rows<R: Rng + ?Sized>(&self, rng: &mut R, shape: (usize, usize)) -> Array2<F> {
        let mut noise = Array2::zeros(shape);
        // In standard layout by construction: always a slice.
        self.noise(rng, noise.as_slice_mut().unwrap_or_default());
        noise
    }

    /// z times the slope at z. A law with heavy tails, for which it stays bounded, gives its limit
    /// here, or it is infinity times 0 where z overflows.
    #[inline(always)]
    fn stretch(&self, z: F, slope: F) -> F {
        z * slope
    }
}

/// A base law with a mean and a variance.
pub trait BaseMoments<F: Real>: Base<F> {
    /// E z.
    fn mean(&self) -> F;
    /// Var z.
    fn variance(&self) -> F;
}

/// A base law with a closed entropy.
pub trait BaseEntropy<F: Real>: Base<F> {
    /// -E log f(z), in nats.
    fn entropy(&self) -> F;
}

/// A base law with a closed distribution function.
pub trait BaseCdf<F: Real>: Base<F> {
    /// P(Z <= z).
    fn cdf(&self, z: F) -> F;
    /// Its inverse on `[0, 1]`.
    fn quantile(&self, p: F) -> F;
}

/// A base law whose noise has a mirror: the number of the same law at the complement of its place,
/// F^-1(1 - F(z)). No pair of numbers of the law depends on each other more negatively.
pub trait BaseMirror<F: Real>: Base<F> {
    /// The mirror of z; of a law that is symmetric about 0, -z.
    fn mirror(&self, z: F) -> F;
}

/// A base law whose noise is one of the standard laws.
pub trait BaseStandard<F: Real>: Base<F> {
    /// Which.
    const STANDARD: Standard;
}
