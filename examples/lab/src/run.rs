//! The frame of an example: arguments in, one summary line and an exit status out.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::Args;
use crate::command_line::{Request, parse};
use crate::memory::keep_freed_memory;
use crate::option::Program;
use crate::output::make_directory;

/// Why an example could not do its work: an error of usage, of data, of the system; status 2.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How an example ended; the only place that knows the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It did its work, and its claims hold.
    Holds = 0,
    /// It did its work, and a claim does not hold.
    Refuted = 1,
    /// It could not do its work.
    Failed = 2,
}

/// What an example found: the last line of its output, and what it claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    findings: Vec<(&'static str, String)>,
    refuted: Vec<String>,
}

impl Summary {
    /// A summary without findings or claims.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `key=value` to the last line; blanks in a value become `_`, so that the line can be
    /// split at blanks.
    #[must_use]
    pub fn finding(mut self, key: &'static str, value: impl Display) -> Self {
        self.findings.push((key, value.to_string().replace(char::is_whitespace, "_")));
        self
    }

    /// Claims something, in words that say what was seen and what was expected.
    #[must_use]
    pub fn claim(mut self, holds: bool, words: impl Into<String>) -> Self {
        if !holds {
            self.refuted.push(words.into());
        }
        self
    }

    fn line(&self, name: &str) -> String {
        let mut line = format!("{name}:");
        for (key, value) in &self.findings {
            line.push_str(&format!(" {key}={value}"));
        }
        line
    }
}

/// Runs an example with the arguments of the process; `main` returns what comes back.
///
/// Standard output ends with the line `NAME: key=value key=value`. What goes wrong is one sentence
/// on standard error, with status 2; a claim that does not hold is one too, with status 1.
pub fn run(program: &Program, example: impl FnOnce(&Args) -> Result<Summary, Failure> + Send) -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    ExitCode::from(respond(program, arguments, &mut out, &mut err, example) as u8)
}

/// [`run()`] with all that it touches as arguments.
pub fn respond<I>(
    program: &Program,
    arguments: I,
    out: &mut impl Write,
    err: &mut impl Write,
    example: impl FnOnce(&Args) -> Result<Summary, Failure> + Send,
) -> Status
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let outcome = match parse(program, arguments) {
        Ok(Request::Help(text)) => {
            tell(out, text.trim_end());
            return Status::Holds;
        }
        Ok(Request::Run(args)) => perform(&args, example),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(summary) => {
            tell(out, summary.line(program.name));
            for words in &summary.refuted {
                tell(err, format_args!("{}: this does not hold: {words}", program.name));
            }
            if summary.refuted.is_empty() { Status::Holds } else { Status::Refuted }
        }
        Err(error) => {
            tell(err, format_args!("{}: {error}", program.name));
            Status::Failed
        }
    }
}

/// Writes a line of a table to standard output.
///
/// Unlike `println!` it does not panic where the reader has gone, as in `... | head`.
pub fn say(line: impl Display) {
    tell(&mut io::stdout(), line);
}

fn perform(args: &Args, example: impl FnOnce(&Args) -> Result<Summary, Failure> + Send) -> Result<Summary, Failure> {
    // Before the work, which may be long, not after it.
    make_directory(&args.out)?;
    keep_freed_memory();
    args.threads.install(|| example(args))?
}

fn tell(to: &mut impl Write, line: impl Display) {
    // Nobody is left to be told of the failure, and the work goes on for its files.
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}
