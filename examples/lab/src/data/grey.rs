use std::path::Path;

use estimand::ndarray::Array2;
use estimand::rand::Rng;
use estimand::{Real, Result};

use super::DataError;
use super::bits::{Bits, known};
use super::source::{LIMIT, Source};

/// How an IDX file of bytes in three dimensions begins.
pub(super) const MAGIC: [u8; 4] = [0, 0, 8, 3];

const HEADER: usize = 16;

/// Images of grey levels, a byte a pixel: 0 is paper, 255 is ink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    bytes: Vec<u8>,
    images: usize,
    rows: usize,
    columns: usize,
}

impl Grey {
    /// Reads an IDX file of images, plain or gzipped: magic number, images, rows and columns as
    /// big-endian words, then the pixels.
    ///
    /// Errors: `Unreadable`, `Empty`, `Foreign`, `NoImages`, `Truncated`, `Trailing`, `TooLarge`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let mut source = Source::open(path.as_ref())?;
        let header = source.read(HEADER)?;
        let path = source.path();
        if header.is_empty() {
            return Err(DataError::Empty { path });
        }
        if !header.starts_with(&MAGIC) {
            let got = header[..header.len().min(MAGIC.len())].to_vec();
            return Err(DataError::Foreign { path, got });
        }
        let &[_, _, _, _, i0, i1, i2, i3, r0, r1, r2, r3, c0, c1, c2, c3] = header.as_slice() else {
            return Err(DataError::Truncated { path, got: header.len(), expected: HEADER });
        };
        let images = u32::from_be_bytes([i0, i1, i2, i3]);
        let rows = u32::from_be_bytes([r0, r1, r2, r3]);
        let columns = u32::from_be_bytes([c0, c1, c2, c3]);
        let size = [images, rows, columns].into_iter().try_fold(1, |size: usize, n| size.checked_mul(n as usize));
        match size {
            Some(0) => Err(DataError::NoImages { path, images, rows, columns }),
            Some(size) if size <= LIMIT => Ok(Self {
                bytes: source.read_to_end(HEADER, size)?,
                images: images as usize,
                rows: rows as usize,
                columns: columns as usize,
            }),
            // A product that overflows is also too large, unless a zero makes it none at all.
            None if [images, rows, columns].contains(&0) => Err(DataError::NoImages { path, images, rows, columns }),
            _ => Err(DataError::TooLarge { path, limit: LIMIT }),
        }
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
        let (before, after) = self.bytes.split_at(first * self.pixels());
        let part = |bytes: &[u8], images| Self { bytes: bytes.to_vec(), images, ..*self };
        (part(before, first), part(after, self.images - first))
    }

    /// Some of the images as rows of grey levels between 0 (paper) and 1 (ink).
    ///
    /// Shapes: `indices: (n,) -> (n, pixels)`.
    /// Errors: `Parameter` for an index that there is not.
    pub fn batch<F: Real>(&self, indices: &[usize]) -> Result<Array2<F>> {
        known(indices, self.images)?;
        let mut batch = Array2::zeros((indices.len(), self.pixels()));
        for (mut row, &index) in batch.rows_mut().into_iter().zip(indices) {
            let image = &self.bytes[index * self.pixels()..][..self.pixels()];
            for (value, &grey) in row.iter_mut().zip(image) {
                *value = F::of(f64::from(grey) / 255.0);
            }
        }
        Ok(batch)
    }

    /// A fresh stochastic binarisation: each pixel is ink with probability `grey / 255`, apart
    /// from all others.
    ///
    /// Source: Salakhutdinov and Murray 2008.
    pub fn binarised<R: Rng + ?Sized>(&self, rng: &mut R) -> Bits {
        let (pixels, columns) = (self.pixels(), self.columns);
        Bits::from_fn(self.images, self.shape(), |image, row, column| {
            let grey = self.bytes[image * pixels + row * columns + column];
            // One of 255 equally likely values, of which `grey` are below `grey`: exact at both ends.
            rng.random_range(0..255_u8) < grey
        })
    }
}
