//! A plugin's name and version stand in its manifest and in the plugin: its author hears of it where they differ.

use anyhow::anyhow;
use gavel_host::Plugin;
use gavel_plugins::{FoundPlugin, MANIFEST, Origin};

use crate::exit::Stop;
use crate::terminal::shown;

/// Refuses a plugin that calls itself otherwise than its manifest does. A command that says nothing of itself has no
/// version, and is called after its file.
pub(super) fn check_name(found: &FoundPlugin, plugin: &Plugin) -> Result<(), Stop> {
    let (Some(manifest), Origin::File(_)) = (&found.manifest, &found.origin) else { return Ok(()) };
    let said = plugin.description();
    if said.version.is_empty() {
        return Ok(());
    }
    let fields = [("name", &manifest.name, &said.name), ("version", &manifest.version, &said.version)];
    match fields.into_iter().find(|(_, written, said)| written != said) {
        None => Ok(()),
        Some((field, written, said)) => Err(Stop::Input(anyhow!(
            "`plugin.{field}` in {MANIFEST} is `{}`, and the plugin says that its {field} is `{}`; make them the same, \
             and build it again",
            shown(written),
            shown(said),
        ))),
    }
}
