//! From a reward file to a reward: plugins are found, held against the lock and the formula, granted what the file
//! grants, and become verifiers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use gavel_host::{Format, Interpreter, Interpreters, Limits, LoadError};

use crate::capability::grant;
use crate::error::RewardError;
use crate::expression::{Inputs, Prices};
use crate::file::{RewardFile, VerifierEntry, expression_error};
use crate::judge;
use crate::native::Native;
use crate::reward::{Asks, NamedVerifier, Rules};
use crate::total::PlacedFormula;
use crate::turns::Turns;
use crate::verdicts::Question;
use crate::workspace::Workspace;
use gavel_plugins::FoundPlugin;
use gavel_plugins::WatchedFiles;
use gavel_plugins::toml_file::Place;
use gavel_verify::{VerifierVersion, Version};

/// Verifiers that are no plugins, by the names that a reward file has for them.
pub type Functions = HashMap<String, Native>;

/// Loads what `file` names, looking for plugins on the workspace's plugin path after the file's own folder; `files` learns
/// where it looked and what it read.
pub(crate) fn load(
    workspace: &Workspace,
    file: RewardFile,
    functions: &Functions,
    files: &WatchedFiles,
) -> Result<Rules, RewardError> {
    let is_function = |entry: &VerifierEntry| entry.plugin.is_none() && entry.judge.is_none();
    let is_named =
        |name: &&String| file.verifiers.iter().any(|entry| is_function(entry) && entry.name == **name);
    if let Some(name) = functions.keys().find(|name| !is_named(name)) {
        return Err(RewardError::NotAFunction { path: file.path.clone(), name: name.clone() });
    }
    let load = |(place, entry): (usize, &VerifierEntry)| match (&entry.plugin, &entry.judge) {
        (Some(plugin), _) => load_verifier(workspace, &file, place, plugin, files),
        (None, Some(judge)) => {
            let (verifier, metrics) = judge::load(workspace, beside(&file), entry, judge, files)?;
            check_metrics(&file, place, &metrics)?;
            Ok(verifier)
        }
        (None, None) => function(workspace, entry, functions),
    };
    let verifiers = file.verifiers.iter().enumerate().map(load).collect::<Result<Vec<_>, _>>()?;
    let version = Version {
        gavel: env!("CARGO_PKG_VERSION").to_owned(),
        engine: gavel_host::ENGINE.to_owned(),
        file: file.path.display().to_string(),
        text: file.text,
        verifiers: verifiers.iter().filter_map(|verifier| verifier.version.clone()).collect(),
    };
    Ok(Rules::new(verifiers, file.total, file.route, file.columns).of_version(version))
}

/// The folder of a reward file, where plugins and templates are looked for first.
fn beside(file: &RewardFile) -> &Path {
    file.path.parent().unwrap_or(Path::new(""))
}

/// Checks what the formulas and the conditions read from the verifier at `index` against what it declares.
fn check_metrics(file: &RewardFile, index: usize, declared: &[String]) -> Result<(), RewardError> {
    let check = |inputs: &Inputs, place: &Place, field: &str| {
        inputs
            .check_metrics(index, &file.verifiers[index].name, declared)
            .map_err(|problem| expression_error(place.clone(), field, problem))
    };
    for PlacedFormula { formula, place, field } in file.total.formulas() {
        check(formula.inputs(), place, field)?;
    }
    for entry in &file.verifiers {
        if let Some(when) = &entry.when {
            check(when.inputs(), &entry.places.when, &format!("verifiers.{}.when", entry.name))?;
        }
    }
    Ok(())
}

/// The verifier of an entry that names no plugin.
fn function(
    workspace: &Workspace,
    entry: &VerifierEntry,
    functions: &Functions,
) -> Result<NamedVerifier, RewardError> {
    let missing = || RewardError::NoFunction { place: entry.places.plugin.clone(), name: entry.name.clone() };
    let native = functions.get(&entry.name).ok_or_else(missing)?.clone();
    let max_concurrency = entry.max_concurrency.or(native.max_concurrency);
    Ok(NamedVerifier {
        name: entry.name.clone(),
        digests: vec![(entry.name.clone(), String::new())],
        version: None,
        prices: Prices { on_failure: entry.on_failure, on_limit: entry.on_limit },
        input: usize::MAX,
        when: entry.when.clone(),
        turns: Turns::new(max_concurrency),
        // Nobody knows on what the verdicts of a function depend.
        question: None,
        asks: workspace.asks(Native { max_concurrency, ..native })?,
        judge: None,
    })
}

/// Loads the verifier at `index`, which is this plugin.
fn load_verifier(
    workspace: &Workspace,
    file: &RewardFile,
    index: usize,
    plugin: &str,
    files: &WatchedFiles,
) -> Result<NamedVerifier, RewardError> {
    let (host, plugin_path) = (workspace.host(), workspace.plugin_path());
    let entry = &file.verifiers[index];
    let beside = beside(file);
    let field = |name: &str| format!("verifiers.{}.{name}", entry.name);
    let not_found = |error| {
        let (place, field) = (entry.places.plugin.clone(), field("plugin"));
        match error {
            RewardError::Load(source) => RewardError::Plugin { place, field, source: Box::new(source) },
            error => RewardError::Lookup { place, field, source: Box::new(error) },
        }
    };
    let mut found =
        FoundPlugin::called(plugin, beside, plugin_path, files).map_err(|error| not_found(error.into()))?;
    if let Some(manifest) = &mut found.manifest {
        manifest.choose_interpreter(&entry.options);
    }
    // What is not what a lock says is neither compiled nor asked what it is.
    let wasm = found.read(files).map_err(|error| not_found(error.into()))?;
    let plugin = host.load(&wasm, &found.shown()).map_err(|source| not_found(source.into()))?;
    let declared = &plugin.description().metrics;
    // A command that declares nothing is not held to it: it may never have been described.
    if plugin.format() != Format::WasiCommand || !declared.is_empty() {
        check_metrics(file, index, declared)?;
    }
    let mut folders = vec![beside.to_owned()];
    folders.extend(plugin_path.iter().cloned());
    let plugin = grant(&found, plugin, host, &entry.grant, &folders, files).map_err(|error| {
        let (place, name) = match error {
            RewardError::NotAsked { .. } => (&entry.places.plugin, "plugin"),
            _ => (&entry.places.grant, "grant"),
        };
        RewardError::Lookup { place: place.clone(), field: field(name), source: Box::new(error) }
    })?;
    let limits = limits(entry, &found);
    let verifier = plugin.verifier(&entry.options, &limits).map_err(|source| {
        let (place, name) = match source {
            LoadError::InvalidOptions { .. } => (&entry.places.options, "options"),
            LoadError::TooLarge { .. } => (&entry.places.limits, "limits"),
            _ => (&entry.places.plugin, "plugin"),
        };
        RewardError::Plugin { place: place.clone(), field: field(name), source: Box::new(source) }
    })?;
    let interpreters = plugin.interpreters().into_iter().flat_map(Interpreters::iter);
    let of_interpreter = |interpreter: &Interpreter| {
        (format!("{}/{}", entry.name, interpreter.language().name), interpreter.digest().to_owned())
    };
    let own = (entry.name.clone(), plugin.digest().to_owned());
    let digests: Vec<_> = std::iter::once(own).chain(interpreters.map(of_interpreter)).collect();
    let of_language =
        |interpreter: &Interpreter| (interpreter.language().name.clone(), interpreter.digest().to_owned());
    let version = VerifierVersion {
        name: entry.name.clone(),
        plugin: plugin.digest().to_owned(),
        interpreters: plugin
            .interpreters()
            .into_iter()
            .flat_map(Interpreters::iter)
            .map(of_language)
            .collect(),
        options: entry.options.clone(),
        limits: limits.clone(),
    };
    Ok(NamedVerifier {
        name: entry.name.clone(),
        version: Some(version),
        // What it says of one completion depends on the others.
        question: (!plugin.judges_groups()).then(|| Question::new(&digests, &entry.options, &limits)),
        digests,
        prices: Prices { on_failure: entry.on_failure, on_limit: entry.on_limit },
        input: limits.input,
        when: entry.when.clone(),
        turns: Turns::new(entry.max_concurrency),
        asks: Asks::Here(Arc::new(verifier)),
        judge: None,
    })
}

/// The limits of a verifier: what the reward file says, then what its plugin may say, then gavel's own.
fn limits(entry: &VerifierEntry, found: &FoundPlugin) -> Limits {
    let (granted, wishes) = found.granted_limits();
    let unanswered = wishes.iter().filter(|wish| !entry.limits.says(wish.field));
    let wanted: Vec<_> = unanswered.map(|wish| format!("{} = {}", wish.field, wish.wanted)).collect();
    if !wanted.is_empty() {
        tracing::warn!(
            "{}: the plugin of `{}` wants more than gavel grants by itself: {} to its table to grant it, or say \
             less there",
            entry.places.plugin,
            entry.name,
            format_args!("add `limits = {{ {} }}`", wanted.join(", ")),
        );
    }
    entry.limits.or(granted).resolve()
}
