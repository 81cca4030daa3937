//! `gavel plugin inspect`: what a plugin is, without judging anything with it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use bytesize::ByteSize;
use gavel_host::{Format, Host, Interpreter, LoadError, Plugin};
use gavel_reward::{FoundPlugin, MANIFEST, Origin};
use gavel_verify::visible;
use serde_json::{Value, json};

use crate::cli::InspectArgs;
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::LABEL;

/// Shows a plugin on stdout.
pub(in crate::commands) fn run(args: &InspectArgs) -> Result<ExitStatus, Stop> {
    let found = find(&args.plugin)?;
    let host = Host::new(args.cache.host(1)).map_err(anyhow::Error::from)?;
    let text = match load(&found, &host).input_fault()? {
        Loaded::Verifier(plugin) if args.json => format!("{:#}\n", as_json(&found, &plugin)),
        Loaded::Verifier(plugin) => as_text(&found, &plugin),
        Loaded::Interpreter(interpreter) if args.json => {
            format!("{:#}\n", interpreter_as_json(&found, &interpreter))
        }
        Loaded::Interpreter(interpreter) => interpreter_as_text(&found, &interpreter),
    };
    anstream::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

enum Loaded {
    Verifier(Plugin),
    Interpreter(Interpreter),
}

/// Loads what a file is, whatever it is.
fn load(found: &FoundPlugin, host: &Host) -> Result<Loaded, LoadError> {
    match (found.load(host), &found.origin) {
        (Err(LoadError::Interpreter { .. }), Origin::File(path)) => {
            host.load_interpreter_file(path).map(Loaded::Interpreter)
        }
        (loaded, _) => loaded.map(Loaded::Verifier),
    }
}

/// A folder with a manifest, a file, or the name of a first-party plugin.
fn find(name: &Path) -> Result<FoundPlugin, Stop> {
    if name.join(MANIFEST).is_file() {
        return Ok(FoundPlugin::in_folder(name)?);
    }
    if !name.exists()
        && let Some(plugin) = name.to_str().map(FoundPlugin::first_party).transpose()?.flatten()
    {
        return Ok(plugin);
    }
    Ok(FoundPlugin::file(name.to_owned())?)
}

fn as_text(found: &FoundPlugin, plugin: &Plugin) -> String {
    let description = plugin.description();
    let options = serde_json::from_str::<Value>(&description.options);
    let options = options.map_or_else(|_| description.options.clone(), |schema| format!("{schema:#}"));
    let mut rows = vec![
        ("name", description.name.clone()),
        ("version", description.version.clone()),
        ("summary", description.summary.clone()),
        ("origin", origin(found)),
        ("digest", plugin.digest().to_owned()),
        ("size", ByteSize::b(plugin.size()).display().iec().to_string()),
        ("format", format_name(plugin.format()).to_owned()),
        ("imports", list(plugin.imports())),
        ("exports", list(plugin.exports())),
        ("metrics", list(&description.metrics)),
        ("options", options.replace('\n', "\n          ")),
    ];
    rows.push(("grants", grants(found, plugin)));
    shown(&rows)
}

/// What the plugin works with only if it is granted. All other imports that gavel loads are WASI, which is virtual.
fn grants(found: &FoundPlugin, plugin: &Plugin) -> String {
    if !plugin.runs_programs() {
        return "needs none: no import leads out of the sandbox".to_owned();
    }
    let languages = languages(found);
    let what = if languages.is_empty() { "no language".to_owned() } else { languages.join(", ") };
    format!("needs interpreter ({what}), for its import gavel:verifier/interpreter: `--grant interpreter`")
}

fn interpreter_as_text(found: &FoundPlugin, interpreter: &Interpreter) -> String {
    let language = interpreter.language();
    shown(&[
        ("runs", language.name.clone()),
        ("version", language.version.clone()),
        ("summary", language.summary.clone()),
        ("origin", origin(found)),
        ("digest", interpreter.digest().to_owned()),
        ("size", ByteSize::b(interpreter.size()).display().iec().to_string()),
        ("format", "interpreter component".to_owned()),
        ("imports", list(interpreter.imports())),
        ("exports", list(interpreter.exports())),
    ])
}

fn shown(rows: &[(&str, String)]) -> String {
    rows.iter().fold(String::new(), |mut text, (label, value)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{LABEL}{label:<9}{LABEL:#} {}", visible(value));
        text
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join("\n          ") }
}

/// The languages that a plugin's manifest asks for.
fn languages(found: &FoundPlugin) -> &[String] {
    found.manifest.as_ref().map_or(&[], |manifest| &manifest.interpreters)
}

fn as_json(found: &FoundPlugin, plugin: &Plugin) -> Value {
    let description = plugin.description();
    let options = serde_json::from_str(&description.options);
    let asks_for =
        if plugin.runs_programs() { json!({ "interpreter": languages(found) }) } else { json!({}) };
    json!({
        "kind": "verifier",
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "origin": origin(found),
        "digest": plugin.digest(),
        "size": plugin.size(),
        "format": format_name(plugin.format()),
        "imports": plugin.imports(),
        "exports": plugin.exports(),
        "asks_for": asks_for,
        "metrics": description.metrics,
        "options": options.unwrap_or_else(|_| Value::from(description.options.as_str())),
    })
}

fn interpreter_as_json(found: &FoundPlugin, interpreter: &Interpreter) -> Value {
    let language = interpreter.language();
    json!({
        "kind": "interpreter",
        "name": language.name,
        "version": language.version,
        "summary": language.summary,
        "origin": origin(found),
        "digest": interpreter.digest(),
        "size": interpreter.size(),
        "format": format_name(Format::Component),
        "imports": interpreter.imports(),
        "exports": interpreter.exports(),
    })
}

fn origin(found: &FoundPlugin) -> String {
    match &found.origin {
        Origin::File(path) => path.display().to_string(),
        Origin::FirstParty(_) => "embedded in gavel".to_owned(),
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Component => "component",
        Format::WasiCommand => "wasi-command",
    }
}
