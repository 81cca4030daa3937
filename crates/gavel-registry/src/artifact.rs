//! A plugin as an OCI artifact.

use std::collections::BTreeMap;

use oci_client::client::{Config, ImageLayer};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The media type of the configuration, by which registries tell what an artifact is.
pub(crate) const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The media type of the one layer.
pub(crate) const LAYER: &str = "application/wasm";
/// The annotation of the artifact's manifest that holds the text of the plugin's `gavel.toml`.
pub(crate) const MANIFEST: &str = "dev.gavel.manifest";

/// A plugin to push.
#[derive(Debug, Clone, Default)]
pub struct Plugin {
    /// The file.
    pub wasm: Vec<u8>,
    /// The text of its `gavel.toml`, if it has one.
    pub manifest: Option<String>,
    /// The plugin's name, for people who look at the registry.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The names of what the component imports and exports; `None` for a WASI command, a core module.
    pub component: Option<(Vec<String>, Vec<String>)>,
}

impl Plugin {
    /// The artifact's manifest, its configuration and its layer.
    pub(crate) fn artifact(&self) -> (OciImageManifest, Config, ImageLayer) {
        let layer = ImageLayer::new(self.wasm.clone(), LAYER.to_owned(), None);
        let mut config = json!({
            "architecture": "wasm",
            "os": if self.component.is_some() { "wasip2" } else { "wasip1" },
            "layerDigests": [digest(&self.wasm)],
        });
        if let Some((imports, exports)) = &self.component {
            config["component"] = json!({ "imports": imports, "exports": exports, "target": null });
        }
        let config = Config::new(config.to_string().into_bytes(), CONFIG.to_owned(), None);
        let mut annotations = BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), self.name.clone()),
            ("org.opencontainers.image.version".to_owned(), self.version.clone()),
            ("org.opencontainers.image.description".to_owned(), self.summary.clone()),
        ]);
        if let Some(manifest) = &self.manifest {
            annotations.insert(MANIFEST.to_owned(), manifest.clone());
        }
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, Some(annotations));
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
        (manifest, config, layer)
    }
}

/// `sha256:…` of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_artifact_is_what_others_expect() {
        let component = Some((vec!["a:b/c@0.1.0".to_owned()], vec!["d:e/f@0.1.0".to_owned()]));
        let plugin = Plugin { wasm: b"\0asm".to_vec(), component, ..Plugin::default() };
        let (manifest, config, layer) = plugin.artifact();
        assert_eq!((manifest.config.media_type.as_str(), manifest.layers.len()), (CONFIG, 1));
        assert_eq!((layer.media_type.as_str(), &manifest.layers[0].digest), (LAYER, &digest(b"\0asm")));
        let config: serde_json::Value = serde_json::from_slice(&config.data).unwrap();
        assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
        assert_eq!(config["layerDigests"], json!([digest(b"\0asm")]));
        assert_eq!(config["component"]["exports"], json!(["d:e/f@0.1.0"]));
        assert_eq!(config.get("created"), None, "the same plugin has the same digest whenever it is pushed");
    }
}
