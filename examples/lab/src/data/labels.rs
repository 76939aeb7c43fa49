use std::path::Path;

use super::DataError;
use super::source::Source;

/// Reads the labels of `images` images, plain or gzipped: a byte each, with or without the
/// header of an IDX file.
///
/// Digits can look like a header, so the length decides which of the two it is.
///
/// Errors: `Unreadable`, `Empty`, `TooLarge`, and `Truncated` or `Trailing` where there are not
/// as many labels as images.
pub fn read_labels(path: impl AsRef<Path>, images: usize) -> Result<Vec<u8>, DataError> {
    const MAGIC: [u8; 4] = [0, 0, 8, 1];
    const HEADER: usize = 8;
    let mut source = Source::open(path.as_ref())?;
    let bytes = source.read_all()?;
    let (path, got) = (source.path(), bytes.len());
    if got == images {
        return Ok(bytes);
    }
    let announced = u32::try_from(images).map(u32::to_be_bytes);
    match bytes.strip_prefix(&MAGIC) {
        Some(rest) => {
            let expected = images.saturating_add(HEADER);
            match announced.ok().and_then(|count| rest.strip_prefix(&count)) {
                Some(labels) if labels.len() == images => Ok(labels.to_vec()),
                _ if got < expected => Err(DataError::Truncated { path, got, expected }),
                _ => Err(DataError::Trailing { path, expected }),
            }
        }
        None if got < images => Err(DataError::Truncated { path, got, expected: images }),
        None => Err(DataError::Trailing { path, expected: images }),
    }
}
