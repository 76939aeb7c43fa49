//! Answers: which items each examinee had right, as patterns and how often each occurs.

use std::collections::BTreeMap;
use std::path::Path;

use estimand::ndarray::{Array1, Array2, Axis};
use lab::Failure;
use lab::data::Table;

/// The column that tells how many examinees a row is.
const COUNT: &str = "count";

/// The patterns that occur, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns {
    pub items: Vec<String>,
    /// 1 where an item is right: a row a pattern.
    pub right: Array2<f64>,
    /// Examinees of each pattern.
    pub counts: Array1<f64>,
}

impl Patterns {
    /// Reads a table with a column of 0 and 1 for each item, and a column `count`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let table = Table::read(path)?;
        let shown = path.display();
        for (k, name) in table.names().iter().enumerate() {
            if table.names()[..k].contains(name) {
                return Err(format!("`{shown}` names the column `{name}` twice").into());
            }
        }
        let counts = table.column(COUNT)?;
        let wrong = |name: &str, line: usize, got: f64, expected: &str| -> Failure {
            format!("`{shown}` has `{got}` in column `{name}` of line {line}, expected {expected}").into()
        };
        for (&count, line) in counts.iter().zip(table.lines()) {
            if !(count >= 0.0 && count.fract() == 0.0 && count <= 1e9) {
                return Err(wrong(COUNT, line, count, "a whole number of examinees, from 0 to 1e9"));
            }
        }
        let items: Vec<String> = table.names().iter().filter(|name| *name != COUNT).cloned().collect();
        if items.is_empty() {
            return Err(format!("`{shown}` has no item: it has no column but `{COUNT}`").into());
        }
        let mut rows = vec![Vec::with_capacity(items.len()); counts.len()];
        for name in &items {
            for ((answer, line), row) in table.column(name)?.into_iter().zip(table.lines()).zip(&mut rows) {
                if answer != 0.0 && answer != 1.0 {
                    return Err(wrong(name, line, answer, "0 or 1"));
                }
                row.push(answer == 1.0);
            }
        }
        let mut found: BTreeMap<Vec<bool>, f64> = BTreeMap::new();
        for (row, count) in rows.into_iter().zip(counts).filter(|(_, count)| *count > 0.0) {
            *found.entry(row).or_default() += count;
        }
        let answers = found.keys().flatten().map(|&right| f64::from(u8::from(right))).collect();
        let right = Array2::from_shape_vec((found.len(), items.len()), answers)?;
        let patterns = Self { items, right, counts: found.into_values().collect() };
        let examinees = patterns.examinees();
        if examinees == 0.0 {
            return Err(format!("`{shown}` has no examinee: every `{COUNT}` is 0").into());
        }
        for (name, &mean) in patterns.items.iter().zip(&patterns.means()) {
            if mean == 0.0 || mean == 1.0 {
                let all = if mean == 1.0 { "right" } else { "wrong" };
                let words = "its intercept has no best value, the likelihood rises with it without end";
                return Err(
                    format!("`{shown}` has the item `{name}` {all} {examinees} times of {examinees}: {words}").into()
                );
            }
        }
        Ok(patterns)
    }

    pub fn len(&self) -> usize {
        self.counts.len()
    }

    pub fn examinees(&self) -> f64 {
        self.counts.sum()
    }

    /// How often each item is right.
    pub fn means(&self) -> Array1<f64> {
        self.counts.dot(&self.right) / self.examinees()
    }

    /// One of them, as if of one examinee.
    pub fn one(&self, pattern: usize) -> Self {
        let right = self.right.row(pattern).insert_axis(Axis(0)).to_owned();
        Self { items: self.items.clone(), right, counts: Array1::ones(1) }
    }

    /// Every row `k` times, one below the other.
    pub fn repeated(&self, k: usize) -> Array2<f64> {
        let (n, items) = self.right.dim();
        let each = self.right.view().insert_axis(Axis(1));
        let all = each.broadcast((n, k, items)).map(|all| all.iter().copied().collect()).unwrap_or_default();
        // As many numbers as the shape has.
        Array2::from_shape_vec((n * k, items), all).unwrap_or_default()
    }

    /// Each row once for each of its examinees, but at most so often, counting more then; and which pattern each is.
    pub fn unrolled(&self, most: usize) -> (Self, Vec<usize>) {
        let times: Vec<usize> = self.counts.iter().map(|&n| most.min(n as usize)).collect();
        let places: Vec<usize> = times.iter().enumerate().flat_map(|(i, &n)| std::iter::repeat_n(i, n)).collect();
        let counts = places.iter().map(|&i| self.counts[i] / times[i] as f64).collect();
        (Self { items: self.items.clone(), right: self.right.select(Axis(0), &places), counts }, places)
    }
}
