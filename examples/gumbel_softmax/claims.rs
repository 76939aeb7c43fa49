//! What must hold of the measurements: of all of them, or of those of a run without settings.

use estimand::check::{self, Tested, Verdict};
use estimand::ndarray::{Array1, ArrayRef1, Axis};
use lab::Summary;

use crate::argmax::Cells;
use crate::cost::Family;
use crate::estimators::{Estimator, Found, Problem, norm};
use crate::toy::{self, Drawn};

/// Root mean squares that the length of a mean of zero expectation exceeds with a chance of at most 1e-9: those of a normal
/// number. Of several coordinates the chance is less, from 1.24 root mean squares on (Szekely and Bakirov 2003).
pub const FAR: f64 = 6.11;

/// The heaviest tail, kurtosis over draws, at which a claim is made of a mean. With a skewness below the root of the kurtosis
/// the chance is e^(FAR^3 0.1 / 6) times as large at most, to first order, which is 45.
const TAIL: f64 = 0.01;

/// The largest share is of a class as often as softmax says, at every temperature.
pub fn argmax(summary: Summary, worst: f64, cells: &Cells, temperatures: usize) -> Summary {
    let (bound, freedom) = (cells.bound(temperatures), cells.freedom());
    let words =
        format!("the argmax is as frequent as softmax says: chi-square {worst:.2} of {freedom}, at most {bound:.2}");
    summary.claim(worst <= bound, words)
}

/// The slope of the cost is its derivative, by differences, at a point between the classes: all relaxed estimators stand on it.
pub fn slope(summary: Summary, problem: &Problem) -> estimand::Result<Summary> {
    let Problem { cost, classes, .. } = problem;
    let x = Array1::from_shape_fn(problem.logits.len(), |j| (1 + j) as f64 / (classes * classes) as f64);
    let row = |x: &ArrayRef1<f64>| x.to_owned().insert_axis(Axis(0));
    let slope = cost.slope(row(&x).view()).row(0).to_owned();
    let agreement = check::gradient(|x| cost.at(row(x).view())[0], &x, &slope)?;
    // Differences of a function as smooth as these have some ten digits.
    Ok(summary.claim(
        agreement.within(1e-8),
        format!("the slope of {} is its derivative: {agreement}", cost.family.formula()),
    ))
}

/// What holds of estimators whatever the gradient is.
pub fn relations(mut summary: Summary, problem: &Problem, all: &[Found], tested: &Tested) -> Summary {
    summary = summary.claim(tested.verdict != Verdict::Biased, format!("leave-one-out has no bias: {tested}"));
    for smooth in all {
        let Estimator::RaoBlackwell(t) = smooth.estimator else { continue };
        let Some(hard) = all.iter().find(|found| found.estimator == Estimator::Hard(t)) else { continue };
        if smooth.tail.max(hard.tail) > TAIL {
            continue;
        }
        let (apart, errors) = (norm(&(&smooth.mean - &hard.mean)), smooth.error + hard.error);
        let words =
            format!("T = {t}: the hard form and its Rao-Blackwellised one have one mean; they are {apart:e} apart");
        summary = summary.claim(apart <= FAR * errors + rounding(problem), words);
        let more = smooth.variance - hard.variance;
        let words = format!("T = {t}: the Rao-Blackwellised form has no more variance; it has {more:e} more");
        summary = summary.claim(more <= FAR * (smooth.variance_error + hard.variance_error), words);
    }
    // For which costs which estimator is exact.
    let exact: &[Estimator] = match problem.cost.family {
        Family::Linear => &[Estimator::StraightThrough, Estimator::ReinMax],
        Family::Square => &[Estimator::ReinMax],
        Family::Network => &[],
    };
    for found in all.iter().filter(|found| exact.contains(&found.estimator) && found.tail <= TAIL) {
        let words =
            format!("{} has the exact mean for {}: {}", found.estimator, problem.cost.family.formula(), off(found));
        summary = summary.claim(found.bias <= FAR * found.error + rounding(problem), words);
    }
    summary
}

/// What roundings may move a mean by: rows are some sums of a dozen numbers of the size of the gradient, or below 1.
pub fn rounding(problem: &Problem) -> f64 {
    64.0 * f64::EPSILON * (1.0 + problem.norm())
}

/// The two classes: the relaxed derivative is what its integral says, and has the wrong sign.
pub fn sign(mut summary: Summary, truth: f64, drawn: &[Drawn]) -> Summary {
    let by_hand = toy::CHANCE * (1.0 - toy::CHANCE) * ((1.0 - toy::LEAST).powi(2) - toy::LEAST.powi(2));
    let words =
        format!("the derivative of two classes by enumeration, {truth}, is p (1 - p) (f(1) - f(0)) = {by_hand}");
    summary = summary.claim((truth - by_hand).abs() <= 8.0 * f64::EPSILON, words);
    for at in drawn.iter().filter(|at| at.tail <= TAIL) {
        let (t, exact) = (at.temperature, at.exact);
        let words =
            format!("T = {t}: the relaxed derivative of two classes, {} +- {:e}, is {exact}", at.mean, at.error);
        summary = summary.claim((at.mean - exact).abs() <= FAR * at.error, words);
    }
    for at in drawn.iter().filter(|at| at.temperature == toy::TEMPERATURE) {
        let words = format!(
            "at T = {} the relaxed derivative, {} +- {:e}, has the wrong sign",
            toy::TEMPERATURE,
            at.mean,
            at.error
        );
        summary = summary.claim(truth > 0.0 && at.mean < -FAR * at.error, words);
    }
    summary
}

/// The soft form, from hot to cold: bias falls and variance grows, from each temperature to the next and in all; and
/// leave-one-out is seen to have no bias.
pub fn trade(mut summary: Summary, all: &[Found], tested: &Tested) -> Summary {
    let words = format!("the test has a verdict on leave-one-out: {tested}");
    summary = summary.claim(tested.verdict == Verdict::Consistent, words);
    let soft: Vec<&Found> = all.iter().filter(|found| matches!(found.estimator, Estimator::Soft(_))).collect();
    for pair in soft.windows(2) {
        let [hot, cold] = [pair[0], pair[1]];
        let words = format!("bias falls from {} to {}: {}, {}", hot.estimator, cold.estimator, off(hot), off(cold));
        summary = summary.claim(cold.bias <= hot.bias + FAR * (hot.error + cold.error), words);
        let (fell, errors) = (hot.variance - cold.variance, hot.variance_error + cold.variance_error);
        let words = format!("variance grows from {} to {}: it falls by {fell:e}", hot.estimator, cold.estimator);
        summary = summary.claim(fell <= FAR * errors, words);
    }
    if let (Some(hot), Some(cold)) = (soft.first(), soft.last()) {
        let words = format!("bias falls from {} to {}: {}, {}", hot.estimator, cold.estimator, off(hot), off(cold));
        summary = summary.claim(cold.bias + FAR * cold.error < hot.bias - FAR * hot.error, words);
        let grown = cold.variance - hot.variance;
        let words = format!("variance grows from {} to {}: by {grown:e}", hot.estimator, cold.estimator);
        summary = summary.claim(grown > FAR * (hot.variance_error + cold.variance_error), words);
    }
    summary
}

fn off(found: &Found) -> String {
    format!("{:e} +- {:.1e}", found.bias, found.error)
}
