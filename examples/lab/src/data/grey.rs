use std::path::Path;

use estimand::Real;
use estimand::rand::Rng;

use super::DataError;
use super::bits::Bits;
use super::packed::{Layout, Packed};
use super::source::{LIMIT, Source};

/// How an IDX file of bytes in three dimensions begins.
pub(super) const MAGIC: [u8; 4] = [0, 0, 8, 3];

const HEADER: usize = 16;

/// Images of grey levels, a byte a pixel: 0 is paper, 255 is ink.
pub type Grey = Packed<Level>;

/// A byte a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level;

impl Layout for Level {
    fn image_bytes(pixels: usize) -> usize {
        pixels
    }

    fn unpack<F: Real>(image: &[u8], pixels: &mut [F]) {
        for (value, &level) in pixels.iter_mut().zip(image) {
            *value = F::of(f64::from(level) / 255.0);
        }
    }
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
            Some(size) if size <= LIMIT => {
                let bytes = source.read_to_end(HEADER, size)?;
                Ok(Self::new(bytes, images as usize, (rows as usize, columns as usize)))
            }
            // A product that overflows is also too large, unless a zero makes it none at all.
            None if [images, rows, columns].contains(&0) => Err(DataError::NoImages { path, images, rows, columns }),
            _ => Err(DataError::TooLarge { path, limit: LIMIT }),
        }
    }

    /// A fresh stochastic binarisation: each pixel is ink with probability `grey / 255`, apart
    /// from all others.
    ///
    /// Source: Salakhutdinov and Murray 2008.
    pub fn binarised<R: Rng + ?Sized>(&self, rng: &mut R) -> Bits {
        let (_, columns) = self.shape();
        Bits::from_fn(self.len(), self.shape(), |image, row, column| {
            let grey = self.image(image)[row * columns + column];
            // One of 255 equally likely values, of which `grey` are below `grey`: exact at both ends.
            rng.random_range(0..255_u8) < grey
        })
    }
}
