//! Every f32 through every elementary function, in both forms, against the standard library in f64.
//!
//! A stride by default. With `ESTIMAND_EXHAUSTIVE=1`, all 2^32 numbers:
//!
//! ```text
//! ESTIMAND_EXHAUSTIVE=1 cargo test --release --test exhaustive -- --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking, and this one reports")]

#[path = "suite/support/last_place.rs"]
mod last_place;
#[path = "suite/elementary/sweep.rs"]
#[allow(dead_code, reason = "the suite takes more of it")]
mod sweep;

use std::thread::available_parallelism;
use std::time::Instant;

use sweep::{BOUNDS, sweep};

/// Without the variable: a prime.
const STRIDE: u32 = 499;

#[test]
fn ref_every_f32() {
    let all = std::env::var_os("ESTIMAND_EXHAUSTIVE").is_some_and(|v| v == "1");
    let (first, stride) = if all { (0, 1) } else { (5, STRIDE) };
    let threads = available_parallelism().map_or(1, |n| n.get() as u32);
    let what = if all { "all 2^32 numbers".to_owned() } else { format!("every {STRIDE}th of 2^32 numbers") };
    println!("f32, {what}, {threads} threads; errors in last places (up to .5 not told apart)");
    println!("{:10} {:>5} {:>8} {:>15} {:>8} {:>15}", "function", "bound", "fused", "at", "plain", "at");
    let start = Instant::now();
    let mut broken = Vec::new();
    for (function, places) in BOUNDS {
        let [fused, plain] = sweep(function, first, stride, threads);
        println!(
            "{function:10} {places:>5} {:>8.4} {:>15e} {:>8.4} {:>15e}",
            fused.places, fused.at, plain.places, plain.at
        );
        if fused.places > places || plain.places > places {
            broken.push(function);
        }
    }
    println!("{:.0} s", start.elapsed().as_secs_f64());
    assert!(broken.is_empty(), "beyond their bounds: {broken:?}");
}
