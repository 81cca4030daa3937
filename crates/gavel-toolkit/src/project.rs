//! A plugin's folder as the toolkit sees it, and the way to its `.wasm` file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::error::Doing;
use crate::languages::{Product, recipe};
use crate::tools::create_folder;
use crate::{Language, ToolkitError, Tools, component, sdk};

/// Where the toolkit keeps what it needs in a plugin's folder. Templates have git ignore it.
pub(crate) const FOLDER: &str = ".gavel";

/// What is to be built. All paths but `folder` are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The plugin's folder.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
    /// The file with the verifier.
    pub source: PathBuf,
    /// The `.wasm` file to make.
    pub entry: PathBuf,
    /// Folders with what the source imports; Python alone looks there.
    pub paths: Vec<PathBuf>,
}

impl Project {
    /// What the plugin is made of, to tell whether it has changed: the files of its folder, and those outside that a source
    /// names by a path with `..`. Left out are what compilers make, what this process itself writes to, and files of the
    /// kinds that say something about a plugin (cases, documents, logs, hidden files), unless a source names that kind: a
    /// table of words in JSON Lines is part of a plugin that embeds it.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn inputs(&self) -> Result<Vec<PathBuf>, ToolkitError> {
        let mut files = Vec::new();
        collect(&self.folder, &mut files)?;
        files.retain(|file| *file != self.folder.join(&self.entry));
        let (mut inputs, doubtful): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| mark_of_no_input(&name(file)).is_none());
        let sources: Vec<(PathBuf, String)> =
            inputs.iter().filter_map(|file| Some((file.clone(), text(file)?))).collect();
        let is_named = |file: &PathBuf| {
            let name = name(file);
            mark_of_no_input(&name).is_some_and(|mark| sources.iter().any(|(_, text)| names(text, mark)))
        };
        inputs.extend(doubtful.into_iter().filter(is_named));
        let folder = fs::canonicalize(&self.folder).doing("read", &self.folder)?;
        let named = sources.iter().flat_map(|(source, text)| named_above(source, text));
        inputs.extend(named.filter(|file| !file.starts_with(&folder)));
        // Whoever keeps a log there would otherwise have a source that every build changes.
        let written = standard_outputs();
        inputs.retain(|file| identity(fs::metadata(file)).is_none_or(|file| !written.contains(&file)));
        inputs.sort();
        inputs.dedup();
        Ok(inputs)
    }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a file of a reasonable size holds, as text; bytes that are none are nothing that a path is made of.
fn text(file: &Path) -> Option<String> {
    let is_small = fs::metadata(file).is_ok_and(|metadata| metadata.len() <= LARGEST_SOURCE);
    let bytes = is_small.then(|| fs::read(file).ok())??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a text has a name that ends so, as in `"words.jsonl"` or `data/*.jsonl`: what follows ends the name, which tells
/// `.log` from a call of `console.log`.
fn names(text: &str, end: &str) -> bool {
    let ends_name = |after: &str| {
        after.chars().next().is_none_or(|next| next.is_whitespace() || ['"', '\'', '`'].contains(&next))
    };
    text.match_indices(end).any(|(at, _)| ends_name(&text[at + end.len()..]))
}

/// The files that a source names in quotes, by a path that begins with `..`.
fn named_above(source: &Path, text: &str) -> Vec<PathBuf> {
    let folder = source.parent().unwrap_or(Path::new(""));
    let paths = ['"', '\'', '`'].into_iter().flat_map(|quote| text.split(quote).skip(1));
    let paths = paths.filter(|path| path.starts_with("../") && path.len() < 1024 && !path.contains('\n'));
    let files = paths.filter_map(|path| fs::canonicalize(folder.join(path)).ok());
    files.filter(|file| file.is_file()).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ToolkitError> {
    for entry in fs::read_dir(folder).doing("read", folder)? {
        let path = entry.doing("read", folder)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !NOT_SOURCES.contains(&&*name) {
            collect(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// The part of a file's name that says that no compiler reads it, unless a source names such a file: how it ends, or the whole
/// name of a reward file or a hidden one. `None` for all others, since a source may include whatever it likes.
fn mark_of_no_input(name: &str) -> Option<&str> {
    let is_reward_file = name.contains("reward") && name.ends_with(".toml");
    if is_reward_file || name.starts_with('.') {
        return Some(name);
    }
    NOT_INPUTS.into_iter().find(|end| name.ends_with(end))
}

/// The files that standard output and standard error are written to, where they are files.
fn standard_outputs() -> Vec<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let (output, error) = (io::stdout(), io::stderr());
        let files = [output.as_fd().try_clone_to_owned(), error.as_fd().try_clone_to_owned()];
        let files = files.into_iter().flatten().map(|file| fs::File::from(file).metadata());
        files.filter_map(identity).collect()
    }
    #[cfg(not(unix))]
    Vec::new()
}

/// What tells a file from any other.
fn identity(metadata: io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    metadata.ok().and(None)
}

/// Folders that compilers and package managers fill.
const NOT_SOURCES: [&str; 4] = ["target", "node_modules", "__pycache__", "nimcache"];

/// The most bytes of a file that is looked through for names of others: more than anybody writes by hand.
const LARGEST_SOURCE: u64 = 1 << 20;

/// Ends of the names of files that are seldom part of a plugin: plugins, cases and what comes of them, documents, logs.
const NOT_INPUTS: [&str; 12] = [
    ".wasm",
    ".md",
    ".jsonl",
    ".lock",
    ".record.json",
    ".log",
    ".html",
    ".out",
    ".bak",
    ".orig",
    ".tmp",
    "~",
];

/// Builds a plugin, and returns the path of its file. What compilers have to say goes to stderr; `report` hears of
/// what takes long.
///
/// # Errors
/// See [`ToolkitError`]. The plugin that was there before stays as it was.
pub fn build(project: &Project, tools: &Tools, report: &dyn Fn(&str)) -> Result<PathBuf, ToolkitError> {
    let source = project.folder.join(&project.source);
    if !source.exists() {
        return Err(ToolkitError::NoSource { source_file: source });
    }
    check_paths(project)?;
    // Compilers are started in the plugin's folder, so that they name files as its author does.
    let folder = fs::canonicalize(&project.folder).doing("read", &project.folder)?;
    sdk::lay(&folder, project.language)?;
    let workshop = Workshop { folder, project, tools, report };
    create_folder(&workshop.scratch()).doing("create", workshop.scratch())?;
    let bytes = match recipe(project.language)(&workshop)? {
        Product::Core(module) => component::of_core_module(&read(&module)?)?,
        Product::Finished(file) => read(&file)?,
    };
    let entry = project.folder.join(&project.entry);
    write_whole(&entry, &bytes).doing("write", &entry)?;
    Ok(entry)
}

/// Folders of modules are there, and the language looks in them: otherwise the author would wait for an import that never
/// comes.
fn check_paths(project: &Project) -> Result<(), ToolkitError> {
    if project.language != Language::Python && !project.paths.is_empty() {
        return Err(ToolkitError::NoPaths { language: project.language });
    }
    let folders = project.paths.iter().map(|path| project.folder.join(path));
    match folders.into_iter().find(|folder| !folder.is_dir()) {
        Some(folder) => Err(ToolkitError::NoFolder { folder }),
        None => Ok(()),
    }
}

/// What a recipe works with.
pub(crate) struct Workshop<'a> {
    /// The plugin's folder, absolute; compilers are started there.
    pub(crate) folder: PathBuf,
    pub(crate) project: &'a Project,
    pub(crate) tools: &'a Tools,
    /// Hears of what takes long.
    pub(crate) report: &'a dyn Fn(&str),
}

impl Workshop<'_> {
    /// A folder of the embedded `sdk/`, such as `python` or `wit`, as it is laid down for this plugin.
    pub(crate) fn sdk(&self, name: &str) -> PathBuf {
        self.folder.join(FOLDER).join("sdk").join(name)
    }

    /// A folder for what lies between source and plugin.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join(FOLDER).join("build")
    }
}

fn read(file: &Path) -> Result<Vec<u8>, ToolkitError> {
    fs::read(file).doing("read", file)
}

/// Whoever loads the plugin while it is written sees the old one or the new one. Its permissions are those of any new file.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plugin-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_a_plugin_is_no_source_of_it() {
        let sources = [
            "lib.rs",
            "words.txt",
            "words.csv",
            "options.schema.json",
            "gavel.toml",
            "table",
            "go.mod",
            "a.wit",
        ];
        for name in sources {
            assert_eq!(mark_of_no_input(name), None, "{name}");
        }
        let others = ["a.wasm", "cases.jsonl", "reward.toml", "reward2.toml", "test.out", "build.log"];
        for name in others.into_iter().chain([".env", ".lib.rs.swp", "lib.rs.bak", "lib.rs~"]) {
            assert!(mark_of_no_input(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_a_source_names_is_part_of_the_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let plugin = folder.path().join("plugin");
        fs::create_dir_all(plugin.join("src")).unwrap();
        let source = "include_str!(\"../words.jsonl\"); include_str!(\"../../shared.txt\"); console.log(1);";
        for (name, content) in [
            ("plugin/src/lib.rs", source),
            ("plugin/words.jsonl", ""),
            ("plugin/README.md", ""),
            ("plugin/build.log", ""),
            ("plugin/.env", ""),
            ("plugin/gavel.toml", "entry = \"plugin.wasm\""),
            ("plugin/plugin.wasm", ""),
            ("shared.txt", ""),
            ("other.txt", ""),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let project = Project {
            folder: plugin.clone(),
            language: Language::Rust,
            source: "src/lib.rs".into(),
            entry: "plugin.wasm".into(),
            paths: Vec::new(),
        };
        let mut expected = ["gavel.toml", "src/lib.rs", "words.jsonl"].map(|name| plugin.join(name)).to_vec();
        expected.push(fs::canonicalize(folder.path().join("shared.txt")).unwrap());
        assert_eq!(project.inputs().unwrap(), expected);
    }

    #[test]
    fn folders_of_modules_are_there_and_mean_something() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("vendor")).unwrap();
        let check = |language, path: &str| {
            let project = Project {
                folder: folder.path().to_owned(),
                language,
                source: "verifier".into(),
                entry: "verifier.wasm".into(),
                paths: vec![path.into()],
            };
            check_paths(&project).map_err(|error| error.to_string())
        };
        assert_eq!(check(Language::Python, "vendor"), Ok(()));
        assert!(
            check(Language::Python, "vendro")
                .unwrap_err()
                .ends_with("vendro, which `build.paths` in gavel.toml names")
        );
        assert!(check(Language::Rust, "vendor").unwrap_err().contains("means nothing in rust"));
    }

    #[cfg(unix)]
    #[test]
    fn a_plugin_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        fs::write(folder.path().join("any"), "").unwrap();
        for _ in 0..2 {
            write_whole(&folder.path().join("plugin.wasm"), b"x").unwrap();
            assert_eq!(mode("plugin.wasm"), mode("any"));
        }
    }
}
