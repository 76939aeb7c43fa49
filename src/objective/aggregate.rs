//! The aggregate posterior q(z) = mean over the data of q(z | x), as the mixture of the posteriors of a batch: its density and its
//! marginals at samples, and what a gradient makes of them.

use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use crate::arithmetic::Arithmetic;
use crate::distribution::{half_ln_tau, root_of_scale, scaled};
use crate::kernel::{RowFn, fill};
use crate::rows::{as_columns, sum_long, weigh};
use crate::shape::{at_least_one, no_nan_rows};
use crate::special::{exp_not_above_0, log_sum_exp_row, log_sum_exp_value};
use crate::{DiagGaussian, Distribution, Error, Real, Result};

/// For how much of the data set each posterior of a batch of M stands, where its mixture is met at a sample of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The batch is the data set: 1 / M each. Exact.
    Exact,
    /// The corrected minibatch-stratified weights: 1 / N for the posterior that the sample is of, (N - 1) / (N (M - 1)) for each
    /// other. The *density* is unbiased, over batches drawn without replacement, and exact where M = N; its logarithm is too low
    /// in the mean. (The weights that are published in code put 1 / N into a column instead, and are wrong even where M = N.)
    Stratified {
        /// N, the examples of the data set.
        data: usize,
    },
    /// The minibatch-weighted form: 1 / (N M) each. What it estimates is not the density: it is far too low, by a factor that
    /// falls from N for others to M for its own. Its gradient is what is of use, since a factor goes in the logarithm.
    Weighted {
        /// N.
        data: usize,
    },
}

impl Aggregate {
    /// ln of the weight of a sample's own posterior, and of any other.
    fn log_weights<F: Real>(self, batch: usize) -> Result<[F; 2]> {
        at_least_one("q", batch)?;
        let m = batch as f64;
        let (data, weights) = match self {
            Self::Exact => (batch, [1.0 / m, 1.0 / m]),
            Self::Weighted { data } => (data, [1.0 / (data as f64 * m); 2]),
            Self::Stratified { data } if batch == 1 && data > 1 => {
                return Err(Error::TooFew { name: "q", got: 1, needs: 2 });
            }
            Self::Stratified { data } => {
                let n = data as f64;
                (data, [1.0 / n, if batch > 1 { (n - 1.0) / (n * (m - 1.0)) } else { 1.0 }])
            }
        };
        if data < batch {
            let expected = "at least the rows of the batch";
            return Err(Error::Parameter { name: "data", value: data as f64, expected });
        }
        Ok(weights.map(|w| F::of(w.ln())))
    }
}

/// The posteriors of a batch as components, a coordinate a row: `(dim, m)`.
pub(super) struct Mixture<F> {
    loc: Array2<F>,
    root: Array2<F>,
    /// ln of the density at the location.
    peak: Array2<F>,
    /// ln of the weight of the own component over that of another.
    own: F,
    log_other: F,
    repeat: usize,
}

/// Densities of samples under the mixture: each `(n,)` or `(n, dim)`.
pub(super) struct Densities<F> {
    /// ln q(z | x) of a sample's own posterior.
    pub(super) own: Array1<F>,
    /// ln q(z).
    pub(super) joint: Array1<F>,
    /// ln q(z_j).
    pub(super) marginals: Array2<F>,
}

/// Weights of ln q(z | x), ln q(z), and the sum of ln q(z_j), in what is differentiated.
#[derive(Clone, Copy)]
pub(super) struct Shares<F> {
    pub(super) own: F,
    pub(super) joint: F,
    pub(super) marginals: F,
}

impl<F: Real> Mixture<F> {
    /// Errors: those of the weights; `NaN` with the row of the parameters.
    pub(super) fn new(q: &DiagGaussian<'_, F>, aggregate: Aggregate) -> Result<Self> {
        let [own, other] = aggregate.log_weights::<F>(q.shape().rows)?;
        no_nan_rows("loc", &q.loc())?;
        no_nan_rows("log_scale", &q.log_scale())?;
        let columns = |of: ArrayView2<'_, F>| as_columns(of, 0..of.nrows(), None);
        let log_scale = columns(q.log_scale());
        let (_, [root, peak]) = fill(log_scale.nrows(), [log_scale.view()], [log_scale.ncols(); 2], &ComponentsRow);
        Ok(Self { loc: columns(q.loc()), root, peak, own: own - other, log_other: other, repeat: q.shape().repeat })
    }

    /// Errors: `NaN` with the row of a sample; `Entry` where a sample is so far from every component that the density is 0.
    pub(super) fn densities(&self, z: &ArrayRef2<F>) -> Result<Densities<F>> {
        no_nan_rows("z", z)?;
        let (joint, [own, marginals]) = fill(z.nrows(), [z.view()], [1, z.ncols()], &DensityRow(self));
        if let Some(i) = joint.iter().position(|density| !density.is_finite()) {
            let expected = "a sample where the mixture has a density";
            let value = z.row(i).first().map_or(0.0, |z| z.as_f64());
            return Err(Error::Entry { name: "z", index: vec![i, 0], value, expected });
        }
        let own = own.into_raw_vec_and_offset().0.into();
        Ok(Densities { own, joint, marginals })
    }

    /// The derivatives of the sum over samples of the shares of their densities: in the samples, `(n, dim)`, and in the
    /// parameters of the components, `(m, 2 dim)`.
    pub(super) fn derivatives(&self, z: &ArrayRef2<F>, at: &Densities<F>, shares: Shares<F>) -> [Array2<F>; 2] {
        let (m, dim) = (self.loc.ncols(), self.loc.nrows());
        let (_, [d_z]) = fill(z.nrows(), [z.view()], [dim], &SampleSlopeRow { mixture: self, shares });
        let columns = |of: ArrayView2<'_, F>| as_columns(of, 0..of.nrows(), None);
        // Less what every component's weight has in common.
        let joint = at.joint.iter().map(|&log| log - self.log_other).collect();
        let marginals = columns(at.marginals.view()).mapv_into(|log| log - self.log_other);
        let row = ComponentSlopeRow { mixture: self, shares, z: columns(z.view()), marginals, joint };
        let (_, [d_q]) = fill(m, [], [2 * dim], &row);
        [d_z, d_q]
    }

    /// The component that sample `i` is of.
    #[inline(always)]
    fn component(&self, i: usize) -> usize {
        i / self.repeat.max(1)
    }

    /// The coordinate `j` of a component: location, root of the inverse scale, peak.
    #[inline(always)]
    fn coordinate(&self, j: usize) -> [&[F]; 3] {
        [&self.loc, &self.root, &self.peak].map(|all| row_of(all, j))
    }

    /// ln of the density of coordinate `j` at `z` under each component.
    #[inline(always)]
    fn log_densities<A: Arithmetic<F>>(&self, a: A, j: usize, z: F, out: &mut [F]) {
        let [loc, root, peak] = self.coordinate(j);
        for (((out, &loc), &root), &peak) in out.iter_mut().zip(loc).zip(root).zip(peak) {
            let u = scaled(z - loc, root);
            *out = a.fma(F::of(-0.5) * u, u, peak);
        }
    }
}

/// Row `j` of an array in standard layout.
#[inline(always)]
fn row_of<F>(all: &Array2<F>, j: usize) -> &[F] {
    let width = all.ncols();
    all.as_slice().unwrap_or_default().get(j * width..(j + 1) * width).unwrap_or_default()
}

/// Of log-scales: the roots of inverse scales, and the logarithms of densities at their peaks.
struct ComponentsRow;

impl<F: Real> RowFn<F, 1> for ComponentsRow {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [log_scale]: [&[F]; 1], out: &mut [F]) -> F {
        let (root, peak) = out.split_at_mut(log_scale.len());
        for ((root, peak), &s) in root.iter_mut().zip(peak).zip(log_scale) {
            *root = root_of_scale(a, F::of(-0.5) * s);
            *peak = -s - half_ln_tau();
        }
        F::zero()
    }
}

struct DensityRow<'a, F>(&'a Mixture<F>);

impl<F: Real> RowFn<F, 1> for DensityRow<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [z]: [&[F]; 1], out: &mut [F]) -> F {
        let (m, own) = (self.0.loc.ncols(), self.0.component(i));
        let (to_own, marginals) = out.split_at_mut(1);
        let mut joint = vec![F::zero(); m];
        let mut one = vec![F::zero(); m];
        let mut of_own = F::zero();
        let mut rests = vec![F::zero(); z.len()];
        for (j, &z) in z.iter().enumerate() {
            self.0.log_densities(a, j, z, &mut one);
            joint.iter_mut().zip(&one).for_each(|(joint, &one)| *joint += one);
            if let Some(own) = one.get_mut(own) {
                of_own += *own;
                *own += self.0.own;
            }
            (marginals[j], rests[j]) = log_sum_exp_value(a, &one);
        }
        for (marginal, &rest) in marginals.iter_mut().zip(&rests) {
            *marginal = self.0.log_other + (*marginal + a.ln_1p(rest));
        }
        to_own.fill(of_own);
        if let Some(own) = joint.get_mut(own) {
            *own += self.0.own;
        }
        let (most, rest) = log_sum_exp_value(a, &joint);
        self.0.log_other + (most + a.ln_1p(rest))
    }
}

struct SampleSlopeRow<'a, F> {
    mixture: &'a Mixture<F>,
    shares: Shares<F>,
}

impl<F: Real> RowFn<F, 1> for SampleSlopeRow<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [z]: [&[F]; 1], d_z: &mut [F]) -> F {
        let Self { mixture, shares } = self;
        let (m, own) = (mixture.loc.ncols(), mixture.component(i));
        let mut logs = vec![F::zero(); z.len() * m];
        let mut weights = vec![F::zero(); m];
        let mut joint = vec![F::zero(); m];
        for (j, logs) in logs.chunks_exact_mut(m).enumerate() {
            mixture.log_densities(a, j, z[j], logs);
            weights.iter_mut().zip(&*logs).for_each(|(sum, &log)| *sum += log);
        }
        if let Some(own) = weights.get_mut(own) {
            *own += mixture.own;
        }
        log_sum_exp_row(a, &weights, &mut joint);
        for (j, (logs, d_z)) in logs.chunks_exact_mut(m).zip(d_z).enumerate() {
            if let Some(own) = logs.get_mut(own) {
                *own += mixture.own;
            }
            log_sum_exp_row(a, logs, &mut weights);
            let [loc, root, _] = mixture.coordinate(j);
            let slope = |k: usize| -scaled(scaled(z[j] - loc[k], root[k]), root[k]);
            for (k, term) in logs.iter_mut().enumerate() {
                *term = weigh(shares.joint * joint[k] + shares.marginals * weights[k], slope(k));
            }
            *d_z = sum_long(logs, |term| term) + weigh(shares.own, slope(own));
        }
        F::zero()
    }
}

struct ComponentSlopeRow<'a, F> {
    mixture: &'a Mixture<F>,
    shares: Shares<F>,
    /// A coordinate a row: `(dim, n)`.
    z: Array2<F>,
    marginals: Array2<F>,
    joint: Vec<F>,
}

impl<F: Real> RowFn<F, 0> for ComponentSlopeRow<'_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, k: usize, []: [&[F]; 0], out: &mut [F]) -> F {
        let Self { mixture, shares, z, marginals, joint } = self;
        let (n, dim) = (joint.len(), z.nrows());
        let own = (k * mixture.repeat).min(n)..((k + 1) * mixture.repeat).min(n);
        let mut weights = vec![F::zero(); n];
        let mut terms = [(); 2].map(|()| vec![F::zero(); n]);
        for j in 0..dim {
            let [loc, root, peak] = mixture.coordinate(j).map(|all| all[k]);
            for (sum, &z) in weights.iter_mut().zip(row_of(z, j)) {
                let u = scaled(z - loc, root);
                *sum += a.fma(F::of(-0.5) * u, u, peak);
            }
        }
        weights[own.clone()].iter_mut().for_each(|log| *log += mixture.own);
        for (weight, &joint) in weights.iter_mut().zip(joint) {
            *weight = shares.joint * exp_not_above_0(a, *weight - joint);
        }
        weights[own.clone()].iter_mut().for_each(|weight| *weight += shares.own);
        let (d_loc, d_log_scale) = out.split_at_mut(dim);
        for j in 0..dim {
            let [loc, root, peak] = mixture.coordinate(j).map(|all| all[k]);
            let (z, marginal) = (row_of(z, j), row_of(marginals, j));
            let [by_loc, by_scale] = &mut terms;
            for (log, &z) in by_loc.iter_mut().zip(z) {
                let u = scaled(z - loc, root);
                *log = a.fma(F::of(-0.5) * u, u, peak);
            }
            by_loc[own.clone()].iter_mut().for_each(|log| *log += mixture.own);
            for i in 0..n {
                let u = scaled(z[i] - loc, root);
                let weight = weights[i] + shares.marginals * exp_not_above_0(a, by_loc[i] - marginal[i]);
                by_loc[i] = weigh(weight, scaled(u, root));
                by_scale[i] = weigh(weight, u * u - F::one());
            }
            d_loc[j] = sum_long(by_loc, |term| term);
            d_log_scale[j] = sum_long(by_scale, |term| term);
        }
        F::zero()
    }
}
