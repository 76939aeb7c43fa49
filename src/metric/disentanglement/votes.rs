use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView1, Axis};

use super::labels::{Labels, finite_rows};
use crate::moments::ColumnMoments;
use crate::shape::{groups, not_negative, same_shape, weights_door};
use crate::{Error, Real, Result};

/// The votes of the FactorVAE score: for each batch that shares a factor, the code that varies least in it.
///
/// ```text
/// vote of a batch = argmin over living codes j of (variance of z_j in the batch) / (variance of z_j over the data)
/// table_jk = how many batches of fixed factor k voted for code j;     majority of j = argmax over k of table_jk
/// ```
///
/// The score is [`accuracy`](Self::accuracy): how often the majority of the code that was voted for is the factor that
/// was fixed. Nothing is fitted but the majorities. It does not see a factor that is in several codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Votes {
    /// The fixed factors that occur, in their order.
    pub classes: Vec<usize>,
    /// Batches by the code that they voted for and by their fixed factor, `(d, classes)`.
    pub table: Array2<usize>,
    /// Which codes were asked: those that are not dead, `(d,)`.
    pub live: Array1<bool>,
}

impl Votes {
    /// The votes of batches, all of one length.
    ///
    /// A code whose variance over the data is `dead` or less is not asked: it has collapsed, and in units of its own its
    /// noise is as large as any code. 0 prunes what never changes, which nothing can be divided by; take .05, say, for
    /// posterior means, of which a living one has about 1. Where no code lives no vote is cast. Of codes that vary
    /// equally little, the first has the vote.
    ///
    /// Shapes: `codes: (m L, d)`, row l of batch i at i L + l, L >= 2; `fixed: (m,)`; `variance: (d,)`, over the data
    /// ([`ColumnMoments::unbiased_variance`] of many codes). The mean of the batch is taken out, and L - 1 divides.
    /// Errors: `TooFew` of no batch, `TooFew` and `Count` of no codes; `NaN` with the row, `Entry` where one is infinite;
    /// `Count` where the rows are no multiple of the batches, or fewer than two each; `Shape`, `NaN` and `Entry` of a
    /// variance; `Parameter` of `dead`.
    /// Source: Kim and Mnih 2018, section 4 and appendix B; chapter `metric/disentanglement`.
    ///
    /// ```
    /// use estimand::{metric::disentanglement::Votes, ndarray::array};
    /// // Two batches of two. The second code is small in all, but stands still in the second batch only; the third is dead.
    /// let codes = array![[1.0, 0.1, 0.0], [1.1, -0.1, 0.0], [-1.0, 0.1, 0.0], [1.0, 0.1, 0.0]];
    /// let votes = Votes::of(&codes, &array![0, 1], &array![1.0, 0.01, 0.0], 0.0)?;
    /// assert_eq!(votes.table, array![[1, 0], [0, 1], [0, 0]]);
    /// assert_eq!(votes.accuracy::<f64>(), 1.0);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of<F: Real>(
        codes: &ArrayRef2<F>,
        fixed: &ArrayRef1<usize>,
        variance: &ArrayRef1<F>,
        dead: F,
    ) -> Result<Self> {
        finite_rows("codes", codes)?;
        let (n, d) = codes.dim();
        let batches = fixed.len();
        if batches == 0 {
            return Err(Error::TooFew { name: "fixed", got: 0, needs: 1 });
        }
        let length = groups("codes", "rows", n, batches)?;
        if length < 2 {
            return Err(Error::Count {
                name: "codes",
                axis: "rows",
                got: n,
                expected: format!("at least {}", 2 * batches),
            });
        }
        weights_door("variance", d, variance)?;
        not_negative("dead", dead)?;
        let labels = Labels::of(fixed);
        let live = variance.mapv(|v| v > dead);
        let mut table = Array2::zeros((d, labels.classes.len()));
        for (batch, &class) in codes.axis_chunks_iter(Axis(0), length).zip(&labels.ranks) {
            let within = ColumnMoments::of(&batch).unbiased_variance()?;
            let still = (0..d).filter(|&j| live[j]).map(|j| (j, within[j] / variance[j]));
            if let Some((code, _)) = still.reduce(|least, next| if next.1 < least.1 { next } else { least }) {
                table[[code, class]] += 1;
            }
        }
        Ok(Self { classes: labels.classes, table, live })
    }

    /// Of each code the factor that most of its batches share; none where none voted for it. Of equal numbers, the first.
    pub fn majority(&self) -> Vec<Option<usize>> {
        let most = |row: ArrayView1<'_, usize>| {
            let best = row.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
            best.filter(|(_, votes)| **votes > 0).map(|(class, _)| self.classes[class])
        };
        self.table.rows().into_iter().map(most).collect()
    }

    /// The score: the share of votes that the majority of their code is right of. 0 where no vote was cast.
    ///
    /// Bias: too high, since the majorities are those of the same votes. Of noise each code has the largest of K counts,
    /// and m batches in d codes a score above 1 / K, in expectation by sqrt(d ln K / (2 m)) at the most.
    /// [`accuracy_on`](Self::accuracy_on) other votes is unbiased for the chance that these majorities are right.
    pub fn accuracy<F: Real>(&self) -> F {
        self.share(self)
    }

    /// The share of other votes that these majorities are right of. 0 where no vote was cast.
    ///
    /// Errors: `Shape` where the others are of another number of codes.
    pub fn accuracy_on<F: Real>(&self, other: &Self) -> Result<F> {
        same_shape("other", &[other.table.nrows()], &[self.table.nrows()])?;
        Ok(self.share(other))
    }

    fn share<F: Real>(&self, other: &Self) -> F {
        let right = |(row, majority): (ArrayView1<'_, usize>, Option<usize>)| {
            row.iter()
                .zip(&other.classes)
                .filter(|(_, class)| majority == Some(**class))
                .map(|(votes, _)| votes)
                .sum::<usize>()
        };
        let hits: usize = other.table.rows().into_iter().zip(self.majority()).map(right).sum();
        let all = other.table.sum();
        if all == 0 { F::zero() } else { F::count(hits) / F::count(all) }
    }
}
