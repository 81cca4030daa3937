//! `reward.toml`: which verifiers judge, and how their outcomes make one number.

use std::path::{Path, PathBuf};

use crate::capability::Capability;
use crate::error::{FormulaError, RewardError};
use crate::expression::{OnFailure, is_formula_name};
use crate::files::Files;
use crate::formula::{Condition, Formula};
use crate::limits::LimitSettings;
use crate::source::{Field, Place, Table};

/// The dotted name of the formula.
pub(crate) const FORMULA: &str = "reward.formula";

/// A reward file that has been read and checked as far as that goes without its plugins.
///
/// `docs/reward-file.md` describes every field.
#[derive(Debug, Clone)]
pub struct RewardFile {
    /// The file, as it was named.
    pub path: PathBuf,
    /// The verifiers, in the order of the file. At least one.
    pub verifiers: Vec<VerifierEntry>,
    pub(crate) formula: Formula,
    /// Where the formula stands, for errors that need the plugins' descriptions to be found.
    pub(crate) formula_place: Place,
}

/// One `[verifiers.NAME]` table.
#[derive(Debug, Clone)]
pub struct VerifierEntry {
    /// The name in the formula and in every record.
    pub name: String,
    /// A plugin's name, or the path of its file or folder.
    pub plugin: String,
    /// The options: a JSON object as text.
    pub options: String,
    /// Limits that win over the plugin's own.
    pub limits: LimitSettings,
    /// What the plugin may have that it does not have by itself.
    pub grant: Vec<Capability>,
    /// What a submission without verdict is worth.
    pub on_failure: OnFailure,
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
    /// Reads a reward file.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that it may not; see [`RewardError`].
    pub fn read(path: &Path) -> Result<Self, RewardError> {
        Self::read_noting(path, &Files::default())
    }

    /// As [`RewardFile::read`]; `files` learns what it read.
    pub(crate) fn read_noting(path: &Path, files: &Files) -> Result<Self, RewardError> {
        let text =
            files.text(path).map_err(|source| RewardError::Unreadable { file: path.to_owned(), source })?;
        Self::parse(path, &text)
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
        let (formula, formula_place) = read_formula(&mut document, &verifiers)?;
        document.finish()?;
        Ok(Self { path: path.to_owned(), verifiers, formula, formula_place })
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
            let fitting = name.to_lowercase().replace(['-', '.', ' '], "_");
            return Err(RewardError::VerifierName {
                place,
                field: field.name().to_owned(),
                suggestion: is_verifier_name(&fitting).then_some(fitting),
            });
        }
        let mut table = field.table()?;
        let plugin = table.require("plugin")?;
        let options = table.take("options");
        let limits = table.take("limits");
        let grant = table.take("grant");
        let on_failure = table.take("on_failure");
        let when = table.take("when");
        table.finish()?;
        let place_or_plugin = |field: &Option<Field<'_>>| field.as_ref().map_or(plugin.place(), Field::place);
        Ok(Self {
            name,
            plugin: plugin.string()?,
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
            on_failure: match on_failure {
                Some(field) => read_on_failure(&field)?,
                None => OnFailure::default(),
            },
            when: when.map(|field| read_when(&field, names)).transpose()?,
        })
    }
}

fn read_grant(field: &Field<'_>) -> Result<Vec<Capability>, RewardError> {
    let capabilities = field.strings().and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
    capabilities.ok_or_else(|| {
        let known = Capability::ALL.map(|capability| format!("{:?}", capability.name()));
        field.unlike(&format!("a list of the capabilities that gavel knows ({})", known.join(", ")))
    })
}

fn read_on_failure(field: &Field<'_>) -> Result<OnFailure, RewardError> {
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

fn read_formula(
    document: &mut Table<'_>,
    verifiers: &[VerifierEntry],
) -> Result<(Formula, Place), RewardError> {
    let names: Vec<&str> = verifiers.iter().map(|verifier| verifier.name.as_str()).collect();
    let mut place = document.place();
    if let Some(table) = document.take("reward") {
        place = table.place();
        let mut table = table.table()?;
        let formula = table.take("formula");
        table.finish()?;
        if let Some(formula) = formula {
            return match Formula::parse(&formula.string()?, &names) {
                Ok(parsed) => Ok((parsed, formula.place())),
                Err(problem) => {
                    Err(expression_error(formula.place_of(word_at_fault(&problem)), FORMULA, problem))
                }
            };
        }
    }
    let formula = match names[..] {
        [name] => Formula::reward_of(name),
        _ => Err(FormulaError::Missing { count: names.len(), example: names.join(" + ") }),
    };
    match formula {
        Ok(formula) => Ok((formula, place)),
        Err(problem) => Err(expression_error(place, FORMULA, problem)),
    }
}

pub(crate) fn expression_error(place: Place, field: &str, source: FormulaError) -> RewardError {
    RewardError::Formula { place, field: field.to_owned(), source: Box::new(source) }
}

/// The word of the expression that an error is about; empty when it is about the whole.
fn word_at_fault(problem: &FormulaError) -> &str {
    match problem {
        FormulaError::UnknownVerifier { name, .. }
        | FormulaError::UnknownFunction { name, .. }
        | FormulaError::NotAbove { name } => name,
        _ => "",
    }
}

/// Whether a formula can use `name`.
fn is_verifier_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let rest = |c: char| first(c) || c.is_ascii_digit();
    name.starts_with(first) && name.chars().all(rest) && is_formula_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ProgramLimitSettings;
    use std::time::Duration;

    fn parse(text: &str) -> Result<RewardFile, RewardError> {
        RewardFile::parse(Path::new("reward.toml"), text)
    }

    /// The error and its causes, as the command line shows them.
    fn error(text: &str) -> String {
        let error = parse(text).unwrap_err();
        match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn every_field_is_read() {
        let file = parse(
            r#"
            [verifiers.accuracy]
            plugin = "math"
            options = { mode = "boxed", tolerance = 1e-6, order = ["a", 0x10, true] }
            limits = { fuel = 2_000_000_000, memory = "256MiB", timeout = "1500ms", output = 4096, input = "1MiB" }
            grant = ["interpreter"]
            on_failure = -0.5

            [verifiers.format]
            plugin = "./format.wasm"
            when = "accuracy < 1"

            [verifiers.format.limits.programs]
            fuel = 1_000_000
            memory = "64MiB"
            timeout = 2
            output = "1KiB"
            runs = 3

            [reward]
            formula = "accuracy + 0.1 * format"
            "#,
        )
        .unwrap();
        let [accuracy, format] = &file.verifiers[..] else { panic!("two verifiers") };
        assert_eq!(accuracy.name, "accuracy");
        assert_eq!(accuracy.options, r#"{"mode":"boxed","tolerance":1e-6,"order":["a",16,true]}"#);
        assert_eq!(
            accuracy.limits,
            LimitSettings {
                fuel: Some(2_000_000_000),
                memory: Some(256 << 20),
                timeout: Some(Duration::from_millis(1500)),
                input: Some(1 << 20),
                output: Some(4096),
                programs: ProgramLimitSettings::default(),
            }
        );
        assert_eq!(
            format.limits.programs,
            ProgramLimitSettings {
                fuel: Some(1_000_000),
                memory: Some(64 << 20),
                timeout: Some(Duration::from_secs(2)),
                output: Some(1024),
                runs: Some(3),
            }
        );
        assert_eq!((&accuracy.grant[..], &format.grant[..]), (&[Capability::Interpreter][..], &[][..]));
        assert_eq!(accuracy.on_failure, OnFailure::Reward(-0.5));
        assert_eq!((format.plugin.as_str(), format.options.as_str()), ("./format.wasm", "{}"));
        assert_eq!(format.on_failure, OnFailure::Drop);
        assert!(accuracy.when.is_none() && format.when.is_some());
    }

    #[test]
    fn one_verifier_needs_no_formula() {
        parse("[verifiers.accuracy]\nplugin = 'math'").unwrap();
    }

    #[test]
    fn a_mistake_names_file_line_and_field() {
        for (text, expected) in [
            ("verifiers = 1", "reward.toml:1:13: `verifiers` must be a table, found 1"),
            ("", "reward.toml:1:1: missing field `verifiers`"),
            (
                "[verifiers]",
                "reward.toml:1:1: `verifiers` is empty: name at least one, as `[verifiers.NAME]`",
            ),
            ("[verifiers.a]\n", "reward.toml:1:1: missing field `verifiers.a.plugin`"),
            (
                "[verifiers.a]\nplugin = 'math'\noptionz = {}",
                "reward.toml:3:1: unknown field `verifiers.a.optionz` (did you mean `options`?)",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\n[rewards]\nformula = 'a'",
                "reward.toml:3:2: unknown field `rewards` (did you mean `reward`?)",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\nlimits = { memory = 'lots' }",
                "reward.toml:3:21: `verifiers.a.limits.memory` must be a size such as \"256MiB\", or a number of \
                 bytes, found 'lots'",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\nlimits = { fuel = 0 }",
                "reward.toml:3:19: `verifiers.a.limits.fuel` must be a whole number of at least 1, found 0",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\nlimits = { timeout = '10 parsecs' }",
                "reward.toml:3:22: `verifiers.a.limits.timeout` must be a time such as \"10s\" or \"500ms\", or a \
                 number of seconds, found '10 parsecs'",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\non_failure = 'zero'",
                "reward.toml:3:14: `verifiers.a.on_failure` must be \"drop\" or a finite number, found 'zero'",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\non_failure = nan",
                "reward.toml:3:14: `verifiers.a.on_failure` must be \"drop\" or a finite number, found nan",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\ngrant = ['network']",
                "reward.toml:3:9: `verifiers.a.grant` must be a list of the capabilities that gavel knows \
                 (\"interpreter\"), found ['network']",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\ngrant = true",
                "reward.toml:3:9: `verifiers.a.grant` must be a list of the capabilities that gavel knows \
                 (\"interpreter\"), found true",
            ),
            (
                "[verifiers.a]\nplugin = 'math'\nlimits.programs.runs = 5_000_000_000",
                "reward.toml:3:24: `verifiers.a.limits.programs.runs` must be a whole number of at most 4294967295, \
                 found 5_000_000_000",
            ),
            ("[verifiers.a]\nplugin = 3", "reward.toml:2:10: `verifiers.a.plugin` must be a string, found 3"),
            (
                "[verifiers.a]\nplugin = 'math'\noptions = [1]",
                "reward.toml:3:11: `verifiers.a.options` must be a table, found [1]",
            ),
        ] {
            assert_eq!(error(text), expected, "for {text:?}");
        }
    }

    #[test]
    fn a_name_that_a_formula_cannot_use_is_refused() {
        let refused = error("[verifiers.near-miss]\nplugin = 'math'");
        assert!(refused.starts_with("reward.toml:1:12: `verifiers.near-miss`: "), "{refused}");
        assert!(refused.ends_with("(did you mean `near_miss`?)"), "{refused}");
        assert!(error("[verifiers.nan]\nplugin = 'math'").starts_with("reward.toml:1:12: `verifiers.nan`"));
    }

    #[test]
    fn an_error_in_the_formula_points_at_the_word() {
        let two = "[verifiers.accuracy]\nplugin = 'math'\n[verifiers.format]\nplugin = 'format'\n[reward]\n";
        assert_eq!(
            error(&format!("{two}formula = 'accuracy + 0.1 * fromat'")),
            "reward.toml:6:29: `reward.formula`: unknown verifier `fromat` (did you mean `format`?); known here: \
             accuracy, format"
        );
        assert_eq!(
            error(&format!("{two}formula = 'if(accuracy, 1, 0)'")),
            "reward.toml:6:11: `reward.formula`: a condition is needed where 0 is; compare it with a number"
        );
        assert_eq!(
            error(two),
            "reward.toml:5:1: `reward.formula`: there are 2 verifiers: say how they make one number, such as \
             \"accuracy + format\""
        );
    }

    #[test]
    fn an_error_in_a_condition_points_at_the_word() {
        let two = |when: &str| {
            error(&format!(
                "[verifiers.cheap]\nplugin = 'math'\n[verifiers.dear]\nplugin = 'math'\nwhen = '{when}'\n\
                 [reward]\nformula = 'max(cheap, dear)'"
            ))
        };
        assert_eq!(
            two("1 > chap"),
            "reward.toml:5:13: `verifiers.dear.when`: unknown verifier `chap` (did you mean `cheap`?); known here: \
             cheap"
        );
        assert_eq!(
            two("dear < 1"),
            "reward.toml:5:9: `verifiers.dear.when`: `dear` does not stand above it: a condition looks at verifiers \
             that were asked before"
        );
        assert_eq!(
            two("cheap"),
            "reward.toml:5:8: `verifiers.dear.when`: its value is a number, not true or false; compare it with a \
             number, as in `accuracy < 1`"
        );
    }

    #[test]
    fn what_is_not_toml_is_said_with_its_place() {
        let broken = error("[verifiers.a]\nplugin = ");
        assert!(broken.starts_with("reward.toml:2:10: not TOML: "), "{broken}");
    }
}
