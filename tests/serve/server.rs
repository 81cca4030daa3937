//! A real `gavel serve` on a free port, and a client for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The runtime of the tests' own client.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    // Who has installed one already has installed this one.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
});

/// Waits for what a client does.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A server, ended when it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    pub(crate) folder: TempDir,
    /// What it says after it has said that it listens.
    said: std::thread::JoinHandle<String>,
}

/// What an answer is.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The status and the code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        assert!(json["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        (self.status.as_u16(), json["error"]["code"].as_str().unwrap().to_owned())
    }
}

impl Server {
    /// Serves these reward files, each `NAME=TEXT`, with these flags.
    pub(crate) fn start(rewards: &[(&str, &str)], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.current_dir(folder.path()).arg("serve").args(["--listen", "127.0.0.1:0"]);
        for (name, text) in rewards {
            fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
            command.arg("--reward").arg(format!("{name}={name}.toml"));
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GAVEL_") {
                command.env_remove(name);
            }
        }
        command.env("GAVEL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"));
        command.env("XDG_DATA_HOME", folder.path().join("data"));
        command.args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut before = String::new();
        let address = log.find_map(|line| {
            before.push_str(&line);
            Some(line.split_once("http://")?.1.split(' ').next()?.to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("it does not listen: {before}"));
        let said = std::thread::spawn(move || log.collect::<Vec<_>>().join("\n"));
        Self { process, address, folder, said }
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn post_request(&self, path: &str) -> RequestBuilder {
        CLIENT.post(self.url(path))
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.post_request(path).header("content-type", "application/json").body(body);
        wait(async { read(request.send().await.unwrap()).await })
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, body.to_string())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        wait(async { read(CLIENT.get(self.url(path)).send().await.unwrap()).await })
    }

    /// The value of a number in `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").text;
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// Waits until this holds, which it must within seconds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end, with what was said until then.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        let said = std::mem::replace(&mut self.said, std::thread::spawn(String::new));
        (status, said.join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is none the worse.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub(crate) async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}
