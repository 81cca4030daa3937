//! `reward.toml`: which verifiers judge, and how their outcomes make one number.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::columns;
use crate::error::{FormulaError, RewardError};
use crate::expression::{Condition, OnFailure, is_formula_name};
use crate::judge::JudgeEntry;
use crate::route::Route;
use crate::total::Total;
use gavel_plugins::Capability;
use gavel_plugins::LimitSettings;
use gavel_plugins::WatchedFiles;
use gavel_plugins::toml_file::{Field, Place, Table, TomlError};
use gavel_wire::Columns;

/// A reward file that has been read and checked as far as that goes without its plugins.
///
/// `docs/reward-file.md` describes every field.
#[derive(Debug, Clone)]
pub struct RewardFile {
    /// The file, as it was named.
    pub path: PathBuf,
    /// The verifiers, in the order of the file. At least one.
    pub verifiers: Vec<VerifierEntry>,
    /// Where rows have the parts of a submission.
    pub columns: Columns,
    /// The whole text.
    pub(crate) text: String,
    /// What makes one number of the outcomes.
    pub(crate) total: Total,
    /// Which of the verifiers judge which tasks; all of them where there is none.
    pub(crate) route: Option<Route>,
}

/// One `[verifiers.NAME]` table.
#[derive(Debug, Clone)]
pub struct VerifierEntry {
    /// The name in the formula and in every record.
    pub name: String,
    /// A plugin's name, or the path of its file or folder; `None` for a judge, and for a function of the program that loads
    /// the file.
    pub plugin: Option<String>,
    /// What a judge is; `None` for anything else.
    pub judge: Option<Box<JudgeEntry>>,
    /// The options: a JSON object as text.
    pub options: String,
    /// Limits that win over the plugin's own.
    pub limits: LimitSettings,
    /// What the plugin may have that it does not have by itself.
    pub grant: Vec<Capability>,
    /// What a submission without verdict is worth.
    pub on_failure: OnFailure,
    /// What it is worth where a limit ended the judging that a completion can reach by its length or its form.
    pub on_limit: OnFailure,
    /// How many submissions it judges at the same time; as many as there are workers where this is not said.
    pub max_concurrency: Option<NonZeroUsize>,
    /// When to ask it at all; always where there is none.
    pub(crate) when: Option<Condition>,
    pub(crate) places: Places,
}

/// Where the parts of a verifier stand in the file.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) plugin: Place,
    pub(crate) options: Place,
    pub(crate) limits: Place,
    pub(crate) grant: Place,
    pub(crate) when: Place,
}

impl RewardFile {
    /// Reads a reward file; `files` learns what it read.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that it may not; see [`RewardError`].
    pub fn read(path: &Path, files: &WatchedFiles) -> Result<Self, RewardError> {
        Self::parse(path, &files.toml(path)?)
    }

    /// Parses the text of a reward file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`RewardFile::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, RewardError> {
        let mut document = Table::parse(path, text)?;
        let verifiers = document.require("verifiers")?;
        let place = verifiers.place();
        let verifiers = verifiers.table()?.into_named();
        let names: Vec<String> = verifiers.iter().map(|(name, ..)| name.clone()).collect();
        let verifiers = verifiers
            .into_iter()
            .enumerate()
            .map(|(index, (name, place, field))| {
                VerifierEntry::read(name, place, field, names.split_at(index))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if verifiers.is_empty() {
            return Err(RewardError::NoVerifiers { place });
        }
        let (place, reward, route) = (document.place(), document.take("reward"), document.take("route"));
        let columns = document.take("columns").map(columns::read).transpose()?.unwrap_or_default();
        // A table that is misspelt is said before what is missing for want of it.
        document.finish()?;
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let total = Total::read(place, reward, &known)?;
        let route = route.map(|field| Route::read(field, &known)).transpose()?;
        let (path, text) = (path.to_owned(), text.to_owned());
        Ok(Self { path, verifiers, columns, text, total, route })
    }
}

impl VerifierEntry {
    /// `names` are those of the verifiers above it, and of itself and those below.
    fn read(
        name: String,
        place: Place,
        field: Field<'_>,
        names: (&[String], &[String]),
    ) -> Result<Self, RewardError> {
        if !is_verifier_name(&name) {
            return Err(RewardError::VerifierName {
                place,
                field: field.name().to_owned(),
                suggestion: fitting_name(&name),
            });
        }
        let mut table = field.table()?;
        let function =
            table.take("function").map(|field| field.boolean().map(|is| (field, is))).transpose()?;
        let function = function.and_then(|(field, is)| is.then_some(field));
        let kind = table
            .take("kind")
            .map(|field| read_kind(&field).map(|is_judge| (field, is_judge)))
            .transpose()?;
        let kind = kind.and_then(|(field, is_judge)| is_judge.then_some(field));
        let is_judge = kind.is_some();
        let other = if is_judge { Some("a judge") } else { function.is_some().then_some("a function") };
        let plugin = match kind.or(function) {
            Some(field) => field,
            None => table.require("plugin")?,
        };
        let options = table.take("options");
        let limits = table.take("limits");
        let grant = table.take("grant");
        let on_failure = table.take("on_failure").map(|field| read_worth(&field)).transpose()?;
        let on_limit = table.take("on_limit").map(|field| read_worth(&field)).transpose()?;
        let max_concurrency =
            table.take("max_concurrency").map(|field| read_concurrency(&field)).transpose()?;
        let when = table.take("when");
        if let Some(other) = other {
            let plugin = table.take("plugin");
            let grant = grant.as_ref().filter(|_| !is_judge);
            let of_plugins = [plugin.as_ref(), options.as_ref(), limits.as_ref(), grant];
            if let Some(field) = of_plugins.into_iter().flatten().next() {
                let (place, field) = (field.place(), field.name().to_owned());
                return Err(RewardError::OfPlugins { place, field, other });
            }
        }
        let judge = if is_judge { Some(Box::new(JudgeEntry::read(&mut table)?)) } else { None };
        table
            .finish()
            .map_err(|error| if other.is_none() { within(error) } else { RewardError::from(error) })?;
        let place_or_plugin = |field: &Option<Field<'_>>| field.as_ref().map_or(plugin.place(), Field::place);
        Ok(Self {
            name,
            plugin: if other.is_some() { None } else { Some(plugin.string()?) },
            judge,
            places: Places {
                plugin: plugin.place(),
                options: place_or_plugin(&options),
                limits: place_or_plugin(&limits),
                grant: place_or_plugin(&grant),
                when: place_or_plugin(&when),
            },
            options: match options {
                Some(options) => options.json_object()?.to_string(),
                None => "{}".to_owned(),
            },
            limits: match limits {
                Some(limits) => LimitSettings::read(limits.table()?)?,
                None => LimitSettings::default(),
            },
            grant: match grant {
                Some(field) => read_grant(&field)?,
                None => Vec::new(),
            },
            on_failure: on_failure.unwrap_or_default(),
            on_limit: on_limit.or(on_failure).unwrap_or_default(),
            max_concurrency,
            when: when.map(|field| read_when(&field, names)).transpose()?,
        })
    }
}

/// What a field of a verifier is that looks like none: an option or a limit, which have tables of their own.
fn within(error: TomlError) -> RewardError {
    match error {
        TomlError::UnknownField { place, field, suggestion: None } => {
            let name = field.rsplit('.').next().unwrap_or_default().to_owned();
            let is_limit = LimitSettings::NAMES.contains(&name.as_str());
            let (belongs, table) = if is_limit { ("a limit", "limits") } else { ("an option", "options") };
            RewardError::Within { place, field, name, belongs, table }
        }
        error => error.into(),
    }
}

/// Whether it is a judge.
fn read_kind(field: &Field<'_>) -> Result<bool, TomlError> {
    match field.string().as_deref() {
        Ok("judge") => Ok(true),
        Ok("plugin") => Ok(false),
        _ => Err(field.unlike("\"plugin\", which is also what it is without saying, or \"judge\"")),
    }
}

fn read_grant(field: &Field<'_>) -> Result<Vec<Capability>, TomlError> {
    let capabilities = field.strings().and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
    capabilities.ok_or_else(|| {
        let known = Capability::ALL.map(|capability| format!("{:?}", capability.name()));
        field.unlike(&format!("a list of the capabilities that gavel knows ({})", known.join(", ")))
    })
}

fn read_concurrency(field: &Field<'_>) -> Result<NonZeroUsize, TomlError> {
    let count = field.number().filter(|count| count.fract() == 0.0 && (1.0..=1e6).contains(count));
    count
        .and_then(|count| NonZeroUsize::new(count as usize))
        .ok_or_else(|| field.unlike("a whole number from 1 up"))
}

fn read_worth(field: &Field<'_>) -> Result<OnFailure, TomlError> {
    if let Some(reward) = field.number() {
        return Ok(OnFailure::Reward(reward));
    }
    match field.string() {
        Ok(text) if text == "drop" => Ok(OnFailure::Drop),
        _ => Err(field.unlike("\"drop\" or a finite number")),
    }
}

fn read_when(field: &Field<'_>, (above, rest): (&[String], &[String])) -> Result<Condition, RewardError> {
    let [above, rest] = [above, rest].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    Condition::parse(&field.string()?, &above, &rest)
        .map_err(|problem| expression_error(field.place_of(word_at_fault(&problem)), field.name(), problem))
}

pub(crate) fn expression_error(place: Place, field: &str, source: FormulaError) -> RewardError {
    RewardError::Formula { place, field: field.to_owned(), source: Box::new(source) }
}

/// The word of the expression that an error is about; empty when it is about the whole.
pub(crate) fn word_at_fault(problem: &FormulaError) -> &str {
    match problem {
        FormulaError::UnknownVerifier { name, .. }
        | FormulaError::UnknownFunction { name, .. }
        | FormulaError::NotAbove { name } => name,
        _ => "",
    }
}

/// Whether a formula can use `name`.
pub(crate) fn is_verifier_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let rest = |c: char| first(c) || c.is_ascii_digit();
    name.starts_with(first) && name.chars().all(rest) && is_formula_name(name)
}

/// A name made fit for a formula, where that is easy.
pub(crate) fn fitting_name(name: &str) -> Option<String> {
    let fitting = name.to_lowercase().replace(['-', '.', ' '], "_");
    is_verifier_name(&fitting).then_some(fitting)
}

#[cfg(test)]
mod tests;
