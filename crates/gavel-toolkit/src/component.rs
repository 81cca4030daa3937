//! From a core module to a component, in process: embeds the contract, links the preview-1 adapter, componentizes.

use std::fmt::Display;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use crate::{ToolkitError, sdk};

/// The world of every plugin but those that run programs, which are written in Rust, and those that judge groups.
const WORLD: &str = "plugin";

/// The world of a plugin that judges the completions of a prompt together.
const GROUP_WORLD: &str = "group-plugin";

/// What a core module exports besides, where its plugin judges groups: the SDKs' bindings have the exports of both worlds.
const JUDGES_GROUPS: &str = "gavel-judges-groups";

/// Makes a component of a core module that exports what the bindings export. Where the module imports WASI preview 1, the
/// adapter gives it preview 2.
pub(crate) fn of_core_module(module: &[u8]) -> Result<Vec<u8>, ToolkitError> {
    let mut module = module.to_vec();
    let world = if exports(&module, JUDGES_GROUPS).map_err(not_a_plugin)? { GROUP_WORLD } else { WORLD };
    let (resolve, world) = contract(world).map_err(not_a_plugin)?;
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

/// Whether a core module exports a function of this name.
fn exports(module: &[u8], name: &str) -> Result<bool, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                if export?.name == name {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn contract(world: &str) -> Result<(Resolve, WorldId), String> {
    let mut files = SourceMap::new();
    for (path, text) in sdk::contract() {
        files.push_str(&path, text);
    }
    let package = files.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(package).map_err(|error| error.to_string())?;
    let world = resolve.select_world(&[package], Some(world)).map_err(|error| format!("{error:#}"))?;
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
        for name in [WORLD, GROUP_WORLD] {
            let (resolve, world) = contract(name).unwrap();
            assert_eq!(resolve.worlds[world].name, name);
            assert_eq!(resolve.worlds[world].exports.len(), 1);
        }
    }

    #[test]
    fn a_module_without_the_contracts_exports_is_refused_by_their_name() {
        // An empty module: the magic number and the version.
        let error = of_core_module(b"\0asm\x01\0\0\0").unwrap_err().to_string();
        assert!(error.contains("`gavel:verifier/verifier@0.1.0` function `describe`"), "{error}");
    }

    #[test]
    fn a_module_that_says_that_it_judges_groups_has_to_export_how() {
        let marked = [
            &b"\0asm\x01\0\0\0"[..],
            // A type, a function of it, its export and its body: `(func (export "gavel-judges-groups"))`.
            b"\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x17\x01\x13gavel-judges-groups\0\0\x0a\x04\x01\x02\0\x0b",
        ]
        .concat();
        let error = of_core_module(&marked).unwrap_err().to_string();
        assert!(error.contains("`gavel:verifier/group-verifier@0.1.0` function `describe`"), "{error}");
    }
}
