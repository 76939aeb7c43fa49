use ndarray::{Array1, ArrayRef1};

use super::estimate::bessel;
use super::gaussian::Gaussian;
use super::likelihood::{MeanLikelihood, log_peak};
use crate::moments::Moments;
use crate::shape::same_shape;
use crate::{Error, Real, Result};

/// Groups of observations of one mean, each group with a variance of its own (heteroscedastic): the
/// likelihood of the mean, and whether the groups agree on one.
///
/// ```text
/// mle = sum of w_i mean_i / sum of w_i,   w_i = n_i / sigma_i^2,   Var mle = 1 / sum of w_i
/// ```
///
/// The mean weighted by precision has the least variance of all unbiased weighted means.
/// Source: chapter `fit/map`.
///
/// ```
/// use estimand::{fit::{Groups, Moments}, ndarray::array};
///
/// let fine: Moments<f64> = [9.0, 11.0].into_iter().collect();
/// let coarse: Moments<f64> = [20.0].into_iter().collect();
/// let groups = Groups::known(&[fine, coarse], &array![2.0, 9.0])?;   // weights 1 and 1/9
/// assert_eq!(groups.likelihood().mle()?, 11.0);
/// assert!((groups.likelihood().std_error()? - 0.9_f64.sqrt()).abs() < 1e-15);
/// let agreement = groups.homogeneity()?;
/// assert!((agreement.statistic - 10.0).abs() < 1e-14 && agreement.degrees == 1);
/// assert!(agreement.p_value < 0.002);                                 // they do not agree
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Groups<F> {
    likelihood: MeanLikelihood<F>,
    statistic: F,
    groups: usize,
}

/// Cochran's test that all groups have one mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity<F> {
    /// sum of n_i (mean_i - mle)^2 / sigma_i^2, which has the law chi-square where all means are one.
    pub statistic: F,
    /// The degrees of freedom of that law: one less than there are groups.
    pub degrees: usize,
    /// The chance of a statistic as large or larger, where all means are one and the variances are right.
    pub p_value: F,
}

impl<F: Real> Homogeneity<F> {
    /// sqrt(statistic / degrees): by so much the groups spread more than their standard errors say. About 1
    /// where all is right; metrologists multiply the standard error by it where it is larger (Birge 1932).
    pub fn birge_ratio(&self) -> F {
        (self.statistic / F::count(self.degrees)).sqrt()
    }
}

impl<F: Real> Groups<F> {
    /// Of groups whose variances are known, one a group. A group without observations says nothing.
    ///
    /// Errors: `TooFew` of no groups; `Shape` where `variances` are not as many; `Entry` of `variances` with the
    /// first that is not finite and above 0, also divided by the weight of its group; `Entry` of `groups` with the
    /// first group that does not do: at `[group, row]` where an observation is NaN, at `[group]` where one is
    /// infinite (moments do not keep its row) or weights sum to 0.
    pub fn known(groups: &[Moments<F>], variances: &ArrayRef1<F>) -> Result<Self> {
        if groups.is_empty() {
            return Err(Error::TooFew { name: "groups", got: 0, needs: 1 });
        }
        same_shape("variances", variances.shape(), &[groups.len()])?;
        for (i, &v) in variances.iter().enumerate() {
            if !(v > F::zero() && v.is_finite()) {
                let expected = "a finite number above 0";
                return Err(Error::Entry { name: "variances", index: vec![i], value: v.as_f64(), expected });
            }
        }
        let mut means = Vec::new();
        let mut peak = F::zero();
        let observed = groups.iter().zip(variances).enumerate().filter(|(_, (group, _))| group.count() > 0);
        for (i, (group, &variance)) in observed {
            let own = MeanLikelihood::of(group, variance).map_err(|error| in_group(i, error))?;
            peak += log_peak(group, variance)?;
            let error = own.std_error()?;
            means.push((own.mle()?, error));
        }
        // Weights relative to the best group: precisions themselves need not be numbers.
        let Some(best) = means.iter().map(|&(_, error)| error).reduce(F::min) else {
            return Ok(Self { likelihood: MeanLikelihood::with(F::zero(), None), statistic: F::zero(), groups: 0 });
        };
        let mut pooled = Moments::new();
        for &(mean, error) in &means {
            let ratio = best / error;
            pooled.push_weighted(mean, ratio * ratio)?;
        }
        let form = Gaussian::new(pooled.mean()?, best / pooled.weight() * best)?;
        let statistic = pooled.weight() * (pooled.variance()? / best / best);
        let likelihood = MeanLikelihood::with(peak - F::of(0.5) * statistic, Some(form));
        Ok(Self { likelihood, statistic, groups: means.len() })
    }

    /// Of groups whose variances are estimated from themselves, each by its unbiased variance, and then
    /// taken as known.
    ///
    /// That they are estimates is not accounted for: of groups of n the standard error comes out too small
    /// by a share of about 2/n, and the statistic too large by about as much.
    ///
    /// Errors: those of [`known`](Self::known), and `Entry` of `groups` at the first with fewer than two observations
    /// of a weight above 0, or of `variances` where all its observations are equal.
    ///
    /// ```
    /// use estimand::fit::{Groups, Moments};
    /// let pair: Moments<f64> = [9.0, 11.0].into_iter().collect();
    /// let lone: Moments<f64> = [10.0].into_iter().collect();
    /// let error = Groups::estimated(&[pair, lone]).unwrap_err();
    /// assert_eq!(error.to_string(), "`groups` is 1 at [1], expected at least 2 observations");
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn estimated(groups: &[Moments<F>]) -> Result<Self> {
        let variance = |(i, group)| bessel(group).map(|law| law.variance()).map_err(|error| in_group(i, error));
        let variances = groups.iter().enumerate().map(variance).collect::<Result<Array1<_>>>()?;
        Self::known(groups, &variances)
    }

    /// The likelihood of the common mean; posterior and evidence follow from it as of one group.
    pub fn likelihood(&self) -> &MeanLikelihood<F> {
        &self.likelihood
    }

    /// Whether the groups agree on one mean. Errors: `TooFew` where fewer than two have observations.
    pub fn homogeneity(&self) -> Result<Homogeneity<F>> {
        if self.groups < 2 {
            return Err(Error::TooFew { name: "groups", got: self.groups, needs: 2 });
        }
        let degrees = self.groups - 1;
        Ok(Homogeneity {
            statistic: self.statistic,
            degrees,
            p_value: F::of(upper_tail(degrees, self.statistic.as_f64())),
        })
    }
}

/// What one group was refused for, with its place among the groups.
fn in_group(i: usize, error: Error) -> Error {
    let (name, index, value, expected) = match error {
        Error::NaN { row, .. } => ("groups", vec![i, row], f64::NAN, "a finite number"),
        Error::TooFew { got, .. } => ("groups", vec![i], got as f64, "at least 2 observations"),
        Error::Count { got, .. } => ("groups", vec![i], got as f64, "at least 2 observations of a weight above 0"),
        Error::Parameter { name: "variance", value, expected } => ("variances", vec![i], value, expected),
        Error::Parameter { value, expected, .. } => ("groups", vec![i], value, expected),
        other => return other,
    };
    Error::Entry { name, index, value, expected }
}

/// P(chi-square of so many degrees >= x), in f64: a test is no row of training.
///
/// A finite sum of positive terms, so that nothing cancels in either tail. With h = x/2:
///
/// ```text
/// even: sum over j < degrees/2 of e^-h h^j / j!,   odd: erfc(sqrt h) + sum over j of e^-h h^(j - 1/2) / Gamma(j + 1/2)
/// ```
fn upper_tail(degrees: usize, x: f64) -> f64 {
    let h = 0.5 * x;
    // Below the least number, by far: terms would leave the numbers before their sum does.
    if h.is_infinite() || 0.5 * degrees as f64 * (1.0 + h).ln() - h < -800.0 {
        return 0.0;
    }
    let even = degrees.is_multiple_of(2);
    let (first, start) = if even { (1.0, 0.0) } else { (2.0 * (h / std::f64::consts::PI).sqrt(), 0.5) };
    let (mut term, mut sum, mut log_scale) = (first, 0.0, -h);
    for j in 1..=degrees / 2 {
        sum += term;
        term *= h / (start + j as f64);
        // e^-h may be no number where its product with a large power of h is one.
        if sum > LARGE {
            (sum, term, log_scale) = (sum / LARGE, term / LARGE, log_scale + LARGE.ln());
        }
    }
    let tail = if sum > 0.0 { (log_scale + sum.ln()).exp() } else { 0.0 };
    (tail + if even { 0.0 } else { libm::erfc(h.sqrt()) }).min(1.0)
}

const LARGE: f64 = 1e200;
