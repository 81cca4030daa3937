//! What a person reads: errors, notes and the progress bar on stderr, which never get in each other's way, and pages on
//! stdout. Whatever is said may quote a stranger, so all of it is made visible here; styles are put around it here.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use gavel_files::short_digest;
use gavel_verify::{Refreshed, visible, visible_name};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// For `error:`.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For the name of a column in a summary.
pub const LABEL: Style = Style::new().bold();
/// For what is expected, in a difference.
pub const EXPECTED: Style = AnsiColor::Red.on_default();
/// For what was found, in a difference.
pub const FOUND: Style = AnsiColor::Green.on_default();

/// The most characters of a stranger's name or version that are shown.
const NAME: usize = 200;

/// A stranger's name, version or path, for one line.
pub fn shown(name: &str) -> String {
    visible_name(name, NAME)
}

/// The most characters of a text in an example.
const EXCERPT: usize = 100;

/// The beginning of a text, or its end, on one line.
pub fn excerpt(text: &str, of_end: bool) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let letters = line.chars().count();
    if letters <= EXCERPT {
        line
    } else if of_end {
        format!("…{}", line.chars().skip(letters - EXCERPT).collect::<String>())
    } else {
        format!("{}…", line.chars().take(EXCERPT).collect::<String>())
    }
}

/// stderr, with a progress bar at its end or none.
#[derive(Debug, Clone)]
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

    /// Whether only errors are said.
    pub fn is_quiet(&self) -> bool {
        self.quiet > 0
    }

    /// Says that something went wrong.
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
                    Some(digest) => short_digest(digest),
                    None => "none",
                });
                self.note(format_args!("reloaded {}: {before} → {after}", shown(&change.what)));
            }),
            Refreshed::Refused(error) => {
                self.error(format_args!("not reloaded, what judged before goes on: {error}"));
            }
        }
    }

    /// Says something that is good to know.
    pub fn note(&self, note: impl fmt::Display) {
        if self.quiet < 1 {
            self.write(format_args!("{}", visible(&note.to_string())));
        }
    }

    /// As [`Terminal::note`], for a text that brings its own styles: whoever makes it has made the rest visible.
    pub fn styled(&self, text: impl fmt::Display) {
        if self.quiet < 1 {
            self.write(format_args!("{text}"));
        }
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        // Nobody is left to tell when stderr is closed.
        self.bar.suspend(|| drop(writeln!(anstream::stderr(), "{line}")));
    }
}

/// A page for stdout, in which only the styles are ours.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds text; its line breaks stay.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&visible(text));
        self
    }

    /// Adds text in a style.
    pub fn styled(&mut self, style: Style, text: &str) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{style}{}{style:#}", visible(text));
        self
    }

    /// Adds a line with a label. The other lines of its value stand below the first, so that none looks like a row.
    pub fn row(&mut self, label: &str, value: &str) -> &mut Self {
        let value = value.replace('\n', "\n          ");
        self.styled(LABEL, &format!("{label:<9}")).text(&format!(" {value}\n"))
    }

    /// Writes the page to stdout.
    ///
    /// # Errors
    /// When nobody reads it any more, or a disk is full.
    pub fn print(&self) -> io::Result<()> {
        anstream::stdout().write_all(self.0.as_bytes())
    }
}

/// JSON for stdout. What a terminal would take as a command is escaped, which JSON does not ask for beyond ASCII; to a
/// program it says the same.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() || visible_name(letter.encode_utf8(&mut [0; 4]), 1).starts_with(letter) {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_styles_of_a_page_are_commands() {
        let mut page = Page::default();
        page.row("name", "a\u{1b}[2J\u{9b}1m").styled(FOUND, "\u{1b}]0;title\u{7}");
        let stripped = anstream::adapter::strip_str(&page.0).to_string();
        assert!(!stripped.contains(|letter: char| letter != '\n' && letter.is_control()), "{stripped:?}");
        assert_eq!(stripped, "name      a␛[2J\u{fffd}1m\n␛]0;title␇");
    }

    #[test]
    fn an_excerpt_is_one_line() {
        assert_eq!(excerpt(" a\n\tb ", true), "a b");
        let long = format!("{}z", "é".repeat(EXCERPT));
        assert_eq!(excerpt(&long, false), format!("{}…", "é".repeat(EXCERPT)));
        assert_eq!(excerpt(&long, true), format!("…{}z", "é".repeat(EXCERPT - 1)));
    }

    #[test]
    fn json_has_no_commands_and_says_the_same() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{9b}\u{202e}\u{e0041}é\u{7f}\nb" });
        let text = escaped(&value.to_string());
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{e0041}']), "{text:?}");
        assert!(text.contains('é'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
