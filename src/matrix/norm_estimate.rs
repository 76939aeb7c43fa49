//! What is asked of a factor by its rows: solutions, and how large those can be.

use ndarray::{Array1, ArrayRef1, ArrayRef2, Axis, Slice};

/// Steps of the climb; it rarely takes more than two.
const STEPS: usize = 5;

/// Sums that go on side by side.
const LANES: usize = 8;

/// L^-1 x in its place, of a lower triangle by rows: each number of the solution is an inner product of those before it.
pub(super) fn solve_lower(lower: &ArrayRef2<f64>, x: &mut ArrayRef1<f64>) {
    for (i, row) in lower.rows().into_iter().enumerate() {
        let (before, mut rest) = x.view_mut().split_at(Axis(0), i);
        rest[0] = (rest[0] - row.slice_axis(Axis(0), Slice::from(..i)).dot(&before)) / row[i];
    }
}

/// L^-T x in its place: each number of the solution, from the last, is taken out of those before it, along a row of L.
pub(super) fn solve_turned(lower: &ArrayRef2<f64>, x: &mut ArrayRef1<f64>) {
    for (i, row) in lower.rows().into_iter().enumerate().rev() {
        let (mut before, mut rest) = x.view_mut().split_at(Axis(0), i);
        rest[0] /= row[i];
        before.scaled_add(-rest[0], &row.slice_axis(Axis(0), Slice::from(..i)));
    }
}

/// The largest sum of magnitudes of a row: of a symmetric matrix the 1-norm too.
pub(super) fn row_norm(a: &ArrayRef2<f64>) -> f64 {
    a.rows().into_iter().map(|row| magnitudes(&row)).fold(0.0, f64::max)
}

/// A lower bound of the 1-norm of the inverse of a symmetric matrix of `d >= 1` rows, by its solutions.
///
/// The norm is the most that |A^-1 x| reaches for |x| = 1, both sums of magnitudes: a convex function, which has its greatest
/// value at a corner, a column of A^-1. From the middle of all columns it goes to the corner to which the slope A^-T sign(A^-1 x)
/// points most, while it rises. One more vector, of signs in turn, is against matrices that hide their norm from this.
pub(super) fn inverse_norm(d: usize, solve: impl Fn(&mut Array1<f64>)) -> f64 {
    let mut x = Array1::from_elem(d, 1.0 / d as f64);
    solve(&mut x);
    let mut most = magnitudes(&x);
    let mut signs = x.mapv(|x| 1.0_f64.copysign(x));
    let mut corner = None;
    for _ in 1..STEPS {
        let mut slope = signs.clone();
        solve(&mut slope);
        let Some(next) = steepest(&slope) else { break };
        // No corner is steeper than where we are.
        if corner.is_some_and(|corner: usize| slope[next].abs() <= slope[corner].abs()) {
            break;
        }
        corner = Some(next);
        x.fill(0.0);
        x[next] = 1.0;
        solve(&mut x);
        let here = magnitudes(&x);
        let turned = x.mapv(|x| 1.0_f64.copysign(x));
        // The same signs have the same slope.
        let ends = here <= most || turned == signs;
        most = most.max(here);
        if ends {
            break;
        }
        signs = turned;
    }
    let rise = 1.0 / d.saturating_sub(1).max(1) as f64;
    let mut x = Array1::from_shape_fn(d, |i| if i % 2 == 0 { 1.0 + i as f64 * rise } else { -1.0 - i as f64 * rise });
    let size = magnitudes(&x);
    solve(&mut x);
    most.max(magnitudes(&x) / size)
}

/// The place of the largest magnitude.
fn steepest(slope: &ArrayRef1<f64>) -> Option<usize> {
    (0..slope.len()).max_by(|&i, &j| slope[i].abs().total_cmp(&slope[j].abs()))
}

/// The sum of magnitudes.
fn magnitudes(x: &ArrayRef1<f64>) -> f64 {
    let mut sums = [0.0; LANES];
    match x.as_slice() {
        Some(all) => {
            for some in all.chunks(LANES) {
                sums.iter_mut().zip(some).for_each(|(sum, x)| *sum += x.abs());
            }
        }
        // In the same order, that the bits do not depend on the layout.
        None => x.iter().enumerate().for_each(|(i, x)| sums[i % LANES] += x.abs()),
    }
    sums.iter().sum()
}
