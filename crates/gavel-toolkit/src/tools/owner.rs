//! Whose a folder of tools is. What lies in it is run, so only what the user or the system put there is.

use std::fs;
use std::io;
use std::path::Path;

use crate::ToolkitError;
use crate::project::FOLDER;

/// Checks that nobody but the user and the system can write to a folder of tools, or replace it within `.gavel`. One
/// that is not there is nobody's.
pub(crate) fn check(tools: &Path) -> Result<(), ToolkitError> {
    let around = tools.parent().filter(|parent| parent.ends_with(FOLDER));
    for folder in [Some(tools), around].into_iter().flatten() {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if let Some(problem) = open_to_others(&metadata) {
            return Err(ToolkitError::UntrustedTools { folder: folder.to_owned(), problem });
        }
    }
    Ok(())
}

/// Creates a folder, with those above it, that only the user can write to, whatever the umask.
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(folder)
}

/// Who else can write to a folder, as the end of a sentence.
#[cfg(unix)]
fn open_to_others(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let user = rustix::process::geteuid().as_raw();
    if owner != user && owner != 0 {
        return Some(format!("belongs to another user (uid {owner}, not {user})"));
    }
    (mode & 0o022 != 0).then(|| format!("can be written to by others (mode {mode:o})"))
}

/// Where permissions are not bits, a user's folders are the user's unless somebody made them otherwise.
#[cfg(not(unix))]
fn open_to_others(_: &fs::Metadata) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Only root can give a folder away.
    #[test]
    fn the_tools_of_another_user_are_not_used() {
        let project = tempfile::tempdir().unwrap();
        let tools = project.path().join(".gavel/tools");
        assert!(check(&tools).is_ok(), "what is not there is nobody's");
        create(&tools).unwrap();
        check(&tools).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(project.path().join(".gavel"), Some(4321), None).unwrap();
            let error = check(&tools).unwrap_err().to_string();
            assert!(error.contains("uid 4321") && error.contains("--tools-dir"), "{error}");
        }
    }
}
