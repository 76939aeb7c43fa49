//! States of blocks, joined in pairs.

use estimand::ndarray::{Array1, Array2, s};
use estimand::{Real, Rows};

use super::{Table, reads_as_loops, whole};
use crate::support::threads::with_threads;

/// Blocks of 128 rows, joined in pairs: on either side of each border.
#[test]
fn hard_as_many_rows_as_fill_blocks() {
    for blocks in [1, 2, 3, 4, 7, 8, 16] {
        for n in [128 * blocks - 1, 128 * blocks, 128 * blocks + 1] {
            reads_as_loops::<f64>(1, n, 2);
            reads_as_loops::<f32>(2, n, 1);
        }
    }
}

/// The tree of a pairwise sum written as a recursion: blocks of 128, and the largest power of two of
/// them that leaves something is joined with what it leaves.
fn tree<F: Real>(terms: &[F]) -> F {
    let left = std::iter::successors(Some(128), |size| Some(2 * size)).take_while(|&size| size < terms.len()).last();
    match left {
        None => terms.iter().fold(F::zero(), |sum, &x| sum + x),
        Some(size) => tree(&terms[..size]) + tree(&terms[size..]),
    }
}

fn tree_of_each<F: Real>(rows: usize, repeat: usize) {
    let terms: Vec<F> = (0..rows * repeat).map(|i| F::of((1.7 * i as f64).sin() + 0.3)).collect();
    let weights = Array1::from_shape_fn(terms.len(), |i| F::of((0.9 * i as f64).cos()));
    let products: Vec<F> = terms.iter().zip(&weights).map(|(&x, &w)| w * x).collect();
    let sums = |terms: &[F]| Array1::from_iter(terms.chunks(repeat).map(tree));
    let (total, weighted) = (sums(&terms), sums(&products));
    let table = Table::new(Array2::from_shape_vec((terms.len(), 1), terms).unwrap(), repeat);
    for threads in [1, 3] {
        let what = format!("{rows} sums of {repeat} on {threads} threads");
        let got = with_threads(threads, || (table.total().unwrap(), table.weighted(&weights).unwrap()));
        assert_eq!(got.0.flat().column(0), total, "{what}");
        assert_eq!(got.1.flat().column(0), weighted, "{what}, weighted");
    }
}

/// Tasks, which threads share, end every 4096 rows or sooner: to the last bit, what they make is
/// the one tree.
#[test]
fn law_sums_of_tasks_are_one_pairwise_sum() {
    for repeat in [1, 7, 128, 1000, 4095, 4096, 4097, 5000, 8192, 8192 + 128, 12_288, 20_000] {
        for rows in [1, 3, 5000 / repeat + 1] {
            tree_of_each::<f32>(rows, repeat);
            tree_of_each::<f64>(rows, repeat);
        }
    }
    tree_of_each::<f32>(1, 1_000_000);
    tree_of_each::<f64>(1, 1_000_000);
}

/// A block after another: what is left of a sum must not enter the next.
#[test]
fn hard_a_sum_starts_from_nothing() {
    for repeat in [1, 127, 128, 129, 256, 300, 384] {
        let rows = Array2::from_shape_fn((5 * repeat, 2), |(i, _)| if i < repeat { 1e300 } else { 1.0 });
        let total = Table::new(rows, repeat).total().unwrap();
        for t in 1..5 {
            assert_eq!(total.flat()[[t, 0]], repeat as f64, "repeat {repeat}");
        }
        // Nor does it move the borders of the blocks: to the last bit, a sum is what it is alone.
        let rows = Array2::from_shape_fn((5 * repeat, 1), |(i, _)| ((i % repeat) as f32 + 0.5).sin());
        let alone = Table::new(rows.slice(s![..repeat, ..]).to_owned(), repeat).total().unwrap();
        let total = Table::new(rows, repeat).total().unwrap();
        assert!(total.flat().iter().all(|&sum| sum == alone.flat()[[0, 0]]), "repeat {repeat}: {total:?}, {alone:?}");
    }
}

/// Wide rows have smaller blocks, 4096 numbers or 16 rows, and columns go 16 at a time, then 4, then one: of whole numbers
/// every sum is what it is, on either side of each border.
#[test]
fn hard_rows_of_any_width() {
    for width in [3, 4, 5, 15, 16, 17, 20, 21, 31, 32, 33, 36, 64, 100, 257, 300] {
        for repeat in [1, 15, 16, 17, 33] {
            reads_as_loops::<f32>(2, repeat, width);
        }
    }
    // A task of rows of 256 numbers has 512 of them.
    for repeat in [7, 511, 512, 513, 1025] {
        let table = Table::new(Array2::from_shape_fn((4 * repeat, 256), |(i, j)| whole::<f64>(i, j)), repeat);
        let sums = with_threads(3, || table.total().unwrap());
        for t in 0..4 {
            let rows = table.rows.slice(s![t * repeat..(t + 1) * repeat, ..]);
            assert_eq!(sums.flat().row(t), rows.sum_axis(estimand::ndarray::Axis(0)), "{repeat} {t}");
        }
    }
}
