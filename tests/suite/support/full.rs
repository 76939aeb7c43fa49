use estimand::ndarray::ArrayView2;
use estimand::{FullGaussian, Real, distribution::FullParts};

use super::conforms::Family;

/// The full Gaussian as a family of laws, for what every law owes.
pub struct Full;

impl Family for Full {
    fn columns(dim: usize) -> usize {
        dim * (dim + 3) / 2
    }
    /// Of every factor that the parameters of `conforms` make: `law::hard_the_factors_of_conforms_are_no_worse`.
    const CONDITION: f64 = 64.0;
    type Parts = FullParts;
    type Law<'a, F: Real> = FullGaussian<'a, F>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> FullGaussian<'a, F> {
        FullGaussian::from_head(flat).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }
}
