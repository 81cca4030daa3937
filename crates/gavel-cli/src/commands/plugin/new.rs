//! `gavel plugin new`: a folder to start from.

use anyhow::{Context, anyhow};
use gavel_plugins::{Manifest, WatchedFiles};

use crate::cases::CASES;
use crate::cli::{GlobalArgs, NewArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::terminal::Terminal;

/// Lays the folder down, and says what is in it.
pub(in crate::commands) fn run(args: &NewArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let folder = &args.folder;
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| anyhow!("{} does not end in a name", folder.display())).input_fault()?;
    gavel_toolkit::create(name, args.lang, folder).input_fault()?;
    let manifest = Manifest::read(folder, &WatchedFiles::default())?;
    let build = manifest.build.context("the template's manifest does not say how it is built")?;
    Terminal::new(global.quiet).note(format_args!(
        "{name}: a plugin in {}\n  {}  the verifier\n  {}  what it should say\n\
         next:  gavel plugin test {folder}  (builds it first)",
        args.lang,
        folder.join(build.source).display(),
        folder.join(CASES).display(),
        folder = folder.display(),
    ));
    Ok(ExitStatus::Success)
}
