use std::fmt::Debug;
use std::marker::PhantomData;

use estimand::ndarray::Array2;
use estimand::{Real, Result};

use crate::door::below;

/// How the pixels of an image lie in its bytes.
pub trait Layout: Debug + Clone + Copy + PartialEq + Eq {
    /// How many bytes an image takes.
    fn image_bytes(pixels: usize) -> usize;

    /// Writes the pixels of one image, from 0 (paper) to 1 (ink).
    fn unpack<F: Real>(image: &[u8], pixels: &mut [F]);
}

/// Images of one size, kept as they are on disk: [`Bits`](super::Bits) or [`Grey`](super::Grey).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed<L> {
    bytes: Vec<u8>,
    images: usize,
    rows: usize,
    columns: usize,
    layout: PhantomData<L>,
}

impl<L: Layout> Packed<L> {
    /// `bytes` must be those of as many images.
    pub(super) fn new(bytes: Vec<u8>, images: usize, (rows, columns): (usize, usize)) -> Self {
        debug_assert_eq!(bytes.len(), images * L::image_bytes(rows * columns));
        Self { bytes, images, rows, columns, layout: PhantomData }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.images
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.images == 0
    }

    /// Rows and columns of an image.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// How many pixels an image has.
    pub fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// The first `n` images, or all of them where there are fewer.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        self.split(n).0
    }

    /// The first `n` images, and the rest.
    #[must_use]
    pub fn split(&self, n: usize) -> (Self, Self) {
        let first = n.min(self.images);
        let (before, after) = self.bytes.split_at(first * L::image_bytes(self.pixels()));
        let part = |bytes: &[u8], images| Self::new(bytes.to_vec(), images, self.shape());
        (part(before, first), part(after, self.images - first))
    }

    /// Some of the images as rows of numbers from 0 (paper) to 1 (ink); of bits, zeros and ones.
    ///
    /// Shapes: `indices: (n,) -> (n, pixels)`.
    /// Errors: `Parameter` for an index that there is not.
    pub fn batch<F: Real>(&self, indices: &[usize]) -> Result<Array2<F>> {
        below("indices", indices, self.images)?;
        let mut batch = Array2::zeros((indices.len(), self.pixels()));
        for (mut row, &index) in batch.rows_mut().into_iter().zip(indices) {
            if let Some(pixels) = row.as_slice_mut() {
                L::unpack(self.image(index), pixels);
            }
        }
        Ok(batch)
    }

    /// The bytes of an image, which must be there.
    pub(super) fn image(&self, index: usize) -> &[u8] {
        let image_bytes = L::image_bytes(self.pixels());
        &self.bytes[index * image_bytes..][..image_bytes]
    }
}
