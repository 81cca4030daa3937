//! Fetches what lies on the hub into the hub's own cache, where `huggingface_hub` and others find it too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use crate::model;
use crate::{HubError, HubName, Kind, rows};

/// How often a file is asked for again after the connection broke off, and how long is waited before the first time.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(300);

/// How often a file is waited for that another process is fetching, five seconds each time: an hour.
const WAITS: u32 = 720;

const MAIN: &str = "main";

/// Where the hub is, and how it is asked.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Its address, such as `https://huggingface.co`.
    pub endpoint: String,
    /// The folder of the cache, such as `~/.cache/huggingface/hub`.
    pub cache: PathBuf,
    /// What says who asks.
    pub token: Option<String>,
    /// Whether nothing may be fetched.
    pub offline: bool,
    /// Whether to show on stderr how far a download is, where that is a terminal.
    pub progress: bool,
}

/// A model that lies in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedModel {
    /// Its name, with the commit as revision.
    pub name: HubName,
    /// Its folder.
    pub folder: PathBuf,
}

/// Files of a data set that lie in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedFiles {
    /// The name of the data set, with the commit as revision.
    pub name: HubName,
    /// The files, in order.
    pub files: Vec<PathBuf>,
}

/// The hub.
#[derive(Debug)]
pub struct Hub {
    options: HubOptions,
    cache: Cache,
    api: Api,
}

/// A repository at one commit.
struct Snapshot<'a> {
    name: &'a HubName,
    commit: String,
    /// Where its files lie once they are fetched.
    folder: PathBuf,
    /// The files that it has on the hub, or in the cache where nothing is known of the hub.
    files: Vec<String>,
}

impl Hub {
    /// The hub with these options. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(options: HubOptions) -> io::Result<Self> {
        let cache = Cache::new(options.cache.clone());
        // A try of the client's own would go on from the wrong place where a file had begun to arrive earlier.
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(options.endpoint.trim_end_matches('/').to_owned())
            .with_token(options.token.clone())
            .with_progress(options.progress)
            .with_retries(0)
            .with_user_agent("gavel", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { options, cache, api })
    }

    /// Fetches a model: configuration, tokenizer, chat templates and weights in safetensors.
    ///
    /// # Errors
    /// When it is none, is not there, or cannot be fetched.
    pub fn model(&self, name: &HubName) -> Result<FetchedModel, HubError> {
        require(name, Kind::Model)?;
        let snapshot = self.snapshot(name)?;
        for file in model::small_files(&snapshot.files) {
            self.fetch(&snapshot, file)?;
        }
        for file in self.weights(&snapshot)? {
            self.fetch(&snapshot, &file)?;
        }
        Ok(FetchedModel { name: name.pinned(&snapshot.commit), folder: snapshot.folder })
    }

    /// Fetches the files of rows that a data set's name means.
    ///
    /// # Errors
    /// When it is none, is not there, has not what the name says, or cannot be fetched.
    pub fn rows(&self, name: &HubName) -> Result<FetchedFiles, HubError> {
        require(name, Kind::Dataset)?;
        let snapshot = self.snapshot(name)?;
        let files = rows::files(name, &snapshot.files)?;
        let files = files.iter().map(|file| self.fetch(&snapshot, file)).collect::<Result<_, _>>()?;
        Ok(FetchedFiles { name: name.pinned(&snapshot.commit), files })
    }

    fn weights(&self, snapshot: &Snapshot<'_>) -> Result<Vec<String>, HubError> {
        let index = snapshot.folder.join(model::INDEX);
        let files = match fs::read(&index) {
            Ok(index) => model::weights_of_index(&index).unwrap_or_default(),
            Err(_) => model::weights_alone(&snapshot.files),
        };
        if files.is_empty() { Err(HubError::NoWeights { name: snapshot.name.clone() }) } else { Ok(files) }
    }

    /// What a repository has at its revision. A commit whose files are known is not asked for again.
    fn snapshot<'a>(&self, name: &'a HubName) -> Result<Snapshot<'a>, HubError> {
        let repo = repo(name);
        let known = if is_commit(repo.revision()) {
            Some(repo.revision().to_owned())
        } else {
            self.options.offline.then(|| self.known_commit(&repo)).flatten()
        };
        if let Some(commit) = known
            && let Some(files) = self.known_files(&repo, &commit)
        {
            let folder = self.cache.repo(repo).pointer_path(&commit);
            return Ok(Snapshot { name, commit, folder, files });
        }
        if self.options.offline {
            return Err(HubError::Offline {
                name: name.clone(),
                cache: self.options.cache.clone(),
                file: None,
            });
        }
        let mut tries = 0;
        let info = loop {
            match self.api.repo(repo.clone()).info() {
                Err(error) if is_passing(&error) && tries < TRIES => wait(&mut tries),
                info => break info.map_err(|error| self.failure(name, error))?,
            }
        };
        let files: Vec<String> = info.siblings.into_iter().map(|file| file.rfilename).collect();
        let of_repo = self.cache.repo(repo.clone());
        let folder = of_repo.pointer_path(&info.sha);
        of_repo.create_ref(&info.sha).map_err(unusable(&self.options.cache))?;
        self.remember(&repo, &info.sha, &files)?;
        Ok(Snapshot { name, commit: info.sha, folder, files })
    }

    /// The commit that a branch was at when it was last asked for.
    fn known_commit(&self, repo: &Repo) -> Option<String> {
        let refs = self.folder_of(repo).join("refs").join(repo.revision());
        Some(fs::read_to_string(refs).ok()?.trim().to_owned())
    }

    /// The files that a commit has, where they have been asked for; those in the cache that another program has fetched.
    fn known_files(&self, repo: &Repo, commit: &str) -> Option<Vec<String>> {
        if let Ok(text) = fs::read(self.listing(repo, commit)) {
            return serde_json::from_slice(&text).ok();
        }
        let folder = self.cache.repo(repo.clone()).pointer_path(commit);
        (self.options.offline && folder.is_dir()).then(|| files_below(&folder))
    }

    fn remember(&self, repo: &Repo, commit: &str, files: &[String]) -> Result<(), HubError> {
        let listing = self.listing(repo, commit);
        let text = serde_json::to_vec(files).expect("a list of texts");
        let write = || {
            fs::create_dir_all(listing.parent().unwrap_or(Path::new(".")))?;
            gavel_files::whole_file::write(&listing, &text)
        };
        write().map_err(unusable(&listing))
    }

    /// Where the names of a commit's files are kept, beside `blobs`, `refs` and `snapshots`.
    fn listing(&self, repo: &Repo, commit: &str) -> PathBuf {
        self.folder_of(repo).join("gavel").join(format!("{commit}.json"))
    }

    fn folder_of(&self, repo: &Repo) -> PathBuf {
        self.options.cache.join(repo.folder_name())
    }

    /// The path of a file in the cache, into which it is fetched where it is not there.
    fn fetch(&self, snapshot: &Snapshot<'_>, file: &str) -> Result<PathBuf, HubError> {
        let name = snapshot.name;
        if file.starts_with('/') || file.contains('\\') || file.split('/').any(|part| part == "..") {
            return Err(HubError::Path { name: name.clone(), file: file.to_owned() });
        }
        let path = snapshot.folder.join(file);
        if path.exists() {
            return Ok(path);
        }
        if self.options.offline {
            let cache = self.options.cache.clone();
            return Err(HubError::Offline { name: name.clone(), cache, file: Some(file.to_owned()) });
        }
        tracing::info!("fetching {file} of {name}");
        let repo = self.api.repo(repo(&name.pinned(&snapshot.commit)));
        let (mut tries, mut waits, mut begun_anew) = (0, 0, false);
        let path = loop {
            match repo.get(file) {
                Ok(path) => break path,
                Err(ApiError::LockAcquisition(_)) if waits < WAITS => waits += 1,
                Err(error) if is_over(&error) && !begun_anew => {
                    self.remove_part(&repo, &name.pinned(&snapshot.commit), file)
                        .map_err(|error| self.failure(name, error))?;
                    begun_anew = true;
                }
                Err(error) if is_passing(&error) && tries < TRIES => wait(&mut tries),
                Err(error) => return Err(self.failure(name, error)),
            }
        };
        require_digest(&path)
            .map_err(unusable(&path))?
            .then_some(path)
            .ok_or_else(|| HubError::Broken { name: name.clone(), file: file.to_owned() })
    }

    /// Removes what has arrived of a file, where all of it has and only its last step is missing, which cannot be asked for.
    fn remove_part(&self, of_hub: &ApiRepo, name: &HubName, file: &str) -> Result<(), ApiError> {
        let etag = self.api.metadata(&of_hub.url(file))?;
        let part = self.cache.repo(repo(name)).blob_path(etag.etag()).with_extension("part");
        Ok(fs::remove_file(part)?)
    }

    fn failure(&self, name: &HubName, error: ApiError) -> HubError {
        match status(&error) {
            Some(404) => HubError::NotThere { name: name.clone() },
            Some(401 | 403) => {
                HubError::Refused { name: name.clone(), with_token: self.options.token.is_some() }
            }
            _ => match error {
                ApiError::IoError(source) => HubError::Cache { path: self.options.cache.clone(), source },
                error => HubError::Unreachable {
                    name: name.clone(),
                    endpoint: self.options.endpoint.clone(),
                    source: Box::new(error),
                },
            },
        }
    }
}

fn require(name: &HubName, wanted: Kind) -> Result<(), HubError> {
    let said = |kind| match kind {
        Kind::Model => "model",
        Kind::Dataset => "data set",
    };
    if name.kind == wanted {
        return Ok(());
    }
    Err(HubError::Kind { name: name.clone(), found: said(name.kind), wanted: said(wanted) })
}

fn repo(name: &HubName) -> Repo {
    let kind = match name.kind {
        Kind::Model => RepoType::Model,
        Kind::Dataset => RepoType::Dataset,
    };
    let revision = name.revision.clone().unwrap_or_else(|| MAIN.to_owned());
    Repo::with_revision(name.repository.clone(), kind, revision)
}

/// Whether a revision is a commit, which always has the same files.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                files.push(name.to_string_lossy().into_owned());
            }
        }
    }
    files.sort_unstable();
    files
}

/// The answer of a server that could not do it.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the same request may succeed a little later. What breaks off while a file arrives is an error of reading.
fn is_passing(error: &ApiError) -> bool {
    match error {
        ApiError::RequestError(_) => status(error).is_none_or(|status| status == 429 || status >= 500),
        ApiError::IoError(error) => {
            let of_connection =
                [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut];
            of_connection.contains(&error.kind())
                || error.get_ref().is_some_and(|error| error.is::<ureq::Error>())
        }
        _ => false,
    }
}

/// Whether more of a file has been asked for than there is.
fn is_over(error: &ApiError) -> bool {
    matches!(error, ApiError::InvalidResume) || status(error) == Some(416)
}

/// Waits twice as long as the time before.
fn wait(tries: &mut u32) {
    thread::sleep(FIRST_WAIT * 2_u32.pow(*tries));
    *tries += 1;
}

/// Whether a large file is what its name in the cache says, which is its sha256; it is removed where it is not. The names of
/// small ones say something else.
fn require_digest(path: &Path) -> io::Result<bool> {
    let blob = path.canonicalize()?;
    let name = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_sha256 = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_sha256 || gavel_files::sha256_of_file(&blob)? == name {
        return Ok(true);
    }
    fs::remove_file(&blob)?;
    fs::remove_file(path)?;
    Ok(false)
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> HubError {
    let path = path.to_owned();
    move |source| HubError::Cache { path, source }
}
