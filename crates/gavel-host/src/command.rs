//! Plugins that are WASI commands: one JSON submission on stdin, one JSON verdict on stdout.
//!
//! For languages without component tooling. The names in the JSON are those of `sdk/wit`:
//!
//! ```json
//! {"prompt": "..", "completion": "..", "reference": null, "metadata": {}, "options": {}}
//! {"reward": 1.0, "reason": "..", "metrics": {"digits": 2}}
//! {"error": {"abstain": ".."}}
//! ```
//!
//! One that says `"judges": "groups"` of itself is asked about all completions of a prompt at once:
//!
//! ```json
//! {"group": [{"prompt": "..", "completion": "..", "reference": null, "metadata": {}}], "options": {}}
//! {"verdicts": [{"reward": 1.0}, {"error": {"abstain": ".."}}]}
//! ```
//!
//! When it is loaded, a command is asked `{"describe": true}` and may answer `{"description": {"name": "..",
//! "version": "..", "summary": "..", "options": {}, "metrics": []}}`. One that does not know the question, whatever
//! it does, is called after its file, takes any options and may carry any metrics.

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use gavel_verify::{Cancel, Description, Failure, Submission, Verdict};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wasmtime::{InstancePre, Module, Store, UnknownImportError};
use wasmtime_wasi::I32Exit;

use crate::answer::wrong_count;
use crate::asked::Asked;
use crate::component::{listed, shown};
use crate::failure::{classify, fuel_is_known, is_the_guests};
use crate::guest::{COMMAND_CALL, Guest, World, limited_store};
use crate::lane::Lane;
use crate::pipe::{Capped, Kept};
use crate::preview1::Preview1;
use crate::program::Programs;
use crate::ticker::Watch;
use crate::verifier::{Judged, Stop, Verdicts};
use crate::{Limits, LoadError};

/// Where a command starts.
const START: &str = "_start";

/// A command, ready to be instantiated.
pub(crate) struct CommandCode {
    instance: InstancePre<Guest<Preview1>>,
    watch: Watch,
    keeps_output: bool,
}

impl CommandCode {
    /// Checks that a module is a command and needs what gavel has.
    pub(crate) fn link(module: &Module, lane: &Lane, plugin: &str) -> Result<Self, LoadError> {
        let plugin = plugin.to_owned();
        if !has_start(module) {
            let wanted = format!("a component, or a module with the function `{START}`");
            let found = format!("a module that exports {}", listed(&exports(module)));
            return Err(LoadError::Contract { plugin, wanted, found });
        }
        match lane.commands.instantiate_pre(module) {
            Ok(instance) => Ok(Self { instance, watch: lane.watch.clone(), keeps_output: lane.keeps_output }),
            Err(error) => Err(match error.downcast_ref::<UnknownImportError>() {
                Some(unknown) => LoadError::UnknownImport {
                    plugin,
                    import: shown(&format!("{}.{}", unknown.module(), unknown.name())),
                },
                None => LoadError::Contract {
                    plugin,
                    wanted: "imports as WASI preview 1 declares them".to_owned(),
                    found: format!("{error:#}"),
                },
            }),
        }
    }

    pub(crate) fn module(&self) -> &Module {
        self.instance.module()
    }

    /// What the command says of itself, or what its file's name says of it where it does not know the question; and whether
    /// it judges the completions of a prompt together.
    pub(crate) fn describe(&self, limits: &Limits, plugin: &str) -> Result<(Description, bool), LoadError> {
        let ran = self
            .run(&self.watch, br#"{"describe":true}"#.to_vec(), 0, limits)
            .map_err(|error| LoadError::host_failed(plugin, &error))?;
        if let Err(error) = &ran.result {
            let failure = classify(error, &ran.store.data().growth, limits);
            if matches!(failure, Failure::HostFailed(_)) {
                return Err(LoadError::describing(plugin, failure, &self.watch));
            }
        }
        let named =
            || Description::named(&Path::new(plugin).file_stem().unwrap_or_default().to_string_lossy());
        let described = serde_json::from_slice(&ran.stdout).ok();
        Ok(described.map_or_else(
            || (named(), false),
            |Described { description }| {
                let judges_groups = description.judges == Judges::Groups;
                (description.into(), judges_groups)
            },
        ))
    }

    /// Judges a submission, or all of a group, in an instance of its own.
    pub(crate) fn judge(
        &self,
        asked: Asked<'_>,
        judges_groups: bool,
        options: &str,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Judged {
        let question = if judges_groups {
            GroupQuestion::of(asked, options)
        } else {
            Question::of(asked.first(), options)
        };
        let question = match question {
            Ok(question) => question,
            Err(error) => {
                return Judged::refused(format!("metadata is not JSON: {error}"));
            }
        };
        // What each completion may have of an answer, all of a group may have together.
        let of_all = Limits { output: limits.output.saturating_mul(asked.count()), ..limits.clone() };
        let ran = match self.run(&self.watch.until(cancel), question, asked.seed(options), &of_all) {
            Ok(ran) => ran,
            Err(error) => return Judged::broken(&error),
        };
        let fuel = ran.result.as_ref().err().is_none_or(fuel_is_known);
        let fuel = fuel.then(|| limits.fuel.saturating_sub(ran.store.get_fuel().unwrap_or(0)));
        let results = if ran.too_large {
            Err(Stop::Failed(Failure::OutputTooLarge { limit: limits.output as u64 }))
        } else {
            match ran.result {
                Ok(()) if judges_groups => read_answers(&ran.stdout, asked.count(), limits),
                Ok(()) => Ok(vec![read_answer(&ran.stdout)]),
                Err(error) => Err(Stop::Failed(classify(&error, &ran.store.data().growth, limits))),
            }
        };
        let output = ran.store.into_data().wasi.stderr.map(|stderr| {
            // What was meant for people and went where the answer goes is why there is none.
            let first = results.as_ref().map_or_else(Some, |results| results.first()?.as_ref().err());
            if matches!(first, Some(Stop::Failed(Failure::Refused(_)))) {
                stderr.push(&ran.stdout);
            }
            stderr.text()
        });
        Judged { results, fuel, output }
    }

    /// Runs the command to its end in a fresh instance. The outer error is gavel's, that in [`Ran`] the guest's.
    fn run(&self, watch: &Watch, stdin: Vec<u8>, seed: u64, limits: &Limits) -> wasmtime::Result<Ran> {
        let world = World::of(seed);
        let (stdin, stdout) = (Bytes::from(stdin), Capped::new(limits.output));
        let stderr = self.keeps_output.then(Kept::new);
        let wasi = Preview1 { ctx: world.wasi().build_p1(), stdin, stdout: stdout.clone(), stderr };
        let engine = self.instance.module().engine();
        let mut store = limited_store(engine, watch, limits, COMMAND_CALL, world, wasi, Programs::none())?;
        let result = match self.instance.instantiate(&mut store) {
            Ok(instance) => {
                match instance.get_typed_func::<(), ()>(&mut store, START)?.call(&mut store, ()) {
                    Err(error) if matches!(error.downcast_ref(), Some(I32Exit(0))) => Ok(()),
                    result => result,
                }
            }
            Err(error) if is_the_guests(&error, &store.data().growth) => Err(error),
            Err(error) => return Err(error),
        };
        let (stdout, too_large) = stdout.contents();
        Ok(Ran { result, stdout, too_large, store })
    }
}

/// A command that has run.
struct Ran {
    result: wasmtime::Result<()>,
    /// Up to the limit.
    stdout: Bytes,
    too_large: bool,
    store: Store<Guest<Preview1>>,
}

/// The full names of what a module imports.
pub(crate) fn imports(module: &Module) -> Vec<String> {
    module.imports().map(|import| shown(&format!("{}.{}", import.module(), import.name()))).collect()
}

/// The names of what a module exports.
pub(crate) fn exports(module: &Module) -> Vec<String> {
    module.exports().map(|export| shown(export.name())).collect()
}

fn has_start(module: &Module) -> bool {
    let start = module.get_export(START);
    start
        .is_some_and(|start| start.func().is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0))
}

fn read_answer(stdout: &[u8]) -> Result<Verdict, Stop> {
    verdict(read(stdout)?)
}

/// The answers to a group: a list with a verdict or an error for each submission, or one error for all of them.
fn read_answers(stdout: &[u8], count: usize, limits: &Limits) -> Verdicts {
    let answers = match read(stdout)? {
        GroupAnswer { verdicts: Some(answers), error: None } => answers,
        GroupAnswer { verdicts: None, error: Some(error) } => return Err(error.into()),
        _ => return Err(refused("it needs either `verdicts` or `error`".to_owned())),
    };
    if answers.len() != count {
        return Err(Stop::Failed(Failure::Refused(wrong_count(answers.len(), count))));
    }
    // Each may be as large as that of one by itself.
    let bounded = |answer: &RawValue| match answer.get().len() > limits.output {
        true => Err(Stop::Failed(Failure::OutputTooLarge { limit: limits.output as u64 })),
        false => read_answer(answer.get().as_bytes()),
    };
    Ok(answers.into_iter().map(bounded).collect())
}

fn refused(reason: String) -> Stop {
    Stop::Failed(Failure::Refused(format!("stdout is not a verdict: {reason}")))
}

fn read<'a, T: Deserialize<'a>>(stdout: &'a [u8]) -> Result<T, Stop> {
    serde_json::from_slice(stdout).map_err(|error| {
        // Somebody prints, as one does to see what a program does.
        let hint = if error.is_data() {
            ""
        } else {
            "; only the answer goes there, and what people are to see to stderr"
        };
        refused(format!("{error}{hint}"))
    })
}

fn verdict(answer: Answer) -> Result<Verdict, Stop> {
    match answer {
        Answer { error: Some(error), reward: None, reason: None, metrics: None } => Err(error.into()),
        Answer { error: None, reward: Some(reward), reason, metrics } => {
            let metrics =
                metrics.unwrap_or_default().0.into_iter().map(|(name, value)| match value.as_f64() {
                    Some(value) => Ok((name, value)),
                    None => Err(refused(format!("the metric `{name}` is not a number"))),
                });
            Ok(Verdict { reward, reason, metrics: metrics.collect::<Result<_, _>>()? })
        }
        _ => Err(refused("it needs either `reward` or `error`".to_owned())),
    }
}

/// What a command reads.
#[derive(Serialize)]
struct Question<'a> {
    prompt: &'a str,
    completion: &'a str,
    reference: Option<&'a str>,
    metadata: &'a RawValue,
    options: &'a RawValue,
}

impl Question<'_> {
    fn of(submission: &Submission, options: &str) -> serde_json::Result<Vec<u8>> {
        let mut question = serde_json::to_vec(&Question {
            prompt: &submission.prompt,
            completion: &submission.completion,
            reference: submission.reference.as_deref(),
            metadata: metadata(submission)?,
            options: serde_json::from_str(options)?,
        })?;
        question.push(b'\n');
        Ok(question)
    }
}

/// What a command reads that judges the completions of a prompt together.
#[derive(Serialize)]
struct GroupQuestion<'a> {
    group: Vec<Completion<'a>>,
    options: &'a RawValue,
}

#[derive(Serialize)]
struct Completion<'a> {
    prompt: &'a str,
    completion: &'a str,
    reference: Option<&'a str>,
    metadata: &'a RawValue,
}

impl<'a> Completion<'a> {
    fn of(submission: &'a Submission) -> serde_json::Result<Self> {
        Ok(Self {
            prompt: &submission.prompt,
            completion: &submission.completion,
            reference: submission.reference.as_deref(),
            metadata: metadata(submission)?,
        })
    }
}

impl GroupQuestion<'_> {
    fn of(asked: Asked<'_>, options: &str) -> serde_json::Result<Vec<u8>> {
        let group = asked.iter().map(Completion::of).collect::<serde_json::Result<_>>()?;
        let mut question =
            serde_json::to_vec(&GroupQuestion { group, options: serde_json::from_str(options)? })?;
        question.push(b'\n');
        Ok(question)
    }
}

fn metadata(submission: &Submission) -> serde_json::Result<&RawValue> {
    serde_json::from_str(if submission.metadata.is_empty() { "{}" } else { &submission.metadata })
}

/// What a command writes of a group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupAnswer<'a> {
    #[serde(borrow)]
    verdicts: Option<Vec<&'a RawValue>>,
    error: Option<ErrorAnswer>,
}

/// What a command writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    reward: Option<f64>,
    reason: Option<String>,
    metrics: Option<Pairs>,
    error: Option<ErrorAnswer>,
}

/// The members of an object in their order, those of the same name too.
#[derive(Default)]
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = object.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ErrorAnswer {
    InvalidOptions(String),
    InvalidTask(String),
    Abstain(String),
    InternalError(String),
}

impl From<ErrorAnswer> for Stop {
    fn from(error: ErrorAnswer) -> Self {
        match error {
            ErrorAnswer::InvalidOptions(text) => Self::InvalidOptions(text),
            ErrorAnswer::InvalidTask(text) => Self::Failed(Failure::InvalidTask(text)),
            ErrorAnswer::Abstain(text) => Self::Failed(Failure::Abstained(text)),
            ErrorAnswer::InternalError(text) => Self::Failed(Failure::InternalError(text)),
        }
    }
}

#[derive(Deserialize)]
struct Described {
    description: DescriptionAnswer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescriptionAnswer {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    metrics: Vec<String>,
    #[serde(default)]
    judges: Judges,
}

/// What a command is asked about at a time.
#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Judges {
    /// One submission.
    #[default]
    Submissions,
    /// All completions of a prompt.
    Groups,
}

impl From<DescriptionAnswer> for Description {
    fn from(answer: DescriptionAnswer) -> Self {
        let DescriptionAnswer { name, version, summary, options, metrics, .. } = answer;
        Self { name, version, summary, options: Value::Object(options).to_string(), metrics }
    }
}
