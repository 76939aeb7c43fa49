//! Arithmetic that multiplies and adds in one rounding, as a kernel on newer hardware does.

use estimand::Real;
use estimand::arithmetic::{Arithmetic, Plain};

/// The other form that every accuracy test runs.
#[derive(Debug, Clone, Copy)]
pub struct Fused;

impl<F: Real> Arithmetic<F> for Fused {
    fn fma(self, x: F, y: F, z: F) -> F {
        x.mul_add(y, z)
    }

    fn exp(self, x: F) -> F {
        Plain.exp(x)
    }

    fn exp_m1(self, x: F) -> F {
        Plain.exp_m1(x)
    }

    fn ln(self, x: F) -> F {
        Plain.ln(x)
    }

    fn ln_1p(self, x: F) -> F {
        Plain.ln_1p(x)
    }
}
