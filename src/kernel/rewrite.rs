//! Rows that are replaced by what is made of them: in place, or in a copy.

use super::level::{Level, Work, run};
use super::pass::{RowFn, TASK, together};
use super::threads::{map, several};
use crate::Real;
use crate::arithmetic::Arithmetic;

/// Each row of `width` numbers replaced by what `f` writes for it, the old one its input.
///
/// In place, so that a large array is not met twice.
pub(crate) fn overwrite<F: Real>(rows: &mut [F], width: usize, f: &impl RowFn<F, 1>) {
    rewrite(rows, width, &EachOf { width, f });
}

/// Rows by a function of one, from copies.
struct EachOf<'a, R> {
    width: usize,
    f: &'a R,
}

impl<F: Real, R: RowFn<F, 1>> RowsFn<F> for EachOf<'_, R> {
    #[inline(always)]
    fn rows<A: Arithmetic<F>>(&self, a: A, start: usize, rows: &mut [F]) {
        let copies = rows.to_vec();
        let pairs = copies.chunks_exact(self.width).zip(rows.chunks_exact_mut(self.width));
        for (k, (row, out)) in pairs.enumerate() {
            self.f.row(a, start + k, [row], out);
        }
    }
}

/// Some rows at a time, in place: for a row whose steps wait for each other, so that several are under way together.
pub(crate) trait RowsFn<F: Real>: Sync {
    /// Rows `start`, `start + 1`, ..., one behind the other, as many as stay in the nearest cache.
    fn rows<A: Arithmetic<F>>(&self, a: A, start: usize, rows: &mut [F]);
}

/// Each row of `width` numbers replaced by what `f` makes of it.
pub(crate) fn rewrite<F: Real>(rows: &mut [F], width: usize, f: &impl RowsFn<F>) {
    let each = (TASK / width.max(1)).max(1);
    let pieces = rows.chunks_mut((each * width).max(1)).enumerate().collect();
    map(pieces, |(k, rows)| run(Level::best(), Rewrite { start: k * each, width, rows, f }));
}

/// [`rewrite`] of a copy.
pub(crate) fn rewritten<F: Real>(from: &[F], width: usize, f: &impl RowsFn<F>) -> Vec<F> {
    if several() && from.len() > TASK {
        let mut rows = from.to_vec();
        rewrite(&mut rows, width, f);
        return rows;
    }
    let mut rows = Vec::with_capacity(from.len());
    run(Level::best(), Rewritten { from, width, rows: &mut rows, f });
    rows
}

/// Numbers that are copied at a time: a copy of 4 KiB or more is one instruction, which takes several times as long.
const COPY: usize = 128;

/// One thread copies what it is about to rewrite, which is then in the nearest cache.
struct Rewritten<'a, F, R> {
    from: &'a [F],
    width: usize,
    rows: &'a mut Vec<F>,
    f: &'a R,
}

impl<F: Real, R: RowsFn<F>> Work<F> for Rewritten<'_, F, R> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { from, width, rows, f } = self;
        for (b, from) in from.chunks((together(width) * width).max(1)).enumerate() {
            let start = rows.len();
            from.chunks(COPY).for_each(|from| rows.extend_from_slice(from));
            f.rows(a, b * together(width), &mut rows[start..]);
        }
    }
}

struct Rewrite<'a, F, R> {
    start: usize,
    width: usize,
    rows: &'a mut [F],
    f: &'a R,
}

impl<F: Real, R: RowsFn<F>> Work<F> for Rewrite<'_, F, R> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { start, width, rows, f } = self;
        for (b, rows) in rows.chunks_mut((together(width) * width).max(1)).enumerate() {
            f.rows(a, start + b * together(width), rows);
        }
    }
}
