//! The arithmetic that a row of mathematics is written in.
//!
//! The row of a law does not say *how* an exponential is computed, only that it wants one: it is
//! generic in a token `A: Arithmetic<F>` and asks `a.exp(x)`. One implementation exists, [`Plain`]:
//! the functions of the standard library, on any machine.

use crate::Real;

/// The elementary operations that a row may use. A token: it holds nothing and is copied freely.
///
/// ```
/// use estimand::arithmetic::{Arithmetic, Plain};
///
/// fn gaussian_kernel<A: Arithmetic<f64>>(a: A, z: f64) -> f64 {
///     a.exp(-0.5 * z * z)
/// }
/// assert_eq!(gaussian_kernel(Plain, 0.0), 1.0);
/// ```
pub trait Arithmetic<F: Real>: Copy + Send + Sync {
    /// `x * y + z`, in one rounding or in two.
    fn fma(self, x: F, y: F, z: F) -> F;
    /// e^x.
    fn exp(self, x: F) -> F;
    /// e^x - 1, accurate near 0.
    fn exp_m1(self, x: F) -> F;
    /// The natural logarithm.
    fn ln(self, x: F) -> F;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self, x: F) -> F;
}

/// The standard library's functions; multiply and add in two roundings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain;

impl<F: Real> Arithmetic<F> for Plain {
    #[inline(always)]
    fn fma(self, x: F, y: F, z: F) -> F {
        x * y + z
    }

    #[inline(always)]
    fn exp(self, x: F) -> F {
        x.exp()
    }

    #[inline(always)]
    fn exp_m1(self, x: F) -> F {
        x.exp_m1()
    }

    #[inline(always)]
    fn ln(self, x: F) -> F {
        x.ln()
    }

    #[inline(always)]
    fn ln_1p(self, x: F) -> F {
        x.ln_1p()
    }
}

/// Multiply and add in one rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fused;

impl<F: Real> Arithmetic<F> for Fused {
    #[inline(always)]
    fn fma(self, x: F, y: F, z: F) -> F {
        x.mul_add(y, z)
    }

    #[inline(always)]
    fn exp(self, x: F) -> F {
        x.exp()
    }

    #[inline(always)]
    fn exp_m1(self, x: F) -> F {
        x.exp_m1()
    }

    #[inline(always)]
    fn ln(self, x: F) -> F {
        x.ln()
    }

    #[inline(always)]
    fn ln_1p(self, x: F) -> F {
        x.ln_1p()
    }
}
