//! The columns of tasks where neither settings nor flags name them: those of the reward file's `[columns]`.

use std::path::Path;

use gavel_cli::exit::Stop;
use gavel_lines::{Input, LONGEST_LINE, Lines};
use gavel_plugins::WatchedFiles;
use gavel_reward::RewardFile;
use gavel_train::task::{Columns, TaskFiles};
use gavel_wire::{Columns as OfReward, Names, value_within};
use serde_json::{Map, Value};

/// What the reward file says of columns, for what is left at its default. Which of several names counts, the first task
/// says; who names problem or prompt has said what is continued.
pub(super) fn fill(columns: &mut Columns, reward: &Path, tasks: &TaskFiles) -> Result<(), Stop> {
    let (of_reward, unsaid) =
        (RewardFile::read(reward, &WatchedFiles::default())?.columns, OfReward::default());
    let (defaults, first) = (Columns::default(), first_row(tasks));
    let there =
        |names: &Names| names.iter().find(|name| value_within(&first, name).is_some()).map(str::to_owned);
    let named = |names: &Names, unsaid: &Names| (names != unsaid).then(|| there(names)).flatten();
    if (&columns.prompt, &columns.problem) == (&defaults.prompt, &defaults.problem) {
        columns.prompt = named(&of_reward.prompt, &unsaid.prompt).unwrap_or(defaults.prompt);
    }
    // A reference that the first task lacks may be one that its verifiers do not need.
    if columns.reference == defaults.reference {
        columns.reference = named(&of_reward.reference, &unsaid.reference).unwrap_or(defaults.reference);
    }
    if columns.metadata == defaults.metadata {
        columns.metadata = named(&of_reward.metadata, &unsaid.metadata).unwrap_or(defaults.metadata);
    }
    if columns.leave_out.is_empty() {
        columns.leave_out = of_reward.leave_out;
    }
    Ok(())
}

/// The first row of the tasks; nothing where that cannot be read, which who reads the tasks says better.
pub(super) fn first_row(tasks: &TaskFiles) -> Map<String, Value> {
    let read = || {
        let (input, _) = Input::open(&tasks.first()?).ok()?;
        let mut lines = Lines::new(input, LONGEST_LINE);
        loop {
            let text = lines.read().ok()??.text.ok()?;
            if !text.trim().is_empty() {
                return serde_json::from_str(&text).ok();
            }
        }
    };
    read().unwrap_or_default()
}
