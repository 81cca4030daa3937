//! `gavel.toml`, the manifest in a plugin's folder.

use std::path::{Path, PathBuf};

use crate::error::RewardError;
use crate::limits::LimitSettings;
use crate::source::Table;

/// The file name of a manifest.
pub const MANIFEST: &str = "gavel.toml";

/// What a plugin's folder says of the plugin.
///
/// ```toml
/// manifest_version = 1
///
/// [plugin]
/// name    = "shouting"
/// version = "0.1.0"
/// entry   = "target/wasm32-wasip2/release/shouting.wasm"   # from the manifest's folder
///
/// [limits]                  # optional; a reward file may say otherwise
/// fuel = 100_000_000
///
/// [capabilities]            # optional; what the plugin asks of the operator
/// interpreter = false
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Kebab-case, as the plugin is called in a reward file.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// The `.wasm` file, relative to the manifest's folder.
    pub entry: PathBuf,
    /// Limits that suit the plugin.
    pub limits: LimitSettings,
    /// Whether the plugin asks to run untrusted programs.
    pub interpreter: bool,
}

impl Manifest {
    /// Reads `folder/gavel.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a manifest of version 1.
    pub fn read(folder: &Path) -> Result<Self, RewardError> {
        let file = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&file)
            .map_err(|source| RewardError::Unreadable { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    /// Parses a manifest; `file` is what errors call it.
    ///
    /// # Errors
    /// When the text is not a manifest of version 1.
    pub fn parse(file: &Path, text: &str) -> Result<Self, RewardError> {
        let mut document = Table::parse(file, text)?;
        let version = document.require("manifest_version")?;
        if version.count(1)? != 1 {
            return Err(version.unlike("1, the only manifest version that this gavel knows"));
        }
        let mut plugin = document.require("plugin")?.table()?;
        let mut manifest = Self {
            name: plugin.require("name")?.string()?,
            version: plugin.require("version")?.string()?,
            entry: plugin.require("entry")?.string()?.into(),
            limits: LimitSettings::default(),
            interpreter: false,
        };
        plugin.finish()?;
        if let Some(limits) = document.take("limits") {
            manifest.limits = LimitSettings::read(limits.table()?)?;
        }
        if let Some(capabilities) = document.take("capabilities") {
            let mut capabilities = capabilities.table()?;
            if let Some(interpreter) = capabilities.take("interpreter") {
                manifest.interpreter = interpreter.boolean()?;
            }
            capabilities.finish()?;
        }
        document.finish()?;
        Ok(manifest)
    }
}
