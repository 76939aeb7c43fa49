use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{Float, FloatConst, NumAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A real number: `f32` or `f64`.
///
/// All of the crate is generic in it, and works in the precision it is given: nothing widens an
/// `f32` to `f64` without saying so. One bound in a signature, `F: Real`, is all a user writes.
/// The trait is sealed.
///
/// ```
/// use estimand::Real;
///
/// fn half_square<F: Real>(x: F) -> F {
///     F::of(0.5) * x * x
/// }
/// assert_eq!(half_square(3.0_f32), 4.5);
/// ```
pub trait Real:
    sealed::Sealed
    + Float
    + FloatConst
    + NumAssign
    + Sum
    + LinalgScalar
    + ScalarOperand
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + 'static
{
    /// The number nearest to `x`: how a constant of a formula is written.
    fn of(x: f64) -> Self;

    /// The same number as an `f64`; exact.
    fn as_f64(self) -> f64;

    /// A count as a number, rounded to nearest.
    fn count(n: usize) -> Self {
        Self::of(n as f64)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }
}
