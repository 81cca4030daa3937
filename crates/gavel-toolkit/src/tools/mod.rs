//! Pinned tools: packages of PyPI and npm, in folders of their own, installed where they are missing.
//!
//! A tool's folder holds a copy of what pinned it, so what is there can be told from what is wanted; it appears by a
//! rename, whole or not at all.

mod npm;
mod owner;
mod pip;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub(crate) use npm::NODE;
pub use npm::NodePackages;
pub(crate) use owner::create as create_folder;
pub(crate) use pip::PYTHON;
pub use pip::Wheels;

use crate::ToolkitError;
use crate::error::Doing;
use crate::project::FOLDER;

/// Makes components of Python programs.
pub const COMPONENTIZE_PY: Wheels<'_> = Wheels {
    name: "componentize-py",
    reason: "makes plugins of Python; 17 MB",
    requirements: include_str!("../../tools/componentize-py.txt"),
    arguments: &[],
    hashed: true,
};

/// Compiles C, C++ and Zig.
pub const ZIGLANG: Wheels<'_> = Wheels {
    name: "ziglang",
    reason: "compiles C, C++ and Zig; 100 MB",
    requirements: include_str!("../../tools/ziglang.txt"),
    arguments: &[],
    hashed: true,
};

/// Bundles JavaScript, checks TypeScript, and makes components of both.
pub const JAVASCRIPT: NodePackages = NodePackages {
    name: "javascript",
    reason: "componentize-js, esbuild and typescript, which make plugins of JavaScript; 450 MB on disk",
    package: include_str!("../../tools/javascript/package.json"),
    lock: include_str!("../../tools/javascript/package-lock.json"),
};

/// Compiles Go, where there is none.
pub const GO: Wheels<'_> = Wheels {
    name: "go",
    reason: "the Go toolchain; 250 MB on disk",
    requirements: include_str!("../../tools/go.txt"),
    arguments: &[],
    hashed: true,
};

/// Compiles AssemblyScript.
pub const ASSEMBLYSCRIPT: NodePackages = NodePackages {
    name: "assemblyscript",
    reason: "compiles AssemblyScript; 60 MB on disk",
    package: include_str!("../../tools/assemblyscript/package.json"),
    lock: include_str!("../../tools/assemblyscript/package-lock.json"),
};

/// A folder of tools.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Tools in a folder, which is created when the first is installed.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The tools of a project: `.gavel/tools` of the plugin's folder, or of the nearest folder above that has one. What
    /// somebody else could have put there is passed by: a folder above may be everybody's.
    pub fn near(plugin: &Path) -> Self {
        let place = |folder: &Path| folder.join(FOLDER).join("tools");
        let absolute = fs::canonicalize(plugin).unwrap_or_else(|_| plugin.to_owned());
        let ours = |tools: &PathBuf| tools.is_dir() && owner::check(tools).is_ok();
        let found = absolute.ancestors().map(place).find(ours);
        Self { folder: found.unwrap_or_else(|| place(&absolute)) }
    }

    /// The folder that holds them, which may not be there yet.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the Nim that gavel's own set-up unpacks among its tools, with `bin/nim` in it; `None` where it has not.
    pub fn nim(&self) -> Option<PathBuf> {
        Some(self.place("nim").join("usr")).filter(|unpacked| unpacked.is_dir())
    }

    /// Where a tool is, or will be.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Installs a tool, unless it is there and pinned as it should be. `install` fills the folder that it is given;
    /// `pin` is what tells one installation from another.
    pub(crate) fn install(
        &self,
        name: &str,
        pin: &str,
        install: impl FnOnce(&Path) -> Result<(), ToolkitError>,
    ) -> Result<PathBuf, ToolkitError> {
        owner::check(&self.folder)?;
        let place = self.place(name);
        if self.pinned(name, pin) {
            return Ok(place);
        }
        owner::create(&self.folder).doing("create", &self.folder)?;
        let lock = self.folder.join(".lock");
        // Held until the tool is there: another process that wants it too waits, and then finds it.
        let lock_file = File::create(&lock).doing("create", &lock)?;
        lock_file.lock().doing("lock", &lock)?;
        if self.pinned(name, pin) {
            return Ok(place);
        }
        let part = self.folder.join(format!("{name}.part"));
        remove(&part)?;
        fs::create_dir_all(&part).doing("create", &part)?;
        install(&part)?;
        fs::write(part.join(PIN), pin).doing("write", part.join(PIN))?;
        remove(&place)?;
        fs::rename(&part, &place).doing("rename", &part)?;
        Ok(place)
    }

    /// Whether a tool is installed as `pin` says.
    pub(crate) fn pinned(&self, name: &str, pin: &str) -> bool {
        fs::read_to_string(self.place(name).join(PIN)).is_ok_and(|found| found == pin)
    }
}

/// The file in a tool's folder that says what pinned it.
const PIN: &str = ".pin";

/// Removes a folder that may be there.
fn remove(folder: &Path) -> Result<(), ToolkitError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing("remove", folder),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_installed_once_and_again_when_its_pin_changes() {
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::in_folder(folder.path());
        let install = |pin: &str| {
            let mut ran = false;
            let place = tools.install("tool", pin, |part| {
                ran = true;
                fs::write(part.join("file"), pin).doing("write", part)
            });
            assert_eq!(fs::read_to_string(place.unwrap().join("file")).unwrap(), pin);
            ran
        };
        assert_eq!([install("1"), install("1"), install("2"), install("2")], [true, false, true, false]);
    }

    #[test]
    fn a_tool_that_cannot_be_installed_leaves_the_one_before_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::in_folder(folder.path());
        tools.install("tool", "1", |part| fs::write(part.join("file"), "1").doing("write", part)).unwrap();
        let failed =
            tools.install("tool", "2", |part| fs::write(part.join("no/such"), "2").doing("write", part));
        assert!(failed.is_err());
        assert!(tools.pinned("tool", "1"));
    }

    #[test]
    fn tools_of_the_project_around_a_plugin_are_shared() {
        let project = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(project.path()).unwrap();
        let plugin = root.join("rewards/mine");
        fs::create_dir_all(&plugin).unwrap();
        assert_eq!(Tools::near(&plugin).folder, plugin.join(".gavel/tools"));
        create_folder(&root.join(".gavel/tools")).unwrap();
        assert_eq!(Tools::near(&plugin).folder, root.join(".gavel/tools"));
    }

    #[cfg(unix)]
    #[test]
    fn tools_that_others_can_change_are_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let project = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(project.path()).unwrap();
        let plugin = root.join("mine");
        fs::create_dir_all(&plugin).unwrap();
        let tools = root.join(".gavel/tools");
        create_folder(&tools).unwrap();
        for open in [root.join(".gavel"), tools.clone()] {
            fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
            assert_eq!(Tools::near(&plugin).folder, plugin.join(".gavel/tools"), "{}", open.display());
            let error = Tools::in_folder(&tools).install("tool", "1", |_| Ok(())).unwrap_err();
            assert!(matches!(error, ToolkitError::UntrustedTools { .. }), "{error}");
            fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(Tools::near(&plugin).folder, tools);
    }
}
