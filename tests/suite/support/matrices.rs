//! Matrices that are known by construction.

use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

/// Q D Q' of a spectrum, with Q a product of `d` reflections along the columns of `seed`: symmetric to the last bit.
pub fn with_spectrum(values: &[f64], seed: &ArrayRef2<f64>) -> Array2<f64> {
    let q = orthogonal(seed);
    let d = values.len();
    Array2::from_shape_fn((d, d), |(i, j)| {
        let (i, j) = (i.max(j), i.min(j));
        (0..d).map(|k| q[[i, k]] * values[k] * q[[j, k]]).sum()
    })
}

/// A product of reflections I - 2 v v' / v'v.
pub fn orthogonal(seed: &ArrayRef2<f64>) -> Array2<f64> {
    let d = seed.nrows();
    let mut q = Array2::<f64>::eye(d);
    for v in seed.columns() {
        let size: f64 = v.iter().map(|v| v * v).sum();
        if size < 1e-6 {
            continue;
        }
        let along: Array1<f64> = (0..d).map(|j| (0..d).map(|i| v[i] * q[[i, j]]).sum::<f64>()).collect();
        for i in 0..d {
            for j in 0..d {
                q[[i, j]] -= 2.0 * v[i] * along[j] / size;
            }
        }
    }
    q
}

/// The largest entry.
pub fn largest(a: &ArrayRef2<f64>) -> f64 {
    a.iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// A product of two matrices, by its definition.
pub fn product(a: &ArrayRef2<f64>, b: &ArrayRef2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| (0..a.ncols()).map(|k| a[[i, k]] * b[[k, j]]).sum())
}

/// The largest entry of A B - I.
pub fn off_identity(a: &ArrayRef2<f64>, b: &ArrayRef2<f64>) -> f64 {
    largest(&(product(a, b) - Array2::<f64>::eye(a.nrows())))
}

/// The lower halves of symmetric matrices, row by row: what a step may move.
pub fn halves(a: &ArrayRef2<f64>) -> Array1<f64> {
    (0..a.nrows()).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|place| a[place]).collect()
}

/// The symmetric matrix of a lower half.
pub fn whole(half: &ArrayRef1<f64>, d: usize) -> Array2<f64> {
    Array2::from_shape_fn((d, d), |(i, j)| {
        let (i, j) = (i.max(j), i.min(j));
        half[i * (i + 1) / 2 + j]
    })
}

/// The derivative along the lower half, of a symmetric one: an entry off the diagonal stands for two.
pub fn of_halves(g: &ArrayRef2<f64>) -> Array1<f64> {
    let twice = Array2::from_shape_fn(g.raw_dim(), |(i, j)| if i == j { g[[i, j]] } else { g[[i, j]] + g[[j, i]] });
    halves(&twice)
}
