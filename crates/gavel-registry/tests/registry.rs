//! Plugins to a real registry and back.

mod server;

use std::fs;

use gavel_registry::{Address, Login, Plugin, Pushed, RegistryError, pull, push};
use server::Server;

/// The least WebAssembly that there is: a registry does not look into it.
const WASM: &[u8] = b"\0asm\x01\0\0\0";
const MANIFEST: &str = "manifest_version = 1\n\n[plugin]\nname = \"word-limit\"\n";

fn plugin() -> Plugin {
    Plugin {
        wasm: WASM.to_vec(),
        manifest: Some(MANIFEST.to_owned()),
        name: "word-limit".to_owned(),
        version: "0.1.0".to_owned(),
        summary: "Words, counted.".to_owned(),
        component: Some((Vec::new(), vec!["gavel:verifier/verify@0.1.0".to_owned()])),
    }
}

fn address(server: &Server, repository: &str) -> Address {
    server.at(repository).parse().unwrap()
}

fn pushed(server: &Server) -> (Address, Pushed) {
    let address = address(server, "somebody/word-limit:0.1.0");
    let pushed = push(&address, &plugin(), &Login::Anonymous).unwrap();
    (address, pushed)
}

#[test]
fn what_is_pushed_comes_back_by_tag_and_by_digest() {
    let Some(server) = Server::start() else { return };
    let (by_tag, pushed) = pushed(&server);
    assert!(pushed.address.digest().is_some_and(|digest| digest.starts_with("sha256:")), "{pushed:?}");
    for address in [&by_tag, &pushed.address] {
        let pulled = pull(address, &Login::Anonymous).unwrap();
        assert_eq!((pulled.wasm.as_slice(), pulled.manifest.as_deref()), (WASM, Some(MANIFEST)));
        assert_eq!((&pulled.address, &pulled.digest), (&pushed.address, &pushed.digest));
    }
}

#[test]
fn a_tag_can_move_and_a_digest_cannot() {
    let Some(server) = Server::start() else { return };
    let (by_tag, first) = pushed(&server);
    let other = Plugin { wasm: [WASM, b"\0\x02\x01x"].concat(), ..plugin() };
    let second = push(&by_tag, &other, &Login::Anonymous).unwrap();
    assert_ne!(first.address, second.address);
    assert_eq!(pull(&by_tag, &Login::Anonymous).unwrap().wasm, other.wasm);
    assert_eq!(pull(&first.address, &Login::Anonymous).unwrap().wasm, WASM);
}

#[test]
fn a_blob_that_was_tampered_with_is_refused() {
    let Some(server) = Server::start() else { return };
    let (by_tag, pushed) = pushed(&server);
    // Of the same length, so that only the digest can tell.
    fs::write(server.blob(&pushed.digest), b"\0asm\x01\0\0\x01").unwrap();
    for address in [&by_tag, &pushed.address] {
        let error = pull(address, &Login::Anonymous).unwrap_err();
        assert!(matches!(error, RegistryError::Tampered { .. }), "{error:?}");
    }
}

#[test]
fn a_manifest_that_was_tampered_with_is_refused() {
    let Some(server) = Server::start() else { return };
    let (_, pushed) = pushed(&server);
    let manifest = server.blob(pushed.address.digest().unwrap().trim_start_matches("sha256:"));
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("Words, counted."), "{text}");
    fs::write(&manifest, text.replace("Words, counted.", "Words, Counted.")).unwrap();
    let error = pull(&pushed.address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::Tampered { .. }), "{error:?}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let Some(server) = Server::start() else { return };
    let (_, _) = pushed(&server);
    for missing in ["somebody/word-limit:0.2.0", "somebody/no-such-plugin:0.1.0"] {
        let error = pull(&address(&server, missing), &Login::Anonymous).unwrap_err();
        assert!(matches!(error, RegistryError::NotFound { .. }), "{missing}: {error:?}");
        assert!(error.to_string().contains(missing), "{error}");
    }
}

#[test]
fn a_registry_that_asks_who_is_there_is_answered() {
    let Some(server) = Server::start_locked() else { return };
    let address = address(&server, "ali/word-limit:0.1.0");
    let login = |password: &str| Login::Password(server::USER.to_owned(), password.to_owned());
    for refused in [Login::Anonymous, login("a wrong one")] {
        for error in [push(&address, &plugin(), &refused).unwrap_err(), pull(&address, &refused).unwrap_err()]
        {
            assert!(matches!(error, RegistryError::Refused { .. }), "{refused:?}: {error:?}");
            assert!(error.to_string().contains(&format!("docker login {}", server.host())), "{error}");
        }
    }
    push(&address, &plugin(), &login(server::PASSWORD)).unwrap();
    assert_eq!(pull(&address, &login(server::PASSWORD)).unwrap().wasm, WASM);
}

#[test]
fn a_registry_that_nobody_runs_is_unreachable() {
    // Port 1 is reserved, and nothing of this machine's listens there.
    let address: Address = "127.0.0.1:1/somebody/word-limit:0.1.0".parse().unwrap();
    let error = pull(&address, &Login::Anonymous).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error:?}");
}
