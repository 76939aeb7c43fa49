use pulp::{Arch, Simd, WithSimd};

use crate::Real;
use crate::arithmetic::{Arithmetic, Fused, Plain};

/// Which instructions a pass is run with.
///
/// Everything that passes over rows takes the best level by itself; forms that take the level are
/// there so that both can be tried side by side. They differ by the roundings of multiply-and-add: a
/// function in its last places, a sum by a few roundings of its terms. Noise is the same, bit for bit.
///
/// ```
/// use estimand::kernel::{Level, RowFn, fill_at};
/// use estimand::{arithmetic::Arithmetic, ndarray::array, rows::sum_coordinates};
///
/// struct SumOfExp;
/// impl RowFn<f64, 1> for SumOfExp {
///     #[inline(always)]
///     fn row<A: Arithmetic<f64>>(&self, a: A, _: usize, [x]: [&[f64]; 1], _: &mut [f64]) -> f64 {
///         sum_coordinates::<false, _, 1, 0>([x], [], |[x]| (a.exp(x), []))
///     }
/// }
/// let x = array![[0.0, 1.0], [2.0, -1.0]];
/// let (plain, _) = fill_at(Level::Plain, 2, [x.view()], [], &SumOfExp)?;
/// let (best, _) = fill_at(Level::best(), 2, [x.view()], [], &SumOfExp)?;
/// assert!((&plain - &best).iter().all(|off| off.abs() < 1e-14));
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The instructions that the target always has; multiply and add in two roundings.
    Plain,
    /// Wide vectors with fused multiply-add. On a machine without them it is `Plain`.
    Fused,
}

impl Level {
    /// The fastest level of this machine.
    pub fn best() -> Self {
        struct HasVectors;
        impl WithSimd for HasVectors {
            type Output = bool;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> bool {
                fuses::<S>()
            }
        }
        if Arch::new().dispatch(HasVectors) { Self::Fused } else { Self::Plain }
    }
}

/// Whether the vectors of `S` multiply and add in one instruction: those of x86 and ARM do. Where
/// they do not, a fused multiply-add is a call of the C library, and very slow.
#[inline(always)]
const fn fuses<S: Simd>() -> bool {
    !S::IS_SCALAR && cfg!(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"))
}

/// What is compiled for each level: all that it calls has to be `#[inline(always)]`, or it is
/// compiled for the least machine alone.
pub(crate) trait Work<F: Real> {
    type Output;
    fn work<A: Arithmetic<F>>(self, a: A) -> Self::Output;
}

/// Runs `work` at a level.
pub(crate) fn run<F: Real, W: Work<F>>(level: Level, work: W) -> W::Output {
    match level {
        Level::Plain => plain(work),
        Level::Fused => Arch::new().dispatch(Vectors(work, std::marker::PhantomData)),
    }
}

/// Once for both callers.
#[inline(never)]
fn plain<F: Real, W: Work<F>>(work: W) -> W::Output {
    work.work(Plain)
}

struct Vectors<F, W>(W, std::marker::PhantomData<F>);

impl<F: Real, W: Work<F>> WithSimd for Vectors<F, W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> W::Output {
        if fuses::<S>() { self.0.work(Fused) } else { plain(self.0) }
    }
}
