use std::path::Path;

use estimand::Real;

use super::DataError;
use super::packed::{Layout, Packed};
use super::source::Source;

/// Binary images: 8 pixels a byte, row-major, the most significant bit first, 1 for ink.
pub type Bits = Packed<Bit>;

/// A bit a pixel; an image begins with a byte of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bit;

impl Layout for Bit {
    fn image_bytes(pixels: usize) -> usize {
        pixels.div_ceil(8)
    }

    fn unpack<F: Real>(image: &[u8], pixels: &mut [F]) {
        let ink = |byte: u8, pixel| if byte & mask(pixel) != 0 { F::one() } else { F::zero() };
        // Eight at a time: an array of known length is filled by vectors.
        let (whole, rest) = pixels.as_chunks_mut::<8>();
        for (eight, &byte) in whole.iter_mut().zip(image) {
            *eight = std::array::from_fn(|pixel| ink(byte, pixel));
        }
        if let Some(&byte) = image.get(whole.len()) {
            rest.iter_mut().enumerate().for_each(|(pixel, value)| *value = ink(byte, pixel));
        }
    }
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
        Ok(Self::new(bytes, images, (SIDE, SIDE)))
    }

    /// Images drawn pixel by pixel: `ink(image, row, column)`, asked for in that order.
    pub fn from_fn(
        images: usize,
        (rows, columns): (usize, usize),
        mut ink: impl FnMut(usize, usize, usize) -> bool,
    ) -> Self {
        let image_bytes = Bit::image_bytes(rows * columns);
        let mut bytes = vec![0; images * image_bytes];
        for image in 0..images {
            for pixel in 0..rows * columns {
                if ink(image, pixel / columns, pixel % columns) {
                    bytes[image * image_bytes + pixel / 8] |= mask(pixel);
                }
            }
        }
        Self::new(bytes, images, (rows, columns))
    }
}

/// Where a pixel lies in its byte: the most significant bit is the first.
fn mask(pixel: usize) -> u8 {
    0x80 >> (pixel % 8)
}
