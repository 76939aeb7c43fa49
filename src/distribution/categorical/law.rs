use ndarray::{Array2, ArrayRef2, ArrayView2};

use super::Categorical;
use crate::arithmetic::Arithmetic;
use crate::distribution::bernoulli::LogitParts;
use crate::distribution::kl::Kl;
use crate::distribution::law::{Distribution, ValueRows};
use crate::distribution::shares::blocks_mut;
use crate::distribution::summary::{Entropy, MeanVariance};
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, sum_coordinates, sum_long, weigh};
use crate::shape::entries;
use crate::special::{Special, log_sum_exp_row, log_sum_exp_value};
use crate::{Error, Real, Result, Shape, ValueGrad};

impl<F: Real> Distribution<F> for Categorical<'_, F> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        LogitParts { dim: self.logits.ncols() }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.logits.nrows(), repeat: self.repeat, dim: self.logits.ncols() }
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        let mut grad = blocks_mut(grad, self.classes);
        let mut sum = F::zero();
        for (x, logits) in self.blocks_of(x).zip(self.blocks_of(self.logits.row(t))) {
            let grad = grad.next().unwrap_or_default();
            let (most, rest) = normaliser::<GRAD, _, _>(a, logits, grad);
            let picked = sum_coordinates::<false, _, 2, 0>([x, logits], [], |[x, l]| (weigh(x, l - most), []));
            let value = picked - a.ln_1p(rest);
            sum += value;
            if !GRAD {
                continue;
            }
            let never = x.iter().zip(logits).any(|(&x, &l)| x == F::one() && l == F::neg_infinity());
            if never {
                grad.fill(F::zero());
            } else {
                for ((grad, &x), &l) in grad.iter_mut().zip(x).zip(logits) {
                    *grad = if x == F::one() { complement(*grad, rest, l == most) } else { x - *grad };
                }
            }
        }
        sum
    }

    /// Blocks with a single 1, and zeros.
    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        entries("x", x, "a bit, 0 or 1", |x| (x == F::zero()) | (x == F::one()))?;
        // Rows are whole blocks: in row order, so is the array.
        let all = x.as_standard_layout();
        let single = |block: &[F]| block.iter().filter(|&&x| x == F::one()).count() == 1;
        let stray = |block: &&[F]| !single(block) && !block.iter().any(|x| x.is_nan());
        let blocks = all.as_slice().unwrap_or_default().chunks_exact(self.classes);
        if let Some((k, block)) = blocks.enumerate().find(|(_, block)| stray(block)) {
            let (expected, at) = ("a block, from here on, with a single 1", k * self.classes);
            let index = vec![at / x.ncols(), at % x.ncols()];
            return Err(Error::Entry { name: "x", index, value: block[0].as_f64(), expected });
        }
        Ok(())
    }
}

/// ln sum of e^l as most + ln(1 + rest); the probabilities are written to `weights`, if they are asked for.
#[inline(always)]
fn normaliser<const WEIGHTS: bool, F: Real, A: Arithmetic<F>>(a: A, logits: &[F], weights: &mut [F]) -> (F, F) {
    if WEIGHTS { log_sum_exp_row(a, logits, weights) } else { log_sum_exp_value(a, logits) }
}

/// 1 - p of a class, where that of the likeliest is what the others have.
#[inline(always)]
fn complement<F: Real>(p: F, rest: F, likeliest: bool) -> F {
    if likeliest { rest / (F::one() + rest) } else { F::one() - p }
}

/// The row of labels: no one-hot row is made of them.
pub(super) struct LabelRow<'a, 'b, F, const GRAD: bool> {
    law: &'a Categorical<'b, F>,
    labels: ArrayView2<'a, usize>,
}

impl<'a, 'b, F: Real, const GRAD: bool> LabelRow<'a, 'b, F, GRAD> {
    pub(super) fn new(law: &'a Categorical<'b, F>, labels: &'a ArrayRef2<usize>) -> Self {
        Self { law, labels: labels.view() }
    }
}

impl<F: Real, const GRAD: bool> RowFn<F, 0> for LabelRow<'_, '_, F, GRAD> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let logits = self.law.logits.row(self.law.shape().parameter_row(i));
        let mut grad = blocks_mut(grad, self.law.classes);
        let mut sum = F::zero();
        for (b, logits) in self.law.blocks_of(logits).enumerate() {
            let class = self.labels[[i, b]];
            let grad = grad.next().unwrap_or_default();
            let (most, rest) = normaliser::<GRAD, _, _>(a, logits, grad);
            let value = (logits[class] - most) - a.ln_1p(rest);
            sum += value;
            if !GRAD {
                continue;
            }
            if logits[class] == F::neg_infinity() {
                grad.fill(F::zero());
            } else {
                let own = complement(grad[class], rest, logits[class] == most);
                grad.iter_mut().for_each(|g| *g = F::zero() - *g);
                grad[class] = own;
            }
        }
        sum
    }
}

impl<F: Real> MeanVariance<F> for Categorical<'_, F> {
    /// The probabilities.
    fn mean(&self) -> Array2<F> {
        let (_, [mean]) = fill(self.logits.nrows(), [], [self.logits.ncols()], &MeanRow(self));
        mean
    }

    /// p (1 - p).
    fn variance(&self) -> Array2<F> {
        let (_, [variance]) = fill(self.logits.nrows(), [], [self.logits.ncols()], &VarianceRow(self));
        variance
    }
}

struct MeanRow<'a, 'b, F>(&'a Categorical<'b, F>);

impl<F: Real> RowFn<F, 0> for MeanRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], mean: &mut [F]) -> F {
        let blocks = self.0.blocks_of(self.0.logits.row(t));
        for (logits, mean) in blocks.zip(blocks_mut(mean, self.0.classes)) {
            log_sum_exp_row(a, logits, mean);
        }
        F::zero()
    }
}

struct VarianceRow<'a, 'b, F>(&'a Categorical<'b, F>);

impl<F: Real> RowFn<F, 0> for VarianceRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], variance: &mut [F]) -> F {
        let blocks = self.0.blocks_of(self.0.logits.row(t));
        for (logits, variance) in blocks.zip(blocks_mut(variance, self.0.classes)) {
            let (most, rest) = log_sum_exp_row(a, logits, variance);
            variance.iter_mut().zip(logits).for_each(|(v, &l)| *v = *v * complement(*v, rest, l == most));
        }
        F::zero()
    }
}

impl<F: Real> Entropy<F> for Categorical<'_, F> {
    /// sum of p (-ln p) a block, with derivative p (-ln p - H): a class of probability 0 has no share in either.
    fn entropy(&self) -> ValueRows<F, LogitParts> {
        let parts = self.parts();
        let (value, [grad]) = fill(self.logits.nrows(), [], [parts.dim], &EntropyRow(self));
        ValueGrad { value, grad: Grad::held(grad, parts) }
    }
}

struct EntropyRow<'a, 'b, F>(&'a Categorical<'b, F>);

impl<F: Real> RowFn<F, 0> for EntropyRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let mut sum = F::zero();
        let blocks = self.0.blocks_of(self.0.logits.row(t));
        for (logits, grad) in blocks.zip(blocks_mut(grad, self.0.classes)) {
            let (most, rest) = log_sum_exp_row(a, logits, grad);
            let whole = a.ln_1p(rest);
            // -ln p, of terms that are not negative.
            let surprise = |l: F| (most - l) + whole;
            let value = sum_coordinates::<false, _, 2, 0>([&*grad, logits], [], |[p, l]| (weigh(p, surprise(l)), []));
            for (grad, &l) in grad.iter_mut().zip(logits) {
                *grad = weigh(*grad, surprise(l) - value);
            }
            sum += value;
        }
        sum
    }
}

/// ```text
/// KL = sum over blocks of ln(1 + sum of q_j (e^-t_j - 1 + t_j)),   t_j = l_j - m_j - sum of q_i (l_i - m_i)
/// d/dl_j = q_j t_j,   d/dm_j = q_j (e^(-t_j - KL) - 1) = p_j - q_j
/// ```
///
/// of logits l of q and m of p: no term of the sum is negative, and laws near each other keep their digits. A class that p
/// does not have and q does is infinitely far.
impl<F: Real> Kl<F> for Categorical<'_, F> {
    /// `Count` where p has blocks of another size.
    fn kl_door(&self, p: &Self) -> Result<()> {
        if p.classes == self.classes {
            return Ok(());
        }
        Err(Error::Count { name: "p", axis: "classes", got: p.classes, expected: self.classes.to_string() })
    }

    #[inline(always)]
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        let blocks = self.blocks_of(self.logits.row(t)).zip(p.blocks_of(p.logits.row(u)));
        let grads = blocks_mut(d_q, self.classes).zip(blocks_mut(d_p, self.classes));
        let mut sum = F::zero();
        for ((q, p), (d_q, d_p)) in blocks.zip(grads) {
            sum += kl_block(a, q, p, d_q, d_p);
        }
        sum
    }
}

/// Loops, not closures of [`sum_coordinates`]: what is as long as this is not inlined there, and loses the instructions of its
/// level. Terms wait where gradients will be.
#[inline(always)]
fn kl_block<F: Real, A: Arithmetic<F>>(a: A, q: &[F], p: &[F], d_q: &mut [F], d_p: &mut [F]) -> F {
    let ((most_q, rest_q), (most_p, rest_p)) = (log_sum_exp_value(a, q), log_sum_exp_value(a, p));
    let (whole_q, whole_p) = (a.ln_1p(rest_q), a.ln_1p(rest_p));
    let ln_q = |q: F| (q - most_q) - whole_q;
    // Near logits are compared as they are, for their difference is exact; of blocks that are shifted, each has its own level.
    let apart = (most_q - most_p).abs() > F::one();
    let (level_q, level_p) = if apart { (most_q, most_p) } else { (F::zero(), F::zero()) };
    // Equal infinities differ by NaN; what is equal differs by 0.
    let gap = |q: F, p: F| {
        let (q, p) = (q - level_q, p - level_p);
        if q == p { F::zero() } else { q - p }
    };
    for ((term, &q), &p) in d_q.iter_mut().zip(q).zip(p) {
        *term = weigh(a.exp(ln_q(q)), gap(q, p));
    }
    let mean = sum_long(d_q, |term| term);
    // t, which is infinite of the class that makes the mean so.
    let off = |q: F, p: F| if p == F::neg_infinity() && q != p { F::infinity() } else { gap(q, p) - mean };
    for (((term, d_q), &q), &p) in d_p.iter_mut().zip(d_q.iter_mut()).zip(q).zip(p) {
        let (weight, t) = (a.exp(ln_q(q)), off(q, p));
        // q e^-t, also where q is 0 and t infinite.
        let moved = a.exp(((p - level_p) - (most_q - level_q)) + (mean - whole_q));
        let near = t.abs() < F::one();
        *term = if near { weight * a.exp_m1_mx(-t).value } else { (moved - weight) + weigh(weight, t) };
        *d_q = weigh(weight, t);
    }
    let excess = sum_long(d_p, |term| term);
    // Also where the chance under q is below all numbers.
    let gone = q.iter().zip(p).any(|(&q, &p)| p == F::neg_infinity() && q > p);
    // Beyond, nothing cancels in the difference that is left.
    let levels = ((most_p - level_p) + whole_p) - ((most_q - level_q) + whole_q);
    let value = if gone {
        F::infinity()
    } else if excess < F::of(1e8) {
        a.ln_1p(excess)
    } else {
        mean + levels
    };
    for ((d_p, &q), &p) in d_p.iter_mut().zip(q).zip(p) {
        let (weight, t) = (a.exp(ln_q(q)), off(q, p) + value);
        let far = a.exp((p - most_p) - whole_p) - weight;
        *d_p = if t.abs() < F::one() { weight * a.exp_m1(-t) } else { far };
    }
    value
}
