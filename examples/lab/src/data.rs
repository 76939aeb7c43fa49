//! Data files: packed bits, IDX grey levels and labels, tables of numbers, plain or gzipped; sprites that are drawn; and shuffled
//! batches.
//!
//! A reader trusts nothing: every fault of a file is a [`DataError`], one sentence that names it,
//! and no header makes a reader allocate more than the file really holds.

mod batches;
mod bits;
mod coins;
mod error;
mod grey;
mod labels;
mod packed;
mod source;
mod sprites;
mod table;

use std::borrow::Cow;
use std::path::Path;

use estimand::rand::Rng;

pub use batches::Batches;
pub use bits::{Bit, Bits};
pub use coins::{independent_pixels, pixel_means};
pub use error::DataError;
pub use grey::{Grey, Level};
pub use labels::read_labels;
pub use packed::{Layout, Packed};
pub use sprites::Sprites;
pub use table::{Table, read_matrix};

use source::Source;

/// Images to train on, whichever way they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Images {
    /// Binarised once and for all.
    Bits(Bits),
    /// Grey levels, binarised afresh at each epoch.
    Grey(Grey),
}

impl Images {
    /// Reads a file of either kind: IDX where it begins like one, packed bits of 28 x 28 otherwise.
    ///
    /// Errors: those of [`Grey::read`] and [`Bits::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let start = Source::open(path)?.read(4)?;
        if start == grey::MAGIC { Grey::read(path).map(Self::Grey) } else { Bits::read(path).map(Self::Bits) }
    }

    /// The binary images of one epoch: the same bits every time, or a fresh draw from grey levels.
    pub fn epoch<R: Rng + ?Sized>(&self, rng: &mut R) -> Cow<'_, Bits> {
        match self {
            Self::Bits(bits) => Cow::Borrowed(bits),
            Self::Grey(grey) => Cow::Owned(grey.binarised(rng)),
        }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.len(),
            Self::Grey(grey) => grey.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows and columns of an image.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Bits(bits) => bits.shape(),
            Self::Grey(grey) => grey.shape(),
        }
    }

    /// The first `n` images, or all of them where there are fewer.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        match self {
            Self::Bits(bits) => Self::Bits(bits.first(n)),
            Self::Grey(grey) => Self::Grey(grey.first(n)),
        }
    }

    /// The first `n` images, and the rest.
    #[must_use]
    pub fn split(&self, n: usize) -> (Self, Self) {
        match self {
            Self::Bits(bits) => {
                let (first, rest) = bits.split(n);
                (Self::Bits(first), Self::Bits(rest))
            }
            Self::Grey(grey) => {
                let (first, rest) = grey.split(n);
                (Self::Grey(first), Self::Grey(rest))
            }
        }
    }
}
