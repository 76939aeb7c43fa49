//! What a person would want to look at, as PNG and SVG.

use std::fmt::Write;

use estimand::ndarray::{Array2, Axis, concatenate};
use lab::data::{Bits, Sprites};
use lab::{Args, Chart, Failure, Grid};

use crate::findings::{Findings, Number};
use crate::report::{Report, disentanglement, kept, mig, total_correlation};
use crate::training::{Family, Run};

const COLOURS: [(u8, u8, u8); 5] = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0)];

/// Steps of a traversal, from -REACH to REACH in units of the prior.
const STEPS: usize = 11;
const REACH: f32 = 2.5;
/// Screen pixels a pixel.
const SCALE: usize = 2;

pub fn draw(args: &Args, report: Report<'_>, images: &Bits) -> Result<(), Failure> {
    args.write_chart("rate_distortion", &rate_distortion(report))?;
    args.write_chart("price", &price(report))?;
    args.write_chart("parts", &parts(report))?;
    if report.runs.iter().all(|run| run.found.scores.is_some()) {
        args.write_chart("scores", &scores(report))?;
        args.write_chart("factors", &factors(report))?;
    }
    for run in report.shown() {
        let grid = Grid::new(&traversal(args, run, images)?, images.shape(), STEPS + 1)?;
        args.write_grid(&format!("traversal_{}_{}", run.job.family.name(), run.job.beta), &grid, SCALE)?;
    }
    args.write("runs.csv", table(report)?)?;
    Ok(())
}

/// Points of one family: x and y of the means over seeds.
fn curve(report: Report<'_>, family: Family, x: Number, y: Number) -> Vec<(f64, f64)> {
    let point = |&beta: &f64| (report.mean(family, beta, x), report.mean(family, beta, y));
    family.betas().iter().map(point).collect()
}

fn rate_distortion(report: Report<'_>) -> Chart {
    let (rate, distortion) = (|found: &Findings| found.kl, |found: &Findings| -found.reconstruction);
    let betas = Family::Vae.betas();
    let ends = |beta: Option<&f64>| beta.copied().unwrap_or_default();
    let title =
        format!("Rate and distortion as beta goes from {} (right) to {}", ends(betas.first()), ends(betas.last()));
    let mut chart = Chart::new(title, "KL, nats an image", "-E log p(x|z), nats an image");
    for (family, colour) in Family::ALL.into_iter().zip(COLOURS) {
        chart = chart.line_in(colour, family.name(), curve(report, family, rate, distortion));
        let runs = report.runs.iter().filter(|run| run.job.family == family);
        chart = chart.dots_in(colour, "", runs.map(|run| (rate(&run.found), distortion(&run.found))));
    }
    chart
}

fn price(report: Report<'_>) -> Chart {
    let slopes = report.slopes();
    // A chord's slope is that of the curve somewhere between its ends: half way, in the logarithm.
    let middle = |(from, to): (f64, f64)| (from * to).sqrt();
    Chart::new(
        "What a nat buys, beside beta",
        "beta, half way between two trainings",
        "nats of reconstruction a nat of KL",
    )
    .log_x()
    .log_y()
    .line_in(COLOURS[0], "slope of the curve", slopes.iter().map(|slope| (middle(slope.betas), slope.slope())))
    .line_in((60, 60, 60), "beta itself", slopes.iter().map(|slope| (middle(slope.betas), middle(slope.betas))))
}

/// A curve against beta, with what lies between the seeds.
fn against_beta(report: Report<'_>, chart: Chart, family: Family, of: Number, as_: ((u8, u8, u8), &str)) -> Chart {
    let spread = |&beta: &f64| (beta, report.spread(family, beta, of));
    let points: Vec<_> = family.betas().iter().map(spread).collect();
    chart.band_in(as_.0, points.iter().map(|(beta, spread)| (*beta, spread.least, spread.most))).line_in(
        as_.0,
        as_.1,
        points.iter().map(|(beta, spread)| (*beta, spread.mean)),
    )
}

fn parts(report: Report<'_>) -> Chart {
    let chart = Chart::new("The average KL and its parts", "beta", "nats an image").log_x();
    let parts: [(Number, &str); 4] = [
        (|found| found.kl, "KL"),
        (|found| f64::from(found.parts.information), "information"),
        (total_correlation, "total correlation"),
        (|found| f64::from(found.parts.dimension_wise), "dimension-wise KL"),
    ];
    let zipped = parts.into_iter().zip(COLOURS);
    zipped.fold(chart, |chart, ((of, name), colour)| against_beta(report, chart, Family::Vae, of, (colour, name)))
}

fn scores(report: Report<'_>) -> Chart {
    let mut chart =
        Chart::new("Scores of disentanglement: means, and what lies between seeds", "beta", "score").log_x();
    chart = against_beta(report, chart, Family::Vae, mig, (COLOURS[0], "MIG, beta-VAE"));
    chart = against_beta(report, chart, Family::TcVae, mig, (COLOURS[4], "MIG, beta-TCVAE"));
    chart = against_beta(report, chart, Family::Vae, disentanglement, (COLOURS[1], "DCI, beta-VAE"));
    chart = against_beta(report, chart, Family::TcVae, disentanglement, (COLOURS[3], "DCI, beta-TCVAE"));
    let few = report.runs.iter().filter(|run| run.job.family == Family::Few);
    chart.dots_in(COLOURS[2], "MIG, few latents", few.map(|run| (run.job.beta, mig(&run.found))))
}

fn factors(report: Report<'_>) -> Chart {
    let chart = Chart::new("What a sample of the code knows of each factor", "beta", "part of its entropy").log_x();
    Sprites::FACTORS.iter().enumerate().zip(COLOURS).fold(chart, |chart, ((k, name), colour)| {
        let points = Family::Vae.betas().iter().map(|&beta| (beta, report.mean(Family::Vae, beta, kept(k))));
        chart.line_in(colour, *name, points)
    })
}

/// A row each latent, by falling KL: the image of the middle, and what becomes of it as that latent moves.
fn traversal(args: &Args, run: &Run, images: &Bits) -> Result<Array2<f32>, Failure> {
    let x = images.batch::<f32>(&[images.len() / 2])?;
    let code = run.vae.encode(&x, args.threads)?;
    let mut latents: Vec<usize> = (0..run.vae.latent()).collect();
    latents.sort_by(|&a, &b| run.found.kl_of[b].total_cmp(&run.found.kl_of[a]));
    let rows = latents.into_iter().map(|j| {
        let mut z = code.broadcast((STEPS, code.ncols())).map(|code| code.to_owned()).unwrap_or_default();
        for (step, z) in z.column_mut(j).iter_mut().enumerate() {
            *z = REACH * (2.0 * step as f32 / (STEPS - 1) as f32 - 1.0);
        }
        Ok(concatenate(Axis(0), &[x.view(), run.vae.decode(z, args.threads)?.view()])?)
    });
    let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
    Ok(concatenate(Axis(0), &rows.iter().map(|row| row.view()).collect::<Vec<_>>())?)
}

/// All numbers behind the charts.
fn table(report: Report<'_>) -> Result<String, Failure> {
    let mut table =
        String::from("kind,beta,seed,reconstruction,kl,information,total_correlation,dimension_wise,active,mig,dci");
    Sprites::FACTORS.iter().try_for_each(|name| write!(table, ",known_of_{name}"))?;
    for Run { job, found, .. } in report.runs {
        let parts = found.parts;
        write!(
            table,
            "\n{},{},{},{},{},{},{},{},{},{},{}",
            job.family.name(),
            job.beta,
            job.seed + 1,
            found.reconstruction,
            found.kl,
            parts.information,
            parts.total_correlation,
            parts.dimension_wise,
            found.active.len(),
            mig(found),
            disentanglement(found)
        )?;
        for k in 0..Sprites::FACTORS.len() {
            write!(table, ",{}", kept(k)(found))?;
        }
    }
    table.push('\n');
    Ok(table)
}
