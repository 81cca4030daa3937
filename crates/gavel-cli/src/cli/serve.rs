//! `gavel serve` on the command line.

use std::fmt::{self, Display, Formatter};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;
use clap::Args;

use super::PluginArgs;

pub(super) const HELP: &str = "\
Examples:
  gavel serve --reward math=reward.toml
  gavel serve --reward math=math.toml --reward code=code.toml --run-code python --watch
  gavel serve --reward reward.toml --listen 0.0.0.0:8080 --token-file token
  gavel serve --reward reward.toml --processes 4
  curl -s localhost:8080/v1/score -d '{\"prompt\": \"1 + 1?\", \"completion\": \"2\", \"reference\": \"2\"}'

OpenRLHF takes `--reward.remote_url http://localhost:8080/get_reward`, slime `--rm-url http://localhost:8080/remote_rm`, \
verl `reward.sandbox_fusion.url=http://localhost:8080/run_code`. With several rewards, `?reward=NAME` says which one, or \
`/rewards/NAME` before the path. `gavel docs http-api` describes every path; http://localhost:8080/ is a page to look at.

Ctrl-C and SIGTERM finish what was accepted; a second one ends the server at once.";

/// Arguments of `gavel serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A reward file, and what requests call it; may be repeated. Without NAME it is called as its file.
    #[arg(short, long = "reward", value_name = "NAME=FILE", required_unless_present = "run_code")]
    pub rewards: Vec<NamedFile>,
    /// Tasks of a reward for OpenEnv's clients, rows without completions; may be repeated. The file's name is that of the
    /// split, as in math=train.jsonl; NAME may be left out where there is one reward.
    #[arg(long, value_name = "NAME=FILE")]
    pub tasks: Vec<TaskFile>,
    /// Where to listen; port 0 is whichever is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,
    /// A file with the token that requests have to show (`Authorization: Bearer`). Without one, only this machine is
    /// listened to.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Run programs in this language for whoever asks (`/run_code`), such as python; may be repeated.
    #[arg(long, value_name = "LANGUAGE")]
    pub run_code: Vec<String>,
    /// Take up what has changed of the reward files and their plugins. What cannot be loaded is refused, and what judged
    /// before goes on.
    #[arg(long)]
    pub watch: bool,
    /// The most bytes of a request.
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub max_body: ByteSize,
    /// How many seconds a request may take to arrive, and how many to be judged.
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
    /// The most sessions over a WebSocket (OpenEnv's) at once; others are turned away.
    #[arg(long, value_name = "N", default_value = "2048", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub max_sessions: u16,
    /// Processes that judge behind the one address, with --jobs shared among them; one that ends is started again.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub processes: u16,
    /// Which of them this is. Whoever starts them says so, and has the listener be their standard input.
    #[arg(long, hide = true, value_name = "NUMBER,STARTS,PARENT,UP,FOLDER")]
    pub as_process: Option<AsProcess>,
    /// How plugins are found and run.
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// A file of tasks, and the reward that judges them.
#[derive(Debug, Clone)]
pub struct TaskFile {
    /// The reward's name, if it is said.
    pub reward: Option<String>,
    /// The file.
    pub file: PathBuf,
}

impl FromStr for TaskFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once('=') {
            Some((reward, file)) => Self { reward: Some(reward.to_owned()), file: file.into() },
            None => Self { reward: None, file: text.into() },
        })
    }
}

/// One of several processes.
#[derive(Debug, Clone)]
pub struct AsProcess {
    /// From 0.
    pub number: u16,
    /// How often it has been started, this time included.
    pub starts: u64,
    /// The process that starts them.
    pub parent: u32,
    /// How long that one has been up, in milliseconds.
    pub up: u64,
    /// The folder that they share.
    pub folder: PathBuf,
}

impl FromStr for AsProcess {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is said by `gavel serve --processes` to what it starts".to_owned();
        // A folder may have commas in its name.
        let [number, starts, parent, up, folder] = text.splitn(5, ',').collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        Ok(Self {
            number: number.parse().map_err(|_| wrong())?,
            starts: starts.parse().map_err(|_| wrong())?,
            parent: parent.parse().map_err(|_| wrong())?,
            up: up.parse().map_err(|_| wrong())?,
            folder: folder.into(),
        })
    }
}

impl Display for AsProcess {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { number, starts, parent, up, folder } = self;
        write!(f, "{number},{starts},{parent},{up},{}", folder.display())
    }
}

/// An address with its port, by number or by name.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = |problem: &str| {
        format!("{problem}: write address and port, such as 127.0.0.1:8080 or localhost:8080")
    };
    if text.parse::<u16>().is_ok() || text.starts_with(':') {
        return Err(wrong("it names no address"));
    }
    let mut found = text.to_socket_addrs().map_err(|error| wrong(&error.to_string()))?;
    // A name may mean IPv4 and IPv6.
    let all: Vec<SocketAddr> = found.by_ref().collect();
    let first = all.iter().find(|address| address.is_ipv4()).or(all.first());
    first.copied().ok_or_else(|| wrong("it is nowhere"))
}

/// A reward file and its name.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// What requests call it.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, file)) = text.split_once('=') {
            return Ok(Self { name: name.to_owned(), file: file.into() });
        }
        let file = PathBuf::from(text);
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        name.map(|name| Self { name, file }).ok_or_else(|| "write NAME=FILE".to_owned())
    }
}
