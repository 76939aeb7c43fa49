//! Reading a command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::Args;
use crate::args::Setting;
use crate::option::{Kind, Opt, Program};

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The usage text.
    Help(String),
    /// A run.
    Run(Args),
}

/// A command line that makes no sense, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// An option that is not declared.
    #[error("there is no option `{0}`; `--help` lists them all")]
    Unknown(String),
    /// An argument that is no option.
    #[error("`{0}` is not an option; `--help` lists them all")]
    Stray(String),
    /// An option that takes a value, with none after it.
    #[error("`{0}` needs a value")]
    Missing(String),
    /// A value for a switch.
    #[error("`{0}` takes no value")]
    Superfluous(String),
    /// A value of the wrong kind, or outside its range.
    #[error("`{option}` is `{got}`, expected {expected}")]
    Value {
        /// The option.
        option: String,
        /// What was given.
        got: String,
        /// What may be given.
        expected: String,
    },
    /// A value that an example asks for but did not declare, or not as that kind.
    #[error("the example does not declare `--{name}` as a {kind}")]
    Undeclared {
        /// The option.
        name: String,
        /// The kind asked for.
        kind: &'static str,
    },
}

/// The seed of a run that names none.
pub(crate) const SEED: usize = 1;

/// What every example takes. The defaults are told in words, since they depend on the example and
/// the machine.
const COMMON: &[Opt] = &[
    Opt::path("out", "DIR", "where results go, made if need be (default out/NAME)", ""),
    Opt::flag("quick", "do less, enough to see that all of it runs"),
    Opt::count("seed", "N", "what all randomness comes from (default 1)", SEED, 0..=usize::MAX),
    Opt::count("threads", "N", "how many threads work (default all; no result depends on it)", 0, 1..=1024),
    Opt::flag("help", "print this text"),
];

/// Reads a command line, the program's own name left out.
///
/// Errors: the first thing in it that makes no sense.
pub fn parse<I>(program: &Program, arguments: I) -> Result<Request, UsageError>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut parser = Parser::from_args(arguments);
    let mut given: Vec<(Opt, Setting)> = Vec::new();
    while let Some(argument) = parser.next().map_err(UsageError::of)? {
        let option = match argument {
            Arg::Short('h') => return Ok(Request::Help(help(program))),
            Arg::Short(letter) => return Err(UsageError::Unknown(format!("-{letter}"))),
            Arg::Value(stray) => return Err(UsageError::Stray(lossy(&stray))),
            Arg::Long(name) => *COMMON
                .iter()
                .chain(program.options)
                .find(|option| option.name == name)
                .ok_or_else(|| UsageError::Unknown(format!("--{name}")))?,
        };
        match option.kind {
            Kind::Flag if option.name == "help" => return Ok(Request::Help(help(program))),
            Kind::Flag => given.push((option, Setting::Flag(true))),
            _ => {
                let value = parser.value().map_err(UsageError::of)?;
                given.push((option, read(&option, value)?));
            }
        }
    }
    Ok(Request::Run(Args::resolve(program, &given)))
}

/// One value, of the option's kind and in its range.
fn read(option: &Opt, value: OsString) -> Result<Setting, UsageError> {
    let name = format!("--{}", option.name);
    let text = lossy(&value);
    let setting = match option.kind {
        // The next option is more likely forgotten than meant as a file.
        Kind::Path { .. } | Kind::OptionalPath if text.is_empty() || text.starts_with('-') => {
            return Err(UsageError::Missing(name));
        }
        Kind::Path { .. } | Kind::OptionalPath => Some(Setting::Path(PathBuf::from(value))),
        Kind::Count { min, max, .. } => {
            let count = text.parse().ok().filter(|n| (min..=max).contains(n));
            count.map(Setting::Count)
        }
        Kind::Number { min, max, .. } | Kind::OptionalNumber { min, max } => {
            // NaN is in no range.
            let number = text.parse().ok().filter(|x| (min..=max).contains(x));
            number.map(Setting::Number)
        }
        Kind::Choice { among, .. } => {
            let word = among.iter().find(|word| **word == text);
            word.map(|word| Setting::Choice(word))
        }
        Kind::OptionalText => Some(text.clone()).filter(|text| !text.is_empty()).map(Setting::Text),
        Kind::Flag => None,
    };
    setting.ok_or_else(|| UsageError::Value { option: name, got: text, expected: option.kind.to_string() })
}

fn help(program: &Program) -> String {
    let Program { name, about, options } = program;
    let usages = options.iter().chain(COMMON).map(Opt::usage);
    let width = usages.map(|usage| usage.len()).max().unwrap_or(0);
    let line = |option: &Opt, details: String| format!("  {:width$}  {}{details}\n", option.usage(), option.help);
    let mut text = format!("{about}\n\nUsage: cargo run --release --example {name} -- [OPTIONS]\n");
    if !options.is_empty() {
        text.push_str("\nOptions of this example:\n");
        text.extend(options.iter().map(|o| line(o, o.kind.details())));
    }
    text.push_str("\nOptions of every example:\n");
    text.extend(COMMON.iter().map(|o| line(o, String::new())));
    text
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

impl UsageError {
    pub(crate) fn undeclared(name: &str, kind: &'static str) -> Self {
        Self::Undeclared { name: name.to_owned(), kind }
    }

    /// The parser's error in our words.
    fn of(error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::MissingValue { option } => Self::Missing(option.unwrap_or_default()),
            lexopt::Error::UnexpectedValue { option, .. } => Self::Superfluous(option),
            lexopt::Error::UnexpectedOption(option) => Self::Unknown(option),
            other => Self::Stray(other.to_string()),
        }
    }
}
