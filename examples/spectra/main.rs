//! The spectrum of a matrix beside that of its inverse, its determinant and its trace; and the derivatives of forms in
//! it beside differences.
//!
//!     cargo run --release --example spectra
//!     cargo run --release --example spectra -- --matrix FILE
//!
//! `facts.rs` has the four comparisons; `picture.rs` draws eigenvalues in the complex plane.

mod facts;
mod picture;

use std::process::ExitCode;

use estimand::ndarray::Array2;
use estimand::noise::Standard;
use lab::data::read_matrix;
use lab::{Args, Failure, Opt, Program, Summary, say};

use facts::{Facts, MOST};

/// Eigenvalues that are printed.
const SHOWN: usize = 8;

const PROGRAM: Program = Program {
    name: "spectra",
    about: "Holds the spectrum of a matrix against inverse, determinant and trace, and derivatives against differences.",
    options: &[
        Opt::count("size", "N", "rows of a random matrix, of numbers N(0, 1/N)", 100, 1..=1000).quick_count(12),
        Opt::optional_path(
            "matrix",
            "FILE",
            "your own instead: rows of comma-separated numbers, as many as there are columns",
        ),
    ],
};

fn main() -> ExitCode {
    lab::run(&PROGRAM, example)
}

fn example(args: &Args) -> Result<Summary, Failure> {
    let a: Array2<f64> = match args.optional_path("matrix")? {
        Some(path) => read_matrix(path)?,
        None => {
            let n = args.count("size")?;
            Standard::Normal.draw::<f64, _, _>(&mut args.rng(), (n, n)) / (n as f64).sqrt()
        }
    };
    let facts = Facts::of(&a, &mut args.rng())?;
    table(&facts);
    picture::draw(args, &facts, args.optional_path("matrix")?.is_none())?;
    let found = [
        ("inverse", facts.inverse, "A^-1 v and v / lambda differ"),
        ("product", facts.product, "product of the eigenvalues and determinant differ"),
        ("sum", facts.sum, "sum of the eigenvalues and trace differ"),
        ("gradient", facts.gradient, "a derivative of a form and its differences differ"),
    ];
    let allowed = MOST.max(facts.rounding);
    Ok(found.into_iter().fold(Summary::new(), |summary, (key, misfit, words)| {
        summary
            .finding(key, format_args!("{misfit:.1e}"))
            .claim(misfit <= allowed, format!("{words} by {misfit:e}, of themselves, more than {allowed:e}"))
    }))
}

fn table(facts: &Facts) {
    let number = |z: estimand::matrix::Complex64| format!("{:>9.5} {:>+9.5} i", z.re, z.im);
    let n = facts.values.len();
    say(format_args!("{n} x {n}, condition {:.1e}", facts.condition));
    say(
        "  lambda of A               1 / lambda                nearest of A^-1           |A^-1 v - v / lambda| |lambda|",
    );
    for (&value, (nearest, off)) in facts.values.iter().zip(&facts.of_inverse).take(SHOWN) {
        say(format_args!("  {:24}  {:24}  {:24}  {off:.1e}", number(value), number(value.inv()), number(*nearest)));
    }
    if n > SHOWN {
        say(format_args!("  ... and {} more", n - SHOWN));
    }
    say(format_args!(
        "product {:+.0} e^{:.6}, determinant {:+.0} e^{:.6}",
        facts.product_sign, facts.log_product, facts.det.sign, facts.det.log_abs
    ));
    say(format_args!("sum {:.9}, trace {:.9}", facts.total, facts.trace));
    for (name, misfit) in &facts.gradients {
        say(format_args!("derivative of {name}: {misfit:.1e} of the largest from differences"));
    }
}
