//! Node packages: what a `package-lock.json` pins, by version and hash.

use std::fs;
use std::path::PathBuf;

use super::Tools;
use crate::ToolkitError;
use crate::error::Doing;
use crate::run::Compiler;

pub(crate) const NODE: Compiler = Compiler {
    program: "node",
    name: "Node",
    install: "install Node 20 or later: https://nodejs.org (Debian: apt-get install nodejs npm)",
};

const NPM: Compiler = Compiler { program: "npm", name: "npm", install: NODE.install };

/// Packages that go into one folder.
#[derive(Debug, Clone, Copy)]
pub struct NodePackages {
    /// The name of the folder.
    pub name: &'static str,
    /// What they are for, and what they weigh.
    pub reason: &'static str,
    /// The text of `package.json`.
    pub package: &'static str,
    /// The text of `package-lock.json`.
    pub lock: &'static str,
}

impl Tools {
    /// The folder with these packages (they are in its `node_modules`); installs them where they are missing.
    ///
    /// # Errors
    /// When Node or npm is missing, or npm cannot have the packages.
    pub fn packages(&self, packages: &NodePackages, report: &dyn Fn(&str)) -> Result<PathBuf, ToolkitError> {
        self.install(packages.name, packages.lock, |folder| {
            report(&format!(
                "installing {} ({}) into {}",
                packages.name,
                packages.reason,
                self.folder.display()
            ));
            for (file, text) in [("package.json", packages.package), ("package-lock.json", packages.lock)] {
                fs::write(folder.join(file), text).doing("write", folder.join(file))?;
            }
            let mut npm = NPM.command(folder);
            // No package here needs its install script, and none should run one.
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
            NPM.run_quietly(&mut npm).map(drop).map_err(|error| match error {
                missing @ ToolkitError::Missing { .. } => missing,
                error => ToolkitError::Install {
                    tool: packages.name,
                    folder: self.folder.clone(),
                    reason: error.to_string(),
                    advice: "is there a network, and registry.npmjs.org?",
                },
            })
        })
    }

    /// Whether these packages are there, and where.
    pub fn has_packages(&self, packages: &NodePackages) -> Option<PathBuf> {
        self.pinned(packages.name, packages.lock).then(|| self.place(packages.name))
    }
}
