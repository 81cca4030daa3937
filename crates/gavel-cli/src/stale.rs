//! Plugins that may not be what is meant: whose sources are newer than what judges, or that hide one of gavel's own. Whoever
//! changes a verifier and scores with the old one learns nothing from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use gavel_files::sha256;
use gavel_plugins::{FirstParty, FoundPlugin, Lock, MANIFEST, Manifest, Origin, WatchedFiles};
use gavel_reward::RewardFile;
use gavel_toolkit::{Language, Project};

use crate::exit::{InputFault, Stop};
use crate::terminal::{Terminal, shown};

/// Says which plugins of a reward file hide one of gavel's own, are older than their sources, or were added from a folder that has changed since: they
/// judge as they are. What is wrong with the file or a plugin, loading says better.
pub fn say_of_reward(reward: &Path, plugin_path: &[PathBuf], terminal: &Terminal) {
    let Ok(file) = RewardFile::read(reward, &WatchedFiles::default()) else { return };
    let beside = reward.parent().unwrap_or(Path::new(""));
    let mut plugins: Vec<&str> =
        file.verifiers.iter().filter_map(|verifier| verifier.plugin.as_deref()).collect();
    plugins.sort_unstable();
    plugins.dedup();
    for plugin in plugins {
        say_of_plugin(plugin, beside, plugin_path, terminal);
    }
}

/// As [`say_of_reward`], of one plugin that a reward file in the folder `beside` names so.
pub fn say_of_plugin(plugin: &str, beside: &Path, plugin_path: &[PathBuf], terminal: &Terminal) {
    let Ok(found) = FoundPlugin::called(plugin, beside, plugin_path, &WatchedFiles::default()) else {
        return;
    };
    let Origin::File(file) = &found.origin else { return };
    if FirstParty::named(plugin).is_some() {
        terminal.note(format_args!(
            "warning: `{plugin}` is {}, which hides gavel's own plugin of that name",
            file.display()
        ));
    }
    match plugin_path.iter().find_map(|folder| added_from(folder, file)) {
        Some(added) if added.has_changed() => terminal.note(format_args!(
            "warning: {} was added from {}, which has changed since: `gavel plugin add --force {}` takes that up",
            shown(&added.name),
            added.from.display(),
            added.from.display()
        )),
        Some(_) => {}
        None => say_of_file(file, &found, "gavel plugin build", terminal),
    }
}

/// Says of a plugin's file that is taken as it is that its sources are newer. `command` is what builds first.
pub(crate) fn say_of_file(file: &Path, found: &FoundPlugin, command: &str, terminal: &Terminal) {
    let Some(Manifest { build: Some(_), .. }) = &found.manifest else { return };
    let folder =
        file.ancestors().skip(1).find(|folder| folder.join(MANIFEST).exists()).unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Some(source) = project(folder).ok().and_then(|project| missing_source(&project)) {
        terminal.note(format_args!(
            "warning: there is no {}, of which {} is said to be built: it judges as it was",
            source.display(),
            file.display()
        ));
        return;
    }
    if project(folder).is_ok_and(|project| is_stale(&project)) {
        terminal.note(format_args!(
            "warning: {} is older than its sources: `{command} {}` builds it first",
            file.display(),
            folder.display()
        ));
    }
}

/// A plugin that was added from a folder of this machine.
struct Added {
    name: String,
    from: PathBuf,
    /// The digest of the file that was added.
    digest: String,
}

impl Added {
    /// Whether the folder has other sources, or another file, than what was added of it.
    fn has_changed(&self) -> bool {
        let Ok(project) = project(&self.from) else { return false };
        let built = fs::read(self.from.join(&project.entry)).map(sha256);
        is_stale(&project) || built.is_ok_and(|digest| digest != self.digest)
    }
}

/// What the lock of a folder says of a file in it, where that came from a folder that is still there.
fn added_from(folder: &Path, file: &Path) -> Option<Added> {
    let inside = file.strip_prefix(folder).ok()?;
    let plugins = Lock::read(folder).ok()?.plugins;
    let (name, locked) = plugins.into_iter().find(|(_, locked)| locked.file == inside)?;
    Some(Added { name, from: locked.source.into(), digest: locked.digest })
        .filter(|added| added.from.is_dir())
}

/// What the manifest of a folder says is to be built.
pub(crate) fn project(folder: &Path) -> Result<Project, Stop> {
    let manifest = Manifest::read(folder, &WatchedFiles::default())?;
    let file = folder.join(MANIFEST);
    let build = manifest.build.with_context(|| {
        format!(
            "{} does not say how the plugin is built; it needs, for instance:\n  [build]\n  language = \"rust\"\n  \
             source = \"src/lib.rs\"",
            file.display()
        )
    });
    let build = build.input_fault()?;
    let language: Language =
        build.language.parse().with_context(|| format!("{}: `build.language`", build.place)).input_fault()?;
    Ok(Project {
        folder: folder.to_owned(),
        language,
        source: build.source,
        entry: manifest.entry,
        paths: build.paths,
    })
}

/// What a manifest says a plugin is built of, where it is not there.
fn missing_source(project: &Project) -> Option<PathBuf> {
    Some(project.folder.join(&project.source)).filter(|source| !source.exists())
}

/// Whether a plugin has not been built, or a source is newer, or gone: what builds says so then.
pub(crate) fn is_stale(project: &Project) -> bool {
    if missing_source(project).is_some() {
        return true;
    }
    let Ok(built) = modified(&project.folder.join(&project.entry)) else { return true };
    project.inputs().is_ok_and(|inputs| {
        // A source that cannot be read has gone since, or the compiler will say what is wrong with it.
        inputs.iter().any(|input| modified(input).is_ok_and(|changed| changed > built))
    })
}

/// When a file was written.
pub(crate) fn modified(file: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}
