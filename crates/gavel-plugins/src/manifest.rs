//! `gavel.toml`, the manifest in a plugin's folder.

use std::path::{Path, PathBuf};

use crate::adversarial::Allowance;
use crate::error::PluginError;
use crate::limits::LimitSettings;
use crate::toml_file::{Field, Place, Table, TomlError};
use crate::watched::WatchedFiles;

/// The file name of a manifest.
pub const MANIFEST: &str = "gavel.toml";

/// What a plugin's folder says of the plugin.
///
/// ```toml
/// manifest_version = 1
///
/// [plugin]
/// name    = "shouting"
/// version = "0.1.0"
/// entry   = "target/wasm32-wasip2/release/shouting.wasm"   # from the manifest's folder
/// kind    = "verifier"                                     # or "interpreter"; this is the default
///
/// [build]                   # optional; how `gavel plugin build` makes the entry
/// language = "rust"
/// source   = "src/lib.rs"   # the file with the verifier
/// paths    = ["vendor"]     # optional: folders with what the source imports, for Python, which looks there
///
/// [limits]                  # optional; a reward file may say otherwise
/// fuel = 100_000_000
///
/// [limits.programs]         # what each program may spend, for plugins that run programs
/// timeout = "10s"
///
/// [capabilities]            # optional; what the plugin asks of the operator
/// interpreter = ["python"]  # to run programs in these languages; `false` is the default
///
/// [[adversarial.allow]]     # optional; attacks that the plugin pays rightly
/// attacks = ["padding"]
/// reason  = "it judges the first line alone"
/// options = { lines = 1 }   # optional: only with these options
/// ```
///
/// Where an option of the plugin says which language the programs are in, the manifest names it, and only the
/// interpreter for that language is needed: `interpreter = { option = "language", languages = ["python", "javascript"] }`.
/// The first language is the option's default.
///
/// An interpreter has neither limits nor capabilities: those who run programs with it have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Kebab-case, as the plugin is called in a reward file.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// The `.wasm` file, relative to the manifest's folder.
    pub entry: PathBuf,
    /// How the entry is made, for a toolkit; loading does not look at it.
    pub build: Option<BuildSettings>,
    /// Limits that suit the plugin.
    pub limits: LimitSettings,
    /// The languages that the plugin asks to run untrusted programs in; empty for most.
    pub interpreters: Vec<String>,
    /// The option of the plugin that says in which of several, where one does.
    pub interpreter_choice: Option<InterpreterChoice>,
    /// The attacks that it pays rightly; loading does not look at it.
    pub allowances: Vec<Allowance>,
    /// What the file is.
    pub kind: PluginKind,
}

/// An option of a plugin that says which interpreter it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpreterChoice {
    /// The option's name.
    pub option: String,
    /// The languages that it may say, the default first.
    pub languages: Vec<String>,
}

/// How a plugin is made. The paths are relative to the manifest's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSettings {
    /// The language, as the toolkit calls it.
    pub language: String,
    /// Where the manifest names it, so that an error can say so.
    pub place: Place,
    /// The file with the verifier.
    pub source: PathBuf,
    /// Folders with what the source imports.
    pub paths: Vec<PathBuf>,
}

/// What a plugin's file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PluginKind {
    /// It judges completions.
    #[default]
    Verifier,
    /// It runs programs for verifiers.
    Interpreter,
}

impl Manifest {
    /// Reads `folder/gavel.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a manifest of version 1.
    pub fn read(folder: &Path, files: &WatchedFiles) -> Result<Self, PluginError> {
        let text = Self::text(folder, files)?;
        Ok(Self::parse(&folder.join(MANIFEST), &text)?)
    }

    /// The text of `folder/gavel.toml`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn text(folder: &Path, files: &WatchedFiles) -> Result<String, PluginError> {
        Ok(files.toml(&folder.join(MANIFEST))?)
    }

    /// Parses a manifest; `file` is what errors call it.
    ///
    /// # Errors
    /// When the text is not a manifest of version 1.
    pub fn parse(file: &Path, text: &str) -> Result<Self, TomlError> {
        let mut document = Table::parse(file, text)?;
        let version = document.require("manifest_version")?;
        if version.count(1)? != 1 {
            return Err(version.unlike("1, the only manifest version that this gavel knows"));
        }
        let mut plugin = document.require("plugin")?.table()?;
        let mut manifest = Self {
            name: plugin.require("name")?.string()?,
            version: plugin.require("version")?.string()?,
            entry: read_entry(&plugin.require("entry")?)?,
            build: None,
            limits: LimitSettings::default(),
            interpreters: Vec::new(),
            interpreter_choice: None,
            allowances: Vec::new(),
            kind: plugin.take("kind").map(|kind| read_kind(&kind)).transpose()?.unwrap_or_default(),
        };
        plugin.finish()?;
        if manifest.kind == PluginKind::Interpreter {
            document.finish()?;
            return Ok(manifest);
        }
        if let Some(build) = document.take("build") {
            manifest.build = Some(read_build(build.table()?)?);
        }
        if let Some(limits) = document.take("limits") {
            manifest.limits = LimitSettings::read(limits.table()?)?;
        }
        if let Some(capabilities) = document.take("capabilities") {
            let mut capabilities = capabilities.table()?;
            if let Some(languages) = capabilities.take("interpreter") {
                match read_languages(languages)? {
                    Languages::All(languages) => manifest.interpreters = languages,
                    Languages::OneOf(choice) => {
                        manifest.interpreters = choice.languages.first().cloned().into_iter().collect();
                        manifest.interpreter_choice = Some(choice);
                    }
                }
            }
            capabilities.finish()?;
        }
        if let Some(adversarial) = document.take("adversarial") {
            manifest.allowances = Allowance::read_all(adversarial)?;
        }
        document.finish()?;
        Ok(manifest)
    }
}

fn read_build(mut table: Table<'_>) -> Result<BuildSettings, TomlError> {
    let language = table.require("language")?;
    let paths = match table.take("paths") {
        Some(field) => {
            field.strings().ok_or_else(|| field.unlike("a list of folders such as [\"vendor\"]"))?
        }
        None => Vec::new(),
    };
    let build = BuildSettings {
        place: language.place(),
        language: language.string()?,
        source: table.require("source")?.string()?.into(),
        paths: paths.into_iter().map(PathBuf::from).collect(),
    };
    table.finish()?;
    Ok(build)
}

/// A path that can be said: programs read what `gavel plugin build` prints.
fn read_entry(field: &Field<'_>) -> Result<PathBuf, TomlError> {
    let entry = field.string()?;
    let is_path = !entry.is_empty() && !entry.contains(char::is_control);
    if is_path { Ok(entry.into()) } else { Err(field.unlike("a path without control characters")) }
}

fn read_kind(field: &Field<'_>) -> Result<PluginKind, TomlError> {
    match field.string()?.as_str() {
        "verifier" => Ok(PluginKind::Verifier),
        "interpreter" => Ok(PluginKind::Interpreter),
        _ => Err(field.unlike("\"verifier\" or \"interpreter\"")),
    }
}

/// What a manifest says of interpreters.
enum Languages {
    All(Vec<String>),
    OneOf(InterpreterChoice),
}

/// Exactly the languages that a plugin needs: what `true` meant would depend on what the machine happens to have.
fn read_languages(field: Field<'_>) -> Result<Languages, TomlError> {
    if let Ok(false) = field.boolean() {
        return Ok(Languages::All(Vec::new()));
    }
    if let Some(languages) = field.strings() {
        return Ok(Languages::All(languages));
    }
    let wrong = field.unlike("a list of languages such as [\"python\"], or false");
    let mut table = field.table().map_err(|_| wrong)?;
    let option = table.require("option")?.string()?;
    let languages = table.require("languages")?;
    let named = languages.strings().filter(|languages| !languages.is_empty());
    let named = named.ok_or_else(|| languages.unlike("a list of languages such as [\"python\"]"))?;
    table.finish()?;
    Ok(Languages::OneOf(InterpreterChoice { option, languages: named }))
}

impl Manifest {
    /// With the interpreter that the options, a JSON object as text, ask for. Of options that say something else the
    /// plugin has its opinion.
    pub fn choose_interpreter(&mut self, options: &str) {
        let Some(InterpreterChoice { option, languages }) = &self.interpreter_choice else { return };
        let options = serde_json::from_str::<serde_json::Value>(options).unwrap_or_default();
        let chosen = options.get(option).and_then(serde_json::Value::as_str);
        if let Some(language) = languages.iter().find(|language| chosen == Some(language.as_str())) {
            self.interpreters = vec![language.clone()];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parse(rest: &str) -> Result<Manifest, String> {
        let text = format!(
            "manifest_version = 1\n[plugin]\nname = 'x'\nversion = '1.0.0'\nentry = 'x.wasm'\n{rest}"
        );
        Manifest::parse(Path::new("gavel.toml"), &text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_option_may_say_which_interpreter_is_needed() {
        let mut manifest = parse(
            "[capabilities]\ninterpreter = { option = 'language', languages = ['python', 'javascript'] }",
        )
        .unwrap();
        for (options, needed) in [
            ("{}", "python"),
            (r#"{"language": "cobol"}"#, "python"),
            (r#"{"language": "javascript"}"#, "javascript"),
            (r#"{"language": "python"}"#, "python"),
        ] {
            manifest.choose_interpreter(options);
            assert_eq!(manifest.interpreters, [needed], "{options}");
        }
        for wrong in [
            "interpreter = { option = 'language' }",
            "interpreter = { option = 'a', languages = [] }",
            "interpreter = true",
        ] {
            assert!(parse(&format!("[capabilities]\n{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_plugin_is_a_verifier_that_asks_for_nothing_unless_it_says_so() {
        for rest in ["", "[capabilities]", "[capabilities]\ninterpreter = false", "kind = 'verifier'"] {
            let manifest = parse(rest).unwrap();
            assert_eq!((manifest.kind, manifest.interpreters), (PluginKind::Verifier, Vec::new()), "{rest}");
        }
        assert_eq!(parse("kind = 'interpreter'").unwrap().kind, PluginKind::Interpreter);
    }

    #[test]
    fn a_code_verifier_names_its_languages_and_its_programs_limits() {
        let manifest = parse(
            "[limits.programs]\ntimeout = '5s'\nruns = 7\n[capabilities]\ninterpreter = ['python', 'javascript']",
        )
        .unwrap();
        assert_eq!(manifest.interpreters, ["python", "javascript"]);
        let programs = manifest.limits.programs;
        assert_eq!((programs.timeout, programs.runs), (Some(Duration::from_secs(5)), Some(7)));
    }

    #[test]
    fn a_plugin_says_how_it_is_made() {
        let manifest = parse("[build]\nlanguage = 'c'\nsource = 'x.c'\npaths = ['vendor']").unwrap();
        let build = manifest.build.unwrap();
        assert_eq!((build.language.as_str(), build.source.as_path()), ("c", Path::new("x.c")));
        assert_eq!(build.paths, [PathBuf::from("vendor")]);
        assert_eq!(build.place.to_string(), "gavel.toml:7:12");
    }

    #[test]
    fn a_plugin_says_which_attacks_it_pays_rightly() {
        let manifest = parse(
            "[[adversarial.allow]]\nattacks = ['padding', 'bias']\nreason = 'the form alone'\n\
             [[adversarial.allow]]\nattacks = ['shotgun']\nreason = 'it looks for a part'\noptions = { match = 'contains' }",
        )
        .unwrap();
        let [all, some] = manifest.allowances.as_slice() else { panic!("{:?}", manifest.allowances) };
        assert_eq!((all.attacks.len(), all.reason.as_str()), (2, "the form alone"));
        assert!(all.is_about("{}") && all.is_about(r#"{"match": "exact"}"#));
        assert!(some.is_about(r#"{"order": [], "match": "contains"}"#));
        assert!(!some.is_about("{}") && !some.is_about(r#"{"match": "exact"}"#));
        assert_eq!(some.place.to_string(), "gavel.toml:10:11");
    }

    #[test]
    fn a_mistake_names_line_and_field() {
        for (rest, expected) in [
            ("[build]\nlanguage = 'c'", "gavel.toml:6:1: missing field `build.source`"),
            (
                "[capabilities]\ninterpreter = true",
                "gavel.toml:7:15: `capabilities.interpreter` must be a list of languages such as [\"python\"], or \
                 false, found true",
            ),
            (
                "[capabilities]\ninterpreter = [3]",
                "gavel.toml:7:15: `capabilities.interpreter` must be a list of languages such as [\"python\"], or \
                 false, found [3]",
            ),
            (
                "kind = 'judge'",
                "gavel.toml:6:8: `plugin.kind` must be \"verifier\" or \"interpreter\", found 'judge'",
            ),
            (
                "[[adversarial.allow]]\nattacks = ['bias']",
                "gavel.toml:6:1: missing field `adversarial.allow.reason`",
            ),
            (
                "[[adversarial.allow]]\nattacks = []\nreason = 'x'",
                "gavel.toml:7:11: `adversarial.allow.attacks` must be a list of attacks such as [\"padding\"], found []",
            ),
            (
                "[[adversarial.allow]]\nattacks = ['bias']\nreason = ' '",
                "gavel.toml:8:10: `adversarial.allow.reason` must be a sentence that says why, found ' '",
            ),
            (
                "[adversarial]\nallow = 'bias'",
                "gavel.toml:7:9: `adversarial.allow` must be a list of tables, found 'bias'",
            ),
            ("kind = 'interpreter'\n[limits.\"\\u001b[2J\\n\"]\n", "gavel.toml:7:2: unknown field `limits`"),
            ("\"\\u001b[2J\\n\" = 1", "gavel.toml:6:1: unknown field `plugin.␛[2J␊`"),
            ("kind = 'interpreter'\n[limits]\nfuel = 1", "gavel.toml:7:2: unknown field `limits`"),
            (
                "[limits.programs]\nrun = 1",
                "gavel.toml:7:1: unknown field `limits.programs.run` (did you mean `runs`?)",
            ),
        ] {
            assert_eq!(parse(rest).unwrap_err(), expected, "{rest}");
        }
    }
}
