use crate::Real;

/// Accumulators of a sum over coordinates. A fixed number: the order of additions, and so the last
/// bit, does not depend on the machine; and independent sums can be kept in vector registers.
const LANES: usize = 32;

/// The sum over the coordinates of a row of a term of `K` inputs, whose `M` outputs (gradients, as
/// a rule) are written in the same pass.
///
/// This is the loop in which the row of a law is written. With `WRITE = false` nothing is written,
/// and the outputs may be empty.
///
/// Shapes: every input, and every output that is written, has one length `d`. Where they do not,
/// which is a fault of the law, the sum is NaN and nothing is written.
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
    mut outputs: [&mut [F]; M],
    term: impl Fn([F; K]) -> (F, [F; M]),
) -> F {
    let d = inputs.first().map_or(0, |row| row.len());
    let mut rows =
        inputs.iter().map(|row| row.len()).chain(outputs.iter().map(|row| if WRITE { row.len() } else { d }));
    if !rows.all(|length| length == d) {
        return F::nan();
    }
    let inputs = inputs.map(|row| row.as_chunks::<LANES>());
    let (blocks, rest) = (d / LANES, d % LANES);
    let mut sums = [F::zero(); LANES];
    // The rest first, as a block filled up with its first coordinate: a loop of any other length
    // than the others' would be run one coordinate at a time.
    if rest > 0 {
        let mut padded = [[F::zero(); LANES]; K];
        for (block, (_, tail)) in padded.iter_mut().zip(inputs) {
            pad(block, tail);
        }
        let (values, written) = lanes(padded.each_ref(), &term);
        // A copy: a select by lanes would keep the sums out of registers, and cost a fifth of the time.
        sums[..rest].copy_from_slice(&values[..rest]);
        write::<WRITE, _, M>(&mut outputs, blocks * LANES, &written, rest);
    }
    for b in 0..blocks {
        let (values, written) = lanes(inputs.map(|(blocks, _)| &blocks[b]), &term);
        for lane in 0..LANES {
            sums[lane] += values[lane];
        }
        write::<WRITE, _, M>(&mut outputs, b * LANES, &written, LANES);
    }
    let sixteen: [F; 16] = halves(sums);
    let eight: [F; 8] = halves(sixteen);
    let four: [F; 4] = halves(eight);
    let [first, second] = halves(four);
    first + second
}

/// Fills a block with the few coordinates that are left, and then with the first of them.
#[inline(always)]
fn pad<F: Real>(block: &mut [F; LANES], tail: &[F]) {
    let first = tail.first().copied().unwrap_or_default();
    for (lane, to) in block.iter_mut().enumerate() {
        // By lanes: a copy of so few numbers is a call, and what it wrote cannot be read as one vector.
        *to = if lane < tail.len() { tail[lane] } else { first };
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
    term: &impl Fn([F; K]) -> (F, [F; M]),
) -> ([F; LANES], [[F; LANES]; M]) {
    let mut values = [F::zero(); LANES];
    let mut written = [[F::zero(); LANES]; M];
    for lane in 0..LANES {
        let (value, out) = term(block.map(|row| row[lane]));
        values[lane] = value;
        for m in 0..M {
            written[m][lane] = out[m];
        }
    }
    (values, written)
}

/// Writes the first `n` coordinates of a block to where they belong.
#[inline(always)]
fn write<const WRITE: bool, F: Real, const M: usize>(
    outputs: &mut [&mut [F]; M],
    at: usize,
    written: &[[F; LANES]; M],
    n: usize,
) {
    if !WRITE {
        return;
    }
    for (to, from) in outputs.iter_mut().zip(written) {
        if let (Some(to), Some(from)) = (to.get_mut(at..at + n), from.get(..n)) {
            to.copy_from_slice(from);
        }
    }
}
