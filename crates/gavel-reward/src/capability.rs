//! Loads a plugin that was found, with what it was granted.

use std::path::PathBuf;

use gavel_host::{Host, Interpreter, Plugin};
use gavel_plugins::{Capability, FoundPlugin, WatchedFiles};

use crate::error::RewardError;

/// Reads and loads a plugin.
///
/// # Errors
/// As [`FoundPlugin::read`], and [`RewardError::Load`] when the host cannot load it.
pub fn load_plugin(found: &FoundPlugin, host: &Host, files: &WatchedFiles) -> Result<Plugin, RewardError> {
    Ok(host.load(&found.read(files)?, &found.shown())?)
}

/// Gives a plugin, loaded from where it was found, the interpreters that its manifest asks for. A plugin that runs no
/// programs stays as it is, whatever is granted. [`FoundPlugin::interpreter`] says which file each is.
///
/// # Errors
/// [`RewardError::NotAsked`] and [`RewardError::NotGranted`] when the plugin runs programs and its manifest does
/// not ask for interpreters, or `grants` lack the capability; otherwise when an interpreter is not there or
/// cannot be loaded.
pub fn grant(
    found: &FoundPlugin,
    plugin: Plugin,
    host: &Host,
    grants: &[Capability],
    folders: &[PathBuf],
    files: &WatchedFiles,
) -> Result<Plugin, RewardError> {
    if !plugin.runs_programs() {
        return Ok(plugin);
    }
    let languages = found.manifest.as_ref().map_or(&[][..], |manifest| &manifest.interpreters);
    if languages.is_empty() {
        return Err(RewardError::NotAsked { plugin: plugin.name().to_owned() });
    }
    if !grants.contains(&Capability::Interpreter) {
        let (plugin, languages) = (plugin.name().to_owned(), languages.to_vec());
        return Err(RewardError::NotGranted { plugin, languages });
    }
    let interpreters = languages.iter().map(|language| load_interpreter(language, host, folders, files));
    Ok(plugin.grant(interpreters.collect::<Result<_, _>>()?))
}

pub(crate) fn load_interpreter(
    language: &str,
    host: &Host,
    folders: &[PathBuf],
    files: &WatchedFiles,
) -> Result<Interpreter, RewardError> {
    let found = FoundPlugin::interpreter(language, folders, files)?;
    let file = found.shown();
    let interpreter = host.load_interpreter(&found.read(files)?, &file).map_err(|source| {
        RewardError::Interpreter { language: language.to_owned(), source: Box::new(source) }
    })?;
    let found = &interpreter.language().name;
    if found != language {
        let file = file.into();
        return Err(RewardError::OtherLanguage { file, found: found.clone(), wanted: language.to_owned() });
    }
    Ok(interpreter)
}
