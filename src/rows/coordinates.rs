use crate::Real;
use crate::real::Aligned;

/// Accumulators of a sum over coordinates. A fixed number: the order of additions, and so the last
/// bit, does not depend on the machine; and independent sums can be kept in vector registers.
const LANES: usize = 32;

/// A term of a row by its coordinates, and what is written beside it: what a closure says to [`sum_coordinates`], as a type.
///
/// A closure of several elementary functions is too long for the compiler to inline, and what is not inlined is compiled for
/// the least machine: a fused multiply-add becomes a call, and the row takes ten times as long. A method that is marked
/// `#[inline(always)]` is inlined, however long.
///
/// ```
/// use estimand::arithmetic::{Arithmetic, Plain};
/// use estimand::rows::{Term, sum_term};
///
/// /// ln(1 + x^2) - tanh(x)^2, and its slope.
/// struct Long<A>(A);
/// impl<A: Arithmetic<f64>> Term<f64, 1, 1> for Long<A> {
///     #[inline(always)]
///     fn of(&self, [x]: [f64; 1]) -> (f64, [f64; 1]) {
///         let t = self.0.tanh(x);
///         (self.0.ln_1p(x * x) - t * t, [2.0 * x / (1.0 + x * x) - 2.0 * t * (1.0 - t * t)])
///     }
/// }
/// let (x, mut slope) = ([1.0, 0.0, -1.0], [9.0; 3]);
/// let sum = sum_term::<true, _, 1, 1>([&x], [&mut slope], &Long(Plain));
/// assert!((sum - 2.0 * (2.0_f64.ln() - 1.0_f64.tanh().powi(2))).abs() < 1e-15 && slope[1] == 0.0);
/// ```
pub trait Term<F, const K: usize, const M: usize> {
    /// The term of one coordinate's inputs, and its outputs.
    fn of(&self, inputs: [F; K]) -> (F, [F; M]);
}

/// A closure as a term.
struct Short<T>(T);

impl<F, T: Fn([F; K]) -> (F, [F; M]), const K: usize, const M: usize> Term<F, K, M> for Short<T> {
    #[inline(always)]
    fn of(&self, inputs: [F; K]) -> (F, [F; M]) {
        (self.0)(inputs)
    }
}

/// [`sum_coordinates`] of a [`Term`], however long. Shapes, and what comes where they do not fit: as there.
#[inline(always)]
pub fn sum_term<const WRITE: bool, F: Real, const K: usize, const M: usize>(
    inputs: [&[F]; K],
    outputs: [&mut [F]; M],
    term: &impl Term<F, K, M>,
) -> F {
    coordinates::<true, WRITE, _, _, _>(inputs, outputs, term)
}

/// The sum over the coordinates of a row of a term of `K` inputs, whose `M` outputs (gradients, as
/// a rule) are written in the same pass.
///
/// This is the loop in which the row of a law is written. With `WRITE = false` nothing is written,
/// and the outputs may be empty.
///
/// A row is filled up to whole vectors with zeros: `term` is asked for those too, and what it says of them is dropped.
/// Shapes: every input, and every output that is written, has one length `d`. Where they do not,
/// which is a fault of the law, the sum and all outputs are NaN. A term of several elementary functions is a [`Term`].
///
/// ```
/// use estimand::rows::sum_coordinates;
///
/// // log N(x; m, 1) up to a constant, and its slope in m.
/// let (x, m) = ([1.0, 2.0], [0.0, 0.5]);
/// let mut slope = [0.0; 2];
/// let value = sum_coordinates::<true, _, 2, 1>([&x, &m], [&mut slope], |[x, m]| {
///     let z: f64 = x - m;
///     (-0.5 * z * z, [z])
/// });
/// assert_eq!((value, slope), (-1.625, [1.0, 1.5]));
/// ```
#[inline(always)]
pub fn sum_coordinates<const WRITE: bool, F: Real, const K: usize, const M: usize>(
    inputs: [&[F]; K],
    outputs: [&mut [F]; M],
    term: impl Fn([F; K]) -> (F, [F; M]),
) -> F {
    sum_term::<WRITE, _, _, _>(inputs, outputs, &Short(term))
}

/// The outputs of each coordinate of a row, where there is nothing to sum: [`sum_coordinates`] without its sums, which
/// the compiler does not leave out by itself.
///
/// Shapes: as there.
///
/// ```
/// use estimand::rows::map_coordinates;
///
/// let (z, scale) = ([1.0, -2.0], [3.0, 0.5]);
/// let mut x = [0.0; 2];
/// map_coordinates([&z, &scale], [&mut x], |[z, s]| [z * s]);
/// assert_eq!(x, [3.0, -1.0]);
/// ```
#[inline(always)]
pub fn map_coordinates<F: Real, const K: usize, const M: usize>(
    inputs: [&[F]; K],
    outputs: [&mut [F]; M],
    term: impl Fn([F; K]) -> [F; M],
) {
    coordinates::<false, true, _, _, _>(inputs, outputs, &Short(|inputs| (F::zero(), term(inputs))));
}

/// The loop of both; without `SUM` the sum is 0, or NaN where shapes do not fit.
#[inline(always)]
fn coordinates<const SUM: bool, const WRITE: bool, F: Real, const K: usize, const M: usize>(
    inputs: [&[F]; K],
    mut outputs: [&mut [F]; M],
    term: &impl Term<F, K, M>,
) -> F {
    let d = inputs.first().map_or(0, |row| row.len());
    let mut rows =
        inputs.iter().map(|row| row.len()).chain(outputs.iter().map(|row| if WRITE { row.len() } else { d }));
    if !rows.all(|length| length == d) {
        if WRITE {
            outputs.into_iter().for_each(|row| row.fill(F::nan()));
        }
        return F::nan();
    }
    let inputs = inputs.map(|row| row.as_chunks::<LANES>());
    let (blocks, rest) = (d / LANES, d % LANES);
    let mut first = Aligned([F::zero(); LANES]);
    // The rest first, as a block filled up with zeros, of which nothing is kept: a loop of any other length than the
    // others' would be run one coordinate at a time.
    if rest > 0 {
        let mut padded = [Aligned([F::zero(); LANES]); K];
        for (block, (_, tail)) in padded.iter_mut().zip(inputs) {
            copy_few(&mut block.0, tail, rest);
        }
        let (values, written) = lanes(padded.each_ref().map(|block| &block.0), term);
        // A copy: a select by lanes would keep the sums out of registers, and cost a fifth of the time.
        if SUM {
            copy_few(&mut first.0, &values.0, rest);
        }
        write::<WRITE, _, M>(&mut outputs, blocks * LANES, &written, rest);
    }
    let mut sums: [F; LANES] = std::array::from_fn(|lane| first.0[lane]);
    for b in 0..blocks {
        let (values, written) = lanes(inputs.map(|(blocks, _)| &blocks[b]), term);
        if SUM {
            sums.iter_mut().zip(values.0).for_each(|(sum, value)| *sum += value);
        }
        write::<WRITE, _, M>(&mut outputs, b * LANES, &written, LANES);
    }
    if !SUM {
        return F::zero();
    }
    // Through memory, whole vectors of it: else the compiler splits the loop's sums to suit what follows, and a wide row
    // takes half as long again; or halves them number by number.
    let sixteen: Aligned<[F; 16]> = std::hint::black_box(Aligned(halves(sums)));
    let eight: Aligned<[F; 8]> = std::hint::black_box(Aligned(halves(sixteen.0)));
    let four: [F; 4] = halves(eight.0);
    let [first, second] = halves(four);
    first + second
}

/// Copies the first `n` numbers, fewer than [`LANES`], by halves: a copy of any other length is a call.
#[inline(always)]
fn copy_few<F: Real>(to: &mut [F], from: &[F], n: usize) {
    let mut at = 0;
    for size in [16, 8, 4, 2, 1] {
        if n & size != 0 {
            if let (Some(to), Some(from)) = (to.get_mut(at..at + size), from.get(at..at + size)) {
                to.copy_from_slice(from);
            }
            at += size;
        }
    }
}

/// Each lane of the first half and its partner in the second.
#[inline(always)]
fn halves<F: Real, const N: usize, const H: usize>(sums: [F; N]) -> [F; H] {
    std::array::from_fn(|lane| sums[lane] + sums[lane + H])
}

/// The values and the outputs of a block of coordinates.
#[inline(always)]
fn lanes<F: Real, const K: usize, const M: usize>(
    block: [&[F; LANES]; K],
    term: &impl Term<F, K, M>,
) -> (Aligned<[F; LANES]>, [Aligned<[F; LANES]>; M]) {
    let mut values = Aligned([F::zero(); LANES]);
    let mut written = [Aligned([F::zero(); LANES]); M];
    for lane in 0..LANES {
        let (value, out) = term.of(block.map(|row| row[lane]));
        values.0[lane] = value;
        for m in 0..M {
            written[m].0[lane] = out[m];
        }
    }
    (values, written)
}

/// Writes the first `n` coordinates of a block to where they belong.
#[inline(always)]
fn write<const WRITE: bool, F: Real, const M: usize>(
    outputs: &mut [&mut [F]; M],
    at: usize,
    written: &[Aligned<[F; LANES]>; M],
    n: usize,
) {
    if !WRITE {
        return;
    }
    for (to, from) in outputs.iter_mut().zip(written) {
        let Some(to) = to.get_mut(at..at + n) else { continue };
        match to.first_chunk_mut() {
            Some(to) => *to = from.0,
            None => copy_few(to, &from.0, n),
        }
    }
}
