//! Python packages: wheels from PyPI, pinned by version and hash.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Tools;
use crate::ToolkitError;
use crate::run::Compiler;

pub(crate) const PYTHON: Compiler = Compiler {
    program: "python3",
    name: "Python",
    install: "install Python 3.10 or later with venv (Debian: apt-get install python3-venv)",
};

/// Wheels that go into one folder.
#[derive(Debug, Clone, Copy)]
pub struct Wheels<'a> {
    /// The name of the folder.
    pub name: &'static str,
    /// What they are for, and what they weigh.
    pub reason: &'static str,
    /// A requirements file for pip, each line with its hashes.
    pub requirements: &'a str,
    /// More for pip, such as the Python that they are for.
    pub arguments: &'a [&'a str],
    /// Whether every wheel is pinned by its hash, and with all that it needs. A plugin's author need not do so.
    pub hashed: bool,
}

impl Tools {
    /// The folder with these wheels; installs them where they are missing.
    ///
    /// # Errors
    /// When Python or its pip is missing, or pip cannot have the wheels.
    pub fn wheels(&self, wheels: &Wheels<'_>, report: &dyn Fn(&str)) -> Result<PathBuf, ToolkitError> {
        // Python's SDK may be called with a folder of wheels alone, so the folder is what is installed, no more.
        self.install(wheels.name, &wheels.pin(), |folder| {
            report(&format!("installing {} ({}) into {}", wheels.name, wheels.reason, self.folder.display()));
            let requirements = folder.join("requirements.txt");
            std::fs::write(&requirements, wheels.requirements).map_err(|source| ToolkitError::Io {
                doing: "write",
                path: requirements.clone(),
                source,
            })?;
            let mut pip = self.pip(folder)?;
            if wheels.hashed {
                pip.args(["--no-deps", "--require-hashes"]);
            }
            pip.args(wheels.arguments).arg("-r").arg(&requirements).arg("--target").arg(folder);
            PYTHON.run_quietly(&mut pip).map(drop).map_err(|error| ToolkitError::Install {
                tool: wheels.name,
                folder: self.folder.clone(),
                reason: error.to_string(),
                advice: "is there a network, and pypi.org?",
            })
        })
    }

    /// Whether these wheels are there, and where.
    pub fn has_wheels(&self, wheels: &Wheels<'_>) -> Option<PathBuf> {
        self.pinned(wheels.name, &wheels.pin()).then(|| self.place(wheels.name))
    }

    /// `pip install` of wheels only.
    ///
    /// # Errors
    /// When there is no Python with pip.
    pub fn pip(&self, folder: &Path) -> Result<Command, ToolkitError> {
        let mut pip = self.python(folder)?;
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
        Ok(pip)
    }

    /// A Python with pip: that of a virtual environment of our own, or the system's where Python cannot make one.
    ///
    /// # Errors
    /// When there is no Python, or it has neither venv nor pip.
    pub fn python(&self, folder: &Path) -> Result<Command, ToolkitError> {
        super::owner::check(&self.folder)?;
        let venv = self.place("venv");
        let python = venv.join("bin/python");
        if !python.exists() {
            let made = PYTHON.run_quietly(PYTHON.command(folder).args(["-m", "venv"]).arg(&venv));
            if let Err(reason) = made {
                super::remove(&venv)?;
                let has_pip = PYTHON.run_quietly(PYTHON.command(folder).args(["-m", "pip", "--version"]));
                return match has_pip {
                    Ok(_) => Ok(PYTHON.command(folder)),
                    Err(missing @ ToolkitError::Missing { .. }) => Err(missing),
                    Err(_) => Err(PYTHON.missing(format!("python3 has neither venv nor pip: {reason}"))),
                };
            }
        }
        let mut command = Command::new(python);
        command.current_dir(folder).stdin(Stdio::null());
        Ok(command)
    }
}

impl Wheels<'_> {
    fn pin(&self) -> String {
        format!("{}\n{}", self.arguments.join(" "), self.requirements)
    }
}
