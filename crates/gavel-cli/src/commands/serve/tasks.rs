//! The tasks that `gavel serve --tasks` has for OpenEnv's clients: rows of files, in any of the forms that rows have.

use anyhow::{Context, bail, ensure};
use gavel_serve::Tasks;
use serde_json::{Map, Value};

use crate::cli::{ServeArgs, TaskFile};
use crate::rows::Rows;

/// The most tasks of a file: they are held in memory.
const MOST: usize = 1_000_000;

/// Reads all files of tasks.
pub(super) fn read(args: &ServeArgs) -> anyhow::Result<Vec<Tasks>> {
    args.tasks.iter().map(|file| read_one(args, file)).collect()
}

fn read_one(args: &ServeArgs, TaskFile { reward, file }: &TaskFile) -> anyhow::Result<Tasks> {
    let reward = match (reward, &args.rewards[..]) {
        (Some(reward), _) => reward.clone(),
        (None, [only]) => only.name.clone(),
        (None, _) => bail!("{}: say whose tasks these are: --tasks NAME=FILE", file.display()),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // What comes behind the first dot says how it is written: train.jsonl.gz is the split `train`.
    let split = name.split('.').next().unwrap_or_default().to_owned();
    ensure!(!split.is_empty(), "{}: a file of tasks has a name, which is that of its split", file.display());
    let (mut lines, mut rows) = (Rows::open(file)?, Vec::new());
    loop {
        let some = lines.read()?;
        if some.is_empty() {
            break;
        }
        for numbered in some {
            let place = lines.place(numbered.line);
            let row = numbered.row.map_err(|error| anyhow::anyhow!("{place}: {error}"))?;
            let columns =
                row.columns().map(|(name, value)| Ok((name.to_owned(), serde_json::from_str(value.get())?)));
            let task: serde_json::Result<Map<String, Value>> = columns.collect();
            rows.push(task.with_context(|| place.clone())?);
            ensure!(rows.len() <= MOST, "{}: there are more than {MOST} tasks", file.display());
        }
    }
    ensure!(!rows.is_empty(), "{}: there are no tasks in it", file.display());
    Ok(Tasks { reward, split, rows })
}
