//! Numbers of the user's own.

use std::path::Path;

use estimand::fit::{Gaussian, MeanLikelihood, Moments};
use lab::data::Table;
use lab::{Args, Failure, Summary, say};

pub fn estimate(args: &Args, path: &Path) -> Result<Summary, Failure> {
    let missing = |name: &str| format!("`--csv` needs `--{name}` too; `--help` lists all options");
    let column = args.optional_text("column")?.ok_or_else(|| missing("column"))?;
    let number = |name: &str| -> Result<f64, Failure> { Ok(args.optional_number(name)?.ok_or_else(|| missing(name))?) };
    let (sigma, prior_mean, prior_sd) = (number("sigma")?, number("prior-mean")?, number("prior-sd")?);
    let square = |name: &str, sd: f64| match sd * sd {
        v if v > 0.0 && v.is_finite() => Ok(v),
        _ => Err(format!("`--{name}` is {sd:e}, whose square is no number")),
    };
    let variance = square("sigma", sigma)?;
    let prior = Gaussian::new(prior_mean, square("prior-sd", prior_sd)?)?;

    let moments: Moments<f64> = Table::read(path)?.column(column)?.into_iter().collect();
    let likelihood = MeanLikelihood::of(&moments, variance)?;
    let (n, mle, posterior) = (moments.count(), likelihood.mle()?, likelihood.posterior(&prior));
    let (low, high) = posterior.interval(0.95)?;
    let next = posterior.predictive(variance)?.interval(0.95)?;
    say(format_args!("{n} numbers in `{column}` of {}", path.display()));
    if let Ok(spread) = moments.unbiased_variance() {
        say(format_args!("their own sd is {:.6}; taken as known: sigma = {sigma}", spread.sqrt()));
    }
    say(format_args!("MLE of the mean:       {mle:.6} +- {:.6}", likelihood.std_error()?));
    say(format_args!("prior:                 {prior_mean} +- {prior_sd}"));
    say(format_args!("posterior (its mean is the MAP): {:.6} +- {:.6}", posterior.mean(), posterior.sd()));
    say(format_args!("95 % credible:         {low:.6} .. {high:.6}"));
    say(format_args!("95 % of a next number: {:.6} .. {:.6}", next.0, next.1));
    say(format_args!("log marginal likelihood: {:.6} nats", likelihood.log_marginal(&prior)));
    Ok(Summary::new()
        .finding("n", n)
        .finding("mle", format_args!("{mle:.6}"))
        .finding("map", format_args!("{:.6}", posterior.mean()))
        .finding("sd", format_args!("{:.6}", posterior.sd())))
}
