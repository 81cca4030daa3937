//! `gavel plugin inspect`: what a plugin is, without judging anything with it.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use bytesize::ByteSize;
use gavel_host::{Format, Interpreter, LoadError, Plugin};
use gavel_plugins::{FoundPlugin, MANIFEST, Origin, WatchedFiles, Wish};
use serde_json::{Value, json};

use crate::cli::{GlobalArgs, InspectArgs, PluginPathArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::{Page, escaped, shown};

/// Shows a plugin on stdout.
pub(in crate::commands) fn run(args: &InspectArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let found = find(&args.plugin, &args.path)?;
    let wasm = found.read(&WatchedFiles::default())?;
    let host = args.cache.start_host()?;
    let loaded = match host.load(&wasm, &found.shown()) {
        Err(LoadError::Interpreter { .. }) => {
            Loaded::Interpreter(host.load_interpreter(&wasm, &found.shown()).input_fault()?)
        }
        loaded => Loaded::Verifier(loaded.input_fault()?),
    };
    if args.json {
        let value = match &loaded {
            Loaded::Verifier(plugin) => verifier_as_json(&found, plugin),
            Loaded::Interpreter(interpreter) => interpreter_as_json(&found, interpreter),
        };
        std::io::stdout()
            .write_all(escaped(&format!("{value:#}\n")).as_bytes())
            .context("cannot write to stdout")?;
    } else {
        let page = match &loaded {
            Loaded::Verifier(plugin) => as_page(&found, plugin, global.verbose > 0),
            Loaded::Interpreter(interpreter) => interpreter_as_page(&found, interpreter, global.verbose > 0),
        };
        page.print().context("cannot write to stdout")?;
    }
    Ok(ExitStatus::Success)
}

enum Loaded {
    Verifier(Plugin),
    Interpreter(Interpreter),
}

/// A folder with a manifest, a file, or a name that reward files find.
fn find(name: &Path, path: &PluginPathArgs) -> Result<FoundPlugin, Stop> {
    if name.join(MANIFEST).exists() {
        return Ok(FoundPlugin::in_folder(name, &WatchedFiles::default())?);
    }
    match name.to_str().filter(|_| !name.is_file()) {
        Some(name) => {
            Ok(FoundPlugin::called(name, Path::new(""), &path.resolve(), &WatchedFiles::default())?)
        }
        None => Ok(FoundPlugin::file(name.to_owned(), &WatchedFiles::default())?),
    }
}

fn as_page(found: &FoundPlugin, plugin: &Plugin, whole: bool) -> Page {
    let description = plugin.description();
    let options = serde_json::from_str::<Value>(&description.options);
    let options = options.map_or_else(|_| description.options.clone(), |schema| format!("{schema:#}"));
    let mut rows = vec![
        ("name", shown(&description.name)),
        ("version", shown(&description.version)),
        ("summary", description.summary.clone()),
        ("origin", origin(found)),
        ("digest", plugin.digest().to_owned()),
        ("size", ByteSize::b(plugin.size()).display().iec().to_string()),
        ("format", format_name(plugin.format()).to_owned()),
        ("imports", imports(plugin.imports(), whole)),
        ("exports", list(plugin.exports())),
        ("metrics", list(&description.metrics)),
        ("options", options),
    ];
    if plugin.judges_groups() {
        rows.insert(3, ("judges", "all completions of a prompt together".to_owned()));
    }
    rows.push(("grants", grants(found, plugin)));
    let wishes = wishes(found);
    if !wishes.is_empty() {
        let wishes = wishes.join("\n");
        rows.push(("wishes", format!("{wishes}\nonly `limits` in a reward file grants more")));
    }
    page(&rows)
}

/// The limits that its manifest wants to be higher than gavel grants by itself.
fn wishes(found: &FoundPlugin) -> Vec<String> {
    found.granted_limits().1.iter().map(Wish::to_string).collect()
}

/// What the plugin works with only if it is granted. All other imports that gavel loads are WASI, which is virtual.
fn grants(found: &FoundPlugin, plugin: &Plugin) -> String {
    if !plugin.runs_programs() {
        return "needs none: no import leads out of the sandbox".to_owned();
    }
    let languages = languages(found);
    let languages: Vec<String> = languages.iter().map(|language| shown(language)).collect();
    let what = if languages.is_empty() { "no language".to_owned() } else { languages.join(", ") };
    format!("needs interpreter ({what}), for its import gavel:verifier/interpreter: `--grant interpreter`")
}

fn interpreter_as_page(found: &FoundPlugin, interpreter: &Interpreter, whole: bool) -> Page {
    let language = interpreter.language();
    page(&[
        ("runs", shown(&language.name)),
        ("version", shown(&language.version)),
        ("summary", language.summary.clone()),
        ("origin", origin(found)),
        ("digest", interpreter.digest().to_owned()),
        ("size", ByteSize::b(interpreter.size()).display().iec().to_string()),
        ("format", "interpreter component".to_owned()),
        ("imports", imports(interpreter.imports(), whole)),
        ("exports", list(interpreter.exports())),
    ])
}

fn page(rows: &[(&str, String)]) -> Page {
    let mut page = Page::default();
    for (label, value) in rows {
        page.row(label, value);
    }
    page
}

/// What a file imports. WASI is all virtual and leads nowhere, so it is only counted, unless the `whole` is asked for.
fn imports(names: &[String], whole: bool) -> String {
    let is_wasi = |name: &&String| name.starts_with("wasi:") || name.starts_with("wasi_snapshot_preview1.");
    let (wasi, others): (Vec<&String>, Vec<&String>) = names.iter().partition(is_wasi);
    if whole || wasi.is_empty() {
        return list(names);
    }
    let count = wasi.len();
    let folded = format!("{count} of WASI, all virtual: no files, no network (-v lists them)");
    let others = others.into_iter().map(|name| shown(name));
    others.chain([folded]).collect::<Vec<_>>().join("\n")
}

/// Names on a line each, below each other.
fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("\n") }
}

/// The languages that a plugin's manifest asks for.
fn languages(found: &FoundPlugin) -> &[String] {
    found.manifest.as_ref().map_or(&[], |manifest| &manifest.interpreters)
}

fn verifier_as_json(found: &FoundPlugin, plugin: &Plugin) -> Value {
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
        "wishes": wishes(found),
        "judges": if plugin.judges_groups() { "groups" } else { "submissions" },
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
