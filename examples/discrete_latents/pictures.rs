//! What a person would want to look at, as PNG and SVG.

use std::fmt::Write;

use estimand::ndarray::{Array2, Axis, concatenate};
use estimand::rand::{SeedableRng, rngs::StdRng};
use lab::data::Bits;
use lab::{Args, Chart, Failure, Grid};

use crate::training::Run;

/// Images in a row of every picture.
const ACROSS: usize = 12;
/// Rows of samples, and twice those of reconstructions.
const DOWN: usize = 6;
/// Screen pixels a pixel.
const SCALE: usize = 3;

/// The curves of one family's runs, and what its best run makes of images.
pub fn draw(args: &Args, runs: &[Run], test: &Bits) -> Result<(), Failure> {
    let Some(best) = runs.iter().max_by(|a, b| a.elbo().total_cmp(&b.elbo())) else { return Ok(()) };
    let family = best.latents.name();
    let mut chart = Chart::new(format!("Test ELBO of discrete latents: {family}"), "epoch", "nats an image");
    for run in runs {
        let after = run.test.iter().enumerate().skip(1);
        chart = chart.line(run.estimator.name, after.map(|(i, terms)| (i as f64, terms.elbo())));
    }
    args.write_chart(&format!("{family}_elbo"), &chart)?;

    let save = |name: &str, images: Array2<f32>| -> Result<(), Failure> {
        args.write_grid(&format!("{family}_{name}"), &Grid::new(&images, test.shape(), ACROSS)?, SCALE)
    };
    let mut rng = StdRng::seed_from_u64(args.seed);
    save("samples", best.model.generate(ACROSS * DOWN, &mut rng)?)?;
    save("reconstructions", reconstructions(best, test, &mut rng)?)
}

/// Rows of test images, each above the row of what is decoded of one sample each.
fn reconstructions(run: &Run, test: &Bits, rng: &mut StdRng) -> Result<Array2<f32>, Failure> {
    let mut rows = Vec::new();
    let all: Vec<usize> = (0..test.len().min(ACROSS * DOWN / 2)).collect();
    for row in all.chunks(ACROSS) {
        let x = test.batch(row)?;
        let y = run.model.reconstruct(&x, rng)?;
        let short = Array2::zeros((ACROSS - row.len(), test.pixels()));
        rows.extend([x, short.clone(), y, short]);
    }
    Ok(concatenate(Axis(0), &rows.iter().map(|row| row.view()).collect::<Vec<_>>())?)
}

/// All curves as a table.
pub fn table(runs: &[Run]) -> Result<String, Failure> {
    let mut table = String::from("latents,estimator,epoch,train_elbo,test_elbo,test_reconstruction,test_kl\n");
    for run in runs {
        for (i, (train, test)) in run.train.iter().zip(run.test.iter().skip(1)).enumerate() {
            let (family, name) = (run.latents.name(), run.estimator.name.replace(',', ""));
            let (train, elbo) = (train.elbo(), test.elbo());
            writeln!(table, "{family},{name},{},{train},{elbo},{},{}", i + 1, test.reconstruction, test.kl)?;
        }
    }
    Ok(table)
}
