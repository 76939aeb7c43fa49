use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;

use super::plan::{Bias, Plan, costs_door};
use crate::arithmetic::Arithmetic;
use crate::distribution::LogitParts;
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::Grad;
use crate::shape::{at_least_one, same_shape};
use crate::special::{Special, log_sum_exp_value};
use crate::{Categorical, Distribution, Real, Result};

/// The DisARM estimator for classes, d/d logits E f(x): a class is the leaf that the bits of a binary tree lead to, and those
/// of a pair of samples are mirrored.
///
/// ```text
/// node i    halves its classes in order; its bit b_i says the upper half, with the logit t_i = ln sum of e^l (upper) - ln sum of e^l (lower)
/// in t_i    (f(x) - f(x~)) / 2 times     (b_i - b~_i) sigmoid(|t_i|)   where both samples pass the node
///                                        b_i - sigmoid(t_i)            where x alone does
///                                        sigmoid(t_i) - b~_i           where x~ alone does
/// row       (dt/dl)' of those
/// ```
///
/// where a sample does not pass a node its bit is averaged out: the second and third line are the mean of the first. With two
/// classes it is [`DisArm`](super::DisArm) of the bit with the logit l_1 - l_0. Asks for 2 costs a sample. Bias: unbiased.
/// Variance: by the order of the classes. A pair tends to part at the root, so classes of like cost belong in *different*
/// halves, where their difference is small: for four fair classes with the costs 1, 1, 0, 0 it is 0.25, and in the order 1, 0,
/// 1, 0 it is 0.094. It may exceed that of leave-one-out.
///
/// Shapes: noise `(n, blocks (classes - 1))` of uniform numbers ([`noise`](Self::noise)), points `(2 n, dim)`, the two of a
/// sample one after the other, that of 1 - u first. Errors: `Shape`, `NaN` or `Entry` with the row, where a cost is not finite.
/// Source: Dong, Mnih and Tucker 2021 (DisARM-Tree); chapter `gradient/binary`.
///
/// ```
/// use estimand::gradient::{DisArmTree, Plan};
/// use estimand::{Categorical, ndarray::array};
///
/// // Four classes: the first bit turns between the pair, and each sample is alone below it.
/// let q = Categorical::shared(array![0.0_f64, 0.0, 0.0, 0.0], 4, 1)?;
/// let plan = DisArmTree::propose(&q, array![[0.2, 0.3, 0.6]])?;
/// assert_eq!(plan.points(), array![[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
/// let rows = plan.rows(&array![5.0, 1.0])?;
/// assert_eq!(rows.logits(), array![[1.5, -0.5, -1.5, 0.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DisArmTree<'a, F> {
    law: &'a Categorical<'a, F>,
    points: Array2<F>,
    tree: Tree,
    /// Of the node whose upper half begins at class m the logit is at m - 1: `(rows, blocks (classes - 1))`.
    logits: Array2<F>,
}

impl<'a, F: Real> DisArmTree<'a, F> {
    /// Uniform noise, one number a node: `(n, blocks (classes - 1))`.
    pub fn noise<R: Rng + ?Sized>(law: &Categorical<'_, F>, rng: &mut R) -> Array2<F> {
        Standard::Uniform.draw(rng, (law.shape().samples(), law.blocks() * (law.classes() - 1)))
    }

    /// Mirrored pairs of samples. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a Categorical<'a, F>, noise: Array2<F>) -> Result<Self> {
        let (shape, nodes) = (law.shape(), law.blocks() * (law.classes() - 1));
        at_least_one("repeat", shape.repeat)?;
        same_shape("noise", noise.shape(), &[shape.samples(), nodes])?;
        let tree = Tree::of(law.classes());
        let (_, [logits]) =
            fill(shape.rows, [law.logits()], [nodes], &NodesRow { tree: &tree, classes: law.classes() });
        let row = DescendRow { law, logits: &logits, noise: &noise };
        let (_, [points]) = fill(2 * shape.samples(), [], [shape.dim], &row);
        Ok(Self { law, points, tree, logits })
    }
}

impl<F: Real> Plan<F> for DisArmTree<'_, F> {
    type Parts = LogitParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LogitParts>> {
        costs_door(cost, self.points.nrows())?;
        let (_, [grad]) = fill(cost.len() / 2, [], [self.points.ncols()], &AscendRow { plan: self, cost });
        Ok(Grad::held(grad, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}

/// The nodes of a block, each after the one above it: first class, first class of the upper half, end.
#[derive(Debug, Clone)]
struct Tree(Vec<[usize; 3]>);

impl Tree {
    fn of(classes: usize) -> Self {
        let (mut nodes, mut open) = (Vec::with_capacity(classes), vec![(0, classes)]);
        while let Some((start, end)) = open.pop() {
            if end - start > 1 {
                let middle = middle(start, end);
                nodes.push([start, middle, end]);
                open.extend([(start, middle), (middle, end)]);
            }
        }
        Self(nodes)
    }
}

fn middle(start: usize, end: usize) -> usize {
    start + (end - start) / 2
}

/// The logits of all nodes of a parameter row.
struct NodesRow<'a> {
    tree: &'a Tree,
    classes: usize,
}

impl<F: Real> RowFn<F, 1> for NodesRow<'_> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [logits]: [&[F]; 1], nodes: &mut [F]) -> F {
        // Of one class there is no node.
        let blocks = logits.chunks_exact(self.classes).zip(nodes.chunks_exact_mut((self.classes - 1).max(1)));
        for (logits, nodes) in blocks {
            for &[start, middle, end] in &self.tree.0 {
                let (lower, upper) =
                    (log_sum_exp_value(a, &logits[start..middle]), log_sum_exp_value(a, &logits[middle..end]));
                // The largest ones apart: their size costs the rest no digits.
                nodes[middle - 1] = (upper.0 - lower.0) + (a.ln_1p(upper.1) - a.ln_1p(lower.1));
            }
        }
        F::zero()
    }
}

struct DescendRow<'a, 'b, F> {
    law: &'a Categorical<'b, F>,
    logits: &'a Array2<F>,
    noise: &'a Array2<F>,
}

impl<F: Real> RowFn<F, 0> for DescendRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, []: [&[F]; 0], x: &mut [F]) -> F {
        let (s, k) = (i / 2, self.law.classes());
        let t = self.law.shape().parameter_row(s);
        let (logits, nodes, noise) = (self.law.logits(), self.logits.row(t), self.noise.row(s));
        for (b, x) in x.chunks_exact_mut(k).enumerate() {
            // All meet at the root; a single class has none.
            let (mut start, mut end, mut nan) = (0, k, k == 1 && logits[[t, b]].is_nan());
            while end - start > 1 {
                let middle = middle(start, end);
                let at = b * (k - 1) + middle - 1;
                let u = if i.is_multiple_of(2) { F::one() - noise[at] } else { noise[at] };
                let p = a.sigmoid(nodes[at]).value;
                nan |= u.is_nan() | p.is_nan();
                (start, end) = if u < p { (middle, end) } else { (start, middle) };
            }
            x.fill(if nan { F::nan() } else { F::zero() });
            if !nan {
                x[start] = F::one();
            }
        }
        F::zero()
    }
}

struct AscendRow<'a, 'b, F> {
    plan: &'a DisArmTree<'b, F>,
    cost: &'a Array1<F>,
}

impl<F: Real> RowFn<F, 0> for AscendRow<'_, '_, F> {
    /// What a node says to the mass of its halves is shared out below it as their probabilities are, from the root down. What
    /// is meant for a subtree waits at its first class.
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let (plan, k) = (self.plan, self.plan.law.classes());
        let nodes = plan.logits.row(plan.law.shape().parameter_row(i));
        let pair = [plan.points.row(2 * i), plan.points.row(2 * i + 1)];
        let half = F::of(0.5) * (self.cost[2 * i] - self.cost[2 * i + 1]);
        for (b, grad) in grad.chunks_exact_mut(k).enumerate() {
            let [Some(x), Some(mirrored)] = pair.map(|x| (0..k).find(|&class| x[b * k + class] == F::one())) else {
                grad.fill(F::nan());
                continue;
            };
            grad[0] = F::zero();
            for &[start, middle, end] in &plan.tree.0 {
                let t = nodes[b * (k - 1) + middle - 1];
                let weight = half
                    * said(a, t, [x, mirrored].map(|class| (start..end).contains(&class).then_some(class >= middle)));
                let whole = grad[start];
                // Below a half without probability there are no shares.
                let silent = whole == F::zero() && weight == F::zero();
                let (upper, lower) = (a.sigmoid(t).value, a.sigmoid(-t).value);
                grad[middle] = if silent { whole } else { whole * upper + weight };
                grad[start] = if silent { whole } else { whole * lower - weight };
            }
        }
        F::zero()
    }
}

/// What a node says in its logit, less the difference of costs, by the halves that the pair takes.
#[inline(always)]
fn said<F: Real, A: Arithmetic<F>>(a: A, t: F, halves: [Option<bool>; 2]) -> F {
    // The bit less its mean, with the digits of what is left of 1.
    let score = |upper: bool| if upper { a.sigmoid(-t).value } else { -a.sigmoid(t).value };
    match halves {
        [Some(x), Some(mirrored)] if x == mirrored => F::zero(),
        [Some(x), Some(_)] => a.sigmoid(t.abs()).value * if x { F::one() } else { -F::one() },
        [Some(x), None] => score(x),
        [None, Some(mirrored)] => -score(mirrored),
        [None, None] => F::zero(),
    }
}
