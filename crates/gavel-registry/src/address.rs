//! Addresses of plugins in registries.

use std::fmt;
use std::str::FromStr;

use oci_client::Reference;

use crate::RegistryError;

/// `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@sha256:DIGEST`, with `oci://` before it or not.
///
/// The host is always named: gavel has no default registry, and a name alone is that of a plugin on the plugin path.
// Boxed, because every error carries one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Box<Reference>);

impl Address {
    /// The registry, with its port.
    pub fn host(&self) -> &str {
        self.0.registry()
    }

    /// The same repository, with a digest (`sha256:…`) in place of the tag.
    #[must_use]
    pub fn at_digest(&self, digest: &str) -> Self {
        Self(Box::new(self.0.clone_with_digest(digest.to_owned())))
    }

    /// The digest that it names, if it does.
    pub fn digest(&self) -> Option<&str> {
        self.0.digest()
    }

    /// The digest that it names, or the tag.
    pub(crate) fn version(&self) -> &str {
        self.0.digest().or(self.0.tag()).unwrap_or("latest")
    }

    pub(crate) fn reference(&self) -> &Reference {
        &self.0
    }

    /// Whether the registry runs on this machine, where there is no wire to protect.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    }
}

impl FromStr for Address {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let bad =
            |reason: &str| RegistryError::BadAddress { text: text.to_owned(), reason: reason.to_owned() };
        let address = text.strip_prefix("oci://").unwrap_or(text);
        let (host, _) = address.split_once('/').ok_or_else(|| bad("it names no registry"))?;
        if !host.contains(['.', ':']) && host != "localhost" {
            return Err(bad("it names no registry"));
        }
        let reference: Reference = address.parse().map_err(|error| bad(&format!("{error}")))?;
        Ok(Self(Box::new(reference)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_registry_repository_and_tag() {
        let address: Address = "oci://ghcr.io/somebody/word-limit:0.1.0".parse().unwrap();
        assert_eq!((address.host(), address.digest()), ("ghcr.io", None));
        assert_eq!(address.to_string(), "ghcr.io/somebody/word-limit:0.1.0");
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(address.at_digest(&digest).digest(), Some(&*digest));
    }

    #[test]
    fn what_names_no_registry_is_refused() {
        for text in ["word-limit", "somebody/word-limit:1", "./word-limit", "plugins/mine"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(matches!(error, RegistryError::BadAddress { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption() {
        let local = |text: &str| text.parse::<Address>().unwrap().is_local();
        assert!(local("localhost:5000/a:1") && local("127.0.0.1:5000/a:1"));
        assert!(
            !local("ghcr.io/a:1") && !local("localhost.evil.com/a:1") && !local("127.0.0.1.evil.com:80/a:1")
        );
    }
}
