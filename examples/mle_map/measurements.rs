//! Real measurements, whose truth we know better than those who made them.

use std::path::{Path, PathBuf};

use estimand::fit::{Gaussian, Groups, MeanLikelihood, Moments, bessel};
use lab::data::Table;
use lab::{Failure, Summary, say};

/// The speed of light on Michelson's scale, km/s less 299000, with what is known today of the air
/// (Stigler 1977).
const TRUE_SPEED: f64 = 734.5;

pub fn show(summary: Summary) -> Result<Summary, Failure> {
    let summary = light(summary)?;
    gravity()?;
    Ok(summary)
}

fn light(summary: Summary) -> Result<Summary, Failure> {
    let speeds = Table::read(data("michelson1879.csv"))?.column("km_per_s_minus_299000")?;
    let sigma = 79.0;
    // Foucault's 298 000 +- 500 km/s of 1862.
    let prior = Gaussian::new(-1000.0, 500.0 * 500.0)?;
    let all: Moments<f64> = speeds.iter().copied().collect();
    let of = |n: usize| -> Result<(f64, Gaussian<f64>), Failure> {
        let moments: Moments<f64> = speeds.iter().take(n).copied().collect();
        let likelihood = MeanLikelihood::of(&moments, sigma * sigma)?;
        Ok((likelihood.mle()?, likelihood.posterior(&prior)))
    };
    say("");
    say(format_args!(
        "Michelson 1879, speed of light in air, km/s less 299000: {} values, mean {:.1}, sd {:.3}",
        all.count(),
        all.mean()?,
        bessel(&all)?.sd()
    ));
    say("sigma = 79 taken as known; prior N(-1000, 500^2), Foucault's 298 000 +- 500 of 1862");
    say("   N         MLE         MAP          sd         95 % credible");
    for n in [1, 10, speeds.len()] {
        let (mle, posterior) = of(n)?;
        let (low, high) = posterior.interval(0.95)?;
        say(format_args!(
            "{n:4}   {mle:9.5}   {:9.5}   {:9.5}   {low:9.3} .. {high:.3}",
            posterior.mean(),
            posterior.sd()
        ));
    }
    let (mle, posterior) = of(speeds.len())?;
    say(format_args!(
        "The prior, {:.0} km/s off, moves the estimate of {} values by {:.3}: what it weighs is {:.3} of one value.",
        prior.mean() - mle,
        speeds.len(),
        posterior.mean() - mle,
        sigma * sigma / prior.variance()
    ));
    say(format_args!(
        "The true value on this scale is {TRUE_SPEED}: {:.1} posterior standard deviations away. No posterior sees that.\
         \nIt says what the values say of *their* mean, if they are independent with this sigma around it; all of them share\
         \nan error of the apparatus, which more values do not average away and which is in neither likelihood nor prior.",
        (posterior.mean() - TRUE_SPEED) / posterior.sd()
    ));
    Ok(summary
        .finding("michelson_map", format_args!("{:.5}", posterior.mean()))
        .finding("michelson_sd", format_args!("{:.5}", posterior.sd())))
}

fn gravity() -> Result<(), Failure> {
    let table = Table::read(data("gravity_nbs1935.csv"))?;
    let (labels, values) = (table.column("series")?, table.column("dev_1e-3_cm_s2")?);
    let mut series: Vec<(f64, Moments<f64>)> = Vec::new();
    let mut all = Moments::new();
    for (label, value) in labels.into_iter().zip(values) {
        if series.last().is_none_or(|(last, _)| *last != label) {
            series.push((label, Moments::new()));
        }
        if let Some((_, moments)) = series.last_mut() {
            moments.push(value);
        }
        all.push(value);
    }
    say("");
    say("Gravity at Washington 1934/35, 1e-3 cm/s^2 above 980, in 8 series of very different spread");
    say("series    n     mean       sd    share of the weighted mean");
    let groups: Vec<Moments<f64>> = series.iter().map(|&(_, moments)| moments).collect();
    let fit = Groups::estimated(&groups)?;
    let error = fit.likelihood().std_error()?;
    for (label, moments) in &series {
        let share = (error / moments.std_error()?).powi(2);
        let (n, sd) = (moments.count(), bessel(moments)?.sd());
        say(format_args!("{label:6}   {n:2}   {:6.2}   {sd:6.2}   {:24.1} %", moments.mean()?, 100.0 * share));
    }
    let agreement = fit.homogeneity()?;
    let birge = agreement.birge_ratio();
    say(format_args!("all alike:               {:.3} +- {:.3}", all.mean()?, all.std_error()?));
    say(format_args!("weighted by precision:   {:.3} +- {error:.3}", fit.likelihood().mle()?));
    say(format_args!(
        "do the series agree?     chi-square {:.2} on {}, p = {:.4}; Birge ratio {birge:.2}",
        agreement.statistic, agreement.degrees, agreement.p_value
    ));
    say(format_args!(
        "Weighting says +- {error:.2}, and the test says that the series {}: {}",
        if agreement.p_value < 0.01 { "do not share one mean" } else { "may share one mean" },
        if agreement.p_value < 0.01 {
            format!("widened by the Birge ratio, +- {:.2} is the honest figure.", birge * error)
        } else {
            "the figure may stand.".to_owned()
        }
    ));
    Ok(())
}

/// A file of `examples/data`, from wherever this runs.
fn data(name: &str) -> PathBuf {
    let here = Path::new("examples/data").join(name);
    if here.exists() { here } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(here) }
}
