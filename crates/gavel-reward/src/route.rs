//! `[route]`: which verifiers judge a task, by the value of one of its columns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::task::{Column, PREFIX, Task};
use gavel_plugins::toml_file::{Field, Table, TomlError};

/// Which verifiers judge which tasks. A verifier that no route names judges all of them.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    column: String,
    /// By value of the column: the places of the verifiers.
    to: Vec<(String, Vec<usize>)>,
    /// Those of a task whose value has no route; `None` where that is an error.
    default: Option<Vec<usize>>,
    /// By verifier: whether a route names it at all.
    routed: Vec<bool>,
    /// Whether it was said that a task has no such column and goes where the default leads.
    warned: Arc<AtomicBool>,
}

impl Route {
    /// Reads the table; `verifiers` are the names in the order of the file.
    pub(crate) fn read(field: Field<'_>, verifiers: &[&str]) -> Result<Self, TomlError> {
        let mut table = field.table()?;
        let by = table.require("by")?;
        let column = by.string()?;
        let column = column.strip_prefix(PREFIX).unwrap_or(&column).to_owned();
        if column.is_empty() {
            return Err(by.unlike("the name of a column"));
        }
        let default = table.take("default").map(|field| places(&field, verifiers)).transpose()?;
        let to = read_table(table.require("to")?.table()?, verifiers, default.is_some())?;
        table.finish()?;
        let mut routed = vec![false; verifiers.len()];
        let named = to.iter().flat_map(|(_, places)| places).chain(default.iter().flatten());
        named.for_each(|&place| routed[place] = true);
        Ok(Self { column, to, default, routed, warned: Arc::default() })
    }

    /// Whether the verifier at this place judges the task; what is wrong with the task, where that cannot be told.
    pub(crate) fn leads_to(&self, verifier: usize, task: &Task<'_>) -> Result<bool, String> {
        if !self.routed[verifier] {
            return Ok(true);
        }
        let value = match task.column(&self.column) {
            None | Some(Column::Null) => None,
            Some(Column::Text(text) | Column::Other(text)) => Some(text),
            Some(Column::Number(number)) => Some(number.to_string()),
            Some(Column::Truth(truth)) => Some(truth.to_string()),
        };
        if value.is_none() && self.default.is_some() {
            self.warn(task);
        }
        let known = value.as_ref().and_then(|value| self.to.iter().find(|(known, _)| known == value));
        match (known.map(|(_, places)| places).or(self.default.as_ref()), value) {
            (Some(places), _) => Ok(places.contains(&verifier)),
            (None, Some(value)) => {
                let shown = gavel_verify::visible_name(&value, 60);
                Err(format!("no route for `{}` = {shown:?}, and there is no `route.default`", self.column))
            }
            (None, None) => {
                let column = &self.column;
                Err(format!("it is routed by `{column}`: no such column{}", task.described(column)))
            }
        }
    }
}

impl Route {
    /// A column that is misspelt would send every task to the default, and nobody would know: the first is enough to say it.
    fn warn(&self, task: &Task<'_>) {
        let column = &self.column;
        if task.column(column).is_none() && !self.warned.swap(true, Ordering::Relaxed) {
            let described = task.described(column);
            tracing::warn!(
                "`[route]` is by `{column}`, and a task has no such column{described}: it goes where `default` leads; no more \
                 such warnings"
            );
        }
    }
}

/// The routes by value. One called `default` is probably meant to be `route.default`, unless there is that too.
fn read_table(
    table: Table<'_>,
    verifiers: &[&str],
    has_default: bool,
) -> Result<Vec<(String, Vec<usize>)>, TomlError> {
    let route = |(value, place, field): (String, _, Field<'_>)| {
        if value == "default" && !has_default {
            let suggestion = Some("route.default".to_owned());
            return Err(TomlError::UnknownField { place, field: field.name().to_owned(), suggestion });
        }
        Ok((value, places(&field, verifiers)?))
    };
    table.into_named().into_iter().map(route).collect()
}

/// The places of the verifiers that are named: a name, or a list of them.
fn places(field: &Field<'_>, verifiers: &[&str]) -> Result<Vec<usize>, TomlError> {
    let names = field.string().ok().map(|name| vec![name]).or_else(|| field.strings());
    let place = |name: &String| verifiers.iter().position(|known| known == name);
    let places = names.and_then(|names| names.iter().map(place).collect());
    places.ok_or_else(|| field.unlike(&format!("a verifier or a list of them (of {})", verifiers.join(", "))))
}
