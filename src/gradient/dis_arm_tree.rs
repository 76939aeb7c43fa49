use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;

use super::plan::{Bias, Plan, costs_door};
use crate::arithmetic::{Arithmetic, Plain};
use crate::distribution::LogitParts;
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::Grad;
use crate::shape::same_shape;
use crate::special::Special;
use crate::{Categorical, Distribution, Real, Result};

/// The DisARM estimator for classes, d/d logits E f(x): a class is the leaf that the bits of a binary tree lead to, and those of a pair
/// of samples are mirrored.
///
/// ```text
/// node i    halves its classes in order; its bit b_i says the upper half, with the logit t_i = ln sum of e^l (upper) - ln sum of e^l (lower)
/// in t_i    (f(x) - f(x~)) / 2 times     (b_i - b~_i) sigmoid(|t_i|)   where both samples pass the node
///                                        b_i - sigmoid(t_i)            where x alone does
///                                        sigmoid(t_i) - b~_i           where x~ alone does
/// row       (dt/dl)' of those
/// ```
///
/// where a sample does not pass a node its bit is averaged out: the second and third line are the mean of the first. With two classes it is [`DisArm`](super::DisArm)
/// of the bit with the logit l_1 - l_0. Asks for 2 costs a sample. Bias: unbiased. Variance: that of the bits that differ; where
/// paths part, it is leave-one-out's. It depends on the order of the classes: those that are alike in cost belong side by side.
///
/// Shapes: noise `(n, blocks (classes - 1))` of uniform numbers ([`noise`](Self::noise)), points `(2 n, dim)`, the two of a sample one after the other, that of
/// 1 - u first. Errors: `Shape`, `NaN` or `Entry` with the row, where a cost is not finite.
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
}

impl<'a, F: Real> DisArmTree<'a, F> {
    /// Uniform noise, one number a node: `(n, blocks (classes - 1))`.
    pub fn noise<R: Rng + ?Sized>(law: &Categorical<'_, F>, rng: &mut R) -> Array2<F> {
        Standard::Uniform.draw(rng, (law.shape().samples(), law.blocks() * (law.classes() - 1)))
    }

    /// Mirrored pairs of samples. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a Categorical<'a, F>, noise: Array2<F>) -> Result<Self> {
        let (n, nodes) = (law.shape().samples(), law.blocks() * (law.classes() - 1));
        same_shape("noise", noise.shape(), &[n, nodes])?;
        let (_, [points]) = fill(2 * n, [], [law.shape().dim], &DescendRow { law, noise: &noise });
        Ok(Self { law, points })
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

/// A node: its classes, where its upper half begins, and its logit.
struct Node<F> {
    classes: Range<usize>,
    middle: usize,
    /// ln sum of e^l of the lower half and of the upper one.
    masses: [F; 2],
}

impl<F: Real> Node<F> {
    /// None of a leaf.
    #[inline(always)]
    fn of<A: Arithmetic<F>>(a: A, logits: &[F], classes: Range<usize>) -> Option<Self> {
        if classes.len() < 2 {
            return None;
        }
        let middle = classes.start + classes.len() / 2;
        // Halves are short: a sum in a register takes less time than one in lanes.
        let mass = |half: Range<usize>| {
            let none = (F::neg_infinity(), 0);
            let (most, at) = half.clone().fold(none, |most, i| if logits[i] > most.0 { (logits[i], i) } else { most });
            if most == F::neg_infinity() {
                return most;
            }
            let rest = half.filter(|&i| i != at).fold(F::zero(), |rest, i| rest + a.exp(logits[i] - most));
            most + a.ln_1p(rest)
        };
        let masses = [mass(classes.start..middle), mass(middle..classes.end)];
        Some(Self { classes, middle, masses })
    }

    fn logit(&self) -> F {
        self.masses[1] - self.masses[0]
    }

    fn half(&self, upper: bool) -> Range<usize> {
        if upper { self.middle..self.classes.end } else { self.classes.start..self.middle }
    }
}

/// The class that a row of uniform numbers leads to; none where a logit on the way is NaN.
#[inline(always)]
fn leaf<F: Real, A: Arithmetic<F>>(a: A, logits: &[F], u: impl Fn(usize) -> F) -> Option<usize> {
    let mut classes = 0..logits.len();
    while let Some(node) = Node::of(a, logits, classes.clone()) {
        let p = a.sigmoid(node.logit()).value;
        if p.is_nan() {
            return None;
        }
        classes = node.half(u(node.middle - 1) < p);
    }
    Some(classes.start)
}

struct DescendRow<'a, 'b, F> {
    law: &'a Categorical<'b, F>,
    noise: &'a Array2<F>,
}

impl<F: Real> RowFn<F, 0> for DescendRow<'_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, []: [&[F]; 0], x: &mut [F]) -> F {
        // What calls itself is not inlined, and without that a fused product is a call of a function in software.
        let a = Plain;
        let (s, k) = (i / 2, self.law.classes());
        let logits = self.law.logits();
        let logits = logits.row(self.law.shape().parameter_row(s));
        let logits = logits.to_slice().unwrap_or_default();
        for (b, (logits, x)) in logits.chunks_exact(k).zip(x.chunks_exact_mut(k)).enumerate() {
            let u = |node: usize| {
                let u = self.noise[[s, b * (k - 1) + node]];
                if i.is_multiple_of(2) { F::one() - u } else { u }
            };
            let class = if logits.iter().any(|l| l.is_nan()) { None } else { leaf(a, logits, u) };
            x.fill(if class.is_some() { F::zero() } else { F::nan() });
            if let Some(class) = class {
                x[class] = F::one();
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
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, _: A, i: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let a = Plain;
        let (law, k) = (self.plan.law, self.plan.law.classes());
        let logits = law.logits();
        let logits = logits.row(law.shape().parameter_row(i));
        let logits = logits.to_slice().unwrap_or_default();
        let pair = [2 * i, 2 * i + 1].map(|row| self.plan.points.row(row).to_vec());
        let half = F::of(0.5) * (self.cost[2 * i] - self.cost[2 * i + 1]);
        for (b, (logits, grad)) in logits.chunks_exact(k).zip(grad.chunks_exact_mut(k)).enumerate() {
            let classes = pair.each_ref().map(|x| x[b * k..(b + 1) * k].iter().position(|&x| x == F::one()));
            match classes {
                [Some(x), Some(mirrored)] => {
                    grad.fill(F::zero());
                    add_node(a, logits, 0..k, [x, mirrored], half, grad);
                }
                _ => grad.fill(F::nan()),
            }
        }
        F::zero()
    }
}

/// Adds what the nodes over `classes` say, by the classes of a pair.
fn add_node<F: Real, A: Arithmetic<F>>(
    a: A,
    logits: &[F],
    classes: Range<usize>,
    pair: [usize; 2],
    half: F,
    grad: &mut [F],
) {
    let passes = pair.map(|class| classes.contains(&class));
    if passes == [false, false] {
        return;
    }
    let Some(node) = Node::of(a, logits, classes) else { return };
    let bits = pair.map(|class| if class >= node.middle { F::one() } else { F::zero() });
    let logit = node.logit();
    let p = a.sigmoid(logit).value;
    let weight = match passes {
        [true, true] => (bits[0] - bits[1]) * a.sigmoid(logit.abs()).value,
        [true, false] => bits[0] - p,
        _ => p - bits[1],
    };
    // A half without probability has no shares.
    if weight != F::zero() {
        for upper in [false, true] {
            let signed = if upper { half * weight } else { -half * weight };
            let mass = node.masses[usize::from(upper)];
            let range = node.half(upper);
            for (grad, &l) in grad[range.clone()].iter_mut().zip(&logits[range]) {
                *grad += signed * a.exp(l - mass);
            }
        }
    }
    for upper in [false, true] {
        add_node(a, logits, node.half(upper), pair, half, grad);
    }
}
