use std::slice::Chunks;

use estimand::Result;
use estimand::rand::Rng;
use estimand::rand::seq::SliceRandom;

use crate::door::at_least_one;

/// One epoch: every index below `n` once, in batches; the last one may be shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
}

impl Batches {
    /// Batches of `size` in the order of the indices.
    ///
    /// Errors: `Parameter` for batches of no index.
    pub fn in_order(n: usize, size: usize) -> Result<Self> {
        at_least_one("size", size)?;
        Ok(Self { order: (0..n).collect(), size })
    }

    /// Batches of `size` in an order drawn at random, all orders equally likely.
    ///
    /// Errors: `Parameter` for batches of no index.
    pub fn shuffled<R: Rng + ?Sized>(n: usize, size: usize, rng: &mut R) -> Result<Self> {
        let mut batches = Self::in_order(n, size)?;
        batches.order.shuffle(rng);
        Ok(batches)
    }

    /// The batches, each a slice of indices; the iterator knows how many.
    pub fn iter(&self) -> Chunks<'_, usize> {
        self.order.chunks(self.size)
    }

    /// How many batches there are.
    pub fn len(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl<'a> IntoIterator for &'a Batches {
    type Item = &'a [usize];
    type IntoIter = Chunks<'a, usize>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
