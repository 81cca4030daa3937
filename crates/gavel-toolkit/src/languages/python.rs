//! Python: componentize-py makes a component of CPython, the SDK and the plugin's modules.

use std::fs;
use std::path::PathBuf;

use super::Product;
use crate::error::Doing;
use crate::project::{FOLDER, Workshop};
use crate::tools::{COMPONENTIZE_PY, PYTHON, Wheels};
use crate::{ToolkitError, Tools};

/// The CPython in the component; the packages that a plugin uses are installed for it.
const VERSION: &str = "3.14";

/// A plugin's own list of pure-Python packages, as pip reads it.
const REQUIREMENTS: &str = "requirements.txt";

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let componentize_py = workshop.tools.wheels(&COMPONENTIZE_PY, workshop.report)?;
    let made = workshop.scratch().join("plugin.wasm");
    let mut python = workshop.tools.python(&workshop.folder)?;
    let path = [workshop.sdk("python"), componentize_py];
    python.env("PYTHONPATH", std::env::join_paths(path).unwrap_or_default());
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    // componentize-py offers the packages of the active environment to the plugin. This one has none.
    let empty = workshop.scratch().join("no-packages");
    fs::create_dir_all(empty.join("lib/site-packages")).doing("create", &empty)?;
    python.env("VIRTUAL_ENV", empty);
    python.args(["-m", "gavel_plugin", "build"]).arg(&workshop.project.source).arg("--output").arg(&made);
    for folder in &workshop.project.paths {
        python.arg("--path").arg(folder);
    }
    if let Some(packages) = packages(workshop)? {
        python.arg("--path").arg(packages);
    }
    (workshop.report)("componentize-py: importing the plugin and making a component of it (20 to 60 s)");
    let said = PYTHON.run_quietly(&mut python)?;
    said.lines().filter_map(|line| line.strip_prefix("note: ")).for_each(workshop.report);
    Ok(Product::Finished(made))
}

/// The folder with what `requirements.txt` asks for, if the plugin has one.
fn packages(workshop: &Workshop<'_>) -> Result<Option<PathBuf>, ToolkitError> {
    let file = workshop.folder.join(REQUIREMENTS);
    if !file.exists() {
        return Ok(None);
    }
    let requirements = fs::read_to_string(&file).doing("read", &file)?;
    let wheels = Wheels {
        name: "packages",
        reason: "what requirements.txt asks for",
        requirements: &requirements,
        arguments: &["--python-version", VERSION, "--no-compile"],
        hashed: requirements.contains("--hash="),
    };
    let tools = Tools::in_folder(workshop.folder.join(FOLDER));
    tools.wheels(&wheels, workshop.report).map(Some)
}
