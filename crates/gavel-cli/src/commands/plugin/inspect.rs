//! `gavel plugin inspect`: what a plugin is, without judging anything with it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use bytesize::ByteSize;
use gavel_host::{Format, Host, HostConfig, Plugin};
use gavel_reward::{FoundPlugin, MANIFEST, Origin};
use gavel_verify::visible;
use serde_json::{Value, json};

use crate::cli::InspectArgs;
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::LABEL;

/// Shows a plugin on stdout.
pub(in crate::commands) fn run(args: &InspectArgs) -> Result<ExitStatus, Stop> {
    let found = find(&args.plugin)?;
    let host =
        Host::new(HostConfig { cache_dir: args.cache.resolve(), slots: 1 }).map_err(anyhow::Error::from)?;
    let plugin = found.load(&host).input_fault()?;
    let text = if args.json { format!("{:#}\n", as_json(&found, &plugin)) } else { as_text(&found, &plugin) };
    anstream::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
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
    let list =
        |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join("\n          ") };
    let options = serde_json::from_str::<Value>(&description.options);
    let options = options.map_or_else(|_| description.options.clone(), |schema| format!("{schema:#}"));
    let mut text = String::new();
    for (label, value) in [
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
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{LABEL}{label:<9}{LABEL:#} {}", visible(&value));
    }
    text
}

fn as_json(found: &FoundPlugin, plugin: &Plugin) -> Value {
    let description = plugin.description();
    let options = serde_json::from_str(&description.options);
    json!({
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "origin": origin(found),
        "digest": plugin.digest(),
        "size": plugin.size(),
        "format": format_name(plugin.format()),
        "imports": plugin.imports(),
        "exports": plugin.exports(),
        "metrics": description.metrics,
        "options": options.unwrap_or_else(|_| Value::from(description.options.as_str())),
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
