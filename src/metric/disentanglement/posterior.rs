use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

use super::labels::{Labels, finite_rows, same_rows};
use crate::arithmetic::Arithmetic;
use crate::kernel::{RowFn, fill};
use crate::moments::ColumnMoments;
use crate::rows::pairwise;
use crate::shape::same_shape;
use crate::special::{exp_not_above_0, largest, log_sum_exp_value};
use crate::{DiagGaussian, Error, Real, Result};

/// The information of codes about factors, from samples: what [`posterior_information`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct PosteriorInformation<F> {
    /// I(z_j; v_k) in nats, `(d, K)`: what [`mig`](super::mig) takes.
    pub mean: Array2<F>,
    /// The standard error of each, `(d, K)`, as if samples were independent.
    pub std_error: Array2<F>,
}

/// The mutual information of each coordinate of a code with each factor, from the Gaussian posteriors of the examples:
/// without bins.
///
/// ```text
/// q(z_j) = mean over examples m of q(z_j | m),      q(z_j | v_k) = the same over examples that have this class of factor k
/// I_jk = E [ln q(z_j | v_k) - ln q(z_j)] = H(z_j) - H(z_j | v_k),  of m uniform, its class v_k, and z from q(z | m)
/// ```
///
/// Estimand: this information, where the data set is the examples that are given, all of them. Estimator: the mean over
/// samples z_s of example m_s. Bias: unbiased, where examples are drawn uniformly, or each equally often (then the
/// standard error is too large, if anything). Samples of an estimate may average below 0. A data set of which these
/// examples are a part has other sums, and as a rule less information: of few examples each tells its
/// class apart.
///
/// A histogram of posterior means knows nothing of the width of a posterior: of a collapsed code, whose means differ by
/// next to nothing, it reports what this does not.
///
/// Cost: S n d exponentials for S samples of n examples, and as many additions for each factor over its classes;
/// n numbers a sample of memory. 10 000 samples of 10 000 examples in 10 coordinates are 10^9:
/// seconds in f32.
///
/// Shapes: `q`: the posteriors, n parameter rows of d; `factors: (n, K)`; `z: (S, d)`; `of: (S,)`, the example of each
/// sample. To `(d, K)`.
/// Errors: `TooFew` of no posteriors or fewer than two samples; `Count` of no columns; `Shape`; `NaN` with the row of
/// `loc`, `log_scale` or `z`, `Entry` where one is infinite, or where `of` is no row of `q`; `NaN` of `information` with
/// the sample that is so far from all posteriors that their densities are 0 in these numbers, which no draw is.
/// Source: Chen, Li, Grosse and Duvenaud 2018, section 4.1 and appendix C; chapter `metric/disentanglement`.
///
/// ```
/// use estimand::metric::disentanglement::{entropies, mig, posterior_information};
/// use estimand::{DiagGaussian, Sample, ndarray::{Array1, Array2, array}, rand::{SeedableRng, rngs::StdRng}};
///
/// // Two coordinates: the first tells the classes apart, the second is collapsed.
/// let loc = array![[-9.0_f64, 0.0], [-8.0, 0.0], [8.0, 0.0], [9.0, 0.0]];
/// let q = DiagGaussian::new(&loc, Array2::zeros((4, 2)))?;
/// let factors = array![[0], [0], [1], [1]];
/// let z = q.clone().repeat_rows(8).sample(&mut StdRng::seed_from_u64(1));
/// let information = posterior_information(&q, &factors, &z, &Array1::from_shape_fn(32, |s| s / 8))?;
/// let gaps = mig(&information.mean, &entropies(&factors)?)?;
/// assert!((gaps.mean - 1.0).abs() < 1e-6 && gaps.code[0] == 0);
/// # Ok::<(), estimand::Error>(())
/// ```
pub fn posterior_information<F: Real>(
    q: &DiagGaussian<'_, F>,
    factors: &ArrayRef2<usize>,
    z: &ArrayRef2<F>,
    of: &ArrayRef1<usize>,
) -> Result<PosteriorInformation<F>> {
    finite_rows("loc", &q.loc())?;
    finite_rows("log_scale", &q.log_scale())?;
    let (n, d) = q.loc().dim();
    same_rows("factors", n, factors)?;
    let samples = z.nrows();
    same_shape("z", z.shape(), &[samples, d])?;
    if samples < 2 {
        return Err(Error::TooFew { name: "z", got: samples, needs: 2 });
    }
    finite_rows("z", z)?;
    same_shape("of", of.shape(), &[samples])?;
    if let Some((s, &example)) = of.iter().enumerate().find(|&(_, &example)| example >= n) {
        let value = example as f64;
        return Err(Error::Entry {
            name: "of",
            index: vec![s],
            value,
            expected: "the number of a parameter row of `q`",
        });
    }
    let log_ratios = LogRatios::of(q, factors, of);
    let width = d * factors.ncols();
    let (_, [rows]) = fill(samples, [z.view()], [width], &log_ratios);
    let moments = ColumnMoments::of(&rows);
    let table =
        |columns: Array1<F>| Array2::from_shape_fn((d, factors.ncols()), |(j, k)| columns[j * factors.ncols() + k]);
    let renamed = |why| if let Error::NaN { row, .. } = why { Error::NaN { name: "information", row } } else { why };
    let mean = table(moments.mean().map_err(renamed)?);
    Ok(PosteriorInformation { mean, std_error: table(moments.std_error().map_err(renamed)?) })
}

/// ln q(z_j | v_k) - ln q(z_j) of a sample.
struct LogRatios<'a, F> {
    /// Of each coordinate, the locations, log-scales and scales of all examples.
    examples: Vec<[Vec<F>; 3]>,
    /// Of each factor, the examples of each class, and the class of each example.
    factors: Vec<(Vec<Vec<usize>>, Vec<usize>)>,
    of: &'a ArrayRef1<usize>,
}

impl<'a, F: Real> LogRatios<'a, F> {
    fn of(q: &DiagGaussian<'_, F>, factors: &ArrayRef2<usize>, of: &'a ArrayRef1<usize>) -> Self {
        let (loc, log_scale) = (q.loc(), q.log_scale());
        let coordinates = loc.columns().into_iter().zip(log_scale.columns());
        let examples =
            coordinates.map(|(l, s)| [l.to_vec(), s.to_vec(), s.iter().map(|s| s.exp()).collect()]).collect();
        let members = |labels: Labels| {
            let mut members = vec![Vec::new(); labels.classes.len()];
            labels.ranks.iter().enumerate().for_each(|(m, &class)| members[class].push(m));
            (members, labels.ranks)
        };
        Self { examples, factors: Labels::columns(factors).into_iter().map(members).collect(), of }
    }
}

/// The log-density but for its constant, which cancels.
#[inline(always)]
fn log_density<F: Real>(z: F, loc: F, log_scale: F, scale: F) -> F {
    // At the location also where the scale is 0 or infinite in these numbers.
    let off = if z == loc { F::zero() } else { (z - loc) / scale };
    F::of(-0.5) * off * off - log_scale
}

impl<F: Real> RowFn<F, 1> for LogRatios<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, s: usize, [z]: [&[F]; 1], out: &mut [F]) -> F {
        let n = self.examples.first().map_or(0, |[loc, ..]| loc.len());
        let (mut log_densities, mut densities) = (vec![F::zero(); n], vec![F::zero(); n]);
        for ((examples, &z), out) in self.examples.iter().zip(z).zip(out.chunks_mut(self.factors.len())) {
            let [loc, log_scale, scale] = examples;
            // Loops, not closures: in a function as long as this those are not inlined, and lose the instructions of its level.
            let places = loc.iter().zip(log_scale).zip(scale);
            for (l, ((&loc, &log_scale), &scale)) in log_densities.iter_mut().zip(places) {
                *l = log_density(z, loc, log_scale, scale);
            }
            let most = largest(&log_densities);
            for (q, &l) in densities.iter_mut().zip(&log_densities) {
                *q = exp_not_above_0(a, l - most);
            }
            let all = pairwise(n, |m| densities[m]);
            for ((members, class), out) in self.factors.iter().zip(out) {
                let members = &members[class[self.of[s]]];
                let within = pairwise(members.len(), |m| densities[members[m]]);
                // Of a class so far from the likeliest that its densities are no normal numbers beside that: from its own
                // largest.
                let ln_within = if within > F::min_positive_value() / F::epsilon() {
                    within.ln()
                } else {
                    let own: Vec<F> = members.iter().map(|&m| log_densities[m]).collect();
                    let (largest, rest) = log_sum_exp_value(a, &own);
                    largest - most + a.ln_1p(rest)
                };
                *out = ln_within - all.ln() + (F::count(n) / F::count(members.len())).ln();
            }
        }
        F::zero()
    }
}
