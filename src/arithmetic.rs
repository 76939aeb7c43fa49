//! The arithmetic that a row of mathematics is written in.
//!
//! The row of a law does not say *how* an exponential is computed, only that it wants one: it is
//! generic in a token `A: Arithmetic<F>` and asks `a.exp(x)`. Two tokens exist, [`Plain`] and
//! [`Fused`], which differ in the rounding between a product and a sum; the functions of both are
//! those of [`elementary`].

use crate::{Real, elementary};

/// The elementary operations that a row may use. A token: it holds nothing and is copied freely.
///
/// One constant makes a token; a function may be another than the crate's where a token overrides
/// it.
///
/// ```
/// use estimand::Real;
/// use estimand::arithmetic::{Arithmetic, Plain};
///
/// fn gaussian_kernel<A: Arithmetic<f64>>(a: A, z: f64) -> f64 {
///     a.exp(-0.5 * z * z)
/// }
/// assert_eq!(gaussian_kernel(Plain, 0.0), 1.0);
///
/// /// Two roundings, and the exponential of the standard library.
/// #[derive(Clone, Copy)]
/// struct Mine;
///
/// impl<F: Real> Arithmetic<F> for Mine {
///     const FUSED: bool = false;
///     fn exp(self, x: F) -> F {
///         x.exp()
///     }
/// }
/// assert_eq!(gaussian_kernel(Mine, 1.0), (-0.5_f64).exp());
/// ```
pub trait Arithmetic<F: Real>: Copy + Send + Sync {
    /// Whether `x * y + z` is rounded once. Without the instruction that does it, once is many times
    /// slower than twice.
    const FUSED: bool;

    /// `x * y + z`, in one rounding or in two.
    #[inline(always)]
    fn fma(self, x: F, y: F, z: F) -> F {
        if Self::FUSED { x.mul_add(y, z) } else { x * y + z }
    }

    /// e^x.
    #[inline(always)]
    fn exp(self, x: F) -> F {
        if Self::FUSED { elementary::exp::<true, F>(x) } else { elementary::exp::<false, F>(x) }
    }

    /// e^x - 1, accurate near 0.
    #[inline(always)]
    fn exp_m1(self, x: F) -> F {
        if Self::FUSED { elementary::exp_m1::<true, F>(x) } else { elementary::exp_m1::<false, F>(x) }
    }

    /// The natural logarithm.
    #[inline(always)]
    fn ln(self, x: F) -> F {
        if Self::FUSED { elementary::ln::<true, F>(x) } else { elementary::ln::<false, F>(x) }
    }

    /// ln(1 + x), accurate near 0.
    #[inline(always)]
    fn ln_1p(self, x: F) -> F {
        if Self::FUSED { elementary::ln_1p::<true, F>(x) } else { elementary::ln_1p::<false, F>(x) }
    }

    /// The hyperbolic tangent.
    #[inline(always)]
    fn tanh(self, x: F) -> F {
        if Self::FUSED { elementary::tanh::<true, F>(x) } else { elementary::tanh::<false, F>(x) }
    }
}

/// Multiply and add in two roundings: the same bits on every machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain;

impl<F: Real> Arithmetic<F> for Plain {
    const FUSED: bool = false;
}

/// Multiply and add in one rounding: what a kernel is made of where the hardware has it.
///
/// ```
/// use estimand::arithmetic::{Arithmetic, Fused, Plain};
///
/// // (1 + e) (1 - e) = 1 - e^2: one rounding keeps the e^2, two lose it.
/// let e = f64::EPSILON;
/// assert_eq!((Plain.fma(1.0 + e, 1.0 - e, -1.0), Fused.fma(1.0 + e, 1.0 - e, -1.0)), (0.0, -e * e));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fused;

impl<F: Real> Arithmetic<F> for Fused {
    const FUSED: bool = true;
}
