use std::path::Path;

use estimand::ndarray::Array2;
use estimand::{Error, Real, Result};

use super::DataError;
use super::source::Source;

/// Binary images, kept as they are on disk: 8 pixels a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    bytes: Vec<u8>,
    images: usize,
    rows: usize,
    columns: usize,
}

impl Bits {
    /// Reads images of 28 x 28 pixels from a file of 98 bytes an image without a header, plain or
    /// gzipped: row-major, the most significant bit first, 1 for ink.
    ///
    /// Errors: `Unreadable`, `Empty`, `Ragged`, `TooLarge`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        const SIDE: usize = 28;
        const IMAGE: usize = SIDE * SIDE / 8;
        let mut source = Source::open(path.as_ref())?;
        let bytes = source.read_all()?;
        if bytes.len() % IMAGE != 0 {
            return Err(DataError::Ragged { path: source.path(), got: bytes.len(), image: IMAGE });
        }
        let images = bytes.len() / IMAGE;
        Ok(Self { bytes, images, rows: SIDE, columns: SIDE })
    }

    /// Images drawn pixel by pixel: `ink(image, row, column)`, asked for in that order.
    pub fn from_fn(
        images: usize,
        (rows, columns): (usize, usize),
        mut ink: impl FnMut(usize, usize, usize) -> bool,
    ) -> Self {
        let image_bytes = (rows * columns).div_ceil(8);
        let mut bytes = vec![0; images * image_bytes];
        for image in 0..images {
            for pixel in 0..rows * columns {
                if ink(image, pixel / columns, pixel % columns) {
                    bytes[image * image_bytes + pixel / 8] |= mask(pixel);
                }
            }
        }
        Self { bytes, images, rows, columns }
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
        let (before, after) = self.bytes.split_at(first * self.image_bytes());
        let part = |bytes: &[u8], images| Self { bytes: bytes.to_vec(), images, ..*self };
        (part(before, first), part(after, self.images - first))
    }

    /// Some of the images as rows of zeros and ones.
    ///
    /// Shapes: `indices: (n,) -> (n, pixels)`.
    /// Errors: `Parameter` for an index that there is not.
    pub fn batch<F: Real>(&self, indices: &[usize]) -> Result<Array2<F>> {
        known(indices, self.images)?;
        let image_bytes = self.image_bytes();
        let mut batch = Array2::zeros((indices.len(), self.pixels()));
        for (mut row, &index) in batch.rows_mut().into_iter().zip(indices) {
            let image = &self.bytes[index * image_bytes..][..image_bytes];
            for (pixel, value) in row.iter_mut().enumerate() {
                if image[pixel / 8] & mask(pixel) != 0 {
                    *value = F::of(1.0);
                }
            }
        }
        Ok(batch)
    }

    fn image_bytes(&self) -> usize {
        self.pixels().div_ceil(8)
    }
}

/// Where a pixel lies in its byte: the most significant bit is the first.
fn mask(pixel: usize) -> u8 {
    0x80 >> (pixel % 8)
}

/// The door of a batch.
pub(super) fn known(indices: &[usize], images: usize) -> Result<()> {
    match indices.iter().find(|&&index| index >= images) {
        None => Ok(()),
        Some(&index) => Err(Error::Parameter {
            name: "indices",
            value: index as f64,
            expected: "indices below the number of images",
        }),
    }
}
