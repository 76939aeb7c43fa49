//! Both estimators against N: where their estimates lie, and what they err by.

use lab::{Args, Chart, Failure};

use crate::experiment::{Design, Row};

const MLE: (u8, u8, u8) = (0, 114, 178);
const MAP: (u8, u8, u8) = (213, 94, 0);

/// From 3 to 3000 observations, ten a power of ten and more.
fn sizes() -> impl Iterator<Item = usize> {
    (0..=60).map(|k| (3.0 * 10.0_f64.powf(f64::from(k) / 20.0)).round() as usize)
}

pub fn draw(args: &Args, design: &Design, rows: &[Row], repeats: usize) -> Result<(), Failure> {
    let exact = sizes().map(|n| Ok((n as f64, design.risks(n)?))).collect::<Result<Vec<_>, Failure>>()?;
    let mut chart = Chart::new("Estimates of the mean: exact mean and one sd", "observations N", "estimate").log_x();
    for (k, colour) in [MLE, MAP].into_iter().enumerate() {
        let band = exact.iter().map(|&(n, risks)| {
            let (centre, sd) = (design.mean + risks[k].bias, risks[k].variance.sqrt());
            (n, centre - sd, centre + sd)
        });
        chart = chart.band_in(colour, band);
    }
    for (k, (name, colour)) in [("MLE, exact: the truth", MLE), ("MAP, exact", MAP)].into_iter().enumerate() {
        chart = chart.line_in(colour, name, exact.iter().map(|&(n, risks)| (n, design.mean + risks[k].bias)));
    }
    for (k, (name, colour)) in
        [("MLE, measured mean and sd", MLE), ("MAP, measured mean and sd", MAP)].into_iter().enumerate()
    {
        let mut dots = Vec::new();
        for row in rows {
            let [bias, variance, _] = [row.mle.0, row.map.0][k].figures()?;
            dots.extend([-1.0, 0.0, 1.0].map(|side| (row.n as f64, design.mean + bias + side * variance.sqrt())));
        }
        chart = chart.dots_in(colour, name, dots);
    }
    args.write_chart("estimates", &chart)?;

    let title = "N times the mean squared error: exact, with 2 standard errors";
    let mut chart = Chart::new(title, "observations N", "N x MSE").log_x();
    for (k, (name, colour)) in [("MLE, exact", MLE), ("MAP, exact", MAP)].into_iter().enumerate() {
        let band = exact.iter().map(|&(n, risks)| {
            let (v, b, mse) = (risks[k].variance, risks[k].bias, risks[k].mse);
            let off = 2.0 * ((2.0 * v * v + 4.0 * v * b * b) / repeats as f64).sqrt();
            (n, n * (mse - off), n * (mse + off))
        });
        chart =
            chart.band_in(colour, band).line_in(colour, name, exact.iter().map(|&(n, risks)| (n, n * risks[k].mse)));
    }
    for (k, (name, colour)) in [("MLE, measured", MLE), ("MAP, measured", MAP)].into_iter().enumerate() {
        let mut dots = Vec::new();
        for row in rows {
            dots.push((row.n as f64, row.n as f64 * [row.mle.0, row.map.0][k].figures()?[2]));
        }
        chart = chart.dots_in(colour, name, dots);
    }
    args.write_chart("mse", &chart)
}
