//! Between arrays and the decompositions, and the doors of both.

use std::borrow::Cow;

use faer::{Mat, MatRef};
use ndarray::{Array2, ArrayRef2, ArrayView1, Axis, Slice};

use crate::shape::{any, entries, no_nan_rows, same_shape};
use crate::{Error, Result};

/// How far the two halves of a symmetric matrix may be apart, in epsilons of its largest entry.
const APART: f64 = 8.0;

/// Rows and columns of a tile: two of them fit into the nearest cache.
const TILE: usize = 32;

/// A matrix of finite numbers.
pub(super) fn finite_door(name: &'static str, a: &ArrayRef2<f64>) -> Result<()> {
    // What is asked of most matrices takes one pass.
    if !any(a, |x: f64| !x.is_finite()) {
        return Ok(());
    }
    no_nan_rows(name, a)?;
    entries(name, a, "a finite number", f64::is_finite)
}

/// A square one.
pub(super) fn square_door(name: &'static str, a: &ArrayRef2<f64>) -> Result<()> {
    same_shape(name, a.shape(), &[a.nrows(), a.nrows()])?;
    finite_door(name, a)
}

/// A square matrix that is equal to its transpose but for rounding.
pub(crate) fn symmetric_door(name: &'static str, a: &ArrayRef2<f64>) -> Result<()> {
    square_door(name, a)?;
    // Rows or columns that lie one behind the other: what is symmetric in one order is so in the other.
    let turned = a.t();
    let apart = a.as_slice().or(turned.as_slice()).map(|all| apart(all, a.nrows()));
    if apart == Some(0.0) {
        return Ok(());
    }
    let allowed = APART * f64::EPSILON * largest(a);
    if apart.is_some_and(|apart| apart <= allowed) {
        return Ok(());
    }
    let found = a.indexed_iter().find(|&((i, j), x)| i > j && (x - a[[j, i]]).abs() > allowed);
    let expected = "the entry across the diagonal, to 8 epsilon of the largest";
    found.map_or(Ok(()), |((i, j), &value)| Err(Error::Entry { name, index: vec![i, j], value, expected }))
}

/// The largest distance of an entry from that across the diagonal, of a matrix whose `d` rows lie one behind the other.
fn apart(all: &[f64], d: usize) -> f64 {
    let mut most = [0.0_f64; TILE];
    let mut across = [0.0; TILE * TILE];
    for (top, left) in lower_tiles(d) {
        let (height, width) = (TILE.min(d - top), TILE.min(d - left));
        turn(all, d, (left, top), (width, height), &mut across);
        for (row, other) in all.chunks_exact(d).skip(top).take(height).zip(across.chunks_exact(TILE)) {
            for ((most, x), y) in most.iter_mut().zip(&row[left..left + width]).zip(other) {
                let apart = (x - y).abs();
                *most = if apart > *most { apart } else { *most };
            }
        }
    }
    largest(&most)
}

/// The first row and column of each tile that the lower half meets.
///
/// Halves are met by tiles, each read along its rows: a column of a large matrix has a new line of the cache with every entry,
/// and where d is a multiple of a power of two its entries drive each other out of it.
fn lower_tiles(d: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..d).step_by(TILE).flat_map(|top| (0..=top).step_by(TILE).map(move |left| (top, left)))
}

/// A tile of rows that begin `stride` apart, its columns as rows.
fn turn(
    all: &[f64],
    stride: usize,
    (top, left): (usize, usize),
    (height, width): (usize, usize),
    turned: &mut [f64; TILE * TILE],
) {
    for (k, row) in all.chunks(stride).skip(top).take(height).enumerate() {
        for (x, column) in row[left..left + width].iter().zip(turned.chunks_exact_mut(TILE)) {
            column[k] = *x;
        }
    }
}

/// The lower half by columns that begin `stride` apart, with what stands above in its tiles.
pub(super) fn lower_by_columns(a: &ArrayRef2<f64>, stride: usize) -> Vec<f64> {
    let d = a.nrows();
    let all = a.as_slice().map_or_else(|| Cow::Owned(a.iter().copied().collect()), Cow::Borrowed);
    let mut columns = vec![0.0; d * stride];
    let mut tile = [0.0; TILE * TILE];
    for (top, left) in lower_tiles(d) {
        let (height, width) = (TILE.min(d - top), TILE.min(d - left));
        turn(&all, d, (top, left), (height, width), &mut tile);
        for (to, column) in columns.chunks_exact_mut(stride).skip(left).take(width).zip(tile.chunks_exact(TILE)) {
            to[top..top + height].copy_from_slice(&column[..height]);
        }
    }
    columns
}

/// The lower half of `d` columns that begin `stride` apart, by rows, with zeros above.
pub(super) fn lower_by_rows(columns: &[f64], stride: usize, d: usize) -> Array2<f64> {
    let mut rows = Array2::zeros((d, d));
    let mut tile = [0.0; TILE * TILE];
    for (top, left) in lower_tiles(d) {
        let (height, width) = (TILE.min(d - top), TILE.min(d - left));
        turn(columns, stride, (left, top), (width, height), &mut tile);
        let tops = rows.axis_iter_mut(Axis(0)).enumerate().skip(top).take(height);
        for ((i, mut to), row) in tops.zip(tile.chunks_exact(TILE)) {
            let width = width.min(i + 1 - left);
            to.slice_axis_mut(Axis(0), Slice::from(left..left + width)).assign(&ArrayView1::from(&row[..width]));
        }
    }
    rows
}

/// The largest magnitude.
pub(super) fn largest<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> f64 {
    numbers.into_iter().fold(0.0, |most: f64, x| most.max(x.abs()))
}

/// The lower half, and its mirror.
pub(super) fn mirrored(mut a: Array2<f64>) -> Array2<f64> {
    for i in 0..a.nrows() {
        for j in 0..i {
            a[[j, i]] = a[[i, j]];
        }
    }
    a
}

/// A copy for the decompositions.
pub(super) fn mat(a: &ArrayRef2<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// A copy of what they made.
pub(super) fn array(a: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), a.ncols()), |(i, j)| a[(i, j)])
}
