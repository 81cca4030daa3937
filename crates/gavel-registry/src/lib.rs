//! Plugins in OCI registries, stored as the WebAssembly community stores components: one layer `application/wasm` and a
//! configuration `application/vnd.wasm.config.v0+json`
//! ([layout](https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/)). Any tool that knows the layout can
//! pull a plugin, and gavel can pull what such a tool has pushed. The plugin's `gavel.toml` travels as an annotation.
//!
//! ```no_run
//! use gavel_registry::{Address, Login, pull};
//!
//! let address: Address = "ghcr.io/somebody/word-limit:0.1.0".parse()?;
//! let pulled = pull(&address, &Login::Anonymous)?;
//! println!("{} bytes, sha256:{}", pulled.wasm.len(), pulled.digest);
//! # Ok::<(), gavel_registry::RegistryError>(())
//! ```
//!
//! Every digest is checked: that of the manifest where the address names one, that of each blob always. Registries are
//! spoken to by HTTPS, but for those on this machine.

mod address;
mod artifact;
mod client;
mod download;

pub use address::Address;
pub use artifact::Plugin;
pub use client::{Login, Pulled, Pushed, pull, push};

/// Why a plugin was not pushed or pulled.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The text is no address of a plugin in a registry.
    #[error(
        "`{text}` is no address in a registry ({reason}); such a one is `ghcr.io/somebody/word-limit:0.1.0`"
    )]
    BadAddress {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry has nothing at this address.
    #[error("{address}: the registry has no such plugin; is the name right, and the tag?")]
    NotFound {
        /// What was asked for.
        address: Address,
    },
    /// The registry does not let this user do that.
    #[error("{address}: the registry refuses access; log in with `docker login {}`", address.host())]
    Refused {
        /// What was asked for.
        address: Address,
    },
    /// What came has another digest than it should have.
    #[error(
        "{address}: what the registry sent is not what its digest says ({reason}); nothing of it was used"
    )]
    Tampered {
        /// What was asked for.
        address: Address,
        /// Which digests differ.
        reason: String,
    },
    /// The registry sends more than it may.
    #[error("{address}: {reason}; nothing of it was used")]
    TooLarge {
        /// What was asked for.
        address: Address,
        /// How much is too much.
        reason: String,
    },
    /// There is something at this address, but no plugin.
    #[error("{address}: this is no WebAssembly artifact: {reason}")]
    NotAPlugin {
        /// What was asked for.
        address: Address,
        /// What is there.
        reason: String,
    },
    /// The registry could not be reached, or answers in a way that nobody expects.
    #[error("{address}: {reason}")]
    Unreachable {
        /// What was asked for.
        address: Address,
        /// What happened.
        reason: String,
    },
}
