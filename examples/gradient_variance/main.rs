//! The variance of gradient estimators: figures 2 and 3 of Mohamed, Rosca, Figurnov and Mnih 2020, "Monte
//! Carlo Gradient Estimation in Machine Learning", exact and measured.
//!
//!     cargo run --release --example gradient_variance
//!     cargo run --release --example gradient_variance -- --cost cos --k 1 --parameter sigma
//!
//! `estimators.rs` is what a user writes: plans that turn noise into draws, here driven by quadrature for the
//! curves and by a generator for the dots. `cost.rs` holds the costs and the true derivatives by their
//! formulas; `pictures.rs` draws.

mod cost;
mod estimators;
mod pictures;

use std::process::ExitCode;

use estimand::gradient::Coupling;
use estimand::rand::{Rng, SeedableRng, rngs::StdRng};
use lab::{Args, Failure, Opt, Program, Summary, progress, say};

use cost::{Cost, Family, Parameter};
use estimators::{ALL, Estimator, Exact, KEYS, Look, Point};
use pictures::Figure;

/// Standard errors that a measured mean or variance may be off.
const MOST: f64 = 5.0;

const PROGRAM: Program = Program {
    name: "gradient_variance",
    about: "Draws the variance of gradient estimators over three costs of x ~ N(1, 1), exact and measured.",
    options: &[
        Opt::choice("cost", "NAME", "the cost of the point: (x-k)^2, exp(-k x^2), cos(k x)", "square", Family::NAMES),
        Opt::optional_number(
            "k",
            "K",
            "the k of the point, of which alone is told then; without it the figures are drawn, and the point is at -3 for square, else at 1",
            f64::MIN..=f64::MAX,
        ),
        Opt::choice("parameter", "NAME", "what the derivative is taken in at the point", "mu", Parameter::NAMES),
        Opt::count("draws", "N", "draws of an estimator at each measured k", 10_000, 100..=10_000_000)
            .quick_count(2000),
        Opt::count("points", "N", "measured values of k in a figure", 13, 2..=1000).quick_count(5),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let family = Family::of(args.choice("cost")?);
    let parameter = Parameter::of(args.choice("parameter")?);
    let k = args.optional_number("k")?;
    let cost = Cost::new(family, k.unwrap_or(family.usual().k))?;
    let (draws, mut rng) = (args.count("draws")?, args.rng());
    let mut summary = Summary::new();
    if k.is_none() {
        summary = figures(args, &mut rng, summary)?;
    }
    let look = Look::new(Point::new(cost, parameter)?, draws, &rng)?;
    tell(&look);
    summary = claims(summary, &cost.to_string(), std::slice::from_ref(&look));
    summary = summary.finding("true", digits(look.point.truth()));
    for (key, exact) in KEYS.into_iter().zip(&look.exact) {
        summary = summary.finding(key, digits(exact.variance));
    }
    Ok(summary)
}

/// Draws all six, and says what they show.
fn figures(args: &Args, rng: &mut StdRng, mut summary: Summary) -> Result<Summary, Failure> {
    let (draws, points) = (args.count("draws")?, args.count("points")?);
    let bar = progress(6 * (points + 1), "integrating and drawing");
    let mut all = Vec::new();
    for family in Family::ALL {
        for parameter in Parameter::ALL {
            let mut figure = Figure::new(family, parameter)?;
            bar.inc(1);
            for k in family.grid(points) {
                let point = Point::new(Cost::new(family, k)?, parameter)?;
                // Each k has a generator of its own: points of one figure err independently.
                figure.looks.push(Look::new(point, draws, &StdRng::seed_from_u64(rng.random()))?);
                bar.inc(1);
            }
            figure.draw(args)?;
            all.push(figure);
        }
    }
    bar.finish_and_clear();
    args.write("variances.csv", pictures::table(&all)?)?;
    say(format_args!("Variance of one draw, x ~ N(1, 1); {points} values of k a figure, {draws} draws each"));
    say("cost          parameter   mean off by at most   variance off by at most");
    for figure in &all {
        let (mean, variance) = worst(&figure.looks);
        let (formula, of) = (figure.family.formula(), figure.parameter.name());
        say(format_args!("{formula:11}   {of:9}   {mean:7.2} std errors   {variance:9.2} std errors"));
        summary = claims(summary, &format!("{formula}, {of}"), &figure.looks);
    }
    say(format_args!("pictures: {}", args.out.display()));
    summary = interpret(&all, summary)?;
    Ok(summary)
}

/// The largest distances of means and variances, in standard errors.
fn worst(looks: &[Look]) -> (f64, f64) {
    let all = looks.iter().flat_map(Look::off);
    all.fold((0.0, 0.0), |(mean, variance), off| (off.mean.abs().max(mean), off.variance.abs().max(variance)))
}

/// What must hold of every point: the quadrature gives the derivative, and so do the draws, with the variance
/// that the quadrature says.
fn claims(mut summary: Summary, what: &str, looks: &[Look]) -> Summary {
    for look in looks {
        let [score, mean, optimal, ..] = look.exact.map(|exact| exact.variance);
        let words = format!("{what}, k = {}: no constant leaves less variance than the optimal one", look.point.cost.k);
        summary = summary.claim(optimal <= score.min(mean) * (1.0 + 1e-9), words);
        for (estimator, (exact, off)) in ALL.iter().zip(look.exact.iter().zip(look.off())) {
            let who = format!("{what}, k = {}, {}", look.point.cost.k, estimator.name());
            let truth = look.point.truth();
            let words = format!("{who}: the exact mean, {}, is the derivative, {truth}", exact.mean);
            summary = summary.claim((exact.mean - truth).abs() <= 1e-9 * (1.0 + truth.abs()), words);
            let words =
                format!("{who}: the measured mean is within {MOST} standard errors; it is off by {:.2}", off.mean);
            summary = summary.claim(off.mean.abs() <= MOST, words);
            let words = format!(
                "{who}: the measured variance is within {MOST} standard errors; it is off by {:.2}",
                off.variance
            );
            summary = summary.claim(off.variance.abs() <= MOST, words);
        }
    }
    summary
}

/// The table of a comparison, and the exact numbers beside the measured ones.
fn tell(look: &Look) {
    let Point { cost, parameter, .. } = look.point;
    say("");
    say(format_args!("d/d {} of E f(x), f = {cost}, x ~ N(1, 1): {}", parameter.name(), digits(look.point.truth())));
    say(&look.measured);
    say("");
    say(
        "one draw                  mean, exact   measured      off   variance, exact   measured      off   exact x evals",
    );
    for ((estimator, exact), (measured, off)) in
        ALL.iter().zip(&look.exact).zip(look.measured.measured.iter().zip(look.off()))
    {
        say(format_args!(
            "{:23}   {:>11}   {:>8}   {:6.2}   {:>15}   {:>8}   {:6.2}   {:>13}",
            estimator.name(),
            digits(exact.mean),
            digits(measured.mean[0]),
            off.mean,
            digits(exact.variance),
            digits(measured.variance[0]),
            off.variance,
            digits(exact.variance * estimator.evaluations() as f64)
        ));
    }
    say("off: in standard errors, by the exact variance and the exact fourth moment");
}

/// The figures in words, from exact numbers; what they are said to show is claimed.
fn interpret(figures: &[Figure], summary: Summary) -> Result<Summary, Failure> {
    let at = |family, k, parameter| -> Result<[Exact; 5], Failure> {
        Ok(estimators::exact(&Point::new(Cost::new(family, k)?, parameter)?)?)
    };
    let [exp, cos] = [at(Family::Exp, 1.0, Parameter::Mu)?, at(Family::Cos, 1.0, Parameter::Mu)?];
    let [exp_sigma, cos_sigma] = [at(Family::Exp, 1.0, Parameter::Sigma)?, at(Family::Cos, 1.0, Parameter::Sigma)?];
    let far_point = Point::new(Family::Square.usual(), Parameter::Mu)?;
    let far = estimators::exact(&far_point)?;
    let apart = Estimator::MeasureValued(Coupling::Independent).exact(&far_point)?;
    let [score, mean, _, path, measure] = [0, 1, 2, 3, 4];
    let v = |exact: &[Exact; 5], j: usize| digits(exact[j].variance);
    let from = |family: Family, relation: fn(&[Exact; 5]) -> bool| {
        let of = |f: &&Figure| f.family == family && f.parameter == Parameter::Mu;
        let k = figures.iter().find(of).and_then(|f| f.onset(relation));
        k.map_or("nowhere".to_owned(), |k| format!("from k = {k:.2} on"))
    };
    let loses: fn(&[Exact; 5]) -> bool = |e| e[3].variance > e[0].variance;
    say("");
    say(format_args!(
        "The path wins where the cost is smooth, and loses to the bare score function where it wiggles on the scale of \
         the law: for exp(-k x^2) in mu {} ({} against {} at k = 1), for cos(k x) {}.",
        from(Family::Exp, loses),
        v(&exp, path),
        v(&exp, score),
        from(Family::Cos, loses)
    ));
    say(format_args!(
        "The mean cost as a baseline can hurt: for cos(x) the score function has {} without and {} with it in mu, {} and \
         {} in sigma. The optimal constant never does, and it is another for each parameter.",
        v(&cos, score),
        v(&cos, mean),
        v(&cos_sigma, score),
        v(&cos_sigma, mean)
    ));
    say(format_args!(
        "Measure-valued gradients have the least variance of all for exp(-x^2) and cos(x), but ask for two costs a \
         derivative, so variance times evaluations is the fair figure: for cos(x) in sigma 2 x {} against {} of the path. \
         They are not best for a square far from its centre: for (x+3)^2 in mu they have {}, the path {}, and there \
         coupling itself hurts: with independent parts it is {}.",
        v(&cos_sigma, measure),
        v(&cos_sigma, path),
        v(&far, measure),
        v(&far, path),
        digits(apart.variance)
    ));
    let over = |a: Exact, b: Exact| a.variance > b.variance;
    let by_hand = far.iter().zip([495.0, 138.0, 134.0, 4.0]).all(|(e, v)| (e.variance / v - 1.0).abs() < 1e-9);
    let least = |all: &[Exact; 5]| all.iter().all(|e| e.variance >= all[measure].variance);
    Ok(summary
        .claim(over(exp[path], exp[score]), "for exp(-x^2) in mu the path has more variance than the score function")
        .claim(
            over(cos[mean], cos[score]) && over(cos_sigma[mean], cos_sigma[score]),
            "for cos(x) the mean baseline adds variance",
        )
        .claim(
            [exp, exp_sigma, cos, cos_sigma].iter().all(least),
            "measure-valued has the least variance for exp(-x^2) and cos(x)",
        )
        .claim(
            2.0 * cos_sigma[measure].variance > cos_sigma[path].variance,
            "for cos(x) in sigma measure-valued costs more than the path",
        )
        .claim(by_hand, "the moments of N(1, 1) give 495, 138, 134 and 4 for (x+3)^2 in mu")
        .claim(over(far[measure], far[path]), "for (x+3)^2 in mu measure-valued has more variance than the path")
        .claim(over(far[measure], apart), "for (x+3)^2 in mu coupling adds variance"))
}

/// Six significant digits without idle zeros.
fn digits(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-5..1e9).contains(&size) {
        return format!("{x:.5e}");
    }
    let text = format!("{x:.*}", (5 - size.log10().floor() as i32).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
