use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::DataError;

/// The most bytes that any reader takes: five times the largest file of MNIST as grey levels.
pub(super) const LIMIT: usize = 1 << 28;

const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// The content of a file, decompressed on the way where it is gzipped, whatever it is called.
pub(super) struct Source {
    path: PathBuf,
    content: Box<dyn Read>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let (path, sniffed) = (path.to_owned(), sniff(path));
        match sniffed {
            Ok(content) => Ok(Self { path, content }),
            Err(reason) => Err(DataError::Unreadable { path, reason }),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// At most `count` bytes; fewer only where the content ends. Memory grows with what is read,
    /// not with `count`.
    pub(super) fn read(&mut self, count: usize) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        match (&mut self.content).take(count as u64).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(reason) => Err(DataError::Unreadable { path: self.path(), reason }),
        }
    }

    /// The rest of the content.
    ///
    /// Errors: `TooLarge` beyond [`LIMIT`]; `Empty`.
    pub(super) fn read_all(&mut self) -> Result<Vec<u8>, DataError> {
        let bytes = self.read(LIMIT + 1)?;
        let path = self.path();
        match bytes.len() {
            0 => Err(DataError::Empty { path }),
            1..=LIMIT => Ok(bytes),
            _ => Err(DataError::TooLarge { path, limit: LIMIT }),
        }
    }

    /// Exactly `count` more bytes, `before` having been read, and then the end.
    pub(super) fn read_to_end(&mut self, before: usize, count: usize) -> Result<Vec<u8>, DataError> {
        let bytes = self.read(count + 1)?;
        let (path, expected) = (self.path(), before + count);
        match bytes.len() {
            got if got < count => Err(DataError::Truncated { path, got: before + got, expected }),
            got if got > count => Err(DataError::Trailing { path, expected }),
            _ => Ok(bytes),
        }
    }
}

fn sniff(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path)?);
    let gzipped = file.fill_buf()?.starts_with(&GZIP);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
