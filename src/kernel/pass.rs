//! The one row loop: every pass over rows, whatever is made of them, goes through here.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2};

use super::gather::Gather;
use super::level::{Level, Work, run};
use super::threads::{map, several, within, zeros};
use crate::arithmetic::Arithmetic;
use crate::{Error, Real, Result};

/// Numbers, read or written, that are worth a task of their own: tens of microseconds.
pub(super) const TASK: usize = 1 << 15;

/// The mathematics of one row of a pass: from row `i` of each of `K` inputs to a value, and to a
/// row of numbers written to `out`.
///
/// For speed, mark `row` and what it calls `#[inline(always)]`, ask the token `a` for its functions, and
/// add over coordinates by [`sum_coordinates`](crate::rows::sum_coordinates): a plain `sum()` is one
/// chain of additions, and no vector. A row in other words, with the standard library's functions,
/// is right as well.
///
/// ```
/// use estimand::arithmetic::Arithmetic;
/// use estimand::kernel::{Level, RowFn, fill_at};
/// use estimand::{ndarray::array, rows::sum_coordinates};
///
/// /// sum of ln(1 + x^2), and its slope 2 x / (1 + x^2).
/// struct Cauchy;
/// impl RowFn<f64, 1> for Cauchy {
///     #[inline(always)]
///     fn row<A: Arithmetic<f64>>(&self, a: A, _: usize, [x]: [&[f64]; 1], slope: &mut [f64]) -> f64 {
///         sum_coordinates::<true, _, 1, 1>([x], [slope], |[x]| (a.ln_1p(x * x), [2.0 * x / (1.0 + x * x)]))
///     }
/// }
/// let x = array![[1.0, 0.0], [3.0, -1.0]];
/// let (value, [slope]) = fill_at(Level::best(), 2, [x.view()], [2], &Cauchy)?;
/// assert_eq!(slope, array![[1.0, 0.0], [0.6, -1.0]]);
/// assert!((value[0] - std::f64::consts::LN_2).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub trait RowFn<F: Real, const K: usize>: Sync {
    /// The value of row `i`; `out`, as wide as the pass was told, has to be written in full: what it
    /// holds before is another row, or nothing.
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, inputs: [&[F]; K], out: &mut [F]) -> F;
}

/// Where a pass puts what it makes, some rows at a time. It is met as a `dyn`: the mathematics of a row is compiled once for
/// all places.
trait Sink<F> {
    /// Where the values of the next `n` rows are to be written, if they are kept, and the rows, one behind the other.
    fn slots(&mut self, n: usize) -> (&mut [F], &mut [F]);
    /// They are written.
    fn done(&mut self, n: usize);
}

struct Pass<'a, 's, F, R, const K: usize> {
    range: Range<usize>,
    inputs: [ArrayView2<'a, F>; K],
    /// Of a row that is written.
    width: usize,
    f: &'s R,
    sink: &'s mut dyn Sink<F>,
}

impl<F: Real, R: RowFn<F, K>, const K: usize> Work<F> for Pass<'_, '_, F, R, K> {
    type Output = ();

    #[inline(always)]
    fn work<A: Arithmetic<F>>(self, a: A) {
        let Self { range, inputs, width, f, sink } = self;
        let mut inputs = inputs.map(Gather::new);
        for start in range.clone().step_by(together(width)) {
            let end = range.end.min(start + together(width));
            let (values, mut outs) = sink.slots(end - start);
            for (k, i) in (start..end).enumerate() {
                // A loop: the functions that make an array of several rows are not always inlined.
                let mut rows = [&[][..]; K];
                for (row, input) in rows.iter_mut().zip(&mut inputs) {
                    input.prepare(i);
                    *row = input.row(i);
                }
                let value = f.row(a, i, rows, outs.split_off_mut(..width).unwrap_or_default());
                if let Some(to) = values.get_mut(k) {
                    *to = value;
                }
            }
            sink.done(end - start);
        }
    }
}

/// Numbers of some rows that are written together: they stay in the nearest cache.
const TOGETHER: usize = 1 << 9;

/// Rows that are written together.
#[inline(always)]
pub(super) fn together(width: usize) -> usize {
    (TOGETHER / width.max(1)).max(1)
}

/// Runs `f` on `n` rows of the inputs, at a level: a value a row, `(n,)`, and the row that was
/// written, cut into arrays `(n, width)` of the given widths.
///
/// New arrays are made; rows are shared among threads where that is worth it. `widths` are what `f`
/// writes: where a width does not fit, [`sum_coordinates`](crate::rows::sum_coordinates) in `f` says so by NaN.
/// Errors: `Count` where an input has not `n` rows, or the numbers to write would not fit the memory of
/// any machine.
pub fn fill_at<F: Real, const K: usize, const M: usize>(
    level: Level,
    n: usize,
    inputs: [ArrayView2<'_, F>; K],
    widths: [usize; M],
    f: &impl RowFn<F, K>,
) -> Result<Filled<F, M>> {
    if let Some(input) = inputs.iter().find(|input| input.nrows() != n) {
        return Err(Error::Count { name: "inputs", axis: "rows", got: input.nrows(), expected: n.to_string() });
    }
    // What no allocator can give: values and rows of more bytes than half of the addresses.
    let all = widths.iter().try_fold(1, |sum: usize, &width| sum.checked_add(width));
    let bytes = all.and_then(|all| all.checked_mul(n)?.checked_mul(size_of::<F>()));
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        let expected = format!("few enough for widths {widths:?} to fit the memory of a machine");
        return Err(Error::Count { name: "n", axis: "rows", got: n, expected });
    }
    Ok(filled(level, n, inputs, widths, f))
}

/// Values, `(n,)`, and rows cut into `M` arrays.
pub type Filled<F, const M: usize> = (Array1<F>, [Array2<F>; M]);

/// [`fill_at`] the best level, where the shapes are right by construction.
pub(crate) fn fill<F: Real, const K: usize, const M: usize>(
    n: usize,
    inputs: [ArrayView2<'_, F>; K],
    widths: [usize; M],
    f: &impl RowFn<F, K>,
) -> Filled<F, M> {
    filled(Level::best(), n, inputs, widths, f)
}

fn filled<F: Real, const K: usize, const M: usize>(
    level: Level,
    n: usize,
    inputs: [ArrayView2<'_, F>; K],
    widths: [usize; M],
    f: &impl RowFn<F, K>,
) -> Filled<F, M> {
    if n > rows_a_task(&inputs, widths) && several() {
        let (mut values, mut outs) = (Vec::new(), [const { Vec::new() }; M]);
        within(&mut || {
            values = zeros(n);
            outs = widths.map(|width| zeros(n * width));
            place(level, inputs, widths, &mut values, outs.each_mut().map(Vec::as_mut_slice), f);
        });
        return (values.into(), arrays(n, widths, outs));
    }
    // One thread appends, and does not pay for zeros that are written over.
    let outs = widths.map(|width| Vec::with_capacity(n * width));
    let mut sink = Append { rows: Vec::new(), widths, values: Vec::with_capacity(n), outs };
    run(level, Pass { range: 0..n, inputs, width: widths.iter().sum(), f, sink: &mut sink });
    (sink.values.into(), arrays(n, widths, sink.outs))
}

/// Rows that are worth a task of their own; at least one.
fn rows_a_task<F, const K: usize, const M: usize>(inputs: &[ArrayView2<'_, F>; K], widths: [usize; M]) -> usize {
    let numbers = inputs.iter().map(|input| input.ncols()).chain(widths).sum::<usize>();
    (TASK / numbers.max(1)).max(1)
}

/// [`fill`] into a place that is there, each output as many rows of its width as there are values,
/// without gaps.
pub(crate) fn fill_into<F: Real, const K: usize, const M: usize>(
    inputs: [ArrayView2<'_, F>; K],
    widths: [usize; M],
    values: &mut [F],
    outs: [&mut [F]; M],
    f: &impl RowFn<F, K>,
) {
    place(Level::best(), inputs, widths, values, outs, f);
}

fn place<F: Real, const K: usize, const M: usize>(
    level: Level,
    inputs: [ArrayView2<'_, F>; K],
    widths: [usize; M],
    values: &mut [F],
    outs: [&mut [F]; M],
    f: &impl RowFn<F, K>,
) {
    map(pieces(rows_a_task(&inputs, widths), widths, values, outs), |(start, values, outs)| {
        let range = start..start + values.len();
        let mut sink = Place { rows: Vec::new(), widths, values, outs };
        run(level, Pass { range, inputs, width: widths.iter().sum(), f, sink: &mut sink });
    });
}

/// Flat rows as arrays: as many numbers as the shape has, by construction.
fn arrays<F: Real, const M: usize>(n: usize, widths: [usize; M], flat: [Vec<F>; M]) -> [Array2<F>; M] {
    let mut widths = widths.into_iter();
    flat.map(|flat| Array2::from_shape_vec((n, widths.next().unwrap_or(0)), flat).unwrap_or_default())
}

/// The first row of a piece, with its values and its part of each output.
type Piece<'a, F, const M: usize> = (usize, &'a mut [F], [&'a mut [F]; M]);

fn pieces<'a, F, const M: usize>(
    each: usize,
    widths: [usize; M],
    values: &'a mut [F],
    mut outs: [&'a mut [F]; M],
) -> Vec<Piece<'a, F, M>> {
    let cut = |(k, values): (usize, &'a mut [F])| {
        let rows = values.len();
        let outs = std::array::from_fn(|m| outs[m].split_off_mut(..rows * widths[m]).unwrap_or_default());
        (k * each, values, outs)
    };
    values.chunks_mut(each).enumerate().map(cut).collect()
}

/// The rows that `f` writes for a range of the rows of the inputs, one behind the other: as many as there are, and as
/// there is room for in `out`.
pub(crate) fn write_rows<F: Real, const K: usize>(
    level: Level,
    range: Range<usize>,
    inputs: [ArrayView2<'_, F>; K],
    width: usize,
    f: &impl RowFn<F, K>,
    out: &mut [F],
) {
    let room = range.start.saturating_add(out.len() / width.max(1));
    let end = inputs.iter().map(|input| input.nrows()).fold(range.end.min(room), usize::min);
    run(level, Pass { range: range.start..end, inputs, width, f, sink: &mut Consecutive { width, out } });
}

struct Append<F, const M: usize> {
    /// Of several outputs, which share a row: rows until they are cut.
    rows: Vec<F>,
    widths: [usize; M],
    values: Vec<F>,
    outs: [Vec<F>; M],
}

impl<F: Real, const M: usize> Sink<F> for Append<F, M> {
    fn slots(&mut self, n: usize) -> (&mut [F], &mut [F]) {
        let width = self.widths.iter().sum::<usize>();
        // Zeros that are in the nearest cache when they are written over. One output is written where it belongs.
        let rows = match &mut self.outs[..] {
            [out] => longer(out, n * width),
            _ => of_length(&mut self.rows, n * width),
        };
        (longer(&mut self.values, n), rows)
    }

    fn done(&mut self, n: usize) {
        if M == 1 {
            return;
        }
        let mut rest = &self.rows[..];
        for _ in 0..n {
            for (out, &width) in self.outs.iter_mut().zip(&self.widths) {
                match rest.split_off(..width).unwrap_or_default() {
                    // A copy of one number is a call, and a push is not.
                    &[number] => out.push(number),
                    numbers => out.extend_from_slice(numbers),
                }
            }
        }
    }
}

/// So many more zeros at the end.
fn longer<F: Real>(numbers: &mut Vec<F>, by: usize) -> &mut [F] {
    let from = numbers.len();
    numbers.resize(from + by, F::zero());
    &mut numbers[from..]
}

/// So many numbers, whatever they are.
fn of_length<F: Real>(numbers: &mut Vec<F>, length: usize) -> &mut [F] {
    numbers.resize(length, F::zero());
    numbers
}

/// What is left of a piece's place.
struct Place<'a, F, const M: usize> {
    rows: Vec<F>,
    widths: [usize; M],
    values: &'a mut [F],
    outs: [&'a mut [F]; M],
}

impl<F: Real, const M: usize> Sink<F> for Place<'_, F, M> {
    fn slots(&mut self, n: usize) -> (&mut [F], &mut [F]) {
        let width = self.widths.iter().sum::<usize>();
        let rows = match &mut self.outs[..] {
            [out] => &mut out[..n * width],
            _ => of_length(&mut self.rows, n * width),
        };
        (&mut self.values[..n], rows)
    }

    fn done(&mut self, n: usize) {
        let _done = self.values.split_off_mut(..n);
        let mut rest = &self.rows[..];
        for _ in 0..n {
            for (out, &width) in self.outs.iter_mut().zip(&self.widths) {
                let to = out.split_off_mut(..width);
                // One output was written where it belongs.
                if let (Some(to), Some(from), true) = (to, rest.split_off(..width), M > 1) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}

/// What is left of a place of rows, of which no value is kept.
struct Consecutive<'a, F> {
    width: usize,
    out: &'a mut [F],
}

impl<F: Real> Sink<F> for Consecutive<'_, F> {
    fn slots(&mut self, n: usize) -> (&mut [F], &mut [F]) {
        (&mut [], &mut self.out[..n * self.width])
    }

    fn done(&mut self, n: usize) {
        let _done = self.out.split_off_mut(..n * self.width);
    }
}
