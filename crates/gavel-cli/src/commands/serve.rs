//! `gavel serve`: rewards over HTTP until a signal says that it is enough.

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

/// Loads the rewards, listens, and says so.
pub(super) fn run(args: &ServeArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    // While plugins are loaded there is nothing to save, so that a signal ends the process at once.
    let interrupts = Interrupts::listen()?;
    let terminal = Terminal::new(global.quiet);
    let token = args.token_file.as_deref().map(read_token).transpose().input_fault()?;
    let options = WorkspaceOptions { for_authors: false, ..args.plugins.clone().resolve() };
    let workspace = Workspace::start(&options)?;
    let mut rewards = Vec::new();
    for named in &args.rewards {
        stale::say_of_reward(&named.file, &options.plugin_path, &terminal);
        let reward = ReloadingReward::load(&workspace, &named.file)?;
        // Whoever asks first must not wait for that.
        reward.current().warm();
        rewards.push(NamedReward { name: named.name.clone(), reward });
    }
    let programs = Programs::load(&workspace, &args.run_code)?;
    let said = said_of(&rewards, &args.run_code);
    let threads = workspace.workers();
    let serve = ServeOptions {
        listen: args.listen,
        token,
        max_body: usize::try_from(args.max_body.as_u64()).unwrap_or(usize::MAX),
        timeout: Duration::from_secs(args.timeout),
        max_sessions: args.max_sessions.into(),
        ..ServeOptions::default()
    };
    let server = Server::bind(serve, workspace, rewards, programs)?;
    let address = server.address().context("the address is not known")?;
    terminal.note(format_args!("serving {said} at http://{address} on {threads} threads"));
    interrupts.hold();
    let notice = args.watch.then(|| {
        let terminal = terminal.clone();
        Box::new(move |_: &str, refreshed: &gavel_verify::Refreshed| terminal.refreshed(refreshed)) as Box<_>
    });
    server.run(|| interrupts.status().is_some(), notice)?;
    terminal.note("stopped: what was accepted is answered");
    Ok(ExitStatus::Success)
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
            ServeError::RewardName { .. } | ServeError::Open { .. } | ServeError::Listen { .. } => {
                Self::Input(error.into())
            }
        }
    }
}
