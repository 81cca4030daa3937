//! The text of a settings file with overrides on top, and where everything in it was written.

use std::collections::BTreeSet;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{Place, SettingsError, names, words};

/// The text of a settings file after overrides, and where everything in it comes from.
///
/// A field that is overridden is blanked out in the file's text, line breaks kept, and all overrides stand before it,
/// where no table of the file has begun: so the parser's spans still say where the rest was written.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: String,
    /// Where the overrides end and the file begins, in bytes.
    file_start: usize,
    overrides: &'a [(String, String)],
    /// Of each field in the file, where its key stands.
    keys: Vec<(String, usize)>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        path: &'a Path,
        text: &str,
        overrides: &'a [(String, String)],
    ) -> Result<Self, SettingsError> {
        let mut source = Self { path, text: text.to_owned(), file_start: 0, overrides, keys: Vec::new() };
        let table = DeTable::parse(text).map_err(|error| source.parse_error(&error))?;
        let names: BTreeSet<&str> = overrides.iter().map(|(field, _)| field.as_str()).collect();
        for (key, value) in table.get_ref() {
            source.note_names(key.get_ref().to_string(), key.span().start, value.get_ref());
            if names.contains(key.get_ref().as_ref()) {
                source.blank(section(text, key.span().start).unwrap_or(key.span().start..value.span().end));
            }
        }
        let lines = last_of_each(overrides).map(|(field, value)| {
            format!("{} = {}\n", toml::Value::String(field.clone()), toml_value(value))
        });
        let lines: String = lines.collect();
        source.file_start = lines.len();
        source.keys.iter_mut().for_each(|(_, position)| *position += lines.len());
        source.text.insert_str(0, &lines);
        Ok(source)
    }

    /// The first name, as it is written, that no setting has.
    pub(super) fn unknown_field(&self) -> Option<&str> {
        let written =
            self.keys.iter().map(|(key, _)| key).chain(self.overrides.iter().map(|(field, _)| field));
        written.map(String::as_str).find(|name| !names::fields().contains(name))
    }

    /// Notes where a field stands. A table that is no setting is another trainer's, whose options have its name and dots before
    /// them: each of them counts by itself.
    fn note_names(&mut self, name: String, position: usize, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) if !table.is_empty() && !names::fields().contains(&name.as_str()) => {
                for (key, value) in table {
                    self.note_names(format!("{name}.{}", key.get_ref()), key.span().start, value.get_ref());
                }
            }
            _ => self.keys.push((name, position)),
        }
    }

    /// Overwrites a range with spaces, but not its line breaks.
    fn blank(&mut self, range: std::ops::Range<usize>) {
        let blank: String =
            self.text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        self.text.replace_range(range, &blank);
    }

    pub(super) fn is_overridden(&self, field: &str) -> bool {
        self.overrides.iter().any(|(overridden, _)| overridden == field)
    }

    pub(super) fn place(&self, field: &str) -> Place {
        if let Some((field, value)) = self.overrides.iter().rfind(|(overridden, _)| overridden == field) {
            return Place::Override(format!("{field}={value}"));
        }
        match self.keys.iter().find(|(key, _)| key == field) {
            Some(&(_, position)) => self.line(position),
            None => Place::File(self.path.to_owned()),
        }
    }

    fn line(&self, position: usize) -> Place {
        let line =
            self.text.as_bytes()[self.file_start..position].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Place::Line(self.path.to_owned(), line)
    }

    pub(super) fn parse_error(&self, error: &toml::de::Error) -> SettingsError {
        let place = match error.span() {
            Some(span) if span.start < self.file_start => {
                let line = self.text[..span.start].matches('\n').count();
                let (field, value) = last_of_each(self.overrides).nth(line).expect("one line per override");
                Place::Override(format!("{field}={value}"))
            }
            Some(span) => self.line(span.start),
            None => Place::File(self.path.to_owned()),
        };
        let field = match &place {
            Place::Line(_, line) => {
                self.text[self.file_start..].lines().nth(line - 1).and_then(|line| line.split_once('='))
            }
            _ => None,
        };
        let message = match (field, &place) {
            (Some((field, _)), _) => {
                let field = field.trim();
                format!("`{field}`: {}", words::explained(field, error.message()))
            }
            (None, Place::Override(text)) => {
                let field = text.split_once('=').map_or(text.as_str(), |(field, _)| field);
                words::explained(field, error.message())
            }
            (None, _) => error.message().to_owned(),
        };
        SettingsError::Parse { place, message }
    }
}

/// The section of a table whose name stands at `key` in its header, `[name]`, up to the next header; `None` where that is no
/// header.
fn section(text: &str, key: usize) -> Option<std::ops::Range<usize>> {
    let line = text[..key].rfind('\n').map_or(0, |end| end + 1);
    text[line..key].trim_start().strip_prefix('[').filter(|rest| rest.trim().is_empty())?;
    let end = text[key..].find("\n[").map_or(text.len(), |end| key + end);
    Some(line..end)
}

/// The overrides without those that a later one for the same field replaces.
fn last_of_each(overrides: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    let replaced =
        |index: usize| overrides[index + 1..].iter().any(|(field, _)| *field == overrides[index].0);
    overrides.iter().enumerate().filter(move |&(index, _)| !replaced(index)).map(|(_, pair)| pair)
}

/// A value as TOML: itself if it is a value, else a string.
pub(super) fn toml_value(text: &str) -> String {
    let is_value = !text.contains('\n') && toml::from_str::<toml::Table>(&format!("x = {text}")).is_ok();
    if is_value { text.to_owned() } else { toml::Value::String(text.to_owned()).to_string() }
}
