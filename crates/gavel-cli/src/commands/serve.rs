//! `gavel serve`: rewards over HTTP until a signal says that it is enough.

#[cfg(unix)]
mod processes;
mod tasks;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use gavel_files::bounded;
use gavel_reward::{ReloadingReward, Workspace, WorkspaceOptions};
use gavel_serve::{NamedReward, Programs, ServeError, ServeOptions, Server};

use crate::cli::{GlobalArgs, ServeArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::interrupts::Interrupts;
use crate::stale;
use crate::terminal::{Terminal, shown};

/// The most bytes of a token's file, and the fewest letters that are worth the name.
const LARGEST_TOKEN: u64 = 4096;
const SHORTEST_TOKEN: usize = 16;

/// Loads the rewards, listens, and says so; or has several processes do that.
pub(super) fn run(args: &ServeArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    // While plugins are loaded there is nothing to save, so that a signal ends the process at once.
    let interrupts = Interrupts::listen()?;
    let terminal = Terminal::new(global.quiet);
    let serve = ServeOptions {
        listen: args.listen,
        token: args.token_file.as_deref().map(read_token).transpose().input_fault()?,
        max_body: usize::try_from(args.max_body.as_u64()).unwrap_or(usize::MAX),
        timeout: Duration::from_secs(args.timeout),
        max_sessions: args.max_sessions.into(),
        ..ServeOptions::default()
    };
    #[cfg(unix)]
    if let Some(process) = &args.as_process {
        return processes::one(args, process, serve, &interrupts, &terminal);
    }
    let plugin_path = args.plugins.path.resolve();
    for named in &args.rewards {
        stale::say_of_reward(&named.file, &plugin_path, &terminal);
    }
    #[cfg(unix)]
    if args.processes > 1 {
        return processes::run(args, &serve, &interrupts, &terminal);
    }
    #[cfg(not(unix))]
    if args.processes > 1 {
        return Err(Stop::Input(anyhow::anyhow!(
            "--processes: this system has no listeners that processes share"
        )));
    }
    let serve = ServeOptions { tasks: tasks::read(args).input_fault()?, ..serve };
    let options = WorkspaceOptions { for_authors: false, ..args.plugins.clone().resolve() };
    let Loaded { workspace, rewards, programs } = Loaded::load(args, &options)?;
    let (said, threads) = (said_of(&rewards, &args.run_code), workspace.workers());
    let server = Server::bind(serve, workspace, rewards, programs)?;
    let address = server.address().context("the address is not known")?;
    terminal.note(format_args!("serving {said} at http://{address} on {threads} threads"));
    interrupts.hold();
    server.run(|| interrupts.status().is_some(), args.watch.then(|| notice(&terminal)))?;
    terminal.note(ANSWERED);
    Ok(ExitStatus::Success)
}

/// What is said at the end.
const ANSWERED: &str = "stopped: what was accepted is answered";

/// What answers.
struct Loaded {
    workspace: Workspace,
    rewards: Vec<NamedReward>,
    programs: Programs,
}

impl Loaded {
    fn load(args: &ServeArgs, options: &WorkspaceOptions) -> Result<Self, Stop> {
        let workspace = Workspace::start(options)?;
        let mut rewards = Vec::new();
        for named in &args.rewards {
            let reward = ReloadingReward::load(&workspace, &named.file)?;
            // Whoever asks first must not wait for that.
            reward.current().warm();
            rewards.push(NamedReward { name: named.name.clone(), reward });
        }
        let programs = Programs::load(&workspace, &args.run_code)?;
        Ok(Self { workspace, rewards, programs })
    }
}

/// Says what is taken up of changed rewards.
fn notice(terminal: &Terminal) -> Box<dyn Fn(&str, &gavel_verify::Refreshed) + Send + Sync> {
    let terminal = terminal.clone();
    Box::new(move |_, refreshed| terminal.refreshed(refreshed))
}

/// What is served, for the line that says so.
fn said_of(rewards: &[NamedReward], languages: &[String]) -> String {
    let mut said: Vec<String> = rewards
        .iter()
        .map(|NamedReward { name, reward }| {
            let current = reward.current();
            format!("{} ({})", shown(name), current.verifiers().collect::<Vec<_>>().join(", "))
        })
        .collect();
    said.extend(languages.iter().map(|language| format!("programs in {}", shown(language))));
    said.join(", ")
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = bounded::read_text(path, LARGEST_TOKEN);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let token = text.trim();
    ensure!(
        token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "{}: a token has at least {SHORTEST_TOKEN} letters or digits and no spaces; `openssl rand -hex 32` makes one",
        path.display()
    );
    Ok(token.to_owned())
}

impl From<ServeError> for Stop {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Runtime(_) => Self::Unexpected(error.into()),
            ServeError::RewardName { .. }
            | ServeError::TasksOfNone { .. }
            | ServeError::Open { .. }
            | ServeError::Listen { .. } => Self::Input(error.into()),
        }
    }
}
