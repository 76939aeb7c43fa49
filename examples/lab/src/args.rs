//! What an example was asked to do.

use std::path::{Path, PathBuf};

use estimand::rand::{SeedableRng, rngs::StdRng};

use crate::command_line::{SEED, UsageError};
use crate::option::{Kind, Opt, Program};
use crate::output::{self, OutputError};
use crate::plot::PlotError;
use crate::{Chart, Failure, Grid, Threads};

/// What the user asked an example to do, checked before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Args {
    /// Where results go; `out/NAME` unless given.
    pub out: PathBuf,
    /// Whether to do less work, enough to see that all of it runs.
    pub quick: bool,
    /// What all randomness comes from; 1 unless given.
    pub seed: u64,
    /// How many threads may work, as many as the machine has unless given; no result depends on it.
    pub threads: Threads,
    settings: Vec<(&'static str, Setting)>,
    given: Vec<&'static str>,
}

/// The value of one option.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    Count(usize),
    Number(f64),
    Choice(&'static str),
    Path(PathBuf),
    Text(String),
    Absent,
    Flag(bool),
}

impl Args {
    /// What was given, and defaults for the rest; of an option given twice the last one counts.
    pub(crate) fn resolve(program: &Program, given: &[(Opt, Setting)]) -> Self {
        let find = |name: &str| {
            let last = given.iter().rev().find(|(option, _)| option.name == name);
            last.map(|(_, setting)| setting.clone())
        };
        let quick = find("quick").is_some();
        let value = |option: &Opt| find(option.name).unwrap_or_else(|| default(option.kind, quick));
        Self {
            out: match find("out") {
                Some(Setting::Path(path)) => path,
                _ => Path::new("out").join(program.name),
            },
            quick,
            seed: match find("seed") {
                Some(Setting::Count(seed)) => seed as u64,
                _ => SEED as u64,
            },
            threads: match find("threads") {
                Some(Setting::Count(count)) => Threads::new(count),
                _ => Threads::available(),
            },
            settings: program.options.iter().map(|o| (o.name, value(o))).collect(),
            given: given.iter().map(|(option, _)| option.name).collect(),
        }
    }

    /// A declared whole number.
    pub fn count(&self, name: &str) -> Result<usize, UsageError> {
        match self.setting(name) {
            Some(Setting::Count(count)) => Ok(*count),
            _ => Err(UsageError::undeclared(name, "count")),
        }
    }

    /// A declared number.
    pub fn number(&self, name: &str) -> Result<f64, UsageError> {
        match self.setting(name) {
            Some(Setting::Number(number)) => Ok(*number),
            _ => Err(UsageError::undeclared(name, "number")),
        }
    }

    /// A declared choice, one of its words.
    pub fn choice(&self, name: &str) -> Result<&'static str, UsageError> {
        match self.setting(name) {
            Some(Setting::Choice(word)) => Ok(word),
            _ => Err(UsageError::undeclared(name, "choice")),
        }
    }

    /// A declared path.
    pub fn path(&self, name: &str) -> Result<&Path, UsageError> {
        match self.setting(name) {
            Some(Setting::Path(path)) => Ok(path),
            _ => Err(UsageError::undeclared(name, "path")),
        }
    }

    /// A declared number that need not be given.
    pub fn optional_number(&self, name: &str) -> Result<Option<f64>, UsageError> {
        match self.setting(name) {
            Some(Setting::Number(number)) => Ok(Some(*number)),
            Some(Setting::Absent) => Ok(None),
            _ => Err(UsageError::undeclared(name, "number")),
        }
    }

    /// A declared path that need not be given.
    pub fn optional_path(&self, name: &str) -> Result<Option<&Path>, UsageError> {
        match self.setting(name) {
            Some(Setting::Path(path)) => Ok(Some(path)),
            Some(Setting::Absent) => Ok(None),
            _ => Err(UsageError::undeclared(name, "path")),
        }
    }

    /// A declared text, which need not be given.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>, UsageError> {
        match self.setting(name) {
            Some(Setting::Text(text)) => Ok(Some(text)),
            Some(Setting::Absent) => Ok(None),
            _ => Err(UsageError::undeclared(name, "text")),
        }
    }

    /// A declared switch.
    pub fn flag(&self, name: &str) -> Result<bool, UsageError> {
        match self.setting(name) {
            Some(Setting::Flag(on)) => Ok(*on),
            _ => Err(UsageError::undeclared(name, "flag")),
        }
    }

    /// Whether the command line names an option: for a default that depends on another option.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// The generator that [`seed`](Self::seed) begins.
    pub fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    /// Writes a result into [`out`](Self::out), whole or not at all; its path comes back.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf, OutputError> {
        output::write(&self.out, name, contents.as_ref())
    }

    /// [`write`](Self::write) of a chart, as `NAME.svg` and `NAME.png`; where it has no point to show there is neither.
    ///
    /// Errors: those of a chart that cannot be drawn, and of `write`.
    pub fn write_chart(&self, name: &str, chart: &Chart) -> Result<(), Failure> {
        let svg = match chart.svg() {
            Err(PlotError::Nothing { .. }) => return Ok(()),
            svg => svg?,
        };
        self.write(&format!("{name}.svg"), svg)?;
        self.write(&format!("{name}.png"), chart.png()?)?;
        Ok(())
    }

    /// [`write`](Self::write) of images, as `NAME.svg` and `NAME.png`, each pixel `scale` times as wide and high.
    ///
    /// Errors: those of a picture that cannot be made, and of `write`.
    pub fn write_grid(&self, name: &str, grid: &Grid, scale: usize) -> Result<(), Failure> {
        self.write(&format!("{name}.svg"), grid.svg(scale)?)?;
        self.write(&format!("{name}.png"), grid.png(scale)?)?;
        Ok(())
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        let found = self.settings.iter().find(|(declared, _)| *declared == name);
        found.map(|(_, setting)| setting)
    }
}

fn default(kind: Kind, quick: bool) -> Setting {
    match kind {
        Kind::Count { quick: count, .. } if quick => Setting::Count(count),
        Kind::Count { default, .. } => Setting::Count(default),
        Kind::Number { quick: number, .. } if quick => Setting::Number(number),
        Kind::Number { default, .. } => Setting::Number(default),
        Kind::Choice { default, .. } => Setting::Choice(default),
        Kind::Path { default } => Setting::Path(of_project(default)),
        Kind::OptionalNumber { .. } | Kind::OptionalPath | Kind::OptionalText => Setting::Absent,
        Kind::Flag => Setting::Flag(false),
    }
}

/// A path relative to the root of the project, which is mostly where an example runs.
fn of_project(path: &str) -> PathBuf {
    let here = PathBuf::from(path);
    match Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2) {
        Some(root) if !here.exists() => root.join(path),
        _ => here,
    }
}
