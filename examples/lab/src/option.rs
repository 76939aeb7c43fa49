//! How an example declares its options.

use std::fmt;
use std::ops::RangeInclusive;

/// An example: its name, what it shows, and the options of its own.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name that `cargo run --example` takes.
    pub name: &'static str,
    /// What it shows, for `--help`.
    pub about: &'static str,
    /// What it takes besides `--out`, `--quick`, `--seed`, `--threads` and `--help`.
    pub options: &'static [Opt],
}

/// One option of an example: `--name VALUE`.
///
/// ```
/// use lab::Opt;
///
/// const OPTIONS: &[Opt] = &[
///     Opt::count("epochs", "N", "passes over the training images", 15, 1..=1000).quick_count(2),
///     Opt::number("beta", "B", "weight of the KL term", 1.0, 0.0..=1e3),
/// ];
/// assert_eq!(OPTIONS[0].name(), "epochs");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opt {
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
}

/// What an option's value may be, with its default and the default under `--quick`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Count { default: usize, quick: usize, min: usize, max: usize },
    Number { default: f64, quick: f64, min: f64, max: f64 },
    Choice { default: &'static str, among: &'static [&'static str] },
    Path { default: &'static str },
    OptionalNumber { min: f64, max: f64 },
    OptionalPath,
    OptionalText,
    Flag,
}

impl Opt {
    /// A whole number in a range.
    pub const fn count(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Self {
        let (min, max) = (*range.start(), *range.end());
        let kind = Kind::Count { default, quick: default, min, max };
        Self { name, value, help, kind }
    }

    /// A finite number in a range; `f64::MIN_POSITIVE` begins one that leaves out zero.
    pub const fn number(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Self {
        let (min, max) = (*range.start(), *range.end());
        let kind = Kind::Number { default, quick: default, min, max };
        Self { name, value, help, kind }
    }

    /// One word among several.
    pub const fn choice(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        default: &'static str,
        among: &'static [&'static str],
    ) -> Self {
        let kind = Kind::Choice { default, among };
        Self { name, value, help, kind }
    }

    /// A file to read; the default is relative to the root of the project, from wherever it runs.
    pub const fn path(name: &'static str, value: &'static str, help: &'static str, default: &'static str) -> Self {
        let kind = Kind::Path { default };
        Self { name, value, help, kind }
    }

    /// A finite number in a range, or none: what it is then, the help says.
    pub const fn optional_number(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        range: RangeInclusive<f64>,
    ) -> Self {
        let (min, max) = (*range.start(), *range.end());
        Self { name, value, help, kind: Kind::OptionalNumber { min, max } }
    }

    /// A file to read, or none.
    pub const fn optional_path(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value, help, kind: Kind::OptionalPath }
    }

    /// Any text, or none.
    pub const fn optional_text(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value, help, kind: Kind::OptionalText }
    }

    /// A switch without a value, off unless given.
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self { name, value: "", help, kind: Kind::Flag }
    }

    /// Another default for a count under `--quick`; options of other kinds stay as they are.
    #[must_use]
    pub const fn quick_count(mut self, count: usize) -> Self {
        if let Kind::Count { quick, .. } = &mut self.kind {
            *quick = count;
        }
        self
    }

    /// Another default for a number under `--quick`; options of other kinds stay as they are.
    #[must_use]
    pub const fn quick_number(mut self, number: f64) -> Self {
        if let Kind::Number { quick, .. } = &mut self.kind {
            *quick = number;
        }
        self
    }

    /// The name, without dashes.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The name with its value, as `--help` shows it.
    pub(crate) fn usage(&self) -> String {
        format!("--{} {}", self.name, self.value).trim_end().to_owned()
    }
}

impl Kind {
    /// Default and range, for `--help`; nothing for a switch.
    pub(crate) fn details(&self) -> String {
        match self {
            Self::Count { default, quick, .. } => format!(" ({}; {self})", defaults(default, quick)),
            Self::Number { default, quick, .. } => {
                format!(" ({}; {self})", defaults(default, quick))
            }
            Self::Choice { default, .. } => format!(" (default {default}; {self})"),
            Self::Path { default } => format!(" (default {default})"),
            Self::OptionalNumber { .. } => format!(" ({self})"),
            Self::OptionalPath | Self::OptionalText => String::new(),
            Self::Flag => String::new(),
        }
    }
}

fn defaults<T: fmt::Display + PartialEq>(default: &T, quick: &T) -> String {
    if default == quick { format!("default {default}") } else { format!("default {default}, with --quick {quick}") }
}

/// What is expected, as a sentence ends: "a whole number from 1 to 1000".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { min, max: usize::MAX, .. } => write!(f, "a whole number from {min}"),
            Self::Count { min, max, .. } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max, .. } | Self::OptionalNumber { min, max } => {
                write!(f, "a number")?;
                match *min {
                    f64::MIN => Ok(()),
                    f64::MIN_POSITIVE => write!(f, " above 0"),
                    min => write!(f, " from {min}"),
                }?;
                match *max {
                    f64::MAX => Ok(()),
                    max => write!(f, " to {max}"),
                }
            }
            Self::Choice { among, .. } => write!(f, "one of {}", among.join(", ")),
            Self::Path { .. } | Self::OptionalPath => write!(f, "a path"),
            Self::OptionalText => write!(f, "a text"),
            Self::Flag => write!(f, "no value"),
        }
    }
}
