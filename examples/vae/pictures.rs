//! What a person would want to look at, as PNG and SVG.

use std::fmt::Write;

use estimand::ndarray::{Array2, Axis, concatenate};
use estimand::rand::{SeedableRng, rngs::StdRng};
use lab::data::Bits;
use lab::{Args, Chart, Failure, Grid, Vae};

use crate::{Epoch, Test};

/// Images in a row of every picture.
const ACROSS: usize = 12;
/// Rows of prior samples.
const DOWN: usize = 8;
/// Walks through the latent space: with labels, from 0 to 1, 1 to 2, ..., 8 to 9.
const WALKS: usize = 9;
/// Screen pixels a pixel.
const SCALE: usize = 3;

/// Draws everything anew from what the network knows now.
pub fn draw(args: &Args, vae: &Vae<f32>, test: &Test, epochs: &[Epoch]) -> Result<(), Failure> {
    let shape = test.images.shape();
    let save = |name: &str, images: Array2<f32>| -> Result<(), Failure> {
        args.write_grid(name, &Grid::new(&images, shape, ACROSS)?, SCALE)
    };
    save("reconstructions", reconstructions(args, vae, &test.images)?)?;
    save("samples", samples(args, vae)?)?;
    save("walk", walks(args, vae, test)?)?;

    let curve =
        |term: fn(&Epoch) -> f32| epochs.iter().enumerate().map(move |(i, row)| ((i + 1) as f64, f64::from(term(row))));
    let chart = Chart::new("Terms of the evidence lower bound", "epoch", "nats an image")
        .line("reconstruction (test)", curve(|row| row.test.reconstruction))
        .line("-KL (test)", curve(|row| -row.test.kl))
        .line("ELBO (train)", curve(|row| crate::elbo(&row.train)))
        .line("ELBO (test)", curve(|row| crate::elbo(&row.test)));
    args.write_chart("elbo", &chart)?;

    let mut table = String::from("epoch,train_elbo,test_elbo,reconstruction,kl,active_units,seconds\n");
    for (i, row) in epochs.iter().enumerate() {
        let (train, test) = (crate::elbo(&row.train), crate::elbo(&row.test));
        let Epoch { test: terms, active, seconds, .. } = row;
        writeln!(table, "{},{train},{test},{},{},{active},{seconds}", i + 1, terms.reconstruction, terms.kl)?;
    }
    args.write("elbo.csv", table)?;
    Ok(())
}

/// Rows of test images, each above the row of its reconstructions from the posterior mean.
fn reconstructions(args: &Args, vae: &Vae<f32>, test: &Bits) -> Result<Array2<f32>, Failure> {
    let mut rows = Vec::new();
    let count = test.len().min(ACROSS * DOWN / 2);
    let all: Vec<usize> = (0..count).collect();
    for row in all.chunks(ACROSS) {
        let x = test.batch(row)?;
        let y = vae.decode(&vae.encode(&x, args.threads)?, args.threads)?;
        let short = Array2::zeros((ACROSS - row.len(), test.pixels()));
        rows.extend([x, short.clone(), y, short]);
    }
    Ok(concatenate(Axis(0), &rows.iter().map(|row| row.view()).collect::<Vec<_>>())?)
}

/// Means of the decoder at draws from the prior: the same draws after each epoch.
fn samples(args: &Args, vae: &Vae<f32>) -> Result<Array2<f32>, Failure> {
    let z = vae.noise(ACROSS * DOWN, &mut StdRng::seed_from_u64(args.seed))?;
    Ok(vae.decode(&z, args.threads)?)
}

/// Straight walks between the posterior means of test images, from each to the next: the first of
/// each digit where labels tell, else the first few.
fn walks(args: &Args, vae: &Vae<f32>, test: &Test) -> Result<Array2<f32>, Failure> {
    let first = |digit: usize| test.labels.iter().position(|&label| usize::from(label) == digit);
    let ends: Vec<usize> = (0..=WALKS).map(|i| first(i).unwrap_or(i % test.images.len())).collect();
    let means = vae.encode(&test.images.batch(&ends)?, args.threads)?;
    let z = Array2::from_shape_fn((WALKS * ACROSS, vae.latent()), |(i, j)| {
        let (row, step) = (i / ACROSS, (i % ACROSS) as f32 / (ACROSS - 1) as f32);
        means[[row, j]] * (1.0 - step) + means[[row + 1, j]] * step
    });
    Ok(vae.decode(&z, args.threads)?)
}
