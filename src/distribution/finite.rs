use ndarray::Array2;

use super::bernoulli::Bernoulli;
use super::categorical::Categorical;
use super::law::Distribution;
use crate::{Error, Real, Result};

/// Points that are enumerated at the most.
const MOST: usize = 1 << 20;

/// A law of finitely many points, the same for every parameter row.
///
/// ```
/// use estimand::{Bernoulli, distribution::Finite, ndarray::{Array2, array}};
/// let bits = Bernoulli::new(Array2::<f64>::zeros((1, 2)))?.support()?;
/// assert_eq!(bits, array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait Finite<F: Real>: Distribution<F> {
    /// All points, `(m, dim)`, each once, those of probability 0 among them; the last coordinate turns fastest.
    ///
    /// Errors: `Count` where there are more than 2^20.
    fn support(&self) -> Result<Array2<F>>;
}

/// The choices of one of `base` digits at `places` places, as rows.
fn choices<F: Real>(base: usize, places: usize, entry: impl Fn(usize, usize) -> F, dim: usize) -> Result<Array2<F>> {
    let total = u32::try_from(places).ok().and_then(|places| base.checked_pow(places)).filter(|&total| total <= MOST);
    let expected = || format!("few enough for at most {MOST} points");
    let total =
        total.ok_or_else(|| Error::Count { name: "support", axis: "variables", got: places, expected: expected() })?;
    let each = dim / places.max(1);
    Ok(Array2::from_shape_fn((total, dim), |(i, j)| {
        let place = j / each.max(1);
        let digit = (0..places - 1 - place).fold(i, |left, _| left / base) % base;
        entry(digit, j % each.max(1))
    }))
}

/// 2^dim rows of bits.
impl<F: Real> Finite<F> for Bernoulli<'_, F> {
    fn support(&self) -> Result<Array2<F>> {
        let dim = self.shape().dim;
        choices(2, dim, |digit, _| F::count(digit), dim)
    }
}

/// K^blocks rows of one-hot blocks.
impl<F: Real> Finite<F> for Categorical<'_, F> {
    fn support(&self) -> Result<Array2<F>> {
        let one_hot = |digit: usize, class: usize| if digit == class { F::one() } else { F::zero() };
        choices(self.classes(), self.blocks(), one_hot, self.shape().dim)
    }
}
