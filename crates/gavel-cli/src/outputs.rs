//! Files that a command is told to write, looked at before it does anything that takes long: they must be none of those that it
//! reads, be such that they can be written, and hold what their names say.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use gavel_files::writable;
use gavel_lines::Form;
use same_file::Handle;

use crate::terminal::Terminal;

/// Ends of names by which other programs, and gavel itself, take a file to be compressed.
const COMPRESSED: [(&str, &str); 4] = [("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2"), ("xz", "xz")];

/// Ends of names by which a file is taken for a table or Parquet, by gavel too.
const OTHER_FORMS: [&str; 3] = ["csv", "tsv", "parquet"];

/// Files of a run, directly in its folder. A page that is written there is none of it.
const OF_RUNS: [&str; 7] = [
    "metrics.jsonl",
    "settings.toml",
    "digests.json",
    "digests.jsonl",
    "resumes.jsonl",
    "summary.json",
    "train.lock",
];

/// Files of a model and of a checkpoint, besides weights and moments.
const OF_MODELS: [&str; 14] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "model.safetensors.index.json",
    "adapter_config.json",
    "trainer_state.json",
    "rollouts.json",
];

/// Folders of a run, all of whose files are its own.
const FOLDERS_OF_RUNS: [&str; 3] = ["checkpoints", "completions", "evaluations"];

/// A file to write.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    path: &'a Path,
    content: Content,
    is_said: bool,
}

/// What is written into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// JSON Lines.
    Lines,
    /// JSON Lines, compressed by gzip or zstd or as Parquet where the name says so.
    PackedLines,
    /// One object in JSON.
    Json,
    /// A page or a drawing.
    Page,
    /// A reward file.
    Toml,
    /// A plugin.
    Wasm,
}

impl Content {
    /// What it is called, and how the names of such files end.
    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Lines | Self::PackedLines => ("JSON Lines", ".jsonl"),
            Self::Json => ("JSON", ".json"),
            Self::Page => ("a page or a drawing", ".html or .svg"),
            Self::Toml => ("TOML", ".toml"),
            Self::Wasm => ("WebAssembly", ".wasm"),
        }
    }
}

impl<'a> Output<'a> {
    /// The file `path`, which somebody has named.
    pub fn new(path: &'a Path, content: Content) -> Self {
        Self { path, content, is_said: true }
    }

    /// The same, of which it is known without a word that it may be there.
    #[must_use]
    pub fn in_silence(self) -> Self {
        Self { is_said: false, ..self }
    }
}

/// Looks at all that a command is to write, beside all that it reads, each with what that is called: files, and folders of runs
/// and models. Nothing is changed; what is there already and is written over is said, as every other program with such
/// an option does it.
///
/// # Errors
/// When an output is also read or named twice, when its folder is missing or it cannot be written, or when its name promises
/// another form.
pub fn look(inputs: &[(&str, &Path)], outputs: &[Output<'_>], terminal: &Terminal) -> anyhow::Result<()> {
    for (number, output) in outputs.iter().enumerate() {
        for (what, input) in inputs {
            require_apart(output.path, what, input)?;
        }
        if outputs[..number].iter().any(|other| is_one_file(output.path, other.path)) {
            bail!("{} is to hold two outputs; write one of them to another file", output.path.display());
        }
        require_right_name(output)?;
        writable::file(output.path).with_context(|| format!("cannot write {}", output.path.display()))?;
    }
    let is_there = |path: &Path| path.metadata().is_ok_and(|there| there.is_file() && there.len() > 0);
    for Output { path, .. } in outputs.iter().filter(|output| output.is_said && is_there(output.path)) {
        terminal.note(format_args!("{} is there already, and is written over", path.display()));
    }
    Ok(())
}

/// Whether a file that is written is one that is read or written besides. A file is known by any of its names, and `-`, which is
/// stdin, by the file that it is.
pub fn is_same_file(written: &Path, other: &Path) -> bool {
    let other_handle = if other == Path::new("-") { Handle::stdin() } else { Handle::from_path(other) };
    match (Handle::from_path(written), other_handle) {
        (Ok(written), Ok(other)) => written == other,
        _ => written == other,
    }
}

fn require_apart(output: &Path, what: &str, input: &Path) -> anyhow::Result<()> {
    if is_one_file(output, input) {
        bail!("{} is both {what} and output; write to another file", output.display());
    }
    if belongs_to(output, input) {
        bail!("{} belongs to {what} {}; write to another file", output.display(), input.display());
    }
    Ok(())
}

/// A terminal, a pipe or /dev/null may be read and written, and written by several.
fn is_one_file(one: &Path, other: &Path) -> bool {
    one.metadata().map_or(true, |there| there.is_file()) && is_same_file(one, other)
}

/// Whether a file is one of those that the run or the model in a folder consists of.
fn belongs_to(file: &Path, folder: &Path) -> bool {
    let (Some(file), Ok(folder)) = (real_name(file), folder.canonicalize()) else { return false };
    let Ok(within) = file.strip_prefix(folder) else { return false };
    let mut parts = within.iter();
    match (parts.next(), parts.next()) {
        (Some(name), None) => {
            OF_RUNS.iter().any(|own| OsStr::new(own) == name)
                || name.to_string_lossy().starts_with("events.out.tfevents.")
                || is_of_a_model(Path::new(name))
        }
        (Some(first), Some(_)) => FOLDERS_OF_RUNS.iter().any(|own| OsStr::new(own) == first),
        (None, _) => false,
    }
}

/// Whether a file has a name that those of a model have.
pub fn is_of_a_model(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default();
    OF_MODELS.iter().any(|own| OsStr::new(own) == name)
        || file.extension().is_some_and(|end| end == "safetensors")
}

/// A path without links and dots, of a file that need not be there.
fn real_name(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name()?;
    path.canonicalize().or_else(|_| folder.canonicalize().map(|folder| folder.join(name))).ok()
}

fn require_right_name(output: &Output<'_>) -> anyhow::Result<()> {
    if output.content == Content::PackedLines && Form::of(output.path).is_some() {
        return Ok(());
    }
    let end = output.path.extension().and_then(OsStr::to_str).unwrap_or_default();
    if let Some((_, program)) = COMPRESSED.iter().find(|(compressed, _)| *compressed == end) {
        bail!(
            "{} would not be compressed, as its name says: write to a name without `.{end}`, and compress that by `{program}`",
            output.path.display()
        );
    }
    if OTHER_FORMS.contains(&end) {
        let (what, end) = output.content.described();
        bail!(
            "{} would hold {what}, whatever its name says: write to a name that ends with {end}",
            output.path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inputs: &[(&str, &Path)], outputs: &[&Path]) -> Result<(), String> {
        let outputs: Vec<_> = outputs.iter().map(|path| Output::new(path, Content::Lines)).collect();
        look(inputs, &outputs, &Terminal::new(2)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_known_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("rows.jsonl"), "{}").unwrap();
        std::fs::write(path("other.jsonl"), "{}").unwrap();
        std::fs::hard_link(path("rows.jsonl"), path("linked.jsonl")).unwrap();
        let input = path("rows.jsonl");
        let of = |output: &str| check(&[("input", &input)], &[&path(output)]);
        assert!(of("rows.jsonl").is_err() && of("linked.jsonl").is_err());
        assert!(of("other.jsonl").is_ok() && of("new.jsonl").is_ok());
        let null = Path::new("/dev/null");
        assert!(check(&[("input", null)], &[null, null]).is_ok());
        assert!(check(&[], &[&path("a"), &path("a")]).unwrap_err().contains("two outputs"));
    }

    #[test]
    fn what_a_run_or_a_model_consists_of_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("run/checkpoints/step-00001")).unwrap();
        std::fs::write(folder.path().join("run/metrics.jsonl"), "").unwrap();
        let run = folder.path().join("run");
        let of = |output: &str| check(&[("run", &run)], &[&folder.path().join(output)]);
        for own in [
            "run/metrics.jsonl",
            "run/../run/summary.json",
            "run/model-00001-of-00002.safetensors",
            "run/checkpoints/step-00001/config.json",
        ] {
            assert!(of(own).is_err(), "{own}");
        }
        for other in ["run/report.html", "run/eval.json", "metrics.jsonl", "summary.json"] {
            assert_eq!(of(other), Ok(()), "{other}");
        }
    }
}
