//! A registry that lies about sizes and never stops sending.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use gavel_registry::{Address, Login, RegistryError, pull};

/// What is sent for a path: an answer, and whether it goes on for ever.
type Answer = (u16, String, bool);

/// Starts a registry that answers as `answer` says, for as long as this process runs.
fn registry(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{}/somebody/mine:1", listener.local_addr().unwrap());
    thread::spawn(move || {
        let answer = &answer;
        thread::scope(|scope| {
            for stream in listener.incoming().flatten() {
                // Whoever has heard enough hangs up.
                scope.spawn(move || drop(serve(stream, answer)));
            }
        });
    });
    address.parse().unwrap()
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body, endless) = answer(request.split(' ').nth(1).unwrap_or_default());
    let length = if endless { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\n{length}\r\n{body}")?;
    while endless {
        stream.write_all(&[b' '; 1 << 16])?;
    }
    Ok(())
}

fn manifest(size: u64) -> String {
    format!(
        r#"{{"schemaVersion": 2,
            "config": {{"mediaType": "application/vnd.wasm.config.v0+json", "digest": "sha256:0", "size": 1}},
            "layers": [{{"mediaType": "application/wasm", "digest": "sha256:{}", "size": {size}}}]}}"#,
        "0".repeat(64)
    )
}

#[test]
fn a_manifest_without_an_end_is_stopped() {
    let address = registry(|path| (200, "{".to_owned(), path.contains("/manifests/")));
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error:?}");
}

#[test]
fn a_layer_is_not_longer_than_its_manifest_says() {
    let address = registry(|path| match path {
        path if path.contains("/manifests/") => (200, manifest(8), false),
        path => (200, "\0asm".to_owned(), path.contains("/blobs/")),
    });
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error:?}");
}

#[test]
fn an_announced_size_takes_no_memory() {
    let address = registry(|path| match path {
        path if path.contains("/manifests/") => (200, manifest(1 << 40), false),
        _ => (200, String::new(), false),
    });
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::NotAPlugin { .. }), "{error:?}");
}

#[test]
fn a_refusal_without_an_end_is_a_refusal() {
    let address = registry(|path| {
        (if path.contains("/manifests/") { 500 } else { 200 }, "no".to_owned(), path.len() > 4)
    });
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().len() < 1000, "{error}");
}
