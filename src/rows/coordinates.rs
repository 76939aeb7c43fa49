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
    let mut sums = [F::zero(); LANES];
    let inputs = inputs.map(|row| row.as_chunks::<LANES>());
    let blocks = inputs.iter().map(|(blocks, _)| blocks.len()).min().unwrap_or(0);
    for b in 0..blocks {
        let block = inputs.map(|(blocks, _)| &blocks[b]);
        let mut written = [[F::zero(); LANES]; M];
        for lane in 0..LANES {
            let (value, out) = term(block.map(|row| row[lane]));
            sums[lane] += value;
            if WRITE {
                for m in 0..M {
                    written[m][lane] = out[m];
                }
            }
        }
        if WRITE {
            for (to, from) in outputs.iter_mut().zip(&written) {
                if let Some(to) = to.get_mut(b * LANES..(b + 1) * LANES) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
    let rest = inputs.iter().map(|(_, rest)| rest.len()).min().unwrap_or(0);
    for lane in 0..rest {
        let (value, out) = term(inputs.map(|(_, rest)| rest[lane]));
        sums[lane] += value;
        if WRITE {
            for (to, from) in outputs.iter_mut().zip(out) {
                if let Some(to) = to.get_mut(blocks * LANES + lane) {
                    *to = from;
                }
            }
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = sums[lane + width];
            sums[lane] += other;
        }
        width /= 2;
    }
    sums[0]
}
