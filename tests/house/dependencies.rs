//! The direction of dependencies, as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{assert_none, cargo, metadata, name, read, root};

/// Which crates of the house each crate may use. An edge that is not here is an architectural decision.
const MAY_USE: [(&str, &[&str]); 23] = [
    ("gavel-verify", &[]),
    ("gavel-files", &[]),
    ("gavel-wire", &["gavel-verify"]),
    ("gavel-host", &["gavel-files", "gavel-verify"]),
    ("gavel-plugins", &["gavel-files", "gavel-verify"]),
    ("gavel-judge", &["gavel-files", "gavel-verify"]),
    (
        "gavel-reward",
        &["gavel-files", "gavel-verify", "gavel-wire", "gavel-host", "gavel-plugins", "gavel-judge"],
    ),
    ("gavel-serve", &["gavel-files", "gavel-verify", "gavel-wire", "gavel-host", "gavel-reward"]),
    ("gavel-torch", &[]),
    ("gavel-model", &["gavel-torch"]),
    ("gavel-lines", &[]),
    (
        "gavel-train",
        &["gavel-verify", "gavel-wire", "gavel-files", "gavel-lines", "gavel-torch", "gavel-model"],
    ),
    ("gavel-demo", &["gavel-model", "gavel-train"]),
    ("gavel-report", &["gavel-files", "gavel-verify", "gavel-wire"]),
    ("gavel-hub", &["gavel-files", "gavel-lines"]),
    // Stands in the place of the crate of that name, for hf-hub alone.
    ("dirs", &[]),
    ("gavel-registry", &[]),
    ("gavel-toolkit", &[]),
    (
        "gavel-cli",
        &[
            "gavel-verify",
            "gavel-files",
            "gavel-wire",
            "gavel-host",
            "gavel-hub",
            "gavel-lines",
            "gavel-plugins",
            "gavel-report",
            "gavel-reward",
            "gavel-serve",
            "gavel-registry",
            "gavel-toolkit",
            "gavel-torch",
            "gavel-model",
            "gavel-train",
            "gavel-demo",
        ],
    ),
    ("gavel-py", &["gavel-verify", "gavel-wire", "gavel-host", "gavel-reward"]),
    ("gavel-plugin", &[]),
    ("gavel-text", &[]),
    ("xtask", &["gavel-toolkit"]),
];

/// Which crates of the house may know these crates from outside at all.
const KNOWN_TO: [(&str, &[&str]); 14] = [
    ("wasmtime", &["gavel-host"]),
    ("wasmtime-wasi", &["gavel-host"]),
    ("tch", &["gavel-torch", "gavel-model", "gavel-train", "gavel-demo", "gavel-cli"]),
    ("torch-sys", &["gavel-torch"]),
    ("evalexpr", &["gavel-reward"]),
    ("tokio", &["gavel-host", "gavel-judge", "gavel-reward", "gavel-registry", "gavel-serve", "gavel-cli"]),
    ("axum", &["gavel-serve"]),
    ("hf-hub", &["gavel-hub"]),
    ("ureq", &["gavel-hub"]),
    ("oci-client", &["gavel-registry"]),
    ("rustls", &["gavel-judge", "gavel-registry"]),
    ("reqwest", &["gavel-judge", "gavel-registry"]),
    ("wit-component", &["gavel-toolkit", "gavel-host"]),
    ("anyhow", &["gavel-cli", "xtask"]),
];

#[test]
fn dependencies_point_one_way() {
    let members = members();
    let mut wrong = Vec::new();
    for (member, uses) in &members {
        let allowed =
            if is_plugin(member) { Some(["gavel-plugin", "gavel-text"].as_slice()) } else { may_use(member) };
        let Some(allowed) = allowed else {
            wrong.push(format!("{member} has no place yet: give it one in ARCHITECTURE.md and in MAY_USE"));
            continue;
        };
        let inside = uses.shipped.iter().filter(|name| members.contains_key(*name));
        wrong.extend(
            inside
                .filter(|name| !allowed.contains(&name.as_str()))
                .map(|name| format!("{member} uses {name}")),
        );
    }
    assert_none(&wrong, "a dependency that the architecture does not have");
}

#[test]
fn the_trainer_and_the_host_never_see_each_other() {
    for (crate_name, other_half) in [("gavel-train", "gavel-host"), ("gavel-host", "gavel-train")] {
        let tree = tree(&["-p", crate_name, "-e", "normal,build,dev"]);
        assert!(!tree.contains(other_half), "{crate_name} reaches {other_half}");
    }
}

#[test]
fn what_finds_plugins_runs_none() {
    let tree = tree(&["-p", "gavel-plugins", "-e", "normal,build,dev"]);
    assert!(!tree.contains("wasmtime") && !tree.contains("gavel-host"), "gavel-plugins reaches the engine");
}

#[test]
fn the_standalone_half_needs_no_libtorch() {
    let standalone = tree(&["-p", "gavel-cli", "--no-default-features", "-e", "normal,build"]);
    assert!(standalone.contains("gavel-reward"), "`gavel` without plugins would be no `gavel`");
    for libtorch in ["tch", "torch-sys", "gavel-torch", "gavel-model", "gavel-train", "gavel-demo"] {
        assert!(!standalone.contains(libtorch), "gavel-cli --no-default-features reaches {libtorch}");
    }
    for crate_name in ["gavel-verify", "gavel-host", "gavel-plugins", "gavel-reward", "gavel-plugin"] {
        let tree = tree(&["-p", crate_name, "-e", "normal,build,dev"]);
        assert!(!tree.contains("torch-sys"), "{crate_name} reaches torch-sys");
    }
}

#[test]
fn the_words_depend_on_nothing() {
    assert_eq!(members()["gavel-verify"].shipped, BTreeSet::new());
}

#[test]
fn outside_crates_are_known_where_they_belong() {
    let members = members();
    let mut wrong = Vec::new();
    for (outside, insiders) in KNOWN_TO {
        let users = members.iter().filter(|(_, uses)| uses.shipped.contains(outside)).map(|(name, _)| name);
        wrong.extend(
            users
                .filter(|name| !insiders.contains(&name.as_str()))
                .map(|name| format!("{name} uses {outside}")),
        );
    }
    assert_none(&wrong, "a crate knows what is another's business");
}

#[test]
fn every_crate_is_on_the_code_map() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let inside = std::fs::read_dir(root().join("crates")).expect("there are crates");
    let paths = inside.map(|entry| entry.expect("there are crates").path());
    let crates = paths.filter(|path| path.join("Cargo.toml").is_file()).map(|path| name(&path));
    let missing: Vec<String> = crates.filter(|name| !map.contains(&format!("- `{name}`:"))).collect();
    assert_none(&missing, "ARCHITECTURE.md does not say what these crates are");
}

/// What a crate of the workspace uses, by the names of the packages.
struct Uses {
    /// Without what only its tests use.
    shipped: BTreeSet<String>,
}

fn members() -> BTreeMap<String, Uses> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let members = packages.iter().filter(|package| package["source"].is_null());
    members.map(|package| (text(&package["name"]), uses(package))).collect()
}

fn uses(package: &Value) -> Uses {
    let dependencies = package["dependencies"].as_array().expect("cargo metadata lists dependencies");
    let shipped = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    Uses { shipped: shipped.map(|dependency| text(&dependency["name"])).collect() }
}

/// The names of all packages that `cargo tree` prints.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let lines = cargo(&[&["tree", "--offline", "--prefix=none", "--format={p}"], arguments].concat());
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn may_use(member: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == member).map(|(_, uses)| *uses)
}

fn is_plugin(member: &str) -> bool {
    member.starts_with("gavel-plugin-")
}

fn text(value: &Value) -> String {
    value.as_str().expect("cargo metadata writes names as strings").to_owned()
}
