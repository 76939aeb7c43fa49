//! Eigenvalues in the complex plane.

use estimand::matrix::Complex64;
use lab::{Args, Chart, Failure};

use crate::facts::Facts;

const OF_A: (u8, u8, u8) = (0, 114, 178);
const OF_INVERSE: (u8, u8, u8) = (213, 94, 0);
const CIRCLE: (u8, u8, u8) = (60, 60, 60);

pub fn draw(args: &Args, facts: &Facts, random: bool) -> Result<(), Failure> {
    let points = |values: &mut dyn Iterator<Item = Complex64>| values.map(|z| (z.re, z.im)).collect::<Vec<_>>();
    let plane = |title: &str| Chart::new(title, "real part", "imaginary part").equal_units();
    let mut chart = plane("Eigenvalues of A").dots_in(OF_A, "lambda", points(&mut facts.values.iter().copied()));
    if random {
        // Girko's law: the eigenvalues of large matrices of such numbers fill it evenly.
        let circle = (0..=200).map(|k| (std::f64::consts::TAU * f64::from(k) / 200.0).sin_cos()).map(|(y, x)| (x, y));
        chart = chart.line_in(CIRCLE, "the unit circle", circle);
    }
    args.write_chart("spectrum", &chart)?;
    // Reciprocals are crosses, and the others lie on them: both are seen.
    let reach = facts.values.iter().map(|z| z.inv().norm()).fold(0.0, f64::max) / 40.0;
    let gap = (f64::NAN, f64::NAN);
    let crosses = facts.values.iter().map(|z| z.inv()).flat_map(|z| {
        [(z.re - reach, z.im), (z.re + reach, z.im), gap, (z.re, z.im - reach), (z.re, z.im + reach), gap]
    });
    let found = points(&mut facts.of_inverse.iter().map(|(nearest, _)| *nearest));
    let chart = plane("Eigenvalues of the inverse, and 1 / lambda of A").line_in(OF_A, "1 / lambda of A", crosses);
    args.write_chart("inverse", &chart.dots_in(OF_INVERSE, "lambda of A^-1", found))
}
