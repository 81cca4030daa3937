//! Models and data sets fetched from a server in the hub's wire form, which the tests start: what lands in the cache, what
//! goes on where it broke off, what is said where something cannot be had. Nothing here needs a network.

#[path = "hub/server.rs"]
#[allow(dead_code, reason = "the rest is for the tests of the command")]
mod server;

use std::fs;
use std::path::Path;

use gavel_hub::{Hub, HubError, HubOptions};
use server::{COMMIT, Server};

const MODEL: &str = "hf://acme/small";
const ROWS: &str = "hf://datasets/acme/rows";

fn options(server: &Server, cache: &Path) -> HubOptions {
    HubOptions {
        endpoint: server.address(),
        cache: cache.to_owned(),
        token: None,
        offline: false,
        progress: false,
    }
}

/// A hub, and a cache that is empty at first.
fn hub() -> (Server, tempfile::TempDir, Hub) {
    let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    (server, cache, hub)
}

fn offline(server: &Server, cache: &tempfile::TempDir) -> Hub {
    Hub::new(HubOptions { offline: true, ..options(server, cache.path()) }).unwrap()
}

#[test]
fn a_model_is_fetched_once_and_lies_where_others_find_it() {
    let (server, cache, hub) = hub();
    let fetched = hub.model(&MODEL.parse().unwrap()).unwrap();
    assert_eq!(fetched.name.to_string(), format!("{MODEL}@{COMMIT}"));
    assert_eq!(fetched.folder, cache.path().join("models--acme--small/snapshots").join(COMMIT));
    let mut files: Vec<_> = fs::read_dir(&fetched.folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "config.json",
            "model-1.safetensors",
            "model-2.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json"
        ]
    );
    assert_eq!(fs::read(fetched.folder.join("model-2.safetensors")).unwrap(), server::large_file());
    let refs = cache.path().join("models--acme--small/refs/main");
    assert_eq!(fs::read_to_string(refs).unwrap(), COMMIT);

    server.forget_requests();
    assert_eq!(hub.model(&MODEL.parse().unwrap()).unwrap(), fetched);
    assert_eq!(server.requests(), ["/api/models/acme/small/revision/main"], "only where main is now");
    server.forget_requests();
    assert_eq!(hub.model(&fetched.name).unwrap(), fetched);
    assert_eq!(server.requests(), [""; 0], "a commit stays what it is");
}

#[test]
fn nothing_is_asked_for_offline() {
    let (server, cache, hub) = hub();
    let fetched = hub.model(&MODEL.parse().unwrap()).unwrap();
    server.forget_requests();
    let offline = offline(&server, &cache);
    assert_eq!(offline.model(&MODEL.parse().unwrap()).unwrap(), fetched);
    let missing = offline.rows(&ROWS.parse().unwrap()).unwrap_err().to_string();
    let expected = format!(
        "{ROWS} is not in the cache {}, and HF_HUB_OFFLINE forbids to fetch it",
        cache.path().display()
    );
    assert_eq!(missing, expected);
    fs::remove_file(fetched.folder.join("tokenizer.json")).unwrap();
    let missing = offline.model(&MODEL.parse().unwrap()).unwrap_err().to_string();
    assert!(missing.contains("(tokenizer.json is missing)"), "{missing}");
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn what_another_program_has_fetched_is_found_offline() {
    let (server, cache, hub) = hub();
    let fetched = hub.model(&MODEL.parse().unwrap()).unwrap();
    // As huggingface_hub leaves a cache.
    fs::remove_dir_all(cache.path().join("models--acme--small/gavel")).unwrap();
    assert_eq!(offline(&server, &cache).model(&MODEL.parse().unwrap()).unwrap(), fetched);
}

#[test]
fn a_download_that_broke_off_goes_on_from_there() {
    let (server, cache, hub) = hub();
    server.break_off_after(100_000);
    let fetched = hub.model(&MODEL.parse().unwrap()).unwrap();
    assert_eq!(fs::read(fetched.folder.join("model-2.safetensors")).unwrap(), server::large_file());
    let ranges = server.ranges_of_large();
    assert!(ranges.iter().any(|from| *from >= 100_000), "{ranges:?}");

    // And in another process, where it had all arrived and was not yet put in its place.
    let part =
        cache.path().join("models--acme--small/blobs").join(server::large_digest()).with_extension("part");
    fs::remove_file(fetched.folder.join("model-2.safetensors")).unwrap();
    fs::write(&part, server::large_file()).unwrap();
    hub.model(&MODEL.parse().unwrap()).unwrap();
    assert!(!part.exists());
}

#[test]
fn what_arrives_broken_is_removed() {
    let (server, cache, hub) = hub();
    let blobs = cache.path().join("models--acme--small/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(server::large_digest()).with_extension("part"), "of another file").unwrap();
    let error = hub.model(&MODEL.parse().unwrap()).unwrap_err();
    assert!(matches!(&error, HubError::Broken { file, .. } if file == "model-2.safetensors"), "{error}");
    assert!(error.is_of_machine());
    hub.model(&MODEL.parse().unwrap()).unwrap();
    drop(server);
}

#[test]
fn a_data_set_is_the_files_of_its_split() {
    let (_server, cache, hub) = hub();
    let names = |name: &str| -> Vec<String> {
        let fetched = hub.rows(&name.parse().unwrap()).unwrap();
        let root = cache.path().join("datasets--acme--rows/snapshots").join(COMMIT);
        fetched.files.iter().map(|file| file.strip_prefix(&root).unwrap().display().to_string()).collect()
    };
    assert_eq!(names(ROWS), ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"]);
    assert_eq!(names(&format!("{ROWS}?split=test")), ["data/test-00000-of-00001.jsonl"]);
    assert_eq!(names(&format!("{ROWS}@v1/data/t*.jsonl")).len(), 3);
    let wrong = hub.rows(&format!("{ROWS}?split=dev").parse().unwrap()).unwrap_err().to_string();
    assert_eq!(wrong, format!("{ROWS}?split=dev has no such split; there are: test, train"));
}

#[test]
fn what_cannot_be_had_says_why() {
    let (server, cache, hub) = hub();
    let said = |hub: &Hub, name: &str| hub.model(&name.parse().unwrap()).unwrap_err().to_string();
    assert_eq!(said(&hub, "hf://acme/none"), "the hub has no hf://acme/none: are name and revision right?");
    assert_eq!(
        said(&hub, "hf://acme/gated"),
        "the hub does not show hf://acme/gated: is the name right? Where it is private or gated, accept the terms on its \
         page, and log in by `hf auth login` or HF_TOKEN"
    );
    let other =
        Hub::new(HubOptions { token: Some("of-another".to_owned()), ..options(&server, cache.path()) });
    assert!(said(&other.unwrap(), "hf://acme/gated").contains("The token that was sent may not see it"));
    let owner =
        Hub::new(HubOptions { token: Some(server::TOKEN.to_owned()), ..options(&server, cache.path()) });
    owner.unwrap().model(&"hf://acme/gated".parse().unwrap()).unwrap();
    assert_eq!(
        said(&hub, "hf://acme/pickled"),
        "hf://acme/pickled has no weights in safetensors, which are what is read; some repositories have them in another \
         revision"
    );
    assert_eq!(said(&hub, ROWS), format!("{ROWS} is a data set, and a model is wanted"));
    let outside = said(&hub, "hf://acme/outside");
    assert!(outside.contains("has a file called \"additional_chat_templates/../../x.jinja\""), "{outside}");
}

#[test]
fn a_server_that_is_gone_is_said() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start();
    let gone = HubOptions { endpoint: "http://127.0.0.1:9".to_owned(), ..options(&server, cache.path()) };
    let error = Hub::new(gone).unwrap().model(&MODEL.parse().unwrap()).unwrap_err();
    assert!(error.is_of_machine());
    let expected = format!("cannot fetch {MODEL} from http://127.0.0.1:9; what has arrived stays");
    assert!(error.to_string().starts_with(&expected), "{error}");
}
