//! JavaScript and TypeScript: esbuild bundles, tsc checks types, componentize-js makes a component of SpiderMonkey and
//! the bundle.

use super::Product;
use crate::ToolkitError;
use crate::project::Workshop;
use crate::tools::{JAVASCRIPT, NODE};

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let packages = workshop.tools.packages(&JAVASCRIPT, workshop.report)?;
    let made = workshop.scratch().join("plugin.wasm");
    (workshop.report)("componentize-js: making a component of the plugin (10 to 30 s)");
    let mut node = NODE.command(&workshop.folder);
    node.arg(workshop.sdk("javascript").join("build.mjs"));
    NODE.run_quietly(node.arg(packages).arg(&workshop.project.source).arg(&made))?;
    Ok(Product::Finished(made))
}
