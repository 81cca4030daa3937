//! Pushing to and pulling from a real registry: Debian's `docker-registry`, on a free port of this machine.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gavel_registry::{Address, Login, Plugin, RegistryError, pull, push};

/// A registry of the test's own.
struct Registry {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Registry {
    /// Starts a registry; `None`, and a line that says so, where there is none to start. With `password`, a user `me`
    /// has to log in with `secret`.
    fn start(password: bool) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: a real registry: docker-registry is neither on PATH nor in .gavel/tools");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // Free a moment ago, and nobody else asks for it now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users = folder.path().join("htpasswd");
        // bcrypt of `secret`, by `htpasswd -nbB me secret`.
        fs::write(&users, "me:$2b$05$kPbrmu4dq9me.X2645/PTeaHgMfA5Tco02.7Tw.mE5MK6GqWBf6.K\n").unwrap();
        let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", users.display());
        let settings = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: \
             127.0.0.1:{port}\n{}",
            folder.path().join("data").display(),
            if password { &auth } else { "" }
        );
        let file = folder.path().join("registry.yml");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { process: command.spawn().unwrap(), folder, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the registry does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    fn address(&self, name: &str) -> Address {
        format!("127.0.0.1:{}/{name}", self.port).parse().unwrap()
    }

    /// The file in which the registry keeps a blob.
    fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let ours = root.join(".gavel/tools/docker-registry/usr/bin/docker-registry");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("docker-registry"));
    on_path.chain([ours]).find(|program| program.is_file())
}

fn plugin() -> Plugin {
    Plugin {
        wasm: b"\0asm\x01\0\0\0 and so on".repeat(10_000),
        manifest: Some("manifest_version = 1\n[plugin]\nname = \"mine\"\n# é, \"quotes\"\n".to_owned()),
        name: "mine".to_owned(),
        version: "0.1.0".to_owned(),
        summary: "Judges.".to_owned(),
        component: Some((Vec::new(), vec!["gavel:verifier/verifier@0.1.0".to_owned()])),
    }
}

#[test]
fn what_is_pushed_comes_back_by_tag_and_by_digest() {
    let Some(registry) = Registry::start(false) else { return };
    let (address, plugin) = (registry.address("somebody/mine:0.1.0"), plugin());
    let pushed = push(&address, &plugin, &Login::Anonymous).unwrap();
    for address in [&address, &pushed.address] {
        let pulled = pull(address, &Login::Anonymous).unwrap();
        assert_eq!(pulled.wasm, plugin.wasm);
        assert_eq!(pulled.manifest, plugin.manifest);
        assert_eq!((&pulled.digest, &pulled.address), (&pushed.digest, &pushed.address));
    }
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let Some(registry) = Registry::start(false) else { return };
    for name in ["nobody/nothing:1", "somebody/mine:2"] {
        push(&registry.address("somebody/mine:1"), &plugin(), &Login::Anonymous).unwrap();
        let error = pull(&registry.address(name), &Login::Anonymous).unwrap_err();
        assert!(matches!(error, RegistryError::NotFound { .. }), "{name}: {error:?}");
    }
}

#[test]
fn a_blob_that_was_changed_is_refused() {
    let Some(registry) = Registry::start(false) else { return };
    let address = registry.address("somebody/mine:1");
    let pushed = push(&address, &plugin(), &Login::Anonymous).unwrap();
    let blob = registry.blob(&pushed.digest);
    let mut content = fs::read(&blob).unwrap();
    content[100] ^= 1;
    fs::write(&blob, content).unwrap();
    for address in [&address, &pushed.address] {
        let error = pull(address, &Login::Anonymous).unwrap_err();
        assert!(matches!(error, RegistryError::Tampered { .. }), "{error:?}");
    }
}

#[test]
fn a_manifest_that_was_changed_is_refused_by_its_digest() {
    let Some(registry) = Registry::start(false) else { return };
    let pushed = push(&registry.address("somebody/mine:1"), &plugin(), &Login::Anonymous).unwrap();
    let digest = pushed.address.digest().unwrap().trim_start_matches("sha256:").to_owned();
    let blob = registry.blob(&digest);
    let content = fs::read_to_string(&blob).unwrap();
    fs::write(&blob, content.replace("0.1.0", "6.6.6")).unwrap();
    let error = pull(&pushed.address, &Login::Anonymous).unwrap_err();
    assert!(!matches!(error, RegistryError::NotFound { .. } | RegistryError::Refused { .. }), "{error:?}");
}

#[test]
fn a_registry_that_wants_a_login_gets_the_right_one() {
    let Some(registry) = Registry::start(true) else { return };
    let address = registry.address("somebody/mine:1");
    let login = |password: &str| Login::Password("me".to_owned(), password.to_owned());
    for login in [Login::Anonymous, login("guess")] {
        let error = push(&address, &plugin(), &login).unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
        assert!(error.to_string().contains("docker login 127.0.0.1:"), "{error}");
    }
    push(&address, &plugin(), &login("secret")).unwrap();
    assert!(matches!(pull(&address, &Login::Anonymous), Err(RegistryError::Refused { .. })));
    assert_eq!(pull(&address, &login("secret")).unwrap().wasm, plugin().wasm);
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let address: Address = "127.0.0.1:1/somebody/mine:1".parse().unwrap();
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
