//! `gavel plugin list`, `add` and `remove`: the plugins that lie in the folders of the plugin path.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use gavel_host::{Host, LoadError};
use gavel_registry::Address;
use gavel_reward::{FirstParty, FoundPlugin, Lock, Locked, MANIFEST, Manifest, Origin};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::{AddArgs, GlobalArgs, ListArgs, RemoveArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::settings;
use crate::terminal::{LABEL, Terminal};

use super::registry;

/// A plugin that is to be kept: the file, its manifest as it will stand there, and where it comes from.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) wasm: Vec<u8>,
    /// The text of `gavel.toml`, with the entry beside it and no section `[build]`.
    pub(super) manifest: String,
    pub(super) source: String,
}

/// Adds a plugin, once it has shown that it is one.
pub(in crate::commands) fn add(args: &AddArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let folder = settings::plugin_folder(&args.path).input_fault()?;
    let host = Host::new(args.cache.host(1)).map_err(anyhow::Error::from)?;
    let candidate = find(&args.source, &host, &terminal)?;
    let digest = sha256(&candidate.wasm);
    let replaced = Lock::change(&folder, |lock| -> Result<Option<Locked>, Stop> {
        let before = lock.plugins.get(&candidate.name).cloned();
        if let Some(before) = before.as_ref().filter(|before| before.digest != digest && !args.force) {
            return Err(Stop::Input(anyhow!(
                "`{}` {} (sha256:{}) is in {} already; --force replaces it by {} (sha256:{})",
                candidate.name,
                before.version,
                short(&before.digest),
                folder.display(),
                candidate.version,
                short(&digest),
            )));
        }
        let file = Path::new(&candidate.name).join(format!("{}.wasm", candidate.name));
        keep(&folder, &file, &candidate).map_err(Stop::Unexpected)?;
        let locked = Locked {
            version: candidate.version.clone(),
            file,
            digest: digest.clone(),
            source: candidate.source.clone(),
        };
        lock.plugins.insert(candidate.name.clone(), locked);
        Ok(before)
    })?;
    let what = match replaced {
        Some(before) if before.digest == digest => "already there".to_owned(),
        Some(before) => format!("in place of {} (sha256:{})", before.version, short(&before.digest)),
        None => "added".to_owned(),
    };
    terminal.note(format_args!(
        "{} {} ({}) {what}, in {}",
        candidate.name,
        candidate.version,
        ByteSize::b(candidate.wasm.len() as u64).display().iec(),
        folder.display()
    ));
    writeln!(std::io::stdout(), "{} sha256:{digest}", candidate.name).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Takes a plugin away: its folder and its place in the lock.
pub(in crate::commands) fn remove(args: &RemoveArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let name = &args.name;
    for folder in settings::plugin_folders(&args.path) {
        if !Lock::read(&folder)?.plugins.contains_key(name) {
            continue;
        }
        Lock::change(&folder, |lock| -> Result<(), Stop> {
            if let Some(locked) = lock.plugins.remove(name) {
                let file = folder.join(&locked.file);
                remove_file(&file)?;
                remove_file(&file.with_file_name(MANIFEST))?;
                // The folder may hold what is not gavel's.
                drop(file.parent().map(fs::remove_dir));
            }
            Ok(())
        })?;
        Terminal::new(global.quiet).note(format_args!("{name} removed from {}", folder.display()));
        return Ok(ExitStatus::Success);
    }
    let known: Vec<String> = settings::plugin_folders(&args.path)
        .iter()
        .filter_map(|folder| Lock::read(folder).ok())
        .flat_map(|lock| lock.plugins.into_keys())
        .collect();
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    Err(Stop::Input(anyhow!("no plugin called `{name}` has been added; those that have: {known}")))
}

/// Shows what lies on the plugin path, and what is embedded.
pub(in crate::commands) fn list(args: &ListArgs) -> Result<ExitStatus, Stop> {
    let mut rows = Vec::new();
    for folder in settings::plugin_folders(&args.path) {
        rows.extend(in_folder(&folder)?);
    }
    for name in FirstParty::names() {
        let Some(plugin) = FirstParty::named(name) else { continue };
        let manifest = FoundPlugin::first_party(name)?.and_then(|found| found.manifest);
        rows.push(Row {
            name: name.to_owned(),
            version: manifest.map(|manifest| manifest.version).unwrap_or_default(),
            digest: sha256(plugin.wasm),
            size: plugin.wasm.len() as u64,
            state: State::Embedded,
            source: "gavel".to_owned(),
        });
    }
    let text = if args.json {
        format!("{:#}\n", Value::from_iter(rows.iter().map(Row::as_json)))
    } else {
        as_table(&rows)
    };
    anstream::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Finds what is to be added, and loads it: what is no plugin is refused before it is kept.
pub(super) fn find(source: &str, host: &Host, terminal: &Terminal) -> Result<Candidate, Stop> {
    let path = Path::new(source);
    if !path.exists() {
        let address: Address =
            source.parse().with_context(|| format!("there is no file or folder `{source}`")).input_fault()?;
        return from_registry(&address, host, terminal);
    }
    let found =
        if path.is_dir() { FoundPlugin::in_folder(path)? } else { FoundPlugin::file(path.to_owned())? };
    let Origin::File(file) = &found.origin else {
        return Err(Stop::Input(anyhow!("{source} is built into gavel already, so there is nothing to add")));
    };
    let wasm = fs::read(file).with_context(|| format!("cannot read {}", file.display())).input_fault()?;
    let (name, version) = described(&wasm, file, found.manifest.as_ref(), host)?;
    let manifest = file.with_file_name(MANIFEST);
    let manifest = match &found.manifest {
        Some(_) if path.is_dir() => {
            Some(fs::read_to_string(path.join(MANIFEST)).map_err(anyhow::Error::from)?)
        }
        Some(_) => Some(fs::read_to_string(manifest).map_err(anyhow::Error::from)?),
        None => None,
    };
    let manifest = kept_manifest(manifest.as_deref(), &name, &version)?;
    let source = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Ok(Candidate { name, version, wasm, manifest, source })
}

fn from_registry(address: &Address, host: &Host, terminal: &Terminal) -> Result<Candidate, Stop> {
    let pulled = registry::pull_showing(address, terminal)?;
    let manifest = match &pulled.manifest {
        Some(text) => Some(Manifest::parse(Path::new(&format!("{address}: {MANIFEST}")), text)?),
        None => None,
    };
    // A command is called after its file, so the file is called after the repository.
    let file = PathBuf::from(format!("{}.wasm", registry::last_part(address)));
    let (name, version) = described(&pulled.wasm, &file, manifest.as_ref(), host)?;
    let manifest = kept_manifest(pulled.manifest.as_deref(), &name, &version)?;
    Ok(Candidate { name, version, wasm: pulled.wasm, manifest, source: pulled.address.to_string() })
}

/// Name and version, by the manifest or by the plugin's own words.
fn described(
    wasm: &[u8],
    file: &Path,
    manifest: Option<&Manifest>,
    host: &Host,
) -> Result<(String, String), Stop> {
    let shown = file.to_string_lossy();
    let said = match host.load(wasm, &shown) {
        Ok(plugin) => (plugin.description().name.clone(), plugin.description().version.clone()),
        Err(LoadError::Interpreter { .. }) => {
            let interpreter = host.load_interpreter(wasm, &shown).input_fault()?;
            (interpreter.language().name.clone(), interpreter.language().version.clone())
        }
        Err(error) => return Err(Stop::Input(error.into())),
    };
    let (name, version) = manifest.map_or(said, |manifest| (manifest.name.clone(), manifest.version.clone()));
    // The name becomes that of a folder.
    let harmless = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.is_empty() || !name.chars().all(harmless) {
        return Err(Stop::Input(anyhow!(
            "{shown}: `{name}` cannot be the name of a plugin: letters, digits, `-` and `_` can"
        )));
    }
    Ok((name, version))
}

/// The manifest that stands beside the plugin: its own, without what only its author needs, or the least there is.
pub(super) fn kept_manifest(own: Option<&str>, name: &str, version: &str) -> anyhow::Result<String> {
    let text = own.unwrap_or("manifest_version = 1\n\n[plugin]\n");
    let mut document: toml_edit::DocumentMut = text.parse().context("cannot read gavel.toml")?;
    document.remove("build");
    document["plugin"]["name"] = toml_edit::value(name);
    document["plugin"]["version"] = toml_edit::value(version);
    document["plugin"]["entry"] = toml_edit::value(format!("{name}.wasm"));
    Ok(document.to_string())
}

fn keep(folder: &Path, file: &Path, candidate: &Candidate) -> anyhow::Result<()> {
    let file = folder.join(file);
    let manifest = file.with_file_name(MANIFEST);
    let beside = file.parent().context("a plugin's file is in a folder")?;
    fs::create_dir_all(beside).with_context(|| format!("cannot create {}", beside.display()))?;
    for (path, content) in [(&file, candidate.wasm.as_slice()), (&manifest, candidate.manifest.as_bytes())] {
        write_whole(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Whoever loads the plugin meanwhile sees the old one or the new one.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".gavel-").tempfile_in(folder)?;
    file.write_all(content)?;
    #[cfg(unix)]
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

fn remove_file(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// One line of the list.
struct Row {
    name: String,
    version: String,
    /// Empty where there is no file.
    digest: String,
    size: u64,
    state: State,
    source: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The file is the one that was added.
    Locked,
    /// The file is another than the one that was added.
    Changed,
    /// The file that was added has gone.
    Missing,
    /// It lies there without having been added.
    Loose,
    /// It is part of gavel.
    Embedded,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Loose => "not locked",
            Self::Embedded => "embedded",
        }
    }
}

impl Row {
    fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "size": self.size,
            "state": self.state.name(),
            "source": self.source,
        })
    }
}

/// The plugins of one folder of the plugin path: those of its lock, then those that merely lie there.
fn in_folder(folder: &Path) -> Result<Vec<Row>, Stop> {
    let lock = Lock::read(folder)?;
    let mut rows = Vec::new();
    for (name, locked) in &lock.plugins {
        let content = fs::read(folder.join(&locked.file)).ok();
        let digest = content.as_ref().map(|content| sha256(content)).unwrap_or_default();
        let state = match &content {
            None => State::Missing,
            Some(_) if digest == locked.digest => State::Locked,
            Some(_) => State::Changed,
        };
        rows.push(Row {
            name: name.clone(),
            version: locked.version.clone(),
            digest,
            size: content.map_or(0, |content| content.len() as u64),
            state,
            source: locked.source.clone(),
        });
    }
    for (name, file, version) in loose(folder)? {
        if !lock.plugins.contains_key(&name) {
            let content =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display())).input_fault()?;
            let (digest, size) = (sha256(&content), content.len() as u64);
            rows.push(Row {
                name,
                version,
                digest,
                size,
                state: State::Loose,
                source: file.display().to_string(),
            });
        }
    }
    Ok(rows)
}

/// What lookup would find in a folder: `NAME.wasm`, and the built entry of `NAME/gavel.toml`.
fn loose(folder: &Path) -> Result<Vec<(String, PathBuf, String)>, Stop> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = BTreeMap::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.join(MANIFEST).is_file() {
            let manifest = Manifest::read(&path)?;
            let file = path.join(&manifest.entry);
            if file.is_file() {
                found.insert(manifest.name, (file, manifest.version));
            }
        } else if path.extension().is_some_and(|extension| extension == "wasm") && path.is_file() {
            found.insert(stem, (path, String::new()));
        }
    }
    Ok(found.into_iter().map(|(name, (file, version))| (name, file, version)).collect())
}

fn as_table(rows: &[Row]) -> String {
    let width = |column: fn(&Row) -> &str, least: usize| {
        rows.iter().map(|row| column(row).len()).max().unwrap_or(0).max(least)
    };
    let (name, version) = (width(|row| &row.name, 4), width(|row| &row.version, 7));
    let mut text = format!(
        "{LABEL}{:<name$}  {:<version$}  {:<12}  {:>9}  {:<10}  source{LABEL:#}\n",
        "name", "version", "sha256", "size", "state"
    );
    for row in rows {
        let size = ByteSize::b(row.size).display().iec().to_string();
        text += &format!(
            "{:<name$}  {:<version$}  {:<12}  {size:>9}  {:<10}  {}\n",
            row.name,
            row.version,
            short(&row.digest),
            row.state.name(),
            row.source
        );
    }
    text
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
