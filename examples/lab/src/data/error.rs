use std::io;
use std::path::PathBuf;

/// What is wrong with a data file, in one sentence that names it.
///
/// All counts of bytes are of the content, after decompression.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file is missing, may not be read, or is damaged as a gzip file.
    #[error("`{}` cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the decompressor says.
        reason: io::Error,
    },

    /// There is nothing in it.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },

    /// It is a file of another kind.
    #[error("`{}` is not an IDX file of images: it begins with {got:02x?}, not [00, 00, 08, 03]", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        got: Vec<u8>,
    },

    /// It announces or has no pixel at all.
    #[error("`{}` announces {images} images of {rows} x {columns} pixels: there is nothing to train on", path.display())]
    NoImages {
        /// The file.
        path: PathBuf,
        /// The announced number of images.
        images: u32,
        /// The announced number of rows.
        rows: u32,
        /// The announced number of columns.
        columns: u32,
    },

    /// It ends too early.
    #[error("`{}` ends after {got} bytes, expected {expected}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How many bytes there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },

    /// It goes on where it should end.
    #[error("`{}` goes on after the {expected} bytes that it should have", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// How many bytes there should be.
        expected: usize,
    },

    /// Packed bits that do not divide into images.
    #[error("`{}` has {got} bytes, which is no whole number of images of {image} bytes", path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// How many bytes there are.
        got: usize,
        /// How many bytes an image takes.
        image: usize,
    },

    /// It holds, or says that it holds, more than a reader takes.
    #[error("`{}` is of more than {limit} bytes, the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: usize,
    },

    /// It is no table: a row with another number of fields than the first, or bytes that are no text.
    #[error("`{}` is not a table: {reason}", path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        reason: String,
    },

    /// A column that is asked for, and is not there.
    #[error("`{}` has no column `{name}`; it has {columns}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// Those that are there.
        columns: String,
    },

    /// A table with names and nothing else.
    #[error("`{}` names its columns and has no row", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },

    /// A field that is no finite number.
    #[error("`{}` has `{got}` in column `{column}` of line {line}, expected a finite number", path.display())]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, comments too.
        line: usize,
        /// The column.
        column: String,
        /// The field.
        got: String,
    },
}
