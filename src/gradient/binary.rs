use std::marker::PhantomData;

use ndarray::{Array1, Array2, ArrayView2};

use super::plan::{Bias, Plan, costs_door};
use crate::arithmetic::Arithmetic;
use crate::distribution::LogitParts;
use crate::kernel::{RowFn, fill};
use crate::rows::{Grad, map_coordinates};
use crate::special::Special;
use crate::{Bernoulli, Distribution, Mirror, Real, Result, Transform};

/// What the difference of a pair of costs is multiplied by: [`OfUniform`] or [`OfClasses`].
pub trait PairWeight: Copy + Send + Sync + std::fmt::Debug + sealed::Sealed {
    /// By the uniform number `u` of a coordinate and its logit: the bit of 1 - u meets the one of u.
    fn weight<F: Real, A: Arithmetic<F>>(a: A, u: F, logit: F) -> F;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::OfUniform {}
    impl Sealed for super::OfClasses {}
}

/// The weight of [`Arm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfUniform;

/// The weight of [`DisArm`], the mean of that over all u that make the same pair of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfClasses;

impl PairWeight for OfUniform {
    #[inline(always)]
    fn weight<F: Real, A: Arithmetic<F>>(_: A, u: F, logit: F) -> F {
        if logit.is_nan() { logit } else { u - F::of(0.5) }
    }
}

impl PairWeight for OfClasses {
    #[inline(always)]
    fn weight<F: Real, A: Arithmetic<F>>(a: A, u: F, logit: F) -> F {
        let p = a.sigmoid(logit).value;
        let (bit, mirrored) = (u < p, F::one() - u < p);
        let likelier = F::of(0.5) * a.sigmoid(logit.abs()).value;
        let signed = if mirrored { likelier } else { -likelier };
        let weight = if bit == mirrored { F::zero() } else { signed };
        if p.is_nan() { p } else { weight }
    }
}

/// The ARM estimator of d/d logits E f(b), b of independent bits: from pairs of mirrored samples.
///
/// ```text
/// b of 1 - u, b~ of u:   row_j = (f(b) - f(b~)) (u_j - 1/2)
/// ```
///
/// Asks for 2 costs a sample. Bias: unbiased. Variance: of one coordinate, that of the score function with leave-one-out at the
/// most, and less where the bit is fair; [`DisArm`] has never more, at the same costs.
/// Shapes: noise `(n, dim)`, points `(2 n, dim)`, the two of a sample one after the other, that of 1 - u first.
/// Errors: `Shape`, `NaN` or `Entry` with the row, where a cost is not finite. Source: Yin and Zhou 2019; chapter `gradient/binary`.
pub type Arm<'a, F> = BinaryPairs<'a, F, OfUniform>;

/// The DisARM estimator (U2G) of d/d logits E f(b), b of independent bits: [`Arm`] in the mean over what its bits do not
/// tell.
///
/// ```text
/// b of 1 - u, b~ of u:   row_j = (f(b) - f(b~)) (b_j - b~_j) sigmoid(|l_j|) / 2
/// ```
///
/// Asks for 2 costs a sample. Bias: unbiased. Variance: at most that of [`Arm`], as a conditional mean of it; at a fair bit
/// alone it is 0. A coordinate far from fair is seldom met by different bits, and then weighs much.
/// Shapes and errors: as `Arm`. Source: Dong, Mnih and Tucker 2020; Yin, Ho, Yan, Qian and Zhou 2020 (U2G); chapter
/// `gradient/binary`.
///
/// ```
/// use estimand::gradient::{DisArm, Plan};
/// use estimand::{Bernoulli, ndarray::array};
///
/// // E (b - 0.45)^2 of a fair coin: each pair is the two sides, and has the gradient, 0.025.
/// let q = Bernoulli::shared(array![0.0_f64], 2)?;
/// let plan = DisArm::propose(&q, array![[0.2], [0.9]])?;
/// assert_eq!(plan.points(), array![[0.0], [1.0], [1.0], [0.0]]);
/// let rows = plan.rows(&plan.points().column(0).mapv(|b| (b - 0.45_f64).powi(2)))?;
/// assert!(rows.logits().iter().all(|g| (g - 0.025).abs() < 1e-15));
/// # Ok::<(), estimand::Error>(())
/// ```
pub type DisArm<'a, F> = BinaryPairs<'a, F, OfClasses>;

/// Mirrored pairs of bits, whose difference of costs weighs each coordinate: [`Arm`] and [`DisArm`].
#[derive(Debug, Clone)]
pub struct BinaryPairs<'a, F, W> {
    law: &'a Bernoulli<'a, F>,
    noise: Array2<F>,
    points: Array2<F>,
    weight: PhantomData<W>,
}

impl<'a, F: Real, W: PairWeight> BinaryPairs<'a, F, W> {
    /// Pairs of samples made from uniform noise, `(n, dim)`. Errors: `Shape` of `noise`.
    pub fn propose(law: &'a Bernoulli<'a, F>, noise: Array2<F>) -> Result<Self> {
        let mirrored = law.mirror(&noise)?;
        let both = Array2::from_shape_fn((2 * noise.nrows(), noise.ncols()), |(i, j)| {
            if i % 2 == 0 { mirrored[[i / 2, j]] } else { noise[[i / 2, j]] }
        });
        let points = law.clone().repeat_rows(2).sample_from(both)?;
        Ok(Self { law, noise, points, weight: PhantomData })
    }
}

impl<F: Real, W: PairWeight> Plan<F> for BinaryPairs<'_, F, W> {
    type Parts = LogitParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LogitParts>> {
        costs_door(cost, self.points.nrows())?;
        let row = PairRow::<F, W> { plan: self, cost };
        let (_, [grad]) = fill(self.noise.nrows(), [self.noise.view()], [self.noise.ncols()], &row);
        Ok(Grad::held(grad, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}

struct PairRow<'a, 'b, F, W> {
    plan: &'a BinaryPairs<'b, F, W>,
    cost: &'a Array1<F>,
}

impl<F: Real, W: PairWeight> RowFn<F, 1> for PairRow<'_, '_, F, W> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], grad: &mut [F]) -> F {
        let logits = self.plan.law.logits();
        let logits = logits.row(self.plan.law.shape().parameter_row(i));
        let difference = self.cost[2 * i] - self.cost[2 * i + 1];
        map_coordinates([noise, logits.to_slice().unwrap_or_default()], [grad], |[u, l]| {
            [difference * W::weight(a, u, l)]
        });
        F::zero()
    }
}
