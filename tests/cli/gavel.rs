//! Runs the real binary in a folder of its own, and shows what came of it without what changes from run to run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use regex::Regex;

/// The binary under test.
pub(crate) const GAVEL: &str = env!("CARGO_BIN_EXE_gavel");

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder to run `gavel` in. The cache of compiled plugins is shared by all of them.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a reward file.
    pub(crate) fn with_reward(reward: &str) -> Self {
        Self::new().file("reward.toml", reward)
    }

    /// The same folder with one more file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `gavel` with these arguments, ready to start.
    pub(crate) fn gavel(&self, args: &[&str]) -> Command {
        let mut command = Command::new(GAVEL);
        command.args(args).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GAVEL_") {
                command.env_remove(name);
            }
        }
        command.env("GAVEL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"));
        // Plugins that the user has added, logins and what was compiled are not the test's.
        command.env("XDG_DATA_HOME", self.path("data")).env("DOCKER_CONFIG", self.path("docker"));
        command.env("XDG_CACHE_HOME", self.path("home/cache"));
        command
    }

    /// Runs `gavel` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with_input(args, "")
    }

    /// Runs `gavel` to its end, with `input` on its stdin.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.gavel(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Runs `gavel` and shows what a user sees.
    pub(crate) fn shown(&self, args: &[&str]) -> String {
        self.show(args, &self.run(args))
    }

    /// Runs `gavel` with `input` on its stdin and shows what a user sees.
    pub(crate) fn shown_with_input(&self, args: &[&str], input: &str) -> String {
        self.show(args, &self.run_with_input(args, input))
    }

    fn show(&self, args: &[&str], output: &Output) -> String {
        let text = format!(
            "$ gavel {}\n----- exit code {}\n----- stdout\n{}----- stderr\n{}",
            args.join(" "),
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        let folder = self.folder.path().display().to_string();
        without_measurements(&text.replace(&folder, "[FOLDER]"))
            .replace(&repository().display().to_string(), "[REPO]")
    }
}

/// Times, fuel, digests and sizes change with the machine and with every build of a plugin.
pub(crate) fn without_measurements(text: &str) -> String {
    static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r#""ms":[0-9.]+"#, r#""ms":[MS]"#),
            (r#""fuel":[0-9]+"#, r#""fuel":[FUEL]"#),
            (r"in [0-9.]+ s \([0-9]+/s\)", "in [TIME]"),
            (r"(slowest +)\w+ on line [0-9]+, [0-9.]+ ms", "$1[SLOWEST]"),
            (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
            (r"[0-9.]+ KiB", "[SIZE]"),
            (r"built \d+ \w+ ago", "built [AGE] ago"),
        ]
        .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
        .into()
    });
    CHANGING.iter().fold(text.to_owned(), |text, (pattern, replacement)| {
        pattern.replace_all(&text, *replacement).into_owned()
    })
}

/// The folder of a first-party plugin.
pub(crate) fn first_party_folder(name: &str) -> PathBuf {
    repository().join("plugins").join(name)
}
