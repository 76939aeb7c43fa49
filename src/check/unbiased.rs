use std::fmt;

use ndarray::{Array1, ArrayRef1, ArrayRef2, ArrayView1};
use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc_inv;

use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// What a test of a mean came to: [`unbiased`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The mean may be the truth: a bias of [`Tested::smallest_bias`] would most likely have been seen.
    Consistent,
    /// The mean is not the truth, up to the rate of false alarms.
    Biased,
    /// The rows are too few for their tails: the sample cannot tell, and this is no pass.
    Inconclusive,
}

/// The verdict with its numbers: [`unbiased`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tested {
    /// The verdict.
    pub verdict: Verdict,
    /// The rate of false alarms that was asked for.
    pub alpha: f64,
    /// The chance of rows at least as far from the truth, over all coordinates: uniform on (0, 1) where the
    /// truth is right and coordinates are independent.
    pub p_value: f64,
    /// The coordinate with the least chance.
    pub worst: usize,
    /// The rows' mean, by coordinate.
    pub mean: Array1<f64>,
    /// Its standard error, by coordinate.
    pub std_error: Array1<f64>,
    /// The bias, by coordinate, that such a test misses with a chance of `alpha` only: what rounding may move the
    /// mean by is in it, since nobody is accused of that.
    pub smallest_bias: Array1<f64>,
    /// The largest kurtosis over the number of rows.
    pub tail: f64,
    /// The coordinate that has it.
    pub heaviest: usize,
    /// What it may be, for this `alpha` and as many coordinates.
    pub tail_bound: f64,
    rounding: Array1<f64>,
    rows: usize,
}

impl Tested {
    /// The number of rows, of the same law, at which the smallest bias is at most `bias` in every coordinate and the
    /// tail within its bound.
    ///
    /// ```text
    /// rows max( ((smallest_bias - rounding) / (bias - rounding))^2, tail / tail_bound )
    /// ```
    ///
    /// Standard errors shrink as 1/sqrt(n), and kurtosis / n as 1/n where the law has a finite fourth moment: where it has
    /// none, no number of rows will do, and this one is too small. Rounding does not shrink.
    ///
    /// The standard error and the kurtosis are those of this sample, with errors of their own. Of the square of the first
    /// that is a part sqrt(`tail`), so a few of these more are on the safe side; the second is a lower guess as a
    /// rule, since the rarest rows that make it are not in the sample.
    /// Errors: `Shape`; `Entry` where a bias is not positive, or no more than what rounding may move the mean by.
    pub fn rows_for(&self, bias: &ArrayRef1<f64>) -> Result<usize> {
        same_shape("bias", bias.shape(), self.smallest_bias.shape())?;
        let refuse = |j: usize, expected| Err(Error::Entry { name: "bias", index: vec![j], value: bias[j], expected });
        if let Some(j) = bias.iter().position(|b| b.is_nan() || *b <= 0.0) {
            return refuse(j, "a positive number");
        }
        if let Some(j) = bias.iter().zip(&self.rounding).position(|(b, rounding)| b <= rounding) {
            return refuse(j, "more than rounding may move the mean by");
        }
        let spread = self.smallest_bias.iter().zip(bias).zip(&self.rounding);
        let ratio = spread.fold(0.0_f64, |most, ((s, b), rounding)| most.max((s - rounding) / (b - rounding)));
        let times = (ratio * ratio).max(self.tail / self.tail_bound);
        Ok(((self.rows as f64 * times).ceil() as usize).max(2))
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, alpha, p_value, worst, tail, heaviest, tail_bound, rows, .. } = self;
        write!(f, "{verdict:?} at alpha {alpha:e}: p = {p_value:.3e} of {rows} rows; ")?;
        if let (Some(mean), Some(error), Some(least)) =
            (self.mean.get(*worst), self.std_error.get(*worst), self.smallest_bias.get(*worst))
        {
            write!(f, "worst in coordinate {worst}, mean {mean:.6e} +- {error:.1e}, smallest bias seen {least:.1e}; ")?;
        }
        write!(f, "kurtosis / n = {tail:.1e} of at most {tail_bound:.1e}")?;
        match verdict {
            Verdict::Inconclusive => write!(f, " in coordinate {heaviest}"),
            Verdict::Consistent | Verdict::Biased => Ok(()),
        }
    }
}

/// Tests whether the mean of independent rows is `truth`, at a rate of false alarms of `alpha`.
///
/// Each coordinate is tested by Student's t, two-sided, at the level that makes `alpha` of all of them (Sidak
/// 1967: exact for independent coordinates, and never more than `alpha` for normal ones). Three verdicts are possible:
/// a test that could not have failed is not a pass.
///
/// - [`Biased`](Verdict::Biased): the rows contradict the truth.
/// - [`Consistent`](Verdict::Consistent): they do not; a bias of the size `smallest_bias` would have been seen, but for a
///   chance of alpha.
/// - [`Inconclusive`](Verdict::Inconclusive): the kurtosis of a coordinate over n is above `tail_bound`, so that
///   t has not its law yet, or never will (as of rows without a variance).
///
/// ```text
/// kurtosis / n <= min(1/20, 18 / (z^4 (z^2 + 2))),   z: the normal quantile of the level
/// ```
///
/// To first order (Edgeworth) the skewness g of the rows multiplies the rate by at most
/// 1 + z^4 (z^2 + 2) g^2 / (18 n), and g^2 < kurtosis: at the bound the rate is at most about double, and
/// at half of it 1.5 times. So at alpha = 0.01 normal rows have to be 64, at 1e-9 some 10 000.
///
/// Rows that never vary are taken for a constant, and compared to rounding. What no row shows is not seen: a spike
/// that is rarer than 1/n.
/// Shapes: `rows: (n, P)`, `truth: (P,)`. Statistics are in f64.
/// Errors: `Shape`; `TooFew` where n < 2 or P = 0; `NaN` with the row; `Entry` where a truth is not finite; `Parameter` where
/// alpha is not in (0, 1).
///
/// ```
/// use estimand::check::{Verdict, unbiased};
/// use estimand::ndarray::{Array2, array};
/// use estimand::noise::Standard;
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let z: Array2<f64> = Standard::Normal.draw(&mut StdRng::seed_from_u64(3), (20_000, 2));
/// let right = unbiased(&z, &array![0.0, 0.0], 1e-9)?;
/// assert_eq!(right.verdict, Verdict::Consistent);
/// assert!(right.smallest_bias[0] < 0.1, "{right}");
///
/// let wrong = unbiased(&z, &array![0.0, 0.1], 1e-9)?;
/// assert_eq!((wrong.verdict, wrong.worst), (Verdict::Biased, 1));
///
/// let cauchy = z.column(0).to_owned() / z.column(1);
/// let none = unbiased(&cauchy.insert_axis(estimand::ndarray::Axis(1)), &array![0.0], 0.01)?;
/// assert_eq!(none.verdict, Verdict::Inconclusive);
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// Source: Hall 1987 for the expansion; chapter `check/unbiased`.
pub fn unbiased<F: Real>(rows: &ArrayRef2<F>, truth: &ArrayRef1<F>, alpha: f64) -> Result<Tested> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Parameter { name: "alpha", value: alpha, expected: "a number in (0, 1)" });
    }
    let (n, width) = rows.dim();
    same_shape("truth", truth.shape(), &[width])?;
    if n < 2 || width == 0 {
        let (name, got, needs) = if n < 2 { ("rows", n, 2) } else { ("truth", 0, 1) };
        return Err(Error::TooFew { name, got, needs });
    }
    if let Some(row) = rows.rows().into_iter().position(|row| row.iter().any(|g| g.is_nan())) {
        return Err(Error::NaN { name: "rows", row });
    }
    if let Some((j, t)) = truth.iter().enumerate().find(|(_, t)| !t.is_finite()) {
        return Err(Error::Entry { name: "truth", index: vec![j], value: t.as_f64(), expected: "a finite number" });
    }
    // 1 - (1 - alpha)^(1 / P), and its quantiles.
    let level = -((-alpha).ln_1p() / width as f64).exp_m1();
    let [two_sided, one_sided] = [level, 2.0 * level].map(upper_quantile);
    let tail_bound = 0.05_f64.min(18.0 / (two_sided.powi(4) * (two_sided * two_sided + 2.0)));
    let columns = columns(rows, truth);
    let mean = columns.iter().zip(truth).map(|(c, t)| c.off + t.as_f64()).collect();
    let std_error: Array1<f64> = columns.iter().map(|c| c.std_error).collect();
    let rounding: Array1<f64> = columns.iter().map(|c| c.rounding).collect();
    let smallest_bias = std_error.mapv(|e| (two_sided + one_sided.max(0.0)) * e) + &rounding;
    let mut tested = Tested {
        verdict: Verdict::Consistent,
        alpha,
        p_value: 1.0,
        worst: 0,
        mean,
        std_error,
        smallest_bias,
        tail: 0.0,
        heaviest: 0,
        tail_bound,
        rounding,
        rows: n,
    };
    let mut least = f64::INFINITY;
    for (j, column) in columns.iter().enumerate() {
        if column.tail > tested.tail {
            (tested.tail, tested.heaviest) = (column.tail, j);
        }
        // A coordinate whose t has no known law accuses nobody.
        let p = if column.tail <= tail_bound { column.p_value(n) } else { 1.0 };
        if p < least {
            (least, tested.worst) = (p, j);
        }
    }
    tested.p_value = -(width as f64 * (-least).ln_1p()).exp_m1();
    if tested.p_value <= alpha {
        tested.verdict = Verdict::Biased;
    } else if tested.tail > tail_bound {
        tested.verdict = Verdict::Inconclusive;
    }
    Ok(tested)
}

/// z with P(Z > z) = p / 2.
fn upper_quantile(p: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(p)
}

/// The rows of one coordinate, less the truth.
struct Column {
    off: f64,
    std_error: f64,
    /// What rounding of the rows may have moved the mean by.
    rounding: f64,
    /// Kurtosis over n: infinite where it is not a number.
    tail: f64,
}

impl Column {
    fn p_value(&self, n: usize) -> f64 {
        let off = (self.off.abs() - self.rounding).max(0.0);
        if off == 0.0 {
            return 1.0;
        }
        let freedom = (n - 1) as f64;
        let t = off / self.std_error;
        beta_reg(0.5 * freedom, 0.5, freedom / (freedom + t * t))
    }
}

fn columns<F: Real>(rows: &ArrayRef2<F>, truth: &ArrayRef1<F>) -> Vec<Column> {
    let count = rows.nrows() as f64;
    let column = |(rows, truth): (ArrayView1<'_, F>, f64)| {
        let off = || rows.iter().map(|g| g.as_f64() - truth);
        let mean = off().sum::<f64>() / count;
        // In units of the largest deviation, so that no fourth power overflows.
        let unit = off().fold(0.0_f64, |most, off| most.max((off - mean).abs()));
        let squares = || off().map(|off| ((off - mean) / unit).powi(2));
        let second: f64 = squares().sum();
        let fourth: f64 = squares().map(|square| square * square).sum();
        let size = rows.iter().fold(truth.abs(), |most, g| most.max(g.as_f64().abs()));
        // A sum of fourth powers over the square of the sum of squares is kurtosis / n.
        let tail = fourth / (second * second);
        let (spread, tail) = if unit == 0.0 { (0.0, 0.0) } else { (unit * second.sqrt(), tail) };
        Column {
            off: mean,
            std_error: spread / (count * (count - 1.0)).sqrt(),
            rounding: 8.0 * F::epsilon().as_f64() * size,
            // Rows that are not finite have no mean to speak of, and no verdict.
            tail: if tail.is_nan() || !mean.is_finite() { f64::INFINITY } else { tail },
        }
    };
    rows.columns().into_iter().zip(truth.iter().map(|t| t.as_f64())).map(column).collect()
}
