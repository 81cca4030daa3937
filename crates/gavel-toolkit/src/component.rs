//! From a core module to a component, in process: embeds the contract, links the preview-1 adapter, componentizes.

use std::fmt::Display;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use crate::{ToolkitError, sdk};

/// The world of every plugin but those that run programs, which are written in Rust.
const WORLD: &str = "plugin";

/// Makes a component of a core module that exports what the bindings of the world `plugin` export. Where the module
/// imports WASI preview 1, the adapter gives it preview 2.
pub(crate) fn of_core_module(module: &[u8]) -> Result<Vec<u8>, ToolkitError> {
    let mut module = module.to_vec();
    let (resolve, world) = contract().map_err(not_a_plugin)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(not_a_plugin)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(not_a_plugin)
}

fn contract() -> Result<(Resolve, WorldId), String> {
    let mut files = SourceMap::new();
    for (path, text) in sdk::contract() {
        files.push_str(&path, text);
    }
    let package = files.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(package).map_err(|error| error.to_string())?;
    let world = resolve.select_world(&[package], Some(WORLD)).map_err(|error| format!("{error:#}"))?;
    Ok((resolve, world))
}

/// The crates below say in a chain of causes what is missing.
fn not_a_plugin(error: impl Display) -> ToolkitError {
    ToolkitError::NotAPlugin { reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_contract_has_the_world_that_plugins_are_made_of() {
        let (resolve, world) = contract().unwrap();
        assert_eq!(resolve.worlds[world].name, WORLD);
        assert_eq!(resolve.worlds[world].exports.len(), 1);
    }

    #[test]
    fn a_module_without_the_contracts_exports_is_refused_by_their_name() {
        // An empty module: the magic number and the version.
        let error = of_core_module(b"\0asm\x01\0\0\0").unwrap_err().to_string();
        assert!(error.contains("`gavel:verifier/verifier@0.1.0` function `describe`"), "{error}");
    }
}
