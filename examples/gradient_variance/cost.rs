//! The three costs of the figures, and what of them has a closed form under N(1, 1).

use std::fmt;

use lab::Failure;

/// The law is N(MEAN, 1).
pub const MEAN: f64 = 1.0;

/// A family of costs with one number k.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `(x - k)^2`
    Square,
    /// `exp(-k x^2)`
    Exp,
    /// `cos(k x)`
    Cos,
}

/// What the derivative is taken in. At scale 1 the one in sigma is the one in its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    Mu,
    Sigma,
}

/// A member of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    pub family: Family,
    pub k: f64,
}

impl Family {
    pub const ALL: [Self; 3] = [Self::Square, Self::Exp, Self::Cos];
    pub const NAMES: &'static [&'static str] = &["square", "exp", "cos"];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub fn formula(self) -> &'static str {
        ["(x-k)^2", "exp(-k x^2)", "cos(k x)"][self as usize]
    }

    /// The family that an option names.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|family| family.name() == name).unwrap_or(Self::Square)
    }

    /// Where k is looked at unless the user says.
    pub fn usual(self) -> Cost {
        Cost { family: self, k: if self == Self::Square { -3.0 } else { 1.0 } }
    }

    /// What the figures show of k, and whether in powers of ten.
    pub fn shown(self) -> ([f64; 2], bool) {
        match self {
            Self::Square => ([-3.0, 3.0], false),
            Self::Exp => ([0.1, 10.0], true),
            Self::Cos => ([0.5, 5.0], true),
        }
    }

    /// `count` values of k, evenly spread over what the figures show.
    pub fn grid(self, count: usize) -> Vec<f64> {
        let ([low, high], log) = self.shown();
        let share = |i: usize| i as f64 / (count - 1) as f64;
        let at = |t: f64| if log { low * (high / low).powf(t) } else { low + t * (high - low) };
        (0..count).map(|i| at(share(i))).collect()
    }
}

impl Parameter {
    pub const ALL: [Self; 2] = [Self::Mu, Self::Sigma];
    pub const NAMES: &'static [&'static str] = &["mu", "sigma"];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub fn of(name: &str) -> Self {
        if name == "sigma" { Self::Sigma } else { Self::Mu }
    }
}

impl Cost {
    /// A cost whose k the quadrature resolves.
    pub fn new(family: Family, k: f64) -> Result<Self, Failure> {
        let (low, high) = match family {
            Family::Square => (-1000.0, 1000.0),
            Family::Exp => (0.01, 100.0),
            Family::Cos => (0.01, 20.0),
        };
        if (low..=high).contains(&k) {
            return Ok(Self { family, k });
        }
        Err(format!("`--k` is {k}, and the cost {} takes a number from {low} to {high}", family.formula()).into())
    }

    pub fn at(self, x: f64) -> f64 {
        let k = self.k;
        match self.family {
            Family::Square => (x - k).powi(2),
            Family::Exp => (-k * x * x).exp(),
            Family::Cos => (k * x).cos(),
        }
    }

    pub fn slope(self, x: f64) -> f64 {
        let k = self.k;
        match self.family {
            Family::Square => 2.0 * (x - k),
            Family::Exp => -2.0 * k * x * (-k * x * x).exp(),
            Family::Cos => -k * (k * x).sin(),
        }
    }

    /// The derivative of E f in a parameter, by its formula. With v the variance,
    /// E (x-k)^2 = (mu-k)^2 + v, E exp(-k x^2) = exp(-k mu^2 / (1 + 2 k v)) / sqrt(1 + 2 k v),
    /// E cos(k x) = cos(k mu) exp(-k^2 v / 2).
    pub fn truth(self, parameter: Parameter) -> f64 {
        let (k, m) = (self.k, MEAN);
        let widened = 1.0 + 2.0 * k;
        let damped = (-0.5 * k * k).exp();
        match (self.family, parameter) {
            (Family::Square, Parameter::Mu) => 2.0 * (m - k),
            (Family::Square, Parameter::Sigma) => 2.0,
            (Family::Exp, parameter) => {
                let mean = (-k * m * m / widened).exp() / widened.sqrt();
                let by = 2.0 * k / widened;
                mean * if parameter == Parameter::Mu { -by * m } else { -by + by * by * m * m }
            }
            (Family::Cos, Parameter::Mu) => -k * (k * m).sin() * damped,
            (Family::Cos, Parameter::Sigma) => -k * k * (k * m).cos() * damped,
        }
    }

    /// What rounding may do to a draw: 16 ulp of the largest cost within ten standard deviations.
    pub fn rounding(self) -> f64 {
        let largest = if self.family == Family::Square { (10.0 + MEAN + self.k.abs()).powi(2) } else { 1.0 };
        16.0 * f64::EPSILON * largest
    }

    /// Cells a unit of x in which the cost is smooth enough for a Gauss rule.
    pub fn cells(self) -> f64 {
        match self.family {
            Family::Square => 2.0,
            Family::Exp => 2.0 * (self.k / 5.0).sqrt().ceil(),
            Family::Cos => 2.0 * (self.k / 2.5).ceil(),
        }
    }

    /// A step of the trapezoidal rule for fourth powers of the cost: its error is of the order of
    /// e^(-t^2 / 2), t = 2 pi / step, of a variance of 1; of 1 / (1 + 8 k) under exp(-4 k x^2); and at the
    /// distance t - 4 k of the wave cos(4 k x).
    pub fn step(self) -> f64 {
        let t = match self.family {
            Family::Square => 0.0,
            Family::Exp => (120.0 * (1.0 + 8.0 * self.k)).sqrt(),
            Family::Cos => 4.0 * self.k + 12.0,
        };
        std::f64::consts::TAU / t.max(50.0)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, k = {}", self.family.formula(), self.k)
    }
}
