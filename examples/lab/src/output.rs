//! Writing results so that nothing already written is lost.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or directory that could not be written, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be {attempt}: {reason}", path.display())]
pub struct OutputError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried.
    pub attempt: &'static str,
    /// What the system says.
    pub reason: io::Error,
}

/// Makes a directory, with those above it, unless it is there.
pub fn make_directory(path: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(path).map_err(|reason| OutputError {
        path: path.to_owned(),
        attempt: "made a directory",
        reason,
    })
}

/// Writes a file into a directory, which is made if need be; its path comes back.
///
/// The contents go to a temporary file that then takes the name: whoever reads the name sees the
/// old contents or the new ones, whole, even if the disk is full or the process is ended.
pub fn write(directory: &Path, name: &str, contents: &[u8]) -> Result<PathBuf, OutputError> {
    make_directory(directory)?;
    let path = directory.join(name);
    let temporary = directory.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = write_new(&temporary, contents).and_then(|()| fs::rename(&temporary, &path));
    match written {
        Ok(()) => Ok(path),
        Err(reason) => {
            // The first error is the one to tell; the file may not even exist.
            let _ = fs::remove_file(&temporary);
            Err(OutputError { path, attempt: "written", reason })
        }
    }
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(contents)?;
    file.sync_all()
}
