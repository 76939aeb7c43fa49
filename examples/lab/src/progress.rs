use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `steps` steps on standard error, hidden where that is not a terminal.
///
/// `inc(1)` moves it, `set_message` says what is new, and `finish_and_clear` takes it away.
pub fn progress(steps: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64).with_prefix(what);
    let layout = "{prefix} {bar:32} {pos}/{len} {elapsed}, {eta} to go  {msg}";
    match ProgressStyle::with_template(layout) {
        Ok(style) => bar.with_style(style),
        // The default bar tells the same with less taste.
        Err(_) => bar,
    }
}
