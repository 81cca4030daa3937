//! A server in the hub's wire form on a port of its own: repositories, files that it has itself and files that it sends
//! elsewhere for (as for Git LFS), ranges, and connections that break off.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest, Sha256};

/// The one commit that every repository is at.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What may see the gated repository.
pub(crate) const TOKEN: &str = "hf_of_the_owner";

const LARGE: &str = "model-2.safetensors";

/// What happens at the server.
#[derive(Default)]
struct State {
    requests: Vec<String>,
    /// Where requests of the large file began.
    ranges: Vec<usize>,
    /// After so many bytes of it, the connection breaks off, once.
    break_off_after: Option<usize>,
}

pub(crate) struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

pub(crate) fn large_file() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

pub(crate) fn large_digest() -> String {
    format!("{:x}", Sha256::digest(large_file()))
}

type Files = Vec<(String, Vec<u8>)>;

/// Repositories besides those of [`files_of`].
static MORE: Mutex<Option<HashMap<String, Files>>> = Mutex::new(None);

/// Has all servers know another repository.
pub(crate) fn with_repository(name: &str, files: Files) {
    MORE.lock().unwrap().get_or_insert_default().insert(name.to_owned(), files);
}

/// The files of a repository; `None` where there is no such.
fn files_of(repository: &str) -> Option<Files> {
    if let Some(files) = MORE.lock().unwrap().as_ref().and_then(|more| more.get(repository)) {
        return Some(files.clone());
    }
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    Some(match repository {
        "models/acme/small" => vec![
            file(".gitattributes", ""),
            file("README.md", "# Small"),
            file("config.json", "{}"),
            file("tokenizer.json", "{}"),
            ("model.safetensors.index.json".to_owned(), index.to_vec()),
            file("model-1.safetensors", "one"),
            (LARGE.to_owned(), large_file()),
            file("original/consolidated.pth", "no"),
        ],
        "models/acme/gated" => vec![file("config.json", "{}"), file("model.safetensors", "weights")],
        "models/acme/pickled" => vec![file("config.json", "{}"), file("pytorch_model.bin", "no")],
        "models/acme/outside" => vec![file("additional_chat_templates/../../x.jinja", "no")],
        "datasets/acme/rows" => vec![
            file("README.md", "# Rows"),
            file("data/test-00000-of-00001.jsonl", "{}\n"),
            file("data/train-00001-of-00002.jsonl", "{}\n"),
            file("data/train-00000-of-00002.jsonl", "{}\n"),
        ],
        _ => return None,
    })
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let (of_thread, own) = (Arc::clone(&state), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, own) = (Arc::clone(&of_thread), own.clone());
                // A client that goes away in the middle is none of the server's business.
                thread::spawn(move || drop(serve(&stream, &state, &own)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn forget_requests(&self) {
        self.state.lock().unwrap().requests.clear();
    }

    pub(crate) fn ranges_of_large(&self) -> Vec<usize> {
        self.state.lock().unwrap().ranges.clone()
    }

    pub(crate) fn break_off_after(&self, bytes: usize) {
        self.state.lock().unwrap().break_off_after = Some(bytes);
    }
}

/// Answers one request; the connection ends with it.
fn serve(stream: &TcpStream, state: &Mutex<State>, own: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut from = None;
    let mut is_owner = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("range") {
            let range = value.trim_start_matches("bytes=");
            let (start, end) = range.split_once('-').unwrap();
            from = Some((start.parse::<usize>().unwrap(), end.parse::<usize>().ok()));
        }
        is_owner |= name.eq_ignore_ascii_case("authorization") && value == format!("Bearer {TOKEN}");
    }
    state.lock().unwrap().requests.push(path.clone());
    let path = path.trim_start_matches('/');
    if path.contains("acme/gated") && !is_owner {
        return answer(stream, "401 Unauthorized", &[], b"{}");
    }
    if let Some(rest) = path.strip_prefix("api/") {
        let repository = rest.split("/revision/").next().unwrap_or_default();
        let Some(files) = files_of(repository) else { return answer(stream, "404 Not Found", &[], b"{}") };
        let siblings: Vec<String> =
            files.iter().map(|(name, _)| format!("{{\"rfilename\": \"{name}\"}}")).collect();
        let body = format!("{{\"sha\": \"{COMMIT}\", \"siblings\": [{}]}}", siblings.join(", "));
        return answer(stream, "200 OK", &[("Content-Type", "application/json".to_owned())], body.as_bytes());
    }
    if path.starts_with("cdn/") {
        return send(stream, state, &large_file(), from, &[], true);
    }
    let Some((repository, rest)) = path.split_once("/resolve/") else {
        return answer(stream, "404 Not Found", &[], b"");
    };
    let repository = if repository.starts_with("datasets/") {
        repository.to_owned()
    } else {
        format!("models/{repository}")
    };
    let file = rest.split_once('/').map_or("", |(_, file)| file);
    let files = files_of(&repository).unwrap_or_default();
    let Some((_, content)) = files.iter().find(|(name, _)| *name == file) else {
        return answer(stream, "404 Not Found", &[], b"");
    };
    let commit = ("X-Repo-Commit", COMMIT.to_owned());
    if file == LARGE {
        let headers = [
            commit,
            ("X-Linked-Etag", format!("\"{}\"", large_digest())),
            ("Location", format!("{own}/cdn/{}", large_digest())),
        ];
        return answer(stream, "302 Found", &headers, b"");
    }
    let etag = ("ETag", format!("\"{}\"", &format!("{:x}", Sha256::digest(content))[..40]));
    send(stream, state, content, from, &[commit, etag], false)
}

/// A part of a file, from where the client asks for.
fn send(
    stream: &TcpStream,
    state: &Mutex<State>,
    content: &[u8],
    range: Option<(usize, Option<usize>)>,
    headers: &[(&str, String)],
    is_large: bool,
) -> std::io::Result<()> {
    let (from, to) = range.unwrap_or((0, None));
    if from >= content.len() && !content.is_empty() {
        return answer(stream, "416 Range Not Satisfiable", headers, b"");
    }
    let to = to.map_or(content.len(), |to| (to + 1).min(content.len()));
    let mut headers = headers.to_vec();
    let of_range = format!("bytes {from}-{}/{}", to.saturating_sub(1), content.len());
    headers.push(("Content-Range", of_range));
    let part = &content[from..to];
    let mut sent = part.len();
    if is_large && part.len() > 1 {
        let mut state = state.lock().unwrap();
        state.ranges.push(from);
        sent = state.break_off_after.take().unwrap_or(sent).min(sent);
    }
    head(stream, "206 Partial Content", &headers, part.len())?;
    (&*stream).write_all(&part[..sent])
}

fn answer(stream: &TcpStream, status: &str, headers: &[(&str, String)], body: &[u8]) -> std::io::Result<()> {
    head(stream, status, headers, body.len())?;
    (&*stream).write_all(body)
}

fn head(
    mut stream: &TcpStream,
    status: &str,
    headers: &[(&str, String)],
    length: usize,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())
}
