//! The tables, and in words what they say; every word is chosen by the numbers.

use estimand::check::{Tested, Verdict};
use lab::{Failure, say};

use crate::argmax::{Cells, Frequencies};
use crate::claims::{FAR, rounding};
use crate::estimators::{Estimator, Found, Problem, SAMPLES};
use crate::toy::{self, Drawn};

pub fn frequencies(cells: &Cells, all: &[Frequencies], samples: usize) {
    let row = |of: &[f64]| of.iter().map(|p| format!("{:8.3} %", 100.0 * p)).collect::<String>();
    say(format_args!("the largest share of {samples} Concrete samples, by class"));
    say(format_args!(
        "       T  {}   chi-square of {}      p",
        "frequencies".to_owned() + &" ".repeat((10 * cells.probabilities().len()).saturating_sub(11)),
        cells.freedom()
    ));
    for at in all.iter().rev() {
        say(format_args!("{:>8}  {}   {:>15.3}   {:.3}", at.temperature, row(&at.of), at.chi_square, at.p_value));
    }
    say(format_args!(" softmax  {}", row(cells.probabilities())));
}

pub fn gradients(problem: &Problem, all: &[Found], tested: &Tested) {
    let Problem { variables, classes, cost, .. } = problem;
    let draws = all.iter().map(|found| found.draws).max().unwrap_or_default();
    let fewer = all.iter().map(|found| found.draws).min().unwrap_or_default();
    say("");
    say(format_args!(
        "gradient of E {} in the logits of {variables} choices among {classes}: of the length {} by enumeration of {} points",
        cost.family.formula(),
        number(problem.norm()),
        classes.pow(*variables as u32)
    ));
    say(format_args!(
        "{draws} draws of each estimator (Rao-Blackwellised: {fewer}); an estimate of 0 has the squared error {}",
        number(problem.norm().powi(2))
    ));
    say("estimator                    T   |mean - exact|   std error     variance   MSE of 1 evaluation         of 4");
    for found in all {
        let temperature = found.estimator.temperature().map_or("-".to_owned(), |t| t.to_string());
        let mark = if biased(problem, found) { '*' } else { ' ' };
        let one = if found.estimator.evaluations() == 1 { number(found.mse(1)) } else { "-".to_owned() };
        say(format_args!(
            "{:19}  {temperature:>8}   {:>13}{mark}   {:>9.1e}   {:>10}   {one:>19}   {:>10}",
            found.estimator.name(),
            number(found.bias),
            found.error,
            number(found.variance),
            number(found.mse(SAMPLES))
        ));
    }
    say(format_args!("* more than {FAR} standard errors from the exact gradient"));
    say(format_args!("leave-one-out, tested on other draws: {tested}"));
}

fn biased(problem: &Problem, found: &Found) -> bool {
    found.bias > FAR * found.error + rounding(problem)
}

fn soft(all: &[Found]) -> impl Iterator<Item = &Found> {
    all.iter().filter(|found| matches!(found.estimator, Estimator::Soft(_)))
}

/// The one with the least mean squared error of so many evaluations.
fn least<'a>(all: impl Iterator<Item = &'a Found>, evaluations: usize) -> Option<&'a Found> {
    all.min_by(|a, b| a.mse(evaluations).total_cmp(&b.mse(evaluations)))
}

/// The soft form that the last line tells of: at the temperature that was asked for, or the best for one sample.
pub fn told(all: &[Found], temperature: Option<f64>) -> Option<&Found> {
    match temperature {
        Some(t) => all.iter().find(|found| found.estimator == Estimator::Soft(t)),
        None => least(soft(all), 1),
    }
}

/// The variance of the mean of leave-one-out draws with so many evaluations in all.
fn unbiased(found: &Found, evaluations: usize) -> f64 {
    found.variance * found.estimator.evaluations() as f64 / evaluations as f64
}

pub fn words(problem: &Problem, all: &[Found], tested: &Tested) {
    let (Some(hot), Some(cold)) = (soft(all).next(), soft(all).last()) else { return };
    let zero = problem.norm().powi(2);
    say("");
    if hot.estimator != cold.estimator {
        let change = |from: f64, to: f64| if to < from { "falls" } else { "grows" };
        say(format_args!(
            "From T = {} to {} the bias of the soft form {} from {} to {} ({} of the gradient's length to {}), and its variance {} \
             from {} to {}.",
            hot.estimator.temperature().unwrap_or_default(),
            cold.estimator.temperature().unwrap_or_default(),
            change(hot.bias, cold.bias),
            number(hot.bias),
            number(cold.bias),
            percent(hot.bias / problem.norm()),
            percent(cold.bias / problem.norm()),
            change(hot.variance, cold.variance),
            number(hot.variance),
            number(cold.variance)
        ));
    }
    // Of more samples than were drawn the mean squared error is not known: its bias is not.
    let most = hot.draws;
    let mut best = Vec::new();
    for evaluations in [1, 16, 256, 4096].into_iter().filter(|&n| n <= most) {
        let Some(found) = least(soft(all), evaluations) else { continue };
        let (t, mse) = (found.estimator.temperature().unwrap_or_default(), found.mse(evaluations));
        say(format_args!(
            "  the mean of {evaluations:4} has the least squared error at T = {t}: {}, {} that of an estimate of 0;",
            number(mse),
            percent(mse / zero),
        ));
        best.push(t);
    }
    if best.windows(2).all(|pair| pair[1] <= pair[0]) && best.first() > best.last() {
        say("the more samples the mean is of, the colder the best temperature.");
    }
    for found in all.iter().filter(|found| found.estimator.temperature().is_none()) {
        let verdict = if found.estimator == Estimator::LeaveOneOut {
            match tested.verdict {
                Verdict::Consistent => "without bias, as far as the test sees".to_owned(),
                Verdict::Biased => "biased, says the test".to_owned(),
                Verdict::Inconclusive => "too few draws for the test to tell".to_owned(),
            }
        } else if biased(problem, found) {
            format!("biased, by {} of the gradient's length", percent(found.bias / problem.norm()))
        } else {
            format!(
                "not seen to be biased, by more than {} of the gradient's length",
                percent(FAR * found.error / problem.norm())
            )
        };
        say(format_args!("  {}: {verdict};", found.estimator.name()));
    }
    let Some(other) = all.iter().find(|found| found.estimator == Estimator::LeaveOneOut) else { return };
    let budgets = || (2..).map(|k| 1_usize << k).take_while(|&n| n <= most);
    let from = |rival: &dyn Fn(usize) -> Option<f64>| {
        let nearer = |n: &usize| rival(*n).is_some_and(|mse| unbiased(other, *n) < mse);
        match budgets().find(nearer) {
            Some(n) => format!("from {n} evaluations on"),
            None => format!("nowhere up to {most}"),
        }
    };
    let best = from(&|n| least(soft(all), n).map(|found| found.mse(n)));
    let rein = from(&|n| all.iter().find(|found| found.estimator == Estimator::ReinMax).map(|found| found.mse(n)));
    say(format_args!(
        "leave-one-out, which needs no slope, is nearer to the truth than the soft form at its best temperature {best}, and than \
         ReinMax {rein} (among powers of 2 from {SAMPLES})."
    ));
}

fn percent(share: f64) -> String {
    match share {
        s if s > 100.0 => format!("{s:.1e} times"),
        s => format!("{:.*} %", if s < 0.01 { 2 } else { usize::from(s < 0.1) }, 100.0 * s),
    }
}

/// Five decimals, or three digits where they would show none of them.
pub fn number(x: f64) -> String {
    if x == 0.0 || x.abs() >= 1e-3 { format!("{x:.5}") } else { format!("{x:.2e}") }
}

/// The two classes.
pub fn wrong_sign(truth: f64, drawn: &[Drawn]) -> Result<(), Failure> {
    let Some(at) = drawn.iter().find(|at| at.temperature == toy::TEMPERATURE) else { return Ok(()) };
    let says = if (at.mean < 0.0) == (truth < 0.0) { "has the sign of the truth" } else { "points the wrong way" };
    let range = match toy::wrong()? {
        Some((cold, hot)) => format!("it does so from T = {cold:.2} to {hot:.1}"),
        None => "it does so at no temperature".to_owned(),
    };
    say(format_args!(
        "Two classes, P(x = 1) = {}, f = (x - {})^2: the derivative is {truth:+.4}, and {} soft draws at T = {} say {:+.5} +- {:.5}, \
         which {says}; by quadrature their mean is {:+.5} there, and {range}.",
        toy::CHANCE,
        toy::LEAST,
        at.draws,
        at.temperature,
        at.mean,
        at.error,
        at.exact
    ));
    Ok(())
}
