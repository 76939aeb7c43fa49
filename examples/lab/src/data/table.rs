use std::path::{Path, PathBuf};

use estimand::ndarray::Array2;

use super::DataError;
use super::source::Source;

/// A table of text: comma-separated values below a row of names. Empty lines, and lines that begin
/// with `#`, are left out; a field in double quotes may hold commas, and `""` for a quote, but no new line.
///
/// ```
/// use lab::data::Table;
///
/// let table = Table::parse("here", b"# speeds\nrun,speed\n1,850\n2,740\n")?;
/// assert_eq!(table.names(), ["run", "speed"]);
/// assert_eq!(table.column("speed")?, [850.0, 740.0]);
/// let error = table.column("mass").unwrap_err().to_string();
/// assert_eq!(error, "`here` has no column `mass`; it has run, speed");
/// # Ok::<(), lab::data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    rows: Vec<Row>,
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
        let mut rows = rows_of(&path, content, "the names are")?.into_iter();
        match rows.next() {
            None => Err(DataError::Empty { path }),
            Some(_) if rows.len() == 0 => Err(DataError::NoRows { path }),
            Some((_, names)) => Ok(Self { path, names, rows: rows.collect() }),
        }
    }

    /// The names of the columns, from the left.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The line of the file that each row stands in, counted from 1, comments too.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.rows.iter().map(|(line, _)| *line)
    }

    /// The numbers of a column. Errors: `NoColumn`; `NotANumber` with the line of the first.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, DataError> {
        let place = self.names.iter().position(|n| n == name).ok_or_else(|| DataError::NoColumn {
            path: self.path.clone(),
            name: name.to_owned(),
            columns: self.names.join(", "),
        })?;
        let number = |(line, row): &Row| {
            let text = row.get(place).map_or("", String::as_str);
            number(text).ok_or_else(|| DataError::NotANumber {
                path: self.path.clone(),
                line: *line,
                column: name.to_owned(),
                got: text.to_owned(),
            })
        };
        self.rows.iter().map(number).collect()
    }
}

/// Reads a matrix, comma-separated numbers without names; gzipped or not. Comments and quotes are those of [`Table`].
///
/// Errors: `Unreadable`, `Empty`, `TooLarge`; `NoTable` where rows differ in length; `NotANumber` with its line and its
/// column, counted from 1.
pub fn read_matrix(path: impl AsRef<Path>) -> Result<Array2<f64>, DataError> {
    let path = path.as_ref();
    let rows = rows_of(path, &Source::open(path)?.read_all()?, "the first row has")?;
    let Some(columns) = rows.first().map(|(_, row)| row.len()) else {
        return Err(DataError::Empty { path: path.to_owned() });
    };
    let mut numbers = Vec::new();
    for (line, row) in &rows {
        for (text, column) in row.iter().zip(1..) {
            numbers.push(number(text).ok_or_else(|| DataError::NotANumber {
                path: path.to_owned(),
                line: *line,
                column: column.to_string(),
                got: text.clone(),
            })?);
        }
    }
    // As many fields in each row as in the first, by construction.
    Ok(Array2::from_shape_vec((rows.len(), columns), numbers).unwrap_or_default())
}

/// The line of a row, and its fields.
type Row = (usize, Vec<String>);

/// The lines of a table that hold something; `first` says in an error what the first of them is.
fn rows_of(path: &Path, content: &[u8], first: &str) -> Result<Vec<Row>, DataError> {
    let no_table = |line: usize, reason: &str| {
        let (path, reason) = (path.to_owned(), format!("line {line} {reason}"));
        Err(DataError::NoTable { path, reason })
    };
    // A byte order mark is no part of the first field.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut rows: Vec<Row> = Vec::new();
    for (bytes, line) in content.split(|&byte| byte == b'\n').zip(1..) {
        let Ok(text) = std::str::from_utf8(bytes) else { return no_table(line, "is no text") };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some(fields) = fields(text) else { return no_table(line, "has a quote that does not end") };
        let expected = rows.first().map_or(fields.len(), |(_, row)| row.len());
        if fields.len() != expected {
            return no_table(line, &format!("has {} fields, where {first} {expected}", fields.len()));
        }
        rows.push((line, fields));
    }
    Ok(rows)
}

/// A finite number.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
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
