//! The conversation with a registry.

use std::future::Future;
use std::time::Duration;

use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;

use crate::artifact::{CONFIG, LAYER, MANIFEST, digest};
use crate::download::Download;
use crate::{Address, Plugin, RegistryError};

/// The largest plugin that is pulled, in bytes: many times the largest that there is.
const LARGEST: u64 = 1 << 30;

/// The largest manifest that is pulled, in bytes: what the distribution specification asks registries to take.
const LARGEST_MANIFEST: u64 = 4 << 20;

/// How long a registry may be silent.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);

/// Who is asking.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user and a password, or an access token in its place.
    Password(String, String),
    /// A token that the registry has given.
    Token(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password(..) => "Password(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// What has been pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The address by digest, which nobody can give another meaning.
    pub address: Address,
    /// sha256 of the plugin's file, in hexadecimal digits.
    pub digest: String,
}

/// What has been pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The address by digest.
    pub address: Address,
    /// The plugin's file.
    pub wasm: Vec<u8>,
    /// sha256 of the file, in hexadecimal digits.
    pub digest: String,
    /// The text of its `gavel.toml`, if it was pushed with one.
    pub manifest: Option<String>,
}

/// Pushes a plugin.
///
/// # Errors
/// See [`RegistryError`].
pub fn push(address: &Address, plugin: &Plugin, login: &Login) -> Result<Pushed, RegistryError> {
    let (manifest, config, layer) = plugin.artifact();
    let (layer_digest, config_digest) = (manifest.layers[0].digest.clone(), manifest.config.digest.clone());
    let client = client(address)?;
    let reference = address.reference();
    run(address, async {
        client.store_auth_if_needed(reference.resolve_registry(), &auth(login)).await;
        client.push_blob(reference, layer.data, &layer_digest).await?;
        client.push_blob(reference, config.data, &config_digest).await?;
        // `Client::push_manifest` writes canonical JSON, which leaves line breaks in texts as they are. Registries
        // refuse that, rightly, and the annotation with gavel.toml has many.
        let manifest = serde_json::to_vec(&manifest)?;
        let manifest_digest = digest(&manifest);
        let media_type = OCI_IMAGE_MEDIA_TYPE.parse();
        let media_type =
            media_type.map_err(|error| OciDistributionError::GenericError(Some(format!("{error}"))))?;
        client.push_manifest_raw(reference, manifest, media_type).await?;
        Ok(Pushed { address: address.at_digest(&manifest_digest), digest: hex_of(&layer_digest) })
    })
}

/// Pulls a plugin. Not more is read than a plugin may have, whatever the registry sends or announces.
///
/// # Errors
/// See [`RegistryError`].
pub fn pull(address: &Address, login: &Login) -> Result<Pulled, RegistryError> {
    let download = Download::start(address, login)?;
    let text = download.get(&format!("manifests/{}", address.version()), LARGEST_MANIFEST)?;
    let manifest_digest = digest(&text);
    if let Some(wanted) = address.digest()
        && wanted != manifest_digest
    {
        return Err(tampered(address, format!("the manifest is {manifest_digest}")));
    }
    let manifest: OciImageManifest = serde_json::from_slice(&text).map_err(|error| {
        let reason = format!("its manifest is not that of an OCI image: {error}");
        RegistryError::NotAPlugin { address: address.clone(), reason }
    })?;
    let layer = the_layer(address, &manifest)?;
    let wasm = download.get(&format!("blobs/{}", layer.digest), layer.size.try_into().unwrap_or(0))?;
    let found = digest(&wasm);
    if found != layer.digest {
        return Err(tampered(address, format!("the layer is {found}, not {}", layer.digest)));
    }
    let annotations = manifest.annotations.unwrap_or_default();
    Ok(Pulled {
        address: address.at_digest(&manifest_digest),
        wasm,
        digest: hex_of(&found),
        manifest: annotations.get(MANIFEST).cloned(),
    })
}

/// The one layer of a WebAssembly artifact.
fn the_layer<'a>(
    address: &Address,
    manifest: &'a OciImageManifest,
) -> Result<&'a oci_client::manifest::OciDescriptor, RegistryError> {
    let not = |reason: String| RegistryError::NotAPlugin { address: address.clone(), reason };
    if manifest.config.media_type != CONFIG {
        return Err(not(format!("its configuration is {}, not {CONFIG}", manifest.config.media_type)));
    }
    let [layer] = manifest.layers.as_slice() else {
        return Err(not(format!("it has {} layers, not one", manifest.layers.len())));
    };
    if layer.media_type != LAYER {
        return Err(not(format!("its layer is {}, not {LAYER}", layer.media_type)));
    }
    if u64::try_from(layer.size).map_or(true, |size| size > LARGEST) {
        return Err(not(format!("its layer has {} bytes; {LARGEST} are the most", layer.size)));
    }
    Ok(layer)
}

pub(crate) fn client(address: &Address) -> Result<Client, RegistryError> {
    // Another part of the process may have chosen already, which is as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = ClientConfig {
        protocol: if address.is_local() { ClientProtocol::Http } else { ClientProtocol::Https },
        read_timeout: Some(SILENCE),
        connect_timeout: Some(SILENCE),
        ..ClientConfig::default()
    };
    Client::try_from(config).map_err(|error| failed(address, error))
}

pub(crate) fn auth(login: &Login) -> RegistryAuth {
    match login {
        Login::Anonymous => RegistryAuth::Anonymous,
        Login::Password(user, password) => RegistryAuth::Basic(user.clone(), password.clone()),
        Login::Token(token) => RegistryAuth::Bearer(token.clone()),
    }
}

/// Runs one conversation to its end.
pub(crate) fn run<T>(
    address: &Address,
    conversation: impl Future<Output = Result<T, OciDistributionError>>,
) -> Result<T, RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(address, error.into()))?;
    runtime.block_on(conversation).map_err(|error| failed(address, error))
}

fn failed(address: &Address, error: OciDistributionError) -> RegistryError {
    let address = address.clone();
    match error {
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::ServerError { code: 404, .. } => RegistryError::NotFound { address },
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError { code: 401 | 403, .. } => RegistryError::Refused { address },
        OciDistributionError::RegistryError { envelope, url } => {
            let is = |code: &OciErrorCode| envelope.errors.iter().any(|error| error.code == *code);
            if is(&OciErrorCode::ManifestUnknown) || is(&OciErrorCode::NameUnknown) {
                RegistryError::NotFound { address }
            } else if is(&OciErrorCode::Unauthorized) || is(&OciErrorCode::Denied) {
                RegistryError::Refused { address }
            } else {
                RegistryError::Unreachable { address, reason: format!("{url}: {envelope}") }
            }
        }
        OciDistributionError::DigestError(error) => tampered(&address, error.to_string()),
        error => RegistryError::Unreachable { address, reason: causes(&error) },
    }
}

fn tampered(address: &Address, reason: String) -> RegistryError {
    RegistryError::Tampered { address: address.clone(), reason }
}

/// An error and what it comes from: "error sending request" alone helps nobody.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

fn hex_of(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_owned()
}
