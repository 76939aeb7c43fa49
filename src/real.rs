use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{Float, FloatConst, NumAssign};

pub(crate) mod sealed {
    use num_traits::{PrimInt, WrappingNeg};

    /// A number by its bits: what the two precisions do each in its own way.
    pub trait Sealed: Sized {
        /// As wide as the number.
        type Bits: PrimInt + WrappingNeg + Default;

        fn bits(self) -> Self::Bits;
        fn of_bits(bits: Self::Bits) -> Self;
        /// The upper bits of a word, as many as the number has.
        fn upper_bits(word: u64) -> Self::Bits;
        /// The nearest number to an integer, whose sign is its upper bit.
        fn of_integer(bits: Self::Bits) -> Self;
    }

    impl Sealed for f32 {
        type Bits = u32;

        #[inline(always)]
        fn bits(self) -> u32 {
            self.to_bits()
        }

        #[inline(always)]
        fn of_bits(bits: u32) -> Self {
            Self::from_bits(bits)
        }

        #[inline(always)]
        fn upper_bits(word: u64) -> u32 {
            (word >> 32) as u32
        }

        #[inline(always)]
        fn of_integer(bits: u32) -> Self {
            bits.cast_signed() as Self
        }
    }

    impl Sealed for f64 {
        type Bits = u64;

        #[inline(always)]
        fn bits(self) -> u64 {
            self.to_bits()
        }

        #[inline(always)]
        fn of_bits(bits: u64) -> Self {
            Self::from_bits(bits)
        }

        #[inline(always)]
        fn upper_bits(word: u64) -> u64 {
            word
        }

        #[inline(always)]
        fn of_integer(bits: u64) -> Self {
            bits.cast_signed() as Self
        }
    }
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

    /// The function of this number's precision: how the crate writes what differs in the two.
    #[doc(hidden)]
    fn map(self, single: impl Fn(f32) -> f32, double: impl Fn(f64) -> f64) -> Self;

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

    #[inline(always)]
    fn map(self, single: impl Fn(f32) -> f32, _: impl Fn(f64) -> f64) -> Self {
        single(self)
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

    #[inline(always)]
    fn map(self, _: impl Fn(f32) -> f32, double: impl Fn(f64) -> f64) -> Self {
        double(self)
    }
}

/// Numbers on the stack that begin where a cache line does: a vector that is written across two lines has to reach
/// the cache before it can be read again, and a row that meets one takes half as long again.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Aligned<T>(pub(crate) T);
