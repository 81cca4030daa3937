//! Reads from a registry up to a limit. What a registry says of a size is its word alone, and an answer may never end.

use oci_client::RegistryOperation;
use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, StatusCode};

use crate::client::{SILENCE, auth, causes, client, run};
use crate::{Address, Login, RegistryError};

/// The most that is read of what a registry says when it refuses.
const EXPLANATION: u64 = 4 << 10;

/// A way into one repository.
pub(crate) struct Download<'a> {
    address: &'a Address,
    login: &'a Login,
    http: Client,
    /// What the registry has given for the login.
    token: Option<String>,
}

impl<'a> Download<'a> {
    pub(crate) fn start(address: &'a Address, login: &'a Login) -> Result<Self, RegistryError> {
        let client = client(address)?;
        let auth = auth(login);
        let token = run(address, client.auth(address.reference(), &auth, RegistryOperation::Pull))?;
        let http = Client::builder().read_timeout(SILENCE).connect_timeout(SILENCE).user_agent("gavel");
        // Each request runs on a runtime of its own, and takes its connection along.
        let http = http.pool_max_idle_per_host(0).build().map_err(|error| unreachable(address, &error))?;
        Ok(Self { address, login, http, token })
    }

    /// What the repository has at a path such as `blobs/sha256:…`; an error where it is more than `most` bytes.
    pub(crate) fn get(&self, path: &str, most: u64) -> Result<Vec<u8>, RegistryError> {
        let scheme = if self.address.is_local() { "http" } else { "https" };
        let reference = self.address.reference();
        let (host, repository) = (reference.resolve_registry(), reference.repository());
        let request = self.http.get(format!("{scheme}://{host}/v2/{repository}/{path}"));
        let request = self.with_login(request.header(ACCEPT, OCI_IMAGE_MEDIA_TYPE));
        run(self.address, async { Ok(self.read(request, most).await) })?
    }

    /// A redirection to another host leaves the login behind.
    fn with_login(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.token, self.login) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Login::Password(user, password)) => request.basic_auth(user, Some(password)),
            (None, _) => request,
        }
    }

    async fn read(&self, request: RequestBuilder, most: u64) -> Result<Vec<u8>, RegistryError> {
        let address = self.address;
        let mut response = request.send().await.map_err(|error| unreachable(address, &error))?;
        let status = response.status();
        let most = if status.is_success() { most } else { EXPLANATION };
        let mut content = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| unreachable(address, &error))? {
            content.extend_from_slice(&part);
            if content.len() as u64 > most {
                if !status.is_success() {
                    break;
                }
                let reason = format!("the registry sends more than {most} bytes, and was stopped");
                return Err(RegistryError::TooLarge { address: address.clone(), reason });
            }
        }
        if status.is_success() { Ok(content) } else { Err(refusal(address, status, &content)) }
    }
}

fn refusal(address: &Address, status: StatusCode, content: &[u8]) -> RegistryError {
    let address = address.clone();
    match status {
        StatusCode::NOT_FOUND => RegistryError::NotFound { address },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Refused { address },
        status => {
            let said: String = String::from_utf8_lossy(content).chars().take(200).collect();
            RegistryError::Unreachable { address, reason: format!("the registry answers {status}: {said}") }
        }
    }
}

fn unreachable(address: &Address, error: &reqwest::Error) -> RegistryError {
    RegistryError::Unreachable { address: address.clone(), reason: causes(error) }
}
