//! Costs of one-hot samples that are defined between the classes too, with their slopes.

use estimand::ndarray::{Array1, Array2, ArrayView2, array};

/// The shape of a cost. What each of them is a test of, the second word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `a'x`: straight-through estimators are exact.
    Linear,
    /// `(a'x - 1/4)^2`: those of second order are exact.
    Square,
    /// A layer of tanh: nothing but enumeration is exact.
    Network,
}

/// f(x) = sum over units h of v_h phi(w_h'x - b_h).
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub family: Family,
    /// `(units, dim)`
    inputs: Array2<f64>,
    offsets: Array1<f64>,
    outputs: Array1<f64>,
}

/// Units of the network.
const UNITS: usize = 8;

impl Family {
    pub const NAMES: &'static [&'static str] = &["linear", "square", "network"];

    /// The family that an option names.
    pub fn of(name: &str) -> Self {
        match name {
            "linear" => Self::Linear,
            "square" => Self::Square,
            _ => Self::Network,
        }
    }

    pub fn formula(self) -> &'static str {
        match self {
            Self::Linear => "a'x",
            Self::Square => "(a'x - 1/4)^2",
            Self::Network => "v' tanh(Wx - b)",
        }
    }

    fn at(self, h: f64) -> f64 {
        match self {
            Self::Linear => h,
            Self::Square => h * h,
            Self::Network => h.tanh(),
        }
    }

    fn slope(self, h: f64) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Square => 2.0 * h,
            Self::Network => 1.0 - h.tanh().powi(2),
        }
    }
}

impl Cost {
    /// A cost of `variables` one-hot blocks of `classes` columns: the same in every run, whatever the seed.
    pub fn new(family: Family, variables: usize, classes: usize) -> Self {
        let dim = variables * classes;
        // Levels from -1 to 1, one a class: a variable counts half as much as the one before it.
        let level = |j: usize| (2 * (j % classes)) as f64 / (classes - 1) as f64 - 1.0;
        let weight = |j: usize| level(j) / f64::from(1_u32 << (j / classes));
        // Numbers of either sign without a pattern that classes or variables share.
        let scattered = |h: usize, j: usize| (1.0 + 7.0 * h as f64 + 3.0 * j as f64).sin();
        match family {
            Family::Linear | Family::Square => Self {
                family,
                inputs: Array2::from_shape_fn((1, dim), |(_, j)| weight(j)),
                offsets: if family == Family::Square { array![0.25] } else { array![0.0] },
                outputs: array![1.0],
            },
            Family::Network => Self {
                family,
                inputs: Array2::from_shape_fn((UNITS, dim), |(h, j)| scattered(h, j)),
                offsets: Array1::from_shape_fn(UNITS, |h| 0.5 * scattered(h, dim)),
                outputs: Array1::from_shape_fn(UNITS, |h| (2.0 + 5.0 * h as f64).sin()),
            },
        }
    }

    /// `(n, dim)` to `(n,)`
    pub fn at(&self, x: ArrayView2<'_, f64>) -> Array1<f64> {
        self.units(x).mapv_into(|h| self.family.at(h)).dot(&self.outputs)
    }

    /// `(n, dim)` to `(n, dim)`
    pub fn slope(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        (self.units(x).mapv_into(|h| self.family.slope(h)) * &self.outputs).dot(&self.inputs)
    }

    fn units(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        x.dot(&self.inputs.t()) - &self.offsets
    }
}
