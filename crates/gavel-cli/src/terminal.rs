//! What a person reads on stderr: errors, notes and the progress bar, which never get in each other's way.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use gavel_verify::{Refreshed, visible};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// For `error:`.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For the name of a column in a summary.
pub const LABEL: Style = Style::new().bold();
/// For what is expected, in a difference.
pub const EXPECTED: Style = AnsiColor::Red.on_default();
/// For what was found, in a difference.
pub const FOUND: Style = AnsiColor::Green.on_default();

/// Hexadecimal digits that are enough to tell digests apart by eye.
const SHORT_DIGEST: usize = 12;

/// stderr, with a progress bar at its end or none.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    quiet: u8,
}

impl Terminal {
    /// A terminal without progress bar. `quiet` counts `-q`: 1 leaves only errors, 2 nothing.
    pub fn new(quiet: u8) -> Self {
        Self { bar: ProgressBar::hidden(), quiet }
    }

    /// Shows a progress bar, if stderr is a terminal: over `bytes` of input, or without an end where that is unknown.
    pub fn start_progress(&mut self, bytes: Option<u64>) {
        if self.quiet > 0 {
            return;
        }
        self.bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let style = match bytes {
            Some(_) => "{bar:30} {percent:>3}%  {msg}  {elapsed}, {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        // The templates are constants, and right.
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// Moves the progress bar on by `bytes` of input.
    pub fn progress(&self, bytes: u64, message: impl FnOnce() -> String) {
        self.bar.inc(bytes);
        if !self.bar.is_hidden() && !self.bar.is_finished() {
            self.bar.set_message(message());
        }
    }

    /// Takes the progress bar away.
    pub fn end_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Says that something went wrong. What it quotes may be anybody's text, so it is made visible.
    pub fn error(&self, error: impl fmt::Display) {
        if self.quiet < 2 {
            self.write(format_args!("{ERROR}error{ERROR:#}: {}", visible(&error.to_string())));
        }
    }

    /// Says what was taken up of a changed reward, or why it was not.
    pub fn refreshed(&self, refreshed: &Refreshed) {
        match refreshed {
            Refreshed::Changed(changes) => changes.iter().for_each(|change| {
                let [before, after] = [&change.before, &change.after].map(|digest| match digest {
                    Some(digest) => digest.get(..SHORT_DIGEST).unwrap_or(digest),
                    None => "none",
                });
                self.note(format_args!("reloaded {}: {before} → {after}", visible(&change.what)));
            }),
            Refreshed::Refused(error) => {
                self.error(format_args!("not reloaded, what judged before goes on: {error}"));
            }
        }
    }

    /// Says something that is good to know.
    pub fn note(&self, note: impl fmt::Display) {
        if self.quiet < 1 {
            self.write(format_args!("{note}"));
        }
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        // Nobody is left to tell when stderr is closed.
        self.bar.suspend(|| drop(writeln!(anstream::stderr(), "{line}")));
    }
}
