use ndarray::{Array1, Array2, ArrayRef1, ArrayView2};

use super::binary::DisArm;
use super::plan::{Bias, Plan, costs_door};
use crate::arithmetic::Plain;
use crate::distribution::LogitParts;
use crate::rows::Grad;
use crate::shape::{no_nan, same_shape};
use crate::special::Special;
use crate::{Bernoulli, Distribution, Error, Real, Result, Transform};

/// The bitflip-1 estimator of d/d logits E f(b), b of independent bits: one coordinate at a time, by its exact difference.
///
/// ```text
/// row_J = d p_J (1 - p_J) (f(b, b_J = 1) - f(b, b_J = 0)),   J uniform of the d coordinates;   0 elsewhere
/// ```
///
/// Asks for 2 costs a sample. Bias: unbiased. Variance: that of one coordinate out of d, but it falls as p^2 towards a sure
/// bit, where [`DisArm`]'s falls as p / 2: less where p (1 - p) is below about 1 / (2 d). [`ClippedPairs`] has the better of
/// both. In f32 J is one of 2^23 numbers, so that d of them are alike to d 2^-23.
/// Shapes: noise `(n, dim)`, points `(2 n, dim)`: of a sample b, then b with bit J turned. Errors: `Shape`, `NaN` or `Entry`
/// with the row, where a cost is not finite. Source: Kunes, Yin, Land, Haviv, Pe'er and Tavare 2022; chapter `gradient/binary`.
///
/// ```
/// use estimand::gradient::{BitFlip, Plan};
/// use estimand::{Bernoulli, ndarray::array};
///
/// let q = Bernoulli::shared(array![0.0_f64, 0.0], 1)?;
/// let plan = BitFlip::propose(&q, array![[0.2, 0.7]], &array![0.9])?;         // the second coordinate
/// assert_eq!(plan.points(), array![[1.0, 0.0], [1.0, 1.0]]);
/// assert_eq!(plan.rows(&array![5.0, 8.0])?.logits(), array![[0.0, 1.5]]);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BitFlip<'a, F> {
    law: &'a Bernoulli<'a, F>,
    points: Array2<F>,
    /// None of a law without coordinates.
    flipped: Vec<Option<usize>>,
}

impl<'a, F: Real> BitFlip<'a, F> {
    /// Samples from uniform noise, `(n, dim)`, each with the bit turned that `which`, `(n,)` of uniform numbers, picks.
    ///
    /// Errors: `Shape`; `Entry` where an entry of `which` is not in (0, 1), `NaN` where it is none.
    pub fn propose(law: &'a Bernoulli<'a, F>, noise: Array2<F>, which: &ArrayRef1<F>) -> Result<Self> {
        let (b, dim) = (law.sample_from(noise)?, law.shape().dim);
        which_door(which, b.nrows())?;
        let flipped: Vec<_> = which.iter().map(|&u| place(u, dim)).collect();
        let points = Array2::from_shape_fn((2 * b.nrows(), dim), |(i, j)| {
            turned(b[[i / 2, j]], i % 2 == 1 && flipped[i / 2] == Some(j))
        });
        Ok(Self { law, points, flipped })
    }
}

impl<F: Real> Plan<F> for BitFlip<'_, F> {
    type Parts = LogitParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LogitParts>> {
        costs_door(cost, self.points.nrows())?;
        let dim = self.points.ncols();
        let mut rows = Array2::zeros((self.flipped.len(), dim));
        for (i, j) in self.flipped.iter().enumerate() {
            let Some(j) = *j else { continue };
            let logit = self.law.logits()[[self.law.shape().parameter_row(i), j]];
            let towards = towards_1(self.points[[2 * i, j]], cost[2 * i + 1] - cost[2 * i]);
            rows[[i, j]] = F::count(dim) * Plain.sigmoid(logit).grad * towards;
        }
        Ok(Grad::held(rows, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}

/// [`DisArm`] with its variance clipped near sure bits, where [`BitFlip`] estimates instead (UGC): coordinate by coordinate.
///
/// ```text
/// C = the coordinates with min(p_j, 1 - p_j) < 1 / (2 d)
/// row_j = that of DisARM, from b and b~                                      where j is not in C
/// row_J = |C| p_J (1 - p_J) (f(b, b_J = 1) - f(b, b_J = 0))                  J uniform of C; 0 in the rest of C
/// ```
///
/// Asks for 3 costs a sample; where C is empty the third is that of b again. Bias: unbiased, since which estimator a coordinate
/// has is known from the logits alone. Variance: of a coordinate in C at most |C| p^2 (1 - p)^2 E (f(b_j = 1) - f(b_j = 0))^2,
/// of the second order in p, where DisARM's is of the first. Taking J from C alone leaves |C| where the source, which takes it
/// from all, has d.
///
/// It need not be *less* than DisARM's for every cost: of one that is even in all bits at once, as a parity of an even number
/// of them, mirrored pairs can have no variance.
/// Shapes: noise `(n, dim)`, points `(3 n, dim)`: of a sample b, b~ and b with bit J turned. Errors: as [`BitFlip`].
/// Source: Kunes, Yin, Land, Haviv, Pe'er and Tavare 2022; chapter `gradient/binary`.
///
/// ```
/// use estimand::gradient::{ClippedPairs, Plan};
/// use estimand::{Bernoulli, ndarray::array};
///
/// // A fair bit, and one that is nearly sure.
/// let q = Bernoulli::shared(array![0.0_f64, -4.0], 1)?;
/// let plan = ClippedPairs::propose(&q, array![[0.2, 0.7]], &array![0.5])?;
/// assert_eq!(plan.points(), array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
/// let rows = plan.rows(&array![1.0, 3.0, 2.0])?;
/// assert_eq!(rows.logits()[[0, 0]], 0.5);
/// # Ok::<(), estimand::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClippedPairs<'a, F> {
    law: &'a Bernoulli<'a, F>,
    pairs: DisArm<'a, F>,
    points: Array2<F>,
    /// Of each sample the bit that is turned, if one is, and of each parameter row the coordinates of C.
    flipped: Vec<Option<usize>>,
    clipped: Vec<Vec<usize>>,
}

impl<'a, F: Real> ClippedPairs<'a, F> {
    /// Mirrored pairs from uniform noise, `(n, dim)`, and the first of each with the bit turned that `which`, `(n,)` of uniform
    /// numbers, picks of C. Errors: as [`BitFlip::propose`].
    pub fn propose(law: &'a Bernoulli<'a, F>, noise: Array2<F>, which: &ArrayRef1<F>) -> Result<Self> {
        let shape = law.shape();
        let n = noise.nrows();
        let pairs = DisArm::propose(law, noise)?;
        which_door(which, n)?;
        let near = F::of(0.5) / F::count(shape.dim.max(1));
        // A bit that is sure beyond rounding has no gradient to estimate.
        let rare = |l: F| Plain.sigmoid(l).grad > F::zero() && Plain.sigmoid(-l.abs()).value < near;
        let clipped: Vec<Vec<_>> = law
            .logits()
            .rows()
            .into_iter()
            .map(|row| row.iter().enumerate().filter(|&(_, &l)| rare(l)).map(|(j, _)| j).collect())
            .collect();
        let pick = |(i, &u): (usize, &F)| {
            let from: &Vec<usize> = &clipped[shape.parameter_row(i)];
            place(u, from.len()).map(|at| from[at])
        };
        let flipped: Vec<_> = which.iter().enumerate().map(pick).collect();
        let of_pairs = pairs.points();
        let points = Array2::from_shape_fn((3 * n, shape.dim), |(i, j)| match i % 3 {
            2 => turned(of_pairs[[2 * (i / 3), j]], flipped[i / 3] == Some(j)),
            side => of_pairs[[2 * (i / 3) + side, j]],
        });
        Ok(Self { law, pairs, points, flipped, clipped })
    }
}

impl<F: Real> Plan<F> for ClippedPairs<'_, F> {
    type Parts = LogitParts;
    type Cost = Array1<F>;

    fn points(&self) -> ArrayView2<'_, F> {
        self.points.view()
    }

    fn rows(&self, cost: &Array1<F>) -> Result<Grad<F, LogitParts>> {
        costs_door(cost, self.points.nrows())?;
        let of_pairs = Array1::from_shape_fn(2 * self.flipped.len(), |i| cost[3 * (i / 2) + i % 2]);
        let mut rows = self.pairs.rows(&of_pairs)?.into_flat();
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            let t = self.law.shape().parameter_row(i);
            let clipped = &self.clipped[t];
            clipped.iter().for_each(|&j| row[j] = F::zero());
            if let Some(j) = self.flipped[i] {
                let towards = towards_1(self.points[[3 * i, j]], cost[3 * i + 2] - cost[3 * i]);
                row[j] = F::count(clipped.len()) * Plain.sigmoid(self.law.logits()[[t, j]]).grad * towards;
            }
        }
        Ok(Grad::held(rows, self.law.parts()))
    }

    fn draws(&self) -> usize {
        self.law.shape().repeat
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }
}

fn which_door<F: Real>(which: &ArrayRef1<F>, samples: usize) -> Result<()> {
    same_shape("which", which.shape(), &[samples])?;
    no_nan("which", which)?;
    let stray = which.iter().position(|&u| !(u > F::zero() && u < F::one()));
    let expected = "a number of the open interval (0, 1)";
    stray.map_or(Ok(()), |i| Err(Error::Entry { name: "which", index: vec![i], value: which[i].as_f64(), expected }))
}

/// One of `n` places by a uniform number; none of none.
fn place<F: Real>(u: F, n: usize) -> Option<usize> {
    // Rounding may reach n.
    Some((u * F::count(n)).to_usize()?.min(n.checked_sub(1)?))
}

/// A bit, or the other one.
fn turned<F: Real>(bit: F, turn: bool) -> F {
    if turn { F::one() - bit } else { bit }
}

/// The difference that turning a bit makes, as that from 0 to 1.
fn towards_1<F: Real>(bit: F, turning: F) -> F {
    if bit == F::zero() { turning } else { -turning }
}
