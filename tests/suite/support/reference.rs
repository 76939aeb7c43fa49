//! The tables of `tests/data`.

use std::path::Path;

/// A row of a table: its leading words, then its numbers.
pub struct Record {
    pub line: usize,
    fields: Vec<String>,
}

impl Record {
    pub fn text(&self, column: usize) -> &str {
        &self.fields[column]
    }

    /// The number of a column, rounded to f64; `None` where it is empty.
    pub fn number(&self, column: usize) -> Option<f64> {
        let field = &self.fields[column];
        (!field.is_empty())
            .then(|| field.parse().unwrap_or_else(|_| panic!("line {}: {field} is no number", self.line)))
    }

    /// All columns from `first` as numbers.
    pub fn numbers<const N: usize>(&self, first: usize) -> [f64; N] {
        std::array::from_fn(|k| self.number(first + k).unwrap_or_else(|| panic!("line {}: empty column", self.line)))
    }
}

/// The rows of a table, without comments and the heading.
pub fn table(name: &str) -> Vec<Record> {
    // The package of these tests may lie below the crate's.
    let mut packages = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let data = packages.find_map(|package| Some(package.join("tests/data")).filter(|data| data.exists()));
    let path = data.unwrap_or_default().join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text.lines().enumerate().filter(|(_, l)| !l.starts_with('#') && !l.is_empty()).skip(1);
    let rows: Vec<_> = lines
        .map(|(i, l)| Record { line: i + 1, fields: l.split(',').map(|f| f.trim().to_owned()).collect() })
        .collect();
    assert!(!rows.is_empty(), "{name} has no rows");
    rows
}
