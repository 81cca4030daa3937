//! `kind = "judge"` in a reward file: a language model behind an endpoint as a verifier.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel_files::sha256;
use gavel_judge::{Judge, JudgeError, JudgeSettings, Key, Price, ResponseFormat};
use gavel_plugins::toml_file::{Field, Place, Table, TomlError};
use gavel_plugins::{Capability, WatchedFiles};
use gavel_verify::{AsyncVerifier, Limits, VerifierVersion};
use serde_json::Map;

use crate::error::RewardError;
use crate::expression::Prices;
use crate::file::VerifierEntry;
use crate::native::Native;
use crate::reward::NamedVerifier;
use crate::turns::Turns;
use crate::verdicts::Question;
use crate::workspace::Workspace;

/// The most attempts after the first.
const RETRIES: u64 = 20;

/// What a judge's table says besides what all verifiers have.
#[derive(Debug, Clone)]
pub struct JudgeEntry {
    /// Without its key, and without its template where that is a file's.
    pub(crate) settings: JudgeSettings,
    template_file: Option<PathBuf>,
    /// The variable that holds the key.
    key_env: Option<String>,
    places: JudgePlaces,
}

/// Where the parts of a judge stand in the file, by the names that [`JudgeError::field`] has for them.
#[derive(Debug, Clone)]
struct JudgePlaces {
    endpoint: Place,
    template: (Place, &'static str),
    schema: Place,
    reward: Place,
    key_env: Place,
}

impl JudgeEntry {
    pub(crate) fn read(table: &mut Table<'_>) -> Result<Self, RewardError> {
        let (endpoint, model) = (table.require("endpoint")?, table.require("model")?);
        let (template, template_file) = (table.take("template"), table.take("template_file"));
        let template = match (template, template_file) {
            (Some(text), None) => (text.string()?, None, (text.place(), "template")),
            (None, Some(file)) => {
                (String::new(), Some(PathBuf::from(file.string()?)), (file.place(), "template_file"))
            }
            (Some(_), Some(file)) => {
                return Err(RewardError::TwoTemplates { place: file.place(), field: file.name().to_owned() });
            }
            (None, None) => (table.require("template")?.string()?, None, (table.place(), "template")),
        };
        let (template, template_file, template_place) = template;
        let schema = table.require("schema")?;
        let (reward, key_env) = (table.take("reward"), table.take("key_env"));
        let defaults = JudgeSettings::default();
        let places = JudgePlaces {
            endpoint: endpoint.place(),
            template: template_place,
            schema: schema.place(),
            reward: reward.as_ref().map_or_else(|| schema.place(), Field::place),
            key_env: key_env.as_ref().map_or_else(|| schema.place(), Field::place),
        };
        let settings = JudgeSettings {
            endpoint: endpoint.string()?,
            model: model.string()?,
            key: None,
            system: table.take("system").map(|field| field.string()).transpose()?,
            template,
            schema: schema.json_object()?,
            reward: reward.map_or(Ok(defaults.reward), |field| field.string())?,
            temperature: optional(table, "temperature", defaults.temperature, |field| {
                let number = field.number().filter(|number| *number >= 0.0);
                number.ok_or_else(|| field.unlike("a number from 0 up, or \"default\""))
            })?,
            seed: optional(table, "seed", defaults.seed, |field| field.count(0))?,
            max_tokens: optional(table, "max_tokens", defaults.max_tokens, |field| field.count(1))?,
            extra: table.take("extra").map(|field| read_extra(&field)).transpose()?.unwrap_or_default(),
            response_format: match table.take("response_format") {
                Some(field) => read_format(&field)?,
                None => defaults.response_format,
            },
            timeout: table.take("timeout").map_or(Ok(defaults.timeout), |field| field.duration())?,
            retries: match table.take("retries") {
                Some(field) => field.count(0)?.min(RETRIES) as u32,
                None => defaults.retries,
            },
            price: table.take("price").map(read_price).transpose()?,
        };
        Ok(Self {
            settings,
            template_file,
            key_env: key_env.map(|field| field.string()).transpose()?,
            places,
        })
    }

    /// Where the part of this name stands, and what it is called there.
    fn place(&self, part: &'static str) -> (Place, &'static str) {
        match part {
            "template" => self.places.template.clone(),
            "schema" => (self.places.schema.clone(), part),
            "reward" => (self.places.reward.clone(), part),
            _ => (self.places.endpoint.clone(), "endpoint"),
        }
    }
}

/// What a field says; `None` where it leaves that to the endpoint.
fn optional<T>(
    table: &mut Table<'_>,
    name: &'static str,
    default: Option<T>,
    read: impl FnOnce(&Field<'_>) -> Result<T, TomlError>,
) -> Result<Option<T>, TomlError> {
    match table.take(name) {
        None => Ok(default),
        Some(field) if field.string().is_ok_and(|text| text == "default") => Ok(None),
        Some(field) => read(&field).map(Some),
    }
}

fn read_extra(field: &Field<'_>) -> Result<Map<String, serde_json::Value>, TomlError> {
    let object = field.json_object()?;
    let extra = object.as_object().cloned().unwrap_or_default();
    match extra.keys().find(|name| JudgeSettings::OWN_FIELDS.contains(&name.as_str())) {
        None => Ok(extra),
        Some(_) => {
            let own = JudgeSettings::OWN_FIELDS.join(", ");
            Err(field.unlike(&format!("a table of fields of the request besides {own}")))
        }
    }
}

fn read_format(field: &Field<'_>) -> Result<ResponseFormat, TomlError> {
    let named = |name: String| ResponseFormat::ALL.into_iter().find(|format| format.name() == name);
    field.string().ok().and_then(named).ok_or_else(|| {
        let known = ResponseFormat::ALL.map(|format| format!("{:?}", format.name()));
        field.unlike(&format!("one of {}", known.join(", ")))
    })
}

fn read_price(field: Field<'_>) -> Result<Price, TomlError> {
    let mut table = field.table()?;
    let [input, output] = ["input", "output"].map(|name| table.require(name));
    let number = |field: Field<'_>| {
        let number = field.number().filter(|number| *number >= 0.0);
        number.ok_or_else(|| field.unlike("what a million tokens cost, a number from 0 up"))
    };
    let price = Price { input: number(input?)?, output: number(output?)? };
    table.finish()?;
    Ok(price)
}

/// Makes the judge of an entry: its template is read, its key looked up, and nobody is asked. In a workspace that replays
/// it needs no key.
pub(crate) fn load(
    workspace: &Workspace,
    beside: &Path,
    entry: &VerifierEntry,
    judge: &JudgeEntry,
    files: &WatchedFiles,
) -> Result<(NamedVerifier, Vec<String>), RewardError> {
    let field = |name: &str| format!("verifiers.{}.{name}", entry.name);
    let mut settings = judge.settings.clone();
    if !entry.grant.contains(&Capability::Endpoint) {
        let (place, endpoint) = (entry.places.grant.clone(), settings.endpoint);
        return Err(RewardError::EndpointNotGranted { place, field: field("grant"), endpoint });
    }
    if let Some(file) = &judge.template_file {
        settings.template = files.toml(&beside.join(file))?;
    }
    if let Some(variable) = judge.key_env.as_ref().filter(|_| !workspace.replays()) {
        let key = workspace.secrets().find(variable).and_then(|key| Key::new(&key));
        settings.key = Some(key.ok_or_else(|| RewardError::NoKey {
            place: judge.places.key_env.clone(),
            field: field("key_env"),
            variable: variable.clone(),
        })?);
    }
    let made = Judge::new(settings).map_err(|source| {
        let (place, name) = judge.place(JudgeError::field(&source));
        RewardError::Judge { place, field: field(name), source: Box::new(source) }
    })?;
    let metrics = made.description().metrics.clone();
    let (recorded, longest) = (made.recorded(), made.longest());
    let limits = Limits {
        timeout: longest,
        input: Judge::LARGEST_SUBMISSION,
        output: Judge::LARGEST_ANSWER,
        ..Limits::default()
    };
    let digest = sha256(&recorded);
    let digests = vec![(entry.name.clone(), digest.clone())];
    let most = entry.max_concurrency.unwrap_or(Native::CONCURRENCY);
    let made = Arc::new(made);
    let verifier: Arc<dyn AsyncVerifier> = Arc::<Judge>::clone(&made);
    let native = Native::from(verifier).max_concurrency(most).timeout(longest);
    let verifier = NamedVerifier {
        name: entry.name.clone(),
        version: Some(VerifierVersion {
            name: entry.name.clone(),
            plugin: digest,
            interpreters: Vec::new(),
            options: recorded.clone(),
            limits: limits.clone(),
        }),
        // Two rows may have been answered otherwise, and each has its own answer again.
        question: (!workspace.replays()).then(|| Question::new(&digests, &recorded, &limits)),
        digests,
        prices: Prices { on_failure: entry.on_failure, on_limit: entry.on_limit },
        input: limits.input,
        when: entry.when.clone(),
        turns: Turns::new(None),
        asks: workspace.asks(native)?,
        judge: Some(made),
    };
    Ok((verifier, metrics))
}
