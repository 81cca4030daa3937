//! The languages in which programs are run for whoever asks, granted when the server was started.

use std::time::Duration;

use gavel_host::{Ended, Execution, Interpreter, ProgramLimits};
use gavel_reward::{Client, RewardError, Workspace};
use gavel_verify::{Cancel, Failure};
use indexmap::IndexMap;
use tokio::sync::oneshot;

use crate::app::App;
use crate::error::ApiError;
use crate::judge::CancelOnDrop;

/// Interpreters by their languages, and what each program may spend.
#[derive(Debug, Default)]
pub struct Programs {
    interpreters: IndexMap<String, Interpreter>,
    limits: ProgramLimits,
}

/// What is to be run.
pub(crate) struct Run {
    pub(crate) source: String,
    pub(crate) stdin: String,
    /// No more than this, where it says less than the server allows.
    pub(crate) timeout: Option<Duration>,
    pub(crate) memory: Option<u64>,
}

impl Programs {
    /// Loads the interpreters of these languages from the plugin path of the workspace.
    ///
    /// # Errors
    /// When one of them is not there, or cannot be loaded.
    pub fn load(workspace: &Workspace, languages: &[String]) -> Result<Self, RewardError> {
        let load = |language: &String| Ok((language.clone(), workspace.interpreter(language)?));
        let interpreters = languages.iter().map(load).collect::<Result<_, RewardError>>()?;
        Ok(Self { interpreters, limits: ProgramLimits::default() })
    }

    pub(crate) fn languages(&self) -> impl Iterator<Item = &str> {
        self.interpreters.keys().map(String::as_str)
    }
}

/// Runs a program on one of the threads that judge. When the future is dropped, the program ends.
pub(crate) async fn run(
    app: &App,
    language: &str,
    run: Run,
    client: Client,
) -> Result<Result<Execution, Failure>, ApiError> {
    let Programs { interpreters, limits } = &app.programs;
    let interpreter = interpreters.get(language);
    let interpreter =
        interpreter.cloned().ok_or_else(|| ApiError::NotGranted { language: language.to_owned() })?;
    let limits = ProgramLimits {
        timeout: run.timeout.map_or(limits.timeout, |timeout| timeout.min(limits.timeout)),
        memory: run.memory.map_or(limits.memory, |memory| memory.min(limits.memory)),
        ..limits.clone()
    };
    let cancel = Cancel::after(app.options.timeout);
    let _ends = CancelOnDrop(cancel.clone());
    let (sender, ran) = oneshot::channel();
    let bytes = run.source.len() + run.stdin.len();
    let work = {
        let cancel = cancel.clone();
        move || {
            // Who has gone does not want it.
            if !cancel.is_set() {
                let ran = interpreter.execute(&run.source, run.stdin.as_bytes(), &limits, &cancel);
                drop(sender.send(ran));
            }
        }
    };
    app.workspace.try_spawn(client, bytes, work)?;
    let ran = ran.await;
    if cancel.is_set() {
        return Err(ApiError::Deadline { seconds: app.options.timeout.as_secs_f64() });
    }
    ran.map_err(|_| ApiError::Internal("a program was lost".to_owned()))
}

/// The exit code that a shell would see.
pub(crate) fn exit_code(ended: &Ended) -> Option<u8> {
    match ended {
        Ended::Exited(code) => Some(*code),
        Ended::Raised | Ended::OutputTooLarge => Some(1),
        Ended::OutOfMemory => Some(137),
        Ended::Trapped(_) => Some(134),
        Ended::OutOfFuel | Ended::Deadline => None,
    }
}
