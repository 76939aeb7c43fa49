//! The tests of what the examples share; one module a source file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends the process where its promise is broken")]

mod adam;
mod command_line;
mod data;
mod dense;
mod lbfgs;
mod matmul;
mod mlp;
mod output;
mod picture;
mod plot;
mod progress;
mod run;
mod seeded;
mod simplex;
mod support;
mod threads;
mod vae;
