//! What beta does, in words that are as the numbers are.

use lab::data::Sprites;

use crate::findings::Number;
use crate::report::{self, Report, mig, total_correlation};
use crate::training::Family;

/// The betas that are set against each other.
const LOW: f64 = 1.0;
const HIGH: f64 = 16.0;

/// The paragraph at the end.
pub fn answer(report: Report<'_>) -> String {
    let mut words = of_the_rate(report);
    if report.mean(Family::Vae, LOW, mig).is_finite() {
        words += &of_the_factors(report);
    }
    words
}

/// Where beta comes from, and what it does to rate and distortion.
fn of_the_rate(report: Report<'_>) -> String {
    let ends = |of: Number| [LOW, HIGH].map(|beta| report.mean(Family::Vae, beta, of));
    let in_seeds = |of: Number| format!("{} of {}", report.falls(of), report.seeds);
    let slopes = report.slopes();
    let between = slopes.iter().filter(|slope| slope.is_between()).count();
    let prices = slopes.iter().map(|slope| format!("{:.1}", slope.slope())).collect::<Vec<_>>().join(", ");
    let [kl, less_kl] = ends(|found| found.kl);
    let [reconstruction, worse] = ends(|found| found.reconstruction);
    let [information, less_information] = ends(|found| f64::from(found.parts.information));
    let [correlation, less_correlation] = ends(total_correlation);
    let [active, fewer] = ends(|found| found.active.len() as f64);
    // Of what fell in both, and was something.
    let first = match (less_correlation / correlation, less_information / information) {
        (c, i) if !(0.0..1.0).contains(&c) || !(0.0..1.0).contains(&i) => "Of its parts",
        (c, i) if c < i => "What went first is what latents said twice: of its parts",
        _ => "Information went before what latents said twice: of its parts",
    };
    let like = report.at_like_reconstruction();
    let lower = like.iter().filter(|(run, vae)| total_correlation(&run.found) < *vae).count();
    format!(
        "What beta does. Beta is the multiplier of a constraint: what maximises E log p(x|z) under a ceiling on the KL, KL <= C, is a \
         stationary point of E log p(x|z) - beta (KL - C), and beta is what the next nat of C would bring. Measured from each beta to \
         the next, a nat brought {prices} nats of reconstruction, {between} of {} times a number between the two betas. From beta \
         {LOW} to {HIGH} the code went from {kl:.1} nats to {less_kl:.1}, and the reconstruction from {reconstruction:.1} to \
         {worse:.1}. {first}, the total correlation went from {correlation:.2} to {less_correlation:.2} and the information about \
         the image from {information:.2} to {less_information:.2}, of {:.2} that there are at the most; active latents went from \
         {active:.1} to {fewer:.1}. Reconstruction fell with every step of beta in {} seeds, KL in {}, total correlation in {}. With \
         beta on the total correlation alone, that was lower than the beta-VAE's at like reconstruction in {lower} of {} trainings \
         that have their like.",
        slopes.len(),
        report.most_information,
        in_seeds(|found| found.reconstruction),
        in_seeds(|found| found.kl),
        in_seeds(total_correlation),
        like.len(),
    )
}

/// What it makes of the factors, and at what cost.
fn of_the_factors(report: Report<'_>) -> String {
    let vae = |beta: f64| report.spread(Family::Vae, beta, mig);
    let (one, eight, sixteen, few) = (vae(LOW), vae(8.0), vae(HIGH), report.spread(Family::Few, LOW, mig));
    let [latents, all] =
        [Family::Few, Family::Vae].map(|family| report.mean(family, LOW, |found| found.kl_of.len() as f64));
    let (gain, by_number) = (sixteen.mean - one.mean, few.mean - one.mean);
    let pruned = match by_number / gain {
        _ if gain <= 0.0 || by_number <= 0.0 || latents >= all => String::new(),
        part if part >= 1.0 => format!(", all of the gain at beta {HIGH} by their number alone"),
        part => format!(", {:.0} % of the gain at beta {HIGH} by their number alone", 100.0 * part),
    };
    let apart = [one, eight, sixteen].map(|spread| spread.most - spread.least).into_iter().fold(0.0, f64::max);
    let seeds_apart = if report.seeds > 1 {
        format!(
            "; the seeds of one beta were up to {apart:.3} apart, where {LOW} and 8 differ by {:.3}",
            eight.mean - one.mean
        )
    } else {
        String::new()
    };
    let ends = |k: usize| [LOW, HIGH].map(|beta| 100.0 * report.mean(Family::Vae, beta, report::kept(k)).max(0.0));
    let kept = |(k, name): (usize, &&str)| {
        let [from, to] = ends(k);
        format!("of {name} {from:.0} % and then {to:.0} %")
    };
    let paid = if (0..Sprites::FACTORS.len()).all(|k| ends(k)[1] < ends(k)[0]) {
        "and the code pays with the factors themselves: from"
    } else {
        "and as to the factors themselves, from"
    };
    let kept = Sprites::FACTORS.iter().enumerate().map(kept).collect::<Vec<_>>().join(", ");
    format!(
        "\nWhat it makes of the factors. MIG was {:.3} at beta {LOW}, {:.3} at 8 and {:.3} at {HIGH}: above beta {LOW} in {} of {seeds} \
         and {} of {seeds} seeds. Of equal weight: with {latents} latents at beta {LOW} it was {:.3}{pruned}{seeds_apart}; {paid} beta \
         {LOW} to {HIGH} it kept {kept}. A score of what is left in which latent does not see what is gone. Nor are the axes a gift of \
         beta: they are those of a posterior whose covariance is diagonal, which in a linear model every beta has.",
        one.mean,
        eight.mean,
        sixteen.mean,
        report.gains(8.0),
        report.gains(HIGH),
        few.mean,
        seeds = report.seeds,
    )
}
