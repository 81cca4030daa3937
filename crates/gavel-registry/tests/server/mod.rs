//! A real registry on loopback for as long as a test runs: Debian's `docker-registry`, which `cargo xtask setup` gets.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Who may use a registry that asks: `USER` with `PASSWORD`.
pub(crate) const USER: &str = "ali";
/// The password of `USER`.
pub(crate) const PASSWORD: &str = "open sesame";
/// What `htpasswd -B` makes of the two, with the least work that bcrypt knows.
const HTPASSWD: &str = "ali:$2b$04$a7dWzdpdtUeQAyEX9pqfg.GiW9YE5Zy8IOMhq02WuDXCTAGtwfFlW\n";

/// A registry, stopped and removed when it is dropped.
pub(crate) struct Server {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Server {
    /// A registry for everybody; `None`, with a line that says so, where there is no `docker-registry`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// A registry for `USER` alone.
    #[allow(dead_code, reason = "not every test that uses a registry needs a login")]
    pub(crate) fn start_locked() -> Option<Self> {
        Self::start_with("auth:\n  htpasswd:\n    realm: test\n    path: FOLDER/htpasswd\n")
    }

    #[allow(clippy::print_stdout, reason = "a test says what it skipped")]
    fn start_with(auth: &str) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: a real registry, as there is no docker-registry; `cargo xtask setup` gets it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        // Port 0 is whichever is free; the log says which it was.
        let config = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: FOLDER\n\
             http:\n  addr: 127.0.0.1:0\n{auth}"
        );
        let config_file = folder.path().join("config.yml");
        fs::write(&config_file, config.replace("FOLDER", place)).unwrap();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let mut command = Command::new(&program);
        command.arg("serve").arg(&config_file).stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = log.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ',']).next().unwrap_or_default().to_owned())
        });
        // A full pipe would stop it.
        std::thread::spawn(move || log.for_each(drop));
        let address = address.expect("the registry says where it listens before it ends");
        Some(Self { process, address, folder })
    }

    /// `HOST:PORT/REPOSITORY`.
    pub(crate) fn at(&self, repository: &str) -> String {
        format!("{}/{repository}", self.address)
    }

    /// `HOST:PORT`.
    #[allow(dead_code, reason = "only who logs in needs it")]
    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    /// The file that holds the blob with this sha256 (hexadecimal digits).
    #[allow(dead_code, reason = "only who tampers needs it")]
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.path().join("docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The one that `cargo xtask setup` got, else that of the system.
fn program() -> Option<PathBuf> {
    // Every crate of the workspace is two folders below its root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let own = root.join(".gavel/tools/docker-registry/usr/bin/docker-registry");
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).map(|folder| folder.join("docker-registry"));
    std::iter::once(own).chain(on_path).find(|file| file.is_file())
}
