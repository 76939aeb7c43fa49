use std::path::{Path, PathBuf};

use super::DataError;
use super::source::Source;

/// A table of text: comma-separated values below a row of names. Empty lines, and lines that begin
/// with `#`, are left out; a field in double quotes may hold commas, and `""` for a quote, but no new line.
///
/// ```
/// use lab::data::Table;
///
/// let table = Table::parse("here", b"# speeds\nrun,speed\n1,850\n2,740\n")?;
/// assert_eq!(table.column("speed")?, [850.0, 740.0]);
/// let error = table.column("mass").unwrap_err().to_string();
/// assert_eq!(error, "`here` has no column `mass`; it has run, speed");
/// # Ok::<(), lab::data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    /// The line of each row, and its fields.
    rows: Vec<(usize, Vec<String>)>,
}

impl Table {
    /// Reads a file, gzipped or not.
    ///
    /// Errors: `Unreadable`, `Empty`, `TooLarge`; those of [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        Self::parse(path, &Source::open(path)?.read_all()?)
    }

    /// Reads the content of what is called `path` in an error.
    ///
    /// Errors: `Empty` where not even columns are named; `NoRows`; `NoTable`.
    pub fn parse(path: impl AsRef<Path>, content: &[u8]) -> Result<Self, DataError> {
        let path = path.as_ref().to_owned();
        let no_table = |line: usize, reason: &str| {
            let (path, reason) = (path.clone(), format!("line {line} {reason}"));
            Err(DataError::NoTable { path, reason })
        };
        // A byte order mark is no part of the first name.
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let mut names: Option<Vec<String>> = None;
        let mut rows = Vec::new();
        for (bytes, line) in content.split(|&byte| byte == b'\n').zip(1..) {
            let Ok(text) = std::str::from_utf8(bytes) else { return no_table(line, "is no text") };
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let Some(fields) = fields(text) else { return no_table(line, "has a quote that does not end") };
            match &names {
                None => names = Some(fields),
                Some(names) if names.len() == fields.len() => rows.push((line, fields)),
                Some(names) => {
                    let (got, expected) = (fields.len(), names.len());
                    return no_table(line, &format!("has {got} fields, where the names are {expected}"));
                }
            }
        }
        match names {
            None => Err(DataError::Empty { path }),
            Some(_) if rows.is_empty() => Err(DataError::NoRows { path }),
            Some(names) => Ok(Self { path, names, rows }),
        }
    }

    /// The numbers of a column. Errors: `NoColumn`; `NotANumber` with the line of the first.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, DataError> {
        let place = self.names.iter().position(|n| n == name).ok_or_else(|| DataError::NoColumn {
            path: self.path.clone(),
            name: name.to_owned(),
            columns: self.names.join(", "),
        })?;
        let number = |(line, row): &(usize, Vec<String>)| {
            let text = row.get(place).map_or("", String::as_str);
            text.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| DataError::NotANumber {
                path: self.path.clone(),
                line: *line,
                column: name.to_owned(),
                got: text.to_owned(),
            })
        };
        self.rows.iter().map(number).collect()
    }
}

/// The fields of a line; `None` where a quote does not end.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            letter => field.push(letter),
        }
    }
    fields.push(field.trim().to_owned());
    (!quoted).then_some(fields)
}
