/// What a door refuses, with the facts and the caller's own word for the argument.
///
/// Every check is made once, where an argument enters; behind it there is only mathematics.
///
/// ```
/// use estimand::{DiagGaussian, Distribution, Error, ndarray::Array2};
///
/// let q = DiagGaussian::<f64>::standard(2, 2)?;
/// let wrong = q.log_prob(&Array2::zeros((1, 2))).unwrap_err();
/// assert_eq!(wrong, Error::Shape { name: "x", got: vec![1, 2], expected: vec![2, 2] });
/// assert_eq!(wrong.to_string(), "`x` has shape [1, 2], expected [2, 2]");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array whose shape is not the one that the others ask for; nothing is broadcast.
    #[error("`{name}` has shape {got:?}, expected {expected:?}")]
    Shape {
        /// The argument.
        name: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that it must have.
        expected: Vec<usize>,
    },

    /// A number of rows or columns that is not what the argument's meaning asks: too few, or not divisible.
    #[error("`{name}` has {got} {}, expected {expected}", counted(*got, axis))]
    Count {
        /// The argument.
        name: &'static str,
        /// What was counted: rows or columns, of all or of a parameter row.
        axis: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        expected: String,
    },

    /// A NaN that would poison a sum over rows.
    #[error("`{name}` is NaN in row {row}")]
    NaN {
        /// The argument, or the rows that were summed.
        name: &'static str,
        /// The first row that holds one.
        row: usize,
    },

    /// An entry of an array outside the domain of the mathematics.
    #[error("`{name}` is {} at {index:?}, expected {expected}", short(*value))]
    Entry {
        /// The argument.
        name: &'static str,
        /// Where the first such entry is.
        index: Vec<usize>,
        /// The entry.
        value: f64,
        /// The domain.
        expected: &'static str,
    },

    /// A matrix that elimination cannot divide by: singular, or not positive definite.
    #[error("pivot {pivot} of `{name}` is {}, expected {expected}", short(*value))]
    Pivot {
        /// The argument.
        name: &'static str,
        /// Which pivot: the first such row of the elimination.
        pivot: usize,
        /// What is left of the matrix there.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },

    /// A positive definite matrix that is so by rounding alone, also in units that make its diagonal 1: no digit of what is made
    /// of its inverse would be right.
    #[error("`{name}` has a condition number of {}, expected less than 1 / epsilon", short(*value))]
    Condition {
        /// The argument.
        name: &'static str,
        /// Its condition number in such units, or an estimate of it.
        value: f64,
    },

    /// A matrix of finite numbers whose eigenvalues an iteration did not find: none such is known.
    #[error("the eigenvalues of `{name}` were not found")]
    NoConvergence {
        /// The argument.
        name: &'static str,
    },

    /// A number given by itself (a temperature, a weight, a count) outside its domain.
    #[error("`{name}` is {}, expected {expected}", short(*value))]
    Parameter {
        /// The argument.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The domain.
        expected: &'static str,
    },

    /// Fewer rows than the statistic needs.
    #[error("`{name}` has {got} {}, needs at least {needs}", counted(*got, "rows"))]
    TooFew {
        /// The argument.
        name: &'static str,
        /// How many rows there are.
        got: usize,
        /// How many it takes.
        needs: usize,
    },

    /// What one of several estimators was refused for.
    #[error("{name}: {source}")]
    Estimator {
        /// The estimator.
        name: String,
        /// Why.
        source: Box<Error>,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A number as it is usually written: 0.5, -1, and not 200 digits for 1e-200.
fn short(value: f64) -> String {
    let size = value.abs();
    let plain = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&size);
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// The word for so many of them.
fn counted(got: usize, axis: &'static str) -> &'static str {
    match (got, axis) {
        (1, "rows") => "row",
        (1, "columns") => "column",
        (1, "rows a parameter row") => "row a parameter row",
        _ => axis,
    }
}
