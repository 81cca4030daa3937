//! `gavel cache`: compiled plugins, before anybody waits for them.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, ensure};
use gavel_reward::{Workspace, WorkspaceOptions};
use gavel_verify::Reward;

use crate::cli::{GlobalArgs, WarmArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::Terminal;

/// Loads every reward file, which compiles what it names; names and digests go to stdout.
pub(super) fn warm(args: &WarmArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let none = "there is no folder to keep compiled plugins in; name one with --cache-dir or GAVEL_CACHE_DIR";
    let folder = args.cache.folder().context(none).input_fault()?;
    let options = WorkspaceOptions {
        workers: NonZeroUsize::MIN,
        plugin_path: args.path.resolve(),
        cache_dir: Some(folder.clone()),
        cache_fallback_dir: None,
        cache_size: args.cache.size(),
        // No judge is asked, so that none needs its key.
        replay: true,
        ..WorkspaceOptions::default()
    };
    let workspace = Workspace::start(&options)?;
    for file in &args.rewards {
        for (name, digest) in workspace.load(file)?.digests() {
            ensure_kept(&folder, &name, &digest)?;
            writeln!(std::io::stdout(), "{name} sha256:{digest}").context("cannot write to stdout")?;
        }
    }
    Terminal::new(global.quiet).note(format_args!("compiled into {}", folder.display()));
    Ok(ExitStatus::Success)
}

/// Checks that a plugin is in the cache. To judge, a cache that cannot be written to is no obstacle; here it is.
fn ensure_kept(folder: &Path, name: &str, digest: &str) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let kept = entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(digest));
    let folder = folder.display();
    ensure!(
        kept,
        "`{name}` could not be kept in {folder}: can this user write there, and is --cache-size enough?"
    );
    Ok(())
}
